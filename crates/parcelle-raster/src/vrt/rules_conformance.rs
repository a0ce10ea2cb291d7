//! The rule about GDAL's schema, and what the parser notes for it while it reads.

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Rule, Severity};

use super::limits;
use super::schema::{self, Holds, TypeId, Value};
use super::shorten::shorten;
use super::target::{GdalVersion, shown};
use super::{Subject, at};

/// The file breaks the schema.
pub(crate) static SCHEMA: Rule = Rule {
    id: "VRT-XML-008",
    severity: Severity::Info,
    title: "The file does not conform to gdalvrt.xsd, or uses words of a newer GDAL",
    why: "GDAL never validates a raster VRT, so a misspelt attribute or a value that is none is ignored, or read as 0, \
          without a message. The schema is incomplete, and GDAL itself writes what is not in it: it is only told.",
    fix: "Correct the name or the value.",
    reference: "GDAL frmts/vrt/data/gdalvrt.xsd of the release branches 3.0 to 3.12; CPLValidateXML is called in \
                ogr/ogrsf_frmts/vrt/ogrvrtdriver.cpp only",
};

/// One way in which the file departs from the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Note {
    detail: String,
    /// What is noted of which element and attribute, where that says all.
    about: Option<(Sort, Box<str>, Box<str>)>,
    /// Where a version is all that is wrong.
    since: Option<GdalVersion>,
    line: u32,
    count: u64,
}

/// What can be noted of a name, whatever its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    NewElement,
    NewAttribute,
    Unknown,
    Lacking,
}

impl Sort {
    fn detail(self, element: &str, name: &str) -> String {
        match self {
            Self::NewElement => format!("<{name}>"),
            Self::NewAttribute => format!("attribute {name} of <{}>", shorten(element)),
            Self::Unknown => format!("<{}> has no attribute {}", shorten(element), shorten(name)),
            Self::Lacking => format!("<{}> lacks the attribute {name}", shorten(element)),
        }
    }
}

/// What the parser notes.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    list: Vec<Note>,
    further: u64,
}

impl Notes {
    fn add(&mut self, line: u32, since: Option<GdalVersion>, detail: String) {
        if let Some(same) = self.list.iter_mut().find(|note| note.detail == detail) {
            same.count += 1;
        } else if self.list.len() < limits::NOTES {
            self.list.push(Note { detail, about: None, since, line, count: 1 });
        } else {
            self.further += 1;
        }
    }

    /// Notes what may come a million times: then nothing is written each time.
    fn add_about(&mut self, line: u32, since: Option<GdalVersion>, sort: Sort, element: &str, name: &str) {
        let is_same = |note: &&mut Note| {
            note.about.as_ref().is_some_and(|(of, on, about)| *of == sort && **about == *name && **on == *element)
        };
        if let Some(same) = self.list.iter_mut().find(is_same) {
            same.count += 1;
        } else if self.list.len() < limits::NOTES {
            let (on, about) = (element.into(), name.into());
            let detail = sort.detail(element, name);
            self.list.push(Note { detail, about: Some((sort, on, about)), since, line, count: 1 });
        } else {
            self.further += 1;
        }
    }

    /// The type of a child element, if the schema says something about it; notes when it came.
    pub(crate) fn element(&mut self, parent: Option<TypeId>, name: &str, line: u32) -> Option<Holds> {
        let known = schema::element(parent?, name)?;
        if let Some(since) = known.since {
            self.add_about(line, Some(since), Sort::NewElement, "", known.name);
        }
        Some(known.holds)
    }

    /// Looks at the attributes of an element.
    pub(crate) fn attributes(&mut self, holds: Option<Holds>, element: &str, attributes: &[(&str, &str)], line: u32) {
        let Some(Holds::Type(id)) = holds else { return };
        if !schema::is_complex(id) {
            return;
        }
        for (place, (name, text)) in attributes.iter().enumerate() {
            match schema::attribute(id, name, place) {
                Some(known) => {
                    if let Some(since) = known.since {
                        self.add_about(line, Some(since), Sort::NewAttribute, element, known.name);
                    }
                    if schema::value(known.holds, text) != Value::Fits {
                        self.value(known.holds, &format!("{}=", known.name), text, line);
                    }
                }
                // Whatever stands as a child element may stand as an attribute, and namespaces are none of the schema's.
                None if schema::element(id, name).is_some() || name.contains(':') || *name == "xmlns" => {}
                None => self.add_about(line, None, Sort::Unknown, element, name),
            }
        }
        for required in schema::required(id) {
            if !attributes.iter().any(|(name, _)| name.eq_ignore_ascii_case(required)) {
                self.add_about(line, None, Sort::Lacking, element, required);
            }
        }
    }

    /// Looks at the text of an element; one of a type with attributes or children may hold any.
    pub(crate) fn text(&mut self, holds: Holds, element: &str, text: &str, line: u32) {
        if matches!(holds, Holds::Type(id) if schema::is_complex(id)) || schema::value(holds, text) == Value::Fits {
            return;
        }
        self.value(holds, &format!("<{}> ", shorten(element)), text, line);
    }

    /// Looks at a value; `place` is what stands before it.
    pub(crate) fn value(&mut self, holds: Holds, place: &str, text: &str, line: u32) {
        match schema::value(holds, text) {
            Value::Fits => {}
            Value::Since(since) => self.add(line, Some(since), format!("{place}\"{}\"", shorten(text))),
            Value::IsNo(what) => self.add(line, None, format!("{place}\"{}\" is no {what}", shorten(text))),
        }
    }
}

/// Tests the rule.
pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let notes = &subject.document.conformance;
    for note in &notes.list {
        let times = if note.count > 1 { format!(" ({} times)", grouped(note.count)) } else { String::new() };
        let message = match note.since {
            None => format!("Does not conform to gdalvrt.xsd: {}{times}. GDAL itself never validates.", note.detail),
            // Where the target has it for certain there is nothing to tell.
            Some(since) if subject.target.need(since) == Severity::Info => continue,
            Some(since) => {
                format!(
                    "{}{times} needs GDAL {}; {} ignores or refuses it.",
                    note.detail,
                    shown(since),
                    subject.target.older()
                )
            }
        };
        let fix = format!("Look at line {} of {}.", note.line, subject.file());
        findings.push(Finding::new(&SCHEMA, message).at(at(note.line, "VRTDataset")).fix(fix).count(note.count));
    }
    if notes.further > 0 {
        let message = format!("{} further places do not conform to gdalvrt.xsd.", grouped(notes.further));
        findings.push(Finding::new(&SCHEMA, message).fix("").count(notes.further));
    }
}
