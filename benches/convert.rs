//! Benches of convert.
fn main() {}
