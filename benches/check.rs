//! Benches of `check`: many small files, one file with very many tiles, one whose pixels are decoded, one mosaic with
//! very many sources, the XML of a far larger one beside what GDAL needs to open it, hostile XML, and the binary from its
//! start to the verdict on one small file.
//!
//! All inputs are made in a temporary directory, and their reports are looked at before they are measured, so that no
//! figure is that of a file refused at its first byte.

mod input;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use criterion::{Criterion, Throughput};
use parcelle::report::{Report, Severity};
use parcelle::{Depth, Profile};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Copies of each good fixture.
const COPIES: usize = 42;
/// Tiles across and down of the full resolution; with its overviews the file has some 270,000.
const TILES_ACROSS: u32 = 450;
const TILE_SIZE: u32 = 256;
/// Tiles across and down of the file whose pixels are decoded: with its overviews 1,365, of 89 MB when decoded.
const TEXTURED_ACROSS: u32 = 32;
/// Sources of the mosaic whose XML alone is looked at.
const NAMES: u32 = 100_000;
/// Sources across and down of the mosaic.
const SOURCES_ACROSS: u32 = 100;

const DEPTHS: [(&str, Depth); 2] = [("header depth", Depth::Header), ("tiles depth", Depth::Tiles)];

/// The good fixtures of the repository, copied often enough to be a data directory.
fn small_cogs(directory: &Path) -> Result<u64, Failure> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/cog");
    std::fs::create_dir(directory)?;
    let mut files = 0;
    for entry in std::fs::read_dir(&fixtures)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.starts_with("good_") || !name.ends_with(".tif") {
            continue;
        }
        let bytes = std::fs::read(fixtures.join(&name))?;
        for copy in 0..COPIES {
            std::fs::write(directory.join(format!("{copy}_{name}")), &bytes)?;
            files += 1;
        }
    }
    Ok(files)
}

/// One level of the large COG.
struct Level {
    width: u32,
    tiles: u64,
    ifd: u64,
    index: u64,
    first_tile: u64,
}

/// Tiles of some 60 bytes that hold no image, for what does not decode them.
fn hollow_tile(tile: u64) -> Vec<u8> {
    let length = 40 + tile.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 48;
    (0..length).map(|byte| (tile ^ byte) as u8).collect()
}

/// Tiles of a texture with some noise, as DEFLATE packs them: to a seventh, as terrain and land cover do.
fn textured_tiles() -> Result<Vec<Vec<u8>>, Failure> {
    let side = TILE_SIZE as usize;
    (0..61_usize)
        .map(|tile| {
            let value = |at: usize| {
                let (x, y) = (at % side / 4, at / side / 4);
                ((x * (tile + 3)) ^ (y * 7) ^ (x * y / (tile + 1))) as u8 & 0xf0
            };
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(&(0..side * side).map(value).collect::<Vec<u8>>())?;
            Ok(encoder.finish()?)
        })
        .collect()
}

/// A BigTIFF of the layout that GDAL's COG driver writes, with so many tiles across and down: ghost area, all directories,
/// all tile indexes, then the tiles from the smallest overview to the full resolution, each between its leader and its
/// trailer. Gives the number of tiles.
fn large_cog(path: &Path, across: u32, tile: &dyn Fn(u64) -> Vec<u8>) -> Result<u64, Failure> {
    const GHOST: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
                         BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";
    const ENTRIES: u64 = 12;
    const IFD_BYTES: u64 = 8 + ENTRIES * 20 + 8;
    let length_of = |number: u64| tile(number).len() as u64;

    let mut levels = Vec::new();
    let mut width = across * TILE_SIZE;
    loop {
        let across = u64::from(width.div_ceil(TILE_SIZE));
        levels.push(Level { width, tiles: across * across, ifd: 0, index: 0, first_tile: 0 });
        if across == 1 {
            break;
        }
        width = width.div_ceil(2);
    }
    let ghost = format!("GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{GHOST}", GHOST.len());
    let mut cursor = (16 + ghost.len() as u64).next_multiple_of(8);
    let first_ifd = cursor;
    for level in &mut levels {
        level.ifd = cursor;
        cursor += IFD_BYTES;
    }
    for level in &mut levels {
        level.index = cursor;
        // An index of one tile stands in the entries themselves.
        cursor += if level.tiles > 1 { (level.tiles * 12).next_multiple_of(8) } else { 0 };
    }
    for level in levels.iter_mut().rev() {
        level.first_tile = cursor;
        cursor += (0..level.tiles).map(|tile| length_of(tile) + 8).sum::<u64>();
    }

    let mut out = BufWriter::new(File::create(path)?);
    let mut header = b"II\x2B\0\x08\0\0\0".to_vec();
    header.extend(first_ifd.to_le_bytes());
    header.extend(ghost.bytes());
    header.resize(first_ifd as usize, b' ');
    out.write_all(&header)?;
    for (number, level) in levels.iter().enumerate() {
        out.write_all(&ENTRIES.to_le_bytes())?;
        let (offsets, byte_counts) = match level.tiles {
            1 => (level.first_tile + 4, length_of(0)),
            tiles => (level.index, level.index + tiles * 8),
        };
        let [short, long, long8] = [3_u16, 4, 16];
        for (tag, field_type, count, value) in [
            (254_u16, long, 1, u64::from(number > 0)), // NewSubfileType
            (256, long, 1, level.width.into()),        // ImageWidth
            (257, long, 1, level.width.into()),        // ImageLength
            (258, short, 1, 8),                        // BitsPerSample
            (259, short, 1, 8),                        // Compression: DEFLATE
            (262, short, 1, 1),                        // PhotometricInterpretation: black is 0
            (277, short, 1, 1),                        // SamplesPerPixel
            (317, short, 1, 2),                        // Predictor
            (322, short, 1, TILE_SIZE.into()),         // TileWidth
            (323, short, 1, TILE_SIZE.into()),         // TileLength
            (324, long8, level.tiles, offsets),        // TileOffsets
            (325, long, level.tiles, byte_counts),     // TileByteCounts
        ] {
            out.write_all(&tag.to_le_bytes())?;
            out.write_all(&field_type.to_le_bytes())?;
            out.write_all(&count.to_le_bytes())?;
            out.write_all(&value.to_le_bytes())?;
        }
        out.write_all(&levels.get(number + 1).map_or(0, |next| next.ifd).to_le_bytes())?;
    }
    for level in levels.iter().filter(|level| level.tiles > 1) {
        let mut offset = level.first_tile + 4;
        for tile in 0..level.tiles {
            out.write_all(&offset.to_le_bytes())?;
            offset += length_of(tile) + 8;
        }
        for tile in 0..level.tiles {
            out.write_all(&(length_of(tile) as u32).to_le_bytes())?;
        }
        let padding = (level.tiles * 12).next_multiple_of(8) - level.tiles * 12;
        out.write_all(&[0; 8][..padding as usize])?;
    }
    for level in levels.iter().rev() {
        for number in 0..level.tiles {
            let bytes = tile(number);
            out.write_all(&(bytes.len() as u32).to_le_bytes())?;
            out.write_all(&bytes)?;
            out.write_all(&bytes[bytes.len() - 4..])?;
        }
    }
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(levels.iter().map(|level| level.tiles).sum())
}

/// A GeoTIFF of one band and one tile, which is left out, with its upper left corner at a place in EPSG:2154.
fn source(pixels: u32, [x, y]: [f64; 2], resolution: f64) -> Vec<u8> {
    const GEO_KEYS: [u16; 16] = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 2154];
    const ENTRIES: u32 = 13;
    let values_at = 8 + 2 + ENTRIES * 12 + 4;
    let mut values = Vec::new();
    let mut place = |bytes: Vec<u8>| {
        let at = values_at + values.len() as u32;
        values.extend(bytes);
        at
    };
    let doubles = |numbers: &[f64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let scale = place(doubles(&[resolution, resolution, 0.0]));
    let tie_point = place(doubles(&[0.0, 0.0, 0.0, x, y, 0.0]));
    let keys = place(GEO_KEYS.iter().flat_map(|key| key.to_le_bytes()).collect());
    let [short, long, double] = [3_u16, 4, 12];
    let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
    file.extend((ENTRIES as u16).to_le_bytes());
    for (tag, field_type, count, value) in [
        (256_u16, long, 1_u32, pixels), // ImageWidth
        (257, long, 1, pixels),         // ImageLength
        (258, short, 1, 8),             // BitsPerSample
        (259, short, 1, 8),             // Compression: DEFLATE
        (262, short, 1, 1),             // PhotometricInterpretation: black is 0
        (277, short, 1, 1),             // SamplesPerPixel
        (322, long, 1, pixels),         // TileWidth
        (323, long, 1, pixels),         // TileLength
        (324, long, 1, 0),              // TileOffsets: not there
        (325, long, 1, 0),              // TileByteCounts
        (33_550, double, 3, scale),     // ModelPixelScale
        (33_922, double, 6, tie_point), // ModelTiepoint
        (34_735, short, 16, keys),      // GeoKeyDirectory
    ] {
        file.extend(tag.to_le_bytes());
        file.extend(field_type.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(values);
    file
}

/// A mosaic of one band, as `gdalbuildvrt` writes it, beside its sources, each of which is opened.
fn mosaic(directory: &Path) -> Result<PathBuf, Failure> {
    const PIXELS: u32 = 512;
    const RESOLUTION: f64 = 0.5;
    let tiles = directory.join("tiles");
    std::fs::create_dir_all(&tiles)?;
    let side = SOURCES_ACROSS * PIXELS;
    let mut text = format!(
        "<VRTDataset rasterXSize=\"{side}\" rasterYSize=\"{side}\">\n  <SRS>EPSG:2154</SRS>\n  \
         <GeoTransform>650000, 0.5, 0, 6870000, 0, -0.5</GeoTransform>\n  \
         <VRTRasterBand dataType=\"Byte\" band=\"1\">\n    <ColorInterp>Gray</ColorInterp>\n"
    );
    for row in 0..SOURCES_ACROSS {
        for column in 0..SOURCES_ACROSS {
            let name = format!("ortho_{column:04}_{row:04}.tif");
            let metres = |tiles: u32| f64::from(tiles * PIXELS) * RESOLUTION;
            let corner = [650_000.0 + metres(column), 6_870_000.0 - metres(row)];
            std::fs::write(tiles.join(&name), source(PIXELS, corner, RESOLUTION))?;
            writeln!(
                text,
                "    <SimpleSource>\n      <SourceFilename relativeToVRT=\"1\">tiles/{name}</SourceFilename>\n      \
                 <SourceBand>1</SourceBand>\n      <SourceProperties RasterXSize=\"{PIXELS}\" \
                 RasterYSize=\"{PIXELS}\" DataType=\"Byte\" BlockXSize=\"256\" BlockYSize=\"256\" />\n      \
                 <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{PIXELS}\" ySize=\"{PIXELS}\" />\n      \
                 <DstRect xOff=\"{}\" yOff=\"{}\" xSize=\"{PIXELS}\" ySize=\"{PIXELS}\" />\n    </SimpleSource>",
                column * PIXELS,
                row * PIXELS
            )?;
        }
    }
    text.push_str("  </VRTRasterBand>\n</VRTDataset>\n");
    let path = directory.join("mosaic.vrt");
    std::fs::write(&path, text)?;
    Ok(path)
}

/// A mosaic of one band whose sources are tables of a GeoPackage: names that a check does not open, so that what is
/// measured is the XML, its rules, and the mosaic that the windows make.
fn names_alone(path: &Path, sources: u32) -> Result<(), Failure> {
    const PIXELS: u32 = 256;
    let across = sources.isqrt();
    let rows = sources.div_ceil(across);
    let mut out = BufWriter::new(File::create(path)?);
    write!(
        out,
        "<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{}\">\n  <SRS>EPSG:2154</SRS>\n  \
         <GeoTransform>650000, 0.5, 0, 6870000, 0, -0.5</GeoTransform>\n  \
         <VRTRasterBand dataType=\"Byte\" band=\"1\">\n    <ColorInterp>Gray</ColorInterp>\n",
        across * PIXELS,
        rows * PIXELS
    )?;
    for number in 0..sources {
        writeln!(
            out,
            "    <SimpleSource>\n      <SourceFilename relativeToVRT=\"0\">GPKG:/data/ortho.gpkg:tile_{number:06}\
             </SourceFilename>\n      <SourceBand>1</SourceBand>\n      <SourceProperties RasterXSize=\"{PIXELS}\" \
             RasterYSize=\"{PIXELS}\" DataType=\"Byte\" BlockXSize=\"256\" BlockYSize=\"256\" />\n      \
             <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{PIXELS}\" ySize=\"{PIXELS}\" />\n      \
             <DstRect xOff=\"{}\" yOff=\"{}\" xSize=\"{PIXELS}\" ySize=\"{PIXELS}\" />\n    </SimpleSource>",
            number % across * PIXELS,
            number / across * PIXELS
        )?;
    }
    out.write_all(b"  </VRTRasterBand>\n</VRTDataset>\n")?;
    Ok(out.flush()?)
}

/// XML that wants to cost much: one attribute that does not end, and elements that do not close.
fn hostile(directory: &Path) -> Result<[(&'static str, PathBuf); 2], Failure> {
    const BYTES: usize = 64 << 20;
    let (attribute, nested) = (directory.join("attribute.vrt"), directory.join("nested.vrt"));
    std::fs::write(&attribute, format!("<VRTDataset a=\"{}\"/>", "x".repeat(BYTES)))?;
    std::fs::write(&nested, format!("<VRTDataset>{}", "<a>".repeat(BYTES / 3)))?;
    Ok([("attribute of 64 MB", attribute), ("elements nested without end", nested)])
}

/// The least of some durations of the same thing.
fn least(mut run: impl FnMut() -> Result<(), Failure>) -> Result<std::time::Duration, Failure> {
    let mut best = std::time::Duration::MAX;
    for _ in 0..5 {
        let start = std::time::Instant::now();
        run()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

/// What is checked unless something else is asked for.
const ALL: &[Profile] = &[Profile::Cog, Profile::Vrt, Profile::Geoserver(None)];
/// The layout alone: a file without pixels and place is nothing that GeoServer could show.
const LAYOUT: &[Profile] = &[Profile::Cog, Profile::Vrt];

fn check(path: &Path, depth: Depth, profiles: &[Profile]) -> Result<Report, Failure> {
    // One thread, so that figures of different machines compare.
    Ok(parcelle::check([path]).depth(depth).profiles(profiles.iter().copied()).threads(1).run()?)
}

/// The report of an input, which must be in order: no error, and a fact of the expected value in one of the files.
fn verified(path: &Path, profiles: &[Profile], files: u64, fact: Option<(&str, u64)>) -> Result<(), Failure> {
    verified_at(Depth::Tiles, path, profiles, files, fact)
}

fn verified_at(
    depth: Depth,
    path: &Path,
    profiles: &[Profile],
    files: u64,
    fact: Option<(&str, u64)>,
) -> Result<(), Failure> {
    let report = check(path, depth, profiles)?;
    let wrong = report.files.iter().flat_map(|file| &file.findings).find(|one| one.severity == Severity::Error);
    if let Some(finding) = wrong {
        return Err(format!("{}: {} {}", path.display(), finding.rule.id, finding.message).into());
    }
    let found = fact.map(|(name, _)| report.files.first().and_then(|file| file.facts.get(name)?.as_u64()));
    if report.files.len() as u64 != files || found != fact.map(|(_, value)| Some(value)) {
        return Err(format!("{}: {} files, {fact:?}: {found:?}", path.display(), report.files.len()).into());
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();

    let small = directory.path().join("small");
    let files = small_cogs(&small)?;
    verified(&small, ALL, files, None)?;
    let mut group = criterion.benchmark_group("check/small COGs");
    group.throughput(Throughput::Elements(files));
    for (name, depth) in DEPTHS {
        group.bench_function(name, |bencher| bencher.iter(|| check(&small, depth, ALL)));
    }
    group.finish();

    let large = directory.path().join("large.tif");
    let tiles = large_cog(&large, TILES_ACROSS, &hollow_tile)?;
    verified(&large, LAYOUT, 1, Some(("tiles", tiles)))?;
    let mut group = criterion.benchmark_group("check/many tiles");
    group.throughput(Throughput::Elements(tiles));
    for (name, depth) in DEPTHS {
        group.bench_function(name, |bencher| bencher.iter(|| check(&large, depth, LAYOUT)));
    }
    group.finish();

    let textured = directory.path().join("textured.tif");
    let pool = textured_tiles()?;
    let tiles = large_cog(&textured, TEXTURED_ACROSS, &|tile| pool[tile as usize % pool.len()].clone())?;
    verified_at(Depth::Pixels, &textured, LAYOUT, 1, Some(("tiles", tiles)))?;
    let mut group = criterion.benchmark_group("check/pixels");
    // Of pixels: what the tiles become.
    group.throughput(Throughput::Bytes(tiles * u64::from(TILE_SIZE * TILE_SIZE)));
    group.bench_function("deflate", |bencher| bencher.iter(|| check(&textured, Depth::Pixels, LAYOUT)));
    group.finish();

    let vrt = mosaic(directory.path())?;
    let sources = u64::from(SOURCES_ACROSS) * u64::from(SOURCES_ACROSS);
    verified(&vrt, ALL, 1, Some(("sources", sources)))?;
    let mut group = criterion.benchmark_group("check/many sources");
    group.throughput(Throughput::Elements(sources));
    group.bench_function("VRT", |bencher| bencher.iter(|| check(&vrt, Depth::Tiles, ALL)));
    group.finish();

    let names = directory.path().join("names.vrt");
    names_alone(&names, NAMES)?;
    verified(&names, &[Profile::Vrt], 1, Some(("sources", u64::from(NAMES))))?;
    let open = || -> Result<(), Failure> { Ok(gdal::Dataset::open(&names).map(drop)?) };
    let ours = least(|| check(&names, Depth::Header, &[Profile::Vrt]).map(drop))?;
    let theirs = least(open)?;
    writeln!(
        std::io::stdout(),
        "{NAMES} sources: the rules of the XML take {ours:.0?}, opened by GDAL {} in {theirs:.0?}: {:.2} of its time",
        gdal::version::version_info("RELEASE_NAME"),
        ours.as_secs_f64() / theirs.as_secs_f64()
    )?;
    let mut group = criterion.benchmark_group("check/XML of 100,000 sources");
    group.throughput(Throughput::Elements(NAMES.into()));
    group.bench_function("rules of the XML", |bencher| {
        bencher.iter(|| check(&names, Depth::Header, &[Profile::Vrt]));
    });
    group.bench_function("and of the mosaic", |bencher| {
        bencher.iter(|| check(&names, Depth::Tiles, &[Profile::Vrt]));
    });
    group.bench_function("opened by GDAL", |bencher| bencher.iter(open));
    group.finish();

    let mut group = criterion.benchmark_group("check/hostile XML");
    for (name, path) in hostile(directory.path())? {
        let report = check(&path, Depth::Tiles, &[Profile::Vrt])?;
        if !report.files.iter().any(|file| file.findings.iter().any(|one| one.severity == Severity::Error)) {
            return Err(format!("{name}: nothing is found").into());
        }
        group.bench_function(name, |bencher| bencher.iter(|| check(&path, Depth::Tiles, &[Profile::Vrt])));
    }
    group.finish();

    let program = input::program("parcelle")?;
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/cog/good_mask.tif");
    let run = || Command::new(&program).arg("check").arg(&small).stdout(Stdio::null()).status();
    if !run()?.success() {
        return Err("the binary does not find a good file good".into());
    }
    let mut group = criterion.benchmark_group("check/process");
    group.bench_function("start to verdict", |bencher| bencher.iter(run));
    group.finish();

    criterion.final_summary();
    Ok(())
}
