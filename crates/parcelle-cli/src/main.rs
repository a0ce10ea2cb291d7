//! The `parcelle` binary.
fn main() {}
