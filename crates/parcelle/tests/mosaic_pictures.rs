//! A mosaic in a report that has graphics.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use parcelle::report::picture::{BoxKind, Picture};
use parcelle::report::{FileKind, Outcome};

#[test]
fn a_mosaic_has_a_map_and_the_answers_of_all_versions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cog");
    let report = parcelle::check([&folder]).mosaic().pictures(true).all_versions(true).run().unwrap();
    let whole = report.files.first().unwrap();
    assert_eq!(whole.kind, FileKind::Mosaic);
    let [Picture::Map(map)] = whole.pictures.as_slice() else { panic!("{:?}", whole.pictures) };
    let count = |kind| map.boxes.iter().filter(|item| item.kind == kind).count();
    let granules = whole.facts["granules"].as_u64().unwrap() as usize;
    assert_eq!(count(BoxKind::Member) + count(BoxKind::Missing) + map.left_out as usize, granules);
    assert!(count(BoxKind::Member) > 50 && count(BoxKind::Missing) > 0, "{map:?}");
    let [xmin, ymin, xmax, ymax] = map.extent;
    assert!(map.boxes.iter().all(|item| {
        let [left, bottom, right, top] = item.bounds;
        xmin <= left && ymin <= bottom && right <= xmax && top <= ymax
    }));

    let versions: BTreeSet<&str> = whole.versions.iter().map(|answer| answer.version.as_str()).collect();
    assert!(versions.len() == whole.versions.len() && versions.len() > 5, "{versions:?}");
    assert!(whole.versions.iter().all(|answer| answer.access == "image-mosaic"));
    // The version in force is judged the same in both lists.
    let asked = whole.compatibility.first().unwrap();
    assert_eq!(asked.outcome, Outcome::Fails);
    assert!(whole.versions.contains(asked), "{asked:?} is not among {:?}", whole.versions);
    assert!(report.files.iter().skip(1).any(|file| file.pictures.len() == 2 && !file.versions.is_empty()));

    let plain = parcelle::check([&folder]).mosaic().run().unwrap();
    assert!(plain.files.iter().all(|file| file.pictures.is_empty() && file.versions.is_empty()));
}

#[test]
fn holes_of_a_mosaic_are_drawn() {
    // A ring of eight tiles around a hole: copies of one file, moved by their world coordinates.
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cog/good_rgb.tif");
    let bytes = std::fs::read(source).unwrap();
    let (tag, width) = placement(&bytes);
    let folder = tempfile::tempdir().unwrap();
    for place in (0..9u8).filter(|place| *place != 4) {
        let mut moved = bytes.clone();
        for (axis, step) in [(0, f64::from(place % 3)), (1, -f64::from(place / 3))] {
            let at = tag + 24 + axis * 8;
            let number = f64::from_le_bytes(moved[at..at + 8].try_into().unwrap());
            moved[at..at + 8].copy_from_slice(&(number + step * width[axis]).to_le_bytes());
        }
        std::fs::write(folder.path().join(format!("tile_{place}.tif")), moved).unwrap();
    }
    let report = parcelle::check([folder.path()]).mosaic().pictures(true).run().unwrap();
    let [Picture::Map(map)] = report.files[0].pictures.as_slice() else { panic!("{:?}", report.files[0].pictures) };
    let kinds: Vec<BoxKind> = map.boxes.iter().map(|item| item.kind).collect();
    assert_eq!(kinds, [[BoxKind::Member; 8].as_slice(), &[BoxKind::Hole]].concat());
    let (hole, all) = (map.boxes[8].bounds, map.extent);
    assert!((hole[0] - all[0] - width[0]).abs() < 1e-6 && (all[3] - hole[3] - width[1]).abs() < 1e-6, "{map:?}");
}

/// Where the values of ModelTiepoint are in a little-endian TIFF, and width and height of its image on the ground.
fn placement(bytes: &[u8]) -> (usize, [f64; 2]) {
    let short = |at: usize| usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let long = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let double = |at: usize| f64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let directory = long(4);
    let entry = |tag: usize| (0..short(directory)).map(|index| directory + 2 + index * 12).find(|at| short(*at) == tag);
    let size = |tag: usize| {
        let at = entry(tag).unwrap();
        (if short(at + 2) == 3 { short(at + 8) } else { long(at + 8) }) as f64
    };
    let scale = long(entry(33_550).unwrap() + 8);
    let tiepoint = long(entry(33_922).unwrap() + 8);
    (tiepoint, [size(256) * double(scale), size(257) * double(scale + 8)])
}
