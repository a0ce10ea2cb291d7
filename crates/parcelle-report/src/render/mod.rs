//! Reports as text: for people ([`human`], [`html`]), for programs ([`json`], [`JsonLines`]), for code hosts and CI servers
//! ([`sarif`], [`junit`]).

mod html;
mod human;
mod json;
mod jsonl;
mod junit;
mod outcome;
mod sarif;

pub use html::html;
pub use human::{HumanOptions, human, printable, wrapped};
pub use json::{JSON_SCHEMA, json};
pub use jsonl::JsonLines;
pub use junit::junit;
pub use sarif::sarif;
