//! More GeoTIFFs of `testdata/`, one for each rule of layout, georeferencing, overviews and tiles that the others do not
//! break: examples for `parcelle check --explain` are made of them.

use std::io;

use crate::cog::{Cog, ghost_area};
use crate::fixture::{Content, Fixture, Verdict};
use crate::raster_fixtures::raster;
use crate::tiff::{Image, Piece, Plan, TILE_BYTE_COUNTS, TILE_OFFSETS, Values};

/// The COG that these defects are planted into: small, and without claims that they would break besides.
fn base() -> Cog {
    Cog { width: 200, height: 160, tile_width: 64, tile_length: 64, ghost: false, ..Cog::default() }
}

fn changed(cog: &Cog, change: impl FnOnce(&mut Plan)) -> io::Result<Vec<u8>> {
    let mut plan = cog.plan()?;
    change(&mut plan);
    Ok(plan.write().bytes)
}

/// Every fixture of this module.
pub(crate) fn fixtures() -> io::Result<Vec<Fixture>> {
    let mut fixtures = headers()?;
    fixtures.extend(levels()?);
    fixtures.extend(tiles()?);
    fixtures.extend(codecs()?);
    fixtures.extend(keys()?);
    fixtures.extend(beside()?);
    Ok(fixtures)
}

/// Georeferencing, header and ghost area.
fn headers() -> io::Result<Vec<Fixture>> {
    let matrix = vec![10.0, 0.0, 0.0, 652_000.0, 0.0, -10.0, 0.0, 6_862_000.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let claimed = |text: String| {
        let text = text.replace("_SIZE=000140", &format!("_SIZE={:06}", text.len() - 43));
        changed(&Cog { ghost: true, ..base() }, |plan| plan.ghost = Some(text))
    };
    let mut overlap = base().plan()?.write();
    let inside = overlap.ifd_offsets[0] as u32 + 4;
    overlap.patch_u32(overlap.entries[&(0, 34_735)] + 8, inside);
    Ok(vec![
        raster(
            "bad_model_transformation",
            changed(&base(), |plan| {
                plan.images[0].remove(33_550);
                plan.images[0].remove(33_922);
                plan.images[0].set(34_264, Values::Double(matrix));
            })?,
            Verdict::warning("COG-GEO-003"),
            "placed by ModelTransformation alone, without rotation",
        ),
        raster(
            "bad_header_large",
            changed(&base(), |plan| plan.images[0].set(270, Values::Ascii("described at length ".repeat(1_000))))?,
            Verdict::warning("COG-HDR-001"),
            "an ImageDescription of 20,000 bytes in the header",
        ),
        raster(
            "bad_unused_before_first_ifd",
            changed(&base(), |plan| plan.pieces.insert(0, Piece::Padding(400)))?,
            Verdict::warning("COG-IFD-005"),
            "400 unused bytes between the header and the first IFD",
        ),
        raster(
            "bad_ghost_unknown_value",
            claimed(ghost_area(false).replace("ROW_MAJOR", "COL_MAJOR"))?,
            Verdict::warning("COG-GHO-003"),
            "BLOCK_ORDER has a value that no reader knows",
        ),
        raster(
            "bad_ghost_interleave",
            claimed(ghost_area(false) + "INTERLEAVE=BAND\n")?,
            Verdict::error("COG-GHO-009"),
            "INTERLEAVE=BAND is claimed, PlanarConfiguration is 1",
        ),
        raster(
            "bad_value_in_ifd",
            overlap.bytes,
            Verdict::error("COG-TAG-007"),
            "the GeoKeyDirectory points into the main IFD",
        ),
    ])
}

/// Overviews.
fn levels() -> io::Result<Vec<Fixture>> {
    let replaced = |other: Cog| {
        let images = other.plan()?.images;
        changed(&base(), |plan| {
            for (image, replacement) in plan.images.iter_mut().zip(images).skip(1) {
                *image = replacement;
            }
        })
    };
    let far = Cog { overviews: 4, ..base() };
    let lost = [1, 2, 3].map(|level| far.image(level));
    // The same number of tiles holds another height.
    let tall = |image: &mut Image| image.set(257, Values::Long(vec![110]));
    Ok(vec![
        raster(
            "bad_overview_factor",
            changed(&far, |plan| {
                plan.chain.retain(|image| !lost.contains(image));
                plan.pieces.retain(
                    |piece| !matches!(piece, Piece::Ifd(image) | Piece::Index(image) | Piece::Tile(image, _) if lost.contains(image)),
                );
            })?,
            Verdict::warning("COG-OVR-003"),
            "the only overview has a sixteenth of the size",
        ),
        raster(
            "bad_smallest_level",
            Cog { width: 380, height: 300, overviews: 1, ..base() }.plan()?.write().bytes,
            Verdict::warning("COG-OVR-004"),
            "the smallest level still has three tiles across and down",
        ),
        raster(
            "bad_overview_proportions",
            changed(&base(), |plan| tall(&mut plan.images[1]))?,
            Verdict::warning("COG-OVR-007"),
            "the first overview is higher than its width lets expect",
        ),
        raster(
            "good_overview_codec",
            replaced(Cog { deflate: false, ..base() })?,
            Verdict::info("COG-OVR-009"),
            "the overviews are not compressed, the full resolution is",
        ),
        raster(
            "good_overview_tile_size",
            {
                // As many tiles of the smaller levels, of another size.
                let other = Cog { tile_width: 128, tile_length: 128, ..base() };
                let (mut plan, images) = (base().plan()?, other.plan()?.images);
                plan.images[1] = images[1].clone();
                plan.pieces.retain(|piece| !matches!(piece, Piece::Tile(1, tile) if *tile >= images[1].tiles.len()));
                plan.write().bytes
            },
            Verdict::info("COG-OVR-008"),
            "the first overview has tiles of 128, the full resolution of 64",
        ),
        raster(
            "bad_sub_ifds",
            changed(&base(), |plan| plan.images[0].set(330, Values::Long(vec![8])))?,
            Verdict::warning("COG-OVR-011"),
            "a directory below the main one, where no reader looks",
        ),
    ])
}

/// Single tiles and the grid.
fn tiles() -> io::Result<Vec<Fixture>> {
    let mut absurd = base().plan()?.write();
    absurd.patch_u32(absurd.values[&(0, TILE_BYTE_COUNTS)] + 16, 1 << 30);
    let mut shared = base().plan()?.write();
    for tag in [TILE_OFFSETS, TILE_BYTE_COUNTS] {
        let values = shared.values[&(0, tag)] as usize;
        let first: [u8; 4] = [0, 1, 2, 3].map(|byte| shared.bytes[values + byte]);
        shared.patch(values as u64 + 4, &first);
    }
    let masked = Cog { mask: true, ..base() };
    let mut apart = masked.plan()?;
    // Stable: the mask tiles of the full resolution go behind its image tiles, and everything else stays.
    let behind = masked.mask_image(0);
    apart.pieces.sort_by_key(|piece| matches!(piece, Piece::Tile(image, _) if *image == behind));
    let single = Cog { width: 60, height: 50, overviews: 0, ..base() };
    let mut jpeg = b"\xff\xd8\xff\xda\0\x08\x01\x01\0\0\x3f\0".to_vec();
    jpeg.resize(200, 0x55);
    Ok(vec![
        raster(
            "bad_large_tiles",
            Cog { width: 600, height: 500, tile_width: 2_048, tile_length: 2_048, overviews: 0, ..base() }
                .plan()?
                .write()
                .bytes,
            Verdict::warning("COG-TILE-004"),
            "one tile of 2048 by 2048",
        ),
        raster(
            "bad_byte_count_absurd",
            absurd.bytes,
            Verdict::error("COG-TILE-008"),
            "the fifth tile has a gigabyte, by its byte count",
        ),
        raster(
            "bad_every_tile_sparse",
            changed(&base(), |plan| plan.images[0].tiles.iter_mut().for_each(|tile| *tile = None))?,
            Verdict::warning("COG-TILE-011"),
            "no tile of the full resolution is stored",
        ),
        raster(
            "good_shared_tiles",
            shared.bytes,
            Verdict::info("COG-TILE-013"),
            "the second tile is the bytes of the first",
        ),
        raster(
            "good_mask_apart",
            apart.write().bytes,
            Verdict::info("COG-MSK-003"),
            "the mask tiles of the full resolution stand behind its image tiles",
        ),
        raster(
            "good_tiles_of_48",
            Cog { tile_width: 48, tile_length: 48, overviews: 3, ..base() }.plan()?.write().bytes,
            Verdict::info("COG-TILE-014"),
            "tiles of 48 by 48",
        ),
        raster(
            "good_tiles_out_of_order",
            changed(&base(), |plan| {
                let last = plan.pieces.len() - 1;
                plan.pieces.swap(last, last - 1);
            })?,
            Verdict::info("COG-ORD-003"),
            "the last two tiles have changed places, and nothing else is claimed",
        ),
        raster(
            "bad_jpeg_without_tables",
            changed(&single, |plan| {
                plan.images[0].set(259, Values::Short(vec![7]));
                plan.images[0].tiles = vec![Some(jpeg)];
            })?,
            Verdict::error("COG-CMP-003"),
            "a JPEG tile that leaves its tables to JPEGTables, which is not there",
        ),
    ])
}

/// Codecs that cost more than they save, and a directory at an odd place.
fn codecs() -> io::Result<Vec<Fixture>> {
    let small = Cog { width: 60, height: 50, tile_width: 64, tile_length: 64, overviews: 0, ..base() };
    let noise: Vec<u8> =
        (0..64_u32 * 64).map(|at| (at.wrapping_mul(at).wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let stored = small.compress(noise)?;
    Ok(vec![
        raster(
            "good_noise",
            changed(&small, |plan| plan.images[0].tiles = vec![Some(stored)])?,
            Verdict::info("COG-CMP-004"),
            "its tile is noise, which is larger with DEFLATE than without",
        ),
        raster(
            "good_jpeg_as_rgb",
            changed(&Cog { bands: 3, ..small }, |plan| {
                plan.images[0].set(259, Values::Short(vec![7]));
                let (tables, tile) = grey_jpeg(64);
                plan.images[0].set(347, Values::Undefined(tables));
                plan.images[0].tiles = vec![Some(tile)];
            })?,
            Verdict::info("COG-CMP-006"),
            "JPEG of red, green and blue",
        ),
        raster(
            "bad_ifd_at_odd_offset",
            changed(&base(), |plan| plan.pieces.insert(1, Piece::Shift))?,
            Verdict::warning("COG-IFD-006"),
            "one byte before the IFD of the first overview, which moves it to an odd offset",
        ),
    ])
}

/// A picture of red, green and blue in which all are 128, and the tables for it: of each block the difference to the one
/// before, which is nothing, and an end of block (ITU-T T.81, annex B and F.1.2). That it is not YCbCr is said as libjpeg
/// says it, by an APP14 segment.
fn grey_jpeg(size: u16) -> (Vec<u8>, Vec<u8>) {
    let [high, low] = size.to_be_bytes();
    let mut tables = b"\xff\xd8\xff\xdb\0\x43\0".to_vec();
    tables.extend([1; 64]);
    for class in [0x00, 0x10] {
        // One code, of one bit, for the value 0.
        tables.extend([0xff, 0xc4, 0, 20, class, 1]);
        tables.extend([0; 16]);
    }
    tables.extend(b"\xff\xd9");
    let mut tile = b"\xff\xd8\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0".to_vec();
    tile.extend([0xff, 0xc0, 0, 17, 8, high, low, high, low, 3]);
    tile.extend(b"\x01\x11\0\x02\x11\0\x03\x11\0");
    tile.extend(b"\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0");
    // Two bits for each block of 8 by 8, of three colours.
    let blocks = (usize::from(size) / 8).pow(2) * 3;
    tile.extend(vec![0; blocks * 2 / 8]);
    tile.extend(b"\xff\xd9");
    (tables, tile)
}

/// GeoKeys that contradict their own count.
fn keys() -> io::Result<Vec<Fixture>> {
    let with = |numbers: &[u16]| changed(&base(), |plan| plan.images[0].set(34_735, Values::Short(numbers.to_vec())));
    Ok(vec![
        raster(
            "bad_geo_key_count",
            with(&[1, 1, 0, 9, 1024, 0, 1, 1, 3072, 0, 1, 2154])?,
            Verdict::warning("COG-GEO-005"),
            "the GeoKeyDirectory announces nine keys and has two",
        ),
        raster(
            "bad_geo_keys_cut",
            with(&[1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 2154, 3076, 0])?,
            Verdict::error("GS-CRS-008"),
            "the GeoKeyDirectory ends in the middle of a key",
        ),
    ])
}

/// What stands in other files.
fn beside() -> io::Result<Vec<Fixture>> {
    let cog = Cog { overviews: 0, ..base() };
    let mut half = Cog { overviews: 1, ..base() }.plan()?;
    half.chain = vec![1];
    half.pieces.retain(|piece| matches!(piece, Piece::Ifd(1) | Piece::Index(1) | Piece::Tile(1, _)));
    let masked = Cog { overviews: 0, mask: true, ..base() };
    let mut mask = masked.plan()?;
    mask.images[1].set(254, Values::Long(vec![4]));
    mask.chain = vec![1];
    mask.pieces.retain(|piece| matches!(piece, Piece::Ifd(1) | Piece::Index(1) | Piece::Tile(1, _)));
    let side = |path: &str, bytes: Vec<u8>, about: &str| Fixture {
        path: format!("cog/{path}"),
        content: Content::Bytes(bytes),
        verdict: None,
        about: about.to_owned(),
    };
    let plain = cog.plan()?.write().bytes;
    let geographic = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],\
        PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AUTHORITY[\"EPSG\",\"4326\"]]\n";
    Ok(vec![
        raster(
            "bad_projection_file",
            plain.clone(),
            Verdict::warning("GS-SIDE-005"),
            "a .prj beside it names another reference system",
        ),
        side("bad_projection_file.prj", geographic.into(), "WGS 84, where bad_projection_file.tif is in Lambert 93"),
        raster(
            "bad_place_in_side_file",
            plain.clone(),
            Verdict::warning("GS-SIDE-006"),
            "its .aux.xml puts it elsewhere",
        ),
        side(
            "bad_place_in_side_file.tif.aux.xml",
            b"<PAMDataset>\n  <GeoTransform>652100, 10, 0, 6862000, 0, -10</GeoTransform>\n</PAMDataset>\n".to_vec(),
            "bad_place_in_side_file.tif is 100 m further east",
        ),
        raster(
            "bad_external_overviews",
            plain.clone(),
            Verdict::error("COG-OVR-002"),
            "its overview is in a file of its own",
        ),
        side("bad_external_overviews.tif.ovr", half.write().bytes, "the overview of bad_external_overviews.tif"),
        raster("bad_external_mask", plain.clone(), Verdict::warning("COG-MSK-004"), "its mask is in a file of its own"),
        side("bad_external_mask.tif.msk", mask.write().bytes, "the mask of bad_external_mask.tif"),
        raster("good_side_file", plain, Verdict::info("COG-FILE-006"), "with metadata in a file of its own"),
        side(
            "good_side_file.tif.aux.xml",
            b"<PAMDataset>\n  <Metadata>\n    <MDI key=\"licence\">open</MDI>\n  </Metadata>\n</PAMDataset>\n".to_vec(),
            "metadata of good_side_file.tif",
        ),
    ])
}
