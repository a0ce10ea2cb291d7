//! Profiles of the layout rules: which of them are in force, and how much each of them counts.
//!
//! A profile is data: the requirement classes of OGC 21-026 are the table [`OGC`], what GDAL's validator tests is the
//! table [`gdal::CHECKS`](super::gdal::CHECKS).

use std::collections::BTreeSet;

use parcelle_report::{Finding, Rule, Severity};

use super::gdal;
use super::{
    RULES, rules_codec, rules_file, rules_geo, rules_ghost, rules_ifd, rules_order, rules_overview, rules_side,
    rules_tag, rules_tile,
};

/// A set of layout rules that are in force together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayoutProfile {
    /// All rules, with their own severities.
    Cog,
    /// What GDAL's own validator (`validate_cloud_optimized_geotiff.py`) tests, with its limits.
    Gdal,
    /// A requirement class of OGC 21-026 with those it depends on; `None` for all classes.
    Ogc(Option<Class>),
}

/// The requirement classes of OGC 21-026.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// `/req/geotiff-format`.
    GeotiffFormat,
    /// `/req/geotiff-overviews`.
    GeotiffOverviews,
    /// `/req/geotiff-keys`.
    GeotiffKeys,
    /// `/req/optimized_geotiff`.
    OptimizedGeotiff,
    /// `/req/http-range`, of the server.
    HttpRange,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::GeotiffFormat, Self::GeotiffOverviews, Self::GeotiffKeys, Self::OptimizedGeotiff, Self::HttpRange];

    /// Its name in the identifiers of the standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GeotiffFormat => "geotiff-format",
            Self::GeotiffOverviews => "geotiff-overviews",
            Self::GeotiffKeys => "geotiff-keys",
            Self::OptimizedGeotiff => "optimized_geotiff",
            Self::HttpRange => "http-range",
        }
    }

    /// The class and those that it depends on (the "Dependency" rows of its table in the standard).
    #[must_use]
    pub const fn with_dependencies(self) -> &'static [Self] {
        match self {
            Self::GeotiffFormat => &[Self::GeotiffFormat],
            Self::GeotiffOverviews => &[Self::GeotiffOverviews, Self::GeotiffFormat],
            Self::GeotiffKeys => &[Self::GeotiffKeys, Self::GeotiffFormat],
            Self::OptimizedGeotiff => {
                &[Self::OptimizedGeotiff, Self::GeotiffOverviews, Self::GeotiffKeys, Self::GeotiffFormat]
            }
            Self::HttpRange => &[Self::HttpRange, Self::GeotiffFormat],
        }
    }
}

/// What a rule tests, to the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The file SHALL: what the rule warns of is an error.
    Shall,
    /// The file SHOULD: what the rule calls an error is a warning.
    Should,
}

/// A rule in a requirement class.
struct Member {
    class: Class,
    rule: &'static Rule,
    standing: Standing,
    clause: &'static str,
}

const fn shall(class: Class, rule: &'static Rule, clause: &'static str) -> Member {
    Member { class, rule, standing: Standing::Shall, clause }
}

const fn should(class: Class, rule: &'static Rule, clause: &'static str) -> Member {
    Member { class, rule, standing: Standing::Should, clause }
}

const TIFF: &str = "OGC 21-026 /req/geotiff-format, dependency TIFF 6.0 and BigTIFF";
const TILING: &str = "OGC 21-026 /req/geotiff-format/tiling A";
const CHAIN: &str = "OGC 21-026 /req/geotiff-overviews/overviews";
const IFD_ORDER: &str = "OGC 21-026 /rec/geotiff-overviews/ifd-order A";
const NUMBER_A: &str = "OGC 21-026 /req/optimized_geotiff/number A";
const SIZES: &str = "OGC 21-026 /rec/optimized-geotiff/size-and-numbers";
const COMPRESSION: &str = "OGC 21-026 /rec/geotiff-format/rec-compression A";

/// The rules that test a requirement or recommendation. A SHOULD of the standard that is an error of ours by what it
/// costs readers (directories behind the data) is a warning here: such a file conforms.
static OGC: &[Member] = &{
    use Class::{GeotiffFormat, GeotiffKeys, GeotiffOverviews, OptimizedGeotiff};
    [
        shall(GeotiffFormat, &rules_file::NOT_A_TIFF, TIFF),
        shall(GeotiffFormat, &rules_file::VARIANT, "OGC 21-026 /req/geotiff-format/use-geotiff A"),
        shall(GeotiffFormat, &rules_file::TRUNCATED, TIFF),
        shall(GeotiffFormat, &rules_file::DIRECTORY_OFFSET, TIFF),
        shall(GeotiffFormat, &rules_file::DIRECTORY_LOOP, TIFF),
        shall(GeotiffFormat, &rules_file::ENTRY_COUNT, TIFF),
        shall(GeotiffFormat, &rules_ifd::ODD_OFFSET, TIFF),
        shall(GeotiffFormat, &rules_tag::MISSING, TIFF),
        shall(GeotiffFormat, &rules_tag::UNSORTED, TIFF),
        shall(GeotiffFormat, &rules_tag::DUPLICATE, TIFF),
        shall(GeotiffFormat, &rules_tag::VALUE_COUNT, TIFF),
        shall(GeotiffFormat, &rules_tag::FIELD_TYPE, TIFF),
        shall(GeotiffFormat, &rules_tag::DOMAIN, TIFF),
        shall(GeotiffFormat, &rules_tag::VALUE_AREA, TIFF),
        shall(GeotiffFormat, &rules_tile::STRIPS, TILING),
        shall(GeotiffFormat, &rules_tile::MULTIPLE_OF_16, TILING),
        shall(GeotiffFormat, &rules_tile::OVERLAP, TIFF),
        shall(GeotiffFormat, &rules_tile::PAST_END, TIFF),
        shall(GeotiffFormat, &rules_tile::BYTE_COUNT, TIFF),
        shall(GeotiffFormat, &rules_tile::HALF_SPARSE, TIFF),
        should(GeotiffFormat, &rules_codec::UNCOMPRESSED, COMPRESSION),
        should(GeotiffFormat, &rules_codec::NO_PREDICTOR, COMPRESSION),
        should(GeotiffFormat, &rules_codec::JPEG_RGB, COMPRESSION),
        shall(GeotiffFormat, &rules_codec::UNKNOWN, TIFF),
        shall(GeotiffFormat, &rules_codec::NO_JPEG_TABLES, TIFF),
        shall(GeotiffOverviews, &rules_side::EXTERNAL_OVERVIEWS, "OGC 21-026 /req/geotiff-overviews/overviews B, D"),
        shall(GeotiffOverviews, &rules_overview::NOT_SMALLER, "OGC 21-026 /req/geotiff-overviews/overviews C, E"),
        shall(GeotiffOverviews, &rules_overview::NOT_MARKED, "OGC 21-026 /req/geotiff-overviews/overviews A, B"),
        shall(GeotiffOverviews, &rules_overview::SAMPLES, CHAIN),
        shall(GeotiffOverviews, &rules_overview::SUB_DIRECTORIES, "OGC 21-026 /req/geotiff-overviews/overviews B"),
        should(
            GeotiffOverviews,
            &rules_file::SEVERAL_IMAGES,
            "OGC 21-026 /req/geotiff-overviews/overviews F (allowed)",
        ),
        should(GeotiffOverviews, &rules_overview::MASK_LEVELS, "OGC 21-026 /rec/geotiff-overviews/ifd-order 6-8"),
        should(GeotiffOverviews, &rules_ifd::MAIN_AFTER_DATA, IFD_ORDER),
        should(GeotiffOverviews, &rules_ifd::OVERVIEW_AFTER_DATA, IFD_ORDER),
        should(GeotiffOverviews, &rules_ifd::MASK_AFTER_DATA, IFD_ORDER),
        should(GeotiffOverviews, &rules_ifd::INDEX_AFTER_DATA, IFD_ORDER),
        should(GeotiffOverviews, &rules_ifd::UNUSED_BEFORE_FIRST, IFD_ORDER),
        should(GeotiffOverviews, &rules_ifd::ORDER, IFD_ORDER),
        should(GeotiffOverviews, &rules_order::DATA_BEFORE_DIRECTORIES, IFD_ORDER),
        should(GeotiffOverviews, &rules_order::LEVELS, IFD_ORDER),
        should(GeotiffOverviews, &rules_ghost::ABSENT, IFD_ORDER),
        shall(GeotiffKeys, &rules_geo::PLACE, "OGC 21-026 /req/geotiff-keys/georeference A"),
        shall(GeotiffKeys, &rules_geo::REFERENCE_SYSTEM, "OGC 21-026 /req/geotiff-keys/basic-metadata-format A"),
        shall(GeotiffKeys, &rules_geo::TRANSFORMATION, "OGC 21-026 /req/geotiff-keys/georeference A"),
        shall(GeotiffKeys, &rules_geo::MALFORMED, "OGC 21-026 /req/geotiff-keys/basic-metadata-format A"),
        shall(GeotiffKeys, &rules_geo::OVERVIEW_PLACE, "OGC 21-026 /req/geotiff-keys/point-of-origin A"),
        shall(OptimizedGeotiff, &rules_tile::NOT_SQUARE, "OGC 21-026 /req/optimized_geotiff/small-sizes A"),
        shall(OptimizedGeotiff, &rules_tile::LARGE, "OGC 21-026 /req/optimized_geotiff/small-sizes B"),
        should(OptimizedGeotiff, &rules_tile::SMALL, SIZES),
        should(OptimizedGeotiff, &rules_tile::POWER_OF_TWO, SIZES),
        shall(OptimizedGeotiff, &rules_overview::NONE, NUMBER_A),
        shall(OptimizedGeotiff, &rules_overview::FACTOR, NUMBER_A),
        shall(OptimizedGeotiff, &rules_overview::SMALLEST, "OGC 21-026 /req/optimized_geotiff/number B"),
        should(OptimizedGeotiff, &rules_overview::PROPORTIONS, SIZES),
        should(OptimizedGeotiff, &rules_overview::TILE_SIZE, SIZES),
    ]
};

/// Rules of requirement classes that other modules declare, by id: those about the server.
static OGC_OF_SERVERS: &[(&str, Standing, &str)] = &[
    ("COG-HTTP-001", Standing::Shall, "OGC 21-026 /req/http-range/range B, C"),
    ("COG-HTTP-002", Standing::Shall, "OGC 21-026 /req/http-range/https-headers A"),
    ("COG-HTTP-003", Standing::Should, "OGC 21-026 /rec/media-type/media-type A"),
];

impl LayoutProfile {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Cog,
        Self::Gdal,
        Self::Ogc(None),
        Self::Ogc(Some(Class::GeotiffFormat)),
        Self::Ogc(Some(Class::GeotiffOverviews)),
        Self::Ogc(Some(Class::GeotiffKeys)),
        Self::Ogc(Some(Class::OptimizedGeotiff)),
        Self::Ogc(Some(Class::HttpRange)),
    ];

    /// Its name: `cog`, `gdal`, `ogc-21-026`, `ogc-21-026/geotiff-keys`…
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cog => "cog",
            Self::Gdal => "gdal",
            Self::Ogc(None) => "ogc-21-026",
            Self::Ogc(Some(Class::GeotiffFormat)) => "ogc-21-026/geotiff-format",
            Self::Ogc(Some(Class::GeotiffOverviews)) => "ogc-21-026/geotiff-overviews",
            Self::Ogc(Some(Class::GeotiffKeys)) => "ogc-21-026/geotiff-keys",
            Self::Ogc(Some(Class::OptimizedGeotiff)) => "ogc-21-026/optimized_geotiff",
            Self::Ogc(Some(Class::HttpRange)) => "ogc-21-026/http-range",
        }
    }

    /// Its rules, by id.
    #[must_use]
    pub fn rules(self) -> Vec<&'static Rule> {
        RULES.iter().copied().filter(|rule| self.has(rule)).collect()
    }

    /// Whether a rule is in force.
    #[must_use]
    pub fn has(self, rule: &Rule) -> bool {
        match self {
            Self::Cog => true,
            Self::Gdal => gdal::has(rule),
            Self::Ogc(_) => self.clause(rule).is_some(),
        }
    }

    /// The requirement class that a rule belongs to; those that depend on it have it too.
    #[must_use]
    pub fn class_of(rule: &Rule) -> Option<Class> {
        let member = OGC.iter().find(|member| member.rule.id == rule.id).map(|member| member.class);
        let is_of_server = || OGC_OF_SERVERS.iter().any(|(id, ..)| *id == rule.id).then_some(Class::HttpRange);
        member.or_else(is_of_server)
    }

    /// What the standard asks for with a rule, by the strictest of the classes in force.
    fn clause(self, rule: &Rule) -> Option<(Standing, &'static str)> {
        let Self::Ogc(class) = self else { return None };
        let in_force: &[Class] = class.map_or(&Class::ALL, Class::with_dependencies);
        let member = OGC.iter().find(|member| member.rule.id == rule.id && in_force.contains(&member.class));
        let of_server = || {
            let row = OGC_OF_SERVERS.iter().find(|(id, ..)| *id == rule.id);
            row.filter(|_| in_force.contains(&Class::HttpRange)).map(|(_, standing, clause)| (*standing, *clause))
        };
        member.map(|member| (member.standing, member.clause)).or_else(of_server)
    }

    /// The severity of a finding in this profile, and the clause that says so; `None` where its rule is not in force.
    /// [`LayoutProfile::Gdal`] makes findings of its own.
    fn judge(self, finding: &Finding) -> Option<(Severity, Option<&'static str>)> {
        match self {
            Self::Cog => Some((finding.severity, None)),
            // All but what is found beside the file.
            Self::Gdal => (finding.rule.id == rules_side::EXTERNAL_OVERVIEWS.id).then_some((Severity::Error, None)),
            Self::Ogc(_) => {
                let (standing, clause) = self.clause(finding.rule)?;
                let severity = match (standing, finding.severity) {
                    // What is only told (a BigTIFF that need not be one, a wide factor) is within the requirement.
                    (_, Severity::Info) => Severity::Info,
                    (Standing::Shall, _) => Severity::Error,
                    (Standing::Should, _) => Severity::Warning,
                };
                Some((severity, Some(clause)))
            }
        }
    }
}

/// The findings that count in any of the profiles, each with the worst severity that one of them gives it, and with the
/// clause where that is an OGC requirement class. `of_gdal` is what [`gdal_findings`](super::gdal_findings) gave.
#[must_use]
pub fn in_force(findings: Vec<Finding>, of_gdal: Vec<Finding>, profiles: &[LayoutProfile]) -> Vec<Finding> {
    let judged = findings.into_iter().filter_map(|mut finding| {
        let answers = profiles.iter().filter_map(|profile| profile.judge(&finding));
        let (severity, clause) = answers.max_by_key(|(severity, clause)| (*severity, clause.is_none()))?;
        finding.severity = severity;
        finding.reference = clause.unwrap_or(finding.reference);
        Some(finding)
    });
    let mut judged: Vec<Finding> = judged.collect();
    if profiles.contains(&LayoutProfile::Gdal) {
        let known: BTreeSet<&str> = judged.iter().map(|finding| finding.rule.id).collect();
        let mut further = Vec::new();
        for finding in of_gdal {
            if known.contains(finding.rule.id) {
                let same = judged.iter_mut().find(|one| one.rule.id == finding.rule.id);
                if let Some(one) = same {
                    one.severity = one.severity.max(finding.severity);
                }
            } else {
                further.push(finding);
            }
        }
        judged.extend(further);
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: &'static Rule, severity: Severity) -> Finding {
        Finding::new(rule, "said").severity(severity)
    }

    fn judged(profiles: &[LayoutProfile]) -> Vec<(&'static str, Severity)> {
        let findings = vec![
            finding(&rules_tile::STRIPS, Severity::Warning),
            finding(&rules_ifd::MAIN_AFTER_DATA, Severity::Error),
            finding(&rules_overview::FACTOR, Severity::Info),
            finding(&rules_geo::PLACE, Severity::Warning),
            finding(&rules_ghost::BLOCK_ORDER, Severity::Error),
        ];
        in_force(findings, Vec::new(), profiles).iter().map(|one| (one.rule.id, one.severity)).collect()
    }

    #[test]
    fn requirements_are_errors_and_recommendations_warnings() {
        use Severity::{Error, Info, Warning};
        let ogc = |class| LayoutProfile::Ogc(Some(class));
        assert_eq!(judged(&[ogc(Class::GeotiffFormat)]), [("COG-TILE-001", Error)]);
        assert_eq!(judged(&[ogc(Class::GeotiffKeys)]), [("COG-TILE-001", Error), ("COG-GEO-001", Error)]);
        assert_eq!(judged(&[ogc(Class::GeotiffOverviews)]), [("COG-TILE-001", Error), ("COG-IFD-001", Warning)]);
        let all = [("COG-TILE-001", Error), ("COG-IFD-001", Warning), ("COG-OVR-003", Info), ("COG-GEO-001", Error)];
        assert_eq!(judged(&[ogc(Class::OptimizedGeotiff)]), all);
        assert_eq!(judged(&[LayoutProfile::Ogc(None)]), all);
        let cog = judged(&[LayoutProfile::Cog]);
        assert_eq!(cog.len(), 5);
        assert_eq!(cog[0], ("COG-TILE-001", Warning));
        let both = judged(&[LayoutProfile::Cog, ogc(Class::GeotiffKeys)]);
        assert_eq!(
            (both[0], both[1], both[4]),
            (("COG-TILE-001", Error), ("COG-IFD-001", Error), ("COG-GHO-004", Error))
        );
    }

    #[test]
    fn the_clause_is_cited() {
        let place = finding(&rules_geo::PLACE, Severity::Warning);
        let cited = in_force(vec![place.clone()], Vec::new(), &[LayoutProfile::Ogc(Some(Class::GeotiffKeys))]);
        assert_eq!(cited[0].reference, "OGC 21-026 /req/geotiff-keys/georeference A");
        let row = OGC.iter().map(|member| (member.rule.id, member.class.name()));
        let unique: BTreeSet<_> = row.clone().collect();
        assert_eq!(unique.len(), row.count());
    }

    #[test]
    fn every_profile_has_rules_and_a_name() {
        for profile in LayoutProfile::ALL {
            assert!(!profile.rules().is_empty(), "{profile:?}");
        }
        assert!(LayoutProfile::Ogc(None).rules().len() < RULES.len());
        let names: BTreeSet<_> = LayoutProfile::ALL.iter().map(|profile| profile.name()).collect();
        assert_eq!(names.len(), LayoutProfile::ALL.len());
    }
}
