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
    if let Some(script) = arguments.fix_script.as_deref().filter(|_| !arguments.overwrite) {
        refuse_existing(script)?;
    }
    let fail_on = arguments.fail_on;
    let mut check = parcelle::check(&arguments.paths);
    if let Some(depth) = arguments.depth {
        check = check.depth(match depth {
            DepthArgument::Header => Depth::Header,
            DepthArgument::Tiles => Depth::Tiles,
            DepthArgument::Pixels => Depth::Pixels,
        });
    }
    if !arguments.profile.is_empty() {
        let profiles = arguments.profile.iter().map(|name| Profile::parse(name)).collect::<Result<Vec<_>, _>>();
        check = check.profiles(profiles.map_err(|error| Failure::Usage(error.to_string()))?);
    }
    if let Some(version) = arguments.gdal_version {
        if version > parcelle::NEWEST_KNOWN_GDAL {
            let ((major, minor), (last, least)) = (version, parcelle::NEWEST_KNOWN_GDAL);
            let _ = writeln!(
                std::io::stderr(),
                "warning: --gdal-version {major}.{minor}: the newest GDAL that the rules know is {last}.{least}; files are \
                 judged as by that one"
            );
        }
        check = check.gdal_version(version);
    }
    if arguments.mosaic {
        check = check.mosaic();
    }
    if let Some(threads) = arguments.threads {
        check = check.threads(usize::from(threads));
    }
    if let Some(missing) = arguments.data_dir.iter().find(|directory| !directory.is_dir()) {
        return Err(Failure::Usage(format!("--data-dir {}: there is no such directory", missing.display())));
    }
    if let Some(directory) = &arguments.working_dir {
        if !directory.is_dir() {
            return Err(Failure::Usage(format!("--working-dir {}: there is no such directory", directory.display())));
        }
        check = check.working_directory(directory);
    }
    check = check
        .follow_remote(arguments.follow_remote)
        .data_directories(&arguments.data_dir)
        .allowed_hosts(arguments.allow_host.iter().cloned());
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
    if let Some(path) = &arguments.fix_script {
        write_script(&report, path, arguments.overwrite)?;
    }
    Ok(exit_code(&report, fail_on))
}

fn refuse_existing(script: &Path) -> Result<(), Failure> {
    match script.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => {
            let path = script.display();
            Err(Failure::Usage(format!("{path} is there already: choose another --fix-script, or give --overwrite")))
        }
        Err(error) => Err(Failure::output(&script.display().to_string(), &error)),
    }
}

/// The script under a temporary name, renamed when whole; it replaces nothing unless it may.
fn write_script(report: &Report, path: &Path, overwrite: bool) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::output(&path.display().to_string(), error);
    let directory = std::env::current_dir().map_err(|error| failed(&error))?;
    let script = parcelle::fix_script(report, &directory);
    let temporary = temporary(report, path, 0o777)?;
    temporary.as_file().write_all(script.as_bytes()).map_err(|error| failed(&error))?;
    let persisted = if overwrite { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    persisted.map_err(|error| failed(&error.error))?;
    Ok(())
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
    let temporary = temporary(report, path, 0o666)?;
    write_report(report, format, render::HumanOptions::default(), BufWriter::new(temporary.as_file()))
        .map_err(|error| failed(&error))?;
    temporary.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// A file beside `path` that can be renamed to it, with these permissions less those that the user takes away.
fn temporary(report: &Report, path: &Path, mode: u32) -> Result<tempfile::NamedTempFile, Failure> {
    // A rename would put it in the place of a device or a pipe, or of a raster given as a path by mistake.
    if path.metadata().is_ok_and(|existing| !existing.is_file()) {
        return Err(Failure::Usage(format!("cannot write {}: it is there and not a regular file", path.display())));
    }
    if let Ok(existing) = path.canonicalize()
        && report.files.iter().any(|file| Path::new(&file.path).canonicalize().is_ok_and(|file| file == existing))
    {
        let path = path.display();
        return Err(Failure::Usage(format!("{path} is one of the files that are checked: choose another name")));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".parcelle-report-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder.tempfile_in(directory).map_err(|error| Failure::output(&path.display().to_string(), &error))
}

fn print(text: String) -> Result<ExitCode, Failure> {
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| Failure::output("standard output", &error))?;
    Ok(ExitCode::SUCCESS)
}

fn catalogue() -> String {
    let line = |rule: &Rule| {
        let profiles = parcelle::profiles_of(rule).join(", ");
        format!("{:<13} {:<8} {}  [{profiles}]\n", rule.id, rule.severity.as_str(), rule.title)
    };
    parcelle::rules().map(line).collect()
}

fn explanation(id: &str) -> Result<String, Failure> {
    let Some(rule) = parcelle::rule(id) else {
        return Err(Failure::Usage(format!("there is no rule {id:?}: `parcelle check --rules` lists them")));
    };
    let profiles = parcelle::profiles_of(rule).join(", ");
    let Rule { id, severity, title, why, fix, reference } = rule;
    let fix = if fix.is_empty() { "nothing needs mending" } else { fix };
    let mut text = format!(
        "{id} ({})\n{title}\n\nWhy:  {why}\n\nFix:  {fix}\n\nFrom: {reference}\n\nIn the profiles: {profiles}\n",
        severity.as_str()
    );
    if let Some(example) = parcelle::example(id) {
        text += &format!("\nExample:\n  {}  {}\n  {}\n", example.severity, example.path, example.message);
        for line in example.fix.lines() {
            text += &format!("  $ {line}\n");
        }
    }
    Ok(text)
}
