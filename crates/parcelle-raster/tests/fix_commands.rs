//! The mending commands, run: what they write has no error any more, to the layout rules and to GDAL's validator.
#![expect(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use parcelle_raster::Depth;
use parcelle_raster::cog::{self, CogOptions, LayoutProfile, Parsed, gdal_findings, in_force};
use parcelle_raster::geoserver::{self, Beside};
use parcelle_raster::mend::{self, Step, steps};
use parcelle_report::{Finding, Severity};
use parcelle_storage::LocalFile;

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All findings, of GeoServer too if asked for, with their commands merged.
fn examine(path: &Path, with_geoserver: bool) -> Vec<Finding> {
    let source = LocalFile::open(path).unwrap();
    let name = path.display().to_string();
    let parsed = Parsed::read(&source).unwrap();
    let mut findings = cog::check_structure(&parsed, &source, &name, &CogOptions::default()).unwrap().findings;
    findings.extend(cog::check_side_files(path).unwrap());
    if with_geoserver {
        let version = geoserver::newest().unwrap();
        let judged = geoserver::judge(&parsed.structure, &name, version, &Beside::of(path).unwrap().into()).unwrap();
        findings.extend(judged.findings);
    }
    mend::merge(&mut findings, &parsed.structure, path);
    findings
}

fn serious(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(|finding| finding.severity > Severity::Info)
}

/// The distinct commands that warnings and errors propose, and whether something needs a decision or is beyond mending.
fn commands(findings: &[Finding]) -> (Vec<(String, String)>, bool) {
    let (mut runs, mut rest) = (Vec::new(), false);
    for step in serious(findings).flat_map(|finding| steps(&finding.fix)) {
        match step {
            Step::Run { command, output, .. } if !runs.contains(&(command.clone(), output.clone())) => {
                runs.push((command, output));
            }
            Step::Run { .. } => {}
            Step::Decide(_) | Step::Words(_) => rest = true,
        }
    }
    (runs, rest)
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "tif"));
    files.sort();
    files
}

/// Whether GDAL decodes a file, every pixel of it.
fn decodes(path: &Path) -> bool {
    let output = Command::new("gdalinfo").arg("-checksum").arg(path).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    output.status.success() && !String::from_utf8_lossy(&said).contains("ERROR")
}

fn is_installed() -> bool {
    Command::new("gdal_translate").arg("--version").output().is_ok()
}

/// Runs the commands of a copy of `original`; gives what is wrong with what they wrote.
fn mend(original: &Path, with_geoserver: bool) -> Result<usize, String> {
    let directory = tempfile::tempdir().unwrap();
    // Names are quoted or the command does nothing.
    let copy = directory.path().join(format!("it's {}", original.file_name().unwrap().to_string_lossy()));
    std::fs::copy(original, &copy).unwrap();
    for suffix in [".ovr", ".msk", ".aux.xml"] {
        let beside = PathBuf::from(format!("{}{suffix}", original.display()));
        if beside.exists() {
            std::fs::copy(beside, format!("{}{suffix}", copy.display())).unwrap();
        }
    }
    let before = std::fs::read(&copy).unwrap();
    let findings = examine(&copy, with_geoserver);
    let (runs, _) = commands(&findings);
    let main = runs.iter().filter(|(command, _)| !command.contains("GTIFF_DIR:")).count();
    if main > 1 {
        return Err(format!("{main} commands where one would do: {runs:?}"));
    }
    for (command, output) in &runs {
        let run = Command::new("bash").arg("-c").arg(command).current_dir(top()).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        if !run.status.success() {
            return Err(format!("{command}\n  {said}"));
        }
        let name = Command::new("bash").arg("-c").arg(format!("printf %s {output}")).output().unwrap().stdout;
        let output = PathBuf::from(String::from_utf8(name).unwrap());
        let again = examine(&output, with_geoserver);
        // What needs a decision is as it was.
        let is_open = |finding: &&Finding| steps(&finding.fix).iter().all(|step| !matches!(step, Step::Decide(_)));
        let errors = again.iter().filter(|finding| finding.severity == Severity::Error).filter(is_open);
        let errors: Vec<&str> = errors.map(|finding| finding.message.as_str()).collect();
        if !errors.is_empty() {
            return Err(format!("{command}\n  still {errors:?}"));
        }
        let source = LocalFile::open(&output).unwrap();
        let parsed = Parsed::read(&source).unwrap();
        let of_gdal = gdal_findings(&parsed, &source, "a.tif", Depth::Tiles).unwrap();
        let of_gdal = in_force(Vec::new(), of_gdal, &[LayoutProfile::Gdal]);
        if let Some(refused) = of_gdal.iter().find(|finding| finding.severity == Severity::Error) {
            return Err(format!("{command}\n  GDAL's validator: {}", refused.message));
        }
        if !decodes(&output) {
            return Err(format!("{command}\n  does not decode"));
        }
    }
    assert_eq!(std::fs::read(&copy).unwrap(), before, "{} was changed", copy.display());
    Ok(runs.len())
}

/// Mends all that can be; says how many. Does nothing where GDAL is not installed.
fn mend_all(files: Vec<PathBuf>, with_geoserver: bool) -> String {
    if !is_installed() {
        return "skipped: gdal_translate is not installed".to_owned();
    }
    let (mut run, mut lost, mut sound, mut hidden, mut wrong) = (0, 0, 0, Vec::new(), Vec::new());
    for path in files {
        let findings = examine(&path, with_geoserver);
        let (runs, rest) = commands(&findings);
        let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
        if runs.is_empty() {
            if has_errors && !rest {
                wrong.push(format!("{}: nothing is proposed", path.display()));
            }
            lost += usize::from(rest);
            sound += usize::from(!rest);
            continue;
        }
        match mend(&path, with_geoserver) {
            Ok(_) => run += 1,
            // Without decoding every pixel nobody can know that it will not work.
            Err(_) if !decodes(&path) => hidden.push(path.file_name().unwrap().to_owned()),
            Err(error) => wrong.push(format!("{}: {error}", path.display())),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    format!("{run} files mended by their command, {lost} beyond it, {sound} need none; do not decode: {hidden:?}")
}

#[test]
fn the_commands_of_all_fixtures_work() {
    eprintln!("{}", mend_all(files_of(&top().join("testdata/cog")), false));
}

#[test]
fn one_command_mends_layout_and_geoserver() {
    eprintln!("{}", mend_all(files_of(&top().join("testdata/cog")), true));
}

#[test]
fn the_commands_of_the_crafted_corpus_work() {
    eprintln!(
        "{} (no file: no corpus beside the checkout)",
        mend_all(files_of(&top().join("../shared/corpus/cog-crafted")), false)
    );
}
