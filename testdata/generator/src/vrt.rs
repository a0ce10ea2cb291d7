//! VRT documents: rasters placed side by side in one grid, and the reading of the rasters this program makes.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use crate::crs;

/// A source and where it lies; all sources of a document share resolution and sample type.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// Relative to the VRT, with `/`.
    pub(crate) path: String,
    /// Columns and rows.
    pub(crate) size: (usize, usize),
    /// Upper left corner.
    pub(crate) origin: (f64, f64),
    /// Metres per pixel.
    pub(crate) resolution: f64,
    /// GDAL's name of the sample type.
    pub(crate) sample: &'static str,
}

/// A VRT with one band over the extent of all sources, in EPSG:2154.
pub(crate) fn document(sources: &[Placed]) -> String {
    let Some(first) = sources.first() else { return String::from("<VRTDataset/>\n") };
    let resolution = first.resolution;
    let pixels = |metres: f64| (metres / resolution).round() as usize;
    let left = sources.iter().map(|source| source.origin.0).fold(f64::INFINITY, f64::min);
    let top = sources.iter().map(|source| source.origin.1).fold(f64::NEG_INFINITY, f64::max);
    let place = |source: &Placed| (pixels(source.origin.0 - left), pixels(top - source.origin.1));
    let width = sources.iter().map(|source| place(source).0 + source.size.0).max().unwrap_or(0);
    let height = sources.iter().map(|source| place(source).1 + source.size.1).max().unwrap_or(0);

    let mut text = format!(
        "<VRTDataset rasterXSize=\"{width}\" rasterYSize=\"{height}\">\n  \
         <SRS dataAxisToSRSAxisMapping=\"1,2\">{}</SRS>\n  \
         <GeoTransform>{left:?}, {resolution:?}, 0.0, {top:?}, 0.0, -{resolution:?}</GeoTransform>\n  \
         <VRTRasterBand dataType=\"{}\" band=\"1\">\n    <ColorInterp>Gray</ColorInterp>\n",
        escape(crs::LAMBERT_93),
        first.sample
    );
    for source in sources {
        let (x, y) = place(source);
        let (columns, rows) = source.size;
        let _ = write!(
            text,
            "    <SimpleSource>\n      <SourceFilename relativeToVRT=\"1\">{}</SourceFilename>\n      \
             <SourceBand>1</SourceBand>\n      \
             <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{columns}\" ySize=\"{rows}\"/>\n      \
             <DstRect xOff=\"{x}\" yOff=\"{y}\" xSize=\"{columns}\" ySize=\"{rows}\"/>\n    </SimpleSource>\n",
            escape(&source.path)
        );
    }
    text.push_str("  </VRTRasterBand>\n</VRTDataset>\n");
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Size and place of a raster made by `parcelle-testdata raster`: little-endian, main IFD anywhere.
pub(crate) fn place(path: &Path, relative: String) -> Result<Placed, Box<dyn Error>> {
    let not_ours = || format!("{}: not a raster made by `parcelle-testdata raster`", path.display());
    let mut file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut at = |offset: u64, length: usize| -> Result<Vec<u8>, Box<dyn Error>> {
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let header = at(0, 16)?;
    let big = match &header[..4] {
        b"II\x2a\0" => false,
        b"II\x2b\0" => true,
        _ => return Err(not_ours().into()),
    };
    let (first, entry_size) = if big { (number(&header[8..16]), 20) } else { (number(&header[4..8]), 12) };
    let count_size = if big { 8 } else { 2 };
    let count = number(&at(first, count_size)?) as usize;
    if count > 64 {
        return Err(not_ours().into());
    }
    let entries = at(first + count_size as u64, count * entry_size)?;
    let entry = |tag: u64| entries.chunks(entry_size).find(|entry| number(&entry[..2]) == tag);
    let value = |entry: &[u8]| number(&entry[if big { 12 } else { 8 }..]);
    let mut doubles = |tag: u64, index: u64| -> Result<f64, Box<dyn Error>> {
        let entry = entry(tag).ok_or_else(not_ours)?;
        Ok(f64::from_bits(number(&at(value(entry) + 8 * index, 8)?)))
    };
    let origin = (doubles(33_922, 3)?, doubles(33_922, 4)?);
    let resolution = doubles(33_550, 0)?;
    let size = |tag: u64| entry(tag).map(|entry| value(entry) as usize).ok_or_else(not_ours);
    Ok(Placed { path: relative, size: (size(256)?, size(257)?), origin, resolution, sample: "Byte" })
}
