//! What a directory says of its image: size, samples, and how it is cut into blocks.

use crate::directory::Directory;
use crate::problem::Problem;
use crate::tags;

/// How an image is cut into blocks that are stored and compressed one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Tiles of one size, padded at the right and lower edges.
    Tiles {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// Strips as wide as the image.
    Strips {
        /// Rows of each strip but the last, which may have fewer.
        rows: u32,
    },
}

/// Geometry and samples of one image, with TIFF 6.0's defaults where tags are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Tiles or strips.
    pub layout: Layout,
    /// Samples (bands) of a pixel.
    pub samples_per_pixel: u16,
    /// Bits of the first sample.
    pub bits_per_sample: u16,
    /// 1 unsigned, 2 signed, 3 floating point, 4 undefined, 5 complex integers, 6 complex floating point.
    pub sample_format: u16,
    /// Number of the compression scheme.
    pub compression: u16,
    /// PhotometricInterpretation, which has no default.
    pub photometric: Option<u16>,
    /// 1: the samples of a pixel are stored together; 2: one plane per sample.
    pub planar_configuration: u16,
    /// 1 none, 2 horizontal differences, 3 floating point.
    pub predictor: u16,
}

impl Image {
    /// Reads the image of a directory; `None` if it has no sound grid of blocks.
    pub(crate) fn of(directory: &Directory) -> Option<Self> {
        let size = |tag| directory.unsigned(tag).and_then(|value| u32::try_from(value).ok()).filter(|value| *value > 0);
        let small = |tag, default| match directory.unsigned(tag) {
            None => Some(default),
            Some(value) => u16::try_from(value).ok(),
        };
        let height = size(tags::IMAGE_LENGTH)?;
        let layout = if directory.is_tiled() {
            Layout::Tiles { width: size(tags::TILE_WIDTH)?, height: size(tags::TILE_LENGTH)? }
        } else {
            let rows = directory.unsigned(tags::ROWS_PER_STRIP).unwrap_or(u64::from(height));
            Layout::Strips { rows: u32::try_from(rows).unwrap_or(height).min(height) }
        };
        if layout == (Layout::Strips { rows: 0 }) {
            return None;
        }
        Some(Self {
            width: size(tags::IMAGE_WIDTH)?,
            height,
            layout,
            samples_per_pixel: small(tags::SAMPLES_PER_PIXEL, 1)?,
            bits_per_sample: small(tags::BITS_PER_SAMPLE, 1)?,
            sample_format: small(tags::SAMPLE_FORMAT, 1)?,
            compression: small(tags::COMPRESSION, 1)?,
            photometric: directory
                .unsigned(tags::PHOTOMETRIC_INTERPRETATION)
                .and_then(|value| u16::try_from(value).ok()),
            planar_configuration: small(tags::PLANAR_CONFIGURATION, 1)?,
            predictor: small(tags::PREDICTOR, 1)?,
        })
    }

    /// Whether it is cut into tiles.
    #[must_use]
    pub const fn is_tiled(&self) -> bool {
        matches!(self.layout, Layout::Tiles { .. })
    }

    /// Pixels across and down of a block.
    #[must_use]
    pub const fn block_size(&self) -> (u32, u32) {
        match self.layout {
            Layout::Tiles { width, height } => (width, height),
            Layout::Strips { rows } => (self.width, rows),
        }
    }

    /// Blocks across.
    #[must_use]
    pub const fn blocks_across(&self) -> u32 {
        self.width.div_ceil(self.block_size().0)
    }

    /// Blocks down.
    #[must_use]
    pub const fn blocks_down(&self) -> u32 {
        self.height.div_ceil(self.block_size().1)
    }

    /// Grids of blocks that lie one behind the other: one per sample if planar, else one.
    #[must_use]
    pub const fn planes(&self) -> u16 {
        if self.planar_configuration == 2 { self.samples_per_pixel } else { 1 }
    }

    /// Blocks of one plane.
    #[must_use]
    pub fn blocks_per_plane(&self) -> u64 {
        u64::from(self.blocks_across()) * u64::from(self.blocks_down())
    }

    /// Blocks of all planes; `None` past 2^64.
    #[must_use]
    pub fn block_count(&self) -> Option<u64> {
        self.blocks_per_plane().checked_mul(u64::from(self.planes()))
    }

    /// Bytes of a whole block once decoded, rows filled up to whole bytes; `None` past 2^64.
    #[must_use]
    pub fn block_bytes(&self) -> Option<u64> {
        let (width, height) = self.block_size();
        let samples = if self.planar_configuration == 2 { 1 } else { u64::from(self.samples_per_pixel) };
        let bits = u64::from(width).checked_mul(samples)?.checked_mul(u64::from(self.bits_per_sample))?;
        bits.div_ceil(8).checked_mul(u64::from(height))
    }

    /// Column, row and plane of the block with this place in the index.
    #[must_use]
    pub fn block_at(&self, index: u64) -> (u32, u32, u16) {
        let per_plane = self.blocks_per_plane().max(1);
        let (plane, within) = (index / per_plane, index % per_plane);
        let across = u64::from(self.blocks_across()).max(1);
        ((within % across) as u32, (within / across) as u32, plane as u16)
    }

    /// The sample type in the words GDAL uses, in lower case: `uint8`, `int16`, `float32`, `cfloat64`…
    #[must_use]
    pub fn data_type(&self) -> String {
        let kind = match self.sample_format {
            2 => "int",
            3 => "float",
            5 => "cint",
            6 => "cfloat",
            _ => "uint",
        };
        format!("{kind}{}", self.bits_per_sample)
    }
}

/// Adds what is missing from a directory or out of its domain.
pub(crate) fn examine(directory: &Directory, problems: &mut impl FnMut(Problem)) {
    let index = directory.index;
    let (offsets, counts) = directory.index_tags();
    let mut mandatory = vec![tags::IMAGE_WIDTH, tags::IMAGE_LENGTH, tags::PHOTOMETRIC_INTERPRETATION];
    if directory.is_tiled() {
        mandatory.extend([tags::TILE_WIDTH, tags::TILE_LENGTH]);
    }
    mandatory.extend([offsets, counts]);
    // These two have defaults (1 and 1), which only bilevel and single-sample images may lean on (TIFF 6.0 sections 3 to 6).
    let photometric = directory.unsigned(tags::PHOTOMETRIC_INTERPRETATION);
    let samples = directory.unsigned(tags::SAMPLES_PER_PIXEL);
    let several_samples = samples.is_some_and(|count| count > 1) || matches!(photometric, Some(2 | 5 | 6 | 8));
    if several_samples || directory.entry(tags::BITS_PER_SAMPLE).is_some_and(|entry| entry.count > 1) {
        mandatory.push(tags::SAMPLES_PER_PIXEL);
    }
    if several_samples || photometric == Some(3) {
        mandatory.push(tags::BITS_PER_SAMPLE);
    }
    // Cut off entries are lost, not forgotten.
    if !directory.is_truncated {
        let missing = mandatory.into_iter().filter(|tag| directory.entry(*tag).is_none());
        missing.for_each(|tag| problems(Problem::MissingTag { directory: index, tag }));
    }
    let pixels = 1..=u64::from(u32::MAX);
    let domains = [
        (tags::IMAGE_WIDTH, pixels.clone()),
        (tags::IMAGE_LENGTH, pixels.clone()),
        (tags::TILE_WIDTH, pixels.clone()),
        (tags::TILE_LENGTH, pixels.clone()),
        (tags::ROWS_PER_STRIP, 1..=u64::MAX),
        (tags::SAMPLES_PER_PIXEL, 1..=u64::from(u16::MAX)),
        (tags::BITS_PER_SAMPLE, 1..=128),
        (tags::COMPRESSION, 1..=u64::from(u16::MAX)),
        (tags::PHOTOMETRIC_INTERPRETATION, 0..=u64::from(u16::MAX)),
        (tags::PLANAR_CONFIGURATION, 1..=2),
        (tags::SAMPLE_FORMAT, 1..=6),
        (tags::PREDICTOR, 1..=u64::from(u16::MAX)),
        (tags::Y_CB_CR_SUB_SAMPLING, 1..=4),
        (tags::EXTRA_SAMPLES, 0..=999),
    ];
    for (tag, domain) in domains {
        let mut values = directory.entry(tag).into_iter().flat_map(|entry| entry.unsigned_values(directory.byte_order));
        if let Some(value) = values.find(|value| !domain.contains(value) || !is_possible(directory, tag, *value)) {
            problems(Problem::OutOfDomain { directory: index, tag, value });
        }
    }
}

/// What a range cannot say.
fn is_possible(directory: &Directory, tag: u16, value: u64) -> bool {
    match tag {
        // Numbers have up to 32 bits, or 64; a pair of those has 128 (libtiff and GDAL know no others).
        tags::BITS_PER_SAMPLE => matches!(value, 0..=32 | 64 | 128),
        tags::Y_CB_CR_SUB_SAMPLING => matches!(value, 1 | 2 | 4),
        // 999 is what CorelDRAW wrote for 2.
        tags::EXTRA_SAMPLES => matches!(value, 0..=2 | 999),
        // Other codecs have no predictor, and libtiff does not look at the tag.
        tags::PREDICTOR => {
            let is_used = directory.unsigned(tags::COMPRESSION).is_some_and(|codec| PREDICTED.contains(&codec));
            !is_used || PREDICTORS.contains(&value)
        }
        _ => true,
    }
}

/// LZW, both numbers of deflate, LZMA, Zstandard.
const PREDICTED: [u64; 5] = [5, 8, 32_946, 34_925, 50_000];
/// None, horizontal differences, floating point (TIFF 6.0 section 14, Adobe's technical note 3), and those of DNG 1.5.
const PREDICTORS: [u64; 9] = [1, 2, 3, 34_892, 34_893, 34_894, 34_895, 34_896, 34_897];

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Image = Image {
        width: 1000,
        height: 600,
        layout: Layout::Tiles { width: 256, height: 256 },
        samples_per_pixel: 3,
        bits_per_sample: 8,
        sample_format: 1,
        compression: 8,
        photometric: Some(2),
        planar_configuration: 1,
        predictor: 2,
    };

    #[test]
    fn the_grid_covers_the_image() {
        assert_eq!((IMAGE.blocks_across(), IMAGE.blocks_down(), IMAGE.block_count()), (4, 3, Some(12)));
        assert_eq!(IMAGE.block_bytes(), Some(256 * 256 * 3));
        let planar = Image { planar_configuration: 2, ..IMAGE };
        assert_eq!((planar.block_count(), planar.block_bytes()), (Some(36), Some(256 * 256)));
        assert_eq!(planar.block_at(12 + 5), (1, 1, 1));
    }

    #[test]
    fn the_largest_grid_does_not_overflow() {
        let bomb = Image {
            width: u32::MAX,
            height: u32::MAX,
            layout: Layout::Tiles { width: 1, height: 1 },
            planar_configuration: 2,
            samples_per_pixel: u16::MAX,
            ..IMAGE
        };
        assert_eq!(bomb.block_count(), None);
    }
}
