//! Reports as text: for people ([`human`]) and for programs ([`json`]).

mod human;
mod json;

pub use human::{HumanOptions, human, printable};
pub use json::{JSON_SCHEMA, json};
