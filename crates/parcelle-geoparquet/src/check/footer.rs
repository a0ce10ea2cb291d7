//! The footer: is there one, can it be believed, and where does it say things lie.

use std::io;
use std::sync::Arc;

use parcelle_geometry::GeometryKind;
use parcelle_parquet::{ENCRYPTED_MAGIC, MAGIC, TAIL_BYTES, check_footer, guarded};
use parcelle_storage::ByteSource;
use parquet::basic::{EdgeInterpolationAlgorithm, LogicalType, Type as PhysicalType};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::Type;
use serde_json::{Map, Value};

use super::geo::GeoEntry;
use super::reference::StatedCrs;

/// What is read from the end of a file at first: footers of most files, and never much for what a request costs.
const FIRST_READ: u64 = 256 * 1024;
/// The longest footer that is read. Those of files with tens of thousands of row groups have some tens of megabytes.
const LONGEST: u64 = 256 * 1024 * 1024;

/// Why a file has no footer to go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FooterProblem {
    /// Neither end has the bytes of Parquet.
    #[error("{length} bytes that neither begin nor end as Parquet does, with PAR1")]
    NotParquet {
        /// Length of the file.
        length: u64,
    },
    /// The end is missing, or the beginning.
    #[error("the file has the bytes PAR1 only at its {place}: {length} bytes are not all of it")]
    Cut {
        /// Which end has them.
        place: &'static str,
        /// Length of the file.
        length: u64,
    },
    /// The footer, or all of it, is encrypted.
    #[error("the footer is encrypted (PARE)")]
    Encrypted,
    /// The length that precedes the closing bytes is impossible.
    #[error("the footer has {declared} bytes, by its length field, in a file of {length}")]
    Length {
        /// What the field says.
        declared: u64,
        /// Length of the file.
        length: u64,
    },
    /// The footer is no structure of Thrift that makes sense.
    #[error("the footer cannot be read: {reason}")]
    Damaged {
        /// Where and why.
        reason: String,
    },
}

/// What the footer of a file says, understood as far as it can be.
#[derive(Debug, Clone)]
pub struct Footer {
    metadata: Arc<ParquetMetaData>,
    /// Length of the file.
    pub file_bytes: u64,
    /// Length of the footer.
    pub footer_bytes: u64,
    pub(crate) geo: GeoEntry,
    pub(crate) columns: Vec<GeometryColumn>,
    /// Numbers that contradict each other or the length of the file.
    pub(crate) contradictions: Vec<String>,
}

/// A column with geometry: one that the `geo` entry lists, or that has a geospatial type of Parquet.
#[derive(Debug, Clone)]
pub struct GeometryColumn {
    /// Its name.
    pub name: String,
    /// Whether it is the one that stands for the row.
    pub is_primary: bool,
    /// What the `geo` entry says of it; `None` where it does not list it, or says nothing that is an object.
    pub(crate) entry: Option<Map<String, Value>>,
    /// Its place among the columns at the root.
    pub(crate) root: Option<usize>,
    /// Its leaves: one of WKB, the ordinates of GeoArrow encodings.
    pub(crate) leaves: Vec<usize>,
    /// Its geospatial type of Parquet.
    pub(crate) native: Option<NativeType>,
    /// How it is stored.
    pub(crate) encoding: Option<ColumnEncoding>,
    /// Where the boxes of its geometries are.
    pub(crate) covering: Option<CoveringLeaves>,
    /// Its reference system, as the `geo` entry has it, or else its type.
    pub(crate) crs: StatedCrs,
}

/// `GEOMETRY` or `GEOGRAPHY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NativeType {
    /// The text of the reference system; `None` is OGC:CRS84.
    pub(crate) crs: Option<String>,
    /// How edges run, of GEOGRAPHY.
    pub(crate) edges: Option<&'static str>,
}

/// How geometry is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnEncoding {
    /// Well-known binary.
    Wkb,
    /// Lists of structs of ordinates, for geometries of one kind.
    GeoArrow(GeometryKind),
}

/// Leaves of a covering, in the order xmin, ymin, xmax, ymax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoveringLeaves {
    pub(crate) column: String,
    pub(crate) root: usize,
    pub(crate) leaves: [usize; 4],
}

/// A row group as a reader that looks for a place sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowGroupBox {
    /// Rows.
    pub rows: u64,
    /// Compressed bytes of all columns.
    pub bytes: u64,
    /// Uncompressed bytes of all columns.
    pub uncompressed_bytes: u64,
    /// xmin, ymin, xmax, ymax of the primary geometry column by the statistics of the footer, where there are any.
    pub bbox: Option<[f64; 4]>,
}

/// What a column takes.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnBytes {
    /// Its path, with dots.
    pub name: String,
    /// Codecs of its chunks.
    pub codecs: Vec<&'static str>,
    /// Encodings of its pages.
    pub encodings: Vec<String>,
    /// Bytes in the file.
    pub bytes: u64,
    /// Bytes before compression.
    pub uncompressed_bytes: u64,
}

/// Where a box of a row group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BoxSource {
    /// Geospatial statistics of the type.
    Native,
    /// Statistics of a covering.
    Covering,
    /// Statistics of the ordinates of a GeoArrow encoding.
    Ordinates,
}

impl Footer {
    /// Reads the footer of a file.
    ///
    /// # Errors
    /// What the source says when reading fails; within, why there is no footer to go by.
    pub fn read(source: &dyn ByteSource) -> io::Result<Result<Self, FooterProblem>> {
        let length = source.len();
        let mut head = [0; 4];
        let head_bytes = source.read_at(0, &mut head)?;
        let first = length.min(FIRST_READ);
        let tail = read(source, length - first, first)?;
        let begins = head.get(..head_bytes).unwrap_or_default();
        let (begins_as_parquet, ends_as_parquet) = (begins == MAGIC, tail.ends_with(MAGIC));
        if begins == ENCRYPTED_MAGIC || tail.ends_with(ENCRYPTED_MAGIC) {
            return Ok(Err(FooterProblem::Encrypted));
        }
        if !begins_as_parquet || !ends_as_parquet || length < TAIL_BYTES + 4 {
            return Ok(Err(match (begins_as_parquet, ends_as_parquet) {
                (false, false) => FooterProblem::NotParquet { length },
                (true, _) => FooterProblem::Cut { place: "beginning", length },
                (false, true) => FooterProblem::Cut { place: "end", length },
            }));
        }
        let field = tail.len().checked_sub(TAIL_BYTES as usize).and_then(|start| tail.get(start..)?.first_chunk());
        let declared = u64::from(field.map_or(0, |bytes| u32::from_le_bytes(*bytes)));
        let Some(start) = (length - TAIL_BYTES).checked_sub(declared).filter(|start| *start >= 4) else {
            return Ok(Err(FooterProblem::Length { declared, length }));
        };
        if declared > LONGEST {
            let reason = format!("{declared} bytes are more than the {LONGEST} that are read");
            return Ok(Err(FooterProblem::Damaged { reason }));
        }
        let bytes = match (start + first).checked_sub(length).and_then(|skipped| usize::try_from(skipped).ok()) {
            Some(skipped) => tail.get(skipped..tail.len() - TAIL_BYTES as usize).unwrap_or_default().to_vec(),
            None => {
                // What is at hand already is not asked for again.
                let mut bytes = read(source, start, length - first - start)?;
                bytes.extend_from_slice(tail.get(..tail.len() - TAIL_BYTES as usize).unwrap_or_default());
                bytes
            }
        };
        let decoded = check_footer(&bytes).and_then(|()| guarded(|| ParquetMetaDataReader::decode_metadata(&bytes)));
        Ok(match decoded {
            Ok(metadata) => Ok(Self::new(Arc::new(metadata), length, declared)),
            Err(reason) => Err(FooterProblem::Damaged { reason }),
        })
    }

    fn new(metadata: Arc<ParquetMetaData>, file_bytes: u64, footer_bytes: u64) -> Self {
        let entries = metadata.file_metadata().key_value_metadata();
        let geo = GeoEntry::read(entries.into_iter().flatten());
        let columns = super::columns::find(&metadata, &geo);
        let contradictions = contradictions(&metadata, file_bytes);
        Self { metadata, file_bytes, footer_bytes, geo, columns, contradictions }
    }

    pub(crate) fn metadata(&self) -> &Arc<ParquetMetaData> {
        &self.metadata
    }

    /// Rows, as the file says.
    #[must_use]
    pub fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or(0)
    }

    /// The program that wrote it, as it calls itself.
    #[must_use]
    pub fn created_by(&self) -> Option<&str> {
        self.metadata.file_metadata().created_by()
    }

    /// The columns with geometry, the primary one first.
    #[must_use]
    pub fn geometry_columns(&self) -> &[GeometryColumn] {
        &self.columns
    }

    /// The column that stands for the row: the one so called, or else the first.
    #[must_use]
    pub fn primary(&self) -> Option<&GeometryColumn> {
        self.columns.iter().find(|column| column.is_primary).or_else(|| self.columns.first())
    }

    pub(crate) fn groups(&self) -> &[RowGroupMetaData] {
        self.metadata.row_groups()
    }

    /// The row groups, with their boxes by the statistics of the primary geometry column.
    #[must_use]
    pub fn row_group_boxes(&self) -> Vec<RowGroupBox> {
        let primary = self.primary();
        let boxed = |group: &RowGroupMetaData| {
            let bytes = |size: fn(&parquet::file::metadata::ColumnChunkMetaData) -> i64| {
                group
                    .columns()
                    .iter()
                    .fold(0u64, |sum, chunk| sum.saturating_add(u64::try_from(size(chunk)).unwrap_or(0)))
            };
            RowGroupBox {
                rows: u64::try_from(group.num_rows()).unwrap_or(0),
                bytes: bytes(|chunk| chunk.compressed_size()),
                uncompressed_bytes: bytes(|chunk| chunk.uncompressed_size()),
                bbox: primary.and_then(|column| column.group_box(group)).map(|(bbox, _)| bbox),
            }
        };
        self.groups().iter().map(boxed).collect()
    }

    /// What each leaf column takes, in the order of the schema.
    #[must_use]
    pub fn column_bytes(&self) -> Vec<ColumnBytes> {
        let schema = self.metadata.file_metadata().schema_descr();
        let column = |leaf: usize| {
            let mut found = ColumnBytes {
                name: schema.column(leaf).path().string(),
                codecs: Vec::new(),
                encodings: Vec::new(),
                bytes: 0,
                uncompressed_bytes: 0,
            };
            for chunk in self.groups().iter().filter_map(|group| group.columns().get(leaf)) {
                let codec = codec_name(chunk.compression());
                if !found.codecs.contains(&codec) {
                    found.codecs.push(codec);
                }
                for encoding in chunk.encodings().map(|encoding| encoding.to_string()) {
                    if !found.encodings.contains(&encoding) {
                        found.encodings.push(encoding);
                    }
                }
                let size = |bytes: i64| u64::try_from(bytes).unwrap_or(0);
                found.bytes = found.bytes.saturating_add(size(chunk.compressed_size()));
                found.uncompressed_bytes = found.uncompressed_bytes.saturating_add(size(chunk.uncompressed_size()));
            }
            found
        };
        (0..schema.num_columns()).map(column).collect()
    }
}

impl GeometryColumn {
    /// A text that the `geo` entry has for it.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.entry.as_ref()?.get(key)?.as_str()
    }

    /// The box of a row group by the statistics of the footer, and where it comes from.
    pub(crate) fn group_box(&self, group: &RowGroupMetaData) -> Option<([f64; 4], BoxSource)> {
        let leaf = |index: usize| group.columns().get(index).and_then(|chunk| range(chunk.statistics()?));
        if self.native.is_some()
            && let Some(found) =
                self.leaves.first().and_then(|leaf| group.columns().get(*leaf)?.geo_statistics()?.bounding_box())
        {
            let bbox = [found.get_xmin(), found.get_ymin(), found.get_xmax(), found.get_ymax()];
            return Some((bbox, BoxSource::Native));
        }
        if let Some(covering) = &self.covering {
            let [xmin, ymin, xmax, ymax] = covering.leaves.map(leaf);
            if let (Some(xmin), Some(ymin), Some(xmax), Some(ymax)) = (xmin, ymin, xmax, ymax) {
                return Some(([xmin.0, ymin.0, xmax.1, ymax.1], BoxSource::Covering));
            }
        }
        match (self.encoding, self.leaves.as_slice()) {
            (Some(ColumnEncoding::GeoArrow(_)), [x, y, ..]) => {
                let (x, y) = (leaf(*x)?, leaf(*y)?);
                Some(([x.0, y.0, x.1, y.1], BoxSource::Ordinates))
            }
            _ => None,
        }
    }
}

/// Smallest and largest number of a chunk.
pub(crate) fn range(statistics: &Statistics) -> Option<(f64, f64)> {
    match statistics {
        Statistics::Double(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        Statistics::Float(values) => Some((f64::from(*values.min_opt()?), f64::from(*values.max_opt()?))),
        _ => None,
    }
}

/// The usual name of a codec.
pub(crate) fn codec_name(codec: parquet::basic::Compression) -> &'static str {
    use parquet::basic::Compression;
    match codec {
        Compression::UNCOMPRESSED => "none",
        Compression::SNAPPY => "snappy",
        Compression::GZIP(_) => "gzip",
        Compression::LZO => "lzo",
        Compression::BROTLI(_) => "brotli",
        Compression::LZ4 => "lz4",
        Compression::ZSTD(_) => "zstd",
        Compression::LZ4_RAW => "lz4_raw",
    }
}

/// The geospatial type of a column.
pub(crate) fn native_type(field: &Type) -> Option<NativeType> {
    // Some writers say that the default is meant by an empty text.
    let text = |crs: &Option<String>| crs.clone().filter(|crs| !crs.is_empty());
    match field.get_basic_info().logical_type_ref()? {
        LogicalType::Geometry(geometry) => Some(NativeType { crs: text(&geometry.crs), edges: None }),
        LogicalType::Geography(geography) => {
            let edges = match geography.algorithm() {
                Some(EdgeInterpolationAlgorithm::VINCENTY) => "vincenty",
                Some(EdgeInterpolationAlgorithm::THOMAS) => "thomas",
                Some(EdgeInterpolationAlgorithm::ANDOYER) => "andoyer",
                Some(EdgeInterpolationAlgorithm::KARNEY) => "karney",
                _ => "spherical",
            };
            Some(NativeType { crs: text(&geography.crs), edges: Some(edges) })
        }
        _ => None,
    }
}

/// Whether a column holds bytes of any length.
pub(crate) fn is_byte_array(field: &Type) -> bool {
    field.is_primitive() && field.get_physical_type() == PhysicalType::BYTE_ARRAY
}

fn read(source: &dyn ByteSource, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    // Never more than the file has: both callers take it from its length.
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    let count = source.read_at(offset, &mut bytes)?;
    if count < bytes.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
    }
    Ok(bytes)
}

/// Whether the numbers of the footer fit each other and the file.
fn contradictions(metadata: &ParquetMetaData, length: u64) -> Vec<String> {
    // Of a footer that is wrong throughout the first places say enough.
    const MOST: usize = 100;
    let mut found = Vec::new();
    let mut rows = 0i64;
    for (number, group) in metadata.row_groups().iter().enumerate() {
        if found.len() >= MOST {
            return found;
        }
        if group.num_rows() < 0 {
            found.push(format!("row group {number} has {} rows", group.num_rows()));
        }
        rows = rows.saturating_add(group.num_rows());
        for column in group.columns() {
            let name = column.column_descr().path().string();
            if let Some(path) = column.file_path().filter(|path| !path.is_empty()) {
                found.push(format!("column {name} of row group {number} is in another file, {path:?}"));
                continue;
            }
            let (data, dictionary) = (column.data_page_offset(), column.dictionary_page_offset());
            let start = dictionary.filter(|dictionary| *dictionary > 0).unwrap_or(data);
            let size = column.compressed_size();
            if start < 0 || data < 0 || size < 0 || i128::from(start) + i128::from(size) > i128::from(length) {
                found.push(format!(
                    "column {name} of row group {number} has {size} bytes at byte {start}, the file {length}"
                ));
            }
        }
    }
    let declared = metadata.file_metadata().num_rows();
    if rows != declared {
        found.push(format!("the row groups have {rows} rows, the file says {declared}"));
    }
    found.extend(parcelle_parquet::check_rows(metadata, length).err());
    found
}
