//! The rule about sources that are arrays.

use parcelle_report::text::grouped;
use parcelle_report::{Finding, Findings, Rule, Severity};

use super::{Subject, at};

/// A part is missing.
pub(crate) static INCOMPLETE: Rule = Rule {
    id: "VRT-SRC-029",
    severity: Severity::Error,
    title: "An <ArraySource> is incomplete",
    why: "GDAL 3.8 and newer builds the array when it opens the file, and not when a tile touches it: where the array, its \
          file, its name or what a step works with is missing, or the array has not two dimensions, the whole file is \
          refused. Older ones know no <ArraySource> and leave its area blank.",
    fix: "Complete the element, or make a GeoTIFF of the slice: gdalmdimtranslate -array NAME arrays.nc slice.tif",
    reference: "GDAL frmts/vrt/vrtmultidim.cpp, ParseArray, VRTDerivedArrayCreate and VRTArraySource::XMLInit; measured \
                with 3.12.2",
};

/// Tests the rule.
pub(super) fn check(subject: &Subject<'_>, findings: &mut Findings) {
    let lacks = &subject.document.array_lacks;
    let Some(first) = &lacks.first else { return };
    let more = if lacks.count > 1 { format!(" ({} such places)", grouped(lacks.count)) } else { String::new() };
    let consequence = if subject.target.has((3, 8)) {
        "GDAL refuses the whole file"
    } else {
        "GDAL refuses the whole file since 3.8, before it leaves the area blank"
    };
    let message = format!("{}{more}: {consequence}.", first.detail);
    let fix = format!("Complete the <ArraySource> around line {} of {}.", first.line, subject.file());
    findings.push(Finding::new(&INCOMPLETE, message).at(at(first.line, "ArraySource")).fix(fix).count(lacks.count));
}
