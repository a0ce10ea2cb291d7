//! Mending commands for one file.
//!
//! What helps depends on the file: bytes that are lost come back only from the source; a wrong layout needs the tiles
//! moved, not the pixels changed; and whoever re-encodes lossy tiles should at least stay with their codec.

use parcelle_report::Severity;
use parcelle_tiff::{Directory, Image, Layout, Role, Structure, tags};

use super::jpeg;
use crate::mend::{Command, LOST};
use crate::shell::{names, quoted};

/// The general words of rules about lost bytes.
pub(crate) const SOURCE: &str =
    "Not repairable from this file: get the source again, then gdal_translate SOURCE.tif OUT.tif -of COG";

/// The general words of rules that decoding and writing again mends.
pub(crate) const REWRITE: &str = "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co \
                                  BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING";

/// The general words of rules about the order of bytes.
pub(crate) const SHUFFLE: &str = "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=<same> -co OVERVIEWS=AUTO, or without \
                                  encoding again: cogger -output OUT.tif IN.tif";

/// How a finding is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fix {
    /// Bytes are lost or wrong: no command on this file brings them back.
    Source,
    /// Decode and write again, overviews built anew.
    Rewrite,
    /// Decode and write again; the overviews that are there are right.
    Reblock,
    /// The pixels are right where they are, only their order is not.
    Shuffle,
    /// [`Fix::Rewrite`] into smaller tiles.
    RewriteSmaller,
    /// [`Fix::Rewrite`] with every tile stored.
    RewriteDense,
    /// Say where the image lies, which the file does not know.
    Place,
    /// Say in which coordinates it lies.
    ReferenceSystem,
    /// Lay the pixels on a grid along the axes.
    Warp,
    /// Compute what is to be known of the values.
    Statistics,
    /// A whole instruction.
    Text(String),
    /// The rule's own words, which hold for every file.
    General,
}

/// How much of a file is made anew, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Shuffle,
    Reblock,
    Rewrite,
    Source,
}

/// What all findings of a file need together: a file is written once, so the strongest remedy mends them all. What is
/// only told asks for no more than errors and warnings do, lest a remark costs another lossy encoding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Remedy {
    serious: Option<Strength>,
    told: Option<Strength>,
    smaller: bool,
    dense: bool,
}

impl Remedy {
    /// Takes one more finding into account.
    pub(crate) fn include(&mut self, fix: &Fix, severity: Severity) {
        let strength = match fix {
            Fix::Source => Strength::Source,
            Fix::Rewrite | Fix::RewriteSmaller | Fix::RewriteDense => Strength::Rewrite,
            Fix::Reblock => Strength::Reblock,
            Fix::Shuffle => Strength::Shuffle,
            Fix::Place | Fix::ReferenceSystem | Fix::Warp | Fix::Statistics | Fix::Text(_) | Fix::General => return,
        };
        let kept = if severity > Severity::Info { &mut self.serious } else { &mut self.told };
        *kept = (*kept).max(Some(strength));
        self.smaller |= *fix == Fix::RewriteSmaller;
        self.dense |= *fix == Fix::RewriteDense;
    }

    fn strength(self) -> Strength {
        self.serious.or(self.told).unwrap_or(Strength::Shuffle)
    }
}

/// Makes the text of a [`Fix`].
#[derive(Debug)]
pub(crate) struct Fixer {
    input: String,
    output: String,
    /// Creation options that keep the codec.
    codec: Vec<(String, String)>,
    /// The name of a codec that GDAL does not have.
    foreign: Option<&'static str>,
    /// Encoding again costs quality.
    is_jpeg: bool,
    /// Its tiles can be moved without GDAL.
    is_movable: bool,
    /// The size of its tiles, where that is a good one.
    tile: u32,
    /// How overviews were made, or must be.
    resampling: Option<&'static str>,
}

impl Fixer {
    pub(crate) fn new(path: &str, structure: &Structure) -> Self {
        let main = structure.main();
        let image: Option<Image> = main.and_then(|directory| directory.image);
        let (input, stem) = names(path);
        let is_remote = input != path;
        let compression = image.map_or(1, |image| image.compression);
        Self {
            input: quoted(&input),
            output: quoted(format!("{stem}.cog.tif")),
            codec: creation_options(structure),
            foreign: foreign(compression),
            is_jpeg: matches!(compression, 6 | 7),
            is_movable: is_movable(structure, compression) && !is_remote,
            tile: image.map_or(USUAL_TILE, |image| kept_tile(&image)),
            resampling: resampling(structure),
        }
    }

    /// The input as it goes into a command.
    pub(crate) fn input(&self) -> &str {
        &self.input
    }

    /// Where a mended copy goes.
    pub(crate) fn output(&self) -> &str {
        &self.output
    }

    /// Where a mended copy of another image of the file goes.
    pub(crate) fn output_of_page(&self, number: usize) -> String {
        let quote = if self.output.ends_with('\'') { "'" } else { "" };
        let stem = self.output.trim_end_matches('\'').trim_end_matches(".cog.tif");
        format!("{stem}.page{number}.cog.tif{quote}")
    }

    /// The creation options that keep the codec of a page, as they go into a command.
    pub(crate) fn codec_words(page: &Directory) -> String {
        options_of(Some(page)).iter().map(|(key, value)| format!(" -co {key}={value}")).collect()
    }

    /// The instruction for this file, of which `remedy` is what all its findings need.
    pub(crate) fn text(&self, fix: &Fix, remedy: Remedy, general: &str) -> String {
        match fix {
            Fix::Text(text) => return text.clone(),
            Fix::General => return general.to_owned(),
            _ => {}
        }
        if remedy.strength() == Strength::Source {
            return self.source();
        }
        if let Some(codec) = self.foreign {
            return format!(
                "GDAL has no codec for {codec}: convert with a program that has, such as the one that wrote the file, then: \
                 gdal_translate CONVERTED.tif {} -of COG",
                self.output
            );
        }
        let mut command = self.command(
            match fix {
                // What only fills in or adds keeps everything else.
                Fix::Place | Fix::ReferenceSystem | Fix::Warp | Fix::Statistics => {
                    remedy.serious.unwrap_or(Strength::Shuffle)
                }
                _ => remedy.strength(),
            },
            remedy,
        );
        let mut set = |option: &str, values: &[&str]| {
            command.options.push((option.to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
        };
        match fix {
            Fix::Place => {
                set("-a_srs", &["EPSG:<code>"]);
                set("-a_ullr", &["<left>", "<top>", "<right>", "<bottom>"]);
            }
            Fix::ReferenceSystem => set("-a_srs", &["EPSG:<code>"]),
            Fix::Warp => command.program = crate::mend::Program::Warp,
            Fix::Statistics => set("-stats", &[]),
            _ => return command.to_string(),
        }
        command.moves_bytes = false;
        command.to_string()
    }

    fn source(&self) -> String {
        format!(
            "{LOST}: get the source again (download or export it once more as SOURCE.tif), then: gdal_translate SOURCE.tif \
             {} -of COG",
            self.output
        )
    }

    fn command(&self, strength: Strength, remedy: Remedy) -> Command {
        let mut command = Command::translate(&self.input, &self.output);
        command.creation.clone_from(&self.codec);
        let tile = if remedy.smaller { self.tile.min(SMALLER_TILE) } else { self.tile };
        command.create("BLOCKSIZE", &tile.to_string());
        if remedy.dense {
            command.create("SPARSE_OK", "FALSE");
        }
        command.create("BIGTIFF", "IF_SAFER");
        let is_new = strength == Strength::Rewrite;
        command.create("OVERVIEWS", if is_new { "IGNORE_EXISTING" } else { "AUTO" });
        if let Some(resampling) = self.resampling {
            command.create("OVERVIEW_RESAMPLING", resampling);
        }
        command.moves_bytes = strength == Strength::Shuffle && self.is_movable;
        command.remark = self.is_jpeg.then(|| {
            let program = if command.moves_bytes { "gdal_translate" } else { "this" };
            format!("{program} encodes JPEG again and loses a little; COMPRESS=DEFLATE would lose nothing, but take far more room")
        });
        command
    }
}

const USUAL_TILE: u32 = 512;
const SMALLER_TILE: u32 = 256;

/// The tile size that a copy gets: its own, where no rule would object to it.
fn kept_tile(image: &Image) -> u32 {
    match image.layout {
        Layout::Tiles { width, height }
            if width == height && width.is_power_of_two() && (128..=1024).contains(&width) =>
        {
            width
        }
        _ => USUAL_TILE,
    }
}

/// Codecs that a TIFF may have and no GDAL reads inside one.
const fn foreign(compression: u16) -> Option<&'static str> {
    match compression {
        33_003 | 33_005 | 34_712 => Some("JPEG 2000 in TIFF"),
        34_661 => Some("JBIG"),
        34_892 => Some("lossy JPEG of DNG"),
        _ => None,
    }
}

/// Whether cogger makes a sound COG of it without touching a tile: a lossy codec, which is what makes that worthwhile;
/// every image tiled; and no mask, with which its directories begin at an odd offset (cogger `cog.go`, `ghostmask`).
fn is_movable(structure: &Structure, compression: u16) -> bool {
    let is_lossy = matches!(compression, 7 | 34_887 | 50_001 | 50_002);
    let fits = |directory: &Directory| {
        matches!(directory.role, Role::FullResolution | Role::Overview)
            && directory.image.is_some_and(|image| image.is_tiled())
    };
    is_lossy && structure.directories.iter().all(fits)
}

/// How the overviews were made, where GDAL noted it (`RESAMPLING` in their GDAL_METADATA); of a palette they must be
/// made of whole values: the mean of two colour numbers is a third colour.
fn resampling(structure: &Structure) -> Option<&'static str> {
    const PALETTE: u16 = 3;
    const KNOWN: [&str; 8] = ["NEAREST", "AVERAGE", "BILINEAR", "CUBIC", "CUBICSPLINE", "LANCZOS", "MODE", "RMS"];
    let noted = structure.directories.iter().find_map(|directory| {
        let metadata = directory.text(tags::GDAL_METADATA)?;
        let (_, item) = metadata.split_once("RESAMPLING\"")?;
        let value = item.split_once('>')?.1.split('<').next()?;
        KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(value.trim()))
    });
    let is_palette = structure.main().and_then(|main| main.image?.photometric) == Some(PALETTE);
    match noted {
        Some("NEAREST" | "MODE") => noted,
        _ if is_palette => Some("NEAREST"),
        _ => noted,
    }
}

/// The creation options of GDAL's COG driver that keep the codec of a file, where the driver writes it without losing more
/// than it must; else DEFLATE.
pub(crate) fn creation_options(structure: &Structure) -> Vec<(String, String)> {
    options_of(structure.main())
}

fn options_of(directory: Option<&Directory>) -> Vec<(String, String)> {
    let option = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let Some((main, image)) = directory.and_then(|main| Some((main, main.image?))) else {
        return vec![option("COMPRESS", "DEFLATE"), option("PREDICTOR", "YES")];
    };
    let (codec, further) = codec(&image);
    let mut options = vec![option("COMPRESS", codec)];
    options.extend(further.map(|(key, value)| option(key, value)));
    if codec == "JPEG" {
        let tables = main.entry(tags::JPEG_TABLES).and_then(|entry| entry.bytes());
        let quality = tables.and_then(jpeg::quality).unwrap_or(USUAL_QUALITY);
        options.push(option("QUALITY", &quality.to_string()));
    }
    options
}

const USUAL_QUALITY: u8 = 90;

/// The codec as GDAL names it, and one option with it.
fn codec(image: &Image) -> (&'static str, Option<(&'static str, &'static str)>) {
    // libtiff refuses predictors for other depths, GDAL the one it chooses for complex numbers.
    let takes_predictor = matches!(image.bits_per_sample, 8 | 16 | 32 | 64) && !matches!(image.sample_format, 5 | 6);
    let predictor = takes_predictor.then_some(("PREDICTOR", "YES"));
    match image.compression {
        5 => ("LZW", predictor),
        // CMYK and alpha would be converted, 12 bits and more bands refused.
        6 | 7
            if image.bits_per_sample == 8
                && matches!(image.samples_per_pixel, 1 | 3)
                && image.photometric != Some(SEPARATED) =>
        {
            ("JPEG", None)
        }
        // GDAL's default error of 0 and its quality of 100 are lossless: what a lossy encoder left is kept as it is.
        34_887 => ("LERC", None),
        34_925 => ("LZMA", None),
        50_000 => ("ZSTD", predictor),
        50_001 => ("WEBP", Some(("QUALITY", "100"))),
        50_002 => ("JXL", None),
        _ => ("DEFLATE", predictor),
    }
}

/// PhotometricInterpretation of inks, CMYK.
const SEPARATED: u16 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(fixes: &[Fix]) -> Remedy {
        let mut remedy = Remedy::default();
        fixes.iter().for_each(|fix| remedy.include(fix, Severity::Error));
        remedy
    }

    fn option(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn one_command_per_file() {
        let mut fixer = Fixer {
            input: "a.tif".to_owned(),
            output: "a.cog.tif".to_owned(),
            codec: vec![option("COMPRESS", "JPEG"), option("QUALITY", "75")],
            foreign: None,
            is_jpeg: true,
            is_movable: true,
            tile: 256,
            resampling: None,
        };
        let rewritten = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=JPEG -co QUALITY=75 -co BLOCKSIZE=256 \
                         -co BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING  # this encodes JPEG again";
        for fix in [Fix::Rewrite, Fix::Shuffle] {
            let text = fixer.text(&fix, remedy(&[Fix::Shuffle, Fix::Rewrite]), "");
            assert!(text.starts_with(rewritten), "{text}");
        }
        let kept = fixer.text(&Fix::Reblock, remedy(&[Fix::Shuffle, Fix::Reblock]), "");
        assert!(kept.contains(" -co OVERVIEWS=AUTO  # this"), "{kept}");
        let both = remedy(&[Fix::Rewrite, Fix::RewriteDense, Fix::RewriteSmaller, Fix::Shuffle]);
        assert!(fixer.text(&Fix::Rewrite, both, "").contains(" -co BLOCKSIZE=256 -co SPARSE_OK=FALSE -co BIGTIFF"));
        let shuffle = remedy(&[Fix::Shuffle, Fix::General]);
        let text = fixer.text(&Fix::Shuffle, shuffle, "");
        assert!(
            text.starts_with("cogger -output a.cog.tif a.tif || gdal_translate a.tif a.cog.tif -of COG "),
            "{text}"
        );
        let placed = fixer.text(&Fix::Place, shuffle, "");
        assert!(
            placed.ends_with("room") && placed.starts_with("gdal_translate ") && placed.contains(" -a_ullr '<left>' ")
        );
        assert!(fixer.text(&Fix::Warp, shuffle, "").starts_with("gdalwarp a.tif a.cog.tif -of COG "));
        (fixer.is_jpeg, fixer.is_movable) = (false, false);
        assert!(fixer.text(&Fix::Shuffle, shuffle, "").ends_with("-co OVERVIEWS=AUTO"));
        let mut told = shuffle;
        told.include(&Fix::Rewrite, Severity::Info);
        assert_eq!(fixer.text(&Fix::Rewrite, told, ""), fixer.text(&Fix::Shuffle, shuffle, ""));
        let mut only_told = Remedy::default();
        only_told.include(&Fix::Rewrite, Severity::Info);
        assert!(rewritten.starts_with(&fixer.text(&Fix::Rewrite, only_told, "")));
        let damaged = remedy(&[Fix::Shuffle, Fix::Source, Fix::Rewrite]);
        for fix in [Fix::Shuffle, Fix::ReferenceSystem] {
            assert!(fixer.text(&fix, damaged, "").starts_with(LOST));
        }
        assert_eq!(fixer.text(&Fix::General, damaged, "own words"), "own words");
        assert_eq!(fixer.text(&Fix::Text("own".to_owned()), damaged, ""), "own");
        fixer.foreign = foreign(34_712);
        assert!(fixer.text(&Fix::Rewrite, shuffle, "").starts_with("GDAL has no codec for JPEG 2000 in TIFF: "));
        assert_eq!(fixer.output_of_page(2), "a.page2.cog.tif");
        fixer.output = "'a b.cog.tif'".to_owned();
        assert_eq!(fixer.output_of_page(12), "'a b.page12.cog.tif'");
    }

    #[test]
    fn codecs_keep_all_bands_and_bits() {
        let image = |compression, samples_per_pixel, bits_per_sample, sample_format, photometric| Image {
            width: 512,
            height: 512,
            layout: Layout::Tiles { width: 256, height: 256 },
            samples_per_pixel,
            bits_per_sample,
            sample_format,
            compression,
            photometric: Some(photometric),
            planar_configuration: 1,
            predictor: 1,
        };
        let predictor = Some(("PREDICTOR", "YES"));
        for (image, expected) in [
            (image(50_001, 3, 8, 1, 2), ("WEBP", Some(("QUALITY", "100")))),
            (image(7, 3, 8, 1, 6), ("JPEG", None)),
            (image(7, 1, 8, 1, 1), ("JPEG", None)),
            (image(7, 4, 8, 1, 5), ("DEFLATE", predictor)),
            (image(7, 3, 8, 1, 5), ("DEFLATE", predictor)),
            (image(7, 2, 8, 1, 1), ("DEFLATE", predictor)),
            (image(7, 9, 8, 1, 1), ("DEFLATE", predictor)),
            (image(7, 1, 12, 1, 1), ("DEFLATE", None)),
            (image(8, 1, 11, 1, 1), ("DEFLATE", None)),
            (image(8, 1, 24, 1, 1), ("DEFLATE", None)),
            (image(4, 1, 1, 1, 0), ("DEFLATE", None)),
            (image(8, 1, 64, 6, 1), ("DEFLATE", None)),
            (image(5, 1, 32, 5, 1), ("LZW", None)),
            (image(5, 1, 32, 3, 1), ("LZW", predictor)),
            (image(50_000, 1, 4, 1, 1), ("ZSTD", None)),
            (image(50_000, 1, 64, 3, 1), ("ZSTD", predictor)),
        ] {
            assert_eq!(codec(&image), expected, "{image:?}");
        }
    }

    #[test]
    fn tiles_keep_their_size_where_it_is_a_good_one() {
        let mut image = Image {
            width: 5120,
            height: 5120,
            layout: Layout::Strips { rows: 8 },
            samples_per_pixel: 1,
            bits_per_sample: 8,
            sample_format: 1,
            compression: 1,
            photometric: Some(1),
            planar_configuration: 1,
            predictor: 1,
        };
        assert_eq!(kept_tile(&image), 512);
        for (width, height, kept) in
            [(256, 256, 256), (1024, 1024, 1024), (16, 16, 512), (2048, 2048, 512), (256, 128, 512), (400, 400, 512)]
        {
            image.layout = Layout::Tiles { width, height };
            assert_eq!(kept_tile(&image), kept);
        }
    }
}
