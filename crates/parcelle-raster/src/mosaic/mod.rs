//! Many files as one ImageMosaic of GeoServer: whether they fit together.
//!
//! GeoServer's ImageMosaic harvests the files of a directory: the first one decides what the others have to be, and what
//! does not fit is left out, resampled, or bent, mostly without a word. [`Mosaic`] takes a few numbers of each file
//! ([`Mosaic::add`]), so that tens of thousands of them take little memory, and [`Mosaic::judge`] then says what most have
//! and which have something else, what lies on what, and where a hole is.

mod compare;
mod granule;
mod pattern;
mod picture;
mod place;
mod rules;
mod vote;

use std::collections::{BTreeMap, HashMap};

use parcelle_crs::Crs;
use parcelle_report::{Compatibility, Finding, Findings, Outcome, Severity};
use parcelle_tiff::Structure;
use serde_json::{Value, json};

pub use rules::RULES;

use crate::geoserver::{Access, Version};
use granule::Granule;

/// Names listed of a group of files; the others are counted.
const MOST_LISTED: usize = 5;

/// A reference system that files of a mosaic have.
#[derive(Debug)]
struct System {
    label: String,
    crs: Option<Crs>,
}

/// The files that are to be one mosaic.
#[derive(Debug, Default)]
pub struct Mosaic {
    granules: Vec<Granule>,
    systems: Vec<System>,
    system_by_key: HashMap<String, u32>,
    virtual_rasters: Vec<String>,
    others: Vec<String>,
    /// The worst that any version makes of a file by itself, by that version.
    alone: BTreeMap<String, Outcome>,
}

/// What GeoServer makes of files as one mosaic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JudgedMosaic {
    /// Of the mosaic, worst first.
    pub findings: Vec<Finding>,
    /// The answer for the access `image-mosaic`.
    pub compatibility: Vec<Compatibility>,
    /// What is wrong with single files as parts of it, by their paths.
    pub outliers: BTreeMap<String, Vec<Finding>>,
    /// What most files have, and how many there are.
    pub facts: BTreeMap<&'static str, Value>,
}

impl Mosaic {
    /// Adds a file that is a TIFF, with what GeoServer makes of it by itself. Files are to be added in the order of their
    /// paths. Gives `false` where it holds no image.
    pub fn add(&mut self, structure: &Structure, path: &str, alone: &[Compatibility]) -> bool {
        let system = self.system(structure, path);
        let answer = alone.iter().find(|answer| answer.access == Access::File.as_str());
        let (outcome, because) =
            answer.map_or((Outcome::Reads, Vec::new()), |answer| (answer.outcome, answer.because.clone()));
        let granule = Granule::of(structure, path, system, outcome, because);
        let is_image = granule.is_some();
        self.granules.extend(granule);
        is_image
    }

    /// Adds what other versions of GeoServer make of a file by itself, for [`Mosaic::versions`].
    pub fn add_versions(&mut self, alone: &[Compatibility]) {
        for answer in alone.iter().filter(|answer| answer.access == Access::File.as_str()) {
            let worst = self.alone.entry(answer.version.clone()).or_insert(Outcome::Reads);
            if answer.outcome > *worst {
                *worst = answer.outcome;
            }
        }
    }

    /// Adds a VRT, which GeoServer harvests with its GDAL extension.
    pub fn add_virtual_raster(&mut self, path: &str) {
        self.virtual_rasters.push(path.to_owned());
    }

    /// Adds a file that is no raster but is tried.
    pub fn add_other(&mut self, path: &str) {
        self.others.push(path.to_owned());
    }

    /// How many files can be parts of it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.granules.len()
    }

    /// Whether none can.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.granules.is_empty()
    }

    /// The reference system of a file among those of the mosaic; by meaning, so that codes for the same are one.
    fn system(&mut self, structure: &Structure, path: &str) -> u32 {
        let (key, definition) = granule::system(structure, path);
        if let Some(known) = self.system_by_key.get(&key) {
            return *known;
        }
        let crs = definition.and_then(|definition| Crs::from_definition(&definition).ok());
        let same = self.systems.iter().position(|system| match (&system.crs, &crs) {
            (Some(known), Some(crs)) => known.same_positions_as(crs),
            _ => false,
        });
        let index = same.unwrap_or_else(|| {
            let label = match (&crs, key.as_str()) {
                (_, "none") => "no reference system".to_owned(),
                (Some(crs), key) if !key.starts_with("EPSG:") => crs.name().to_owned(),
                (_, key) => key.to_owned(),
            };
            self.systems.push(System { label, crs });
            self.systems.len() - 1
        });
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.system_by_key.insert(key, index);
        index
    }

    fn label(&self, system: u32) -> &str {
        self.systems.get(system as usize).map_or("no reference system", |system| &system.label)
    }

    fn path(&self, index: usize) -> &str {
        self.granules.get(index).map_or("", |granule| &granule.path)
    }

    /// Says how the files fit together in a version of GeoServer. `is_same` compares two files byte by byte, which is asked
    /// only of files that have the same place, length and block index.
    pub fn judge(&self, version: Version, is_same: impl FnMut(&str, &str) -> bool) -> JudgedMosaic {
        let mut verdict = Verdict::new(self);
        verdict.alone();
        verdict.attributes();
        verdict.places(is_same);
        verdict.others();
        let Verdict { findings, outliers, .. } = verdict;
        let findings = findings.into_sorted();
        let worst = self.granules.iter().map(|granule| granule.outcome).max();
        let compatibility = vec![answer(version.to_string(), worst.unwrap_or(Outcome::Reads), &findings)];
        JudgedMosaic { findings, compatibility, facts: self.facts(&outliers), outliers }
    }

    /// The answers of the versions that [`Mosaic::add_versions`] was told of, in their order, given the findings of
    /// [`Mosaic::judge`]: how files fit together does not depend on the version, only whether each can be read.
    #[must_use]
    pub fn versions(&self, known: &[Version], findings: &[Finding]) -> Vec<Compatibility> {
        let answers = known.iter().filter_map(|version| {
            let version = version.to_string();
            let worst = *self.alone.get(&version)?;
            Some(answer(version, worst, findings))
        });
        answers.collect()
    }

    fn facts(&self, outliers: &BTreeMap<String, Vec<Finding>>) -> BTreeMap<&'static str, Value> {
        let mut facts = BTreeMap::from([
            ("granules", json!(self.granules.len())),
            ("outliers", json!(outliers.len())),
            ("other_files", json!(self.others.len() + self.virtual_rasters.len())),
        ]);
        if let Some((system, _)) = vote::vote(&self.granules, |granule| Some(granule.system)) {
            facts.insert("crs", json!(self.label(system)));
        }
        if let Some((samples, _)) = vote::vote(&self.granules, |granule| Some(granule.samples)) {
            facts.insert("samples", json!(samples.to_string()));
        }
        let areas: Vec<_> = self.granules.iter().filter_map(Granule::area).collect();
        if let Some(first) = areas.first().copied() {
            let all = areas.iter().fold(first, |all, area| granule::Area {
                least: (all.least.0.min(area.least.0), all.least.1.min(area.least.1)),
                most: (all.most.0.max(area.most.0), all.most.1.max(area.most.1)),
            });
            facts.insert("extent", json!([all.least.0, all.least.1, all.most.0, all.most.1]));
        }
        facts
    }
}

/// What a version makes of a mosaic with these findings, where `alone` is the worst that it makes of a file by itself.
fn answer(version: String, alone: Outcome, findings: &[Finding]) -> Compatibility {
    let of_files = match alone {
        Outcome::Fails | Outcome::Misreads => Some(Severity::Error),
        Outcome::Slow => Some(Severity::Warning),
        Outcome::Reads => None,
    };
    let together = findings.iter().filter(|finding| finding.rule.id != rules::UNREADABLE.id);
    let mut said: Vec<(Severity, &'static str)> =
        of_files.map(|severity| (severity, rules::UNREADABLE.id)).into_iter().collect();
    said.extend(together.map(|finding| (finding.severity, finding.rule.id)));
    said.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    let is_there = |id: &str| said.iter().any(|(_, known)| *known == id);
    let (outcome, detail) = if alone == Outcome::Fails {
        (Outcome::Fails, "maps that touch the files that cannot be read fail")
    } else if said.first().is_some_and(|(severity, _)| *severity == Severity::Error) {
        (Outcome::Misreads, "files are left out of the maps or shown with wrong values, without an error")
    } else if is_there(rules::RESOLUTION.id) || is_there(rules::OVERVIEWS.id) {
        (Outcome::Slow, "each file is resampled by itself")
    } else {
        (Outcome::Reads, "")
    };
    let mut because: Vec<&'static str> =
        said.iter().filter(|(severity, _)| *severity > Severity::Info).map(|(_, id)| *id).collect();
    because.dedup();
    if outcome == Outcome::Reads {
        because.clear();
    }
    Compatibility {
        target: "geoserver".to_owned(),
        version,
        access: "image-mosaic".to_owned(),
        outcome,
        because,
        detail: detail.to_owned(),
        decoder: None,
    }
}

/// What is gathered while the rules are asked.
struct Verdict<'a> {
    mosaic: &'a Mosaic,
    findings: Findings,
    outliers: BTreeMap<String, Vec<Finding>>,
}

impl<'a> Verdict<'a> {
    fn new(mosaic: &'a Mosaic) -> Self {
        Self { mosaic, findings: Findings::new(), outliers: BTreeMap::new() }
    }

    /// `3 of 400 files`.
    fn share(&self, files: usize) -> String {
        format!("{files} of {} files", self.mosaic.granules.len())
    }

    /// The first names, and how many more there are.
    fn names(&self, files: &[usize]) -> String {
        let names: Vec<&str> = files.iter().map(|index| self.mosaic.path(*index)).collect();
        listed(&names)
    }

    fn outlier(&mut self, index: usize, finding: Finding) {
        self.outliers.entry(self.mosaic.path(index).to_owned()).or_default().push(finding);
    }
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(MOST_LISTED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
