//! How large the tiles of a file are.

use super::layout::Layout;
use super::levels::Level;

/// A tile of more bytes is a long wait for any client.
const HEAVY_TILE: u32 = 4 * 1024 * 1024;

/// How many bytes tiles have: least, median, 99th percentile, most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Distribution {
    pub(crate) least: u32,
    pub(crate) median: u32,
    pub(crate) percentile_99: u32,
    pub(crate) most: u32,
    pub(crate) heavy: u64,
}

/// The figures of all tiles that are there and believable.
pub(crate) fn distribution(layout: &Layout<'_>) -> Option<Distribution> {
    figures(layout.levels.iter().flat_map(byte_counts).collect())
}

/// The figures of one level.
pub(crate) fn of_level(level: &Level<'_>) -> Option<Distribution> {
    figures(byte_counts(level).collect())
}

/// Four bytes each are enough: tiles past 4 GiB count as that.
fn byte_counts<'level>(level: &'level Level<'_>) -> impl Iterator<Item = u32> + use<'level> {
    let sound = (0..level.blocks.len()).filter_map(|block| level.sound(block));
    sound.map(|(_, byte_count)| u32::try_from(byte_count).unwrap_or(u32::MAX))
}

fn figures(mut counts: Vec<u32>) -> Option<Distribution> {
    let last = counts.len().checked_sub(1)?;
    let least = counts.iter().copied().min()?;
    let most = counts.iter().copied().max()?;
    let heavy = counts.iter().filter(|count| **count > HEAVY_TILE).count() as u64;
    let percentile_99 = *counts.select_nth_unstable(last * 99 / 100).1;
    let median = *counts.select_nth_unstable(last / 2).1;
    Some(Distribution { least, median, percentile_99, most, heavy })
}
