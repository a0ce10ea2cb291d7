//! Decoding of pixels on files made in memory: right, wrong and hostile ones.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

#[path = "../../parcelle-tiff/tests/builder/mod.rs"]
mod builder;

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use builder::{Builder, Page, Tag};
use parcelle_raster::cog::{CogOptions, check};
use parcelle_raster::pixels::{BlockDecoder, Failure, Scratch};
use parcelle_raster::{Checked, Depth};
use parcelle_report::{Finding, Severity};
use parcelle_storage::{ByteSource, Memory};
use proptest::prelude::*;

fn checked(file: Vec<u8>) -> Checked {
    check(&Memory::new(file), "dem.tif", &CogOptions { depth: Depth::Pixels, ..Default::default() }).unwrap()
}

fn of_rule(checked: &Checked, id: &str) -> Option<Finding> {
    checked.findings.iter().find(|finding| finding.rule.id == id).cloned()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lzw(bytes: &[u8]) -> Vec<u8> {
    weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(bytes).unwrap()
}

fn old_lzw(bytes: &[u8]) -> Vec<u8> {
    weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8).encode(bytes).unwrap()
}

fn pack_bits(bytes: &[u8]) -> Vec<u8> {
    let runs = bytes.chunk_by(|left, right| left == right).flat_map(|run| run.chunks(128));
    runs.flat_map(|run| if run.len() == 1 { [0, run[0]] } else { [(257 - run.len()) as u8, run[0]] }).collect()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn lerc_of_bytes(bytes: &[u8]) -> Vec<u8> {
    lerc::encode_slice(32, 32, bytes, lerc::Precision::Lossless).unwrap()
}

fn webp_of_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let encoder = image_webp::WebPEncoder::new(&mut file);
    encoder.encode(bytes, 32, 32, image_webp::ColorType::Rgb8).unwrap();
    file.into_inner()
}

/// A tile of 32 x 32 pixels that no codec makes trivial.
fn texture(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| ((place / 7) ^ (place % 32) ^ (place / 320)) as u8).collect()
}

type Encode = fn(&[u8]) -> Vec<u8>;
/// Number of the codec, samples of a pixel, encoder.
type Codec = (u64, u64, Encode);

/// Codecs that tests can encode; the third is LZW as it was before TIFF 6.0.
const CODECS: [Codec; 10] = [
    (1, 1, |bytes| bytes.to_vec()),
    (5, 1, lzw),
    (5, 1, old_lzw),
    (8, 1, deflate),
    (32_946, 1, deflate),
    (32_773, 1, pack_bits),
    (50_000, 1, zstandard),
    (34_887, 1, lerc_of_bytes),
    (50_001, 3, webp_of_bytes),
    (8, 3, deflate),
];

/// One tile of 32 x 32 pixels with samples of 8 bits.
fn page(compression: u64, samples: u64, block: Vec<u8>) -> Page {
    let mut page = Page::tiled(32, 32, 32, 0);
    page.set(259, &[compression]).set(277, &[samples]);
    if samples == 3 {
        page.set(258, &[8, 8, 8]).set(262, &[2]);
    }
    page.blocks = vec![block];
    page
}

fn encoded(codec: Codec) -> Vec<u8> {
    let (compression, samples, encode) = codec;
    Builder::new(vec![page(compression, samples, encode(&texture(1024 * samples as usize)))]).build()
}

/// The samples of the first block of a file.
fn values(file: &[u8]) -> Result<Vec<u8>, Failure> {
    let source = Memory::new(file.to_vec());
    let structure =
        parcelle_tiff::read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer)).unwrap();
    let main = structure.main().unwrap();
    let bytes = main.blocks.as_ref().unwrap().get(0).unwrap();
    let decoder = BlockDecoder::new(main, main.image.unwrap())?;
    let mut scratch = Scratch::default();
    Ok(decoder.values(&source, 0, bytes, &mut scratch).unwrap()?.unwrap().to_vec())
}

#[test]
fn every_codec_gives_the_bytes_that_were_encoded() {
    for codec in CODECS {
        let file = encoded(codec);
        assert_eq!(values(&file).unwrap(), texture(1024 * codec.1 as usize), "compression {}", codec.0);
        let checked = checked(file);
        // It has no place on the map.
        let is_serious = |one: &&Finding| one.severity > Severity::Info && !one.rule.id.starts_with("COG-GEO");
        let serious: Vec<_> = checked.findings.iter().filter(is_serious).collect();
        assert!(serious.is_empty(), "compression {}: {serious:?}", codec.0);
        assert_eq!(checked.facts["pixels"]["bytes_decoded"], 1024 * codec.1, "compression {}", codec.0);
    }
}

#[test]
fn the_crate_tiff_reads_the_same_values() {
    for codec in [CODECS[0], CODECS[1], CODECS[3], CODECS[9]] {
        let file = encoded(codec);
        let mut decoder = tiff::decoder::Decoder::new(Cursor::new(file.clone())).unwrap();
        let tiff::decoder::DecodingResult::U8(theirs) = decoder.read_image().unwrap() else { panic!("bytes") };
        assert_eq!(values(&file).unwrap(), theirs, "compression {}", codec.0);
    }
}

#[test]
fn a_stream_that_is_cut_off_does_not_decode() {
    for codec in CODECS {
        let (compression, samples, encode) = codec;
        let whole = encode(&texture(1024 * samples as usize));
        let mut cut = page(compression, samples, whole[..whole.len() - whole.len() / 4].to_vec());
        cut.set(322, &[32]);
        let checked = checked(Builder::new(vec![cut]).build());
        let finding = of_rule(&checked, "COG-TILE-012").unwrap_or_else(|| panic!("compression {compression}"));
        assert!(finding.message.starts_with("Tile (0,0) of full resolution does not decode: "), "{}", finding.message);
        assert!(finding.fix.contains("get the source again"), "{}", finding.fix);
        assert_eq!(checked.facts["pixels"]["tiles_damaged"], 1);
    }
}

#[test]
fn what_follows_in_a_stream_is_ignored() {
    let mut longer = texture(1024);
    longer.extend(texture(512));
    for codec in
        [(1, 1, CODECS[0].2), (5, 1, lzw as Encode), (8, 1, deflate), (32_773, 1, pack_bits), (50_000, 1, zstandard)]
    {
        let file = Builder::new(vec![page(codec.0, 1, codec.2(&longer))]).build();
        assert_eq!(values(&file).unwrap(), texture(1024), "compression {}", codec.0);
    }
}

#[test]
fn a_wrong_checksum_is_damage() {
    let mut stream = deflate(&texture(1024));
    *stream.last_mut().unwrap() ^= 1;
    let failure = values(&Builder::new(vec![page(8, 1, stream)]).build()).unwrap_err();
    assert_eq!(failure, Failure::Damaged("deflate: incorrect data check".to_owned()));
}

#[test]
fn bands_of_a_lerc_blob_with_masks_of_their_own_are_brought_to_each_pixel() {
    use lerc::bitmask::BitMask;
    let pixels = 32 * 32;
    let value = |band: usize, pixel: usize| (band * 1000 + pixel) as f32;
    let data: Vec<f32> = (0..2).flat_map(|band| (0..pixels).map(move |pixel| value(band, pixel))).collect();
    let mut masks = [BitMask::all_valid(pixels), BitMask::all_valid(pixels)];
    masks[0].set_invalid(5);
    masks[1].set_invalid(1023);
    let blob = lerc::encode_borrowed(32, 32, 1, 2, &data, &masks, None, lerc::Precision::Lossless).unwrap();
    let mut page = page(34_887, 2, blob);
    page.set(258, &[32, 32]);
    page.tags.push(Tag(339, 3, vec![3, 3]));
    let values = values(&Builder::new(vec![page]).build()).unwrap();
    let numbers: Vec<f32> = values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    for (place, number) in numbers.iter().enumerate() {
        let (pixel, band) = (place / 2, place % 2);
        let is_lost = (pixel, band) == (5, 0) || (pixel, band) == (1023, 1);
        assert!(if is_lost { number.is_nan() } else { *number == value(band, pixel) }, "{pixel} {band} {number}");
    }
}

#[test]
fn rows_below_the_image_may_be_missing() {
    let mut cut = page(8, 1, deflate(&texture(32 * 20)));
    cut.set(257, &[20]);
    assert!(values(&Builder::new(vec![cut.clone()]).build()).is_ok());
    cut.set(257, &[21]);
    assert!(values(&Builder::new(vec![cut.clone()]).build()).is_err());
    // 32 % 10 rows are what GDAL takes for those below an image of ten.
    cut.set(257, &[10]);
    assert!(values(&Builder::new(vec![cut]).build()).is_err());
}

#[test]
fn unknown_codecs_and_predictors_are_told_apart() {
    let unknown = checked(Builder::new(vec![page(50_002, 1, vec![1; 100])]).build());
    let finding = of_rule(&unknown, "COG-TILE-016").unwrap();
    assert_eq!(finding.message, "1 tile of full resolution not decoded: parcelle has no decoder for compression jxl");
    assert_eq!((finding.severity, of_rule(&unknown, "COG-TILE-012")), (Severity::Warning, None));
    let mut page = page(8, 1, deflate(&texture(1024)));
    page.tags.insert(8, Tag(317, 3, vec![3]));
    let finding = of_rule(&checked(Builder::new(vec![page]).build()), "COG-TILE-012").unwrap();
    assert!(finding.message.ends_with("predictor 3 is not defined for uint8"), "{}", finding.message);
}

#[test]
fn constant_tiles_of_nodata_are_counted() {
    let mut page = Page::tiled(64, 64, 32, 0);
    page.set(259, &[8]);
    page.tags.push(Tag(42_113, 2, b"7\0".iter().map(|byte| u64::from(*byte)).collect()));
    page.blocks = [7, 7, 0, 8].iter().map(|value| deflate(&[*value; 1024])).collect();
    let checked = checked(Builder::new(vec![page]).build());
    assert_eq!(checked.facts["pixels"]["tiles_of_nodata"], 2);
    let finding = of_rule(&checked, "COG-WASTE-003").unwrap();
    assert!(finding.message.starts_with("2 tiles of 4 hold nothing but nodata"), "{}", finding.message);
}

/// An image of 128 x 128 pixels, and an overview of it made of every second pixel after `change`.
fn with_overview(picture: impl Fn(usize, usize) -> u8, change: impl Fn(usize, usize, u8) -> u8) -> Checked {
    let mut full = Page::tiled(128, 128, 64, 0);
    let tile =
        |column: usize, row: usize| (0..64 * 64).map(|at| picture(column * 64 + at % 64, row * 64 + at / 64)).collect();
    full.blocks = vec![tile(0, 0), tile(1, 0), tile(0, 1), tile(1, 1)];
    let mut overview = Page::tiled(64, 64, 64, 1);
    overview.blocks =
        vec![(0..64 * 64).map(|at| change(at % 64, at / 64, picture(at % 64 * 2 + 1, at / 64 * 2 + 1))).collect()];
    checked(Builder::new(vec![full, overview]).build())
}

#[test]
fn overviews_are_held_against_their_image() {
    let smooth = |x: usize, y: usize| (128.0 + 60.0 * (x as f64 / 9.0).sin() + 50.0 * (y as f64 / 13.0).cos()) as u8;
    let noise = |x: usize, y: usize| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ (x * y)) as u8;
    for checked in [with_overview(smooth, |_, _, value| value), with_overview(noise, |_, _, value| value)] {
        assert_eq!(of_rule(&checked, "COG-OVR-012"), None);
    }
    for (what, checked) in [
        ("empty", with_overview(smooth, |_, _, _| 0)),
        ("empty over noise", with_overview(noise, |_, _, _| 255)),
        ("another", with_overview(smooth, |x, y, _| smooth(x * 2 + 64, (y + 1) * 2 + 99))),
        ("negative", with_overview(smooth, |_, _, value| 255 - value)),
    ] {
        let finding = of_rule(&checked, "COG-OVR-012").unwrap_or_else(|| panic!("{what}"));
        assert!(finding.message.starts_with("Overview 1 does not match full resolution: "), "{}", finding.message);
        assert!(finding.fix.contains("-co OVERVIEWS=IGNORE_EXISTING"), "{}", finding.fix);
    }
}

/// An image with a mask of 0 and 1, and an overview of each; that of the mask is every second pixel of it after `change`.
fn with_mask_overview(mask: impl Fn(usize, usize) -> u8, change: impl Fn(usize, usize, u8) -> u8) -> Checked {
    let picture = |side: usize, shows: &dyn Fn(usize, usize) -> u8| -> Vec<u8> {
        (0..side * side).map(|at| shows(at % side, at / side)).collect()
    };
    let mut pages = [(128, 0), (128, 4), (64, 1), (64, 5)].map(|(side, kind)| Page::tiled(side, side, side, kind));
    let gradient = |x: usize, y: usize| (x / 2 + y / 2) as u8;
    pages[0].blocks = vec![picture(128, &gradient)];
    pages[1].blocks = vec![picture(128, &mask)];
    pages[2].blocks = vec![picture(64, &|x, y| gradient(x * 2, y * 2))];
    pages[3].blocks = vec![picture(64, &|x, y| change(x, y, mask(x * 2 + 1, y * 2 + 1)))];
    checked(Builder::new(pages.into()).build())
}

#[test]
fn overviews_of_masks_are_held_against_their_mask() {
    // A corner without data, a tenth of the image.
    let corner = |x: usize, y: usize| u8::from(x > 40 || y > 40);
    let checkered = |x: usize, y: usize| ((x ^ y) & 1) as u8;
    let same = |_: usize, _: usize, value: u8| value;
    for checked in [
        with_mask_overview(corner, same),
        // As readers of other houses write it: whatever shows is 255.
        with_mask_overview(corner, |_, _, value| value * 255),
        with_mask_overview(checkered, same),
        with_mask_overview(checkered, |_, _, value| 1 - value),
        // A kernel may move the edge by some pixels.
        with_mask_overview(corner, |x, y, _| u8::from(x > 21 || y > 21)),
    ] {
        assert_eq!(of_rule(&checked, "COG-OVR-012"), None);
    }
    for (what, checked) in [
        ("it masks out what shows below", with_mask_overview(corner, |_, _, _| 0)),
        ("it shows what is masked out below", with_mask_overview(corner, |_, _, _| 1)),
        ("it shows what is masked out below", with_mask_overview(corner, |_, _, value| 1 - value)),
        ("it shows what is masked out below", with_mask_overview(corner, |x, y, _| u8::from(x < 43 || y < 43))),
    ] {
        let finding = of_rule(&checked, "COG-OVR-012").unwrap_or_else(|| panic!("{what}"));
        assert_eq!(finding.message, format!("Mask overview 1 does not match the mask: {what} (1 tile of 1 sampled)"));
    }
}

/// Overviews come first in a COG: where it was cut they are whole, and what they were made of is lost, not empty.
#[test]
fn what_was_cut_off_is_not_held_against_the_overviews() {
    let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/cog/good_mask.tif")).unwrap();
    let mut lost = 0;
    for length in (2000..file.len()).step_by(100) {
        let checked = checked(file[..length].to_vec());
        assert_eq!(of_rule(&checked, "COG-OVR-012"), None, "cut to {length} bytes");
        lost += usize::from(of_rule(&checked, "COG-FILE-003").is_some());
    }
    assert!(lost > 20, "{lost}");
}

/// Checks a file and says how long that took.
fn timed(file: Vec<u8>) -> (Checked, Duration) {
    let start = Instant::now();
    (checked(file), start.elapsed())
}

/// Declares a tile, and an image of one, to have sides of so many pixels.
fn declare(page: &mut Page, side: u64) {
    for tag in page.tags.iter_mut().filter(|tag| [256, 257, 322, 323].contains(&tag.0)) {
        *tag = Tag(tag.0, 4, vec![side]);
    }
}

#[test]
fn bombs_and_lies_are_findings_in_bounded_time() {
    // A tile that is declared larger than its bytes can become.
    let mut huge = page(8, 1, deflate(&texture(1024)));
    declare(&mut huge, 1 << 20);
    // One whose sides nobody can multiply.
    let mut widest = page(5, 1, lzw(&texture(1024)));
    declare(&mut widest, u32::MAX.into());
    // A picture codec over its limit.
    let mut picture = page(50_001, 3, webp_of_bytes(&texture(3072)));
    declare(&mut picture, 1 << 15);
    // A bomb that does decode: 64 MiB of one value.
    let mut bomb = page(50_000, 1, zstandard(&vec![9; 64 << 20]));
    declare(&mut bomb, 1 << 13);
    // Another picture than the tile, and a mask of lies.
    let other_size = page(34_887, 3, lerc_of_bytes(&texture(1024)));
    for (what, page, rule) in [
        ("huge", huge, Some("COG-TILE-012")),
        ("widest", widest, Some("COG-TILE-012")),
        ("picture", picture, Some("COG-TILE-012")),
        ("bomb", bomb, None),
        ("other_size", other_size, Some("COG-TILE-012")),
    ] {
        let (checked, took) = timed(Builder::new(vec![page]).build());
        let found = of_rule(&checked, "COG-TILE-012").map(|finding| finding.rule.id);
        assert_eq!(found, rule, "{what}: {:?}", checked.findings);
        assert!(took < Duration::from_secs(10), "{took:?}");
    }
}

#[test]
fn strips_of_the_same_bytes_are_decoded_once() {
    let strips = 200_000_u64;
    let block = deflate(&texture(64));
    let mut page = Page::striped(64, 1, 1);
    page.set(257, &[strips]).set(259, &[8]);
    page.set(273, &vec![8; strips as usize]).set(279, &vec![block.len() as u64; strips as usize]);
    page.blocks = vec![];
    let mut file = Builder { data_first: true, ..Builder::new(vec![page]) }.build();
    file.splice(8..8, block.clone());
    let shift = block.len() as u32;
    // Everything behind the header moved: the pointers to it too.
    let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) + shift;
    file[4..8].copy_from_slice(&directory.to_le_bytes());
    let entries = directory as usize + 2;
    for entry in 0..9 {
        let at = entries + entry * 12;
        if u32::from_le_bytes(file[at + 4..at + 8].try_into().unwrap()) > 1 {
            let area = u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap()) + shift;
            file[at + 8..at + 12].copy_from_slice(&area.to_le_bytes());
        }
    }
    let (checked, took) = timed(file);
    assert_eq!(checked.facts["pixels"]["tiles_decoded"], 1, "{:?}", checked.findings);
    assert_eq!(of_rule(&checked, "COG-TILE-012"), None);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn the_report_does_not_depend_on_threads() {
    let mut page = Page::tiled(32 * 15, 32 * 16, 32, 0);
    page.set(259, &[8]);
    page.blocks =
        (0..240).map(|tile| if tile % 7 == 3 { vec![1, 2, 3, tile as u8] } else { deflate(&texture(1024)) }).collect();
    let file = Builder::new(vec![page]).build();
    let mut reports = [1, 2, 5].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| checked(file.clone()))
    });
    let finding = of_rule(&reports[0], "COG-TILE-012").unwrap();
    assert!(
        finding.message.starts_with("Tile (3,0) of full resolution does not decode") && finding.count == 34,
        "{finding:?}"
    );
    reports.iter_mut().for_each(|report| {
        report.facts.remove("requests");
    });
    assert!(reports.iter().all(|report| *report == reports[0]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is done to a good file: an answer, soon.
    #[test]
    fn flipped_bytes_never_panic(codec in 0..CODECS.len(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut file = encoded(CODECS[codec]);
        for (place, value) in flips {
            let place = place.index(file.len());
            file[place] = value;
        }
        let (_, took) = timed(file);
        prop_assert!(took < Duration::from_secs(10), "{took:?}");
    }
}
