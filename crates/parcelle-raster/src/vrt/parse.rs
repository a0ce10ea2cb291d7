//! Reads a VRT as a stream of XML events, as leniently as GDAL's own parser and with its quirks, in bounded memory.

use std::io;

use parcelle_storage::ByteSource;
use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::events::{BytesDecl, Event};

use super::arrays;
use super::build::{Part, Paths};
use super::document::{Document, DocumentType, Limit, Problem, Reason, Root, UnknownElement};
use super::escape::{append, resolve, unescape};
use super::limits;
use super::model::SourceKind;
use super::reference_system::{self, Reading};
use super::schema::{self, Holds};
use super::shorten::shorten;
use super::steps;
use super::streamed;
use super::tag::{self, Name};
use super::text::{SourceText, Stop, is_identified, wide_encoding};
use super::vocabulary::{Element, suggest};

/// Parses a file.
///
/// # Errors
/// What the operating system says when reading fails; whatever is wrong with the text is told in the [`Document`].
pub(crate) fn parse(source: &dyn ByteSource) -> io::Result<Document> {
    let text = SourceText::open(source)?;
    let mut parser = Parser::default();
    parser.document.bytes = source.len();
    parser.document.identified = is_identified(text.head());
    parser.document.encoding.wide = wide_encoding(text.head());
    if parser.document.encoding.wide.is_some() {
        return Ok(parser.document);
    }
    if text.is_at_end() {
        let detail = match source.is_empty() {
            true => "the file is empty".to_owned(),
            false => "the file begins with a NUL byte, where the text ends for GDAL".to_owned(),
        };
        parser.document.not_well_formed = Some(Problem { line: 1, detail });
        return Ok(parser.document);
    }
    if streamed::is_streamed_algorithm(text.head()) {
        parser.document.streamed = Some(streamed::read(source)?);
        return Ok(parser.document);
    }
    let mut reader = Reader::from_reader(text);
    let config = reader.config_mut();
    // Names are compared here, without regard to case, as GDAL does.
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    parser.run(&mut reader)?;
    let text = reader.get_ref();
    parser.document.encoding.invalid = text.invalid();
    parser.document.encoding.non_ascii = text.non_ascii();
    parser.document.encoding.nul_line = text.nul_line();
    Ok(parser.finish())
}

const ARRAY_SOURCE: Element = Element::Source(SourceKind::Array);

/// An element that is open.
struct Frame {
    name: Name,
    element: Element,
    /// What the schema says that it may hold; `None` where the schema says nothing.
    holds: Option<Holds>,
    line: u32,
    band: Option<u32>,
    part: Part,
    /// Children that GDAL makes nodes of: it gives a value only where the text is the single one.
    nodes: u32,
    /// `<GCP>` or `<Dimension>` children.
    points: u32,
    seen: arrays::Seen,
    in_text: bool,
    cut: bool,
}

#[derive(Default)]
struct Parser {
    document: Document,
    frames: Vec<Frame>,
    /// The text so far of the innermost element. One that has children has none: GDAL gives it no value.
    value: String,
    paths: Paths,
    bands: usize,
    nested: usize,
    /// Sources so far that name nothing.
    nameless: u64,
    /// Sources that are open.
    sources: usize,
    /// Elements, those with long tags counted more than once.
    weight: u64,
    /// Those that are no part of a source.
    others: u64,
    begins_element: bool,
    root: Option<Part>,
}

impl Parser {
    fn run(&mut self, reader: &mut Reader<SourceText<'_>>) -> io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            let line = reader.get_ref().line();
            // Texts, references and comments in a row are one token: no honest file has a long run of them.
            if self.begins_element {
                reader.get_mut().start_token();
                self.begins_element = false;
            }
            buffer.clear();
            let going_on = match reader.read_event_into(&mut buffer) {
                Ok(Event::Eof) => {
                    self.end_of_file(reader.get_ref());
                    false
                }
                Ok(event) => self.event(&event, line),
                Err(error) => {
                    if let Some(error) = reader.get_mut().take_io_error() {
                        return Err(error);
                    }
                    self.syntax_error(&error, reader.get_ref(), line);
                    false
                }
            };
            if !going_on || self.document.not_well_formed.is_some() || self.document.limit.is_some() {
                return Ok(());
            }
        }
    }

    fn event(&mut self, event: &Event<'_>, line: u32) -> bool {
        self.begins_element = matches!(event, Event::Start(_) | Event::Empty(_) | Event::End(_));
        match event {
            Event::Start(start) => self.start(start, line),
            Event::Empty(start) => {
                let open = self.frames.len();
                self.start(start, line);
                if self.frames.len() > open {
                    self.close();
                }
            }
            Event::End(end) => self.end(end.name().as_ref(), line),
            Event::Text(text) => self.text(text, line),
            Event::GeneralRef(reference) => self.reference(reference, line),
            Event::CData(data) => {
                self.node();
                if self.frames.last().is_some_and(|frame| frame.nodes == 1) {
                    append(&mut self.value, data);
                }
            }
            Event::Comment(_) | Event::PI(_) => self.node(),
            Event::Decl(declaration) => self.declaration(declaration, line),
            Event::DocType(text) => {
                let text: &str = text;
                let names_external = text.contains("SYSTEM") || text.contains("PUBLIC");
                let declares_entities = text.contains("<!ENTITY");
                self.document.document_type.get_or_insert(DocumentType { line, declares_entities, names_external });
            }
            _ => {}
        }
        true
    }

    fn declaration(&mut self, declaration: &BytesDecl<'_>, line: u32) {
        if let Some(Ok(encoding)) = declaration.encoding()
            && self.document.encoding.declared.is_none()
        {
            let detail = encoding.chars().take(40).collect();
            self.document.encoding.declared = Some(Problem { line, detail });
        }
    }

    fn start(&mut self, content: &str, line: u32) {
        let tag = match tag::split(content) {
            Ok(tag) => tag,
            Err(detail) => {
                self.refuse(line, detail);
                return;
            }
        };
        if let Some(lapse) = tag.lapse {
            self.document.tolerated.add(line, || lapse);
        }
        let name = tag.name;
        if let Some(closed) = name.strip_prefix('/') {
            self.end(closed, line);
            return;
        }
        self.node();
        self.document.elements += 1;
        let weight = 1 + content.len() as u64 / limits::TAG_BYTES;
        self.weight += weight;
        if self.sources == 0 {
            self.others += weight;
        }
        if self.weight > limits::ELEMENTS || self.others > limits::OTHER_ELEMENTS {
            self.document.limit = Some(Limit::Elements);
            return;
        }
        if self.frames.len() >= limits::DEPTH {
            self.refuse(line, format!("elements are nested more than {} deep, where GDAL gives up", limits::DEPTH));
            return;
        }
        let parent = self.frames.last().map_or(Element::Document, |frame| frame.element);
        if parent == Element::Opaque {
            self.note_file(name);
        }
        let (element, spelling) = if self.frames.is_empty() && self.document.root.is_some() {
            self.document.tolerated.add(line, || format!("<{}> follows the root element", shorten(name)));
            (Element::Opaque, "")
        } else {
            self.recognise(parent, name, line)
        };
        if self.frames.is_empty() && self.document.root.is_none() {
            self.document.root = Some(Root { name: shorten(name), line });
        }
        let mut band = self.frames.last().and_then(|frame| frame.band);
        let mut part = Part::begin(element, parent, line);
        match &part {
            Part::Band(_) => {
                self.bands += 1;
                if self.bands > limits::BANDS {
                    self.document.limit = Some(Limit::Bands);
                }
                if let Some(Frame { part: Part::Dataset(dataset), .. }) = self.frames.last() {
                    band = u32::try_from(dataset.bands.len() + 1).ok();
                }
            }
            Part::Source(_) => self.document.sources += 1,
            Part::Dataset(_) => {
                self.nested += 1;
                if self.nested > limits::NESTED_DATASETS + 1 {
                    part = Part::None;
                }
            }
            _ => {}
        }
        if element != Element::Opaque {
            self.attributes(&tag.attributes, &mut part, line);
        }
        let mut seen = arrays::Seen::default();
        if arrays::is_part(element) {
            tag.attributes.iter().for_each(|(name, _)| seen.add(name));
        }
        let parent_type = match self.frames.last().map(|frame| frame.holds) {
            None => Some(schema::document()),
            Some(Some(Holds::Type(id))) => Some(id),
            Some(_) => None,
        };
        self.sources += usize::from(matches!(element, Element::Source(_)));
        let holds = self.document.conformance.element(parent_type, name, line);
        self.document.conformance.attributes(holds, name, &tag.attributes, line);
        self.value.clear();
        self.frames.push(Frame {
            name: Name::new(name, spelling),
            element,
            holds,
            line,
            band,
            part,
            nodes: 0,
            points: 0,
            seen,
            in_text: false,
            cut: false,
        });
    }

    /// What an element is, and how the documentation spells it.
    fn recognise(&mut self, parent: Element, name: &str, line: u32) -> (Element, &'static str) {
        match parent.child(name) {
            Some(known) => {
                if matches!(known.element, Element::Source(_)) && known.spelling != name {
                    self.ignored(parent, name, line, || Reason::Case(known.spelling));
                    return (Element::Opaque, "");
                }
                (known.element, known.spelling)
            }
            None => {
                if parent != Element::Document {
                    self.ignored(parent, name, line, || Reason::Unknown(suggest(parent, name)));
                }
                (Element::Opaque, "")
            }
        }
    }

    /// Notes that an unknown element of a band holds the name of a file.
    fn note_file(&mut self, name: &str) {
        let [.., outer, open] = self.frames.as_slice() else { return };
        if open.element == Element::Opaque
            && outer.element == Element::Band
            && name.eq_ignore_ascii_case("SourceFilename")
        {
            let shown = shorten(&open.name);
            let same = |known: &&mut UnknownElement| known.parent == Element::Band && known.name == shown;
            if let Some(unknown) = self.document.unknown.list.iter_mut().find(same) {
                unknown.names_a_file = true;
            }
        }
    }

    fn ignored(&mut self, parent: Element, name: &str, line: u32, reason: impl FnOnce() -> Reason) {
        let name = shorten(name);
        let unknown = &mut self.document.unknown;
        if let Some(same) = unknown.list.iter_mut().find(|known| known.parent == parent && known.name == name) {
            same.count += 1;
            return;
        }
        if unknown.list.len() >= limits::NOTES {
            unknown.further += 1;
            return;
        }
        let open = self.frames.iter().rev().take(6).map(|frame| &*frame.name);
        let mut path: Vec<&str> = open.collect();
        path.reverse();
        path.push(&name);
        let path = path.join("/");
        unknown.list.push(UnknownElement {
            path,
            parent,
            parent_name: self.frames.last().map(|frame| shorten(&frame.name)).unwrap_or_default(),
            line,
            band: self.frames.last().and_then(|frame| frame.band),
            reason: reason(),
            count: 1,
            names_a_file: false,
            name,
        });
    }

    fn attributes(&mut self, attributes: &[(&str, &str)], part: &mut Part, line: u32) {
        for (name, value) in attributes {
            let (value, cut) = unescape(value);
            if let Some(reference) = cut {
                self.cut(line, &reference, name, false);
            }
            part.set(name, &value, line);
        }
    }

    fn end(&mut self, name: &str, line: u32) {
        match self.frames.last() {
            None => self.refuse(line, format!("</{}> closes nothing", shorten(name))),
            Some(frame) if !frame.name.eq_ignore_ascii_case(name) => {
                let (open, opened) = (shorten(&frame.name), frame.line);
                let name = shorten(name);
                self.refuse(line, format!("</{name}> stands where <{open}>, opened on line {opened}, must be closed"));
            }
            Some(frame) => {
                if *frame.name != *name {
                    let name = shorten(name);
                    self.document.tolerated.add(line, || format!("</{name}> differs by case from the tag it closes"));
                }
                self.close();
            }
        }
    }

    fn close(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        self.sources = self.sources.saturating_sub(usize::from(matches!(frame.element, Element::Source(_))));
        if frame.nodes != 1 {
            self.value.clear();
        }
        if let Part::File(file) = &mut frame.part {
            file.path = self.paths.intern(&self.value);
        }
        if let Some(holds) = frame.holds.filter(|holds| *holds != Holds::Anything && frame.nodes == 1) {
            self.document.conformance.text(holds, &frame.name, &self.value, frame.line);
        }
        if let Part::Marked(marked) = &mut frame.part {
            marked.text.push_str(&self.value);
        }
        if let Part::Step(step) = &mut frame.part {
            step.files = steps::files(step, |path| self.paths.intern(path));
        }
        self.array(&frame);
        match &frame.part {
            Part::Dataset(_) => self.nested = self.nested.saturating_sub(1),
            Part::None if frame.element == Element::Dataset => self.nested = self.nested.saturating_sub(1),
            _ => {}
        }
        match self.frames.last_mut() {
            Some(parent) => {
                if frame.element == Element::GroundControlPoint {
                    parent.points = parent.points.saturating_add(1);
                }
                if frame.element == Element::GcpList
                    && let Part::Dataset(dataset) = &mut parent.part
                {
                    dataset.ground_control_points = frame.points;
                }
                if let Part::Source(source) = &frame.part
                    && source.files.is_empty()
                    && source.dataset.is_none()
                {
                    self.nameless += 1;
                    if self.nameless > limits::NAMELESS_SOURCES {
                        self.document.further_nameless += 1;
                        frame.part = Part::None;
                    }
                }
                if frame.element == Element::Leaf {
                    parent.part.set(&frame.name, &self.value, frame.line);
                } else {
                    parent.part.adopt(frame.element, frame.part);
                }
            }
            None => {
                if self.root.is_none() {
                    self.root = Some(frame.part);
                }
            }
        }
        self.value.clear();
    }

    /// Notes what an element inside an `<ArraySource>` lacks, and tells the element around it what it has.
    fn array(&mut self, frame: &Frame) {
        if arrays::is_part(frame.element)
            && (frame.element == ARRAY_SOURCE || self.frames.iter().any(|open| open.element == ARRAY_SOURCE))
        {
            let whole = self.frames.last().is_some_and(|parent| parent.element == ARRAY_SOURCE);
            let lack = arrays::lack(frame.element, &shorten(&frame.name), frame.seen).or_else(|| {
                let flat = frame.element == Element::Array && whole && frame.points != 2;
                flat.then(|| format!("<Array> has {} instead of two dimensions", frame.points))
            });
            if let Some(lack) = lack {
                self.document.array_lacks.add(frame.line, || lack);
            }
        }
        let is_srs = frame.element == Element::Leaf && frame.name.eq_ignore_ascii_case("SRS");
        if is_srs
            && self.frames.last().is_some_and(|parent| parent.element == Element::Resample)
            && let Reading::Nothing(reason) = reference_system::read(&self.value)
        {
            self.document.array_lacks.add(frame.line, || format!("<SRS> of <Resample> is none, {reason}"));
        }
        if let Some(parent) = self.frames.last_mut().filter(|parent| arrays::is_part(parent.element)) {
            parent.seen.add(&frame.name);
            parent.points = parent.points.saturating_add(u32::from(frame.element == Element::Dimension));
        }
    }

    /// A node begins that is not text: a text going on ends.
    fn node(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.in_text = false;
            frame.nodes = frame.nodes.saturating_add(1);
        }
    }

    fn text(&mut self, text: &str, line: u32) {
        let Some(frame) = self.frames.last_mut() else {
            let stray = text.trim();
            if !stray.is_empty() {
                self.document.tolerated.add(line, || "text stands outside the root element".to_owned());
            }
            return;
        };
        let mut text = text;
        if !frame.in_text {
            // GDAL skips blanks before a text and keeps those after it.
            text = text.trim_start_matches([' ', '\t', '\r', '\n', '\x0b', '\x0c']);
            if text.is_empty() {
                return;
            }
            frame.in_text = true;
            frame.nodes = frame.nodes.saturating_add(1);
        }
        if frame.cut {
            return;
        }
        let (before, dangling) = match text.split_once('&') {
            Some((before, after)) => (before, Some(after.chars().take(20).collect::<String>())),
            None => (text, None),
        };
        if let Some(control) = text.bytes().find(is_forbidden) {
            self.document.tolerated.add(line, || format!("the text holds the control character {control:#04x}"));
        }
        if frame.nodes == 1 {
            append(&mut self.value, before);
        }
        if let Some(after) = dangling {
            frame.cut = true;
            let (name, element) = (shorten(&frame.name), frame.element);
            self.cut(line, &format!("&{after}"), &name, names_a_file(element));
        }
    }

    fn reference(&mut self, name: &str, line: u32) {
        let Some(frame) = self.frames.last_mut() else { return };
        if !frame.in_text {
            frame.in_text = true;
            frame.nodes = frame.nodes.saturating_add(1);
        }
        if frame.cut {
            return;
        }
        match resolve(name) {
            Some(character) => {
                if frame.nodes == 1 {
                    append(&mut self.value, character.encode_utf8(&mut [0; 4]));
                }
            }
            None => {
                frame.cut = true;
                let (place, element) = (shorten(&frame.name), frame.element);
                self.cut(line, &format!("&{};", shorten(name)), &place, names_a_file(element));
            }
        }
    }

    fn cut(&mut self, line: u32, reference: &str, place: &str, is_path: bool) {
        let place = shorten(place);
        let reference: String = reference.split_whitespace().collect::<Vec<_>>().join(" ");
        let problems = if is_path { &mut self.document.cut_paths } else { &mut self.document.cut_values };
        problems.add(line, || format!("{place} is cut off at {reference}"));
    }

    fn refuse(&mut self, line: u32, detail: String) {
        if self.document.not_well_formed.is_none() {
            self.document.not_well_formed = Some(Problem { line, detail });
        }
    }

    fn syntax_error(&mut self, error: &Error, text: &SourceText<'_>, line: u32) {
        if text.stop() == Some(Stop::Token) {
            self.document.limit = Some(Limit::Token { line });
            return;
        }
        if text.stop() == Some(Stop::Bytes) {
            self.document.limit = Some(Limit::Bytes);
            return;
        }
        let mut detail = match error {
            Error::Syntax(error) => error.to_string(),
            Error::IllFormed(error) => error.to_string(),
            other => other.to_string(),
        };
        if let Some(nul) = text.nul_line() {
            detail.push_str(&format!(" (a NUL byte on line {nul} ends the text)"));
        }
        self.refuse(line, detail);
    }

    fn end_of_file(&mut self, text: &SourceText<'_>) {
        if text.stop() == Some(Stop::Bytes) {
            self.document.limit = Some(Limit::Bytes);
        } else if let Some(frame) = self.frames.last() {
            let (name, opened) = (shorten(&frame.name), frame.line);
            let end = match text.nul_line() {
                Some(line) => format!("the NUL byte on line {line}, where the text ends for GDAL"),
                None => "the end of the file".to_owned(),
            };
            self.refuse(text.line(), format!("<{name}>, opened on line {opened}, is not closed before {end}"));
        } else if self.document.root.is_none() {
            self.refuse(1, "there is no XML element in it".to_owned());
        }
    }

    /// Closes what a limit left open, so that the rules see what was read.
    fn finish(mut self) -> Document {
        while !self.frames.is_empty() {
            self.close();
        }
        if let Some(Part::Dataset(dataset)) = self.root.take() {
            self.document.dataset = Some(*dataset);
        }
        self.document
    }
}

/// Whether XML forbids a character.
fn is_forbidden(byte: &u8) -> bool {
    *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn names_a_file(element: Element) -> bool {
    matches!(element, Element::SourceFilename | Element::WarpSource)
}
