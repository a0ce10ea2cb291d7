//! Conditions on attributes, in the language of SQL's `WHERE`.
//!
//! ```text
//! text ─► Syntax (parse) ─► Predicate (bind to a schema) ─► BooleanArray per batch (evaluate)
//! ```
//!
//! # What can be written
//! | | |
//! |---|---|
//! | columns | `height`, `"Höhe über NN"`: in double quotes exactly as it is, without in any case of letters |
//! | literals | `12`, `1.5`, `2e6`, `'text'` (`''` is a quote), `TRUE`, `FALSE`, `NULL`, `DATE '2024-12-31'`, `TIMESTAMP '2024-12-31 12:00:00'` (with `Z` or `+02:00` an instant), `TIME '12:00:00'` |
//! | comparison | `=` `<>` `!=` `<` `<=` `>` `>=`, `IS [NOT] DISTINCT FROM`, `[NOT] BETWEEN … AND …`, `[NOT] IN (…)` |
//! | text | `[NOT] LIKE` and `ILIKE` (`%` any characters, `_` one, `\` or `ESCAPE '…'` takes the next as it is), <code>&#124;&#124;</code>, `LOWER`, `UPPER`, `LENGTH`, `SUBSTRING(text FROM position FOR length)` |
//! | logic | `AND`, `OR`, `NOT`, `IS [NOT] NULL`, `IS [NOT] TRUE`, `IS [NOT] FALSE`, `IS [NOT] UNKNOWN` |
//! | arithmetic | `+` `-` `*` `/` `%` |
//! | types | `CAST(… AS type)`, `TRY_CAST(… AS type)`, `…::type` with `INTEGER`, `DOUBLE`, `DECIMAL(p,s)`, `TEXT`, `BOOLEAN`, `DATE`, `TIME`, `TIMESTAMP`, `TIMESTAMP WITH TIME ZONE` |
//!
//! # What it means
//! As in PostgreSQL, unless said otherwise:
//! - **NULL** is "not known": a comparison with it is not known, `NOT`, `AND` and `OR` follow three-valued logic, and a row
//!   stays only where the whole is TRUE. `= NULL`, which is never TRUE, is refused.
//! - **Numbers** are compared by value, exactly, whatever their types: a 64-bit integer with a float, a decimal with an
//!   integer. A decimal and a float meet as doubles. A literal with decimals is rounded to single precision where
//!   it meets a column of that precision, so that `0.1` finds what was stored as `0.1`. NaN equals NaN and is greater than
//!   any number; -0 equals 0.
//! - **Arithmetic** of integers is that of 64 bits; their division drops the remainder. A result that does not fit ends
//!   the run with an error. A **division by zero is NULL**, for all types (PostgreSQL ends with an error, which a batch of rows
//!   cannot be guarded from: `n <> 0 AND m / n > 2` does what it says here).
//! - **Text** is compared by code points, without collation. It never becomes a number by itself, nor the other way.
//! - **Dates and instants**: a text literal beside them is read as one. A date is its midnight. A time stamp with a zone is
//!   an instant; a literal without zone is in UTC beside it, and casting it to a date or text uses UTC. A time stamp with
//!   a zone and one without cannot be compared.
//! - **CAST** of a value that does not fit ends the run with an error; with `TRY_CAST` it is NULL. Integers are of 64 bits;
//!   a fraction is cut off.
//!
//! Subqueries, aggregates, window functions and any other function are refused. So are expressions nested deeper than
//! [`MAX_DEPTH`](parse::MAX_DEPTH) or longer than [`MAX_TOKENS`](parse::MAX_TOKENS) words and signs; `AND` and `OR` in
//! a row count once.

mod arithmetic;
mod bind;
mod compare;
mod error;
mod evaluate;
mod literal;
mod parse;
#[cfg(test)]
mod property_tests;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod translate;
mod value;

pub(crate) use bind::{Predicate, evaluation_failure, find};
pub use error::ExpressionError;
pub(crate) use parse::parse;
pub(crate) use syntax::{ColumnName, Syntax};
