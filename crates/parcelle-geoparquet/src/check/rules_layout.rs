//! `GPQ-LAYOUT`: how much a reader has to read for what it needs.

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Rule, Severity};
use parquet::basic::{Compression, Encoding};

use super::context::{Context, Fix, counted, size};
use super::extent::{is_plain, union};
use super::footer::{ColumnEncoding, Footer, RowGroupBox};

pub(crate) static LARGE_GROUPS: Rule = Rule {
    id: "GPQ-LAYOUT-001",
    severity: Severity::Warning,
    title: "Row groups are so large that nothing can be left out",
    why: "A row group is the least that statistics can leave out, and what one thread reads. In a file of one row group, or of \
          few that are hundreds of megabytes, a map tile costs the whole of it, on one core, with the memory for it.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "distributing-geoparquet.md, Row group size (50,000 to 150,000 rows); Parquet documentation, Configurations",
};

pub(crate) static SMALL_GROUPS: Rule = Rule {
    id: "GPQ-LAYOUT-002",
    severity: Severity::Warning,
    title: "Row groups are very small",
    why: "Each row group has an entry for each column in the footer, which every reader parses before the first row, and a \
          dictionary of its own. Thousands of rows are too few to compress well, and over a network each is a request.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "distributing-geoparquet.md, Row group size; Parquet documentation, Configurations",
};

pub(crate) static OVERLAP: Rule = Rule {
    id: "GPQ-LAYOUT-003",
    severity: Severity::Warning,
    title: "Row groups overlap: rows are in no spatial order",
    why: "Statistics leave a row group out where its box does not meet the window. In the order of an export each row group \
          has rows from everywhere, all boxes are as large as the country, and none is left out: the covering is there \
          and saves nothing. Along a Hilbert curve neighbours lie in the same row group.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "distributing-geoparquet.md, Spatial ordering",
};

pub(crate) static NO_PAGE_INDEX: Rule = Rule {
    id: "GPQ-LAYOUT-004",
    severity: Severity::Info,
    title: "There is no page index for the boxes",
    why: "With a page index a reader leaves out pages within a row group by the covering's numbers, and reads only those of \
          geometry that it needs. Without it the row group is the least it reads.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format PageIndex.md",
};

pub(crate) static UNCOMPRESSED: Rule = Rule {
    id: "GPQ-LAYOUT-005",
    severity: Severity::Warning,
    title: "Columns are not compressed",
    why: "Coordinates of neighbours share most of their bytes, and attributes repeat: zstd makes files two to four times smaller and \
          reads faster than most disks deliver. Every reader of Parquet has it.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "distributing-geoparquet.md, Compression",
};

pub(crate) static OLD_CODEC: Rule = Rule {
    id: "GPQ-LAYOUT-006",
    severity: Severity::Info,
    title: "The codec is not zstd",
    why: "gzip is several times slower to read for the same size, snappy and LZ4 are a third larger. For files that are written \
          once and read often zstd is both smaller and fast.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "distributing-geoparquet.md, Compression (zstd, level 15)",
};

pub(crate) static DICTIONARY: Rule = Rule {
    id: "GPQ-LAYOUT-007",
    severity: Severity::Info,
    title: "Geometry is written through a dictionary",
    why: "A dictionary pays where values repeat, and geometries do not. Writers begin one for each row group all the same, until \
          it is full (1 MiB), and readers have to load it whole for the first rows.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format Encodings.md, Dictionary encoding; parquet-cpp and parquet-java dictionary fallback",
};

pub(crate) static FOOTER_SIZE: Rule = Rule {
    id: "GPQ-LAYOUT-008",
    severity: Severity::Warning,
    title: "The footer is large for the file",
    why: "Every reader reads and parses the whole footer before the first row, for each query that is not cached. It grows with \
          row groups times columns, and with statistics of long values.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format parquet.thrift, FileMetaData",
};

pub(crate) static NO_STATISTICS: Rule = Rule {
    id: "GPQ-LAYOUT-009",
    severity: Severity::Info,
    title: "Attributes have no statistics",
    why: "A condition on an attribute leaves row groups out by the smallest and largest value. Without them every query reads \
          every row of the column.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format parquet.thrift, Statistics",
};

pub(crate) static LARGE_FILE: Rule = Rule {
    id: "GPQ-LAYOUT-010",
    severity: Severity::Info,
    title: "The file is large enough to be divided",
    why: "One file of several gigabytes is uploaded, replaced and cached as a whole. As a directory of files by area, each with \
          its box in the footer, a reader opens the few it needs.",
    fix: "parcelle convert IN.parquet OUT/ --partition-size 512MB",
    reference: "distributing-geoparquet.md, Spatial partitioning (above 2 GB)",
};

pub(crate) static PAGE_WIDTH: Rule = Rule {
    id: "GPQ-LAYOUT-011",
    severity: Severity::Info,
    title: "Pages of the boxes are too large or too small to leave any out",
    why: "A page is the least that the page index can leave out. Writers that close a page by bytes alone put hundreds of \
          thousands of the covering's 4-byte numbers into one, so that the index says no more than the row group does; with pages of a \
          few dozen rows the index is as large as what it indexes, and each page has a header of its own.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format PageIndex.md; README.md, Data page size; parquet-java and parquet-rs close a page after 20,000 rows",
};

/// From these on a row group is too large to be what a reader wants at once.
const MANY_ROWS: u64 = 500_000;
const MANY_BYTES: u64 = 512 * 1024 * 1024;
/// A file with less than this has no need of several row groups.
const SMALL_FILE_BYTES: u64 = 64 * 1024 * 1024;
const SMALL_FILE_ROWS: u64 = 200_000;
/// Below both of these a row group is small, where there are many.
const FEW_ROWS: u64 = 8192;
const FEW_BYTES: u64 = 1024 * 1024;
const MANY_GROUPS: usize = 8;
/// Row groups that a point meets on average, and the share of all of them, from which on order is missing.
const POINT_MEETS: f64 = 3.0;
const SHARE_MET: f64 = 0.25;
const LARGE_FOOTER: u64 = 8 * 1024 * 1024;
/// Rows of a page from which on, and below which, an index of pages is of no use.
const WIDE_PAGE: u64 = 50_000;
const NARROW_PAGE: u64 = 64;
/// Bytes that a page takes in an offset index, at the least and at the most: a structure of three variable-length numbers.
const PAGE_LOCATION_BYTES: (u64, u64) = (8, 16);
const PARTITION_BYTES: u64 = 2 * 1024 * 1024 * 1024;

pub(crate) fn check(context: &mut Context<'_>) {
    let boxes = context.footer.row_group_boxes();
    groups(context, &boxes);
    if let Some(overlap) = Overlap::of(&boxes) {
        overlapping(context, overlap);
    }
    page_index(context);
    page_width(context);
    codecs(context);
    dictionary(context);
    statistics(context);
    let footer = context.footer;
    if footer.footer_bytes > LARGE_FOOTER
        || footer.footer_bytes * 4 > footer.file_bytes && footer.footer_bytes > 1024 * 1024
    {
        let message = format!("The footer has {} of {}", size(footer.footer_bytes), size(footer.file_bytes));
        context.say(&FOOTER_SIZE, message, Fix::Convert(&[]));
    }
    if footer.file_bytes > PARTITION_BYTES {
        context.say(&LARGE_FILE, format!("The file has {}", size(footer.file_bytes)), Fix::General);
    }
}

fn groups(context: &mut Context<'_>, boxes: &[RowGroupBox]) {
    let footer = context.footer;
    let most_rows = boxes.iter().map(|group| group.rows).max().unwrap_or(0);
    let most_bytes = boxes.iter().map(|group| group.uncompressed_bytes).max().unwrap_or(0);
    let is_small = footer.file_bytes <= SMALL_FILE_BYTES && footer.rows() <= SMALL_FILE_ROWS;
    let is_large =
        most_rows > MANY_ROWS || most_bytes > MANY_BYTES || boxes.len() == 1 && footer.rows() > SMALL_FILE_ROWS;
    if is_large && !is_small {
        let message = format!(
            "{} of up to {} and {} (uncompressed)",
            counted(boxes.len() as u64, "row group"),
            counted(most_rows, "row"),
            size(most_bytes)
        );
        context.say(&LARGE_GROUPS, message, Fix::Convert(&[]));
    }
    let (rows, bytes) = (median(boxes, |group| group.rows), median(boxes, |group| group.uncompressed_bytes));
    if boxes.len() >= MANY_GROUPS && rows < FEW_ROWS && bytes < FEW_BYTES {
        let message = format!(
            "{}, half of them with less than {} and {} (uncompressed)",
            counted(boxes.len() as u64, "row group"),
            counted(rows + 1, "row"),
            size(bytes)
        );
        context.say(&SMALL_GROUPS, message, Fix::Convert(&[]));
    }
}

/// The middle one of a number of each row group.
pub(crate) fn median(boxes: &[RowGroupBox], number: impl Fn(&RowGroupBox) -> u64) -> u64 {
    let mut numbers: Vec<u64> = boxes.iter().map(number).collect();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// How many row groups a reader that looks for a place cannot leave out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// Row groups with a box.
    pub row_groups: usize,
    /// Row groups whose box has a point of the extent in it, on average over the extent.
    pub met_by_point: f64,
    /// Row groups whose box meets a window of a hundredth of the extent, on average over the places it can have.
    pub met_by_window: f64,
}

impl Overlap {
    /// Takes it from the boxes; `None` where fewer than two row groups have one.
    #[must_use]
    pub fn of(groups: &[RowGroupBox]) -> Option<Self> {
        let boxes: Vec<[f64; 4]> =
            groups.iter().filter_map(|group| group.bbox).filter(|bbox| is_plain(*bbox)).collect();
        let all = boxes.iter().copied().reduce(union)?;
        let (width, height) = (all[2] - all[0], all[3] - all[1]);
        if boxes.len() < 2 || width <= 0.0 || height <= 0.0 || !(width * height).is_finite() {
            return None;
        }
        // A window of a tenth of both sides has its centre anywhere in the extent: it meets a box that is wider by half of it
        // on each side.
        let (half_width, half_height) = (width / 20.0, height / 20.0);
        let (mut point, mut window) = (0.0, 0.0);
        for [xmin, ymin, xmax, ymax] in &boxes {
            point += (xmax - xmin) / width * ((ymax - ymin) / height);
            let across = (xmax + half_width).min(all[2]) - (xmin - half_width).max(all[0]);
            let along = (ymax + half_height).min(all[3]) - (ymin - half_height).max(all[1]);
            window += across / width * (along / height);
        }
        Some(Self { row_groups: boxes.len(), met_by_point: point, met_by_window: window })
    }
}

fn overlapping(context: &mut Context<'_>, overlap: Overlap) {
    let Overlap { row_groups, met_by_point, met_by_window } = overlap;
    if met_by_point > POINT_MEETS && met_by_point > SHARE_MET * row_groups as f64 {
        let message = format!(
            "A point of the extent lies in {met_by_point:.1} of {} row groups on average, a window of a hundredth of it meets \
             {met_by_window:.1}",
            grouped(row_groups as u64)
        );
        context.say(&OVERLAP, message, Fix::Convert(&[]));
    }
}

fn page_index(context: &mut Context<'_>) {
    let footer = context.footer;
    let leaves = box_leaves(footer);
    let without = footer.groups().iter().filter(|group| {
        group.num_rows() > 0
            && leaves
                .iter()
                .any(|leaf| group.columns().get(*leaf).is_some_and(|chunk| chunk.column_index_offset().is_none()))
    });
    let without = without.count();
    // In a row group of one page it would say what the statistics say.
    let is_felt = footer.row_group_boxes().iter().any(|group| group.rows > FEW_ROWS);
    if without > 0 && is_felt {
        let message = format!("{without} of {} have none", counted(footer.groups().len() as u64, "row group"));
        context.say(&NO_PAGE_INDEX, message, Fix::Convert(&[]));
    }
}

/// The columns of which a reader of windows looks at the page index: none where there are no numbers of boxes.
fn box_leaves(footer: &Footer) -> Vec<usize> {
    let Some(column) = footer.primary() else { return Vec::new() };
    match (&column.covering, column.encoding) {
        (Some(covering), _) => covering.leaves.to_vec(),
        (None, Some(ColumnEncoding::GeoArrow(_))) => column.leaves.clone(),
        _ => Vec::new(),
    }
}

/// How many rows are in a page, by the length of the index that lists them: reading it would be one more request.
fn page_width(context: &mut Context<'_>) {
    let footer = context.footer;
    let (mut wide, mut narrow, mut indexed) = (0, 0, 0);
    let mut widest = (0, u64::MAX);
    for group in footer.groups() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        for leaf in box_leaves(footer) {
            let Some(length) = group.columns().get(leaf).and_then(|chunk| chunk.offset_index_length()) else {
                continue;
            };
            let length = u64::try_from(length).unwrap_or(0);
            if rows <= FEW_ROWS || length == 0 {
                continue;
            }
            indexed += 1;
            let (least, most) = PAGE_LOCATION_BYTES;
            let fewest_rows = rows / (length / least).max(1);
            let most_rows = rows / (length / most).max(1);
            wide += u64::from(fewest_rows > WIDE_PAGE);
            narrow += u64::from(most_rows < NARROW_PAGE);
            widest = (widest.0.max(fewest_rows), widest.1.min(most_rows));
        }
    }
    // Half of the row groups decide: the last one is what was left.
    let message = if wide * 2 > indexed {
        format!("Pages of {} and more", counted(widest.0, "row"))
    } else if narrow * 2 > indexed {
        format!("Pages of {} and less", counted(widest.1.max(1), "row"))
    } else {
        return;
    };
    context.say(&PAGE_WIDTH, message, Fix::Convert(&[]));
}

fn codecs(context: &mut Context<'_>) {
    let footer = context.footer;
    let columns = footer.column_bytes();
    let total: u64 = columns.iter().map(|column| column.bytes).sum();
    let of = |name: &str| -> u64 {
        columns.iter().filter(|column| column.codecs.contains(&name)).map(|column| column.bytes).sum()
    };
    // Writers leave single columns alone that do not become smaller.
    if of("none") * 2 > total && total > 64 * 1024 {
        let message = format!("{} of {} are not compressed", size(of("none")), size(total));
        return context.say(&UNCOMPRESSED, message, Fix::Convert(&[]));
    }
    let others: Vec<&str> =
        ["gzip", "snappy", "lz4", "lz4_raw", "lzo", "brotli"].into_iter().filter(|codec| of(codec) > 0).collect();
    if !others.is_empty() {
        let bytes: u64 = others.iter().map(|codec| of(codec)).sum();
        let message = format!("{} of {} are compressed by {}", size(bytes), size(total), others.join(", "));
        context.say(&OLD_CODEC, message, Fix::Convert(&[]));
    }
}

fn dictionary(context: &mut Context<'_>) {
    let footer = context.footer;
    for column in &footer.columns {
        let (Some(ColumnEncoding::Wkb), Some(leaf)) = (column.encoding, column.leaves.first()) else { continue };
        let chunks = || footer.groups().iter().filter_map(|group| group.columns().get(*leaf));
        let is_dictionary =
            |encoding: Encoding| matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
        let with = chunks().filter(|chunk| chunk.encodings().any(is_dictionary)).count();
        let repeats = chunks().any(|chunk| chunk.compression() == Compression::UNCOMPRESSED);
        if with > 0 && !repeats && footer.rows() > FEW_ROWS {
            let message = format!("{}: {with} of {}", column.name, counted(footer.groups().len() as u64, "row group"));
            context.say(&DICTIONARY, message, Fix::Convert(&[]));
        }
    }
}

fn statistics(context: &mut Context<'_>) {
    let footer = context.footer;
    let schema = footer.metadata().file_metadata().schema_descr();
    let is_geometry = |leaf: usize| {
        let root = schema.get_column_root_idx(leaf);
        footer.columns.iter().any(|column| {
            column.root == Some(root) || column.covering.as_ref().is_some_and(|covering| covering.root == root)
        })
    };
    let attributes: Vec<usize> = (0..schema.num_columns())
        .filter(|leaf| !is_geometry(*leaf) && schema.column(*leaf).max_rep_level() == 0)
        .collect();
    let lacks = |leaf: &&usize| {
        footer
            .groups()
            .iter()
            .filter(|group| group.num_rows() > 0)
            .any(|group| group.columns().get(**leaf).is_some_and(|chunk| chunk.statistics().is_none()))
    };
    let without: Vec<String> =
        attributes.iter().filter(lacks).map(|leaf| schema.column(*leaf).path().string()).collect();
    if without.len() * 2 > attributes.len() && footer.rows() > FEW_ROWS {
        let named = without.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = if without.len() > 3 { ", …" } else { "" };
        let message = format!("{} of {} attributes: {named}{more}", without.len(), attributes.len());
        context.push(Finding::new(&NO_STATISTICS, message), Fix::Convert(&[]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(bbox: [f64; 4]) -> RowGroupBox {
        RowGroupBox { rows: 10, bytes: 1, uncompressed_bytes: 1, bbox: Some(bbox) }
    }

    #[test]
    fn overlap_is_what_a_reader_cannot_leave_out() {
        let tiles: Vec<_> = (0..100)
            .map(|tile| {
                let (x, y) = (f64::from(tile % 10), f64::from(tile / 10));
                group([x, y, x + 1.0, y + 1.0])
            })
            .collect();
        let apart = Overlap::of(&tiles).unwrap();
        assert!((apart.met_by_point - 1.0).abs() < 1e-9, "{apart:?}");
        // A window of one tile in between four of them; fewer at the edges.
        assert!((apart.met_by_window - 3.61).abs() < 1e-9, "{apart:?}");
        let same = vec![group([0.0, 0.0, 10.0, 10.0]); 20];
        let same = Overlap::of(&same).unwrap();
        assert_eq!((same.met_by_point, same.met_by_window), (20.0, 20.0));
        assert_eq!(Overlap::of(&[group([0.0, 0.0, 1.0, 1.0])]), None);
        assert_eq!(Overlap::of(&[group([0.0; 4]), group([0.0; 4])]), None);
    }
}
