//! The mending commands of a run as one shell script.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use parcelle_raster::mend::{Step, shell_word, steps};
use parcelle_report::render::printable;
use parcelle_report::text::grouped;
use parcelle_report::{FileReport, Finding, Report, Severity};

/// What stands in front of the commands: a copy that is there already is never touched, one that was begun and failed
/// does not stay, and the script goes on with the next file and fails at the end.
const FUNCTIONS: &str = r#"
failed=0
current=
# A copy that is not whole does not stay, even where the script is interrupted.
trap '[ -z "$current" ] || rm -f -- "$current"' EXIT

# begin OUTPUT: whether it may be written.
begin() {
    if [ -e "$1" ]; then
        printf 'left alone, it is there already: %s\n' "$1" >&2
        return 1
    fi
    current=$1
}

fail() {
    printf 'not mended: %s\n' "$current" >&2
    rm -f -- "$current"
    failed=$((failed + 1))
}

end() {
    current=
}
"#;

/// A bash script with the mending commands of all files of a report. `directory` is where the report's paths begin: the
/// script changes there first.
///
/// Originals are only read; a command writes a copy beside its original, and none that is there already. What no command
/// mends, or needs a decision, is listed in comments.
#[must_use]
pub fn fix_script(report: &Report, directory: &Path) -> String {
    let mut body = String::new();
    let mut outputs = BTreeSet::new();
    let (mut mended, mut left) = (0_u64, 0_u64);
    for file in &report.files {
        let block = block(file, &mut outputs);
        mended += u64::from(block.runs);
        left += u64::from(block.leaves);
        body.push_str(&block.text);
    }
    for missing in &report.unexamined {
        left += 1;
        let _ = writeln!(body, "\n# {}: not examined: {}", comment(&missing.path), comment(&missing.reason));
    }
    let examined = report.files.len() as u64 + report.unexamined.len() as u64;
    let mut script = format!(
        "#!/usr/bin/env bash\n\
         # Written by {} {} for {} file{}: commands for {}, by hand {}.\n\
         # Originals are only read. Each command writes a copy beside its original, and none that is there already.\n\
         # Needed is GDAL (gdal_translate), and parcelle for GeoParquet; where cogger is installed too, it moves lossy tiles without encoding them again.\n\
         [ -n \"${{BASH_VERSION:-}}\" ] || exec bash \"$0\" \"$@\"\n\
         set -euo pipefail\n\
         cd -- {}\n",
        report.tool.name,
        report.tool.version,
        grouped(examined),
        if examined == 1 { "" } else { "s" },
        grouped(mended),
        grouped(left),
        shell_word(directory),
    );
    script.push_str(FUNCTIONS);
    script.push_str(&body);
    script.push_str("\n[ \"$failed\" -eq 0 ]\n");
    script
}

/// What the script says of one file.
struct Block {
    text: String,
    /// At least one command is run.
    runs: bool,
    /// Something is left to people.
    leaves: bool,
}

fn block(file: &FileReport, outputs: &mut BTreeSet<String>) -> Block {
    let mut block = Block { text: String::new(), runs: false, leaves: false };
    let serious = || file.findings.iter().filter(|finding| finding.severity > Severity::Info);
    let mut fixes: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in serious() {
        match fixes.iter_mut().find(|(fix, _)| *fix == finding.fix) {
            Some((_, findings)) => findings.push(finding),
            None => fixes.push((&finding.fix, vec![finding])),
        }
    }
    if fixes.is_empty() {
        return block;
    }
    let _ = writeln!(block.text, "\n# {}", comment(&file.path));
    for (fix, findings) in fixes {
        let mut ids: Vec<&str> = findings.iter().map(|finding| finding.rule.id).collect();
        ids.dedup();
        let ids = ids.join(", ");
        let steps = steps(fix);
        if steps.is_empty() {
            block.leaves = true;
            let _ = writeln!(block.text, "# {ids}: nothing mends it in the file itself");
        }
        for step in steps {
            match step {
                Step::Run { command, output, remark } if outputs.insert(output.clone()) => {
                    block.runs = true;
                    let _ = writeln!(block.text, "# {ids}");
                    if let Some(remark) = remark {
                        let _ = writeln!(block.text, "# {}", comment(&remark));
                    }
                    let _ = writeln!(block.text, "if begin {output}; then\n    {command} || fail\n    end\nfi");
                }
                Step::Run { command, output, .. } => {
                    block.leaves = true;
                    let output = comment(&output);
                    let _ = writeln!(block.text, "# {ids}: not run, since {output} is written above already:");
                    let _ = writeln!(block.text, "#   {}", comment(&command));
                }
                Step::Decide(command) => {
                    block.leaves = true;
                    let _ =
                        writeln!(block.text, "# {ids}: to be completed or agreed to, instead of any command above:");
                    let _ = writeln!(block.text, "#   {}", comment(&command));
                }
                Step::Words(words) => {
                    block.leaves = true;
                    let _ = writeln!(block.text, "# {ids}: {}", comment(&words));
                }
            }
        }
    }
    block
}

/// Text of a file as part of a comment: nothing in it ends the line.
fn comment(text: &str) -> String {
    printable(text).into_owned()
}

#[cfg(test)]
mod tests {
    use parcelle_report::{FileKind, Rule, Tool};

    use super::*;

    static RULE: Rule =
        Rule { id: "COG-X-001", severity: Severity::Error, title: "t", why: "w", fix: "f", reference: "r" };

    fn report(files: &[(&str, &[&str])]) -> Report {
        let files = files.iter().map(|(path, fixes)| {
            let findings = fixes.iter().map(|fix| Finding::new(&RULE, "m").fix(*fix)).collect();
            FileReport::new(*path, FileKind::Geotiff, findings, std::collections::BTreeMap::default())
        });
        Report::new(Tool { name: "parcelle", version: "0" }, files.collect(), Vec::new())
    }

    #[test]
    fn names_cannot_leave_their_comment() {
        let script = fix_script(&report(&[("a\nrm -rf b.tif", &["words\u{2028}\r\n touch c"])]), Path::new("/d"));
        assert!(
            !script.lines().any(|line| line.trim_start().starts_with("rm -rf b") || line.starts_with(" touch")),
            "{script}"
        );
    }

    #[test]
    fn one_output_is_written_once() {
        let command = "gdal_translate a.tif a.cog.tif -of COG";
        let other = "gdal_translate a.tiff a.cog.tif -of COG";
        let script =
            fix_script(&report(&[("a.tif", &[command, command]), ("a.tiff", &[other])]), Path::new("it's here"));
        assert_eq!(script.matches("if begin a.cog.tif; then").count(), 1);
        assert!(script.contains("# COG-X-001: not run, since a.cog.tif is written above already:"));
        assert!(script.contains("cd -- 'it'\\''s here'\n"));
        assert!(script.contains("for 2 files: commands for 1, by hand 1."), "{script}");
        let script = fix_script(&report(&[("a.tif", &[command])]), Path::new("."));
        assert!(script.contains("for 1 file: commands for 1, by hand 0."), "{script}");
    }
}
