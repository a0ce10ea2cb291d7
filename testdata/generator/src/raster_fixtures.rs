//! The GeoTIFFs of `testdata/`: good ones in every form the writer knows, and bad ones with one planted defect each.

use std::io;

use crate::cog::{Cog, Sample, georeference, level_size};
use crate::fixture::{Content, Fixture, Verdict};
use crate::tiff::{
    Image, Order, Piece, Plan, STRIP_BYTE_COUNTS, STRIP_OFFSETS, TILE_BYTE_COUNTS, TILE_OFFSETS, Values, Written,
};

pub(crate) fn raster(name: &str, bytes: Vec<u8>, verdict: Verdict, about: &str) -> Fixture {
    Fixture {
        path: format!("cog/{name}.tif"),
        content: Content::Bytes(bytes),
        verdict: Some(verdict),
        about: about.to_owned(),
    }
}

/// Every GeoTIFF fixture.
pub(crate) fn fixtures() -> io::Result<Vec<Fixture>> {
    let mut fixtures = good()?;
    fixtures.extend(broken_files()?);
    fixtures.extend(broken_layouts()?);
    fixtures.extend(broken_tags()?);
    fixtures.extend(broken_tiles()?);
    fixtures.extend(broken_claims()?);
    fixtures.extend(dubious()?);
    fixtures.extend(refused_by_geoserver()?);
    Ok(fixtures)
}

fn good() -> io::Result<Vec<Fixture>> {
    let small = Cog { width: 100, height: 90, tile_width: 32, tile_length: 32, ..Cog::default() };
    let forms = [
        ("good_classic_little_endian", Cog::default(), "classic TIFF, II, deflate, two overviews, ghost area"),
        ("good_classic_big_endian", Cog { order: Order::Big, ..Cog::default() }, "the same, MM"),
        ("good_bigtiff_little_endian", Cog { big: true, ..Cog::default() }, "the same as BigTIFF"),
        (
            "good_bigtiff_big_endian",
            Cog { big: true, order: Order::Big, sample: Sample::U16, ..Cog::default() },
            "BigTIFF, MM, UInt16",
        ),
        ("good_mask", Cog { mask: true, ..Cog::default() }, "internal mask, interleaved with the imagery"),
        (
            "good_mask_bigtiff_big_endian",
            Cog { mask: true, big: true, order: Order::Big, ..Cog::default() },
            "the same as BigTIFF, MM",
        ),
        ("good_rgb", Cog { bands: 3, ..Cog::default() }, "three bands, pixel interleaved"),
        ("good_float32", Cog { sample: Sample::F32, ..Cog::default() }, "Float32"),
        ("good_uncompressed", Cog { deflate: false, ..small.clone() }, "no compression, tiles of 32"),
        (
            "good_without_ghost_area",
            Cog { ghost: false, ..Cog::default() },
            "the layout alone, without GDAL's ghost area, leaders and trailers",
        ),
        (
            "good_single_tile",
            Cog { width: 120, height: 110, overviews: 0, ..Cog::default() },
            "one tile: needs no overview",
        ),
    ];
    let mut fixtures = Vec::new();
    for (name, cog, about) in forms {
        fixtures.push(raster(name, cog.plan()?.write().bytes, Verdict::ok(), about));
    }
    let sparse = Cog { sparse: true, ..Cog::default() }.plan()?.write().bytes;
    fixtures.push(raster(
        "good_sparse",
        sparse,
        Verdict::info("COG-TILE-010"),
        "the left tiles are not stored (offset and byte count 0), legal for GDAL",
    ));
    Ok(fixtures)
}

/// Sound COGs that GeoServer's readers refuse or misread.
fn refused_by_geoserver() -> io::Result<Vec<Fixture>> {
    let with = |cog: Cog, change: &dyn Fn(&mut Image)| -> io::Result<Vec<u8>> {
        let mut plan = cog.plan()?;
        plan.images.iter_mut().for_each(change);
        Ok(plan.write().bytes)
    };
    let no_model_type = vec![1, 1, 0, 1, 1025, 0, 1, 2];
    Ok(vec![
        raster(
            "bad_geoserver_half_float",
            with(Cog { sample: Sample::U16, ..Cog::default() }, &|image| image.set(339, Values::Short(vec![3])))?,
            Verdict::error("GS-TYPE-003"),
            "SampleFormat 3 with 16 bits: half floats",
        ),
        raster(
            "bad_geoserver_int8",
            with(Cog::default(), &|image| image.set(339, Values::Short(vec![2])))?,
            Verdict::error("GS-TYPE-002"),
            "Int8",
        ),
        raster(
            "bad_geoserver_min_is_white",
            with(Cog::default(), &|image| image.set(262, Values::Short(vec![0])))?,
            Verdict::error("GS-PHO-001"),
            "PhotometricInterpretation 0: white is the least value",
        ),
        raster(
            "bad_geoserver_nodata_text",
            with(Cog::default(), &|image| image.set(42_113, Values::Ascii("-nan".to_owned())))?,
            Verdict::error("GS-NODATA-001"),
            "GDAL_NODATA is -nan, which Java does not read",
        ),
        raster(
            "bad_geoserver_no_model_type",
            {
                let mut plan = Cog::default().plan()?;
                plan.images[0].set(34_735, Values::Short(no_model_type));
                plan.write().bytes
            },
            Verdict::error("GS-CRS-001"),
            "GeoKeys without GTModelType, as GDAL writes them where pixels are points and there is no CRS",
        ),
    ])
}

/// The plan most defects are planted into.
fn plain() -> io::Result<Plan> {
    Cog::default().plan()
}

/// The same without ghost area: nothing is claimed that a moved number could break besides.
fn unclaimed() -> io::Result<Plan> {
    Cog { ghost: false, ..Cog::default() }.plan()
}

/// Files that cannot be followed to their end.
fn broken_files() -> io::Result<Vec<Fixture>> {
    let written = plain()?.write();
    let whole = &written.bytes;
    let first_ifd = written.ifd_offsets[0] as usize;
    let patched = |change: &dyn Fn(&mut Written)| {
        let mut copy = written.clone();
        change(&mut copy);
        copy.bytes
    };
    Ok(vec![
        raster("bad_empty", Vec::new(), Verdict::error("COG-FILE-001"), "no byte at all"),
        raster(
            "bad_not_a_tiff",
            b"<html><body>404 Not Found</body></html>\n".to_vec(),
            Verdict::error("COG-FILE-001"),
            "an error page saved under the name of a raster",
        ),
        raster(
            "bad_truncated_in_header",
            whole[..6].to_vec(),
            Verdict::error("COG-FILE-001"),
            "six bytes: shorter than the header",
        ),
        raster(
            "bad_truncated_in_first_ifd",
            whole[..first_ifd + 40].to_vec(),
            Verdict::error("COG-FILE-003"),
            "ends inside the first IFD",
        ),
        raster(
            "bad_truncated_in_last_tile",
            whole[..whole.len() - 200].to_vec(),
            Verdict::error("COG-FILE-003"),
            "ends inside the last tile",
        ),
        raster(
            "bad_first_ifd_past_end",
            patched(&|file| file.patch_u32(4, 900_000_000)),
            Verdict::error("COG-FILE-004"),
            "the header points past the end of the file",
        ),
        raster(
            "bad_ifd_loop",
            patched(&|file| file.patch_u32(file.next_pointers[2], file.ifd_offsets[0] as u32)),
            Verdict::error("COG-FILE-005"),
            "the last IFD points back to the first",
        ),
        raster(
            "bad_ifd_entry_count",
            patched(&|file| file.patch_u16(file.ifd_offsets[0], 65_535)),
            Verdict::error("COG-FILE-007"),
            "the first IFD declares 65,535 entries",
        ),
    ])
}

/// Everything is there, in the wrong place.
fn broken_layouts() -> io::Result<Vec<Fixture>> {
    let cog = Cog { ghost: false, ..Cog::default() };
    let masked = Cog { ghost: false, mask: true, ..Cog::default() };
    let rearranged = |cog: &Cog, moved: &dyn Fn(&Piece) -> bool| -> io::Result<Vec<u8>> {
        let mut plan = cog.plan()?;
        let (late, early): (Vec<_>, Vec<_>) = plan.pieces.into_iter().partition(moved);
        plan.pieces = early.into_iter().chain(late).collect();
        Ok(plan.write().bytes)
    };
    Ok(vec![
        raster(
            "bad_main_ifd_at_end",
            rearranged(&cog, &|piece| *piece == Piece::Ifd(0))?,
            Verdict::error("COG-IFD-001"),
            "the main IFD stands after all tiles, as most writers leave it",
        ),
        raster(
            "bad_overview_ifd_after_data",
            rearranged(&cog, &|piece| *piece == Piece::Ifd(2))?,
            Verdict::error("COG-IFD-002"),
            "the IFD of the smallest overview stands after all tiles",
        ),
        raster(
            "bad_mask_ifd_after_data",
            rearranged(&masked, &|piece| *piece == Piece::Ifd(masked.mask_image(0)))?,
            Verdict::error("COG-IFD-003"),
            "the IFD of the mask stands after all tiles",
        ),
        raster(
            "bad_tile_index_after_data",
            rearranged(&cog, &|piece| matches!(piece, Piece::Index(_)))?,
            Verdict::error("COG-IFD-004"),
            "TileOffsets and TileByteCounts stand after all tiles",
        ),
        raster(
            "bad_overview_data_after_full_resolution",
            rearranged(&cog, &|piece| matches!(piece, Piece::Tile(1.., _)))?,
            Verdict::error("COG-ORD-002"),
            "the tiles of the overviews stand after those of the full resolution",
        ),
    ])
}

/// One tag missing, doubled, misplaced or wrong.
fn broken_tags() -> io::Result<Vec<Fixture>> {
    let full = |change: &dyn Fn(&mut Image)| -> io::Result<Vec<u8>> {
        let mut plan = unclaimed()?;
        change(&mut plan.images[0]);
        Ok(plan.write().bytes)
    };
    let overview = |change: &dyn Fn(&mut Image)| -> io::Result<Vec<u8>> {
        let mut plan = unclaimed()?;
        for image in &mut plan.images[1..] {
            change(image);
        }
        Ok(plan.write().bytes)
    };
    let mut short_index = unclaimed()?.write();
    // A count of 5 where the grid needs 9: the values stay where they are.
    short_index.patch_u32(short_index.entries[&(0, TILE_OFFSETS)] + 4, 5);

    let mut wrong_order = unclaimed()?;
    wrong_order.chain = vec![0, 2, 1];

    let mut other_type = unclaimed()?;
    let wide = Cog { ghost: false, sample: Sample::U16, ..Cog::default() }.plan()?;
    for (image, replacement) in other_type.images.iter_mut().zip(wide.images).skip(1) {
        *image = replacement;
    }

    let masked = Cog { ghost: false, mask: true, ..Cog::default() };
    let mut mask_photometric = masked.plan()?;
    mask_photometric.images[masked.mask_image(0)].set(262, Values::Short(vec![1]));

    Ok(vec![
        raster(
            "bad_missing_image_width",
            full(&|image| image.remove(256))?,
            Verdict::error("COG-TAG-001"),
            "the main IFD has no ImageWidth",
        ),
        raster(
            "bad_missing_tile_length",
            full(&|image| image.remove(323))?,
            Verdict::error("COG-TAG-001"),
            "the main IFD has no TileLength",
        ),
        raster(
            "bad_unsorted_tags",
            full(&|image| image.tags.swap(1, 2))?,
            Verdict::error("COG-TAG-002"),
            "two entries of the main IFD have changed places",
        ),
        raster(
            "bad_duplicate_tag",
            full(&|image| image.tags.insert(2, (257, Values::Long(vec![300]))))?,
            Verdict::error("COG-TAG-003"),
            "ImageLength occurs twice",
        ),
        raster(
            "bad_tile_offsets_too_few",
            short_index.bytes,
            Verdict::error("COG-TAG-004"),
            "TileOffsets has five values, the grid needs nine",
        ),
        raster(
            "bad_width_as_text",
            full(&|image| image.set(256, Values::Ascii("380".to_owned())))?,
            Verdict::error("COG-TAG-005"),
            "ImageWidth is of field type ASCII",
        ),
        raster(
            "bad_zero_width",
            full(&|image| image.set(256, Values::Long(vec![0])))?,
            Verdict::error("COG-TAG-006"),
            "ImageWidth is 0",
        ),
        raster(
            "bad_unknown_compression",
            full(&|image| image.set(259, Values::Short(vec![9_999])))?,
            Verdict::error("COG-CMP-002"),
            "Compression is 9999",
        ),
        raster(
            "bad_level_order",
            wrong_order.write().bytes,
            Verdict::error("COG-OVR-005"),
            "the chain of IFDs names the smallest overview before the larger one",
        ),
        raster(
            "bad_overview_not_marked",
            overview(&|image| image.remove(254))?,
            Verdict::error("COG-OVR-006"),
            "the overviews have no NewSubfileType: readers take them for pages",
        ),
        raster(
            "bad_overview_other_type",
            other_type.write().bytes,
            Verdict::error("COG-OVR-010"),
            "the overviews are UInt16, the full resolution is Byte",
        ),
        raster(
            "bad_overview_georeferenced",
            overview(&|image| {
                for (tag, values) in georeference((652_000.0, 6_862_000.0), 20.0) {
                    image.set(tag, values);
                }
            })?,
            Verdict::error("COG-GEO-004"),
            "the overviews carry their own georeferencing",
        ),
        raster(
            "bad_mask_photometric",
            mask_photometric.write().bytes,
            Verdict::error("COG-MSK-002"),
            "PhotometricInterpretation of the mask is 1, not 4",
        ),
    ])
}

/// The index of tiles is wrong, or there are no tiles.
fn broken_tiles() -> io::Result<Vec<Fixture>> {
    let written = unclaimed()?.write();
    let patched = |change: &dyn Fn(&mut Written)| {
        let mut copy = written.clone();
        change(&mut copy);
        copy.bytes
    };
    let offset_of = |file: &Written, tile: u64| file.values[&(0, TILE_OFFSETS)] + 4 * tile;

    let striped = strips()?;
    let not_sixteen = Cog { tile_width: 120, tile_length: 120, ghost: false, ..Cog::default() };
    Ok(vec![
        raster("bad_strips", striped, Verdict::error("COG-TILE-001"), "rows in strips of 16, no tiles"),
        raster(
            "bad_tile_width_not_multiple_of_16",
            not_sixteen.plan()?.write().bytes,
            Verdict::error("COG-TILE-002"),
            "tiles of 120 by 120",
        ),
        raster(
            "bad_overlapping_tiles",
            patched(&|file| file.patch_u32(offset_of(file, 4), file.tiles[&(0, 3)] as u32 + 16)),
            Verdict::error("COG-TILE-006"),
            "the fifth tile begins inside the fourth",
        ),
        raster(
            "bad_tile_in_header",
            patched(&|file| file.patch_u32(offset_of(file, 4), file.ifd_offsets[0] as u32)),
            Verdict::error("COG-TILE-006"),
            "the fifth tile begins in the main IFD",
        ),
        raster(
            "bad_tile_past_end",
            patched(&|file| file.patch_u32(offset_of(file, 4), 900_000_000)),
            Verdict::error("COG-TILE-007"),
            "the fifth tile begins past the end of the file",
        ),
        raster(
            "bad_offset_zero_with_byte_count",
            patched(&|file| file.patch_u32(offset_of(file, 4), 0)),
            Verdict::error("COG-TILE-009"),
            "the fifth tile has a byte count and no offset",
        ),
        raster(
            "bad_byte_count_zero_with_offset",
            patched(&|file| file.patch_u32(file.values[&(0, TILE_BYTE_COUNTS)] + 4 * 4, 0)),
            Verdict::error("COG-TILE-009"),
            "the fifth tile has an offset and no byte count",
        ),
    ])
}

/// One level in strips of 16 rows, IFD first.
fn strips() -> io::Result<Vec<u8>> {
    let cog = Cog {
        width: 600,
        height: 520,
        tile_width: 608,
        tile_length: 16,
        ghost: false,
        overviews: 0,
        deflate: false,
        ..Cog::default()
    };
    let mut plan = cog.plan()?;
    let (_, height) = level_size(cog.width, cog.height, 0);
    let image = &mut plan.images[0];
    for tag in [322, 323, TILE_OFFSETS, TILE_BYTE_COUNTS] {
        image.remove(tag);
    }
    image.set(278, Values::Short(vec![16]));
    image.set(STRIP_OFFSETS, Values::Long(Vec::new()));
    image.set(STRIP_BYTE_COUNTS, Values::Long(Vec::new()));
    image.set(259, Values::Short(vec![8]));
    for (strip, tile) in image.tiles.iter_mut().enumerate() {
        let rows = (height - strip * 16).min(16);
        if let Some(bytes) = tile {
            let cut: Vec<u8> =
                bytes.chunks(cog.tile_width).take(rows).flat_map(|row| row[..cog.width].to_vec()).collect();
            *bytes = Cog::default().compress(cut)?;
        }
    }
    Ok(plan.write().bytes)
}

/// The ghost area promises what the file does not keep.
fn broken_claims() -> io::Result<Vec<Fixture>> {
    let claimed = |change: &dyn Fn(String) -> String| -> io::Result<Vec<u8>> {
        let mut plan = plain()?;
        plan.ghost = plan.ghost.map(change);
        Ok(plan.write().bytes)
    };
    let written = plain()?.write();
    let patched = |change: &dyn Fn(&mut Written)| {
        let mut copy = written.clone();
        change(&mut copy);
        copy.bytes
    };
    let mut unordered = plain()?;
    let last = unordered.pieces.len() - 1;
    unordered.pieces.swap(last, last - 1);

    let masked = Cog { mask: true, ..Cog::default() };
    let mut apart = masked.plan()?;
    let masks = [0, 1, 2].map(|level| masked.mask_image(level));
    let (late, early): (Vec<_>, Vec<_>) =
        apart.pieces.into_iter().partition(|piece| matches!(piece, Piece::Tile(image, _) if masks.contains(image)));
    apart.pieces = early;
    // Smallest level first among the masks too: interleaving is the only promise that is broken.
    let order = |piece: &Piece| matches!(piece, Piece::Tile(image, _) if *image == masks[0]);
    let (full, small): (Vec<_>, Vec<_>) = late.into_iter().partition(order);
    let before_full = apart.pieces.iter().position(|piece| matches!(piece, Piece::Tile(0, _))).unwrap_or(0);
    let tail = apart.pieces.split_off(before_full);
    apart.pieces.extend(small);
    apart.pieces.extend(tail);
    apart.pieces.extend(full);

    Ok(vec![
        raster(
            "bad_ghost_size_not_a_number",
            claimed(&|text| text.replacen("SIZE=000140", "SIZE=00014x", 1))?,
            Verdict::error("COG-GHO-001"),
            "the size of the ghost area is not six digits",
        ),
        raster(
            "bad_ghost_size_too_small",
            claimed(&|text| text.replacen("SIZE=000140", "SIZE=000100", 1))?,
            Verdict::error("COG-GHO-002"),
            "the ghost area is longer than it says",
        ),
        raster(
            "bad_claimed_row_major",
            unordered.write().bytes,
            Verdict::error("COG-GHO-004"),
            "the last two tiles have changed places, BLOCK_ORDER=ROW_MAJOR is claimed",
        ),
        raster(
            "bad_leader",
            patched(&|file| file.patch_u32(file.tiles[&(0, 4)] - 4, 77)),
            Verdict::error("COG-GHO-005"),
            "the leader of the fifth tile is not its byte count",
        ),
        raster(
            "bad_trailer",
            patched(&|file| file.patch_u32(file.tiles[&(0, 5)] - 8, 0xDEAD_BEEF)),
            Verdict::error("COG-GHO-006"),
            "the trailer of the fifth tile does not repeat its last bytes",
        ),
        raster(
            "bad_known_incompatible_edition",
            claimed(&|text| text.replacen("EDITION=NO\n ", "EDITION=YES\n", 1))?,
            Verdict::error("COG-GHO-007"),
            "marked as edited in place",
        ),
        raster(
            "bad_claimed_mask_interleave",
            apart.write().bytes,
            Verdict::error("COG-GHO-008"),
            "the mask tiles stand behind their level, MASK_INTERLEAVED_WITH_IMAGERY=YES is claimed",
        ),
    ])
}

/// Readable, but a warning is due.
fn dubious() -> io::Result<Vec<Fixture>> {
    let mut no_keys = unclaimed()?;
    no_keys.images[0].remove(34_735);
    let mut gaps = unclaimed()?;
    gaps.pieces = (gaps.pieces.into_iter())
        .flat_map(|piece| match piece {
            Piece::Tile(..) => vec![piece, Piece::Padding(2000)],
            _ => vec![piece],
        })
        .collect();
    let end = gaps.pieces.len() - 1;
    gaps.pieces.truncate(end);
    let mut tail = unclaimed()?;
    tail.pieces.push(Piece::Padding(5_000));

    let masked = Cog { mask: true, ghost: false, ..Cog::default() };
    let mut mask_without_overviews = masked.plan()?;
    let lost = [1, 2].map(|level| masked.mask_image(level));
    mask_without_overviews.chain.retain(|image| !lost.contains(image));
    mask_without_overviews.pieces.retain(
        |piece| !matches!(piece, Piece::Ifd(image) | Piece::Index(image) | Piece::Tile(image, _) if lost.contains(image)),
    );

    let mut pages = unclaimed()?;
    pages.images.push(pages.images[0].clone());
    pages.chain.push(3);
    pages.pieces.insert(3, Piece::Ifd(3));
    pages.pieces.insert(4, Piece::Index(3));
    for tile in 0..pages.images[3].tiles.len() {
        pages.pieces.push(Piece::Tile(3, tile));
    }

    Ok(vec![
        raster(
            "bad_no_overviews",
            Cog { width: 600, height: 520, tile_width: 256, tile_length: 256, overviews: 0, ..Cog::default() }
                .plan()?
                .write()
                .bytes,
            Verdict::warning("COG-OVR-001"),
            "larger than a tile and without overviews",
        ),
        raster(
            "bad_no_georeference",
            Cog { georeferenced: false, ..Cog::default() }.plan()?.write().bytes,
            Verdict::error("GS-GEO-001"),
            "neither ModelTiepoint nor ModelPixelScale",
        ),
        raster("bad_no_crs", no_keys.write().bytes, Verdict::warning("COG-GEO-002"), "no GeoKeyDirectory"),
        raster(
            "bad_tiles_not_square",
            Cog { tile_length: 64, ..Cog::default() }.plan()?.write().bytes,
            Verdict::warning("COG-TILE-003"),
            "tiles of 128 by 64",
        ),
        raster(
            "bad_gaps_between_tiles",
            gaps.write().bytes,
            Verdict::warning("COG-WASTE-001"),
            "2,000 unused bytes behind each tile",
        ),
        raster(
            "bad_unused_tail",
            tail.write().bytes,
            Verdict::warning("COG-WASTE-002"),
            "5,000 unused bytes behind the last tile",
        ),
        raster(
            "bad_mask_without_overviews",
            mask_without_overviews.write().bytes,
            // GeoServer takes the image for the mask of its overviews then (`GS-MASK-001`).
            Verdict::error("COG-MSK-001"),
            "the imagery has overviews, its mask has none",
        ),
        raster(
            "bad_two_pages",
            pages.write().bytes,
            Verdict::warning("COG-FILE-008"),
            "two full-resolution images in one file",
        ),
    ])
}
