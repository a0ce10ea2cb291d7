//! Opens one source: a TIFF by itself, a VRT by the model, anything else through GDAL where it is linked.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use parcelle_storage::{ByteSource, Files, Watched};

use super::super::model::{Dataset, FileReference};
use super::super::references::directory_of;
use super::super::unread::Unread;
use super::super::{is_virtual_xml, limits, parse, streamed};
use super::facts::{BandFacts, Bands, Book, Palette, RasterFacts};
use super::policy::{Forbidden, Policy};
use super::side::{self, Beside, Directories};
use super::tiff;

/// As many bytes as GDAL looks at to recognise a file.
const HEAD_BYTES: usize = 1024;

/// Why a GDALG is not opened: opening it is running it.
pub(crate) const STREAMED: &str = "it is a GDALG, a command line that GDAL 3.11 and newer runs when it opens the file";

/// What became of a source.
#[derive(Debug, Default)]
pub(crate) enum Opened {
    /// There is nothing at that path, which is told elsewhere.
    #[default]
    Absent,
    /// What it says of itself.
    Raster(RasterFacts),
    /// The same of a VRT, and what it is made of itself.
    Vrt(RasterFacts, Vec<Child>),
    /// It was not tried, for this reason.
    Left(&'static str),
    /// It must not be opened; where it really is.
    Forbidden(Forbidden, PathBuf),
    /// GDAL cannot open it, for this reason.
    Failed(String),
}

impl Opened {
    pub(crate) fn facts(&self) -> Option<&RasterFacts> {
        match self {
            Self::Raster(facts) | Self::Vrt(facts, _) => Some(facts),
            _ => None,
        }
    }
}

/// A source of a nested VRT.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) file: FileReference,
    pub(crate) directory: PathBuf,
    /// The greatest number of a band that is read of it.
    pub(crate) band: Option<i32>,
}

/// What opening needs.
pub(crate) struct Opener<'a> {
    pub(crate) policy: Policy<'a>,
    pub(crate) files: &'a Files,
    pub(crate) book: Book,
    pub(crate) directories: Directories,
    pub(crate) requests: AtomicU64,
    pub(crate) bytes: AtomicU64,
    /// Bytes read of nested VRTs.
    pub(crate) text_bytes: AtomicU64,
    /// What lies beside a source and could not be read.
    pub(crate) unread: Mutex<Vec<Unread>>,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(policy: Policy<'a>, files: &'a Files) -> Self {
        Self {
            policy,
            files,
            book: Book::default(),
            directories: Directories::default(),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            text_bytes: AtomicU64::new(0),
            unread: Mutex::default(),
        }
    }

    /// Opens what lies at a local path; also says when it was changed last.
    pub(crate) fn local(&self, path: &Path) -> (Opened, Option<SystemTime>) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let listing = self.directories.get(path.parent().unwrap_or(Path::new("")));
        let (Some(name), Some(directory)) = (name, &listing.canonical) else {
            // What the path of a file that is not there means to reach tells its intent.
            let plain = super::policy::without_dots(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
            return match self.policy.forbids(&plain) {
                Some(forbidden) => (Opened::Forbidden(forbidden, plain), None),
                None if path.exists() => (Opened::Failed("it is a directory".to_owned()), None),
                None => (Opened::Absent, None),
            };
        };
        let mut real = directory.join(&name);
        let is_link = std::fs::symlink_metadata(&real).is_ok_and(|metadata| metadata.file_type().is_symlink());
        if is_link {
            real = std::fs::canonicalize(&real).unwrap_or(real);
        }
        if let Some(forbidden) = self.policy.forbids(&real) {
            return (Opened::Forbidden(forbidden, real), None);
        }
        let metadata = match std::fs::metadata(&real) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                return (Opened::Failed("permission denied".to_owned()), None);
            }
            Err(_) => return (Opened::Absent, None),
        };
        let modified = metadata.modified().ok();
        if metadata.is_dir() {
            return (self.directory(&real), modified);
        }
        if !metadata.is_file() {
            return (Opened::Failed("it is a device, a pipe or a socket, no file".to_owned()), modified);
        }
        // Where a source is a link, GDAL looks for side files beside the link.
        let opened = match self.files.open(&real) {
            Ok(file) => {
                let (beside, unread) = Beside::of(self.files, &listing, directory, &name);
                unread.into_iter().for_each(|unread| self.leave_unread(unread));
                self.file(file.as_ref(), path, &beside)
            }
            Err(error) => Opened::Failed(format!("opening it fails: {error}")),
        };
        (opened, modified)
    }

    /// Notes a file beside a source that could not be read.
    pub(crate) fn leave_unread(&self, unread: Unread) {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).push(unread);
    }

    /// The overviews in an `.ovr` file, unless it has none that could be read.
    pub(crate) fn external_overviews(&self, path: &Path, width: u32) -> Option<Vec<u32>> {
        let found = self.files.open(path).and_then(|file| {
            let found = tiff::external_overviews(file.as_ref(), width);
            self.count(file.as_ref());
            found
        });
        found.unwrap_or_else(|error| {
            self.leave_unread(Unread::new(path, &error));
            None
        })
    }

    fn count(&self, file: &dyn ByteSource) {
        let usage = file.usage();
        self.requests.fetch_add(usage.requests, Ordering::Relaxed);
        self.bytes.fetch_add(usage.bytes, Ordering::Relaxed);
    }

    fn file(&self, file: &dyn ByteSource, path: &Path, beside: &Beside) -> Opened {
        // What was not read must not be taken for what is not there.
        let watched = Watched::new(file);
        let opened = self.recognised(&watched, path, beside);
        match watched.failure() {
            Some(error) => Opened::Failed(format!("reading fails: {error}")),
            None => opened,
        }
    }

    fn recognised(&self, file: &dyn ByteSource, path: &Path, beside: &Beside) -> Opened {
        let mut head = [0; HEAD_BYTES];
        let head = match file.read_at(0, &mut head) {
            Ok(count) => head.get(..count).unwrap_or_default(),
            Err(error) => return Opened::Failed(format!("reading fails: {error}")),
        };
        let opened = if head.is_empty() {
            Opened::Failed("it is empty".to_owned())
        } else if tiff::is_tiff(head) {
            match tiff::read(file, &self.book) {
                Ok(tiff) => {
                    let mut facts = tiff.facts;
                    if tiff.is_user_defined {
                        facts.crs = self.defined_by_keys(path, facts.crs);
                    }
                    self.complete(&mut facts, beside);
                    Opened::Raster(facts)
                }
                Err(reason) => Opened::Failed(reason),
            }
        } else if is_virtual_xml(head) {
            self.vrt(file, path, beside)
        } else if streamed::is_streamed_algorithm(head) {
            Opened::Left(STREAMED)
        } else {
            self.by_gdal(path, head)
        };
        self.count(file);
        opened
    }

    /// Adds what lies beside a raster.
    fn complete(&self, facts: &mut RasterFacts, beside: &Beside) {
        if let Some(path) = &beside.overviews
            && let Some(external) = self.external_overviews(path, facts.width)
        {
            facts.overviews = facts.overviews.iter().copied().chain(external).collect();
        }
        facts.has_mask |= beside.has_mask;
        if let Some(srs) = &beside.side.srs {
            facts.crs = Some(self.book.definition(srs));
        }
        facts.geo_transform = beside.side.geo_transform.or(facts.geo_transform).or(beside.world);
        if !beside.side.no_data.is_empty() {
            let bands = (1..).map_while(|number| facts.bands.get(number).map(|band| (number, band)));
            let of = |number| beside.side.no_data.iter().find(|(known, _)| *known == number).map(|(_, value)| *value);
            let list = bands.map(|(number, band)| BandFacts { no_data: of(number).or(band.no_data), ..band });
            facts.bands = Bands::of(list.take(limits::BANDS).collect());
        }
    }

    fn vrt(&self, file: &dyn ByteSource, path: &Path, beside: &Beside) -> Opened {
        if self.text_bytes.fetch_add(file.len(), Ordering::Relaxed) > limits::BYTES {
            return Opened::Left("there are too many VRTs in one another to look into all of them");
        }
        let document = match parse::parse(file) {
            Ok(document) => document,
            Err(error) => return Opened::Failed(format!("reading fails: {error}")),
        };
        if let Some(problem) = &document.not_well_formed {
            return Opened::Failed(format!("it is no well-formed XML: {} (line {})", problem.detail, problem.line));
        }
        let Some(dataset) = &document.dataset else {
            return Opened::Left("it is XML of another kind than a raster VRT");
        };
        let Some(mut facts) = nested_facts(dataset, &self.book) else {
            return match dataset.kind() {
                super::super::model::DatasetKind::Classic => {
                    Opened::Failed("it is a VRT that GDAL refuses: its size or its bands are missing".to_owned())
                }
                _ => Opened::Left("what a VRT of this kind is follows from what it is computed of"),
            };
        };
        self.complete(&mut facts, beside);
        Opened::Vrt(facts, children(dataset, path))
    }

    #[cfg(feature = "gdal")]
    fn directory(&self, path: &Path) -> Opened {
        match super::gdal::open(path, &self.book) {
            Ok(facts) => Opened::Raster(facts),
            Err(_) => Opened::Failed("it is a directory".to_owned()),
        }
    }

    #[cfg(not(feature = "gdal"))]
    #[expect(clippy::unused_self, reason = "with GDAL it is used")]
    fn directory(&self, path: &Path) -> Opened {
        super::kinds::directory(path)
    }

    #[cfg(feature = "gdal")]
    fn by_gdal(&self, path: &Path, head: &[u8]) -> Opened {
        if super::kinds::is_page(head) {
            return Opened::Failed(super::kinds::PAGE.to_owned());
        }
        if super::kinds::is_description(head) {
            return Opened::Left("it describes something that GDAL fetches from elsewhere");
        }
        if super::kinds::is_container(head) {
            return Opened::Left("it is a container of arrays (netCDF, HDF), which is not looked into");
        }
        match super::gdal::open(path, &self.book) {
            Ok(facts) => Opened::Raster(facts),
            Err(reason) => Opened::Failed(reason),
        }
    }

    #[cfg(not(feature = "gdal"))]
    #[expect(clippy::unused_self, reason = "with GDAL it is used")]
    fn by_gdal(&self, _path: &Path, head: &[u8]) -> Opened {
        super::kinds::unknown(head)
    }

    /// The system that GeoKeys define without a code, which GDAL puts together.
    #[cfg(feature = "gdal")]
    fn defined_by_keys(&self, path: &Path, known: Option<u32>) -> Option<u32> {
        let number = known? as usize;
        // Once for each definition.
        if self.book.systems().get(number).is_some_and(|system| system.crs.is_some()) {
            return known;
        }
        let found = super::gdal::definition(path)?;
        self.book.define(known?, &found);
        known
    }

    #[cfg(not(feature = "gdal"))]
    #[expect(clippy::unused_self, reason = "with GDAL it is used")]
    fn defined_by_keys(&self, _path: &Path, known: Option<u32>) -> Option<u32> {
        known
    }

    /// Looks only where the bytes of a raw band are.
    pub(crate) fn raw(&self, path: &Path) -> Opened {
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| {
            super::policy::without_dots(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
        });
        match self.policy.forbids(&real) {
            Some(forbidden) => Opened::Forbidden(forbidden, real),
            None => Opened::Left("it is raw bytes, of which any file is made"),
        }
    }

    /// Opens what lies on a network, with GDAL's own means.
    pub(crate) fn remote(&self, remote: &super::policy::Remote) -> Opened {
        if !self.policy.given.follow_remote {
            return Opened::Left("it lies on a network: --follow-remote opens it");
        }
        if !self.policy.allows_host(&remote.host) {
            return Opened::Left("its host is not among those allowed");
        }
        #[cfg(feature = "gdal")]
        match super::gdal::open_remote(&remote.path, self.policy.given.timeout, &self.book) {
            Ok(facts) => Opened::Raster(facts),
            Err(reason) => Opened::Failed(reason),
        }
        #[cfg(not(feature = "gdal"))]
        Opened::Left("it lies on a network, which this build without GDAL cannot reach")
    }
}

/// What a VRT says of itself; `None` where that follows from something else.
fn nested_facts(dataset: &Dataset, book: &Book) -> Option<RasterFacts> {
    let (width, height) = dataset.size()?;
    if dataset.bands.is_empty() {
        return None;
    }
    let bands = dataset.bands.iter().map(|band| BandFacts {
        kind: band.kind(),
        no_data: band.visible_no_data().map(|field| field.number()),
        extremes: None,
    });
    let list = dataset.overview_list.as_ref();
    let factors = list.map(|list| list.text.split_whitespace().filter_map(|factor| factor.parse().ok()).collect());
    Some(RasterFacts {
        driver: "VRT",
        width: width.unsigned_abs(),
        height: height.unsigned_abs(),
        bands: Bands::of(bands.collect()),
        crs: dataset.srs.as_ref().filter(|srs| !srs.text.trim().is_empty()).map(|srs| book.definition(&srs.text)),
        geo_transform: dataset.geo_transform.as_ref().and_then(|field| side::geo_transform(&field.text)),
        palette: dataset.bands.first().and_then(palette).map(|palette| book.palette(palette)),
        overviews: factors.unwrap_or_default(),
        block: None,
        has_mask: !dataset.mask_bands.is_empty(),
    })
}

/// The colour table of a band of a VRT.
pub(crate) fn palette(band: &super::super::model::Band) -> Option<Palette> {
    let table = band.color_table.as_ref().filter(|table| !table.entries.is_empty())?;
    let byte = |value: i32| value.clamp(0, 255) as u8;
    Some(table.entries.iter().map(|[red, green, blue, _]| [byte(*red), byte(*green), byte(*blue)]).collect())
}

fn children(dataset: &Dataset, path: &Path) -> Vec<Child> {
    let directory = directory_of(path);
    let mut highest: std::collections::HashMap<*const FileReference, i32> = std::collections::HashMap::new();
    for (_, source) in dataset.sources() {
        if let (Some(file), Some(band)) = (source.files.first(), source.band()) {
            highest.insert(std::ptr::from_ref(file), band.number());
        }
    }
    let mut seen: std::collections::HashMap<(&str, bool), usize> = std::collections::HashMap::new();
    let mut children: Vec<Child> = Vec::new();
    for reference in dataset.references() {
        let file = reference.file;
        let band = highest.get(&std::ptr::from_ref(file)).copied();
        let next = children.len();
        let place = *seen.entry((&file.path, file.is_relative_to_vrt())).or_insert(next);
        match children.get_mut(place) {
            Some(child) => child.band = child.band.max(band),
            None => children.push(Child { file: file.clone(), directory: directory.clone(), band }),
        }
    }
    children
}
