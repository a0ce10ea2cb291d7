//! The `parcelle` binary: arguments, progress, colours and exit codes around the crate `parcelle`.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 findings, or data that could
//! not be converted; 2 wrong usage, or something that could not be examined at all.

mod args;
mod check;
mod convert;
mod failure;
mod format;
mod info;
mod shell;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use parcelle::report::Wording;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    parcelle::keep_guarded_panics_quiet();
    #[cfg(feature = "late-gdal")]
    {
        parcelle::load_gdal_with(parcelle_late_gdal::ready);
        parcelle::load_proj_with(parcelle_late_gdal::proj_ready);
    }
    let arguments = Arguments::parse();
    let mut wording = Wording::default();
    let result = match arguments.command {
        Command::Convert(arguments) => convert::run(*arguments),
        Command::Check(arguments) => check::run(*arguments, &mut wording),
        Command::Info(arguments) => info::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::manual(&arguments),
    };
    match result {
        Ok(code) => code,
        Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::complain(&failure, wording);
            failure.exit_code()
        }
    }
}
