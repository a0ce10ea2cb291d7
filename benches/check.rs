//! Benches of check.
fn main() {}
