//! What can be wrong with an input.

use std::path::PathBuf;

/// Why an input stands for no files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputsError {
    /// Nothing was asked for.
    #[error("there is no input: name a file, a directory or a pattern")]
    None,
    /// A pattern that matches nothing.
    #[error(
        "{}: no such file, and as a pattern it matches nothing: `*` and `?` stand for characters of one name, `**` for any \
         number of directories",
        pattern.display()
    )]
    NoMatch {
        /// What was asked for.
        pattern: PathBuf,
    },
    /// A pattern that cannot be one.
    #[error("{}: no such file, and not a pattern either: {reason}", pattern.display())]
    Pattern {
        /// What was asked for.
        pattern: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory without a file to read.
    #[error(
        "{}: no file in this directory is of a format that can be known by its content or its ending; name the file itself, \
         whatever its ending",
        path.display()
    )]
    NothingReadable {
        /// The directory.
        path: PathBuf,
    },
    /// A directory with archives only.
    #[error(
        "{}: no data in this directory but in archives, which are unpacked only where they are named themselves, such as {}",
        path.display(), archive.display()
    )]
    OnlyArchives {
        /// The directory.
        path: PathBuf,
        /// The first of them.
        archive: PathBuf,
    },
    /// All that was found are tables without geometry.
    #[error(
        "{}: only tables without geometry, which cannot become GeoParquet: convert them with a tool for plain Parquet",
        path.display()
    )]
    OnlyTables {
        /// The first of them.
        path: PathBuf,
    },
}
