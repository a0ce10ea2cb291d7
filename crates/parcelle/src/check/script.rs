//! The mending commands of a run as one shell script.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use parcelle_raster::mend::{Step, shell_word, steps};
use parcelle_report::render::printable;
use parcelle_report::{FileReport, Finding, Language, Report, Severity, Wording};

/// What stands in front of the commands: a copy that is there already is never touched, one that was begun and failed
/// does not stay, and the script goes on with the next file and fails at the end.
fn functions(language: Language) -> String {
    // They stand between single quotes, as formats of printf: no quote, no backslash and no percent sign in them.
    let left = language.pick("left alone, it is there already: ", "laissé tel quel, il existe déjà\u{A0}: ");
    let unmended = language.pick("not mended: ", "non corrigé\u{A0}: ");
    let whole = language.pick(
        "A copy that is not whole does not stay, even where the script is interrupted.",
        "Une copie incomplète ne reste pas, même si le script est interrompu.",
    );
    let begin =
        language.pick("begin OUTPUT: whether it may be written.", "begin COPIE\u{A0}: si elle peut être écrite.");
    format!(
        r#"
failed=0
current=
# {whole}
trap '[ -z "$current" ] || rm -f -- "$current"' EXIT

# {begin}
begin() {{
    if [ -e "$1" ]; then
        printf '{left}%s\n' "$1" >&2
        return 1
    fi
    current=$1
}}

fail() {{
    printf '{unmended}%s\n' "$current" >&2
    rm -f -- "$current"
    failed=$((failed + 1))
}}

end() {{
    current=
}}
"#
    )
}

/// A bash script with the mending commands of all files of a report. `directory` is where the report's paths begin: the
/// script changes there first. What it says to people is in `language`.
///
/// Originals are only read; a command writes a copy beside its original, and none that is there already. What no command
/// mends, or needs a decision, is listed in comments.
#[must_use]
pub fn fix_script(report: &Report, directory: &Path, language: Language) -> String {
    let wording = super::wording(language);
    let mut body = String::new();
    let mut outputs = BTreeSet::new();
    let (mut mended, mut left) = (0_u64, 0_u64);
    for file in &report.files {
        let block = block(file, &mut outputs, wording);
        mended += u64::from(block.runs);
        left += u64::from(block.leaves);
        body.push_str(&block.text);
    }
    for missing in &report.unexamined {
        left += 1;
        let what = wording.pick(": not examined: ", "\u{A0}: non examiné\u{A0}: ");
        let reason = wording.sentence("reason", &missing.reason);
        let _ = writeln!(body, "\n# {}{what}{}", comment(&missing.path), comment(&reason));
    }
    let examined = report.files.len() as u64 + report.unexamined.len() as u64;
    let examined = language.counted(examined, ["file", "files"], ["fichier", "fichiers"]);
    let (name, version) = (report.tool.name, report.tool.version);
    let (mended, left) = (language.grouped(mended), language.grouped(left));
    let head = match language {
        Language::English => format!(
            "# Written by {name} {version} for {examined}: commands for {mended}, by hand {left}.\n\
             # Originals are only read. Each command writes a copy beside its original, and none that is there already.\n\
             # Needed is GDAL (gdal_translate), and parcelle for GeoParquet; where cogger is installed too, it moves lossy \
             tiles without encoding them again.\n"
        ),
        Language::French => format!(
            "# Écrit par {name} {version} pour {examined}\u{A0}: commandes pour {mended}, à la main {left}.\n\
             # Les originaux sont seulement lus. Chaque commande écrit une copie à côté de son original, et aucune qui existe \
             déjà.\n\
             # Il faut GDAL (gdal_translate), et parcelle pour le GeoParquet\u{A0}; si cogger est installé aussi, il déplace \
             les tuiles compressées avec perte sans les encoder de nouveau.\n"
        ),
    };
    let mut script = format!(
        "#!/usr/bin/env bash\n\
         {head}\
         [ -n \"${{BASH_VERSION:-}}\" ] || exec bash \"$0\" \"$@\"\n\
         set -euo pipefail\n\
         cd -- {}\n",
        shell_word(directory),
    );
    script.push_str(&functions(language));
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

fn block(file: &FileReport, outputs: &mut BTreeSet<String>, wording: Wording) -> Block {
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
            let nothing = wording
                .pick(": nothing mends it in the file itself", "\u{A0}: rien ne le corrige dans le fichier lui-même");
            let _ = writeln!(block.text, "# {ids}{nothing}");
        }
        for step in steps {
            match step {
                Step::Run { command, output, remark } if outputs.insert(output.clone()) => {
                    block.runs = true;
                    let _ = writeln!(block.text, "# {ids}");
                    if let Some(remark) = remark {
                        let _ = writeln!(block.text, "# {}", comment(&wording.sentence("@note", &remark)));
                    }
                    let _ = writeln!(block.text, "if begin {output}; then\n    {command} || fail\n    end\nfi");
                }
                Step::Run { command, output, .. } => {
                    block.leaves = true;
                    let output = comment(&output);
                    let _ = match wording.language {
                        Language::English => {
                            writeln!(block.text, "# {ids}: not run, since {output} is written above already:")
                        }
                        Language::French => writeln!(
                            block.text,
                            "# {ids}\u{A0}: pas exécuté, puisque {output} est déjà écrit plus haut\u{A0}:"
                        ),
                    };
                    let _ = writeln!(block.text, "#   {}", comment(&command));
                }
                Step::Decide(command) => {
                    block.leaves = true;
                    let decide = wording.pick(
                        ": to be completed or agreed to, instead of any command above:",
                        "\u{A0}: à compléter ou à approuver, au lieu de toute commande ci-dessus\u{A0}:",
                    );
                    let _ = writeln!(block.text, "# {ids}{decide}");
                    let _ = writeln!(block.text, "#   {}", comment(&wording.sentence("fix", &command)));
                }
                Step::Words(words) => {
                    block.leaves = true;
                    let colon = wording.pick(": ", "\u{A0}: ");
                    let _ = writeln!(block.text, "# {ids}{colon}{}", comment(&wording.sentence("fix", &words)));
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
        let script = fix_script(
            &report(&[("a\nrm -rf b.tif", &["words\u{2028}\r\n touch c"])]),
            Path::new("/d"),
            Language::English,
        );
        assert!(
            !script.lines().any(|line| line.trim_start().starts_with("rm -rf b") || line.starts_with(" touch")),
            "{script}"
        );
    }

    #[test]
    fn one_output_is_written_once() {
        let command = "gdal_translate a.tif a.cog.tif -of COG";
        let other = "gdal_translate a.tiff a.cog.tif -of COG";
        let files = report(&[("a.tif", &[command, command]), ("a.tiff", &[other])]);
        let script = fix_script(&files, Path::new("it's here"), Language::English);
        assert_eq!(script.matches("if begin a.cog.tif; then").count(), 1);
        assert!(script.contains("# COG-X-001: not run, since a.cog.tif is written above already:"));
        assert!(script.contains("cd -- 'it'\\''s here'\n"));
        assert!(script.contains("for 2 files: commands for 1, by hand 1."), "{script}");
        let script = fix_script(&report(&[("a.tif", &[command])]), Path::new("."), Language::English);
        assert!(script.contains("for 1 file: commands for 1, by hand 0."), "{script}");
    }

    #[test]
    fn the_script_is_french_where_people_are() {
        let commands = [
            "gdal_translate a.tif a.cog.tif -of COG  # keeps the real part",
            "gdal_translate a.tif a.cog.tif -of COG -a_srs 'EPSG:<code>'",
            "Look at line 3 of a.vrt.",
            "",
        ];
        let files = report(&[("a.tif", &commands), ("a.tiff", &["gdal_translate a.tiff a.cog.tif -of COG"])]);
        let french = fix_script(&files, Path::new("/d"), Language::French);
        for line in [
            "# Écrit par parcelle 0 pour 2 fichiers\u{A0}: commandes pour 1, à la main 2.",
            "# garde la partie réelle",
            "# COG-X-001\u{A0}: à compléter ou à approuver, au lieu de toute commande ci-dessus\u{A0}:",
            "# COG-X-001\u{A0}: Regarder la ligne 3 de a.vrt.",
            "# COG-X-001\u{A0}: rien ne le corrige dans le fichier lui-même",
            "# COG-X-001\u{A0}: pas exécuté, puisque a.cog.tif est déjà écrit plus haut\u{A0}:",
        ] {
            assert!(french.lines().any(|written| written == line), "{line} is not in {french}");
        }
        // What is run does not depend on the language.
        let run = |script: &str| {
            let lines = script.lines().filter(|line| !line.starts_with('#') && !line.contains("printf"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(run(&french), run(&fix_script(&files, Path::new("/d"), Language::English)));
    }
}
