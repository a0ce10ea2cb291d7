//! The main rows of the capability table on files that are made here: one tag changed in a sound file each.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod tiff;

use parcelle_raster::geoserver::{Access, Beside, Judged, Version, judge, newest};
use parcelle_report::Outcome::{self, Fails, Misreads, Reads, Slow};
use parcelle_report::Severity;

use tiff::Values::{Doubles, Longs, Shorts, Text};
use tiff::{Changes, Tags, Values, file, keys, parsed, sound};

fn judged(bytes: &[u8], version: Version, beside: Beside) -> Judged {
    judge(&parsed(bytes), "it's.tif", version, &beside.into()).unwrap()
}

fn outcomes(judged: &Judged) -> [Outcome; 2] {
    Access::ALL.map(|access| {
        judged
            .compatibility
            .iter()
            .find(|answer| answer.access == access.as_str())
            .map(|answer| answer.outcome)
            .unwrap()
    })
}

/// A sound file with these tags changed.
fn changed(changes: &[(u16, Values)]) -> Vec<u8> {
    let mut tags = sound();
    tags.extend(changes.iter().cloned());
    file(&[tags], 0, None)
}

fn one(tag: u16, value: u16) -> (u16, Values) {
    (tag, Shorts(vec![value]))
}

#[test]
fn a_sound_file_is_read() {
    let judged = judged(&changed(&[]), newest().unwrap(), Beside::default());
    assert_eq!((outcomes(&judged), judged.findings), ([Reads, Reads], Vec::new()));
}

#[test]
fn each_defect_has_its_outcome_and_rule() {
    let bands = |count: u16| [one(277, count), (258, Shorts(vec![8; usize::from(count)]))];
    let planar = [&bands(3)[..], &[one(284, 2), (324, Longs(vec![8; 3])), (325, Longs(vec![16; 3]))]].concat();
    let sparse = [(324, Longs(vec![0])), (325, Longs(vec![0]))];
    let blocks = |count: usize| [one(257, 128), (324, Longs(vec![8; count])), (325, Longs(vec![16; count]))];
    let two = blocks(2);
    let two_planar = [&bands(3)[..], &blocks(6), &[one(284, 2)]].concat();
    let three_of = |bits: u16| [one(277, 3), (258, Shorts(vec![bits; 3]))];
    let cases: Vec<(Changes, [Outcome; 2], &str)> = vec![
        (vec![one(259, 34_887)], [Fails, Fails], "GS-CMP-001"),
        (vec![one(259, 50_001)], [Fails, Fails], "GS-CMP-001"),
        (vec![one(259, 7), (347, Text("tables"))], [Reads, Reads], ""),
        (vec![one(259, 7)], [Reads, Fails], "GS-CMP-003"),
        ([&bands(4)[..], &[one(259, 7), one(338, 0), (347, Text("tables"))]].concat(), [Misreads; 2], "GS-CMP-002"),
        (bands(4).to_vec(), [Fails, Fails], "GS-BAND-003"),
        ([&bands(4)[..], &[one(338, 0)]].concat(), [Reads, Reads], ""),
        ([&bands(4)[..], &[one(262, 5)]].concat(), [Misreads, Misreads], "GS-PHO-002"),
        ([&bands(2)[..], &[one(259, 7), one(338, 2), (347, Text("tables"))]].concat(), [Fails, Fails], "GS-CMP-002"),
        (vec![one(339, 2)], [Misreads, Misreads], "GS-TYPE-002"),
        (vec![one(258, 32)], [Misreads, Misreads], "GS-TYPE-002"),
        (vec![one(258, 32), one(339, 2)], [Reads, Reads], ""),
        (vec![one(258, 64)], [Fails, Fails], "GS-TYPE-001"),
        (vec![one(258, 64), one(339, 3)], [Reads, Reads], ""),
        (vec![one(258, 16), one(339, 3)], [Misreads, Misreads], "GS-TYPE-003"),
        (vec![one(258, 12)], [Fails, Fails], "GS-TYPE-004"),
        (vec![one(277, 3), (258, Shorts(vec![10; 3]))], [Reads, Reads], ""),
        (vec![one(277, 3), (258, Shorts(vec![12; 3]))], [Fails, Fails], "GS-TYPE-004"),
        (vec![one(277, 2), (258, Shorts(vec![4; 2]))], [Fails, Fails], "GS-TYPE-004"),
        (vec![one(277, 3), (258, Shorts(vec![16, 16, 32]))], [Fails, Fails], "GS-TYPE-004"),
        (vec![one(317, 2)], [Reads, Reads], ""),
        (vec![one(317, 3)], [Fails, Fails], "GS-PRED-001"),
        (vec![one(317, 0)], [Fails, Fails], "GS-PRED-001"),
        // LZW with predictor 2: bytes in tiles as wide as the image, of which there are two.
        ([&two[..], &[one(259, 5), one(317, 2)]].concat(), [Misreads, Misreads], "GS-PRED-002"),
        ([&two[..], &[one(259, 5), one(317, 2), one(258, 16)]].concat(), [Reads, Reads], ""),
        ([&two[..], &[one(259, 5), one(317, 2), one(256, 63)]].concat(), [Reads, Reads], ""),
        (vec![one(259, 5), one(317, 2)], [Reads, Reads], ""),
        // Nothing is decoded where nothing is stored.
        ([&sparse[..], &[one(317, 3)]].concat(), [Reads, Reads], ""),
        ([&sparse[..], &[one(339, 2)]].concat(), [Reads, Reads], ""),
        ([&three_of(3)[..], &[(339, Shorts(vec![2; 3]))]].concat(), [Fails, Fails], "GS-TYPE-004"),
        ([&three_of(9)[..], &[one(262, 0)]].concat(), [Fails, Fails], "GS-PHO-001"),
        ([&three_of(5)[..], &[one(262, 0)]].concat(), [Misreads, Misreads], "GS-PHO-001"),
        ([&sparse[..], &three_of(4), &[(42_113, Text("7"))]].concat(), [Misreads, Misreads], "GS-SPARSE-003"),
        ([&sparse[..], &three_of(4), &[one(259, 5), (42_113, Text("0"))]].concat(), [Fails, Fails], "GS-SPARSE-001"),
        ([&two_planar[..], &[one(262, 6)]].concat(), [Fails, Fails], "GS-PHO-002"),
        (vec![one(259, 6)], [Fails, Fails], "GS-CMP-004"),
        (vec![one(262, 3), (320, Shorts(vec![0; 768]))], [Reads, Reads], ""),
        (vec![one(262, 3), (320, Shorts(vec![0; 300]))], [Fails, Fails], "GS-PHO-003"),
        (vec![one(262, 0)], [Misreads, Misreads], "GS-PHO-001"),
        (vec![one(262, 0), one(258, 32), one(339, 2)], [Fails, Fails], "GS-PHO-001"),
        (vec![one(262, 8)], [Reads, Reads], ""),
        ([&bands(3)[..], &[one(262, 8)]].concat(), [Misreads, Misreads], "GS-PHO-002"),
        (planar.clone(), [Misreads, Misreads], "GS-PLANAR-001"),
        ([&planar[..], &[one(259, 1)]].concat(), [Misreads, Fails], "GS-PLANAR-001"),
        (sparse.to_vec(), [Reads, Reads], ""),
        ([&sparse[..], &[one(259, 5)]].concat(), [Fails, Fails], "GS-SPARSE-001"),
        ([&sparse[..], &[one(259, 1)]].concat(), [Misreads, Fails], "GS-SPARSE-001"),
        ([&sparse[..], &[one(259, 5), (42_113, Text("255"))]].concat(), [Reads, Reads], ""),
        ([&sparse[..], &bands(3), &[(42_113, Text("255"))]].concat(), [Misreads, Misreads], "GS-SPARSE-002"),
        ([&sparse[..], &bands(3), &[(42_113, Text("0"))]].concat(), [Reads, Reads], ""),
        ([&sparse[..], &[one(258, 1), (42_113, Text("1"))]].concat(), [Misreads, Misreads], "GS-SPARSE-003"),
        ([&sparse[..], &[one(258, 4), (42_113, Text("1"))]].concat(), [Fails, Fails], "GS-SPARSE-003"),
        ([&sparse[..], &[one(258, 1), one(259, 5), (42_113, Text("1"))]].concat(), [Fails, Fails], "GS-SPARSE-001"),
        (vec![(42_113, Text("1,5"))], [Fails, Fails], "GS-NODATA-001"),
        (vec![one(256, 65)], [Fails, Fails], "GS-FILE-001"),
        (vec![(325, Longs(vec![90_000]))], [Fails, Fails], "GS-FILE-001"),
        (vec![(34_735, keys(&[(1025, 2)]))], [Fails, Fails], "GS-CRS-001"),
        (vec![(34_735, keys(&[(1024, 3)]))], [Fails, Fails], "GS-CRS-001"),
        (vec![(34_735, keys(&[(1024, 1), (3072, 6933)]))], [Fails, Fails], "GS-CRS-002"),
        (vec![(34_735, keys(&[(1024, 1), (3072, 32_767), (3075, 23), (2048, 4326)]))], [Fails, Fails], "GS-CRS-002"),
        (vec![(34_735, keys(&[(1024, 1), (3072, 32_767), (3075, 1), (2048, 4326)]))], [Reads, Reads], "GS-CRS-006"),
        (vec![(34_735, keys(&[(1024, 2), (2048, 32_767)]))], [Fails, Fails], "GS-CRS-003"),
        (vec![(34_735, keys(&[(1024, 1), (3072, 4087)]))], [Misreads, Misreads], "GS-CRS-004"),
        (vec![(33_550, Doubles(vec![0.0, 0.0, 0.0]))], [Fails, Fails], "GS-GEO-001"),
        // `hasPixelScales` wants finite numbers, of heights too; a matrix has nine or sixteen.
        (vec![(33_550, Doubles(vec![1.0, f64::NAN, 0.0]))], [Fails, Fails], "GS-GEO-001"),
        (vec![(33_550, Doubles(vec![1.0, 1.0, f64::INFINITY]))], [Fails, Fails], "GS-GEO-001"),
        (vec![(33_550, Doubles(vec![1.0]))], [Fails, Fails], "GS-GEO-001"),
        (vec![(34_735, Shorts(vec![1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 2154, 0]))], [Fails, Fails], "GS-CRS-008"),
        // A ColorMap makes an image one of indices whatever PhotometricInterpretation is.
        (vec![(320, Shorts(vec![0; 300]))], [Fails, Fails], "GS-PHO-003"),
        // Bytes at 0, where the header is.
        (vec![(324, Longs(vec![0]))], [Fails, Fails], "GS-FILE-001"),
        (vec![(324, Longs(vec![0])), one(259, 1)], [Misreads, Misreads], "GS-FILE-001"),
    ];
    for (changes, expected, rule) in cases {
        let judged = judged(&changed(&changes), newest().unwrap(), Beside::default());
        let rules: Vec<_> = judged.findings.iter().map(|finding| finding.rule.id).collect();
        let tags: Vec<_> = changes.iter().map(|(tag, _)| tag).collect();
        assert_eq!(outcomes(&judged), expected, "{tags:?} {rules:?}");
        assert!(rules.iter().all(|found| *found == rule) && rules.is_empty() == rule.is_empty(), "{tags:?} {rules:?}");
        for answer in &judged.compatibility {
            assert_eq!(answer.because.is_empty(), answer.outcome == Reads, "{tags:?} {answer:?}");
        }
        let worst = judged.findings.iter().map(|finding| finding.severity).max();
        let expected = match expected {
            [Reads, Reads] if rule.is_empty() => None,
            [Reads, _] => Some(Severity::Warning),
            _ => Some(Severity::Error),
        };
        assert_eq!(worst, expected, "{tags:?}");
    }
}

#[test]
fn versions_differ() {
    let predictor = [one(317, 2), one(258, 64), one(339, 3)];
    let float_lzw = [one(317, 3), one(258, 32), one(339, 3), one(259, 5)];
    let zstd = [one(259, 50_000)];
    let pair = Longs(vec![8, 8]);
    let lzw = [one(317, 2), one(259, 5), one(257, 128), (324, pair.clone()), (325, pair)];
    for (changes, version, expected) in [
        (&predictor[..], "2.28", Fails),
        (&predictor[..], "3.0", Reads),
        (&float_lzw[..], "2.25", Fails),
        (&float_lzw[..], "2.26", Reads),
        (&zstd[..], "2.19.2", Fails),
        (&zstd[..], "2.19.3", Reads),
        (&zstd[..], "2.20", Reads),
        (&lzw[..], "2.25", Reads),
        (&lzw[..], "2.26", Misreads),
    ] {
        let judged = judged(&changed(changes), Version::parse(version).unwrap(), Beside::default());
        assert_eq!(outcomes(&judged), [expected; 2], "{version}");
        assert!(judged.compatibility.iter().all(|answer| answer.version == version));
    }
}

/// Bytes are never signed in Java: what is left out is filled with 255, and nodata is a number that no pixel has.
#[test]
fn signed_bytes_that_are_left_out() {
    let tags = [(324, Longs(vec![0])), (325, Longs(vec![0])), one(339, 2), (42_113, Text("-1"))];
    let judged = judged(&changed(&tags), newest().unwrap(), Beside::default());
    let rules: Vec<_> = judged.findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!((outcomes(&judged), &rules[..]), ([Misreads; 2], &["GS-SPARSE-003", "GS-NODATA-003"][..]));
}

/// What is taken for chunky pixels has their defects, and none of those of planes.
#[test]
fn planes_that_are_reset_are_judged_as_pixels() {
    let tags = [(277, Shorts(vec![3])), (258, Shorts(vec![8; 3])), one(284, 2), (325, Longs(vec![16, 0, 0]))];
    // One tile for each band; those of the second and the third are left out, and never read.
    let tags = [&tags[..], &[one(259, 5), one(262, 8), (324, Longs(vec![8, 0, 0]))]].concat();
    let judged = judged(&changed(&tags), newest().unwrap(), Beside::default());
    let rules: Vec<_> = judged.findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!((outcomes(&judged), &rules[..]), ([Misreads; 2], &["GS-PHO-002", "GS-PLANAR-001"][..]));
}

#[test]
fn files_beside_help_a_file_system_alone() {
    let no_model_type = changed(&[(34_735, keys(&[(1025, 2)]))]);
    let beside = Beside { projection: true, ..Beside::default() };
    assert_eq!(outcomes(&judged(&no_model_type, newest().unwrap(), beside)), [Reads, Fails]);
    let mut nowhere = sound();
    nowhere.remove(&33_550);
    nowhere.remove(&33_922);
    let nowhere = file(&[nowhere], 0, None);
    let beside = Beside { world: true, ..Beside::default() };
    assert_eq!(outcomes(&judged(&nowhere, newest().unwrap(), beside)), [Reads, Fails]);
    let mask = judged(&changed(&[]), newest().unwrap(), Beside { mask: true, ..Beside::default() });
    assert_eq!((outcomes(&mask), mask.findings[0].rule.id), ([Reads, Reads], "GS-SIDE-001"));
}

#[test]
fn overviews_count_and_have_their_order() {
    let smaller = |flags: u32, codec: u16| {
        let mut tags = sound();
        tags.extend([(254, Longs(vec![flags])), one(256, 32), one(257, 32), one(259, codec)]);
        tags
    };
    let chain = |rest: &[&Tags]| {
        let all: Vec<Tags> = std::iter::once(sound()).chain(rest.iter().map(|tags| (*tags).clone())).collect();
        file(&all, 0, None)
    };
    let (overview, webp, mask, its_mask) = (smaller(1, 8), smaller(1, 50_001), smaller(4, 8), smaller(5, 8));
    for (bytes, expected, rule) in [
        (chain(&[&mask, &overview, &its_mask]), Reads, None),
        // Without a mask of its own an overview gets the image for one.
        (chain(&[&mask, &overview]), Misreads, Some(("GS-MASK-001", None))),
        (chain(&[&overview, &webp]), Fails, Some(("GS-CMP-001", Some(2)))),
        (chain(&[&overview, &mask]), Misreads, Some(("GS-IFD-001", None))),
    ] {
        let judged = judged(&bytes, newest().unwrap(), Beside::default());
        let found = judged.findings.first().map(|finding| (finding.rule.id, finding.location.ifd));
        assert_eq!((outcomes(&judged), found), ([expected; 2], rule));
    }
}

#[test]
fn http_stumbles_over_late_tags() {
    let mut tags = sound();
    tags.insert(42_113, Text("-9999"));
    let outcome = |bytes: &[u8]| outcomes(&judged(bytes, newest().unwrap(), Beside::default()));
    // The value that is reached last ends where the file does.
    let at_end = file(&[tags.clone()], 30_000, Some(42_113));
    assert_eq!(outcome(&at_end), [Reads, Fails]);
    // A byte more, and the file holds the range that is asked for.
    let mut longer = at_end;
    longer.push(0);
    assert_eq!(outcome(&longer), [Reads, Reads]);
    // The directory itself is late: the step that fetches it fetches the rest.
    assert_eq!(outcome(&file(&[tags.clone()], 30_000, None)), [Reads, Reads]);
    assert_eq!(outcome(&file(&[tags], 1_100_000, None)), [Reads, Slow]);
}

#[test]
fn fixes_name_the_file_as_a_shell_wants_it() {
    let judged = judged(&changed(&[(42_113, Text("-nan"))]), newest().unwrap(), Beside::default());
    let expected = r"gdal_translate 'it'\''s.tif' 'it'\''s.geoserver.tif' -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -a_nodata nan";
    assert_eq!(judged.findings[0].fix, expected);
    assert!(judged.findings[0].message.contains("java.lang.NumberFormatException"));
}
