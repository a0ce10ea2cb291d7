//! The sources of a VRT, opened, and the mosaic that they make.
//!
//! GDAL opens a source when a tile touches it, and never compares it with the VRT. Here every file is opened once, its
//! header only (two small reads for a TIFF), in parallel, and what it says of itself is held against what the VRT says
//! of it: [`survey`] finds and opens ([`open`], within what [`policy`] allows), [`facts`] is what is known of a source
//! then, the `rules_…` compare, [`mosaic`] looks at all of them together, and [`picture`] draws them.

mod archives;
mod coverage;
mod facts;
#[cfg(feature = "gdal")]
mod gdal;
mod group;
mod kinds;
pub(super) mod mosaic;
mod open;
mod picture;
#[cfg(feature = "gdal")]
mod pixels;
pub(crate) mod policy;
mod rules_asked;
pub(super) mod rules_open;
pub(super) mod rules_place;
mod rules_processed;
pub(super) mod rules_read;
pub(super) mod rules_speed;
pub(super) mod rules_values;
pub(crate) mod side;
mod survey;
mod tiff;

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use parcelle_crs::Agreement;
use parcelle_report::picture::Picture;
use parcelle_report::{Findings, REMARKS};
use parcelle_storage::Usage;
use serde_json::Value;

use super::model::Dataset;
use super::target::shown;
use super::unread::Unread;
use super::{Subject, VrtOptions, at};
use facts::{Palette, SourceCrs};
use open::{Opened, Opener};
use policy::Policy;
use survey::{Survey, Use};

/// What the rules look at.
pub(crate) struct Context<'a> {
    subject: &'a Subject<'a>,
    dataset: &'a Dataset,
    survey: &'a Survey<'a>,
    opener: &'a Opener<'a>,
    /// Columns and rows.
    size: Option<(i64, i64)>,
    transform: Option<[f64; 6]>,
    inverse: Option<[f64; 6]>,
    crs: Option<SourceCrs>,
    /// Those of the sources.
    systems: Vec<SourceCrs>,
    agreements: Vec<Agreement>,
    palettes: Vec<Palette>,
}

impl Context<'_> {
    /// How the system of a source compares with that of the VRT; `None` where one of them has none.
    fn agreement(&self, crs: Option<u32>) -> Option<Agreement> {
        self.agreements.get(crs? as usize).copied()
    }

    /// Left, top, right, bottom of where a source is put.
    fn target_edges(&self, used: &Use<'_>) -> Option<[f64; 4]> {
        match used.source.target_rectangle() {
            Some(rectangle) => rectangle.edges(),
            None => self.size.map(|(width, height)| [0.0, 0.0, width as f64, height as f64]),
        }
        .filter(|[left, top, right, bottom]| left < right && top < bottom)
    }

    fn geo_transform_line(&self) -> u32 {
        self.dataset.geo_transform.as_ref().map_or(self.dataset.line, |field| field.line)
    }
}

/// What came of opening the sources.
pub(super) struct Outcome {
    pub(super) usage: Usage,
    /// What lies beside sources and could not be read.
    pub(super) unread: Vec<Unread>,
    pub(super) facts: Vec<(&'static str, Value)>,
    /// The mosaic, where a picture is wanted.
    pub(super) picture: Option<Picture>,
}

/// Opens the sources, and tests the rules of this module.
pub(super) fn check(
    subject: &Subject<'_>,
    dataset: &Dataset,
    options: &VrtOptions,
    findings: &mut Findings,
) -> Outcome {
    let opener = Opener::new(Policy::new(&options.sources), &options.files);
    let survey = Survey::of(dataset, subject.path, subject.process, &opener);
    let transform = dataset.geo_transform.as_ref().and_then(|field| side::geo_transform(&field.text));
    let srs = dataset.srs.as_ref().filter(|srs| !srs.text.trim().is_empty());
    let crs = srs.map(|srs| SourceCrs::of(&srs.text)).filter(|system| system.crs.is_some());
    let systems = opener.book.systems();
    let agreement = |system: &SourceCrs| match (&system.crs, crs.as_ref().and_then(|own| own.crs.as_ref())) {
        (Some(theirs), Some(own)) => own.agrees_with(theirs),
        _ => Agreement::Unknown,
    };
    let agreements = if crs.is_some() { systems.iter().map(agreement).collect() } else { Vec::new() };
    let context = Context {
        subject,
        dataset,
        survey: &survey,
        opener: &opener,
        size: dataset.size().map(|(width, height)| (i64::from(width), i64::from(height))),
        transform,
        inverse: transform.as_ref().and_then(facts::inverse),
        crs,
        systems,
        agreements,
        palettes: opener.book.palettes(),
    };
    let levels = rules_open::check(&context, findings);
    rules_place::check(&context, findings);
    let mosaic = mosaic::check(&context, levels, findings);
    rules_values::check(&context, &mosaic.overlapping, findings);
    rules_speed::check(&context, findings);
    rules_processed::check(&context, findings);
    rules_asked::check(&context, findings);
    archives::check(&context, findings);
    if options.depth == crate::Depth::Pixels {
        rules_read::check(&context, findings);
    }
    let picture = options.pictures.then(|| picture::picture(&context)).flatten();
    let mut facts = mosaic.facts;
    let mut remarks: Vec<Value> = mosaic::sentence(&facts).map(Value::from).into_iter().collect();
    let oldest = super::oldest::oldest_gdal(dataset);
    if oldest > super::oldest::BINDINGS {
        remarks.push(format!("The oldest GDAL that knows all it uses is {}.", shown(oldest)).into());
    }
    if !remarks.is_empty() {
        facts.push((REMARKS, remarks.into()));
    }
    facts.push(("sources_opened", opened(&survey).into()));
    if let Some(left) = left(&survey) {
        facts.push(("sources_not_opened", left));
    }
    let usage =
        Usage { requests: opener.requests.load(Ordering::Relaxed), bytes: opener.bytes.load(Ordering::Relaxed) };
    let unread = opener.unread.into_inner().unwrap_or_else(PoisonError::into_inner);
    Outcome { usage, unread, facts, picture }
}

fn opened(survey: &Survey<'_>) -> usize {
    survey.targets.iter().filter(|target| target.facts().is_some()).count()
}

/// How many files were not opened, by reason.
fn left(survey: &Survey<'_>) -> Option<Value> {
    let mut reasons: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for target in &survey.targets {
        if let Opened::Left(reason) = &target.opened {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    (!reasons.is_empty())
        .then(|| reasons.into_iter().map(|(reason, count)| (reason.to_owned(), Value::from(count))).collect())
}
