//! Random and mutated files: no panic, no endless loop, no memory beyond what the file justifies.

mod builder;

use builder::Builder;
use parcelle_tiff::{Parser, Request, Structure};
use proptest::prelude::*;

/// Parses and checks the bounds that hold for every file.
fn parse(file: &[u8]) -> Structure {
    let mut parser = Parser::new(file.len() as u64);
    let mut requests = 0;
    while let Request::Read(range) = parser.next_request() {
        requests += 1;
        assert!(requests <= 64 + file.len() / 8, "too many requests");
        assert!(range.start < range.end && range.end <= file.len() as u64, "{range:?}");
        parser.feed(range.start, &file[range.start as usize..range.end as usize]);
    }
    let structure = parser.finish();
    let indexed: usize = structure
        .directories
        .iter()
        .filter_map(|directory| directory.blocks.as_ref())
        .map(|blocks| blocks.offsets.len() + blocks.byte_counts.len())
        .sum();
    assert!(indexed <= file.len(), "{indexed} numbers from {} bytes", file.len());
    for directory in &structure.directories {
        if let Some(image) = &directory.image {
            let _ = (image.block_count(), image.block_bytes(), image.block_at(u64::MAX), image.data_type());
        }
    }
    structure
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), kind in 0..5) {
        let opening: &[u8] = match kind {
            0 => b"II\x2a\0\x08\0\0\0",
            1 => b"MM\0\x2a\0\0\0\x08",
            2 => b"II\x2b\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
            3 => b"MM\0\x2b\0\x08\0\0\0\0\0\0\0\0\0\x10",
            _ => b"",
        };
        bytes.splice(0..0, opening.iter().copied());
        parse(&bytes);
    }

    #[test]
    fn mutated_files(
        big: bool,
        big_endian: bool,
        mutations in proptest::collection::vec((0..1200usize, any::<u8>()), 1..12),
        length in 0..1500usize,
    ) {
        let mut file = Builder { big, big_endian, ..Builder::cog_with_ghost() }.build();
        for (at, value) in mutations {
            file[at] = value;
        }
        parse(&file);
        file.truncate(length);
        parse(&file);
    }

    #[test]
    fn extreme_numbers(big: bool, at in 0..700usize, value in prop_oneof![Just(u64::MAX), Just(1 << 62), Just(u64::MAX - 8), Just(1 << 31)]) {
        let mut file = Builder { big, ..Builder::cog() }.build();
        file[at..at + 8].copy_from_slice(&value.to_le_bytes());
        parse(&file);
    }
}
