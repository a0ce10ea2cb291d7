//! The pixel functions that GDAL registers, with the versions that brought them: `profiles/gdal/pixel-functions.csv`.

use std::sync::LazyLock;

use super::target::{GdalVersion, parse_gdal_version};
use crate::geoserver::csv;

const TABLE: &str = include_str!("../../profiles/gdal/pixel-functions.csv");
const ARGUMENTS: &str = include_str!("../../profiles/gdal/function-arguments.csv");

/// What GDAL puts into the arguments of a function by itself.
const BUILT_IN: &[&str] = &["NoData", "scale", "offset", "source_names", "xoff", "yoff", "geotransform", "crs"];

/// One function from one version on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) since: GdalVersion,
    /// Fewest and most sources; no most where any number will do.
    pub(super) minimum: usize,
    pub(super) maximum: Option<usize>,
    /// Arguments that must be given.
    pub(super) required: Vec<String>,
}

static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(|| TABLE.lines().skip(1).filter_map(function).collect());

fn function(line: &str) -> Option<Function> {
    let fields = csv::fields(line)?;
    let [name, since, minimum, maximum, required, _evidence] = fields.as_slice() else { return None };
    Some(Function {
        name: name.clone().into_owned(),
        since: parse_gdal_version(since)?,
        minimum: minimum.parse().ok()?,
        maximum: if maximum.is_empty() { None } else { Some(maximum.parse().ok()?) },
        required: required.split('|').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
    })
}

/// The function of that name as that version has it; GDAL looks names up exactly. Where the version has none yet, as it
/// came.
pub(super) fn find(name: &str, version: GdalVersion) -> Option<&'static Function> {
    let mut all = FUNCTIONS.iter().filter(|function| function.name == name);
    let first = all.next()?;
    Some(all.rfind(|function| function.since <= version).unwrap_or(first))
}

/// The version that brought a function.
pub(super) fn first_version(name: &str) -> Option<GdalVersion> {
    FUNCTIONS.iter().find(|function| function.name == name).map(|function| function.since)
}

/// The name that somebody probably meant: the same in another case.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|function| function.name.eq_ignore_ascii_case(name)).map(|function| function.name.as_str())
}

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits lead it, or it is `nan` or `inf`: what `strtod` takes.
    Number,
    /// `from=to;from=to`.
    Mapping,
    /// One of these words, exactly.
    Word(&'static [&'static str]),
    /// Whatever it is, it is taken.
    Anything,
}

/// What an argument of a function may be; `None` where the function ignores it.
pub(super) fn argument(function: &str, name: &str) -> Option<Kind> {
    if BUILT_IN.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Some(Kind::Anything);
    }
    let mut rows = ARGUMENTS.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let (.., kind) = rows.find(|(of, known, _)| *of == function && known.eq_ignore_ascii_case(name))?;
    Some(match kind {
        "number" => Kind::Number,
        "mapping" => Kind::Mapping,
        "amplitude" => Kind::Word(&["AMPLITUDE", "INTENSITY", "dB"]),
        "dialect" => Kind::Word(&["muparser", "exprtk"]),
        _ => Kind::Anything,
    })
}

/// The names of the arguments that a function takes.
pub(super) fn arguments(function: &str) -> impl Iterator<Item = &'static str> {
    let rows = ARGUMENTS.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        Some((fields.next()?, fields.next()?))
    });
    rows.filter(move |(of, _)| *of == function).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(FUNCTIONS.len(), TABLE.lines().count() - 1);
        assert!(FUNCTIONS.is_sorted_by(|left, right| {
            (left.name.to_ascii_lowercase(), left.since) < (right.name.to_ascii_lowercase(), right.since)
        }));
        assert!(FUNCTIONS.iter().all(|function| function.maximum.is_none_or(|most| most >= function.minimum)));
    }

    #[test]
    fn the_table_of_arguments_is_whole() {
        for (index, line) in ARGUMENTS.lines().enumerate().skip(1) {
            let fields = csv::fields(line).unwrap();
            assert_eq!(fields.len(), 4, "line {}", index + 1);
            assert!(find(&fields[0], (3, 13)).is_some(), "line {}", index + 1);
            assert!(["number", "boolean", "text", "mapping", "amplitude", "dialect"].contains(&&*fields[2]));
            assert!(["measured", "source"].contains(&fields[3].split(':').next().unwrap()), "line {}", index + 1);
        }
        for function in FUNCTIONS.iter() {
            let known: Vec<_> = arguments(&function.name).collect();
            assert!(function.required.iter().all(|name| known.contains(&name.as_str())), "{}", function.name);
        }
        assert_eq!((argument("pow", "POWER"), argument("pow", "fact")), (Some(Kind::Number), None));
    }

    #[test]
    fn functions_change_with_versions() {
        assert_eq!(find("sum", (3, 6)).unwrap().minimum, 2);
        assert_eq!(find("sum", (3, 12)).unwrap().minimum, 1);
        assert_eq!(find("min", (3, 6)).unwrap().since, (3, 8));
        assert_eq!((first_version("quantile"), first_version("foo")), (Some((3, 13)), None));
        assert_eq!((find("SUM", (3, 12)), meant("SUM")), (None, Some("sum")));
    }
}
