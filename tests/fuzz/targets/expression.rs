//! Conditions (`--where`): a row is kept by a condition, by its negation, or by what asks whether it is unknown; by one of them.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Scratch, start};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(Scratch::new);
/// Columns of every type that the readers know, with NULLs.
static INPUT: LazyLock<PathBuf> =
    LazyLock::new(|| SCRATCH.file("input.gpkg", include_bytes!("../../../testdata/vector/column_types.gpkg")));

/// How many rows a condition keeps, and of how many.
fn kept(condition: String) -> Option<(u64, u64)> {
    let output = SCRATCH.path().join("output.parquet");
    let converted = parcelle::convert(INPUT.as_path(), output)
        .filter(condition)
        .compression(parcelle::Compression::Uncompressed)
        .sort(parcelle::Sort::None)
        .threads(1)
        .overwrite(true)
        .run();
    converted.ok().map(|summary| (summary.rows, summary.rows_read))
}

fuzz_target!(init: start(), |data: &[u8]| {
    let Ok(condition) = std::str::from_utf8(data) else { return };
    let Some((rows, all)) = kept(condition.to_owned()) else { return };
    assert!(rows <= all);
    // A comment at its end must not swallow the parenthesis.
    let others = kept(format!("NOT (\n{condition}\n)")).zip(kept(format!("(\n{condition}\n) IS UNKNOWN")));
    if let Some(((not, _), (unknown, _))) = others {
        assert_eq!(rows + not + unknown, all, "{rows} are true, {not} false, {unknown} unknown");
    }
});
