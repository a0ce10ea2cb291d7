//! Fields of integers that are wider than 64 bits are sure to hold.
//!
//! Programs widen a field to `N(19)` or `N(20)` for identifiers of 64 bits, which as floats would be rounded, so the type of
//! such a field depends on its values: 64-bit integers where these hold all of them and a float does not.

use super::dbf::{DELETED, Field, Table};
use super::files::ReadBuffer;
use super::malformed;
use super::value::{Refusal, integer, number, wide_integer};
use crate::error::SourceError;
use crate::interrupt::Interrupt;

/// Records between two looks at whether to stop.
const RECORDS_UNTIL_LOOK: u64 = 1 << 16;

/// Which of the fields have integers of 64 bits only, with one among them that a float would round. Reads the table once,
/// unless there are none.
pub(super) fn are_integers(table: &Table, fields: &[&Field], interrupt: &Interrupt) -> Result<Vec<bool>, SourceError> {
    /// What the values of a field were so far.
    #[derive(Clone, Copy)]
    struct Seen {
        integers_only: bool,
        rounded: bool,
    }

    let mut seen = vec![Seen { integers_only: true, rounded: false }; fields.len()];
    let mut buffer = ReadBuffer::new(&table.file);
    for record in 0..table.count {
        if !seen.iter().any(|seen| seen.integers_only) {
            break;
        }
        if record % RECORDS_UNTIL_LOOK == 0 {
            interrupt.check()?;
        }
        let offset = table.header_bytes + record * table.record_bytes as u64;
        let Some(bytes) = buffer.get(offset, table.record_bytes as u64)? else {
            return Err(malformed(&table.file.path, format!("it is cut off in record {}", record + 1)));
        };
        if bytes.first() == Some(&DELETED) {
            continue;
        }
        for (field, seen) in fields.iter().zip(&mut seen) {
            let value = bytes.get(field.offset..).and_then(|rest| rest.get(..field.width)).unwrap_or_default();
            if let Some(value) = number(value) {
                seen.integers_only &= integer(value).is_ok();
                seen.rounded |= wide_integer(value) == Err(Refusal::Rounded);
            }
        }
    }
    Ok(seen.iter().map(|seen| seen.integers_only && seen.rounded).collect())
}

#[cfg(test)]
mod tests {
    use super::super::dbf::Table;
    use super::super::files::SourceFile;
    use super::*;

    /// Whether a field of 20 characters with these values becomes one of 64-bit integers; `*` before a value: deleted.
    fn is_integer(values: &[&str]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let mut dbf = vec![3, 26, 1, 1];
        dbf.extend((values.len() as u32).to_le_bytes());
        dbf.extend([65, 0, 21, 0]);
        dbf.resize(32, 0);
        dbf.extend(b"id\0\0\0\0\0\0\0\0\0N\0\0\0\0\x14\0");
        dbf.resize(64, 0);
        dbf.push(0x0D);
        for value in values {
            let (mark, value) = value.strip_prefix('*').map_or((' ', *value), |value| ('*', value));
            dbf.extend(format!("{mark}{value:>20}").bytes());
        }
        let path = folder.path().join("a.dbf");
        std::fs::write(&path, dbf).unwrap();
        let table = Table::open(SourceFile::open(path).unwrap()).unwrap();
        let fields: Vec<_> = table.fields.iter().collect();
        are_integers(&table, &fields, &Interrupt::default()).unwrap() == [true]
    }

    #[test]
    fn values_decide() {
        assert!(is_integer(&["9007199254740993", "", "-9223372036854775808", "9223372036854775807", "7"]));
        assert!(is_integer(&["9007199254740993", "*12345678901234567891", "*1.5"]));
        // A float holds them, as with GDAL; or nothing does.
        assert!(!is_integer(&["9007199254740992", "7", "10000000000000000000"]));
        assert!(!is_integer(&["9007199254740993", "12345678901234567891"]));
        assert!(!is_integer(&["9007199254740993", "1.5"]));
        assert!(!is_integer(&[]));
    }
}
