//! Mending commands for one file.
//!
//! What helps depends on the file: bytes that are lost come back only from the source; a wrong layout needs the tiles
//! moved, not the pixels changed; and whoever re-encodes lossy tiles should at least stay with their codec.

use parcelle_tiff::{Image, Role, Structure};

use crate::shell::quoted;

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
    /// [`Fix::Rewrite`] with further creation options.
    RewriteWith(&'static str),
    /// A whole instruction.
    Text(String),
    /// The rule's own words, which hold for every file.
    General,
}

/// Makes the text of a [`Fix`].
#[derive(Debug)]
pub(crate) struct Fixer {
    input: String,
    output: String,
    compression: u16,
    has_overviews: bool,
}

impl Fixer {
    pub(crate) fn new(path: &str, structure: &Structure) -> Self {
        let image: Option<Image> = structure.main().and_then(|directory| directory.image);
        let is_remote = path.starts_with("http://") || path.starts_with("https://");
        let input = if is_remote { format!("/vsicurl/{path}") } else { path.to_owned() };
        let local = if is_remote { path.rsplit('/').next().unwrap_or(path) } else { path };
        let stem = [".tiff", ".tif", ".TIFF", ".TIF"].into_iter().find_map(|extension| local.strip_suffix(extension));
        Self {
            input: quoted(&input),
            output: quoted(format!("{}.cog.tif", stem.unwrap_or(local))),
            compression: image.map_or(1, |image| image.compression),
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

    /// The instruction for this file. `is_damaged`: bytes are lost, so that reading it through cannot work.
    pub(crate) fn text(&self, fix: &Fix, is_damaged: bool, general: &str) -> String {
        match fix {
            Fix::Text(text) => text.clone(),
            Fix::General => general.to_owned(),
            Fix::Source => self.source(),
            _ if is_damaged => self.source(),
            Fix::Rewrite => self.rewrite("-co BLOCKSIZE=512 -co BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING"),
            Fix::RewriteWith(options) => {
                self.rewrite(&format!("{options} -co BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING"))
            }
            Fix::Shuffle => {
                let command = self.rewrite("-co BIGTIFF=IF_SAFER -co OVERVIEWS=AUTO");
                if self.is_lossy() && self.has_overviews {
                    format!("{command} # encodes again; without loss: cogger -output {} {}", self.output, self.input)
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
        format!("gdal_translate {} {} -of COG {} {options}", self.input, self.output, self.codec())
    }

    const fn is_lossy(&self) -> bool {
        matches!(self.compression, 6 | 7 | 34_887 | 50_001 | 50_002)
    }

    /// The same codec where GDAL's COG driver writes it, else DEFLATE.
    const fn codec(&self) -> &'static str {
        match self.compression {
            5 => "-co COMPRESS=LZW -co PREDICTOR=YES",
            6 | 7 => "-co COMPRESS=JPEG -co QUALITY=90",
            34_887 => "-co COMPRESS=LERC",
            34_925 => "-co COMPRESS=LZMA",
            50_000 => "-co COMPRESS=ZSTD -co PREDICTOR=YES",
            50_001 => "-co COMPRESS=WEBP -co QUALITY=90",
            50_002 => "-co COMPRESS=JXL",
            _ => "-co COMPRESS=DEFLATE -co PREDICTOR=YES",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_follow_codec_place_and_damage() {
        let mut fixer =
            Fixer { input: "a.tif".to_owned(), output: "a.cog.tif".to_owned(), compression: 7, has_overviews: true };
        assert_eq!(
            fixer.text(&Fix::Rewrite, false, ""),
            "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=JPEG -co QUALITY=90 -co BLOCKSIZE=512 \
             -co BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING"
        );
        assert!(fixer.text(&Fix::Shuffle, false, "").ends_with("cogger -output a.cog.tif a.tif"));
        fixer.compression = 8;
        assert!(fixer.text(&Fix::Shuffle, false, "").ends_with("-co OVERVIEWS=AUTO"));
        assert!(fixer.text(&Fix::Shuffle, true, "").starts_with("Not repairable"));
    }
}
