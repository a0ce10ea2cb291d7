//! The GeoParquet rules on bytes that nobody vouches for, and what only decoding tells.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
use parcelle_geoparquet::check::{CheckDepth, CheckOptions, CheckedFile, check};
use parcelle_storage::Memory;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/geoparquet").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn examine(bytes: Vec<u8>, depth: CheckDepth) -> CheckedFile {
    check(Arc::new(Memory::new(bytes)), "a.parquet", &CheckOptions { depth }).unwrap()
}

#[test]
fn cut_files_are_refused() {
    let bytes = fixture("good_1_1.parquet");
    for length in (0..bytes.len()).step_by(7) {
        let checked = examine(bytes[..length].to_vec(), CheckDepth::Everything);
        let [finding] = &checked.findings[..] else { panic!("{length}: {:?}", checked.findings) };
        let expected = if length < 4 { "GPQ-FILE-001" } else { "GPQ-FILE-002" };
        assert_eq!(finding.rule.id, expected, "{length}");
        assert!(checked.footer.is_none());
    }
}

#[test]
fn changed_bytes_end_in_findings() {
    // Panics of decoders are caught; their messages would drown the test's.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(|| {
        let mut state = 0x2545_F491_4F6C_DD1Du64;
        let mut random = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        let runs = std::env::var("PARCELLE_MUTATIONS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(300);
        for name in ["good_1_1.parquet", "good_2_0.parquet"] {
            let bytes = fixture(name);
            for _ in 0..runs {
                let mut mutated = bytes.clone();
                for _ in 0..=random() % 3 {
                    let position = random() % mutated.len();
                    mutated[position] = [0, 0xFF, 0x7F, 0x80, random() as u8][random() % 5];
                }
                for finding in examine(mutated, CheckDepth::Everything).findings {
                    assert!(!finding.message.is_empty() && !finding.fix.is_empty(), "{finding:?}");
                }
            }
        }
    });
    std::panic::set_hook(hook);
    assert!(outcome.is_ok());
}

/// A page that unpacks to more than it says is told, and not unpacked.
#[test]
fn pages_that_grow_are_findings() {
    let big: ArrayRef = Arc::new(BinaryArray::from(vec![&vec![7; 32 << 20][..]]));
    let batch = RecordBatch::try_from_iter([("geometry", big)]).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::GZIP(GzipLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None);
    let geo = r#"{"version":"1.1.0","primary_column":"geometry",
        "columns":{"geometry":{"encoding":"WKB","geometry_types":[]}}}"#;
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), geo.to_owned()));
    writer.write(&batch).unwrap();
    let start = writer.close().unwrap().row_group(0).column(0).data_page_offset() as usize;
    // The second number of the header, in four bytes: a hundred.
    bytes[start + 3..start + 7].copy_from_slice(&[0xC8, 0x81, 0x80, 0]);
    let checked = examine(bytes, CheckDepth::Everything);
    let told = checked.findings.iter().find(|finding| finding.rule.id == "GPQ-FILE-011");
    let told = &told.unwrap_or_else(|| panic!("{:?}", checked.findings)).message;
    assert!(told.ends_with("unpacks to more than the 100 that its header says"), "{told}");
}

#[test]
fn the_footer_is_read_by_one_request_of_its_end() {
    let checked = examine(fixture("good_1_1.parquet"), CheckDepth::Footer);
    // The first bytes, and the end.
    assert_eq!(checked.facts["header_requests"], 2);
    assert_eq!(checked.facts["requests"], 2);
    let footer = checked.footer.unwrap();
    assert_eq!(footer.rows(), 4);
    let boxes = footer.row_group_boxes();
    assert_eq!(boxes.len(), 1);
    assert_eq!(boxes[0].bbox, Some([652_000.0, 6_862_000.0, 652_190.0, 6_862_040.0]));
    let columns = footer.column_bytes();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "geometry", "bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"]);
    assert!(columns.iter().all(|column| column.bytes > 0 && column.codecs == ["none"]));
}
