//! Whole files through the layer.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use parcelle_geometry::{from_wkt, scan};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::csv::CsvLayer;
use crate::error::SourceError;
use crate::{Interrupt, Layer, OpenOptions, Reader, layers, open};

fn write(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn read(layer: &dyn Layer, target: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for (index, split) in layer.splits(target)?.iter().enumerate() {
        assert_eq!(split.index, index);
        layer.read(split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

fn open_text(text: impl AsRef<[u8]>, options: &OpenOptions) -> Result<(Box<dyn Layer>, TempDir), SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "táble 1.csv", text);
    open(&path, options).map(|layer| (layer, folder))
}

fn read_text(text: impl AsRef<[u8]>) -> Result<RecordBatch, SourceError> {
    let (layer, _folder) = open_text(text, &OpenOptions::default())?;
    let batch = read(layer.as_ref(), 1000)?;
    assert_eq!(layer.row_count_hint(), Some(batch.num_rows() as u64));
    Ok(batch)
}

fn error_of(text: impl AsRef<[u8]>) -> String {
    read_text(text).map(|batch| batch.num_rows()).unwrap_err().to_string()
}

fn wkb(wkt: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_wkt(wkt.as_bytes(), &mut out).unwrap();
    out
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

fn geometries(batch: &RecordBatch, name: &str) -> Vec<Option<Vec<u8>>> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    column.as_binary::<i32>().iter().map(|wkb| wkb.map(<[u8]>::to_vec)).collect()
}

fn crs_metadata(batch: &RecordBatch, name: &str) -> String {
    let schema = batch.schema();
    schema.field_with_name(name).unwrap().metadata().get("ARROW:extension:metadata").cloned().unwrap_or_default()
}

#[test]
fn a_table_with_all_types() {
    let text = "\u{feff}id;insee;tel;wkt;h;b;d;t;z;void;note\r\n\
        1;01234;+33;POINT(1 2);1.5;true;2024-02-29;2024-02-29T10:00;2024-02-29T10:00:00Z;;\"\"\r\n\
        \r\n\
        -2;2A004;0612;;;FALSE;;2024-02-28;;;\"a \"\"b\"\"\r\nc;d\"\r\n\
        9223372036854775807;75056;;\"POLYGON((0 0,1 0,1 1,0 0))\";2;;2024-03-01;;;;NA";
    let batch = read_text(text).unwrap();
    assert_eq!(batch.num_rows(), 3);
    let schema = batch.schema();
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    let time = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    assert_eq!(
        types,
        [
            DataType::Int64,
            DataType::Utf8,
            DataType::Utf8,
            DataType::Binary,
            DataType::Float64,
            DataType::Boolean,
            DataType::Date32,
            time(None),
            time(Some("UTC")),
            DataType::Utf8,
            DataType::Utf8,
        ]
    );
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, -2, i64::MAX]);
    assert_eq!(texts(&batch, "insee"), some(&["01234", "2A004", "75056"]));
    assert_eq!(texts(&batch, "tel"), [some(&["+33", "0612"]), vec![None]].concat());
    let heights = batch.column(4).as_primitive::<Float64Type>();
    assert_eq!((heights.value(0), heights.is_null(1), heights.value(2)), (1.5, true, 2.0));
    assert_eq!(texts(&batch, "note"), some(&["", "a \"b\"\r\nc;d", "NA"]));
    assert_eq!(texts(&batch, "void"), [None, None, None]);
    let expected = [Some(wkb("POINT(1 2)")), None, Some(wkb("POLYGON((0 0,1 0,1 1,0 0))"))];
    assert_eq!(geometries(&batch, "wkt"), expected);
    assert_eq!(crs_metadata(&batch, "wkt"), "");
}

#[test]
fn ends_of_lines_and_delimiters() {
    for (delimiter, end) in [(',', "\n"), (';', "\r\n"), ('\t', "\r"), ('|', "\n\n\n"), (';', "\r\n\r\n")] {
        let lines = ["a,wkt,b", "1,POINT(1 2),x", "2,\"POINT(3 4)\",\"y\""]
            .map(|line| line.replace(',', &delimiter.to_string()));
        for last in [end, ""] {
            let batch = read_text(format!("{}{last}", lines.join(end))).unwrap();
            assert_eq!(geometries(&batch, "wkt"), [Some(wkb("POINT(1 2)")), Some(wkb("POINT(3 4)"))]);
            assert_eq!(texts(&batch, "b"), some(&["x", "y"]));
        }
    }
}

#[test]
fn geometry_in_all_its_spellings() {
    let point = Some(wkb("POINT(1 2)"));
    for (text, name, crs) in [
        ("the_geom\nPOINT (1 2)\n", "the_geom", ""),
        ("id,GEOM\n1,SRID=2154;POINT(1 2)\n2,\n", "GEOM", "RGF93"),
        ("id,wkb_geometry\n1,0101000020110F0000000000000000F03F0000000000000040\n", "wkb_geometry", "Pseudo-Mercator"),
        ("id,wkb\n1,00000000013ff00000000000004000000000000000\n", "wkb", ""),
        ("id,Geo Shape\n1,\"{\"\"type\"\":\"\"Point\"\",\"\"coordinates\"\":[1,2]}\"\n", "Geo Shape", "CRS84"),
        ("id,X,Y\n1,1,2\n", "geometry", ""),
        ("id;lon;lat\n1;+01.0;2\n", "geometry", "CRS84"),
        ("geometry,lon,lat\nPoint,1,2\n", "geometry_2", "CRS84"),
        ("id,geo_point_2d\n1,\"2, 1\"\n", "geometry", "CRS84"),
        ("x,y,lon,lat\n700000,6600000,1,2\n", "geometry", "CRS84"),
        ("id,lon,lat,wkt\n1,8,9,POINT(1 2)\n", "wkt", ""),
        ("id,lon,lat,wkt\n1,1,2,\n", "geometry", "CRS84"),
    ] {
        let batch = read_text(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(geometries(&batch, name)[0], point, "{text}");
        let metadata = crs_metadata(&batch, name);
        assert!(metadata.contains(crs) && metadata.contains("crs") != crs.is_empty(), "{text}: {metadata}");
    }
    let batch = read_text("id,x,y\n1,1.5,2\n2,,\n").unwrap();
    assert_eq!(geometries(&batch, "geometry"), [Some(wkb("POINT(1.5 2)")), None]);
    assert_eq!(batch.column(1).as_primitive::<Float64Type>().value(0), 1.5);
    // Without rows the name decides.
    assert_eq!(read_text("id,x,y\n").unwrap().num_rows(), 0);
    assert_eq!(read_text("wkt,id").unwrap().schema().field(0).name(), "wkt");
}

#[test]
fn what_is_wrong_is_said() {
    for (text, parts) in [
        ("", &["is empty", "name the columns"][..]),
        ("\n\n", &["is empty"]),
        ("a,b\n1,2\n", &["no column holds geometry", "a, b", "lon/lat", "the_geom"]),
        ("1.5,2.5\n1,2\n", &["looks like data", "column 1", "\"1.5\""]),
        ("id,wkt\n1,POINT(1 2)\n\n\"x\n\",POINT(1 2),3\n", &["line 4", "3 fields", "2 columns"]),
        ("id,wkt\n1,POINT(1 2)\n2\n", &["line 3", "1 fields", "2 columns"]),
        ("id,wkt\n1,POINT(1 2)\n2,\"POINT(1 2)\n", &["line 3", "never closed"]),
        ("id,wkt\n1,POINT(1 2)\n2,\"POINT(1 2)\"x\n", &["line 3", "closing quote"]),
        ("id,wkt\n1,POINT(1 2)\n2,POINT(1 x)\n", &["line 3", "column wkt", "WKT", "number expected at byte 8"]),
        ("id,wkt\n1,POINT(1 2)\n2,n/a\n", &["line 3", "column wkt", "leave it empty"]),
        ("id,wkt\n1,\"CIRCULARSTRING(0 0,1 1,2 0)\"\n", &["line 2", "CircularString", "(--linearize)"]),
        ("id,wkb\n1,0101000000000000000000F03F\n", &["line 2", "cut off"]),
        ("id,wkb\n1,0101000000000000000000F03Fé\n", &["line 2", "hexadecimal"]),
        ("id,geometry\n1,\n2,Point\n", &["line 3", "column geometry", "\"Point\" is no WKT", "leave it empty"]),
        ("id,geo_point\n1,\"48, 200\"\n", &["line 2", "48, 200", "latitude, longitude"]),
        ("id;x;y\n1;1,5;2,5\n", &["line 2", "column x", "1,5", "decimal comma", "tr ',' '.'"]),
        ("id,x,y\n1,1,2\n2,n/a,3\n", &["line 3", "column x", "n/a", "no coordinate"]),
        ("id,x,y\n1,1,2\n2,,3\n", &["line 3", "one coordinate without the other"]),
        ("id,lon,lat\n1,650000,6800000\n", &["longitude", "650000", "--crs"]),
        ("id,wkt\n1,SRID=2154;POINT(1 2)\n2,POINT(1 2)\n", &["different SRIDs", "2154", "none", "--crs"]),
        ("id,wkt\n1,SRID=999999;POINT(1 2)\n", &["999999", "--crs"]),
    ] {
        let error = error_of(text);
        for part in
            parts.iter().chain(if text.contains("SRID") || text.contains("lon,") { &[][..] } else { &["táble 1.csv"] })
        {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
    }
    for (bytes, parts) in [
        (&b"id,wkt,name\n1,POINT(1 2),caf\xe9\n"[..], &["line 2", "column 3", "iconv -f WINDOWS-1252"][..]),
        (b"id,wkt\n1,POINT(1 2)\n\x00\x00\x00,\x00\n", &["line 3", "column 1", "NUL"]),
        (b"\xff\xfei\0d\0", &["UTF-16", "iconv"]),
        (b"i\0d\0,\0w\0", &["UTF-16LE", "iconv"]),
        (b"id,na\xefve\n1,2\n", &["line 1", "column 2", "iconv"]),
    ] {
        let error = error_of(bytes);
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    }
}

#[test]
fn columns_are_chosen_before_they_are_read() {
    let text = "id,x,y,name\n1,1,2,a\n";
    let select = |names: &[&str]| OpenOptions {
        select: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        crs: Some("EPSG:2154".into()),
        ..OpenOptions::default()
    };
    let (layer, _folder) = open_text(text, &select(&["name", "y"])).unwrap();
    let batch = read(layer.as_ref(), 10).unwrap();
    let schema = batch.schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["y", "name", "geometry"]);
    assert!(crs_metadata(&batch, "geometry").contains("2154"));
    let error = open_text(text, &select(&["nam"])).map(|_| ()).unwrap_err();
    assert!(matches!(&error, SourceError::UnknownColumn { suggestion: Some(name), .. } if name == "name"), "{error}");
    let other = OpenOptions { layer: Some("other".into()), ..OpenOptions::default() };
    assert!(matches!(open_text(text, &other).map(|_| ()), Err(SourceError::UnknownLayer { .. })));
}

#[test]
fn extensions_and_layers() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.CSV", "a.tsv", "a.psv", "a.txt"] {
        let path = write(&folder, name, "id\twkt\n1\tPOINT(1 2)\n2\tPOINT(1 2)\n");
        let layer = open(&path, &OpenOptions { reader: Reader::Native, ..OpenOptions::default() }).unwrap();
        assert_eq!((layer.name(), layer.driver(), layer.row_count_hint()), ("a", "CSV", Some(2)));
        let info = layers(&path, Reader::Native).unwrap();
        assert_eq!(
            (info.len(), info[0].name.as_str(), info[0].geometry.is_some(), info[0].fields.len()),
            (1, "a", true, 2)
        );
    }
}

#[test]
fn a_file_that_changes_is_noticed() {
    let (layer, folder) = open_text("id,wkt\n1,POINT(1 2)\n", &OpenOptions::default()).unwrap();
    write(&folder, "táble 1.csv", "id,wkt\n1,POINT(1 2)\n2,POINT(3 4)\n");
    assert!(matches!(read(layer.as_ref(), 10), Err(SourceError::Changed { .. })));
    write(&folder, "táble 1.csv", "id");
    assert!(matches!(read(layer.as_ref(), 10), Err(SourceError::Changed { .. })));
}

#[test]
fn opening_can_be_interrupted() {
    let interrupt = Interrupt::on(Arc::new(AtomicBool::new(true)));
    let options = OpenOptions { interrupt, ..OpenOptions::default() };
    let opened = open_text("id,wkt\n1,POINT(1 2)\n", &options).map(|_| ());
    assert_eq!(opened.unwrap_err(), SourceError::Interrupted);
}

#[test]
fn hostile_files_end_in_errors_or_rows() {
    let row = "1,POINT(1 2)\n";
    let unclosed = format!("id,wkt\n{}2,\"POINT(1 2)\n{}", row.repeat(80_000), row.repeat(600_000));
    let error = error_of(unclosed);
    assert!(error.contains("line 80002") && error.contains("never closed"), "{error}");
    let long = "x".repeat(5_000_000);
    let batch = read_text(format!("id,wkt\n{long},POINT(1 2)\n\"{long}\n\"\"\",POINT(1 2)\n")).unwrap();
    assert_eq!(texts(&batch, "id"), [Some(long.clone()), Some(format!("{long}\n\""))]);
    let columns: Vec<String> = (0..10_000).map(|number| format!("c{number}")).collect();
    let values = vec!["7"; 10_000].join(",");
    let batch = read_text(format!("wkt,{}\nPOINT(1 2),{values}\nPOINT(1 2),{values}\n", columns.join(","))).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 10_001));
    assert!(error_of(",".repeat(200_000)).contains("columns, more than"));
    assert!(error_of(format!("id,wkt\n{}\n", ",".repeat(3_000_000))).contains("3000001 fields"));
    let same = vec!["a"; 50_000].join(",");
    assert!(error_of(format!("{same}\n")).contains("no column"));
    let text = "id,wkt,n\n1,\"POINT(1 2)\",x\n\"2\",POINT(3 4),\"y\"\"z\"\n";
    let folder = tempfile::tempdir().unwrap();
    let survives = |bytes: &[u8]| {
        let path = write(&folder, "t.csv", bytes);
        if let Ok(layer) = open(&path, &OpenOptions { threads: 1, ..OpenOptions::default() }) {
            let _ = read(layer.as_ref(), 1);
        }
    };
    (0..text.len()).for_each(|length| survives(&text.as_bytes()[..length]));
    let mut seed = 11u64;
    for _ in 0..500 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let position = (seed >> 33) as usize % bytes.len();
            bytes[position] = b"\"\",;\n\r(0 .x\xff\0{"[(seed >> 20) as usize % 14];
        }
        survives(&bytes);
    }
}

/// Text whose lines look like records, so that guesses where a chunk begins are wrong.
#[test]
fn lines_within_fields_are_not_taken_for_records() {
    let inner = "7,POINT(8 9)\n".repeat(300);
    let text = format!("id,wkt\n{}", format!("\"{inner}\",POINT(1 2)\n3,POINT(1 2)\n").repeat(5));
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "t.csv", &text);
    for chunk in [1, 7, 100, 4096, 1 << 20] {
        let layer =
            CsvLayer::open_in_chunks(&path, &OpenOptions { threads: 3, ..OpenOptions::default() }, chunk).unwrap();
        assert_eq!(layer.row_count_hint(), Some(10), "{chunk}");
        let batch = read(&layer, 1).unwrap();
        assert_eq!(texts(&batch, "id")[..2], [Some(inner.clone()), Some("3".to_owned())], "{chunk}");
    }
}

#[test]
fn splits_are_about_as_large_as_asked() {
    let text = format!("id,wkt\n{}", "1,POINT(1 2)\n".repeat(10_000));
    let (layer, _folder) = open_text(&text, &OpenOptions::default()).unwrap();
    for (target, count) in [(1, 20), (1000, 19), (1024, 10), (3000, 4), (10_000, 1), (1_000_000, 1)] {
        let splits = layer.splits(target).unwrap();
        assert_eq!(splits.len(), count, "{target}");
        assert_eq!(read(layer.as_ref(), target).unwrap().num_rows(), 10_000);
    }
}

/// A table of texts, and how to quote each.
fn tables() -> impl Strategy<Value = (Vec<Vec<(String, bool)>>, char, &'static str)> {
    let cell = prop_oneof![
        "[a-z \"',;|\t\r\nàé0-9.-]{0,12}",
        "-?[0-9]{1,4}(\\.[0-9])?",
        Just("true".to_owned()),
        Just("2024-01-01".to_owned()),
        Just(String::new()),
    ];
    let row = prop::collection::vec((cell, any::<bool>()), 4);
    (
        prop::collection::vec(row, 0..60),
        prop::sample::select(vec![',', ';', '\t', '|']),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
    )
}

fn render(rows: &[Vec<(String, bool)>], delimiter: char, end: &str) -> String {
    let mut text = ["wkt", "a", "b", "c", "d"].join(&delimiter.to_string()) + end;
    for (number, row) in rows.iter().enumerate() {
        text += &format!("POINT({number} 2)");
        for (value, quoted) in row {
            text.push(delimiter);
            let needs = value.contains([delimiter, '\n', '\r']) || value.starts_with('"');
            if *quoted || needs {
                text += &format!("\"{}\"", value.replace('"', "\"\""));
            } else {
                text += value;
            }
        }
        text += end;
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_table_comes_back((rows, delimiter, end) in tables(), chunk in 1u64..400, threads in 1usize..4) {
        let folder = tempfile::tempdir().unwrap();
        // A first row of plain text makes the columns text, so that they come back as they were written.
        let mut rows = rows;
        rows.insert(0, vec![("text".to_owned(), false); 4]);
        let path = write(&folder, "t.csv", render(&rows, delimiter, end));
        let options = OpenOptions { threads, ..OpenOptions::default() };
        let layer = CsvLayer::open_in_chunks(&path, &options, chunk).unwrap();
        prop_assert_eq!(layer.row_count_hint(), Some(rows.len() as u64));
        let batch = read(&layer, 7).unwrap();
        for (column, name) in ["a", "b", "c", "d"].iter().enumerate() {
            let expected: Vec<_> = rows.iter().map(|row| {
                let (value, quoted) = &row[column];
                (*quoted || !value.is_empty()).then(|| value.clone())
            }).collect();
            prop_assert_eq!(texts(&batch, name), expected);
        }
        let points: Vec<_> = (0..rows.len()).map(|number| Some(wkb(&format!("POINT({number} 2)")))).collect();
        prop_assert_eq!(geometries(&batch, "wkt"), points);
    }

    #[test]
    fn chunks_and_threads_change_nothing(
        (rows, delimiter, end) in tables(), cut in 0.0..1.0f64, chunk in 1u64..400, threads in 1usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text = render(&rows, delimiter, end);
        let mut length = (text.len() as f64 * (0.5 + cut)) as usize;
        length = length.min(text.len());
        while !text.is_char_boundary(length) { length -= 1; }
        let path = write(&folder, "t.csv", &text[..length]);
        let of = |chunk, threads| {
            let layer = CsvLayer::open_in_chunks(&path, &OpenOptions { threads, ..OpenOptions::default() }, chunk)?;
            read(&layer, 7)
        };
        prop_assert_eq!(of(chunk, threads), of(1 << 20, 1));
    }
}

#[test]
fn gdal_reads_the_same() {
    if cfg!(not(feature = "gdal")) {
        return;
    }
    let text = "id,WKT,name,h\n1,\"POLYGON((0 0,1 0,1 1,0 0))\",\"a,b\",1.5\n2,POINT(1 2),c,2\n";
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "t.csv", text);
    let [native, gdal] = [Reader::Native, Reader::Gdal].map(|reader| {
        let layer = open(&path, &OpenOptions { reader, ..OpenOptions::default() }).unwrap();
        read(layer.as_ref(), 10).unwrap()
    });
    assert_eq!(texts(&native, "name"), texts(&gdal, "name"));
    let of_gdal = gdal.columns().iter().rev().find_map(|column| column.as_binary_opt::<i32>()).unwrap();
    let expected: Vec<_> = of_gdal.iter().map(|wkb| wkb.map(<[u8]>::to_vec)).collect();
    assert_eq!(geometries(&native, "WKT"), expected);
    assert!(expected.iter().flatten().all(|wkb| scan(wkb).is_ok()));
}

#[test]
fn a_file_needs_an_extension_to_be_known() {
    assert!(!crate::csv::recognises(Path::new("csv"), b""));
    assert!(!crate::csv::recognises(Path::new(".csv"), b""));
}
