//! Opening the files of a dataset.
//!
//! Small files are opened side by side, each by one thread; large ones one after the other, each by all threads, as some
//! formats have to be read to be opened. Which file is to blame where several cannot be opened does not depend on that: it is
//! the first one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::{LayerFiles, UnionError};
use super::merge::is_geometry;
use super::{UnionLayer, joined};
use crate::connection::without_secrets;
use crate::error::SourceError;
use crate::inputs::{Inputs, InputsError};
use crate::names;
use crate::{InputFile, Layer, LayerInfo, OpenOptions, Reader};

/// A file of more bytes than this has a use for several threads.
const LARGE_BYTES: u64 = 16 << 20;

/// Files that are looked at for a message that lists layers.
const LOOKED_AT: usize = 200;

/// With more files than this, each gives back what it can: what GDAL holds for a file is not known.
const MANY_FILES: usize = 16;

/// Opens the files of a dataset as one layer with one schema. One file is opened as [`open`](crate::open) does; of
/// several, none is opened by a sample.
///
/// Columns are merged by name, in any case of letters where there is no same one, in order of appearance; one that a file
/// does not have is NULL there. The primary geometry is one, whatever each file calls it. Types widen to one that holds the
/// values of all without loss; where there is none, or reference systems differ by meaning, that is an error.
///
/// Of files that were found in directories, those that do not have the layer of [`OpenOptions::layer`] are left out. A column
/// of [`OpenOptions::select`] need not be in every file.
///
/// # Errors
/// [`SourceError::Union`] where the files cannot be one dataset, [`SourceError::Inputs`] where there is none; other
/// [`SourceError`]s, of the first file that has one, where it cannot be opened.
pub fn open_all(inputs: &Inputs, options: &OpenOptions) -> Result<Opened, SourceError> {
    match (inputs.files.as_slice(), inputs.tables.first()) {
        ([], Some(table)) => Err(SourceError::Inputs(InputsError::OnlyTables { path: table.clone() })),
        ([file], _) => Ok(Opened { layer: crate::open(&file.path, options)?, paths: vec![file.path.clone()] }),
        (files, _) => open_several(files, options),
    }
}

/// A dataset that is open.
pub struct Opened {
    /// All of it as one layer.
    pub layer: Box<dyn Layer>,
    /// The files that it comes from, in order.
    pub paths: Vec<PathBuf>,
}

fn open_several(files: &[InputFile], options: &OpenOptions) -> Result<Opened, SourceError> {
    // What a schema is united from has to be known for certain: whether a column has any value, how many rows there are.
    let options = &OpenOptions { sample_from: None, ..options.clone() };
    let mut opened = match open_each(files, options) {
        Ok(opened) => opened,
        Err(SourceError::SeveralLayers { .. }) => {
            return Err(UnionError::SeveralLayers { layers: layers_of(files, options.reader)? }.in_source());
        }
        Err(error) => return Err(error),
    };
    if let (true, Some(layer)) = (opened.is_empty(), &options.layer) {
        let layers = layers_of(files, options.reader)?;
        let suggestion = names::suggestion(layer, layers.iter().map(|layer| layer.name.as_str()));
        return Err(UnionError::UnknownLayer { layer: layer.clone(), suggestion, layers }.in_source());
    }
    if options.layer.is_none() {
        check_found(&opened)?;
    }
    let paths: Vec<PathBuf> = opened.iter().map(|(file, _)| file.path.clone()).collect();
    let layer = if opened.len() == 1 {
        opened.swap_remove(0).1
    } else {
        Box::new(UnionLayer::new(
            opened.into_iter().map(|(file, layer)| (without_secrets(&file.path), layer)).collect(),
        )?)
    };
    if let Some(first) = paths.first() {
        check_selection(first, options, layer.as_ref())?;
    }
    Ok(Opened { layer, paths })
}

/// A file, and its layer.
type OpenFile<'f> = (&'f InputFile, Box<dyn Layer>);

/// The layer of each file that has one, in order.
fn open_each<'f>(files: &'f [InputFile], options: &OpenOptions) -> Result<Vec<OpenFile<'f>>, SourceError> {
    let first_failure = AtomicUsize::new(usize::MAX);
    let results = side_by_side(files, options, &|number, file, options| {
        // What comes after a file that cannot be opened changes nothing.
        if number > first_failure.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let result = options.interrupt.check().and_then(|()| open_one(file, options));
        if result.is_err() {
            first_failure.fetch_min(number, Ordering::Relaxed);
        }
        if let (Ok(Some(layer)), true) = (&result, files.len() > MANY_FILES) {
            layer.release();
        }
        result
    });
    let opened = files.iter().zip(results).map(|(file, result)| Ok(result?.map(|layer| (file, layer))));
    opened.filter_map(Result::transpose).collect()
}

/// The layers of each file, tables without geometry among them, as [`layers`](crate::layers) lists them.
pub fn list_all(inputs: &Inputs, options: &OpenOptions) -> Vec<(PathBuf, Result<Vec<LayerInfo>, SourceError>)> {
    let results = side_by_side(&inputs.files, options, &|_, file, options| {
        options.interrupt.check()?;
        crate::layers(&file.path, options.reader)
    });
    inputs.files.iter().map(|file| file.path.clone()).zip(results).collect()
}

/// Does something with each file: small ones side by side, with one thread each, large ones one after the other with all.
fn side_by_side<T: Send>(
    files: &[InputFile],
    options: &OpenOptions,
    action: &(impl Fn(usize, &InputFile, &OpenOptions) -> T + Sync),
) -> Vec<T> {
    let is_large = |file: &InputFile| std::fs::metadata(&file.path).is_ok_and(|metadata| metadata.len() > LARGE_BYTES);
    let (large, small): (Vec<_>, Vec<_>) = files.iter().enumerate().partition(|(_, file)| is_large(file));
    let alone = OpenOptions { threads: 1, ..options.clone() };
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(files.len()));
    let note = |number: usize, result: T| {
        results.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
    };
    std::thread::scope(|scope| {
        for _ in 0..options.thread_count().min(small.len()) {
            scope.spawn(|| {
                while let Some((number, file)) = small.get(next.fetch_add(1, Ordering::Relaxed)) {
                    note(*number, action(*number, file, &alone));
                }
            });
        }
    });
    for (number, file) in large {
        note(number, action(number, file, options));
    }
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The layer of a file; `None` where it was found in a directory and does not have the layer that is wanted.
fn open_one(file: &InputFile, options: &OpenOptions) -> Result<Option<Box<dyn Layer>>, SourceError> {
    let opened = match crate::open(&file.path, options) {
        Err(SourceError::UnknownColumn { available, .. }) => {
            // Another file may have it; that one has it is checked at the end.
            let select = options.select.as_ref().map(|select| selected(select, &available));
            crate::open(&file.path, &OpenOptions { select, ..options.clone() })
        }
        opened => opened,
    };
    match opened {
        Err(SourceError::UnknownLayer { .. }) if file.found => Ok(None),
        opened => opened.map(Some),
    }
}

/// Those of the columns that a file has, as it spells them: in any case of letters where not as they were given.
fn selected(select: &[String], available: &[String]) -> Vec<String> {
    let alike = |name: &String| {
        let lower = name.to_lowercase();
        available.iter().find(|column| *column == name).or_else(|| available.iter().find(|c| c.to_lowercase() == lower))
    };
    select.iter().filter_map(alike).cloned().collect()
}

/// Refuses a name that no file has as a column.
fn check_selection(file: &Path, options: &OpenOptions, layer: &dyn Layer) -> Result<(), SourceError> {
    let schema = layer.schema();
    let has = |name: &String| schema.fields().iter().any(|field| field.name().to_lowercase() == name.to_lowercase());
    let Some(column) = options.select.iter().flatten().find(|name| !has(name)) else { return Ok(()) };
    // What was not selected is not in the schema: the file knows.
    let select = Some(vec![column.clone()]);
    match crate::open(file, &OpenOptions { select, ..options.clone() }) {
        Err(SourceError::UnknownColumn { column, suggestion, available, .. }) => {
            Err(UnionError::UnknownColumn { column, suggestion, available }.in_source())
        }
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// Refuses files that were found in directories, have different names, and do not have the columns of the one that has most:
/// such as the themes of an extract, of which somebody forgot to choose one. Tiles have different names too, but the same
/// columns; or fewer, where a format has only those that some row has a value in.
fn check_found(opened: &[OpenFile<'_>]) -> Result<(), SourceError> {
    let columns = |layer: &dyn Layer| {
        let schema = layer.schema();
        let attributes = schema.fields().iter().filter(|field| !is_geometry(field));
        attributes.map(|field| field.name().to_lowercase()).collect::<BTreeSet<String>>()
    };
    let found = opened.iter().filter(|(file, _)| file.found);
    let found: Vec<_> = found.map(|(file, layer)| (file, layer, columns(layer.as_ref()))).collect();
    // Of several with as many columns the first: `max_by_key` gives the last.
    let Some((fullest_file, fullest, most)) = found.iter().rev().max_by_key(|(.., columns)| columns.len()) else {
        return Ok(());
    };
    let belongs = |layer: &dyn Layer, columns: &BTreeSet<String>| {
        let says_nothing = columns.is_empty() && layer.row_count_hint() == Some(0);
        layer.name() == fullest.name()
            || columns == most
            || says_nothing
            || (!columns.is_empty() && columns.is_subset(most))
    };
    if found.iter().all(|(_, layer, columns)| belongs(layer.as_ref(), columns)) {
        return Ok(());
    }
    let ending = fullest_file.path.extension().unwrap_or_default().to_string_lossy();
    let example = fullest_file.path.with_file_name(format!("*.{ending}"));
    let mut layers: Vec<LayerFiles> = Vec::new();
    for (file, layer, _) in &found {
        add(&mut layers, layer.name(), &without_secrets(&file.path));
    }
    Err(UnionError::DifferentLayers { layers, example }.in_source())
}

/// The layers with geometry of all files, and which have them.
fn layers_of(files: &[InputFile], reader: Reader) -> Result<Vec<LayerFiles>, SourceError> {
    let mut all = Vec::new();
    for file in files.iter().take(LOOKED_AT) {
        for layer in crate::layers(&file.path, reader)?.into_iter().filter(|layer| layer.geometry.is_some()) {
            add(&mut all, &layer.name, &without_secrets(&file.path));
        }
    }
    Ok(all)
}

fn add(layers: &mut Vec<LayerFiles>, name: &str, path: &Path) {
    match layers.iter_mut().find(|layer| layer.name == name) {
        Some(layer) => layer.files.push(path.to_owned()),
        None => layers.push(LayerFiles { name: name.to_owned(), files: vec![path.to_owned()] }),
    }
}

/// What inputs are called together: the first ones, and how many more.
#[must_use]
pub fn described(inputs: &[PathBuf]) -> String {
    let names: Vec<String> = inputs.iter().map(|input| without_secrets(input).display().to_string()).collect();
    joined(names.iter().map(String::as_str), super::LISTED_NAMES)
}
