//! All files that a VRT is made of, each opened once, level by level of VRTs in VRTs, in parallel.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parcelle_report::Location;
use rayon::prelude::*;

use super::super::model::{Dataset, FileReference, Source, SourceBand};
use super::super::references::{Place, directory_of, place_of};
use super::facts::RasterFacts;
use super::open::{Child, Opened, Opener};
use super::policy::{self, Remote};

/// Levels of VRTs in VRTs that are looked into. GDAL gives up long before.
const LEVELS: usize = 64;

/// A file that something refers to.
#[derive(Debug)]
pub(crate) struct Target {
    /// As written.
    pub(crate) written: Arc<str>,
    pub(crate) line: u32,
    pub(crate) band: Option<u32>,
    pub(crate) element: &'static str,
    /// The nested VRT that names it, where it is not the one that is checked.
    pub(crate) through: Option<u32>,
    pub(crate) place: Whereabouts,
    pub(crate) opened: Opened,
    pub(crate) modified: Option<SystemTime>,
}

/// Where a file is.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    Local(PathBuf),
    Remote(Remote),
    /// Bytes without a header: nothing to open.
    Raw(PathBuf),
    /// Where a check does not go: a database, an archive, the working directory of a server.
    Nowhere,
}

impl Target {
    pub(crate) fn facts(&self) -> Option<&RasterFacts> {
        self.opened.facts()
    }

    pub(crate) fn location(&self) -> Location {
        Location {
            line: Some(u64::from(self.line)),
            element: Some(self.element.to_owned()),
            band: self.band,
            source: Some(self.written.to_string()),
            ..Location::default()
        }
    }

    /// Its path in a message.
    pub(crate) fn shown(&self) -> String {
        let path = super::super::shorten::shorten(&self.written);
        if path.trim() == path { path } else { format!("\"{path}\"") }
    }
}

/// A source of a band, and the file it reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use<'a> {
    /// From 1.
    pub(crate) band: u32,
    pub(crate) source: &'a Source,
    /// In [`Survey::targets`]; `None` for a dataset written inside the source, and where nothing is named.
    pub(crate) target: Option<u32>,
}

/// Everything that was found.
pub(crate) struct Survey<'a> {
    pub(crate) targets: Vec<Target>,
    /// Of the dataset that is checked, in the order of the file.
    pub(crate) uses: Vec<Use<'a>>,
    /// How many of the targets are named by that dataset itself; they come first.
    pub(crate) own: usize,
    /// For each nested VRT what it names.
    links: HashMap<u32, Vec<(u32, Option<i32>)>>,
}

impl SourceBand {
    /// The number of the band, or of the one that the mask belongs to.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Band(number) | Self::Mask(number) => number,
        }
    }
}

struct Registry<'a> {
    /// The working directory of the server, where it is known.
    process: Option<&'a Path>,
    targets: Vec<Target>,
    known: HashMap<(PathBuf, bool), u32>,
}

impl Registry<'_> {
    fn place(
        &mut self,
        file: &FileReference,
        directory: &Path,
        make: impl FnOnce() -> (u32, Option<u32>, &'static str, Option<u32>),
    ) -> Option<u32> {
        // Most sources are plain paths beside the VRT.
        let relative = file.is_relative_to_vrt();
        let key = if file.path.starts_with('/') || !relative {
            (PathBuf::from(&*file.path), relative)
        } else {
            (directory.join(&*file.path), relative)
        };
        let vacant = match self.known.entry(key) {
            Entry::Occupied(known) => return Some(*known.get()),
            Entry::Vacant(vacant) => vacant,
        };
        let (line, band, element, through) = make();
        let is_raw = element == RAW;
        let place = match place_of(file, directory, self.process) {
            Place::Local(path) if is_raw => Whereabouts::Raw(path),
            Place::Local(path) => Whereabouts::Local(path),
            Place::Elsewhere => policy::remote(&file.path).map_or(Whereabouts::Nowhere, Whereabouts::Remote),
            Place::Nowhere => return None,
            _ => Whereabouts::Nowhere,
        };
        let number = u32::try_from(self.targets.len()).ok()?;
        vacant.insert(number);
        self.targets.push(Target {
            written: Arc::clone(&file.path),
            line,
            band,
            element: if is_raw { "SourceFilename" } else { element },
            through,
            place,
            opened: Opened::Left("it was not looked at"),
            modified: None,
        });
        Some(number)
    }
}

/// Stands for the file of a raw band while targets are made.
const RAW: &str = "raw";

impl<'a> Survey<'a> {
    /// Finds and opens everything.
    pub(crate) fn of(dataset: &'a Dataset, path: &Path, process: Option<&Path>, opener: &Opener<'_>) -> Self {
        let directory = directory_of(path);
        let mut registry = Registry { process, targets: Vec::new(), known: HashMap::new() };
        let mut uses = Vec::new();
        for (band, source) in dataset.sources() {
            let file = source.files.first();
            let element = |file: &FileReference| (file.line, Some(band), "SourceFilename", None);
            let target = file.and_then(|file| registry.place(file, &directory, || element(file)));
            uses.push(Use { band, source, target });
        }
        let raw = dataset.bands.iter().filter_map(|band| band.raw_file.as_ref());
        let raw: HashSet<*const FileReference> = raw.map(std::ptr::from_ref).collect();
        for reference in dataset.references() {
            let file = reference.file;
            let element = if raw.contains(&std::ptr::from_ref(file)) { RAW } else { reference.element };
            registry.place(file, &directory, || (file.line, reference.band, element, None));
        }
        let own = registry.targets.len();
        let mut links = HashMap::new();
        let mut start = 0;
        for _ in 0..LEVELS {
            let end = registry.targets.len();
            let waiting = registry.targets.get_mut(start..end).unwrap_or_default();
            if waiting.is_empty() {
                break;
            }
            waiting.par_iter_mut().for_each(|target| {
                (target.opened, target.modified) = match &target.place {
                    Whereabouts::Local(path) => opener.local(path),
                    Whereabouts::Remote(remote) => (opener.remote(remote), None),
                    Whereabouts::Raw(path) => (opener.raw(path), None),
                    Whereabouts::Nowhere => (Opened::Left("it is no file of this machine"), None),
                };
            });
            for number in start..end {
                let Some(target) = registry.targets.get_mut(number) else { break };
                let Opened::Vrt(_, children) = &mut target.opened else { continue };
                let children = std::mem::take(children);
                let (line, band) = (target.line, target.band);
                let Ok(number) = u32::try_from(number) else { break };
                let place = |Child { file, directory, band: highest }: Child| {
                    let found = registry.place(&file, &directory, || (line, band, "SourceFilename", Some(number)))?;
                    Some((found, highest))
                };
                links.insert(number, children.into_iter().filter_map(place).collect());
            }
            start = end;
        }
        Self { targets: registry.targets, uses, own, links }
    }

    /// The file of a use.
    pub(crate) fn target(&self, used: &Use<'_>) -> Option<&Target> {
        self.targets.get(used.target? as usize)
    }

    /// What a nested VRT names.
    pub(crate) fn links(&self, number: u32) -> &[(u32, Option<i32>)] {
        self.links.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The nested VRTs that name something.
    pub(crate) fn nested(&self) -> impl Iterator<Item = u32> {
        self.links.keys().copied()
    }

    /// Where a file is named, for messages: " named in inner.vrt", or nothing.
    pub(crate) fn named_in(&self, target: &Target) -> String {
        let through = target.through.and_then(|number| self.targets.get(number as usize));
        through.map_or_else(String::new, |vrt| format!(", named in {},", vrt.shown()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::parse;
    use super::super::policy::{Policy, SourcePolicy};
    use super::*;
    use parcelle_storage::{Files, Memory};

    fn vrt(source: &str) -> String {
        format!(
            "<VRTDataset rasterXSize=\"4\" rasterYSize=\"4\"><VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>\
             <SourceFilename relativeToVRT=\"1\">{source}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
        )
    }

    #[test]
    fn a_file_is_opened_once_and_vrts_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("b.vrt"), vrt("c.vrt")).unwrap();
        std::fs::write(at("c.vrt"), vrt("./b.vrt")).unwrap();
        let text = vrt("b.vrt").replace(
            "</VRTRasterBand>",
            "<SimpleSource><SourceFilename relativeToVRT=\"1\">b.vrt\
             </SourceFilename></SimpleSource></VRTRasterBand>",
        );
        let document = parse::parse(&Memory::new(text)).unwrap();
        let (given, files) = (SourcePolicy::default(), Files::default());
        let opener = Opener::new(Policy::new(&given), &files);
        let survey = Survey::of(document.dataset.as_ref().unwrap(), &at("a.vrt"), None, &opener);
        assert_eq!((survey.uses.len(), survey.own, survey.targets.len()), (2, 1, 2));
        assert_eq!(survey.uses[0].target, survey.uses[1].target);
        assert!(survey.targets.iter().all(|target| target.facts().is_some_and(|facts| facts.width == 4)));
        assert_eq!((survey.links(0), survey.links(1)), (&[(1, Some(1))][..], &[(0, Some(1))][..]));
    }
}
