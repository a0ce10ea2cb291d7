//! Coordinate reference systems: WKT, PROJJSON, codes. What is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parcelle_crs::{Agreement, Crs};
use parcelle_fuzz::start;

fuzz_target!(init: start(), |data: &[u8]| {
    let Some(crs) = std::str::from_utf8(data).ok().and_then(|text| Crs::from_definition(text).ok()) else { return };
    let projjson = crs.to_projjson();
    let (Ok(again), Ok(from_text)) =
        (Crs::from_projjson(projjson.clone()), Crs::from_definition(&projjson.to_string()))
    else {
        panic!("what was written can be read: {projjson}")
    };
    assert_eq!((again.name(), from_text.to_projjson()), (crs.name(), again.to_projjson()));
    assert!(crs.same_as(&crs) && crs.same_positions_as(&crs));
    assert_eq!(crs.agrees_with(&crs), Agreement::Same);
    let lambert = Crs::from_definition("EPSG:2154");
    let Ok(lambert) = lambert else { panic!("the register has Lambert-93: {lambert:?}") };
    assert_eq!(crs.agrees_with(&lambert), lambert.agrees_with(&crs), "agreement is mutual");
    let _ = (crs.measure(), crs.motion(), crs.has_height(), crs.to_string());
});
