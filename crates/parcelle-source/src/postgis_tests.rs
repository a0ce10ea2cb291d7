//! A real PostGIS, where the environment names one.

use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{Date32Type, Int64Type};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use parcelle_geometry::scan;

use crate::tests::options;
use crate::{Reader, open};

/// What names a database that may be written to, as a connection string: `PG:host=localhost dbname=test password=…`.
const VARIABLE: &str = "PARCELLE_POSTGIS";

fn execute(target: &str, statements: &[&str]) {
    let open_flags = GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_UPDATE;
    let dataset = Dataset::open_ex(target, DatasetOptions { open_flags, ..DatasetOptions::default() }).unwrap();
    for statement in statements {
        dataset.execute_sql(statement, None, gdal::vector::sql::Dialect::DEFAULT).unwrap();
    }
}

#[test]
fn tables_and_views_of_schemas_are_read() {
    let Ok(target) = std::env::var(VARIABLE) else {
        eprintln!("skipped: {VARIABLE} names no PostGIS database");
        return;
    };
    let rows = "insert into parcelle_test.t (name, day, geom) values
        ('é', '2024-02-29', st_geomfromtext('MULTIPOLYGON Z (((0 0 1, 1 0 1, 1 1 1, 0 0 1)))', 2154)),
        (null, '1969-12-31', null), ('c', null, st_geomfromtext('MULTIPOLYGON Z EMPTY', 2154))";
    execute(
        &target,
        &[
            "drop schema if exists parcelle_test cascade",
            "create schema parcelle_test",
            "create table parcelle_test.t (id serial primary key, name text, day date, number bigint default 7, \
             geom geometry(MultiPolygonZ, 2154))",
            rows,
            "create view parcelle_test.v as select id, name, day, geom from parcelle_test.t where id < 3",
        ],
    );
    let read = |name: &str| {
        let options = crate::OpenOptions { layer: Some(name.to_owned()), ..options(Reader::Auto) };
        let layer = open(Path::new(&target), &options).unwrap();
        let mut batches = Vec::new();
        for split in layer.splits(1000).unwrap() {
            layer
                .read(&split, &mut |batch| {
                    batches.push(batch);
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
        }
        assert_eq!((layer.name(), layer.driver()), (name, "GDAL/PostgreSQL"));
        arrow::compute::concat_batches(&layer.schema(), &batches).unwrap()
    };
    let table = read("parcelle_test.t");
    assert_eq!(table.num_rows(), 3);
    let names = table.column_by_name("name").unwrap();
    let names: Vec<_> = names.as_string::<i32>().iter().collect();
    assert_eq!(names, [Some("é"), None, Some("c")]);
    let days: Vec<_> = table.column_by_name("day").unwrap().as_primitive::<Date32Type>().iter().collect();
    assert_eq!(days, [Some(19782), Some(-1), None]);
    let numbers = table.column_by_name("number").unwrap().as_primitive::<Int64Type>();
    assert_eq!(numbers.values(), &[7, 7, 7]);
    let schema = table.schema();
    let geometry = schema.field_with_name("geom").unwrap();
    assert!(geometry.metadata()["ARROW:extension:metadata"].contains("Lambert-93"));
    let wkb = table.column_by_name("geom").unwrap().as_binary::<i32>();
    assert_eq!(scan(wkb.value(0)).unwrap().geometry_type.to_string(), "MultiPolygon Z");
    assert!(arrow::array::Array::is_null(wkb, 1) && scan(wkb.value(2)).unwrap().is_empty);
    assert_eq!(read("parcelle_test.v").num_rows(), 2);
    // The database does not list what has been made since it was opened, nor what is of no known type.
    execute(
        &target,
        &["create table parcelle_test.unlisted as select 1 as id, date '1969-12-31' as day, \
        st_geomfromtext('POINT (1 2)', 2154)::bytea::geometry as geom"],
    );
    let unlisted = read("parcelle_test.unlisted");
    let day = unlisted.column_by_name("day").unwrap().as_primitive::<Date32Type>().value(0);
    assert_eq!((unlisted.num_rows(), day), (1, -1));

    // Rows of a table of many pages come in the order of the table, however often it is read at a time.
    execute(
        &target,
        &[
            "create table parcelle_test.many as select g as id, (date '1969-12-31' + (g::bigint * 7919 % 13 < 6)::int) as day, \
           repeat('x', 400) as filler, st_setsrid(st_makepoint(g, 1), 2154) as geom from generate_series(1, 120000) g",
        ],
    );
    let many = read("parcelle_test.many");
    let ids = many.column_by_name("id").unwrap().as_primitive::<arrow::datatypes::Int32Type>();
    let days = many.column_by_name("day").unwrap().as_primitive::<Date32Type>();
    assert_eq!(many.num_rows(), 120_000);
    for (row, (id, day)) in ids.values().iter().zip(days.values()).enumerate() {
        let is_later = i64::from(*id) * 7919 % 13 < 6;
        assert_eq!((*id, *day), (row as i32 + 1, i32::from(is_later) - 1), "row {row}");
    }
    execute(&target, &["drop schema parcelle_test cascade"]);
}
