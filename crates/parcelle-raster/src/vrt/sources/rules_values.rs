//! Rules that hold the values of a source against the band that takes them in: types, nodata, colours, scaling.

use std::collections::HashSet;

use parcelle_report::{Finding, Findings, Rule, Severity};

use super::super::details::{Adjustments, DataType};
use super::super::model::{Band, SourceBand, SourceKind};
use super::super::rules_nodata::MASK;
use super::Context;
use super::facts::{BandFacts, RasterFacts};
use super::group::{Group, sentence, short};
use super::rules_place::at;
use super::survey::{Target, Use};

/// The type does not fit.
pub(crate) static TYPE: Rule = Rule {
    id: "VRT-SRC-014",
    severity: Severity::Warning,
    title: "The type of a source does not fit the type of the band",
    why: "GDAL converts every value when it is read: what is beyond the range of the band becomes its least or greatest \
          value, fractions are rounded, and imaginary parts are lost, without a message.",
    fix: "Declare the type of the sources in <VRTRasterBand dataType=…>, or scale the values on purpose.",
    reference: "GDAL gcore/rasterio.cpp, GDALCopyWords; measured",
};

/// Nodata of the source and of the band.
pub(crate) static NO_DATA: Rule = Rule {
    id: "VRT-NODATA-003",
    severity: Severity::Warning,
    title: "Nodata of a source is not taken out",
    why: "A <SimpleSource> copies every pixel. Nodata of the source then shows as data where the band has another nodata \
          value, or none; and where sources overlap, nodata of the upper one erases what lies below.",
    fix: "Use <ComplexSource> with <NODATA>, which gdalbuildvrt writes.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::RasterIO; GDAL issue 12403; measured",
};

/// Another colour table.
pub(crate) static COLORS: Rule = Rule {
    id: "VRT-BAND-005",
    severity: Severity::Warning,
    title: "The colour table of a source differs from that of the VRT",
    why: "Only the colour table of the VRT is used: a value of the source that stands for another colour there is shown in \
          the wrong one, and without a table in the VRT as a shade of grey.",
    fix: "Expand the sources to colours first (gdal_translate -expand rgb), then build the VRT.",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::GetColorTable; measured",
};

/// Scaling beyond the range of the band.
pub(crate) static SATURATION: Rule = Rule {
    id: "VRT-CPX-005",
    severity: Severity::Warning,
    title: "Scaling goes beyond the range of the band",
    why: "Scaled values that do not fit the type of the band become its least or greatest value. Told where the source \
          has statistics, or values of 8 bits.",
    fix: "Choose a smaller ScaleRatio, or a larger type for the band.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTComplexSource::RasterIOInternal; computed",
};

/// Tests the rules of this file. `overlapping` tells the bands whose sources lie over one another.
pub(crate) fn check(context: &Context<'_>, overlapping: &[bool], findings: &mut Findings) {
    let mut types = Group::default();
    let mut no_data = [Group::default(), Group::default()];
    let mut other_no_data = Group::default();
    let mut masked = Group::default();
    let masks = Masks::of(context);
    let mut colors = Group::default();
    let mut saturated = Group::default();
    for used in &context.survey.uses {
        let Some(band) = context.dataset.bands.get(used.band as usize - 1) else { continue };
        // A pixel function makes its own values of those of its sources.
        if band.is_a("VRTDerivedRasterBand") || used.source.kind == SourceKind::Array {
            continue;
        }
        let Some(target) = context.survey.target(used) else { continue };
        let (Some(facts), Some(SourceBand::Band(number))) = (target.facts(), used.source.band()) else { continue };
        let Some(source) = facts.bands.get(number) else { continue };
        if !changes_values(used.source.adjustments.as_deref())
            && let (Some(from), Some(to)) = (source.kind, band.kind())
            && let Some(loss) = loss(from, to)
        {
            types.add(|| (used, target, from, to, loss));
        }
        if let Some(value) = not_taken_out(used, source) {
            let own = band.visible_no_data().map(|field| field.number());
            let kind = band.kind().unwrap_or(DataType::Float64);
            let is_other = own.is_none_or(|own| !is_same(own, value, kind));
            let overlaps = overlapping.get(used.band as usize - 1) == Some(&true);
            if is_other || overlaps {
                no_data[usize::from(!is_other)].add(|| (used, target, value, own));
            }
        }
        if let Some((taken_out, value)) = takes_out_another(used, source, band) {
            other_no_data.add(|| (used, target, taken_out, value));
        }
        if facts.has_mask && masks.drops(used) {
            masked.add(|| (used, target, facts.bands.count()));
        }
        if number == 1 && differs_in_color(context, used, band, facts) {
            colors.add(|| (used, target, band.color_table.is_some()));
        }
        if let Some(beyond) = beyond(used, source, band) {
            saturated.add(|| (used, target, beyond));
        }
    }
    report_types(context, types, findings);
    report_no_data(context, no_data, findings);
    report_other_no_data(context, other_no_data, findings);
    report_masks(context, masked, findings);
    report_colors(context, colors, findings);
    report_saturation(context, saturated, findings);
}

/// Which masks of sources the VRT makes something of.
struct Masks {
    /// Whether it has a mask of its own.
    has_own: bool,
    /// The files whose masks are read as the pixels of some band.
    read: HashSet<u32>,
}

impl Masks {
    fn of(context: &Context<'_>) -> Self {
        let dataset = context.dataset;
        let has_own = !dataset.mask_bands.is_empty() || dataset.bands.iter().any(|band| !band.mask_bands.is_empty());
        let reads = |used: &&Use<'_>| matches!(used.source.band(), Some(SourceBand::Mask(_)));
        Self { has_own, read: context.survey.uses.iter().filter(reads).filter_map(|used| used.target).collect() }
    }

    /// Whether the pixels that the mask of a source hides are shown.
    fn drops(&self, used: &Use<'_>) -> bool {
        let adjustments = used.source.adjustments.as_deref();
        // A constant, such as the alpha that gdalbuildvrt adds, shows no pixel of the source.
        let is_constant = |list: &Adjustments| list.scale_ratio().is_some_and(|ratio| ratio.number() == 0.0);
        let takes_out = adjustments
            .is_some_and(|list| list.use_mask_band().is_some() || list.no_data().is_some() || is_constant(list));
        let plain = matches!(used.source.kind, SourceKind::Simple | SourceKind::Complex);
        plain && !takes_out && !self.has_own && used.target.is_some_and(|target| !self.read.contains(&target))
    }
}

/// Whether a source makes other values on purpose.
fn changes_values(adjustments: Option<&Adjustments>) -> bool {
    adjustments.is_some_and(|adjustments| {
        adjustments.lookup_table().is_some()
            || adjustments.scale_ratio().is_some()
            || adjustments.scale_offset().is_some()
            || adjustments.exponent().is_some()
            || adjustments.source_minimum().is_some()
            || adjustments.target_minimum().is_some()
            || adjustments.color_table_component().is_some()
    })
}

/// What is lost of values of one type in another; `None` where all of them fit.
fn loss(from: DataType, to: DataType) -> Option<&'static str> {
    if from == to {
        return None;
    }
    if from.is_complex() && !to.is_complex() {
        return Some("imaginary parts are lost");
    }
    let bits = |kind: DataType| match kind {
        // Whole numbers that a type of floating point tells apart.
        DataType::Float16 | DataType::CFloat16 => 11,
        DataType::Float32 | DataType::CFloat32 => 24,
        DataType::Float64 | DataType::CFloat64 => 53,
        DataType::Byte | DataType::Int8 => 8,
        DataType::UInt16 | DataType::Int16 | DataType::CInt16 => 16,
        DataType::UInt32 | DataType::Int32 | DataType::CInt32 => 32,
        DataType::UInt64 | DataType::Int64 => 64,
    };
    match (from.whole_range(), to.whole_range()) {
        (Some((low, high)), Some((least, greatest))) => {
            (low < least || high > greatest).then_some("values beyond the range are cut off")
        }
        (None, Some(_)) => Some("fractions are rounded and values beyond the range are cut off"),
        (Some(_), None) => (bits(from) > bits(to)).then_some("large values are rounded"),
        (None, None) => (bits(from) > bits(to)).then_some("values are rounded"),
    }
}

fn report_types(
    context: &Context<'_>,
    group: Group<(&Use<'_>, &Target, DataType, DataType, &'static str)>,
    findings: &mut Findings,
) {
    let Some((used, target, from, to, loss)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let (from, to) = (from.name(), to.name());
    let one = format!("is {from}, its band {to}");
    let many = format!("do not fit the type of their band ({from} into {to})");
    let message = format!("{}: {loss}.", sentence(target, "", total, &one, &many));
    let fix = format!(
        "Write dataType=\"{from}\" for band {} on line {} of {}.",
        used.band,
        context.dataset.bands.get(used.band as usize - 1).map_or(0, |band| band.line),
        context.subject.file()
    );
    findings.push(Finding::new(&TYPE, message).at(at(used, target, used.source.element())).fix(fix).count(group.count));
}

/// The nodata value of a source that it brings along.
fn not_taken_out(used: &Use<'_>, source: BandFacts) -> Option<f64> {
    let adjustments = used.source.adjustments.as_deref();
    let is_taken_out = used.source.no_data().is_some()
        || adjustments
            .is_some_and(|adjustments| adjustments.use_mask_band().is_some() || adjustments.lookup_table().is_some());
    let plain = matches!(used.source.kind, SourceKind::Simple | SourceKind::Complex);
    if plain && !is_taken_out { occurring(source) } else { None }
}

/// The value that `<NODATA>` takes out, and the one that the source has, where that one stays and shows as data.
fn takes_out_another(used: &Use<'_>, source: BandFacts, band: &Band) -> Option<(f64, f64)> {
    if used.source.kind != SourceKind::Complex || changes_values(used.source.adjustments.as_deref()) {
        return None;
    }
    let taken_out = used.source.no_data()?.number();
    let value = occurring(source)?;
    let kind = source.kind.unwrap_or(DataType::Float64);
    // What the band itself has as nodata is hidden all the same.
    let own = band.visible_no_data().map(|field| field.number());
    let is_hidden = own.is_some_and(|own| is_same(own, value, band.kind().unwrap_or(DataType::Float64)));
    (!is_same(taken_out, value, kind) && !is_hidden).then_some((taken_out, value))
}

/// The nodata value of a source, unless no pixel can have it.
fn occurring(source: BandFacts) -> Option<f64> {
    let value = source.no_data?;
    let occurs = match source.kind.and_then(DataType::whole_range) {
        Some((least, greatest)) => value >= least && value <= greatest && value.fract() == 0.0,
        None => true,
    };
    occurs.then_some(value)
}

/// Whether two nodata values are the same one in the type of the band.
fn is_same(left: f64, right: f64, kind: DataType) -> bool {
    if left.is_nan() && right.is_nan() {
        return true;
    }
    match kind {
        DataType::Float16 | DataType::Float32 | DataType::CFloat32 => {
            (left as f32).to_bits() == (right as f32).to_bits() || left == right
        }
        _ => left == right,
    }
}

/// A source with its nodata, and that of the band.
type NoData<'a> = (&'a Use<'a>, &'a Target, f64, Option<f64>);

fn report_no_data(context: &Context<'_>, groups: [Group<NoData<'_>>; 2], findings: &mut Findings) {
    for (group, is_other) in groups.into_iter().zip([true, false]) {
        let Some((used, target, value, own)) = group.first else { continue };
        let total = (group.count, context.survey.uses.len());
        let value = shown(value);
        let element = used.source.element();
        let message = if is_other {
            let one = format!("has nodata {value}");
            let many = "have nodata of their own".to_owned();
            let own = own.map_or_else(|| "none".to_owned(), shown);
            let first = if group.count == 1 { String::new() } else { format!(" ({value})") };
            format!(
                "{}{first}, the band of the VRT {own}, and <{element}> does not take it out: it shows as data.",
                sentence(target, "", total, &one, &many)
            )
        } else {
            format!(
                "{} ({value}), and sources overlap: <{element}> puts nodata of the upper one over data of the lower.",
                sentence(target, "", total, "has nodata", "have nodata")
            )
        };
        // Without -srcnodata it takes out of each source the value that the source has.
        let fix = format!(
            "gdalbuildvrt -overwrite -vrtnodata {value} {} {}",
            context.subject.file(),
            context.subject.sources(context.dataset)
        );
        findings.push(Finding::new(&NO_DATA, message).at(at(used, target, element)).fix(fix).count(group.count));
    }
}

fn report_other_no_data(context: &Context<'_>, group: Group<(&Use<'_>, &Target, f64, f64)>, findings: &mut Findings) {
    let Some((used, target, taken_out, value)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let (taken_out, value) = (shown(taken_out), shown(value));
    let one = format!("has nodata {value}");
    let many = format!("have nodata {value}");
    let message = format!(
        "{}, but <NODATA> takes out {taken_out}: nodata of the source shows as data.",
        sentence(target, "", total, &one, &many)
    );
    let fix = format!("Write {value} as <NODATA> on line {} of {}.", used.source.line, context.subject.file());
    findings.push(Finding::new(&NO_DATA, message).at(at(used, target, "NODATA")).fix(fix).count(group.count));
}

fn report_masks(context: &Context<'_>, group: Group<(&Use<'_>, &Target, u32)>, findings: &mut Findings) {
    let Some((used, target, bands)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let message = format!(
        "{}, of which the VRT makes nothing: what it hides is shown.",
        sentence(target, "", total, "has a mask", "have masks")
    );
    let path = crate::shell::quoted(&*target.written);
    let all: String = (1..=bands.min(4)).map(|band| format!("-b {band} ")).collect();
    let alpha = bands.min(4) + 1;
    let fix = format!(
        "gdal_translate {all}-b mask -colorinterp_{alpha} alpha {path} WITH_ALPHA.tif, then build the VRT of that"
    );
    let finding = Finding::new(&MASK, message).at(at(used, target, used.source.element()));
    findings.push(finding.fix(fix).count(group.count));
}

fn shown(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { value.to_string() }
}

fn differs_in_color(context: &Context<'_>, used: &Use<'_>, band: &Band, facts: &RasterFacts) -> bool {
    let expands = used.source.adjustments.as_ref().is_some_and(|list| list.color_table_component().is_some());
    let Some(theirs) = facts.palette.filter(|_| !expands).and_then(|palette| context.palettes.get(palette as usize))
    else {
        return false;
    };
    let Some(own) = super::open::palette(band) else {
        // A band that is declared to be something else than grey is meant to be that.
        return band
            .color_interpretation
            .as_ref()
            .is_none_or(|meaning| ["gray", "undefined"].iter().any(|plain| meaning.text.eq_ignore_ascii_case(plain)));
    };
    own.iter().zip(theirs.iter()).any(|(own, theirs)| own != theirs)
}

fn report_colors(context: &Context<'_>, group: Group<(&Use<'_>, &Target, bool)>, findings: &mut Findings) {
    let Some((used, target, has_table)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let message = if has_table {
        let one = "has another colour table than the VRT";
        let many = "have another colour table than the VRT";
        format!("{}: its values are shown in the colours of the VRT.", sentence(target, "", total, one, many))
    } else {
        let one = "has a colour table, the VRT none";
        let many = "have a colour table, the VRT none";
        format!("{}: the numbers of its colours are shown as shades of grey.", sentence(target, "", total, one, many))
    };
    let path = crate::shell::quoted(&*target.written);
    let fix = format!("gdal_translate -expand rgb {path} EXPANDED.tif, then build the VRT of that");
    findings.push(Finding::new(&COLORS, message).at(at(used, target, "ColorTable")).fix(fix).count(group.count));
}

/// The scaled range where it is beyond that of the band.
struct Beyond {
    from: (f64, f64),
    to: (f64, f64),
    kind: DataType,
}

fn beyond(used: &Use<'_>, source: BandFacts, band: &Band) -> Option<Beyond> {
    let adjustments = used.source.adjustments.as_deref()?;
    let number = |field: Option<&super::super::model::Field>| field.map(super::super::model::Field::number);
    // With an exponent or a table the range is another, and is cut to DstMin and DstMax anyway.
    if adjustments.exponent().is_some() || adjustments.lookup_table().is_some() {
        return None;
    }
    let (ratio, offset) = (number(adjustments.scale_ratio()), number(adjustments.scale_offset()));
    let (ratio, offset) = (ratio.or(offset.map(|_| 1.0))?, offset.unwrap_or(0.0));
    let kind = band.kind()?;
    let (least, greatest) = kind.whole_range()?;
    let is_small = matches!(source.kind, Some(DataType::Byte | DataType::Int8));
    let range = source.extremes.or_else(|| source.kind.filter(|_| is_small).and_then(DataType::whole_range))?;
    let ends = [range.0 * ratio + offset, range.1 * ratio + offset];
    let to = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    // Rounding takes half a step back.
    (to.0 < least - 0.5 || to.1 > greatest + 0.5).then_some(Beyond { from: range, to, kind })
}

fn report_saturation(context: &Context<'_>, group: Group<(&Use<'_>, &Target, Beyond)>, findings: &mut Findings) {
    let Some((used, target, beyond)) = group.first else { return };
    let total = (group.count, context.survey.uses.len());
    let (least, greatest) = beyond.kind.whole_range().unwrap_or_default();
    let range = |(low, high): (f64, f64)| format!("{} to {}", short(low, 3), short(high, 3));
    let message = format!(
        "{} ({} becomes {}), the band holds {} ({}): the rest is cut off.",
        sentence(target, "", total, "is scaled beyond its band", "are scaled beyond their band"),
        range(beyond.from),
        range(beyond.to),
        range((least, greatest)),
        beyond.kind.name()
    );
    findings.push(Finding::new(&SATURATION, message).at(at(used, target, "ScaleRatio")).count(group.count));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_fit_or_lose_something() {
        use DataType::*;
        for (from, to) in [
            (Byte, UInt16),
            (Int16, Int32),
            (UInt16, Float32),
            (Int32, Float64),
            (CInt16, CFloat32),
            (Float32, Float64),
        ] {
            assert_eq!(loss(from, to), None, "{from:?} {to:?}");
        }
        for (from, to) in [
            (UInt16, Byte),
            (Int16, UInt16),
            (Float32, Int32),
            (Int32, Float32),
            (CFloat32, Float32),
            (Float64, Float32),
        ] {
            assert!(loss(from, to).is_some(), "{from:?} {to:?}");
        }
    }

    #[test]
    fn nodata_is_compared_in_the_type_of_the_band() {
        assert!(is_same(f64::from(0.1f32), 0.1, DataType::Float32));
        assert!(!is_same(f64::from(0.1f32), 0.1, DataType::Float64));
        assert!(is_same(f64::NAN, f64::NAN, DataType::Float32));
    }
}
