//! Rules about the XML itself: can GDAL parse it, recognise it, and does it read what was written.

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Location, Rule, Severity};

use super::document::{Limit, Reason, UnknownElement};
use super::limits;
use super::model::SourceKind;
use super::text::HEAD_BYTES;
use super::vocabulary::{Element, Suggestion};
use super::{Subject, at};
use crate::shell::quoted;

/// The file is not well-formed XML.
pub(crate) static NOT_WELL_FORMED: Rule = Rule {
    id: "VRT-XML-001",
    severity: Severity::Error,
    title: "The file is not well-formed XML",
    why: "GDAL parses the whole text before it looks at anything, and gives up at the first mismatched or unclosed tag; \
          GeoServer then has no reader for the file. Some lapses (an attribute given twice, text after the root \
          element) are tolerated by GDAL's own parser and by no other: those are warnings. A reference that GDAL cannot \
          resolve, such as a bare \"&\", silently ends the value it stands in: an error where that is the name of a \
          file.",
    fix: "Regenerate the file with gdalbuildvrt or gdal_translate -of VRT, or copy it again.",
    reference: "GDAL port/cpl_minixml.cpp, CPLParseXMLString; frmts/vrt/vrtdataset.cpp, VRTDataset::OpenXML",
};

/// The root element is another one.
pub(crate) static ROOT: Rule = Rule {
    id: "VRT-XML-002",
    severity: Severity::Error,
    title: "The root element is not <VRTDataset>",
    why: "GDAL recognises a VRT by the exact text \"<VRTDataset\" and then asks for an element of that name: with a \
          namespace prefix, in another case or under another root no driver takes the file.",
    fix: "Use an un-prefixed <VRTDataset> as the root element.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::Identify and VRTDataset::OpenXML",
};

/// There is a document type declaration.
pub(crate) static DOCUMENT_TYPE: Rule = Rule {
    id: "VRT-XML-003",
    severity: Severity::Error,
    title: "The file has a document type declaration (DOCTYPE, ENTITY)",
    why: "A VRT needs none. GDAL skips the declaration and never expands the entities it declares, so a path or value \
          that uses one ends there; XML parsers that do expand them can be made to read other files (XXE) or to run out \
          of memory (\"billion laughs\").",
    fix: "Remove the DOCTYPE and write the values in full.",
    reference: "GDAL port/cpl_minixml.cpp, ReadToken; OWASP XML External Entity Prevention Cheat Sheet",
};

/// The text is not UTF-8.
pub(crate) static ENCODING: Rule = Rule {
    id: "VRT-XML-004",
    severity: Severity::Error,
    title: "The file is not written in UTF-8",
    why: "GDAL ignores the encoding that the XML declaration names and takes bytes as they are, expecting UTF-8. \
          UTF-16 is not recognised as a VRT at all; in Latin-1 a source with an accent in its name is not found, and \
          other texts come out garbled.",
    fix: "Save the file as UTF-8.",
    reference: "GDAL port/cpl_minixml.cpp; frmts/vrt/vrtdataset.cpp, VRTDataset::Identify",
};

/// GDAL does not recognise the file.
pub(crate) static NOT_IDENTIFIED: Rule = Rule {
    id: "VRT-XML-005",
    severity: Severity::Error,
    title: "\"<VRTDataset\" is not in the first 1024 bytes of the file",
    why: "GDAL looks for the root element in the first 1024 bytes only, to decide which driver takes a file. A long \
          comment or licence before it makes the file unrecognisable.",
    fix: "Move what stands before the root element behind its start tag.",
    reference: "GDAL gcore/gdalopeninfo.cpp (1024 header bytes); frmts/vrt/vrtdataset.cpp, VRTDataset::Identify",
};

/// The file is very large.
pub(crate) static LARGE: Rule = Rule {
    id: "VRT-XML-006",
    severity: Severity::Warning,
    title: "The file is so large that opening it takes a noticeable time",
    why: "GeoServer opens the VRT again for each read, and GDAL parses all of its XML each time: about 0.2 s for 20,000 \
          sources, above 1 s for 100,000. Then every tile of a map waits for that.",
    fix: "Split the mosaic by sheet or level, publish it as an ImageMosaic, or index it with GTI.",
    reference: "imageio-ext GDALImageReader.java (a data set is opened per read); GDAL frmts/vrt/vrtdataset.cpp, \
                VRTDataset::OpenXML",
};

/// An element means nothing to GDAL.
pub(crate) static UNKNOWN_ELEMENT: Rule = Rule {
    id: "VRT-XML-007",
    severity: Severity::Warning,
    title: "An element is unknown where it stands: GDAL ignores it silently",
    why: "GDAL asks for the elements it knows and never looks at the others, and it does not validate a raster VRT \
          against its schema. A misspelt source leaves a blank area, a misspelt nodata value shows the background, \
          without any message. The severity is error where pixels are lost.",
    fix: "Correct the spelling, or move the element to where it belongs.",
    reference: "GDAL frmts/vrt/vrtdriver.cpp, VRTDriver::ParseSource; frmts/vrt/data/gdalvrt.xsd",
};

const LARGE_BYTES: u64 = 4 << 20;
const LARGE_ELEMENTS: u64 = 50_000;

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    // A GDALG is no XML, and no XML was asked for.
    if subject.document.streamed.is_some() {
        return;
    }
    encoding(subject, findings);
    if subject.document.encoding.wide.is_some() {
        return;
    }
    well_formed(subject, findings);
    document_type(subject, findings);
    root(subject, findings);
    large(subject, findings);
    unknown_elements(subject, findings);
}

fn well_formed(subject: &Subject<'_>, findings: &mut Findings) {
    let document = subject.document;
    let file = subject.file();
    let rebuild = format!("Regenerate {file} with gdalbuildvrt or gdal_translate -of VRT, or copy it again.");
    if let Some(problem) = &document.not_well_formed {
        let message = format!(
            "Not well-formed XML: {}, line {}. GDAL refuses the file, GeoServer finds no reader for it.",
            problem.detail, problem.line
        );
        findings.push(Finding::new(&NOT_WELL_FORMED, message).at(line(problem.line)).fix(rebuild.clone()));
    }
    let cut = [
        (&document.cut_paths, Severity::Error, "another file is looked for"),
        (&document.cut_values, Severity::Warning, "the rest is lost"),
    ];
    for (problems, severity, consequence) in cut {
        let Some(problem) = problems.first.as_ref().filter(|_| document.document_type.is_none()) else { continue };
        let message = format!(
            "{} on line {}, which GDAL cannot resolve{}: {consequence}, without any message.",
            problem.detail,
            problem.line,
            further(problems.count)
        );
        let fix = format!("In {file}, write \"&amp;\" for an ampersand, and any other character as itself.");
        let finding = Finding::new(&NOT_WELL_FORMED, message).severity(severity).at(line(problem.line));
        findings.push(finding.fix(fix).count(problems.count));
    }
    if let Some(problem) = document.tolerated.first.as_ref().filter(|_| document.not_well_formed.is_none()) {
        let message = format!(
            "Not well-formed XML: {}, line {}{}. GDAL's parser lets it pass; any other XML software refuses the file.",
            problem.detail,
            problem.line,
            further(document.tolerated.count)
        );
        let finding = Finding::new(&NOT_WELL_FORMED, message).severity(Severity::Warning);
        findings.push(finding.at(line(problem.line)).fix(rebuild).count(document.tolerated.count));
    }
}

fn further(count: u64) -> String {
    if count > 1 { format!(" ({} in all)", grouped(count)) } else { String::new() }
}

fn line(line: u32) -> Location {
    Location { line: Some(u64::from(line)), ..Location::default() }
}

fn document_type(subject: &Subject<'_>, findings: &mut Findings) {
    let Some(declaration) = subject.document.document_type else { return };
    let what = match (declaration.declares_entities, declaration.names_external) {
        (true, true) => "A DOCTYPE that declares entities and names external resources",
        (true, false) => "A DOCTYPE that declares entities",
        (false, true) => "A DOCTYPE that names an external resource",
        (false, false) => "A DOCTYPE",
    };
    let cut = match subject.document.cut_paths.first.as_ref().or(subject.document.cut_values.first.as_ref()) {
        Some(problem) => format!(" Here {} (line {}).", problem.detail, problem.line),
        None => String::new(),
    };
    let message = format!(
        "{what}. GDAL never expands entities, a value that uses one ends there; XML parsers that do may be attacked \
         (XXE, billion laughs).{cut}"
    );
    let fix =
        format!("Delete the DOCTYPE of {} (line {}) and write the values in full.", subject.file(), declaration.line);
    findings.push(Finding::new(&DOCUMENT_TYPE, message).at(line(declaration.line)).fix(fix));
}

fn encoding(subject: &Subject<'_>, findings: &mut Findings) {
    let encoding = &subject.document.encoding;
    let file = subject.file();
    if let Some(wide) = encoding.wide {
        let message = format!("The file is written in {wide}: GDAL does not recognise it as a VRT, it expects UTF-8.");
        let fix = to_utf8(subject, wide);
        findings.push(Finding::new(&ENCODING, message).at(line(1)).fix(fix));
        return;
    }
    let declared = encoding.declared.as_ref().filter(|declared| !is_utf8(&declared.detail));
    if let Some(invalid) = encoding.invalid {
        let references = subject.document.dataset.as_ref().map(|dataset| dataset.references()).unwrap_or_default();
        let illegible = references.iter().find(|reference| reference.file.path.contains('\u{FFFD}'));
        let declares = match declared {
            Some(declared) => format!(" (the file declares {})", declared.detail),
            None => String::new(),
        };
        let consequence = match illegible {
            Some(reference) => format!(
                "The name of the source {} is affected: GDAL takes the bytes as they are and does not find the file.",
                reference.file.path
            ),
            None => "GDAL takes bytes as they are: names and descriptions come out garbled.".to_owned(),
        };
        let message = format!("Bytes that are not UTF-8 from line {}{declares}. {consequence}", invalid.line);
        let from = declared.map_or("", |declared| &declared.detail);
        let from: String =
            from.chars().filter(|letter| letter.is_ascii_alphanumeric() || "-_.:".contains(*letter)).collect();
        // The bytes have shown that it is none of the wide ones, whatever it declares.
        let is_wide = ["UTF-16", "UTF-32", "UCS"].iter().any(|wide| from.to_ascii_uppercase().contains(wide));
        let fix = to_utf8(subject, if from.is_empty() || is_wide { "ISO-8859-1" } else { &from });
        let severity = if illegible.is_some() { Severity::Error } else { Severity::Warning };
        let mut place = line(illegible.map_or(invalid.line, |reference| reference.file.line));
        place.source = illegible.map(|reference| reference.file.path.to_string());
        place.band = illegible.and_then(|reference| reference.band);
        findings.push(Finding::new(&ENCODING, message).severity(severity).at(place).fix(fix).count(invalid.count));
    } else if let Some(declared) = declared {
        let (severity, consequence) = if encoding.non_ascii {
            (Severity::Warning, "GDAL reads the text as UTF-8, which it is; other software reads it garbled.")
        } else {
            (Severity::Info, "GDAL ignores the declaration; all characters are ASCII, so nothing goes wrong.")
        };
        let message = format!("The file declares the encoding {}. {consequence}", declared.detail);
        let fix = format!("Declare encoding=\"UTF-8\" on line {} of {file}.", declared.line);
        findings.push(Finding::new(&ENCODING, message).severity(severity).at(line(declared.line)).fix(fix));
    }
}

/// The command that rewrites the file in UTF-8, the encoding in its XML declaration included. The file is only
/// touched once the conversion has succeeded.
fn to_utf8(subject: &Subject<'_>, from: &str) -> String {
    let file = subject.file();
    let copy = quoted(subject.path.with_extension("utf8.vrt"));
    format!(
        "iconv -f {from} -t UTF-8 {file} > {copy} && sed -E \
         '1s/(<[?]xml [^>]*encoding *= *.)[A-Za-z0-9._:-]+/\\1UTF-8/' {copy} > {file} && rm {copy}"
    )
}

fn is_utf8(encoding: &str) -> bool {
    ["UTF-8", "UTF8", "US-ASCII", "ASCII"].iter().any(|known| encoding.eq_ignore_ascii_case(known))
}

fn root(subject: &Subject<'_>, findings: &mut Findings) {
    let Some(root) = &subject.document.root else { return };
    let file = subject.file();
    if root.name == "VRTDataset" {
        if !subject.document.identified {
            let message = format!(
                "\"<VRTDataset\" stands on line {}, behind the first {} bytes, the only ones in which GDAL looks for it: \
                 no driver takes the file.",
                root.line,
                grouped(HEAD_BYTES as u64)
            );
            let fix = format!(
                "In {file}, move the comments before <VRTDataset> behind its start tag (or set \
                 GDAL_INGESTED_BYTES_AT_OPEN in the environment of the server)."
            );
            findings.push(Finding::new(&NOT_IDENTIFIED, message).at(at(root.line, "VRTDataset")).fix(fix));
        }
        return;
    }
    let names_other_kind = super::rules_kind::OTHER_ROOTS.iter().any(|(name, _)| root.name.eq_ignore_ascii_case(name));
    if names_other_kind {
        return;
    }
    let local = root.name.rsplit(':').next().unwrap_or_default();
    let reason = match () {
        () if local.eq_ignore_ascii_case("VRTDataset") && local != root.name => " GDAL knows no namespace prefixes.",
        () if root.name.eq_ignore_ascii_case("VRTDataset") => " GDAL looks for the name in exactly that spelling.",
        () => "",
    };
    let message = format!("The root element is <{}>, not <VRTDataset>.{reason} No driver takes the file.", root.name);
    let fix = format!("Rename the root element of {file} to <VRTDataset>, without a prefix.");
    findings.push(Finding::new(&ROOT, message).at(at(root.line, root.name.as_str())).fix(fix));
}

fn large(subject: &Subject<'_>, findings: &mut Findings) {
    let document = subject.document;
    let file = subject.file();
    let fix = format!("Split {file} by sheet or level, publish its sources as an ImageMosaic, or index them with GTI.");
    if let Some(limit) = document.limit {
        let what = match limit {
            Limit::Bytes => format!("more than {} MB", limits::BYTES >> 20),
            Limit::Token { line } => {
                format!("a single token of more than {} MB on line {line}", limits::TOKEN_BYTES >> 20)
            }
            Limit::Elements => format!("more than {} elements", grouped(limits::ELEMENTS)),
            Limit::Bands => format!("more than {} bands, the most GDAL takes", grouped(limits::BANDS as u64)),
        };
        let message = format!(
            "The file has {what}. GeoServer parses it again at each read, which takes seconds; the check stopped there \
             and says nothing about the rest."
        );
        findings.push(Finding::new(&LARGE, message).severity(Severity::Error).fix(fix));
        return;
    }
    if document.bytes > LARGE_BYTES || document.elements > LARGE_ELEMENTS {
        let message = format!(
            "{:.1} MB and {} elements ({} sources) are parsed again at each read of GeoServer.",
            document.bytes as f64 / f64::from(1 << 20),
            grouped(document.elements),
            grouped(document.sources)
        );
        findings.push(Finding::new(&LARGE, message).fix(fix));
    }
}

fn unknown_elements(subject: &Subject<'_>, findings: &mut Findings) {
    let document = subject.document;
    for unknown in &document.unknown.list {
        findings.push(unknown_element(subject, unknown));
    }
    if document.unknown.further > 0 {
        let message = format!("{} further elements are unknown to GDAL.", grouped(document.unknown.further));
        findings.push(Finding::new(&UNKNOWN_ELEMENT, message).count(document.unknown.further));
    }
    let Some(dataset) = &document.dataset else { return };
    for (kind, name, since) in
        [(SourceKind::Array, "ArraySource", (3, 8)), (SourceKind::NoDataFromMask, "NoDataFromMaskSource", (3, 9))]
    {
        let severity = subject.target.need(since);
        if severity == Severity::Info {
            continue;
        }
        let bands = dataset.bands.iter().enumerate();
        let mut found = bands.flat_map(|(index, band)| {
            band.sources.iter().filter(|source| source.kind == kind).map(move |source| (index, source))
        });
        let Some((index, first)) = found.next() else { continue };
        let message = format!(
            "<{name}> is known since GDAL {}.{}: {} ignores it, its area stays blank.",
            since.0,
            since.1,
            subject.target.older()
        );
        let mut place = at(first.line, format!("VRTDataset/VRTRasterBand/{name}"));
        place.band = u32::try_from(index + 1).ok();
        let fix = format!(
            "gdal_translate -of COG {} {}  # with GDAL {}.{} or newer; or upgrade the GDAL of the server",
            subject.file(),
            subject.computed(),
            since.0,
            since.1
        );
        let count = 1 + found.count() as u64;
        findings.push(Finding::new(&UNKNOWN_ELEMENT, message).severity(severity).at(place).fix(fix).count(count));
    }
}

fn unknown_element(subject: &Subject<'_>, unknown: &UnknownElement) -> Finding {
    let UnknownElement { name, parent_name, .. } = unknown;
    let file = subject.file();
    let (hint, fix) = match unknown.reason {
        Reason::Case(spelling) => (
            format!("; the names of sources are compared exactly: write <{spelling}>"),
            format!("Rename <{name}> to <{spelling}> in {file}."),
        ),
        Reason::Unknown(Some(Suggestion::Spelling(meant))) => {
            (format!("; did you mean <{meant}>?"), format!("Rename <{name}> to <{meant}> in {file}, if that is meant."))
        }
        Reason::Unknown(Some(Suggestion::Place(place))) => (
            format!("; it is known inside <{place}>"),
            format!("In {file}, move <{name}> into a <{place}>, or make <{parent_name}> one."),
        ),
        Reason::Unknown(None) => (String::new(), format!("Remove <{name}> from {file}, or correct its name.")),
    };
    let loses_pixels = match unknown.reason {
        Reason::Case(_) => true,
        Reason::Unknown(Some(Suggestion::Spelling(meant))) => {
            meant.ends_with("Source") || matches!(meant, "SourceFilename" | "VRTRasterBand" | "VRTDataset")
        }
        Reason::Unknown(_) => false,
    };
    let named_source = unknown.parent == Element::Band && name.to_ascii_lowercase().ends_with("source");
    let severity =
        if loses_pixels || named_source || unknown.names_a_file { Severity::Error } else { Severity::Warning };
    let times = if unknown.count > 1 { format!(" ({} times)", grouped(unknown.count)) } else { String::new() };
    let message = format!("Unknown element <{name}> in <{parent_name}>{times}: GDAL ignores it silently{hint}");
    let message = if message.ends_with('?') { message } else { format!("{message}.") };
    let mut place = at(unknown.line, unknown.path.as_str());
    place.band = unknown.band;
    Finding::new(&UNKNOWN_ELEMENT, message).severity(severity).at(place).fix(fix).count(unknown.count)
}
