//! The reader on Shapefiles made to measure.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type};
use tempfile::TempDir;

use crate::error::{GeometryReason, SourceError};
use crate::{Layer, OpenOptions, Reader, Window, layers, open};

const NONE: f64 = -1.797_693_134_862_315_7e308;

fn read(layer: &dyn Layer, target: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for split in layer.splits(target)? {
        layer.read(&split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

fn native() -> OpenOptions {
    OpenOptions { reader: Reader::Native, ..OpenOptions::default() }
}

fn read_file(path: &Path) -> Result<RecordBatch, SourceError> {
    read(open(path, &native())?.as_ref(), 3)
}

/// `.shp` and `.shx` of shapes without their headers.
fn shp(code: u32, shapes: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let header = |bytes: usize| {
        let mut header = vec![0; 100];
        header[..4].copy_from_slice(&9994u32.to_be_bytes());
        header[24..28].copy_from_slice(&(bytes as u32 / 2).to_be_bytes());
        header[28..32].copy_from_slice(&1000u32.to_le_bytes());
        header[32..36].copy_from_slice(&code.to_le_bytes());
        header
    };
    let mut shp = header(100 + shapes.iter().map(|shape| shape.len() + 8).sum::<usize>());
    let mut shx = header(100 + 8 * shapes.len());
    for (index, shape) in shapes.iter().enumerate() {
        shx.extend((shp.len() as u32 / 2).to_be_bytes());
        shx.extend((shape.len() as u32 / 2).to_be_bytes());
        shp.extend((index as u32 + 1).to_be_bytes());
        shp.extend((shape.len() as u32 / 2).to_be_bytes());
        shp.extend(shape);
    }
    (shp, shx)
}

/// A `.dbf` of fields (name, type, width, decimals) and whole records with their marks.
fn dbf(fields: &[(&str, u8, u8, u8)], records: &[&str], language_driver: u8) -> Vec<u8> {
    let width: usize = fields.iter().map(|(_, _, width, _)| usize::from(*width)).sum::<usize>() + 1;
    let mut dbf = vec![3, 124, 1, 1];
    dbf.extend((records.len() as u32).to_le_bytes());
    dbf.extend((33 + 32 * fields.len() as u16).to_le_bytes());
    dbf.extend((width as u16).to_le_bytes());
    dbf.resize(32, 0);
    dbf[29] = language_driver;
    for (name, type_code, width, decimals) in fields {
        let mut field = name.as_bytes().to_vec();
        field.resize(32, 0);
        (field[11], field[16], field[17]) = (*type_code, *width, *decimals);
        dbf.extend(field);
    }
    dbf.push(0x0D);
    for record in records {
        let mut bytes: Vec<u8> = record.chars().map(|letter| letter as u8).collect();
        assert!(bytes.len() <= width, "{record:?}");
        bytes.resize(width, b' ');
        dbf.extend(bytes);
    }
    dbf
}

fn write(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn numbers(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn point(x: f64, y: f64) -> Vec<u8> {
    [1u32.to_le_bytes().to_vec(), numbers(&[x, y])].concat()
}

/// A shape of parts; `z` and `m` follow where given.
fn parts(code: u32, parts: &[&[(f64, f64)]], z: Option<&[f64]>, m: Option<&[f64]>) -> Vec<u8> {
    let positions: Vec<f64> = parts.iter().flat_map(|part| part.iter().flat_map(|(x, y)| [*x, *y])).collect();
    let extreme =
        |start: usize, pick: fn(f64, f64) -> f64| positions.iter().copied().skip(start).step_by(2).fold(f64::NAN, pick);
    let mut shape = code.to_le_bytes().to_vec();
    shape.extend(numbers(&[extreme(0, f64::min), extreme(1, f64::min), extreme(0, f64::max), extreme(1, f64::max)]));
    shape.extend((parts.len() as u32).to_le_bytes());
    shape.extend((positions.len() as u32 / 2).to_le_bytes());
    let mut start = 0u32;
    for part in parts {
        shape.extend(start.to_le_bytes());
        start += part.len() as u32;
    }
    shape.extend(numbers(&positions));
    for ordinates in [z, m].into_iter().flatten() {
        shape.extend(numbers(&[0.0, 0.0]));
        shape.extend(numbers(ordinates));
    }
    shape
}

fn multi_point(code: u32, positions: &[(f64, f64)], z: Option<&[f64]>, m: Option<&[f64]>) -> Vec<u8> {
    let mut shape = parts(code, &[positions], z, m);
    // There are no parts: neither their number nor where they start.
    shape.drain(44..48);
    shape.drain(36..40);
    shape
}

/// A geometry as text, by the definition of WKB.
fn text(wkb: &[u8]) -> String {
    fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
        let (head, rest) = bytes.split_at(N);
        *bytes = rest;
        head.try_into().unwrap()
    }
    fn positions(bytes: &mut &[u8], count: u32, size: u32) -> String {
        let one = |bytes: &mut &[u8]| {
            (0..size).map(|_| f64::from_le_bytes(take(bytes)).to_string()).collect::<Vec<_>>().join(" ")
        };
        (0..count).map(|_| one(bytes)).collect::<Vec<_>>().join(",")
    }
    fn geometry(bytes: &mut &[u8]) -> String {
        assert_eq!(take::<1>(bytes), [1]);
        let code = u32::from_le_bytes(take(bytes));
        let size = [2, 3, 3, 4][code as usize / 1000];
        let count = |bytes: &mut &[u8]| u32::from_le_bytes(take(bytes));
        let inner = match code % 1000 {
            1 => positions(bytes, 1, size),
            2 => {
                let points = count(bytes);
                positions(bytes, points, size)
            }
            3 => {
                let ring = |bytes: &mut &[u8]| {
                    let points = count(bytes);
                    format!("({})", positions(bytes, points, size))
                };
                (0..count(bytes)).map(|_| ring(bytes)).collect()
            }
            _ => (0..count(bytes)).map(|_| geometry(bytes)).collect::<Vec<_>>().join(" "),
        };
        format!("{code}[{inner}]")
    }
    let mut rest = wkb;
    let text = geometry(&mut rest);
    assert!(rest.is_empty());
    assert!(parcelle_geometry::scan(wkb).unwrap().is_canonical);
    text
}

/// The geometries of a Shapefile without table.
fn geometries(code: u32, shapes: &[Vec<u8>]) -> Result<Vec<Option<String>>, SourceError> {
    let folder = tempfile::tempdir().unwrap();
    let (shp, shx) = shp(code, shapes);
    write(&folder, "a.shx", &shx);
    let batch = read_file(&write(&folder, "a.shp", &shp))?;
    let column = batch.column_by_name("geometry").unwrap().as_binary::<i32>();
    Ok(column.iter().map(|wkb| wkb.map(text)).collect())
}

fn one(shape: Vec<u8>) -> String {
    let code = u32::from_le_bytes(shape[..4].try_into().unwrap());
    geometries(code, &[shape]).unwrap().remove(0).unwrap_or("NULL".into())
}

/// A square with a corner, clockwise or not.
fn square(x: f64, y: f64, size: f64, clockwise: bool) -> Vec<(f64, f64)> {
    let mut ring = vec![(x, y), (x, y + size), (x + size, y + size), (x + size, y), (x, y)];
    if !clockwise {
        ring.reverse();
    }
    ring
}

#[test]
fn every_type_of_shape() {
    let null = 0u32.to_le_bytes().to_vec();
    assert_eq!(
        geometries(1, &[point(1.0, 2.0), null, point(3.0, 4.0)]).unwrap(),
        [Some("1[1 2]".into()), None, Some("1[3 4]".into())]
    );
    let with = |code: u32, values: &[f64]| one([code.to_le_bytes().to_vec(), numbers(values)].concat());
    assert_eq!(with(11, &[1.0, 2.0, 3.0, 4.0]), "3001[1 2 3 4]");
    assert_eq!(with(11, &[1.0, 2.0, 3.0, NONE]), "1001[1 2 3]");
    assert_eq!(with(11, &[1.0, 2.0, 3.0]), "1001[1 2 3]");
    assert_eq!(with(21, &[1.0, 2.0, 4.0]), "2001[1 2 4]");
    assert_eq!(with(21, &[1.0, 2.0, NONE]), "1[1 2]");
    let line: &[(f64, f64)] = &[(0.0, 0.0), (1.0, 2.0)];
    let other: &[(f64, f64)] = &[(5.0, 5.0), (6.0, 6.0)];
    assert_eq!(one(parts(3, &[line], None, None)), "2[0 0,1 2]");
    assert_eq!(one(parts(3, &[line, other], None, None)), "5[2[0 0,1 2] 2[5 5,6 6]]");
    assert_eq!(one(parts(3, &[&[], line, &[]], None, None)), "2[0 0,1 2]");
    assert_eq!(one(parts(3, &[], None, None)), "NULL");
    assert_eq!(one(parts(13, &[line], Some(&[7.0, 8.0]), None)), "1002[0 0 7,1 2 8]");
    assert_eq!(one(parts(13, &[line], Some(&[7.0, 8.0]), Some(&[NONE, NONE]))), "1002[0 0 7,1 2 8]");
    assert_eq!(one(parts(13, &[line], Some(&[7.0, 8.0]), Some(&[NONE, 9.0]))), "3002[0 0 7 NaN,1 2 8 9]");
    assert_eq!(one(parts(23, &[line], None, Some(&[1.5, 9.0]))), "2002[0 0 1.5,1 2 9]");
    assert_eq!(one(multi_point(8, line, None, None)), "4[1[0 0] 1[1 2]]");
    assert_eq!(one(multi_point(18, line, Some(&[7.0, 8.0]), None)), "1004[1001[0 0 7] 1001[1 2 8]]");
    assert_eq!(one(multi_point(28, line, None, Some(&[7.0, 8.0]))), "2004[2001[0 0 7] 2001[1 2 8]]");
    assert_eq!(one(multi_point(8, &[], None, None)), "NULL");
    let ring = square(0.0, 0.0, 1.0, true);
    assert_eq!(one(parts(15, &[&ring], Some(&[3.0; 5]), None)), "1003[(0 0 3,0 1 3,1 1 3,1 0 3,0 0 3)]");
}

#[test]
fn rings_find_their_polygon() {
    let shape =
        |rings: &[Vec<(f64, f64)>]| one(parts(5, &rings.iter().map(Vec::as_slice).collect::<Vec<_>>(), None, None));
    // Rings by their first position.
    let outline = |rings: &[Vec<(f64, f64)>]| {
        let text = shape(rings);
        let rest = |ring: &str| ring.split(',').next().unwrap().to_owned();
        text.split('(').map(rest).collect::<Vec<_>>().join("(")
    };
    let (big, far) = (square(0.0, 0.0, 10.0, true), square(100.0, 0.0, 10.0, true));
    let hole = square(1.0, 1.0, 2.0, false);
    let island = square(1.5, 1.5, 1.0, true);
    let in_island = square(1.75, 1.75, 0.25, false);
    let in_far = square(101.0, 1.0, 2.0, false);
    let nowhere = square(200.0, 1.0, 2.0, false);
    assert_eq!(shape(&[square(0.0, 0.0, 1.0, false)]), "3[(0 0,1 0,1 1,0 1,0 0)]", "direction is kept");
    assert_eq!(outline(&[big.clone(), hole.clone()]), "3[(0 0(1 1");
    assert_eq!(outline(&[hole.clone(), big.clone()]), "3[(0 0(1 1", "a hole may come first");
    assert_eq!(outline(&[big.clone(), far.clone()]).matches("(").count(), 2);
    assert!(shape(&[big.clone(), far.clone()]).starts_with("6[3[(0 0"));
    let all = [big.clone(), far.clone(), in_far, hole.clone(), island, in_island];
    let found = shape(&all);
    let polygons: Vec<_> = found.split("3[").skip(1).map(|polygon| polygon.matches('(').count()).collect();
    assert_eq!(polygons, [2, 2, 2], "{found}");
    assert!(found.contains("(1.5 1.5,") && found.split("3[").nth(3).unwrap().contains("(1.75 1.75,"), "{found}");
    // No clockwise ring around it: it is an outer one.
    assert_eq!(shape(&[big.clone(), nowhere]).matches("3[").count(), 2);
    assert_eq!(shape(&[square(0.0, 0.0, 1.0, false), square(5.0, 0.0, 1.0, false)]).matches("3[").count(), 2);
    // A hole that touches its outer ring with each corner.
    let touching = vec![(5.0, 0.0), (10.0, 5.0), (5.0, 10.0), (0.0, 5.0), (5.0, 0.0)];
    assert_eq!(shape(&[big.clone(), touching]).matches('(').count(), 2);
    assert!(shape(&[big, hole]).starts_with("3["));
}

#[test]
fn shapes_that_are_none() {
    let ring = square(0.0, 0.0, 1.0, true);
    let good = parts(5, &[&ring], None, None);
    let changed = |at: usize, value: u32| {
        let mut shape = good.clone();
        shape[at..at + 4].copy_from_slice(&value.to_le_bytes());
        geometries(5, &[good.clone(), shape]).unwrap_err()
    };
    for (at, value) in [(36, u32::MAX), (36, 2), (40, u32::MAX), (40, 6), (44, 1), (44, 9), (0, 7)] {
        let error = changed(at, value);
        assert!(
            matches!(&error, SourceError::Geometry { place, reason: GeometryReason::Shape { .. } } if place.row == crate::RowPosition::Number(2)),
            "{error}"
        );
        assert!(error.to_string().contains("row number 2"), "{error}");
    }
    let patch = changed(0, 31).to_string();
    assert!(patch.contains("MultiPatch") && patch.contains("ogr2ogr"), "{patch}");
    assert!(matches!(geometries(31, &[]), Err(SourceError::Geometry { reason: GeometryReason::MultiPatch, .. })));
    assert!(matches!(geometries(4, &[]), Err(SourceError::Malformed { .. })));
}

const FIELDS: [(&str, u8, u8, u8); 8] = [
    ("nom", b'C', 6, 0),
    ("i32", b'N', 9, 0),
    ("i64", b'N', 18, 0),
    ("wide", b'N', 20, 0),
    ("real", b'N', 10, 3),
    ("f", b'F', 13, 11),
    ("l", b'L', 1, 0),
    ("d", b'D', 8, 0),
];

/// A record of [`FIELDS`].
fn record(mark: &str, values: [&str; 8]) -> String {
    let [nom, i32, i64, wide, real, f, l, d] = values;
    format!("{mark}{nom:<6}{i32:>9}{i64:>18}{wide:>20}{real:>10}{f:>13}{l:1}{d:8}")
}

fn sample() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        record(
            " ",
            ["\u{E9}t\u{E9}", "-12", "123456789012345678", "10000000000000000000", "1.5", "1.5e+02", "T", "19700102"],
        ),
        record(" ", ["", "", "", "", "", "", "", ""]),
        record("*", ["gone", "x", "x", "x", "x", "x", "x", "x"]),
        record(" ", [" a b", "7", "0", "5", "-0.25", "**********", "?", "00000000"]),
    ];
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let shapes: Vec<_> = (0..4).map(|x| point(f64::from(x), 10.0)).collect();
    let (shp, shx) = shp(1, &shapes);
    write(&folder, "Sample.DBF", &dbf(&FIELDS, &records, 87));
    write(&folder, "sample.shx", &shx);
    let path = write(&folder, "sample.SHP", &shp);
    (folder, path)
}

#[test]
fn fields_and_their_values() {
    let (folder, path) = sample();
    for path in
        [path.clone(), folder.path().join("Sample.DBF"), folder.path().join("sample.shx"), folder.path().to_owned()]
    {
        let batch = read_file(&path).unwrap();
        let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        use DataType::{Binary, Boolean, Date32, Float64, Int32, Int64, Utf8};
        assert_eq!(types, [Utf8, Int32, Int64, Float64, Float64, Float64, Boolean, Date32, Binary]);
        let column = |name: &str| batch.column_by_name(name).unwrap();
        assert_eq!(column("nom").as_string::<i32>().iter().collect::<Vec<_>>(), [Some("été"), None, Some(" a b")]);
        assert_eq!(column("i32").as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(-12), None, Some(7)]);
        assert_eq!(
            column("i64").as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(123_456_789_012_345_678), None, Some(0)]
        );
        assert_eq!(
            column("wide").as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
            [Some(1e19), None, Some(5.0)]
        );
        assert_eq!(
            column("real").as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
            [Some(1.5), None, Some(-0.25)]
        );
        assert_eq!(column("f").as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(150.0), None, None]);
        assert_eq!(column("l").as_boolean().iter().collect::<Vec<_>>(), [Some(true), None, None]);
        assert_eq!(column("d").as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), [Some(1), None, None]);
        let x: Vec<_> = column("geometry").as_binary::<i32>().iter().map(|wkb| text(wkb.unwrap())).collect();
        assert_eq!(x, ["1[0 10]", "1[1 10]", "1[3 10]"], "the third is deleted");
    }
    let info = layers(&path, Reader::Native).unwrap().remove(0);
    assert_eq!(
        (info.name.as_str(), info.rows, info.geometry.as_deref(), info.crs),
        ("sample", Some(4), Some("POINT"), None)
    );
    assert_eq!(
        info.fields.iter().map(|field| field.type_name.as_str()).collect::<Vec<_>>(),
        ["C(6)", "N(9)", "N(18)", "N(20)", "N(10,3)", "F(13,11)", "L", "D"]
    );
    let options = OpenOptions {
        select: Some(vec!["d".into()]),
        window: Some(Window { xmin: 0.5, ymin: 0.0, xmax: 1.0, ymax: 10.0 }),
        ..native()
    };
    let layer = open(&path, &options).unwrap();
    let batch = read(layer.as_ref(), 1000).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns(), layer.row_count_hint()), (1, 2, Some(4)));
    let bytes = |name: &str| folder.path().join(name).metadata().unwrap().len();
    assert_eq!(layer.input_bytes(), Some(bytes("sample.SHP") + bytes("Sample.DBF")));
    // A file that changes is noticed.
    let longer = [std::fs::read(&path).unwrap(), vec![0; 4]].concat();
    std::fs::write(&path, longer).unwrap();
    assert!(matches!(read(layer.as_ref(), 10), Err(SourceError::Changed { .. })));
}

#[test]
fn values_that_do_not_fit_are_refused() {
    for (column, value, part) in [
        ("i32", "1,5", "N(9)"),
        ("i32", "999999.5", "N(9)"),
        ("i64", "abc", "N(18)"),
        ("wide", "12345678901234567891", "would be rounded"),
        ("wide", "1,5", "no valid N(20)"),
        ("real", "1.2.3", "N(10,3)"),
        ("l", "1", "L"),
        ("d", "20230229", "D"),
    ] {
        let (folder, path) = sample();
        let mut values = [""; 8];
        values[FIELDS.iter().position(|(name, ..)| *name == column).unwrap()] = value;
        let good = record(" ", [""; 8]);
        let records = [good.as_str(), &good, &record(" ", values), &good];
        write(&folder, "Sample.DBF", &dbf(&FIELDS, &records, 0));
        let error = read_file(&path).unwrap_err().to_string();
        for part in [part, column, value, "row number 3"] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
    }
    let (folder, path) = sample();
    write(&folder, "sample.cpg", b"UTF-8");
    let error = read_file(&path).unwrap_err();
    assert!(matches!(error, SourceError::Encoding { .. }), "{error}");
    for part in ["UTF-8", "sample.cpg", "column nom", "row number 1"] {
        assert!(error.to_string().contains(part), "{part:?} is not in {error}");
    }
    let (folder, path) = sample();
    for fields in [[("m", b'M', 10, 0)], [("i", b'I', 4, 0)]] {
        write(&folder, "Sample.DBF", &dbf(&fields, &[" "; 4], 0));
        assert!(matches!(open(&path, &native()).map(|_| ()), Err(SourceError::UnsupportedColumn { .. })));
        let without = OpenOptions { select: Some(Vec::new()), ..native() };
        assert_eq!(read(open(&path, &without).unwrap().as_ref(), 9).unwrap().num_rows(), 4);
    }
    write(&folder, "Sample.DBF", &dbf(&[("a", b'C', 1, 0), ("a", b'C', 1, 0)], &[" "; 4], 0));
    assert!(open(&path, &native()).map(|_| ()).unwrap_err().to_string().contains("two fields"));
}

#[test]
fn a_shx_that_does_not_fit_is_left_aside() {
    let (folder, path) = sample();
    let expected = read_file(&path).unwrap();
    let shx = folder.path().join("sample.shx");
    let sound = std::fs::read(&shx).unwrap();
    std::fs::remove_file(&shx).unwrap();
    assert_eq!(read_file(&path).unwrap(), expected, "no .shx");
    for length in 0..sound.len() {
        std::fs::write(&shx, &sound[..length]).unwrap();
        assert_eq!(read_file(&path).unwrap(), expected, "{length}");
    }
    for (at, value) in [(103, 0), (100, 0xFF), (107, 200), (111, 51), (119, 0)] {
        let mut wrong = sound.clone();
        wrong[at] = value;
        std::fs::write(&shx, &wrong).unwrap();
        assert_eq!(read_file(&path).unwrap(), expected, "{at}");
    }
    // The header of the .shp says what it likes; zeros after its end are no record.
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [whole.as_slice(), &[0; 50]].concat()).unwrap();
    assert_eq!(read_file(&path).unwrap(), expected);
    let mut lying = whole.clone();
    lying[24..28].copy_from_slice(&[0, 0, 0, 60]);
    std::fs::write(&path, &lying).unwrap();
    assert_eq!(read_file(&path).unwrap(), expected);
    // Neither fits.
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = open(&path, &native()).map(|_| ()).unwrap_err();
    assert!(matches!(error, SourceError::Malformed { .. }) && error.to_string().contains("record 4"), "{error}");
}

#[test]
fn files_that_do_not_belong_together() {
    let (folder, path) = sample();
    for records in [3, 5] {
        write(&folder, "Sample.DBF", &dbf(&FIELDS[..1], &vec![" "; records], 0));
        let error = open(&path, &native()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("4 shapes") && error.contains(&format!("{records} records")), "{error}");
    }
    std::fs::remove_file(folder.path().join("Sample.DBF")).unwrap();
    assert_eq!(read_file(&path).unwrap().num_columns(), 1);
    std::fs::copy(&path, folder.path().join("b.shp")).unwrap();
    let SourceError::SeveralLayers { available, .. } = open(folder.path(), &native()).map(|_| ()).unwrap_err() else {
        panic!()
    };
    assert_eq!(available, ["b", "sample"]);
    let named = OpenOptions { layer: Some("b".into()), ..native() };
    assert_eq!(read(open(folder.path(), &named).unwrap().as_ref(), 9).unwrap().num_rows(), 4);
    let alone = write(&folder, "alone.dbf", &dbf(&FIELDS[..1], &[" "], 0));
    assert!(matches!(open(&alone, &native()).map(|_| ()), Err(SourceError::NoGeometry { .. })));
}

/// Writes a file of the same length anew; in place, which is far quicker than cutting it first.
fn overwrite(folder: &TempDir, name: &str, bytes: &[u8]) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).open(folder.path().join(name)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn damaged_files_are_survived() {
    let (folder, path) = sample();
    let ring = square(0.0, 0.0, 9.0, true);
    let hole = square(1.0, 1.0, 1.0, false);
    let shapes: Vec<_> = (0..4).map(|_| parts(15, &[&ring, &hole], Some(&[1.0; 10]), Some(&[2.0; 10]))).collect();
    let (shp, shx) = shp(15, &shapes);
    write(&folder, "sample.shx", &shx);
    let dbf_path = folder.path().join("Sample.DBF");
    let table = std::fs::read(&dbf_path).unwrap();
    std::fs::write(&path, &shp).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    for length in (0..shp.len()).rev() {
        file.set_len(length as u64).unwrap();
        assert!(read_file(&path).is_err(), "{length}");
    }
    std::fs::write(&path, &shp).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&dbf_path).unwrap();
    for length in (0..table.len()).rev() {
        file.set_len(length as u64).unwrap();
        assert!(read_file(&path).is_err(), "{length}");
    }
    std::fs::write(&dbf_path, &table).unwrap();
    let mut state = 88_172_645_463_325_252u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for _ in 0..150 {
        for (name, bytes) in [("sample.SHP", &shp), ("sample.shx", &shx), ("Sample.DBF", &table)] {
            let mut bytes = bytes.clone();
            for _ in 0..1 + random(3) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            overwrite(&folder, name, &bytes);
            // Whatever comes out is sound.
            if let Ok(batch) = read_file(&path) {
                let geometry = batch.columns().last().unwrap().as_binary::<i32>();
                assert!(geometry.iter().flatten().all(|wkb| parcelle_geometry::scan(wkb).unwrap().is_canonical));
            }
        }
        for (name, bytes) in [("sample.SHP", &shp), ("sample.shx", &shx), ("Sample.DBF", &table)] {
            overwrite(&folder, name, bytes);
        }
    }
}

#[cfg(feature = "gdal")]
#[test]
fn reads_what_gdal_reads() {
    use arrow::compute::cast;
    let folder = tempfile::tempdir().unwrap();
    let geometry = |number: usize| match number % 4 {
        0 => "null".to_owned(),
        1 => format!(
            r#"{{"type":"Polygon","coordinates":[[[{number},0],[{number},9],[50000,9],[50000,0],[{number},0]],[[40001,1],[40002,1],[40002,2],[40001,1]]]}}"#
        ),
        2 => format!(
            r#"{{"type":"MultiPolygon","coordinates":[[[[{number},0],[{number},9],[50000,9],[50000,0],[{number},0]],[[40001,1],[40002,1],[40002,2],[40001,1]]],[[[60000,1],[60002,1],[60002,2],[60000,1]]]]}}"#
        ),
        _ => format!(r#"{{"type":"Polygon","coordinates":[[[{number},0],[{number},9],[50000,9],[{number},0]]]}}"#),
    };
    let features: Vec<_> = (0..20_000)
        .map(|number| {
            let properties = if number % 5 == 0 {
                r#""i":null,"r":null,"t":null,"d":null"#.to_owned()
            } else {
                format!(
                    r#""i":{number},"r":{}.25,"t":"é{number}","d":"2024/02/{:02}","big":{}"#,
                    number % 97,
                    number % 28 + 1,
                    number as i64 * 1_000_000_007
                )
            };
            format!(r#"{{"type":"Feature","properties":{{{properties}}},"geometry":{}}}"#, geometry(number))
        })
        .collect();
    let crs = r#""crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::2154"}},"#;
    let json = crate::tests::write(
        &folder,
        "a.geojson",
        &format!(r#"{{"type":"FeatureCollection",{crs}"features":[{}]}}"#, features.join(",")),
    );
    let path = folder.path().join("a.shp");
    crate::tests::translate(&json, &path, "ESRI Shapefile");
    let [ours, theirs] = [Reader::Native, Reader::Gdal].map(|reader| {
        let layer = open(&path, &OpenOptions { reader, ..OpenOptions::default() }).unwrap();
        read(layer.as_ref(), 7000).unwrap()
    });
    assert_eq!((ours.num_rows(), ours.num_columns()), (20_000, theirs.num_columns()));
    for (field, column) in ours.schema().fields().iter().zip(ours.columns()) {
        let other = theirs.column_by_name(field.name()).unwrap();
        let key = "ARROW:extension:metadata";
        assert_eq!(
            field.metadata().get(key),
            theirs.schema().field_with_name(field.name()).unwrap().metadata().get(key)
        );
        assert_eq!(column.as_ref(), cast(other, field.data_type()).unwrap().as_ref(), "{}", field.name());
    }
    assert!(ours.schema().field_with_name("geometry").unwrap().metadata()["ARROW:extension:metadata"].contains("2154"));
}

#[test]
fn reference_systems_come_from_the_prj() {
    let (folder, path) = sample();
    let prj = |text: &str| {
        write(&folder, "SAMPLE.PRJ", text.as_bytes());
        layers(&path, Reader::Native).unwrap().remove(0).crs
    };
    assert_eq!(prj(" \n"), None);
    let epsg = r#"GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]"#;
    assert_eq!(prj(epsg).as_deref(), Some("EPSG:4326"));
    if cfg!(feature = "gdal") {
        let lambert = r#"PROJCS["RGF_1993_Lambert_93",GEOGCS["GCS_RGF_1993",DATUM["D_RGF_1993",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",700000.0],PARAMETER["False_Northing",6600000.0],PARAMETER["Central_Meridian",3.0],PARAMETER["Standard_Parallel_1",44.0],PARAMETER["Standard_Parallel_2",49.0],PARAMETER["Latitude_Of_Origin",46.5],UNIT["Meter",1.0]]"#;
        assert_eq!(prj(lambert).as_deref(), Some("EPSG:2154"));
    }
    assert_eq!(prj("nonsense"), None);
    let error = open(&path, &native()).map(|_| ()).unwrap_err();
    assert!(matches!(error, SourceError::Crs { .. }) && error.to_string().contains("--crs"), "{error}");
    let assigned = OpenOptions { crs: Some("EPSG:2154".into()), ..native() };
    assert!(open(&path, &assigned).is_ok());
}
