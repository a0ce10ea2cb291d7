//! What a file looks like: its bytes, its row groups over their extent, its columns by size.

use parcelle_report::picture::{Bar, Bars, BarsOf, BoxKind, Map, MapBox, Part, Picture, Run, StripBuilder};

use super::extent::{is_plain, union};
use super::footer::Footer;

/// Columns that have a bar of their own.
const MOST_BARS: usize = 30;

/// The pictures of a file.
#[must_use]
pub fn pictures(footer: &Footer) -> Vec<Picture> {
    let mut pictures = vec![bytes(footer)];
    pictures.extend(map(footer));
    pictures.extend(columns(footer));
    pictures
}

fn bytes(footer: &Footer) -> Picture {
    // The index of pages lies between row groups and footer, and the signature in front of them.
    let mut strip = StripBuilder::new(footer.file_bytes, 0);
    let run = |part, start, end| Run { part, start, end, is_out_of_place: false };
    strip.push(run(Part::Header, 0, 4));
    let mut groups: Vec<(u64, u64)> = Vec::with_capacity(footer.groups().len());
    for group in footer.groups() {
        let chunks = group.columns().iter().filter_map(|chunk| {
            let start = chunk.dictionary_page_offset().filter(|offset| *offset > 0).unwrap_or(chunk.data_page_offset());
            let start = u64::try_from(start).ok()?;
            Some((start, start.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?))
        });
        groups.extend(chunks.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1))));
    }
    groups.sort_unstable();
    for (start, end) in groups {
        strip.push(run(Part::RowGroup, start, end));
    }
    let end = footer.file_bytes.saturating_sub(parcelle_parquet::TAIL_BYTES);
    let start = end.saturating_sub(footer.footer_bytes);
    let index = footer.groups().iter().flat_map(|group| group.columns()).filter_map(|chunk| {
        [
            (chunk.column_index_offset(), chunk.column_index_length()),
            (chunk.offset_index_offset(), chunk.offset_index_length()),
        ]
        .into_iter()
        .filter_map(|(offset, length)| {
            let offset = u64::try_from(offset?).ok()?;
            Some((offset, offset.checked_add(u64::try_from(length?).ok()?)?))
        })
        .reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
    });
    if let Some((first, last)) = index.reduce(|left, right| (left.0.min(right.0), left.1.max(right.1)))
        && last <= start
    {
        strip.push(run(Part::Index, first, last));
    }
    strip.push(run(Part::Footer, start, footer.file_bytes));
    Picture::Strip(strip.finish())
}

fn map(footer: &Footer) -> Option<Picture> {
    let boxes = || footer.row_group_boxes().into_iter().filter_map(|group| group.bbox).filter(|bbox| is_plain(*bbox));
    let extent = boxes().reduce(union)?;
    let count = boxes().count();
    let boxes = boxes().take(Map::MOST_BOXES).map(|bounds| MapBox { kind: BoxKind::RowGroup, bounds }).collect();
    let left_out = count.saturating_sub(Map::MOST_BOXES) as u64;
    Some(Picture::Map(Map { extent, is_downwards: false, boxes, left_out }))
}

fn columns(footer: &Footer) -> Option<Picture> {
    let mut columns = footer.column_bytes();
    columns.sort_by_key(|column| std::cmp::Reverse(column.bytes));
    let bars: Vec<Bar> = columns
        .into_iter()
        .take(MOST_BARS)
        .map(|column| Bar { label: column.name, value: column.bytes, severity: None })
        .collect();
    (!bars.is_empty()).then_some(Picture::Bars(Bars { of: BarsOf::ColumnBytes, bars }))
}
