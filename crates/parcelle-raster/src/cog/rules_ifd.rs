//! `COG-IFD`: where the directories and the index arrays are.

use parcelle_report::{Finding, Location, Rule, Severity};
use parcelle_tiff::{Directory, Problem, Role, tags};

use super::context::{Context, in_directory, plural};
use super::fix::{Fix, SHUFFLE};

const IFD_ORDER: &str = "OGC 21-026 /rec/geotiff-overviews/ifd-order";

/// More than this between the header and the first directory is worth a warning: it is no alignment.
const MUCH_UNUSED: u64 = 256;

pub(crate) static MAIN_AFTER_DATA: Rule = Rule {
    id: "COG-IFD-001",
    severity: Severity::Error,
    title: "The main directory is after image data",
    why: "A client reads the first 16 to 64 KiB of a COG and expects all directories there. A main directory behind the \
          data costs further requests before it even knows the size of the image. Editing tags in place, and writers \
          that finish with the directory, put it there.",
    fix: SHUFFLE,
    reference: IFD_ORDER,
};

pub(crate) static OVERVIEW_AFTER_DATA: Rule = Rule {
    id: "COG-IFD-002",
    severity: Severity::Error,
    title: "The directory of an overview is after image data",
    why: "Overviews added to a finished file (gdaladdo) get their directories at its end. A client that wants a small \
          picture has to go there first, one request per directory.",
    fix: SHUFFLE,
    reference: IFD_ORDER,
};

pub(crate) static MASK_AFTER_DATA: Rule = Rule {
    id: "COG-IFD-003",
    severity: Severity::Error,
    title: "The directory of a mask is after image data",
    why: "Readers need the mask with the first tile they show. Behind the data its directory costs one more request \
          (measured with GDAL), which no other validator looks at.",
    fix: SHUFFLE,
    reference: "OGC 21-026 /rec/geotiff-overviews/ifd-order 2, 6-8",
};

pub(crate) static INDEX_AFTER_DATA: Rule = Rule {
    id: "COG-IFD-004",
    severity: Severity::Error,
    title: "TileOffsets or TileByteCounts are after image data",
    why: "A directory in front is of no use while the arrays with the place of every tile lie at the end of the file: \
          one more request before the first tile (measured with GDAL), which no other validator looks at.",
    fix: SHUFFLE,
    reference: "OGC 21-026 /rec/geotiff-overviews/ifd-order 8",
};

pub(crate) static UNUSED_BEFORE_FIRST: Rule = Rule {
    id: "COG-IFD-005",
    severity: Severity::Info,
    title: "Unused bytes between the header and the first directory",
    why: "They push the directories out of the first request. A few bytes are alignment; more are left over from a \
          ghost area or directory that was moved. GDAL's validator refuses the file.",
    fix: SHUFFLE,
    reference: IFD_ORDER,
};

pub(crate) static ODD_OFFSET: Rule = Rule {
    id: "COG-IFD-006",
    severity: Severity::Warning,
    title: "A directory starts at an odd offset",
    why: "TIFF asks for a word boundary. libtiff reads it all the same, strict readers and GDAL's validator do not.",
    fix: SHUFFLE,
    reference: "TIFF 6.0 section 2 (the directory must begin on a word boundary)",
};

pub(crate) static ORDER: Rule = Rule {
    id: "COG-IFD-007",
    severity: Severity::Info,
    title: "Directories are stored in an unusual order",
    why: "Readers that take the file from the front find the full resolution first, then its mask, then overviews from \
          large to small, then theirs. Another order works and costs nothing while all of it is in the first request.",
    fix: SHUFFLE,
    reference: "OGC 21-026 /rec/geotiff-overviews/ifd-order 1-7",
};

pub(crate) fn check(context: &mut Context<'_>) {
    after_data(context);
    unused(context);
    odd(context);
    order(context);
}

fn after_data(context: &mut Context<'_>) {
    let Some(data_start) = context.layout.data_start else { return };
    for directory in &context.structure.directories {
        let (index, offset) = (directory.index, directory.offset);
        if offset > data_start {
            let (rule, what) = match directory.role {
                Role::FullResolution => (&MAIN_AFTER_DATA, "Main IFD"),
                Role::Overview => (&OVERVIEW_AFTER_DATA, "Overview IFD"),
                Role::Mask | Role::MaskOverview => (&MASK_AFTER_DATA, "Mask IFD"),
                // A second image in a file is a matter of its own (COG-FILE-008).
                Role::Page => continue,
            };
            let message = format!("{what} {index} at {offset} is after image data, which begin at {data_start}");
            let location = Location { offset: Some(offset), ..in_directory(index) };
            context.push_at(rule, message, Fix::Shuffle, location);
        } else if directory.role != Role::Page {
            // Behind a directory that is itself behind the data the arrays cost nothing more.
            index_after_data(context, directory, data_start);
        }
    }
}

fn index_after_data(context: &mut Context<'_>, directory: &Directory, data_start: u64) {
    let (offsets, counts) = directory.index_tags();
    let late = [offsets, counts].into_iter().filter_map(|tag| {
        let start = directory.entry(tag)?.area()?.start;
        (start > data_start && start < context.structure.file_length).then(|| (tags::label(tag), start))
    });
    let late: Vec<(String, u64)> = late.collect();
    let Some((tag, start)) = late.first() else { return };
    let names: Vec<&str> = late.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!(
        "{} of IFD {} at {start}: after image data, which begin at {data_start}",
        names.join(" and "),
        directory.index
    );
    let location = Location { tag: Some(tag.clone()), offset: Some(*start), ..in_directory(directory.index) };
    context.push_at(&INDEX_AFTER_DATA, message, Fix::Shuffle, location);
}

fn unused(context: &mut Context<'_>) {
    let (Some(header), Some(main)) = (context.structure.header, context.structure.main()) else { return };
    let ghost_end = context.structure.ghost.as_ref().map(|ghost| {
        let declared = ghost.declared_end().filter(|end| *end <= main.offset);
        ghost.text_end.max(declared.unwrap_or(0))
    });
    let end = ghost_end.unwrap_or(header.variant.header_size());
    let next = context.layout.structures.iter().map(|(range, _)| range.start).find(|start| *start >= end);
    let data = context.layout.data_start.unwrap_or(u64::MAX);
    // With data in front, other rules speak.
    let Some(next) = next.filter(|next| *next < data) else { return };
    let unused = next - end;
    // One byte to reach a word boundary, one space that GDAL's ghost area ends with.
    if unused > 2 {
        let severity = if unused > MUCH_UNUSED { Severity::Warning } else { Severity::Info };
        let what = if ghost_end.is_some() { "ghost area" } else { "header" };
        let message = format!("{} between the {what} and the first IFD", plural(unused, "unused byte"));
        let location = Location { offset: Some(end), ..Location::default() };
        context.push(Finding::new(&UNUSED_BEFORE_FIRST, message).severity(severity).at(location), Fix::Shuffle);
    }
}

fn odd(context: &mut Context<'_>) {
    for problem in &context.structure.problems {
        if let Problem::DirectoryOdd { directory, offset } = problem {
            let location = Location { offset: Some(*offset), ..in_directory(*directory) };
            context.push_at(&ODD_OFFSET, problem.to_string(), Fix::Shuffle, location);
        }
    }
}

/// The place of a directory among the others: main, mask, overviews large to small, mask overviews large to small.
fn rank(directory: &Directory) -> Option<(u8, u64)> {
    let pixels = directory.image.map_or(0, |image| u64::from(image.width) * u64::from(image.height));
    match directory.role {
        Role::FullResolution => Some((0, 0)),
        Role::Mask => Some((1, 0)),
        Role::Overview => Some((2, u64::MAX - pixels)),
        Role::MaskOverview => Some((3, u64::MAX - pixels)),
        Role::Page => None,
    }
}

fn order(context: &mut Context<'_>) {
    let mut placed: Vec<(u64, usize, (u8, u64))> = context
        .structure
        .directories
        .iter()
        .filter_map(|directory| Some((directory.offset, directory.index, rank(directory)?)))
        .collect();
    placed.sort_unstable();
    let wrong = placed.windows(2).find_map(|pair| match pair {
        [(_, before, left), (offset, index, right)] if right < left => Some((*before, *index, *offset)),
        _ => None,
    });
    if let Some((before, index, offset)) = wrong {
        let message = format!(
            "IFD {index} is stored behind IFD {before}; usual are main, mask, overviews from large to small, mask overviews"
        );
        let location = Location { offset: Some(offset), ..in_directory(index) };
        context.push_at(&ORDER, message, Fix::Shuffle, location);
    }
}
