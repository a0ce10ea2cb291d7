//! Why a conversion failed.

use std::path::PathBuf;

use parcelle_geoparquet::WriteError;
use parcelle_source::SourceError;

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
            Self::Stage(_) => false,
            Self::Expression(_)
            | Self::Reprojection(_)
            | Self::OutputIsInput { .. }
            | Self::NotADirectory { .. }
            | Self::DirectoryNotEmpty { .. } => true,
        }
    }

    /// Whether the run was stopped by its [`CancelToken`](crate::CancelToken).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Write(WriteError::Cancelled) | Self::Source(SourceError::Interrupted))
    }
}
