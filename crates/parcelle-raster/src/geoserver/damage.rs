//! Tiles that do not decode: what a reader in Java makes of them.

use std::collections::BTreeMap;

use parcelle_report::{Compatibility, Finding};
use parcelle_tiff::Structure;
use serde_json::Value;

use super::table::Effect;
use super::{Place, seen};
use crate::cog;

/// Lowers the answers for a file whose pixels were decoded, by what the layout rules found in that.
///
/// Measured with the reader of imageio-ext 2.1 on tiles that were cut, overwritten or changed: LZW and PackBits never throw, so
/// that what is missing is shown as 0; deflate, Zstandard and JPEG throw (`Data format exception during deflate decompression`,
/// `MalformedInputException`, `Not a JPEG file`). Deflate does not where the stream is right as far as it goes: nobody looks
/// how much `java.util.zip.Inflater` gave (`ZipDeflateDecompressor.decompress`), which without its checksum is all of it.
pub fn with_damage(
    answers: &mut [Compatibility],
    structure: &Structure,
    findings: &[Finding],
    facts: &BTreeMap<&'static str, Value>,
) {
    for finding in findings.iter().filter(|finding| finding.rule.id == cog::NOT_DECODABLE_ID) {
        let ifd = finding.location.ifd.and_then(|ifd| usize::try_from(ifd).ok());
        let image = ifd.and_then(|ifd| structure.directories.iter().find(|one| one.index == ifd)?.image);
        let effect = match image.map(|image| image.compression) {
            Some(1 | 5 | 32_773) => Effect::Misreads,
            Some(8 | 32_946) => match deflated(ifd, facts) {
                None => continue,
                Some(effect) => effect,
            },
            _ => Effect::FailsToRead,
        };
        let (outcome, detail) = (effect.outcome(), seen(effect, ifd.map_or(Place::File, Place::Ifd)));
        for answer in answers.iter_mut().filter(|answer| answer.target == "geoserver") {
            if outcome > answer.outcome {
                (answer.outcome, answer.detail) = (outcome, detail.to_owned());
            }
            answer.decoder = answer.decoder.map(|decoder| decoder.max(outcome));
            if !answer.because.contains(&finding.rule.id) {
                answer.because.push(finding.rule.id);
            }
        }
    }
}

/// What the damaged tiles of a level in deflate come to; `None` where all pixels are there.
fn deflated(ifd: Option<usize>, facts: &BTreeMap<&'static str, Value>) -> Option<Effect> {
    let levels = facts.get("level_tile_bytes").and_then(Value::as_array);
    let level =
        levels.and_then(|levels| levels.iter().find(|level| level["ifd"].as_u64() == ifd.map(|ifd| ifd as u64)));
    let count = |name: &str| level.and_then(|level| level[name].as_u64()).unwrap_or(0);
    let (damaged, short, unproved) =
        (count("tiles_damaged"), count("tiles_too_short"), count("tiles_without_checksum"));
    match damaged.saturating_sub(short).saturating_sub(unproved) {
        0 if damaged > 0 => (short > 0).then_some(Effect::Misreads),
        _ => Some(Effect::FailsToRead),
    }
}
