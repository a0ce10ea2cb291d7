//! The GeoPackages of `testdata/`: what the format allows, and what arrives broken.

use std::error::Error;

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use crate::database::{bytes_of, quote};
use crate::fixture::{Content, Fixture};
use crate::geopackage::{Envelope, GeometryColumn, Header, Table, blob, create, create_table, register};
use crate::random::Random;
use crate::wkb::{Collection, Dimension, Encoding, Position, Shape};

type Made = Result<Fixture, Box<dyn Error>>;

const LAMBERT: i32 = 2154;
const HEADER: Header = Header { big_endian: false, envelope: Envelope::Xy, srs_id: LAMBERT };

fn package(
    name: &str,
    about: &str,
    page_size: u32,
    fill: impl FnOnce(&Connection) -> Result<(), Box<dyn Error>>,
) -> Made {
    let bytes = bytes_of(|path| fill(&create(path, page_size)?))?;
    Ok(Fixture {
        path: format!("vector/{name}.gpkg"),
        content: Content::Database(bytes),
        verdict: None,
        about: about.to_owned(),
    })
}

/// Every GeoPackage fixture.
pub(crate) fn fixtures() -> Result<Vec<Fixture>, Box<dyn Error>> {
    let types = column_types()?;
    let cut = match &types.content {
        Content::Database(bytes) => bytes[..bytes.len() / 2].to_vec(),
        Content::Bytes(bytes) | Content::CutDatabase(bytes) => bytes.clone(),
    };
    let plain_database = bytes_of(|path| {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT); INSERT INTO notes VALUES (1, 'no map')",
        )?;
        Ok(())
    })?;
    let broken = |name: &str, content: Content, about: &str| Fixture {
        path: format!("vector/{name}.gpkg"),
        content,
        verdict: None,
        about: about.to_owned(),
    };
    Ok(vec![
        types,
        geometries()?,
        headers()?,
        reference_systems()?,
        sparse_ids()?,
        odd_names()?,
        hollow_layers()?,
        view_layer()?,
        date_times()?,
        bad_geometries()?,
        bad_date_times()?,
        bad_values()?,
        broken("bad_truncated", Content::CutDatabase(cut), "a GeoPackage cut in half"),
        broken(
            "bad_text",
            Content::Bytes(b"This is not a GeoPackage, only its name is.\n".to_vec()),
            "a text under the name of a GeoPackage",
        ),
        broken("bad_empty", Content::Bytes(Vec::new()), "no byte at all"),
        broken(
            "bad_plain_sqlite",
            Content::Database(plain_database),
            "an SQLite database without the tables of a GeoPackage",
        ),
    ])
}

fn position(x: f64, y: f64) -> Position {
    [x, y, (x + y) % 97.0, (x * 2.0 + y) % 89.0]
}

/// A square with its lower left corner at a place; counterclockwise, closed.
fn square(x: f64, y: f64, size: f64) -> Vec<Position> {
    [(0.0, 0.0), (size, 0.0), (size, size), (0.0, size), (0.0, 0.0)].map(|(dx, dy)| position(x + dx, y + dy)).to_vec()
}

/// One shape of each type around a place.
fn shapes(x: f64, y: f64) -> Vec<Shape> {
    let point = Shape::Point(Some(position(x, y)));
    let line = Shape::LineString(vec![position(x, y), position(x + 10.25, y + 4.5), position(x + 12.0, y - 3.75)]);
    let mut hole = square(x + 2.0, y + 2.0, 3.0);
    hole.reverse();
    let polygon = Shape::Polygon(vec![square(x, y, 20.0), hole]);
    let other_polygon = Shape::Polygon(vec![square(x + 40.0, y, 5.5)]);
    let many = |collection, parts| Shape::Collected(collection, parts);
    vec![
        point.clone(),
        line.clone(),
        polygon.clone(),
        many(Collection::Points, vec![point.clone(), Shape::Point(Some(position(x + 1.0, y + 1.0)))]),
        many(
            Collection::LineStrings,
            vec![line.clone(), Shape::LineString(vec![position(x, y), position(x, y + 9.0)])],
        ),
        many(Collection::Polygons, vec![polygon.clone(), other_polygon]),
        many(Collection::Mixed, vec![point, line, polygon]),
    ]
}

fn insert(
    connection: &Connection,
    table: &str,
    id: Option<i64>,
    geometry: Option<Vec<u8>>,
    attributes: Vec<Value>,
) -> Result<(), Box<dyn Error>> {
    let mut values = vec![id.map_or(Value::Null, Value::Integer), geometry.map_or(Value::Null, Value::Blob)];
    values.extend(attributes);
    let places: Vec<_> = (1..=values.len()).map(|place| format!("?{place}")).collect();
    let sql = format!("INSERT INTO {} VALUES ({})", quote(table), places.join(", "));
    connection.execute(&sql, params_from_iter(values))?;
    Ok(())
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn column_types() -> Made {
    package(
        "column_types",
        "every column type of the format; typical, extreme, empty and NULL values",
        1024,
        |connection| {
            let columns = [
                ("boolean", "BOOLEAN"),
                ("tinyint", "TINYINT"),
                ("smallint", "SMALLINT"),
                ("mediumint", "MEDIUMINT"),
                ("int", "INT"),
                ("integer", "INTEGER"),
                ("float", "FLOAT"),
                ("double", "DOUBLE"),
                ("real", "REAL"),
                ("text", "TEXT"),
                ("text_20", "TEXT(20)"),
                ("blob", "BLOB"),
                ("blob_8", "BLOB(8)"),
                ("date", "DATE"),
                ("datetime", "DATETIME"),
            ];
            let geometry = GeometryColumn::new("POINT", LAMBERT, Dimension::Xy);
            create_table(
                connection,
                &Table { name: "types", key: "fid", columns: &columns, geometry: Some(geometry) },
            )?;
            let (integer, real, bytes) = (Value::Integer, Value::Real, Value::Blob);
            let rows = [
                vec![
                    integer(1),
                    integer(-100),
                    integer(-30_000),
                    integer(-2_000_000_000),
                    integer(-9_000_000_000),
                    integer(42),
                    real(1.5),
                    real(0.1),
                    real(-2.25),
                    text("Ville de Besançon"),
                    text("vingt"),
                    bytes(vec![0, 1, 2, 255]),
                    bytes(vec![8; 8]),
                    text("2024-02-29"),
                    text("2024-02-29T12:34:56.789Z"),
                ],
                vec![
                    integer(0),
                    integer(127),
                    integer(32_767),
                    integer(2_147_483_647),
                    integer(i64::MAX),
                    integer(i64::MIN),
                    real(3.402_823_466_385_288_6e38),
                    real(f64::MAX),
                    real(f64::MIN_POSITIVE),
                    text("日本語 \u{1F30D} \"quoted\", 'single'\nnew line\ttab"),
                    text(""),
                    bytes(Vec::new()),
                    bytes(vec![0]),
                    text("9999-12-31"),
                    text("2038-01-19T03:14:08Z"),
                ],
                vec![
                    integer(1),
                    integer(-128),
                    integer(-32_768),
                    integer(-2_147_483_648),
                    integer(0),
                    integer(0),
                    real(-0.0),
                    real(5e-324),
                    real(1e300),
                    text(" leading and trailing "),
                    text("é".repeat(20).as_str()),
                    bytes((0..=255).collect()),
                    bytes(b"12345678".to_vec()),
                    text("1582-10-15"),
                    text("1969-12-31T23:59:59.999Z"),
                ],
                vec![Value::Null; 15],
            ];
            for (index, row) in rows.into_iter().enumerate() {
                let shape = Shape::Point(Some(position(652_000.5 + index as f64, 6_862_000.25)));
                insert(connection, "types", None, Some(blob(&shape, Dimension::Xy, HEADER, Encoding::ISO)), row)?;
            }
            Ok(())
        },
    )
}

fn geometries() -> Made {
    package(
        "geometries",
        "a layer for each geometry type and dimension with an empty and a NULL geometry, and one with all types",
        512,
        |connection| {
            let columns = [("name", "TEXT")];
            for dimension in Dimension::ALL {
                for shape in shapes(652_000.5, 6_862_000.25) {
                    let name = format!("{}{}", shape.type_name().to_lowercase(), dimension.suffix());
                    let geometry = GeometryColumn::new(shape.type_name(), LAMBERT, dimension);
                    create_table(
                        connection,
                        &Table { name: &name, key: "fid", columns: &columns, geometry: Some(geometry) },
                    )?;
                    let whole = blob(&shape, dimension, HEADER, Encoding::ISO);
                    let empty = blob(&shape.emptied(), dimension, HEADER, Encoding::ISO);
                    insert(connection, &name, None, Some(whole), vec![text("whole")])?;
                    insert(connection, &name, None, Some(empty), vec![text("empty")])?;
                    insert(connection, &name, None, None, vec![text("null")])?;
                }
            }
            let mixed = GeometryColumn { z: 2, m: 2, ..GeometryColumn::new("GEOMETRY", LAMBERT, Dimension::Xy) };
            create_table(connection, &Table { name: "mixed", key: "fid", columns: &columns, geometry: Some(mixed) })?;
            for (index, dimension) in Dimension::ALL.into_iter().enumerate() {
                for shape in shapes(653_000.0 + index as f64 * 100.0, 6_863_000.0) {
                    let name = format!("{}{}", shape.type_name(), dimension.suffix());
                    let geometry = blob(&shape, dimension, HEADER, Encoding::ISO);
                    insert(connection, "mixed", None, Some(geometry), vec![text(&name)])?;
                }
            }
            Ok(())
        },
    )
}

fn headers() -> Made {
    package(
        "headers",
        "every envelope code with both byte orders of header and geometry; a layer in extended WKB",
        512,
        |connection| {
            let columns = [("envelope", "TINYINT"), ("header_big_endian", "BOOLEAN"), ("wkb_big_endian", "BOOLEAN")];
            for (name, extended) in [("iso", false), ("extended", true)] {
                let geometry = GeometryColumn::new("LINESTRING", LAMBERT, Dimension::Xyzm);
                create_table(connection, &Table { name, key: "fid", columns: &columns, geometry: Some(geometry) })?;
                let mut row = 0.0;
                for envelope in Envelope::ALL {
                    for (header_order, wkb_order) in [(false, false), (false, true), (true, false), (true, true)] {
                        row += 1.0;
                        let shape = Shape::LineString(vec![
                            position(652_000.0 + row, 6_862_000.0),
                            position(652_010.5, 6_862_003.25 + row),
                        ]);
                        let header = Header { big_endian: header_order, envelope, srs_id: LAMBERT };
                        let encoding = Encoding { big_endian: wkb_order, extended };
                        let attributes = [envelope as i64, i64::from(header_order), i64::from(wkb_order)]
                            .map(Value::Integer)
                            .to_vec();
                        insert(
                            connection,
                            name,
                            None,
                            Some(blob(&shape, Dimension::Xyzm, header, encoding)),
                            attributes,
                        )?;
                    }
                }
            }
            Ok(())
        },
    )
}

fn reference_systems() -> Made {
    package(
        "reference_systems",
        "layers in EPSG:2154, 4326 and 3857, undefined (-1 and 0), and in a system no registry knows",
        512,
        |connection| {
            for (name, srs_id, x, y) in [
                ("lambert_93", 2154, 652_000.5, 6_862_000.25),
                ("wgs_84", 4326, 2.3522, 48.8566),
                ("web_mercator", 3857, 261_845.7, 6_250_564.3),
                ("undefined_cartesian", -1, 12.5, -7.25),
                ("undefined_geographic", 0, -61.5, 16.25),
                ("site_grid", 100_000, 5_120.75, 8_034.5),
            ] {
                let geometry = GeometryColumn::new("POINT", srs_id, Dimension::Xy);
                create_table(
                    connection,
                    &Table { name, key: "fid", columns: &[("name", "TEXT")], geometry: Some(geometry) },
                )?;
                for index in 0..3 {
                    let shape = Shape::Point(Some(position(x + f64::from(index), y)));
                    let header = Header { srs_id, ..HEADER };
                    let geometry = blob(&shape, Dimension::Xy, header, Encoding::ISO);
                    insert(connection, name, None, Some(geometry), vec![text(name)])?;
                }
            }
            Ok(())
        },
    )
}

fn sparse_ids() -> Made {
    package(
        "sparse_ids",
        "feature ids with wide gaps up to the largest, stored in another order than inserted",
        1024,
        |connection| {
            let geometry = GeometryColumn::new("POINT", LAMBERT, Dimension::Xy);
            create_table(
                connection,
                &Table { name: "sparse", key: "id", columns: &[("rank", "INTEGER")], geometry: Some(geometry) },
            )?;
            let mut random = Random::new(7);
            let mut ids = vec![1, 2, 1_000_000, 5_000_000_000, i64::MAX - 1];
            ids.extend((0..95).map(|_| 3 + random.below(900_000) as i64));
            ids.sort_unstable();
            ids.dedup();
            for rank in (0..ids.len()).rev() {
                let shape = Shape::Point(Some(position(652_000.0 + rank as f64, 6_862_000.0)));
                let geometry = blob(&shape, Dimension::Xy, HEADER, Encoding::ISO);
                insert(connection, "sparse", Some(ids[rank]), Some(geometry), vec![Value::Integer(rank as i64)])?;
            }
            Ok(())
        },
    )
}

fn odd_names() -> Made {
    package(
        "noms d'îlots été",
        "spaces, quotes, accents and a reserved word in the names of file, layer and columns",
        512,
        |connection| {
            let layer = "îlots \"bâtis\" d'été";
            let columns = [
                ("nom de l'îlot", "TEXT"),
                ("\"cité\"", "INTEGER"),
                ("select", "REAL"),
                ("a.b", "TEXT"),
                ("Ünïcode \u{1F30D}", "BOOLEAN"),
            ];
            let geometry =
                GeometryColumn { name: "géométrie", ..GeometryColumn::new("POLYGON", LAMBERT, Dimension::Xy) };
            create_table(connection, &Table { name: layer, key: "clé", columns: &columns, geometry: Some(geometry) })?;
            for index in 0..4 {
                let shape = Shape::Polygon(vec![square(652_000.0 + 30.0 * f64::from(index), 6_862_000.0, 20.0)]);
                let attributes = vec![
                    text(&format!("Îlot n°{index}")),
                    Value::Integer(i64::from(index)),
                    Value::Real(f64::from(index) / 4.0),
                    text("point"),
                    Value::Integer(i64::from(index % 2)),
                ];
                insert(connection, layer, None, Some(blob(&shape, Dimension::Xy, HEADER, Encoding::ISO)), attributes)?;
            }
            Ok(())
        },
    )
}

fn hollow_layers() -> Made {
    package(
        "hollow_layers",
        "a layer without rows, one with NULL and empty geometries only, and a table without geometry",
        1024,
        |connection| {
            let geometry = || Some(GeometryColumn::new("POLYGON", LAMBERT, Dimension::Xy));
            let columns = [("name", "TEXT")];
            create_table(connection, &Table { name: "no_rows", key: "fid", columns: &columns, geometry: geometry() })?;
            create_table(
                connection,
                &Table { name: "no_positions", key: "fid", columns: &columns, geometry: geometry() },
            )?;
            let empty = blob(&Shape::Polygon(Vec::new()), Dimension::Xy, HEADER, Encoding::ISO);
            for geometry in [None, Some(empty.clone()), None, Some(empty)] {
                insert(connection, "no_positions", None, geometry, vec![text("hollow")])?;
            }
            create_table(connection, &Table { name: "no_geometry", key: "fid", columns: &columns, geometry: None })?;
            connection.execute("INSERT INTO no_geometry VALUES (1, ?1), (2, NULL)", params!["attributes only"])?;
            Ok(())
        },
    )
}

fn view_layer() -> Made {
    package("view_layer", "a layer that is a view: its rows have no rowid of their own", 1024, |connection| {
        let columns = [("name", "TEXT"), ("kept", "BOOLEAN")];
        let geometry = GeometryColumn::new("POINT", LAMBERT, Dimension::Xy);
        create_table(
            connection,
            &Table { name: "all_points", key: "fid", columns: &columns, geometry: Some(geometry.clone()) },
        )?;
        for index in 0..10 {
            let shape = Shape::Point(Some(position(652_000.0 + index as f64, 6_862_000.0)));
            let attributes = vec![text(&format!("point {index}")), Value::Integer(index % 2)];
            insert(
                connection,
                "all_points",
                None,
                Some(blob(&shape, Dimension::Xy, HEADER, Encoding::ISO)),
                attributes,
            )?;
        }
        connection.execute_batch(
            "CREATE VIEW kept_points AS SELECT fid AS OGC_FID, geom, name FROM all_points WHERE kept = 1",
        )?;
        register(connection, &Table { name: "kept_points", key: "OGC_FID", columns: &[], geometry: Some(geometry) })
    })
}

/// A layer with one point and one DATETIME for each text.
fn dated_layer(connection: &Connection, name: &str, texts: &[&str]) -> Result<(), Box<dyn Error>> {
    let geometry = GeometryColumn::new("POINT", LAMBERT, Dimension::Xy);
    let columns = [("surveyed", "DATETIME")];
    create_table(connection, &Table { name, key: "fid", columns: &columns, geometry: Some(geometry) })?;
    for (index, surveyed) in texts.iter().enumerate() {
        let shape = Shape::Point(Some(position(652_000.0 + index as f64, 6_862_000.0)));
        let geometry = blob(&shape, Dimension::Xy, HEADER, Encoding::ISO);
        insert(connection, name, None, Some(geometry), vec![text(surveyed)])?;
    }
    Ok(())
}

fn date_times() -> Made {
    package(
        "date_times",
        "spellings of DATETIME that real extracts have: 60 seconds, no zone, an offset, no seconds, no time",
        1024,
        |connection| {
            let texts = [
                "2019-01-24T09:59:59.000Z",
                "2019-01-24T09:59:60.000Z",
                "2019-12-31T23:59:60.000",
                "2019-01-24T09:59:59",
                "2019-01-24 09:59:59",
                "2019-01-24T09:59:59.5Z",
                "2019-01-24T09:59:59+02:00",
                "2019-01-24T09:59Z",
                "2019-01-24",
            ];
            dated_layer(connection, "spellings", &texts)
        },
    )
}

fn bad_date_times() -> Made {
    package(
        "bad_date_times",
        "layers whose second DATETIME is none; GDAL makes another day of each, in silence",
        1024,
        |connection| {
            for (name, broken) in
                [("no_such_day", "2019-02-30T00:00:00Z"), ("no_date", "not known"), ("empty_text", "")]
            {
                dated_layer(connection, name, &["2019-01-24T09:59:59.000Z", broken, "2019-01-25T09:59:59.000Z"])?;
            }
            Ok(())
        },
    )
}

fn bad_values() -> Made {
    package(
        "bad_values",
        "layers whose second value does not fit its column; GDAL makes another value of each, in silence",
        512,
        |connection| {
            for (name, declared, good, broken) in [
                ("text_in_integer", "INTEGER", "1", "'abc'"),
                ("fraction_in_integer", "INTEGER", "1", "1.5"),
                ("too_large_for_smallint", "SMALLINT", "1", "70000"),
                ("too_large_for_float", "FLOAT", "1.0", "1e300"),
                ("text_in_boolean", "BOOLEAN", "1", "'true'"),
                ("binary_in_text", "TEXT", "'a'", "x'FF41'"),
                ("not_utf_8", "TEXT", "'a'", "CAST(x'FF41' AS TEXT)"),
            ] {
                let geometry = GeometryColumn::new("POINT", LAMBERT, Dimension::Xy);
                let columns = [("value", declared)];
                create_table(connection, &Table { name, key: "fid", columns: &columns, geometry: Some(geometry) })?;
                let shape = Shape::Point(Some(position(652_000.0, 6_862_000.0)));
                let geometry = blob(&shape, Dimension::Xy, HEADER, Encoding::ISO);
                for value in [good, broken, good] {
                    let sql = format!("INSERT INTO {} VALUES (NULL, ?1, {value})", quote(name));
                    connection.execute(&sql, params![geometry])?;
                }
            }
            Ok(())
        },
    )
}

fn bad_geometries() -> Made {
    package(
        "bad_geometries",
        "layers whose third geometry is cut, has another magic, an unknown type, or a count beyond its bytes",
        512,
        |connection| {
            let columns = [("name", "TEXT")];
            let whole =
                blob(&Shape::Polygon(vec![square(652_000.0, 6_862_000.0, 9.0)]), Dimension::Xy, HEADER, Encoding::ISO);
            // Header of 8 bytes, envelope of 32, byte order of 1: then type, number of rings, number of positions.
            let altered = |place: usize, bytes: &[u8]| {
                let mut copy = whole.clone();
                copy[place..place + bytes.len()].copy_from_slice(bytes);
                copy
            };
            for (name, broken) in [
                ("cut", whole[..whole.len() - 11].to_vec()),
                ("wrong_magic", altered(0, b"XY")),
                ("unknown_type", altered(41, &[99, 0, 0, 0])),
                ("count_beyond_bytes", altered(49, &[0xFF, 0xFF, 0xFF, 0x7F])),
            ] {
                let geometry = GeometryColumn::new("POLYGON", LAMBERT, Dimension::Xy);
                create_table(connection, &Table { name, key: "fid", columns: &columns, geometry: Some(geometry) })?;
                for row in 0..5 {
                    let geometry = if row == 2 { broken.clone() } else { whole.clone() };
                    insert(connection, name, None, Some(geometry), vec![text(&format!("row {row}"))])?;
                }
            }
            Ok(())
        },
    )
}
