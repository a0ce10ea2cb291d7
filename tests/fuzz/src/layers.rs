//! Layers, read whole and in splits.

use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use parcelle_geometry::scan;
use parcelle_source::{Curves, InvalidValues, Layer, OnInvalid, OpenOptions, Reader, SourceError};

/// Rows of a split at least, where those of the whole are compared with those of many.
const FEW: usize = 3;
/// So many splits at most, where the number of rows is known: some formats begin each by decoding a dictionary.
const MOST_SPLITS: u64 = 16;
/// So many that any input is one split.
const MANY: usize = 1 << 40;

/// Bytes of rows that are held for a comparison. A file of some bytes can have any number of them, which is why readers give them
/// out in batches.
const MOST_BYTES: usize = 64 << 20;

/// All rows of a layer; `None` where they are too many to be held.
pub type Rows = Result<Option<RecordBatch>, SourceError>;

/// Opens and reads a file in every way that there is for it: as it is, with invalid values as NULL, and kept, with curves made
/// straight.
///
/// # Panics
/// Where a promise does not hold.
pub fn read_consistently(path: &Path, sample_from: Option<u64>) {
    if let Ok(layers) = parcelle_source::layers(path, Reader::Native) {
        assert!(layers.len() < 100_000);
    }
    let strict = OpenOptions { threads: 1, reader: Reader::Native, ..OpenOptions::default() };
    let rows = open_and_read(path, &strict);
    if let Ok(Some(rows)) = &rows {
        let kept = open_and_read(path, &lenient(OnInvalid::Keep, false));
        let kept = kept.map(|kept| kept.map(|kept| kept.columns().to_vec()));
        assert_eq!(kept, Ok(Some(rows.columns().to_vec())), "what is valid is kept, whatever becomes of what is not");
    }
    let nulled = open_and_read(path, &lenient(OnInvalid::Null, false));
    let straight = open_and_read(path, &lenient(OnInvalid::Null, true));
    if let (Ok(Some(nulled)), Ok(Some(straight))) = (&nulled, &straight) {
        assert_eq!(nulled.num_rows(), straight.num_rows(), "curves are values, not rows");
    }
    if sample_from.is_some() {
        sampled(path, &OpenOptions { sample_from, ..strict }, &rows);
    }
}

fn lenient(policy: OnInvalid, straight: bool) -> OpenOptions {
    OpenOptions {
        threads: 1,
        reader: Reader::Native,
        invalid: InvalidValues::new(policy),
        curves: if straight { Curves::linearised() } else { Curves::default() },
        ..OpenOptions::default()
    }
}

/// Opens a layer and reads it, as one split and as many, which have to have the same rows.
///
/// # Errors
/// Why it cannot be opened, or read as one split.
///
/// # Panics
/// Where the two differ.
pub fn open_and_read(path: &Path, options: &OpenOptions) -> Rows {
    let layer = parcelle_source::open(path, options)?;
    let rows = read(layer.as_ref(), MANY);
    let rows_each = layer.row_count_hint().map_or(0, |rows| rows / MOST_SPLITS);
    let of_many = read(layer.as_ref(), usize::try_from(rows_each).unwrap_or(MANY).max(FEW));
    match (&rows, &of_many) {
        // Of what is not held nothing is known, and damage may be behind it.
        (Ok(None), _) | (_, Ok(None)) | (Err(_), Err(_)) => {}
        (Ok(rows), Ok(of_many)) => assert_eq!(rows, of_many, "splits have the rows of the whole"),
        (rows, of_many) => panic!("whole: {rows:?}, in splits: {of_many:?}"),
    }
    if let Ok(Some(rows)) = &rows {
        geometries_are_sound(rows);
        if let Some(hint) = layer.row_count_hint() {
            // Databases may keep a wrong count; a format whose count is part of its structure may not.
            let is_sure = layer.driver() != "GPKG" && options.window.is_none();
            assert!(!is_sure || hint == rows.num_rows() as u64, "{hint} rows were promised, of {}", rows.num_rows());
        }
    }
    rows
}

fn read(layer: &dyn Layer, target: usize) -> Rows {
    let (mut batches, mut bytes) = (Vec::new(), 0);
    for split in layer.splits(target)? {
        layer.read(&split, &mut |batch| {
            let sizes = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0));
            bytes += sizes.sum::<usize>();
            batches.push(batch);
            if bytes > MOST_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if bytes > MOST_BYTES {
            return Ok(None);
        }
    }
    let schema = layer.schema();
    let rows = concat_batches(&schema, &batches);
    Ok(Some(rows.unwrap_or_else(|error| panic!("batches are of the schema: {error}"))))
}

/// Geometry that a reader gives is little-endian ISO WKB, whole and of straight segments.
fn geometries_are_sound(rows: &RecordBatch) {
    for (column, field) in rows.columns().iter().zip(rows.schema_ref().fields()) {
        if field.metadata().get("ARROW:extension:name").is_none_or(|name| name != "geoarrow.wkb") {
            continue;
        }
        let Some(values) = column.as_binary_opt::<i32>() else { continue };
        for wkb in values.iter().flatten() {
            match scan(wkb) {
                Ok(summary) => assert!(summary.is_canonical, "{wkb:02x?}"),
                Err(error) => panic!("{error}: {wkb:02x?}"),
            }
        }
    }
}

/// A layer that was opened by a sample is proved to be what it is without, or says that it is not.
fn sampled(path: &Path, options: &OpenOptions, rows: &Rows) {
    let Ok(layer) = parcelle_source::open(path, options) else { return };
    let by_sample = read(layer.as_ref(), FEW);
    let is_held = matches!((&by_sample, rows), (Ok(Some(_)), Ok(Some(_)) | Err(_)));
    if is_held && layer.prove().is_ok() {
        assert_eq!(&by_sample, rows, "a proved sample is the truth");
    }
}
