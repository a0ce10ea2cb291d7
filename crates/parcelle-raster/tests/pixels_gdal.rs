//! Decoded values beside GDAL's: files that its programs write, with every codec, type, predictor, layout and byte order.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test helper fails by panicking, and says what it skips"
)]

use std::path::Path;
use std::process::Command;

use parcelle_raster::Depth;
use parcelle_raster::cog::{CogOptions, check};
use parcelle_raster::pixels::{BlockDecoder, Scratch};
use parcelle_storage::{ByteSource, LocalFile, Memory};
use parcelle_tiff::ByteOrder;

const WIDTH: usize = 75;
const HEIGHT: usize = 53;

/// A type of GDAL's: its number in ENVI's headers, bytes, and whether it is floating point.
struct Type {
    envi: u8,
    bytes: usize,
    is_float: bool,
}

const BYTE: Type = Type { envi: 1, bytes: 1, is_float: false };
const UINT16: Type = Type { envi: 12, bytes: 2, is_float: false };
const TYPES: [Type; 9] = [
    BYTE,
    Type { envi: 2, bytes: 2, is_float: false },
    UINT16,
    Type { envi: 3, bytes: 4, is_float: false },
    Type { envi: 13, bytes: 4, is_float: false },
    Type { envi: 14, bytes: 8, is_float: false },
    Type { envi: 15, bytes: 8, is_float: false },
    Type { envi: 4, bytes: 4, is_float: true },
    Type { envi: 5, bytes: 8, is_float: true },
];

/// Band by band, row by row, in little-endian order.
fn picture(kind: &Type, bands: usize, largest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (band, y, x) in (0..bands).flat_map(|band| (0..HEIGHT).flat_map(move |y| (0..WIDTH).map(move |x| (band, y, x))))
    {
        let smooth = (x * 3 + y * 5 + band * 40) as f64 + 20.0 * (x as f64 / 6.0).sin();
        let whole = (smooth as u64).wrapping_mul(if (x / 9 + y / 7) % 4 == 0 { 977 } else { 1 })
            % largest.saturating_add(1).max(1);
        match (kind.is_float, kind.bytes) {
            (true, 4) => bytes.extend((smooth as f32 * 0.37).to_le_bytes()),
            (true, _) => bytes.extend((smooth * 0.37).to_le_bytes()),
            (false, count) => bytes.extend(&whole.to_le_bytes()[..count]),
        }
    }
    bytes
}

fn write_envi(path: &Path, kind: &Type, bands: usize, bytes: &[u8]) {
    write_envi_of(WIDTH, HEIGHT, path, kind, bands, bytes);
}

fn write_envi_of(width: usize, height: usize, path: &Path, kind: &Type, bands: usize, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    let header = format!(
        "ENVI\nsamples = {width}\nlines = {height}\nbands = {bands}\nheader offset = 0\nfile type = ENVI Standard\n\
         data type = {}\ninterleave = bsq\nbyte order = 0\n",
        kind.envi
    );
    std::fs::write(path.with_extension("hdr"), header).unwrap();
}

/// Runs `gdal_translate`; `false` where this GDAL cannot do that.
fn translate(from: &Path, to: &Path, options: &[&str]) -> Option<bool> {
    let run = Command::new("gdal_translate").arg("-q").args(options).arg(from).arg(to).output().ok()?;
    Some(run.status.success() && to.exists())
}

/// Everything that parcelle decodes of the first image, as ENVI has it.
fn decoded(path: &Path, bytes_each: usize) -> Vec<u8> {
    let source = LocalFile::open(path).unwrap();
    let structure =
        parcelle_tiff::read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer)).unwrap();
    let main = structure.main().unwrap();
    let image = main.image.unwrap();
    let decoder = BlockDecoder::new(main, image).unwrap();
    let samples = usize::from(decoder.samples());
    let (width, height) = (image.width as usize, image.height as usize);
    let mut bands = vec![0; width * height * usize::from(image.samples_per_pixel) * bytes_each];
    let mut scratch = Scratch::default();
    let bits = usize::from(image.bits_per_sample);
    for (block, bytes) in main.blocks.as_ref().unwrap().iter().enumerate() {
        let rows = decoder.values(&source, block, bytes, &mut scratch).unwrap().unwrap().unwrap();
        let row_bytes = decoder.row_bytes().unwrap() as usize;
        let (column, row, plane) = image.block_at(block as u64);
        let (block_width, block_height) = image.block_size();
        let (left, top) = ((column * block_width) as usize, (row * block_height) as usize);
        for (y, row) in rows.chunks_exact(row_bytes).enumerate().take(height - top) {
            for x in 0..(block_width as usize).min(width - left) {
                for sample in 0..samples {
                    let band = usize::from(plane) + sample;
                    let to = ((band * height + top + y) * width + left + x) * bytes_each;
                    let place = x * samples + sample;
                    if bits.is_multiple_of(8) && bits / 8 <= bytes_each {
                        let value = &row[place * bits / 8..(place + 1) * bits / 8];
                        let spelled = decoder.sample_order().unsigned(value).to_le_bytes();
                        bands[to..to + bytes_each].copy_from_slice(&spelled[..bytes_each]);
                    } else {
                        let value = (place * bits..(place + 1) * bits)
                            .fold(0_u64, |value, bit| (value << 1) | u64::from((row[bit / 8] >> (7 - bit % 8)) & 1));
                        bands[to..to + bytes_each].copy_from_slice(&value.to_le_bytes()[..bytes_each]);
                    }
                }
            }
        }
    }
    bands
}

struct Bench {
    directory: tempfile::TempDir,
    done: usize,
    refused: Vec<String>,
    wrong: Vec<String>,
}

impl Bench {
    fn new() -> Option<Self> {
        if Command::new("gdal_translate").arg("--version").output().is_err() {
            eprintln!("skipped: gdal_translate is not installed");
            return None;
        }
        Some(Self { directory: tempfile::tempdir().unwrap(), done: 0, refused: Vec::new(), wrong: Vec::new() })
    }

    /// Has GDAL write a file, and compares what parcelle decodes with what went in, or with what GDAL decodes.
    fn compare(&mut self, kind: &Type, bands: usize, largest: u64, creation: &[&str], tolerance: Option<u8>) {
        let [from, to, back] = ["from.img", "to.tif", "back.img"].map(|name| self.directory.path().join(name));
        for path in [&to, &back] {
            let _ = std::fs::remove_file(path);
        }
        let what = format!("type {} x {bands}, {}", kind.envi, creation.join(" "));
        let bytes = picture(kind, bands, largest);
        write_envi(&from, kind, bands, &bytes);
        let options: Vec<&str> = creation.iter().flat_map(|option| ["-co", option]).collect();
        if translate(&from, &to, &options) != Some(true) {
            self.refused.push(what);
            return;
        }
        let expected = if tolerance.is_some() {
            assert_eq!(translate(&to, &back, &["-of", "ENVI", "-co", "INTERLEAVE=BSQ"]), Some(true), "{what}");
            std::fs::read(&back).unwrap()
        } else {
            bytes
        };
        let got = decoded(&to, kind.bytes);
        let limit = tolerance.unwrap_or(0);
        let is_same = got.len() == expected.len()
            && got.iter().zip(&expected).all(|(left, right)| left.abs_diff(*right) <= limit);
        self.done += 1;
        if !is_same {
            let first = got.iter().zip(&expected).position(|(left, right)| left.abs_diff(*right) > limit);
            let most = got.iter().zip(&expected).map(|(left, right)| left.abs_diff(*right)).max();
            self.wrong.push(format!("{what}: first at {first:?} of {}, most {most:?}", expected.len()));
        }
    }

    fn finish(self, least: usize) {
        eprintln!("{} compared; this GDAL refuses {}: {:?}", self.done, self.refused.len(), self.refused);
        assert!(self.wrong.is_empty(), "{} wrong:\n{}", self.wrong.len(), self.wrong.join("\n"));
        assert!(self.done >= least, "only {} compared", self.done);
    }
}

#[test]
fn byte_codecs_of_every_type_and_predictor() {
    let Some(mut bench) = Bench::new() else { return };
    let codecs = ["NONE", "PACKBITS", "LZW", "DEFLATE", "ZSTD", "LZMA", "LERC", "LERC_DEFLATE", "LERC_ZSTD"];
    for (number, codec) in codecs.into_iter().enumerate() {
        for (place, kind) in TYPES.iter().enumerate() {
            for predictor in 1..=3 {
                let takes_predictor = matches!(codec, "LZW" | "DEFLATE" | "ZSTD") && (predictor == 2 || kind.is_float);
                if predictor > 1 && !takes_predictor {
                    continue;
                }
                let turn = number + place + predictor;
                let compress = format!("COMPRESS={codec}");
                let predictor = format!("PREDICTOR={predictor}");
                let mut creation = vec![compress.as_str()];
                creation.push(if turn.is_multiple_of(2) { "INTERLEAVE=PIXEL" } else { "INTERLEAVE=BAND" });
                creation.push(if turn % 4 < 2 { "ENDIANNESS=LITTLE" } else { "ENDIANNESS=BIG" });
                creation.push(if turn % 3 == 0 { "TILED=NO" } else { "TILED=YES" });
                if turn % 3 > 0 {
                    creation.extend(["BLOCKXSIZE=32", "BLOCKYSIZE=16"]);
                }
                if matches!(codec, "LZW" | "DEFLATE" | "ZSTD") {
                    creation.push(&predictor);
                }
                // libtiff up to 4.5 at least writes floating-point prediction, and floats in LERC, wrongly into big-endian
                // files, and reads its own files back as something else; what counts is that parcelle reads the same.
                let is_misread = (creation.contains(&"PREDICTOR=3") || codec.starts_with("LERC"))
                    && creation.contains(&"ENDIANNESS=BIG");
                bench.compare(kind, 3, u64::MAX, &creation, is_misread.then_some(0));
            }
        }
    }
    bench.finish(60);
}

#[test]
fn any_number_of_bits() {
    let Some(mut bench) = Bench::new() else { return };
    let uint32 = &TYPES[4];
    for (kind, bits) in [(&BYTE, 1..=7_u32), (&UINT16, 9..=15), (uint32, 17..=31)] {
        for bits in bits.step_by(if kind.bytes == 4 { 5 } else { 2 }) {
            for interleave in ["INTERLEAVE=PIXEL", "INTERLEAVE=BAND"] {
                let nbits = format!("NBITS={bits}");
                bench.compare(kind, 2, (1 << bits) - 1, &["COMPRESS=DEFLATE", &nbits, interleave], None);
            }
        }
    }
    for codec in ["CCITTRLE", "CCITTFAX3", "CCITTFAX4"] {
        for tiled in ["TILED=YES", "TILED=NO"] {
            let compress = format!("COMPRESS={codec}");
            bench.compare(&BYTE, 1, 1, &[&compress, "NBITS=1", tiled], None);
        }
    }
    bench.finish(20);
}

#[test]
fn pictures() {
    let Some(mut bench) = Bench::new() else { return };
    // Components of JPEG are compared as they are: luminance and chroma become colours where the content is looked at.
    for (bands, tiled) in [(1, "TILED=YES"), (2, "TILED=YES"), (3, "TILED=NO"), (4, "TILED=YES")] {
        for interleave in ["INTERLEAVE=PIXEL", "INTERLEAVE=BAND"] {
            let creation = ["COMPRESS=JPEG", "JPEG_QUALITY=90", "PHOTOMETRIC=MINISBLACK", interleave, tiled];
            bench.compare(&BYTE, bands, 255, &creation, Some(2));
        }
    }
    for bands in [3, 4] {
        // Colours of transparent pixels are not kept.
        bench.compare(&BYTE, bands, 255, &["COMPRESS=WEBP", "WEBP_LOSSLESS=TRUE"], Some(0));
        bench.compare(&BYTE, bands, 255, &["COMPRESS=WEBP", "WEBP_LEVEL=80", "TILED=YES"], Some(3));
    }
    bench.finish(8);
}

/// Numbers that look random and are the same in every run (xorshift64*).
fn next(state: &mut u64) -> usize {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize
}

#[test]
fn damaged_pictures_are_answered_soon() {
    let Some(bench) = Bench::new() else { return };
    let (from, to) = (bench.directory.path().join("from.img"), bench.directory.path().join("to.tif"));
    let mut seed = 0x5eed;
    for (bands, largest, creation) in [
        (3, 255, "COMPRESS=JPEG PHOTOMETRIC=YCBCR TILED=YES BLOCKXSIZE=64 BLOCKYSIZE=64"),
        (2, 255, "COMPRESS=JPEG TILED=YES BLOCKXSIZE=64 BLOCKYSIZE=64"),
        (3, 255, "COMPRESS=WEBP"),
        (1, 255, "COMPRESS=LERC"),
        (1, 255, "COMPRESS=LERC_ZSTD"),
        (1, 255, "COMPRESS=LZMA"),
        (1, 1, "COMPRESS=CCITTFAX3 NBITS=1"),
        (1, 1, "COMPRESS=CCITTFAX4 NBITS=1"),
    ] {
        write_envi(&from, &BYTE, bands, &picture(&BYTE, bands, largest));
        let _ = std::fs::remove_file(&to);
        let options: Vec<&str> = creation.split(' ').flat_map(|option| ["-co", option]).collect();
        if translate(&from, &to, &options) != Some(true) {
            eprintln!("skipped: this GDAL refuses {creation}");
            continue;
        }
        let good = std::fs::read(&to).unwrap();
        for _ in 0..200 {
            let mut file = good.clone();
            for _ in 0..=next(&mut seed) % 6 {
                let place = next(&mut seed) % file.len();
                file[place] = next(&mut seed) as u8;
            }
            file.truncate(file.len() - if next(&mut seed).is_multiple_of(3) { next(&mut seed) % 200 } else { 0 });
            let start = std::time::Instant::now();
            let options = CogOptions { depth: Depth::Pixels, ..Default::default() };
            let checked = check(&Memory::new(file), "dem.tif", &options).unwrap();
            assert!(checked.facts.contains_key("file_bytes"), "{creation}");
            assert!(start.elapsed() < std::time::Duration::from_secs(10), "{creation}: {:?}", start.elapsed());
        }
    }
}

/// Rasters of 301 x 263 pixels of several characters, with the options of `gdal_translate` that suit them.
fn landscapes() -> Vec<(&'static str, Type, Vec<u8>, &'static [&'static str])> {
    let (width, height) = (301_usize, 263_usize);
    let of = |value: &dyn Fn(usize, usize) -> f32, is_float: bool| -> Vec<u8> {
        let places = (0..width * height).map(|at| (at % width, at / width));
        places
            .flat_map(|(x, y)| {
                let value = value(x, y);
                if is_float { value.to_le_bytes().to_vec() } else { vec![value as u8] }
            })
            .collect()
    };
    let noise = |x: usize, y: usize| {
        let mut state = (x * 7_919 + y * 104_729 + 1) as u64;
        (next(&mut state) ^ next(&mut state)) % 256
    };
    let relief = |x: usize, y: usize| 400.0 + 300.0 * (x as f32 / 37.0).sin() * (y as f32 / 23.0).cos();
    let classes = |x: usize, y: usize| [11.0, 24.0, 42.0, 51.0, 82.0][(x / 13 * 7 + y / 9 * 3 + x * y / 900) % 5];
    let float = || Type { envi: 4, bytes: 4, is_float: true };
    vec![
        ("relief", float(), of(&relief, true), &[]),
        ("photograph", BYTE, of(&|x, y| relief(x, y) / 4.0 + noise(x, y) as f32 / 16.0, false), &[]),
        ("noise", BYTE, of(&|x, y| noise(x, y) as f32, false), &[]),
        ("rare spots", BYTE, of(&|x, y| if noise(x, y) > 250 { 255.0 } else { 0.0 }, false), &[]),
        ("classes", BYTE, of(&classes, false), &[]),
        ("checks", BYTE, of(&|x, y| ((x + y) % 2 * 255) as f32, false), &[]),
        (
            "nodata",
            float(),
            of(&|x, y| if (x / 40 + y / 40) % 2 == 0 { -9999.0 } else { relief(x, y) }, true),
            &["-a_nodata", "-9999"],
        ),
        ("JPEG", BYTE, of(&|x, y| relief(x, y) / 4.0 + noise(x, y) as f32 / 16.0, false), &["-co", "COMPRESS=JPEG"]),
    ]
}

#[test]
fn overviews_of_every_kind_match_their_image() {
    let Some(bench) = Bench::new() else { return };
    let (from, to) = (bench.directory.path().join("from.img"), bench.directory.path().join("to.tif"));
    let mut wrong = Vec::new();
    for (name, kind, bytes, options) in landscapes() {
        write_envi_of(301, 263, &from, &kind, 1, &bytes);
        for method in
            ["nearest", "average", "rms", "gauss", "bilinear", "cubic", "cubicspline", "lanczos", "mode", "none"]
        {
            let _ = std::fs::remove_file(&to);
            let tiled = ["-co", "TILED=YES", "-co", "BLOCKXSIZE=64", "-co", "BLOCKYSIZE=64"];
            assert_eq!(translate(&from, &to, &[&tiled, options].concat()), Some(true));
            let added = Command::new("gdaladdo").args(["-q", "-r", method]).arg(&to).args(["2", "4"]).output();
            if !added.is_ok_and(|added| added.status.success()) {
                eprintln!("skipped: this GDAL has no overviews by {method}");
                continue;
            }
            let source = LocalFile::open(&to).unwrap();
            let checked =
                check(&source, "dem.tif", &CogOptions { depth: Depth::Pixels, ..Default::default() }).unwrap();
            let found: Vec<_> =
                checked.findings.iter().filter(|one| one.rule.id == "COG-OVR-012").map(|one| &one.message).collect();
            // Overviews by `none` are there and empty: what every second pixel of some images looks like, too.
            let may_be_empty = ["rare spots", "checks"].contains(&name);
            let is_right = if method == "none" { !found.is_empty() || may_be_empty } else { found.is_empty() };
            if !is_right {
                wrong.push(format!("{name}, {method}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn orders_are_told() {
    let Some(bench) = Bench::new() else { return };
    let (from, to) = (bench.directory.path().join("from.img"), bench.directory.path().join("to.tif"));
    write_envi(&from, &UINT16, 1, &picture(&UINT16, 1, 65_535));
    assert_eq!(translate(&from, &to, &["-co", "ENDIANNESS=BIG"]), Some(true));
    let source = LocalFile::open(&to).unwrap();
    let structure =
        parcelle_tiff::read_structure(source.len(), |offset, buffer| source.read_at(offset, buffer)).unwrap();
    let main = structure.main().unwrap();
    let decoder = BlockDecoder::new(main, main.image.unwrap()).unwrap();
    assert_eq!(decoder.sample_order(), ByteOrder::BigEndian);
}
