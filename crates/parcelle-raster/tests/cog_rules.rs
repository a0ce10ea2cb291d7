//! Every rule on the smallest file that breaks it, made in memory: no corpus needed.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

#[path = "../../parcelle-tiff/tests/builder/mod.rs"]
mod builder;

use builder::{Builder, GHOST, Page, Tag};
use parcelle_raster::cog::{CogOptions, RULES, check};
use parcelle_raster::{Checked, Depth};
use parcelle_report::{Finding, Severity};
use parcelle_storage::{ByteSource, Memory};
use proptest::prelude::*;

fn checked(file: &[u8]) -> Checked {
    check(&Memory::new(file.to_vec()), "dir/my file.tif", &CogOptions { depth: Depth::Tiles, ..CogOptions::default() })
        .unwrap()
}

fn findings(file: &[u8]) -> Vec<Finding> {
    checked(file).findings
}

/// Ids of warnings and errors. That the builder's pages have no place on the map is left out: only
/// `cog_place_rules.rs` is about it.
fn serious(file: &[u8]) -> Vec<&'static str> {
    let is_about_place = |id: &str| matches!(id, "COG-GEO-001" | "COG-GEO-002");
    let found = findings(file).into_iter().filter(|one| one.severity > Severity::Info).map(|one| one.rule.id);
    found.filter(|id| !is_about_place(id)).collect()
}

fn severity(file: &[u8], rule: &str) -> Option<Severity> {
    findings(file).iter().find(|one| one.rule.id == rule).map(|one| one.severity)
}

fn changed(change: impl FnOnce(&mut Builder)) -> Vec<u8> {
    let mut builder = Builder::cog_with_ghost();
    change(&mut builder);
    builder.build()
}

/// Tiles with a leader and a mask tile behind each of them.
fn with_mask() -> Builder {
    let mut builder = Builder::cog_with_ghost();
    builder.pages.insert(1, Page::tiled(96, 80, 32, 4));
    builder.pages.extend([Page::tiled(48, 40, 32, 5), Page::tiled(24, 20, 32, 5)]);
    builder.data_order = vec![3, 5, 2, 4, 0, 1];
    builder
}

#[test]
fn sound_files_pass_in_every_variant() {
    for (big, big_endian) in [(false, false), (false, true), (true, false), (true, true)] {
        for builder in [Builder::cog(), Builder::cog_with_ghost(), with_mask()] {
            let file = Builder { big, big_endian, ..builder }.build();
            assert_eq!(serious(&file), Vec::<&str>::new());
        }
    }
}

#[test]
fn facts_are_measured() {
    let file = Builder::cog_with_ghost().build();
    let facts = checked(&file).facts;
    let fact = |name: &str| facts[name].to_string();
    assert_eq!(
        (fact("width"), fact("height"), fact("bands"), fact("data_type")),
        ("96".into(), "80".into(), "1".into(), "\"uint8\"".into())
    );
    assert_eq!((fact("tiles"), fact("overviews"), fact("compression")), ("14".into(), "2".into(), "\"none\"".into()));
    assert_eq!((fact("header_requests"), fact("big_tiff")), ("1".into(), "false".into()));
    assert_eq!(facts["levels"].as_array().unwrap().len(), 3);
}

#[test]
fn what_is_no_tiff_is_a_finding() {
    for bytes in [&b""[..], b"II", b"Hello, world", b"II\x2c\0\x08\0\0\0", b"II\x2b\0\x04\0\0\0\0\0\0\0\0\0\0\0"] {
        assert_eq!(serious(bytes), ["COG-FILE-001"]);
    }
    assert!(
        findings(b"Hello, world")[0].fix.contains("gdal_translate 'dir/my file.tif' 'dir/my file.cog.tif' -of COG")
    );
}

#[test]
fn a_file_that_is_cut_anywhere_is_an_error() {
    for builder in [Builder::cog(), Builder::cog_with_ghost(), Builder { big: true, ..with_mask() }] {
        let file = builder.build();
        let header = builder.directory_offsets()[0] as usize;
        // Every byte of the header and of the end, samples between.
        let ends = (0..1200).chain((1200..file.len()).step_by(41)).chain(file.len() - 40..file.len());
        for kept in ends {
            let ids = serious(&file[..kept]);
            assert!(!ids.is_empty(), "cut at {kept} of {}", file.len());
            if kept > header + 30 && kept < file.len() - 4 {
                assert!(ids.contains(&"COG-FILE-003"), "cut at {kept} of {}: {ids:?}", file.len());
            }
        }
        let cut = findings(&file[..file.len() / 2]);
        assert!(
            cut.iter().all(|one| one.severity < Severity::Error || one.fix.starts_with("Not repairable")),
            "{cut:?}"
        );
    }
}

#[test]
fn file_rules() {
    let good = Builder::cog().build();
    let offsets = Builder::cog().directory_offsets();
    let pointer_of = |page: usize| offsets[page] as usize + 2 + 12 * Builder::cog().pages[page].tags.len();
    let pointing = |page: usize, to: u64| {
        let mut file = good.clone();
        file[pointer_of(page)..pointer_of(page) + 4].copy_from_slice(&(to as u32).to_le_bytes());
        file
    };
    assert_eq!(severity(&pointing(2, offsets[0]), "COG-FILE-005"), Some(Severity::Error));
    assert_eq!(severity(&pointing(2, 1 << 30), "COG-FILE-004"), Some(Severity::Error));
    assert_eq!(severity(&pointing(2, offsets[1] + 7), "COG-FILE-004"), Some(Severity::Error));
    assert_eq!(severity(&pointing(0, offsets[1] + 1), "COG-FILE-004"), Some(Severity::Error));
    let mut file = good.clone();
    file[4..8].fill(0);
    assert_eq!(serious(&file), ["COG-FILE-004"]);
    let mut file = good.clone();
    file[8..10].fill(0xff);
    assert_eq!(serious(&file), ["COG-FILE-007"]);
    let mut pages = Builder::cog();
    pages.pages.push(Page::tiled(96, 80, 32, 0));
    pages.data_order = vec![3, 2, 1, 0];
    assert_eq!(severity(&pages.build(), "COG-FILE-008"), Some(Severity::Warning));
    let file = changed(|builder| builder.big = true);
    assert_eq!(severity(&file, "COG-FILE-002"), Some(Severity::Info));
}

#[test]
fn tag_rules() {
    let file = changed(|builder| {
        builder.pages[0].remove(262);
    });
    assert_eq!(serious(&file), ["COG-TAG-001"]);
    let file = changed(|builder| {
        builder.pages[0].remove(259);
    });
    assert_eq!(serious(&file), Vec::<&str>::new(), "uncompressed is what no Compression means");
    let file = changed(|builder| {
        builder.pages[0].remove(259);
        builder.pages[0].blocks.iter_mut().for_each(|block| block.truncate(100));
    });
    assert_eq!(serious(&file), ["COG-TAG-001"]);
    assert_eq!(serious(&changed(|builder| builder.pages[0].tags.swap(2, 3))), ["COG-TAG-002"]);
    assert_eq!(serious(&changed(|builder| builder.pages[0].tags.insert(6, Tag(277, 3, vec![1])))), ["COG-TAG-003"]);
    let file = changed(|builder| {
        builder.pages[0].set(325, &[1, 2]);
    });
    assert!(serious(&file).contains(&"COG-TAG-004"));
    assert_eq!(serious(&changed(|builder| builder.pages[0].tags[0].1 = 2)), ["COG-TAG-005"]);
    let file = changed(|builder| {
        builder.pages[0].set(322, &[0]);
    });
    assert_eq!(serious(&file), ["COG-TAG-006"]);
    // The values of TileOffsets moved into the first directory.
    let mut file = Builder::cog_with_ghost().build();
    let entry = Builder::cog_with_ghost().directory_offsets()[0] as usize + 2 + 12 * 8;
    let directory = (entry as u32 - 20).to_le_bytes();
    file[entry + 8..entry + 12].copy_from_slice(&directory);
    assert!(serious(&file).contains(&"COG-TAG-007"));
}

#[test]
fn directory_rules() {
    let file = changed(|builder| builder.data_first = true);
    let ids = serious(&file);
    for id in ["COG-IFD-001", "COG-IFD-002", "COG-ORD-001"] {
        assert!(ids.contains(&id), "{id}: {ids:?}");
    }
    let mut masked = with_mask();
    masked.data_first = true;
    assert!(serious(&masked.build()).contains(&"COG-IFD-003"));
    // An array at the end of the file.
    let builder = Builder::cog();
    let mut file = builder.build();
    let entry = builder.directory_offsets()[0] as usize + 2 + 12 * 9;
    let array = u32::from_le_bytes(file[entry + 8..entry + 12].try_into().unwrap()) as usize;
    let end = (file.len() as u32).to_le_bytes();
    let values = file[array..array + 36].to_vec();
    file.extend(values);
    file[entry + 8..entry + 12].copy_from_slice(&end);
    assert_eq!(serious(&file), ["COG-IFD-004"]);
    let gap = |bytes: usize| changed(|builder| builder.ghost = Some(format!("{GHOST}{}", "\0".repeat(bytes))));
    let shrunk = |mut file: Vec<u8>| {
        file[8 + 30..8 + 36].copy_from_slice(format!("{:06}", GHOST.len()).as_bytes());
        file
    };
    assert_eq!(severity(&shrunk(gap(100)), "COG-IFD-005"), Some(Severity::Info));
    assert_eq!(serious(&shrunk(gap(400))), ["COG-IFD-005"]);
    let mut file = Builder::new(vec![Page::tiled(32, 32, 32, 0)]).build();
    file.insert(8, 0);
    file[4] = 9;
    let entry = 9 + 2 + 12 * 8 + 8;
    let offset = u32::from_le_bytes(file[entry..entry + 4].try_into().unwrap()) + 1;
    file[entry..entry + 4].copy_from_slice(&offset.to_le_bytes());
    assert_eq!(serious(&file), ["COG-IFD-006"]);
    let mut swapped = Builder::cog();
    swapped.pages.swap(1, 2);
    swapped.data_order = vec![1, 2, 0];
    assert_eq!(severity(&swapped.build(), "COG-IFD-007"), Some(Severity::Info));
}

#[test]
fn order_rules() {
    let file = changed(|builder| builder.data_order = vec![0, 1, 2]);
    assert_eq!(serious(&file), ["COG-ORD-002", "COG-ORD-002"]);
    let mut builder = Builder::cog();
    let mut file = builder.build();
    let array = builder.directory_offsets()[0] as usize + 2 + 12 * 10 + 4;
    let (first, second) = (file[array..array + 4].to_vec(), file[array + 4..array + 8].to_vec());
    file[array..array + 4].copy_from_slice(&second);
    file[array + 4..array + 8].copy_from_slice(&first);
    assert_eq!(severity(&file, "COG-ORD-003"), Some(Severity::Info));
    // Sparse tiles neither hide nor make disorder.
    builder.pages[0].blocks[4].clear();
    assert_eq!(severity(&builder.build(), "COG-ORD-003"), None);
}

#[test]
fn tile_layout_rules() {
    assert_eq!(severity(&Builder::new(vec![Page::striped(600, 10, 4)]).build(), "COG-TILE-001"), Some(Severity::Error));
    assert_eq!(
        severity(&Builder::new(vec![Page::striped(60, 10, 4)]).build(), "COG-TILE-001"),
        Some(Severity::Warning)
    );
    let tile = |size| Builder::new(vec![Page::tiled(size, size, size, 0)]).build();
    assert_eq!(serious(&tile(40)), ["COG-TILE-002"]);
    assert_eq!(severity(&tile(48), "COG-TILE-014"), Some(Severity::Info));
    assert_eq!(serious(&tile(2048)), ["COG-TILE-004"]);
    let mut page = Page::tiled(32, 64, 32, 0);
    page.set(323, &[64]).set(324, &[0]).set(325, &[0]);
    page.blocks = vec![vec![1; 32 * 64]];
    assert_eq!(serious(&Builder::new(vec![page]).build()), ["COG-TILE-003"]);
    assert_eq!(severity(&Builder::cog().build(), "COG-TILE-005"), Some(Severity::Info));
    let mut heavy = Page::tiled(1024, 1024, 1024, 0);
    heavy.set(258, &[64]);
    heavy.blocks = vec![vec![1; 1024 * 1024 * 8]];
    assert_eq!(severity(&Builder::new(vec![heavy]).build(), "COG-TILE-015"), Some(Severity::Info));
}

#[test]
fn rules_of_single_tiles() {
    let builder = Builder::cog();
    let good = builder.build();
    let offsets = builder.directory_offsets()[0] as usize + 2 + 12 * 10 + 4;
    let counts = offsets + 36;
    let with = |at: usize, value: u32| {
        let mut file = good.clone();
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        file
    };
    let number = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().unwrap());
    let overlap = findings(&with(offsets + 4, number(offsets) + 10));
    let overlap = overlap.iter().find(|one| one.rule.id == "COG-TILE-006").unwrap();
    assert_eq!(overlap.location.tile, Some([1, 0]));
    assert!(overlap.message.contains("overlaps tile (0,0) of full resolution"), "{}", overlap.message);
    let in_header = findings(&with(offsets, 30));
    assert!(in_header[0].message.contains("overlaps IFD 0"), "{in_header:?}");
    assert_eq!(serious(&with(offsets, 30)), ["COG-TILE-006"]);
    assert_eq!(serious(&with(offsets, 1 << 30)), ["COG-TILE-007"]);
    assert!(serious(&with(counts, 1 << 30)).contains(&"COG-TILE-008"));
    assert_eq!(serious(&with(offsets, 0)), ["COG-TILE-009"]);
    assert_eq!(serious(&with(counts, 0)), ["COG-TILE-009"]);
    assert_eq!(severity(&with(offsets, number(offsets + 4)), "COG-TILE-013"), Some(Severity::Info));
    let mut sparse = builder.clone();
    sparse.pages[0].blocks[3].clear();
    assert_eq!(severity(&sparse.build(), "COG-TILE-010"), Some(Severity::Info));
    sparse.pages[0].blocks.iter_mut().for_each(Vec::clear);
    assert_eq!(serious(&sparse.build()), ["COG-TILE-011"]);
}

#[test]
fn overview_and_mask_rules() {
    let of = |pages: Vec<Page>| Builder::new(pages).build();
    let level = |width, height| Page::tiled(width, height, 256, 1);
    let full = || Page::tiled(1024, 768, 256, 0);
    assert_eq!(serious(&of(vec![full(), level(512, 384), level(256, 192)])), Vec::<&str>::new());
    assert_eq!(serious(&of(vec![full()])), ["COG-OVR-001"]);
    assert_eq!(serious(&of(vec![full(), level(60, 45)])), ["COG-OVR-003"]);
    assert_eq!(serious(&of(vec![full(), level(700, 525), level(256, 192)])), ["COG-OVR-003"]);
    assert_eq!(severity(&of(vec![full(), level(128, 96)]), "COG-OVR-003"), Some(Severity::Info));
    assert_eq!(serious(&of(vec![full(), level(512, 384)])), ["COG-OVR-004"]);
    let ids = serious(&of(vec![full(), level(1024, 768), level(256, 192)]));
    assert!(ids.contains(&"COG-OVR-005"), "{ids:?}");
    let mut unmarked = level(512, 384);
    unmarked.remove(254);
    assert_eq!(serious(&of(vec![full(), unmarked, level(256, 192)])), ["COG-OVR-006"]);
    assert_eq!(serious(&of(vec![full(), level(512, 350), level(256, 192)])), ["COG-OVR-007"]);
    let small = Page::tiled(256, 192, 128, 1);
    assert_eq!(severity(&of(vec![full(), level(512, 384), small]), "COG-OVR-008"), Some(Severity::Info));
    let mut other = level(256, 192);
    other.set(259, &[8]);
    assert_eq!(severity(&of(vec![full(), level(512, 384), other]), "COG-OVR-009"), Some(Severity::Info));
    let mut other = level(256, 192);
    other.set(258, &[16]);
    assert_eq!(serious(&of(vec![full(), level(512, 384), other])), ["COG-OVR-010"]);
    let mut nested = Page::tiled(32, 32, 32, 0);
    nested.tags.push(Tag(330, 4, vec![8]));
    assert_eq!(serious(&of(vec![nested])), ["COG-OVR-011"]);
    let mask = |subfile_type| Page::tiled(96, 80, 32, subfile_type);
    let mut masked = with_mask();
    masked.pages.truncate(4);
    masked.data_order = vec![3, 2, 0, 1];
    assert_eq!(severity(&masked.build(), "COG-MSK-001"), Some(Severity::Warning));
    masked.pages[1] = mask(4);
    masked.pages[1].set(262, &[1]);
    assert_eq!(severity(&masked.build(), "COG-MSK-002"), Some(Severity::Error));
    masked.pages[1] = Page::tiled(64, 64, 32, 4);
    assert_eq!(severity(&masked.build(), "COG-MSK-002"), Some(Severity::Error));
    // Level by level, the mask after the image: a mask of one tile may lie anywhere, the others are told.
    let apart = Builder { ghost: None, ..with_mask() };
    assert_eq!(severity(&apart.build(), "COG-MSK-003"), Some(Severity::Info));
    let one_tile = of(vec![Page::tiled(32, 32, 32, 0), Page::tiled(32, 32, 32, 4)]);
    assert_eq!(severity(&one_tile, "COG-MSK-003"), None);
    let fixture = |name: &str| std::fs::read(format!("{}/../../testdata/cog/{name}", env!("CARGO_MANIFEST_DIR")));
    assert_eq!(severity(&fixture("good_mask.tif").unwrap(), "COG-MSK-003"), None);
}

#[test]
fn half_a_directory_is_not_judged() {
    let file = Builder::cog_with_ghost().build();
    let directory = Builder::cog_with_ghost().directory_offsets()[0] as usize;
    for entries in 0..10 {
        let cut = &file[..directory + 2 + 12 * entries + 5];
        let ids: Vec<&str> = findings(cut).iter().map(|one| one.rule.id).collect();
        assert!(ids.contains(&"COG-FILE-003"), "{entries}: {ids:?}");
        // Values that are cut off with it are lost, whatever else it says.
        assert!(ids.iter().all(|id| id.starts_with("COG-FILE-") || *id == "COG-TAG-007"), "{entries}: {ids:?}");
    }
    // What stands whole before it is.
    let second = Builder::cog_with_ghost().directory_offsets()[1] as usize;
    let ids: Vec<&str> = findings(&file[..second + 30]).iter().map(|one| one.rule.id).collect();
    assert!(ids.contains(&"COG-GEO-001") && !ids.contains(&"COG-OVR-004"), "{ids:?}");
}

#[test]
fn codec_rules() {
    let with = |compression: u64| {
        changed(|builder| {
            builder.pages.iter_mut().for_each(|page| {
                page.set(259, &[compression]);
            })
        })
    };
    assert_eq!(severity(&with(1), "COG-CMP-001"), Some(Severity::Info));
    assert_eq!(serious(&with(9999)), vec!["COG-CMP-002"; 3]);
    assert_eq!(severity(&with(8), "COG-CMP-005"), Some(Severity::Info));
    let jpeg = |head: &[u8], photometric: u64, samples: u64| {
        let mut page = Page::tiled(32, 32, 32, 0);
        page.set(259, &[7]).set(262, &[photometric]).set(277, &[samples]);
        page.blocks[0][..head.len()].copy_from_slice(head);
        Builder::new(vec![page]).build()
    };
    assert_eq!(serious(&jpeg(b"\xff\xd8\xff\xda\0\x02", 6, 3)), ["COG-CMP-003"]);
    assert_eq!(serious(&jpeg(b"\xff\xd8\xff\xdb\0\x02\xff\xc4\0\x02\xff\xda\0\x02", 6, 3)), Vec::<&str>::new());
    assert_eq!(
        severity(&jpeg(b"\xff\xd8\xff\xdb\0\x02\xff\xc4\0\x02\xff\xda\0\x02", 2, 3), "COG-CMP-006"),
        Some(Severity::Info)
    );
}

#[test]
fn waste_rules() {
    let trailing = |bytes: usize| {
        let mut file = Builder::cog_with_ghost().build();
        file.resize(file.len() + bytes, 0);
        file
    };
    assert_eq!(severity(&trailing(8), "COG-WASTE-002"), None);
    assert_eq!(severity(&trailing(100), "COG-WASTE-002"), Some(Severity::Info));
    assert_eq!(serious(&trailing(1000)), ["COG-WASTE-002"]);
    // A page whose blocks nobody points at any more.
    let abandoned = |blocks: u64| {
        let mut builder = Builder::cog();
        builder.pages[1].blocks.extend((0..blocks).map(|_| vec![9; 1024]));
        let count = builder.pages[1].blocks.len();
        builder.pages[1].set(324, &vec![0; count]).set(325, &vec![0; count]);
        let mut file = builder.build();
        // The arrays keep their places, the counts lose what the grid does not need.
        let directory = builder.directory_offsets()[1] as usize + 2;
        for entry in [9, 10] {
            file[directory + 12 * entry + 4] = 4;
        }
        file
    };
    assert_eq!(severity(&abandoned(1), "COG-WASTE-001"), Some(Severity::Info));
    assert_eq!(serious(&abandoned(30)), ["COG-WASTE-001"]);
    let with_description =
        |bytes: usize| changed(|builder| builder.pages[0].tags.insert(5, Tag(270, 2, vec![u64::from(b'a'); bytes])));
    assert_eq!(severity(&with_description(100), "COG-HDR-001"), None);
    assert_eq!(serious(&with_description(20_000)), ["COG-HDR-001"]);
}

#[test]
fn ghost_rules() {
    let with = |ghost: &str| changed(|builder| builder.ghost = Some(ghost.to_owned()));
    let field = |text: &str| {
        let mut file = Builder::cog_with_ghost().build();
        file[38..44].copy_from_slice(text.as_bytes());
        file
    };
    assert_eq!(serious(&field("00x100")), ["COG-GHO-001"]);
    assert_eq!(serious(&field("000030")), ["COG-GHO-002"]);
    assert_eq!(serious(&field("009999")), ["COG-GHO-002"]);
    assert_eq!(serious(&with(&GHOST.replace("ROW_MAJOR", "COL_MAJOR"))), ["COG-GHO-003"]);
    assert_eq!(severity(&with(&format!("{GHOST}COLOUR=BLUE\n")), "COG-GHO-003"), Some(Severity::Info));
    assert_eq!(serious(&with(&GHOST.replace("EDITION=NO\n ", "EDITION=YES\n"))), ["COG-GHO-007"]);
    assert_eq!(serious(&with(&format!("{GHOST}MASK_INTERLEAVED_WITH_IMAGERY=YES\n"))), ["COG-GHO-008"]);
    assert_eq!(serious(&with(&format!("{GHOST}INTERLEAVE=BAND\n"))), ["COG-GHO-009"]);
    assert_eq!(severity(&Builder::cog().build(), "COG-GHO-010"), Some(Severity::Info));
    let mut masked = with_mask();
    masked.ghost = Some(format!("{GHOST}MASK_INTERLEAVED_WITH_IMAGERY=YES\n"));
    assert_eq!(severity(&masked.build(), "COG-GHO-008"), Some(Severity::Error));
}

#[test]
fn leaders_trailers_and_claimed_order() {
    let builder = Builder::cog_with_ghost();
    let good = builder.build();
    let array = builder.directory_offsets()[0] as usize + 2 + 12 * 10 + 4;
    let tile =
        |index: usize| u32::from_le_bytes(good[array + 4 * index..array + 4 * index + 4].try_into().unwrap()) as usize;
    let flipped = |at: usize| {
        let mut file = good.clone();
        file[at] ^= 0xff;
        file
    };
    assert_eq!(serious(&flipped(tile(8) - 4)), ["COG-GHO-005"]);
    assert_eq!(serious(&flipped(tile(8) + 1024)), ["COG-GHO-006"]);
    assert_eq!(serious(&flipped(good.len() - 1)), ["COG-GHO-006"]);
    assert_eq!(serious(&good[..good.len() - 1]), ["COG-GHO-006"]);
    let header_only = check(
        &Memory::new(flipped(tile(8) - 4)),
        "a.tif",
        &CogOptions { depth: Depth::Header, ..CogOptions::default() },
    )
    .unwrap();
    assert!(header_only.findings.iter().all(|one| one.rule.id != "COG-GHO-005"));
    let mut file = good.clone();
    file[array..array + 4].copy_from_slice(&(tile(1) as u32).to_le_bytes());
    file[array + 4..array + 8].copy_from_slice(&(tile(0) as u32).to_le_bytes());
    assert_eq!(serious(&file), ["COG-GHO-004"]);
}

#[test]
fn thousands_of_directories_take_linear_time() {
    // Every page another tile size, every tile inside the header, no page small enough to be passed over.
    let pages: Vec<Page> = (0..8000)
        .map(|index| {
            let mut page = Page::tiled(16, 16, 16, 1 + 4 * (index % 2));
            page.set(322, &[16 + index]).set(324, &[9]).set(325, &[300]);
            page.blocks.clear();
            page
        })
        .collect();
    let file =
        Builder { ghost: Some(format!("{GHOST}MASK_INTERLEAVED_WITH_IMAGERY=YES\n")), ..Builder::new(pages) }.build();
    let start = std::time::Instant::now();
    let checked = checked(&file);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let overlaps: u64 = checked.findings.iter().filter(|one| one.rule.id == "COG-TILE-006").map(|one| one.count).sum();
    assert_eq!(overlaps, 8000);
    assert!(checked.findings.len() < RULES.len() * 5);
}

#[test]
fn a_million_directories_are_given_up_in_bounded_time() {
    // One entry each, 18 bytes, in one chain.
    const COUNT: u32 = 1_000_000;
    const SIZE: u32 = 18;
    let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
    for index in 0..COUNT {
        let next = if index + 1 == COUNT { 0 } else { 8 + SIZE * (index + 1) };
        file.extend([1, 0, 0, 1, 4, 0, 1, 0, 0, 0, 9, 0, 0, 0]);
        file.extend(next.to_le_bytes());
    }
    let source = Memory::new(file);
    let start = std::time::Instant::now();
    let checked = check(&source, "a.tif", &CogOptions::default()).unwrap();
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    let given_up = checked.findings.iter().find(|one| one.message.contains("more than 65536 directories"));
    assert_eq!(given_up.map(|one| one.rule.id), Some("COG-FILE-004"), "{:?}", checked.findings);
    assert_eq!(checked.facts["directories"], 65_536);
    // What is read ahead is thrown away with the rest of the chain.
    assert!(source.usage().bytes < u64::from(COUNT * SIZE) / 4, "{:?}", source.usage());
    assert!(checked.findings.len() < 40 && checked.findings.iter().all(|one| one.message.len() < 400));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_file_makes_it_panic(
        big: bool,
        big_endian: bool,
        data_first: bool,
        mutations in proptest::collection::vec((0..1400usize, any::<u8>()), 1..16),
        length in 0..30_000usize,
    ) {
        let mut file = Builder { big, big_endian, data_first, ..with_mask() }.build();
        for (at, value) in mutations {
            file[at] = value;
        }
        file.truncate(length);
        for finding in findings(&file) {
            prop_assert!(RULES.iter().any(|rule| rule.id == finding.rule.id));
            prop_assert!(!finding.message.is_empty() && !finding.fix.is_empty() && finding.count > 0);
        }
    }
}

#[test]
fn what_shares_bytes_is_told_by_what_is_out_of_place() {
    let mut builder = Builder::cog_with_ghost();
    builder.pages[0] = Page::tiled(96, 80, 32, 0).georeferenced();
    let good = builder.build();
    let entries = builder.directory_offsets()[0] as usize + 2;
    let with = |entry: usize, value: u32| {
        let mut file = good.clone();
        file[entries + 12 * entry + 8..][..4].copy_from_slice(&value.to_le_bytes());
        file
    };
    // ModelPixelScale in the middle of the last tile, and the index of offsets so that the first tile is in the ghost area.
    let astray = with(10, good.len() as u32 - 500);
    assert_eq!(serious(&astray), ["COG-TAG-007"]);
    let said = findings(&astray);
    assert!(said[0].message.ends_with("overlap tile (2,2) of full resolution"), "{said:?}");
    let index = u32::from_le_bytes(good[entries + 12 * 8 + 8..][..4].try_into().unwrap()) as usize;
    let mut in_ghost = good.clone();
    in_ghost[index..index + 4].copy_from_slice(&30_u32.to_le_bytes());
    let said = findings(&in_ghost);
    let overlap = said.iter().find(|one| one.rule.id == "COG-TILE-006").unwrap();
    assert!(overlap.message.ends_with("overlaps the ghost area"), "{}", overlap.message);
}
