//! Rules about what sources do to values: lookup tables, kernels, resampling.

use parcelle_report::{Finding, Findings, Group, Rule, Severity};

use super::Subject;
use super::model::{Dataset, DatasetKind, Source, SourceKind};
use super::numbers::{leading_number, truth};
use super::rules_window::{name, place};
use super::shorten::shorten;

/// A table that is not in order.
pub(crate) static LOOKUP_TABLE: Rule = Rule {
    id: "VRT-CPX-001",
    severity: Severity::Error,
    title: "The inputs of a LUT are not in increasing order",
    why: "GDAL searches the table for the two inputs around a value, which needs them in order (and NaN first): GDAL 3.6 \
          shows wrong values without a message, newer ones refuse the file.",
    fix: "Sort the pairs by their inputs.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTComplexSource::XMLInit, lines 3239 to 3258; measured with 3.6.2 and \
                3.12.2",
};

/// A kernel that is none.
pub(crate) static KERNEL: Rule = Rule {
    id: "VRT-CPX-002",
    severity: Severity::Error,
    title: "The size of a kernel is even, or its coefficients do not fit its size",
    why: "A kernel has a centre, so its size is odd; it has a coefficient for each cell, or one for each column where it \
          is separable. GDAL refuses the file otherwise.",
    fix: "Write an odd size, and size times size coefficients.",
    reference: "GDAL frmts/vrt/vrtfilters.cpp, VRTKernelFilteredSource::SetKernel and XMLInit, lines 458 and 720 to 740",
};

/// Two ways to hide pixels.
pub(crate) static TWO_MASKS: Rule = Rule {
    id: "VRT-CPX-003",
    severity: Severity::Warning,
    title: "A source has both NODATA and UseMaskBand",
    why: "The schema of GDAL allows one or the other; with both the mask is not used.",
    fix: "Remove one of them.",
    reference: "GDAL frmts/vrt/data/gdalvrt.xsd, ComplexSourceElementsGroup",
};

/// A method nobody knows.
pub(crate) static RESAMPLING: Rule = Rule {
    id: "VRT-CPX-004",
    severity: Severity::Warning,
    title: "The resampling method is unknown: nearest is used",
    why: "GDAL falls back to nearest neighbour with a warning that never reaches the log of GeoServer.",
    fix: "Write one of the methods of GDAL.",
    reference: "GDAL gcore/gdal_misc.cpp, GDALRasterIOGetResampleAlg; alg/gdalwarper.cpp, GDALDeserializeWarpOptions",
};

/// Methods for reading; a name that begins with NEAR is nearest.
const METHODS: &[&str] =
    &["bilinear", "cubic", "cubicspline", "lanczos", "average", "rms", "mode", "gauss", "nearest", "near"];

/// Methods for warping.
const WARP_METHODS: &[&str] = &[
    "NearestNeighbour",
    "Bilinear",
    "Cubic",
    "CubicSpline",
    "Lanczos",
    "Average",
    "RootMeanSquare",
    "Mode",
    "Maximum",
    "Minimum",
    "Median",
    "Quartile1",
    "Quartile3",
    "Sum",
    "Default",
];

/// Functions of a kernel without convolution (GDAL 3.12).
const KERNEL_FUNCTIONS: &[&str] = &["min", "max", "stddev", "median", "mode"];

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let total = subject.distinct_sources(dataset);
    let file = subject.file();
    let mut groups: [Group; 5] = Default::default();
    let mut first: [Option<String>; 5] = Default::default();
    for (band, source) in dataset.sources() {
        let problems = [lookup_table(source), odd_table(source), kernel(source), two_masks(source), resampling(source)];
        for ((problem, group), first) in problems.into_iter().zip(&mut groups).zip(&mut first) {
            let Some(Problem { line, inside, detail }) = problem else { continue };
            group.add(&name(source), || place(band, line, source, inside));
            first.get_or_insert(detail);
        }
    }
    let says: [(&'static Rule, Severity, &str, &str, &str, &str); 5] = [
        (
            &LOOKUP_TABLE,
            Severity::Error,
            "has a LUT that is not in increasing order",
            "have a LUT that is not in increasing order",
            "GDAL 3.6 shows wrong values, newer ones refuse the file",
            "Sort the pairs of the LUT by their inputs",
        ),
        (
            &LOOKUP_TABLE,
            Severity::Warning,
            "has a LUT that does not consist of pairs",
            "have a LUT that does not consist of pairs",
            "GDAL leaves out the last number, without a message",
            "Complete the pairs of the LUT",
        ),
        (
            &KERNEL,
            Severity::Error,
            "has a kernel that is not valid",
            "have a kernel that is not valid",
            "GDAL refuses the file",
            "Write an odd <Size> and size times size <Coefs>",
        ),
        (
            &TWO_MASKS,
            Severity::Warning,
            "has both NODATA and UseMaskBand",
            "have both NODATA and UseMaskBand",
            "they exclude each other",
            "Remove <NODATA> or <UseMaskBand>",
        ),
        (
            &RESAMPLING,
            Severity::Warning,
            "has an unknown resampling method",
            "have an unknown resampling method",
            "nearest is used",
            "Write nearest, bilinear, cubic, cubicspline, lanczos, average, rms, mode or gauss",
        ),
    ];
    for ((group, first), (rule, severity, one, many, consequence, what)) in groups.iter().zip(first).zip(says) {
        let Some(sentence) = group.sentence("source", total, one, many) else { continue };
        let detail = first.map(|detail| format!(" ({detail})")).unwrap_or_default();
        let line = group.first_place().and_then(|place| place.line).unwrap_or_default();
        let message = format!("{sentence}{detail}: {consequence}.");
        let fix = format!("{what} on line {line} of {file}.");
        findings.extend(group.finding(|| Finding::new(rule, message).severity(severity).fix(fix)));
    }
    if dataset.kind() == DatasetKind::Warped {
        warp_method(subject, dataset, findings);
    }
}

/// What is wrong with a source, and where in it.
struct Problem {
    line: u32,
    inside: &'static str,
    detail: String,
}

fn lookup_table(source: &Source) -> Option<Problem> {
    let table = source.adjustments.as_ref()?.lookup_table()?;
    let values: Vec<f64> = table.text.split([',', ':']).filter(|value| !value.is_empty()).map(leading_number).collect();
    let inputs: Vec<f64> = values.iter().step_by(2).copied().collect();
    let wrong = (1..inputs.len()).find(|index| {
        let (before, after) = (inputs.get(index - 1), inputs.get(*index));
        // NaN may only come first.
        matches!((before, after), (Some(before), Some(after)) if after.is_nan() || after < before)
    })?;
    let shown = |index: usize| inputs.get(index).copied().unwrap_or_default();
    let detail = format!("{} follows {}", shown(wrong), shown(wrong - 1));
    Some(Problem { line: table.line, inside: "/LUT", detail })
}

fn odd_table(source: &Source) -> Option<Problem> {
    let table = source.adjustments.as_ref()?.lookup_table()?;
    let count = table.text.split([',', ':']).filter(|value| !value.is_empty()).count();
    (count % 2 == 1).then(|| Problem { line: table.line, inside: "/LUT", detail: format!("it has {count} numbers") })
}

fn kernel(source: &Source) -> Option<Problem> {
    if source.kind != SourceKind::KernelFiltered {
        return None;
    }
    let problem = |line, detail: String| Some(Problem { line, inside: "/Kernel", detail });
    let adjustments = source.adjustments.as_deref();
    let Some(kernel) = adjustments.and_then(|adjustments| adjustments.kernel.as_deref()) else {
        return problem(source.line, "it has no <Kernel>".to_owned());
    };
    let (size, line) = kernel.size.unwrap_or((0, kernel.line));
    if size < 1 || size % 2 == 0 {
        return problem(line, format!("its size is {size}, which is not odd"));
    }
    if let Some(function) = adjustments.and_then(|adjustments| adjustments.kernel_function())
        && !KERNEL_FUNCTIONS.iter().any(|known| known.eq_ignore_ascii_case(&function.text))
    {
        return problem(function.line, format!("its function \"{}\" is unknown", shorten(&function.text)));
    }
    let given = kernel.coefficients.unwrap_or_default() as usize;
    let size = usize::try_from(size).unwrap_or_default();
    let square = size.saturating_mul(size);
    (given != square && given != size)
        .then(|| problem(line, format!("it has {given} coefficients, not {square} or {size}")))
        .flatten()
}

fn two_masks(source: &Source) -> Option<Problem> {
    let adjustments = source.adjustments.as_ref()?;
    let mask = adjustments.use_mask_band().filter(|field| truth(&field.text))?;
    let value = adjustments.no_data()?;
    let detail = format!("NODATA is {}", shorten(&value.text));
    Some(Problem { line: mask.line, inside: "/UseMaskBand", detail })
}

fn resampling(source: &Source) -> Option<Problem> {
    let method = source.resampling().filter(|method| !is_method(method))?;
    Some(Problem { line: source.line, inside: "/@resampling", detail: format!("\"{}\"", shorten(method)) })
}

/// Whether GDAL knows a method for reading.
pub(super) fn is_method(name: &str) -> bool {
    let near = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("near"));
    name.is_empty() || near || METHODS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn warp_method(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let Some(method) = dataset.warp_options.as_ref().and_then(|options| options.resampling.as_ref()) else { return };
    if method.text.is_empty() || WARP_METHODS.iter().any(|known| known.eq_ignore_ascii_case(&method.text)) {
        return;
    }
    let message = format!("Unknown ResampleAlg \"{}\": nearest is used.", shorten(&method.text));
    let known = WARP_METHODS.get(..8).unwrap_or_default().join(", ");
    let fix = format!("Write one of {known} on line {} of {}.", method.line, subject.file());
    let place = super::at(method.line, "VRTDataset/GDALWarpOptions/ResampleAlg");
    findings.push(Finding::new(&RESAMPLING, message).at(place).fix(fix));
}
