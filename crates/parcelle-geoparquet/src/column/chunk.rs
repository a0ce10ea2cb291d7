//! The columns of a row group, each by the encoder that it needs.

use std::io::Write;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use rayon::prelude::*;

use crate::column::leaf::Leaf;
use crate::column::{ColumnPlan, EncodedColumn, library};
use crate::encode::RowGroup;
use crate::error::WriteError;
use crate::layout::Settled;

/// A column chunk that only has to be appended.
pub(crate) enum Chunk {
    Own(EncodedColumn),
    Library(ArrowColumnChunk),
}

impl Chunk {
    pub(crate) fn bytes_written(&self) -> u64 {
        match self {
            Self::Own(column) => column.close.bytes_written,
            Self::Library(chunk) => chunk.close().bytes_written,
        }
    }

    /// What the footer will say of it.
    pub(crate) fn close_mut(&mut self) -> &mut ColumnCloseResult {
        match self {
            Self::Own(column) => &mut column.close,
            Self::Library(chunk) => chunk.close_mut(),
        }
    }

    pub(crate) fn append_to<W: Write + Send>(
        self,
        row_group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self {
            Self::Own(column) => row_group.append_column(&column.bytes, column.close),
            Self::Library(chunk) => chunk.append_to_row_group(row_group),
        }
    }
}

/// Encodes the columns of row groups, on any thread.
pub(crate) struct ColumnEncoders {
    schema: SchemaRef,
    /// Per column: a plan for each of its leaves, or none where the library encodes them.
    plans: Vec<Option<Vec<ColumnPlan>>>,
    /// Leaves of each column.
    leaves: Vec<usize>,
    factory: ArrowRowGroupWriterFactory,
}

/// What is to be done for one leaf.
enum Work<'a> {
    Own(&'a ColumnPlan, Vec<Leaf>),
    Library(Box<ArrowColumnWriter>, Vec<ArrowLeafColumn>),
}

impl ColumnEncoders {
    /// What can be chosen is chosen by the rows of the first row group; there is none where there are no rows.
    pub(crate) fn new(
        settled: &Settled,
        properties: &WriterPropertiesPtr,
        first: Option<&RowGroup>,
    ) -> Result<Self, WriteError> {
        // The factory only takes the schema and the properties from the writer.
        let root = settled.parquet.root_schema_ptr();
        let writer = SerializedFileWriter::new(std::io::sink(), root, Arc::clone(properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&settled.output));
        let columns = settled.output.fields().iter().enumerate();
        let leaves = columns.clone().map(|(root, _)| settled.leaves(root).count()).collect();
        let plans = columns.map(|(root, field)| {
            let types: Vec<&DataType> = match field.data_type() {
                DataType::Struct(children) => children.iter().map(|child| child.data_type()).collect(),
                data_type => vec![data_type],
            };
            let leaves: Vec<usize> = settled.leaves(root).collect();
            let plan = |(leaf, data_type): (&usize, &&DataType)| {
                ColumnPlan::new(&settled.parquet.column(*leaf), data_type, properties)
            };
            (leaves.len() == types.len()).then(|| leaves.iter().zip(&types).map(plan).collect()).flatten()
        });
        let mut plans: Vec<Option<Vec<ColumnPlan>>> = plans.collect();
        for (index, plans) in plans.iter_mut().enumerate() {
            let (Some(plans), Some(first)) = (plans, first) else { continue };
            // Columns behind those of the input are made while a row group is encoded.
            let arrays = first.batches.iter().filter_map(|batch| batch.columns().get(index));
            let leaves = by_leaf(plans.len(), arrays);
            for (plan, leaves) in plans.iter_mut().zip(leaves) {
                plan.tune(&leaves)?;
            }
        }
        Ok(Self { schema: Arc::clone(&settled.output), plans, leaves, factory })
    }

    /// Encodes the columns of a row group, each given as its arrays. `in_parallel` spreads them over idle workers of the
    /// current pool.
    pub(crate) fn encode(&self, columns: Vec<Vec<ArrayRef>>, in_parallel: bool) -> Result<Vec<Chunk>, WriteError> {
        let mut writers = match self.plans.iter().all(Option::is_some) {
            true => Vec::new(),
            false => self.factory.create_column_writers(0)?,
        }
        .into_iter();
        let mut work = Vec::new();
        let plans = self.plans.iter().zip(&self.leaves);
        for ((field, arrays), (plans, leaves)) in self.schema.fields().iter().zip(columns).zip(plans) {
            let writers = writers.by_ref().take(*leaves);
            match plans {
                Some(plans) => {
                    drop(writers.collect::<Vec<_>>());
                    let leaves = by_leaf(plans.len(), arrays.iter());
                    work.extend(plans.iter().zip(leaves).map(|(plan, leaves)| Work::Own(plan, leaves)));
                }
                None => {
                    let values = library::leaves(field, arrays)?;
                    work.extend(writers.zip(values).map(|(writer, values)| Work::Library(Box::new(writer), values)));
                }
            }
        }
        let encode = |work: Work<'_>| match work {
            Work::Own(plan, leaves) => plan.encode(&leaves).map(Chunk::Own),
            Work::Library(writer, values) => library::encode(*writer, &values).map(Chunk::Library),
        };
        let chunks: Result<Vec<_>, _> = if in_parallel {
            work.into_par_iter().map(encode).collect()
        } else {
            work.into_iter().map(encode).collect()
        };
        Ok(chunks?)
    }
}

/// The arrays of each leaf of a column that has `count` of them.
fn by_leaf<'a>(count: usize, arrays: impl Iterator<Item = &'a ArrayRef>) -> Vec<Vec<Leaf>> {
    let mut by_leaf = vec![Vec::new(); count];
    for leaves in arrays.map(Leaf::of) {
        by_leaf.iter_mut().zip(leaves).for_each(|(all, leaf)| all.push(leaf));
    }
    by_leaf
}
