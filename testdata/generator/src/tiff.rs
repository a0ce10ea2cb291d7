//! A TIFF and BigTIFF writer that is told where everything goes.
//!
//! A [`Plan`] lists the pieces of a file (IFDs, tile indexes, tiles, padding) in the order they are to stand, so that
//! one writer makes the layout of a good COG and every broken one. [`Plan::write`] gives the bytes together with the
//! places of the numbers in them, for planting a defect that no layout expresses.
//!
//! Source: TIFF 6.0, sections 2 and 15; the BigTIFF design (libtiff); GDAL's documentation of its COG driver for the
//! ghost area with its leaders and trailers.

use std::collections::BTreeMap;

pub(crate) const TILE_OFFSETS: u16 = 324;
pub(crate) const TILE_BYTE_COUNTS: u16 = 325;
pub(crate) const STRIP_OFFSETS: u16 = 273;
pub(crate) const STRIP_BYTE_COUNTS: u16 = 279;

/// The values of a tag, by field type.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    Ascii(String),
    Short(Vec<u16>),
    Long(Vec<u32>),
    Long8(Vec<u64>),
    Double(Vec<f64>),
    Undefined(Vec<u8>),
}

impl Values {
    fn field_type(&self) -> u16 {
        match self {
            Self::Ascii(_) => 2,
            Self::Undefined(_) => 7,
            Self::Short(_) => 3,
            Self::Long(_) => 4,
            Self::Double(_) => 12,
            Self::Long8(_) => 16,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Ascii(text) => text.len() + 1,
            Self::Undefined(bytes) => bytes.len(),
            Self::Short(values) => values.len(),
            Self::Long(values) => values.len(),
            Self::Long8(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    fn bytes(&self, order: Order) -> Vec<u8> {
        match self {
            Self::Ascii(text) => text.bytes().chain([0]).collect(),
            Self::Undefined(bytes) => bytes.clone(),
            Self::Short(values) => values.iter().flat_map(|value| order.u16(*value)).collect(),
            Self::Long(values) => values.iter().flat_map(|value| order.u32(*value)).collect(),
            Self::Long8(values) => values.iter().flat_map(|value| order.u64(*value)).collect(),
            Self::Double(values) => values.iter().flat_map(|value| order.u64(value.to_bits())).collect(),
        }
    }
}

/// Byte order of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

impl Order {
    pub(crate) fn u16(self, value: u16) -> [u8; 2] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub(crate) fn u32(self, value: u32) -> [u8; 4] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    pub(crate) fn u64(self, value: u64) -> [u8; 8] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

/// One IFD with the tiles (or strips) that belong to it.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// Written in this order, whatever their numbers; offsets and byte counts are among them with empty values.
    pub(crate) tags: Vec<(u16, Values)>,
    /// Compressed tiles by index; `None` is a tile that is not stored.
    pub(crate) tiles: Vec<Option<Vec<u8>>>,
}

impl Image {
    /// Puts a tag in its place by number, in the stead of one with that number.
    pub(crate) fn set(&mut self, tag: u16, values: Values) {
        self.tags.retain(|(known, _)| *known != tag);
        let place = self.tags.partition_point(|(known, _)| *known < tag);
        self.tags.insert(place, (tag, values));
    }

    pub(crate) fn remove(&mut self, tag: u16) {
        self.tags.retain(|(known, _)| *known != tag);
    }
}

/// Something that stands in the file; numbers are those of images in [`Plan::images`], and of tiles in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    Ifd(usize),
    /// The TileOffsets and TileByteCounts arrays of an image, where they do not fit into their entries.
    Index(usize),
    Tile(usize, usize),
    Padding(usize),
    /// A byte that moves the IFD behind it to an odd offset.
    Shift,
}

/// A file before it is written.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) big: bool,
    pub(crate) order: Order,
    /// Text that follows the header: GDAL's ghost area.
    pub(crate) ghost: Option<String>,
    /// Each tile is preceded by its size and followed by its last four bytes.
    pub(crate) leaders: bool,
    pub(crate) images: Vec<Image>,
    /// The images in the order of the chain of IFDs.
    pub(crate) chain: Vec<usize>,
    pub(crate) pieces: Vec<Piece>,
}

/// The bytes of a file and where its numbers stand in them.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    order: Order,
    pub(crate) ifd_offsets: Vec<u64>,
    /// Where the offset of the next IFD stands, by image.
    pub(crate) next_pointers: Vec<u64>,
    /// Where a tag's entry stands, by image and tag.
    pub(crate) entries: BTreeMap<(usize, u16), u64>,
    /// Where the values of a tag stand, by image and tag.
    pub(crate) values: BTreeMap<(usize, u16), u64>,
    /// Offset of each tile's first byte (behind its leader), by image and tile.
    pub(crate) tiles: BTreeMap<(usize, usize), u64>,
}

impl Written {
    pub(crate) fn patch(&mut self, position: u64, bytes: &[u8]) {
        let start = position as usize;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn patch_u16(&mut self, position: u64, value: u16) {
        self.patch(position, &self.order.u16(value));
    }

    pub(crate) fn patch_u32(&mut self, position: u64, value: u32) {
        self.patch(position, &self.order.u32(value));
    }
}

impl Plan {
    fn header_size(&self) -> u64 {
        if self.big { 16 } else { 8 }
    }

    fn entry_size(&self) -> u64 {
        if self.big { 20 } else { 12 }
    }

    fn inline_size(&self) -> usize {
        if self.big { 8 } else { 4 }
    }

    fn is_index(tag: u16) -> bool {
        matches!(tag, TILE_OFFSETS | TILE_BYTE_COUNTS | STRIP_OFFSETS | STRIP_BYTE_COUNTS)
    }

    /// The values of a tag; those of the index from the places the tiles were given.
    fn tag_values(&self, image: usize, tag: u16, values: &Values, tiles: &BTreeMap<(usize, usize), u64>) -> Values {
        let lengths =
            || self.images[image].tiles.iter().map(|tile| tile.as_ref().map_or(0, |bytes| bytes.len() as u32));
        match tag {
            TILE_OFFSETS | STRIP_OFFSETS => {
                let offsets =
                    (0..self.images[image].tiles.len()).map(|tile| tiles.get(&(image, tile)).copied().unwrap_or(0));
                if self.big {
                    Values::Long8(offsets.collect())
                } else {
                    Values::Long(offsets.map(|offset| offset as u32).collect())
                }
            }
            TILE_BYTE_COUNTS | STRIP_BYTE_COUNTS => Values::Long(lengths().collect()),
            _ => values.clone(),
        }
    }

    /// Lays out the pieces, then writes them.
    pub(crate) fn write(&self) -> Written {
        let nowhere = BTreeMap::new();
        let outside = |bytes: usize| if bytes > self.inline_size() { bytes + bytes % 2 } else { 0 };
        let mut tiles = BTreeMap::new();
        let mut starts = Vec::with_capacity(self.pieces.len());
        let mut ifd_offsets = vec![0; self.images.len()];
        let mut cursor = self.header_size() + self.ghost.as_ref().map_or(0, |text| text.len() as u64);
        let before = std::iter::once(None).chain(self.pieces.iter().map(Some));
        for (before, piece) in before.zip(&self.pieces) {
            if matches!(piece, Piece::Ifd(_) | Piece::Index(_) | Piece::Shift) && before != Some(&Piece::Shift) {
                cursor += cursor % 2;
            }
            starts.push(cursor);
            cursor += match *piece {
                Piece::Ifd(image) => {
                    ifd_offsets[image] = cursor;
                    let tags = &self.images[image].tags;
                    let values: usize = (tags.iter().filter(|(tag, _)| !Self::is_index(*tag)))
                        .map(|(_, values)| outside(values.bytes(self.order).len()))
                        .sum();
                    self.ifd_size(tags.len()) + values as u64
                }
                Piece::Index(image) => (self.images[image].tags.iter().filter(|(tag, _)| Self::is_index(*tag)))
                    .map(|(tag, values)| {
                        outside(self.tag_values(image, *tag, values, &nowhere).bytes(self.order).len()) as u64
                    })
                    .sum(),
                Piece::Tile(image, tile) => match &self.images[image].tiles[tile] {
                    None => 0,
                    Some(bytes) => {
                        let margin = if self.leaders { 4 } else { 0 };
                        tiles.insert((image, tile), cursor + margin);
                        bytes.len() as u64 + 2 * margin
                    }
                },
                Piece::Padding(length) => length as u64,
                Piece::Shift => 1,
            };
        }

        let mut written = Written {
            bytes: vec![0; cursor as usize],
            order: self.order,
            ifd_offsets,
            next_pointers: vec![0; self.images.len()],
            entries: BTreeMap::new(),
            values: BTreeMap::new(),
            tiles,
        };
        self.write_header(&mut written);
        for (piece, start) in self.pieces.iter().zip(starts.iter().copied()) {
            match *piece {
                Piece::Ifd(image) => {
                    let index = self.pieces.iter().position(|piece| *piece == Piece::Index(image));
                    let index_start = index.map_or(0, |index| starts[index]);
                    self.write_ifd(image, start, index_start, &mut written);
                }
                Piece::Tile(image, tile) => {
                    if let Some(bytes) = &self.images[image].tiles[tile] {
                        self.write_tile(bytes, start, &mut written);
                    }
                }
                Piece::Index(_) | Piece::Padding(_) | Piece::Shift => {}
            }
        }
        written
    }

    fn ifd_size(&self, entries: usize) -> u64 {
        let (count, next) = if self.big { (8, 8) } else { (2, 4) };
        count + self.entry_size() * entries as u64 + next
    }

    fn write_header(&self, written: &mut Written) {
        let first = self.chain.first().map_or(0, |image| written.ifd_offsets[*image]);
        let mut header = if self.order == Order::Little { b"II".to_vec() } else { b"MM".to_vec() };
        if self.big {
            header.extend([43, 8, 0].iter().flat_map(|value| self.order.u16(*value)));
            header.extend(self.order.u64(first));
        } else {
            header.extend(self.order.u16(42));
            header.extend(self.order.u32(first as u32));
        }
        header.extend(self.ghost.iter().flat_map(|text| text.bytes()));
        written.patch(0, &header);
    }

    fn write_ifd(&self, image: usize, start: u64, index_start: u64, written: &mut Written) {
        let tags = &self.images[image].tags;
        let mut values_cursor = start + self.ifd_size(tags.len());
        let mut index_cursor = index_start;
        let mut bytes = if self.big {
            self.order.u64(tags.len() as u64).to_vec()
        } else {
            self.order.u16(tags.len() as u16).to_vec()
        };
        for (tag, values) in tags {
            let values = self.tag_values(image, *tag, values, &written.tiles);
            let mut content = values.bytes(self.order);
            let entry = start + bytes.len() as u64;
            written.entries.insert((image, *tag), entry);
            bytes.extend(self.order.u16(*tag));
            bytes.extend(self.order.u16(values.field_type()));
            if self.big {
                bytes.extend(self.order.u64(values.count() as u64));
            } else {
                bytes.extend(self.order.u32(values.count() as u32));
            }
            if content.len() <= self.inline_size() {
                written.values.insert((image, *tag), start + bytes.len() as u64);
                content.resize(self.inline_size(), 0);
                bytes.extend(content);
                continue;
            }
            let cursor = if Self::is_index(*tag) { &mut index_cursor } else { &mut values_cursor };
            written.values.insert((image, *tag), *cursor);
            if self.big {
                bytes.extend(self.order.u64(*cursor));
            } else {
                bytes.extend(self.order.u32(*cursor as u32));
            }
            written.patch(*cursor, &content);
            *cursor += (content.len() + content.len() % 2) as u64;
        }
        written.next_pointers[image] = start + bytes.len() as u64;
        let place = self.chain.iter().position(|known| *known == image);
        let next = place.and_then(|place| self.chain.get(place + 1)).map_or(0, |next| written.ifd_offsets[*next]);
        if self.big {
            bytes.extend(self.order.u64(next));
        } else {
            bytes.extend(self.order.u32(next as u32));
        }
        written.patch(start, &bytes);
    }

    /// The leader is little-endian in every file; the trailer repeats what it follows.
    fn write_tile(&self, bytes: &[u8], start: u64, written: &mut Written) {
        if !self.leaders {
            written.patch(start, bytes);
            return;
        }
        written.patch(start, &(bytes.len() as u32).to_le_bytes());
        written.patch(start + 4, bytes);
        let mut last = [0; 4];
        for (slot, byte) in last.iter_mut().rev().zip(bytes.iter().rev()) {
            *slot = *byte;
        }
        written.patch(start + 4 + bytes.len() as u64, &last);
    }
}
