//! Rules about the types, colours and tables of bands, and what GeoServer's reader makes of them.

use std::collections::BTreeMap;

use parcelle_report::{Finding, Findings, Location, Rule, Severity};

use super::details::DataType;
use super::model::{Band, Dataset, Field};
use super::shorten::shorten;
use super::target::shown;
use super::{Subject, at};

/// A type that the reader has no model for.
pub(crate) static NO_SAMPLE_MODEL: Rule = Rule {
    id: "VRT-BAND-001",
    severity: Severity::Error,
    title: "GeoServer's reader has no sample model for the type of a band",
    why: "imageio-ext makes Java images of Byte, UInt16, Int16, Int32, UInt32, Float32 and Float64. For every other type \
          its colour model is null, and the store cannot be created (\"colorModel == null!\").",
    fix: "Write another type: gdal_translate -ot Float32 (or Int32, ...).",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, lines 417 to 425",
};

/// Bands differ in type.
pub(crate) static MIXED_TYPES: Rule = Rule {
    id: "VRT-BAND-002",
    severity: Severity::Error,
    title: "The bands have different types",
    why: "imageio-ext reads all bands in the type of the first and describes the image by that of the last: an \
          exception (\"Raster ... is incompatible with ColorModel\"), or values that are clamped where both are the \
          same type of Java.",
    fix: "Give all bands one type (gdal_translate -ot), or make one VRT for each type.",
    reference: "imageio-ext GDALImageReader.java, lines 265 to 316; GDALCommonIIOImageMetadata.java, lines 374 and 417",
};

/// Unsigned integers of 32 bits.
pub(crate) static UNSIGNED: Rule = Rule {
    id: "VRT-BAND-003",
    severity: Severity::Warning,
    title: "UInt32 is read as signed: values from 2^31 on come out negative",
    why: "Java has no unsigned type of 32 bits, and imageio-ext takes TYPE_INT for it: 4,000,000,000 is shown as \
          -294,967,296.",
    fix: "Write Float64: gdal_translate -ot Float64.",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, line 421",
};

/// The last band is taken for alpha.
pub(crate) static TAKEN_FOR_ALPHA: Rule = Rule {
    id: "VRT-BAND-004",
    severity: Severity::Warning,
    title: "The last of two or four bands is taken for alpha, though it is none",
    why: "imageio-ext chooses the colour model by the number of bands alone: two are grey with alpha, four are RGB with \
          alpha. The infrared band of an RGBI image makes the map transparent.",
    fix: "Reorder or add a band, or select bands in GeoServer (coverage view, channel selection).",
    reference: "imageio-ext ImageIOUtilities.java, lines 146 to 168",
};

/// Alpha or colours out of place.
pub(crate) static COLOR_ORDER: Rule = Rule {
    id: "VRT-BAND-006",
    severity: Severity::Warning,
    title: "ColorInterp says something that GeoServer does not look at",
    why: "imageio-ext looks at ColorInterp for Palette only. Alpha is whatever comes last of two or four bands, and red, \
          green, blue are the first three in this order, whatever the file says.",
    fix: "Put the bands in the order red, green, blue, alpha: gdal_translate -b.",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, line 452; ImageIOUtilities.java, lines 146 to 168",
};

/// Scale and offset.
pub(crate) static SCALED: Rule = Rule {
    id: "VRT-BAND-007",
    severity: Severity::Warning,
    title: "<Scale> and <Offset> are not applied to pixels",
    why: "imageio-ext reads them into its metadata, and nothing applies them: maps, styles and GetFeatureInfo see the \
          stored values.",
    fix: "Apply them once: gdal_translate -unscale; or in the style or a coverage view.",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, lines 379 to 382",
};

/// A palette without colours.
pub(crate) static PALETTE: Rule = Rule {
    id: "VRT-BAND-008",
    severity: Severity::Error,
    title: "Band 1 is a palette without colour table",
    why: "imageio-ext asks the colour table of a first band that says Palette for its colours without looking whether \
          there is one: NullPointerException when the store is created.",
    fix: "Add the <ColorTable>, or change the ColorInterp.",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, lines 452 to 456",
};

/// A type GDAL does not know.
pub(crate) static UNKNOWN_TYPE: Rule = Rule {
    id: "VRT-BAND-009",
    severity: Severity::Error,
    title: "The dataType of a band is unknown to GDAL",
    why: "GDAL refuses a VRT whose type it does not know by name. Int64 and UInt64 came with 3.5, Int8 with 3.7, Float16 \
          and CFloat16 with 3.11, the name UInt8 for Byte after 3.12.",
    fix: "Write a type that the GDAL of GeoServer has.",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::XMLInit, lines 350 to 360",
};

/// Many bands.
pub(crate) static MANY_BANDS: Rule = Rule {
    id: "VRT-BAND-010",
    severity: Severity::Info,
    title: "All bands are read at each request",
    why: "Unless the parameter BANDS or a coverage view selects some, the reader asks GDAL for every band, and the style \
          throws most of them away.",
    fix: "",
    reference: "https://github.com/geosolutions-it/imageio-ext/issues/328; https://github.com/OSGeo/gdal/issues/1048",
};

/// An attribute table that the reader cannot hold.
pub(crate) static ATTRIBUTE_TABLE: Rule = Rule {
    id: "VRT-BAND-011",
    severity: Severity::Error,
    title: "A raster attribute table has a field of a type that GeoServer's reader does not know",
    why: "imageio-ext takes the attribute table of every band into its metadata and knows the field types 0 (integer), 1 \
          (real) and 2 (string) only: any other throws \"Could not find type\".",
    fix: "Remove the table, or give the field one of these types.",
    reference: "imageio-ext PAMDataset.java, line 651; GDAL gcore/gdal_rat.h, GDALRATFieldType",
};

/// From this number of bands on, reading all of them is worth telling.
const MANY: usize = 5;

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    types(subject, dataset, findings);
    colors(subject, dataset, findings);
    scaled(subject, dataset, findings);
    attribute_tables(subject, dataset, findings);
    if dataset.bands.len() >= MANY {
        let message = format!("{} bands: all are read at each request unless BANDS is used.", dataset.bands.len());
        findings.push(Finding::new(&MANY_BANDS, message).at(place(dataset.line, 1, "")));
    }
}

fn place(line: u32, band: usize, inside: &str) -> Location {
    let mut place = at(line, format!("VRTDataset/VRTRasterBand{inside}"));
    place.band = u32::try_from(band).ok();
    place
}

fn line_of(field: Option<&Field>, band: &Band) -> u32 {
    field.map_or(band.line, |field| field.line)
}

fn types(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let bands = || (1..).zip(&dataset.bands);
    for (number, band) in bands() {
        let Some(field) = &band.data_type else { continue };
        let text = shorten(&field.text);
        let known = DataType::parse(&field.text);
        let (problem, fix) = match known {
            Some((_, since)) if subject.target.has(since) => continue,
            Some((kind, since)) => (
                format!("\"{text}\" of band {number} is unknown to GDAL before {}", shown(since)),
                format!("Write {} on line {} of {}, or upgrade GDAL.", kind.name(), field.line, subject.file()),
            ),
            None => (
                format!("\"{text}\" of band {number} is the name of no type"),
                format!("Write a type such as Byte or Float32 on line {} of {}.", field.line, subject.file()),
            ),
        };
        let message = format!("dataType {problem}: GDAL refuses the file.");
        findings.push(Finding::new(&UNKNOWN_TYPE, message).at(place(field.line, number, "/@dataType")).fix(fix));
    }
    let mut by_type: BTreeMap<DataType, (usize, &Band, u64)> = BTreeMap::new();
    for (number, band) in bands() {
        if let Some(kind) = band.kind().filter(|_| known_to_target(subject, band)) {
            by_type.entry(kind).or_insert((number, band, 0)).2 += 1;
        }
    }
    for (kind, (number, band, count)) in &by_type {
        let (number, line) = (*number, line_of(band.data_type.as_ref(), band));
        let named = format!("{}{}", kind.name(), if *count > 1 { format!(" ({count} bands)") } else { String::new() });
        if java_type(*kind).is_none() {
            let instead = match kind {
                DataType::Int8 => "Int16",
                DataType::Float16 | DataType::CInt16 | DataType::CFloat16 | DataType::CFloat32 => "Float32",
                _ => "Float64",
            };
            let note = if kind.is_complex() { "  # keeps the real part" } else { "" };
            let message =
                format!("Band type {named}: GeoServer has no sample model for it, the store cannot be created.");
            let fix = format!("gdal_translate -of COG -ot {instead} {} {}{note}", subject.file(), subject.computed());
            findings.push(
                Finding::new(&NO_SAMPLE_MODEL, message).at(place(line, number, "/@dataType")).fix(fix).count(*count),
            );
        } else if *kind == DataType::UInt32 {
            let message = format!("{named} is read as signed 32 bit: values from 2^31 on come out negative.");
            let fix = format!("gdal_translate -of COG -ot Float64 {} {}", subject.file(), subject.computed());
            findings
                .push(Finding::new(&UNSIGNED, message).at(place(line, number, "/@dataType")).fix(fix).count(*count));
        }
    }
    if by_type.len() > 1 {
        mixed_types(subject, dataset, &by_type, findings);
    }
}

fn known_to_target(subject: &Subject<'_>, band: &Band) -> bool {
    let since = band.data_type.as_ref().and_then(|field| DataType::parse(&field.text)).map(|(_, since)| since);
    since.is_none_or(|since| subject.target.has(since))
}

fn mixed_types(
    subject: &Subject<'_>,
    dataset: &Dataset,
    by_type: &BTreeMap<DataType, (usize, &Band, u64)>,
    findings: &mut Findings,
) {
    let mut kinds: Vec<(usize, DataType)> = by_type.iter().map(|(kind, (number, ..))| (*number, *kind)).collect();
    kinds.sort_unstable();
    let list: Vec<&str> = kinds.iter().map(|(_, kind)| kind.name()).collect();
    let java = |band: Option<&Band>| band.and_then(Band::kind).and_then(java_type);
    let consequence = if java(dataset.bands.first()) == java(dataset.bands.last()) {
        "GeoServer reads all of them in the type of band 1 and clamps values"
    } else {
        "GeoServer reads all of them in the type of band 1, describes them by the last, and throws"
    };
    let message = format!("Bands have different types ({}): {consequence}.", list.join(", "));
    let wide =
        if list.iter().any(|name| ["Float64", "UInt32", "Int32"].contains(name)) { "Float64" } else { "Float32" };
    let fix = format!(
        "gdal_translate -of COG -ot {wide} {} {}  # or one VRT for each type",
        subject.file(),
        subject.computed()
    );
    let first = kinds.get(1).map_or(1, |(number, _)| *number);
    let line = dataset.bands.get(first - 1).map_or(dataset.line, |band| line_of(band.data_type.as_ref(), band));
    findings.push(Finding::new(&MIXED_TYPES, message).at(place(line, first, "/@dataType")).fix(fix));
}

/// The data buffer of Java that imageio-ext reads a type into.
pub(super) const fn java_type(kind: DataType) -> Option<&'static str> {
    match kind {
        DataType::Byte => Some("byte"),
        DataType::UInt16 => Some("ushort"),
        DataType::Int16 => Some("short"),
        DataType::Int32 | DataType::UInt32 => Some("int"),
        DataType::Float32 => Some("float"),
        DataType::Float64 => Some("double"),
        _ => None,
    }
}

fn colors(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let says = |band: &Band, word: &str| {
        band.color_interpretation.as_ref().is_some_and(|field| field.text.eq_ignore_ascii_case(word))
    };
    let count = dataset.bands.len();
    let (Some(first), Some(last)) = (dataset.bands.first(), dataset.bands.last()) else { return };
    let file = subject.file();
    if says(first, "Palette") && first.color_table.is_none() {
        let line = line_of(first.color_interpretation.as_ref(), first);
        let message = "Band 1 says Palette and has no <ColorTable>: NullPointerException in GeoServer's reader.";
        let fix = format!("In {file}, add the <ColorTable> to band 1, or write another ColorInterp on line {line}.");
        findings.push(Finding::new(&PALETTE, message).at(place(line, 1, "/ColorInterp")).fix(fix));
    }
    if matches!(count, 2 | 4) && !says(last, "Alpha") {
        let mut order: Vec<String> = (1..=count).map(|band| format!("-b {band}")).collect();
        order.push("-b mask".to_owned());
        let message = format!("{count} bands, the last of them no alpha: GeoServer takes band {count} for alpha.");
        let line = line_of(last.color_interpretation.as_ref(), last);
        let fix = if count == 4 {
            format!(
                "gdal_translate -of COG {} {file} {}  # with a fifth band nothing is taken for alpha; or select bands in GeoServer",
                order.join(" "),
                subject.computed()
            )
        } else {
            format!(
                "gdal_translate -of COG -b 1 {file} {}  # and band 2 by itself; or select bands in GeoServer",
                subject.computed()
            )
        };
        findings.push(Finding::new(&TAKEN_FOR_ALPHA, message).at(place(line, count, "/ColorInterp")).fix(fix));
    }
    for (number, band) in (1..).zip(&dataset.bands) {
        if says(band, "Alpha") && !(number == count && matches!(count, 2 | 4)) {
            let line = line_of(band.color_interpretation.as_ref(), band);
            let message =
                format!("Band {number} of {count} is Alpha: GeoServer takes only the last of 2 or 4 bands for it.");
            let others =
                (1..=count).filter(|other| *other != number).map(|other| format!("-b {other} ")).collect::<String>();
            let fix = format!("gdal_translate -of COG {others}-b {number} {file} {}", subject.computed());
            findings.push(Finding::new(&COLOR_ORDER, message).at(place(line, number, "/ColorInterp")).fix(fix));
        }
    }
    if matches!(count, 3 | 4) {
        color_order(subject, dataset, findings);
    }
}

/// Red, green and blue that stand in another order than the one they are shown in.
fn color_order(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let position = |word: &str| {
        dataset.bands.iter().position(|band| {
            band.color_interpretation.as_ref().is_some_and(|field| field.text.eq_ignore_ascii_case(word))
        })
    };
    let (Some(red), Some(green), Some(blue)) = (position("Red"), position("Green"), position("Blue")) else { return };
    if (red, green, blue) == (0, 1, 2) {
        return;
    }
    let Some(band) = dataset.bands.get(red) else { return };
    let line = line_of(band.color_interpretation.as_ref(), band);
    let message = format!(
        "Red, green and blue are the bands {}, {} and {}: GeoServer shows bands 1, 2, 3 as red, green, blue.",
        red + 1,
        green + 1,
        blue + 1
    );
    let mut order = vec![red, green, blue];
    order.extend((0..dataset.bands.len()).filter(|other| ![red, green, blue].contains(other)));
    let order: String = order.iter().map(|index| format!("-b {} ", index + 1)).collect();
    let fix = format!("gdal_translate -of COG {order}{} {}", subject.file(), subject.computed());
    findings.push(Finding::new(&COLOR_ORDER, message).at(place(line, red + 1, "/ColorInterp")).fix(fix));
}

fn scaled(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    for (number, band) in (1..).zip(&dataset.bands) {
        let differs = |field: &Option<Field>, from: f64| {
            field.as_ref().map(|field| (field.number(), field.line)).filter(|(value, _)| *value != from)
        };
        let (scale, offset) = (differs(&band.scale, 1.0), differs(&band.offset, 0.0));
        let Some((_, line)) = scale.or(offset) else { continue };
        let (scale, offset) = (scale.map_or(1.0, |(value, _)| value), offset.map_or(0.0, |(value, _)| value));
        let message = format!("Scale {scale} and offset {offset} of band {number} are read but not applied to pixels.");
        let fix = format!("gdal_translate -of COG -unscale -ot Float32 {} {}", subject.file(), subject.computed());
        findings.push(Finding::new(&SCALED, message).at(place(line, number, "/Scale")).fix(fix));
    }
}

fn attribute_tables(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    for (number, band) in (1..).zip(&dataset.bands) {
        let Some(table) = &band.attribute_table else { continue };
        for field in &table.fields {
            let Some(kind) = &field.kind else { continue };
            let value = kind.leading_integer();
            if value.is_some_and(|value| (0..=2).contains(&value)) {
                continue;
            }
            let name = field.name.as_ref().map_or("", |name| &name.text);
            let message = format!(
                "Field \"{}\" of the attribute table of band {number} has the type {}: GeoServer's reader knows 0, 1, 2 \
                 only and throws.",
                shorten(name),
                shorten(&kind.text)
            );
            let fix = format!("Write 0, 1 or 2 on line {} of {}, or remove the table.", kind.line, subject.file());
            let place = place(kind.line, number, "/GDALRasterAttributeTable/FieldDefn/Type");
            findings.push(Finding::new(&ATTRIBUTE_TABLE, message).at(place).fix(fix));
        }
    }
}
