//! What GDAL, and GeoServer on top of it, make of a VRT: the rows of `profiles/geoserver/vrt-capabilities.csv`, held
//! against the findings of the rules for one version of GDAL and a few facts beside them.
//!
//! A GeoServer reads a VRT through the GDAL of its system, so its answer depends on both versions; the way of access is
//! called `vrt`. What cannot be known without opening the sources, the rules that open them say.

use std::collections::BTreeSet;
use std::io;
use std::sync::LazyLock;

use parcelle_report::{Compatibility, Finding, Outcome, Severity};

use super::Targets;
use super::details::DataType;
use super::document::Document;
use super::model::{Band, Dataset, DatasetKind};
use super::rules_band::java_type;
use super::rules_remote::{Scheme, scheme};
use super::rules_window::{Windows, windows_of};
use super::target::{GEOSERVER_GDAL, GdalVersion, NEWEST_GDAL, parse_gdal_version, shown};
use crate::geoserver::{TableError, csv};

const TABLE: &str = include_str!("../../profiles/geoserver/vrt-capabilities.csv");
const NAME: &str = "vrt-capabilities.csv";

/// Network file systems that ask for credentials.
const WITH_CREDENTIALS: &[&str] = &["/vsis3", "/vsigs", "/vsiaz", "/vsiadls", "/vsioss", "/vsiswift", "/vsiwebhdfs"];

/// Whom a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Any,
    Gdal,
    Geoserver,
}

/// One row.
#[derive(Debug)]
struct Capability {
    rule: &'static str,
    about: About,
    first: Option<GdalVersion>,
    last: Option<GdalVersion>,
    outcome: Outcome,
    /// Terms that must all hold: the name of a fact and the words it may be.
    terms: Vec<(String, Vec<String>)>,
}

impl Capability {
    fn holds(&self, about: About, gdal: GdalVersion, facts: &Facts) -> bool {
        (self.about == About::Any || self.about == about)
            && self.first.is_none_or(|first| first <= gdal)
            && self.last.is_none_or(|last| gdal <= last)
            && self.terms.iter().all(|(name, words)| words.iter().any(|word| facts.has(name, word)))
    }
}

static CAPABILITIES: LazyLock<Result<Vec<Capability>, TableError>> = LazyLock::new(capabilities);

fn capabilities() -> Result<Vec<Capability>, TableError> {
    TABLE.lines().enumerate().skip(1).map(|(index, line)| capability(index + 1, line)).collect()
}

fn capability(number: usize, line: &'static str) -> Result<Capability, TableError> {
    let wrong = |reason: String| TableError { table: NAME, line: number, reason };
    let fields = csv::fields(line).ok_or_else(|| wrong("a quote is not closed".to_owned()))?;
    let [_, about, first, last, outcome, condition, _exception, _evidence] = fields.as_slice() else {
        return Err(wrong(format!("{} fields, not 8", fields.len())));
    };
    let version = |text: &str| match text {
        "" => Ok(None),
        text => parse_gdal_version(text).map(Some).ok_or_else(|| wrong(format!("{text:?} is no version"))),
    };
    let terms = condition.split(" and ").map(|term| match term.split_once('=') {
        Some((name, words)) => Ok((name.to_owned(), words.split('|').map(str::to_owned).collect())),
        None => Err(wrong(format!("{term:?} is no term"))),
    });
    Ok(Capability {
        rule: line.split(',').next().unwrap_or_default(),
        about: match &**about {
            "any" => About::Any,
            "gdal" => About::Gdal,
            "geoserver" => About::Geoserver,
            other => return Err(wrong(format!("{other:?} is no target"))),
        },
        first: version(first)?,
        last: version(last)?,
        outcome: match &**outcome {
            "slow" => Outcome::Slow,
            "misreads" => Outcome::Misreads,
            "fails" => Outcome::Fails,
            other => return Err(wrong(format!("{other:?} is no outcome"))),
        },
        terms: terms.collect::<Result<_, _>>()?,
    })
}

/// What is known, as pairs of a name and a word; a name may have several words.
#[derive(Debug, Default)]
struct Facts(BTreeSet<(&'static str, &'static str)>);

impl Facts {
    fn has(&self, name: &str, word: &str) -> bool {
        self.0.contains(&(name, word))
    }

    fn of(document: &Document, dataset: Option<&Dataset>) -> Self {
        let mut facts = Self::default();
        if let Some(streamed) = &document.streamed {
            let is_raster = streamed.command.is_ok() && !streamed.is_vector();
            facts.0.insert(("streamed", if is_raster { "raster" } else { "other" }));
        }
        let Some(dataset) = dataset else { return facts };
        let mut set = |name, word| facts.0.insert((name, word));
        if dataset.size().is_none() && matches!(dataset.kind(), DatasetKind::Classic | DatasetKind::Warped) {
            set("size", "refused");
        }
        match windows_of(dataset) {
            Windows::Sound => {}
            Windows::Refused => {
                set("window", "refused");
            }
            Windows::Partial => {
                set("window", "partial");
            }
        }
        if dataset.bands.iter().any(|band| !band.is_a("VRTRawRasterBand")) {
            set("raw", "no");
        }
        if dataset.bands.iter().flat_map(|band| &band.overviews).any(|overview| overview.file.is_none()) {
            set("overview", "nameless");
        }
        let java = |band: Option<&Band>| band.and_then(Band::kind).and_then(|kind: DataType| java_type(kind));
        set("java", if java(dataset.bands.first()) == java(dataset.bands.last()) { "same" } else { "differs" });
        for reference in dataset.references() {
            match scheme(&reference.file.path) {
                Scheme::Connection(_) => {
                    set("scheme", "connection");
                }
                Scheme::Danger(word) if word != "/vsisubfile/" => {
                    set("scheme", "danger");
                }
                Scheme::Network(name) if WITH_CREDENTIALS.iter().any(|known| name.starts_with(known)) => {
                    set("scheme", "credentials");
                }
                _ => {}
            }
        }
        facts
    }

    /// With what the rules found.
    fn with_findings(&self, findings: &[Finding]) -> Self {
        let mut facts = self.0.clone();
        for finding in findings {
            let name = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            facts.insert((name, finding.rule.id));
        }
        Self(facts)
    }
}

/// Gives the answers: of GDAL where it is asked for, of GeoServer where a version of it is. `findings` makes the findings
/// for a stated version of GDAL.
pub(super) fn judge(
    document: &Document,
    dataset: Option<&Dataset>,
    stated: Option<GdalVersion>,
    targets: &Targets,
    mut findings: impl FnMut(GdalVersion) -> Vec<Finding>,
) -> io::Result<Vec<Compatibility>> {
    let Targets { gdal, geoserver } = targets;
    let rows = CAPABILITIES.as_ref().map_err(|error| io::Error::other(error.clone()))?;
    let known = Facts::of(document, dataset);
    let below = stated.unwrap_or(GEOSERVER_GDAL);
    let mut versions = match stated {
        Some(stated) => vec![stated],
        None => vec![GEOSERVER_GDAL, NEWEST_GDAL],
    };
    if !*gdal {
        versions.retain(|version| !geoserver.is_empty() && *version == below);
    }
    let mut answers = Vec::new();
    let mut of_geoserver = Vec::new();
    for version in versions {
        let facts = known.with_findings(&findings(version));
        if *gdal {
            answers.push(answer(rows, About::Gdal, "gdal", shown(version), version, &facts));
        }
        if version == below {
            let of = |server: &crate::geoserver::Version| {
                answer(rows, About::Geoserver, "geoserver", server.to_string(), version, &facts)
            };
            of_geoserver.extend(geoserver.iter().map(of));
        }
    }
    answers.extend(of_geoserver);
    Ok(answers)
}

fn answer(
    rows: &[Capability],
    about: About,
    target: &str,
    version: String,
    gdal: GdalVersion,
    facts: &Facts,
) -> Compatibility {
    let mut outcome = Outcome::Reads;
    let mut because = Vec::new();
    for row in rows.iter().filter(|row| row.holds(about, gdal, facts)) {
        if row.outcome > outcome {
            outcome = row.outcome;
        }
        if !because.contains(&row.rule) {
            because.push(row.rule);
        }
    }
    Compatibility {
        target: target.to_owned(),
        version,
        access: "vrt".to_owned(),
        outcome,
        because,
        detail: String::new(),
        decoder: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let rows = CAPABILITIES.as_ref().unwrap();
        assert!(rows.len() >= 55);
        for (index, line) in TABLE.lines().enumerate().skip(1) {
            let fields = csv::fields(line).unwrap();
            assert_eq!(fields[4] == "fails", !fields[6].is_empty(), "line {}", index + 1);
            assert!(["measured", "source"].contains(&fields[7].split(':').next().unwrap()), "line {}", index + 1);
        }
        for row in rows {
            for (name, _) in &row.terms {
                let known =
                    ["error", "warning", "info", "size", "window", "java", "scheme", "streamed", "raw", "overview"];
                assert!(known.contains(&name.as_str()), "{}: {name} is no fact", row.rule);
            }
        }
    }

    #[test]
    fn a_wrong_row_is_named() {
        for (row, said) in [
            ("VRT-A-001,any,,,fails,error=VRT-A-001,x", "7 fields, not 8"),
            ("VRT-A-001,all,,,fails,error=VRT-A-001,x,y", "\"all\" is no target"),
            ("VRT-A-001,any,new,,fails,error=VRT-A-001,x,y", "\"new\" is no version"),
            ("VRT-A-001,any,,,dies,error=VRT-A-001,x,y", "\"dies\" is no outcome"),
            ("VRT-A-001,any,,,fails,error,x,y", "\"error\" is no term"),
            ("VRT-A-001,any,,,fails,error=VRT-A-001,\"x,y", "a quote is not closed"),
        ] {
            assert_eq!(capability(2, row).unwrap_err().to_string(), format!("vrt-capabilities.csv, line 2: {said}"));
        }
    }
}
