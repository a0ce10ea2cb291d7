//! What lies beside a source: overviews, a mask, GDAL's side file, a world file; and names that differ by case or
//! blanks. A directory is listed once, as it may hold 100,000 sources.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use parcelle_storage::Files;

use super::super::numbers::whole_number_text;
use super::super::unread::Unread;

/// Most names of a directory that are kept; in a larger one each name is asked for.
const NAMES: usize = 1_000_000;
/// Most bytes of a side file that are read. GDAL writes histograms and statistics there, which are short.
pub(crate) const SIDE_FILE_BYTES: u64 = 1 << 20;

/// A directory: where it really is, and what is in it.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Links followed; `None` where there is no such directory.
    pub(crate) canonical: Option<PathBuf>,
    names: Option<HashSet<Box<str>>>,
    folded: OnceLock<HashMap<String, Box<str>>>,
}

impl Listing {
    fn of(path: &Path) -> Self {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let canonical = std::fs::canonicalize(path).ok();
        let names = canonical.as_deref().and_then(names);
        Self { canonical, names, folded: OnceLock::new() }
    }

    fn has(&self, name: &str) -> bool {
        match (&self.names, &self.canonical) {
            (Some(names), _) => names.contains(name),
            (None, Some(directory)) => directory.join(name).exists(),
            (None, None) => false,
        }
    }

    /// A name in it that differs from another one by case or by blanks alone.
    fn like(&self, name: &str) -> Option<&str> {
        let folded =
            self.folded.get_or_init(|| self.names.iter().flatten().map(|name| (fold(name), name.clone())).collect());
        folded.get(&fold(name)).map(|found| &**found).filter(|found| *found != name)
    }
}

fn names(directory: &Path) -> Option<HashSet<Box<str>>> {
    let mut names = HashSet::new();
    for entry in std::fs::read_dir(directory).ok()? {
        if names.len() >= NAMES {
            return None;
        }
        names.insert(entry.ok()?.file_name().to_string_lossy().into());
    }
    Some(names)
}

fn fold(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The directories met so far.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    known: Mutex<HashMap<PathBuf, Arc<Listing>>>,
}

impl Directories {
    /// The directory at a path.
    pub(crate) fn get(&self, path: &Path) -> Arc<Listing> {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Arc::clone(known);
        }
        // Listed outside of the lock; two threads may do it at once the first time.
        let listing = Arc::new(Listing::of(path));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(path.to_owned()).or_insert(listing))
    }

    /// For a path at which there is nothing: the one that differs from it by case or blanks only, where there is one.
    pub(crate) fn like(&self, path: &Path) -> Option<PathBuf> {
        let mut real = PathBuf::new();
        let mut differs = false;
        for component in path.components() {
            let next = real.join(component);
            let std::path::Component::Normal(name) = component else {
                real = next;
                continue;
            };
            let listing = self.get(&real);
            let name = name.to_string_lossy();
            if listing.has(&name) {
                real = next;
            } else {
                real.push(listing.like(&name)?);
                differs = true;
            }
        }
        differs.then_some(real)
    }
}

/// What the files beside a raster say.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Beside {
    /// The `.ovr` file.
    pub(crate) overviews: Option<PathBuf>,
    /// Whether there is a `.msk` file.
    pub(crate) has_mask: bool,
    /// `.aux.xml`, which goes before what the raster says of itself.
    pub(crate) side: SideFile,
    /// A world file, which GDAL takes where nothing else places the raster.
    pub(crate) world: Option<[f64; 6]>,
}

/// What is taken of a `.aux.xml` (`gcore/gdalpamdataset.cpp`).
#[derive(Debug, Default, PartialEq)]
pub(crate) struct SideFile {
    pub(crate) srs: Option<String>,
    pub(crate) geo_transform: Option<[f64; 6]>,
    /// Nodata by the number of the band, from 1.
    pub(crate) no_data: Vec<(i32, f64)>,
}

impl Beside {
    /// Looks beside the raster of that name; also says what is there and cannot be read.
    pub(crate) fn of(files: &Files, listing: &Listing, directory: &Path, name: &str) -> (Self, Vec<Unread>) {
        let mut beside = Self::default();
        let mut unread = Vec::new();
        let mut text = |path: PathBuf| {
            text(files, &path).unwrap_or_else(|error| {
                unread.push(Unread::new(&path, &error));
                None
            })
        };
        let named = |ending: &str| {
            let file = format!("{name}{ending}");
            listing.has(&file).then(|| directory.join(file))
        };
        beside.overviews = named(".ovr").or_else(|| named(".OVR"));
        beside.has_mask = named(".msk").is_some();
        if let Some(text) = named(".aux.xml").and_then(&mut text) {
            beside.side = SideFile::parse(&text);
        }
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let world = ["tfw", "tifw", "wld", "TFW", "WLD"].iter().map(|ending| format!("{stem}.{ending}"));
        let world = world.into_iter().find(|file| listing.has(file));
        beside.world = world.and_then(|file| text(directory.join(file))).and_then(|text| world_file(&text));
        (beside, unread)
    }
}

/// `None` where it is too long for what it should be.
fn text(files: &Files, path: &Path) -> io::Result<Option<String>> {
    let file = files.open(path)?;
    if file.len() > SIDE_FILE_BYTES {
        return Ok(None);
    }
    let mut bytes = vec![0; file.len() as usize];
    if file.read_at(0, &mut bytes)? < bytes.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it changed while it was read"));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Width of a pixel, two shears, its height, and the middle of the upper left one.
fn world_file(text: &str) -> Option<[f64; 6]> {
    let numbers: Vec<f64> = text.split_whitespace().take(6).filter_map(|word| word.parse().ok()).collect();
    let [a, d, b, e, x, y] = *numbers.as_slice() else { return None };
    Some([x - (a + b) / 2.0, a, b, y - (d + e) / 2.0, d, e])
}

impl SideFile {
    pub(crate) fn parse(text: &str) -> Self {
        let element = |text: &str, name: &str| -> Option<String> {
            let start = text.find(&format!("<{name}"))?;
            let (_, rest) = text.get(start..)?.split_once('>')?;
            Some(unescape(rest.split_once("</")?.0))
        };
        let head = text.split("<PAMRasterBand").next().unwrap_or_default();
        let geo_transform = element(head, "GeoTransform").and_then(|text| geo_transform(&text));
        let bands = text.split("<PAMRasterBand").skip(1).filter_map(|band| {
            let number = band.split("band=\"").nth(1)?.split('"').next()?.parse().ok()?;
            Some((number, whole_number_text(&element(band, "NoDataValue")?)?))
        });
        Self {
            srs: element(head, "SRS").filter(|srs| !srs.trim().is_empty()),
            geo_transform,
            no_data: bands.take(super::super::limits::BANDS).collect(),
        }
    }
}

/// Six numbers with commas between them.
pub(crate) fn geo_transform(text: &str) -> Option<[f64; 6]> {
    let numbers: Vec<f64> = text.split(',').map(whole_number_text).collect::<Option<_>>()?;
    let transform: [f64; 6] = numbers.try_into().ok()?;
    transform.iter().all(|number| number.is_finite()).then_some(transform)
}

fn unescape(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_by_case_or_blanks() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("Src")).unwrap();
        std::fs::write(directory.path().join("Src/a b.tif"), "").unwrap();
        let directories = Directories::default();
        let like = |path: &str| directories.like(&directory.path().join(path));
        for path in ["Src/A B.TIF", "src/a b.tif", "Src/a b.tif ", "Src/ab.tif"] {
            assert_eq!(like(path), Some(directory.path().join("Src/a b.tif")), "{path}");
        }
        assert_eq!((like("Src/c.tif"), like("Src/a b.tif"), like("other/a b.tif")), (None, None, None));
    }

    #[test]
    fn side_files_are_read() {
        let text = "<PAMDataset>\n<SRS dataAxisToSRSAxisMapping=\"1,2\">PROJCS[&quot;a&quot;]</SRS>
            <GeoTransform> 1.0, 2, 0, 3, 0, -2</GeoTransform>
            <PAMRasterBand band=\"2\"><NoDataValue>-9.99900000000000E+03</NoDataValue></PAMRasterBand></PAMDataset>";
        let side = SideFile::parse(text);
        assert_eq!(side.srs.as_deref(), Some("PROJCS[\"a\"]"));
        assert_eq!(side.geo_transform, Some([1.0, 2.0, 0.0, 3.0, 0.0, -2.0]));
        assert_eq!(side.no_data, [(2, -9999.0)]);
        assert_eq!(SideFile::parse("<PAMDataset/>"), SideFile::default());
        assert_eq!(world_file("2\n0\n0\n-2\n101\n199\n"), Some([100.0, 2.0, 0.0, 200.0, 0.0, -2.0]));
        assert_eq!(world_file("2 0 0"), None);
    }
}
