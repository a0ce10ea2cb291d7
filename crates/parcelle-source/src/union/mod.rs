//! Several files as one layer.
//!
//! | module | is |
//! |---|---|
//! | [`open`](mod@open) | opening the files: which layer of each, and side by side |
//! | [`merge`] | one schema of all |
//! | [`types`] | one type of several |
//! | [`adapt`] | the rows of a file with that schema |
//! | [`error`] | what cannot be united, and why |
//!
//! # The schema
//! - **Columns** are those of all files, in the order in which they appear first. One that a file does not have is NULL there.
//!   Columns are the same by name; where that finds none, by name in any case of letters, as Shapefiles shout. The first
//!   spelling is kept.
//! - **Geometry.** The primary geometry of each file is that of the dataset, whatever its name: a GeoPackage says `geom` where a
//!   Shapefile says `geometry`. The first file's name is kept. Other geometry columns are found by name.
//! - **Types** that differ become one that holds the values of all, or the run is refused: see [`types`]. A column without a
//!   single value, of a format that declares no types, goes with any type.
//! - **The reference system** has to be the same by meaning; longitude and latitude may be in either order, as files hold x
//!   first whatever the definition says.
//! - **Descriptions** of columns come from the first file that has one. What claims something of all rows, such as the type of
//!   geometry, is kept where all files say so.
//!
//! # Reading
//! The splits are those of the files, in order, so that reading is as parallel as it is for one file; small files are put
//! together to splits of about the size that is wanted. A file that can only be read in sequence (through GDAL) is one split
//! if it has no more rows than that. If one has more, it cannot be held in memory as a part must be, and the whole dataset is
//! read in sequence. All this depends on the files and the target only.

mod adapt;
mod error;
mod merge;
pub(crate) mod open;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

pub use error::{LayerFiles, Side, UnionError};

use crate::error::SourceError;
use crate::{BatchSink, Layer, Split, SplitRange};
use merge::{Merged, Source};

/// A file read in sequence whose rows nobody knows is small if it has no more bytes than this.
const SMALL_BYTES: u64 = 8 << 20;

/// Rows of the splits within a layer that is read in sequence: only a matter of how they are cut.
const SEQUENCE_ROWS: usize = 65_536;

/// Names that a name for all of them lists.
const LISTED_NAMES: usize = 3;

/// A split of one of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberSplit {
    member: usize,
    split: Split,
}

/// One of the files.
struct Member {
    path: PathBuf,
    layer: Box<dyn Layer>,
    sources: Vec<Source>,
}

/// Layers of several files, as one.
pub(crate) struct UnionLayer {
    name: String,
    driver: String,
    schema: SchemaRef,
    members: Vec<Member>,
}

impl UnionLayer {
    /// Unites layers, in this order.
    pub(crate) fn new(layers: Vec<(PathBuf, Box<dyn Layer>)>) -> Result<Self, SourceError> {
        let schemas: Vec<_> = layers.iter().map(|(_, layer)| layer.schema()).collect();
        let untyped: Vec<Vec<bool>> = layers
            .iter()
            .zip(&schemas)
            .map(|((_, layer), schema)| (0..schema.fields().len()).map(|column| !layer.is_typed(column)).collect())
            .collect();
        let members: Vec<_> = layers
            .iter()
            .zip(&schemas)
            .zip(&untyped)
            .map(|(((path, _), schema), untyped)| merge::Member { path, schema, untyped })
            .collect();
        let Merged { schema, sources } = merge::merge(&members).map_err(UnionError::in_source)?;
        let name = joined(layers.iter().map(|(_, layer)| layer.name()), LISTED_NAMES);
        let driver = joined(layers.iter().map(|(_, layer)| layer.driver()), usize::MAX);
        let members = layers.into_iter().zip(sources);
        let members = members.map(|((path, layer), sources)| Member { path, layer, sources }).collect();
        Ok(Self { name, driver, schema, members })
    }

    fn read_member(&self, part: &MemberSplit, sink: BatchSink<'_>) -> Result<ControlFlow<()>, SourceError> {
        let Some(Member { path, layer, sources }) = self.members.get(part.member) else {
            return Err(self.not_mine());
        };
        let mut failure = None;
        let mut flow = ControlFlow::Continue(());
        layer.read(&part.split, &mut |batch| {
            match adapt::adapt(path, layer.name(), &self.schema, sources, &batch) {
                Ok(batch) => flow = sink(batch),
                Err(error) => {
                    failure = Some(error);
                    flow = ControlFlow::Break(());
                }
            }
            flow
        })?;
        failure.map_or(Ok(flow), Err)
    }

    fn not_mine(&self) -> SourceError {
        let path = self.members.first().map(|member| member.path.clone()).unwrap_or_default();
        SourceError::Batch { path, layer: self.name.clone(), reason: "the split is not one of this layer".to_owned() }
    }
}

/// Different names in one text: all of them, or the first ones and how many more.
fn joined<'n>(names: impl Iterator<Item = &'n str>, most: usize) -> String {
    let mut seen = BTreeSet::new();
    let different: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    let listed: Vec<&str> = different.iter().copied().take(most).collect();
    match different.len().saturating_sub(listed.len()) {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}

/// Puts the splits of files together to splits of the dataset.
struct Grouping {
    target: u64,
    groups: Vec<Vec<MemberSplit>>,
    open: Vec<MemberSplit>,
    rows: u64,
}

impl Grouping {
    /// Takes the next split. `rows` are known where it is a whole file, which may then share a split with its neighbours.
    fn push(&mut self, part: MemberSplit, rows: Option<u64>) {
        let Some(rows) = rows.filter(|rows| *rows <= self.target) else {
            self.close();
            self.groups.push(vec![part]);
            return;
        };
        if self.rows + rows > self.target {
            self.close();
        }
        self.open.push(part);
        self.rows += rows;
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.groups.push(std::mem::take(&mut self.open));
        }
        self.rows = 0;
    }
}

impl Layer for UnionLayer {
    /// Those of the files: one where they agree.
    fn name(&self) -> &str {
        &self.name
    }

    /// Those of the files, each once.
    fn driver(&self) -> &str {
        &self.driver
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        // A file may claim any number.
        self.members.iter().try_fold(0u64, |sum, member| Some(sum.saturating_add(member.layer.row_count_hint()?)))
    }

    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        let target = (target_rows as u64).max(1);
        let mut grouping = Grouping { target, groups: Vec::new(), open: Vec::new(), rows: 0 };
        for (number, member) in self.members.iter().enumerate() {
            let rows = member.layer.row_count_hint();
            let splits = member.layer.splits(target_rows)?;
            let whole = splits.len() == 1;
            for split in splits {
                let is_small = match rows {
                    Some(rows) => rows <= target,
                    None => member.layer.input_bytes().is_some_and(|bytes| bytes <= SMALL_BYTES),
                };
                if split.sequential && !is_small {
                    return Ok(vec![Split::whole()]);
                }
                grouping.push(MemberSplit { member: number, split }, rows.filter(|_| whole));
            }
        }
        grouping.close();
        let splits = grouping.groups.into_iter().enumerate().map(|(index, group)| Split {
            index,
            sequential: false,
            range: SplitRange::Members(group.into()),
        });
        Ok(splits.collect())
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        match &split.range {
            SplitRange::Members(parts) => {
                for part in parts.iter() {
                    if self.read_member(part, sink)?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
            SplitRange::Whole => {
                for (number, member) in self.members.iter().enumerate() {
                    for split in member.layer.splits(SEQUENCE_ROWS)? {
                        if self.read_member(&MemberSplit { member: number, split }, sink)?.is_break() {
                            return Ok(());
                        }
                    }
                }
                Ok(())
            }
            _ => Err(self.not_mine()),
        }
    }

    fn input_bytes(&self) -> Option<u64> {
        self.members.iter().map(|member| member.layer.input_bytes()).sum()
    }
}
