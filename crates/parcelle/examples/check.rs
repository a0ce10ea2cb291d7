//! Lists what is wrong in a directory of rasters by rule, worst first: which mend pays most.
//!
//! ```text
//! cargo run -p parcelle --example check -- /data/rasters
//! ```

use std::collections::BTreeMap;

use parcelle::report::Severity;

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<_> = std::env::args_os().skip(1).collect();
    let report = parcelle::check(&paths).run()?;
    let mut by_rule = BTreeMap::new();
    for finding in report.files.iter().flat_map(|file| &file.findings) {
        let entry =
            by_rule.entry((std::cmp::Reverse(finding.severity), finding.rule.id)).or_insert((0u64, finding.rule));
        entry.0 += 1;
    }
    for ((severity, id), (files, rule)) in by_rule {
        if severity.0 > Severity::Info {
            println!("{:<8} {id:<13} {files:>6}  {}", severity.0.as_str(), rule.title);
        }
    }
    for missing in &report.unexamined {
        println!("not examined: {}: {}", missing.path, missing.reason);
    }
    Ok(())
}
