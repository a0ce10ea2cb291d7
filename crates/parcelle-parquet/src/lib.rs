//! What every reader of Parquet needs before it believes a file, and where its bytes come from.
//!
//! The reader of extracts and the rules for GeoParquet open files that nobody vouches for with the crate `parquet`, which
//! trusts the counts it finds in them. [`check_footer`] walks a footer first, [`check_page_index`] an index, [`check_rows`] holds rows
//! against bytes; [`Chunks`] gives that crate the bytes of any [`ByteSource`](parcelle_storage::ByteSource), local or behind a URL,
//! and walks the headers of pages; [`batches`] reads rows in batches that fit in memory, from pages that are looked through
//! before they are decoded; [`guarded`] turns a panic on bytes that contradict themselves into an error.
//!
//! Nothing here knows geometry.

mod batches;
mod budget;
mod chunks;
mod delta;
mod levels;
mod lists;
mod packed;
mod pages;
mod thrift;

pub use batches::{Wanted, batches, check_rows};
pub use chunks::{Chunks, Sequence};
pub use thrift::{check_footer, check_page_index};

/// First and last bytes of a file.
pub const MAGIC: &[u8; 4] = b"PAR1";
/// The same of a file whose footer is encrypted.
pub const ENCRYPTED_MAGIC: &[u8; 4] = b"PARE";
/// Length of the footer, and the magic after it.
pub const TAIL_BYTES: u64 = 8;

/// Runs code of `parquet` or `arrow` on bytes of a file. On some pages, footers and messages that contradict themselves it
/// panics where an error is due.
///
/// # Errors
/// What the action says, or that it panicked.
pub fn guarded<T, E: ToString>(action: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match parcelle_storage::guarded(action) {
        Ok(result) => result.map_err(|error| plain(&error.to_string()).to_owned()),
        Err(unwound) => Err(unwound.to_string()),
    }
}

/// An error of `parquet` or `arrow` without the names of the errors that it went through on its way.
fn plain(reason: &str) -> &str {
    let names = ["Parquet argument error: ", "Parquet error: ", "External: ", "External error: "];
    let mut plain = reason;
    while let Some(rest) = names.iter().find_map(|name| plain.strip_prefix(name)) {
        plain = rest;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_plain() {
        let refused =
            guarded(|| Err::<(), _>("External: Parquet argument error: Parquet error: it has an End: of its own"));
        assert_eq!(refused.unwrap_err(), "it has an End: of its own");
        assert_eq!(guarded(|| Err::<(), _>("EOF: short")).unwrap_err(), "EOF: short");
    }
}
