//! Rules about what a map request costs: overviews, blocks, open files; and about the server that answers it.

use std::path::{Path, PathBuf};

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Group, Location, Rule, Severity};

use super::model::{Band, Dataset, DatasetKind, Field};
use super::oldest::oldest_gdal;
use super::references::{Place, directory_of, place_of};
use super::rules_complex::is_method;
use super::rules_window::POOL;
use super::shorten::shorten;
use super::target::{GEOSERVER_GDAL, shown};
use super::{Subject, at};
use crate::shell::quoted;

/// A large mosaic without overviews.
pub(crate) static NO_OVERVIEWS: Rule = Rule {
    id: "VRT-OVR-001",
    severity: Severity::Warning,
    title: "A large mosaic without overviews at the level of the VRT",
    why: "A map at a small scale needs few pixels of many sources: GDAL takes the overviews of the sources by itself only \
          where each band has exactly one source. A mosaic of several opens and reads all of them for one tile.",
    fix: "gdaladdo on the sources, then gdaladdo on the VRT (file.vrt.ovr) for the small scales; or <OverviewList>.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::BuildVirtualOverviews, lines 2971 to 2995; \
                doc/source/drivers/raster/vrt.rst, \"Overviews\"",
};

/// A list of overviews that is none.
pub(crate) static OVERVIEW_LIST: Rule = Rule {
    id: "VRT-OVR-003",
    severity: Severity::Warning,
    title: "The <OverviewList> brings nothing, or holds a factor that is not valid",
    why: "The overviews of such a list are computed from the sources: without overviews there, each read takes all \
          pixels. A factor below 2 makes GDAL refuse the file (\"Invalid overview factor\"), which is an error.",
    fix: "gdaladdo on the sources; write factors such as 2 4 8 16.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::XMLInit, lines 996 to 1016; measured with GDAL 3.6.2",
};

/// Blocks of a size that does not help.
pub(crate) static BLOCKS: Rule = Rule {
    id: "VRT-PERF-002",
    severity: Severity::Warning,
    title: "The block size is ignored, strip-like, or huge",
    why: "GDAL takes a block size of a band from 32 to 16384 only, and 128x128 otherwise. What it takes becomes the size \
          of the tiles in Java where SUGGESTED_TILE_SIZE is not set: strips and huge blocks make each map tile read far \
          more than it shows.",
    fix: "Use 256 or 512, as the sources have it.",
    reference: "GDAL frmts/vrt/vrtrasterband.cpp, VRTRasterBand::XMLInit, lines 362 to 377; imageio-ext \
                GDALCommonIIOImageMetadata.java, lines 326 to 332",
};

/// Handles that are not shared.
pub(crate) static NOT_SHARED: Rule = Rule {
    id: "VRT-PERF-003",
    severity: Severity::Warning,
    title: "shared=\"0\": one open file for each source, band and reader",
    why: "Handles that are not shared are opened for each band that names the file, and for each thread that reads: a \
          server with many threads runs out of open files.",
    fix: "Remove the attribute, unless the driver of the source needs it.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::OpenSource, lines 870 to 886",
};

/// Sources that a mosaic would index too.
pub(crate) static HARVESTED: Rule = Rule {
    id: "VRT-MOS-001",
    severity: Severity::Warning,
    title: "An ImageMosaic would index the sources beside the VRT",
    why: "An ImageMosaic harvests every file of its directory (*.*) by default: VRT and sources together, so that each \
          pixel is there twice. It is a warning where files of an ImageMosaic lie in the directory, else it is only told.",
    fix: "Move the sources to a subdirectory and set Recursive=false, or Wildcard=*.vrt.",
    reference: "GeoTools modules/plugin/imagemosaic, Utils.java, line 529; GeoTools' test data mosaic/indexer.properties",
};

/// What the server must have.
pub(crate) static SERVER: Rule = Rule {
    id: "VRT-ENV-001",
    severity: Severity::Info,
    title: "GeoServer needs its GDAL extension, a native GDAL, and the gdal.jar that belongs to it",
    why: "GeoServer reads VRTs through the GDAL of its system. The extension ships gdal-3.2.0.jar, which has to be \
          replaced by that of the GDAL installed; then VRT is in the list of stores, though the user guide does not name \
          it among the formats.",
    fix: "",
    reference: "GeoServer doc/en/user/docs/data/raster/gdal.md; https://github.com/kartoza/docker-geoserver/issues/125",
};

/// How many requests at once.
pub(crate) static THREADS: Rule = Rule {
    id: "VRT-ENV-002",
    severity: Severity::Info,
    title: "Concurrent reads times nesting must stay below GDAL_MAX_DATASET_POOL_SIZE",
    why: "The pool of open files is one for the whole process, 100 by default. Measured with the real reader and GDAL \
          3.6.2: 200 threads on a VRT of one source hang for ever, on a nested one 9 of 10 reads fail; with a pool of \
          1000 all succeed.",
    fix: "",
    reference: "GDAL gcore/gdalproxypool.cpp, GDALProxyPoolDataset::RefUnderlyingDataset; measured with imageio-ext 2.1",
};

/// The longer side of a mosaic from which on a whole view of it costs.
pub(crate) const LARGE: i32 = 4096;

/// The most threads that Tomcat answers with where nobody sets it.
const TOMCAT_THREADS: u64 = 200;

/// Blocks beyond this side make a tile of Java of more than 16 million pixels.
const HUGE: i32 = 4096;

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    overviews(subject, dataset, findings);
    overview_list(subject, dataset, findings);
    blocks(subject, dataset, findings);
    not_shared(subject, dataset, findings);
    harvested(subject, dataset, findings);
}

/// What is true of every VRT in GeoServer.
pub(super) fn check_server(dataset: &Dataset, findings: &mut Findings) {
    let needs = oldest_gdal(dataset);
    let message = format!(
        "GeoServer needs its gdal extension, native GDAL {} or newer{}, and the gdal.jar of that version.",
        shown(needs),
        if needs > GEOSERVER_GDAL { " for this file" } else { "" }
    );
    findings.push(Finding::new(&SERVER, message).at(at(dataset.line, "VRTDataset")).fix(""));
    if !dataset.references().is_empty() {
        let message = format!(
            "Concurrent reads ({TOMCAT_THREADS} threads of Tomcat) x nesting depth must stay below \
             GDAL_MAX_DATASET_POOL_SIZE ({POOL}): raise it to 1000, or limit requests (control-flow extension)."
        );
        findings.push(Finding::new(&THREADS, message).at(at(dataset.line, "VRTDataset")).fix(""));
    }
}

fn overviews(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let Some((columns, rows)) = dataset.size() else { return };
    if columns.max(rows) <= LARGE || dataset.kind() != DatasetKind::Classic {
        return;
    }
    let has_list = dataset.overview_list.as_ref().is_some_and(|list| !list.text.trim().is_empty());
    let has_own = dataset.bands.iter().any(|band| !band.overviews.is_empty());
    // Whether a single source has overviews, only the source can tell.
    let mosaic = dataset.bands.iter().find(|band| band.sources.len() > 1);
    let Some(mosaic) = mosaic.filter(|_| !has_list && !has_own && !side_overviews(subject.path)) else { return };
    let file = subject.file();
    let message = format!(
        "{}x{} without overviews at VRT level: at small scales {} sources are read per tile.",
        grouped(u64::from(columns.unsigned_abs())),
        grouped(u64::from(rows.unsigned_abs())),
        grouped(mosaic.sources.len() as u64)
    );
    let factors = factors(columns.max(rows));
    let fix = format!(
        "gdaladdo -r average -ro {file} {factors}  # writes {file}.ovr; the sources need overviews of their own"
    );
    findings.push(Finding::new(&NO_OVERVIEWS, message).at(at(mosaic.line, "VRTDataset/VRTRasterBand")).fix(fix));
}

/// Whether `file.vrt.ovr` is there.
fn side_overviews(path: &Path) -> bool {
    let mut side = path.as_os_str().to_owned();
    side.push(".ovr");
    Path::new(&side).is_file()
}

/// Powers of two until the whole fits a tile of 512.
fn factors(longest: i32) -> String {
    let all = (1..20).map(|power| 1i64 << power).take_while(|factor| i64::from(longest) / factor >= 256);
    all.map(|factor| factor.to_string()).collect::<Vec<_>>().join(" ")
}

fn overview_list(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let Some(list) = &dataset.overview_list else { return };
    let place = || at(list.line, "VRTDataset/OverviewList");
    // GDAL splits at blanks alone and reads each with atoi: "2,4" is 2.
    let mut factors = list.text.split_ascii_whitespace();
    let field = |text: &str| Field { text: text.into(), line: list.line };
    if let Some(wrong) = factors.clone().find(|text| field(text).leading_integer().is_none_or(|factor| factor <= 1)) {
        let message =
            format!("<OverviewList> holds \"{}\", which is no factor above 1: GDAL refuses the file.", shorten(wrong));
        let fix = format!("Write factors such as 2 4 8 16 on line {} of {}.", list.line, subject.file());
        findings.push(Finding::new(&OVERVIEW_LIST, message).severity(Severity::Error).at(place()).fix(fix));
    } else if let Some(lost) = factors.find(|text| !field(text).is_integer()) {
        let message = format!(
            "<OverviewList> holds \"{}\": GDAL splits at blanks and reads {}.",
            shorten(lost),
            field(lost).leading_integer().unwrap_or_default()
        );
        let fix = format!("Put blanks between the factors on line {} of {}.", list.line, subject.file());
        findings.push(Finding::new(&OVERVIEW_LIST, message).at(place()).fix(fix));
    }
    if let Some(method) = dataset.overview_resampling.as_ref().filter(|method| !is_method(&method.text)) {
        let message =
            format!("<OverviewList> has the unknown resampling \"{}\": nearest is used.", shorten(&method.text));
        let fix = format!("Write nearest, average or cubic on line {} of {}.", method.line, subject.file());
        findings.push(Finding::new(&super::rules_complex::RESAMPLING, message).at(place()).fix(fix));
    }
}

fn blocks(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let Some((columns, rows)) = dataset.size() else { return };
    let mut told = 0;
    for (number, band) in (1u32..).zip(&dataset.bands) {
        let Some((line, problem)) = block_problem(band, columns, rows) else { continue };
        told += 1;
        if told > 1 {
            continue;
        }
        let mut place = at(line, "VRTDataset/VRTRasterBand/@blockXSize");
        place.band = Some(number);
        let message = format!("Block size of band {number} {problem}.");
        let fix = format!(
            "Write blockXSize=\"256\" blockYSize=\"256\", or leave them out, on line {line} of {}.",
            subject.file()
        );
        findings.push(Finding::new(&BLOCKS, message).at(place).fix(fix));
    }
}

/// What is wrong with the block size of a band; one that covers the raster costs nothing.
fn block_problem(band: &Band, columns: i32, rows: i32) -> Option<(u32, String)> {
    let read =
        |field: &Option<Field>| field.as_ref().map(|field| (field.leading_integer().unwrap_or_default(), field.line));
    let (width, height) = (read(&band.block_x_size), read(&band.block_y_size));
    for ((size, line), whole, name) in [(width, columns, "blockXSize"), (height, rows, "blockYSize")]
        .into_iter()
        .filter_map(|(given, whole, name)| Some((given?, whole, name)))
    {
        if size < 32 && size < whole {
            return Some((line, format!("is ignored: {name}=\"{size}\" is less than 32, GDAL takes 128")));
        }
        if size > 16384 {
            return Some((line, format!("is ignored: {name}=\"{size}\" is more than 16384, GDAL takes 128")));
        }
    }
    let taken = |given: Option<(i32, u32)>, whole: i32| given.map_or(128, |(size, _)| size).min(whole.max(1));
    let (wide, high) = (taken(width, columns), taken(height, rows));
    let line = width.or(height)?.1;
    if wide > HUGE || high > HUGE {
        return Some((line, format!("is huge: {wide}x{high} pixels are read for each map tile")));
    }
    (wide >= high.saturating_mul(16) && high < rows || high >= wide.saturating_mul(16) && wide < columns)
        .then(|| (line, format!("is strip-like ({wide}x{high})")))
}

fn not_shared(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let mut group = Group::new();
    for reference in dataset.references() {
        let file = reference.file;
        if file.shared.as_deref().is_none_or(super::numbers::truth) {
            continue;
        }
        group.add(&file.path, || Location {
            line: Some(u64::from(file.line)),
            element: Some(format!("{}/@shared", reference.element)),
            band: reference.band,
            source: Some(file.path.to_string()),
            ..Location::default()
        });
    }
    let total = subject.distinct_sources(dataset);
    if let Some(sentence) = group.sentence("source", total, "has shared=\"0\"", "have shared=\"0\"") {
        let message = format!("{sentence}: one handle per source and reader.");
        let fix = format!("Remove shared=\"0\" from {}, unless the driver of the source needs it.", subject.file());
        findings.extend(group.finding(|| Finding::new(&NOT_SHARED, message).fix(fix)));
    }
}

/// Files by which a directory shows itself to be an ImageMosaic.
const MOSAIC_FILES: &[&str] =
    &["indexer.properties", "datastore.properties", "indexer.xml", "timeregex.properties", "elevationregex.properties"];

fn harvested(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let directory = directory_of(subject.path);
    let beside = |path: &PathBuf| path.parent() == Some(directory.as_path());
    let references = dataset.references();
    // A path that names a directory leads to another one, unless it is absolute.
    let may_be = |path: &str| path.starts_with('/') || !path.contains('/');
    let mut candidates = references.iter().filter(|reference| may_be(&reference.file.path));
    let found = candidates.find_map(|reference| match place_of(reference.file, &directory, subject.process) {
        Place::Local(path) if beside(&path) => Some((reference, path)),
        _ => None,
    });
    let Some((reference, path)) = found else { return };
    let is_mosaic = MOSAIC_FILES.iter().any(|name| directory.join(name).is_file());
    let wildcard = std::fs::read_to_string(directory.join("indexer.properties")).unwrap_or_default();
    let excludes = wildcard.lines().any(|line| line.trim_start().starts_with("Wildcard") && line.contains(".vrt"));
    let severity = if is_mosaic && !excludes { Severity::Warning } else { Severity::Info };
    let message = format!(
        "{} lies in the directory of the VRT: {} indexes both, each pixel twice.",
        shorten(&path.file_name().unwrap_or_default().to_string_lossy()),
        if is_mosaic { "the ImageMosaic there" } else { "an ImageMosaic of this directory" }
    );
    let mut place = at(reference.file.line, reference.element);
    place.source = Some(reference.file.path.to_string());
    let folder = if directory.as_os_str().is_empty() { Path::new(".") } else { &directory };
    let fix = format!("In {}, write Wildcard=*.vrt for {}.", quoted(folder.join("indexer.properties")), subject.file());
    findings.push(Finding::new(&HARVESTED, message).severity(severity).at(place).fix(fix));
}
