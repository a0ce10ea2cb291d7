//! Ranges of row ids with about equal numbers of rows.
//!
//! Row ids are usually dense: then ranges of equal width hold equal numbers of rows, and finding them costs two look-ups.
//! Where ids are sparse (deleted rows, ids of a national register), their b-tree is walked in steps of the wanted number
//! of rows, and each step gives a boundary. The R-tree extension's table of row ids is walked if there is one, as it
//! is far smaller than the features; walking the features themselves takes an eighth of the time of reading them
//! (300,000 rows: 25 ms of 200). Boundaries only balance the work: the ranges touch, and the outer ones are
//! open, so that every row is in exactly one of them whatever the hints say.

use rusqlite::{Connection, OptionalExtension, Result};

use crate::gpkg::catalogue;
use crate::gpkg::database::quoted;
use crate::{Split, SplitRange};

/// Ids are dense if there are at most this many per row, in halves: a range of that many ids per wanted row is not much
/// emptier than the others.
const DENSE_IDS_PER_TWO_ROWS: u128 = 3;

/// Bytes of the smallest row on a page: its place, its length, its id and its header.
const LEAST_ROW_BYTES: u64 = 5;

/// Cuts a table of a file of so many bytes into ranges of `target_rows` rows or fewer.
pub(crate) fn splits(
    connection: &Connection,
    table: &str,
    row_id: &str,
    geometry_column: &str,
    target_rows: usize,
    file_bytes: u64,
) -> Result<Vec<Split>> {
    let target = i64::try_from(target_rows.max(1)).unwrap_or(i64::MAX);
    let quoted_table = quoted(table);
    // Two scalar queries: SQLite looks a lone min() or max() up, but walks the table for both together.
    let (lowest, highest): (Option<i64>, Option<i64>) = connection.query_row(
        &format!("SELECT (SELECT min({row_id}) FROM {quoted_table}), (SELECT max({row_id}) FROM {quoted_table})"),
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (Some(lowest), Some(highest)) = (lowest, highest) else { return Ok(ranges(&[])) };
    let span = highest.abs_diff(lowest) as u128 + 1;
    if span <= target as u128 {
        return Ok(ranges(&[]));
    }
    let dense = |rows: u128| span * 2 <= rows * DENSE_IDS_PER_TWO_ROWS;
    // Any number may be written down, and there are as many boundaries.
    let most = file_bytes / LEAST_ROW_BYTES;
    let counted = catalogue::feature_count(connection, table)?.map(|rows| u128::from(rows.min(most)));
    if counted.is_some_and(dense) {
        return Ok(ranges(&even_boundaries(lowest, span, target)));
    }
    let Some(index) = spatial_index(connection, table, geometry_column)? else {
        return Ok(ranges(&walk(connection, row_id, &quoted_table, lowest, target)?));
    };
    let quoted_index = quoted(&index);
    let indexed = connection
        .query_row(&format!("SELECT count(*) FROM {quoted_index}"), [], |row| row.get::<_, i64>(0))
        .map(|count| u128::try_from(count).unwrap_or(0))?;
    let boundaries = match counted {
        None if dense(indexed) => even_boundaries(lowest, span, target),
        // An index that leaves out many rows, those without geometry, would balance badly.
        Some(rows) if indexed * 2 >= rows => walk(connection, "rowid", &quoted_index, lowest, target)?,
        _ => walk(connection, row_id, &quoted_table, lowest, target)?,
    };
    Ok(ranges(&boundaries))
}

/// The table of row ids of the R-tree on the geometry (extension `gpkg_rtree_index`, annex F.3).
fn spatial_index(connection: &Connection, table: &str, geometry_column: &str) -> Result<Option<String>> {
    let name = format!("rtree_{table}_{geometry_column}_rowid");
    connection
        .query_row("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE", [name], |row| {
            row.get(0)
        })
        .optional()
}

/// First ids of the second and later ranges, for ranges of equal width.
fn even_boundaries(lowest: i64, span: u128, target: i64) -> Vec<i64> {
    let count = span.div_ceil(target.unsigned_abs().into());
    (1..count)
        .filter_map(|index| {
            let offset = span * index / count;
            i64::try_from(i128::from(lowest) + i128::try_from(offset).ok()?).ok()
        })
        .collect()
}

/// First ids of the second and later ranges, by walking a b-tree of ids in steps of the target.
fn walk(connection: &Connection, row_id: &str, quoted_table: &str, lowest: i64, target: i64) -> Result<Vec<i64>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {row_id} FROM {quoted_table} WHERE {row_id} >= ?1 ORDER BY {row_id} LIMIT 1 OFFSET ?2"
    ))?;
    let mut boundaries = Vec::new();
    let mut from = lowest;
    while let Some(next) = statement.query_row([from, target], |row| row.get::<_, i64>(0)).optional()? {
        // In a sound tree ids ascend. In a damaged one the walk would go round for ever; reading the last range meets the
        // damage.
        if next <= from {
            break;
        }
        boundaries.push(next);
        from = next;
    }
    Ok(boundaries)
}

/// The ranges between boundaries, open at both ends.
fn ranges(boundaries: &[i64]) -> Vec<Split> {
    let firsts = std::iter::once(i64::MIN).chain(boundaries.iter().copied());
    let lasts = boundaries.iter().map(|boundary| boundary.saturating_sub(1)).chain(std::iter::once(i64::MAX));
    firsts
        .zip(lasts)
        .enumerate()
        .map(|(index, (first, last))| Split { index, sequential: false, range: SplitRange::RowIds { first, last } })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_ranges_reach_both_ends_of_the_numbers() {
        let span = u128::from(u64::MAX) + 1;
        let boundaries = even_boundaries(i64::MIN, span, i64::MAX);
        assert_eq!(boundaries.len(), 2);
        assert!(boundaries.is_sorted());
        assert_eq!(even_boundaries(1, 10, 3), [3, 6, 8]);
        assert_eq!(even_boundaries(1, 3, 3), [] as [i64; 0]);
    }

    #[test]
    fn ranges_touch() {
        let splits = ranges(&[3, 6]);
        let expected = [(i64::MIN, 2), (3, 5), (6, i64::MAX)];
        for (split, (first, last)) in splits.iter().zip(expected) {
            assert_eq!(split.range, SplitRange::RowIds { first, last });
        }
        assert_eq!(splits.iter().map(|split| split.index).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
