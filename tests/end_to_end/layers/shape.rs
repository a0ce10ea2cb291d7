//! Random geometries, and how formats write them. The project's own code is not used: it would agree with its errors.

use proptest::prelude::*;

/// x, y, z and m; a dimension without z or m leaves them out when it is written.
pub(super) type Position = [f64; 4];

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dimension {
    pub(super) z: bool,
    pub(super) m: bool,
}

impl Dimension {
    fn ordinates(self, position: &Position) -> Vec<f64> {
        let [x, y, z, m] = *position;
        let mut ordinates = vec![x, y];
        ordinates.extend(self.z.then_some(z));
        ordinates.extend(self.m.then_some(m));
        ordinates
    }
}

/// The seven types of Simple Features. Only whole geometries are empty, not parts of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Point(Option<Position>),
    LineString(Vec<Position>),
    Polygon(Vec<Vec<Position>>),
    /// `MultiPoint` (4), `MultiLineString`, `MultiPolygon`, `GeometryCollection` (7).
    Collection(u32, Vec<Shape>),
}

impl Shape {
    fn code(&self) -> u32 {
        match self {
            Self::Point(_) => 1,
            Self::LineString(_) => 2,
            Self::Polygon(_) => 3,
            Self::Collection(code, _) => *code,
        }
    }

    fn name(&self) -> &'static str {
        const NAMES: [&str; 7] =
            ["Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"];
        NAMES[self.code() as usize - 1]
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Point(position) => position.is_none(),
            Self::LineString(positions) => positions.is_empty(),
            Self::Polygon(rings) => rings.is_empty(),
            Self::Collection(_, parts) => parts.is_empty(),
        }
    }

    /// Little-endian ISO WKB.
    pub(super) fn wkb(&self, dimension: Dimension) -> Vec<u8> {
        let mut out = vec![1];
        let code = self.code() + if dimension.z { 1000 } else { 0 } + if dimension.m { 2000 } else { 0 };
        out.extend(code.to_le_bytes());
        let count = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
        let position = |position: &Position, out: &mut Vec<u8>| {
            out.extend(dimension.ordinates(position).iter().flat_map(|ordinate| ordinate.to_le_bytes()));
        };
        match self {
            Self::Point(found) => position(&found.unwrap_or([f64::NAN; 4]), &mut out),
            Self::LineString(positions) => {
                out.extend(count(positions.len()));
                positions.iter().for_each(|found| position(found, &mut out));
            }
            Self::Polygon(rings) => {
                out.extend(count(rings.len()));
                for ring in rings {
                    out.extend(count(ring.len()));
                    ring.iter().for_each(|found| position(found, &mut out));
                }
            }
            Self::Collection(_, parts) => {
                out.extend(count(parts.len()));
                parts.iter().for_each(|part| out.extend(part.wkb(dimension)));
            }
        }
        out
    }

    /// Well-known text (OGC 06-103r4).
    pub(super) fn wkt(&self, dimension: Dimension) -> String {
        let suffix = match (dimension.z, dimension.m) {
            (false, false) => "",
            (true, false) => " Z",
            (false, true) => " M",
            (true, true) => " ZM",
        };
        format!("{}{suffix} {}", self.name().to_uppercase(), self.wkt_body(dimension))
    }

    fn wkt_body(&self, dimension: Dimension) -> String {
        if self.is_empty() {
            return "EMPTY".to_owned();
        }
        let list = |items: Vec<String>| format!("({})", items.join(", "));
        let position = |position: &Position| {
            dimension.ordinates(position).iter().map(|ordinate| decimal(*ordinate)).collect::<Vec<_>>().join(" ")
        };
        match self {
            Self::Point(found) => format!("({})", position(&found.unwrap())),
            Self::LineString(positions) => list(positions.iter().map(position).collect()),
            Self::Polygon(rings) => list(rings.iter().map(|ring| list(ring.iter().map(position).collect())).collect()),
            Self::Collection(7, parts) => list(parts.iter().map(|part| part.wkt(dimension)).collect()),
            Self::Collection(_, parts) => list(parts.iter().map(|part| part.wkt_body(dimension)).collect()),
        }
    }

    /// A geometry object of RFC 7946.
    pub(super) fn geojson(&self, dimension: Dimension) -> String {
        let name = self.name();
        match self {
            Self::Collection(7, parts) => {
                let parts: Vec<String> = parts.iter().map(|part| part.geojson(dimension)).collect();
                format!(r#"{{"type":"{name}","geometries":[{}]}}"#, parts.join(","))
            }
            _ => format!(r#"{{"type":"{name}","coordinates":{}}}"#, self.coordinates(dimension)),
        }
    }

    fn coordinates(&self, dimension: Dimension) -> String {
        let list = |items: Vec<String>| format!("[{}]", items.join(","));
        let position = |position: &Position| {
            list(dimension.ordinates(position).iter().map(|ordinate| decimal(*ordinate)).collect())
        };
        match self {
            Self::Point(found) => found.as_ref().map_or_else(|| "[]".to_owned(), position),
            Self::LineString(positions) => list(positions.iter().map(position).collect()),
            Self::Polygon(rings) => list(rings.iter().map(|ring| list(ring.iter().map(position).collect())).collect()),
            Self::Collection(_, parts) => list(parts.iter().map(|part| part.coordinates(dimension)).collect()),
        }
    }
}

/// The shortest decimal that is this number, with a point and without exponent.
pub(super) fn decimal(number: f64) -> String {
    let text = format!("{number}");
    if text.contains('.') { text } else { format!("{text}.0") }
}

fn ordinate() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-8000..8000i32).prop_map(|eighths| f64::from(eighths) / 8.0),
        2 => -1e7..1e7f64,
        1 => prop::sample::select(vec![0.1, -0.0, 1e-9, 123_456_789.123_456_78, -1e15]),
    ]
}

fn position() -> impl Strategy<Value = Position> {
    prop::array::uniform4(ordinate())
}

fn point() -> impl Strategy<Value = Shape> {
    position().prop_map(|position| Shape::Point(Some(position)))
}

fn line() -> impl Strategy<Value = Shape> {
    prop::collection::vec(position(), 2..5).prop_map(Shape::LineString)
}

fn polygon() -> impl Strategy<Value = Shape> {
    let ring = prop::collection::vec(position(), 3..6).prop_map(|mut ring| {
        ring.push(ring[0]);
        ring
    });
    prop::collection::vec(ring, 1..3).prop_map(Shape::Polygon)
}

/// Geometries of one type (1 to 7).
pub(super) fn shapes(code: u32) -> BoxedStrategy<Shape> {
    let collection = |parts: BoxedStrategy<Shape>| {
        prop::collection::vec(parts, 0..4).prop_map(move |parts| Shape::Collection(code, parts)).boxed()
    };
    match code {
        1 => prop_oneof![9 => point(), 1 => Just(Shape::Point(None))].boxed(),
        2 => prop_oneof![9 => line(), 1 => Just(Shape::LineString(Vec::new()))].boxed(),
        3 => prop_oneof![9 => polygon(), 1 => Just(Shape::Polygon(Vec::new()))].boxed(),
        4 => collection(point().boxed()),
        5 => collection(line().boxed()),
        6 => collection(polygon().boxed()),
        _ => collection(prop_oneof![point(), line(), polygon()].boxed()),
    }
}
