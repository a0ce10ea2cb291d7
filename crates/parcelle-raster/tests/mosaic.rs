//! Files that are made here, judged as one ImageMosaic.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod tiff;

use parcelle_raster::geoserver::{Around, judge, newest};
use parcelle_raster::mosaic::{JudgedMosaic, Mosaic};
use parcelle_report::{Outcome, Severity};
use tiff::Values::{Doubles, Longs, Shorts, Text};
use tiff::{Changes, file, keys, parsed, sound};

/// A tile of 64 by 64 metres at this column and row of the grid.
fn at(column: u32, row: u32, changes: Changes) -> Vec<u8> {
    let mut tags = sound();
    let (x, y) = (650_000.0 + 64.0 * f64::from(column), 6_860_000.0 - 64.0 * f64::from(row));
    tags.insert(33_922, Doubles(vec![0.0, 0.0, 0.0, x, y, 0.0]));
    tags.extend(changes);
    file(&[tags], 0, None)
}

fn mosaic(files: &[(&str, Vec<u8>)]) -> JudgedMosaic {
    let mut mosaic = Mosaic::default();
    for (path, bytes) in files {
        let structure = parsed(bytes);
        let alone = judge(&structure, path, newest().unwrap(), &Around::default()).unwrap();
        assert!(mosaic.add(&structure, path, &alone.compatibility));
    }
    let bytes = |path: &str| files.iter().find(|(known, _)| *known == path).map(|(_, bytes)| bytes).unwrap();
    mosaic.judge(newest().unwrap(), |one, other| bytes(one) == bytes(other))
}

/// Four by four tiles, the first with these changes.
fn grid(changes: Changes) -> JudgedMosaic {
    let names: Vec<String> = (0..16).map(|index| format!("tile_{index:02}.tif")).collect();
    let files: Vec<(&str, Vec<u8>)> = names
        .iter()
        .zip(0..)
        .map(|(name, index)| {
            (name.as_str(), at(index % 4, index / 4, if index == 0 { changes.clone() } else { Changes::new() }))
        })
        .collect();
    mosaic(&files)
}

fn ids(judged: &JudgedMosaic) -> Vec<(&'static str, Severity)> {
    judged.findings.iter().map(|finding| (finding.rule.id, finding.severity)).collect()
}

#[test]
fn files_of_one_kind_are_a_mosaic() {
    let judged = grid(Changes::new());
    assert_eq!(ids(&judged), []);
    assert!(judged.outliers.is_empty());
    let answer = &judged.compatibility[0];
    assert_eq!((answer.access.as_str(), answer.outcome), ("image-mosaic", Outcome::Reads));
    assert_eq!((&judged.facts["granules"], &judged.facts["crs"]), (&16.into(), &"EPSG:2154".into()));
}

#[test]
fn one_file_of_another_kind_is_named() {
    use Severity::{Error, Warning};
    let bytes = |bands: u16| vec![(277, Shorts(vec![bands])), (258, Shorts(vec![8; usize::from(bands)]))];
    let five = [bytes(5), vec![(338, Shorts(vec![0, 0]))]].concat();
    let utm = vec![(34_735, keys(&[(1024, 1), (3072, 32_631)]))];
    let cases: Vec<(Changes, &str, Severity, Outcome)> = vec![
        (utm, "GS-MOS-002", Error, Outcome::Misreads),
        (vec![(258, Shorts(vec![16]))], "GS-MOS-004", Warning, Outcome::Reads),
        (five, "GS-MOS-004", Error, Outcome::Misreads),
        (vec![(42_113, Text("255"))], "GS-MOS-006", Warning, Outcome::Reads),
        (vec![(33_550, Doubles(vec![0.5, 0.5, 0.0]))], "GS-MOS-005", Warning, Outcome::Slow),
        (vec![(259, Shorts(vec![50_001]))], "GS-MOS-001", Error, Outcome::Fails),
    ];
    for (changes, rule, severity, outcome) in cases {
        let judged = grid(changes);
        let found = ids(&judged);
        assert!(found.contains(&(rule, severity)), "{rule}: {found:?}");
        assert_eq!(judged.compatibility[0].outcome, outcome, "{rule}");
        let finding = judged.findings.iter().find(|finding| finding.rule.id == rule).unwrap();
        assert!(
            finding.message.contains("1 of 16 files") && finding.message.contains("tile_00.tif"),
            "{}",
            finding.message
        );
        let of_file: Vec<_> = judged.outliers.keys().map(String::as_str).collect();
        let expected: &[&str] = if rule == "GS-MOS-001" { &[] } else { &["tile_00.tif"] };
        assert_eq!(of_file, expected, "{rule}");
    }
}

#[test]
fn colour_models_are_compared_as_geotools_does() {
    let bands = |bands: u16| {
        let mut changes = vec![(277, Shorts(vec![bands])), (258, Shorts(vec![8; usize::from(bands)]))];
        changes.extend((bands > 3).then(|| (338, Shorts(vec![0; usize::from(bands - 3)]))));
        changes
    };
    let refused = |first: u16, second: u16| {
        let judged = mosaic(&[("a.tif", at(0, 0, bands(first))), ("b.tif", at(1, 0, bands(second)))]);
        ids(&judged).iter().any(|(id, _)| *id == "GS-MOS-003")
    };
    assert!(refused(3, 5) && refused(4, 3));
    // Grey can be expanded.
    assert!(!refused(3, 1) && !refused(1, 3) && !refused(5, 5));
}

/// GeoTools takes the reference system of a `.prj` beside a file, and a ColorMap whatever PhotometricInterpretation is.
#[test]
fn side_files_and_colour_maps_count_as_for_geotools() {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<String> = (0..4).map(|index| format!("{}/tile_{index}.tif", directory.path().display())).collect();
    let files: Vec<(&str, Vec<u8>)> =
        paths.iter().zip(0..).map(|(path, column)| (path.as_str(), at(column, 0, Changes::new()))).collect();
    assert_eq!(ids(&mosaic(&files)), []);
    let geographic = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],\
        PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AUTHORITY[\"EPSG\",\"4326\"]]";
    std::fs::write(paths[1].replace(".tif", ".prj"), geographic).unwrap();
    let judged = mosaic(&files);
    assert_eq!(ids(&judged), [("GS-MOS-002", Severity::Error)]);
    assert!(judged.findings[0].message.contains("tile_1.tif"), "{}", judged.findings[0].message);
    let judged = grid(vec![(320, Shorts(vec![0; 768]))]);
    assert!(ids(&judged).contains(&("GS-MOS-004", Severity::Error)), "{:?}", ids(&judged));
}

#[test]
fn holes_overlaps_and_copies_are_found() {
    let ring: Vec<(String, Vec<u8>)> = (0..25)
        .filter(|index| *index != 12)
        .map(|index| (format!("t{index:02}.tif"), at(index % 5, index / 5, Changes::new())))
        .collect();
    let borrowed = |files: &[(String, Vec<u8>)]| {
        mosaic(&files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect::<Vec<_>>())
    };
    let judged = borrowed(&ring);
    assert_eq!(ids(&judged), [("GS-MOS-014", Severity::Warning)]);
    assert!(judged.findings[0].message.contains("650128 6859808 to 650192 6859872"), "{}", judged.findings[0].message);

    let copy = mosaic(&[("a.tif", at(0, 0, Changes::new())), ("b.tif", at(0, 0, Changes::new()))]);
    assert_eq!(ids(&copy), [("GS-MOS-009", Severity::Warning)]);
    assert!(copy.outliers["b.tif"][0].message.contains("a.tif"));

    let newer = vec![(324, Longs(vec![9]))];
    let stacked = mosaic(&[("a.tif", at(0, 0, Changes::new())), ("b.tif", at(0, 0, newer.clone()))]);
    assert_eq!(ids(&stacked), [("GS-MOS-010", Severity::Warning)]);

    let half = vec![(33_922, Doubles(vec![0.0, 0.0, 0.0, 650_032.0, 6_860_000.0, 0.0]))];
    let over = mosaic(&[("a.tif", at(0, 0, Changes::new())), ("b.tif", at(0, 0, half))]);
    assert_eq!(ids(&over), [("GS-MOS-013", Severity::Info)]);
}

#[test]
fn times_in_names_are_a_dimension() {
    let newer = |offset: u32| vec![(324, Longs(vec![offset]))];
    let judged = mosaic(&[
        ("ndvi_20240101.tif", at(0, 0, newer(8))),
        ("ndvi_20240102.tif", at(0, 0, newer(9))),
        ("ndvi_20240103.tif", at(0, 0, newer(10))),
        ("ndvi_20240104.tif", at(0, 0, newer(11))),
        ("ndvi_latest.tif", at(0, 0, newer(12))),
    ]);
    assert_eq!(ids(&judged), [("GS-MOS-012", Severity::Warning), ("GS-MOS-011", Severity::Info)]);
    assert!(judged.findings[0].message.contains("ndvi_latest.tif") && judged.outliers.contains_key("ndvi_latest.tif"));
    let fix = &judged.findings[1].fix;
    assert!(fix.contains("regex=[0-9]{8},format=yyyyMMdd") && fix.contains("TimeAttribute=time"), "{fix}");
}

#[test]
fn twenty_thousand_files_stay_readable() {
    let mut all = Mosaic::default();
    for index in 0..20_000_u32 {
        let changes = if index % 2 == 0 { Changes::new() } else { vec![(42_113, Text("0"))] };
        all.add(&parsed(&at(index % 200, index / 200, changes)), &format!("{index:05}.tif"), &[]);
    }
    let judged = all.judge(newest().unwrap(), |_, _| false);
    assert_eq!(ids(&judged), [("GS-MOS-006", Severity::Warning)]);
    assert!(judged.findings[0].count == 10_000 && judged.findings[0].message.len() < 400);
}
