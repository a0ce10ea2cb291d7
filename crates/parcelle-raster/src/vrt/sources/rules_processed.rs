//! The steps of a processed VRT against the bands of its input: GDAL prepares them when it opens the file, and refuses it
//! where the numbers do not fit (`frmts/vrt/vrtprocesseddatasetfunctions.cpp`).

use std::collections::BTreeSet;

use parcelle_report::{Finding, Findings};

use super::super::model::{DatasetKind, ProcessingStep, leading_integer};
use super::super::rules_kind::PROCESSED;
use super::super::shorten::shorten;
use super::super::{at, limits, steps};
use super::Context;
use super::facts::{RasterFacts, apply, inverse};
use super::survey::Target;

/// Tests the rule.
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    let dataset = context.dataset;
    let Some(steps) = dataset.processing_steps.as_ref().filter(|_| dataset.kind() == DatasetKind::Processed) else {
        return;
    };
    let input = bands_of_input(context);
    let mut bands = input;
    for (index, step) in steps.steps.iter().enumerate() {
        let is_last = index + 1 == steps.steps.len();
        let wanted = if is_last { wanted(context, input) } else { None };
        // What the step says of itself is told without its sources.
        if steps::refusal(step).is_some() {
            return;
        }
        let outcome = match step.algorithm.as_ref().map_or("", |field| &*field.text) {
            "BandAffineCombination" => affine(step, bands, wanted),
            "LUT" => lookup(step, bands, wanted),
            "LocalScaleOffset" => local_scale(context, step, bands).map(|()| wanted.or(bands)),
            "Trimming" => trimming(context, step, bands).map(|()| wanted.or(bands)),
            _ => Ok(None),
        };
        let outcome = outcome.map_err(|problem| format!("{problem}: GDAL refuses the file"));
        // What GDAL notices only when pixels are read, or never.
        let outcome =
            outcome.and_then(|after| match too_few_to_trim(step, bands).or_else(|| uncovered(context, step)) {
                Some(problem) => Err(problem),
                None => Ok(after),
            });
        match outcome {
            Ok(after) => bands = after,
            Err(problem) => {
                let message = format!("Step {} of the processed VRT {problem}.", index + 1);
                let fix = format!("Correct the step on line {} of {}.", step.line, context.subject.file());
                findings.push(Finding::new(&PROCESSED, message).at(at(step.line, "Step")).fix(fix));
                return;
            }
        }
    }
}

/// How many bands go into the first step, where that is known.
fn bands_of_input(context: &Context<'_>) -> Option<usize> {
    let input = context.dataset.input.as_ref()?;
    if let Some(inner) = &input.dataset {
        return Some(inner.bands.len()).filter(|count| *count > 0);
    }
    let facts = facts_of(context, &input.file.as_ref()?.path)?;
    usize::try_from(facts.bands.count()).ok()
}

/// What is known of a file that the VRT names.
fn facts_of<'a>(context: &Context<'a>, path: &str) -> Option<&'a RasterFacts> {
    let named = |target: &&Target| target.through.is_none() && *target.written == *path;
    context.survey.targets.iter().find(named)?.facts()
}

/// How many bands must come out of the last step, where the file says so.
fn wanted(context: &Context<'_>, input: Option<usize>) -> Option<usize> {
    let stated = context.dataset.output_bands.as_ref().and_then(|bands| bands.count.as_ref());
    if let Some(count) = stated {
        return match &*count.text {
            text if text.eq_ignore_ascii_case("FROM_SOURCE") => input,
            text if text.eq_ignore_ascii_case("FROM_LAST_STEP") => None,
            // What is beyond these is told of <OutputBands> itself.
            text => {
                let count = leading_integer(text).and_then(|count| usize::try_from(count).ok());
                count.filter(|count| (1..=limits::BANDS).contains(count))
            }
        };
    }
    Some(context.dataset.bands.len()).filter(|count| *count > 0)
}

/// The arguments `word_1`, `word_2`, … with their numbers.
fn numbered<'a>(step: &'a ProcessingStep, word: &'static str) -> impl Iterator<Item = (i32, &'a str, &'a str)> {
    step.arguments.iter().filter_map(move |argument| {
        let start = argument.name.get(..word.len())?;
        let number = argument.name.get(word.len()..)?;
        start
            .eq_ignore_ascii_case(word)
            .then(|| (leading_integer(number).unwrap_or_default(), &*argument.name, &*argument.value))
    })
}

fn values(list: &str) -> usize {
    list.split(',').filter(|value| !value.is_empty()).count()
}

fn has_gap(numbers: &BTreeSet<i32>) -> Option<i32> {
    (1..).zip(numbers).find(|(expected, number)| expected != *number).map(|(expected, _)| expected)
}

fn affine(step: &ProcessingStep, bands: Option<usize>, wanted: Option<usize>) -> Result<Option<usize>, String> {
    let mut given = BTreeSet::new();
    for (number, name, value) in numbered(step, "coefficients_") {
        if number <= 0 || usize::try_from(number).is_ok_and(|number| number > limits::BANDS) {
            return Err(format!("has the argument {}, which names no band", shorten(name)));
        }
        let count = values(value);
        if let Some(bands) = bands.filter(|bands| count != bands + 1) {
            return Err(format!("has {count} values in {name}, where {bands} bands need {}", bands + 1));
        }
        given.insert(number);
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != given.len()) {
        return Err(format!("has coefficients for {} bands, where {wanted} must come out", given.len()));
    }
    match has_gap(&given) {
        Some(missing) => Err(format!("lacks the argument coefficients_{missing}")),
        None => Ok(Some(given.len())),
    }
}

fn lookup(step: &ProcessingStep, bands: Option<usize>, wanted: Option<usize>) -> Result<Option<usize>, String> {
    let mut given = BTreeSet::new();
    for (number, name, value) in numbered(step, "lut_") {
        let beyond = |bands: usize| usize::try_from(number).is_ok_and(|number| number > bands);
        if number <= 0 || bands.is_some_and(beyond) {
            return Err(format!("has the argument {}, of a band that does not go in", shorten(name)));
        }
        let pairs = value.split(',').filter(|pair| !pair.is_empty());
        if pairs.clone().any(|pair| pair.split(':').filter(|part| !part.is_empty()).count() != 2) {
            return Err(format!("has no pairs such as 1:2 in {name}"));
        }
        given.insert(number);
    }
    if let Some(missing) = has_gap(&given) {
        return Err(format!("lacks the argument lut_{missing}"));
    }
    match wanted.or(bands).filter(|wanted| given.len() < *wanted) {
        Some(wanted) => Err(format!("has tables for {} bands, where {wanted} must come out", given.len())),
        None => Ok(wanted.or(bands)),
    }
}

/// Gains and offsets for each band, from bands of files that have a place.
fn local_scale(context: &Context<'_>, step: &ProcessingStep, bands: Option<usize>) -> Result<(), String> {
    for (files, numbers) in
        [("gain_dataset_filename_", "gain_dataset_band_"), ("offset_dataset_filename_", "offset_dataset_band_")]
    {
        for family in [files, numbers] {
            let mut given = BTreeSet::new();
            for (number, name, _) in numbered(step, family) {
                if number <= 0 || bands.is_some_and(|bands| usize::try_from(number).is_ok_and(|number| number > bands))
                {
                    return Err(format!("has the argument {}, of a band that does not go in", shorten(name)));
                }
                given.insert(number);
            }
            let missing = has_gap(&given).or_else(|| {
                let bands = bands.filter(|bands| given.len() < *bands)?;
                i32::try_from(bands.min(given.len() + 1)).ok()
            });
            if let Some(missing) = missing {
                return Err(format!("lacks the argument {family}{missing}"));
            }
        }
        for (number, _, file) in numbered(step, files) {
            let Some(facts) = facts_of(context, file) else { continue };
            has_place(facts, file)?;
            let band =
                numbered(step, numbers).find(|(of, ..)| *of == number).and_then(|(.., band)| leading_integer(band));
            let there = facts.bands.count();
            if let Some(band) = band.filter(|band| *band <= 0 || u32::try_from(*band).is_ok_and(|band| band > there)) {
                return Err(format!("reads band {band} of {}, which has {there}", shorten(file)));
            }
        }
    }
    Ok(())
}

/// Three different bands that go in, and a file of one band that has a place.
fn trimming(context: &Context<'_>, step: &ProcessingStep, bands: Option<usize>) -> Result<(), String> {
    let value = |name: &str| {
        let given = step.arguments.iter().rfind(|argument| argument.name.eq_ignore_ascii_case(name));
        given.map(|argument| &*argument.value)
    };
    let mut colors = BTreeSet::new();
    for (name, otherwise) in [("red_band", 1), ("green_band", 2), ("blue_band", 3)] {
        let stated = value(name).and_then(leading_integer);
        let beyond = |band: i32| bands.is_some_and(|bands| usize::try_from(band).is_ok_and(|band| band > bands));
        if let Some(band) = stated.filter(|band| *band <= 0 || beyond(*band)) {
            return Err(format!("has {name}={band}, which is no band that goes in"));
        }
        colors.insert(stated.unwrap_or(otherwise));
    }
    if colors.len() < 3 {
        return Err(
            "takes one band for two of red_band, green_band and blue_band (1, 2 and 3 where not stated)".to_owned()
        );
    }
    let Some(file) = value("trimming_dataset_filename") else { return Ok(()) };
    let Some(facts) = facts_of(context, file) else { return Ok(()) };
    has_place(facts, file)?;
    match facts.bands.count() {
        1 => Ok(()),
        count => Err(format!("trims by {}, which has {count} bands instead of one", shorten(file))),
    }
}

/// GDAL holds only the numbers that are written against the bands, not 1, 2 and 3, which it takes for the others.
fn too_few_to_trim(step: &ProcessingStep, bands: Option<usize>) -> Option<String> {
    let is_trimming = step.algorithm.as_ref().is_some_and(|field| &*field.text == "Trimming");
    let few = bands.filter(|bands| is_trimming && *bands < 3)?;
    let go = if few == 1 { "1 band goes" } else { "2 bands go" };
    Some(format!(
        "trims three bands where {go} in: GDAL reads and writes memory beyond them, which may end the process"
    ))
}

/// A file of gains, offsets or limits that does not cover the input: a tile beyond it fails, but for one of its pixels.
fn uncovered(context: &Context<'_>, step: &ProcessingStep) -> Option<String> {
    let input = facts_of(context, &context.dataset.input.as_ref()?.file.as_ref()?.path)?;
    let transform = input.geo_transform.as_ref()?;
    let corners = [(0.0, 0.0), (f64::from(input.width), f64::from(input.height))];
    let corners = corners.map(|(column, row)| apply(transform, column, row));
    step.files.iter().find_map(|file| {
        let facts = facts_of(context, &file.path)?;
        let back = inverse(facts.geo_transform.as_ref()?)?;
        let [(left, top), (right, bottom)] = corners.map(|(x, y)| apply(&back, x, y));
        let (width, height) = (f64::from(facts.width), f64::from(facts.height));
        let covers = left >= -1.0 && top >= -1.0 && right <= width + 1.0 && bottom <= height + 1.0;
        (!covers)
            .then(|| format!("reads {}, which does not cover the input: tiles beyond it fail", shorten(&file.path)))
    })
}

fn has_place(facts: &RasterFacts, file: &str) -> Result<(), String> {
    match facts.geo_transform {
        Some(_) => Ok(()),
        None => Err(format!("reads {}, which has no geotransform", shorten(file))),
    }
}
