//! Which files an input stands for: a file, a directory, or a pattern.
//!
//! | module | is |
//! |---|---|
//! | [`pattern`] | `D0*/BATIMENT.shp`: the files and directories that match |
//! | [`walk`] | the files below a directory that are data, not what lies beside them |
//! | [`error`] | what can be wrong with an input |
//!
//! # Rules
//! - **Order.** Inputs stay in the order in which they are given, as it decides the order of columns and (unsorted) rows;
//!   what a pattern or a directory stands for is ordered by path, name by name, in the order of its bytes: on every
//!   machine and in every language the same.
//! - **Files that exist** are taken as they are named, whatever characters are in the name. Only what does not exist and
//!   has one of `*?[` is a pattern. What is neither is handed on as it is: opening it says what is wrong.
//! - **Directories** that are one dataset by their format (FileGDB: `.gdb`) are taken whole. Others are walked for files
//!   that a reader takes; where there are none, GDAL is asked whether the directory itself is a dataset to one of its drivers.
//! - **Each file counts once**, whatever names and inputs lead to it: the same rows twice are never wanted.
//! - **Files beside a Shapefile** that a pattern such as `BATIMENT.*` matches together with it are not inputs of their own.

mod error;
mod pattern;
mod walk;

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

pub use error::InputsError;
pub use walk::DATA_ENDINGS;

use crate::error::SourceError;

/// Files that belong to the Shapefile of the same name.
const SHAPEFILE_COMPANIONS: [&str; 10] = ["shx", "dbf", "prj", "cpg", "cst", "qpj", "qix", "sbn", "sbx", "shp.xml"];

/// A file, or a directory that is one dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is, as the input spells it.
    pub path: PathBuf,
    /// Whether it was found in a directory, rather than named, or matched by a pattern. Files that are found need not
    /// have the layer that is asked for.
    pub found: bool,
}

/// What inputs stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Files, in order.
    pub files: Vec<InputFile>,
    /// Tables without geometry that were found in directories: a `.dbf` that belongs to no Shapefile.
    pub tables: Vec<PathBuf>,
    /// Archives that were found in directories, where they are not unpacked: what is in them may be there a second time.
    pub archives: Vec<PathBuf>,
    /// The directories that were walked.
    pub directories: Vec<PathBuf>,
}

/// Finds the files that inputs stand for.
///
/// An input is a file; a directory, which is walked for files that a reader takes, unless it is one dataset by its format
/// (`.gdb`); or a pattern such as `D0*/BATIMENT.shp` or `data/**/*.gpkg`. Inputs keep their order; what a directory or pattern
/// stands for is ordered by path. Each file counts once.
///
/// # Errors
/// [`SourceError::Inputs`] where an input stands for nothing, and [`SourceError::Unreadable`] where a directory or a file
/// in it cannot be read. Whether a file that is named exists is found out when it is opened.
pub fn resolve<P: AsRef<Path>>(inputs: &[P]) -> Result<Inputs, SourceError> {
    let mut all = Inputs::default();
    if inputs.is_empty() {
        return Err(SourceError::Inputs(InputsError::None));
    }
    for input in inputs.iter().map(AsRef::as_ref) {
        if is_virtual(input) || !is_pattern(input) {
            add(input, &mut all)?;
        } else {
            for matched in pattern::matches(input)? {
                add(&matched, &mut all)?;
            }
        }
    }
    drop_companions(&mut all.files);
    drop_repeated(&mut all.files);
    Ok(all)
}

/// A path of the virtual file systems of GDAL, or a connection string: no file of the operating system.
fn is_virtual(path: &Path) -> bool {
    path.to_string_lossy().starts_with("/vsi") || (crate::connection::prefix(path).is_some() && !exists(path))
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[']) && !exists(path)
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn add(path: &Path, all: &mut Inputs) -> Result<(), SourceError> {
    if !path.is_dir() || walk::is_dataset(path) {
        all.files.push(InputFile { path: path.to_owned(), found: false });
        return Ok(());
    }
    let walk::Found { files, tables, archives } = walk::walk(path)?;
    if files.is_empty() && tables.is_empty() {
        if !is_dataset_of_gdal(path) {
            let path = path.to_owned();
            return Err(SourceError::Inputs(match archives.into_iter().next() {
                Some(archive) => InputsError::OnlyArchives { path, archive },
                None => InputsError::NothingReadable { path },
            }));
        }
        all.files.push(InputFile { path: path.to_owned(), found: false });
    }
    all.directories.push(path.to_owned());
    all.files.extend(files.into_iter().map(|path| InputFile { path, found: true }));
    all.tables.extend(tables);
    all.archives.extend(archives);
    Ok(())
}

/// Whether a driver of GDAL takes a directory as a whole.
#[cfg(feature = "gdal")]
fn is_dataset_of_gdal(directory: &Path) -> bool {
    crate::gdal_reader::layers(directory).is_ok_and(|layers| !layers.is_empty())
}

#[cfg(not(feature = "gdal"))]
fn is_dataset_of_gdal(_directory: &Path) -> bool {
    false
}

/// Leaves out what belongs to a Shapefile that is among the files.
fn drop_companions(files: &mut Vec<InputFile>) {
    let key = |path: &Path, ending: &str| {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let stem = name.strip_suffix(ending)?.strip_suffix('.')?.to_owned();
        Some((path.parent()?.to_owned(), stem))
    };
    let shapefiles: HashSet<_> = files.iter().filter_map(|file| key(&file.path, "shp")).collect();
    if shapefiles.is_empty() {
        return;
    }
    files.retain(|file| {
        let belongs = |ending: &str| key(&file.path, ending).is_some_and(|key| shapefiles.contains(&key));
        !SHAPEFILE_COMPANIONS.iter().any(|ending| belongs(ending))
    });
}

/// Leaves out what is there already, by another name perhaps.
fn drop_repeated(files: &mut Vec<InputFile>) {
    let mut seen = HashSet::new();
    files.retain(|file| match file.path.metadata() {
        Ok(metadata) => seen.insert((metadata.dev(), metadata.ino(), PathBuf::new())),
        Err(_) => seen.insert((0, 0, file.path.clone())),
    });
}

#[cfg(test)]
mod tests;
