//! `parcelle check`.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use parcelle::report::{Report, Rule, Verdict, render};
use parcelle::{Depth, Profile};

use crate::args::{CheckArguments, DepthArgument, FailOn, ReportFormat};
use crate::failure::Failure;
use crate::terminal;

/// From so many files on, a bar shows how far a check has come; fewer are done before it could be drawn.
const FILES_WORTH_A_BAR: usize = 50;

pub(crate) fn run(arguments: CheckArguments) -> Result<ExitCode, Failure> {
    if arguments.rules {
        return print(catalogue());
    }
    if let Some(id) = &arguments.explain {
        return print(explanation(id)?);
    }
    if !matches!(arguments.format, ReportFormat::Human | ReportFormat::Json) {
        return Err(Failure::not_yet("this report format", "use --format json and transform it"));
    }
    let fail_on = arguments.fail_on;
    let mut check = parcelle::check(&arguments.paths).depth(match arguments.depth {
        DepthArgument::Header => Depth::Header,
        DepthArgument::Tiles => Depth::Tiles,
        DepthArgument::Pixels => Depth::Pixels,
    });
    if !arguments.profile.is_empty() {
        let profiles = arguments.profile.iter().map(|name| profile(name)).collect::<Result<Vec<_>, _>>()?;
        check = check.profiles(profiles);
    }
    if arguments.mosaic {
        check = check.mosaic();
    }
    if let Some(threads) = arguments.threads {
        check = check.threads(usize::from(threads));
    }
    let bar = terminal::progress("files");
    let shown = bar.clone();
    let report = check
        .on_file(Arc::new(move |done, total| {
            if total >= FILES_WORTH_A_BAR {
                terminal::show(&shown, done as u64, Some(total as u64), "files");
            }
        }))
        .run();
    bar.finish_and_clear();
    let report = report.map_err(|error| Failure::Usage(error.to_string()))?;

    match &arguments.output {
        Some(path) => to_file(&report, arguments.format, path)?,
        None => {
            let out = BufWriter::new(std::io::stdout().lock());
            let options = render::HumanOptions { color: terminal::stdout_has_color(), width: terminal::stdout_width() };
            write_report(&report, arguments.format, options, out)
                .map_err(|error| Failure::output("standard output", &error))?;
        }
    }
    Ok(exit_code(&report, fail_on))
}

fn exit_code(report: &Report, fail_on: FailOn) -> ExitCode {
    let failed = match fail_on {
        FailOn::Error => report.verdict() >= Verdict::Error,
        FailOn::Warning => report.verdict() >= Verdict::Warning,
        FailOn::Never => false,
    };
    if !report.unexamined.is_empty() {
        ExitCode::from(2)
    } else if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    }
}

fn profile(name: &str) -> Result<Profile, Failure> {
    if ["gdal", "ogc"].iter().any(|later| name.to_ascii_lowercase().starts_with(later)) {
        let known = Profile::ALL.map(Profile::name).join(", ");
        return Err(Failure::not_yet(&format!("the profile {name}"), &format!("there are {known}")));
    }
    Profile::parse(name).map_err(|error| Failure::Usage(error.to_string()))
}

fn write_report(
    report: &Report,
    format: ReportFormat,
    options: render::HumanOptions,
    mut out: impl Write,
) -> std::io::Result<()> {
    match format {
        ReportFormat::Json => render::json(report, &mut out)?,
        _ => render::human(report, options, &mut out)?,
    }
    out.flush()
}

/// The report under a temporary name, renamed when whole.
fn to_file(report: &Report, format: ReportFormat, path: &Path) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::output(&path.display().to_string(), error);
    // A rename would put the report in the place of a device or a pipe, or of a raster given as a path by mistake.
    if path.metadata().is_ok_and(|existing| !existing.is_file()) {
        return Err(Failure::Usage(format!("cannot write {}: it is there and not a regular file", path.display())));
    }
    if let Ok(existing) = path.canonicalize()
        && report.files.iter().any(|file| Path::new(&file.path).canonicalize().is_ok_and(|file| file == existing))
    {
        let path = path.display();
        return Err(Failure::Usage(format!("{path} is one of the files that are checked: choose another --output")));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".parcelle-report-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(directory).map_err(|error| failed(&error))?;
    write_report(report, format, render::HumanOptions::default(), BufWriter::new(temporary.as_file()))
        .map_err(|error| failed(&error))?;
    temporary.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

fn print(text: String) -> Result<ExitCode, Failure> {
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| Failure::output("standard output", &error))?;
    Ok(ExitCode::SUCCESS)
}

fn catalogue() -> String {
    parcelle::rules().map(|rule| format!("{:<13} {:<8} {}\n", rule.id, rule.severity.as_str(), rule.title)).collect()
}

fn explanation(id: &str) -> Result<String, Failure> {
    let Some(rule) = parcelle::rule(id) else {
        return Err(Failure::Usage(format!("there is no rule {id:?}: `parcelle check --rules` lists them")));
    };
    let Rule { id, severity, title, why, fix, reference } = rule;
    let fix = if fix.is_empty() { "nothing needs mending" } else { fix };
    Ok(format!("{id} ({})\n{title}\n\nWhy:  {why}\n\nFix:  {fix}\n\nFrom: {reference}\n", severity.as_str()))
}
