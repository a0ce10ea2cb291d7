//! Putting rows in order within a budget: an external sort.
//!
//! ```text
//! part ─► keys ─► run: rows in the order of their keys ─┬─► held in memory while half the budget lasts
//!                                                       └─► then: cut at boundaries into blocks of the spill file
//! runs ─► ranges of keys, each with about the rows of a row group ─► merged, each by one worker ─► encode
//! ```
//!
//! Each part of the input becomes a **run**: its rows in the order of their keys. Runs are held in memory while half of
//! [`WriteOptions::memory`](crate::WriteOptions::memory) lasts. Once it is used up, the keys held so far are a sample of the layer (parts are read in an order that jumps through the
//! source, see [`collect`]), and give the **boundaries** at which every further run is cut into **blocks** and
//! written to a temporary file without a name, which the system frees whatever happens to the process.
//!
//! When the input has ended, all keys are known well enough to cut them into **ranges** of about a row group's rows. A
//! range is independent of the others: a worker collects its rows from the runs held and from the blocks of the spill
//! file, merges them and passes them on. A bad sample costs time, as blocks straddle ranges and are read more than
//! once, but never memory or order.
//!
//! # Order
//! Rows are ordered by key, rows of equal key by their place in the source. This is a total order that knows nothing of
//! parts, runs, blocks or threads, so the output is the same whatever the budget and the thread count.

mod collect;
mod gather;
mod hilbert;
mod key;
mod plan;
mod range;
mod run;
mod spill;

pub(crate) use collect::{Arranged, collect};
pub(crate) use hilbert::Hilbert;
pub(crate) use key::{ByColumns, Cell, ColumnsThen, KeyMaker, SortKey};
pub(crate) use range::with_cells;
