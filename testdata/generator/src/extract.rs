//! A layer of buildings in the manner of a national topographic base: as many rows as asked for, streamed.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use rusqlite::{Connection, Statement, params};

use crate::database::quote;
use crate::geopackage::{GeometryColumn, Table, create, create_table};
use crate::random::Random;
use crate::wkb::Dimension;

const LAYER: &str = "batiment";

const COLUMNS: [(&str, &str); 21] = [
    ("cleabs", "TEXT(24)"),
    ("nature", "TEXT"),
    ("usage_1", "TEXT"),
    ("usage_2", "TEXT"),
    ("construction_legere", "BOOLEAN"),
    ("etat_de_l_objet", "TEXT"),
    ("date_creation", "DATETIME"),
    ("date_modification", "DATETIME"),
    ("date_d_apparition", "DATE"),
    ("date_de_confirmation", "DATE"),
    ("sources", "TEXT"),
    ("identifiants_sources", "TEXT"),
    ("precision_planimetrique", "REAL"),
    ("precision_altimetrique", "REAL"),
    ("nombre_de_logements", "INTEGER"),
    ("nombre_d_etages", "MEDIUMINT"),
    ("materiaux_des_murs", "TEXT(2)"),
    ("hauteur", "REAL"),
    ("altitude_minimale_sol", "REAL"),
    ("origine_du_batiment", "TEXT"),
    ("identifiants_rnb", "TEXT"),
];

/// Those of a narrow extract.
const FEW_COLUMNS: [(&str, &str); 3] = [("cleabs", "TEXT(24)"), ("nature", "TEXT"), ("hauteur", "REAL")];

const NATURES: [&str; 8] = [
    "Indifférenciée",
    "Indifférenciée",
    "Indifférenciée",
    "Indifférenciée",
    "Industriel, agricole ou commercial",
    "Serre",
    "Eglise",
    "Silo",
];
const USAGES: [&str; 6] =
    ["Résidentiel", "Indifférencié", "Annexe", "Agricole", "Commercial et services", "Industriel"];
const STATES: [&str; 4] = ["En service", "En construction", "En ruine", "En projet"];
const ORIGINS: [&str; 3] = ["Cadastre", "Imagerie aérienne", "Autre"];
const WALLS: [&str; 8] = ["00", "01", "10", "12", "20", "50", "90", "99"];
const PRECISIONS: [f64; 4] = [1.0, 1.5, 2.5, 3.0];

/// Buildings of one hamlet stand together, and hamlets follow each other as a delivery by region would have them.
const HAMLET: u64 = 240;

/// Writes the extract; every value depends on the seed and the row alone.
pub(crate) fn write(path: &Path, rows: u64, seed: u64, narrow: bool) -> Result<(), Box<dyn Error>> {
    let columns: &[(&str, &str)] = if narrow { &FEW_COLUMNS } else { &COLUMNS };
    let connection = create(path, 4096)?;
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536;")?;
    let geometry = GeometryColumn::new("POLYGON", 2154, Dimension::Xy);
    create_table(&connection, &Table { name: LAYER, key: "fid", columns, geometry: Some(geometry) })?;
    connection.execute_batch("BEGIN")?;
    let bounds = insert_rows(&connection, rows, seed, columns.len())?;
    connection.execute(
        "UPDATE gpkg_contents SET min_x = ?1, min_y = ?2, max_x = ?3, max_y = ?4",
        params![bounds[0], bounds[1], bounds[2], bounds[3]],
    )?;
    // The row count as GDAL keeps it: whoever shows progress needs it.
    connection.execute_batch(
        "CREATE TABLE gpkg_ogr_contents (table_name TEXT NOT NULL PRIMARY KEY, feature_count INTEGER DEFAULT NULL)",
    )?;
    connection.execute("INSERT INTO gpkg_ogr_contents VALUES (?1, ?2)", params![LAYER, rows])?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

fn insert_rows(connection: &Connection, rows: u64, seed: u64, columns: usize) -> Result<[f64; 4], Box<dyn Error>> {
    let places: Vec<_> = (1..=columns + 2).map(|place| format!("?{place}")).collect();
    let mut statement = connection.prepare(&format!("INSERT INTO {} VALUES ({})", quote(LAYER), places.join(",")))?;
    let mut building = Building::new(seed);
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for row in 0..rows {
        building.next(row);
        if columns == FEW_COLUMNS.len() {
            building.bind_few(row, &mut statement)?;
        } else {
            building.bind(row, &mut statement)?;
        }
        statement.raw_execute()?;
        let [low_x, low_y, high_x, high_y] = building.bounds;
        bounds = [bounds[0].min(low_x), bounds[1].min(low_y), bounds[2].max(high_x), bounds[3].max(high_y)];
    }
    Ok(bounds)
}

/// The row being made, with its buffers.
struct Building {
    seed: u64,
    random: Random,
    centre: (f64, f64),
    geometry: Vec<u8>,
    bounds: [f64; 4],
    text: String,
}

impl Building {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: Random::new(seed),
            centre: (0.0, 0.0),
            geometry: Vec::with_capacity(512),
            bounds: [0.0; 4],
            text: String::with_capacity(64),
        }
    }

    /// Moves on to a row: its hamlet, footprint and geometry.
    fn next(&mut self, row: u64) {
        if row.is_multiple_of(HAMLET) {
            self.random = Random::new(self.seed ^ (row / HAMLET).wrapping_mul(0xD134_2543_DE82_EF95));
            self.centre = (self.random.between(160_000.0, 1_190_000.0), self.random.between(6_150_000.0, 7_080_000.0));
        }
        let random = &mut self.random;
        // Two draws added: denser in the middle of the hamlet.
        let mut scatter = || random.between(-400.0, 400.0) + random.between(-400.0, 400.0);
        let (x, y) = (self.centre.0 + scatter(), self.centre.1 + scatter());
        let (width, depth) = (random.between(4.0, 22.0), random.between(4.0, 16.0));
        // A direction from a Pythagorean-like quotient: no sine, so the same bits everywhere.
        let slope = random.between(-1.0, 1.0);
        let cosine = (1.0 - slope * slope) / (1.0 + slope * slope);
        let sine = 2.0 * slope / (1.0 + slope * slope);
        let place = |u: f64, v: f64| {
            let rounded = |value: f64| (value * 10.0).round() / 10.0;
            (rounded(x + u * cosine - v * sine), rounded(y + u * sine + v * cosine))
        };
        let mut ring = [(0.0, 0.0); 9];
        let corners: &[(f64, f64)] = match random.below(10) {
            0..=4 => &[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
            5..=7 => &[(0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.4, 0.5), (0.4, 1.0), (0.0, 1.0)],
            _ => &[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.7, 1.0), (0.7, 0.4), (0.3, 0.4), (0.3, 1.0), (0.0, 1.0)],
        };
        for (slot, (u, v)) in ring.iter_mut().zip(corners) {
            *slot = place(u * width, v * depth);
        }
        ring[corners.len()] = ring[0];
        let outer = &ring[..=corners.len()];
        let hole = (corners.len() == 4 && width > 12.0 && depth > 9.0 && random.chance(0.2)).then(|| {
            [(0.4, 0.4), (0.4, 0.6), (0.6, 0.6), (0.6, 0.4), (0.4, 0.4)].map(|(u, v)| place(u * width, v * depth))
        });
        self.bounds = outer.iter().fold(
            [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
            |[low_x, low_y, high_x, high_y], (x, y)| [low_x.min(*x), low_y.min(*y), high_x.max(*x), high_y.max(*y)],
        );
        let [low_x, low_y, high_x, high_y] = self.bounds;
        let bytes = &mut self.geometry;
        bytes.clear();
        // Little-endian header with envelope XY (GeoPackage 2.1.3), then an ISO polygon.
        bytes.extend([b'G', b'P', 0, 0b0000_0011]);
        bytes.extend(2154i32.to_le_bytes());
        bytes.extend([low_x, high_x, low_y, high_y].iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend([1, 3, 0, 0, 0, 1 + u8::from(hole.is_some()), 0, 0, 0]);
        for ring in std::iter::once(outer).chain(hole.as_ref().map(|ring| ring.as_slice())) {
            bytes.extend((ring.len() as u32).to_le_bytes());
            for (x, y) in ring {
                bytes.extend(x.to_le_bytes());
                bytes.extend(y.to_le_bytes());
            }
        }
    }

    fn bind_few(&mut self, row: u64, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        let Self { random, geometry, text, .. } = self;
        statement.raw_bind_parameter(1, row as i64 + 1)?;
        statement.raw_bind_parameter(2, geometry.as_slice())?;
        text.clear();
        let _ = write!(text, "BATIMENT{:016}", row * 7 + 100_000_000);
        statement.raw_bind_parameter(3, text.as_str())?;
        statement.raw_bind_parameter(4, pick(&NATURES, random))?;
        statement.raw_bind_parameter(5, random.chance(0.92).then(|| tenths(random, 25, 240)))
    }

    fn bind(&mut self, row: u64, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        let Self { random, geometry, text, .. } = self;
        statement.raw_bind_parameter(1, row as i64 + 1)?;
        statement.raw_bind_parameter(2, geometry.as_slice())?;
        let mut written = |index: usize, arguments: std::fmt::Arguments<'_>, statement: &mut Statement<'_>| {
            text.clear();
            let _ = text.write_fmt(arguments);
            statement.raw_bind_parameter(index, text.as_str())
        };
        written(3, format_args!("BATIMENT{:016}", row * 7 + 100_000_000), statement)?;
        statement.raw_bind_parameter(4, pick(&NATURES, random))?;
        statement.raw_bind_parameter(5, pick(&USAGES, random))?;
        statement.raw_bind_parameter(6, random.chance(0.1).then(|| pick(&USAGES, random)))?;
        statement.raw_bind_parameter(7, random.chance(0.12))?;
        statement.raw_bind_parameter(8, if random.chance(0.98) { STATES[0] } else { pick(&STATES, random) })?;
        // Days since 1970: from 2006 on.
        let created = 13_149 + random.below(6_000) as i64;
        let modified = created + random.below(1_000) as i64;
        let milliseconds = random.below(86_400_000);
        written(9, format_args!("{}", Moment(created, milliseconds)), statement)?;
        if random.chance(0.75) {
            written(10, format_args!("{}", Moment(modified, 86_399_999 - milliseconds)), statement)?;
        } else {
            statement.raw_bind_parameter(10, None::<i64>)?;
        }
        let appeared = random.below(45_000) as i64 - 30_000;
        for (index, days, present) in [(11, appeared, 0.55), (12, modified, 0.7)] {
            if random.chance(present) {
                written(index, format_args!("{}", Day(days)), statement)?;
            } else {
                statement.raw_bind_parameter(index, None::<i64>)?;
            }
        }
        statement.raw_bind_parameter(13, random.chance(0.5).then_some("Cadastre"))?;
        if random.chance(0.4) {
            written(14, format_args!("FR_CAD_{:010}", random.below(1_000_000_000)), statement)?;
        } else {
            statement.raw_bind_parameter(14, None::<i64>)?;
        }
        statement.raw_bind_parameter(15, PRECISIONS[random.below(4) as usize])?;
        statement.raw_bind_parameter(16, PRECISIONS[random.below(4) as usize])?;
        statement.raw_bind_parameter(17, random.chance(0.55).then(|| 1 + random.below(4) as i64))?;
        statement.raw_bind_parameter(18, random.chance(0.5).then(|| 1 + random.below(6) as i64))?;
        statement.raw_bind_parameter(19, random.chance(0.45).then(|| pick(&WALLS, random)))?;
        statement.raw_bind_parameter(20, random.chance(0.92).then(|| tenths(random, 25, 240)))?;
        statement.raw_bind_parameter(21, random.chance(0.95).then(|| tenths(random, 0, 12_000)))?;
        statement.raw_bind_parameter(22, pick(&ORIGINS, random))?;
        if random.chance(0.88) {
            let code = random.next();
            written(23, format_args!("{code:016X}"), statement)?;
        } else {
            statement.raw_bind_parameter(23, None::<i64>)?;
        }
        Ok(())
    }
}

fn pick(values: &'static [&'static str], random: &mut Random) -> &'static str {
    values[random.below(values.len() as u64) as usize]
}

/// A number with one decimal.
fn tenths(random: &mut Random, low: u64, high: u64) -> f64 {
    (low + random.below(high - low)) as f64 / 10.0
}

/// A calendar day by its distance from 1970-01-01.
struct Day(i64);

impl std::fmt::Display for Day {
    /// Days to a proleptic Gregorian date (Hinnant, "chrono-compatible low-level date algorithms").
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shifted = self.0 + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

/// A day and the milliseconds since its midnight, UTC.
struct Moment(i64, u64);

impl std::fmt::Display for Moment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (seconds, milliseconds) = (self.1 / 1_000, self.1 % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        write!(formatter, "{}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z", Day(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_on_both_sides_of_the_epoch() {
        for (days, date) in [(0, "1970-01-01"), (-1, "1969-12-31"), (19_782, "2024-02-29"), (-25_567, "1900-01-01")] {
            assert_eq!(Day(days).to_string(), date);
        }
        assert_eq!(Moment(19_782, 45_296_789).to_string(), "2024-02-29T12:34:56.789Z");
    }

    #[test]
    fn the_same_seed_makes_the_same_rows_and_another_seed_does_not() {
        let made = |seed| {
            let bytes = crate::database::bytes_of(|path| write(path, 500, seed, false)).unwrap();
            crate::database::dump(&bytes).unwrap()
        };
        let first = made(1);
        assert_eq!(first, made(1));
        assert_ne!(first, made(2));
        assert_eq!(first.iter().filter(|line| line.starts_with("batiment: ")).count(), 500);
    }
}
