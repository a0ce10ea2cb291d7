//! The mosaic as a whole: what its sources cover, once, several times or not at all, and what a map costs.

use std::collections::HashMap;

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Rule, Severity};
use serde_json::{Value, json};

use super::super::model::{Band, Source, SourceKind};
use super::coverage::{Coverage, Pixels, sweep};
use super::group::{percent, short};
use super::{Context, at};

/// Sources lie over one another.
pub(crate) static OVERLAP: Rule = Rule {
    id: "VRT-SRC-021",
    severity: Severity::Warning,
    title: "Sources overlap",
    why: "GDAL paints sources in the order of the file: where they overlap, the last one wins, whatever its age or \
          quality. Told as information where it is no more than the pixel that neighbours share, or where nodata or a \
          mask of the upper one lets the lower one through.",
    fix: "Put the sources into the order in which they are to be painted, the most important last, or cut them.",
    reference: "GDAL frmts/vrt/vrtsourcedrasterband.cpp, VRTSourcedRasterBand::IRasterIO; measured",
};

/// Nothing lies under a part of the raster.
pub(crate) static HOLES: Rule = Rule {
    id: "VRT-SRC-022",
    severity: Severity::Warning,
    title: "Part of the raster is covered by no source, and shown black",
    why: "Where no source is, GDAL fills in nodata, and 0 where there is none: GeoServer shows black, as it has neither \
          nodata nor alpha to tell it apart from data.",
    fix: "gdalbuildvrt -addalpha, or -vrtnodata with a value that does not occur.",
    reference: "GDAL frmts/vrt/vrtsourcedrasterband.cpp, VRTSourcedRasterBand::IRasterIO (initialisation); measured",
};

pub(in crate::vrt) use super::super::rules_window::POOL;
/// Pixels of a tile of a map.
const TILE: i64 = 256;

/// What was found of the mosaic.
pub(crate) struct Mosaic {
    pub(crate) facts: Vec<(&'static str, Value)>,
    /// The bands whose sources lie over one another.
    pub(crate) overlapping: Vec<bool>,
}

/// One band, as far as it is painted.
struct Painted {
    rectangles: Vec<(Pixels, u32)>,
    /// Sources that another one after them hides wholly, as it has the same place.
    hidden: u64,
    coverage: Coverage,
}

/// Tests the rules of this file.
pub(crate) fn check(context: &Context<'_>, levels: u32, findings: &mut Findings) -> Mosaic {
    let bands = &context.dataset.bands;
    let mut mosaic = Mosaic { facts: Vec::new(), overlapping: vec![false; bands.len()] };
    let Some((width, height)) = context.size else { return mosaic };
    let mut known: HashMap<Vec<(Pixels, u32)>, usize> = HashMap::new();
    let mut painted: Vec<Painted> = Vec::new();
    let mut of_band: Vec<Option<usize>> = Vec::with_capacity(bands.len());
    for band in bands {
        let own = (!band.sources.is_empty()).then(|| rectangles(band, width, height));
        of_band.push(own.map(|(rectangles, hidden)| match known.get(&rectangles) {
            Some(place) => *place,
            None => {
                let coverage = sweep(&rectangles, width, height);
                known.insert(rectangles.clone(), painted.len());
                painted.push(Painted { rectangles, hidden, coverage });
                painted.len() - 1
            }
        }));
    }
    for ((band, place), overlaps) in bands.iter().zip(&of_band).zip(&mut mosaic.overlapping) {
        let painted = place.and_then(|place| painted.get(place));
        *overlaps = !band.is_a("VRTDerivedRasterBand") && painted.is_some_and(|band| band.coverage.overlapped > 0);
    }
    let raster = width as u128 * height as u128;
    overlap(context, &painted, &of_band, raster, findings);
    holes(context, &painted, &of_band, raster, findings);
    if let Some(first) = of_band.iter().flatten().next().and_then(|place| painted.get(*place)) {
        mosaic.facts.push((
            "mosaic",
            json!({
                "covered": share(first.coverage.covered, raster),
                "overlapped": share(first.coverage.overlapped, raster),
                "deepest_overlap": first.coverage.deepest,
                "first_hole": first.coverage.first_hole.map(|(column, row)| [column, row]),
                "hidden_sources": first.hidden,
                "order": "the last source in the file wins",
            }),
        ));
        mosaic.facts.push(("map_request_cost", cost(context, first, width, height)));
    }
    mosaic.facts.push((
        "dataset_pool",
        json!({
            "default_size": POOL,
            "largest_size": 1000,
            "levels": levels,
            "reads_at_a_time": POOL / u64::from(levels.max(1)),
        }),
    ));
    mosaic
}

fn share(part: u128, whole: u128) -> f64 {
    (part as f64 / whole.max(1) as f64 * 1e6).round() / 1e6
}

/// Where the sources of a band are painted, those at the same place together; and how many are hidden wholly.
fn rectangles(band: &Band, width: i64, height: i64) -> (Vec<(Pixels, u32)>, u64) {
    let whole = [0.0, 0.0, width as f64, height as f64];
    let placed = band.sources.iter().filter_map(|source| {
        let edges = match source.target_rectangle() {
            Some(rectangle) => rectangle.edges()?,
            None => whole,
        };
        Some((Pixels::within(edges, width, height)?, lets_through(source)))
    });
    let mut list: Vec<(Pixels, bool)> = placed.collect();
    list.sort_by_key(|(pixels, _)| *pixels);
    let mut hidden = 0;
    let mut merged: Vec<(Pixels, u32)> = Vec::with_capacity(list.len());
    for same in list.chunk_by(|left, right| left.0 == right.0) {
        let [(pixels, _), ..] = same else { continue };
        // Sorting is stable: the order of the file is kept among those at one place.
        let last_opaque = same.iter().rposition(|(_, lets_through)| !lets_through).unwrap_or(0);
        hidden += last_opaque as u64;
        merged.push((*pixels, u32::try_from(same.len()).unwrap_or(u32::MAX)));
    }
    (merged, hidden)
}

/// Whether what lies below a source can be seen through it.
fn lets_through(source: &Source) -> bool {
    let adjusted = source.adjustments.as_ref();
    source.kind == SourceKind::NoDataFromMask
        || adjusted.is_some_and(|adjusted| {
            let masked = adjusted.use_mask_band();
            adjusted.no_data().is_some() || masked.is_some_and(|field| super::super::numbers::truth(&field.text))
        })
}

fn overlap(
    context: &Context<'_>,
    painted: &[Painted],
    of_band: &[Option<usize>],
    raster: u128,
    findings: &mut Findings,
) {
    let bands = context.dataset.bands.iter().zip(1u32..).zip(of_band);
    let worst = bands
        .filter(|((band, _), _)| !band.is_a("VRTDerivedRasterBand"))
        .filter_map(|((band, number), place)| Some((band, number, painted.get((*place)?)?)))
        .max_by_key(|(_, number, painted)| (painted.coverage.overlapped, std::cmp::Reverse(*number)));
    let Some((band, number, painted)) = worst.filter(|(.., painted)| painted.coverage.overlapped > 0) else { return };
    let (width, height) = context.size.unwrap_or_default();
    let covered = &painted.coverage;
    // Neighbours that share a line of pixels hold the same there.
    let inner: Vec<_> =
        painted.rectangles.iter().filter_map(|(pixels, weight)| Some((pixels.shrunk(1)?, *weight))).collect();
    let is_seam = painted.hidden == 0
        && painted.rectangles.iter().all(|(_, weight)| *weight == 1)
        && inner.len() == painted.rectangles.len()
        && sweep(&inner, width, height).overlapped == 0;
    let all_let_through = band.sources.iter().skip(1).all(lets_through);
    let severity = if is_seam || all_let_through { Severity::Info } else { Severity::Warning };
    let how = if is_seam {
        ": neighbours share a line of pixels"
    } else if all_let_through {
        ": the last one in the file wins, except where it has nodata or is masked"
    } else {
        ": the last one in the file wins"
    };
    let hidden = match painted.hidden {
        0 => String::new(),
        1 => "; 1 of them is hidden wholly by another one at the same place".to_owned(),
        count => format!("; {} of them are hidden wholly by others at the same place", grouped(count)),
    };
    let message = format!(
        "Sources overlap in {} of the raster, up to {} over one another{how}{hidden}.",
        percent(covered.overlapped, raster),
        grouped(covered.deepest)
    );
    let mut place = at(band.line, "VRTDataset/VRTRasterBand");
    place.band = Some(number);
    findings.push(Finding::new(&OVERLAP, message).severity(severity).at(place));
}

fn holes(context: &Context<'_>, painted: &[Painted], of_band: &[Option<usize>], raster: u128, findings: &mut Findings) {
    let bands = &context.dataset.bands;
    let is_alpha = |band: &Band| {
        band.color_interpretation.as_ref().is_some_and(|meaning| meaning.text.eq_ignore_ascii_case("alpha"))
    };
    // GeoServer takes the last band as alpha where there are 2 or 4.
    if matches!(bands.len(), 2 | 4) && bands.last().is_some_and(is_alpha) {
        return;
    }
    let mut open = bands.iter().zip(1u32..).zip(of_band).filter_map(|((band, number), place)| {
        let painted = painted.get((*place)?)?;
        let is_black = band.no_data.is_none() && painted.coverage.covered < raster;
        is_black.then_some((band, number, painted))
    });
    let Some((band, number, painted)) = open.next() else { return };
    let count = 1 + open.count() as u64;
    let (column, row) = painted.coverage.first_hole.unwrap_or_default();
    let message = format!(
        "{} of the raster is covered by no source, first at column {}, row {}; without nodata or alpha it is shown black.",
        percent(raster - painted.coverage.covered, raster),
        grouped(column.unsigned_abs()),
        grouped(row.unsigned_abs())
    );
    let mut place = at(band.line, "VRTDataset/VRTRasterBand");
    place.band = Some(number);
    let fix = format!(
        "gdalbuildvrt -overwrite -addalpha {} {}",
        context.subject.file(),
        context.subject.sources(context.dataset)
    );
    findings.push(Finding::new(&HOLES, message).at(place).fix(fix).count(count));
}

/// For each scale, halved from one to the next until one tile holds the raster: how many sources a tile touches, and
/// what they are read from.
fn cost(context: &Context<'_>, painted: &Painted, width: i64, height: i64) -> Value {
    let overviews = super::rules_speed::overviews_of(context);
    let mut rows = Vec::new();
    let mut touched = Vec::new();
    // A tile of 512 pixels touches what one of 256 does at half the scale.
    let levels = (0..32).find(|level| TILE << level >= width.max(height)).unwrap_or(31);
    for level in 0..=levels + 1 {
        touched.push(tiles(painted, TILE << level, width, height));
    }
    for level in 0..=levels {
        let scale = 1u64 << level;
        let [Some(small), Some(large)] = [touched.get(level), touched.get(level + 1)] else { break };
        // GDAL takes the smallest overview that is not much coarser than what is asked for.
        let with_overview = |factors: &[u32]| factors.iter().any(|factor| *factor > 1 && u64::from(*factor) <= scale);
        let (from, opened) = if scale > 1 && with_overview(&overviews.stored) {
            ("overview of the VRT", Some(1))
        } else if scale > 1 && with_overview(&overviews.of_sources) {
            ("overviews of the sources", None)
        } else {
            ("sources at full resolution", None)
        };
        rows.push(json!({
            "scale": scale,
            "sources_per_tile_256": {"most": small.0, "mean": small.1},
            "sources_per_tile_512": {"most": large.0, "mean": large.1},
            "files_read_per_tile": opened.unwrap_or(small.0),
            "read_from": from,
        }));
    }
    rows.into()
}

/// The most sources that a square of so many pixels touches, and how many on the average.
fn tiles(painted: &Painted, size: i64, width: i64, height: i64) -> (u64, f64) {
    let mut squares: Vec<(Pixels, u32)> =
        painted.rectangles.iter().map(|(pixels, weight)| (pixels.squares(size), *weight)).collect();
    squares.sort_unstable();
    squares.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        same
    });
    let (across, down) = ((width + size - 1) / size, (height + size - 1) / size);
    let sum: f64 = squares.iter().map(|(pixels, weight)| pixels.area() as f64 * f64::from(*weight)).sum();
    let mean = sum / (across as f64 * down as f64);
    (sweep(&squares, across, down).deepest, (mean * 100.0).round() / 100.0)
}

/// One sentence on the cost of a map that shows all of it, for the report; of a single source there is nothing to tell.
pub(crate) fn sentence(facts: &[(&'static str, Value)]) -> Option<String> {
    let rows = facts.iter().find(|(name, _)| *name == "map_request_cost")?.1.as_array()?;
    let (first, last) = (rows.first()?, rows.last()?);
    let most = |row: &Value| row.get("sources_per_tile_256")?.get("most")?.as_u64();
    let read = last.get("files_read_per_tile")?.as_u64()?;
    let scale = last.get("scale")?.as_u64()?;
    let at_most = short(most(first)? as f64, 0);
    (scale > 1 && (read > 1 || most(first)? > 1)).then(|| {
        format!(
            "At full scale a tile of a map touches at most {at_most} source{}; where one tile shows everything (1:{}), {} \
             ({}).",
            if most(first) == Some(1) { "" } else { "s" },
            grouped(scale),
            if read == 1 { "1 file is read".to_owned() } else { format!("{} files are read", grouped(read)) },
            last.get("read_from").and_then(Value::as_str).unwrap_or_default()
        )
    })
}
