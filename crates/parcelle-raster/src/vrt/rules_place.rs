//! Rules about where the raster lies: reference system, transform, control points.

use parcelle_crs::Measure;
use parcelle_report::{Finding, Findings, Location, Rule, Severity};

use super::model::{Dataset, DatasetKind, Field};
use super::numbers::{leading_number, whole_number_text};
use super::reference_system::{Definition, Reading, read};
use super::shorten::shorten;
use super::{Subject, at};
use crate::shell::quoted;

/// There is no reference system.
pub(crate) static NO_SRS: Rule = Rule {
    id: "VRT-GEO-001",
    severity: Severity::Error,
    title: "There is no <SRS>",
    why: "GeoTools falls back to a generic two-dimensional system (EPSG:404000 in GeoServer): the layer cannot be \
          reprojected, and lies nowhere on the maps of others.",
    fix: "Assign it (gdal_edit.py -a_srs, gdalbuildvrt -a_srs), or declare it in GeoServer with \"Force declared\".",
    reference: "GeoTools BaseGDALGridCoverage2DReader.java, lines 103 to 106; AbstractGridFormat.java, lines 86 and 333",
};

/// The reference system cannot be understood.
pub(crate) static UNREADABLE_SRS: Rule = Rule {
    id: "VRT-GEO-002",
    severity: Severity::Error,
    title: "The <SRS> cannot be understood",
    why: "GDAL does not look at whether it understood the text: the file opens with an empty reference system, for a \
          name without even a message. Text after a code is ignored in silence, which is a warning.",
    fix: "Write a code, such as EPSG:2154, or WKT.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::XMLInit, lines 518 to 523",
};

/// The reference system has no code.
pub(crate) static NO_CODE: Rule = Rule {
    id: "VRT-GEO-003",
    severity: Severity::Warning,
    title: "The reference system has no EPSG code, or only WKT 2 can express it",
    why: "GDAL hands GeoTools a text that is WKT 1, or WKT 2 where WKT 1 cannot say it. GeoTools parses WKT 1 alone, \
          looks for the EPSG code, and logs a failure at a level that nobody sees.",
    fix: "Assign the EPSG code that fits: gdal_edit.py -a_srs.",
    reference: "GeoTools BaseGDALGridCoverage2DReader.java, lines 155 to 178",
};

/// The axes are mapped otherwise.
pub(crate) static AXIS_MAPPING: Rule = Rule {
    id: "VRT-GEO-004",
    severity: Severity::Warning,
    title: "dataAxisToSRSAxisMapping is not what GDAL writes for this reference system",
    why: "The GeoTransform is in the order x, y, whatever the axes of the definition: GDAL writes \"2,1\" where the \
          definition has north first (EPSG:4326, EPSG:3035), else \"1,2\". Another mapping makes GDAL swap x and y when \
          it reprojects; GeoTools ignores it.",
    fix: "Generate the file again, or correct the attribute.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::XMLInit, lines 524 to 542",
};

/// There is no transform.
pub(crate) static NO_TRANSFORM: Rule = Rule {
    id: "VRT-GEO-005",
    severity: Severity::Error,
    title: "There is no <GeoTransform>",
    why: "GeoTools gets the identity (0,1,0,0,0,1): the layer lies at 0,0, with pixels of one unit, upside down, and \
          nothing says so.",
    fix: "Give it a place: gdal_edit.py -a_ullr.",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, lines 223 to 225",
};

/// The raster is rotated.
pub(crate) static ROTATED: Rule = Rule {
    id: "VRT-GEO-006",
    severity: Severity::Warning,
    title: "The GeoTransform is rotated or sheared",
    why: "GeoTools keeps the rotation for a single coverage, with resampling at every request; an ImageMosaic takes \
          scale and translation only.",
    fix: "Straighten it once: gdalwarp.",
    reference: "GeoTools BaseGDALGridCoverage2DReader.java, lines 214 to 239; GeoServer's documentation of ImageMosaic",
};

/// The raster begins in the south.
pub(crate) static SOUTH_UP: Rule = Rule {
    id: "VRT-GEO-007",
    severity: Severity::Warning,
    title: "The first line of the raster is the southern one",
    why: "A positive pixel height puts the south up. GDAL and imageio-ext read it so; software that takes the first line \
          for the north draws it upside down, and drawing it costs a flip at each request. A negative pixel width does the \
          same to east and west.",
    fix: "Flip it once: gdalwarp.",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, lines 223 to 225",
};

/// Only control points.
pub(crate) static CONTROL_POINTS: Rule = Rule {
    id: "VRT-GEO-008",
    severity: Severity::Error,
    title: "Only ground control points say where the raster lies",
    why: "imageio-ext reads the points into its metadata, and GeoTools never uses them: the layer is published at pixel \
          coordinates.",
    fix: "Warp it: gdalwarp.",
    reference: "imageio-ext GDALCommonIIOImageMetadata.java, lines 226 to 229",
};

/// The transform is none.
pub(crate) static WRONG_TRANSFORM: Rule = Rule {
    id: "VRT-GEO-009",
    severity: Severity::Error,
    title: "The GeoTransform is not six finite numbers between commas, or cannot be inverted",
    why: "GDAL splits the text at commas and warns where that does not give six values, leaving the raster without a \
          place; a value that is no number is 0 without a warning. Decimal commas give twelve values. A transform that \
          maps all pixels to one line cannot be inverted, which every request needs.",
    fix: "Write six values with decimal points, separated by commas.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::XMLInit, lines 548 to 563",
};

/// Files beside it win.
pub(crate) static SIDE_FILES: Rule = Rule {
    id: "VRT-GEO-010",
    severity: Severity::Warning,
    title: "A .prj or .wld file beside the VRT replaces its <SRS> or <GeoTransform> in GeoServer",
    why: "GeoTools looks for files of the same base name first, and takes them without comparing; GDAL does not look at \
          them, so that gdalinfo shows something else.",
    fix: "Remove or rename the side file, unless it is meant.",
    reference: "GeoTools BaseGridCoverage2DReader.java, lines 361 to 437; BaseGDALGridCoverage2DReader.java, lines 151 to \
                154 and 210",
};

/// The place makes no sense in the reference system.
pub(crate) static OUTSIDE: Rule = Rule {
    id: "VRT-GEO-012",
    severity: Severity::Warning,
    title: "The raster lies outside of the area of use of its reference system",
    why: "Coordinates of another system were given this one, or degrees one in metres: the layer is drawn in the wrong \
          country, or cannot be reprojected at all.",
    fix: "Find out in which system the coordinates are, and assign that: gdal_edit.py -a_srs.",
    reference: "The area of use in the EPSG dataset",
};

/// Which side files GeoTools would take.
struct Beside {
    projection: Option<String>,
    world: Option<String>,
}

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let beside = Beside { projection: side_file(subject, "prj"), world: side_file(subject, "wld") };
    side_files(subject, dataset, &beside, findings);
    let transform = transform(subject, dataset, findings);
    // The others take reference system and place from their sources where the file has none.
    let is_own = matches!(dataset.kind(), DatasetKind::Classic | DatasetKind::Warped);
    let has_transform = dataset.geo_transform.as_ref().is_some_and(|field| !field.text.is_empty());
    let srs = dataset.srs.as_ref().filter(|field| !field.text.trim().is_empty());
    if !has_transform && dataset.ground_control_points > 0 {
        let line = dataset.gcp_list.as_ref().map_or(dataset.line, |list| list.line);
        let message = format!(
            "{} ground control points and no <GeoTransform>: GeoTools never uses them, the layer lands at pixel \
             coordinates.",
            dataset.ground_control_points
        );
        let fix = format!("gdalwarp -of COG {} {}", subject.file(), subject.computed());
        findings.push(Finding::new(&CONTROL_POINTS, message).at(at(line, "VRTDataset/GCPList")).fix(fix));
    } else {
        if !has_transform && is_own && beside.world.is_none() {
            let message = "No <GeoTransform>: GeoTools gets (0,1,0,0,0,1), the layer lands at 0,0 upside down.";
            let fix = format!("gdal_edit.py -a_ullr LEFT TOP RIGHT BOTTOM {}", subject.file());
            findings.push(Finding::new(&NO_TRANSFORM, message).at(at(dataset.line, "VRTDataset")).fix(fix));
        }
        if srs.is_none() && is_own && beside.projection.is_none() {
            let what = if dataset.srs.is_some() { "Empty <SRS>" } else { "No <SRS>" };
            let line = dataset.srs.as_ref().map_or(dataset.line, |field| field.line);
            let message = format!(
                "{what}: GeoTools falls back to a generic system (EPSG:404000), the layer cannot be reprojected."
            );
            let fix = format!("gdal_edit.py -a_srs EPSG:CODE {}", subject.file());
            findings.push(Finding::new(&NO_SRS, message).at(at(line, "VRTDataset/SRS")).fix(fix));
        }
    }
    if let Some(srs) = srs {
        reference_system(subject, dataset, srs, transform, findings);
    }
}

fn side_file(subject: &Subject<'_>, extension: &str) -> Option<String> {
    let path = subject.path.with_extension(extension);
    path.is_file().then(|| quoted(path))
}

fn side_files(subject: &Subject<'_>, dataset: &Dataset, beside: &Beside, findings: &mut Findings) {
    let found = [(&beside.projection, "SRS", &dataset.srs), (&beside.world, "GeoTransform", &dataset.geo_transform)];
    for (file, element, field) in found {
        let Some(file) = file else { continue };
        let line = field.as_ref().map_or(dataset.line, |field| field.line);
        let what = if field.is_some() { "replaces" } else { "stands for" };
        let message = format!("{file} beside the VRT {what} its <{element}> in GeoServer; GDAL does not look at it.");
        let fix = format!("mv {file} {file}.bak  # for {}, unless it is meant", subject.file());
        findings.push(Finding::new(&SIDE_FILES, message).at(at(line, format!("VRTDataset/{element}"))).fix(fix));
    }
}

/// The six values, where GDAL takes them and they mean something.
fn transform(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) -> Option<[f64; 6]> {
    let field = dataset.geo_transform.as_ref().filter(|field| !field.text.is_empty())?;
    let place = || at(field.line, "VRTDataset/GeoTransform");
    let file = subject.file();
    // GDAL leaves empty values out (`CSLTokenizeStringComplex`).
    let values: Vec<&str> = field.text.split(',').filter(|value| !value.is_empty()).collect();
    let text = shorten(&field.text);
    let mut wrong = |why: String| {
        let message = format!("GeoTransform \"{text}\" {why}.");
        let fix = format!(
            "Write six values with decimal points and commas between them on line {} of {file}: \
             LEFT, WIDTH, 0, TOP, 0, -HEIGHT.",
            field.line
        );
        findings.push(Finding::new(&WRONG_TRANSFORM, message).at(place()).fix(fix));
    };
    let Ok(six) = <[&str; 6]>::try_from(values.as_slice()) else {
        wrong(format!(
            "has {} values between commas, not six: GDAL only warns, and the raster has no place",
            values.len()
        ));
        return None;
    };
    let numbers = six.map(leading_number);
    if let Some(bad) = six.iter().find(|value| whole_number_text(value).is_none()) {
        wrong(format!("holds \"{}\", which GDAL reads as {}", shorten(bad.trim()), leading_number(bad)));
        return None;
    }
    if numbers.iter().any(|number| !number.is_finite()) {
        wrong("holds a value that is not finite".to_owned());
        return None;
    }
    let [_, width, row_x, _, column_y, height] = numbers;
    if width * height - row_x * column_y == 0.0 {
        wrong("cannot be inverted: pixels have no area".to_owned());
        return None;
    }
    if row_x != 0.0 || column_y != 0.0 {
        let message = "Rotated or sheared GeoTransform: an ImageMosaic accepts only scale and translation.";
        let fix = format!("gdalwarp -of COG {file} {}", subject.computed());
        findings.push(Finding::new(&ROTATED, message).at(place()).fix(fix));
    } else if height > 0.0 {
        let message = "South-up GeoTransform (positive pixel height).";
        let fix = format!("gdalwarp -of COG {file} {}", subject.computed());
        findings.push(Finding::new(&SOUTH_UP, message).at(place()).fix(fix));
    } else if width < 0.0 {
        let message = "Mirrored GeoTransform (negative pixel width).";
        let fix = format!("gdalwarp -of COG {file} {}", subject.computed());
        findings.push(Finding::new(&SOUTH_UP, message).at(place()).fix(fix));
    }
    Some(numbers)
}

fn reference_system(
    subject: &Subject<'_>,
    dataset: &Dataset,
    srs: &Field,
    transform: Option<[f64; 6]>,
    findings: &mut Findings,
) {
    let file = subject.file();
    let place = || at(srs.line, "VRTDataset/SRS");
    let text = shorten(srs.text.trim());
    let assign = format!("gdal_edit.py -a_srs EPSG:CODE {file}");
    let no_code = |why: &str| {
        let message = format!("{why}: GeoTools parses WKT 1 only, looks for the EPSG code, and ignores failures.");
        Finding::new(&NO_CODE, message).at(place()).fix(assign.clone())
    };
    let crs = match read(&srs.text) {
        Reading::Nothing(reason) => {
            let message =
                format!("<SRS> \"{text}\" cannot be parsed ({reason}): GDAL opens the file with an empty SRS.");
            let fix = format!("Write EPSG:CODE or WKT on line {} of {file}: {assign}", srs.line);
            findings.push(Finding::new(&UNREADABLE_SRS, message).at(place()).fix(fix));
            return;
        }
        Reading::Trailing(crs, rest) => {
            let message =
                format!("<SRS> \"{text}\": GDAL takes {crs} and silently ignores \"{}\".", shorten(rest.trim()));
            let fix = format!("Write {crs} alone on line {} of {file}.", srs.line);
            findings.push(Finding::new(&UNREADABLE_SRS, message).severity(Severity::Warning).at(place()).fix(fix));
            crs
        }
        Reading::WithoutCode => {
            findings.push(no_code("The SRS has no EPSG code"));
            return;
        }
        Reading::Elsewhere => return,
        Reading::Known(crs) => crs,
    };
    let definition = Definition { crs: &crs };
    if definition.needs_wkt2() && definition.epsg().is_none() {
        findings.push(no_code("Only WKT 2 can express the SRS"));
    } else if definition.epsg().is_none() {
        findings.push(no_code(&format!("The SRS ({}) has no EPSG code", shorten(crs.name()))));
    }
    if let (Some(mapping), Some(usual)) = (&dataset.axis_mapping, definition.axis_mapping()) {
        axis_mapping(subject, mapping, usual, &crs.to_string(), findings);
    }
    if let (Some(transform), Some((columns, rows))) = (transform, dataset.size()) {
        let edges = corners(&transform, f64::from(columns), f64::from(rows));
        let pixel = transform[1].hypot(transform[4]);
        if let Some(why) = outside(&definition, edges, pixel) {
            let message = format!(
                "The raster reaches from {} {} to {} {}, outside the area of use of {crs}: {why}.",
                edges[0], edges[1], edges[2], edges[3]
            );
            let fix = format!("{assign}  # the system that the coordinates are in");
            findings.push(Finding::new(&OUTSIDE, message).at(place()).fix(fix));
        }
    }
}

fn axis_mapping(subject: &Subject<'_>, mapping: &Field, usual: [i32; 2], crs: &str, findings: &mut Findings) {
    let axes: Vec<Option<i32>> = mapping.text.split(',').map(|axis| axis.trim().parse().ok()).collect();
    if matches!(axes.as_slice(), [Some(first), Some(second), ..] if [*first, *second] == usual) {
        return;
    }
    let usual = format!("{},{}", usual[0], usual[1]);
    let message = format!(
        "dataAxisToSRSAxisMapping=\"{}\", but GDAL writes \"{usual}\" for {crs}; GeoTools ignores the mapping.",
        shorten(&mapping.text)
    );
    let place: Location = at(mapping.line, "VRTDataset/SRS/@dataAxisToSRSAxisMapping");
    let fix = format!("Write dataAxisToSRSAxisMapping=\"{usual}\" on line {} of {}.", mapping.line, subject.file());
    findings.push(Finding::new(&AXIS_MAPPING, message).at(place).fix(fix));
}

/// Left, bottom, right, top of the raster.
fn corners(transform: &[f64; 6], columns: f64, rows: f64) -> [f64; 4] {
    let [left, width, row_x, top, column_y, height] = *transform;
    let corner = |column: f64, row: f64| (left + column * width + row * row_x, top + column * column_y + row * height);
    let all = [corner(0.0, 0.0), corner(columns, 0.0), corner(0.0, rows), corner(columns, rows)];
    all.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |around, (x, y)| {
        [around[0].min(*x), around[1].min(*y), around[2].max(*x), around[3].max(*y)]
    })
}

/// Why a place cannot be meant in a reference system.
fn outside(definition: &Definition<'_>, [left, bottom, right, top]: [f64; 4], pixel: f64) -> Option<String> {
    let apart = |[west, south, east, north]: [f64; 4]| left > east || right < west || bottom > north || top < south;
    match definition.crs.measure() {
        Measure::Geographic if left < -360.5 || right > 540.5 || bottom < -90.5 || top > 90.5 => {
            Some("these are no degrees".to_owned())
        }
        Measure::Geographic => {
            let area = definition.area()?;
            // Longitudes may go on beyond 180 degrees.
            let around =
                [0.0, 360.0, -360.0].into_iter().all(|turn| apart([area[0] + turn, area[1], area[2] + turn, area[3]]));
            around.then(|| format!("it is used from {} {} to {} {}", area[0], area[1], area[2], area[3]))
        }
        Measure::Plane => {
            // A raster that lies in the area of use as if in degrees was meant in degrees; so were pixels of less than a
            // millimetre, where the area is not known.
            let area = definition.area().unwrap_or([-180.0, -90.0, 180.0, 90.0]);
            let within = left >= area[0] && right <= area[2] && bottom >= area[1] && top <= area[3];
            (within && (pixel < 0.001 || definition.area().is_some())).then(|| "these look like degrees".to_owned())
        }
        _ => None,
    }
}
