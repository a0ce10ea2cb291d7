//! Every layer of the input to a file of its own.
//!
//! Layers of the same name in several files are one layer, as producers deliver one file for each department. What goes wrong
//! with one layer does not keep the others from being written; and no file is written that lacks the rows of an input that
//! cannot be read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use parcelle_geoparquet::WriteError;
use parcelle_source::{InputFile, Inputs, LayerInfo, SourceError, without_secrets};
use serde::Serialize;

use crate::convert::{Convert, ConvertError, ConvertSummary, inputs, unread};

/// Longest name of a file without its ending, in bytes: file systems allow 255, of which temporary files need some.
const LONGEST_NAME: usize = 200;

/// What became of the layers of an input. Its serialisation is the JSON summary of the command line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayersSummary {
    /// The inputs as they were given.
    pub input: String,
    /// How many files they stand for.
    pub inputs: u64,
    /// The directory as it was given.
    pub output: String,
    /// The layers that were written.
    pub layers: Vec<ConvertSummary>,
    /// The layers that cannot become GeoParquet: tables without geometry.
    pub skipped: Vec<SkippedLayer>,
    /// The layers that were not written, though they should have been.
    pub failed: Vec<FailedLayer>,
}

/// A layer that is not for GeoParquet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedLayer {
    /// Its name.
    pub layer: String,
    /// The files that have it.
    pub input: String,
    /// Why it was skipped.
    pub reason: String,
}

/// A layer that could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedLayer {
    /// Its name.
    pub layer: String,
    /// The files that have it.
    pub input: String,
    /// What is wrong, and the way out.
    pub error: String,
}

/// A layer of the input, and the files that have it.
#[derive(Debug)]
struct Planned {
    name: String,
    files: Vec<PathBuf>,
    /// The files where it is a table without geometry.
    tables: Vec<PathBuf>,
    /// Why it cannot be written.
    failure: Option<String>,
}

impl Planned {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), files: Vec::new(), tables: Vec::new(), failure: None }
    }

    fn fail(&mut self, reason: String) {
        self.failure.get_or_insert(reason);
    }

    fn input(&self) -> String {
        let all: Vec<PathBuf> = self.files.iter().chain(&self.tables).cloned().collect();
        parcelle_source::described(&all)
    }
}

impl Convert {
    /// Converts every layer with geometry to a GeoParquet file of its own, in the directory that is the output: it is made
    /// where it is missing, and has to be empty unless files may be replaced ([`Convert::overwrite`]).
    ///
    /// A file is called as its layer, with `.parquet` (a dataset of several files has a directory without it); what file systems
    /// do not allow in names becomes `_`, and names that would meet get a number. Layers of the same name in several files are united. All other settings hold for each layer.
    ///
    /// A layer that fails is in [`LayersSummary::failed`], and the others are written all the same.
    ///
    /// ```
    /// # let directory = std::env::temp_dir().join(format!("parcelle-doc-layers-{}", std::process::id()));
    /// # let input = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/vector/headers.gpkg");
    /// let summary = parcelle::convert(input, &directory).run_layers()?;
    /// for layer in &summary.layers {
    ///     println!("{}: {} rows", layer.output, layer.rows);
    /// }
    /// # assert!(!summary.layers.is_empty() && summary.failed.is_empty(), "{summary:?}");
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ConvertError`] where nothing can be done at all: an input is missing, the layers of a file cannot be listed, or the
    /// directory cannot be used; and where the run was cancelled. Layers that are written by then stay.
    pub fn run_layers(mut self) -> Result<LayersSummary, ConvertError> {
        if self.open.layer.is_some() {
            let reason = "all layers are wanted, and one of them: leave one of the two out (--layer, --all-layers)";
            return Err(WriteError::Options(reason.to_owned()).into());
        }
        self.check_directory()?;
        let mut inputs = inputs::resolve(&self.inputs, &self.output, false)?;
        self.prepare();
        let unpacked = self.unpack(&mut inputs, true)?;
        let planned = self.plan(&inputs).map_err(|error| unpacked.error(error))?;
        let made = make_directory(&self.output)?;
        let mut summary = LayersSummary {
            input: parcelle_source::described(&self.inputs),
            inputs: (inputs.files.len() + inputs.tables.len()) as u64,
            output: self.output.display().to_string(),
            layers: Vec::new(),
            skipped: Vec::new(),
            failed: Vec::new(),
        };
        let result = self.convert_layers(planned, &mut summary);
        if let Some(first) = summary.layers.first_mut() {
            first.warnings.extend(unread::archives(&inputs));
        }
        if summary.layers.is_empty() {
            // What was made for files that did not come goes again; what is not empty stays.
            made.iter().rev().for_each(|directory| drop(std::fs::remove_dir(directory)));
        }
        result.map(|()| unpacked.layers(summary)).map_err(|error| unpacked.error(error))
    }

    fn convert_layers(&self, planned: Vec<Planned>, summary: &mut LayersSummary) -> Result<(), ConvertError> {
        let mut taken = HashSet::new();
        for layer in planned {
            if layer.files.is_empty() && layer.failure.is_none() {
                let reason = "a table without geometry".to_owned();
                summary.skipped.push(SkippedLayer { input: layer.input(), layer: layer.name, reason });
                continue;
            }
            // Also of one that fails, so that the names of the others do not depend on it.
            let name = file_name(&layer.name, &mut taken);
            let output = match self.write.partitioning {
                None => self.output.join(format!("{name}.parquet")),
                Some(_) => self.output.join(name),
            };
            let converted = match &layer.failure {
                Some(reason) => Err(reason.clone()),
                None => match self.convert_layer(&layer, output) {
                    Err(error) if error.is_cancelled() => return Err(error),
                    converted => converted.map_err(|error| error.to_string()),
                },
            };
            match converted {
                Ok(converted) => summary.layers.push(converted),
                Err(error) => summary.failed.push(FailedLayer { input: layer.input(), layer: layer.name, error }),
            }
        }
        Ok(())
    }

    fn convert_layer(&self, layer: &Planned, output: PathBuf) -> Result<ConvertSummary, ConvertError> {
        let mut convert = Self { output, ..self.clone() };
        convert.open.layer = Some(layer.name.clone());
        convert.check_absent()?;
        let replaces_directory = convert.write.partitioning.is_some();
        inputs::check_output(&convert.output, replaces_directory, layer.files.iter().map(PathBuf::as_path))?;
        let files = layer.files.iter().map(|path| InputFile { path: path.clone(), found: false }).collect();
        convert.run_on(&Inputs { files, ..Inputs::default() }, layer.input())
    }

    /// The layers of all files, in the order in which they appear first.
    fn plan(&self, inputs: &Inputs) -> Result<Vec<Planned>, ConvertError> {
        let mut planned: Vec<Planned> = Vec::new();
        for (path, listed) in parcelle_source::list_all(inputs, &self.open) {
            match listed {
                Ok(layers) => note_layers(&mut planned, &path, layers),
                Err(SourceError::Interrupted) => return Err(SourceError::Interrupted.into()),
                Err(SourceError::NoGeometry { layer, .. }) => {
                    note(&mut planned, &layer, |layer| layer.tables.push(path));
                }
                Err(error) => match sole_layer(&path, &error) {
                    Some(layer) => note(&mut planned, &layer, |layer| {
                        layer.files.push(path);
                        layer.fail(error.to_string());
                    }),
                    // Any of the layers may lack what is in there.
                    None => return Err(error.into()),
                },
            }
        }
        for table in &inputs.tables {
            let name = table.file_stem().unwrap_or_default().to_string_lossy();
            note(&mut planned, &name, |layer| layer.tables.push(table.clone()));
        }
        for layer in &mut planned {
            if let (Some(table), false) = (layer.tables.first(), layer.files.is_empty()) {
                let (table, name) = (table.display(), &layer.name);
                let reason = format!("{table}: layer {name} has no geometry there, and in other files it does");
                layer.fail(reason);
            }
        }
        Ok(planned)
    }

    /// Refuses a directory that cannot take the files.
    fn check_directory(&self) -> Result<(), ConvertError> {
        let path = self.output.clone();
        let mut entries = match self.output.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.output.symlink_metadata().is_err() => {
                return Ok(());
            }
            Err(_) => return Err(ConvertError::NotADirectory { path }),
        };
        match entries.next() {
            Some(_) if !self.write.overwrite => Err(ConvertError::DirectoryNotEmpty { path }),
            _ => Ok(()),
        }
    }
}

/// Notes something about the layer of a name.
fn note(planned: &mut Vec<Planned>, name: &str, note: impl FnOnce(&mut Planned)) {
    match planned.iter_mut().find(|layer| layer.name == name) {
        Some(layer) => note(layer),
        None => {
            let mut layer = Planned::new(name);
            note(&mut layer);
            planned.push(layer);
        }
    }
}

fn note_layers(planned: &mut Vec<Planned>, path: &Path, layers: Vec<LayerInfo>) {
    for LayerInfo { name, geometry, .. } in layers {
        note(planned, &name, |layer| {
            let files = if geometry.is_some() { &mut layer.files } else { &mut layer.tables };
            if files.last().is_some_and(|last| last == path) {
                let shown = without_secrets(path);
                let path = shown.display();
                layer.fail(format!(
                    "{path}: two layers are called {name}, and only the first can be chosen by its name: rename one of them"
                ));
            } else {
                files.push(path.to_owned());
            }
        });
    }
}

/// The one layer that a file would have if it could be read: that of its name. Databases, and what GDAL reads, may have any
/// number.
fn sole_layer(path: &Path, error: &SourceError) -> Option<String> {
    let several = matches!(
        error,
        SourceError::NotFound { .. }
            | SourceError::ConnectionString { .. }
            | SourceError::Damaged { .. }
            | SourceError::Database { .. }
            | SourceError::GdalOpen { .. }
            | SourceError::GdalIncomplete { .. }
            | SourceError::GdalRead { .. }
            | SourceError::NoGdal { .. }
            | SourceError::NoNativeReader { .. }
    );
    let stem = path.file_stem().filter(|_| !several && !path.is_dir())?;
    Some(stem.to_string_lossy().into_owned())
}

/// Makes the directory; gives those that were not there, from the outside in.
fn make_directory(path: &Path) -> Result<Vec<PathBuf>, ConvertError> {
    let missing = path.ancestors().take_while(|directory| !directory.as_os_str().is_empty() && !directory.is_dir());
    let mut missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
    missing.reverse();
    let reason = |reason| WriteError::Io { path: path.to_owned(), reason };
    std::fs::create_dir_all(path).map_err(reason)?;
    Ok(missing)
}

/// The name of the file of a layer, without ending: one that any file system takes, that a walk of the directory finds (it passes over names
/// that begin with `.` or `_`), and that no other file has, in whatever case of letters.
fn file_name(layer: &str, taken: &mut HashSet<String>) -> String {
    let forbidden = |letter: char| letter.is_control() || "/\\:*?\"<>|".contains(letter);
    let safe: String = layer.chars().map(|letter| if forbidden(letter) { '_' } else { letter }).collect();
    let mut safe = safe.trim().trim_end_matches('.').to_owned();
    if safe.is_empty() || safe.starts_with(['.', '_', '-']) {
        safe.insert_str(0, "layer");
    }
    while safe.len() > LONGEST_NAME {
        safe.pop();
    }
    // Devices of Windows, whatever the ending.
    let device = safe.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = device.strip_prefix("com").or_else(|| device.strip_prefix("lpt"));
    if ["con", "prn", "aux", "nul"].contains(&device.as_str())
        || numbered.is_some_and(|number| number.len() == 1 && number.chars().all(|digit| digit.is_ascii_digit()))
    {
        safe.insert_str(0, "layer_");
    }
    let numbers = (2u32..).map(|number| format!("{safe}_{number}"));
    let mut names = std::iter::once(safe.clone()).chain(numbers);
    names.find(|name| taken.insert(name.to_lowercase())).unwrap_or(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_safe_and_different() {
        let mut taken = HashSet::new();
        let mut name = |layer: &str| file_name(layer, &mut taken);
        for (layer, file) in [
            ("batiment", "batiment"),
            ("BATIMENT", "BATIMENT_2"),
            ("Batiment_2", "Batiment_2_2"),
            ("noms d'îlots été", "noms d'îlots été"),
            ("a/b", "a_b"),
            ("a\\b", "a_b_2"),
            ("../../etc/passwd", "layer.._.._etc_passwd"),
            ("", "layer"),
            (".", "layer_2"),
            ("..", "layer_3"),
            ("_metadata", "layer_metadata"),
            ("-rf", "layer-rf"),
            ("nul", "layer_nul"),
            ("COM1.x", "layer_COM1.x"),
            ("company", "company"),
            ("a\0\u{1b}[2J\n", "a__[2J_"),
        ] {
            assert_eq!(name(layer), file, "{layer:?}");
        }
        assert_eq!(name(&"é".repeat(1000)).len(), LONGEST_NAME);
    }
}
