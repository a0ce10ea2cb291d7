//! What codec, page size and row groups cost and save: the table from which the presets are chosen.
//!
//! One line per setting, over the generated layer and any files named in `PARCELLE_BENCH_FILES` (separated by `:`, as in
//! `PATH`): bytes of the output, and seconds of encoding added up over all threads, the median of three runs. `--quick` or
//! a short criterion run measures each once.

mod input;

use std::path::Path;

use serde_json::Value;

use input::Failure;

const LEVELS: [i32; 8] = [1, 2, 3, 6, 9, 12, 15, 19];
const PAGES: [usize; 4] = [64 << 10, 128 << 10, 256 << 10, 1 << 20];
const ROW_GROUPS: [usize; 3] = [32_768, 65_536, 131_072];

struct Setting {
    level: i32,
    page_bytes: usize,
    row_group_rows: usize,
}

/// One dimension at a time.
fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    for level in LEVELS {
        settings.push(Setting { level, page_bytes: 128 << 10, row_group_rows: 65_536 });
    }
    for level in [1, 3, 15] {
        for page_bytes in PAGES.into_iter().filter(|bytes| *bytes != 128 << 10) {
            settings.push(Setting { level, page_bytes, row_group_rows: 65_536 });
        }
        for row_group_rows in ROW_GROUPS.into_iter().filter(|rows| *rows != 65_536) {
            settings.push(Setting { level, page_bytes: 128 << 10, row_group_rows });
        }
    }
    settings
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() -> Result<(), Failure> {
    // Criterion's own arguments for a short run are understood as one.
    let quick = std::env::args().any(|argument| argument == "--quick" || argument == "--measurement-time");
    let directory = tempfile::tempdir()?;
    let mut inputs = vec![input::buildings(directory.path(), input::rows()?)?];
    let named = std::env::var_os("PARCELLE_BENCH_FILES").unwrap_or_default();
    inputs.extend(std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()));
    let output = directory.path().join("out.parquet");
    println!("| input | zstd | page KiB | rows per row group | MB | of default | encode s | of default |");
    println!("|---|---|---|---|---|---|---|---|");
    for input in &inputs {
        let measure = |setting: &Setting| measure(input, &output, setting, if quick { 1 } else { 3 });
        let (bytes, seconds) = measure(&Setting { level: 3, page_bytes: 256 << 10, row_group_rows: 65_536 })?;
        for setting in settings() {
            if quick && setting.level > 9 {
                continue;
            }
            let (its_bytes, its_seconds) = measure(&setting)?;
            println!(
                "| {} | {} | {} | {} | {:.2} | {:.3} | {its_seconds:.2} | {:.2} |",
                input.file_name().unwrap_or_default().display(),
                setting.level,
                setting.page_bytes >> 10,
                setting.row_group_rows,
                its_bytes as f64 / 1e6,
                its_bytes as f64 / bytes as f64,
                its_seconds / seconds
            );
        }
    }
    Ok(())
}

/// Bytes of the output, and seconds of encoding.
fn measure(input: &Path, output: &Path, setting: &Setting, turns: usize) -> Result<(u64, f64), Failure> {
    let mut seconds = Vec::new();
    let mut bytes = 0;
    for _ in 0..turns {
        let options = [
            "--compression-level".to_owned(),
            setting.level.to_string(),
            "--page-bytes".to_owned(),
            setting.page_bytes.to_string(),
            "--row-group-rows".to_owned(),
            setting.row_group_rows.to_string(),
        ];
        let summary = input::convert(input, output, &options)?;
        bytes = summary.get("bytes_out").and_then(Value::as_u64).ok_or("the summary has no bytes_out")?;
        seconds.extend(summary.pointer("/seconds/encode").and_then(Value::as_f64));
    }
    seconds.sort_by(f64::total_cmp);
    Ok((bytes, seconds.get(turns / 2).copied().unwrap_or_default()))
}
