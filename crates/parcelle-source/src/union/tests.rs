use std::fmt::Write as _;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit};
use proptest::prelude::*;
use tempfile::TempDir;

use super::merge::{Member, Merged, merge};
use super::*;
use crate::geometry_field::geometry_field;
use crate::{InputFile, Inputs, OpenOptions, open_all, resolve};

fn geometry(name: &str, crs: &str) -> Field {
    geometry_field(name, true, Some(&parcelle_crs::Crs::from_definition(crs).unwrap()))
}

fn note(field: Field, key: &str, text: &str) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(key.to_owned(), text.to_owned());
    field.with_metadata(metadata)
}

/// Merges the schemas of files `0`, `1`, and so on.
fn merged(schemas: &[Vec<Field>]) -> Result<Merged, String> {
    let paths: Vec<_> = (0..schemas.len()).map(|number| PathBuf::from(number.to_string())).collect();
    let schemas: Vec<_> = schemas.iter().map(|fields| Schema::new(fields.clone())).collect();
    let members: Vec<_> =
        paths.iter().zip(&schemas).map(|(path, schema)| Member { path, schema, untyped: &[] }).collect();
    merge(&members).map_err(|error| error.to_string())
}

#[test]
fn columns_are_merged_by_name_in_order_of_appearance() {
    use DataType::{Int32, Int64, Utf8};
    let merged = merged(&[
        vec![Field::new("fid", Int64, false), Field::new("nature", Utf8, true), geometry("geom", "EPSG:2154")],
        vec![Field::new("NATURE", Utf8, true), Field::new("Height", Int32, true), geometry("geometry", "EPSG:2154")],
        vec![Field::new("height", Int64, false), Field::new("fid", Int32, false), geometry("geom", "EPSG:2154")],
    ])
    .unwrap();
    let columns: Vec<_> = merged
        .schema
        .fields()
        .iter()
        .map(|field| (field.name().as_str(), field.data_type(), field.is_nullable()))
        .collect();
    let wanted =
        [("fid", &Int64, true), ("nature", &Utf8, true), ("geom", &DataType::Binary, true), ("Height", &Int64, true)];
    assert_eq!(columns, wanted);
    use merge::Source::{Cast, Null, Same};
    assert_eq!(
        merged.sources,
        [
            vec![Same(0), Same(1), Same(2), Null],
            vec![Null, Same(0), Same(2), Cast(1)],
            vec![Cast(1), Null, Same(2), Same(0)],
        ]
    );
}

#[test]
fn names_in_other_letters_are_found_only_where_the_same_name_is_not() {
    use DataType::Int32;
    let field = |name: &str| Field::new(name, Int32, true);
    let merged = merged(&[
        vec![field("a"), geometry("g", "EPSG:2154")],
        vec![field("A"), field("a"), geometry("g", "EPSG:2154")],
        vec![field("A"), geometry("g", "EPSG:2154")],
    ])
    .unwrap();
    let names: Vec<_> = merged.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["a", "g", "A"]);
    use merge::Source::{Null, Same};
    assert_eq!(merged.sources[1..], [vec![Same(1), Same(2), Same(0)], vec![Null, Same(1), Same(0)]]);
}

#[test]
fn the_primary_geometry_is_one_whatever_its_name() {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let names = |schemas: &[Vec<Field>]| {
        let merged = merged(schemas)?;
        Ok::<_, String>(merged.schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>())
    };
    let (lambert, web) = ("EPSG:2154", "EPSG:3857");
    let first = vec![geometry("shape", lambert), geometry("centre", lambert)];
    // By name where there is one, the first one otherwise; others are further columns.
    for (second, wanted) in [
        (vec![geometry("geom", lambert)], &["shape", "centre"][..]),
        (vec![geometry("geom", lambert), geometry("centre", lambert)], &["shape", "centre"]),
        (vec![geometry("geom", lambert), geometry("shape", lambert)], &["shape", "centre", "geom"]),
        (vec![geometry("geom", lambert), geometry("axis", web)], &["shape", "centre", "axis"]),
        (vec![text("geom"), geometry("g", lambert)], &["shape", "centre", "geom"]),
    ] {
        assert_eq!(names(&[first.clone(), second]).unwrap(), wanted);
    }
    // An attribute that is called as the geometry of another file is.
    let attribute = vec![text("shape"), geometry("geom", lambert)];
    for schemas in [
        [first.clone(), attribute.clone()],
        [attribute.clone(), vec![geometry("g", lambert), geometry("shape", lambert)]],
    ] {
        let error = names(&schemas).unwrap_err();
        assert!(error.starts_with("column \"shape\" is geometry in ") && error.contains("--select"), "{error}");
    }
    assert_eq!(names(&[attribute, vec![geometry("shape", lambert)]]).unwrap(), ["shape", "geom"]);
}

#[test]
fn reference_systems_are_compared_by_meaning() {
    let check = |crs: [&str; 2]| merged(&crs.map(|crs| vec![geometry("g", crs)])).map(|_| ());
    let definition = parcelle_crs::Crs::from_definition("EPSG:2154").unwrap().to_projjson().to_string();
    check(["EPSG:2154", "urn:ogc:def:crs:EPSG::2154"]).unwrap();
    check(["EPSG:2154", &definition]).unwrap();
    check(["OGC:CRS84", "EPSG:4326"]).unwrap();
    let error = check(["EPSG:2154", "EPSG:4326"]).unwrap_err();
    assert!(error.starts_with("the coordinate reference system is EPSG:2154 in 0, and EPSG:4326 in 1"), "{error}");
    assert!(error.contains("--crs") && error.contains("--t-crs"), "{error}");
    let error = merged(&[vec![geometry("g", "EPSG:2154")], vec![geometry_field("g", true, None)]]).unwrap_err();
    assert!(error.contains("EPSG:2154 in 0, and not known in 1"), "{error}");
    let dated = |epoch: &str| vec![note(geometry("g", "EPSG:9000"), "geo:epoch", epoch)];
    merged(&[dated("2020.5"), dated("2020.5")]).unwrap();
    let error = merged(&[dated("2020.5"), dated("2021.5")]).unwrap_err();
    assert!(error.contains("EPSG:9000 at the epoch 2020.5 in 0, and EPSG:9000 at the epoch 2021.5 in 1"), "{error}");
}

#[test]
fn notes_come_from_the_first_and_claims_from_all() {
    let claimed = |kind: &str| note(geometry("g", "EPSG:2154"), "parcelle:geometry_type", kind);
    let text = Field::new("t", DataType::Utf8, true);
    let described = |comment: &str| vec![note(text.clone(), "comment", comment), claimed("Point")];
    let merged_metadata = |schemas: &[Vec<Field>]| {
        let schema = merged(schemas).unwrap().schema;
        let get = |column: usize, key: &str| schema.field(column).metadata().get(key).cloned();
        (get(0, "comment"), get(1, "parcelle:geometry_type"))
    };
    let both = (Some("one".to_owned()), Some("Point".to_owned()));
    let plain = vec![text.clone(), geometry("g", "EPSG:2154")];
    assert_eq!(merged_metadata(&[described("one"), described("two")]), both);
    assert_eq!(merged_metadata(&[described("one"), plain.clone()]), (both.0.clone(), None));
    assert_eq!(merged_metadata(&[plain, described("one"), described("two")]), (both.0, None));
}

#[test]
fn types_without_a_common_one_are_refused_with_both_files() {
    let file = |data_type: DataType| vec![Field::new("h", data_type, true), geometry("g", "EPSG:2154")];
    let error = merged(&[file(DataType::Int32), file(DataType::Int64), file(DataType::Utf8)]).unwrap_err();
    assert!(error.starts_with("column \"h\" is of the type Int64 in 0, and text in 2: no type"), "{error}");
    let zoned = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let error = merged(&[file(DataType::Date32), file(zoned)]).unwrap_err();
    assert!(error.contains("a date in 0, and an instant in 1") && error.contains("--select"), "{error}");
    let json = || {
        vec![
            note(Field::new("h", DataType::Utf8, true), "ARROW:extension:name", "arrow.json"),
            geometry("g", "EPSG:2154"),
        ]
    };
    let schema = merged(&[json(), json()]).unwrap().schema;
    assert_eq!(schema.field(0).metadata()["ARROW:extension:name"], "arrow.json");
    let schema = merged(&[json(), file(DataType::Utf8)]).unwrap().schema;
    assert!(schema.field(0).metadata().is_empty());
    assert!(merged(&[json(), file(DataType::Int8)]).is_err());
}

/// A directory with CSV files of a name, a column `v` and points, and the files.
fn csv_files(values: &[&[&str]]) -> (TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let path = |number: usize| directory.path().join(format!("{number:03}.csv"));
    for (number, values) in values.iter().enumerate() {
        let mut text = "v,longitude,latitude\n".to_owned();
        for (row, value) in values.iter().enumerate() {
            writeln!(text, "{value},{number},{}", row % 90).unwrap();
        }
        std::fs::write(path(number), text).unwrap();
    }
    let paths = (0..values.len()).map(path).collect();
    (directory, paths)
}

fn opened(paths: &[PathBuf], options: &OpenOptions) -> Result<Box<dyn Layer>, SourceError> {
    Ok(open_all(&resolve(paths)?, options)?.layer)
}

fn rows(layer: &dyn Layer, target: usize) -> Result<RecordBatch, SourceError> {
    let mut batches = Vec::new();
    for (index, split) in layer.splits(target)?.iter().enumerate() {
        assert_eq!(split.index, index);
        layer.read(split, &mut |batch| {
            assert_eq!(batch.schema(), layer.schema());
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    Ok(concat_batches(&layer.schema(), &batches).unwrap())
}

#[test]
fn values_widen_and_a_column_without_any_goes_with_every_type() {
    let (_directory, paths) = csv_files(&[&["", ""], &["1", ""], &["2.5"], &[], &["9007199254740992"]]);
    let layer = opened(&paths, &OpenOptions::default()).unwrap();
    assert_eq!((layer.driver(), layer.row_count_hint()), ("CSV", Some(6)));
    assert_eq!(layer.name(), "000, 001, 002 and 2 more");
    let batch = rows(layer.as_ref(), 1000).unwrap();
    let values: Vec<_> = batch.column(0).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(values, [None, None, Some(1.0), None, Some(2.5), Some(9007199254740992.0)]);

    let (_directory, paths) = csv_files(&[&["2.5"], &["1", "9007199254740993"]]);
    let layer = opened(&paths, &OpenOptions::default()).unwrap();
    let error = rows(layer.as_ref(), 1000).unwrap_err().to_string();
    assert!(error.contains("001.csv: column \"v\": 9007199254740993 (Int64) is not exactly"), "{error}");
    // Not among floats, every integer is itself.
    let layer = opened(&paths[1..], &OpenOptions::default()).unwrap();
    let batch = rows(layer.as_ref(), 1000).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 9007199254740993]);

    let (_directory, paths) = csv_files(&[&[""], &["1"], &["one"]]);
    let error = opened(&paths, &OpenOptions::default()).err().unwrap().to_string();
    assert!(error.contains("of the type Int64 in ") && error.contains("001.csv, and text in "), "{error}");
}

#[test]
fn small_files_share_splits_and_large_ones_are_cut() {
    let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (_directory, paths) =
        csv_files(&[&texts[..30], &texts[30..60], &texts[60..160], &texts[160..200], &texts[200..201]]);
    let layer = opened(&paths, &OpenOptions::default()).unwrap();
    let members = |target| -> Vec<Vec<usize>> {
        let splits = layer.splits(target).unwrap();
        splits
            .iter()
            .map(|split| match &split.range {
                SplitRange::Members(parts) => parts.iter().map(|part| part.member).collect(),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(members(1000), [[0, 1, 2, 3, 4]]);
    assert_eq!(members(100), [&[0, 1][..], &[2], &[3, 4]]);
    assert_eq!(members(60), [&[0, 1][..], &[2], &[3, 4]]);
    let reference = rows(layer.as_ref(), 1000).unwrap();
    assert_eq!(reference.column(0).as_primitive::<Int64Type>().values().len(), 201);
    assert_eq!(reference.column(0).as_primitive::<Int64Type>().values(), &Vec::from_iter(0..201));
    for target in [0, 1, 7, 50] {
        assert_eq!(rows(layer.as_ref(), target).unwrap(), reference);
    }
    // A sink that has enough is asked no more, whatever file is next.
    let mut batches = 0;
    let split = &layer.splits(1000).unwrap()[0];
    let enough = &mut |_| {
        batches += 1;
        ControlFlow::Break(())
    };
    layer.read(split, enough).unwrap();
    assert_eq!(batches, 1);
}

#[test]
fn the_first_file_that_cannot_be_opened_is_to_blame() {
    let (_directory, paths) = csv_files(&[&["1"][..]; 40]);
    std::fs::write(&paths[17], "a,b,c\n1,2,3\n").unwrap();
    std::fs::write(&paths[23], "v,longitude,latitude\n1,2\n").unwrap();
    for threads in [1, 2, 9] {
        let error = opened(&paths, &OpenOptions { threads, ..OpenOptions::default() }).err().unwrap();
        assert!(error.to_string().contains("017.csv"), "{error}");
    }
}

#[test]
fn a_selected_column_has_to_be_in_some_file() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let paths = [
        write("1.csv", "id,nature,longitude,latitude\n1,a,0,0\n"),
        write("2.csv", "ID,height,longitude,latitude\n2,7,0,0\n"),
    ];
    let select = |names: &[&str]| {
        let select = Some(names.iter().map(|name| (*name).to_owned()).collect());
        let layer = opened(&paths, &OpenOptions { select, ..OpenOptions::default() })?;
        let batch = rows(layer.as_ref(), 10)?;
        Ok::<_, SourceError>((
            layer.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>(),
            batch,
        ))
    };
    let (names, batch) = select(&["height", "id"]).unwrap();
    assert_eq!(names, ["id", "geometry", "height"]);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!((batch.column(2).is_null(0), batch.column(2).is_null(1)), (true, false));
    let error = select(&["id", "heigth"]).unwrap_err();
    assert!(matches!(&error, SourceError::Union(error) if error.is_usage()), "{error}");
    assert!(error.to_string().starts_with("no file has a column \"heigth\""), "{error}");
}

#[test]
fn what_was_found_has_the_layer_or_the_columns_of_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("tile_1.csv", "id,longitude,latitude\n1,0,0\n");
    write("tile_2.csv", "ID,longitude,latitude\n2,0,0\n");
    let open = |layer: Option<&str>| {
        let options = OpenOptions { layer: layer.map(str::to_owned), ..OpenOptions::default() };
        opened(&[directory.path().to_owned()], &options).map(|layer| (layer.name().to_owned(), layer.row_count_hint()))
    };
    assert_eq!(open(None).unwrap(), ("tile_1, tile_2".to_owned(), Some(2)));
    // No feature has all properties, and one tile has no features.
    write("tile_3.geojson", r#"{"type":"FeatureCollection","features":[]}"#);
    assert_eq!(open(None).unwrap(), ("tile_1, tile_2, tile_3".to_owned(), Some(2)));
    std::fs::remove_file(directory.path().join("tile_3.geojson")).unwrap();
    write("roads.csv", "lanes,longitude,latitude\n2,0,0\n");
    let error = open(None).unwrap_err().to_string();
    for part in ["have different columns", "--layer", "--all-layers", "*.csv", "roads (", "tile_2 ("] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    assert_eq!(open(Some("tile_2")).unwrap(), ("tile_2".to_owned(), Some(1)));
    let error = open(Some("tile_3")).unwrap_err().to_string();
    assert!(error.contains("no file has a layer \"tile_3\", did you mean \"tile_1\"?"), "{error}");
    // Who names a file wants that file.
    let options = OpenOptions { layer: Some("tile_2".to_owned()), ..OpenOptions::default() };
    let error =
        opened(&[directory.path().join("roads.csv"), directory.path().join("tile_2.csv")], &options).err().unwrap();
    assert!(matches!(error, SourceError::UnknownLayer { .. }), "{error}");
}

#[cfg(feature = "gdal")]
#[test]
fn files_read_in_sequence_are_parts_while_they_are_small() {
    let texts: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (directory, _) = csv_files(&[&texts[..30], &texts[30..90], &texts[90..100]]);
    // GDAL takes a CSV for geometry with a description beside it only.
    let files: Vec<PathBuf> = (0..3)
        .map(|number| {
            let path = directory.path().join(format!("{number}.geojson"));
            let table = std::fs::read_to_string(directory.path().join(format!("{number:03}.csv"))).unwrap();
            let features: Vec<String> = table
                .lines()
                .skip(1)
                .filter_map(|line| line.split_once(','))
                .map(|(value, position)| {
                    format!(
                        r#"{{"type":"Feature","properties":{{"v":{value}}},"geometry":{{"type":"Point","coordinates":[{position}]}}}}"#
                    )
                })
                .collect();
            std::fs::write(&path, format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(","))).unwrap();
            path
        })
        .collect();
    let layer = opened(&files, &OpenOptions { reader: crate::Reader::Gdal, ..OpenOptions::default() }).unwrap();
    assert_eq!(layer.driver(), "GDAL/GeoJSON");
    let parts = |target| layer.splits(target).unwrap().iter().map(|split| split.sequential).collect::<Vec<_>>();
    assert_eq!(parts(1000), [false]);
    assert_eq!(parts(60), [false, false, false]);
    assert_eq!(parts(59), [true]);
    let reference = rows(layer.as_ref(), 1000).unwrap();
    assert_eq!(reference.num_rows(), 100);
    assert_eq!(rows(layer.as_ref(), 60).unwrap(), reference);
    assert_eq!(rows(layer.as_ref(), 1).unwrap(), reference);
    layer.release();
    assert_eq!(rows(layer.as_ref(), 1000).unwrap(), reference);
}

#[test]
fn what_is_only_tables_is_said() {
    let table = Path::new("commune.dbf").to_owned();
    let inputs = Inputs { tables: vec![table], ..Inputs::default() };
    let error = open_all(&inputs, &OpenOptions::default()).err().unwrap();
    assert!(error.to_string().starts_with("commune.dbf: only tables without geometry"), "{error}");
    let missing = InputFile { path: "none.gpkg".into(), found: false };
    let inputs = Inputs { files: vec![missing.clone(), missing], ..Inputs::default() };
    assert!(matches!(open_all(&inputs, &OpenOptions::default()), Err(SourceError::NotFound { .. })));
}

proptest! {
    #[test]
    fn however_rows_are_spread_over_files_they_come_in_order(counts in prop::collection::vec(0usize..9, 2..7), target in 1usize..12) {
        let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let mut rest: Vec<&str> = texts.iter().map(String::as_str).rev().collect();
        let files: Vec<Vec<&str>> = counts.iter().map(|count| (0..*count).filter_map(|_| rest.pop()).collect()).collect();
        let files: Vec<&[&str]> = files.iter().map(Vec::as_slice).collect();
        let (_directory, paths) = csv_files(&files);
        let layer = opened(&paths, &OpenOptions::default()).unwrap();
        let batch = rows(layer.as_ref(), target).unwrap();
        let total: usize = counts.iter().sum();
        prop_assert_eq!(batch.num_rows(), total);
        if total > 0 {
            let values: Vec<i64> = batch.column(0).as_primitive::<Int64Type>().values().to_vec();
            prop_assert_eq!(values, Vec::from_iter(0..total as i64));
        }
    }
}
