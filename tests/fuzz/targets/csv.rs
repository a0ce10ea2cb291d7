//! CSV, with and without sampling: whole or in splits, the rows are the same.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Scratch, read_consistently, start};

static SCRATCH: LazyLock<Scratch> = LazyLock::new(Scratch::new);

fuzz_target!(init: start(), |data: &[u8]| {
    read_consistently(&SCRATCH.file("input.csv", data), Some(0));
});
