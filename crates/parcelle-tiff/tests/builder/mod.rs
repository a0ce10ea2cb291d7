//! Writes tiny TIFF and BigTIFF files for tests, well-formed or not.
#![allow(dead_code, reason = "each test binary uses a part of it")]

/// One entry: tag, field type, values. Types: 1, 2, 3, 4, 12, 16.
#[derive(Debug, Clone)]
pub(crate) struct Tag(pub(crate) u16, pub(crate) u16, pub(crate) Vec<u64>);

/// One directory and the blocks its index points at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) tags: Vec<Tag>,
    pub(crate) blocks: Vec<Vec<u8>>,
}

/// A file to be.
#[derive(Debug, Clone)]
pub(crate) struct Builder {
    pub(crate) big: bool,
    pub(crate) big_endian: bool,
    pub(crate) ghost: Option<String>,
    pub(crate) pages: Vec<Page>,
    /// Pages whose blocks are written first come first.
    pub(crate) data_order: Vec<usize>,
    /// Leaders and trailers around the blocks, as GDAL writes them.
    pub(crate) leaders: bool,
    /// Data before directories.
    pub(crate) data_first: bool,
}

pub(crate) const GHOST: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

impl Page {
    /// A tiled image of one byte per pixel and uncompressed blocks.
    pub(crate) fn tiled(width: u64, height: u64, tile: u64, subfile_type: u64) -> Self {
        let count = width.div_ceil(tile) * height.div_ceil(tile);
        let blocks = (0..count).map(|index| vec![index as u8 + 1; (tile * tile) as usize]).collect();
        let mut tags = vec![
            Tag(256, 4, vec![width]),
            Tag(257, 4, vec![height]),
            Tag(258, 3, vec![8]),
            Tag(259, 3, vec![1]),
            Tag(262, 3, vec![if subfile_type & 4 == 4 { 4 } else { 1 }]),
            Tag(277, 3, vec![1]),
            Tag(322, 3, vec![tile]),
            Tag(323, 3, vec![tile]),
            Tag(324, 4, vec![0; count as usize]),
            Tag(325, 4, vec![0; count as usize]),
        ];
        if subfile_type > 0 {
            tags.insert(0, Tag(254, 4, vec![subfile_type]));
        }
        Self { tags, blocks }
    }

    /// A striped image of one byte per pixel.
    pub(crate) fn striped(width: u64, height: u64, rows: u64) -> Self {
        let count = height.div_ceil(rows);
        let blocks = (0..count).map(|index| vec![1; (width * rows.min(height - index * rows)) as usize]).collect();
        let tags = vec![
            Tag(256, 4, vec![width]),
            Tag(257, 4, vec![height]),
            Tag(258, 3, vec![8]),
            Tag(259, 3, vec![1]),
            Tag(262, 3, vec![1]),
            Tag(273, 4, vec![0; count as usize]),
            Tag(277, 3, vec![1]),
            Tag(278, 4, vec![rows]),
            Tag(279, 4, vec![0; count as usize]),
        ];
        Self { tags, blocks }
    }

    /// The same, placed on the map in EPSG:2154.
    pub(crate) fn georeferenced(mut self) -> Self {
        let doubles = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
        self.tags.extend([
            Tag(33_550, 12, doubles(&[10.0, 10.0, 0.0])),
            Tag(33_922, 12, doubles(&[0.0, 0.0, 0.0, 652_000.0, 6_862_000.0, 0.0])),
            Tag(34_735, 3, vec![1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 2154]),
        ]);
        self
    }

    pub(crate) fn set(&mut self, tag: u16, values: &[u64]) -> &mut Self {
        self.tags.iter_mut().filter(|entry| entry.0 == tag).for_each(|entry| entry.2 = values.to_vec());
        self
    }

    pub(crate) fn remove(&mut self, tag: u16) -> &mut Self {
        self.tags.retain(|entry| entry.0 != tag);
        self
    }
}

impl Builder {
    pub(crate) fn new(pages: Vec<Page>) -> Self {
        let data_order = (0..pages.len()).rev().collect();
        Self { big: false, big_endian: false, ghost: None, pages, data_order, leaders: false, data_first: false }
    }

    /// A sound COG: 96x80 pixels in tiles of 32, overviews of 48x40 and 24x20.
    pub(crate) fn cog() -> Self {
        Self::new(vec![Page::tiled(96, 80, 32, 0), Page::tiled(48, 40, 32, 1), Page::tiled(24, 20, 32, 1)])
    }

    /// The same with ghost area, leaders and trailers.
    pub(crate) fn cog_with_ghost() -> Self {
        Self { ghost: Some(GHOST.to_owned()), leaders: true, ..Self::cog() }
    }

    fn number(&self, value: u64, size: usize) -> Vec<u8> {
        let bytes = value.to_le_bytes()[..size].to_vec();
        if self.big_endian { bytes.into_iter().rev().collect() } else { bytes }
    }

    fn value_bytes(&self, tag: &Tag) -> Vec<u8> {
        let size = match tag.1 {
            3 => 2,
            4 => 4,
            12 | 16 => 8,
            _ => 1,
        };
        tag.2.iter().flat_map(|value| self.number(*value, size)).collect()
    }

    pub(crate) fn directory_size(&self, page: &Page) -> usize {
        let (count, entry, pointer) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let areas: usize = page.tags.iter().map(|tag| self.value_bytes(tag).len()).filter(|size| *size > pointer).sum();
        (count + entry * page.tags.len() + pointer + areas).next_multiple_of(2)
    }

    pub(crate) fn header_size(&self) -> usize {
        let header = if self.big { 16 } else { 8 };
        (header + self.ghost.as_ref().map_or(0, |ghost| 43 + ghost.len())).next_multiple_of(2)
    }

    /// Where each directory begins.
    pub(crate) fn directory_offsets(&self) -> Vec<u64> {
        let data: usize = self.pages.iter().flat_map(|page| &page.blocks).map(|block| self.stored(block)).sum();
        let mut at = (self.header_size() + if self.data_first { data } else { 0 }).next_multiple_of(2);
        self.pages
            .iter()
            .map(|page| {
                let offset = at as u64;
                at += self.directory_size(page);
                offset
            })
            .collect()
    }

    fn stored(&self, block: &[u8]) -> usize {
        if block.is_empty() { 0 } else { block.len() + if self.leaders { 8 } else { 0 } }
    }

    /// The file. An empty block is a sparse one.
    pub(crate) fn build(&self) -> Vec<u8> {
        let directories = self.directory_offsets();
        let end_of_directories = directories.last().copied().unwrap_or(self.header_size() as u64) as usize
            + self.pages.last().map_or(0, |page| self.directory_size(page));
        let mut data = Vec::new();
        let data_start = if self.data_first { self.header_size() } else { end_of_directories };
        let mut places = vec![(Vec::new(), Vec::new()); self.pages.len()];
        for page in &self.data_order {
            for block in &self.pages[*page].blocks {
                let (offsets, counts) = &mut places[*page];
                if block.is_empty() {
                    offsets.push(0);
                    counts.push(0);
                    continue;
                }
                if self.leaders {
                    data.extend((block.len() as u32).to_le_bytes());
                }
                offsets.push((data_start + data.len()) as u64);
                counts.push(block.len() as u64);
                data.extend(block);
                if self.leaders {
                    data.extend(&block[block.len() - 4..]);
                }
            }
        }
        let mut file = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        let width = if self.big { 8 } else { 4 };
        if self.big {
            file.extend([self.number(43, 2), self.number(8, 2), self.number(0, 2)].concat());
        } else {
            file.extend(self.number(42, 2));
        }
        file.extend(self.number(directories.first().copied().unwrap_or(0), width));
        if let Some(ghost) = &self.ghost {
            file.extend(format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{ghost}", ghost.len()).into_bytes());
        }
        file.resize(self.header_size(), 0);
        if self.data_first {
            file.append(&mut data);
        }
        for (index, page) in self.pages.iter().enumerate() {
            file.resize(directories[index] as usize, 0);
            let next = directories.get(index + 1).copied().unwrap_or(0);
            let mut areas = Vec::new();
            let (count_size, entry_size) = if self.big { (8, 20) } else { (2, 12) };
            let areas_start = file.len() + count_size + entry_size * page.tags.len() + width;
            file.extend(self.number(page.tags.len() as u64, count_size));
            for tag in &page.tags {
                let mut tag = tag.clone();
                match tag.0 {
                    273 | 324 if tag.2.iter().all(|value| *value == 0) && tag.2.len() == places[index].0.len() => {
                        tag.2.clone_from(&places[index].0);
                    }
                    279 | 325 if tag.2.iter().all(|value| *value == 0) && tag.2.len() == places[index].1.len() => {
                        tag.2.clone_from(&places[index].1);
                    }
                    _ => {}
                }
                let mut bytes = self.value_bytes(&tag);
                file.extend(self.number(u64::from(tag.0), 2));
                file.extend(self.number(u64::from(tag.1), 2));
                file.extend(self.number(tag.2.len() as u64, width));
                if bytes.len() <= width {
                    bytes.resize(width, 0);
                    file.extend(bytes);
                } else {
                    file.extend(self.number((areas_start + areas.len()) as u64, width));
                    areas.append(&mut bytes);
                }
            }
            file.extend(self.number(next, width));
            file.append(&mut areas);
        }
        file.resize(file.len().max(end_of_directories), 0);
        file.append(&mut data);
        file
    }
}
