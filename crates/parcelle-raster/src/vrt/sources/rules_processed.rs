//! The steps of a processed VRT against the bands of its input: GDAL prepares them when it opens the file, and refuses it
//! where the numbers do not fit (`frmts/vrt/vrtprocesseddatasetfunctions.cpp`).

use std::collections::BTreeSet;

use parcelle_report::{Finding, Findings};

use super::super::model::{DatasetKind, ProcessingStep, leading_integer};
use super::super::rules_kind::PROCESSED;
use super::super::{at, limits};
use super::Context;

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
        let algorithm = step.algorithm.as_ref().map_or("", |field| &*field.text);
        let outcome = match () {
            () if algorithm.eq_ignore_ascii_case("BandAffineCombination") => affine(step, bands, wanted),
            () if algorithm.eq_ignore_ascii_case("LUT") => lookup(step, bands, wanted),
            () => Ok(None),
        };
        match outcome {
            Ok(after) => bands = after,
            Err(problem) => {
                let message = format!("Step {} of the processed VRT {problem}: GDAL refuses the file.", index + 1);
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
    let path = &input.file.as_ref()?.path;
    let target = context.survey.targets.iter().find(|target| target.through.is_none() && target.written == *path)?;
    usize::try_from(target.facts()?.bands.count()).ok()
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
            return Err(format!("has the argument {}, which names no band", super::super::shorten::shorten(name)));
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
            return Err(format!(
                "has the argument {}, of a band that does not go in",
                super::super::shorten::shorten(name)
            ));
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
