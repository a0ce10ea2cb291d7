//! Shapefile: `.shp`, `.shx`, `.dbf`, `.cpg` and `.prj` of one input; whole or in splits, the rows are the same.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Scratch, parts, read_consistently, start};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(Scratch::new);

fuzz_target!(init: start(), |data: &[u8]| {
    const ENDINGS: [&str; 5] = ["shp", "shx", "dbf", "cpg", "prj"];
    let parts = parts(data, ENDINGS.len());
    for (index, ending) in ENDINGS.iter().enumerate() {
        let name = format!("input.{ending}");
        // An empty part is a file that is not there.
        match parts.get(index) {
            Some(bytes) if !bytes.is_empty() || *ending == "shp" => {
                SCRATCH.file(&name, bytes);
            }
            _ => {
                let _ = std::fs::remove_file(SCRATCH.path().join(&name));
            }
        }
    }
    read_consistently(&SCRATCH.path().join("input.shp"), None);
});
