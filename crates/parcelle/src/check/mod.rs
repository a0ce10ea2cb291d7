//! Rasters and GeoParquet against the rules.

mod examine;
mod example;
mod find;
mod messages;
mod mosaic;
mod once;
#[cfg(feature = "http")]
mod remote;
mod script;
mod stream;
mod wording;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parcelle_raster::Depth;
use parcelle_raster::cog::{Class, LayoutProfile};
use parcelle_raster::geoserver::{self, Version};
use parcelle_raster::vrt::{GdalVersion, SourcePolicy, VrtOptions};
use parcelle_report::{FileKind, FileReport, Ignoring, Report, Rule, Tool, Unexamined};
use parcelle_storage::Files;

pub use example::{Example, example};
pub use script::fix_script;
pub use stream::Answer;
pub use wording::wording;

use find::{Found, Place};
use once::Once;

/// Checks files and directories: a builder with sensible defaults, started with [`Check::run`].
///
/// Directories are walked for GeoTIFFs, VRTs and GeoParquet. What a file is follows from its content; only a file whose content is
/// none of them is judged by its name. With the feature `http`, URLs (`https://`, `s3://`, `gs://`, `az://`) name files, too.
pub fn check(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Check {
    Check {
        paths: paths.into_iter().map(|path| path.as_ref().to_owned()).collect(),
        depth: None,
        profiles: Profile::DEFAULT.to_vec(),
        gdal_version: None,
        working_directory: None,
        threads: None,
        sources: SourcePolicy::default(),
        files: Files::default(),
        observer: None,
        is_mosaic: false,
        extras: Extras::default(),
        ignoring: Ignoring::default(),
        #[cfg(feature = "http")]
        http_timeout: None,
        #[cfg(feature = "http")]
        client: std::sync::OnceLock::new(),
    }
}

/// The program in reports.
pub const TOOL: Tool = Tool { name: "parcelle", version: crate::VERSION };

/// Called after each file with the number of files done and of all files.
pub type FileObserver = Arc<dyn Fn(usize, usize) + Send + Sync>;

/// See [`check()`].
#[derive(Clone)]
#[must_use = "nothing is checked until run() is called"]
pub struct Check {
    paths: Vec<PathBuf>,
    depth: Option<Depth>,
    profiles: Vec<Profile>,
    gdal_version: Option<GdalVersion>,
    working_directory: Option<PathBuf>,
    threads: Option<usize>,
    sources: SourcePolicy,
    files: Files,
    observer: Option<FileObserver>,
    is_mosaic: bool,
    extras: Extras,
    ignoring: Ignoring,
    #[cfg(feature = "http")]
    http_timeout: Option<std::time::Duration>,
    #[cfg(feature = "http")]
    client: std::sync::OnceLock<parcelle_storage::http::HttpClient>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Check")
            .field("paths", &self.paths)
            .field("depth", &self.depth)
            .field("profiles", &self.profiles)
            .field("gdal_version", &self.gdal_version)
            .field("working_directory", &self.working_directory)
            .field("threads", &self.threads)
            .field("sources", &self.sources)
            .field("is_mosaic", &self.is_mosaic)
            .finish_non_exhaustive()
    }
}

/// What a report has beside findings and facts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Extras {
    pictures: bool,
    versions: bool,
}

/// A set of rules that are in force together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Layout of Cloud Optimized GeoTIFFs.
    Cog,
    /// GDAL virtual rasters.
    Vrt,
    /// GeoParquet: its specification, its data and its layout.
    Geoparquet,
    /// What a version of GeoServer reads; `None` is the newest one known.
    Geoserver(Option<Version>),
    /// What GDAL's own validator of Cloud Optimized GeoTIFFs refuses.
    Gdal,
    /// A requirement class of OGC 21-026, with those it depends on; `None` for all of them.
    Ogc(Option<Class>),
}

impl Profile {
    /// All there are; of GeoServer the newest version.
    pub const ALL: [Self; 11] = [
        Self::Cog,
        Self::Vrt,
        Self::Geoparquet,
        Self::Geoserver(None),
        Self::Gdal,
        Self::Ogc(None),
        Self::Ogc(Some(Class::GeotiffFormat)),
        Self::Ogc(Some(Class::GeotiffOverviews)),
        Self::Ogc(Some(Class::GeotiffKeys)),
        Self::Ogc(Some(Class::OptimizedGeotiff)),
        Self::Ogc(Some(Class::HttpRange)),
    ];

    /// Those in force where none is asked for. Together they have every rule.
    pub const DEFAULT: [Self; 4] = [Self::Cog, Self::Vrt, Self::Geoparquet, Self::Geoserver(None)];

    /// The profile with this name, whatever its case: `cog`, `vrt`, `geoparquet`, `gdal`, `ogc-21-026`,
    /// `ogc-21-026/geotiff-keys`, `geoserver`, or `geoserver@2.27` for a version.
    ///
    /// # Errors
    /// [`CheckError::Profile`] where there is no such profile or version.
    pub fn parse(name: &str) -> Result<Self, CheckError> {
        let (plain, version) = match name.split_once('@') {
            Some((plain, version)) => (plain, Some(version)),
            None => (name, None),
        };
        let profile = Self::ALL.into_iter().find(|profile| profile.name().eq_ignore_ascii_case(plain));
        match (profile, version) {
            (Some(Self::Geoserver(_)), Some(asked)) => {
                let known = geoserver::releases().map_err(|error| CheckError::Table { reason: error.to_string() })?;
                Version::parse(asked)
                    .filter(|version| known.iter().any(|series| series.is_of_series(*version)))
                    .map(|version| Self::Geoserver(Some(version)))
                    .ok_or_else(|| CheckError::Profile {
                        name: name.to_owned(),
                        known: known.iter().map(|series| format!("geoserver@{series}")).collect::<Vec<_>>().join(", "),
                    })
            }
            (Some(profile), None) => Ok(profile),
            _ => Err(CheckError::Profile {
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", ") + " (geoserver@2.27 for a version)",
            }),
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self, self.layout()) {
            (Self::Vrt, _) => "vrt",
            (Self::Geoparquet, _) => "geoparquet",
            (Self::Geoserver(_), _) | (_, None) => "geoserver",
            (_, Some(layout)) => layout.name(),
        }
    }

    /// Its rules.
    #[must_use]
    pub fn rules(self) -> Vec<&'static Rule> {
        match (self, self.layout()) {
            (_, Some(layout)) => layout.rules(),
            (Self::Vrt, None) => parcelle_raster::vrt::RULES.to_vec(),
            (Self::Geoparquet, None) => parcelle_geoparquet::check::RULES.to_vec(),
            (_, None) => geoserver::RULES.to_vec(),
        }
    }

    /// Whether it has rules for files of this kind.
    #[must_use]
    pub const fn judges(self, kind: FileKind) -> bool {
        match self {
            Self::Cog | Self::Gdal | Self::Ogc(_) => matches!(kind, FileKind::Geotiff),
            Self::Vrt => matches!(kind, FileKind::Vrt),
            Self::Geoparquet => matches!(kind, FileKind::Geoparquet),
            Self::Geoserver(_) => matches!(kind, FileKind::Geotiff | FileKind::Vrt),
        }
    }

    /// What it is to the layout rules, if it is about them.
    const fn layout(self) -> Option<LayoutProfile> {
        match self {
            Self::Cog => Some(LayoutProfile::Cog),
            Self::Gdal => Some(LayoutProfile::Gdal),
            Self::Ogc(class) => Some(LayoutProfile::Ogc(class)),
            Self::Vrt | Self::Geoparquet | Self::Geoserver(_) => None,
        }
    }
}

/// The rules of all profiles, and those of mosaics.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let of_profiles = Profile::DEFAULT.into_iter().flat_map(Profile::rules);
    of_profiles.chain(parcelle_raster::mosaic::RULES.iter().copied())
}

/// The rule with this id, whatever its case.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// The names of the profiles that have a rule; of the requirement classes of OGC 21-026 the one it belongs to.
#[must_use]
pub fn profiles_of(rule: &Rule) -> Vec<&'static str> {
    let own_class = LayoutProfile::class_of(rule);
    let has = |profile: &Profile| match profile {
        Profile::Ogc(None) => false,
        Profile::Ogc(class) => *class == own_class,
        Profile::Geoserver(_) if geoserver::OF_PIXELS.contains(&rule.id) => true,
        other => other.rules().iter().any(|known| known.id == rule.id),
    };
    Profile::ALL.into_iter().filter(has).map(Profile::name).collect()
}

/// Why nothing could be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is no such profile.
    #[error("there is no profile {name:?}: there are {known}")]
    Profile {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A table of this build cannot be read, which its tests rule out.
    #[error("the table of GeoServer's capabilities is damaged ({reason}): install parcelle again")]
    Table {
        /// Where and why.
        reason: String,
    },
    /// The worker threads could not be started.
    #[error("cannot start {threads} worker threads: {reason}")]
    Threads {
        /// How many.
        threads: usize,
        /// What the system said.
        reason: String,
    },
}

impl Check {
    /// How deep to look. By default local files are looked at to [`Depth::Tiles`]; of a file behind a URL the structure and a
    /// sample of 16 tiles. Where that depth is asked for, up to 512 tiles of such a file are looked at, evenly spread.
    ///
    /// Of GeoParquet [`Depth::Header`] is the footer, the default behind URLs; [`Depth::Tiles`] a sample of the rows (up to 16
    /// row groups; smaller files are read whole); [`Depth::Pixels`] every column of every row.
    pub fn depth(mut self, depth: Depth) -> Self {
        self.depth = Some(depth);
        self
    }

    /// The profiles in force: only their rules count. [`Profile::DEFAULT`] by default.
    pub fn profiles(mut self, profiles: impl IntoIterator<Item = Profile>) -> Self {
        self.profiles = profiles.into_iter().collect();
        self
    }

    /// Checks each path, which has to be a directory, as one ImageMosaic of GeoServer: whether its files fit together. The
    /// report has an entry for the mosaic and one for each file that has something wrong (the worst 100), whatever the
    /// number of files. Of the profiles only the version of GeoServer counts.
    pub fn mosaic(mut self) -> Self {
        self.is_mosaic = true;
        self
    }

    /// The GDAL that the server uses, which decides what it makes of a VRT. Where none is stated, files are judged by the
    /// newest one known, and what needs a newer one than a server is likely to have is a warning.
    pub fn gdal_version(mut self, version: GdalVersion) -> Self {
        self.gdal_version = Some(version);
        self
    }

    /// How many files are checked, and with [`Depth::Pixels`] tiles decoded, at a time.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.max(1));
        self
    }

    /// The client that opens URLs, with its own limits. By default one that spends at most 2,000 requests and 512 MiB on a
    /// file, but for decoding it.
    #[cfg(feature = "http")]
    pub fn client(mut self, client: parcelle_storage::http::HttpClient) -> Self {
        self.client = std::sync::OnceLock::from(client);
        self
    }

    /// How long a server may be silent, and how long a request is tried again: 30 seconds by default. Without a meaning where
    /// a client is given.
    #[cfg(feature = "http")]
    pub fn http_timeout(mut self, timeout: std::time::Duration) -> Self {
        self.http_timeout = Some(timeout);
        self.sources.timeout = Some(timeout);
        self
    }

    /// The working directory of the server: GDAL takes from there the relative paths of a VRT that are not declared to be
    /// relative to it. Without it such a path is an error, since nobody knows where a servlet container is started.
    pub fn working_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.working_directory = Some(directory.into());
        self
    }

    /// Whether sources of VRTs that lie on a network are opened too (with the feature `gdal`). Not by default.
    pub fn follow_remote(mut self, follow: bool) -> Self {
        self.sources.follow_remote = follow;
        self
    }

    /// Directories in which the sources of VRTs must lie, links followed: nothing else is opened, and naming it is a
    /// finding. By default sources may lie anywhere but in the directories of the operating system.
    pub fn data_directories(mut self, directories: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        self.sources.data_directories = directories.into_iter().map(|path| path.as_ref().to_owned()).collect();
        self
    }

    /// Hosts that sources of VRTs may name: another one is a finding, and is not asked. By default any.
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.sources.allowed_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// What opens local files by their paths, those that a VRT names among them: files of this machine by default. What GDAL
    /// has to read it opens itself.
    pub fn files(mut self, files: Files) -> Self {
        self.files = files;
        self
    }

    /// Whether reports have pictures of the files ([`FileReport::pictures`]), for renderers that can show them.
    pub fn pictures(mut self, wanted: bool) -> Self {
        self.extras.pictures = wanted;
        self
    }

    /// Whether reports say what every known version of GeoServer makes of a file ([`FileReport::versions`]), where a profile of
    /// GeoServer is in force.
    pub fn all_versions(mut self, wanted: bool) -> Self {
        self.extras.versions = wanted;
        self
    }

    /// Rules and known findings that do not count.
    pub fn ignoring(mut self, ignoring: Ignoring) -> Self {
        self.ignoring = ignoring;
        self
    }

    /// Called after each file.
    pub fn on_file(mut self, observer: FileObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    fn examine(&self, place: &Place, options: &VrtOptions) -> Result<FileReport, Unexamined> {
        match place {
            Place::Local(path) => examine::file(path, &self.profiles, options, self.extras),
            #[cfg(feature = "http")]
            Place::Remote(url) => {
                // Made for the first URL: certificates are read then.
                let client = self.client.get_or_init(|| remote::client(self.depth, self.http_timeout));
                remote::file(url, self.depth, &self.profiles, client, self.extras)
            }
        }
    }

    /// Checks. A file that cannot be examined does not stop the others: it is listed in [`Report::unexamined`].
    ///
    /// # Errors
    /// [`CheckError`] where nothing could be checked at all.
    pub fn run(self) -> Result<Report, CheckError> {
        let (mut files, mut unexamined) = (Vec::new(), Vec::new());
        let mut once = Once::default();
        self.stream_once(&mut once, |answer| {
            match answer {
                Answer::File(file) => files.push(*file),
                Answer::Unexamined(missing) => unexamined.push(missing),
            }
            true
        })?;
        once.count(&mut files);
        Ok(Report::new(TOOL, files, unexamined))
    }

    /// Checks, and hands over the answer for each file in the order of the paths, as soon as it and those before it are there:
    /// for runs of any length. It ends early where the function returns false.
    ///
    /// # Errors
    /// [`CheckError`] where nothing could be checked at all.
    pub fn stream(self, each: impl FnMut(Answer) -> bool) -> Result<(), CheckError> {
        self.stream_once(&mut Once::default(), each)
    }

    fn stream_once(self, once: &mut Once, mut each: impl FnMut(Answer) -> bool) -> Result<(), CheckError> {
        let mut each = |mut answer: Answer| {
            if let Answer::File(file) = &mut answer {
                once.tell(file);
                self.ignoring.apply(file);
            }
            each(answer)
        };
        if self.is_mosaic {
            return self.stream_mosaics(&self.pool()?, &mut each);
        }
        let mut found: Vec<Found> = self.paths.iter().flat_map(|path| find::files(path, &self.profiles)).collect();
        // A file that is named twice, or with its directory, is one file.
        let mut named = HashSet::new();
        found.retain(|found| found.as_ref().map_or(true, |place| named.insert(place.clone())));
        let options = VrtOptions {
            gdal: self.gdal_version,
            working_directory: self.working_directory.clone(),
            sources: self.sources.clone(),
            files: self.files.clone(),
            depth: self.depth.unwrap_or_default(),
            pictures: self.extras.pictures,
        };
        let done = AtomicUsize::new(0);
        let total = found.len();
        let make = |number: usize| {
            let result = match found.get(number) {
                Some(Ok(place)) => self.examine(place, &options),
                Some(Err(missing)) => Err(missing.clone()),
                None => return None,
            };
            if let Some(observer) = &self.observer {
                observer(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            }
            Some(result)
        };
        let mut take = |result: Option<Result<FileReport, Unexamined>>| result.is_none_or(|result| each(result.into()));
        if self.needs_one_thread(&found, &options) {
            take(make(0));
        } else {
            stream::in_order(&self.pool()?, total, make, take);
        }
        Ok(())
    }

    fn pool(&self) -> Result<rayon::ThreadPool, CheckError> {
        // How many there are is written in a number of files: not asked for before it matters.
        let threads = self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| CheckError::Threads { threads, reason: error.to_string() })
    }

    /// Whether there is one file only, whose check keeps one thread busy: starting others would take as long as the check. By its
    /// name, as nothing is read twice for that; what another kind of file does side by side it does so all the same.
    fn needs_one_thread(&self, found: &[Found], options: &VrtOptions) -> bool {
        let [Ok(Place::Local(path))] = found else { return false };
        options.depth < Depth::Pixels && !self.extras.pictures && find::is_named_tiff(path)
    }

    fn stream_mosaics(&self, pool: &rayon::ThreadPool, each: &mut dyn FnMut(Answer) -> bool) -> Result<(), CheckError> {
        let observer = |done, total| {
            if let Some(observer) = &self.observer {
                observer(done, total);
            }
        };
        // A directory that is named twice is one mosaic.
        let place = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let mut named: Vec<(PathBuf, &PathBuf, usize)> = Vec::new();
        for path in &self.paths {
            let place = place(path);
            match named.iter_mut().find(|(known, ..)| *known == place) {
                Some((.., times)) => *times += 1,
                None => named.push((place, path, 1)),
            }
        }
        for (_, path, times) in named {
            let (mut reports, missing) = pool.install(|| {
                let depth = self.depth.unwrap_or_default();
                mosaic::directory(&self.files, path, depth, &self.profiles, self.extras, &observer)
            })?;
            if let Some(whole) = reports.first_mut().filter(|_| times > 1) {
                let remark = format!("It is named {times} times, and checked once.");
                whole.facts.insert(parcelle_report::REMARKS, vec![remark].into());
            }
            let answers = reports.into_iter().map(Ok).chain(missing.into_iter().map(Err));
            if !answers.map(Answer::from).all(&mut *each) {
                break;
            }
        }
        Ok(())
    }
}
