//! The rule about reading every pixel.

#[cfg(not(feature = "gdal"))]
use parcelle_report::Finding;
use parcelle_report::{Findings, Rule, Severity};

use super::Context;

/// Pixels that cannot be read.
pub(crate) static READ: Rule = Rule {
    id: "VRT-READ-001",
    severity: Severity::Error,
    title: "GDAL fails to read a part of the raster",
    why: "With --depth pixels the whole raster is read through the GDAL that parcelle is linked with, window by window, and \
          its message is told. It is read only where every file that it is made of may be opened and is a plain file.",
    fix: "See what the other rules say of the source that the message names.",
    reference: "GDAL GDALRasterIO",
};

/// Reads every pixel, where GDAL is linked.
#[cfg(feature = "gdal")]
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    super::pixels::check(context, findings);
}

/// Says that there is nothing to read pixels with.
#[cfg(not(feature = "gdal"))]
pub(crate) fn check(context: &Context<'_>, findings: &mut Findings) {
    let file = context.subject.path.display();
    let message = format!("The pixels of {file} were not read, as this build of parcelle does without GDAL.");
    findings.push(Finding::new(&READ, message).severity(Severity::Info).fix(""));
}
