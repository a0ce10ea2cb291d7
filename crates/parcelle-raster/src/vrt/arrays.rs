//! What GDAL asks for inside an `<ArraySource>`. It builds the array when it opens the file, not when a tile touches it:
//! what is missing there refuses the whole file (`frmts/vrt/vrtmultidim.cpp`, `ParseArray` and what it calls).

use super::model::SourceKind;
use super::vocabulary::Element;

/// Names of children and attributes that matter below, each a bit of [`Seen`].
const NAMES: [&str; 16] = [
    "SingleSourceArray",
    "Array",
    "DerivedArray",
    "SourceFilename",
    "SourceArray",
    "View",
    "Transpose",
    "Resample",
    "Grid",
    "GetMask",
    "GetUnscaled",
    "expr",
    "newOrder",
    "GridOptions",
    "name",
    "DataType",
];

/// One of three, in this order of preference.
const ARRAYS: &[&str] = &["SingleSourceArray", "Array", "DerivedArray"];
const STEPS: &[&str] = &["View", "Transpose", "Resample", "Grid", "GetMask", "GetUnscaled"];

/// Which of the names that matter an element has, as child or as attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen(u16);

impl Seen {
    pub(crate) fn add(&mut self, name: &str) {
        if let Some(bit) = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) {
            self.0 |= 1 << bit;
        }
    }

    fn has(self, name: &str) -> bool {
        NAMES.iter().position(|known| *known == name).is_some_and(|bit| self.0 & (1 << bit) != 0)
    }
}

/// What one element must have: of each list at least one.
fn asks(element: Element) -> &'static [&'static [&'static str]] {
    match element {
        Element::Source(SourceKind::Array) | Element::DerivedArray | Element::GridArray => &[ARRAYS],
        Element::SingleSourceArray => &[&["SourceFilename"], &["SourceArray"]],
        Element::Array => &[&["name"], &["DataType"]],
        Element::DerivationStep => &[STEPS],
        Element::View => &[&["expr"]],
        Element::Transpose => &[&["newOrder"]],
        Element::Grid => &[&["GridOptions"]],
        Element::StepOption | Element::Dimension => &[&["name"]],
        _ => &[],
    }
}

/// Whether the names in an element matter.
pub(crate) fn is_part(element: Element) -> bool {
    !asks(element).is_empty()
}

/// What an element lacks, in words; `name` is how it is written.
pub(crate) fn lack(element: Element, name: &str, seen: Seen) -> Option<String> {
    let missing = asks(element).iter().find(|choice| !choice.iter().any(|known| seen.has(known)))?;
    let is_attribute = |known: &str| known.starts_with(|letter: char| letter.is_ascii_lowercase());
    let quoted = |known: &&str| if is_attribute(known) { format!("attribute {known}") } else { format!("<{known}>") };
    let choices: Vec<String> = missing.iter().map(quoted).collect();
    let choices = match choices.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => choices.concat(),
    };
    Some(format!("<{name}> has no {choices}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        let source = Element::Source(SourceKind::Array);
        let told = |element, names: &[&str]| {
            let mut seen = Seen::default();
            names.iter().for_each(|name| seen.add(name));
            lack(element, "X", seen)
        };
        assert_eq!(
            told(source, &["SrcRect"]).as_deref(),
            Some("<X> has no <SingleSourceArray>, <Array> or <DerivedArray>")
        );
        assert_eq!(told(source, &["array"]), None);
        assert_eq!(told(Element::SingleSourceArray, &["SourceFilename"]).as_deref(), Some("<X> has no <SourceArray>"));
        assert_eq!(told(Element::View, &[]).as_deref(), Some("<X> has no attribute expr"));
        assert_eq!(told(Element::Band, &[]), None);
    }

    #[test]
    fn every_name_that_is_asked_for_has_a_bit() {
        for choice in [Element::Array, Element::DerivationStep, Element::Grid, Element::Transpose].map(asks).concat() {
            assert!(choice.iter().all(|name| NAMES.contains(name)), "{choice:?}");
        }
    }
}
