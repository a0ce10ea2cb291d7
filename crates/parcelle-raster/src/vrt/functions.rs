//! The pixel functions that GDAL registers, with the versions that brought them: `profiles/gdal/pixel-functions.csv`.

use std::sync::LazyLock;

use super::target::{GdalVersion, parse_gdal_version};
use crate::geoserver::csv;

const TABLE: &str = include_str!("../../profiles/gdal/pixel-functions.csv");

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
        name: name.clone(),
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
    fn functions_change_with_versions() {
        assert_eq!(find("sum", (3, 6)).unwrap().minimum, 2);
        assert_eq!(find("sum", (3, 12)).unwrap().minimum, 1);
        assert_eq!(find("min", (3, 6)).unwrap().since, (3, 8));
        assert_eq!((first_version("quantile"), first_version("foo")), (Some((3, 13)), None));
        assert_eq!((find("SUM", (3, 12)), meant("SUM")), (None, Some("sum")));
    }
}
