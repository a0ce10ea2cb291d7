//! Where reports go, and in which format.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use parcelle::report::render::{self, HumanOptions, JsonLines};
use parcelle::report::{Report, Severity, Wording};

use crate::args::{FailOn, ReportFormat};
use crate::failure::Failure;
use crate::terminal;

/// How a report is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) format: ReportFormat,
    pub(super) fail_on: FailOn,
    pub(super) wording: Wording,
}

/// Writes a whole report to a file, or to standard output.
pub(super) fn write(report: &Report, style: Style, output: Option<&Path>) -> Result<(), Failure> {
    match output {
        Some(path) => {
            let failed = |error: &io::Error| Failure::output(&path.display().to_string(), error);
            let temporary = temporary(path, &checked(report), 0o666)?;
            let options = HumanOptions { wording: style.wording, ..HumanOptions::default() };
            write_to(report, style, options, BufWriter::new(temporary.as_file())).map_err(|error| failed(&error))?;
            temporary.persist(path).map_err(|error| failed(&error.error))?;
        }
        None => {
            let options = HumanOptions {
                color: terminal::stdout_has_color(),
                width: terminal::stdout_width(),
                wording: style.wording,
            };
            let out = BufWriter::new(io::stdout().lock());
            write_to(report, style, options, out).map_err(|error| Failure::output("standard output", &error))?;
        }
    }
    Ok(())
}

fn write_to(report: &Report, style: Style, options: HumanOptions, mut out: impl Write) -> io::Result<()> {
    match style.format {
        ReportFormat::Human => render::human(report, options, &mut out)?,
        ReportFormat::Json => render::json(report, &mut out)?,
        ReportFormat::Jsonl => {
            let mut lines = JsonLines::start(&mut out, &report.tool)?;
            report.files.iter().try_for_each(|file| lines.file(file))?;
            report.unexamined.iter().try_for_each(|missing| lines.unexamined(missing))?;
            lines.finish(&report.summary)?;
        }
        ReportFormat::Sarif => render::sarif(report, style.wording, &mut out)?,
        ReportFormat::Junit => {
            let fail_on = match style.fail_on {
                FailOn::Error => Some(Severity::Error),
                FailOn::Warning => Some(Severity::Warning),
                FailOn::Never => None,
            };
            render::junit(report, fail_on, style.wording, &mut out)?;
        }
        ReportFormat::Html => render::html(report, style.wording, &mut out)?,
    }
    out.flush()
}

/// The files of a report, where they are.
pub(super) fn checked(report: &Report) -> Vec<PathBuf> {
    report.files.iter().filter_map(|file| Path::new(&file.path).canonicalize().ok()).collect()
}

/// The directory of a file.
pub(super) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file beside `path` that can be renamed to it, with these permissions less those that the user takes away.
pub(super) fn temporary(path: &Path, checked: &[PathBuf], mode: u32) -> Result<tempfile::NamedTempFile, Failure> {
    // A rename would put it in the place of a device or a pipe, or of a raster given as a path by mistake.
    if path.metadata().is_ok_and(|existing| !existing.is_file()) {
        return Err(Failure::Usage(format!("cannot write {}: it is there and not a regular file", path.display())));
    }
    if path.canonicalize().is_ok_and(|existing| checked.contains(&existing)) {
        let path = path.display();
        return Err(Failure::Usage(format!("{path} is one of the files that are checked: choose another name")));
    }
    let directory = directory(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".parcelle-report-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder.tempfile_in(directory).map_err(|error| Failure::output(&path.display().to_string(), &error))
}
