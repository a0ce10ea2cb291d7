//! What a fixture is, and how a folder of them is written and verified.

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::database;

/// What the checker has to say about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The verdict of the file: its worst finding, or ok.
    pub(crate) severity: &'static str,
    /// The rule that has to be among the findings; empty for a good file.
    pub(crate) rule: &'static str,
}

impl Verdict {
    pub(crate) fn ok() -> Self {
        Self { severity: "ok", rule: "" }
    }

    pub(crate) fn info(rule: &'static str) -> Self {
        Self { severity: "info", rule }
    }

    pub(crate) fn warning(rule: &'static str) -> Self {
        Self { severity: "warning", rule }
    }

    pub(crate) fn error(rule: &'static str) -> Self {
        Self { severity: "error", rule }
    }
}

/// The bytes of a fixture, and how far they are the same on every machine.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Compared byte by byte.
    Bytes(Vec<u8>),
    /// An SQLite database. SQLite stamps its version into it and may arrange pages differently: tables are compared.
    Database(Vec<u8>),
    /// The first bytes of an SQLite database: length and magic are compared.
    CutDatabase(Vec<u8>),
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) | Self::Database(bytes) | Self::CutDatabase(bytes) => bytes,
        }
    }
}

/// One file of `testdata/`.
#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    /// Relative to `testdata/`, with `/`.
    pub(crate) path: String,
    pub(crate) content: Content,
    /// For rasters, VRTs and GeoParquet.
    pub(crate) verdict: Option<Verdict>,
    /// One line for the catalogue in `testdata/README.md`.
    pub(crate) about: String,
}

/// Every fixture, with `expected.csv` and `README.md` that list them.
pub(crate) fn all() -> Result<Vec<Fixture>, Box<dyn Error>> {
    let mut fixtures = crate::raster_fixtures::fixtures()?;
    fixtures.extend(crate::layout_fixtures::fixtures()?);
    fixtures.extend(crate::vrt_fixtures::fixtures()?);
    fixtures.extend(crate::geoparquet_fixtures::fixtures()?);
    fixtures.extend(crate::vector_fixtures::fixtures()?);
    fixtures.extend(crate::text_fixtures::fixtures());
    fixtures.sort_by(|left, right| left.path.cmp(&right.path));
    let expected = expected_csv(&fixtures);
    let readme = readme(&fixtures);
    for (path, text) in [("expected.csv", expected), ("README.md", readme)] {
        fixtures.push(Fixture {
            path: path.to_owned(),
            content: Content::Bytes(text.into_bytes()),
            verdict: None,
            about: String::new(),
        });
    }
    Ok(fixtures)
}

fn expected_csv(fixtures: &[Fixture]) -> String {
    let mut text = String::from("file,severity,rule\n");
    for fixture in fixtures {
        if let Some(verdict) = &fixture.verdict {
            text.push_str(&format!("{},{},{}\n", fixture.path, verdict.severity, verdict.rule));
        }
    }
    text
}

fn readme(fixtures: &[Fixture]) -> String {
    let mut text = String::from(include_str!("readme_head.md"));
    for (folder, title) in [
        ("cog/", "GeoTIFFs (`cog/`)"),
        ("vrt/", "VRTs (`vrt/`)"),
        ("geoparquet/", "GeoParquet (`geoparquet/`)"),
        ("vector/", "Vector extracts (`vector/`)"),
    ] {
        let of_folder = fixtures.iter().filter(|fixture| fixture.path.starts_with(folder));
        text.push_str(&format!("\n## {title}\n\n| file | expected | what it is |\n|---|---|---|\n"));
        for fixture in of_folder {
            let name = &fixture.path[folder.len()..];
            let expected = match &fixture.verdict {
                Some(verdict) if verdict.rule.is_empty() => verdict.severity.to_owned(),
                Some(verdict) => format!("{} `{}`", verdict.severity, verdict.rule),
                None => "-".to_owned(),
            };
            text.push_str(&format!("| `{name}` | {expected} | {} |\n", fixture.about));
        }
    }
    text
}

/// Writes every fixture below a folder; gives their number and bytes.
pub(crate) fn write(folder: &Path) -> Result<(usize, usize), Box<dyn Error>> {
    let fixtures = all()?;
    for fixture in &fixtures {
        let path = folder.join(&fixture.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        }
        fs::write(&path, fixture.content.bytes()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok((fixtures.len(), fixtures.iter().map(|fixture| fixture.content.bytes().len()).sum()))
}

/// The differences between a folder and what [`write`] would make of it, one line each.
pub(crate) fn differences(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let fixtures = all()?;
    let mut found = Vec::new();
    for fixture in &fixtures {
        let path = folder.join(&fixture.path);
        let committed = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                found.push(format!("{}: {error}", fixture.path));
                continue;
            }
        };
        match &fixture.content {
            Content::Bytes(made) if committed != *made => {
                let place = committed.iter().zip(made).take_while(|(left, right)| left == right).count();
                found.push(format!(
                    "{}: {} bytes, the generator makes {}; first difference at byte {place}",
                    fixture.path,
                    committed.len(),
                    made.len()
                ));
            }
            Content::CutDatabase(made) if committed.len() != made.len() || committed.get(..16) != made.get(..16) => {
                found.push(format!("{}: length or magic differ from what the generator makes", fixture.path));
            }
            Content::Database(made) => {
                let (left, right) = (database::dump(&committed)?, database::dump(made)?);
                if let Some((ours, theirs)) = left.iter().zip(&right).find(|(left, right)| left != right) {
                    found.push(format!("{}: has {ours}, the generator makes {theirs}", fixture.path));
                } else if left.len() != right.len() {
                    found.push(format!("{}: {} rows, the generator makes {}", fixture.path, left.len(), right.len()));
                }
            }
            Content::Bytes(_) | Content::CutDatabase(_) => {}
        }
    }
    found.extend(strangers(folder, &fixtures)?);
    Ok(found)
}

/// Files below the folders of fixtures that no generator makes.
fn strangers(folder: &Path, fixtures: &[Fixture]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut found = Vec::new();
    let mut folders = ["cog", "vrt", "geoparquet", "vector"].map(str::to_owned).to_vec();
    while let Some(relative) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder.join(&relative)) else { continue };
        for entry in entries {
            let entry = entry?;
            let path = format!("{relative}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if !fixtures.iter().any(|fixture| fixture.path == path) {
                found.push(format!("{path}: the generator does not make it"));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    #[test]
    fn the_committed_files_are_what_the_generator_makes() {
        assert_eq!(differences(committed()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_changed_a_missing_and_a_foreign_file_are_told() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        assert_eq!(differences(folder.path()).unwrap(), Vec::<String>::new());

        let changed = folder.path().join("cog/good_mask.tif");
        let mut bytes = fs::read(&changed).unwrap();
        bytes[300] ^= 1;
        fs::write(&changed, bytes).unwrap();
        fs::remove_file(folder.path().join("vrt/good_mosaic.vrt")).unwrap();
        fs::write(folder.path().join("vector/foreign.csv"), "x").unwrap();
        let package = rusqlite::Connection::open(folder.path().join("vector/sparse_ids.gpkg")).unwrap();
        package.execute("UPDATE sparse SET rank = -1 WHERE id = 2", []).unwrap();
        drop(package);

        let found = differences(folder.path()).unwrap();
        assert_eq!(found.len(), 4, "{found:?}");
        for path in ["cog/good_mask.tif", "vrt/good_mosaic.vrt", "vector/foreign.csv", "vector/sparse_ids.gpkg"] {
            assert!(found.iter().any(|line| line.starts_with(path)), "{path}: {found:?}");
        }
    }

    #[test]
    fn every_verdict_names_a_rule_unless_the_file_is_good() {
        for fixture in all().unwrap() {
            if let Some(verdict) = fixture.verdict {
                assert_eq!(verdict.severity == "ok", verdict.rule.is_empty(), "{}", fixture.path);
                // Sources of VRTs that are broken on purpose lie beside the sound ones, under names that say how.
                let planted = fixture.path.contains("bad_") || fixture.path == "vrt/tiles/cut_off.tif";
                assert_eq!(planted, matches!(verdict.severity, "warning" | "error"), "{}", fixture.path);
            }
        }
    }
}
