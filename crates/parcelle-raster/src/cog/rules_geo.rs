//! `COG-GEO` and `COG-STA`: where the image lies, in which coordinates, and what is known of its values.

use parcelle_report::{Finding, Location, Rule, Severity};
use parcelle_tiff::{Directory, Role, tags};

use super::context::{Context, in_directory};
use super::fix::{Fix, REWRITE};
use super::rules_overview::is_unmarked_overview;

pub(crate) static PLACE: Rule = Rule {
    id: "COG-GEO-001",
    severity: Severity::Warning,
    title: "The image has no place on the map",
    why: "ModelTiepoint and ModelPixelScale say where the first pixel lies and how large a pixel is. Without them a \
          reader shows the image at the origin, one unit to the pixel, or refuses it; ground control points alone need \
          a warp before anybody can lay the image over a map.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs 'EPSG:<code>' -a_ullr '<left>' '<top>' '<right>' '<bottom>'",
    reference: "OGC 21-026 /req/geotiff-keys/georeference A",
};

pub(crate) static REFERENCE_SYSTEM: Rule = Rule {
    id: "COG-GEO-002",
    severity: Severity::Warning,
    title: "The image has no coordinate reference system",
    why: "Without a GeoKeyDirectory that names one, coordinates are numbers without a meaning: clients guess, mostly \
          WGS 84, and the image appears in the wrong place or not at all.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs 'EPSG:<code>'",
    reference: "OGC 21-026 /req/geotiff-keys/basic-metadata-format A; OGC 19-008r4 (GeoTIFF 1.1) 7.1.4, GTModelTypeGeoKey",
};

pub(crate) static TRANSFORMATION: Rule = Rule {
    id: "COG-GEO-003",
    severity: Severity::Warning,
    title: "The image is placed by ModelTransformation, not by tiepoint and pixel scale",
    why: "OGC asks for ModelTiepoint and ModelPixelScale, and many web clients read nothing else. A matrix is needed \
          only for a rotated or sheared image, which they could not draw; without rotation GDAL writes the two tags \
          when it writes the file again.",
    fix: "gdalwarp IN.tif OUT.tif -of COG",
    reference: "OGC 21-026 /req/geotiff-keys/georeference A; OGC 19-008r4 (GeoTIFF 1.1) 7.3.3, ModelTransformationTag",
};

pub(crate) static OVERVIEW_PLACE: Rule = Rule {
    id: "COG-GEO-004",
    severity: Severity::Error,
    title: "An overview has its own georeferencing",
    why: "Overviews lie where their full resolution lies. Tags of their own can only repeat that or contradict it, and \
          readers that believe them show another place at another zoom, or take the overview for an image of its own.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-keys/point-of-origin A",
};

pub(crate) static MALFORMED: Rule = Rule {
    id: "COG-GEO-005",
    severity: Severity::Warning,
    title: "The tags of the georeference contradict their own form",
    why: "A GeoKeyDirectory is a header of four numbers, the last of which counts the keys, and four numbers for each key; \
          values that do not fit lie in GeoDoubleParams and GeoAsciiParams. ModelPixelScale has three numbers, ModelTiepoint \
          six for each point. GDAL drops what breaks that with a warning that nobody sees, GeoTools believes part of it or \
          cannot open the file: the image has another place in each program.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs 'EPSG:<code>' -a_ullr '<left>' '<top>' '<right>' '<bottom>'",
    reference: "OGC 19-008r4 (GeoTIFF 1.1) 7.1.2, 7.1.3 and 7.3; libgeotiff GTIFNewEx",
};

pub(crate) static STATISTICS: Rule = Rule {
    id: "COG-STA-001",
    severity: Severity::Info,
    title: "There are no band statistics in the file",
    why: "Clients that stretch contrast need the least and the greatest value of a band. Where GDAL_METADATA does not \
          give them, each client reads an overview or the whole image first, or shows elevations as black.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -stats (or -co STATISTICS=YES from GDAL 3.8 on)",
    reference: "GDAL COG driver, creation option STATISTICS; GDAL GTiff driver, Metadata (TIFFTAG_GDAL_METADATA)",
};

/// The tags that place an image or say in which coordinates.
const GEOREFERENCING: [u16; 4] =
    [tags::MODEL_TIEPOINT, tags::MODEL_PIXEL_SCALE, tags::MODEL_TRANSFORMATION, tags::GEO_KEY_DIRECTORY];

pub(crate) fn check(context: &mut Context<'_>) {
    let structure = context.structure;
    let Some(main) = structure.main() else { return };
    for directory in &structure.directories {
        // What half a directory lacks is lost, not left out.
        if directory.is_truncated || directory.image.is_none() {
            continue;
        }
        match directory.role {
            Role::FullResolution => full_resolution(context, directory),
            Role::Page if !is_unmarked_overview(directory, main) => full_resolution(context, directory),
            Role::Overview | Role::MaskOverview => overview(context, directory),
            Role::Page | Role::Mask => {}
        }
    }
    statistics(context, main);
}

fn full_resolution(context: &mut Context<'_>, directory: &Directory) {
    let index = directory.index;
    let has = |tag| directory.entry(tag).is_some();
    let points = directory.entry(tags::MODEL_TIEPOINT).map_or(0, |entry| entry.count / 6);
    if !has(tags::MODEL_TIEPOINT) && has(tags::MODEL_TRANSFORMATION) {
        let message = format!(
            "IFD {index} is placed by ModelTransformation; many clients read ModelTiepoint and ModelPixelScale only"
        );
        let location =
            Location { tag: tags::name(tags::MODEL_TRANSFORMATION).map(str::to_owned), ..in_directory(index) };
        // GDAL writes a matrix without rotation as the two tags.
        let fix = if is_rotated(directory) { Fix::Warp } else { Fix::Shuffle };
        context.push_at(&TRANSFORMATION, message, fix, location);
    } else if !(has(tags::MODEL_TIEPOINT) && has(tags::MODEL_PIXEL_SCALE)) {
        let message = match points {
            0 | 1 => format!("IFD {index} has no ModelTiepoint with ModelPixelScale: nobody knows where it lies"),
            points => format!("IFD {index} has {points} ground control points and no ModelPixelScale: it needs a warp"),
        };
        let fix = if points > 1 { Fix::Warp } else { Fix::Place };
        context.push_at(&PLACE, message, fix, in_directory(index));
    }
    malformed(context, directory);
    let message = match directory.entry(tags::GEO_KEY_DIRECTORY) {
        None => format!("IFD {index} has no GeoKeyDirectory: its coordinate reference system is unknown"),
        Some(_) if names_reference_system(directory) => return,
        Some(_) => format!("The GeoKeyDirectory of IFD {index} names no coordinate reference system"),
    };
    context.push_at(&REFERENCE_SYSTEM, message, Fix::ReferenceSystem, in_directory(index));
}

/// What is wrong with the form of the tags that place an image, each of them once.
fn malformed(context: &mut Context<'_>, directory: &Directory) {
    let index = directory.index;
    let mut tell = |tag: u16, message: String, fix: Fix| {
        let location = Location { tag: tags::name(tag).map(str::to_owned), ..in_directory(index) };
        context.push_at(&MALFORMED, message, fix, location);
    };
    if let Some((tag, what)) = malformed_keys(directory) {
        tell(tag, format!("IFD {index}: {what}"), Fix::ReferenceSystem);
    }
    for tag in [tags::MODEL_PIXEL_SCALE, tags::MODEL_TIEPOINT, tags::MODEL_TRANSFORMATION] {
        let Some(entry) = directory.entry(tag) else { continue };
        let numbers = directory.doubles(tag);
        let (count, label) = (entry.count, tags::label(tag));
        let is_flat = tag == tags::MODEL_PIXEL_SCALE && numbers.iter().take(2).any(|number| *number == 0.0);
        let wanted = match tag {
            tags::MODEL_PIXEL_SCALE if count != 3 => Some("3"),
            tags::MODEL_TIEPOINT if count == 0 || !count.is_multiple_of(6) => Some("6 for each point"),
            tags::MODEL_TRANSFORMATION if count != 16 => Some("16"),
            _ => None,
        };
        let message = match wanted {
            Some(wanted) => format!("IFD {index}: {label} has {count} numbers instead of {wanted}"),
            None if numbers.iter().any(|number| !number.is_finite()) => {
                format!("IFD {index}: {label} has a number that is NaN or infinite")
            }
            None if is_flat => format!("IFD {index}: {label} gives pixels a size of 0"),
            None => continue,
        };
        tell(tag, message, Fix::Place);
    }
}

/// What libgeotiff refuses of a GeoKeyDirectory, and where it is.
fn malformed_keys(directory: &Directory) -> Option<(u16, String)> {
    let entry = directory.entry(tags::GEO_KEY_DIRECTORY)?;
    let numbers = directory.unsigned_values(tags::GEO_KEY_DIRECTORY);
    let (count, tag) = (numbers.len() as u64, tags::GEO_KEY_DIRECTORY);
    if entry.count != count {
        // Its values were not read, which other rules tell.
        return None;
    }
    let [version, _, _, announced, keys @ ..] = numbers.as_slice() else {
        return Some((tag, format!("the GeoKeyDirectory has {count} numbers, fewer than its header")));
    };
    if *version != 1 {
        return Some((tag, format!("the GeoKeyDirectory is of version {version}, and there is only version 1")));
    }
    // Programs of ESRI leave room behind the last key, which is all zeros and disturbs nobody.
    let told = usize::try_from(announced.saturating_mul(4)).unwrap_or(usize::MAX);
    if keys.get(told..).is_none_or(|behind| behind.iter().any(|number| *number != 0)) {
        let what = format!("the GeoKeyDirectory announces {announced} keys, and has {count} numbers");
        return Some((tag, what));
    }
    let length = |tag: u64| u16::try_from(tag).ok().and_then(|tag| directory.entry(tag)).map_or(0, |entry| entry.count);
    let is_outside =
        |[_, place, values, start]: &[u64; 4]| *place != 0 && start.saturating_add(*values) > length(*place);
    let [key, place, ..] = keys.as_chunks().0.iter().find(|key| is_outside(key))?;
    let place = u16::try_from(*place).map_or_else(|_| place.to_string(), tags::label);
    Some((tag, format!("the value of GeoKey {key} lies outside of {place}")))
}

/// Whether one of the keys names a coordinate reference system, or what one is made of: GeodeticCRS, GeodeticDatum,
/// Ellipsoid, ProjectedCRS, Projection (GeoTIFF 1.1, 7.1.3).
fn names_reference_system(directory: &Directory) -> bool {
    let numbers = directory.unsigned_values(tags::GEO_KEY_DIRECTORY);
    // Four numbers to a key, behind four of a header: key, tag of the value or 0, count, value or its place.
    let mut keys = numbers.as_chunks::<4>().0.iter().skip(1);
    keys.any(|[key, place, _, value]| matches!(key, 2048 | 2050 | 2056 | 3072 | 3074) && (*place, *value) != (0, 0))
}

/// Whether rows and columns do not run along the axes; also where the matrix cannot be read.
fn is_rotated(directory: &Directory) -> bool {
    match directory.doubles(tags::MODEL_TRANSFORMATION)[..] {
        [_, across, _, _, down, ..] => across != 0.0 || down != 0.0,
        _ => true,
    }
}

fn overview(context: &mut Context<'_>, directory: &Directory) {
    let index = directory.index;
    let found: Vec<String> =
        GEOREFERENCING.into_iter().filter(|tag| directory.entry(*tag).is_some()).map(tags::label).collect();
    let Some(first) = found.first() else { return };
    let message = format!("IFD {index}, an overview, has georeferencing of its own: {}", found.join(", "));
    let location = Location { tag: Some(first.clone()), ..in_directory(index) };
    context.push_at(&OVERVIEW_PLACE, message, Fix::Rewrite, location);
}

fn statistics(context: &mut Context<'_>, main: &Directory) {
    if main.is_truncated || main.image.is_none() {
        return;
    }
    let has_statistics = match main.entry(tags::GDAL_METADATA) {
        None => false,
        // Metadata that were too long to be kept may hold them.
        Some(entry) => entry.bytes().is_none_or(|bytes| contains(bytes, b"\"STATISTICS_M")),
    };
    if !has_statistics {
        let finding = Finding::new(&STATISTICS, "No band statistics in GDAL_METADATA").at(in_directory(main.index));
        context.push(finding, Fix::Statistics);
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
