use proptest::prelude::*;

use super::*;
use crate::scan;

fn wkb(text: &str) -> Result<(Vec<u8>, Option<u32>), WktError> {
    let mut out = vec![7];
    let result = from_wkt(text.as_bytes(), &mut out);
    assert_eq!(out[0], 7);
    assert!(result.is_ok() || out.len() == 1, "{text}");
    result.map(|srid| (out[1..].to_vec(), srid))
}

/// What the bytes say, written out without any parsing.
fn describe(wkb: &[u8]) -> String {
    fn number<'a>(bytes: &mut &'a [u8], size: usize) -> &'a [u8] {
        let (head, tail) = bytes.split_at(size);
        *bytes = tail;
        head
    }
    fn geometry(bytes: &mut &[u8]) -> String {
        assert_eq!(number(bytes, 1), [1]);
        let count = |bytes: &mut &[u8]| u32::from_le_bytes(number(bytes, 4).try_into().unwrap());
        let code = count(bytes);
        let size = [2, 3, 3, 4][code as usize / 1000];
        let position = |bytes: &mut &[u8]| {
            let values = (0..size).map(|_| f64::from_le_bytes(number(bytes, 8).try_into().unwrap()).to_string());
            values.collect::<Vec<_>>().join(" ")
        };
        let positions = |bytes: &mut &[u8]| {
            let many: Vec<_> = (0..count(bytes)).map(|_| position(bytes)).collect();
            many.join(",")
        };
        let inner = match code % 1000 {
            1 => position(bytes),
            2 => positions(bytes),
            3 => (0..count(bytes)).map(|_| format!("({})", positions(bytes))).collect(),
            _ => (0..count(bytes)).map(|_| geometry(bytes)).collect::<Vec<_>>().join(" "),
        };
        format!("{code}[{inner}]")
    }
    let mut bytes = wkb;
    let text = geometry(&mut bytes);
    assert!(bytes.is_empty());
    assert!(scan(wkb).unwrap().is_canonical);
    text
}

#[test]
fn every_type_and_spelling() {
    for (text, expected) in [
        ("POINT(1 2)", "1[1 2]"),
        (" point  (  1.50\t-2e1 ) \r\n", "1[1.5 -20]"),
        ("POINT Z (1 2 3)", "1001[1 2 3]"),
        ("POINTZ(1 2 3)", "1001[1 2 3]"),
        ("POINT M (1 2 3)", "2001[1 2 3]"),
        ("PointM(1 2 3)", "2001[1 2 3]"),
        ("POINT ZM (1 2 3 4)", "3001[1 2 3 4]"),
        ("POINT(1 2 3)", "1001[1 2 3]"),
        ("POINT(1 2 3 4)", "3001[1 2 3 4]"),
        ("POINT EMPTY", "1[NaN NaN]"),
        ("POINT Z EMPTY", "1001[NaN NaN NaN]"),
        ("POINT Z (1 2 nan)", "1001[1 2 NaN]"),
        ("POINT (NaN NaN)", "1[NaN NaN]"),
        ("LINESTRING(1 2,3 4)", "2[1 2,3 4]"),
        ("LINESTRING EMPTY", "2[]"),
        ("linestring zm(1 2 3 4 , 5 6 7 8)", "3002[1 2 3 4,5 6 7 8]"),
        ("POLYGON((0 0,1 0,1 1,0 0),(2 2,3 2,3 3,2 2))", "3[(0 0,1 0,1 1,0 0)(2 2,3 2,3 3,2 2)]"),
        ("POLYGON (EMPTY)", "3[()]"),
        ("MULTIPOINT((1 2),(3 4))", "4[1[1 2] 1[3 4]]"),
        ("MULTIPOINT(1 2,3 4)", "4[1[1 2] 1[3 4]]"),
        ("MULTIPOINT(1 2,EMPTY,(3 4))", "4[1[1 2] 1[NaN NaN] 1[3 4]]"),
        ("MULTILINESTRING((1 2,3 4),EMPTY)", "5[2[1 2,3 4] 2[]]"),
        ("MultiPolygon Z (((0 0 1,1 0 1,1 1 1,0 0 1)))", "1006[1003[(0 0 1,1 0 1,1 1 1,0 0 1)]]"),
        ("MULTIPOLYGON EMPTY", "6[]"),
        ("GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(1 2,3 4))", "7[1[1 2] 2[1 2,3 4]]"),
        ("GEOMETRYCOLLECTION(POINT EMPTY,POINT Z(1 2 3))", "1007[1001[NaN NaN NaN] 1001[1 2 3]]"),
        ("GEOMETRYCOLLECTION(POINTM(1 2 3))", "2007[2001[1 2 3]]"),
        ("GEOMETRYCOLLECTION Z (POINT(1 2 3))", "1007[1001[1 2 3]]"),
        ("GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 2 3 4)))", "3007[3007[3001[1 2 3 4]]]"),
        ("GEOMETRYCOLLECTION EMPTY", "7[]"),
        ("POINT(655123.10000000009 -.5)", "1[655123.1000000001 -0.5]"),
    ] {
        let (found, srid) = wkb(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((describe(&found).as_str(), srid), (expected, None), "{text}");
    }
    let (found, srid) = wkb("srid=2154;POINT(1 2)").unwrap();
    assert_eq!((describe(&found).as_str(), srid), ("1[1 2]", Some(2154)));
    assert_eq!(wkb("SRID=0; POINT(1 2)").unwrap().1, Some(0));
}

#[test]
fn what_is_wrong_is_said() {
    for (text, part) in [
        ("", "name of a geometry type expected at byte 0, found the end"),
        ("hello", "name of a geometry type expected at byte 0, found \"hello\""),
        ("POINT", "`(` or EMPTY expected at byte 5"),
        ("POINT(1 2", "`,` or `)` expected at byte 9, found the end"),
        ("POINT(1)", "at byte 6 a position or part"),
        ("POINT(1 2,3 4)", "`,` or `)` expected at byte 9"),
        ("POINT(1 2 3 4 5)", "at byte 6 a position or part"),
        ("POINT(1,5 2,5)", "at byte 6 a position or part"),
        ("POINT(a b)", "a number expected at byte 6, found \"a b)\""),
        ("POINT(1 0x2)", "a number expected at byte 8"),
        ("POINT(1 1e999)", "a number expected at byte 8"),
        ("POINT(1 inf)", "a number expected at byte 8"),
        ("POINT Z (1 2)", "XYZ"),
        ("LINESTRING(1 2,3 4 5)", "at byte 15 a position or part"),
        ("LINESTRING()", "a number expected at byte 11"),
        ("LINESTRING(1 2,)", "a number expected at byte 15"),
        ("POINT(1 2) x", "the end of the geometry expected at byte 11"),
        ("POINT(1 2)POINT(1 2)", "the end of the geometry"),
        ("GEOMETRYCOLLECTION Z (POINT M (1 2 3))", "at byte 22 a position or part"),
        ("SRID=x;POINT(1 2)", "the number of a reference system"),
        ("SRID=99999999999;POINT(1 2)", "the number of a reference system"),
        ("CIRCULARSTRING(0 0,1 1,2 0)", "type CircularString has curves"),
        ("TIN Z (((0 0 0,0 0 1,0 1 0,0 0 0)))", "type TIN"),
        ("GEOMETRYCOLLECTION(CURVEPOLYGON EMPTY)", "type CurvePolygon"),
        ("POINTS(1 2)", "name of a geometry type"),
        ("POINT\u{a0}(1 2)", "`(` or EMPTY expected"),
    ] {
        let error = wkb(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let deep = "GEOMETRYCOLLECTION(".repeat(100_000);
    assert_eq!(wkb(&deep).unwrap_err(), WktError::Depth { limit: MAX_DEPTH });
}

#[test]
fn a_text_cut_anywhere_is_refused() {
    let text = "SRID=2154;GEOMETRYCOLLECTION Z (POINT Z (1 2 3),MULTIPOLYGON Z (((0 0 1,1 0 1,1 1 1,0 0 1))))";
    for length in 0..text.len() {
        assert!(wkb(&text[..length]).is_err(), "{}", &text[..length]);
    }
    assert!(wkb(text).is_ok());
}

proptest! {
    #[test]
    fn numbers_are_those_of_the_standard_library(values in prop::collection::vec((any::<f64>(), -1e7..1e7f64), 1..20)) {
        let values: Vec<_> = values.into_iter().filter(|(x, _)| x.is_finite()).collect();
        prop_assume!(!values.is_empty());
        let text: Vec<String> = values.iter().map(|(x, y)| format!("{x:e} {y}")).collect();
        let (found, _) = wkb(&format!("LINESTRING({})", text.join(","))).unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|(x, y)| [x.to_le_bytes(), y.to_le_bytes()].concat()).collect();
        prop_assert_eq!(&found[9..], &bytes[..]);
    }

    #[test]
    fn any_bytes_are_survived(text in "[A-Za-z0-9(),.; =+-]{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for prefix in ["", "POINT", "MULTIPOINT(", "POLYGON Z ((1 2 3,"] {
            for rest in [text.as_bytes(), &bytes] {
                let mut out = Vec::new();
                if from_wkt(&[prefix.as_bytes(), rest].concat(), &mut out).is_ok() {
                    prop_assert!(scan(&out).unwrap().is_canonical);
                } else {
                    prop_assert!(out.is_empty());
                }
            }
        }
    }
}
