//! Packs the relocations of the binary where the C library of this machine can unpack them.
//!
//! A position-independent binary of this size has some hundred thousand places with an address of its own, mostly in tables of
//! functions, and the loader fills in each of them at the start. Written one by one they are megabytes that have to be read
//! first: a third of the time from the start to the verdict on a small file. glibc 2.36 and newer take them packed into a
//! hundredth of that; a binary that is to run with an older one has to be built beside it, as ever.

use std::process::Command;

const FIRST_WITH_PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_glibc = variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    // What another machine has is not known.
    if is_glibc && variable("HOST") == variable("TARGET") && glibc().is_some_and(|version| version >= FIRST_WITH_PACKED)
    {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// `glibc 2.36`
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, rest) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, rest.split('.').next()?.parse().ok()?))
}
