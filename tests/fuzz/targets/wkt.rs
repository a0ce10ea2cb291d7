//! WKT: what is read is sound WKB, and curves become straight.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::start;
use parcelle_geometry::{curved_from_wkt, from_wkt, linearise, scan};

fuzz_target!(init: start(), |data: &[u8]| {
    let mut wkb = Vec::new();
    let straight = from_wkt(data, &mut wkb);
    match &straight {
        Err(_) => assert!(wkb.is_empty(), "nothing is appended"),
        Ok(_) => match scan(&wkb) {
            Ok(summary) => assert!(summary.is_canonical),
            Err(error) => panic!("{error}: {wkb:02x?}"),
        },
    }
    let mut curved = Vec::new();
    let of_curves = curved_from_wkt(data, &mut curved);
    if straight.is_ok() {
        assert_eq!((&of_curves, &curved), (&straight, &wkb), "straight is a case of curved");
    }
    if of_curves.is_ok() {
        let mut made = Vec::new();
        // Curves of the wrong number of positions are found by who makes them straight.
        if linearise(&curved, &mut made).is_ok() {
            assert!(scan(&made).is_ok_and(|summary| summary.is_canonical));
        }
    }
});
