//! Geometries that are texts of their own.

use parcelle_geometry::{from_wkt, scan};

use super::append_wkb;

#[test]
fn the_same_as_the_wkt() {
    for (json, wkt) in [
        (r#"{"type":"Point","coordinates":[1,2]}"#, "POINT(1 2)"),
        (
            r#" { "coordinates" : [ 1.5 , -2e1 , 3 ] , "bbox":[1,2,[{"a":"]"}]], "type" : "Point" } "#,
            "POINT Z(1.5 -20 3)",
        ),
        (r#"{"type":"Point","coordinates":[]}"#, "POINT EMPTY"),
        (r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#, "LINESTRING(1 2,3 4)"),
        (r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#, "POLYGON((0 0,1 0,1 1,0 0))"),
        (r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#, "MULTIPOINT(1 2,3 4)"),
        (r#"{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[]]}"#, "MULTILINESTRING((1 2,3 4),EMPTY)"),
        (
            r#"{"type":"MultiPolygon","coordinates":[[[[0,0,1],[1,0,1],[1,1,1],[0,0,1]]]]}"#,
            "MULTIPOLYGON Z(((0 0 1,1 0 1,1 1 1,0 0 1)))",
        ),
        (
            r#"{"type":"GeometryCollection","geometries":[{"type":"MultiPoint","coordinates":[]},{"type":"Point","coordinates":[1,2,3]}]}"#,
            "GEOMETRYCOLLECTION Z(MULTIPOINT Z EMPTY,POINT Z(1 2 3))",
        ),
    ] {
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        append_wkb(json.as_bytes(), &mut found).unwrap_or_else(|error| panic!("{json}: {error}"));
        from_wkt(wkt.as_bytes(), &mut expected).unwrap();
        assert_eq!(found, expected, "{json}");
        assert!(scan(&found).unwrap().is_canonical);
    }
}

#[test]
fn anything_else_is_refused() {
    let text = r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]}]}"#;
    for length in 0..text.len() {
        assert!(append_wkb(&text.as_bytes()[..length], &mut Vec::new()).is_err(), "{length}");
    }
    let deep = format!("{}{}", r#"{"type":"GeometryCollection","geometries":["#.repeat(5000), "]}".repeat(5000));
    for (text, part) in [
        (r#"{"type":"Feature","geometry":null}"#, "Feature"),
        (r#"{"type":"Point"}"#, "no `coordinates`"),
        (r#"{"coordinates":[1,2]}"#, "no `type`"),
        (r#"{"type":"Point","coordinates":[1,2]} x"#, "more text"),
        (r#"{"type":"Point","coordinates":[1]}"#, "a position of one number"),
        (r#"{"type":"Point","coordinates":[1,2,3,4]}"#, "more than three numbers"),
        (r#"{"type":"Point","coordinates":[1,null]}"#, "is wanted"),
        (r#"{"type":"LineString","coordinates":[[1,2],[3,4,5]]}"#, "others have none"),
        (&deep, "nested deeper"),
    ] {
        let error = append_wkb(text.as_bytes(), &mut Vec::new()).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
    let mut seed = 7u64;
    for _ in 0..20_000 {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..3 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let position = (seed >> 33) as usize % bytes.len();
            bytes[position] = b"[]{},:\"0-.e\\ \xff"[(seed >> 20) as usize % 14];
        }
        let mut out = Vec::new();
        if append_wkb(&bytes, &mut out).is_ok() {
            assert!(scan(&out).unwrap().is_canonical);
        }
    }
}
