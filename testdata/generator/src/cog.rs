//! Cloud Optimized GeoTIFFs in the layout GDAL's COG driver writes.
//!
//! Header, ghost area, the IFDs (full resolution, its mask, overviews from large to small, their masks), the tile
//! indexes of all of them, then the tiles: smallest overview first, full resolution last, each mask tile right behind
//! its image tile.
//!
//! Source: OGC 21-026, recommendation ifd-order; GDAL's documentation of the COG driver.

use std::io::Write as _;

use flate2::Compression as DeflateLevel;
use flate2::write::ZlibEncoder;

use crate::tiff::{Image, Order, Piece, Plan, TILE_BYTE_COUNTS, TILE_OFFSETS, Values};

/// What a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sample {
    U8,
    U16,
    F32,
}

/// A raster to make; the defaults are those of the committed fixtures.
#[derive(Debug, Clone)]
pub(crate) struct Cog {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) tile_width: usize,
    pub(crate) tile_length: usize,
    pub(crate) bands: usize,
    pub(crate) sample: Sample,
    pub(crate) deflate: bool,
    pub(crate) big: bool,
    pub(crate) order: Order,
    /// Ghost area, leaders and trailers.
    pub(crate) ghost: bool,
    pub(crate) mask: bool,
    pub(crate) overviews: usize,
    /// Leaves out the tiles of the left half; where an overview shows it beside the other one, it is 0.
    pub(crate) sparse: bool,
    pub(crate) georeferenced: bool,
    /// Upper left corner, EPSG:2154.
    pub(crate) origin: (f64, f64),
    /// Metres per pixel.
    pub(crate) resolution: f64,
}

impl Default for Cog {
    fn default() -> Self {
        Self {
            width: 380,
            height: 300,
            tile_width: 128,
            tile_length: 128,
            bands: 1,
            sample: Sample::U8,
            deflate: true,
            big: false,
            order: Order::Little,
            ghost: true,
            mask: false,
            overviews: 2,
            sparse: false,
            georeferenced: true,
            origin: (652_000.0, 6_862_000.0),
            resolution: 10.0,
        }
    }
}

/// The ghost area of GDAL: what a reader may rely on without reading the index.
pub(crate) fn ghost_area(mask: bool) -> String {
    let mask = if mask { "MASK_INTERLEAVED_WITH_IMAGERY=YES\n" } else { "" };
    let body = format!(
        "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
         BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n {mask}"
    );
    format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{body}", body.len())
}

/// Width and height of a level: each halves the one before, rounded up.
pub(crate) fn level_size(width: usize, height: usize, level: usize) -> (usize, usize) {
    (width.div_ceil(1 << level), height.div_ceil(1 << level))
}

impl Cog {
    /// The images' numbers in the plan: full resolution, mask, overviews, masks of overviews.
    pub(crate) fn image(&self, level: usize) -> usize {
        if level == 0 { 0 } else { level + usize::from(self.mask) }
    }

    /// The number of the mask of a level; it is there when `mask` is.
    pub(crate) fn mask_image(&self, level: usize) -> usize {
        if level == 0 { 1 } else { 1 + self.overviews + level }
    }

    fn grid(&self, level: usize) -> (usize, usize) {
        let (width, height) = level_size(self.width, self.height, level);
        (width.div_ceil(self.tile_width), height.div_ceil(self.tile_length))
    }

    /// The whole file as GDAL would lay it out.
    pub(crate) fn plan(&self) -> std::io::Result<Plan> {
        let mut images = vec![self.imagery(0)?];
        if self.mask {
            images.push(self.mask_of(0)?);
        }
        for level in 1..=self.overviews {
            images.push(self.imagery(level)?);
        }
        if self.mask {
            for level in 1..=self.overviews {
                images.push(self.mask_of(level)?);
            }
        }
        let chain: Vec<_> = (0..images.len()).collect();
        let mut pieces: Vec<_> = chain.iter().map(|image| Piece::Ifd(*image)).collect();
        pieces.extend(chain.iter().map(|image| Piece::Index(*image)));
        for level in (0..=self.overviews).rev() {
            pieces.extend(self.tiles(level));
        }
        Ok(Plan {
            big: self.big,
            order: self.order,
            ghost: self.ghost.then(|| ghost_area(self.mask)),
            leaders: self.ghost,
            images,
            chain,
            pieces,
        })
    }

    /// The tiles of a level, each with its mask tile behind it.
    pub(crate) fn tiles(&self, level: usize) -> Vec<Piece> {
        let (across, down) = self.grid(level);
        let mut pieces = Vec::new();
        for tile in 0..across * down {
            pieces.push(Piece::Tile(self.image(level), tile));
            if self.mask {
                pieces.push(Piece::Tile(self.mask_image(level), tile));
            }
        }
        pieces
    }

    fn tags(&self, level: usize, mask: bool) -> Vec<(u16, Values)> {
        let (width, height) = level_size(self.width, self.height, level);
        let bands = if mask { 1 } else { self.bands };
        let (bits, format) = match self.sample {
            _ if mask => (1, 1),
            Sample::U8 => (8, 1),
            Sample::U16 => (16, 1),
            Sample::F32 => (32, 3),
        };
        let photometric = if mask {
            4
        } else if bands >= 3 {
            2
        } else {
            1
        };
        let subfile_type = u32::from(level > 0) | if mask { 4 } else { 0 };
        let mut tags = Vec::new();
        if subfile_type != 0 {
            tags.push((254, Values::Long(vec![subfile_type])));
        }
        tags.extend([
            (256, Values::Long(vec![width as u32])),
            (257, Values::Long(vec![height as u32])),
            (258, Values::Short(vec![bits; bands])),
            (259, Values::Short(vec![if self.deflate { 8 } else { 1 }])),
            (262, Values::Short(vec![photometric])),
            (277, Values::Short(vec![bands as u16])),
            (284, Values::Short(vec![1])),
            (322, Values::Short(vec![self.tile_width as u16])),
            (323, Values::Short(vec![self.tile_length as u16])),
            (TILE_OFFSETS, Values::Long(Vec::new())),
            (TILE_BYTE_COUNTS, Values::Long(Vec::new())),
            (339, Values::Short(vec![format; bands])),
        ]);
        if level == 0 && !mask && self.georeferenced {
            tags.extend(georeference(self.origin, self.resolution));
        }
        tags
    }

    /// Up to which pixel of the full resolution everything is left out: the left half of its tiles.
    fn left_out(&self) -> f64 {
        if self.sparse { (self.grid(0).0 / 2 * self.tile_width) as f64 } else { 0.0 }
    }

    fn imagery(&self, level: usize) -> std::io::Result<Image> {
        let (across, down) = self.grid(level);
        let mut tiles = Vec::with_capacity(across * down);
        for row in 0..down {
            for column in 0..across {
                let (end, _) = self.centre(level, (column + 1) * self.tile_width - 1, 0);
                let left_out = end < self.left_out();
                tiles.push(if left_out { None } else { Some(self.compress(self.pixels(level, column, row))?) });
            }
        }
        Ok(Image { tags: self.tags(level, false), tiles })
    }

    fn mask_of(&self, level: usize) -> std::io::Result<Image> {
        let (across, down) = self.grid(level);
        let mut tiles = Vec::with_capacity(across * down);
        for row in 0..down {
            for column in 0..across {
                tiles.push(Some(self.compress(self.mask_bits(level, column, row))?));
            }
        }
        Ok(Image { tags: self.tags(level, true), tiles })
    }

    pub(crate) fn compress(&self, pixels: Vec<u8>) -> std::io::Result<Vec<u8>> {
        if !self.deflate {
            return Ok(pixels);
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), DeflateLevel::new(6));
        encoder.write_all(&pixels)?;
        encoder.finish()
    }

    /// The pixels of a tile of a level; beyond the edge the last column and row are repeated.
    fn pixels(&self, level: usize, column: usize, row: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.tile_width * self.tile_length * self.bands * 4);
        let (width, height) = level_size(self.width, self.height, level);
        for y in 0..self.tile_length {
            let y = (row * self.tile_length + y).min(height - 1);
            for x in 0..self.tile_width {
                let x = (column * self.tile_width + x).min(width - 1);
                let (x, y) = self.centre(level, x, y);
                for band in 0..self.bands {
                    // What is left out at the full resolution is empty at all levels.
                    let height = if x < self.left_out() { 0.0 } else { terrain(x, y, band) };
                    match self.sample {
                        Sample::U8 => bytes.push(height as u8),
                        Sample::U16 => bytes.extend(self.order.u16((height * 16.0) as u16)),
                        Sample::F32 => bytes.extend(self.order.u32((height as f32).to_bits())),
                    }
                }
            }
        }
        bytes
    }

    /// A disc is valid; eight pixels to a byte, first pixel in the highest bit.
    fn mask_bits(&self, level: usize, column: usize, row: usize) -> Vec<u8> {
        let (middle_x, middle_y) = (self.width as f64 / 2.0, self.height as f64 / 2.0);
        let radius = middle_x.min(middle_y);
        let mut bytes = vec![0; self.tile_width.div_ceil(8) * self.tile_length];
        for y in 0..self.tile_length {
            for x in 0..self.tile_width {
                let (from_left, from_top) =
                    self.centre(level, column * self.tile_width + x, row * self.tile_length + y);
                let (dx, dy) = (from_left - middle_x, from_top - middle_y);
                if dx * dx + dy * dy <= radius * radius {
                    bytes[y * self.tile_width.div_ceil(8) + x / 8] |= 0x80 >> (x % 8);
                }
            }
        }
        bytes
    }

    /// The middle of a level's pixel, in full-resolution pixels.
    fn centre(&self, level: usize, x: usize, y: usize) -> (f64, f64) {
        let scale = (1usize << level) as f64;
        ((x as f64 + 0.5) * scale, (y as f64 + 0.5) * scale)
    }
}

/// ModelPixelScale, ModelTiepoint and GeoKeyDirectory of a raster in EPSG:2154 (GeoTIFF 1.1, OGC 19-008r4).
pub(crate) fn georeference(origin: (f64, f64), resolution: f64) -> Vec<(u16, Values)> {
    let keys = vec![1, 1, 0, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 2154, 3076, 0, 1, 9001];
    vec![
        (33550, Values::Double(vec![resolution, resolution, 0.0])),
        (33922, Values::Double(vec![0.0, 0.0, 0.0, origin.0, origin.1, 0.0])),
        (34735, Values::Short(keys)),
    ]
}

/// Hills in contour steps: smooth enough to compress, never the same in two tiles; later bands are darker.
/// Made of additions and multiplications only, so that every machine gets the same bits.
fn terrain(x: f64, y: f64, band: usize) -> f64 {
    let wave = |value: f64, period: f64| {
        let phase = (value / period).fract();
        let half = if phase < 0.5 { phase * 4.0 - 1.0 } else { 3.0 - phase * 4.0 };
        half * (1.5 - 0.5 * half * half)
    };
    let height = wave(x, 431.0) * wave(y, 367.0) * 60.0 + wave(x + y, 1_733.0) * 48.0 + 128.0;
    (height / 16.0).floor() * 16.0 - 8.0 * band as f64
}
