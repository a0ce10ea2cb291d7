//! `parcelle.toml`: what a team decides once for its files.
//!
//! ```toml
//! [check]
//! profile = ["cog", "vrt", "geoserver@2.27"]
//! fail-on = "warning"
//! lang = "fr"
//! baseline = "parcelle-baseline.json"
//!
//! [[check.ignore]]
//! rule = "COG-OVR-001"
//! files = "thumbnails/**"
//! reason = "shown at one scale only"
//! ```
//!
//! It is looked for in the current directory and those above it, the nearest counts. What the command line says wins; what is
//! ignored there comes on top.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

use crate::args::{CheckArguments, DepthArgument, FailOn, LanguageArgument};
use crate::failure::Failure;
use parcelle::report::IgnoreRule;

const NAME: &str = "parcelle.toml";
/// A file of settings has a few hundred bytes; what is longer is none.
const LONGEST: u64 = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    check: Check,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Check {
    #[serde(default)]
    profile: Vec<String>,
    depth: Option<String>,
    fail_on: Option<String>,
    lang: Option<String>,
    gdal_version: Option<String>,
    baseline: Option<PathBuf>,
    #[serde(default)]
    ignore: Vec<Ignore>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ignore {
    rule: String,
    files: Option<String>,
    reason: String,
}

/// Settings that the command line left open, filled in from a file; and the rules that it ignores.
pub(super) fn complete(arguments: &mut CheckArguments) -> Result<Vec<IgnoreRule>, Failure> {
    let Some(path) = place(arguments)? else { return Ok(Vec::new()) };
    let wrong = |reason: String| Failure::Usage(format!("{}: {reason}", path.display()));
    let text = read(&path).map_err(|error| wrong(error.to_string()))?;
    let File { check } = toml::from_str(&text).map_err(|error| wrong(told(&error, &text)))?;
    // First, since it is the language in which what follows is told.
    arguments.lang = arguments.lang.or(named::<LanguageArgument>("lang", check.lang.as_deref()).map_err(wrong)?);
    if arguments.profile.is_empty() {
        arguments.profile = check.profile;
    }
    let depth = named::<DepthArgument>("depth", check.depth.as_deref()).map_err(wrong)?;
    arguments.depth = arguments.depth.or(depth);
    arguments.fail_on = arguments.fail_on.or(named::<FailOn>("fail-on", check.fail_on.as_deref()).map_err(wrong)?);
    if let (None, Some(version)) = (arguments.gdal_version, check.gdal_version) {
        arguments.gdal_version = Some(
            crate::format::gdal_version(&version)
                .map_err(|error| wrong(format!("gdal-version = {version:?}: {error}")))?,
        );
    }
    if let (None, Some(baseline)) = (&arguments.baseline, check.baseline) {
        // It lies where the settings do, wherever the run was started.
        arguments.baseline = Some(path.parent().unwrap_or(Path::new("")).join(baseline));
    }
    let rules =
        check.ignore.iter().map(|ignore| IgnoreRule::new(&ignore.rule, ignore.files.as_deref(), &ignore.reason));
    rules.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))
}

/// The file that counts.
fn place(arguments: &CheckArguments) -> Result<Option<PathBuf>, Failure> {
    if arguments.no_config {
        return Ok(None);
    }
    if let Some(path) = &arguments.config {
        return Ok(Some(path.clone()));
    }
    // A directory that is gone has no settings.
    let Ok(current) = std::env::current_dir() else { return Ok(None) };
    let found = current.ancestors().map(|directory| directory.join(NAME)).find(|path| path.is_file());
    // What is near is named as people name it.
    Ok(found.map(|path| path.strip_prefix(&current).map(Path::to_owned).unwrap_or(path)))
}

fn read(path: &Path) -> std::io::Result<String> {
    if path.metadata()?.len() > LONGEST {
        return Err(std::io::Error::other("it is too long for a file of settings"));
    }
    std::fs::read_to_string(path)
}

/// What is wrong with a file, on one line.
fn told(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, error.message()),
        None => error.message().to_owned(),
    }
}

/// A value of an option by its name there.
fn named<T: ValueEnum>(key: &str, value: Option<&str>) -> Result<Option<T>, String> {
    let Some(value) = value else { return Ok(None) };
    T::from_str(value, false).map(Some).map_err(|_| {
        let known = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let known: Vec<String> = known.map(|known| known.get_name().to_owned()).collect();
        format!("{key} = {value:?} is none of {}", known.join(", "))
    })
}
