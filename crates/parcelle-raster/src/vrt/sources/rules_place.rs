//! Rules that hold the place of a source in the VRT against where the source itself says that it lies.

use parcelle_crs::Agreement;
use parcelle_report::{Finding, Findings, Location, Rule, Severity};

use super::super::model::{Rectangle, SourceKind};
use super::super::rules_window::OUTSIDE_SOURCE;
use super::Context;
use super::facts::{RasterFacts, apply};
use super::group::{Group, sentence, short};
use super::survey::{Target, Use};

/// Another coordinate reference system.
pub(crate) static OTHER_CRS: Rule = Rule {
    id: "VRT-SRC-012",
    severity: Severity::Error,
    title: "The coordinate reference system of a source differs from that of the VRT",
    why: "GDAL never looks at the reference system of a source: it puts the pixels where <DstRect> says, as if they were in \
          the system of the VRT. The map is wrong, and there is no message. Compared by meaning: axis order, names and \
          spellings do not matter.",
    fix: "Reproject the source first (gdalwarp -t_srs), or use an ImageMosaic or a GTI, which know several systems.",
    reference: "GDAL frmts/vrt/vrtsources.cpp (no look at a spatial reference); GDAL issue 14901; measured",
};

/// Another size of pixels.
pub(crate) static RESOLUTION: Rule = Rule {
    id: "VRT-SRC-013",
    severity: Severity::Warning,
    title: "The resolution of a source differs from that of the VRT",
    why: "Every read resamples it, by the nearest pixel where nothing else is asked for: edges are jagged, lines are lost, \
          and overviews of the source fit less well. Told where the difference adds up to half a pixel of the VRT or more.",
    fix: "Resample the source first (gdalwarp -tr), or build the VRT with gdalbuildvrt -resolution.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::RasterIO; measured",
};

/// `<DstRect>` is somewhere else than the source.
pub(crate) static SHIFTED: Rule = Rule {
    id: "VRT-SRC-018",
    severity: Severity::Warning,
    title: "DstRect does not match the georeferencing of the source",
    why: "GDAL places a source by <DstRect> alone. Where that is not where the source says that it lies, the map is moved \
          by as much; by less than a pixel where the grid of the source is not that of the \
          VRT. Whole pixels, no further than the raster is long, may be an arrangement on purpose, and are only told.",
    fix: "Rebuild the VRT with gdalbuildvrt, with -tap where the grids of the sources differ.",
    reference: "Computed: the geotransform of the source against <GeoTransform> and <DstRect>",
};

/// The whole VRT is somewhere else than its sources.
pub(crate) static ELSEWHERE: Rule = Rule {
    id: "VRT-GEO-011",
    severity: Severity::Warning,
    title: "The sources lie somewhere else than where the VRT puts them",
    why: "GDAL believes the <GeoTransform> of the VRT, and never compares it with its sources. Sources that were moved, \
          reprojected or given other coordinates after the VRT was built appear where they used to be.",
    fix: "Rebuild the VRT from the sources as they are now, with gdalbuildvrt.",
    reference: "Computed: the geotransform of the source against <GeoTransform> and <DstRect>",
};

/// `<SourceProperties>` are not those of the file.
pub(crate) static PROPERTIES: Rule = Rule {
    id: "VRT-SRC-023",
    severity: Severity::Warning,
    title: "SourceProperties do not match the file",
    why: "GDAL before 3.4 believes them instead of opening the source, so that it reads beyond a smaller file, or takes \
          values for another type. Newer versions open the file, and the difference tells that it was replaced.",
    fix: "Rebuild the VRT with gdalbuildvrt.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::XMLInit",
};

/// A shift that rounding alone can make, in pixels.
const NO_SHIFT: f64 = 0.05;
/// From half a pixel on, the nearest pixel is another one.
const VISIBLE: f64 = 0.5;

/// Tests the rules of this file.
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    systems(context, findings);
    windows(context, findings);
    resolutions(context, findings);
    shifts(context, findings);
    properties(context, findings);
}

/// Places a finding at the source that was met first.
pub(crate) fn at(used: &Use<'_>, target: &Target, element: &str) -> Location {
    Location {
        line: Some(u64::from(used.source.line)),
        element: Some(element.to_owned()),
        band: Some(used.band),
        source: Some(target.written.to_string()),
        ..Location::default()
    }
}

fn rebuild(context: &Context<'_>) -> String {
    format!(
        "Rebuild {0}: gdalbuildvrt -overwrite {0} {1}",
        context.subject.file(),
        context.subject.sources(context.dataset)
    )
}

/// What is known of the sources that have been opened, in the order of the file.
pub(crate) fn known<'a>(context: &'a Context<'_>) -> impl Iterator<Item = (&'a Use<'a>, &'a Target, &'a RasterFacts)> {
    let placed = context.survey.uses.iter().filter(|used| used.source.kind != SourceKind::Array);
    placed.filter_map(|used| {
        let target = context.survey.target(used)?;
        Some((used, target, target.facts()?))
    })
}

fn systems(context: &Context<'_>, findings: &mut Findings) {
    let Some(own) = &context.crs else { return };
    let survey = context.survey;
    let mut group = Group::default();
    // Only what is placed by rectangles: a warped VRT knows the system of its source.
    let placed: std::collections::BTreeSet<u32> = survey.uses.iter().filter_map(|used| used.target).collect();
    for target in placed.iter().filter_map(|number| survey.targets.get(*number as usize)) {
        let crs = target.facts().and_then(|facts| facts.crs);
        if context.agreement(crs) == Some(Agreement::Different) {
            group.add(|| (target, crs));
        }
    }
    let Some((target, crs)) = group.first else { return };
    let theirs = crs.and_then(|crs| context.systems.get(crs as usize)).map_or("another one", |crs| crs.name.as_str());
    // GeoServer finds no code for such a system, and takes the layer for one without any.
    let has_code = own.crs.as_ref().is_some_and(|crs| crs.authority().is_some());
    let severity = if has_code { Severity::Error } else { Severity::Warning };
    let own = &own.name;
    let one = format!("is in {theirs}, the VRT in {own}");
    let many = format!("are not in {own}, the system of the VRT");
    let mut message = sentence(target, "", (group.count, survey.own), &one, &many);
    if group.count > 1 {
        message.push_str(&format!(" (in {theirs})"));
    }
    message.push_str(": GDAL puts the pixels there as if the systems were equal, without a message.");
    let path = crate::shell::quoted(&*target.written);
    let fix =
        format!("gdalwarp -t_srs {} {path} REPROJECTED.tif, then build the VRT of that", crate::shell::quoted(own));
    findings
        .push(Finding::new(&OTHER_CRS, message).severity(severity).at(target.location()).fix(fix).count(group.count));
}

fn windows(context: &Context<'_>, findings: &mut Findings) {
    let (mut outside, mut partly) = (Group::default(), Group::default());
    for (used, target, facts) in known(context) {
        let Some([left, top, right, bottom]) = used.source.source_rectangle().and_then(Rectangle::edges) else {
            continue;
        };
        let (width, height) = (f64::from(facts.width), f64::from(facts.height));
        if left >= right || top >= bottom {
            continue;
        }
        let first = || (used, target, facts);
        if left >= width || top >= height || right <= 0.0 || bottom <= 0.0 {
            outside.add(first);
        } else if left < -VISIBLE || top < -VISIBLE || right > width + VISIBLE || bottom > height + VISIBLE {
            partly.add(first);
        }
    }
    for (group, severity, one, many, effect) in [
        (
            outside,
            Severity::Error,
            "lies outside of it",
            "lie outside of their sources",
            "nothing is read, without a message",
        ),
        (partly, Severity::Warning, "goes beyond it", "go beyond their sources", "what is beyond stays blank"),
    ] {
        let Some((used, target, facts)) = group.first else { continue };
        let size = format!("{}x{}", facts.width, facts.height);
        let message = match group.count {
            1 => format!("<SrcRect> of source {} {one} ({size} pixels): {effect}.", target.shown()),
            count => format!(
                "{} of {} <SrcRect> {many}, first: that of {} ({size} pixels): {effect}.",
                parcelle_report::text::grouped(count),
                parcelle_report::text::grouped(context.survey.uses.len() as u64),
                target.shown()
            ),
        };
        let finding = Finding::new(&OUTSIDE_SOURCE, message).severity(severity).at(at(used, target, "SrcRect"));
        findings.push(finding.fix(rebuild(context)).count(group.count));
    }
}

/// Left, top, right, bottom of what is read of a source.
pub(crate) fn source_edges(used: &Use<'_>, facts: &RasterFacts) -> Option<[f64; 4]> {
    match used.source.source_rectangle() {
        Some(rectangle) => rectangle.edges(),
        None => Some([0.0, 0.0, f64::from(facts.width), f64::from(facts.height)]),
    }
    .filter(|[left, top, right, bottom]| left < right && top < bottom)
}

fn resolutions(context: &Context<'_>, findings: &mut Findings) {
    let survey = context.survey;
    let mut groups: [Group<_>; 2] = [Group::default(), Group::default()];
    for (used, target, facts) in known(context) {
        if used.source.kind == SourceKind::Averaged || context.agreement(facts.crs) == Some(Agreement::Different) {
            continue;
        }
        let Some([left, top, right, bottom]) = source_edges(used, facts) else { continue };
        let Some([to_left, to_top, to_right, to_bottom]) = context.target_edges(used) else { continue };
        let (across, down) = ((to_right - to_left) / (right - left), (to_bottom - to_top) / (bottom - top));
        let drift = ((across - 1.0) * (right - left)).abs().max(((down - 1.0) * (bottom - top)).abs());
        if drift >= VISIBLE {
            // Where a way of resampling is written, it is meant.
            let is_meant = used.source.resampling().is_some();
            groups[usize::from(is_meant)].add(|| (used, target, facts, across, down));
        }
    }
    for (group, is_meant) in groups.into_iter().zip([false, true]) {
        let Some((used, target, facts, across, down)) = group.first else { continue };
        let pixel = |transform: &[f64; 6]| {
            let (width, height) = (transform[1].hypot(transform[4]), transform[2].hypot(transform[5]));
            if (width - height).abs() < width * 1e-6 {
                short(width, 9)
            } else {
                format!("{} x {}", short(width, 9), short(height, 9))
            }
        };
        let comparison = match (&facts.geo_transform, &context.transform) {
            (Some(theirs), Some(own)) if pixel(theirs) != pixel(own) => {
                format!("(pixels of {} against {})", pixel(theirs), pixel(own))
            }
            _ => format!("(one pixel becomes {} x {})", short(across, 4), short(down, 4)),
        };
        let total = (group.count, survey.uses.len());
        let subject =
            sentence(target, "", total, "has another resolution than the VRT", "have another resolution than the VRT");
        let way = used.source.resampling().unwrap_or("nearest");
        let way = super::super::shorten::shorten(way);
        let message = format!("{subject} {comparison}: resampled ({way}) at each read.");
        let severity = if is_meant { Severity::Info } else { Severity::Warning };
        let finding = Finding::new(&RESOLUTION, message).severity(severity).at(at(used, target, "DstRect"));
        findings.push(finding.count(group.count));
    }
}

/// How far a source is put from where it lies, in pixels of the VRT.
struct Shift {
    columns: f64,
    rows: f64,
    /// The greatest distance of a corner.
    distance: f64,
    /// Whether it is mirrored: the VRT counts columns or rows the other way.
    is_mirrored: bool,
}

fn shift_of(context: &Context<'_>, used: &Use<'_>, facts: &RasterFacts) -> Option<Shift> {
    let (inverse, transform) = (context.inverse.as_ref()?, facts.geo_transform.as_ref()?);
    let [left, top, right, bottom] = source_edges(used, facts)?;
    let [to_left, to_top, to_right, to_bottom] = context.target_edges(used)?;
    let expected = |x: f64, y: f64| {
        let (x, y) = apply(transform, x, y);
        apply(inverse, x, y)
    };
    let ((first_column, first_row), (last_column, last_row)) = (expected(left, top), expected(right, bottom));
    let (columns, rows) = (to_left - first_column, to_top - first_row);
    let far = (to_right - last_column).abs().max((to_bottom - last_row).abs());
    let distance = columns.abs().max(rows.abs()).max(far);
    let is_mirrored = last_column < first_column || last_row < first_row;
    distance.is_finite().then_some(Shift { columns, rows, distance, is_mirrored })
}

fn shifts(context: &Context<'_>, findings: &mut Findings) {
    let Some(transform) = &context.transform else { return };
    let survey = context.survey;
    let mut moved = Group::default();
    let mut off_grid = Group::default();
    let mut compared = 0u64;
    let mut common: Option<(f64, f64)> = None;
    let mut all_the_same = true;
    let mut is_placed = false;
    // Whole pixels, no further than the raster is long, are how sources are arranged on purpose.
    let mut is_arranged = true;
    let mut moved_first: Option<((f64, f64), &[f64; 6])> = None;
    let longest = context.size.map_or(0, |(width, height)| width.max(height)) as f64;
    for (used, target, facts) in known(context) {
        if !matches!(context.agreement(facts.crs), None | Some(Agreement::Same)) {
            continue;
        }
        let Some(shift) = shift_of(context, used, facts) else { continue };
        compared += 1;
        let (columns, rows) = *common.get_or_insert((shift.columns, shift.rows));
        all_the_same &= (columns - shift.columns).abs() < VISIBLE && (rows - shift.rows).abs() < VISIBLE;
        let edges = context.target_edges(used).unwrap_or_default();
        // A rectangle that is not at the corner was put where it is on purpose.
        is_placed |= edges.first().is_some_and(|left| *left != 0.0) || edges.get(1).is_some_and(|top| *top != 0.0);
        if shift.distance > NO_SHIFT {
            let is_whole = |shift: f64| (shift - shift.round()).abs() <= NO_SHIFT;
            is_arranged &= is_whole(shift.columns) && is_whole(shift.rows) && shift.distance <= longest;
            is_arranged &= !shift.is_mirrored;
            // Sources of different places that are moved differently have changed places with one another.
            if let Some(own) = &facts.geo_transform {
                let ((columns, rows), place) = *moved_first.get_or_insert(((shift.columns, shift.rows), own));
                let moved_alike = (columns - shift.columns).abs() < VISIBLE && (rows - shift.rows).abs() < VISIBLE;
                is_arranged &= moved_alike || place == own;
            }
            moved.add(|| (used, target, shift));
        } else if is_off_grid(context, used, facts) {
            off_grid.add(|| (used, target));
        }
    }
    if let Some((used, target)) = off_grid.first {
        let subject = sentence(
            target,
            "",
            (off_grid.count, survey.uses.len()),
            "lies between the pixels of the VRT",
            "lie between the pixels of the VRT",
        );
        let message = format!("{subject}: it is shown up to half a pixel beside its place.");
        let finding = Finding::new(&SHIFTED, message).severity(Severity::Info).at(at(used, target, "DstRect"));
        findings.push(finding.fix(rebuild(context)).count(off_grid.count));
    }
    let count = moved.count;
    let Some((used, target, shift)) = moved.first else { return };
    let pixels = shift.distance;
    let severity = if is_arranged { Severity::Info } else { Severity::Warning };
    // All moved alike: then it is the VRT that lies elsewhere, unless its only source was moved inside of it.
    let is_the_vrt = all_the_same && count == compared && pixels >= 1.0 && (compared > 1 || !is_placed);
    if is_the_vrt {
        let (x, y) = (
            shift.columns * transform[1] + shift.rows * transform[2],
            shift.columns * transform[4] + shift.rows * transform[5],
        );
        let what = if compared == 1 {
            format!("The source {} lies", target.shown())
        } else {
            format!("All {} sources lie", parcelle_report::text::grouped(compared))
        };
        let message = format!(
            "{what} {} ({} pixels) away from where the VRT puts {}: {} in x, {} in y.",
            length(context, x.hypot(y)),
            short(shift.columns.hypot(shift.rows), 1),
            if compared == 1 { "it" } else { "them" },
            short(-x, 6),
            short(-y, 6)
        );
        let place = super::super::at(context.geo_transform_line(), "VRTDataset/GeoTransform");
        findings
            .push(Finding::new(&ELSEWHERE, message).severity(severity).at(place).fix(rebuild(context)).count(count));
        return;
    }
    let subject = sentence(
        target,
        "",
        (count, survey.uses.len()),
        "is not where its own georeferencing puts it",
        "are not where their own georeferencing puts them",
    );
    let message = format!("{subject}: <DstRect> moves it by {} pixels.", short(pixels, 2));
    findings.push(
        Finding::new(&SHIFTED, message)
            .severity(severity)
            .at(at(used, target, "DstRect"))
            .fix(rebuild(context))
            .count(count),
    );
}

/// A length in the unit of the coordinates.
fn length(context: &Context<'_>, length: f64) -> String {
    let measure = context.crs.as_ref().and_then(|system| system.crs.as_ref()).map(parcelle_crs::Crs::measure);
    match measure {
        Some(parcelle_crs::Measure::Geographic) => format!("{} degrees", short(length, 6)),
        _ => format!("{} units", short(length, 3)),
    }
}

/// Whether a source of the resolution of the VRT lies between its pixels.
fn is_off_grid(context: &Context<'_>, used: &Use<'_>, facts: &RasterFacts) -> bool {
    let (Some([left, top, right, _]), Some(to)) = (source_edges(used, facts), context.target_edges(used)) else {
        return false;
    };
    let same_resolution = ((to[2] - to[0]) - (right - left)).abs() < VISIBLE;
    let between = |from: f64, to: f64| {
        let offset = (to - from).rem_euclid(1.0);
        offset > NO_SHIFT && offset < 1.0 - NO_SHIFT
    };
    same_resolution && (between(left, to[0]) || between(top, to[1]))
}

fn properties(context: &Context<'_>, findings: &mut Findings) {
    let (mut wrong, mut blocks) = (Group::default(), Group::default());
    for (used, target, facts) in known(context) {
        let Some(written) = &used.source.properties else { continue };
        let mut differences = Vec::new();
        let size = (i64::from(facts.width), i64::from(facts.height));
        let declared = (written.width.map(i64::from), written.height.map(i64::from));
        if declared.0.is_some_and(|width| width != size.0) || declared.1.is_some_and(|height| height != size.1) {
            let shown = |value: Option<i64>| value.map_or_else(|| "?".to_owned(), |value| value.to_string());
            differences.push(format!("{}x{} for {}x{}", shown(declared.0), shown(declared.1), size.0, size.1));
        }
        let band = used.source.band().and_then(|band| match band {
            super::super::model::SourceBand::Band(number) => facts.bands.get(number),
            super::super::model::SourceBand::Mask(_) => None,
        });
        if let (Some(written), Some(kind)) = (written.data_type, band.and_then(|band| band.kind))
            && written != kind
        {
            differences.push(format!("{} for {}", written.name(), kind.name()));
        }
        if !differences.is_empty() {
            wrong.add(|| (used, target, differences.join(", ")));
        } else if let Some((width, height)) = facts.block {
            let differs =
                |written: Option<i32>, real: u32| written.is_some_and(|written| i64::from(written) != i64::from(real));
            if differs(written.block_width, width) || differs(written.block_height, height) {
                blocks.add(|| (used, target, format!("blocks are {width}x{height}")));
            }
        }
    }
    for (group, severity) in [(wrong, Severity::Warning), (blocks, Severity::Info)] {
        let Some((used, target, difference)) = group.first else { continue };
        let total = (group.count, context.survey.uses.len());
        let one = format!("is not as <SourceProperties> say ({difference})");
        let many = format!("are not as <SourceProperties> say ({difference})");
        let message = format!("{}.", sentence(target, "", total, &one, &many));
        let finding = Finding::new(&PROPERTIES, message).severity(severity).at(at(used, target, "SourceProperties"));
        findings.push(finding.fix(rebuild(context)).count(group.count));
    }
}
