//! Rules about bands that are computed: pixel functions.

use parcelle_report::{Finding, Findings, Location, Rule, Severity};

use super::functions::{Function, Kind, argument, arguments as known_arguments, find, first_version, meant};
use super::model::{Band, Dataset, Field};
use super::numbers::{leading_number, leads_number, whole_number_text};
use super::shorten::shorten;
use super::target::{GEOSERVER_GDAL, shown};
use super::{Subject, at};

/// A function in Python.
pub(crate) static PYTHON: Rule = Rule {
    id: "VRT-PIXFN-001",
    severity: Severity::Error,
    title: "A pixel function is written in Python, which GDAL refuses to run",
    why: "GDAL_VRT_ENABLE_PYTHON is TRUSTED_MODULES by default: code in the file, and modules that are not listed as \
          trusted, are refused, so that every read fails. Switched on in a server it lets whoever may place a VRT run \
          code there.",
    fix: "Use a built-in function, or compute the pixels once: gdal_translate.",
    reference: "GDAL frmts/vrt/vrtderivedrasterband.cpp, VRTDerivedRasterBand::InitializePython",
};

/// A function nobody registers.
pub(crate) static NOT_REGISTERED: Rule = Rule {
    id: "VRT-PIXFN-002",
    severity: Severity::Error,
    title: "A pixel function is registered in no GDAL",
    why: "The function is looked up when a pixel is read, by its exact name: the file opens, the store and the layer \
          can be created, and every map fails.",
    fix: "Correct the name; functions of a program of one's own do not exist in GeoServer.",
    reference: "GDAL frmts/vrt/vrtderivedrasterband.cpp, VRTDerivedRasterBand::IRasterIO; frmts/vrt/pixelfunctions.cpp",
};

/// A function is newer than the target.
pub(crate) static NEEDS_VERSION: Rule = Rule {
    id: "VRT-PIXFN-003",
    severity: Severity::Error,
    title: "A pixel function needs a newer GDAL",
    why: "Pixel functions came one by one: a GDAL that does not have one opens the file and fails at each read with \
          \"not registered\". GeoServer uses the GDAL of its system. It is a warning where the version of that is not \
          stated (--gdal-version) and may be too old, an error where the one that is stated is.",
    fix: "Upgrade the GDAL of GeoServer, or compute the pixels once: gdal_translate.",
    reference: "GDAL frmts/vrt/pixelfunctions.cpp of the release branches; doc/source/drivers/raster/vrt.rst",
};

/// The expression function.
pub(crate) static EXPRESSION: Rule = Rule {
    id: "VRT-PIXFN-004",
    severity: Severity::Error,
    title: "The pixel function \"expression\" needs GDAL 3.11 that was built with muparser or exprtk",
    why: "The function came with GDAL 3.11, and its dialects are optional libraries of the build: without muparser \
          reading fails with \"Dialect 'muparser' is not supported by this GDAL build\". Whether a server has them \
          cannot be seen in the file.",
    fix: "Compute the pixels once: gdal_translate, with a GDAL that has them (gdalinfo --build).",
    reference: "GDAL frmts/vrt/vrtexpression.cpp; doc/source/drivers/raster/vrt.rst, \"expression\"",
};

/// A function where there is no derived band.
pub(crate) static NOT_DERIVED: Rule = Rule {
    id: "VRT-PIXFN-005",
    severity: Severity::Error,
    title: "A PixelFunctionType stands in a band that is not of the class VRTDerivedRasterBand",
    why: "Only that class looks at the element. GDAL before 3.12 ignores it, and shows the sources as if nothing were \
          computed; since 3.12 it refuses the file.",
    fix: "Write subClass=\"VRTDerivedRasterBand\" on the band.",
    reference: "GDAL frmts/vrt/vrtdataset.cpp, VRTDataset::XMLInit",
};

/// Something a function cannot do without.
pub(crate) static INCOMPLETE: Rule = Rule {
    id: "VRT-PIXFN-006",
    severity: Severity::Error,
    title: "A computed band lacks an element or an argument, or has one that GDAL refuses",
    why: "A derived band without function, in another language than C or Python, with code that is not Python, or with \
          a BufferRadius that is no number from 0 to 1024 makes GDAL refuse the file. A required argument that is \
          missing, or a value that is no number where one is needed, lets every read fail. Arguments that a function \
          does not know are ignored, and of 1,5 it reads 1, without a message: those are warnings.",
    fix: "Add what is missing, or correct it.",
    reference: "GDAL frmts/vrt/vrtderivedrasterband.cpp, VRTDerivedRasterBand::XMLInit; frmts/vrt/pixelfunctions.cpp, \
                FetchDoubleArg; measured with GDAL 3.6.2, 3.10.3 and 3.12.4",
};

/// The wrong number of sources.
pub(crate) static SOURCES: Rule = Rule {
    id: "VRT-PIXFN-007",
    severity: Severity::Error,
    title: "A pixel function has a number of sources that it does not take",
    why: "Each function checks how many sources it is given, and fails without a message where the number does not fit: \
          GeoServer then shows an exception without text.",
    fix: "Give the function as many sources as it takes.",
    reference: "GDAL frmts/vrt/pixelfunctions.cpp; doc/source/drivers/raster/vrt.rst",
};

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    for (index, band) in dataset.bands.iter().enumerate() {
        let number = index + 1;
        if band.is_a("VRTDerivedRasterBand") {
            derived(subject, band, number, findings);
        } else if let Some(function) = &band.pixel_function {
            let consequence = if subject.target.has((3, 12)) {
                "GDAL 3.12 and newer refuse the file, older ones ignore the function"
            } else {
                "GDAL ignores the function and shows the sources as they are"
            };
            let message = format!(
                "Band {number} names the pixel function \"{}\" but is no VRTDerivedRasterBand: {consequence}.",
                shorten(&function.text)
            );
            let fix = format!(
                "Write subClass=\"VRTDerivedRasterBand\" on the band on line {} of {}.",
                band.line,
                subject.file()
            );
            findings.push(Finding::new(&NOT_DERIVED, message).at(place(function.line, number)).fix(fix));
        }
    }
}

fn place(line: u32, band: usize) -> Location {
    let mut place = at(line, "VRTDataset/VRTRasterBand/PixelFunctionType");
    place.band = u32::try_from(band).ok();
    place
}

fn derived(subject: &Subject<'_>, band: &Band, number: usize, findings: &mut Findings) {
    let file = subject.file();
    let mut refused = |line: u32, what: String, fix: String| {
        let message = format!("Band {number} {what}: GDAL refuses the file.");
        findings.push(Finding::new(&INCOMPLETE, message).at(place(line, number)).fix(fix));
    };
    let Some(function) = band.pixel_function.as_ref().filter(|function| !function.text.is_empty()) else {
        let fix = format!("Name a function in <PixelFunctionType> of the band on line {} of {file}.", band.line);
        refused(band.line, "is a derived band without <PixelFunctionType>".to_owned(), fix);
        return;
    };
    let language = band.pixel_function_language.as_ref();
    let is_language = |name: &str| language.is_some_and(|language| language.text.eq_ignore_ascii_case(name));
    let is_python = is_language("Python");
    if let Some(language) = language.filter(|_| !is_python && !is_language("C")) {
        let fix =
            format!("Write C or Python on line {} of {file}, or leave <PixelFunctionLanguage> out.", language.line);
        let what = format!("is written in \"{}\", which is neither C nor Python", shorten(&language.text));
        refused(language.line, what, fix);
        return;
    }
    if let Some(code) = band.pixel_function_code.as_ref().filter(|code| !is_python && !code.text.is_empty()) {
        let fix = format!("Remove <PixelFunctionCode> on line {} of {file}.", code.line);
        refused(code.line, "has code, which only a function in Python may have".to_owned(), fix);
        return;
    }
    if let Some(radius) = &band.buffer_radius {
        let value = radius.leading_integer();
        let wrong = match value {
            Some(0) => None,
            Some(1..=1024) if is_python => None,
            Some(1..=1024) => Some("has a <BufferRadius>, which only a function in Python may have"),
            _ => Some("has a <BufferRadius> that is not between 0 and 1024"),
        };
        if let Some(wrong) = wrong {
            let fix = format!("Correct or remove <BufferRadius> on line {} of {file}.", radius.line);
            refused(radius.line, wrong.to_owned(), fix);
            return;
        }
    }
    if is_python {
        let inline = band.pixel_function_code.is_some();
        let where_code = if inline { "in the file itself" } else { "in a module" };
        let message = format!(
            "Band {number} is computed by Python code {where_code}: GDAL refuses to run it by default \
             (GDAL_VRT_ENABLE_PYTHON), every read fails."
        );
        findings.push(Finding::new(&PYTHON, message).at(place(function.line, number)).fix(compute(subject)));
        return;
    }
    built_in(subject, band, number, function, findings);
}

fn compute(subject: &Subject<'_>) -> String {
    format!("gdal_translate -of COG {} {}  # on a machine where it reads", subject.file(), subject.computed())
}

fn built_in(subject: &Subject<'_>, band: &Band, number: usize, function: &Field, findings: &mut Findings) {
    let name = &*function.text;
    let place = place(function.line, number);
    let target = subject.target;
    let (Some(known), Some(since)) = (find(name, target.gdal()), first_version(name)) else {
        let hint = match meant(name) {
            Some(meant) => format!(" (names are compared exactly: {meant})"),
            None => String::new(),
        };
        let message = format!(
            "Pixel function \"{}\" of band {number} is registered in no GDAL{hint}: the VRT opens, reading fails.",
            shorten(name)
        );
        let fix = match meant(name) {
            Some(meant) => format!("Write {meant} on line {} of {}.", function.line, subject.file()),
            None => format!("Use a built-in function on line {} of {}.", function.line, subject.file()),
        };
        findings.push(Finding::new(&NOT_REGISTERED, message).at(place).fix(fix));
        return;
    };
    let severity = target.need(since);
    if name == "expression" {
        // What the build has cannot be known, so that even a new GDAL leaves a doubt.
        let severity = severity.max(Severity::Warning);
        let message =
            format!("Band {number} is an expression: it needs GDAL 3.11 that was built with muparser (or exprtk).");
        findings.push(Finding::new(&EXPRESSION, message).severity(severity).at(place.clone()).fix(compute(subject)));
    } else if severity > Severity::Info || since > GEOSERVER_GDAL {
        let message = format!(
            "Pixel function \"{name}\" of band {number} needs GDAL {}: {} opens the VRT and fails to read it.",
            shown(since),
            target.older()
        );
        findings.push(Finding::new(&NEEDS_VERSION, message).severity(severity).at(place.clone()).fix(compute(subject)));
    }
    arguments(subject, band, number, known, &place, findings);
    sources(subject, band, number, known, &place, findings);
}

fn arguments(
    subject: &Subject<'_>,
    band: &Band,
    number: usize,
    function: &Function,
    place: &Location,
    findings: &mut Findings,
) {
    let given =
        |name: &str| band.pixel_function_arguments.iter().any(|argument| argument.name.eq_ignore_ascii_case(name));
    for missing in function.required.iter().filter(|name| !given(name)) {
        let message = format!(
            "Pixel function \"{}\" of band {number} needs the argument {missing}: reading fails.",
            function.name
        );
        let fix = format!(
            "Add <PixelFunctionArguments {missing}=\"...\"/> to the band on line {} of {}.",
            band.line,
            subject.file()
        );
        findings.push(Finding::new(&INCOMPLETE, message).at(place.clone()).fix(fix));
    }
    values(subject, band, number, function, place, findings);
    if function.name == "replace_nodata" && band.no_data.is_none() && !given("NoData") {
        let message =
            format!("Pixel function \"replace_nodata\" of band {number} has no nodata to replace: reading fails.");
        let fix = format!("Give the band on line {} of {} a <NoDataValue>.", band.line, subject.file());
        findings.push(Finding::new(&INCOMPLETE, message).at(place.clone()).fix(fix));
    }
    // A distance of 0 between the sources is a division by it.
    let distance = band.pixel_function_arguments.iter().find(|argument| argument.name.eq_ignore_ascii_case("dt"));
    if let Some(distance) = distance.filter(|argument| leading_number(&argument.value) == 0.0)
        && function.name.starts_with("interpolate_")
    {
        let message = format!(
            "Pixel function \"{}\" of band {number} has dt=\"{}\": it divides by it.",
            function.name,
            shorten(&distance.value)
        );
        let fix =
            format!("Give dt, the distance between the sources, on line {} of {}.", distance.line, subject.file());
        findings.push(Finding::new(&INCOMPLETE, message).severity(Severity::Warning).at(place.clone()).fix(fix));
    }
}

/// Looks at the values of the arguments that are there.
fn values(
    subject: &Subject<'_>,
    band: &Band,
    number: usize,
    function: &Function,
    place: &Location,
    findings: &mut Findings,
) {
    let name = &function.name;
    for given in &band.pixel_function_arguments {
        let (written, value) = (shorten(&given.name), shorten(&given.value));
        let (severity, problem) = match argument(name, &given.name) {
            None => {
                let mut known = known_arguments(name).collect::<Vec<_>>().join(", ");
                if known.is_empty() {
                    known.push_str("none");
                }
                let problem = format!("ignores the argument {written}, without a message: it takes {known}");
                (Severity::Warning, problem)
            }
            Some(Kind::Number) if !leads_number(&given.value) => {
                (Severity::Error, format!("has {written}=\"{value}\", which is no number: reading fails"))
            }
            Some(Kind::Number) if whole_number_text(&given.value).is_none() && !is_hexadecimal(&given.value) => {
                let read = leading_number(&given.value);
                (Severity::Warning, format!("has {written}=\"{value}\", which GDAL reads as {read}"))
            }
            Some(Kind::Word(words)) if !words.contains(&&*given.value) => {
                let words = words.join(", ");
                let problem = format!("has {written}=\"{value}\", which is none of {words}: reading fails");
                (Severity::Error, problem)
            }
            Some(Kind::Mapping) => match mapping(&given.value) {
                Some(wrong) => (Severity::Error, format!("has a mapping {wrong}: reading fails")),
                None => continue,
            },
            Some(Kind::Number | Kind::Word(_) | Kind::Anything) => continue,
        };
        let message = format!("Pixel function \"{name}\" of band {number} {problem}.");
        let fix = format!("Correct or remove {written} on line {} of {}.", given.line, subject.file());
        findings.push(Finding::new(&INCOMPLETE, message).severity(severity).at(place.clone()).fix(fix));
    }
}

/// `strtod` reads these too.
fn is_hexadecimal(text: &str) -> bool {
    text.trim_start().trim_start_matches(['+', '-']).get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"))
}

/// What GDAL cannot read of the mapping of "reclassify": `from=to` with semicolons between them, where a range such as
/// `[1,20)` may be the first part.
fn mapping(text: &str) -> Option<&'static str> {
    for entry in text.split(';').filter(|entry| !entry.trim().is_empty()) {
        let Some((from, to)) = entry.split_once('=') else { return Some("with an entry without \"=\"") };
        let is_range = from.trim_start().starts_with(['[', '(']);
        if to.contains(',') || from.contains(',') && !is_range {
            return Some("with a comma between entries, where a semicolon must stand");
        }
    }
    None
}

fn sources(
    subject: &Subject<'_>,
    band: &Band,
    number: usize,
    function: &Function,
    place: &Location,
    findings: &mut Findings,
) {
    let given = band.sources.len();
    let fits = |function: &Function| given >= function.minimum && function.maximum.is_none_or(|most| given <= most);
    // Where no version is stated, one that fits only the newest GDAL is worth a warning.
    let before = find(&function.name, GEOSERVER_GDAL)
        .filter(|before| !subject.target.is_stated() && before.since <= GEOSERVER_GDAL);
    let (severity, wanted) = match (fits(function), before) {
        (false, _) => (Severity::Error, function),
        (true, Some(before)) if !fits(before) => (Severity::Warning, before),
        _ => return,
    };
    let takes = match wanted.maximum {
        Some(most) if most == wanted.minimum => format!("{most} source{}", if most == 1 { "" } else { "s" }),
        Some(most) => format!("{} to {most} sources", wanted.minimum),
        None => format!("at least {} source{}", wanted.minimum, if wanted.minimum == 1 { "" } else { "s" }),
    };
    let until =
        if severity == Severity::Warning { format!(" before GDAL {}", shown(function.since)) } else { String::new() };
    let message = format!(
        "Pixel function \"{}\" of band {number} takes {takes}{until}, {given} given: reading fails, without a message.",
        function.name
    );
    let fix = format!("Give the band on line {} of {} {takes}.", band.line, subject.file());
    findings.push(Finding::new(&SOURCES, message).severity(severity).at(place.clone()).fix(fix));
}
