//! The direct way against SQLite's.

use std::ops::ControlFlow;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use rusqlite::types::Value;

use super::layer::GeoPackageLayer;
use super::testing::{TestPackage, simple_blob};
use crate::error::SourceError;
use crate::{Layer, OpenOptions, Split};

type Outcome = Result<Vec<RecordBatch>, SourceError>;

fn open(path: &Path, select: Option<&[&str]>) -> Result<GeoPackageLayer, SourceError> {
    let select = select.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    GeoPackageLayer::open(path, &OpenOptions { layer: Some("t".to_owned()), select, ..Default::default() })
}

/// All rows as one batch, read in splits, which SQLite has no more than one of.
fn read(layer: &GeoPackageLayer, target: usize) -> Outcome {
    let mut batches = Vec::new();
    for split in layer.splits(target)? {
        layer.read(&split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
    }
    let whole = concat_batches(&layer.schema(), &batches).unwrap();
    Ok(if whole.num_rows() == 0 { Vec::new() } else { vec![whole] })
}

/// What both ways give, which must be the same.
fn compare(path: &Path, select: Option<&[&str]>, target: usize, what: &str) -> Outcome {
    let direct = open(path, select).unwrap();
    assert!(direct.is_direct(), "{what}");
    let sqlite = open(path, select).unwrap().through_sqlite();
    assert_eq!(direct.schema(), sqlite.schema());
    let (found, expected) = (read(&direct, target), read(&sqlite, target));
    assert_eq!(found, expected, "{what}, splits of {target}");
    found
}

/// A small generator of numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Any size of integer, both signs, often at the edge of a size.
    fn integer(&mut self, bits: u64) -> i64 {
        let width = self.below(bits);
        let edge = 1i128 << width;
        let inside = i128::from(self.below(1 << 32)) % edge;
        (self.pick(&[edge - 1, -edge, inside]) as i64) << self.pick(&[0, 1, 1]) >> 1
    }

    /// Often short, sometimes over several pages.
    fn length(&mut self) -> usize {
        let limit = self.pick(&[1, 20, 60, 200, 600, 3000, 20_000]);
        if limit > 1000 && self.below(4) > 0 { 9 } else { self.below(limit) as usize }
    }

    fn text(&mut self) -> String {
        let letters = self.pick(&["abc", "aé", "日本x", "0123456789"]).chars().collect::<Vec<_>>();
        (0..self.length()).map(|_| self.pick(&letters)).collect()
    }

    /// A value for a column of the type; one in `odd` of another class.
    fn value(&mut self, declared: &str, odd: u64) -> Value {
        let class = match self.below(odd) {
            0 => self.pick(&["INTEGER", "DOUBLE", "TEXT", "BLOB"]),
            _ if self.below(6) == 0 => "NULL",
            _ => declared,
        };
        match class {
            "NULL" => Value::Null,
            "BOOLEAN" => Value::Integer(self.below(2) as i64),
            "SMALLINT" => Value::Integer(self.integer(14)),
            "INTEGER" | "" => Value::Integer(self.integer(62)),
            "DOUBLE" | "NUMERIC" if self.below(2) == 0 => Value::Real(self.integer(52) as f64),
            "DOUBLE" | "NUMERIC" | "FLOAT" => Value::Real(self.integer(50) as f64 / 1024.0),
            "DATE" => Value::Text(format!("{:04}-02-{:02}", self.below(3000), self.below(28) + 1)),
            "DATETIME" => Value::Text(format!("2024-05-{:02}T07:08:09.{:03}Z", self.below(30) + 1, self.below(1000))),
            "BLOB" => Value::Blob((0..self.length()).map(|index| index as u8).collect()),
            "GEOMETRY" => Value::Blob(simple_blob(self.integer(20) as f64)),
            _ => Value::Text(self.text()),
        }
    }
}

const TYPES: [&str; 11] =
    ["TEXT", "INTEGER", "BOOLEAN", "SMALLINT", "DOUBLE", "FLOAT", "NUMERIC", "DATE", "DATETIME", "BLOB", ""];

/// A package with a table `t` of random columns and rows, and a random past.
fn random_package(seed: u64) -> TestPackage {
    let mut random = Random::new(seed);
    let page_bytes = random.pick(&[512, 1024, 4096, 8192, 65_536]);
    let package =
        TestPackage::with(&format!("PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {}", random.below(3)));
    let mut columns: Vec<(String, &str)> =
        (0..random.below(12)).map(|index| (format!("c{index}"), random.pick(&TYPES))).collect();
    let place = random.below(columns.len() as u64 + 1) as usize;
    columns.insert(place, ("g".to_owned(), "GEOMETRY"));
    let mut declared: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    let key = random.below(declared.len() as u64 + 1) as usize;
    if random.below(5) > 0 {
        declared.insert(key, "id INTEGER PRIMARY KEY".to_owned());
    }
    package.sql(&format!("CREATE TABLE t ({})", declared.join(", "))).features("t", "g", 2154);
    let odd = random.pick(&[400, 100_000, 100_000]);
    let spread = random.pick(&[1, 1, 1000, 1 << 40]);
    let mut id = random.pick(&[0i64, -300, i64::MIN / 2, 1 << 40]);
    for round in 0..2 {
        let most = random.pick(&[0, 5, 100, 500]);
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let marks = vec!["?"; columns.len() + 1].join(", ");
        let insert = format!("INSERT INTO t (rowid, {}) VALUES ({marks})", names.join(", "));
        package.sql("BEGIN");
        for _ in 0..most {
            id += 1 + random.below(spread) as i64;
            let values = columns.iter().map(|(_, kind)| random.value(kind, odd)).collect::<Vec<_>>();
            package.insert(&insert, rusqlite::params_from_iter(std::iter::once(Value::Integer(id)).chain(values)));
        }
        package.sql("COMMIT");
        if random.below(2) == 0 {
            package.sql(&format!("DELETE FROM t WHERE rowid % {} < 2", random.pick(&[3, 50])));
        }
        if round == 0 && random.below(2) == 0 {
            for (name, kind, default) in [
                ("a1", "TEXT", "NULL"),
                ("a2", "INTEGER", "-7"),
                ("a3", "DOUBLE", "7"),
                ("a4", "TEXT", "'l''été ; --'"),
                ("a5", "BLOB", "x'00ff'"),
                ("a6", "TEXT", "12"),
                ("a7", "NUMERIC", "'1.5'"),
                ("a8", "BOOLEAN", "true"),
                ("a9", "INTEGER NOT NULL", "+3"),
            ] {
                if random.below(2) == 0 {
                    package.sql(&format!("ALTER TABLE t ADD COLUMN {name} {kind} DEFAULT {default}"));
                    columns.push((name.to_owned(), kind.split(' ').next().unwrap()));
                    if kind.ends_with("NOT NULL") {
                        columns.pop();
                    }
                }
            }
        }
    }
    if random.below(3) == 0 {
        package.sql("VACUUM");
    }
    package
}

#[test]
fn random_tables_are_the_same_either_way() {
    let (mut rows, mut failures) = (0, 0);
    for seed in 0..40 {
        let package = random_package(seed);
        for target in [30, 1_000_000] {
            let what = format!("seed {seed}");
            match compare(&package.path(), None, target, &what) {
                Ok(batches) => rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
                Err(_) => failures += 1,
            }
            let _ = compare(&package.path(), Some(&[]), target, &what);
        }
    }
    assert!(rows > 4_000 && failures > 5, "{rows} rows, {failures} failures");
}

#[test]
fn columns_added_later_have_their_default() {
    let package = TestPackage::new();
    package
        .sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB)")
        .features("t", "g", 2154)
        .sql("INSERT INTO t VALUES (1, NULL)")
        .sql("ALTER TABLE t ADD COLUMN a TEXT DEFAULT 'old'; ALTER TABLE t ADD COLUMN b TEXT DEFAULT 5")
        .sql("ALTER TABLE t ADD COLUMN c INTEGER; INSERT INTO t VALUES (2, NULL, NULL, 'x', 6)");
    let batches = compare(&package.path(), None, 10, "defaults").unwrap();
    let text = |column: usize| batches[0].column(column).as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(text(2), [Some("old"), None]);
    assert_eq!(text(3), [Some("5"), Some("x")]);
    assert!(batches[0].column(4).is_null(0) && batches[0].column(4).is_valid(1));
}

#[test]
fn the_rule_of_when_a_table_is_read_directly() {
    let plain = "CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB)";
    for (pragmas, create, expected) in [
        ("", plain, true),
        ("", "CREATE TABLE t (g BLOB, d DATETIME DEFAULT CURRENT_TIMESTAMP)", true),
        ("", "CREATE TABLE t (id INTEGER PRIMARY KEY DESC, g BLOB)", true),
        ("PRAGMA page_size = 512; PRAGMA auto_vacuum = FULL", plain, true),
        ("PRAGMA encoding = 'UTF-16le'", plain, false),
        ("PRAGMA encoding = 'UTF-16be'", plain, false),
        ("", "CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, n AS (id + 1))", false),
        ("", "CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, n AS (id + 1) STORED)", false),
        ("", "CREATE TABLE t (id TEXT PRIMARY KEY, g BLOB) WITHOUT ROWID", false),
        ("", "CREATE TABLE b (g BLOB); CREATE VIEW t AS SELECT g FROM b", false),
        ("", "CREATE TABLE t (g BLOB, rowid TEXT, oid TEXT, _rowid_ TEXT)", false),
        ("PRAGMA journal_mode = WAL", plain, false),
    ] {
        let package = TestPackage::with(pragmas);
        package.sql(create).features("t", "g", 2154);
        let layer = open(&package.path(), None).unwrap();
        assert_eq!((layer.is_direct(), layer.driver()), (expected, "GPKG"), "{pragmas}; {create}");
        let rows = read(&layer, 10).unwrap();
        assert_eq!(rows.len(), 0);
    }
    let package = TestPackage::with("PRAGMA journal_mode = WAL");
    package.sql(plain).features("t", "g", 2154).sql("INSERT INTO t VALUES (5, NULL)");
    package.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(compare(&package.path(), None, 10, "a WAL that is empty").unwrap()[0].num_rows(), 1);
}

#[test]
fn no_writer_gets_in_while_rows_are_read() {
    let package = TestPackage::new();
    package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB)").features("t", "g", 2154);
    package.sql("INSERT INTO t VALUES (1, NULL)");
    let layer = open(&package.path(), None).unwrap();
    package.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let mut calls = 0;
    layer
        .read(&layer.splits(10).unwrap()[0], &mut |_| {
            calls += 1;
            let written = package.connection.execute("INSERT INTO t VALUES (2, NULL)", []);
            let code = written.unwrap_err().sqlite_error_code();
            assert_eq!(code, Some(rusqlite::ErrorCode::DatabaseBusy));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(calls, 1);
    package.sql("INSERT INTO t VALUES (2, zeroblob(10000))");
    assert_eq!(read(&layer, 10).unwrap_err(), SourceError::Changed { path: package.path() });
}

/// A package of several levels of pages with overflow, and its table's root page.
fn tree() -> (TestPackage, usize) {
    let package = TestPackage::with("PRAGMA page_size = 512");
    package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, s TEXT, n DOUBLE, x BLOB)").features("t", "g", 2154);
    for id in 0..150 {
        package.insert(
            "INSERT INTO t VALUES (?1, ?2, 'texte ' || ?1, ?1 * 1.5, zeroblob(CASE WHEN ?1 % 10 = 0 THEN 2000 ELSE 20 END))",
            rusqlite::params![id * 3, simple_blob(f64::from(id))],
        );
    }
    let root = package
        .connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 't'", [], |row| row.get::<_, i64>(0))
        .unwrap();
    (package, root as usize)
}

#[test]
fn trees_that_lead_nowhere_are_damage() {
    let (package, root) = tree();
    let whole = std::fs::read(package.path()).unwrap();
    let start = (root - 1) * 512;
    assert_eq!(whole[start], 5);
    let first_cell = start + usize::from(u16::from_be_bytes([whole[start + 12], whole[start + 13]]));
    let number = |page: u32| page.to_be_bytes().to_vec();
    let cases: [(usize, Vec<u8>, &str); 9] = [
        (start + 8, number(root as u32), "not in order"),
        (first_cell, number(root as u32), "circles|not in order|deeper"),
        (first_cell, number(0), "page 0 of"),
        (first_cell, number(1), "does not belong"),
        (first_cell, number(u32::MAX), "page 4294967295 of"),
        (start, vec![13], "row|cell"),
        (start, vec![10], "does not belong"),
        (start + 3, vec![0, 0], "empty"),
        (start + 3, vec![255, 255], "does not fit"),
    ];
    for (offset, bytes, expected) in cases {
        let mut damaged = whole.clone();
        damaged[offset..offset + bytes.len()].copy_from_slice(&bytes);
        let path = package.path().with_extension("damaged");
        std::fs::write(&path, &damaged).unwrap();
        let layer = open(&path, None).unwrap();
        assert!(layer.is_direct());
        // Without looking for splits, which SQLite does.
        let error = layer.read(&Split::whole(), &mut |_| ControlFlow::Continue(())).unwrap_err();
        let SourceError::Damaged { reason, .. } = &error else { panic!("{error}") };
        assert!(expected.split('|').any(|part| reason.contains(part)), "{expected}: {reason}");
    }
}

#[test]
fn files_cut_anywhere_are_damage() {
    let (package, _) = tree();
    let mut whole = std::fs::read(package.path()).unwrap();
    // The header's size of the database does not count if another counter says it is old.
    whole[92] ^= 1;
    let path = package.path().with_extension("damaged");
    std::fs::write(&path, &whole).unwrap();
    let expected = read(&open(&path, None).unwrap(), 40).unwrap();
    let mut failures = 0;
    for length in (0..whole.len()).step_by(173) {
        std::fs::write(&path, &whole[..length]).unwrap();
        match open(&path, None).and_then(|layer| read(&layer, 40)) {
            Ok(found) => assert_eq!(found, expected, "cut at {length}"),
            Err(_) => failures += 1,
        }
    }
    assert!(failures > 200, "{failures}");
}

#[test]
fn changed_bytes_never_pass_for_other_rows_than_sqlite_finds() {
    let (package, root) = tree();
    let whole = std::fs::read(package.path()).unwrap();
    let path = package.path().with_extension("damaged");
    let (mut same, mut refused) = (0, 0);
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut bytes = whole.clone();
        for _ in 0..=random.below(3) {
            // Mostly in the headers of pages and the cells behind them.
            let page = random.below(bytes.len() as u64 / 512) as usize;
            let page = if random.below(4) == 0 { root - 1 } else { page };
            let offset = page * 512 + random.pick(&[0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, random.0 as usize % 512]);
            bytes[offset] = random.pick(&[0, 1, 10, 13, 0x7f, 0x80, 0xff, random.0 as u8]);
        }
        std::fs::write(&path, &bytes).unwrap();
        let Ok(layer) = open(&path, None) else { continue };
        let is_direct = layer.is_direct();
        let found = read(&layer, 40);
        if let Ok(found) = &found
            && let Ok(expected) = read(&layer.through_sqlite(), 40)
        {
            assert_eq!(found, &expected, "seed {seed}");
            same += u32::from(is_direct);
        }
        refused += u32::from(found.is_err());
    }
    assert!(same > 100 && refused > 100, "{same} the same, {refused} refused");
}

#[test]
fn rows_that_are_only_claimed_make_no_splits() {
    let package = TestPackage::new();
    package.features("t", "g", 2154).sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB);
         INSERT INTO t VALUES (1, NULL), (4611686018427387904, NULL);
         CREATE TABLE gpkg_ogr_contents (table_name TEXT, feature_count INTEGER);
         INSERT INTO gpkg_ogr_contents VALUES ('t', 4611686018427387904)",
    );
    let splits = open(&package.path(), None).unwrap().splits(1).unwrap();
    assert!(splits.len() < 10, "{} splits of two rows", splits.len());
}
