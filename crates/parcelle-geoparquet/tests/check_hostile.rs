//! The GeoParquet rules on bytes that nobody vouches for, and what only decoding tells.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

use std::path::PathBuf;
use std::sync::Arc;

use parcelle_geoparquet::check::{CheckDepth, CheckOptions, CheckedFile, check};
use parcelle_storage::Memory;

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
