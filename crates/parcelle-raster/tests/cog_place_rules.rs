//! The rules about the place of a raster, and its statistics, on files made in memory.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

#[path = "../../parcelle-tiff/tests/builder/mod.rs"]
mod builder;

use builder::{Builder, Tag};
use parcelle_raster::Depth;
use parcelle_raster::cog::{CogOptions, check};
use parcelle_report::{Finding, Severity};
use parcelle_storage::Memory;

fn findings(file: &[u8]) -> Vec<Finding> {
    let options = CogOptions { depth: Depth::Tiles, ..CogOptions::default() };
    check(&Memory::new(file.to_vec()), "dir/my file.tif", &options).unwrap().findings
}

/// What contradicts its own form is told, once for each tag.
fn malformed_georeference(
    placed: impl Fn(&dyn Fn(&mut Builder)) -> Vec<u8>,
    about: impl Fn(&[u8]) -> Vec<(&'static str, Severity)>,
) {
    let malformed = |tag: u16, values: &[u64]| {
        let file = placed(&|builder| {
            builder.pages[0].set(tag, values);
        });
        let found: Vec<_> = findings(&file).into_iter().filter(|one| one.rule.id == "COG-GEO-005").collect();
        assert_eq!(found.len(), 1, "{tag} {values:?}");
        assert!(about(&file).contains(&("COG-GEO-005", Severity::Warning)));
        found[0].message.clone()
    };
    let named = [1024, 0, 1, 1, 3072, 0, 1, 2154];
    let keys = |head: [u64; 4]| malformed(34_735, &[&head[..], &named].concat());
    assert_eq!(keys([1, 1, 0, 200]), "IFD 0: the GeoKeyDirectory announces 200 keys, and has 12 numbers");
    assert_eq!(keys([1, 1, 0, 0]), "IFD 0: the GeoKeyDirectory announces 0 keys, and has 12 numbers");
    let padded = [&[1, 1, 0, 2], &named[..], &[0; 4]].concat();
    let padded = placed(&|builder| {
        builder.pages[0].set(34_735, &padded);
    });
    assert!(!about(&padded).iter().any(|(rule, _)| *rule == "COG-GEO-005"));
    assert_eq!(keys([9, 1, 0, 2]), "IFD 0: the GeoKeyDirectory is of version 9, and there is only version 1");
    assert_eq!(malformed(34_735, &[1, 1, 0]), "IFD 0: the GeoKeyDirectory has 3 numbers, fewer than its header");
    let outside = malformed(34_735, &[1, 1, 0, 2, 1024, 0, 1, 1, 3073, 34_737, 5, 9_000]);
    assert_eq!(outside, "IFD 0: the value of GeoKey 3073 lies outside of GeoAsciiParams");
    let one = 1f64.to_bits();
    assert_eq!(malformed(33_550, &[one; 2]), "IFD 0: ModelPixelScale has 2 numbers instead of 3");
    assert_eq!(malformed(33_550, &[0; 3]), "IFD 0: ModelPixelScale gives pixels a size of 0");
    let nan = malformed(33_550, &[one, f64::NAN.to_bits(), 0]);
    assert_eq!(nan, "IFD 0: ModelPixelScale has a number that is NaN or infinite");
    assert_eq!(malformed(33_922, &[0; 5]), "IFD 0: ModelTiepoint has 5 numbers instead of 6 for each point");
}

#[test]
fn georeferencing_rules() {
    let placed = |change: &dyn Fn(&mut Builder)| {
        let mut builder = Builder::cog_with_ghost();
        builder.pages[0] = builder.pages[0].clone().georeferenced();
        change(&mut builder);
        builder.build()
    };
    let about = |file: &[u8]| -> Vec<(&'static str, Severity)> {
        let found = findings(file).into_iter().filter(|one| one.rule.id.starts_with("COG-GEO"));
        found.map(|one| (one.rule.id, one.severity)).collect()
    };
    let without = |tag: u16| {
        placed(&|builder| {
            builder.pages[0].remove(tag);
        })
    };
    assert_eq!(about(&placed(&|_| ())), []);
    assert_eq!(about(&without(33_550)), [("COG-GEO-001", Severity::Warning)]);
    assert_eq!(about(&without(33_922)), [("COG-GEO-001", Severity::Warning)]);
    assert_eq!(about(&without(34_735)), [("COG-GEO-002", Severity::Warning)]);
    let fix = findings(&without(33_922)).into_iter().find(|one| one.rule.id == "COG-GEO-001").unwrap().fix;
    assert!(fix.ends_with(" -a_srs 'EPSG:<code>' -a_ullr '<left>' '<top>' '<right>' '<bottom>'"), "{fix}");
    // Keys that name nothing.
    let nameless = placed(&|builder| {
        builder.pages[0].set(34_735, &[1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 0]);
    });
    assert_eq!(about(&nameless), [("COG-GEO-002", Severity::Warning)]);
    let matrix = |across: f64| {
        let numbers = [10.0, across, 0.0, 5.0, -across, -10.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let numbers = numbers.map(f64::to_bits).to_vec();
        let file = placed(&|builder| {
            builder.pages[0].remove(33_550).remove(33_922);
            builder.pages[0].tags.insert(10, Tag(34_264, 12, numbers.clone()));
        });
        let found = findings(&file).into_iter().find(|one| one.rule.id == "COG-GEO-003").unwrap();
        assert_eq!(about(&file), [("COG-GEO-003", Severity::Warning)]);
        found.fix
    };
    assert!(matrix(0.0).starts_with("gdal_translate "));
    assert!(matrix(0.5).starts_with("gdalwarp "));
    let points = placed(&|builder| {
        builder.pages[0].remove(33_550).set(33_922, &[0; 24]);
    });
    assert_eq!(about(&points), [("COG-GEO-001", Severity::Warning)]);
    malformed_georeference(placed, about);
    let overview = placed(&|builder| builder.pages[1] = builder.pages[1].clone().georeferenced());
    assert_eq!(about(&overview), [("COG-GEO-004", Severity::Error)]);
    let statistics = |text: &str| {
        let text = text.bytes().map(u64::from).collect::<Vec<_>>();
        let file = placed(&|builder| builder.pages[0].tags.push(Tag(42_112, 2, text.clone())));
        findings(&file).iter().find(|one| one.rule.id == "COG-STA-001").map(|one| one.severity)
    };
    assert_eq!(statistics("<GDALMetadata></GDALMetadata>"), Some(Severity::Info));
    assert_eq!(
        statistics("<GDALMetadata><Item name=\"STATISTICS_MINIMUM\" sample=\"0\">1</Item></GDALMetadata>"),
        None
    );
}
