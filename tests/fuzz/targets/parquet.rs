//! GeoParquet: every rule at every depth, the reader, and reports.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Scratch, read_consistently, render_everywhere, start};
use parcelle_geoparquet::check::{self, CheckDepth, CheckOptions};
use parcelle_report::{FileKind, FileReport};
use parcelle_storage::Memory;

static SCRATCH: LazyLock<Scratch> = LazyLock::new(Scratch::new);
const NAME: &str = "/data/input 1.parquet";

fuzz_target!(init: start(), |data: &[u8]| {
    for depth in [CheckDepth::Footer, CheckDepth::Sample, CheckDepth::Everything] {
        let Ok(checked) = check::check(Arc::new(Memory::new(data)), NAME, &CheckOptions { depth }) else {
            panic!("memory can be read")
        };
        if depth == CheckDepth::Everything {
            let mut report = FileReport::new(NAME, FileKind::Geoparquet, checked.findings, checked.facts);
            report.compatibility = checked.compatibility;
            report.pictures = checked.footer.as_ref().map_or_else(Vec::new, check::pictures);
            render_everywhere(report);
        }
    }
    read_consistently(&SCRATCH.file("input.parquet", data), None);
});
