//! `COG-OVR` and `COG-MSK`: overviews and masks as images, wherever their bytes lie.

use parcelle_report::{Finding, Rule, Severity};
use parcelle_tiff::{Directory, Image, Role, tags};

use super::context::{Context, in_directory, plural};
use super::fix::{Fix, REWRITE};

/// An image up to this size needs no overviews whatever its tiles are; GDAL's validator has the same limit.
const SMALL_IMAGE: u32 = 512;
/// Further apart than this, levels are still conformant but bring a reader many pixels too many.
const WIDE_FACTOR: f64 = 4.5;
const LARGEST_FACTOR: f64 = 10.0;

pub(crate) static NONE: Rule = Rule {
    id: "COG-OVR-001",
    severity: Severity::Warning,
    title: "A large image has no internal overviews",
    why: "To show the whole image small, a reader then has to fetch and decode all of the full resolution.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co OVERVIEWS=AUTO (gdaladdo would break the layout of a COG)",
    reference: "OGC 21-026 /req/optimized_geotiff/number A",
};

pub(crate) static FACTOR: Rule = Rule {
    id: "COG-OVR-003",
    severity: Severity::Warning,
    title: "The factor between two levels is outside 2 to 10",
    why: "Between two levels far apart a reader takes the larger one and throws most pixels away; levels closer than 2 \
          waste space. Factors over 4 within the limits are information.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/optimized_geotiff/number A",
};

pub(crate) static SMALLEST: Rule = Rule {
    id: "COG-OVR-004",
    severity: Severity::Warning,
    title: "The smallest level still has several tiles across and down",
    why: "A picture of the whole image should be one row or column of tiles; otherwise every overview map costs a \
          request per tile.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/optimized_geotiff/number B",
};

pub(crate) static NOT_SMALLER: Rule = Rule {
    id: "COG-OVR-005",
    severity: Severity::Error,
    title: "A level is not smaller than the one before it",
    why: "Readers walk the chain from large to small and stop, or choose wrongly, at a level that grows.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-overviews/overviews C, E",
};

pub(crate) static NOT_MARKED: Rule = Rule {
    id: "COG-OVR-006",
    severity: Severity::Error,
    title: "An overview is not marked as one",
    why: "Without bit 0 of NewSubfileType readers take a smaller copy for another page of the file: it is never used \
          as overview, and may be offered as a dataset of its own.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-overviews/overviews A, B; TIFF 6.0 section 8 (NewSubfileType)",
};

pub(crate) static PROPORTIONS: Rule = Rule {
    id: "COG-OVR-007",
    severity: Severity::Info,
    title: "The factors of a level differ in x and y",
    why: "Pixels of such a level do not lie over whole pixels of the full resolution: the picture shifts or stretches \
          between zooms. More than 2 pixels are a warning.",
    fix: REWRITE,
    reference: "OGC 21-026 /rec/optimized-geotiff/size-and-numbers C",
};

pub(crate) static TILE_SIZE: Rule = Rule {
    id: "COG-OVR-008",
    severity: Severity::Info,
    title: "A level has another tile size than the full resolution",
    why: "Caches and tile grids are laid out for one tile size; another one works, at the price of more requests.",
    fix: REWRITE,
    reference: "OGC 21-026 /rec/optimized-geotiff/size-and-numbers B",
};

pub(crate) static ENCODING: Rule = Rule {
    id: "COG-OVR-009",
    severity: Severity::Info,
    title: "A level has another compression than the full resolution",
    why: "Legal, and sometimes meant (JPEG overviews); but a client that reads one level may not have the codec of \
          the next.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co OVERVIEW_COMPRESS=AUTO -co OVERVIEWS=IGNORE_EXISTING",
    reference: "GDAL COG driver, creation option OVERVIEW_COMPRESS",
};

pub(crate) static SAMPLES: Rule = Rule {
    id: "COG-OVR-010",
    severity: Severity::Error,
    title: "A level has another data type or number of bands than the full resolution",
    why: "Such a level cannot stand for the full resolution. GDAL passes over it, other readers show other values or \
          fail.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-overviews/overviews; GDAL GTiff driver (overview directories)",
};

pub(crate) static SUB_DIRECTORIES: Rule = Rule {
    id: "COG-OVR-011",
    severity: Severity::Warning,
    title: "Images are in SubIFDs, not in the main chain",
    why: "Microscopy and camera formats keep overviews below the main directory (tag 330). GDAL and GeoServer look for \
          them in the chain only.",
    fix: REWRITE,
    reference: "OGC 21-026 /req/geotiff-overviews/overviews B",
};

pub(crate) static MASK_LEVELS: Rule = Rule {
    id: "COG-MSK-001",
    severity: Severity::Warning,
    title: "The mask has another number of overviews than the image",
    why: "At a level without a mask readers show masked pixels, or derive the mask from the full resolution at full \
          cost.",
    fix: REWRITE,
    reference: "OGC 21-026 /rec/geotiff-overviews/ifd-order 6-8",
};

pub(crate) static MASK_KIND: Rule = Rule {
    id: "COG-MSK-002",
    severity: Severity::Error,
    title: "A mask is not a mask, or has another size than its image",
    why: "A mask has PhotometricInterpretation 4 and the size of the image it belongs to. Otherwise readers take it for \
          imagery, or cannot lay it over the image.",
    fix: REWRITE,
    reference: "TIFF 6.0 section 8 (PhotometricInterpretation 4, NewSubfileType bit 2)",
};

pub(crate) fn check(context: &mut Context<'_>) {
    let Some((main, image)) = context.structure.main().and_then(|main| Some((main, main.image?))) else { return };
    let mut findings = Vec::new();
    let overviews: Vec<(&Directory, Image)> = with_images(context, Role::Overview);
    presence(main, &image, &overviews, &mut findings);
    chain(context, &mut findings);
    for (directory, overview) in &overviews {
        likeness(directory.index, overview, &image, &mut findings);
    }
    for directory in &context.structure.directories {
        if is_unmarked_overview(directory, main) {
            let size = directory.image.map_or((0, 0), |image| (image.width, image.height));
            let message = format!(
                "IFD {} ({}x{}) looks like an overview but NewSubfileType bit 0 is not set: readers take it as a page",
                directory.index, size.0, size.1
            );
            findings.push(Finding::new(&NOT_MARKED, message).at(in_directory(directory.index)));
        }
    }
    masks(context, &image, &overviews, &mut findings);
    findings.into_iter().for_each(|finding| context.push(finding, Fix::Rewrite));
}

fn with_images<'structure>(context: &Context<'structure>, role: Role) -> Vec<(&'structure Directory, Image)> {
    context.structure.with_role(role).filter_map(|directory| Some((directory, directory.image?))).collect()
}

fn presence(main: &Directory, image: &Image, overviews: &[(&Directory, Image)], findings: &mut Vec<Finding>) {
    let sub_directories = main.sub_directories().len() as u64;
    if sub_directories > 0 {
        let message = format!("{} (tag 330) below IFD 0, where readers do not look", plural(sub_directories, "SubIFD"));
        findings.push(Finding::new(&SUB_DIRECTORIES, message).at(in_directory(0)).told(sub_directories));
    }
    let (tile_width, tile_height) = if image.is_tiled() { image.block_size() } else { (0, 0) };
    let exceeds = |size: u32, tile: u32| size > tile.max(SMALL_IMAGE);
    match overviews.iter().min_by_key(|(_, overview)| u64::from(overview.width) * u64::from(overview.height)) {
        None if exceeds(image.width, tile_width) || exceeds(image.height, tile_height) => {
            let message = format!(
                "The image of {}x{} is larger than a tile and has no internal overviews",
                image.width, image.height
            );
            findings.push(Finding::new(&NONE, message).at(in_directory(0)));
        }
        Some((directory, smallest)) if smallest.is_tiled() => {
            let (across, down) = (smallest.blocks_across(), smallest.blocks_down());
            if across > 1 && down > 1 {
                let message = format!(
                    "Smallest level {}x{} still has {across}x{down} tiles (want 1 across or 1 down)",
                    smallest.width, smallest.height
                );
                findings.push(Finding::new(&SMALLEST, message).at(in_directory(directory.index)));
            }
        }
        _ => {}
    }
}

/// Every level against the one before it in the chain; a further full-resolution image begins anew.
fn chain(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut previous: Option<Image> = None;
    for directory in &context.structure.directories {
        let Some(image) = directory.image.filter(|_| !directory.role.is_mask()) else { continue };
        let before = previous.replace(image).filter(|_| directory.role == Role::Overview);
        let Some(before) = before else { continue };
        let (size, size_before) = ((image.width, image.height), (before.width, before.height));
        if size.0 > size_before.0 || size.1 > size_before.1 || size == size_before {
            let message = format!(
                "IFD {}: the level of {}x{} is not smaller than the previous one of {}x{}",
                directory.index, size.0, size.1, size_before.0, size_before.1
            );
            findings.push(Finding::new(&NOT_SMALLER, message).at(in_directory(directory.index)));
            continue;
        }
        let factor =
            f64::max(f64::from(size_before.0) / f64::from(size.0), f64::from(size_before.1) / f64::from(size.1));
        // Halves of odd sizes are rounded up or down.
        let is_half = |small: u32, large: u32| u64::from(small) * 2 <= u64::from(large) + 2;
        let is_close = !is_half(size.0, size_before.0) && !is_half(size.1, size_before.1);
        let severity = match factor {
            _ if is_close => Severity::Warning,
            factor if factor > LARGEST_FACTOR + 0.5 => Severity::Warning,
            factor if factor > WIDE_FACTOR => Severity::Info,
            _ => continue,
        };
        let limits = if severity == Severity::Warning { "is outside 2 to 10" } else { "is wide (2 is usual)" };
        let message = format!("IFD {}: factor {factor:.1} to the previous level {limits}", directory.index);
        findings.push(Finding::new(&FACTOR, message).severity(severity).at(in_directory(directory.index)));
    }
}

/// How many pixels a level is higher or lower than its width lets expect, both sizes being rounded.
fn disproportion(overview: &Image, full: &Image) -> f64 {
    let ratio = f64::from(full.height) / f64::from(full.width);
    let height = f64::from(overview.height);
    let low = (f64::from(overview.width) - 1.0) * ratio - 1.0;
    let high = (f64::from(overview.width) + 1.0) * ratio + 1.0;
    f64::max(low - height, height - high).max(0.0)
}

/// The size a level should have by the whole factor it is close to, where only one of its sides has it, rounded up or down.
fn whole_factor(overview: &Image, full: &Image) -> Option<(u32, u32)> {
    let factor = (f64::from(full.width) / f64::from(overview.width)).round() as u32;
    let other = (f64::from(full.height) / f64::from(overview.height)).round() as u32;
    if factor < 2 || factor != other {
        return None;
    }
    let has = |small: u32, large: u32| small == large / factor || small == large.div_ceil(factor);
    let has_one = has(overview.width, full.width) != has(overview.height, full.height);
    has_one.then(|| (full.width.div_ceil(factor), full.height.div_ceil(factor)))
}

fn likeness(index: usize, overview: &Image, full: &Image, findings: &mut Vec<Finding>) {
    let mut add = |rule, severity, message: String| {
        findings.push(Finding::new(rule, message).severity(severity).at(in_directory(index)));
    };
    let off = disproportion(overview, full);
    if off > 0.0 {
        let expected = f64::from(full.height) * f64::from(overview.width) / f64::from(full.width);
        let severity = if off > 2.0 { Severity::Warning } else { Severity::Info };
        let message = format!(
            "IFD {index}: the level is {w}x{}, expected {w}x{expected:.0}: x and y factors differ",
            overview.height,
            w = overview.width
        );
        add(&PROPORTIONS, severity, message);
    } else if let Some((width, height)) = whole_factor(overview, full) {
        let message = format!(
            "IFD {index}: the level is {}x{}, expected {width}x{height}: x and y factors differ",
            overview.width, overview.height
        );
        add(&PROPORTIONS, Severity::Info, message);
    }
    if overview.is_tiled() && full.is_tiled() && overview.layout != full.layout {
        let ((width, height), (full_width, full_height)) = (overview.block_size(), full.block_size());
        let message = format!(
            "IFD {index}: tiles of {width}x{height}, those of the full resolution are {full_width}x{full_height}"
        );
        add(&TILE_SIZE, Severity::Info, message);
    }
    let encoding = |image: &Image| (image.compression, image.predictor, image.photometric);
    if encoding(overview) != encoding(full) {
        let words = |image: &Image| {
            let photometric = image.photometric.map_or("none".to_owned(), |number| number.to_string());
            format!("compression {}, predictor {}, photometric {photometric}", image.compression, image.predictor)
        };
        let message = format!("IFD {index}: {}; the full resolution has {}", words(overview), words(full));
        add(&ENCODING, Severity::Info, message);
    }
    let samples = |image: &Image| (image.data_type(), image.samples_per_pixel, image.planar_configuration);
    if samples(overview) != samples(full) {
        let words = |image: &Image| {
            format!(
                "{} x {}, planar configuration {}",
                image.samples_per_pixel,
                image.data_type(),
                image.planar_configuration
            )
        };
        let message = format!("IFD {index}: {}; the full resolution has {}", words(overview), words(full));
        add(&SAMPLES, Severity::Error, message);
    }
}

/// A page that is a smaller copy of the first image by all signs: same samples, same proportions, at most two thirds of
/// its size, and no georeferencing of its own.
pub(crate) fn is_unmarked_overview(directory: &Directory, main: &Directory) -> bool {
    let (Role::Page, Some(image), Some(full)) = (directory.role, directory.image, main.image) else { return false };
    let samples = |image: &Image| (image.data_type(), image.samples_per_pixel, image.planar_configuration);
    let is_smaller = |small: u32, large: u32| u64::from(small) * 3 <= u64::from(large) * 2;
    let georeferencing = [tags::MODEL_TIEPOINT, tags::MODEL_TRANSFORMATION, tags::GEO_KEY_DIRECTORY];
    is_smaller(image.width, full.width)
        && is_smaller(image.height, full.height)
        && samples(&image) == samples(&full)
        && disproportion(&image, &full) == 0.0
        && georeferencing.iter().all(|tag| directory.entry(*tag).is_none())
}

fn masks(context: &Context<'_>, full: &Image, overviews: &[(&Directory, Image)], findings: &mut Vec<Finding>) {
    let masks = with_images(context, Role::Mask);
    let mask_overviews = with_images(context, Role::MaskOverview);
    if !masks.is_empty() && mask_overviews.len() != overviews.len() {
        let message = format!(
            "The mask has {}, the image has {}",
            plural(mask_overviews.len() as u64, "overview"),
            plural(overviews.len() as u64, "overview")
        );
        findings
            .push(Finding::new(&MASK_LEVELS, message).at(in_directory(masks.first().map_or(0, |mask| mask.0.index))));
    }
    let sizes: std::collections::HashSet<(u32, u32)> =
        overviews.iter().map(|(_, overview)| (overview.width, overview.height)).collect();
    for (directory, mask) in masks.iter().chain(&mask_overviews) {
        let size = (mask.width, mask.height);
        let has_image = match directory.role {
            Role::Mask => size == (full.width, full.height),
            _ => sizes.contains(&size),
        };
        let index = directory.index;
        let message = match mask.photometric {
            Some(4) if has_image => continue,
            Some(4) => format!("Mask IFD {index} of {}x{} has no image of its size", size.0, size.1),
            Some(other) => format!("Mask IFD {index}: PhotometricInterpretation {other} (want 4)"),
            // Missing altogether, which COG-TAG-001 says.
            None => continue,
        };
        findings.push(Finding::new(&MASK_KIND, message).at(in_directory(index)));
    }
}
