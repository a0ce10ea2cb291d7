//! The files of a conversion, and that its output is none of them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use parcelle_source::Inputs;

use crate::convert::ConvertError;

/// The files that the inputs stand for, none of which the output may replace. A dataset of several files replaces a whole
/// directory.
///
/// An output within a directory that is an input is refused too, though nothing is lost: the next run would take it for one of
/// the files to convert.
pub(super) fn resolve(inputs: &[PathBuf], output: &Path, replaces_directory: bool) -> Result<Inputs, ConvertError> {
    let resolved = parcelle_source::resolve(inputs)?;
    let files = resolved.files.iter().map(|file| file.path.as_path());
    check_output(output, replaces_directory, files.chain(resolved.directories.iter().map(PathBuf::as_path)))?;
    Ok(resolved)
}

/// Refuses an output that is one of these files, by whatever name, or lies in one of these directories; and one that is a
/// directory which goes with all that is in it, if that is one of them.
pub(super) fn check_output<'p>(
    output: &Path,
    replaces_directory: bool,
    inputs: impl Iterator<Item = &'p Path>,
) -> Result<(), ConvertError> {
    let refused = || Err(ConvertError::OutputIsInput { path: output.to_owned() });
    let identity = |path: &Path| path.metadata().map(|metadata| (metadata.dev(), metadata.ino())).ok();
    let (place, own) = (place(output), identity(output));
    for input in inputs {
        if own.is_some() && identity(input) == own {
            return refused();
        }
        if input.is_dir()
            && let (Some(place), Ok(directory)) = (&place, input.canonicalize())
            && place.starts_with(directory)
        {
            return refused();
        }
        if replaces_directory
            && let (Some(place), Ok(input)) = (&place, input.canonicalize())
            && input.starts_with(place)
        {
            return refused();
        }
    }
    Ok(())
}

/// Where a file is or will be, without links on the way.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(place) = path.canonicalize() {
        return Some(place);
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A directory that does not exist yet is made in one that does.
    Some(place(parent).filter(|_| parent != path)?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_none_of_the_inputs_and_in_none_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let (data, file) = (directory.path().join("data"), directory.path().join("data/a.csv"));
        std::fs::create_dir_all(data.join("deep")).unwrap();
        std::fs::write(&file, "x,y\n1,2\n").unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&data, &link).unwrap();
        std::fs::hard_link(&file, directory.path().join("b.csv")).unwrap();
        let check =
            |output: &str, input: &Path| check_output(&directory.path().join(output), false, [input].into_iter());
        for refused in
            ["data", "data/new.parquet", "data/deep/new", "data/no/such/new", "link/new.parquet", "data/../data/x"]
        {
            assert!(matches!(check(refused, &data), Err(ConvertError::OutputIsInput { .. })), "{refused}");
            assert!(check(refused, &file).is_ok(), "{refused}");
        }
        for allowed in ["new.parquet", "no/such/new.parquet", "data.parquet", "data2/new.parquet"] {
            check(allowed, &data).unwrap();
        }
        for refused in ["data/a.csv", "b.csv", "link/a.csv"] {
            assert!(check(refused, &file).is_err(), "{refused}");
        }
        let replaced = |output: &str| check_output(&directory.path().join(output), true, [file.as_path()].into_iter());
        assert!(replaced("data").is_err() && replaced("link").is_err() && replaced("").is_err());
        replaced("data/deep").unwrap();
    }
}
