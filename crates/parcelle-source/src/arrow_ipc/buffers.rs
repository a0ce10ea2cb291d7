//! What the header of a record batch claims of its body. The decoder allocates what a compressed buffer says it will
//! become, so that is held against what its codec can do at most.

use arrow::ipc::{CompressionType, RecordBatch};

/// How many times as many bytes LZ4 can make of its input at most: one byte of length stands for up to 255.
const LZ4_RATIO: u64 = 256;
/// The same for Zstandard: a block of 4 bytes for up to 128 KiB that are all the same.
const ZSTD_RATIO: u64 = (128 << 10) / 4 + 1;
/// So many bytes may come out of any buffer, whose codec has headers of its own.
const SMALL_BYTES: u64 = 64 << 10;

/// Whether the buffers lie within the body and become no more than they can.
pub(super) fn check(batch: &RecordBatch<'_>, body: &[u8]) -> Result<(), String> {
    if batch.length() < 0 {
        return Err(format!("it has {} rows", batch.length()));
    }
    if batch.nodes().into_iter().flatten().any(|node| node.length() < 0 || node.null_count() < 0) {
        return Err("a column of it has a negative number of rows".to_owned());
    }
    let ratio = match batch.compression().map(|compression| compression.codec()) {
        None => None,
        Some(CompressionType::LZ4_FRAME) => Some(LZ4_RATIO),
        Some(_) => Some(ZSTD_RATIO),
    };
    for buffer in batch.buffers().into_iter().flatten() {
        let outside = || format!("{} bytes at byte {} of its body of {}", buffer.length(), buffer.offset(), body.len());
        let start = usize::try_from(buffer.offset()).map_err(|_| outside())?;
        let length = usize::try_from(buffer.length()).map_err(|_| outside())?;
        let bytes = start.checked_add(length).and_then(|end| body.get(start..end)).ok_or_else(outside)?;
        let (Some(ratio), false) = (ratio, bytes.is_empty()) else { continue };
        let Some((prefix, packed)) = bytes.split_first_chunk::<8>() else {
            return Err("a compressed buffer of it does not say how long it is".to_owned());
        };
        // -1 says that it is not compressed after all.
        let claimed = match i64::from_le_bytes(*prefix) {
            -1 => continue,
            claimed => u64::try_from(claimed).map_err(|_| format!("a buffer of it has {claimed} bytes"))?,
        };
        let most = (packed.len() as u64).saturating_mul(ratio).saturating_add(SMALL_BYTES);
        if claimed > most {
            return Err(format!("a buffer of {} compressed bytes claims to be {claimed}", packed.len()));
        }
    }
    Ok(())
}
