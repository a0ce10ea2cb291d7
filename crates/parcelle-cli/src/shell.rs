//! What a packager installs beside the binary: completions of shells and the pages of the manual, made from the arguments.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use crate::args::{Arguments, CompletionsArguments, ManArguments};
use crate::failure::Failure;

/// Writes the completions of a shell to standard output.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "parcelle", &mut text);
    std::io::stdout().lock().write_all(&text).map_err(|error| Failure::output("standard output", &error))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `parcelle.1` and a page for each command into a directory.
pub(crate) fn manual(arguments: &ManArguments) -> Result<ExitCode, Failure> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory).map_err(|error| Failure::output(&directory.display().to_string(), &error))?;
    let mut command = Arguments::command();
    command.build();
    page(&command, "parcelle", directory)?;
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        page(command, &format!("parcelle-{}", command.get_name()), directory)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn page(command: &Command, name: &str, directory: &Path) -> Result<(), Failure> {
    let path = directory.join(format!("{name}.1"));
    let failed = |error: std::io::Error| Failure::output(&path.display().to_string(), &error);
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(failed)?;
    std::fs::write(&path, text).map_err(failed)
}
