//! `parcelle check`.

mod config;
mod explain;
mod output;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use parcelle::report::render::JsonLines;
use parcelle::report::{Baseline, IgnoreRule, Ignoring, Language, Report, Summary, Verdict, Wording};
use parcelle::{Answer, Check, Depth, Profile};

use crate::args::{CheckArguments, DepthArgument, FailOn, LanguageArgument, ReportFormat};
use crate::failure::Failure;
use crate::terminal;
use output::{Style, checked, temporary};

/// From so many files on, a bar shows how far a check has come; fewer are done before it could be drawn.
const FILES_WORTH_A_BAR: usize = 50;
/// A baseline of a million findings has less.
const LONGEST_BASELINE: u64 = 1024 * 1024 * 1024;

/// `wording` becomes that of the language that is asked for, as soon as it is known: what goes wrong is told in it.
pub(crate) fn run(mut arguments: CheckArguments, wording: &mut Wording) -> Result<ExitCode, Failure> {
    let completed = config::complete(&mut arguments);
    let language = match arguments.lang {
        Some(LanguageArgument::Fr) => Language::French,
        Some(LanguageArgument::En) | None => Language::English,
    };
    *wording = parcelle::wording(language);
    let mut ignored = completed?;
    if arguments.rules {
        return print(explain::catalogue(language));
    }
    if let Some(id) = &arguments.explain {
        return print(explain::explanation(id, language, terminal::stdout_width())?);
    }
    for text in &arguments.ignore {
        ignored.push(IgnoreRule::parse(text).map_err(|error| Failure::Usage(format!("--ignore: {error}")))?);
    }
    if let Some(script) = arguments.fix_script.as_deref().filter(|_| !arguments.overwrite) {
        refuse_existing(script)?;
    }
    // Who asked for hours of work wants to know before it that nothing can be written.
    for path in [&arguments.output, &arguments.fix_script, &arguments.write_baseline].into_iter().flatten() {
        output::directory(path).metadata().map_err(|error| Failure::output(&path.display().to_string(), &error))?;
    }
    let style = Style { format: arguments.format, fail_on: arguments.fail_on.unwrap_or_default(), wording: *wording };
    let unit = language.pick("files", "fichiers");
    let bar = terminal::progress(unit);
    let shown = bar.clone();
    let check = prepared(&arguments, ignored, *wording)?.on_file(Arc::new(move |done, total| {
        if total >= FILES_WORTH_A_BAR {
            terminal::show(&shown, done as u64, Some(total as u64), unit);
        }
    }));
    // Lines go out as files are done, where nothing has to be known of all of them.
    if style.format == ReportFormat::Jsonl
        && arguments.output.is_none()
        && arguments.fix_script.is_none()
        && arguments.write_baseline.is_none()
    {
        let result = stream(check, style.fail_on);
        bar.finish_and_clear();
        return result;
    }
    let report = check.run();
    bar.finish_and_clear();
    let report = report.map_err(|error| Failure::Usage(error.to_string()))?;
    output::write(&report, style, arguments.output.as_deref())?;
    if let Some(path) = &arguments.fix_script {
        write_script(&report, path, language, arguments.overwrite)?;
    }
    if let Some(path) = &arguments.write_baseline {
        write_baseline(&report, path)?;
        // All that was found is known from now on.
        return Ok(exit_code(Verdict::Ok, !report.unexamined.is_empty(), FailOn::Never));
    }
    Ok(exit_code(report.verdict(), !report.unexamined.is_empty(), style.fail_on))
}

/// A check as the arguments ask for it.
fn prepared(arguments: &CheckArguments, ignored: Vec<IgnoreRule>, wording: Wording) -> Result<Check, Failure> {
    if let Some(unknown) = ignored.iter().find(|ignored| !parcelle::rules().any(|rule| ignored.is_of(rule.id))) {
        let id = unknown.rule();
        return Err(Failure::Usage(format!("there is no rule {id} to ignore: `parcelle check --rules` lists them")));
    }
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
            let newer = format!(
                "--gdal-version {major}.{minor}: the newest GDAL that the rules know is {last}.{least}; files are judged \
                 as by that one"
            );
            terminal::warn(&newer, wording);
        }
        check = check.gdal_version(version);
    }
    if arguments.mosaic {
        check = check.mosaic();
    }
    if let Some(threads) = arguments.threads {
        check = check.threads(usize::from(threads));
    }
    #[cfg(feature = "http")]
    if let Some(seconds) = arguments.http_timeout {
        check = check.http_timeout(std::time::Duration::from_secs(u64::from(seconds)));
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
    let baseline = arguments.baseline.as_deref().filter(|_| arguments.write_baseline.is_none()).map(read_baseline);
    Ok(check
        .follow_remote(arguments.follow_remote)
        .data_directories(&arguments.data_dir)
        .allowed_hosts(arguments.allow_host.iter().cloned())
        .pictures(arguments.format == ReportFormat::Html)
        .all_versions(arguments.all_versions || arguments.format == ReportFormat::Html)
        .ignoring(Ignoring { rules: ignored, baseline: baseline.transpose()? }))
}

/// Writes JSON Lines to standard output while files are checked.
fn stream(check: Check, fail_on: FailOn) -> Result<ExitCode, Failure> {
    let failed = |error: &std::io::Error| Failure::output("standard output", error);
    let mut lines = JsonLines::start(std::io::stdout().lock(), &parcelle::TOOL).map_err(|error| failed(&error))?;
    let mut summary = Summary::default();
    let mut is_all_examined = true;
    let mut written = Ok(());
    let result = check.stream(|answer| {
        written = match &answer {
            Answer::File(file) => {
                summary.count(file.verdict);
                lines.file(file)
            }
            Answer::Unexamined(missing) => {
                is_all_examined = false;
                lines.unexamined(missing)
            }
        };
        written.is_ok()
    });
    result.map_err(|error| Failure::Usage(error.to_string()))?;
    written.and_then(|()| lines.finish(&summary)).map_err(|error| failed(&error))?;
    Ok(exit_code(summary.verdict(), !is_all_examined, fail_on))
}

fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    let wrong = |reason: String| Failure::Usage(format!("--baseline {}: {reason}", path.display()));
    let length = path.metadata().map_err(|error| wrong(error.to_string()))?.len();
    if length > LONGEST_BASELINE {
        return Err(wrong("it is too long for a baseline".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Baseline::parse(&text).map_err(|error| wrong(error.to_string()))
}

/// The baseline under a temporary name, renamed when whole.
fn write_baseline(report: &Report, path: &Path) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::output(&path.display().to_string(), error);
    let text = Baseline::of(report).to_text().map_err(|error| failed(&error.into()))?;
    let temporary = temporary(path, &checked(report), 0o666)?;
    temporary.as_file().write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    temporary.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
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
fn write_script(report: &Report, path: &Path, language: Language, overwrite: bool) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| Failure::output(&path.display().to_string(), error);
    let directory = std::env::current_dir().map_err(|error| failed(&error))?;
    let script = parcelle::fix_script(report, &directory, language);
    let temporary = temporary(path, &checked(report), 0o777)?;
    temporary.as_file().write_all(script.as_bytes()).map_err(|error| failed(&error))?;
    let persisted = if overwrite { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    persisted.map_err(|error| failed(&error.error))?;
    Ok(())
}

fn exit_code(verdict: Verdict, is_incomplete: bool, fail_on: FailOn) -> ExitCode {
    let failed = match fail_on {
        FailOn::Error => verdict >= Verdict::Error,
        FailOn::Warning => verdict >= Verdict::Warning,
        FailOn::Never => false,
    };
    match (is_incomplete, failed) {
        (true, _) => ExitCode::from(2),
        (false, true) => ExitCode::from(1),
        (false, false) => ExitCode::SUCCESS,
    }
}

fn print(text: String) -> Result<ExitCode, Failure> {
    std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| Failure::output("standard output", &error))?;
    Ok(ExitCode::SUCCESS)
}
