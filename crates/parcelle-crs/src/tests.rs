//! What holds with and without PROJ, and what differs.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const LAMBERT_93_WKT1: &str = r#"PROJCS["RGF93 / Lambert-93",GEOGCS["RGF93",DATUM["Reseau_Geodesique_Francais_1993",SPHEROID["GRS 1980",6378137,298.257222101,AUTHORITY["EPSG","7019"]],AUTHORITY["EPSG","6171"]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4171"]],PROJECTION["Lambert_Conformal_Conic_2SP"],PARAMETER["latitude_of_origin",46.5],PARAMETER["central_meridian",3],PARAMETER["standard_parallel_1",49],PARAMETER["standard_parallel_2",44],PARAMETER["false_easting",700000],PARAMETER["false_northing",6600000],UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH],AUTHORITY["EPSG","2154"]]"#;

#[test]
fn codes_become_definitions() {
    for (text, kind, name_part) in [
        ("EPSG:2154", "ProjectedCRS", "Lambert-93"),
        ("epsg:4326", "GeographicCRS", "WGS 84"),
        ("http://www.opengis.net/def/crs/EPSG/0/3857", "ProjectedCRS", "Pseudo-Mercator"),
        ("urn:ogc:def:crs:EPSG:9.9:2154", "ProjectedCRS", "Lambert-93"),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", "GeographicCRS", "CRS84"),
        ("CRS84", "GeographicCRS", "CRS84"),
    ] {
        let crs = Crs::from_definition(text).unwrap();
        assert_eq!(crs.to_projjson()["type"], kind, "{text}");
        assert!(crs.name().contains(name_part), "{text}: {}", crs.name());
        let code = text.rsplit([':', '/']).next().unwrap();
        assert_eq!(crs.authority().unwrap().code, code);
        assert_eq!(crs.to_projjson()["id"]["code"].to_string().trim_matches('"'), code);
    }
}

#[test]
fn numbers_come_through_unchanged() {
    let projjson = Crs::from_definition("EPSG:2154").unwrap().to_projjson();
    let datum = &projjson["base_crs"]["datum"]["ellipsoid"];
    assert_eq!(datum["inverse_flattening"].to_string(), "298.257222101");
    // Found by fuzzing: the nearest double of these digits was missed by one bit.
    let unit = r#"{"type":"GeographicCRS","name":"x","unit":{"conversion_factor":1.0174532925199433}}"#;
    let projjson = Crs::from_definition(unit).unwrap().to_projjson();
    assert_eq!(projjson["unit"]["conversion_factor"], 1.017_453_292_519_943_3);
    assert_eq!(Crs::from_definition(&projjson.to_string()).unwrap().to_projjson(), projjson);
}

#[test]
fn other_authorities_need_proj() {
    for text in ["IGNF:LAMB93", "ESRI:102110"] {
        let result = Crs::from_definition(text);
        if cfg!(feature = "gdal") {
            let crs = result.unwrap();
            assert_eq!((crs.to_string().as_str(), &crs.to_projjson()["type"]), (text, &json!("ProjectedCRS")));
        } else {
            assert_eq!(result, Err(CrsError::UnknownCode { authority: text.to_owned() }));
        }
    }
}

#[test]
fn longitude_comes_first_in_crs84() {
    let projjson = Crs::from_definition("OGC:CRS84").unwrap().to_projjson();
    assert_eq!(projjson["coordinate_system"]["axis"][0]["abbreviation"], "Lon");
}

#[test]
fn wkt1_with_a_code_is_that_code() {
    let crs = Crs::from_definition(LAMBERT_93_WKT1).unwrap();
    assert!(crs.same_as(&Crs::from_authority("EPSG", "2154").unwrap()));
}

#[test]
fn wkt1_authority_is_the_root_one() {
    assert_eq!(definition::wkt1_authority(LAMBERT_93_WKT1).unwrap().code, "2154");
    let without = LAMBERT_93_WKT1.replace(r#",AUTHORITY["EPSG","2154"]]"#, "]");
    assert_eq!(definition::wkt1_authority(&without), None);
}

#[test]
fn wkt1_without_a_code() {
    let without = LAMBERT_93_WKT1.replace(r#",AUTHORITY["EPSG","2154"]]"#, "]");
    let result = Crs::from_definition(&without);
    if cfg!(feature = "gdal") {
        let crs = result.unwrap();
        assert_eq!((crs.authority(), crs.to_string().as_str()), (None, "RGF93 / Lambert-93"));
        assert_eq!(crs.to_projjson()["conversion"]["parameters"][0]["value"], json!(46.5));
    } else {
        assert!(matches!(result, Err(CrsError::NeedsProj { .. })));
    }
}

#[test]
fn wkt2_is_translated() {
    let wkt = r#"PROJCRS["local grid",BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]]],PRIMEM["Greenwich",0,ANGLEUNIT["degree",0.0174532925199433]]],CONVERSION["grid",METHOD["Transverse Mercator",ID["EPSG",9807]],PARAMETER["Latitude of natural origin",0,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8801]],PARAMETER["Longitude of natural origin",3,ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",8802]],PARAMETER["Scale factor at natural origin",0.9996,SCALEUNIT["unity",1],ID["EPSG",8805]],PARAMETER["False easting",500000,LENGTHUNIT["metre",1],ID["EPSG",8806]],PARAMETER["False northing",0,LENGTHUNIT["metre",1],ID["EPSG",8807]]],CS[Cartesian,2],AXIS["(E)",east,ORDER[1],LENGTHUNIT["metre",1]],AXIS["(N)",north,ORDER[2],LENGTHUNIT["metre",1]]]"#;
    let crs = Crs::from_definition(wkt).unwrap();
    assert_eq!((crs.name(), crs.authority()), ("local grid", None));
    assert_eq!(crs.to_projjson()["type"], "ProjectedCRS");
    assert!(crs.same_as(&Crs::from_projjson(crs.to_projjson()).unwrap()));
    let mut other = crs.to_projjson();
    other["conversion"]["parameters"][1]["value"] = json!(4);
    assert!(!crs.same_as(&Crs::from_projjson(other).unwrap()));
}

#[test]
fn longitude_and_latitude_are_the_same_positions_in_either_order() {
    let crs = |code: &str| Crs::from_definition(code).unwrap();
    let (ogc, epsg) = (crs("OGC:CRS84"), crs("EPSG:4326"));
    assert!(!ogc.same_as(&epsg));
    assert!(ogc.same_positions_as(&epsg) && epsg.same_positions_as(&ogc) && epsg.same_positions_as(&epsg));
    assert!(!ogc.same_positions_as(&crs("EPSG:4258")) && !epsg.same_positions_as(&crs("EPSG:2154")));
}

#[test]
fn projjson_is_kept() {
    let original = Crs::from_definition("EPSG:3857").unwrap().to_projjson();
    let crs = Crs::from_definition(&original.to_string()).unwrap();
    assert_eq!(crs.to_projjson(), original);
    assert_eq!(crs.to_string(), "EPSG:3857");
}

#[test]
fn garbage_is_refused_with_a_way_out() {
    for text in ["", "2154", "EPSG:", ":2154", "EPSG:2154:1", "nonsense", "FOO[1]", "http://example.org/crs", "été:1"]
    {
        let error = Crs::from_definition(text).unwrap_err();
        assert!(matches!(error, CrsError::Unrecognised { .. }), "{text}: {error}");
        assert!(error.to_string().contains("EPSG:2154"));
    }
    for text in ["EPSG:99999999", "EPSG:99999999999999999999", "EPSG:-1", "NOBODY:12"] {
        let error = Crs::from_definition(text).unwrap_err();
        assert!(matches!(error, CrsError::UnknownCode { .. }), "{text}: {error}");
    }
    for text in ["{", "{}", r#"{"type":"Ellipsoid","name":"x"}"#, r#"{"type":"GeographicCRS"}"#] {
        assert!(matches!(Crs::from_definition(text), Err(CrsError::Projjson { .. })), "{text}");
    }
    let deep = format!("PROJCRS{}", "[A".repeat(100_000));
    assert!(matches!(Crs::from_definition(&deep), Err(CrsError::Wkt { .. })));
    assert!(Crs::from_definition("PROJCRS[\"broken\"").is_err());
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "\\PC{0,60}", inside in "[A-Z\\[\\]\",0-9.é ]{0,80}", cut in 0usize..900) {
        let _ = Crs::from_definition(&text);
        let _ = Crs::from_definition(&format!("PROJCRS[{inside}"));
        let _ = definition::wkt1_authority(&format!("PROJCS[{inside}"));
        let _ = Crs::from_definition(&LAMBERT_93_WKT1.chars().take(cut).collect::<String>());
    }
}

/// Positions that are the same place by the definitions of the systems: origins of projections, and corners of grids.
#[cfg(feature = "gdal")]
#[test]
fn positions_go_to_where_definitions_say() {
    for (from, to, before, after, tolerance) in [
        ("EPSG:4326", "EPSG:2154", [3.0, 46.5, 0.0], [700_000.0, 6_600_000.0, 0.0], 1e-6),
        ("EPSG:2154", "OGC:CRS84", [700_000.0, 6_600_000.0, 7.0], [3.0, 46.5, 7.0], 1e-12),
        ("EPSG:4326", "EPSG:3857", [180.0, 0.0, 0.0], [20_037_508.342_789_244, 0.0, 0.0], 1e-6),
        ("EPSG:4277", "EPSG:27700", [-2.0, 49.0, 0.0], [400_000.0, -100_000.0, 0.0], 1e-4),
        (
            "EPSG:4150",
            "EPSG:2056",
            [7.439_583_333_333_333, 46.952_405_555_555_56, 0.0],
            [2_600_000.0, 1_200_000.0, 0.0],
            1e-3,
        ),
        // Heights are those of the datum (the expected ones are ogr2ogr's).
        ("EPSG:4979", "EPSG:4985", [7.0, 46.9, -50.0], [6.999_846_111, 46.9, -52.7896], 1e-3),
    ] {
        let crs = |code| Crs::from_definition(code).unwrap();
        let mut path = Transformation::new(&crs(from), &crs(to)).unwrap();
        let [mut x, mut y, mut z] = before.map(|ordinate| vec![ordinate; 3]);
        path.transform(&mut x, &mut y, &mut z, None);
        for (found, expected) in [&x, &y, &z].into_iter().zip(after) {
            for found in found {
                assert!((found - expected).abs() <= tolerance, "{from} {to}: {x:?} {y:?} {z:?}");
            }
        }
    }
}

#[cfg(feature = "gdal")]
#[test]
fn what_cannot_be_transformed_is_said() {
    let crs = |code| Crs::from_definition(code).unwrap();
    let mut path = Transformation::new(&crs("EPSG:4326"), &crs("EPSG:3857")).unwrap();
    let (mut x, mut y, mut z) = (vec![1.0, 1.0, f64::INFINITY], vec![1.0, 95.0, 1.0], vec![0.0; 3]);
    path.transform(&mut x, &mut y, &mut z, None);
    assert_eq!(x.iter().map(|x| x.is_finite()).collect::<Vec<_>>(), [true, false, false]);

    let geocentric = Transformation::new(&crs("EPSG:4978"), &crs("EPSG:4326")).unwrap_err();
    assert!(matches!(geocentric, TransformationError::Geocentric { .. }));
    // A plane without a place on the earth.
    let local = r#"{"type": "EngineeringCRS", "name": "site", "datum": {"name": "site"}, "coordinate_system": {"subtype":
        "Cartesian", "axis": [{"name": "x", "abbreviation": "x", "direction": "east", "unit": "metre"}, {"name": "y",
        "abbreviation": "y", "direction": "north", "unit": "metre"}]}}"#;
    let error = Transformation::new(&crs(local), &crs("EPSG:4326")).unwrap_err();
    assert!(matches!(error, TransformationError::None { .. }), "{error}");
    assert_eq!(Transformation::shortcoming(&crs("EPSG:2154"), &crs("EPSG:4326")), Ok(None));
    // Where the grid is installed there is nothing to say.
    if let Some(said) = Transformation::shortcoming(&crs("EPSG:4326"), &crs("EPSG:27700")).unwrap() {
        assert!(said.contains("2 m") && said.contains("OSTN15") && said.contains("projsync"), "{said}");
    }
}
