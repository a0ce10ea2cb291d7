//! Rasters against the rules.

mod examine;
mod find;
mod mosaic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parcelle_raster::Depth;
use parcelle_raster::geoserver::{self, Version};
use parcelle_report::{FileReport, Report, Rule, Tool, Unexamined};
use rayon::prelude::*;

use find::Found;

/// Checks files and directories: a builder with sensible defaults, started with [`Check::run`].
///
/// Directories are walked for GeoTIFFs and VRTs. What a file is follows from its content; only a file whose content is
/// neither is judged by its name.
pub fn check(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Check {
    Check {
        paths: paths.into_iter().map(|path| path.as_ref().to_owned()).collect(),
        depth: Depth::default(),
        profiles: Profile::DEFAULT.to_vec(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        observer: None,
        is_mosaic: false,
    }
}

/// Called after each file with the number of files done and of all files.
pub type FileObserver = Arc<dyn Fn(usize, usize) + Send + Sync>;

/// See [`check()`].
#[derive(Clone)]
#[must_use = "nothing is checked until run() is called"]
pub struct Check {
    paths: Vec<PathBuf>,
    depth: Depth,
    profiles: Vec<Profile>,
    threads: usize,
    observer: Option<FileObserver>,
    is_mosaic: bool,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Check")
            .field("paths", &self.paths)
            .field("depth", &self.depth)
            .field("profiles", &self.profiles)
            .field("threads", &self.threads)
            .field("is_mosaic", &self.is_mosaic)
            .finish_non_exhaustive()
    }
}

/// A set of rules that are in force together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Layout of Cloud Optimized GeoTIFFs.
    Cog,
    /// GDAL virtual rasters.
    Vrt,
    /// What a version of GeoServer reads; `None` is the newest one known.
    Geoserver(Option<Version>),
}

impl Profile {
    /// All there are; of GeoServer the newest version.
    pub const ALL: [Self; 3] = [Self::Cog, Self::Vrt, Self::Geoserver(None)];

    /// Those in force where none is asked for.
    pub const DEFAULT: [Self; 3] = Self::ALL;

    /// The profile with this name, whatever its case: `cog`, `vrt`, `geoserver`, or `geoserver@2.27` for a version.
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
        match self {
            Self::Cog => "cog",
            Self::Vrt => "vrt",
            Self::Geoserver(_) => "geoserver",
        }
    }

    /// Its rules.
    #[must_use]
    pub fn rules(self) -> &'static [&'static Rule] {
        match self {
            Self::Cog => parcelle_raster::cog::RULES,
            Self::Vrt => parcelle_raster::vrt::RULES,
            Self::Geoserver(_) => geoserver::RULES,
        }
    }
}

/// The rules of all profiles, and those of mosaics.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let of_profiles = Profile::ALL.into_iter().flat_map(|profile| profile.rules().iter().copied());
    of_profiles.chain(parcelle_raster::mosaic::RULES.iter().copied())
}

/// The rule with this id, whatever its case.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id.eq_ignore_ascii_case(id))
}

/// Why nothing could be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Something that this version does not do yet.
    #[error("{what} is not there yet: {way_out}")]
    NotYet {
        /// What was asked for.
        what: &'static str,
        /// What can be done instead.
        way_out: &'static str,
    },
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
    /// How deep to look.
    pub fn depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
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

    /// How many files are checked at a time.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Called after each file.
    pub fn on_file(mut self, observer: FileObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Checks. A file that cannot be examined does not stop the others: it is listed in [`Report::unexamined`].
    ///
    /// # Errors
    /// [`CheckError`] where nothing could be checked at all.
    pub fn run(self) -> Result<Report, CheckError> {
        if self.depth == Depth::Pixels {
            return Err(CheckError::NotYet {
                what: "decoding every pixel (depth `pixels`)",
                way_out: "check with depth `tiles`, and decode with `gdalinfo -checksum FILE`",
            });
        }
        if self.is_mosaic {
            return self.run_mosaics();
        }
        let found: Vec<Found> = self.paths.iter().flat_map(|path| find::files(path, &self.profiles)).collect();
        let pool = self.pool()?;
        let done = AtomicUsize::new(0);
        let total = found.len();
        let results: Vec<Result<FileReport, Unexamined>> = pool.install(|| {
            found
                .into_par_iter()
                .map(|found| {
                    let result = found.and_then(|path| examine::file(&path, self.depth, &self.profiles));
                    if let Some(observer) = &self.observer {
                        observer(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                    }
                    result
                })
                .collect()
        });
        let (mut files, mut unexamined) = (Vec::new(), Vec::new());
        for result in results {
            match result {
                Ok(file) => files.push(file),
                Err(missing) => unexamined.push(missing),
            }
        }
        Ok(Report::new(Tool { name: "parcelle", version: crate::VERSION }, files, unexamined))
    }

    fn pool(&self) -> Result<rayon::ThreadPool, CheckError> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build()
            .map_err(|error| CheckError::Threads { threads: self.threads, reason: error.to_string() })
    }

    fn run_mosaics(&self) -> Result<Report, CheckError> {
        let pool = self.pool()?;
        let observer = |done, total| {
            if let Some(observer) = &self.observer {
                observer(done, total);
            }
        };
        let (mut files, mut unexamined) = (Vec::new(), Vec::new());
        for path in &self.paths {
            let (reports, missing) = pool.install(|| mosaic::directory(path, self.depth, &self.profiles, &observer))?;
            files.extend(reports);
            unexamined.extend(missing);
        }
        Ok(Report::new(Tool { name: "parcelle", version: crate::VERSION }, files, unexamined))
    }
}
