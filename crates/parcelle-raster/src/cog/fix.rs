//! Mending commands for one file.
//!
//! What helps depends on the file: bytes that are lost come back only from the source; a wrong layout needs the tiles
//! moved, not the pixels changed; and whoever re-encodes lossy tiles should at least stay with their codec.

use parcelle_report::Severity;
use parcelle_tiff::{Image, Role, Structure};

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
    /// The pixels are right where they are, only their order is not.
    Shuffle,
    /// [`Fix::Rewrite`] into smaller tiles.
    RewriteSmaller,
    /// [`Fix::Rewrite`] with every tile stored.
    RewriteDense,
    /// A whole instruction.
    Text(String),
    /// The rule's own words, which hold for every file.
    General,
}

/// How much of a file is made anew, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Shuffle,
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
            Fix::Shuffle => Strength::Shuffle,
            Fix::Text(_) | Fix::General => return,
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
    codec: &'static str,
    is_lossy: bool,
    has_overviews: bool,
}

impl Fixer {
    pub(crate) fn new(path: &str, structure: &Structure) -> Self {
        let image: Option<Image> = structure.main().and_then(|directory| directory.image);
        let (input, stem) = names(path);
        Self {
            input: quoted(&input),
            output: quoted(format!("{stem}.cog.tif")),
            codec: image.as_ref().map_or(DEFLATE, codec),
            is_lossy: image.is_some_and(|image| matches!(image.compression, 6 | 7 | 34_887 | 50_001 | 50_002)),
            has_overviews: structure.with_role(Role::Overview).next().is_some(),
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

    /// The instruction for this file, of which `remedy` is what all its findings need.
    pub(crate) fn text(&self, fix: &Fix, remedy: Remedy, general: &str) -> String {
        match fix {
            Fix::Text(text) => return text.clone(),
            Fix::General => return general.to_owned(),
            _ => {}
        }
        match remedy.strength() {
            Strength::Source => self.source(),
            Strength::Rewrite => {
                let size = if remedy.smaller { 256 } else { 512 };
                let dense = if remedy.dense { " -co SPARSE_OK=FALSE" } else { "" };
                self.rewrite(&format!("-co BLOCKSIZE={size}{dense} -co BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING"))
            }
            Strength::Shuffle => {
                let command = self.rewrite("-co BIGTIFF=IF_SAFER -co OVERVIEWS=AUTO");
                if self.is_lossy && self.has_overviews {
                    let (input, output) = (&self.input, &self.output);
                    format!("{command}  # encodes again; with the tiles as they are: cogger -output {output} {input}")
                } else {
                    command
                }
            }
        }
    }

    fn source(&self) -> String {
        format!(
            "Not repairable from this file: get the source again (download or export it once more as SOURCE.tif), \
             then: gdal_translate SOURCE.tif {} -of COG",
            self.output
        )
    }

    fn rewrite(&self, options: &str) -> String {
        format!("gdal_translate {} {} -of COG {} {options}", self.input, self.output, self.codec)
    }
}

const DEFLATE: &str = "-co COMPRESS=DEFLATE -co PREDICTOR=YES";

/// The same codec where GDAL's COG driver writes it without losing anything more than it must, else DEFLATE.
fn codec(image: &Image) -> &'static str {
    // libtiff refuses predictors for other depths, GDAL the one it chooses for complex numbers.
    let takes_predictor = matches!(image.bits_per_sample, 8 | 16 | 32 | 64) && !matches!(image.sample_format, 5 | 6);
    match image.compression {
        5 if takes_predictor => "-co COMPRESS=LZW -co PREDICTOR=YES",
        5 => "-co COMPRESS=LZW",
        // CMYK and alpha would be converted, 12 bits and more bands refused.
        6 | 7
            if image.bits_per_sample == 8
                && matches!(image.samples_per_pixel, 1 | 3)
                && image.photometric != Some(SEPARATED) =>
        {
            "-co COMPRESS=JPEG -co QUALITY=90"
        }
        34_887 => "-co COMPRESS=LERC",
        34_925 => "-co COMPRESS=LZMA",
        50_000 if takes_predictor => "-co COMPRESS=ZSTD -co PREDICTOR=YES",
        50_000 => "-co COMPRESS=ZSTD",
        // The header does not tell lossless WebP from lossy; 100 is GDAL's lossless mode.
        50_001 => "-co COMPRESS=WEBP -co QUALITY=100",
        50_002 => "-co COMPRESS=JXL",
        _ if takes_predictor => DEFLATE,
        _ => "-co COMPRESS=DEFLATE",
    }
}

/// PhotometricInterpretation of inks, CMYK.
const SEPARATED: u16 = 5;

#[cfg(test)]
mod tests {
    use parcelle_tiff::Layout;

    use super::*;

    fn remedy(fixes: &[Fix]) -> Remedy {
        let mut remedy = Remedy::default();
        fixes.iter().for_each(|fix| remedy.include(fix, Severity::Error));
        remedy
    }

    #[test]
    fn one_command_per_file() {
        let mut fixer = Fixer {
            input: "a.tif".to_owned(),
            output: "a.cog.tif".to_owned(),
            codec: "-co COMPRESS=JPEG -co QUALITY=90",
            is_lossy: true,
            has_overviews: true,
        };
        let rewritten = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=JPEG -co QUALITY=90 -co BLOCKSIZE=512 \
                         -co BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING";
        for fix in [Fix::Rewrite, Fix::Shuffle] {
            assert_eq!(fixer.text(&fix, remedy(&[Fix::Shuffle, Fix::Rewrite]), ""), rewritten);
        }
        let both = remedy(&[Fix::Rewrite, Fix::RewriteDense, Fix::RewriteSmaller, Fix::Shuffle]);
        assert!(fixer.text(&Fix::Rewrite, both, "").contains(" -co BLOCKSIZE=256 -co SPARSE_OK=FALSE -co BIGTIFF"));
        let shuffle = remedy(&[Fix::Shuffle, Fix::General]);
        assert!(fixer.text(&Fix::Shuffle, shuffle, "").ends_with("cogger -output a.cog.tif a.tif"));
        fixer.is_lossy = false;
        assert!(fixer.text(&Fix::Shuffle, shuffle, "").ends_with("-co OVERVIEWS=AUTO"));
        let mut told = shuffle;
        told.include(&Fix::Rewrite, Severity::Info);
        assert_eq!(fixer.text(&Fix::Rewrite, told, ""), fixer.text(&Fix::Shuffle, shuffle, ""));
        let mut only_told = Remedy::default();
        only_told.include(&Fix::Rewrite, Severity::Info);
        assert_eq!(fixer.text(&Fix::Rewrite, only_told, ""), rewritten);
        let damaged = remedy(&[Fix::Shuffle, Fix::Source, Fix::Rewrite]);
        assert!(fixer.text(&Fix::Shuffle, damaged, "").starts_with("Not repairable"));
        assert_eq!(fixer.text(&Fix::General, damaged, "own words"), "own words");
        assert_eq!(fixer.text(&Fix::Text("own".to_owned()), damaged, ""), "own");
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
        for (image, expected) in [
            (image(50_001, 3, 8, 1, 2), "-co COMPRESS=WEBP -co QUALITY=100"),
            (image(7, 3, 8, 1, 6), "-co COMPRESS=JPEG -co QUALITY=90"),
            (image(7, 1, 8, 1, 1), "-co COMPRESS=JPEG -co QUALITY=90"),
            (image(7, 4, 8, 1, 5), DEFLATE),
            (image(7, 3, 8, 1, 5), DEFLATE),
            (image(7, 2, 8, 1, 1), DEFLATE),
            (image(7, 9, 8, 1, 1), DEFLATE),
            (image(7, 1, 12, 1, 1), "-co COMPRESS=DEFLATE"),
            (image(8, 1, 11, 1, 1), "-co COMPRESS=DEFLATE"),
            (image(8, 1, 24, 1, 1), "-co COMPRESS=DEFLATE"),
            (image(4, 1, 1, 1, 0), "-co COMPRESS=DEFLATE"),
            (image(8, 1, 64, 6, 1), "-co COMPRESS=DEFLATE"),
            (image(5, 1, 32, 5, 1), "-co COMPRESS=LZW"),
            (image(5, 1, 32, 3, 1), "-co COMPRESS=LZW -co PREDICTOR=YES"),
            (image(50_000, 1, 4, 1, 1), "-co COMPRESS=ZSTD"),
            (image(50_000, 1, 64, 3, 1), "-co COMPRESS=ZSTD -co PREDICTOR=YES"),
        ] {
            assert_eq!(codec(&image), expected, "{image:?}");
        }
    }
}
