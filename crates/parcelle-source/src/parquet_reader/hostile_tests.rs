use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeBinaryArray, Float64Array, ListArray, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::json;

use super::testing::*;
use crate::{OpenOptions, SourceError};

fn corpus() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/geoparquet");
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let mut files: Vec<_> =
        files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
    files.sort();
    if files.is_empty() {
        println!("the corpus is not here: skipped");
    }
    files
}

#[test]
fn files_of_others_are_read_whole() {
    for path in corpus() {
        let footer = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        let expected = footer.metadata().file_metadata().num_rows() as usize;
        let whole = read(&path, 1_000_000).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(whole.num_rows(), expected, "{}", path.display());
        if expected < 1000 {
            assert_eq!(read(&path, 1).unwrap(), whole, "{}", path.display());
        }
    }
}

#[test]
fn native_encodings_are_the_geometry_of_the_wkb_files() {
    let mut compared = 0;
    for path in corpus() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix("_native.parquet") else { continue };
        let other = [format!("{stem}_geo.parquet"), format!("{stem}.parquet")];
        let Some(other) = other.iter().map(|name| path.with_file_name(name)).find(|path| path.exists()) else {
            continue;
        };
        // Single geometry in WKB is a collection of one in the files of countries.
        if name.contains("countries") {
            continue;
        }
        let (native, other) = (read(&path, 100).unwrap(), read(&other, 100).unwrap());
        assert_eq!(wkb(&native, "geometry"), wkb(&other, "geometry"), "{name}");
        compared += 1;
    }
    println!("{compared} files compared");
}

fn small_file() -> TestFile {
    let rows = 40;
    let text: ArrayRef =
        Arc::new(StringArray::from_iter((0..rows).map(|row| (row % 5 != 0).then(|| format!("value {}", row % 7)))));
    let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64)));
    let batch = batch(vec![
        (Field::new("text", DataType::Utf8, true), text),
        (Field::new("number", DataType::Float64, false), numbers),
        (Field::new("g", DataType::Binary, true), points(rows)),
    ]);
    TestFile::new(&batch, 15, &[("geo", &geo("g", &json!({"encoding": "WKB", "geometry_types": ["Point"]})))])
}

#[test]
fn cut_files_are_refused() {
    let bytes = small_file().bytes();
    for length in (0..bytes.len()).step_by(3) {
        let file = TestFile::of_bytes(&bytes[..length]);
        let opened = super::ParquetLayer::open(&file.path(), &OpenOptions::default());
        let error = opened.err().unwrap_or_else(|| panic!("{length}"));
        assert!(matches!(error, SourceError::Malformed { format: "Parquet", .. }), "{length}: {error}");
    }
    let file = TestFile::of_bytes(&bytes[..bytes.len() - 1]);
    let error = file.open(&OpenOptions::default()).err().unwrap().to_string();
    assert!(error.ends_with("Parquet: the file does not end as Parquet does, with the bytes PAR1; the file is damaged or incomplete: get it again from its source"), "{error}");
}

#[test]
fn encrypted_files_are_refused() {
    let mut bytes = small_file().bytes();
    let length = bytes.len();
    bytes[..4].copy_from_slice(b"PARE");
    bytes[length - 4..].copy_from_slice(b"PARE");
    let error = TestFile::of_bytes(&bytes).open(&OpenOptions::default()).err().unwrap().to_string();
    assert!(error.contains("Parquet: the file is encrypted, which is not supported; decrypt it"), "{error}");
}

#[test]
fn values_that_are_stored_once_stand_in_few_rows_of_a_batch() {
    // 2000 rows have one text of 200 kB, in a file of less than that.
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n("a".repeat(200_000), 2000)));
    let batch = batch(vec![
        (Field::new("text", DataType::Utf8, true), text),
        (Field::new("g", DataType::Binary, true), points(2000)),
    ]);
    let file = TestFile::new(&batch, 1500, &[("geo", &geo("g", &json!({"encoding": "WKB"})))]);
    let layer = file.open(&OpenOptions::default()).unwrap();
    let (mut rows, mut most) = (0, 0);
    for split in layer.splits(10_000).unwrap() {
        let sink = &mut |batch: arrow::array::RecordBatch| {
            rows += batch.num_rows();
            most = most.max(batch.num_rows());
            std::ops::ControlFlow::Continue(())
        };
        layer.read(&split, sink).unwrap();
    }
    assert_eq!(rows, 2000);
    assert!((100..400).contains(&most), "{most} rows in a batch");
}

#[test]
fn columns_that_are_too_wide_are_refused() {
    let wide: ArrayRef = Arc::new(FixedSizeBinaryArray::new_null(2 << 20, 3));
    let batch = batch(vec![
        (Field::new("wide", wide.data_type().clone(), true), wide),
        (Field::new("geometry", DataType::Binary, true), points(3)),
    ]);
    let error = TestFile::new(&batch, 10, &[]).read().unwrap_err().to_string();
    assert!(error.contains("values of column wide have 2097152 bytes each, more than 1048576"), "{error}");
}

/// A file of 64 MB of text in some kilobytes, whose page says that it unpacks to a hundred bytes.
fn bomb(codec: Compression, version: WriterVersion, has_index: bool) -> TestFile {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a".repeat(64 << 20)]));
    let batch = batch(vec![
        (Field::new("text", DataType::Utf8, false), text),
        (Field::new("g", DataType::Binary, true), points(1)),
    ]);
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_writer_version(version)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(!has_index);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), geo("g", &json!({"encoding": "WKB"}))));
    writer.write(&batch).unwrap();
    let metadata = writer.close().unwrap();
    assert!(bytes.len() < 1 << 20, "{codec}: {}", bytes.len());
    let start = metadata.row_group(0).column(0).data_page_offset() as usize;
    // The type of the page is its first field, the size the second: a number of four bytes, which may have zeros on top.
    assert_eq!((bytes[start], bytes[start + 2]), (0x15, 0x15));
    assert!(bytes[start + 3..start + 6].iter().all(|byte| byte & 0x80 != 0) && bytes[start + 6] & 0x80 == 0);
    bytes[start + 3..start + 7].copy_from_slice(&[0xC8, 0x81, 0x80, 0]);
    TestFile::of_bytes(&bytes)
}

#[test]
fn pages_unpack_to_what_their_headers_say_and_no_further() {
    for codec in [Compression::GZIP(GzipLevel::default()), Compression::BROTLI(BrotliLevel::default())] {
        for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
            for has_index in [false, true] {
                let error = bomb(codec, version, has_index).read().unwrap_err();
                let text = error.to_string();
                assert!(matches!(error, SourceError::Malformed { format: "Parquet", .. }), "{text}");
                let expected = "unpacks to more than the 100 that its header says";
                assert!(text.contains(expected), "{codec} {version:?} {has_index}: {text}");
            }
        }
    }
}

/// Reads a file that may be damaged: any end but a panic or an abort is fine.
fn survives(bytes: &[u8]) -> bool {
    let file = TestFile::of_bytes(bytes);
    let Ok(layer) = super::ParquetLayer::open(&file.path(), &OpenOptions::default()) else { return false };
    match read_layer(&layer, 10) {
        Ok(batch) => {
            for column in batch.columns() {
                column.to_data().validate_full().unwrap();
                if let Some(binary) = column.as_binary_opt::<i32>() {
                    for wkb in binary.iter().flatten() {
                        assert!(parcelle_geometry::scan(wkb).unwrap().is_canonical);
                    }
                }
            }
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// Numbers that are the same in each run.
fn random(mut state: u64) -> impl FnMut() -> usize {
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    }
}

#[test]
fn mutated_files_end_in_errors() {
    let bytes = small_file().bytes();
    assert!(survives(&bytes));
    let mut random = random(0x2545_F491_4F6C_DD1D);
    let runs = std::env::var("PARCELLE_MUTATIONS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(300);
    // Panics of the decoder are caught; their messages would drown the test's.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..runs {
            let mut mutated = bytes.clone();
            for _ in 0..=random() % 3 {
                let position = random() % mutated.len();
                mutated[position] = [0, 0xFF, 0x7F, 0x80, random() as u8][random() % 5];
            }
            survives(&mutated);
        }
    }));
    std::panic::set_hook(hook);
    assert!(outcome.is_ok());
}

/// Lines as lists of positions, with a list of numbers beside them.
fn native_lines() -> TestFile {
    let lengths: Vec<usize> = (0..40).map(|row| 2 + row % 3).collect();
    let count = lengths.iter().sum::<usize>();
    let ordinate = |factor: f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values((0..count).map(|position| position as f64 * factor)))
    };
    let fields =
        Fields::from(vec![Field::new("x", DataType::Float64, false), Field::new("y", DataType::Float64, false)]);
    let positions: ArrayRef = Arc::new(StructArray::new(fields, vec![ordinate(1.0), ordinate(0.5)], None));
    let lists = |name: &str, values: ArrayRef| -> ArrayRef {
        let field = Arc::new(Field::new(name, values.data_type().clone(), false));
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), values, None))
    };
    let (numbers, lines) = (lists("item", ordinate(2.0)), lists("vertices", positions));
    let batch = batch(vec![
        (Field::new("numbers", numbers.data_type().clone(), true), numbers),
        (Field::new("g", lines.data_type().clone(), true), lines),
    ]);
    TestFile::new(
        &batch,
        15,
        &[("geo", &geo("g", &json!({"encoding": "linestring", "geometry_types": ["LineString"]})))],
    )
}

/// Damage to columns that share lists is told of the whole as of its splits, and what is read of one is what is read of the others.
#[test]
fn damaged_lists_are_refused_in_splits_as_they_are_as_a_whole() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let seeds = ["lists_of_two_lengths", "more_values_than_rows"];
    let seeds = seeds.map(|name| std::fs::read(top.join("tests/fuzz/regressions/parquet").join(name)).unwrap());
    let sound = native_lines().bytes();
    let mut random = random(0x9E37_79B9_7F4A_7C15);
    let runs = std::env::var("PARCELLE_MUTATIONS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(300);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut different = Vec::new();
    for (seed, bytes) in seeds.iter().chain([&sound]).enumerate() {
        for run in 0..runs {
            let mut mutated = bytes.clone();
            // The first is as it is.
            for _ in 0..run.min(1 + run % 3) {
                let position = random() % mutated.len();
                mutated[position] = match random() % 3 {
                    0 => mutated[position] ^ 1 << (random() % 8),
                    1 => mutated[position].wrapping_add(1),
                    _ => random() as u8,
                };
            }
            let file = TestFile::of_bytes(&mutated);
            let (whole, splits) = (read(&file.path(), 1_000_000), read(&file.path(), 1));
            let is_same = match (&whole, &splits) {
                (Ok(whole), Ok(splits)) => whole == splits,
                (whole, splits) => whole.is_err() && splits.is_err(),
            };
            if !is_same {
                different.push(format!("seed {seed}, run {run}: {:?}, in splits {:?}", whole.err(), splits.err()));
            }
        }
    }
    std::panic::set_hook(hook);
    assert!(different.is_empty(), "{different:#?}");
}
