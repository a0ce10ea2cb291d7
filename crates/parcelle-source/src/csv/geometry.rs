//! Which columns are the geometry, and their values as WKB.

use parcelle_crs::Crs;

use crate::Curves;
use crate::csv::file::CsvFile;
use crate::error::{GeometryReason, SourceError};
use crate::geojson;
use crate::geometry_field::crs_error;

/// Names of columns that hold geometry as text, the first of which wins.
pub(crate) const TEXT_NAMES: [&str; 22] = [
    "wkt",
    "_wkt",
    "the_geom",
    "geom",
    "geometry",
    "wkb",
    "wkb_geometry",
    "wkb_geom",
    "geom_wkb",
    "geometry_wkb",
    "geom_wkt",
    "geometry_wkt",
    "wkt_geom",
    "wkt_geometry",
    "the_geom_wkt",
    "geojson",
    "_geojson",
    "geom_geojson",
    "geometry_geojson",
    "geo_shape",
    "geometrie",
    "shape",
];

/// Pairs of names of longitude and latitude, the first of which wins.
pub(crate) const LONGITUDE_LATITUDE: [(&str, &str); 5] =
    [("lon", "lat"), ("longitude", "latitude"), ("lng", "lat"), ("long", "lat"), ("x_wgs84", "y_wgs84")];

/// Names of columns with latitude and longitude in one text, the first of which wins.
pub(crate) const POINT_NAMES: [&str; 3] = ["geo_point_2d", "geo_point", "geopoint"];

/// Pairs of names of plane coordinates, the first of which wins.
pub(crate) const PLANE_COORDINATES: [(&str, &str); 11] = [
    ("x", "y"),
    ("_x", "_y"),
    ("easting", "northing"),
    ("coord_x", "coord_y"),
    ("x_coord", "y_coord"),
    ("coordx", "coordy"),
    ("xcoord", "ycoord"),
    ("x_l93", "y_l93"),
    ("x_lambert93", "y_lambert93"),
    ("lambert_x", "lambert_y"),
    ("coordonnee_x", "coordonnee_y"),
];

/// Columns that may be the geometry, by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// Geometry as text.
    Text(usize),
    /// Longitude and latitude, or plane coordinates.
    Pair { x: usize, y: usize, geographic: bool },
    /// Latitude and longitude with a comma between.
    Point(usize),
}

/// What a column is looked at for, beside its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Text,
    Ordinate,
    Point,
}

impl Candidate {
    /// The columns that have to be looked at, and for what.
    pub(crate) fn roles(self) -> Vec<(usize, Role)> {
        match self {
            Self::Text(column) => vec![(column, Role::Text)],
            Self::Pair { x, y, .. } => vec![(x, Role::Ordinate), (y, Role::Ordinate)],
            Self::Point(column) => vec![(column, Role::Point)],
        }
    }
}

/// The candidates among columns of these names, the best first.
pub(crate) fn candidates(names: &[String]) -> Vec<Candidate> {
    let plain: Vec<String> = names.iter().map(|name| name.to_lowercase().replace([' ', '-'], "_")).collect();
    let find = |wanted: &str| plain.iter().position(|name| name == wanted);
    let pairs = |known: &'static [(&'static str, &'static str)], geographic| {
        known.iter().filter_map(move |(x, y)| Some((find(x)?, find(y)?))).map(move |(x, y)| Candidate::Pair {
            x,
            y,
            geographic,
        })
    };
    let mut found: Vec<Candidate> = TEXT_NAMES.into_iter().filter_map(find).map(Candidate::Text).collect();
    found.extend(pairs(&LONGITUDE_LATITUDE, true));
    found.extend(POINT_NAMES.into_iter().filter_map(find).map(Candidate::Point));
    found.extend(pairs(&PLANE_COORDINATES, false));
    found
}

/// How a text writes a geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// WKT or EWKT.
    Wkt,
    /// WKB or EWKB in hexadecimal.
    Wkb,
    /// A geometry of GeoJSON.
    GeoJson,
}

impl Format {
    /// The format that a text seems to be in, from its beginning.
    pub(crate) fn of(text: &[u8]) -> Option<Self> {
        const WORDS: [&[u8]; 17] = [
            b"POINT",
            b"LINESTRING",
            b"POLYGON",
            b"MULTIPOINT",
            b"MULTILINESTRING",
            b"MULTIPOLYGON",
            b"GEOMETRYCOLLECTION",
            b"CIRCULARSTRING",
            b"COMPOUNDCURVE",
            b"CURVEPOLYGON",
            b"MULTICURVE",
            b"MULTISURFACE",
            b"CURVE",
            b"SURFACE",
            b"POLYHEDRALSURFACE",
            b"TIN",
            b"TRIANGLE",
        ];
        let text = text.trim_ascii();
        if text.first() == Some(&b'{') {
            return Some(Self::GeoJson);
        }
        if let Some(head) = hexadecimal(text).get(..10)
            && matches!(head, [b'0', b'0' | b'1', ..])
            && head.iter().all(u8::is_ascii_hexdigit)
        {
            return Some(Self::Wkb);
        }
        let after_srid = match text.get(..5) {
            Some(prefix) if prefix.eq_ignore_ascii_case(b"SRID=") => text.split(|&byte| byte == b';').nth(1)?,
            _ => text,
        };
        let letters = after_srid.trim_ascii_start();
        let length = letters.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = letters.split_at_checked(length)?;
        let word = word.to_ascii_uppercase();
        let named = WORDS
            .iter()
            .any(|known| word.strip_prefix(*known).is_some_and(|suffix| matches!(suffix, b"" | b"Z" | b"M" | b"ZM")));
        // `Point` alone is a word like any other.
        let rest: Vec<u8> = rest.iter().take(16).filter(|byte| !byte.is_ascii_whitespace()).copied().collect();
        let rest = rest.to_ascii_uppercase();
        let rest = [&b"ZM"[..], b"Z", b"M"].into_iter().find_map(|tag| rest.strip_prefix(tag)).unwrap_or(&rest);
        (named && (rest.starts_with(b"(") || rest.starts_with(b"EMPTY"))).then_some(Self::Wkt)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Wkt => "WKT",
            Self::Wkb => "hexadecimal WKB",
            Self::GeoJson => "GeoJSON",
        }
    }

    /// The number of the reference system in a value, if it has one that is not 0.
    fn srid(self, text: &[u8]) -> Option<u32> {
        let srid = match self {
            Self::GeoJson => None,
            Self::Wkt => {
                let (prefix, rest) = text.split_at_checked(5)?;
                if !prefix.eq_ignore_ascii_case(b"SRID=") {
                    return None;
                }
                let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
                std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()
            }
            Self::Wkb => {
                let text = hexadecimal(text);
                let mut bytes = [0; 9];
                for (byte, pair) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
                    *byte = pair_value(*pair)?;
                }
                let [order, t1, t2, t3, t4, s1, s2, s3, s4] = bytes;
                let number = |bytes| if order == 1 { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
                (text.len() >= 18 && number([t1, t2, t3, t4]) & 0x2000_0000 != 0).then(|| number([s1, s2, s3, s4]))
            }
        };
        srid.filter(|srid| *srid != 0)
    }

    /// A value as WKB, in place of what is in `out`; `scratch` is room to work in.
    pub(crate) fn wkb(
        self,
        text: &[u8],
        curves: &Curves,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), GeometryReason> {
        out.clear();
        let unreadable = |reason: String| GeometryReason::Text { format: self.name(), reason };
        match self {
            Self::Wkt => curves.read_wkt(text, out),
            Self::Wkb => {
                scratch.clear();
                let digits = hexadecimal(text);
                let before = text.len() - digits.len();
                let (pairs, rest) = digits.as_chunks::<2>();
                for (position, pair) in pairs.iter().enumerate() {
                    let wrong = || unreadable(format!("no hexadecimal digit at byte {}", before + 2 * position));
                    scratch.push(pair_value(*pair).ok_or_else(wrong)?);
                }
                if !rest.is_empty() {
                    return Err(unreadable("an odd number of digits".to_owned()));
                }
                curves.normalise(scratch, out).map(|_| ()).map_err(GeometryReason::from)
            }
            Self::GeoJson => geojson::append_wkb(text, out).map_err(unreadable),
        }
    }
}

/// The digits of bytes in hexadecimal, without what PostgreSQL (`\x`) and SQL Server (`0x`) write before them.
fn hexadecimal(text: &[u8]) -> &[u8] {
    match text {
        [b'\\' | b'0', b'x' | b'X', digits @ ..] => digits,
        digits => digits,
    }
}

fn pair_value([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(high)? << 4 | digit(low)?)
}

/// A coordinate: a number with or without a sign and leading zeros, in spaces or not.
pub(crate) fn ordinate(text: &[u8]) -> Option<f64> {
    fast_float2::parse::<f64, _>(text.trim_ascii()).ok().filter(|value| value.is_finite())
}

/// Longitude and latitude of `latitude, longitude`.
pub(crate) fn point(text: &[u8]) -> Option<(f64, f64)> {
    let comma = memchr::memchr(b',', text)?;
    let (latitude, longitude) = text.split_at_checked(comma)?;
    Some((ordinate(longitude.get(1..)?)?, ordinate(latitude)?))
}

/// What the values of a candidate say, over a part of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evidence {
    role: Role,
    /// Whether there is any value.
    pub(super) any: bool,
    /// The format of the first value, where it has one.
    format: Option<Format>,
    srid: Srid,
    /// The first value that is not what the role asks for (of text: only the very first counts): where its record is, and its text, shortened.
    bad: Option<(u64, String)>,
    least: f64,
    greatest: f64,
}

/// The reference systems that values name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Srid {
    Unseen,
    Same(Option<u32>),
    Mixed(Option<u32>, Option<u32>),
}

impl Srid {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unseen, other) | (other, Self::Unseen) => other,
            (Self::Same(one), Self::Same(another) | Self::Mixed(another, _)) if one != another => {
                Self::Mixed(one, another)
            }
            (Self::Same(_), mixed) => mixed,
            (mixed, _) => mixed,
        }
    }
}

impl Evidence {
    pub(crate) fn new(role: Role) -> Self {
        Self {
            role,
            any: false,
            format: None,
            srid: Srid::Unseen,
            bad: None,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
        }
    }

    /// Looks at a value of the record at `offset`.
    pub(crate) fn observe(&mut self, text: &[u8], offset: u64) {
        let text = text.trim_ascii();
        if text.is_empty() {
            return;
        }
        let first = !std::mem::replace(&mut self.any, true);
        match self.role {
            Role::Text => {
                if first {
                    self.format = Format::of(text);
                    if self.format.is_none() {
                        self.note_bad(text, offset);
                    }
                }
                let srid = match text.first() {
                    Some(b'S' | b's' | b'0') => [Format::Wkt, Format::Wkb].into_iter().find_map(|each| each.srid(text)),
                    _ => None,
                };
                self.srid = self.srid.and(Srid::Same(srid));
            }
            Role::Ordinate => match ordinate(text) {
                Some(value) => {
                    self.least = self.least.min(value);
                    self.greatest = self.greatest.max(value);
                }
                None => self.note_bad(text, offset),
            },
            Role::Point => match point(text) {
                Some((longitude, latitude)) if in_range(longitude, 180.0) && in_range(latitude, 90.0) => {}
                _ => self.note_bad(text, offset),
            },
        }
    }

    #[cold]
    fn note_bad(&mut self, text: &[u8], offset: u64) {
        self.bad.get_or_insert_with(|| (offset, shortened(text)));
    }

    /// Adds what a later part of the file says.
    pub(crate) fn merge(&mut self, later: &Self) {
        if !self.any {
            self.format = later.format;
        }
        self.any |= later.any;
        self.srid = self.srid.and(later.srid);
        if self.bad.is_none() {
            self.bad.clone_from(&later.bad);
        }
        self.least = self.least.min(later.least);
        self.greatest = self.greatest.max(later.greatest);
    }
}

fn in_range(value: f64, limit: f64) -> bool {
    (-limit..=limit).contains(&value)
}

/// A value for messages.
pub(crate) fn shortened(text: &[u8]) -> String {
    const LENGTH: usize = 40;
    let text = String::from_utf8_lossy(text.get(..4 * LENGTH).unwrap_or(text));
    if text.chars().count() > LENGTH {
        format!("{:?}…", text.chars().take(LENGTH).collect::<String>())
    } else {
        format!("{text:?}")
    }
}

/// The geometry of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// A column, and what its values are.
    Text { column: usize, format: Format },
    /// Two columns with a coordinate each.
    Pair { x: usize, y: usize, geographic: bool },
    /// A column with latitude and longitude.
    Point { column: usize },
}

/// Chooses the geometry by what the values of all candidates say.
pub(crate) fn choose<'e>(
    file: &CsvFile,
    names: &[String],
    candidates: &[Candidate],
    evidence: impl Fn(usize) -> Option<&'e Evidence>,
) -> Result<Chosen, SourceError> {
    let (mut refused, mut empty) = (None, None);
    for candidate in candidates {
        match *candidate {
            Candidate::Text(column) => match evidence(column) {
                Some(Evidence { format: Some(format), .. }) => return Ok(Chosen::Text { column, format: *format }),
                Some(Evidence { any: false, .. }) => {
                    empty = empty.or(Some(Chosen::Text { column, format: Format::Wkt }));
                }
                Some(Evidence { bad: Some(bad), .. }) => refused = refused.or(Some((column, Role::Text, bad))),
                _ => {}
            },
            Candidate::Pair { x, y, geographic } => {
                let chosen = Chosen::Pair { x, y, geographic };
                let (Some(of_x), Some(of_y)) = (evidence(x), evidence(y)) else { continue };
                let bad = of_x
                    .bad
                    .as_ref()
                    .map(|bad| (x, Role::Ordinate, bad))
                    .or(of_y.bad.as_ref().map(|bad| (y, Role::Ordinate, bad)));
                match bad {
                    Some(bad) => refused = refused.or(Some(bad)),
                    None if of_x.any || of_y.any => return Ok(chosen),
                    None => empty = empty.or(Some(chosen)),
                }
            }
            Candidate::Point(column) => match evidence(column) {
                Some(Evidence { any: false, .. }) => empty = empty.or(Some(Chosen::Point { column })),
                Some(Evidence { bad: None, .. }) => return Ok(Chosen::Point { column }),
                Some(Evidence { bad: Some(bad), .. }) => refused = refused.or(Some((column, Role::Point, bad))),
                None => {}
            },
        }
    }
    if let Some((column, role, (offset, text))) = refused {
        let (line, path) = (file.line(*offset)?, file.path().display());
        let name = names.get(column).map_or("", String::as_str);
        let comma = text.trim_matches('"').split_once(',').is_some_and(|(whole, fraction)| {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(whole.trim_start_matches(['-', '+'])) && digits(fraction)
        });
        return Err(if role == Role::Ordinate && comma {
            file.malformed(
                format!("line {line}, column {name}: the coordinate {text} has a decimal comma"),
                format!("write it with a point, such as with `tr ',' '.' < {path} > points.csv`"),
            )
        } else {
            let wanted = match role {
                Role::Text => "WKT, hexadecimal WKB or GeoJSON",
                Role::Ordinate => "coordinate",
                Role::Point => "`latitude, longitude` in degrees",
            };
            file.malformed(
                format!("line {line}, column {name}: {text} is no {wanted}"),
                "correct the value, or leave it empty where there is none",
            )
        });
    }
    empty.ok_or_else(|| SourceError::NoGeometryColumn {
        path: file.path().to_owned(),
        columns: names.iter().take(50).cloned().collect(),
        wanted: wanted(),
    })
}

/// What names are looked for, for messages.
fn wanted() -> String {
    let pairs = LONGITUDE_LATITUDE.iter().chain(&PLANE_COORDINATES).map(|(x, y)| format!("{x}/{y}"));
    format!(
        "a column {} with WKT, hexadecimal WKB or GeoJSON; a column {}; or columns {} with numbers",
        TEXT_NAMES.join(", "),
        POINT_NAMES.join(", "),
        pairs.collect::<Vec<_>>().join(", ")
    )
}

/// The reference system that the geometry says it is in.
pub(crate) fn reference_system<'e>(
    file: &CsvFile,
    chosen: Chosen,
    evidence: impl Fn(usize) -> Option<&'e Evidence>,
) -> Result<Option<Crs>, SourceError> {
    let failed = |reason: String| crs_error(file.path(), &file.layer_name(), reason);
    let geographic = || Crs::from_authority("OGC", "CRS84").map(Some).map_err(|error| failed(error.to_string()));
    match chosen {
        Chosen::Text { format: Format::GeoJson, .. } | Chosen::Point { .. } => geographic(),
        Chosen::Text { column, .. } => match evidence(column).map_or(Srid::Unseen, |evidence| evidence.srid) {
            Srid::Unseen | Srid::Same(None) => Ok(None),
            Srid::Same(Some(srid)) => Crs::from_authority("EPSG", &srid.to_string())
                .map(Some)
                .map_err(|error| failed(format!("SRID {srid}: {error}"))),
            Srid::Mixed(one, another) => {
                let text = |srid: Option<u32>| srid.map_or_else(|| "none".to_owned(), |srid| srid.to_string());
                Err(failed(format!("the geometries have different SRIDs, {} and {}", text(one), text(another))))
            }
        },
        Chosen::Pair { geographic: false, .. } => Ok(None),
        Chosen::Pair { x, y, .. } => {
            for (column, name, limit) in [(x, "longitude", 180.0), (y, "latitude", 90.0)] {
                if let Some(Evidence { least, greatest, any: true, .. }) = evidence(column)
                    && !(in_range(*least, limit) && in_range(*greatest, limit))
                {
                    return Err(failed(format!(
                        "the column of the {name} has values from {least} to {greatest}, which are no degrees"
                    )));
                }
            }
            geographic()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_the_beginning() {
        for (text, format) in [
            ("POINT(1 2)", Some(Format::Wkt)),
            (" multipolygon z (((", Some(Format::Wkt)),
            ("SRID=2154;POINTZM EMPTY", Some(Format::Wkt)),
            ("CIRCULARSTRING(", Some(Format::Wkt)),
            ("Point", None),
            ("Pointe-à-Pitre (971)", None),
            ("010100000000000000", Some(Format::Wkb)),
            ("\\x010100000000000000", Some(Format::Wkb)),
            ("0x0101000000", Some(Format::Wkb)),
            ("01010", None),
            ("0x1F", None),
            ("0102030405 rue", Some(Format::Wkb)),
            ("{\"type\":", Some(Format::GeoJson)),
            ("", None),
        ] {
            assert_eq!(Format::of(text.as_bytes()), format, "{text}");
        }
        assert_eq!(Format::Wkt.srid(b"SRID=2154;POINT(1 2)"), Some(2154));
        assert_eq!(Format::Wkb.srid(b"01010000206A080000"), Some(2154));
        assert_eq!(Format::Wkb.srid(b"00200000010000086A"), Some(2154));
        assert_eq!(Format::Wkb.srid(b"0101000000000000000000F03F"), None);
        assert_eq!(Format::Wkb.srid(b"\\x01010000206A080000"), Some(2154));
        let point = "0101000000000000000000F03F0000000000000040";
        for prefix in ["", "\\x", "0x", "0X"] {
            let (mut scratch, mut wkb) = (Vec::new(), Vec::new());
            let text = format!("{prefix}{point}");
            Format::Wkb.wkb(text.as_bytes(), &Curves::default(), &mut scratch, &mut wkb).unwrap();
            assert_eq!(wkb.len(), 21, "{text}");
        }
    }

    #[test]
    fn candidates_have_an_order() {
        let names = ["X", "Y", "Lat", "lon", "Geo Shape", "geo_point_2d"].map(str::to_owned);
        let expected = [
            Candidate::Text(4),
            Candidate::Pair { x: 3, y: 2, geographic: true },
            Candidate::Point(5),
            Candidate::Pair { x: 0, y: 1, geographic: false },
        ];
        assert_eq!(candidates(&names), expected);
    }

    #[test]
    fn coordinates_may_have_signs_and_spaces() {
        assert_eq!(ordinate(b" +048.5 "), Some(48.5));
        assert_eq!((ordinate(b"nan"), ordinate(b"1,5"), ordinate(b"")), (None, None, None));
        assert_eq!(point(b"48.85, 2.35"), Some((2.35, 48.85)));
    }
}
