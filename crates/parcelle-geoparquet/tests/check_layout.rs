//! Rules about the layout of files that are too large for a fixture, each planted by itself with another writer.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float32Array, Float64Array, Int64Array, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use parcelle_geoparquet::check::{CheckDepth, CheckOptions, Footer, check};
use parcelle_report::Outcome;
use parcelle_storage::{ByteSource, Memory, Usage};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use serde_json::{Value, json};

const GEO: &str = "geometry";

fn entry() -> Value {
    let corner = |name: &str| json!(["bbox", name]);
    json!({
        "version": "1.1.0",
        "primary_column": GEO,
        "columns": {GEO: {
            "encoding": "WKB",
            "geometry_types": ["Point"],
            "bbox": [0.0, 0.0, 90.0, 80.0],
            "covering": {"bbox": {"xmin": corner("xmin"), "ymin": corner("ymin"), "xmax": corner("xmax"), "ymax": corner("ymax")}},
        }},
    })
}

/// What a file is like that has nothing wrong, as far as its size allows.
fn sound() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()))
        .set_column_dictionary_enabled(ColumnPath::from(GEO), false)
        .set_column_statistics_enabled(ColumnPath::from(GEO), EnabledStatistics::None)
        .set_max_row_group_row_count(Some(50_000))
}

/// Points along a diagonal, so that row groups do not overlap, with boxes and `attributes` numbers each.
fn points(rows: usize, attributes: usize) -> RecordBatch {
    let places: Vec<f64> = (0..rows).map(|row| row as f64 / rows as f64 * 80.0).collect();
    let point = |place: &f64| [&[1, 1, 0, 0, 0][..], &place.to_le_bytes(), &place.to_le_bytes()].concat();
    let geometry: ArrayRef = Arc::new(BinaryArray::from_iter_values(places.iter().map(point)));
    let down = Arc::new(Float32Array::from_iter_values(places.iter().map(|place| (*place as f32).next_down())));
    let up = Arc::new(Float32Array::from_iter_values(places.iter().map(|place| (*place as f32).next_up())));
    let children: Fields =
        ["xmin", "ymin", "xmax", "ymax"].map(|name| Field::new(name, DataType::Float32, false)).into_iter().collect();
    let boxes: ArrayRef =
        Arc::new(StructArray::new(children.clone(), vec![down.clone() as ArrayRef, down, up.clone(), up], None));
    let mut fields =
        vec![Field::new(GEO, DataType::Binary, false), Field::new("bbox", DataType::Struct(children), false)];
    let mut columns = vec![geometry, boxes];
    for number in 0..attributes {
        fields.push(Field::new(format!("a{number}"), DataType::Int64, false));
        columns.push(Arc::new(Int64Array::from_iter_values((0..rows as i64).map(|row| row * 7919 % 100_003))));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn written(batch: &RecordBatch, geo: &Value, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let entry = KeyValue::new("geo".to_owned(), geo.to_string());
    let properties = properties.set_key_value_metadata(Some(vec![entry])).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// The rules that speak, beside that the reference system is left to be the usual one.
fn rules(source: Arc<dyn ByteSource>) -> Vec<&'static str> {
    let options = CheckOptions { depth: CheckDepth::Footer };
    let mut ids: Vec<_> =
        check(source, "a.parquet", &options).unwrap().findings.iter().map(|found| found.rule.id).collect();
    ids.dedup();
    ids
}

fn rules_of(batch: &RecordBatch, properties: WriterPropertiesBuilder) -> Vec<&'static str> {
    rules(Arc::new(Memory::new(written(batch, &entry(), properties))))
}

#[test]
fn each_layout_has_its_rule_and_no_other() {
    let batch = points(120_000, 2);
    assert_eq!(rules_of(&batch, sound()), [""; 0]);
    for (properties, expected) in [
        (sound().set_statistics_enabled(EnabledStatistics::Chunk), "GPQ-LAYOUT-004"),
        (sound().set_compression(Compression::UNCOMPRESSED), "GPQ-LAYOUT-005"),
        (sound().set_compression(Compression::SNAPPY), "GPQ-LAYOUT-006"),
        (sound().set_column_dictionary_enabled(ColumnPath::from(GEO), true), "GPQ-LAYOUT-007"),
        (
            ["a0", "a1"].into_iter().fold(sound(), |properties, name| {
                properties.set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::None)
            }),
            "GPQ-LAYOUT-009",
        ),
        (sound().set_data_page_row_count_limit(16).set_write_batch_size(16), "GPQ-LAYOUT-011"),
    ] {
        assert_eq!(rules_of(&batch, properties), [expected]);
    }
}

#[test]
fn one_row_group_of_many_rows_and_pages_as_wide() {
    let batch = points(600_000, 0);
    let one = || sound().set_max_row_group_row_count(Some(1_000_000));
    assert_eq!(rules_of(&batch, one()), ["GPQ-LAYOUT-001"]);
    // Closed by bytes alone: a page has 262,144 numbers.
    let wide = one().set_data_page_row_count_limit(usize::MAX).set_data_page_size_limit(1 << 20);
    assert_eq!(rules_of(&batch, wide), ["GPQ-LAYOUT-001", "GPQ-LAYOUT-011"]);
}

#[test]
fn a_footer_that_is_larger_than_what_it_describes() {
    let batch = points(1_500, 150);
    let found = rules_of(&batch, sound().set_max_row_group_row_count(Some(20)));
    assert!(found.contains(&"GPQ-LAYOUT-008"), "{found:?}");
}

/// A file with a hole before its footer.
struct Stretched {
    bytes: Vec<u8>,
    footer: u64,
    hole: u64,
}

impl ByteSource for Stretched {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.hole
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.len().min(offset.saturating_add(buffer.len() as u64));
        for (place, byte) in (offset..end).zip(buffer.iter_mut()) {
            *byte = if place < self.footer {
                self.bytes[place as usize]
            } else if place < self.footer + self.hole {
                0
            } else {
                self.bytes[(place - self.hole) as usize]
            };
        }
        Ok((end.saturating_sub(offset)) as usize)
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}

#[test]
fn more_than_two_gigabytes_are_worth_dividing() {
    let bytes = written(&points(120_000, 2), &entry(), sound());
    let footer = Footer::read(&Memory::new(bytes.clone())).unwrap().unwrap();
    let start = bytes.len() as u64 - footer.footer_bytes - 8;
    for (hole, expected) in [(2_000_000_000, &[][..]), (2_200_000_000, &["GPQ-LAYOUT-010"])] {
        let stretched = Stretched { bytes: bytes.clone(), footer: start, hole };
        assert_eq!(rules(Arc::new(stretched)), expected);
    }
}

#[test]
fn geoarrow_is_no_geometry_to_duckdb() {
    let ordinates: ArrayRef = Arc::new(Float64Array::from_iter_values((0..100).map(f64::from)));
    let children: Fields = ["x", "y"].map(|name| Field::new(name, DataType::Float64, false)).into_iter().collect();
    let geometry: ArrayRef = Arc::new(StructArray::new(children.clone(), vec![ordinates.clone(), ordinates], None));
    let schema = Schema::new(vec![Field::new(GEO, DataType::Struct(children), false)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![geometry]).unwrap();
    let mut geo = entry();
    geo["columns"][GEO]["encoding"] = json!("point");
    geo["columns"][GEO]["bbox"] = json!([0.0, 0.0, 99.0, 99.0]);
    geo["columns"][GEO].as_object_mut().unwrap().remove("covering");
    let bytes = written(&batch, &geo, sound());
    let checked = check(Arc::new(Memory::new(bytes)), "a.parquet", &CheckOptions::default()).unwrap();
    assert!(checked.findings.iter().any(|found| found.rule.id == "GPQ-READ-001"), "{:?}", checked.findings);
    let answers: Vec<_> = checked.compatibility.iter().map(|answer| (answer.target.as_str(), answer.outcome)).collect();
    assert_eq!(answers, [("gdal", Outcome::Reads), ("duckdb", Outcome::Fails), ("geoserver", Outcome::Fails)]);
}

#[test]
fn geospatial_statistics_that_make_no_box() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/geoparquet/good_2_0.parquet");
    let good = std::fs::read(path).unwrap();
    let footer = Footer::read(&Memory::new(good.clone())).unwrap().unwrap();
    let [_, low, _, high] = footer.row_group_boxes()[0].bbox.unwrap();
    let start = good.len() - footer.footer_bytes as usize - 8;
    // The text of the entry has them, too, as decimals; the bits stand in the statistics alone.
    let bits = low.to_le_bytes();
    let place = (start..good.len() - 8).find(|place| good[*place..].starts_with(&bits)).unwrap();
    for wrong in [high + 1.0, f64::NAN] {
        let mut bad = good.clone();
        bad[place..place + 8].copy_from_slice(&wrong.to_le_bytes());
        let found = rules(Arc::new(Memory::new(bad)));
        assert!(found.contains(&"GPQ-BBOX-007"), "{wrong}: {found:?}");
    }
    assert!(!rules(Arc::new(Memory::new(good))).contains(&"GPQ-BBOX-007"));
}
