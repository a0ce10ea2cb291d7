//! WKB: what is normal stays so, boxes hold all positions, curves become straight.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::start;
use parcelle_geometry::{
    Bounds, Coordinates, FlatGeometries, GeometryKind, Summary, inspect, linearise, normalise, scan,
    wind_counterclockwise,
};

fuzz_target!(init: start(), |data: &[u8]| {
    let mut normal = Vec::new();
    match normalise(data, &mut normal) {
        Err(error) => {
            assert!(normal.is_empty(), "nothing is appended: {error}");
            assert_eq!(scan(data).err(), Some(error));
        }
        Ok(summary) => sound(data, &normal, summary),
    }
    let mut straight = b"before".to_vec();
    match linearise(data, &mut straight) {
        Err(_) => assert_eq!(straight, b"before", "nothing is appended"),
        Ok(summary) => {
            let straight = straight.get(6..).unwrap_or_default();
            assert_eq!(same_but_nan(&scan(straight).ok()), same_but_nan(&Some(summary)));
            assert!(summary.is_canonical);
            let mut again = Vec::new();
            assert!(linearise(straight, &mut again).is_ok() && again == straight, "straight stays straight");
        }
    }
});

/// Of boxes without NaN, which they never have, equality is what it seems.
fn same_but_nan(summary: &Option<Summary>) -> Option<(String, Bounds)> {
    summary.map(|summary| (summary.geometry_type.to_string(), summary.bounds))
}

fn sound(data: &[u8], normal: &[u8], summary: Summary) {
    let Ok(of_normal) = scan(normal) else { panic!("what is normal is sound") };
    assert!(of_normal.is_canonical);
    assert_eq!(same_but_nan(&Some(of_normal)), same_but_nan(&Some(summary)));
    assert_eq!(summary.is_canonical, data == normal, "canonical means unchanged");
    let mut again = Vec::new();
    assert!(normalise(normal, &mut again).is_ok() && again == normal, "normal stays normal");

    let mut positions = Coordinates::default();
    assert!(positions.gather(normal, 0, normal.len()).is_ok());
    for (range, values) in [(summary.bounds.x(), &positions.x), (summary.bounds.y(), &positions.y)] {
        for value in values.iter().filter(|value| !value.is_nan()) {
            assert!(range.is_some_and(|(least, most)| least <= *value && *value <= most), "{value} in {range:?}");
        }
    }
    let mut unchanged = normal.to_vec();
    positions.scatter(&mut unchanged, true);
    assert_eq!(unchanged, normal, "positions come back where they were");

    let Ok(inspected) = inspect(data) else { panic!("what can be scanned can be inspected") };
    assert!(inspected.open_rings + inspected.short_rings <= 2 * inspected.rings);
    assert!(inspected.not_finite <= inspected.positions && inspected.heights <= inspected.positions);
    assert!(inspected.positions >= positions.x.len() as u64, "empty positions alone are left out of one of them");

    let mut wound = normal.to_vec();
    assert!(wind_counterclockwise(&mut wound).is_ok());
    assert_eq!(wound.len(), normal.len());
    assert_eq!(same_but_nan(&scan(&wound).ok()), same_but_nan(&Some(of_normal)), "turned rings lie where they lay");

    let flat = FlatGeometries::new(summary.geometry_type);
    assert_eq!(flat.is_none(), summary.geometry_type.kind == GeometryKind::GeometryCollection);
    if let Some(mut flat) = flat {
        assert!(flat.push(data).is_ok() && flat.push_empty().is_ok());
        let (offsets, ordinates) = flat.into_columns();
        let length = ordinates.first().map_or(0, Vec::len);
        assert!(ordinates.iter().all(|column| column.len() == length));
        assert!(offsets.iter().all(|level| level.is_sorted() && level.first() == Some(&0)));
        let last = offsets.last().and_then(|level| level.last());
        assert!(last.is_none_or(|last| usize::try_from(*last) == Ok(length)));
    }
}
