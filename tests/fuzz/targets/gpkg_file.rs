//! GeoPackage files, any byte of them changed: the catalogue through SQLite, and rows from pages.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Scratch, read_consistently, start};
use parcelle_source::Reader;

static SCRATCH: LazyLock<Scratch> = LazyLock::new(Scratch::new);

fuzz_target!(init: start(), |data: &[u8]| {
    let path = SCRATCH.file("input.gpkg", data);
    // Where there are several layers, whoever reads has to choose.
    if parcelle_source::layers(&path, Reader::Native).is_ok() {
        read_consistently(&path, None);
    }
});
