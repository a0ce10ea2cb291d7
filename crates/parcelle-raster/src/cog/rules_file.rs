//! `COG-FILE`: the file as a whole and its chain of directories.

use parcelle_report::{Finding, Location, Rule, Severity};
use parcelle_tiff::{Directory, Problem, Role, Variant};

use super::context::{Context, in_directory, plural};
use super::fix::{Fix, Fixer, REWRITE, SOURCE};
use super::rules_overview::is_unmarked_overview;

pub(crate) static NOT_A_TIFF: Rule = Rule {
    id: "COG-FILE-001",
    severity: Severity::Error,
    title: "The file is not a TIFF",
    why: "A reader knows a TIFF by its first bytes: II or MM, the version 42 (or 43 with offsets of 8 bytes, BigTIFF) and \
          the place of the first directory. Without them no TIFF reader goes on.",
    fix: "Find out what the file is (gdalinfo IN) and convert it: gdal_translate IN OUT.tif -of COG",
    reference: "OGC 21-026 /req/geotiff-format/use-geotiff; TIFF 6.0 section 2",
};

pub(crate) static VARIANT: Rule = Rule {
    id: "COG-FILE-002",
    severity: Severity::Error,
    title: "Classic TIFF past 4 GiB, or BigTIFF that need not be one",
    why: "Classic TIFF has offsets of 32 bits: nothing past 4 GiB can be pointed at, so a longer file has lost data or \
          wrapped offsets. A BigTIFF below that size is legal (information only) but some older readers refuse it.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co BIGTIFF=IF_SAFER",
    reference: "OGC 21-026 /req/geotiff-format/use-geotiff A; /rec/geotiff-format/use-geotiff",
};

pub(crate) static TRUNCATED: Rule = Rule {
    id: "COG-FILE-003",
    severity: Severity::Error,
    title: "The file is cut off",
    why: "The last structure that begins inside the file does not end inside it: a download, a copy or a full disk \
          stopped half-way. Readers fail at the tiles that are missing, often only when somebody zooms in.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 2 (offsets count from the start of the file)",
};

pub(crate) static DIRECTORY_OFFSET: Rule = Rule {
    id: "COG-FILE-004",
    severity: Severity::Error,
    title: "An image file directory is not where its offset says",
    why: "Directories are a linked list. An offset that is 0 in the header, past the end of the file or inside another \
          structure leads a reader to bytes that are no directory: it refuses the file, or loses the images behind.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 2 (Image File Directory)",
};

pub(crate) static DIRECTORY_LOOP: Rule = Rule {
    id: "COG-FILE-005",
    severity: Severity::Error,
    title: "The chain of directories loops",
    why: "The last directory must point at 0. One that points back sends readers without a memory of visited offsets \
          round for ever, and images that were meant to follow are lost.",
    fix: REWRITE,
    reference: "TIFF 6.0 section 2 (offset of next IFD)",
};

pub(crate) static ENTRY_COUNT: Rule = Rule {
    id: "COG-FILE-007",
    severity: Severity::Error,
    title: "A directory declares an impossible number of entries",
    why: "A directory has at least one entry, and all its entries lie inside the file. Another count is corrupt; readers \
          that believe it allocate memory for it. libtiff refuses the directory.",
    fix: SOURCE,
    reference: "TIFF 6.0 section 2 (there must be at least 1 IFD entry)",
};

pub(crate) static SEVERAL_IMAGES: Rule = Rule {
    id: "COG-FILE-008",
    severity: Severity::Warning,
    title: "Several full-resolution images in one file",
    why: "GDAL, GeoServer and web clients show the first image of a file; further pages are reached only as subdatasets \
          (GTIFF_DIR:n:file), if at all, and their overviews are taken for overviews of the first.",
    fix: "gdal_translate GTIFF_DIR:2:IN.tif OUT_2.tif -of COG",
    reference: "OGC 21-026 /req/geotiff-overviews/overviews B, F",
};

/// As many further images get a command each.
const MOST_PAGES: usize = 8;

pub(crate) fn check(context: &mut Context<'_>) {
    parser_problems(context);
    variant(context);
    truncated(context);
    several_images(context);
}

fn parser_problems(context: &mut Context<'_>) {
    for problem in &context.structure.problems {
        let (rule, fix) = match problem {
            Problem::TooShort { .. }
            | Problem::ByteOrderMark { .. }
            | Problem::Version { .. }
            | Problem::OffsetSize { .. } => (&NOT_A_TIFF, not_a_tiff_fix(context, problem)),
            Problem::NoDirectory
            | Problem::DirectoryPastEnd { .. }
            | Problem::DirectoryOverlap { .. }
            | Problem::NotADirectory { .. }
            | Problem::TooManyDirectories { .. } => (&DIRECTORY_OFFSET, Fix::Source),
            Problem::DirectoryLoop { .. } => (&DIRECTORY_LOOP, Fix::Rewrite),
            Problem::EntryCount { .. } => (&ENTRY_COUNT, Fix::Source),
            _ => continue,
        };
        let mut message = problem.to_string();
        if let Some(first) = message.get(..1).map(str::to_uppercase) {
            message.replace_range(..1, &first);
        }
        let location =
            Location { offset: problem.offset(), ..problem.directory().map(in_directory).unwrap_or_default() };
        context.push_at(rule, message, fix, location);
    }
}

/// An empty or cut file holds nothing to convert; another format may well be readable.
fn not_a_tiff_fix(context: &Context<'_>, problem: &Problem) -> Fix {
    let (input, output) = (context.fixer.input(), context.fixer.output());
    match problem {
        Problem::ByteOrderMark { .. } | Problem::Version { .. } => Fix::Text(format!(
            "Find out what the file is: gdalinfo {input}; if GDAL reads it: gdal_translate {input} {output} -of COG"
        )),
        _ => Fix::Source,
    }
}

fn variant(context: &mut Context<'_>) {
    let Some(header) = context.structure.header else { return };
    let length = context.structure.file_length;
    let limit = u64::from(u32::MAX);
    match header.variant {
        Variant::Classic if length > limit => {
            let message = format!("Classic TIFF of {length} bytes: its 32-bit offsets reach {limit}; the rest is lost");
            context.push(Finding::new(&VARIANT, message), Fix::Rewrite);
        }
        Variant::Big if length <= limit => {
            let message = format!("BigTIFF of {length} bytes, which classic TIFF (up to 4 GiB) would hold");
            context.push(Finding::new(&VARIANT, message).severity(Severity::Info), Fix::Shuffle);
        }
        _ => {}
    }
}

fn truncated(context: &mut Context<'_>) {
    let cut = std::mem::take(&mut context.layout.cut);
    let Some(first) = cut.first() else { return };
    let length = context.structure.file_length;
    let tiles: u64 = context.layout.levels.iter().map(|level| level.outside.count).sum();
    let end = cut.iter().map(|lost| lost.range.end).max().unwrap_or(first.range.end);
    let also = if tiles > 1 {
        format!("; {} are lost, the whole file had at least {end} bytes", plural(tiles, "tile"))
    } else {
        String::new()
    };
    let message = format!(
        "The file is cut off: {} needs the bytes {}-{}, the file ends at {length}{also}",
        first.what, first.range.start, first.range.end
    );
    let location = Location { offset: Some(first.range.start), ..Location::default() };
    context.push_at(&TRUNCATED, message, Fix::Source, location);
}

fn several_images(context: &mut Context<'_>) {
    let structure = context.structure;
    let pages: Vec<&Directory> = structure
        .with_role(Role::Page)
        // A smaller copy that lacks its mark is no image of its own: COG-OVR-006.
        .filter(|page| structure.main().is_none_or(|main| !is_unmarked_overview(page, main)))
        .collect();
    let Some(first) = pages.first() else { return };
    let message = format!("{} full-resolution images in one file; most readers show only the first", pages.len() + 1);
    let input = context.fixer.input();
    // GDAL counts directories from 1. A page may have another codec than the first image, or bits that this one's cannot take.
    let lines = pages.iter().take(MOST_PAGES).map(|page| {
        let (number, codec) = (page.index + 1, Fixer::codec_words(page));
        let output = context.fixer.output_of_page(number);
        format!("gdal_translate GTIFF_DIR:{number}:{input} {output} -of COG{codec}")
    });
    let mut fix = lines.collect::<Vec<_>>().join("\n");
    if pages.len() > MOST_PAGES {
        fix.push_str("\nand so on for every image");
    }
    let finding = Finding::new(&SEVERAL_IMAGES, message).at(in_directory(first.index)).told(pages.len() as u64);
    context.push(finding, Fix::Text(fix));
}
