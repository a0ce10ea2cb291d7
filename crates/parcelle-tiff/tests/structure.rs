//! The parser on small files of known content, and against the `tiff` crate.

#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

mod builder;

use std::io::Cursor;
use std::path::PathBuf;

use builder::{Builder, GHOST, Page, Tag};
use parcelle_tiff::{Layout, Parser, Problem, Request, Role, Structure, Variant, read_structure};

fn parse(file: &[u8]) -> Structure {
    read_structure(file.len() as u64, |offset, buffer| {
        let rest = file.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    })
    .unwrap()
}

#[test]
fn every_variant_and_byte_order_gives_the_same_structure() {
    for (big, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
        let file = Builder { big, big_endian, ..Builder::cog_with_ghost() }.build();
        let structure = parse(&file);
        assert_eq!(structure.problems, [], "big {big}, big-endian {big_endian}");
        assert_eq!(structure.header.unwrap().variant, if big { Variant::Big } else { Variant::Classic });
        let ghost = structure.ghost.as_ref().unwrap();
        assert!(ghost.claims("BLOCK_ORDER", "ROW_MAJOR"));
        assert_eq!(ghost.declared_size, Some(GHOST.len() as u64));
        assert_eq!(ghost.declared_end().unwrap().next_multiple_of(2), structure.directories[0].offset);
        let roles: Vec<Role> = structure.directories.iter().map(|directory| directory.role).collect();
        assert_eq!(roles, [Role::FullResolution, Role::Overview, Role::Overview]);
        let main = structure.main().unwrap();
        let image = main.image.unwrap();
        assert_eq!((image.width, image.height, image.layout), (96, 80, Layout::Tiles { width: 32, height: 32 }));
        let blocks = main.blocks.as_ref().unwrap();
        assert_eq!(blocks.len(), 9);
        for (index, (offset, byte_count)) in blocks.iter().enumerate() {
            let block = &file[offset as usize..(offset + byte_count) as usize];
            assert_eq!(block, vec![index as u8 + 1; 32 * 32]);
        }
    }
}

#[test]
fn directories_behind_four_megabytes_of_data_cost_two_requests() {
    let mut page = Page::tiled(2048, 2048, 256, 0);
    page.blocks = vec![vec![7; 65_536]; 64];
    let file = Builder { data_first: true, ..Builder::new(vec![page]) }.build();
    let mut parser = Parser::new(file.len() as u64);
    let mut requests = 0;
    while let Request::Read(range) = parser.next_request() {
        requests += 1;
        parser.feed(range.start, &file[range.start as usize..range.end as usize]);
    }
    let structure = parser.finish();
    assert_eq!(
        (requests, structure.problems.len(), structure.directories[0].blocks.as_ref().unwrap().len()),
        (2, 0, 64)
    );
}

#[test]
fn a_short_feed_is_the_end_of_the_file() {
    let file = Builder::cog().build();
    for kept in 0..file.len() {
        let mut parser = Parser::new(file.len() as u64);
        let mut requests = 0;
        while let Request::Read(range) = parser.next_request() {
            requests += 1;
            assert!(requests < 20, "{kept}");
            let end = (range.end as usize).min(kept);
            parser.feed(range.start, file.get(range.start as usize..end).unwrap_or_default());
        }
        assert_eq!(parser.finish().file_length, kept as u64);
    }
}

fn problems_of(change: impl FnOnce(&mut Page)) -> Vec<String> {
    let mut builder = Builder::cog();
    change(&mut builder.pages[0]);
    parse(&builder.build()).problems.iter().map(Problem::to_string).collect()
}

#[test]
fn defects_of_entries_are_named() {
    assert_eq!(
        problems_of(|page| {
            page.remove(257);
        }),
        ["IFD 0 lacks ImageLength"]
    );
    assert_eq!(
        problems_of(|page| {
            page.set(256, &[0]);
        }),
        ["IFD 0: ImageWidth=0 is out of its domain"]
    );
    assert_eq!(
        problems_of(|page| page.tags.swap(0, 1)),
        ["IFD 0: ImageWidth comes after ImageLength; entries must be in ascending tag order"]
    );
    assert_eq!(
        problems_of(|page| page.tags.insert(6, Tag(277, 3, vec![1]))),
        ["IFD 0: SamplesPerPixel occurs more than once"]
    );
    assert_eq!(
        problems_of(|page| {
            page.set(324, &[1, 2, 3]);
        }),
        ["IFD 0: TileOffsets has 3 values, the image needs 9"]
    );
    assert_eq!(
        problems_of(|page| page.tags[0].1 = 12),
        ["IFD 0: ImageWidth has the field type 12, expected SHORT, LONG or LONG8"]
    );
    assert_eq!(
        problems_of(|page| {
            page.remove(262);
        }),
        ["IFD 0 lacks PhotometricInterpretation"]
    );
}

#[test]
fn chains_that_go_wrong_end() {
    let builder = Builder::new(vec![Page::tiled(16, 16, 16, 0)]);
    let good = builder.build();
    let pointer = 8 + 2 + 12 * 10;
    let with_next = |next: u32| {
        let mut file = good.clone();
        file[pointer..pointer + 4].copy_from_slice(&next.to_le_bytes());
        parse(&file).problems
    };
    assert_eq!(with_next(8), [Problem::DirectoryLoop { directory: 0, target: 0, offset: 8 }]);
    let file_length = good.len() as u64;
    assert_eq!(with_next(1 << 30), [Problem::DirectoryPastEnd { directory: 1, offset: 1 << 30, file_length }]);
    assert!(matches!(with_next(20)[..], [Problem::DirectoryOverlap { directory: 1, .. }]));
    assert!(matches!(with_next(4)[..], [Problem::DirectoryOverlap { directory: 1, .. }]));
}

#[test]
fn a_cut_directory_is_not_a_wrong_count() {
    let good = Builder::cog().build();
    let cut = parse(&good[..60]);
    assert!(matches!(cut.problems[..], [Problem::DirectoryTruncated { directory: 0, .. }, ..]), "{:?}", cut.problems);
    let mut bomb = good;
    bomb[8..10].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(matches!(parse(&bomb).problems[..], [Problem::EntryCount { declared: 65_535, .. }]));
}

fn corpus(folder: &str) -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(folder);
    let mut files = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.to_string_lossy().starts_with("tif")) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn agrees_with_the_tiff_crate() {
    let files: Vec<PathBuf> = [corpus("cog-crafted"), corpus("tiff-wild")].concat();
    if files.is_empty() {
        eprintln!("skipped: no corpus beside the checkout");
    }
    let built = [Builder::cog().build(), Builder { big: true, big_endian: true, ..Builder::cog() }.build()];
    let (mut compared, mut arrays) = (0, 0);
    for (name, bytes) in built
        .into_iter()
        .map(|bytes| ("built".to_owned(), bytes))
        .chain(files.iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())))
    {
        let structure = parse(&bytes);
        let Ok(mut decoder) = tiff::decoder::Decoder::new(Cursor::new(&bytes)) else { continue };
        let (Ok(size), Some(main)) = (decoder.dimensions(), structure.main()) else { continue };
        // Other readers repair or refuse what is reported here; only sound directories can be compared.
        let (Some(image), false) =
            (main.image, structure.problems.iter().any(|problem| problem.directory() == Some(0)))
        else {
            continue;
        };
        assert_eq!(size, (image.width, image.height), "{name}");
        compared += 1;
        let (offsets, counts) = main.index_tags();
        for (tag, ours) in
            [(offsets, &main.blocks.as_ref().unwrap().offsets), (counts, &main.blocks.as_ref().unwrap().byte_counts)]
        {
            if let Ok(theirs) = decoder.get_tag_u64_vec(tiff::tags::Tag::from_u16_exhaustive(tag)) {
                assert_eq!(theirs, ours.iter().collect::<Vec<u64>>(), "{name}");
                arrays += 1;
            }
        }
    }
    eprintln!("compared {compared} images and {arrays} index arrays of {} files", files.len() + 2);
    assert!(compared >= 2 && arrays >= 4);
}

#[test]
fn a_wrong_count_and_a_wrong_pointer_are_told_apart_in_every_directory() {
    let builder = Builder::cog();
    let good = builder.build();
    let at = builder.directory_offsets();
    for (index, offset) in at.iter().enumerate() {
        // Too many for the file, and so many that what follows the directory is taken for entries.
        for count in [u16::MAX, 200] {
            let mut wrong = good.clone();
            wrong[*offset as usize..*offset as usize + 2].copy_from_slice(&count.to_le_bytes());
            let problems = parse(&wrong).problems;
            let is_told = problems.iter().any(|problem| {
                matches!(problem, Problem::EntryCount { directory, declared, .. }
                    if *directory == index && *declared == u64::from(count))
            });
            assert!(is_told, "IFD {index}, {count}: {problems:?}");
        }
    }
    let big = Builder { big: true, ..Builder::cog() };
    let mut bomb = big.build();
    let second = big.directory_offsets()[1] as usize;
    bomb[second..second + 8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    assert!(matches!(parse(&bomb).problems[..], [Problem::EntryCount { directory: 1, .. }, ..]));
    // Into the data, whose bytes make a huge count in BigTIFF.
    let mut astray = big.build();
    let data = astray.len() as u64 - 100;
    astray[8..16].copy_from_slice(&data.to_le_bytes());
    assert!(matches!(parse(&astray).problems[..], [Problem::NotADirectory { directory: 0, .. }]));
}

#[test]
fn values_that_no_reader_takes_are_out_of_their_domain() {
    let with = |tag: Tag, compression: u64| {
        let mut page = Page::tiled(32, 32, 32, 0);
        page.set(259, &[compression]).remove(tag.0);
        page.tags.push(tag);
        page.tags.sort_by_key(|tag| tag.0);
        parse(&Builder::new(vec![page]).build()).problems
    };
    for (tag, value) in [(258, 77), (258, 200), (258, 40), (338, 7), (530, 3), (317, 7)] {
        let problems = with(Tag(tag, 3, vec![value]), 8);
        assert!(
            matches!(problems[..], [Problem::OutOfDomain { tag: found, value: said, .. }] if found == tag && said == value),
            "{tag}={value}: {problems:?}"
        );
    }
    // Nobody looks at the predictor of an uncompressed image.
    for (tag, value, compression) in [(258, 12, 8), (258, 64, 8), (338, 2, 8), (530, 2, 7), (317, 7, 1), (317, 3, 5)] {
        assert_eq!(with(Tag(tag, 3, vec![value]), compression), [], "{tag}={value}");
    }
}

#[test]
fn one_index_array_without_values_is_no_sparse_image() {
    let counts_of = |offsets: u32, counts: u32| {
        let builder = Builder::cog();
        let mut file = builder.build();
        let entries = builder.directory_offsets()[0] as usize + 2;
        for (place, count) in [(8, offsets), (9, counts)] {
            let at = entries + 12 * place + 4;
            file[at..at + 4].copy_from_slice(&count.to_le_bytes());
        }
        parse(&file).problems
    };
    assert_eq!(counts_of(0, 0), []);
    assert!(matches!(counts_of(9, 0)[..], [Problem::ValueCount { tag: 325, found: 0, needed: 9, .. }]));
    assert!(matches!(counts_of(0, 9)[..], [Problem::ValueCount { tag: 324, found: 0, needed: 9, .. }]));
}

#[test]
fn values_in_the_ghost_area_overlap_it() {
    let mut page = Page::tiled(32, 32, 32, 0).georeferenced();
    page.tags.sort_by_key(|tag| tag.0);
    let builder = Builder { ghost: Some(GHOST.to_owned()), leaders: true, ..Builder::new(vec![page]) };
    let mut file = builder.build();
    let at = builder.directory_offsets()[0] as usize + 2 + 12 * 10;
    assert_eq!(u16::from_le_bytes([file[at], file[at + 1]]), 33_550);
    file[at + 8..at + 12].copy_from_slice(&30_u32.to_le_bytes());
    let problems = parse(&file).problems;
    assert!(problems.iter().any(|one| one.to_string().ends_with("overlap the ghost area")), "{problems:?}");
}
