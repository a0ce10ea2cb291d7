//! Tiles that do not decode: what a reader in Java makes of them.

use parcelle_report::{Compatibility, Finding};
use parcelle_tiff::Structure;

use super::table::Effect;
use super::{Place, seen};
use crate::cog;

/// Lowers the answers for a file whose pixels were decoded, by what the layout rules found in that.
///
/// Measured with the reader of imageio-ext 2.1 on tiles that were cut, overwritten or changed: LZW and PackBits never throw, so
/// that what is missing is shown as 0; deflate, Zstandard and JPEG throw (`Data format exception during deflate decompression`,
/// `MalformedInputException`, `Not a JPEG file`), but for streams that are whole and too short.
pub fn with_damage(answers: &mut [Compatibility], structure: &Structure, findings: &[Finding]) {
    for finding in findings.iter().filter(|finding| finding.rule.id == cog::NOT_DECODABLE_ID) {
        let ifd = finding.location.ifd.and_then(|ifd| usize::try_from(ifd).ok());
        let image = ifd.and_then(|ifd| structure.directories.iter().find(|one| one.index == ifd)?.image);
        let is_silent = image.is_some_and(|image| matches!(image.compression, 1 | 5 | 32_773));
        let effect = if is_silent { Effect::Misreads } else { Effect::FailsToRead };
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
