//! GeoServer: what its own readers make of a GeoTIFF, by file and by COG over HTTP.
//!
//! GeoServer reads GeoTIFFs with `TIFFImageReader` of imageio-ext, from a file or (community module COG) through HTTP
//! ranges, and takes place and coordinate reference system from GeoTools' `GeoTiffReader`. What these do with a kind of
//! file is a row in `profiles/geoserver/capabilities.csv`: a condition on the parsed structure, the outcome, the access
//! and the versions it holds for, the exception in the log, and the measurement or the line of source that grounds it.
//! [`judge`] holds every row against a file. The worst outcome of a way of access is its answer: the file fails before it
//! is misread, is misread before it is slow. Overviews count as the image does, since maps are drawn from them.
//!
//! GeoTools refuses files that the decoder alone would read: what the decoder makes of them stands beside the outcome
//! ([`Compatibility::decoder`]), as who reads the pixels without their place (`imageio-ext` itself) sees it.
//!
//! Rows whose outcome is `reads` tell something else that an admin wants to know, such as a band that is taken for alpha.
//!
//! ```no_run
//! use parcelle_raster::Depth;
//! use parcelle_raster::geoserver::{Around, judge, newest};
//! use parcelle_storage::{ByteSource, LocalFile};
//!
//! let source = LocalFile::open("dem.tif".as_ref())?;
//! let structure = parcelle_tiff::read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer))?;
//! let around = Around::of(&source, &structure, "dem.tif".as_ref(), Depth::Tiles)?;
//! let judged = judge(&structure, "dem.tif", newest()?, &around)?;
//! for answer in judged.compatibility {
//!     println!("{} {:?} {:?}", answer.access, answer.outcome, answer.because);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Tiles whose bytes do not decode are known where pixels were decoded ([`with_damage`]). What is not judged: ImageMosaic,
//! GeoServer's extensions for libjpeg-turbo and GDAL, the readers of S3, Google and Azure.
//! The rows about coordinate reference systems were measured with GeoTools 36 and are taken to hold for older ones too.
//! That each tile of a COG of GDAL's takes a request of its own over HTTP (the four bytes before and after it keep
//! `ContiguousRangeComposer` from joining them) holds for all of them and is not reported for each.

mod around;
mod condition;
pub(crate) mod csv;
mod damage;
mod elsewhere;
mod facts;
mod geo_keys;
mod names;
mod nodata;
mod pe;
#[cfg(test)]
mod rows;
mod rules;
mod rules_access;
mod rules_place;
mod table;
mod version;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use parcelle_report::{Compatibility, Finding, Findings, Location, Outcome, Severity};
use parcelle_tiff::{Structure, tags};

pub use around::Around;
pub use damage::with_damage;
pub(crate) use elsewhere::projection_beside;
pub(crate) use geo_keys::GeoKeys;
pub use rules::RULES;
pub use version::Version;

use crate::shell::{names, quoted};
use around::Tiles;
use condition::Facts;
use table::{Capability, Effect, Scope, tables};

/// The layout rules about pixels that this profile has, too: no reader shows what does not decode.
pub const OF_PIXELS: [&str; 2] = [crate::cog::NOT_DECODABLE_ID, crate::cog::NOT_DECODED_ID];

/// A row of the compiled tables that cannot be read; a test of this crate makes sure that there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table}, line {line}: {reason}")]
pub struct TableError {
    /// The file of the table.
    pub table: &'static str,
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// How GeoServer reaches a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// A GeoTIFF store on a file system.
    File,
    /// A COG store over HTTP (`cog://https://…`).
    CogHttp,
}

impl Access {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::File, Self::CogHttp];

    /// The word used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::CogHttp => "cog-http",
        }
    }
}

/// Which files that GeoServer looks for are beside a local raster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Beside {
    /// `.prj` that has a system: replaces the one inside, unless GeoServer was told otherwise.
    pub projection: bool,
    /// A world file or MapInfo's `.tab`.
    pub world: bool,
    /// `.msk`: a mask of GDAL's.
    pub mask: bool,
    /// `.ovr`: overviews of GDAL's.
    pub overviews: bool,
    /// `.aux.xml`: what GDAL could not write into the file.
    pub aux: bool,
}

impl Beside {
    /// Looks for them.
    ///
    /// # Errors
    /// What the operating system says when the folder cannot be searched.
    pub fn of(path: &Path) -> io::Result<Self> {
        let exists = |extension: &str| path.with_extension(extension).try_exists();
        let follows = |text: &str| around::ending(path, text).try_exists();
        Ok(Self {
            projection: around::is_projection(&path.with_extension("prj"))?,
            world: exists("tfw")? || exists("wld")? || exists("tab")?,
            mask: follows(".msk")?,
            overviews: follows(".ovr")?,
            aux: follows(".aux.xml")?,
        })
    }
}

/// What GeoServer makes of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// Why, worst first.
    pub findings: Vec<Finding>,
    /// One answer for each [`Access`].
    pub compatibility: Vec<Compatibility>,
}

/// The newest series of GeoServer that the table knows.
///
/// # Errors
/// [`TableError`], which no build that passed its tests gives.
pub fn newest() -> Result<Version, TableError> {
    let wrong = TableError { table: "releases.csv", line: 2, reason: "there is no release".to_owned() };
    tables()?.releases.last().copied().ok_or(wrong)
}

/// The series of GeoServer that the table knows, oldest first.
///
/// # Errors
/// See [`newest`].
pub fn releases() -> Result<&'static [Version], TableError> {
    Ok(&tables()?.releases)
}

/// What a row is true of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    File,
    Ifd(usize),
    /// A directory of the `.ovr` beside the file.
    Beside(usize),
}

impl Place {
    const fn ifd(self) -> Option<usize> {
        match self {
            Self::Ifd(ifd) => Some(ifd),
            Self::File | Self::Beside(_) => None,
        }
    }

    /// Whether maps of the full resolution show it.
    const fn is_image(self) -> bool {
        matches!(self, Self::File | Self::Ifd(0))
    }
}

/// A capability that a file has, and where.
struct Hit {
    row: &'static Capability,
    place: Place,
}

impl Hit {
    /// The store is created from the first image; what is wrong with another one shows when it is read.
    fn effect(&self) -> Effect {
        match self.row.effect {
            Effect::FailsToOpen if !self.place.is_image() => Effect::FailsToRead,
            effect => effect,
        }
    }
}

/// What a rule says of a file to one end.
struct Reason {
    row: &'static Capability,
    accesses: Vec<Access>,
    places: BTreeSet<Place>,
}

impl Reason {
    fn takes(&self, hit: &Hit) -> bool {
        let says = |row: &'static Capability| (row.rule.id, row.effect, row.exception.as_str());
        says(self.row) == says(hit.row)
    }

    fn take(&mut self, hit: &Hit, access: Access) {
        if !self.accesses.contains(&access) {
            self.accesses.push(access);
        }
        self.places.insert(hit.place);
    }
}

/// Says what a version of GeoServer makes of a file; `path` is what the fix commands call it.
///
/// # Errors
/// See [`newest`].
pub fn judge(structure: &Structure, path: &str, version: Version, around: &Around) -> Result<Judged, TableError> {
    judge_by(&Access::ALL, structure, path, version, around)
}

/// [`judge`] for some ways of access only: a file behind a URL is not reached from a file system.
///
/// # Errors
/// See [`newest`].
pub fn judge_by(
    asked: &[Access],
    structure: &Structure,
    path: &str,
    version: Version,
    around: &Around,
) -> Result<Judged, TableError> {
    let tables = tables()?;
    let mut compatibility = Vec::new();
    let levels = levels(structure, &around.tiles, Place::Ifd);
    let outside = around.overviews.as_ref().map_or_else(Vec::new, |outside| levels_beside(&outside.0, &outside.1));
    let mut reasons: Vec<Reason> = Vec::new();
    for access in asked.iter().copied() {
        let first = levels.iter().find(|(place, _)| place.is_image()).map(|(_, facts)| *facts);
        let file = facts::of_file(structure, first, access, around);
        let rows = tables.capabilities.iter().filter(|row| row.applies(version, access));
        // Over HTTP nobody counts the images of an `.ovr`.
        let outside = if access == Access::File { &outside[..] } else { &[] };
        let hits = hits(rows, &file, levels.iter().chain(outside));
        let worst = hits.iter().max_by_key(|hit| rank(hit));
        let outcome_of = |hit: Option<&Hit>| hit.map_or(Outcome::Reads, |hit| hit.row.effect.outcome());
        let of_decoder = hits.iter().filter(|hit| !rules::is_about_place(hit.row.rule));
        let decoder = outcome_of(of_decoder.max_by_key(|hit| rank(hit)));
        let outcome = outcome_of(worst);
        let detail = worst.map_or("", what_happens).to_owned();
        let mut because = Vec::new();
        for hit in hits {
            if hit.row.effect != Effect::Reads && !because.contains(&hit.row.rule.id) {
                because.push(hit.row.rule.id);
            }
            match reasons.iter_mut().find(|reason| reason.takes(&hit)) {
                Some(reason) => reason.take(&hit, access),
                None => {
                    reasons.push(Reason { row: hit.row, accesses: vec![access], places: BTreeSet::from([hit.place]) })
                }
            }
        }
        compatibility.push(Compatibility {
            target: "geoserver".to_owned(),
            version: version.to_string(),
            access: access.as_str().to_owned(),
            outcome,
            because,
            detail,
            decoder: Some(decoder),
        });
    }
    let mut findings = Findings::new();
    for reason in reasons {
        findings.push(finding(&reason, asked, structure, path, version));
    }
    Ok(Judged { findings: findings.into_sorted(), compatibility })
}

/// The facts of each image.
fn levels(structure: &Structure, tiles: &Tiles, place: fn(usize) -> Place) -> Vec<(Place, Facts)> {
    let of = |directory: &parcelle_tiff::Directory| {
        Some((place(directory.index), facts::of_level(structure, directory, &directory.image?, tiles)))
    };
    structure.directories.iter().filter_map(of).collect()
}

/// Those of an `.ovr`, all of which are overviews.
fn levels_beside(structure: &Structure, tiles: &Tiles) -> Vec<(Place, Facts)> {
    levels(structure, tiles, Place::Beside)
}

fn hits<'a>(
    rows: impl Iterator<Item = &'static Capability>,
    file: &Facts,
    levels: impl Iterator<Item = &'a (Place, Facts)> + Clone,
) -> Vec<Hit> {
    let mut hits = Vec::new();
    for row in rows {
        match row.scope {
            Scope::File if row.condition.holds(file) => hits.push(Hit { row, place: Place::File }),
            Scope::File => {}
            Scope::Level => {
                let true_of = levels.clone().filter(|(_, facts)| row.condition.holds(facts));
                hits.extend(true_of.map(|(place, _)| Hit { row, place: *place }));
            }
        }
    }
    hits
}

/// The worst is the largest: what is seen first, then in the image itself before its overviews.
fn rank(hit: &Hit) -> (u8, bool) {
    let effect = match hit.effect() {
        Effect::Reads => 0,
        Effect::Slow => 1,
        Effect::Misreads => 2,
        Effect::FailsToRead => 3,
        Effect::FailsToOpen => 4,
    };
    (effect, hit.place.is_image())
}

/// What an admin sees.
fn what_happens(hit: &Hit) -> &'static str {
    seen(hit.effect(), hit.place)
}

fn seen(effect: Effect, place: Place) -> &'static str {
    match (effect, place.is_image()) {
        (Effect::Reads, _) => "",
        (Effect::Slow, _) => "store and layer can be created, requests take very long",
        (Effect::Misreads, true) => "store and layer can be created, maps show wrong values without an error",
        (Effect::Misreads, _) => "store and layer can be created, zoomed-out maps show wrong values without an error",
        (Effect::FailsToRead, true) => "store and layer can be created, GetMap and GetCoverage fail",
        (Effect::FailsToRead, _) => "store and layer can be created, zoomed-out maps fail",
        (Effect::FailsToOpen, _) => "the store cannot be created",
    }
}

fn finding(reason: &Reason, asked: &[Access], structure: &Structure, path: &str, version: Version) -> Finding {
    let Reason { row, accesses, places } = reason;
    let is_local = accesses.contains(&Access::File);
    let how = match (is_local, accesses.len()) {
        (true, 1) => " from a file",
        (false, _) => " by COG over HTTP",
        (true, _) => "",
    };
    let place = places.first().copied().unwrap_or(Place::File);
    let hit = Hit { row, place };
    let ifd = place.ifd();
    let place = match place {
        Place::File | Place::Ifd(0) => "it".to_owned(),
        Place::Ifd(ifd) => format!("IFD {ifd}"),
        Place::Beside(ifd) => format!("IFD {ifd} of its .ovr"),
    };
    let title = row.rule.title;
    let seen = what_happens(&hit);
    let mut message = match hit.effect() {
        Effect::FailsToOpen => format!("GeoServer {version} cannot open it{how}: {title} ({seen})"),
        Effect::FailsToRead => format!("GeoServer {version} cannot read {place}{how}: {title} ({seen})"),
        Effect::Misreads => format!("GeoServer {version} shows {place} wrongly{how}: {title}"),
        Effect::Slow => format!("GeoServer {version} is very slow with {place}{how}: {title}"),
        Effect::Reads => format!("GeoServer {version} reads it{how}; {title}"),
    };
    if !row.exception.is_empty() {
        message = format!("{message}. In its log: {}", row.exception);
    }
    // One way of access is left where only HTTP stumbles.
    let severity = match row.effect.outcome() {
        Outcome::Fails | Outcome::Misreads if is_local || accesses.len() == asked.len() => Severity::Error,
        Outcome::Fails | Outcome::Misreads | Outcome::Slow => Severity::Warning,
        Outcome::Reads => row.rule.severity,
    };
    let location = Location { ifd: ifd.and_then(|ifd| u32::try_from(ifd).ok()), ..Location::default() };
    Finding::new(row.rule, message)
        .severity(severity)
        .fix(fix(row.rule.fix, structure, path))
        .at(location)
        .count(places.len().max(1) as u64)
}

/// The command of a rule, with the names and the nodata value of this file for the words that stand for them.
fn fix(general: &str, structure: &Structure, path: &str) -> String {
    let (input, stem) = names(path);
    let nodata = || structure.main().and_then(|main| main.text(tags::GDAL_NODATA)).unwrap_or_default();
    let words = general.split(' ').map(|word| match word {
        "IN.tif" => quoted(&input),
        "OUT.tif" => quoted(format!("{stem}.geoserver.tif")),
        // As the layout rules call it, so that a report shows one way out of both.
        "COG.tif" => quoted(format!("{stem}.cog.tif")),
        "NODATA" => nodata::meant(&nodata()),
        "TYPE" => java_type(structure).to_owned(),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The smallest type of GDAL's that holds all values of the image and that Java has too.
fn java_type(structure: &Structure) -> &'static str {
    let Some(image) = structure.main().and_then(|main| main.image) else { return "Float64" };
    match (image.sample_format, image.bits_per_sample) {
        (3, ..=32) => "Float32",
        (1 | 4, ..=8) => "Byte",
        (2, ..=16) => "Int16",
        (1 | 4, ..=16) => "UInt16",
        (1 | 2 | 4, ..=31) | (2, 32) => "Int32",
        // Pairs of these bits.
        (5, ..=32) => "Int16",
        (6, ..=64) => "Float32",
        _ => "Float64",
    }
}
