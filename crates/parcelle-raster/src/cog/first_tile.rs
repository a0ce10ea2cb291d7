//! How many requests a client makes, and how many bytes it fetches, until it has the first tile of a level: computed from
//! the structure, as the readers would do it, without asking any server.
//!
//! **GDAL** (`/vsicurl/` in its default settings) fetches blocks of 16 KiB. A read that goes on where the last one ended takes
//! twice as many as that one, and never fewer than it needs (`VSICurlHandle::Read`). The driver reads 1024 bytes to recognise
//! the file, then every directory and every value but the index arrays; of those, libtiff reads the page of 4 KiB that has the
//! entry of the tile (`_TIFFPartialReadStripArray`), of the byte counts only where no leader repeats them. Requests for the
//! length (`HEAD`) and for side files, which depend on settings, are not counted.
//!
//! **GeoServer** (`CogImageReader` of imageio-ext) fetches 16 KiB, then 16 KiB more, one after the other, until it has all
//! directories and values from the beginning of the file on (`DefaultCogImageInputStream`), then the tile.

use std::collections::HashSet;

use parcelle_tiff::{Directory, Structure};
use serde_json::{Value, json};

use super::levels::Level;

const BLOCK: u64 = 16 * 1024;
/// `MAX_CHUNK_SIZE_INCREASE_FACTOR`.
const MOST_BLOCKS: u64 = 128;
/// What `GDALOpenInfo` reads.
const HEAD: u64 = 1024;
/// `IO_CACHE_PAGE_SIZE` of libtiff.
const PAGE: u64 = 4096;
/// Levels for which it is computed: a file of thousands of pages is no pyramid.
const MOST_LEVELS: usize = 32;

/// The facts of each level, by the index of its directory.
pub(super) fn facts(structure: &Structure, levels: &[Level<'_>]) -> Vec<(usize, Value)> {
    let Some(opened) = opened(structure) else { return Vec::new() };
    let header = header_end(structure).div_ceil(BLOCK).max(1);
    let leaders = structure.ghost.as_ref().is_some_and(|ghost| ghost.claims("BLOCK_LEADER", "SIZE_AS_UINT4"));
    let mut facts = Vec::new();
    for level in levels.iter().take(MOST_LEVELS) {
        let first = (0..level.blocks.len()).find_map(|block| Some((block as u64, level.sound(block)?)));
        let Some((block, (offset, byte_count))) = first else { continue };
        let mut gdal = opened.clone();
        let (offsets, counts) = level.directory.index_tags();
        gdal.read_index(level.directory, offsets, block);
        if !leaders {
            gdal.read_index(level.directory, counts, block);
        }
        let start = if leaders { offset.saturating_sub(4) } else { offset };
        gdal.read(start, byte_count + (offset - start));
        let geoserver_bytes = (header * BLOCK).min(structure.file_length) + byte_count;
        facts.push((
            level.directory.index,
            json!({
                "gdal_requests": gdal.requests,
                "gdal_bytes": gdal.bytes,
                "geoserver_requests": header + 1,
                "geoserver_bytes": geoserver_bytes,
            }),
        ));
    }
    facts
}

/// GDAL after opening the file; `None` if it is no TIFF.
fn opened(structure: &Structure) -> Option<Curl> {
    let variant = structure.header?.variant;
    let mut curl = Curl { length: structure.file_length, ..Curl::default() };
    curl.read(0, HEAD);
    for directory in &structure.directories {
        let (offsets, counts) = directory.index_tags();
        curl.read(directory.offset, variant.count_size());
        curl.read(directory.offset, directory.range.end.saturating_sub(directory.offset));
        for entry in &directory.entries {
            if let Some(area) = entry.area().filter(|area| area.end <= structure.file_length)
                && entry.tag != offsets
                && entry.tag != counts
            {
                curl.read(area.start, area.end - area.start);
            }
        }
    }
    Some(curl)
}

fn header_end(structure: &Structure) -> u64 {
    let ends = structure.directories.iter().flat_map(|directory| {
        let areas = directory.entries.iter().filter_map(|entry| entry.area().map(|area| area.end));
        areas.filter(|end| *end <= structure.file_length).chain([directory.range.end])
    });
    ends.max().unwrap_or(0)
}

/// `VSICurlHandle`, as far as it decides what to ask for.
#[derive(Debug, Clone, Default)]
struct Curl {
    length: u64,
    held: HashSet<u64>,
    /// Where the last answer ended, and how many blocks it had.
    last_end: u64,
    blocks: u64,
    requests: u64,
    bytes: u64,
}

impl Curl {
    fn read(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length).min(self.length);
        let mut block = offset / BLOCK;
        while block * BLOCK < end {
            if self.held.contains(&block) {
                block += 1;
                continue;
            }
            let goes_on = self.requests > 0 && block * BLOCK == self.last_end;
            let needed = end.div_ceil(BLOCK) - block;
            self.blocks = if goes_on { (self.blocks * 2).min(MOST_BLOCKS) } else { 1 }.max(needed);
            // What is there already is not fetched again, nor what is past the end.
            let in_file = self.length.div_ceil(BLOCK) - block;
            let free = (1..self.blocks.min(in_file)).find(|ahead| self.held.contains(&(block + ahead)));
            self.blocks = free.unwrap_or(self.blocks.min(in_file));
            self.held.extend(block..block + self.blocks);
            self.last_end = (block + self.blocks) * BLOCK;
            self.requests += 1;
            self.bytes += self.last_end.min(self.length) - block * BLOCK;
            block += self.blocks;
        }
    }

    /// The page of an index array that has the entry of one block.
    fn read_index(&mut self, directory: &Directory, tag: u16, block: u64) {
        let Some(entry) = directory.entry(tag) else { return };
        let Some(area) = entry.area().filter(|area| area.end <= self.length && entry.count > 0) else { return };
        let size = (area.end - area.start) / entry.count;
        let place = area.start.saturating_add(block.saturating_mul(size));
        let start = (place / PAGE * PAGE).max(area.start);
        let end = (place / PAGE * PAGE).saturating_add(if place % PAGE + size > PAGE { 2 * PAGE } else { PAGE });
        self.read(start, end.min(area.end).saturating_sub(start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_fetched_once_and_doubled_in_order() {
        let mut curl = Curl { length: 100 * BLOCK + 5, ..Curl::default() };
        curl.read(0, 1024);
        curl.read(8, BLOCK - 8);
        assert_eq!((curl.requests, curl.bytes), (1, BLOCK));
        // Goes on where the last one ended: two, then four blocks.
        curl.read(BLOCK, 1);
        curl.read(3 * BLOCK, 1);
        assert_eq!((curl.requests, curl.bytes), (3, 7 * BLOCK));
        // Elsewhere: as many as are needed, up to what is held.
        curl.read(50 * BLOCK + 1, 2 * BLOCK);
        assert_eq!((curl.requests, curl.bytes), (4, 10 * BLOCK));
        curl.read(49 * BLOCK, 4 * BLOCK);
        assert_eq!((curl.requests, curl.bytes), (5, 11 * BLOCK));
        curl.read(100 * BLOCK, 500);
        assert_eq!((curl.requests, curl.bytes), (6, 11 * BLOCK + 5));
        curl.read(u64::MAX, 3);
        assert_eq!(curl.requests, 6);
    }
}
