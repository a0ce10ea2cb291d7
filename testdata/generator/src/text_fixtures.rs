//! GeoJSON, CSV and Shapefile fixtures.

use crate::fixture::{Content, Fixture};
use crate::wkb::{Position, Shape};

fn file(name: &str, bytes: Vec<u8>, about: &str) -> Fixture {
    Fixture { path: format!("vector/{name}"), content: Content::Bytes(bytes), verdict: None, about: about.to_owned() }
}

/// Names, populations and places; the numbers are rounded and the places approximate.
const TOWNS: [(&str, Option<i64>, f64, f64); 6] = [
    ("Besançon", Some(120_000), 6.02, 47.24),
    ("Saint-Étienne", Some(174_000), 4.39, 45.44),
    ("Nîmes", Some(148_000), 4.36, 43.84),
    ("Le \"Petit\" Hameau, bas", None, 2.5, 46.5),
    ("", Some(0), -1.15, 46.16),
    ("Sète", Some(44_000), 3.7, 43.4),
];

/// Every fixture that is text, and the Shapefile.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let mut fixtures = vec![
        file("towns.geojson", towns_geojson().into_bytes(), "points with text, numbers, booleans, NULLs and accents"),
        file("shapes.geojson", shapes_geojson().into_bytes(), "all geometry types, Z and a NULL geometry"),
        file("bad_cut.geojson", towns_geojson().into_bytes()[..400].to_vec(), "GeoJSON that ends in the middle"),
        file("places.csv", places_csv().into_bytes(), "CSV with a WKT column, quotes and empty fields"),
    ];
    fixtures.extend(shapefile());
    fixtures
}

fn json_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn towns_geojson() -> String {
    let features: Vec<_> = TOWNS
        .iter()
        .enumerate()
        .map(|(index, (name, population, x, y))| {
            let population = population.map_or("null".to_owned(), |number| number.to_string());
            format!(
                "{{\"type\":\"Feature\",\"id\":{id},\"properties\":{{\"name\":{name},\"population\":{population},\
                 \"density\":{density:?},\"coastal\":{coastal},\"surveyed\":\"2024-0{month}-15\"}},\
                 \"geometry\":{{\"type\":\"Point\",\"coordinates\":[{x:?},{y:?}]}}}}",
                id = 10 * (index + 1),
                name = json_text(name),
                density = index as f64 * 12.5,
                coastal = index > 3,
                month = index + 1,
            )
        })
        .collect();
    format!("{{\"type\":\"FeatureCollection\",\"name\":\"towns\",\"features\":[\n{}\n]}}\n", features.join(",\n"))
}

/// Without an empty polygon: GDAL 3.6 reads one as NULL, later releases as empty.
fn shapes_geojson() -> String {
    let geometries = [
        ("point z", r#"{"type":"Point","coordinates":[2.35,48.85,35.5]}"#),
        ("line", r#"{"type":"LineString","coordinates":[[2.0,48.0],[2.5,48.25],[3.0,48.0]]}"#),
        (
            "polygon with a hole",
            r#"{"type":"Polygon","coordinates":[[[1.0,45.0],[2.0,45.0],[2.0,46.0],[1.0,46.0],[1.0,45.0]],[[1.25,45.25],[1.25,45.75],[1.75,45.75],[1.75,45.25],[1.25,45.25]]]}"#,
        ),
        ("multipoint", r#"{"type":"MultiPoint","coordinates":[[4.0,44.0],[4.5,44.5]]}"#),
        ("multiline", r#"{"type":"MultiLineString","coordinates":[[[0.0,44.0],[0.5,44.5]],[[0.0,43.0],[0.5,43.5]]]}"#),
        (
            "multipolygon",
            r#"{"type":"MultiPolygon","coordinates":[[[[5.0,45.0],[5.5,45.0],[5.5,45.5],[5.0,45.0]]],[[[6.0,45.0],[6.5,45.0],[6.5,45.5],[6.0,45.0]]]]}"#,
        ),
        (
            "collection",
            r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[7.0,48.0]},{"type":"LineString","coordinates":[[7.0,48.0],[7.25,48.5]]}]}"#,
        ),
        ("no geometry", "null"),
    ];
    let features: Vec<_> = geometries
        .iter()
        .map(|(name, geometry)| {
            format!("{{\"type\":\"Feature\",\"properties\":{{\"name\":\"{name}\"}},\"geometry\":{geometry}}}")
        })
        .collect();
    format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n", features.join(",\n"))
}

fn places_csv() -> String {
    let mut text = String::from("WKT,name,population\n");
    for (name, population, x, y) in TOWNS {
        let shape = Shape::Point(Some([x, y, 0.0, 0.0]));
        let name = format!("\"{}\"", name.replace('"', "\"\""));
        let population = population.map_or(String::new(), |number| number.to_string());
        text.push_str(&format!("\"{}\",{name},{population}\n", shape.wkt()));
    }
    text
}

/// Three parcels in EPSG:2154 with a text, a number and a date (ESRI Shapefile Technical Description, 1998; dBASE III).
fn shapefile() -> Vec<Fixture> {
    let parcels = [("Pré haut", 1_250.5, "20240229"), ("Clos", 310.0, "19991231"), ("", 0.0, "        ")];
    let rings: Vec<Vec<Position>> = (0..parcels.len())
        .map(|index| {
            let (x, y) = (652_000.0 + 100.0 * index as f64, 6_862_000.0);
            // Outer rings go clockwise in a Shapefile.
            [(0.0, 0.0), (0.0, 40.5), (60.25, 40.5), (60.25, 0.0), (0.0, 0.0)]
                .map(|(dx, dy)| [x + dx, y + dy, 0.0, 0.0])
                .to_vec()
        })
        .collect();
    let bounds = |positions: &[Position]| {
        let fold = |slot: usize, start: f64, pick: fn(f64, f64) -> f64| {
            positions.iter().map(|position| position[slot]).fold(start, pick)
        };
        [
            fold(0, f64::INFINITY, f64::min),
            fold(1, f64::INFINITY, f64::min),
            fold(0, f64::NEG_INFINITY, f64::max),
            fold(1, f64::NEG_INFINITY, f64::max),
        ]
    };
    let header = |words: usize| {
        let mut bytes = Vec::new();
        bytes.extend(9994u32.to_be_bytes());
        bytes.extend([0; 20]);
        bytes.extend((words as u32).to_be_bytes());
        bytes.extend(1000u32.to_le_bytes());
        bytes.extend(5u32.to_le_bytes());
        bytes.extend(bounds(&rings.concat()).iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend([0; 32]);
        bytes
    };
    let (mut records, mut index) = (Vec::new(), Vec::new());
    for (number, ring) in rings.iter().enumerate() {
        let mut content = 5u32.to_le_bytes().to_vec();
        content.extend(bounds(ring).iter().flat_map(|value| value.to_le_bytes()));
        for value in [1, ring.len() as u32, 0] {
            content.extend(value.to_le_bytes());
        }
        content.extend(ring.iter().flat_map(|[x, y, ..]| [*x, *y]).flat_map(f64::to_le_bytes));
        let words = (content.len() / 2) as u32;
        index.extend((50 + (records.len() / 2) as u32).to_be_bytes());
        index.extend(words.to_be_bytes());
        records.extend((number as u32 + 1).to_be_bytes());
        records.extend(words.to_be_bytes());
        records.extend(content);
    }
    let shp: Vec<u8> = header(50 + records.len() / 2).into_iter().chain(records).collect();
    let shx: Vec<u8> = header(50 + index.len() / 2).into_iter().chain(index).collect();

    let fields: [(&str, u8, u8, u8); 3] = [("NAME", b'C', 20, 0), ("AREA", b'N', 12, 2), ("SURVEYED", b'D', 8, 0)];
    let record_length = 1 + fields.iter().map(|field| u16::from(field.2)).sum::<u16>();
    let mut dbf = vec![3, 124, 1, 1];
    dbf.extend((parcels.len() as u32).to_le_bytes());
    dbf.extend((32 + 32 * fields.len() as u16 + 1).to_le_bytes());
    dbf.extend(record_length.to_le_bytes());
    dbf.extend([0; 20]);
    for (name, kind, length, decimals) in fields {
        let mut field = name.as_bytes().to_vec();
        field.resize(11, 0);
        field.push(kind);
        field.extend([0; 4]);
        field.extend([length, decimals]);
        field.resize(32, 0);
        dbf.extend(field);
    }
    dbf.push(0x0D);
    for (name, area, surveyed) in parcels {
        dbf.push(b' ');
        let mut text = name.as_bytes().to_vec();
        text.resize(20, b' ');
        dbf.extend(text);
        dbf.extend(format!("{area:12.2}").bytes());
        dbf.extend(surveyed.bytes());
    }
    dbf.push(0x1A);

    vec![
        file("parcels.shp", shp, "a Shapefile of three polygons in EPSG:2154"),
        file("parcels.shx", shx, "its index"),
        file("parcels.dbf", dbf, "its attributes: a text, a number, a date"),
        file("parcels.prj", crate::crs::LAMBERT_93.as_bytes().to_vec(), "its coordinate reference system"),
        file("parcels.cpg", b"UTF-8".to_vec(), "its encoding"),
    ]
}
