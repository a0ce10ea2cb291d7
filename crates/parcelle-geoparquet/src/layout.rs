//! The shape of the output: its schema, and how each column is encoded.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use geoarrow_schema::Edges;
use parcelle_geometry::{DECLARED_TYPE_KEY, EPOCH_KEY, GeometryType, ORIENTATION_KEY};
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use crate::column_encoding;
use crate::covering;
use crate::encode::RowGroup;
use crate::error::WriteError;
use crate::geometry_column::{self, GeometryColumn};
use crate::native;
use crate::options::{Compression, Covering, Encoding, GeoParquetVersion, Orientation, WriteOptions};
use crate::parquet_schema;

/// The length of a page is a number of 32 bits, and a reader has to hold it whole.
const MOST_PAGE_BYTES: usize = 64 << 20;
/// Share of the values a bloom filter says to be there that are not.
const BLOOM_FILTER_ERRORS: f64 = 0.01;

/// What is written where.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Schema that the batches of the input have.
    pub(crate) input: SchemaRef,
    /// Geometry columns, the primary one first.
    pub(crate) geometry: Vec<GeometryColumn>,
    pub(crate) version: GeoParquetVersion,
    pub(crate) orientation: Orientation,
    /// The input's columns, followed by the covering columns; all geometry is WKB.
    output: SchemaRef,
    /// What the first rows have decided.
    settled: OnceLock<Settled>,
}

/// The part of the layout that depends on the first rows.
#[derive(Debug)]
pub(crate) struct Settled {
    /// Schema of the columns that are encoded.
    pub(crate) output: SchemaRef,
    /// Schema of the file.
    pub(crate) parquet: SchemaDescriptor,
    /// Per geometry column: its type where it has a GeoArrow encoding.
    pub(crate) native: Vec<Option<GeometryType>>,
}

impl Settled {
    /// The leaves of a root column, as positions among all leaves.
    pub(crate) fn leaves(&self, root: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.parquet.num_columns()).filter(move |leaf| self.parquet.get_column_root_idx(*leaf) == root)
    }
}

impl Layout {
    pub(crate) fn new(input: &SchemaRef, options: &WriteOptions) -> Result<Self, WriteError> {
        let mut names = HashSet::new();
        if let Some(field) = input.fields().iter().find(|field| !names.insert(field.name().clone())) {
            return Err(WriteError::DuplicateColumn { name: field.name().clone() });
        }
        let mut geometry = geometry_column::find(input)?;
        check(&geometry, options)?;
        check_bloom_filters(input, &geometry, &options.bloom_filters)?;
        let mut fields: Vec<_> = input.fields().iter().cloned().collect();
        for (position, column) in geometry.iter_mut().enumerate() {
            column.epoch = options.epoch.or(column.epoch);
            if let Some(field) = fields.get_mut(column.index) {
                let mut entries = field.metadata().clone();
                entries.retain(|key, _| ![DECLARED_TYPE_KEY, EPOCH_KEY, ORIENTATION_KEY].contains(&key.as_str()));
                *field = Arc::new(field.as_ref().clone().with_metadata(entries));
            }
            let covered = match options.covering {
                Covering::Auto => options.version != GeoParquetVersion::V1_0 && column.edges.is_none(),
                Covering::Bbox => true,
                Covering::None => false,
            };
            if covered {
                let name = covering_name(&column.name, position == 0, &mut names);
                let nullable = input.field(column.index).is_nullable();
                fields.push(Arc::new(covering::field(&name, nullable)));
                column.covering = Some(name);
            }
        }
        // Metadata of the whole schema is not carried over: it speaks of the source (such as `pandas` or `geo`).
        Ok(Self {
            input: Arc::clone(input),
            geometry,
            version: options.version,
            orientation: options.orientation,
            output: Arc::new(Schema::new(fields)),
            settled: OnceLock::new(),
        })
    }

    /// What the first rows have decided; an error before [`Layout::properties`] was called.
    pub(crate) fn settled(&self) -> Result<&Settled, WriteError> {
        self.settled.get().ok_or_else(|| WriteError::Batch("rows came before the first row group".to_owned()))
    }

    /// How the columns are encoded, chosen by type and by looking at the first row group; there is none where there are
    /// no rows. It depends on the data and the options alone.
    pub(crate) fn properties(
        &self,
        options: &WriteOptions,
        first: Option<&RowGroup>,
    ) -> Result<WriterProperties, WriteError> {
        let first_rows = first.map_or(&[][..], |group| &group.batches);
        let settled = self.settle(options, first_rows, first.is_none_or(|group| group.is_last))?;
        let codec = match options.compression {
            Compression::Zstd(level) | Compression::Lz4Geometry(level) => Codec::ZSTD(ZstdLevel::try_new(level)?),
            Compression::Snappy => Codec::SNAPPY,
            Compression::Uncompressed => Codec::UNCOMPRESSED,
        };
        let mut builder = WriterProperties::builder()
            .set_created_by(concat!("parcelle ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(codec)
            .set_data_page_size_limit(options.page_bytes.clamp(1, MOST_PAGE_BYTES))
            .set_data_page_row_count_limit(usize::MAX)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_max_row_group_row_count(None);
        for (index, field) in self.input.fields().iter().enumerate() {
            let path = ColumnPath::from(vec![field.name().clone()]);
            match self.geometry.iter().position(|column| column.index == index) {
                Some(position) if settled.native.get(position).is_some_and(Option::is_some) => {
                    for leaf in settled.leaves(index) {
                        builder = column_encoding::split(builder, settled.parquet.column(leaf).path().clone());
                    }
                }
                // The least and greatest WKB mean nothing, and hashing unique values costs.
                Some(_) => {
                    builder = builder
                        .set_column_dictionary_enabled(path.clone(), false)
                        .set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
                    if let Compression::Lz4Geometry(_) = options.compression {
                        builder = builder.set_column_compression(path, Codec::LZ4_RAW);
                    }
                }
                None => builder = column_encoding::attribute(builder, path, field.data_type(), first_rows, index),
            }
        }
        for column in &self.geometry {
            for child in column.covering.iter().flat_map(|name| covering::CHILDREN.map(|child| [name.as_str(), child]))
            {
                let path = ColumnPath::from(child.map(str::to_owned).to_vec());
                builder = column_encoding::split(builder, path);
            }
        }
        for name in &options.bloom_filters {
            let path = ColumnPath::from(vec![name.clone()]);
            builder = builder
                .set_column_bloom_filter_enabled(path.clone(), true)
                .set_column_bloom_filter_fpp(path.clone(), BLOOM_FILTER_ERRORS)
                .set_column_bloom_filter_max_ndv(path, options.row_group_rows.max(1) as u64);
        }
        Ok(builder.build())
    }

    fn settle(&self, options: &WriteOptions, first_rows: &[RecordBatch], whole: bool) -> Result<&Settled, WriteError> {
        let mut fields: Vec<_> = self.output.fields().iter().cloned().collect();
        let mut native = vec![None; self.geometry.len()];
        if options.encoding == Encoding::GeoArrow {
            for (column, native) in self.geometry.iter().zip(&mut native) {
                let geometry_type = native::decide(column, first_rows, whole)?;
                *native = Some(geometry_type);
                if let Some(field) = fields.get_mut(column.index) {
                    *field = Arc::new(native::field(column, field, geometry_type));
                }
            }
        }
        let output = Arc::new(Schema::new(fields));
        let columns: Vec<_> = self.geometry.iter().zip(native.iter().copied()).collect();
        let parquet = parquet_schema::convert(&output, &columns, options.version)?;
        Ok(self.settled.get_or_init(|| Settled { output, parquet, native }))
    }
}

/// Refuses what the version, the edges of the geometry or another option does not allow.
fn check(geometry: &[GeometryColumn], options: &WriteOptions) -> Result<(), WriteError> {
    let refused = |reason: String| Err(WriteError::Options(reason));
    let version = options.version;
    if options.encoding == Encoding::GeoArrow && version != GeoParquetVersion::V1_1 {
        return refused(format!(
            "GeoParquet {} has no GeoArrow encodings: write 1.1 (--geoparquet 1.1) or WKB (--encoding wkb)",
            version.as_str()
        ));
    }
    if options.covering == Covering::Bbox && version == GeoParquetVersion::V1_0 {
        return refused(
            "GeoParquet 1.0.0 has no covering: write 1.1 (--geoparquet 1.1), or none (--covering none)".to_owned(),
        );
    }
    if options.epoch.is_some_and(|epoch| !epoch.is_finite()) {
        return refused("the epoch is not a decimal year, such as 2021.5".to_owned());
    }
    for column in geometry {
        let name = &column.name;
        if column.edges.is_some_and(|edges| edges != Edges::Spherical) && version != GeoParquetVersion::V2_0 {
            return refused(format!(
                "geometry column {name:?} has edges of the kind {}, which only GeoParquet 2.0 can say: write it \
                 (--geoparquet 2.0)",
                column.edges_name()
            ));
        }
        if column.edges.is_some() && options.covering == Covering::Bbox {
            return refused(format!(
                "geometry column {name:?} has {} edges, which the box of their positions does not contain: write no \
                 covering (--covering none)",
                column.edges_name()
            ));
        }
        if column.edges.is_some() && options.orientation == Orientation::CounterClockwise {
            return refused(format!(
                "geometry column {name:?} has {} edges, and the order of rings is known in the plane only: keep it \
                 (--orientation keep)",
                column.edges_name()
            ));
        }
        if options.epoch.is_some() && column.crs.is_none() {
            return refused(format!(
                "geometry column {name:?} has no coordinate reference system that an epoch could go with: assign one \
                 (--crs), or leave the epoch out"
            ));
        }
    }
    Ok(())
}

fn check_bloom_filters(input: &Schema, geometry: &[GeometryColumn], names: &[String]) -> Result<(), WriteError> {
    for name in names {
        let Ok(index) = input.index_of(name) else {
            let similar = input.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name));
            let hint = match similar {
                Some(field) => format!("did you mean {:?}?", field.name()),
                None => {
                    let all: Vec<_> = input.fields().iter().map(|field| field.name().as_str()).collect();
                    format!("there are {}", all.join(", "))
                }
            };
            return Err(WriteError::UnknownColumn { name: name.clone(), hint });
        };
        let data_type = input.field(index).data_type();
        if geometry.iter().any(|column| column.index == index)
            || data_type.is_nested()
            || matches!(data_type, DataType::Boolean | DataType::Null)
        {
            return Err(WriteError::Options(format!(
                "column {name:?} ({data_type}) cannot have a bloom filter: leave it out of --bloom-filter"
            )));
        }
    }
    Ok(())
}

/// `bbox` for the primary geometry column, `<column>_bbox` for others; with a number where that name is taken.
fn covering_name(column: &str, primary: bool, taken: &mut HashSet<String>) -> String {
    let preferred = if primary { "bbox".to_owned() } else { format!("{column}_bbox") };
    let numbered = (2..).map(|number| format!("{column}_bbox_{number}"));
    let mut candidates = [preferred, format!("{column}_bbox")].into_iter().chain(numbered);
    let name = candidates.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covering_names_avoid_the_columns_there_are() {
        let mut taken = HashSet::from(["bbox".to_owned(), "geom".to_owned()]);
        assert_eq!(covering_name("geom", true, &mut taken), "geom_bbox");
        assert_eq!(covering_name("centre", false, &mut taken), "centre_bbox");
        assert_eq!(covering_name("geom", true, &mut taken), "geom_bbox_2");
        assert_eq!(covering_name("a", true, &mut HashSet::new()), "bbox");
    }
}
