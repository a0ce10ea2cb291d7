//! `parcelle convert` with several inputs, directories, patterns and `--all-layers`.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parcelle::{Reader, Sort};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::{Run, binary, fixture, listing, parcelle, top};

/// A directory for inputs and outputs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A fixture with what belongs to it, under another name.
    fn copy(&self, from: &str, to: &str) {
        std::fs::create_dir_all(self.path(to).parent().unwrap()).unwrap();
        for ending in ["shp", "shx", "dbf", "prj", "cpg"] {
            let source = fixture(from).with_extension(ending);
            std::fs::copy(source, self.path(to).with_extension(ending)).unwrap();
        }
    }

    /// Runs a conversion; inputs and output are below this directory unless they are absolute.
    fn convert(&self, inputs: &[&str], output: &str, options: &[&str]) -> Run {
        let path = |name: &&str| self.path(name).to_str().unwrap().to_owned();
        let mut arguments = vec!["convert".to_owned()];
        arguments.extend(inputs.iter().chain([&output]).map(path));
        arguments.extend(options.iter().map(|option| (*option).to_owned()));
        parcelle(arguments)
    }
}

/// GeoJSON of points with properties.
fn geojson(properties: &[&str]) -> String {
    let feature = |(number, properties): (usize, &&str)| {
        format!(
            r#"{{"type":"Feature","properties":{properties},"geometry":{{"type":"Point","coordinates":[{},{}]}}}}"#,
            number % 180,
            number % 90
        )
    };
    let features: Vec<_> = properties.iter().enumerate().map(feature).collect();
    format!(r#"{{"type":"FeatureCollection","features":[{}]}}"#, features.join(",\n"))
}

fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

fn columns(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn files_of_several_formats_become_one_dataset() {
    let place = Place::new();
    place.write("1.geojson", &geojson(&[r#"{"id":1,"nature":"a"}"#, r#"{"id":2,"nature":null}"#]));
    place.write("2.csv", "ID,height,WKT\n3,2.5,POINT (5 45)\n4,7,POINT (6 46)\n");
    let run = place.convert(&["2.csv", "1.geojson"], "refused.parquet", &[]).expect_code(1);
    assert!(run.complaint().contains("not known in") && run.complaint().contains("--crs"), "{}", run.stderr);

    let options = ["--crs", "OGC:CRS84", "--sort", "none", "--format", "json"];
    let run = place.convert(&["1.geojson", "2.csv"], "out.parquet", &options).expect_code(0);
    let summary = run.json();
    assert_eq!((&summary["rows"], &summary["inputs"]), (&4.into(), &2.into()));
    assert_eq!(summary["driver"], "GeoJSON, CSV");
    let names = [place.path("1.geojson"), place.path("2.csv")].map(|path| path.display().to_string());
    assert_eq!(summary["input"], names.join(", "));
    let bytes: u64 = names.iter().map(|name| Path::new(name).metadata().unwrap().len()).sum();
    assert_eq!(summary["bytes_in"], bytes);

    let batch = read(&place.path("out.parquet"));
    assert_eq!(columns(&batch), ["id", "nature", "geometry", "height", "bbox"]);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 2, 3, 4]);
    let heights: Vec<_> = batch.column(3).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(heights, [None, None, Some(2.5), Some(7.0)]);
    let natures: Vec<_> = batch.column(1).as_string::<i32>().iter().collect();
    assert_eq!(natures, [Some("a"), None, None, None]);
    assert_eq!(batch.column(2).null_count(), 0);
}

#[test]
fn what_cannot_be_one_dataset_is_refused_with_both_files() {
    let place = Place::new();
    place.write("a.geojson", &geojson(&[r#"{"v":1}"#]));
    place.write("b.geojson", &geojson(&[r#"{"v":"one"}"#]));
    place.write("c.geojson", &geojson(&[r#"{"v":9007199254740993}"#]));
    place.write("d.geojson", &geojson(&[r#"{"v":0.5}"#]));
    place.copy("vector/parcels.shp", "e.shp");
    for (inputs, said) in [
        (
            ["a.geojson", "b.geojson"],
            &["column \"v\" is of the type Int64 in ", "a.geojson, and text in ", "--select"][..],
        ),
        (["c.geojson", "d.geojson"], &["c.geojson: column \"v\": 9007199254740993 ", "--select"]),
        (["a.geojson", "e.shp"], &["OGC:CRS84 in ", "a.geojson, and EPSG:2154 in ", "e.shp", "--t-crs", "--crs"]),
    ] {
        let run = place.convert(&inputs, "out.parquet", &[]).expect_code(1);
        for part in said {
            assert!(run.complaint().contains(part), "{part:?} is not in {}", run.stderr);
        }
        assert!(!place.path("out.parquet").exists());
    }
    // The ways out that were named.
    place.convert(&["a.geojson", "b.geojson"], "1.parquet", &["--select", ""]).expect_code(2);
    place.convert(&["a.geojson", "b.geojson"], "1.parquet", &["--select", "geometry"]).expect_code(0);
    assert_eq!(columns(&read(&place.path("1.parquet"))), ["geometry", "bbox"]);
    place.convert(&["a.geojson", "e.shp"], "2.parquet", &["--crs", "EPSG:2154"]).expect_code(0);
}

#[test]
fn patterns_and_directories_stand_for_their_files() {
    let place = Place::new();
    for department in ["D01", "D02", "D2A"] {
        place.copy("vector/parcels.shp", &format!("{department}/PARCELLE.shp"));
    }
    place.write("D02/communes.geojson", &geojson(&[r#"{"insee":"02001"}"#]));
    place.convert(&["D*/PARCELLE.shp"], "pattern.parquet", &[]).expect_code(0);
    place.convert(&["D*/PARCELLE.*"], "all.parquet", &[]).expect_code(0);
    place.convert(&["D01/PARCELLE.shp", "D02/PARCELLE.shp", "D2A/PARCELLE.shp"], "list.parquet", &[]).expect_code(0);
    let run = place.convert(&["D01", "D02", "D2A"], "directories.parquet", &["--layer", "PARCELLE"]).expect_code(0);
    assert!(run.stdout.contains("9 rows of 3 files in 1 row group"), "{}", run.stdout);
    let [reference, others @ ..] = ["pattern", "all", "list", "directories"]
        .map(|name| std::fs::read(place.path(&format!("{name}.parquet"))).unwrap());
    assert!(others.iter().all(|other| *other == reference));

    // The same below one directory; nobody said which of the two.
    let run = place.convert(&["D0*"], "out.parquet", &["--crs", "EPSG:2154"]).expect_code(2);
    for part in ["PARCELLE (", "communes (", "--layer", "--all-layers"] {
        assert!(run.complaint().contains(part), "{part:?} is not in {}", run.stderr);
    }
    let run = place.convert(&["D0*"], "out.parquet", &["--layer", "parcele"]).expect_code(2);
    assert!(run.complaint().contains("did you mean \"PARCELLE\"?"), "{}", run.stderr);
    for (input, said) in [("D9*/PARCELLE.shp", "it matches nothing"), ("D[", "not a pattern"), ("D9", "no such file")] {
        let run = place.convert(&[input], "out.parquet", &[]).expect_code(2);
        assert!(run.complaint().contains(said), "{}", run.stderr);
    }
    std::fs::create_dir(place.path("empty")).unwrap();
    let run = place.convert(&["empty"], "out.parquet", &[]).expect_code(2);
    assert!(run.complaint().contains("no file in this directory"), "{}", run.stderr);
}

#[test]
fn layers_of_several_databases_are_chosen_by_name() {
    let place = Place::new();
    for name in ["D01.gpkg", "D02.gpkg"] {
        std::fs::copy(fixture("vector/geometries.gpkg"), place.path(name)).unwrap();
    }
    let run = place.convert(&["*.gpkg"], "out.parquet", &[]).expect_code(2);
    for part in ["several layers", "--layer", "--all-layers", "polygonz (", "D01.gpkg", "D02.gpkg"] {
        assert!(run.complaint().contains(part), "{part:?} is not in {}", run.stderr);
    }
    let run = place.convert(&["*.gpkg"], "out.parquet", &["--layer", "polygonz", "--format", "json"]).expect_code(0);
    assert_eq!((&run.json()["layer"], &run.json()["rows"]), (&"polygonz".into(), &6.into()));
    // One file stays what it is.
    let run = place.convert(&["D01.gpkg"], "one.parquet", &[]).expect_code(2);
    assert!(run.complaint().contains("D01.gpkg: the file has several layers"), "{}", run.stderr);
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let place = Place::new();
    for number in 0..60 {
        let properties: Vec<String> =
            (0..number * 3).map(|row| format!(r#"{{"number":{},"t":"{row}"}}"#, row * number)).collect();
        let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
        place.write(&format!("tiles/{}/{number}.geojson", number % 7), &geojson(&properties));
    }
    let convert = |name: &str, options: &[&str]| {
        place.convert(&["tiles"], name, &[&["--row-group-rows", "500"], options].concat()).expect_code(0);
        std::fs::read(place.path(name)).unwrap()
    };
    for sort in ["hilbert", "none", "number"] {
        for reader in ["native", "gdal"] {
            let options = |threads| ["--sort", sort, "--reader", reader, "--overwrite", "--threads", threads];
            let reference = convert("1.parquet", &options("1"));
            assert_eq!(read(&place.path("1.parquet")).num_rows(), 3 * (0..60).sum::<usize>());
            assert!(convert("7.parquet", &options("7")) == reference, "{sort} {reader}");
        }
    }
}

#[test]
fn more_files_than_a_process_may_open_are_read() {
    let place = Place::new();
    for number in 0..400 {
        place.copy("vector/parcels.shp", &format!("tiles/{number}.shp"));
    }
    // Three descriptors for each would be twelve hundred.
    let shell = format!(
        "ulimit -n 64 && exec '{}' convert '{}' '{}' --threads 5",
        binary("parcelle").display(),
        place.path("tiles").display(),
        place.path("out.parquet").display()
    );
    let output = std::process::Command::new("sh").args(["-c", &shell]).current_dir(top()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(read(&place.path("out.parquet")).num_rows(), 1200);
}

#[test]
fn an_output_among_the_inputs_is_refused() {
    let place = Place::new();
    place.write("data/a.geojson", &geojson(&[r#"{"v":1}"#]));
    place.write("data/b.geojson", &geojson(&[r#"{"v":2}"#]));
    for output in ["data/new.parquet", "data/a.geojson"] {
        let run = place.convert(&["data"], output, &["--overwrite"]).expect_code(2);
        assert!(run.complaint().contains("is the input itself, or lies within it"), "{}", run.stderr);
    }
    let run = place.convert(&["data/*.geojson"], "data/b.geojson", &["--overwrite"]).expect_code(2);
    assert!(run.complaint().contains("is the input itself"), "{}", run.stderr);
    let run = place.convert(&["data"], "data/layers", &["--all-layers"]).expect_code(2);
    assert!(run.complaint().contains("lies within it"), "{}", run.stderr);
    assert_eq!(listing(&place.path("data")), ["a.geojson", "b.geojson"]);
    // A pattern says what is meant.
    place.convert(&["data/*.geojson"], "data/new.parquet", &[]).expect_code(0);
    // Twice the same file is once the same rows.
    let run = place.convert(&["data/a.geojson", "data/*.geojson"], "out.parquet", &[]).expect_code(0);
    assert!(run.stdout.contains("2 rows of 2 files"), "{}", run.stdout);
}

#[test]
fn a_file_that_cannot_be_read_stops_the_run() {
    let place = Place::new();
    for number in 0..30 {
        place.write(&format!("data/{number:02}.geojson"), &geojson(&[r#"{"v":1}"#]));
    }
    std::fs::copy(fixture("vector/bad_cut.geojson"), place.path("data/17.geojson")).unwrap();
    place.write("data/20.geojson", "");
    let run = place.convert(&["data"], "out.parquet", &[]).expect_code(1);
    assert!(run.complaint().contains("17.geojson") && run.complaint().contains("again from its source"));
    place.write("data/17.geojson", &geojson(&[]));
    let run = place.convert(&["data"], "out.parquet", &[]).expect_code(1);
    assert!(run.complaint().contains("20.geojson: cannot be read: the file is empty"), "{}", run.stderr);
    assert_eq!(listing(place.0.path()), ["data"]);
}

#[test]
fn all_layers_are_written_but_those_that_fail() {
    let place = Place::new();
    std::fs::copy(fixture("vector/geometries.gpkg"), place.path("1.gpkg")).unwrap();
    std::fs::copy(fixture("vector/hollow_layers.gpkg"), place.path("2.gpkg")).unwrap();
    place.write("mixed.csv", "name,WKT\na,POINT (1 2)\n");
    let database = Connection::open(place.path("1.gpkg")).unwrap();
    database.execute("UPDATE polygon SET geom = x'4750' WHERE rowid = (SELECT min(rowid) FROM polygon)", []).unwrap();
    drop(database);

    let run = place.convert(&["1.gpkg", "2.gpkg"], "layers/deep", &["--all-layers", "--format", "json"]).expect_code(1);
    let summary = run.json();
    assert_eq!((summary["layers"].as_array().unwrap().len(), &summary["inputs"]), (30, &2.into()));
    assert_eq!(summary["failed"][0]["layer"], "polygon");
    assert!(summary["failed"][0]["error"].as_str().unwrap().contains("1.gpkg: layer polygon"), "{summary}");
    assert_eq!((summary["failed"].as_array().unwrap().len(), summary["skipped"].as_array().unwrap().len()), (1, 1));
    assert_eq!(summary["skipped"][0]["layer"], "no_geometry");
    assert!(run.stderr.starts_with("error: layer polygon is not written: "), "{}", run.stderr);
    let written = listing(&place.path("layers/deep"));
    assert_eq!(written.len(), 30);
    assert!(written.contains(&"no_rows.parquet".to_owned()) && !written.contains(&"polygon.parquet".to_owned()));
    let first = &summary["layers"][0];
    assert_eq!(first["layer"], "point");
    assert_eq!(first["output"], place.path("layers/deep/point.parquet").display().to_string());

    // A directory with something in it is only written to when asked for, and what else is in it stays.
    let run = place.convert(&["1.gpkg"], "layers/deep", &["--all-layers"]).expect_code(2);
    assert!(run.complaint().contains("is not empty") && run.complaint().contains("--overwrite"), "{}", run.stderr);
    let options = ["--all-layers", "--overwrite"];
    let run = place.convert(&["1.gpkg", "mixed.csv"], "layers/deep", &options).expect_code(1);
    assert!(
        run.stderr.contains("layer mixed is not written: ") && run.stderr.contains("reference system"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("rows of 27 layers in 27 files") && run.stdout.contains("0 skipped, 2 failed"),
        "{}",
        run.stdout
    );
    assert_eq!(listing(&place.path("layers/deep")), written);

    // Where nothing can be written, nothing is made.
    let run = place.convert(&["mixed.csv"], "none", &["--all-layers", "--crs", "EPSG:0"]).expect_code(1);
    assert!(run.stderr.contains("--crs"), "{}", run.stderr);
    let run = place.convert(&["mixed.csv"], "mixed.csv", &["--all-layers"]).expect_code(2);
    assert!(run.complaint().contains("no directory"), "{}", run.stderr);
    place.convert(&["1.gpkg"], "none", &["--all-layers", "--layer", "point"]).expect_code(2);
    place.convert(&["missing.gpkg"], "none", &["--all-layers"]).expect_code(2);
    // What is in a damaged database could belong to any layer.
    std::fs::copy(fixture("vector/bad_truncated.gpkg"), place.path("3.gpkg")).unwrap();
    let run = place.convert(&["*.gpkg"], "none", &["--all-layers"]).expect_code(1);
    assert!(run.complaint().contains("3.gpkg: the GeoPackage is damaged"), "{}", run.stderr);
    assert!(!place.path("none").exists());
}

#[test]
fn layers_of_one_name_are_united_and_files_that_fail_spoil_only_theirs() {
    let place = Place::new();
    for department in ["D01", "D02"] {
        place.copy("vector/parcels.shp", &format!("{department}/PARCELLE.shp"));
        place.copy("vector/parcels.shp", &format!("{department}/ROUTE.shp"));
        place.write(&format!("{department}/commune.csv"), "nom,insee\nx,01001\n");
    }
    std::fs::write(place.path("D02/ROUTE.shp"), "cut").unwrap();
    std::fs::copy(fixture("vector/parcels.dbf"), place.path("D01/adresse.dbf")).unwrap();
    let run = place.convert(&["D01", "D02"], "out", &["--all-layers", "--format", "json"]).expect_code(1);
    let summary = run.json();
    assert_eq!((&summary["layers"][0]["layer"], &summary["layers"][0]["rows"]), (&"PARCELLE".into(), &6.into()));
    assert_eq!(summary["layers"][0]["inputs"], 2);
    assert_eq!(summary["failed"][0]["layer"], "ROUTE");
    assert!(summary["failed"][0]["error"].as_str().unwrap().contains("D02/ROUTE.shp"), "{summary}");
    let skipped: Vec<_> = summary["skipped"].as_array().unwrap().iter().map(|layer| &layer["layer"]).collect();
    assert_eq!(skipped, ["commune", "adresse"]);
    assert_eq!(listing(&place.path("out")), ["PARCELLE.parquet"]);
    // What was written is a dataset itself.
    let run = place.convert(&["out"], "again.parquet", &[]).expect_code(0);
    assert!(run.stdout.contains("6 rows in 1 row group"), "{}", run.stdout);
}

#[test]
fn a_partitioned_dataset_is_read_back() {
    let place = Place::new();
    for (part, rows) in [("01", 2), ("2A", 3)] {
        let properties = vec![r#"{"nom":"x"}"#; rows];
        let input = place.write(&format!("{part}.geojson"), &geojson(&properties));
        let directory = place.path(&format!("communes/dep={part}"));
        std::fs::create_dir_all(&directory).unwrap();
        parcelle::convert(input, directory.join("part-0.parquet")).run().unwrap();
    }
    place.write("communes/_index.json", "{}");
    let run = place.convert(&["communes"], "out.parquet", &[]).expect_code(0);
    assert!(run.stdout.contains("5 rows of 2 files"), "{}", run.stdout);
    assert!(run.stdout.contains("\nwarning: the column dep is not read: "), "{}", run.stdout);
    assert_eq!(columns(&read(&place.path("out.parquet"))), ["nom", "geometry", "bbox"]);
    let run = place.convert(&["communes"], "some.parquet", &["--select", "nom"]).expect_code(0);
    assert!(!run.stdout.contains("warning"), "{}", run.stdout);
    let part = "communes/dep=01/part-0.parquet";
    let run = place.convert(&[part], "one.parquet", &[]).expect_code(0);
    assert!(!run.stdout.contains("warning"), "{}", run.stdout);
}

#[test]
fn archives_in_a_directory_are_not_passed_over_in_silence() {
    let place = Place::new();
    let data = place.path("data");
    std::fs::create_dir_all(&data).unwrap();
    // An archive without members is one all the same.
    let mut empty = b"PK\x05\x06".to_vec();
    empty.resize(22, 0);
    std::fs::write(data.join("D01.zip"), empty).unwrap();
    let run = place.convert(&["data"], "out.parquet", &[]).expect_code(2);
    assert!(run.complaint().ends_with("/data/D01.zip"), "{}", run.stderr);
    place.write("data/a.geojson", &geojson(&[r#"{"v":1}"#]));
    let run = place.convert(&["data"], "out.parquet", &[]).expect_code(0);
    assert!(run.stdout.contains("/data/D01.zip is not read"), "{}", run.stdout);
    let run = place.convert(&["data"], "layers", &["--all-layers"]).expect_code(0);
    assert!(run.stdout.contains("/data/D01.zip is not read"), "{}", run.stdout);
}

#[test]
fn the_library_takes_many_inputs_too() {
    let place = Place::new();
    let first = place.write("a.geojson", &geojson(&[r#"{"v":1}"#, r#"{"v":null}"#]));
    let second = place.write("b.geojson", &geojson(&[r#"{"v":0.5}"#]));
    let output = place.path("out.parquet");
    let summary =
        parcelle::convert(&first, &output).input(&second).sort(Sort::None).reader(Reader::Native).run().unwrap();
    assert_eq!((summary.rows, summary.inputs, summary.layer.as_str()), (3, 2, "a, b"));
    let batch = read(&output);
    assert_eq!(batch.schema().field(0).data_type(), &DataType::Float64);
    let values: Vec<_> = batch.column(0).as_primitive::<Float64Type>().iter().collect();
    assert_eq!(values, [Some(1.0), None, Some(0.5)]);
    let layers = parcelle::convert_many([&first, &second], place.path("layers")).run_layers().unwrap();
    assert_eq!((layers.layers.len(), layers.failed.len()), (2, 0));
    let error = parcelle::convert_many(Vec::<PathBuf>::new(), place.path("none.parquet")).run().unwrap_err();
    assert!(error.is_usage(), "{error}");
}

#[test]
fn real_extracts_of_two_regions_become_one() {
    let corpus = top().join("../shared/corpus/vector");
    if !corpus.exists() {
        eprintln!("skipped: {} is not there", corpus.display());
        return;
    }
    let place = Place::new();
    let pattern = corpus.join("communes-*.geojson");
    let summary = parcelle::convert(&pattern, place.path("out.parquet")).run().unwrap();
    assert_eq!((summary.rows, summary.inputs), (1592, 2));
    let bdtopo = corpus.join("bdtopo_for_test.gpkg");
    let layers = parcelle::convert(&bdtopo, place.path("layers")).run_layers().unwrap();
    assert_eq!((layers.layers.len(), layers.failed.len()), (1, 0), "{layers:?}");
    // The database, and what was made of it.
    let both = [bdtopo.as_path(), &place.path("layers/batiment.parquet")];
    let summary = parcelle::convert_many(both, place.path("both.parquet")).run().unwrap();
    assert_eq!((summary.rows, summary.driver.as_str()), (12, "GPKG, Parquet"));
    assert_eq!(columns(&read(&place.path("both.parquet"))), columns(&read(&place.path("layers/batiment.parquet"))));
}
