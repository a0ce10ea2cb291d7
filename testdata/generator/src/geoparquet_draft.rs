//! A small GeoParquet file before it is written: parcels in Lambert-93, in which a fixture changes one thing.

use std::error::Error;

use parquet::basic::Repetition;
use serde_json::{Value, json};

use crate::parquet_file::{Column, Kind, ParquetFile};
use crate::wkb::{Dimension, Encoding, Position, Shape};

/// A file before it is written: a sound one, in which a fixture changes one thing.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) geo: Value,
    /// Entries instead of `geo`.
    pub(crate) entries: Option<Vec<(&'static str, String)>>,
    pub(crate) shapes: Vec<Option<Shape>>,
    pub(crate) dimension: Dimension,
    pub(crate) encoding: Encoding,
    pub(crate) kind: Kind,
    pub(crate) repetition: Repetition,
    pub(crate) covering: Option<Covering>,
    /// Boxes instead of those of the shapes.
    pub(crate) boxes: Option<Vec<Option<Vec<f64>>>>,
    pub(crate) group_rows: usize,
    pub(crate) without_statistics: Vec<&'static str>,
    pub(crate) more: Vec<Column>,
}

#[derive(Debug, Clone)]
pub(crate) struct Covering {
    pub(crate) optional: bool,
    pub(crate) children: Vec<(&'static str, bool)>,
}

/// The covering as the specification has it, in single precision.
pub(crate) const SINGLE: [(&str, bool); 4] = [("xmin", false), ("ymin", false), ("xmax", false), ("ymax", false)];

pub(crate) fn lambert_93() -> Value {
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
pub(crate) fn rgf93() -> Value {
    let area = Some([-9.86, 41.15, 10.38, 51.56]);
    geographic("RGF93 v1", "Reseau Geodesique Francais 1993 v1", 298.257_222_101, area, 4171)
}

pub(crate) fn square(x: f64, y: f64, size: f64) -> Vec<Position> {
    [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
        .map(|(across, up)| [x + across * size, y + up * size, 35.0, 0.0])
        .to_vec()
}

/// Squares of 40 metres in a row.
pub(crate) fn parcels(rows: usize) -> Vec<Option<Shape>> {
    (0..rows).map(|row| Some(Shape::Polygon(vec![square(652_000.0 + 50.0 * row as f64, 6_862_000.0, 40.0)]))).collect()
}

impl Draft {
    /// GeoParquet 1.1 with a covering.
    pub(crate) fn new() -> Self {
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
    pub(crate) fn plain() -> Self {
        let mut draft = Self::new();
        draft.covering = None;
        draft.geo["version"] = json!("1.0.0");
        draft.column().as_object_mut().map(|column| column.remove("covering"));
        draft
    }

    /// GeoParquet 2.0 with the type GEOMETRY.
    pub(crate) fn native() -> Self {
        let mut draft = Self::plain();
        draft.geo["version"] = json!("2.0.0");
        draft.kind = Kind::Geometry(Some(lambert_93().to_string()));
        draft.without_statistics.clear();
        draft
    }

    pub(crate) fn column(&mut self) -> &mut Value {
        &mut self.geo["columns"]["geometry"]
    }

    pub(crate) fn remove(&mut self, member: &str) {
        self.column().as_object_mut().map(|column| column.remove(member));
    }

    /// Other shapes, with the box and the types that belong to them.
    pub(crate) fn with(mut self, shapes: Vec<Option<Shape>>, types: &[&str]) -> Self {
        self.column()["bbox"] = bbox(&shapes);
        self.column()["geometry_types"] = json!(types);
        self.shapes = shapes;
        self
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>, Box<dyn Error>> {
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
pub(crate) fn boxes(shapes: &[Option<Shape>]) -> Vec<Option<Vec<f64>>> {
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
pub(crate) fn bbox(shapes: &[Option<Shape>]) -> Value {
    let all = boxes(shapes).into_iter().flatten().reduce(|left, right| {
        vec![left[0].min(right[0]), left[1].min(right[1]), left[2].max(right[2]), left[3].max(right[3])]
    });
    json!(all)
}
