//! Every pixel of a VRT, read through GDAL as a server would, once it is certain that nothing is opened on the way
//! that the policy forbids.

use std::collections::BTreeMap;
use std::path::Path;

use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Severity};
use parcelle_storage::{ByteSource, Watched};
use rayon::prelude::*;

use super::super::limits;
use super::super::model::DatasetKind;
use super::super::references::{Place, directory_of, place_of};
use super::super::unread::Unread;
use super::gdal::{Quiet, reason};
use super::open::Opened;
use super::rules_read::READ;
use super::survey::Whereabouts;
use super::{Context, tiff};

/// Columns and rows that are read at a time.
const WINDOW: usize = 1024;
/// Pixels of all bands beyond which a VRT is not read: hours of work for a file that may have only a few lines.
const MOST_PIXELS: u128 = 200_000_000_000;
/// Different messages that are told apart.
const MESSAGES: usize = 20;

/// Text that leads GDAL away from plain files, wherever in a VRT it stands.
const ELSEWHERE: [&str; 6] = ["/vsi", "datapointer", "mem:", "/dev/", "/proc/", "/sys/"];
/// The same in VRTs of which not every part is looked at: those that others name, and those that compute their pixels.
const ELSEWHERE_IN_PARTS: [&str; 3] = ["://", "&#", "<overview>"];

/// What failed with one message.
struct Failure {
    windows: u64,
    band: usize,
    column: usize,
    row: usize,
    size: (usize, usize),
    message: String,
}

/// Reads everything, or says why not.
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    let file = context.subject.path.display();
    if let Some(why) = obstacle(context) {
        let message = format!("The pixels of {file} were not read, as {why}.");
        findings.push(Finding::new(&READ, message).severity(Severity::Info).fix(""));
        return;
    }
    let read = size(context.subject.path).map(|size| {
        let pixels =
            [size.0, size.1, size.2].iter().fold(1_u128, |pixels, number| pixels.saturating_mul(*number as u128));
        (pixels <= MOST_PIXELS).then(|| read(context.subject.path, size)).ok_or(pixels)
    });
    match read {
        Ok(Err(pixels)) => {
            let message = format!(
                "The pixels of {file} were not read: {} million in all bands are more than the {} million that are read at \
                 most.",
                grouped(u64::try_from(pixels / 1_000_000).unwrap_or(u64::MAX)),
                grouped((MOST_PIXELS / 1_000_000) as u64),
            );
            findings.push(Finding::new(&READ, message).severity(Severity::Info).fix(""));
        }
        Ok(Ok((windows, failures))) => {
            for failure in failures {
                let (width, height) = failure.size;
                let message = format!(
                    "GDAL {} cannot read {} of {} windows, first {width}x{height} pixels of band {} at column {}, row {}: {}.",
                    gdal::version::VersionInfo::release_name(),
                    grouped(failure.windows),
                    grouped(windows),
                    failure.band,
                    grouped(failure.column as u64),
                    grouped(failure.row as u64),
                    super::super::shorten::shorten(failure.message.trim_end_matches('.'))
                );
                let mut place = super::super::at(context.dataset.line, "VRTDataset");
                place.band = u32::try_from(failure.band).ok();
                let windows = failure.windows;
                findings.push(Finding::new(&READ, message).at(place).count(windows));
            }
        }
        Err(said) => {
            let message = format!("GDAL {} cannot open it: {said}.", gdal::version::VersionInfo::release_name());
            let place = super::super::at(context.dataset.line, "VRTDataset");
            findings.push(Finding::new(&READ, message).at(place));
        }
    }
}

/// Why a VRT must not be handed to GDAL.
fn obstacle(context: &Context<'_>) -> Option<String> {
    let is_plain = context.dataset.kind() == DatasetKind::Classic;
    if let Some(why) = text_obstacle(context, context.subject.path, !is_plain) {
        return Some(why);
    }
    for target in &context.survey.targets {
        let name = target.shown();
        match (&target.place, &target.opened) {
            (Whereabouts::Raw(_), _) => return Some(format!("{name} is a raw band, which may be any file")),
            (Whereabouts::Local(path), Opened::Vrt(..)) => {
                if let Some(why) = text_obstacle(context, path, true) {
                    return Some(format!("of {name}: {why}"));
                }
            }
            (_, Opened::Raster(_) | Opened::Absent) => {}
            // A damaged TIFF is what reading is for; what else failed may be opened by a driver that goes elsewhere.
            (Whereabouts::Local(path), Opened::Failed(_)) if is_tiff_or_empty(context, path) => {}
            (_, Opened::Failed(why)) => return Some(format!("{name} cannot be opened safely ({why})")),
            (_, Opened::Forbidden(..)) => return Some(format!("{name} must not be opened")),
            (_, Opened::Left(why)) => return Some(format!("{name} was not opened: {why}")),
            (_, Opened::Vrt(..)) => return Some(format!("{name} is a VRT on a network")),
        }
    }
    let directory = directory_of(context.subject.path);
    for overview in context.dataset.bands.iter().flat_map(|band| &band.overviews) {
        let Some(file) = &overview.file else { continue };
        let Place::Local(path) = place_of(file, &directory, context.subject.process) else {
            return Some(format!("the overview {} is no plain file", super::super::shorten::shorten(&file.path)));
        };
        let opened = context.opener.local(&path).0;
        if !matches!(opened, Opened::Raster(_) | Opened::Absent) {
            return Some(format!("the overview {} is no plain raster", super::super::shorten::shorten(&file.path)));
        }
    }
    None
}

fn is_tiff_or_empty(context: &Context<'_>, path: &Path) -> bool {
    let mut head = [0; 4];
    let read = context.subject.files.open(path).and_then(|file| file.read_at(0, &mut head));
    read.is_ok_and(|count| count == 0 || tiff::is_tiff(head.get(..count).unwrap_or_default()))
}

/// Looks for text that leads elsewhere.
fn text_obstacle(context: &Context<'_>, path: &Path, in_parts: bool) -> Option<String> {
    let failed = || Some("its text cannot be looked through".to_owned());
    let text = context.subject.files.open(path).and_then(|file| {
        if file.len() > limits::BYTES {
            return Ok(None);
        }
        let mut bytes = vec![0; file.len() as usize];
        let count = Watched::new(file).read_at(0, &mut bytes)?;
        bytes.truncate(count);
        Ok(Some(bytes))
    });
    let mut bytes = match text {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return failed(),
        Err(error) => {
            context.opener.leave_unread(Unread::new(path, &error));
            return failed();
        }
    };
    bytes.make_ascii_lowercase();
    // Found as bytes: whatever the encoding, GDAL reads these as ASCII.
    let follows = context.opener.policy.given.follow_remote;
    let network = |token: &&str| !(follows && matches!(*token, "/vsi" | "://"));
    let tokens = ELSEWHERE.iter().chain(ELSEWHERE_IN_PARTS.iter().filter(|_| in_parts)).filter(|token| network(token));
    let found = tokens.into_iter().find(|token| memchr::memmem::find(&bytes, token.as_bytes()).is_some())?;
    Some(format!("its text holds \"{found}\", which may lead GDAL to something else than plain files"))
}

fn open(path: &Path) -> Result<Dataset, String> {
    // No code of a file is ever run, whatever the environment allows; of this thread only.
    let _ = gdal::config::set_thread_local_config_option("GDAL_VRT_ENABLE_PYTHON", "NO");
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_READONLY,
        allowed_drivers: Some(&["VRT"]),
        ..DatasetOptions::default()
    };
    Dataset::open_ex(path, options).map_err(|error| reason(&error))
}

/// Columns, rows and bands.
fn size(path: &Path) -> Result<(usize, usize, usize), String> {
    let _quiet = Quiet::new();
    let dataset = open(path)?;
    let (width, height) = dataset.raster_size();
    Ok((width, height, dataset.raster_count()))
}

/// Reads all windows of all bands: how many there are, and what failed.
fn read(path: &Path, (width, height, bands): (usize, usize, usize)) -> (u64, Vec<Failure>) {
    let (across, down) = (width.div_ceil(WINDOW), height.div_ceil(WINDOW));
    let windows = across * down * bands;
    let failures: Vec<(usize, String)> = (0..windows)
        .into_par_iter()
        .map_init(
            // A dataset belongs to one thread at a time.
            || {
                let _quiet = Quiet::new();
                (open(path), vec![0u8; WINDOW * WINDOW])
            },
            |(dataset, buffer), index| {
                let _quiet = Quiet::new();
                let dataset = match dataset {
                    Ok(dataset) => dataset,
                    Err(said) => return Some((index, said.clone())),
                };
                let (column, row, size, band) = window(index, (width, height), (across, down));
                let part = buffer.get_mut(..size.0 * size.1)?;
                let band = match dataset.rasterband(band) {
                    Ok(band) => band,
                    Err(error) => return Some((index, reason(&error))),
                };
                let start = (isize::try_from(column).ok()?, isize::try_from(row).ok()?);
                let read = band.read_into_slice::<u8>(start, size, size, part, None);
                read.err().map(|error| (index, reason(&error)))
            },
        )
        .flatten()
        .collect();
    let mut told: BTreeMap<String, Failure> = BTreeMap::new();
    for (index, message) in failures {
        // Numbers of lines and offsets differ from one window to the next.
        let key: String = message.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        if told.len() >= MESSAGES && !told.contains_key(&key) {
            continue;
        }
        let (column, row, size, band) = window(index, (width, height), (across, down));
        let failure = Failure { windows: 0, band, column, row, size, message };
        told.entry(key).or_insert(failure).windows += 1;
    }
    (windows as u64, told.into_values().collect())
}

/// Column, row, size and band of a window.
fn window(
    index: usize,
    (width, height): (usize, usize),
    (across, down): (usize, usize),
) -> (usize, usize, (usize, usize), usize) {
    let (column, row) = (index % across * WINDOW, index / across % down * WINDOW);
    (column, row, (WINDOW.min(width - column), WINDOW.min(height - row)), index / (across * down) + 1)
}
