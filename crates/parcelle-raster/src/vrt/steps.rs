//! The arguments that the algorithms of a processed VRT take: `profiles/gdal/step-arguments.csv`. GDAL holds the steps
//! against them when it opens the file (`frmts/vrt/vrtprocesseddataset.cpp`, `VRTProcessedDataset::ParseStep`).

use std::sync::LazyLock;

use super::model::{FileReference, ProcessingStep, leading_integer, short};
use super::numbers::{truth, whole_number_text};
use super::shorten::shorten;

const TABLE: &str = include_str!("../../profiles/gdal/step-arguments.csv");

/// Stands in the name of an argument for the number of a band.
const BAND: &str = "{band}";

/// One argument of one algorithm.
#[derive(Debug, PartialEq, Eq)]
struct Argument {
    algorithm: &'static str,
    name: &'static str,
    kind: &'static str,
    required: bool,
}

static ARGUMENTS: LazyLock<Vec<Argument>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(argument).collect());

fn argument(line: &'static str) -> Option<Argument> {
    let mut fields = line.split(',');
    let mut next = || fields.next();
    Some(Argument { algorithm: next()?, name: next()?, kind: next()?, required: next()? == "yes" })
}

impl Argument {
    /// Whether it is meant by a name; GDAL takes whatever follows the last underscore for the number of a band.
    fn is_named(&self, given: &str) -> bool {
        match self.name.strip_suffix(BAND) {
            Some(family) => given
                .rfind('_')
                .and_then(|end| given.get(..=end))
                .is_some_and(|start| start.eq_ignore_ascii_case(family)),
            None => self.name.eq_ignore_ascii_case(given),
        }
    }

    /// What a value should be and is not.
    fn misfit(&self, value: &str) -> Option<&'static str> {
        let is_word = |word: &str| value.eq_ignore_ascii_case(word);
        let (fits, what) = match self.kind {
            "boolean" => (is_word("true") || is_word("false"), "neither true nor false"),
            "integer" => (is_integer(value), "no whole number"),
            "double" => (is_number(value), "no number"),
            "double_list" => (
                value.split(',').filter(|number| !number.is_empty()).all(is_number),
                "no list of numbers with commas between them",
            ),
            _ => (true, ""),
        };
        (!fits).then_some(what)
    }
}

fn is_integer(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits: "nan" and "inf", which `CPLAtof` would take, are refused before it comes to that.
fn is_number(text: &str) -> bool {
    whole_number_text(text).is_some_and(f64::is_finite) && !text.contains('#')
}

/// Why GDAL refuses a step of a known algorithm, by what the file itself says.
pub(super) fn refusal(step: &ProcessingStep) -> Option<String> {
    let algorithm = &*step.algorithm.as_ref()?.text;
    let known = || ARGUMENTS.iter().filter(|argument| argument.algorithm == algorithm);
    for given in &step.arguments {
        if given.name.is_empty() {
            return Some("has an <Argument> without a name".to_owned());
        }
        let argument = known().find(|argument| argument.is_named(&given.name));
        if let Some(what) = argument.and_then(|argument| argument.misfit(&given.value)) {
            let (name, value) = (shorten(&given.name), shorten(&given.value));
            return Some(format!("has the argument {name}=\"{value}\", which is {what}"));
        }
    }
    let lacking = known()
        .find(|argument| argument.required && !step.arguments.iter().any(|given| argument.is_named(&given.name)));
    lacking.map(|argument| format!("lacks the argument {}", argument.name.replace(BAND, "1")))
}

/// The arguments that no algorithm of that name knows, which GDAL ignores with a warning.
pub(super) fn ignored(step: &ProcessingStep) -> impl Iterator<Item = &str> {
    let algorithm = step.algorithm.as_ref().map_or("", |field| &*field.text);
    let is_known =
        move |name: &str| ARGUMENTS.iter().any(|argument| argument.algorithm == algorithm && argument.is_named(name));
    step.arguments.iter().map(|argument| &*argument.name).filter(move |name| !is_known(name))
}

/// The files that the arguments of a step name, which GDAL opens with the file.
pub(super) fn files(step: &ProcessingStep, mut shared: impl FnMut(&str) -> std::sync::Arc<str>) -> Vec<FileReference> {
    let named = |name: &str| {
        name.get(name.len().saturating_sub("dataset_filename".len())..)
            .unwrap_or_default()
            .eq_ignore_ascii_case("dataset_filename")
    };
    let relative = step.arguments.iter().rfind(|argument| argument.name.eq_ignore_ascii_case("relativeToVRT"));
    let relative = relative.is_some_and(|argument| truth(&argument.value));
    let is_file = |name: &str| {
        let family = name
            .rsplit_once('_')
            .filter(|(_, number)| leading_integer(number) != Some(0))
            .map_or("", |(family, _)| family);
        named(name) || named(family)
    };
    let files = step.arguments.iter().filter(|argument| is_file(&argument.name) && !argument.value.is_empty());
    files
        .map(|argument| FileReference {
            path: shared(&argument.value),
            relative_to_vrt: Some(short(if relative { "1" } else { "0" })),
            relative_by_default: false,
            shared: None,
            line: argument.line,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geoserver::csv;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(ARGUMENTS.len(), TABLE.lines().count() - 1);
        for (index, line) in TABLE.lines().enumerate().skip(1) {
            let fields = csv::fields(line).unwrap();
            assert_eq!(fields.len(), 5, "line {}", index + 1);
            assert!(["measured", "source"].contains(&fields[4].split(':').next().unwrap()), "line {}", index + 1);
            assert!(["boolean", "integer", "double", "double_list", "string"].contains(&&*fields[2]), "{line}");
        }
    }

    #[test]
    fn values_are_taken_as_gdal_takes_them() {
        let argument = |kind| Argument { algorithm: "", name: "", kind, required: false };
        for (kind, fits, misfits) in [
            ("boolean", ["true", "False"], ["1", "yes"]),
            ("integer", ["-7", " 1 "], ["1.5", ""]),
            ("double", [" 1 ", "5.5e3"], ["nan", "-inf"]),
            ("double_list", ["0,1,2", "1,,2"], ["0,a,1", "1 2"]),
            ("string", ["", "x"], ["", ""]),
        ] {
            assert!(fits.iter().all(|value| argument(kind).misfit(value).is_none()), "{kind}");
            let all = misfits.iter().all(|value| argument(kind).misfit(value).is_some());
            assert_eq!(all, kind != "string", "{kind}");
        }
    }
}
