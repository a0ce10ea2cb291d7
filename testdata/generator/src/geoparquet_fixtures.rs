//! The GeoParquet files of `testdata/geoparquet/`: parcels in Lambert-93, each file with one planted defect or none.

use std::error::Error;

use parquet::basic::Repetition;
use serde_json::{Value, json};

use crate::fixture::{Content, Fixture, Verdict};
use crate::parquet_file::{Column, Kind, ParquetFile};
use crate::wkb::{Collection, Dimension, Encoding, Position, Shape};

/// A file before it is written: a sound one, in which a fixture changes one thing.
#[derive(Debug, Clone)]
struct Draft {
    geo: Value,
    /// Entries instead of `geo`.
    entries: Option<Vec<(&'static str, String)>>,
    shapes: Vec<Option<Shape>>,
    dimension: Dimension,
    encoding: Encoding,
    kind: Kind,
    repetition: Repetition,
    covering: Option<Covering>,
    /// Boxes instead of those of the shapes.
    boxes: Option<Vec<Option<Vec<f64>>>>,
    group_rows: usize,
    without_statistics: Vec<&'static str>,
    more: Vec<Column>,
}

#[derive(Debug, Clone)]
struct Covering {
    optional: bool,
    children: Vec<(&'static str, bool)>,
}

/// The covering as the specification has it, in single precision.
const SINGLE: [(&str, bool); 4] = [("xmin", false), ("ymin", false), ("xmax", false), ("ymax", false)];

fn lambert_93() -> Value {
    let parameter = |name: &str, value: f64, unit: &str, code: u32| json!({"name": name, "value": value, "unit": unit, "id": {"authority": "EPSG", "code": code}});
    json!({
        "type": "ProjectedCRS",
        "name": "RGF93 v1 / Lambert-93",
        "base_crs": geographic("RGF93 v1", "Reseau Geodesique Francais 1993 v1", 298.257_222_101, None, 4171),
        "conversion": {
            "name": "Lambert-93",
            "method": {"name": "Lambert Conic Conformal (2SP)", "id": {"authority": "EPSG", "code": 9802}},
            "parameters": [
                parameter("Latitude of false origin", 46.5, "degree", 8821),
                parameter("Longitude of false origin", 3.0, "degree", 8822),
                parameter("Latitude of 1st standard parallel", 49.0, "degree", 8823),
                parameter("Latitude of 2nd standard parallel", 44.0, "degree", 8824),
                parameter("Easting at false origin", 700_000.0, "metre", 8826),
                parameter("Northing at false origin", 6_600_000.0, "metre", 8827),
            ],
        },
        "coordinate_system": {"subtype": "Cartesian", "axis": [
            {"name": "Easting", "abbreviation": "X", "direction": "east", "unit": "metre"},
            {"name": "Northing", "abbreviation": "Y", "direction": "north", "unit": "metre"},
        ]},
        "area": "France - onshore and offshore, mainland and Corsica.",
        "bbox": {"south_latitude": 41.15, "west_longitude": -9.86, "north_latitude": 51.56, "east_longitude": 10.38},
        "id": {"authority": "EPSG", "code": 2154},
    })
}

fn geographic(name: &str, datum: &str, flattening: f64, bbox: Option<[f64; 4]>, code: u32) -> Value {
    let mut crs = json!({
        "type": "GeographicCRS",
        "name": name,
        "datum": {"type": "GeodeticReferenceFrame", "name": datum, "ellipsoid": {
            "name": "GRS 1980", "semi_major_axis": 6_378_137, "inverse_flattening": flattening}},
        "coordinate_system": {"subtype": "ellipsoidal", "axis": [
            {"name": "Geodetic latitude", "abbreviation": "Lat", "direction": "north", "unit": "degree"},
            {"name": "Geodetic longitude", "abbreviation": "Lon", "direction": "east", "unit": "degree"},
        ]},
        "id": {"authority": "EPSG", "code": code},
    });
    if let Some([west, south, east, north]) = bbox {
        crs["bbox"] =
            json!({"south_latitude": south, "west_longitude": west, "north_latitude": north, "east_longitude": east});
    }
    crs
}

/// The system of France in degrees.
fn rgf93() -> Value {
    let area = Some([-9.86, 41.15, 10.38, 51.56]);
    geographic("RGF93 v1", "Reseau Geodesique Francais 1993 v1", 298.257_222_101, area, 4171)
}

fn square(x: f64, y: f64, size: f64) -> Vec<Position> {
    [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
        .map(|(across, up)| [x + across * size, y + up * size, 35.0, 0.0])
        .to_vec()
}

/// Squares of 40 metres in a row.
fn parcels(rows: usize) -> Vec<Option<Shape>> {
    (0..rows).map(|row| Some(Shape::Polygon(vec![square(652_000.0 + 50.0 * row as f64, 6_862_000.0, 40.0)]))).collect()
}

impl Draft {
    /// GeoParquet 1.1 with a covering.
    fn new() -> Self {
        let shapes = parcels(4);
        let geo = json!({
            "version": "1.1.0",
            "primary_column": "geometry",
            "columns": {"geometry": {
                "encoding": "WKB",
                "geometry_types": ["Polygon"],
                "crs": lambert_93(),
                "bbox": bbox(&shapes),
                "covering": {"bbox": {
                    "xmin": ["bbox", "xmin"], "ymin": ["bbox", "ymin"], "xmax": ["bbox", "xmax"], "ymax": ["bbox", "ymax"]}},
            }},
        });
        Self {
            geo,
            entries: None,
            shapes,
            dimension: Dimension::Xy,
            encoding: Encoding::ISO,
            kind: Kind::Plain,
            repetition: Repetition::OPTIONAL,
            covering: Some(Covering { optional: true, children: SINGLE.to_vec() }),
            boxes: None,
            group_rows: 100,
            without_statistics: vec!["geometry"],
            more: Vec::new(),
        }
    }

    /// GeoParquet 1.0, which has no covering.
    fn plain() -> Self {
        let mut draft = Self::new();
        draft.covering = None;
        draft.geo["version"] = json!("1.0.0");
        draft.column().as_object_mut().map(|column| column.remove("covering"));
        draft
    }

    /// GeoParquet 2.0 with the type GEOMETRY.
    fn native() -> Self {
        let mut draft = Self::plain();
        draft.geo["version"] = json!("2.0.0");
        draft.kind = Kind::Geometry(Some(lambert_93().to_string()));
        draft.without_statistics.clear();
        draft
    }

    fn column(&mut self) -> &mut Value {
        &mut self.geo["columns"]["geometry"]
    }

    fn remove(&mut self, member: &str) {
        self.column().as_object_mut().map(|column| column.remove(member));
    }

    /// Other shapes, with the box and the types that belong to them.
    fn with(mut self, shapes: Vec<Option<Shape>>, types: &[&str]) -> Self {
        self.column()["bbox"] = bbox(&shapes);
        self.column()["geometry_types"] = json!(types);
        self.shapes = shapes;
        self
    }

    fn write(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let geometry = Column::Bytes {
            name: "geometry",
            kind: self.kind.clone(),
            repetition: self.repetition,
            values: self
                .shapes
                .iter()
                .map(|shape| shape.as_ref().map(|shape| shape.wkb(self.dimension, self.encoding)))
                .collect(),
        };
        let mut columns = vec![Column::Numbers("id"), geometry];
        if let Some(covering) = &self.covering {
            let order: Vec<usize> = covering.children.iter().map(|(name, _)| place(name)).collect();
            let values = self.boxes.clone().unwrap_or_else(|| boxes(&self.shapes));
            let values = values
                .into_iter()
                .map(|numbers| numbers.map(|numbers| order.iter().map(|index| numbers[*index]).collect()))
                .collect();
            let Covering { optional, children } = covering.clone();
            columns.push(Column::Boxes { name: "bbox", optional, children, values });
        }
        columns.extend(self.more.iter().cloned());
        let entries = self.entries.clone().unwrap_or_else(|| vec![("geo", self.geo.to_string())]);
        ParquetFile {
            columns,
            entries,
            rows: self.shapes.len(),
            group_rows: self.group_rows,
            without_statistics: self.without_statistics.clone(),
        }
        .write()
    }
}

fn place(name: &str) -> usize {
    ["xmin", "ymin", "xmax", "ymax"].iter().position(|known| *known == name).unwrap_or(0)
}

/// The box of each shape.
fn boxes(shapes: &[Option<Shape>]) -> Vec<Option<Vec<f64>>> {
    shapes
        .iter()
        .map(|shape| {
            let positions = shape.as_ref()?.positions();
            let edge = |axis: usize, sign: f64| {
                let values = positions.iter().map(|position| position[axis] * sign).filter(|value| !value.is_nan());
                values.fold(f64::NEG_INFINITY, f64::max) * sign
            };
            Some(vec![edge(0, -1.0), edge(1, -1.0), edge(0, 1.0), edge(1, 1.0)])
        })
        .collect()
}

/// The box of all shapes.
fn bbox(shapes: &[Option<Shape>]) -> Value {
    let all = boxes(shapes).into_iter().flatten().reduce(|left, right| {
        vec![left[0].min(right[0]), left[1].min(right[1]), left[2].max(right[2]), left[3].max(right[3])]
    });
    json!(all)
}

/// Name, verdict, what it is, and the bytes.
type Line = (&'static str, Verdict, &'static str, Result<Vec<u8>, Box<dyn Error>>);

/// A sound file with one change.
fn changed(mut draft: Draft, change: impl FnOnce(&mut Draft)) -> Result<Vec<u8>, Box<dyn Error>> {
    change(&mut draft);
    draft.write()
}

fn patched(change: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Draft::new().write()?;
    change(&mut bytes);
    Ok(bytes)
}

pub(crate) fn fixtures() -> Result<Vec<Fixture>, Box<dyn Error>> {
    let lines = [good(), files(), entries(), columns(), reference_systems(), coverings(), rows()].concat_lines();
    lines
        .into_iter()
        .map(|(name, verdict, about, bytes)| {
            Ok(Fixture {
                path: format!("geoparquet/{name}"),
                content: Content::Bytes(bytes?),
                verdict: Some(verdict),
                about: about.to_owned(),
            })
        })
        .collect()
}

trait ConcatLines {
    fn concat_lines(self) -> Vec<Line>;
}

impl<const COUNT: usize> ConcatLines for [Vec<Line>; COUNT] {
    fn concat_lines(self) -> Vec<Line> {
        self.into_iter().flatten().collect()
    }
}

fn good() -> Vec<Line> {
    vec![
        ("good_1_1.parquet", Verdict::ok(), "GeoParquet 1.1 with a covering", Draft::new().write()),
        ("good_2_0.parquet", Verdict::ok(), "GeoParquet 2.0 with the type GEOMETRY", Draft::native().write()),
        (
            "good_heights.parquet",
            Verdict::ok(),
            "polygons with z, six numbers in the box",
            changed(Draft::new().with(parcels(4), &["Polygon Z"]), |draft| {
                draft.dimension = Dimension::Xyz;
                draft.column()["bbox"] = json!([652_000.0, 6_862_000.0, 35.0, 652_190.0, 6_862_040.0, 35.0]);
            }),
        ),
        (
            "good_no_rows.parquet",
            Verdict::info("GPQ-COL-009"),
            "no row at all",
            changed(Draft::new().with(Vec::new(), &[]), |draft| draft.remove("bbox")),
        ),
        (
            "good_1_0.parquet",
            Verdict::info("GPQ-COV-009"),
            "GeoParquet 1.0: nothing says where row groups are",
            Draft::plain().write(),
        ),
        (
            "good_no_bbox.parquet",
            Verdict::info("GPQ-BBOX-003"),
            "the entry has no bbox",
            changed(Draft::new(), |draft| draft.remove("bbox")),
        ),
        (
            "good_types_in_version_1.parquet",
            Verdict::info("GPQ-META-006"),
            "the type GEOMETRY beside an entry of version 1.0, as GDAL and Arrow write both",
            changed(Draft::native(), |draft| draft.geo["version"] = json!("1.0.0")),
        ),
        (
            "good_unknown_member.parquet",
            Verdict::info("GPQ-META-007"),
            "a misspelt member, which nobody reads",
            changed(Draft::new(), |draft| draft.column()["geometry_type"] = json!("Polygon")),
        ),
        (
            "good_covering_order.parquet",
            Verdict::info("GPQ-COV-005"),
            "xmin, xmax, ymin, ymax, as Overture has it",
            changed(Draft::new(), |draft| {
                let children = ["xmin", "xmax", "ymin", "ymax"].map(|name| (name, false));
                draft.covering = Some(Covering { optional: true, children: children.to_vec() });
            }),
        ),
        (
            "good_covering_in_1_0.parquet",
            Verdict::info("GPQ-COV-010"),
            "a covering in version 1.0",
            changed(Draft::new(), |draft| draft.geo["version"] = json!("1.0.0")),
        ),
        (
            "good_spherical.parquet",
            Verdict::info("GPQ-COL-010"),
            "spherical edges without orientation",
            changed(Draft::new(), |draft| draft.column()["edges"] = json!("spherical")),
        ),
        (
            "good_byte_statistics.parquet",
            Verdict::info("GPQ-COL-011"),
            "the smallest and largest WKB in the footer",
            changed(Draft::new(), |draft| draft.without_statistics.clear()),
        ),
        (
            "good_some_null.parquet",
            Verdict::info("GPQ-GEO-009"),
            "a NULL among four rows",
            changed(Draft::new(), |draft| draft.shapes[3] = None),
        ),
        (
            "good_zero_heights.parquet",
            Verdict::info("GPQ-GEO-008"),
            "z is 0 throughout",
            changed(Draft::new().with(flat(), &["Polygon Z"]), |draft| draft.dimension = Dimension::Xyz),
        ),
        (
            "good_large_bbox.parquet",
            Verdict::info("GPQ-GEO-013"),
            "the bbox of the file it was cut out of",
            changed(Draft::plain(), |draft| {
                draft.column()["bbox"] = json!([600_000.0, 6_800_000.0, 700_000.0, 6_900_000.0]);
            }),
        ),
        (
            "good_ending.geoparquet",
            Verdict::info("GPQ-FILE-010"),
            "an ending that should not be used",
            Draft::new().write(),
        ),
    ]
}

/// Parcels whose heights are 0.
fn flat() -> Vec<Option<Shape>> {
    let ground = |ring: Vec<Position>| ring.into_iter().map(|[x, y, _, m]| [x, y, 0.0, m]).collect();
    parcels(4)
        .into_iter()
        .map(|shape| match shape {
            Some(Shape::Polygon(rings)) => Some(Shape::Polygon(rings.into_iter().map(ground).collect())),
            other => other,
        })
        .collect()
}

fn files() -> Vec<Line> {
    let page = b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>\n".to_vec();
    vec![
        (
            "bad_not_parquet.parquet",
            Verdict::error("GPQ-FILE-001"),
            "an error page saved under the name of a file",
            Ok(page),
        ),
        (
            "bad_cut.parquet",
            Verdict::error("GPQ-FILE-002"),
            "the first half of a file",
            patched(|bytes| bytes.truncate(bytes.len() / 2)),
        ),
        (
            "bad_encrypted.parquet",
            Verdict::error("GPQ-FILE-003"),
            "begins and ends as a file with an encrypted footer",
            patched(|bytes| {
                let end = bytes.len() - 4;
                bytes[..4].copy_from_slice(b"PARE");
                bytes[end..].copy_from_slice(b"PARE");
            }),
        ),
        (
            "bad_footer_length.parquet",
            Verdict::error("GPQ-FILE-004"),
            "the footer has 4 GB, by its length field",
            patched(|bytes| {
                let end = bytes.len() - 8;
                bytes[end..end + 4].copy_from_slice(&[0xF0, 0xFF, 0xFF, 0xFF]);
            }),
        ),
        (
            "bad_footer.parquet",
            Verdict::error("GPQ-FILE-005"),
            "the footer is overwritten with ones",
            patched(|bytes| {
                let end = bytes.len() - 8;
                let length = bytes[end..end + 4].iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
                bytes[end - length..end].fill(0xFF);
            }),
        ),
        (
            "bad_row_count.parquet",
            Verdict::error("GPQ-FILE-006"),
            "the footer says 5 rows, the row groups have 4",
            patched(|bytes| {
                // Field 3 of FileMetaData: its header and 4 as a zigzag integer, before the list of row groups.
                let place = bytes.windows(3).position(|window| window == [0x16, 0x08, 0x19]);
                if let Some(place) = place {
                    bytes[place + 1] = 0x0A;
                }
            }),
        ),
        (
            "bad_types_alone.parquet",
            Verdict::warning("GPQ-FILE-007"),
            "the type GEOMETRY, and no geo entry",
            changed(Draft::native(), |draft| draft.entries = Some(Vec::new())),
        ),
        (
            "bad_no_geo.parquet",
            Verdict::error("GPQ-FILE-008"),
            "no geo entry",
            changed(Draft::new(), |draft| draft.entries = Some(Vec::new())),
        ),
        (
            "bad_two_geo_entries.parquet",
            Verdict::error("GPQ-FILE-009"),
            "two geo entries that differ",
            changed(Draft::new(), |draft| {
                let first = draft.geo.to_string();
                draft.column()["geometry_types"] = json!(["MultiPolygon"]);
                draft.entries = Some(vec![("geo", first), ("geo", draft.geo.to_string())]);
            }),
        ),
        (
            "bad_page.parquet",
            Verdict::error("GPQ-FILE-011"),
            "the pages of geometry are overwritten",
            patched(|bytes| {
                // The first column is four integers; WKB follows.
                let place = bytes.windows(9).position(|window| window == [1, 3, 0, 0, 0, 1, 0, 0, 0]);
                if let Some(place) = place {
                    bytes[place - 40..place + 100].fill(0xFF);
                }
            }),
        ),
    ]
}

fn entries() -> Vec<Line> {
    vec![
        (
            "bad_geo_not_json.parquet",
            Verdict::error("GPQ-META-001"),
            "the geo entry is cut",
            changed(Draft::new(), |draft| {
                let text = draft.geo.to_string();
                draft.entries = Some(vec![("geo", text[..text.len() / 2].to_owned())]);
            }),
        ),
        (
            "bad_no_primary_column.parquet",
            Verdict::error("GPQ-META-002"),
            "primary_column is missing",
            changed(Draft::new(), |draft| {
                draft.geo.as_object_mut().map(|geo| geo.remove("primary_column"));
            }),
        ),
        (
            "bad_version_draft.parquet",
            Verdict::warning("GPQ-META-003"),
            "a release candidate of 1.0.0",
            changed(Draft::plain(), |draft| draft.geo["version"] = json!("1.0.0-rc.1")),
        ),
        (
            "bad_version_unknown.parquet",
            Verdict::error("GPQ-META-003"),
            "a version that does not exist",
            changed(Draft::new(), |draft| draft.geo["version"] = json!("3.0.0")),
        ),
        (
            "bad_primary_not_listed.parquet",
            Verdict::error("GPQ-META-004"),
            "primary_column is geom, columns lists geometry",
            changed(Draft::new(), |draft| draft.geo["primary_column"] = json!("geom")),
        ),
        (
            "bad_column_not_listed.parquet",
            Verdict::warning("GPQ-META-005"),
            "a second GEOMETRY column, which the entry does not list",
            changed(Draft::native(), |draft| {
                let values =
                    parcels(4).iter().map(|shape| shape.as_ref().map(|shape| shape.wkb(Dimension::Xy, Encoding::ISO)));
                draft.more.push(Column::Bytes {
                    name: "outline",
                    kind: Kind::Geometry(Some(lambert_93().to_string())),
                    repetition: Repetition::OPTIONAL,
                    values: values.collect(),
                });
            }),
        ),
        (
            "bad_bbox_of_five.parquet",
            Verdict::error("GPQ-BBOX-001"),
            "five numbers",
            changed(Draft::new(), |draft| draft.column()["bbox"] = json!([652_000, 6_862_000, 35, 652_190, 6_862_040])),
        ),
        (
            "bad_bbox_order.parquet",
            Verdict::error("GPQ-BBOX-002"),
            "xmin, xmax, ymin, ymax",
            changed(Draft::plain(), |draft| draft.column()["bbox"] = json!([652_000, 652_190, 6_862_000, 6_862_040])),
        ),
        (
            "bad_bbox_row_groups.parquet",
            Verdict::error("GPQ-BBOX-004"),
            "the bbox ends before the row groups do",
            changed(Draft::new(), |draft| draft.column()["bbox"] = json!([652_000, 6_862_000, 652_100, 6_862_040])),
        ),
        (
            "bad_no_geospatial_statistics.parquet",
            Verdict::warning("GPQ-BBOX-005"),
            "the type GEOMETRY without statistics",
            changed(Draft::native(), |draft| draft.without_statistics.push("geometry")),
        ),
        (
            "bad_types_disagree.parquet",
            Verdict::error("GPQ-BBOX-006"),
            "MultiPolygon by the entry, Polygon by the statistics of the type",
            changed(Draft::native(), |draft| draft.column()["geometry_types"] = json!(["MultiPolygon"])),
        ),
    ]
}

fn columns() -> Vec<Line> {
    vec![
        (
            "bad_column_missing.parquet",
            Verdict::error("GPQ-COL-001"),
            "the entry lists a column that is not there",
            changed(Draft::new(), |draft| {
                let entry = draft.column().clone();
                draft.geo["columns"]["centroid"] = entry;
            }),
        ),
        (
            "bad_repeated.parquet",
            Verdict::error("GPQ-COL-002"),
            "a list of geometries in each row",
            changed(Draft::plain(), |draft| draft.repetition = Repetition::REPEATED),
        ),
        (
            "bad_no_geometry_types.parquet",
            Verdict::error("GPQ-COL-003"),
            "geometry_types is missing",
            changed(Draft::new(), |draft| draft.remove("geometry_types")),
        ),
        (
            "bad_encoding.parquet",
            Verdict::error("GPQ-COL-004"),
            "an encoding that does not exist",
            changed(Draft::new(), |draft| draft.column()["encoding"] = json!("WKT")),
        ),
        (
            "bad_storage.parquet",
            Verdict::error("GPQ-COL-005"),
            "WKB that is annotated as text",
            changed(Draft::new(), |draft| draft.kind = Kind::Text),
        ),
        (
            "bad_geometry_type.parquet",
            Verdict::error("GPQ-COL-006"),
            "POLYGON is no name of a type",
            changed(Draft::new(), |draft| draft.column()["geometry_types"] = json!(["Polygon", "POLYGON"])),
        ),
        (
            "bad_edges.parquet",
            Verdict::error("GPQ-COL-007"),
            "edges of version 2 in version 1",
            changed(Draft::new(), |draft| draft.column()["edges"] = json!("karney")),
        ),
        (
            "bad_orientation_value.parquet",
            Verdict::error("GPQ-COL-008"),
            "clockwise is no value of orientation",
            changed(Draft::new(), |draft| draft.column()["orientation"] = json!("clockwise")),
        ),
    ]
}

/// Places in degrees: x, y.
fn places(positions: &[(f64, f64)]) -> Vec<Option<Shape>> {
    positions.iter().map(|(x, y)| Some(Shape::Point(Some([*x, *y, 0.0, 0.0])))).collect()
}

fn reference_systems() -> Vec<Line> {
    const TOWNS: [(f64, f64); 3] = [(2.35, 48.85), (5.37, 43.3), (-1.55, 47.22)];
    vec![
        (
            "bad_crs_code.parquet",
            Verdict::error("GPQ-CRS-001"),
            "the code instead of PROJJSON",
            changed(Draft::new(), |draft| draft.column()["crs"] = json!("EPSG:2154")),
        ),
        (
            "bad_crs_empty.parquet",
            Verdict::error("GPQ-CRS-002"),
            "an object that is no reference system",
            changed(Draft::new(), |draft| draft.column()["crs"] = json!({})),
        ),
        (
            "bad_crs_without_code.parquet",
            Verdict::warning("GPQ-CRS-003"),
            "Lambert-93 without its id",
            changed(Draft::new(), |draft| {
                draft.column()["crs"].as_object_mut().map(|crs| crs.remove("id"));
            }),
        ),
        (
            "bad_crs_disagrees.parquet",
            Verdict::error("GPQ-CRS-004"),
            "Lambert-93 by the entry, nothing by the type, which means degrees",
            changed(Draft::native(), |draft| draft.kind = Kind::Geometry(None)),
        ),
        (
            "bad_crs_not_inline.parquet",
            Verdict::error("GPQ-CRS-005"),
            "the type has a code instead of PROJJSON",
            changed(Draft::native(), |draft| draft.kind = Kind::Geometry(Some("EPSG:2154".to_owned()))),
        ),
        (
            "bad_epoch.parquet",
            Verdict::warning("GPQ-CRS-006"),
            "an epoch with a system that is fixed to its plate",
            changed(Draft::new(), |draft| draft.column()["epoch"] = json!(2021.5)),
        ),
        (
            "bad_crs_null.parquet",
            Verdict::warning("GPQ-CRS-007"),
            "crs is null",
            changed(Draft::new(), |draft| draft.column()["crs"] = Value::Null),
        ),
        (
            "bad_crs_left_out.parquet",
            Verdict::error("GPQ-CRS-008"),
            "metres without crs, which means degrees",
            changed(Draft::new(), |draft| draft.remove("crs")),
        ),
        (
            "bad_degrees_as_metres.parquet",
            Verdict::warning("GPQ-CRS-009"),
            "degrees with the code of Lambert-93",
            Draft::new().with(places(&TOWNS), &["Point"]).write(),
        ),
        (
            "bad_outside.parquet",
            Verdict::warning("GPQ-CRS-010"),
            "places in Brazil in the system of France",
            changed(Draft::new().with(places(&[(-43.2, -22.9), (-46.6, -23.5)]), &["Point"]), |draft| {
                draft.column()["crs"] = rgf93();
            }),
        ),
        (
            "bad_swapped.parquet",
            Verdict::warning("GPQ-CRS-011"),
            "latitude first",
            changed(Draft::new().with(places(&TOWNS.map(|(x, y)| (y, x))), &["Point"]), |draft| {
                draft.column()["crs"] = rgf93();
            }),
        ),
    ]
}

fn coverings() -> Vec<Line> {
    let scattered = |rows: usize| -> Vec<Option<Shape>> {
        (0..rows)
            .map(|row| {
                Some(Shape::Polygon(vec![square(
                    650_000.0 + 997.0 * ((row * 7) % 13) as f64,
                    6_860_000.0 + 991.0 * ((row * 5) % 11) as f64,
                    40.0,
                )]))
            })
            .collect()
    };
    vec![
        (
            "bad_covering_paths.parquet",
            Verdict::error("GPQ-COV-001"),
            "ymax is missing",
            changed(Draft::new(), |draft| {
                draft.column()["covering"]["bbox"].as_object_mut().map(|paths| paths.remove("ymax"));
            }),
        ),
        (
            "bad_covering_missing.parquet",
            Verdict::error("GPQ-COV-002"),
            "the column of boxes was dropped, its declaration was not",
            changed(Draft::new(), |draft| draft.covering = None),
        ),
        (
            "bad_covering_types.parquet",
            Verdict::error("GPQ-COV-003"),
            "single and double precision in one box",
            changed(Draft::new(), |draft| {
                let children = vec![("xmin", false), ("ymin", false), ("xmax", true), ("ymax", true)];
                draft.covering = Some(Covering { optional: true, children });
            }),
        ),
        (
            "bad_covering_required.parquet",
            Verdict::warning("GPQ-COV-004"),
            "boxes are required, geometry is optional",
            changed(Draft::new(), |draft| {
                draft.covering = Some(Covering { optional: false, children: SINGLE.to_vec() })
            }),
        ),
        (
            "bad_covering_statistics.parquet",
            Verdict::warning("GPQ-COV-006"),
            "boxes without statistics",
            changed(Draft::new(), |draft| {
                draft.without_statistics.extend(["bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"]);
            }),
        ),
        (
            "bad_covering_upside_down.parquet",
            Verdict::error("GPQ-COV-007"),
            "minima and maxima have changed places",
            changed(Draft::new(), |draft| {
                let turned = boxes(&draft.shapes)
                    .into_iter()
                    .map(|numbers| numbers.map(|numbers| vec![numbers[2], numbers[3], numbers[0] - 500.0, numbers[1]]));
                draft.boxes = Some(turned.collect());
            }),
        ),
        (
            "bad_covering_not_declared.parquet",
            Verdict::warning("GPQ-COV-008"),
            "boxes that the entry does not name",
            changed(Draft::new(), |draft| draft.remove("covering")),
        ),
        (
            "bad_small_row_groups.parquet",
            Verdict::warning("GPQ-LAYOUT-002"),
            "a row group for each row",
            changed(Draft::new().with(parcels(8), &["Polygon"]), |draft| draft.group_rows = 1),
        ),
        (
            "bad_no_order.parquet",
            Verdict::warning("GPQ-LAYOUT-003"),
            "seven row groups with rows from everywhere",
            changed(Draft::new().with(scattered(35), &["Polygon"]), |draft| draft.group_rows = 5),
        ),
    ]
}

fn rows() -> Vec<Line> {
    let first = |ring: Vec<Position>| -> Vec<Option<Shape>> {
        let mut shapes = parcels(4);
        shapes[0] = Some(Shape::Polygon(vec![ring]));
        shapes
    };
    let corner = square(652_000.0, 6_862_000.0, 40.0);
    let mut open = corner.clone();
    open.pop();
    let mut turned = corner.clone();
    turned.reverse();
    let mut spoilt = corner.clone();
    spoilt[2][0] = f64::NAN;
    let mut missing_height = corner.clone();
    missing_height.iter_mut().for_each(|position| position[2] = -1000.0);
    let mut multiple = parcels(4);
    multiple[2] = multiple[2].take().map(|shape| Shape::Collected(Collection::Polygons, vec![shape]));
    let mut spiked = corner.clone();
    spiked[2] = [0.0, 0.0, 0.0, 0.0];
    vec![
        (
            "bad_wkb.parquet",
            Verdict::error("GPQ-GEO-001"),
            "WKB of a curve, which GeoParquet does not have",
            // A CircularString of no positions in the place of a row.
            changed(Draft::new(), |draft| draft.shapes.truncate(4)).map(|mut bytes| {
                if let Some(place) = bytes.windows(9).position(|window| window == [1, 3, 0, 0, 0, 1, 0, 0, 0]) {
                    bytes[place + 1] = 8;
                }
                bytes
            }),
        ),
        (
            "bad_type_not_listed.parquet",
            Verdict::error("GPQ-GEO-002"),
            "a MultiPolygon, Polygon is listed",
            changed(Draft::new(), |draft| draft.shapes = multiple),
        ),
        (
            "bad_type_absent.parquet",
            Verdict::warning("GPQ-GEO-003"),
            "MultiPolygon is listed, none is there",
            changed(Draft::new(), |draft| draft.column()["geometry_types"] = json!(["Polygon", "MultiPolygon"])),
        ),
        (
            "bad_orientation.parquet",
            Verdict::error("GPQ-GEO-004"),
            "a clockwise ring, counterclockwise is declared",
            changed(Draft::new().with(first(turned), &["Polygon"]), |draft| {
                draft.column()["orientation"] = json!("counterclockwise");
            }),
        ),
        (
            "bad_open_ring.parquet",
            Verdict::error("GPQ-GEO-005"),
            "a ring that does not end where it begins",
            Draft::new().with(first(open), &["Polygon"]).write(),
        ),
        (
            "bad_not_a_number.parquet",
            Verdict::warning("GPQ-GEO-006"),
            "NaN as an x",
            Draft::new().with(first(spoilt), &["Polygon"]).write(),
        ),
        (
            "bad_height_sentinel.parquet",
            Verdict::warning("GPQ-GEO-007"),
            "z is -1000: not known",
            changed(Draft::new().with(first(missing_height), &["Polygon Z"]), |draft| {
                draft.dimension = Dimension::Xyz;
            }),
        ),
        (
            "bad_all_null.parquet",
            Verdict::warning("GPQ-GEO-009"),
            "no row has geometry",
            changed(Draft::new().with(vec![None; 4], &[]), |draft| draft.remove("bbox")),
        ),
        (
            "bad_spike.parquet",
            Verdict::warning("GPQ-GEO-010"),
            "a corner at 0, 0",
            Draft::new().with(first(spiked), &["Polygon"]).write(),
        ),
        (
            "bad_ewkb.parquet",
            Verdict::error("GPQ-GEO-011"),
            "EWKB, as PostGIS gives it: a flag says that there is a z",
            changed(Draft::new().with(parcels(4), &["Polygon Z"]), |draft| {
                draft.dimension = Dimension::Xyz;
                draft.encoding = Encoding { extended: true, ..Encoding::ISO };
            }),
        ),
        (
            "bad_bbox.parquet",
            Verdict::error("GPQ-GEO-012"),
            "the bbox ends before the data do",
            changed(Draft::plain(), |draft| draft.column()["bbox"] = json!([652_000, 6_862_000, 652_100, 6_862_040])),
        ),
        (
            "bad_box.parquet",
            Verdict::error("GPQ-GEO-014"),
            "the box of the second row is that of the first",
            changed(Draft::new(), |draft| {
                let mut numbers = boxes(&draft.shapes);
                numbers[1] = numbers[0].clone();
                draft.boxes = Some(numbers);
            }),
        ),
        (
            "bad_no_box.parquet",
            Verdict::error("GPQ-GEO-015"),
            "a row with geometry and without a box",
            changed(Draft::new(), |draft| {
                let mut numbers = boxes(&draft.shapes);
                numbers[1] = None;
                draft.boxes = Some(numbers);
            }),
        ),
    ]
}
