//! What lies beside the data that are read and is not read: said in warnings, as nobody would miss it otherwise.

use arrow::datatypes::Schema;
use parcelle_source::{InputFile, Inputs};
use parcelle_storage::archive::TEMPORARY_SUFFIX;

/// A warning of archives that were found in directories.
pub(super) fn archives(inputs: &Inputs) -> Option<String> {
    let first = inputs.archives.first()?.display();
    let others = match inputs.archives.len() - 1 {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    };
    Some(format!("{first}{others} is not read, as archives in a directory are not unpacked: name it, if it is meant"))
}

/// A warning of columns that are in the names of directories only, as in hive datasets.
pub(super) fn hive_columns(inputs: &Inputs, schema: &Schema) -> Option<String> {
    // The directory of a file that was named by itself says nothing of the file.
    if inputs.files.len() < 2 && !inputs.files.iter().any(|file| file.found) {
        return None;
    }
    let columns = inputs.files.iter().flat_map(|InputFile { path, .. }| path.parent().into_iter().flatten());
    let (directory, column) = columns
        .filter_map(|part| Some((part.to_str()?, part.to_str()?.split_once('=')?.0)))
        .filter(|(directory, column)| !column.is_empty() && !directory.ends_with(TEMPORARY_SUFFIX))
        .find(|(_, column)| schema.column_with_name(column).is_none())?;
    Some(format!(
        "the column {column} is not read: no file has it, only the names of directories, such as {directory}; files of \
         --partition-names flat have all columns"
    ))
}
