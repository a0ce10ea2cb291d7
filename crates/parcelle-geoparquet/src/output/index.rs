//! `_index.json`: which file of a dataset has what, so that readers open only those they need.
//!
//! The name begins with an underscore, which readers of datasets (Arrow, Spark, DuckDB) pass over.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use walkdir::WalkDir;

use crate::layout::Layout;
use crate::options::{PartitionNames, Partitioning};
use crate::output::FileFacts;
use crate::partition::PartitionValue;
use crate::statistics::GeometryStatistics;

/// Name of the index in the directory of a dataset.
pub(crate) const INDEX_NAME: &str = "_index.json";
/// A larger index is not ours: a million files make about 200 MB.
const MOST_BYTES: u64 = 1 << 30;

/// A finished file.
pub(crate) struct IndexEntry {
    pub(crate) name: PathBuf,
    pub(crate) value: Option<PartitionValue>,
    pub(crate) facts: FileFacts,
}

#[derive(Serialize)]
struct Index<'a> {
    schema_version: u32,
    tool: Tool,
    geoparquet: &'a str,
    geometry_column: Option<&'a str>,
    crs: Option<&'a Value>,
    partitioning: Described<'a>,
    rows: u64,
    bytes: u64,
    bbox: Option<[f64; 4]>,
    files: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Described<'a> {
    by: Option<&'a str>,
    size: Option<u64>,
    names: &'static str,
}

#[derive(Serialize)]
struct Entry<'a> {
    path: String,
    /// Value of the column of the partitioning, as text; null for NULL. Absent where there is no such column.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Option<&'a str>>,
    rows: u64,
    row_groups: u64,
    bytes: u64,
    bbox: Option<[f64; 4]>,
    geometry_types: Vec<String>,
}

/// Least x, least y, greatest x, greatest y; none where there is no position or one that JSON cannot hold.
fn bbox(statistics: Option<&GeometryStatistics>) -> Option<[f64; 4]> {
    let bounds = &statistics?.bounds;
    let (x, y) = bounds.x().zip(bounds.y())?;
    let bbox = [x.0, y.0, x.1, y.1];
    bbox.iter().all(|number| number.is_finite()).then_some(bbox)
}

/// Writes the index of these files.
pub(crate) fn write(file: File, files: &[IndexEntry], layout: &Layout, partitioning: &Partitioning) -> io::Result<()> {
    let mut whole = GeometryStatistics::default();
    for statistics in files.iter().filter_map(|entry| entry.facts.statistics.first()) {
        whole.merge(statistics.clone());
    }
    let primary = layout.geometry.first();
    let index = Index {
        schema_version: 1,
        tool: Tool { name: "parcelle", version: env!("CARGO_PKG_VERSION") },
        geoparquet: layout.version.as_str(),
        geometry_column: primary.map(|column| column.name.as_str()),
        crs: primary.and_then(|column| column.crs.as_ref()),
        partitioning: Described {
            by: partitioning.by.as_deref(),
            size: partitioning.size,
            names: match partitioning.names {
                PartitionNames::Flat => "flat",
                PartitionNames::Hive => "hive",
            },
        },
        rows: files.iter().map(|entry| entry.facts.rows).sum(),
        bytes: files.iter().map(|entry| entry.facts.bytes).sum(),
        bbox: bbox(Some(&whole)),
        files: files
            .iter()
            .map(|IndexEntry { name, value, facts }| Entry {
                path: name.display().to_string(),
                value: value.as_ref().map(PartitionValue::text),
                rows: facts.rows,
                row_groups: facts.row_groups,
                bytes: facts.bytes,
                bbox: bbox(facts.statistics.first()),
                geometry_types: facts
                    .statistics
                    .first()
                    .map(|found| found.types.iter().map(ToString::to_string).collect())
                    .unwrap_or_default(),
            })
            .collect(),
    };
    let mut out = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut out, &index)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What is needed of an index to know a dataset of ours.
#[derive(Deserialize)]
struct Known {
    tool: KnownTool,
    files: Vec<KnownFile>,
}

#[derive(Deserialize)]
struct KnownTool {
    name: String,
}

#[derive(Deserialize)]
struct KnownFile {
    path: PathBuf,
}

/// Whether the directory at `path` is a dataset that was written here, and holds nothing that its index does not list.
pub(crate) fn is_dataset(path: &Path) -> bool {
    let name = path.join(INDEX_NAME);
    // Opening a pipe would wait for its other end.
    let has_index = name.symlink_metadata().is_ok_and(|found| found.is_file());
    if !has_index || !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return false;
    }
    let Ok(index) = File::open(name).map(|file| BufReader::new(file.take(MOST_BYTES))) else { return false };
    let Ok(Known { tool, files }) = serde_json::from_reader::<_, Known>(index) else { return false };
    let listed: BTreeSet<PathBuf> =
        files.into_iter().map(|file| path.join(file.path)).chain([path.join(INDEX_NAME)]).collect();
    tool.name == "parcelle" && holds_only(path, &listed)
}

/// Whether every file under a directory is listed.
fn holds_only(directory: &Path, listed: &BTreeSet<PathBuf>) -> bool {
    WalkDir::new(directory).min_depth(1).into_iter().all(|entry| {
        entry.is_ok_and(|entry| {
            let kind = entry.file_type();
            kind.is_dir() || (kind.is_file() && listed.contains(entry.path()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_dataset_of_ours_with_nothing_else_is_known() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert!(!is_dataset(path));
        let index = |text: &str| std::fs::write(path.join(INDEX_NAME), text).unwrap();
        index(r#"{"tool": {"name": "other"}, "files": []}"#);
        assert!(!is_dataset(path));
        index(r#"{"tool": {"name": "parcelle"}, "files": [{"path": "a.parquet"}, {"path": "d=1/b.parquet"}]}"#);
        assert!(is_dataset(path));
        std::fs::create_dir(path.join("d=1")).unwrap();
        std::fs::write(path.join("d=1/b.parquet"), "").unwrap();
        assert!(is_dataset(path));
        std::fs::write(path.join("d=1/c.parquet"), "").unwrap();
        assert!(!is_dataset(path));
        std::fs::remove_file(path.join("d=1/c.parquet")).unwrap();
        assert!(is_dataset(path));
        let pipe = tempfile::tempdir().unwrap();
        assert!(std::process::Command::new("mkfifo").arg(pipe.path().join(INDEX_NAME)).status().unwrap().success());
        assert!(!is_dataset(pipe.path()));
        std::fs::write(path.join("thesis.odt"), "").unwrap();
        assert!(!is_dataset(path));
    }
}
