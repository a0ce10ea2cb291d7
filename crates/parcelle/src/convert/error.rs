//! Why a conversion failed.

use std::path::PathBuf;

use parcelle_geoparquet::WriteError;
use parcelle_source::SourceError;
use parcelle_storage::archive::ArchiveError;

use crate::convert::reproject::ReprojectionError;
use crate::convert::stage::StageError;
use crate::expression::ExpressionError;

/// Why a layer was not converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The output could not be written.
    #[error(transparent)]
    Write(WriteError),
    /// The condition of the filter cannot be asked of the layer.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// The layer cannot be reprojected.
    #[error(transparent)]
    Reprojection(#[from] ReprojectionError),
    /// A row could not be filtered or changed as it was asked for.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The output would replace the input.
    #[error("{} is the input itself, or lies within it: choose another name for the output", .path.display())]
    OutputIsInput {
        /// The output.
        path: PathBuf,
    },
    /// The archive that is the input could not be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What was unpacked from an archive could not be converted.
    #[error("{shown}")]
    Archived {
        /// Why, with the archive in the place of the directory that it was unpacked into.
        shown: String,
        /// Why.
        error: Box<ConvertError>,
    },
    /// An archive with a choice to be made.
    #[error(
        "{}: the archive holds several data sets, choose with --member, or convert each with --all-layers: {}",
        .archive.display(), listed(.available)
    )]
    SeveralMembers {
        /// The archive.
        archive: PathBuf,
        /// The members that are data sets.
        available: Vec<String>,
    },
    /// An archive with data sets of one name in several formats, which are mostly the same data.
    #[error(
        "{}: the archive holds data sets of one name in several formats, and every row would be there for each: choose one \
         with --member, by its path or as '*.{}': {}",
        .archive.display(), example_extension(.members), listed(.members)
    )]
    SeveralFormats {
        /// The archive.
        archive: PathBuf,
        /// The members of that name.
        members: Vec<String>,
    },
    /// There is no data set of that name in the archive.
    #[error(
        "{}: no data set in the archive is called {member:?}; there are: {}",
        .archive.display(), listed(.available)
    )]
    UnknownMember {
        /// The archive.
        archive: PathBuf,
        /// What was asked for.
        member: String,
        /// The members that are data sets.
        available: Vec<String>,
    },
    /// An archive without anything that is known to be data.
    #[error("{}: {}", .archive.display(), no_data(*.members, .nested))]
    NoData {
        /// The archive.
        archive: PathBuf,
        /// How many files it has.
        members: usize,
        /// Those of them that are archives themselves.
        nested: Vec<String>,
    },
    /// A member was asked for where there is no archive.
    #[error("{}: no archive that is read (.zip, .7z, .7z.001), so that --member says nothing: leave it out", .path.display())]
    NoArchive {
        /// The input.
        path: PathBuf,
    },
    /// All layers need a directory.
    #[error("{} is there and no directory: all layers go to files in a directory, name another one", .path.display())]
    NotADirectory {
        /// The output.
        path: PathBuf,
    },
    /// Files of other runs would be among those of this one.
    #[error(
        "{} is not empty: name another directory, or let the files of the layers be replaced with --overwrite (others stay)",
        .path.display()
    )]
    DirectoryNotEmpty {
        /// The output.
        path: PathBuf,
    },
}

/// Most names that a message lists.
const MOST_LISTED: usize = 40;

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MOST_LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST_LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown}, and {more} more"),
    }
}

/// The extension of the first of these members.
fn example_extension(members: &[String]) -> &str {
    members.first().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
}

fn no_data(members: usize, nested: &[String]) -> String {
    if nested.is_empty() {
        return format!(
            "none of its {members} files is in a format that is known by name: unpack it, and convert what is meant"
        );
    }
    format!(
        "archives within an archive are not unpacked: {}. Unpack the outer archive, and convert the inner ones",
        listed(nested)
    )
}

impl From<WriteError> for ConvertError {
    fn from(error: WriteError) -> Self {
        match error {
            // What the writer carries for the reader comes back as what it was.
            WriteError::Producer(producer) => match producer.downcast::<SourceError>() {
                Ok(source) => Self::Source(*source),
                Err(producer) => match producer.downcast::<StageError>() {
                    Ok(stage) => Self::Stage(*stage),
                    Err(producer) => Self::Write(WriteError::Producer(producer)),
                },
            },
            other => Self::Write(other),
        }
    }
}

impl ConvertError {
    /// Whether the request itself was wrong (a missing input, an existing output, a layer or column that is not there),
    /// rather than the data. On the command line these end with exit code 2, others with 1.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Source(SourceError::Union(error)) => error.is_usage(),
            Self::Source(error) => matches!(
                error,
                SourceError::NotFound { .. }
                    | SourceError::SeveralLayers { .. }
                    | SourceError::UnknownLayer { .. }
                    | SourceError::UnknownColumn { .. }
                    | SourceError::AssignedCrs { .. }
                    | SourceError::NoNativeReader { .. }
                    | SourceError::ConnectionString { .. }
                    | SourceError::MissingDriver { .. }
                    | SourceError::Inputs(_)
            ),
            Self::Write(error) => matches!(
                error,
                WriteError::Exists { .. }
                    | WriteError::SortColumn { .. }
                    | WriteError::SortColumnType { .. }
                    | WriteError::PartitionColumn { .. }
                    | WriteError::PartitionColumnType { .. }
                    | WriteError::Options(_)
                    | WriteError::UnknownColumn { .. }
            ),
            Self::Archive(error) => {
                matches!(error, ArchiveError::LaterVolume { .. } | ArchiveError::MissingVolume { .. })
            }
            Self::Archived { error, .. } => error.is_usage(),
            Self::Stage(_) | Self::NoData { .. } => false,
            Self::Expression(_)
            | Self::Reprojection(_)
            | Self::OutputIsInput { .. }
            | Self::NotADirectory { .. }
            | Self::DirectoryNotEmpty { .. }
            | Self::SeveralMembers { .. }
            | Self::SeveralFormats { .. }
            | Self::UnknownMember { .. }
            | Self::NoArchive { .. } => true,
        }
    }

    /// Whether the run was stopped by its [`CancelToken`](crate::CancelToken).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self {
            Self::Write(WriteError::Cancelled)
            | Self::Source(SourceError::Interrupted)
            | Self::Archive(ArchiveError::Interrupted) => true,
            Self::Archived { error, .. } => error.is_cancelled(),
            _ => false,
        }
    }
}
