//! Files that cannot be read: each read of each small fixture fails once, for good, or gives less than there was.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parcelle::report::{Report, Verdict};
use parcelle::{ByteSource, Depth, Files, LocalFile, Usage};

use crate::fixture;

/// What is wrong with reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// EIO, once.
    Error,
    /// EIO from then on: a disk that is gone.
    Gone,
    /// The file ends in the middle of what is asked for, from then on: somebody cut it.
    Cut,
    /// One byte less than asked for, once.
    Short,
    /// Each read takes a while.
    Slow,
}

/// Which read has the fault, counted over all files of a run, and what came of it.
#[derive(Debug)]
struct Plan {
    fault: Fault,
    at: usize,
    reads: AtomicUsize,
    has_struck: AtomicBool,
}

impl Plan {
    fn new(fault: Fault, at: usize) -> Arc<Self> {
        Arc::new(Self { fault, at, reads: AtomicUsize::new(0), has_struck: AtomicBool::new(false) })
    }

    /// Opens files of this machine that behave so.
    fn files(self: &Arc<Self>) -> Files {
        let plan = Arc::clone(self);
        Files::opened_by(move |path| {
            let file = LocalFile::open(path)?;
            Ok(Arc::new(Faulty { file, plan: Arc::clone(&plan) }))
        })
    }

    fn strike(&self) {
        self.has_struck.store(true, Ordering::Relaxed);
    }
}

/// A file that cannot be read as it should.
struct Faulty {
    file: LocalFile,
    plan: Arc<Plan>,
}

impl ByteSource for Faulty {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let turn = self.plan.reads.fetch_add(1, Ordering::Relaxed);
        let count = self.file.read_at(offset, buffer)?;
        let (is_turn, is_past) = (turn == self.plan.at, turn >= self.plan.at);
        let given = match self.plan.fault {
            Fault::Error if is_turn => return self.failure(),
            Fault::Gone if is_past => return self.failure(),
            Fault::Cut if is_past => count / 2,
            Fault::Short if is_turn => count.saturating_sub(1),
            Fault::Slow => {
                std::thread::sleep(Duration::from_millis(1));
                count
            }
            _ => count,
        };
        if given < count {
            self.plan.strike();
        }
        Ok(given)
    }

    fn usage(&self) -> Usage {
        self.file.usage()
    }
}

impl Faulty {
    fn failure(&self) -> io::Result<usize> {
        self.plan.strike();
        Err(io::Error::from_raw_os_error(5))
    }
}

fn checked(path: &Path, depth: Depth, files: Files) -> Report {
    parcelle::check([path]).depth(depth).threads(1).files(files).run().unwrap()
}

/// Whether the report says of this file that it is not all right, or that it could not be looked at.
fn names_it(report: &Report, path: &Path) -> bool {
    let name = path.display().to_string();
    report.unexamined.iter().any(|missing| missing.path == name && !missing.reason.is_empty())
        || report.files.iter().any(|file| file.path == name && file.verdict == Verdict::Error)
}

/// Strikes at each read of a file: how many there were, and which of them failed unnoticed.
fn strike_everywhere(path: &Path, depth: Depth, unnoticed: &mut Vec<String>) -> usize {
    let sound = Plan::new(Fault::Slow, 0);
    let expected = checked(path, depth, sound.files());
    let plain = checked(path, depth, Files::default());
    assert_eq!((&expected.files, &expected.unexamined), (&plain.files, &plain.unexamined), "{}", path.display());
    let reads = sound.reads.load(Ordering::Relaxed);
    for at in 0..reads {
        for fault in [Fault::Error, Fault::Gone, Fault::Cut, Fault::Short] {
            let plan = Plan::new(fault, at);
            let report = checked(path, depth, plan.files());
            if plan.has_struck.load(Ordering::Relaxed) && !names_it(&report, path) {
                let verdict = report.files.first().map(|file| file.verdict);
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                unnoticed.push(format!("{name} {depth:?} {fault:?} at read {at} of {reads}: {verdict:?}"));
            }
        }
    }
    reads
}

/// The fixtures of a directory with one of these endings.
fn fixtures(directory: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(fixture(directory)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| endings.iter().any(|ending| path.extension().is_some_and(|found| found == *ending)));
    paths.sort();
    paths
}

#[test]
fn no_read_of_a_raster_may_fail_unnoticed() {
    let (mut reads, mut unnoticed) = (0, Vec::new());
    for path in fixtures("cog", &["tif"]) {
        reads += strike_everywhere(&path, Depth::Tiles, &mut unnoticed);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("good") {
            reads += strike_everywhere(&path, Depth::Header, &mut unnoticed)
                + strike_everywhere(&path, Depth::Pixels, &mut unnoticed);
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
    assert!(reads > 300, "{reads} reads");
    eprintln!("{reads} reads, four faults at each");
}

#[test]
fn no_read_of_a_virtual_raster_or_its_sources_may_fail_unnoticed() {
    let (mut reads, mut unnoticed) = (0, Vec::new());
    for path in fixtures("vrt", &["vrt"]) {
        reads += strike_everywhere(&path, Depth::Tiles, &mut unnoticed)
            + strike_everywhere(&path, Depth::Header, &mut unnoticed);
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
    assert!(reads > 300, "{reads} reads");
    eprintln!("{reads} reads, four faults at each");
}

#[test]
fn no_read_of_geoparquet_may_fail_unnoticed() {
    let (mut reads, mut unnoticed) = (0, Vec::new());
    for path in fixtures("geoparquet", &["parquet", "geoparquet"]) {
        reads += strike_everywhere(&path, Depth::Tiles, &mut unnoticed)
            + strike_everywhere(&path, Depth::Pixels, &mut unnoticed);
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
    assert!(reads > 300, "{reads} reads");
    eprintln!("{reads} reads, four faults at each");
}
