//! Why files cannot be one dataset.

use std::fmt;
use std::path::PathBuf;

use crate::error::SourceError;

/// Names of layers, and files of each, that a message lists.
const LISTED_LAYERS: usize = 20;
const LISTED_FILES: usize = 2;

/// Why several files cannot be one dataset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnionError {
    /// There is a choice to be made.
    #[error(
        "the input has several layers, choose one with --layer, or write each to a file of its own with --all-layers: {}",
        listed(.layers)
    )]
    SeveralLayers {
        /// The layers with geometry.
        layers: Vec<LayerFiles>,
    },
    /// Files of different layers were found, not named.
    #[error(
        "the files that were found are named differently and have different columns: choose those of one name with \
         --layer, write each name to a file of its own with --all-layers, or name the files by a pattern, such as \
         '{}', to have them as one dataset all the same: {}", example.display(), listed(.layers)
    )]
    DifferentLayers {
        /// The layers.
        layers: Vec<LayerFiles>,
        /// A pattern that matches some of the files.
        example: PathBuf,
    },
    /// No file has a layer of that name.
    #[error("no file has a layer {layer:?}{}; the layers are: {}", did_you_mean(.suggestion), listed(.layers))]
    UnknownLayer {
        /// What was asked for.
        layer: String,
        /// The most similar name, if one is similar.
        suggestion: Option<String>,
        /// The layers.
        layers: Vec<LayerFiles>,
    },
    /// No file has a column that was to be kept.
    #[error("no file has a column {column:?}{}; the columns of the first one are: {}", did_you_mean(.suggestion), .available.join(", "))]
    UnknownColumn {
        /// What was asked for.
        column: String,
        /// The most similar name, if one is similar.
        suggestion: Option<String>,
        /// Names of the columns of the first file.
        available: Vec<String>,
    },
    /// The files have too many different columns.
    #[error(
        "{}: with this file the dataset would have more than {limit} columns: keep those that are wanted with --select, or \
         convert the files on their own",
        path.display()
    )]
    TooManyColumns {
        /// The first file that makes them too many.
        path: PathBuf,
        /// Most columns of a dataset.
        limit: usize,
    },
    /// The values of a column have no common type.
    #[error(
        "column {column:?} is {first}, and {other}: no type holds the values of both. Give the column one type in all files, \
         leave it out with --select, or convert the files on their own"
    )]
    Types {
        /// The column.
        column: String,
        /// The first file that has it, and its type.
        first: Side,
        /// The first file whose type does not go with the files before it.
        other: Side,
    },
    /// A name is that of geometry in one file, and not in another.
    #[error(
        "column {column:?} is geometry in {}, and something else in {}: rename one of them in the source, leave the latter out \
         with --select, or convert the files on their own",
        geometry.display(), attribute.display()
    )]
    GeometryName {
        /// The column.
        column: String,
        /// The file where it is geometry.
        geometry: PathBuf,
        /// The file where it is not.
        attribute: PathBuf,
    },
    /// The files are in different coordinate reference systems.
    #[error(
        "the coordinate reference system is {first}, and {other}: one dataset has one. Convert those of each system to the \
         same one first (--t-crs) and unite the results; or, if the files only fail to say that they are in the same one, \
         assign it with --crs"
    )]
    ReferenceSystems {
        /// The first file, and its reference system.
        first: Side,
        /// The first file with another.
        other: Side,
    },
    /// Lines between positions run in different ways.
    #[error("the edges of the geometry are {first}, and {other}: convert the files on their own")]
    Edges {
        /// The first file, and its edges.
        first: Side,
        /// The first file with others.
        other: Side,
    },
    /// A value that the common type cannot hold.
    #[error(
        "{}: column {column:?}: {value} ({from}) is not exactly a value of {to}, the type that the column has together with \
         the other files: leave the column out with --select, or convert the files on their own",
        path.display()
    )]
    Value {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The type of the column in this file.
        from: String,
        /// The type it has for all files.
        to: String,
    },
}

impl UnionError {
    pub(crate) fn in_source(self) -> SourceError {
        SourceError::Union(Box::new(self))
    }

    /// Whether the request is to blame, rather than the data.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::SeveralLayers { .. }
                | Self::DifferentLayers { .. }
                | Self::UnknownLayer { .. }
                | Self::UnknownColumn { .. }
        )
    }
}

/// What one of two files has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The file.
    pub path: PathBuf,
    /// Its type, its reference system, …
    pub what: String,
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} in {}", self.what, self.path.display())
    }
}

/// A layer, and the files that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFiles {
    /// Its name.
    pub name: String,
    /// The files.
    pub files: Vec<PathBuf>,
}

impl fmt::Display for LayerFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.files.iter().take(LISTED_FILES).map(|path| path.display().to_string()).collect();
        write!(formatter, "{} ({}", self.name, shown.join(", "))?;
        match self.files.len().saturating_sub(LISTED_FILES) {
            0 => write!(formatter, ")"),
            more => write!(formatter, " and {more} more)"),
        }
    }
}

fn listed(layers: &[LayerFiles]) -> String {
    let shown: Vec<_> = layers.iter().take(LISTED_LAYERS).map(ToString::to_string).collect();
    match layers.len().saturating_sub(LISTED_LAYERS) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(String::new, |name| format!(", did you mean {name:?}?"))
}
