//! What GeoServer meets besides the directories of a file: files beside it, and the beginnings of its tiles.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parcelle_storage::{ByteSource, LocalFile};
use parcelle_tiff::{ByteOrder, Directory, Structure};

use super::Beside;
use super::elsewhere::Elsewhere;
use crate::Depth;
use crate::pixels::{BlockDecoder, Scratch};

/// The codec Zstandard.
const ZSTD: u16 = 50_000;

/// Bytes of samples that are looked at for their sign.
const MOST_DECODED: u64 = 32 << 20;

/// Tiles of one image that are looked into for a compressed frame.
const TILES: usize = 64;

/// Blocks of one frame that are looked at: those of 128 MB.
const FRAME_BLOCKS: usize = 1024;

/// What is found around a structure; [`Default`] where nothing was looked for.
#[derive(Debug, Clone, Default)]
pub struct Around {
    pub(super) beside: Beside,
    pub(super) tiles: Tiles,
    pub(super) elsewhere: Elsewhere,
    /// The `.ovr` beside the file, with what is known of its own tiles.
    pub(super) overviews: Option<Arc<(Structure, Tiles)>>,
}

/// What was found in tiles, by directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Tiles {
    /// A frame of Zstandard asks for a larger window than Java's decoder has.
    pub(super) wide_windows: BTreeSet<usize>,
    /// All samples were looked at, and none has its highest bit set.
    pub(super) low: BTreeSet<usize>,
}

impl Tiles {
    fn of(source: &dyn ByteSource, structure: &Structure, depth: Depth) -> io::Result<Self> {
        let wide_windows = wide_windows(source, &structure.directories)?;
        let low = if depth > Depth::Header { low(source, structure)? } else { BTreeSet::new() };
        Ok(Self { wide_windows, low })
    }
}

impl From<Beside> for Around {
    fn from(beside: Beside) -> Self {
        Self { beside, ..Self::default() }
    }
}

impl Around {
    /// Of a file on a file system. Deeper than the header, samples of types that Java has with another sign are decoded, as far as
    /// they are few.
    ///
    /// # Errors
    /// What the operating system says when the folder or the file cannot be read.
    pub fn of(source: &dyn ByteSource, structure: &Structure, path: &Path, depth: Depth) -> io::Result<Self> {
        let beside = Beside::of(path)?;
        let overviews = if beside.overviews { external(&ending(path, ".ovr"), depth)? } else { None };
        let elsewhere = Elsewhere::of(structure, path, beside)?;
        let tiles = Tiles::of(source, structure, depth)?;
        Ok(Self { beside, tiles, elsewhere, overviews: overviews.map(Arc::new) })
    }

    /// Of a file behind a URL: the tiles of the full resolution alone, which takes one request.
    ///
    /// # Errors
    /// What the source says when reading fails.
    pub fn remote(source: &dyn ByteSource, structure: &Structure) -> io::Result<Self> {
        let first = structure.directories.get(..1).unwrap_or_default();
        let tiles = Tiles { wide_windows: wide_windows(source, first)?, ..Tiles::default() };
        Ok(Self { tiles, ..Self::default() })
    }
}

/// A name with something after it.
pub(super) fn ending(path: &Path, text: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(text);
    name.into()
}

/// Whether a file begins as well-known text does; of any other `.prj` GeoTools takes no notice.
pub(super) fn is_projection(path: &Path) -> io::Result<bool> {
    const SYSTEMS: [&str; 6] = ["PROJCS", "GEOGCS", "GEOCCS", "COMPD_CS", "LOCAL_CS", "FITTED_CS"];
    let mut head = Vec::new();
    // A pipe of that name would be waited for.
    if !path.is_file() {
        return Ok(false);
    }
    match std::fs::File::open(path).and_then(|file| file.take(256).read_to_end(&mut head)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io::Error::new(error.kind(), format!("{} beside it: {error}", path.display()))),
    };
    let text = String::from_utf8_lossy(&head).trim_start().to_ascii_uppercase();
    Ok(SYSTEMS.iter().any(|system| text.strip_prefix(system).is_some_and(|rest| rest.trim_start().starts_with('['))))
}

/// What is no TIFF has no directories, so that nothing is said of it here.
fn external(path: &Path, depth: Depth) -> io::Result<Option<(Structure, Tiles)>> {
    if !path.is_file() {
        return Ok(None);
    }
    let source = LocalFile::open(path)?;
    let structure = parcelle_tiff::read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer))?;
    let tiles = Tiles::of(&source, &structure, depth)?;
    Ok(Some((structure, tiles)))
}

/// Directories of Int8 and UInt32 without a sample that has its highest bit set: such a sample is what Java, whose bytes have no
/// sign and whose integers have one, takes for another number. What lies around an image in its last tiles counts as well.
fn low(source: &dyn ByteSource, structure: &Structure) -> io::Result<BTreeSet<usize>> {
    let (mut low, mut scratch, mut rest) = (BTreeSet::new(), Scratch::default(), MOST_DECODED);
    for directory in &structure.directories {
        let Some(image) = directory.image else { continue };
        let bytes: usize = match (image.bits_per_sample, image.sample_format) {
            (8, 2) => 1,
            (32, 1 | 4) => 4,
            _ => continue,
        };
        let Ok(decoder) = BlockDecoder::new(directory, image) else { continue };
        let highest = if decoder.sample_order() == ByteOrder::BigEndian { 0 } else { bytes - 1 };
        let blocks = directory.blocks.iter().flat_map(|blocks| blocks.iter());
        let mut is_low = true;
        for (index, block) in blocks.enumerate().filter(|(_, (_, count))| *count > 0) {
            rest = match image.block_bytes().and_then(|needed| rest.checked_sub(needed)) {
                Some(rest) if is_low => rest,
                _ => return Ok(low),
            };
            is_low = match decoder.values(source, index, block, &mut scratch)? {
                Ok(Some(rows)) => rows.iter().skip(highest).step_by(bytes).all(|byte| byte & 0x80 == 0),
                Ok(None) | Err(_) => false,
            };
        }
        if is_low {
            low.insert(directory.index);
        }
    }
    Ok(low)
}

fn wide_windows(source: &dyn ByteSource, directories: &[Directory]) -> io::Result<BTreeSet<usize>> {
    let mut wide = BTreeSet::new();
    for directory in directories.iter().filter(|one| one.image.is_some_and(|image| image.compression == ZSTD)) {
        let blocks = directory.blocks.iter().flat_map(|blocks| blocks.iter());
        for (offset, count) in blocks.filter(|(_, count)| *count > 0).take(TILES) {
            match window(source, offset, offset.saturating_add(count))? {
                // A writer has one level for all tiles, and so one window.
                Window::Usual => break,
                Window::Wide => {
                    wide.insert(directory.index);
                    break;
                }
                Window::Unused => {}
            }
        }
    }
    Ok(wide)
}

#[derive(Debug, PartialEq, Eq)]
enum Window {
    Usual,
    Wide,
    /// Wide, of a frame without any compressed block: the decoder then never looks at it.
    Unused,
}

/// The window of a frame as `ZstdFrameDecompressor` of aircompressor takes it (RFC 8878, 3.1.1.1.2).
fn window(source: &dyn ByteSource, start: u64, end: u64) -> io::Result<Window> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    const MOST: u64 = 1 << 23;
    let Some([m0, m1, m2, m3, descriptor, window]) = bytes::<6>(source, start, end)? else { return Ok(Window::Usual) };
    let is_single = descriptor & 0x20 != 0;
    if [m0, m1, m2, m3] != MAGIC || is_single {
        return Ok(Window::Usual);
    }
    let base = 1_u64 << (10 + (window >> 3));
    if base + base / 8 * u64::from(window & 7) <= MOST {
        return Ok(Window::Usual);
    }
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let content = [0, 2, 4, 8][usize::from(descriptor >> 6)];
    let mut position = start.saturating_add(6 + dictionary + content);
    for _ in 0..FRAME_BLOCKS {
        let Some([low, middle, high]) = bytes::<3>(source, position, end)? else { break };
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let stored = match (header >> 1) & 3 {
            0 => u64::from(header >> 3),
            1 => 1,
            _ => return Ok(Window::Wide),
        };
        if header & 1 == 1 {
            break;
        }
        position = position.saturating_add(3 + stored);
    }
    Ok(Window::Unused)
}

/// So many bytes, if they end before `end` and before that of the file.
fn bytes<const N: usize>(source: &dyn ByteSource, position: u64, end: u64) -> io::Result<Option<[u8; N]>> {
    let mut buffer = [0; N];
    if position.checked_add(N as u64).is_none_or(|last| last > end.min(source.len())) {
        return Ok(None);
    }
    Ok((source.read_at(position, &mut buffer)? == N).then_some(buffer))
}

#[cfg(test)]
mod tests {
    use parcelle_storage::Usage;

    use super::*;

    struct Bytes(Vec<u8>);

    impl ByteSource for Bytes {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }

        fn usage(&self) -> Usage {
            Usage::default()
        }
    }

    /// A frame with this header, then blocks of these types and three bytes each.
    fn frame(header: &[u8], kinds: &[u32]) -> Bytes {
        let mut all = vec![0x28, 0xb5, 0x2f, 0xfd];
        all.extend(header);
        for (index, kind) in kinds.iter().enumerate() {
            let is_last = u32::from(index + 1 == kinds.len());
            all.extend(&(3 << 3 | kind << 1 | is_last).to_le_bytes()[..3]);
            all.extend(if *kind == 1 { &[0][..] } else { &[0; 3] });
        }
        Bytes(all)
    }

    #[test]
    fn windows_beyond_eight_mebibytes_are_wide_where_blocks_are_compressed() {
        for (header, kinds, expected) in [
            // 8 MiB: level 19.
            (&[0x00, 13 << 3][..], &[2][..], Window::Usual),
            (&[0x00, 13 << 3 | 1], &[2], Window::Wide),
            // 128 MiB: level 22; with a content size of eight bytes, with a dictionary.
            (&[0x00, 17 << 3], &[2], Window::Wide),
            (&[0xc0, 17 << 3, 0, 0, 0, 0, 0, 0, 0, 0], &[0, 2], Window::Wide),
            (&[0x01, 17 << 3, 9], &[1, 2], Window::Wide),
            // Noise and constants are stored as they are.
            (&[0x00, 17 << 3], &[0, 0, 1], Window::Unused),
            // A single segment has no window.
            (&[0x20, 200], &[2], Window::Usual),
        ] {
            let source = frame(header, kinds);
            assert_eq!(window(&source, 0, source.len()).unwrap(), expected, "{header:?} {kinds:?}");
        }
        assert_eq!(window(&Bytes(vec![0; 40]), 0, 40).unwrap(), Window::Usual);
        assert_eq!(window(&Bytes(Vec::new()), 7, u64::MAX).unwrap(), Window::Usual);
        let cut = frame(&[0x00, 17 << 3], &[2]);
        assert_eq!(window(&cut, 0, 7).unwrap(), Window::Unused);
    }
}
