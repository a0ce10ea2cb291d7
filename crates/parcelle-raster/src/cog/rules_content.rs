//! `COG-OVR-012`: does an overview show what the level below it shows?
//!
//! Sampled tiles of every overview are compared with the next larger level, in ways that hold whatever the overview was
//! made with (nearest, average, bilinear, cubic, Lanczos, mode, gauss, rms):
//!
//! * **range**: a pixel lies between the least and the greatest pixel around the place it stands for, two overview pixels
//!   to each side, which no kernel in use exceeds; overshoot of cubic kernels and losses of lossy codecs are allowed for.
//! * **flat**: a tile of a single value is one of the values below it, or close to their mean.
//! * **likeness**: where the level below is no noise (its neighbouring areas are alike), the overview goes up and down with
//!   it: a correlation that chance explains is none.
//!
//! A tile matches unless one of these fails clearly (for more than a quarter of its pixels). Colours of a palette are not
//! numbers: there a pixel only has to be that of its surroundings where these have one single value. Nodata, NaN and, in
//! files with a mask or an alpha band, 0 are let pass wherever some of it is below. Levels of other samples or another
//! photometric interpretation are not compared, nor are complex numbers.
//!
//! Masks are compared with masks: where all around a place below shows, or nothing does, the overview has to say the same.

use std::cell::Cell;
use std::io;

use parcelle_report::{Finding, Rule, Severity};
use parcelle_storage::ByteSource;
use parcelle_tiff::{Image, tags};
use rayon::prelude::*;

use super::context::{Context, at_block, plural};
use super::fix::{Fix, REWRITE};
use super::levels::Level;
use super::rules_pixels::is_overview;
use crate::pixels::Scratch;
use crate::pixels::samples::{Window, read};
use crate::pixels::survey::Target;

pub(crate) static CONTENT: Rule = Rule {
    id: "COG-OVR-012",
    severity: Severity::Warning,
    title: "An overview shows something else than the level below it",
    why: "The image was changed and its overviews were not built anew, or they were never filled (gdaladdo -r none): the map \
          shows one thing from afar and another from near.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-overviews/overviews (reduced-resolution versions of the full-resolution image); GDAL gdaladdo, option -r",
};

/// Levels that are looked at: as often as the largest image can be halved.
const LEVELS: usize = 32;
/// Tiles of a level that are looked at.
const SAMPLED: usize = 12;
/// Pixels across and down of the part of a tile that is looked at.
const PART: u32 = 32;
/// The same of a mask, which mostly has one value far and wide.
const PART_OF_MASK: u32 = 128;
/// With fewer pixels chance decides.
const LEAST_PIXELS: usize = 64;
/// Overview pixels to each side of one whose values below may have part in it: the reach of a Lanczos kernel.
const REACH: f64 = 2.0;
/// Between levels further apart a part of a tile would take too many pixels below.
const LARGEST_FACTOR: f64 = 16.0;
/// Bands that are compared.
const BANDS: usize = 3;
/// Part of the pixels of a tile that may be out of range.
const TOLERATED: f64 = 0.25;
const PALETTE: u16 = 3;

pub(crate) fn check(
    context: &Context<'_>,
    targets: &[Target<'_>],
    source: &dyn ByteSource,
    findings: &mut Vec<(Finding, Fix)>,
) -> io::Result<()> {
    let levels = &context.layout.levels;
    let from_large_to_small = |takes: fn(&Level<'_>) -> bool| {
        let mut numbers: Vec<usize> = (0..levels.len()).filter(|number| takes(&levels[*number])).collect();
        numbers.sort_by_key(|number| std::cmp::Reverse(levels[*number].pixels()));
        numbers
    };
    let (imagery, masks) =
        (from_large_to_small(|level| level.is_imagery()), from_large_to_small(|level| level.is_mask()));
    let has_mask = levels.iter().any(Level::is_mask)
        || context
            .structure
            .main()
            .is_some_and(|main| main.unsigned_values(tags::EXTRA_SAMPLES).iter().any(|kind| matches!(kind, 1 | 2)));
    for pair in imagery.windows(2).take(LEVELS).chain(masks.windows(2).take(LEVELS)) {
        let [below, above] = [pair[0], pair[1]];
        if !is_overview(&levels[above]) || !is_comparable(&levels[above], &levels[below]) {
            continue;
        }
        let comparison =
            Comparison { above: (&levels[above], &targets[above]), below: (&levels[below], &targets[below]), has_mask };
        let blocks = comparison.sampled();
        let compared: io::Result<Vec<Option<(usize, &'static str)>>> =
            blocks.par_iter().map(|block| comparison.tile(*block, source)).collect();
        let compared = compared?;
        let mut failed = compared.iter().flatten();
        let Some((first, how)) = failed.next() else { continue };
        let count = 1 + failed.count() as u64;
        let name = &levels[above].name;
        let mut name = name.clone();
        if let Some(letter) = name.get_mut(..1) {
            letter.make_ascii_uppercase();
        }
        let message = format!(
            "{name} does not match {}: {how} ({} of {} sampled)",
            levels[below].name,
            plural(count, "tile"),
            blocks.len()
        );
        findings.push((Finding::new(&CONTENT, message).at(at_block(&levels[above], *first)), Fix::Rewrite));
    }
    Ok(())
}

/// Whether two levels hold numbers of one meaning. Those of masks are 0 and anything else, whatever their type.
fn is_comparable(above: &Level<'_>, below: &Level<'_>) -> bool {
    let samples =
        |image: &Image| (image.data_type(), image.samples_per_pixel, image.planar_configuration, image.photometric);
    let is_smaller = above.image.width < below.image.width && above.image.height < below.image.height;
    is_smaller && (above.is_mask() || samples(&above.image) == samples(&below.image))
}

/// Two levels side by side.
struct Comparison<'context, 'structure> {
    above: (&'context Level<'structure>, &'context Target<'context>),
    below: (&'context Level<'structure>, &'context Target<'context>),
    has_mask: bool,
}

impl Comparison<'_, '_> {
    /// The tiles of the first plane that are looked at, spread evenly.
    fn sampled(&self) -> Vec<usize> {
        let total = usize::try_from(self.above.0.image.blocks_per_plane()).unwrap_or(usize::MAX);
        let total = total.min(self.above.0.blocks.len());
        let count = total.min(SAMPLED);
        (0..count).map(|number| (2 * number + 1) * total / (2 * count)).collect()
    }

    /// Compares one tile; gives it with what is wrong, if something is.
    fn tile(&self, block: usize, source: &dyn ByteSource) -> io::Result<Option<(usize, &'static str)>> {
        let (above, below) = (&self.above.0.image, &self.below.0.image);
        let (Ok(above_decoder), Ok(below_decoder)) = (&self.above.1.decoder, &self.below.1.decoder) else {
            return Ok(None);
        };
        let factor =
            [f64::from(below.width) / f64::from(above.width), f64::from(below.height) / f64::from(above.height)];
        if factor.iter().any(|factor| *factor > LARGEST_FACTOR) {
            return Ok(None);
        }
        let is_mask = self.above.0.is_mask();
        let part = part(above, block, if is_mask { PART_OF_MASK } else { PART });
        let around = around(part, factor, below);
        let mut scratch = Scratch::default();
        let mut get = |decoder, (level, target): (&Level<'_>, &Target<'_>), window| {
            // Of what is lost nothing is known: it is not full of nodata.
            let has_lost = Cell::new(false);
            let place = |block| {
                has_lost.set(has_lost.get() || level.is_lost(block));
                (target.place)(block)
            };
            let hides = is_webp_with_alpha(&level.image);
            let values = read(decoder, &place, source, window, BANDS + usize::from(hides), target.fill, &mut scratch)?;
            io::Result::Ok(
                values.filter(|_| !has_lost.get()).map(|bands| if hides { without_hidden(bands) } else { bands }),
            )
        };
        let Some(upper) = get(above_decoder, self.above, part)? else { return Ok(None) };
        let Some(lower) = get(below_decoder, self.below, around)? else { return Ok(None) };
        let is_lossy = [above, below].iter().any(|image| matches!(image.compression, 7 | 34_887 | 50_001 | 50_002));
        for (upper, lower) in upper.iter().zip(&lower) {
            let pair = Pair {
                upper,
                lower,
                part,
                around,
                factor,
                fill: self.above.1.fill,
                lets_zero_pass: self.has_mask,
                tolerance: tolerance(above, is_lossy),
            };
            let wrong = match above.photometric {
                _ if is_mask => pair.judge_mask(),
                Some(PALETTE) => pair.judge_palette(),
                _ => pair.judge(),
            };
            if let Some(how) = wrong {
                return Ok(Some((block, how)));
            }
        }
        Ok(None)
    }
}

/// The fourth sample of WebP is an alpha channel, whatever the image takes it for: where it is 0 the encoder makes colours
/// of its own.
const fn is_webp_with_alpha(image: &Image) -> bool {
    image.compression == 50_001 && image.samples_per_pixel == 4
}

/// Takes the alpha channel off, and the colours under it where it is 0.
fn without_hidden(mut bands: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    if let Some(alpha) = bands.get(BANDS).cloned() {
        bands.truncate(BANDS);
        for band in &mut bands {
            let hidden = band.iter_mut().zip(&alpha).filter(|(_, alpha)| **alpha == 0.0);
            hidden.for_each(|(value, _)| *value = f64::NAN);
        }
    }
    bands
}

/// What rounding and lossy codecs may do to a value.
fn tolerance(image: &Image, is_lossy: bool) -> f64 {
    match (image.sample_format, is_lossy) {
        (3, _) => 0.0,
        (_, false) => 1.0,
        // JPEG and WebP ring around edges by some tenth of the range.
        (_, true) => f64::powi(2.0, i32::from(image.bits_per_sample)) / 10.0,
    }
}

/// The middle of a tile, inside the image, of so many pixels across and down at most.
fn part(image: &Image, block: usize, most: u32) -> Window {
    let (width, height) = image.block_size();
    let (column, row, _) = image.block_at(block as u64);
    let cut = |place: u32, size: u32, all: u32| {
        let start = place.saturating_mul(size);
        let visible = all.saturating_sub(start).min(size);
        let taken = visible.min(most);
        (start.saturating_add((visible - taken) / 2), taken)
    };
    let ((left, width), (top, height)) = (cut(column, width, image.width), cut(row, height, image.height));
    Window { left, top, width, height }
}

/// The pixels below that may have part in a window.
fn around(part: Window, factor: [f64; 2], below: &Image) -> Window {
    let span = |start: u32, size: u32, factor: f64, all: u32| {
        let first = ((f64::from(start) - REACH) * factor).floor().max(0.0) as u32;
        let last = ((f64::from(start) + f64::from(size) + REACH) * factor).ceil() as u32;
        (first.min(all.saturating_sub(1)), last.min(all).saturating_sub(first).max(1))
    };
    let (left, width) = span(part.left, part.width, factor[0], below.width);
    let (top, height) = span(part.top, part.height, factor[1], below.height);
    Window { left, top, width, height }
}

/// The same band of the same place at two levels.
struct Pair<'values> {
    upper: &'values [f64],
    lower: &'values [f64],
    part: Window,
    around: Window,
    factor: [f64; 2],
    fill: f64,
    lets_zero_pass: bool,
    tolerance: f64,
}

/// What is below a pixel of an overview.
#[derive(Debug, Clone, Copy)]
struct Below {
    least: f64,
    most: f64,
    has_nan: bool,
    has_fill: bool,
    /// The mean of the pixels that it covers.
    mean: f64,
}

impl Pair<'_> {
    fn below(&self, x: u32, y: u32) -> Below {
        let span = |place: u32, factor: f64, start: u32, size: u32, reach: f64| {
            let first = ((f64::from(place) - reach) * factor).floor() - f64::from(start);
            let last = ((f64::from(place) + 1.0 + reach) * factor).ceil() - f64::from(start);
            let first = (first.max(0.0) as usize).min(size as usize - 1);
            first..(last.max(0.0) as usize).clamp(first + 1, size as usize)
        };
        let (left, top) = (self.part.left + x, self.part.top + y);
        let columns = |reach| span(left, self.factor[0], self.around.left, self.around.width, reach);
        let rows = |reach| span(top, self.factor[1], self.around.top, self.around.height, reach);
        let mut below =
            Below { least: f64::INFINITY, most: f64::NEG_INFINITY, has_nan: false, has_fill: false, mean: 0.0 };
        let width = self.around.width as usize;
        for row in rows(REACH) {
            let line = self.lower.get(row * width..(row + 1) * width).unwrap_or_default();
            for value in line.get(columns(REACH)).unwrap_or_default() {
                below.has_nan |= value.is_nan();
                below.has_fill |= *value == self.fill;
                below.least = below.least.min(*value);
                below.most = below.most.max(*value);
            }
        }
        let (mut sum, mut count) = (0.0, 0.0);
        for row in rows(0.0) {
            let line = self.lower.get(row * width..(row + 1) * width).unwrap_or_default();
            for value in line.get(columns(0.0)).unwrap_or_default() {
                sum += value;
                count += 1.0;
            }
        }
        below.mean = sum / count;
        below
    }

    fn is_let_pass(&self, value: f64, below: &Below) -> bool {
        (value.is_nan() && below.has_nan)
            || (value == self.fill && below.has_fill)
            || (self.lets_zero_pass && (value == 0.0 || value == self.fill))
    }

    fn pixels(&self) -> impl Iterator<Item = (f64, Below)> + '_ {
        let width = self.part.width;
        self.upper.iter().enumerate().map(move |(place, value)| {
            let (x, y) = (place as u32 % width, place as u32 / width);
            (*value, self.below(x, y))
        })
    }

    fn judge_palette(&self) -> Option<&'static str> {
        let uniform = self.pixels().filter(|(_, below)| below.least == below.most && !below.has_nan);
        let (mut count, mut other) = (0_usize, 0_usize);
        for (value, below) in uniform {
            count += 1;
            other += usize::from(value != below.least && !self.is_let_pass(value, &below));
        }
        let is_wrong = count >= LEAST_PIXELS && other as f64 > count as f64 * TOLERATED;
        is_wrong.then_some("its colours are others than those around them below")
    }

    /// Apart for what is seen and what is not: the smaller of the two would be lost in the other.
    fn judge_mask(&self) -> Option<&'static str> {
        let (mut count, mut other) = ([0_usize; 2], [0_usize; 2]);
        for (value, below) in self.pixels() {
            let (shows_some, shows_all) = (below.most > 0.0, below.least > 0.0);
            if shows_some == shows_all {
                let kind = usize::from(shows_all);
                count[kind] += 1;
                other[kind] += usize::from((value > 0.0) != shows_all);
            }
        }
        let is_wrong = |kind: usize| count[kind] >= LEAST_PIXELS && other[kind] as f64 > count[kind] as f64 * TOLERATED;
        match [is_wrong(0), is_wrong(1)] {
            [true, _] => Some("it shows what is masked out below"),
            [_, true] => Some("it masks out what shows below"),
            _ => None,
        }
    }

    fn judge(&self) -> Option<&'static str> {
        let (mut outside, mut count) = (0_usize, 0_usize);
        let (mut values, mut means) = (Vec::new(), Vec::new());
        for (value, below) in self.pixels() {
            count += 1;
            if self.is_let_pass(value, &below) {
                continue;
            }
            // A cubic kernel overshoots by some 15 per cent of a step, one of Lanczos by less than 25.
            let allowance = self.tolerance + 0.3 * (below.most - below.least).min(f64::MAX);
            let is_inside = value >= below.least - allowance && value <= below.most + allowance;
            outside += usize::from(!is_inside);
            if value.is_finite() && below.mean.is_finite() && !below.has_fill {
                values.push(value);
                means.push(below.mean);
            }
        }
        if count < LEAST_PIXELS {
            return None;
        }
        if outside as f64 > count as f64 * TOLERATED {
            return Some("its pixels lie outside the range of those around them below");
        }
        if values.len() < LEAST_PIXELS || values.len() * 2 < count {
            return None;
        }
        if self.is_flat_by_mistake(&values, &means) {
            return Some("it has a single value, which is none of those below");
        }
        self.is_unlike(&values, &means).then_some("its pixels do not go up and down with those below")
    }

    /// A single value that hardly any pixel below has, and that is not near their mean.
    fn is_flat_by_mistake(&self, values: &[f64], means: &[f64]) -> bool {
        let Some(first) = values.first().filter(|first| values.iter().all(|value| value == *first)) else {
            return false;
        };
        let (mean, _) = moments(means);
        let finite: Vec<f64> = self.lower.iter().copied().filter(|value| value.is_finite()).collect();
        let (_, deviation) = moments(&finite);
        let near = finite.iter().filter(|value| (*value - first).abs() <= self.tolerance).count();
        deviation > self.tolerance && (first - mean).abs() > deviation && (near as f64) < finite.len() as f64 * 0.05
    }

    /// No correlation with the level below although that is smooth enough for any kernel to keep one.
    fn is_unlike(&self, values: &[f64], means: &[f64]) -> bool {
        // A few pixels where a kernel rings at the foot of a slope are no picture that could go up and down.
        let least = self.tolerance * 2.0 + 1e-12;
        let is_varied = |numbers: &[f64]| moments(numbers).1 > least && middle_range(numbers) > least;
        if !is_varied(values) || !is_varied(means) {
            return false;
        }
        let neighbours = means.get(1..).unwrap_or_default();
        let chance = 3.0 / (values.len() as f64).sqrt();
        correlation(means, neighbours).is_some_and(|smoothness| smoothness > 0.6)
            && correlation(values, means).is_some_and(|likeness| likeness < chance.min(0.2))
    }
}

/// The range of the middle four fifths.
fn middle_range(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let tenth = sorted.len() / 10;
    let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
    at(sorted.len().saturating_sub(tenth + 1)) - at(tenth)
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Pearson's correlation of pairs; `None` where one side does not vary.
fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let count = left.len().min(right.len());
    let (left, right) = (left.get(..count)?, right.get(..count)?);
    let ((left_mean, left_deviation), (right_mean, right_deviation)) = (moments(left), moments(right));
    let products = left.iter().zip(right).map(|(left, right)| (left - left_mean) * (right - right_mean));
    let covariance = products.sum::<f64>() / count as f64;
    let scale = left_deviation * right_deviation;
    (scale > 0.0 && scale.is_finite()).then(|| covariance / scale)
}
