//! The features of a file as a [`Layer`].

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use flatgeobuf::{ColumnType, Feature as Fields};

use crate::error::{GeometryReason, Place, RowPosition, SourceError};
use crate::flatgeobuf::columns::{Columns, Fault, Projection};
use crate::flatgeobuf::date_times::DateTimes;
use crate::flatgeobuf::features::{Directory, Reader};
use crate::flatgeobuf::file::FlatGeobuf;
use crate::flatgeobuf::geometry;
use crate::flatgeobuf::header::Column;
use crate::flatgeobuf::sample::{Proof, sample};
use crate::flatgeobuf::survey::survey;
use crate::flatgeobuf::table::{OutOfBounds, Table};
use crate::flatgeobuf::values::ByteStrings;
use crate::geometry_field::{declared, geometry_field, layer_crs};
use crate::interrupt::Interrupt;
use crate::invalid::InvalidValues;
use crate::names;
use crate::{BatchSink, Curves, Layer, OpenOptions, Split, SplitRange, Window};

/// A batch ends at whichever comes first.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 8 << 20;
/// Features that are looked up in the index at once.
const LOOK_UP: u64 = 1 << 18;
/// A split does not reach over so many features that are not wanted.
const LARGEST_GAP: u64 = 1 << 16;

/// The layer of a FlatGeobuf.
#[derive(Debug)]
pub(crate) struct FlatGeobufLayer {
    file: FlatGeobuf,
    directory: Directory,
    name: String,
    projection: Projection,
    /// Where a sample has said what its times have in common.
    proof: Option<Proof>,
    geometry_name: String,
    schema: SchemaRef,
    window: Option<Window>,
    curves: Curves,
    invalid: InvalidValues,
}

impl FlatGeobufLayer {
    pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<Self, SourceError> {
        let file = FlatGeobuf::open(path)?;
        let name = file.header.layer_name(path);
        names::choose_layer(path, options.layer.as_deref(), &[(name.clone(), true)])?;
        let crs = layer_crs(options.crs.as_deref(), || file.header.reference_system(path, &name))?;

        let select = options.select.as_deref();
        let is_kept = |column: &Column| select.is_none_or(|select| select.contains(&column.name));
        let in_header = file.header.columns.len();
        let check = |columns: &[&str]| {
            let geometry_name = geometry_name(columns);
            let all: Vec<&str> = columns.iter().copied().chain([geometry_name.as_str()]).collect();
            names::check_selection(path, &name, select, &all)?;
            Ok(geometry_name)
        };
        if in_header > 0 {
            check(&file.header.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>())?;
        }
        let directory = Directory::default();
        let has_times =
            file.header.columns.iter().any(|column| column.kind.0 == ColumnType::DateTime && is_kept(column));
        let sampled = || file.unless_changed(sample(&file, &directory, &name, options, is_kept));
        let sampled = if has_times { sampled()? } else { None };
        let is_sampled = sampled.is_some();
        let columns = match sampled {
            Some(columns) => columns,
            None if in_header == 0 || has_times => file.unless_changed(survey(&file, &directory, &name, options))?,
            None => file.header.columns.iter().map(|column| (column.clone(), DateTimes::default())).collect(),
        };
        let geometry_name = check(&columns.iter().map(|(column, _)| column.name.as_str()).collect::<Vec<_>>())?;
        let projection = Projection::new(columns, in_header, is_kept);
        let proof = is_sampled.then(|| Proof::new(&projection.kept));
        let (invalid, curves) = (options.invalid.clone(), options.curves.clone());
        let fields = projection.kept.iter().map(|(column, times)| {
            let field = column.field(*times);
            let is_nullable = field.is_nullable() || !invalid.are_errors();
            field.with_nullable(is_nullable)
        });
        let geometry = geometry_field(&geometry_name, true, crs.as_ref());
        let geometry = declared(geometry, file.header.geometry.declared_type());
        let schema = Arc::new(Schema::new(fields.chain([geometry]).collect::<Vec<_>>()));
        let window = options.window.filter(|_| file.index.is_some());
        Ok(Self { file, directory, name, projection, proof, geometry_name, schema, window, curves, invalid })
    }

    fn count(&self) -> Result<u64, SourceError> {
        self.directory.count(&self.file, &Interrupt::default())
    }

    fn ranges(&self, target: u64) -> Result<Vec<Range<u64>>, SourceError> {
        if let (Some(window), Some(index)) = (&self.window, &self.file.index) {
            return Ok(grouped(index.search(&self.file, window)?, target));
        }
        let count = self.count()?;
        let splits = count.div_ceil(target).max(1);
        // In 128 bits: the product of two counts.
        let bound = |split: u64| (u128::from(count) * u128::from(split) / u128::from(splits)) as u64;
        Ok((0..splits).map(|split| bound(split)..bound(split + 1)).collect())
    }

    fn read_range(&self, range: Range<u64>, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let mut batch = Batch::new(self);
        if let (Some(window), Some(index)) = (&self.window, &self.file.index) {
            let mut reader = Directory::roaming_reader(&self.file);
            let mut first = range.start;
            while first < range.end {
                let end = range.end.min(first + LOOK_UP);
                for run in index.runs(&self.file, first..end, window)? {
                    reader.go_to(run.first, run.count, run.offset);
                    if self.read_features(&mut reader, &mut batch, sink)?.is_break() {
                        return Ok(());
                    }
                }
                first = end;
            }
        } else {
            let mut reader = self.directory.reader(&self.file, range)?;
            if self.read_features(&mut reader, &mut batch, sink)?.is_break() {
                return Ok(());
            }
        }
        if batch.numbers.is_empty() {
            return Ok(());
        }
        // It is the last one, whether more are wanted or not.
        let _: ControlFlow<()> = sink(batch.finish()?);
        Ok(())
    }

    fn read_features(
        &self,
        reader: &mut Reader<'_>,
        batch: &mut Batch<'_>,
        sink: BatchSink<'_>,
    ) -> Result<ControlFlow<()>, SourceError> {
        loop {
            let (number, offset) = (reader.number, reader.file_offset());
            let Some(feature) = reader.next()? else { return Ok(ControlFlow::Continue(())) };
            batch.append(number, feature).map_err(|fault| self.error(number, offset, fault))?;
            let full = batch.numbers.len() >= BATCH_ROWS || batch.bytes >= BATCH_BYTES;
            if full && sink(batch.finish()?).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    fn error(&self, number: u64, offset: u64, fault: FeatureFault) -> SourceError {
        self.invalid.refusal(match fault {
            FeatureFault::Malformed(reason) => self.file.malformed_feature(number, offset, reason),
            FeatureFault::Properties(Fault::Malformed(reason)) => self.file.malformed_feature(number, offset, &reason),
            FeatureFault::Properties(Fault::Value { column, found }) => self.value_error(number, column, found),
            FeatureFault::Geometry(reason) => {
                SourceError::Geometry { place: self.place(number, self.geometry_name.clone()), reason }
            }
        })
    }

    fn place(&self, number: u64, column: String) -> Box<Place> {
        let row = RowPosition::Number(number.saturating_add(1));
        Box::new(Place { path: self.file.path().to_owned(), layer: self.name.clone(), column, row })
    }

    fn value_error(&self, number: u64, column: usize, found: String) -> SourceError {
        let (name, declared) = self.projection.kept.get(column).map_or_else(Default::default, |(column, _)| {
            let required = if column.nullable { "" } else { " that is not nullable" };
            (column.name.clone(), format!("{}{required}", column.kind.name()))
        });
        SourceError::Value { place: self.place(number, name), declared, found }
    }

    fn not_as_sampled(&self, reason: String) -> SourceError {
        SourceError::NotAsSampled { path: self.file.path().to_owned(), reason }
    }

    fn batch_error(&self, reason: String) -> SourceError {
        SourceError::Batch { path: self.file.path().to_owned(), layer: self.name.clone(), reason }
    }
}

/// The geometry has no name in a file; it is called as GeoParquet recommends, or else as GDAL calls it.
fn geometry_name(columns: &[&str]) -> String {
    let taken = |name: &str| columns.iter().any(|column| column.eq_ignore_ascii_case(name));
    let numbered = (2..).map(|number| format!("geometry_{number}"));
    let mut names = ["geometry", "wkb_geometry"].into_iter().map(str::to_owned).chain(numbered);
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// Ranges of wanted features, joined or cut to hold about as many as the target.
fn grouped(ranges: Vec<Range<u64>>, target: u64) -> Vec<Range<u64>> {
    let mut groups: Vec<Range<u64>> = Vec::new();
    let mut wanted = 0;
    for range in ranges {
        let mut start = range.start;
        while start < range.end {
            let joined = groups.last_mut().filter(|group| wanted < target && start - group.end < LARGEST_GAP);
            let room = if joined.is_some() { target - wanted } else { target };
            let end = range.end.min(start.saturating_add(room));
            match joined {
                Some(group) => {
                    group.end = end;
                    wanted += end - start;
                }
                None => {
                    groups.push(start..end);
                    wanted = end - start;
                }
            }
            start = end;
        }
    }
    if groups.is_empty() { std::iter::once(0..0).collect() } else { groups }
}

/// Why a feature cannot be read.
enum FeatureFault {
    Malformed(&'static str),
    Properties(Fault),
    Geometry(GeometryReason),
}

impl From<OutOfBounds> for FeatureFault {
    fn from(_: OutOfBounds) -> Self {
        Self::Malformed("an offset in it leads out of it")
    }
}

/// Rows on their way into a record batch.
struct Batch<'l> {
    layer: &'l FlatGeobufLayer,
    columns: Columns<'l>,
    geometry: ByteStrings,
    /// Of the features, from 0.
    numbers: Vec<u64>,
    /// Of the features in the file.
    bytes: usize,
}

impl<'l> Batch<'l> {
    fn new(layer: &'l FlatGeobufLayer) -> Self {
        let (columns, geometry) = (Columns::new(&layer.projection), ByteStrings::new());
        Self { layer, columns, geometry, numbers: Vec::new(), bytes: 0 }
    }

    fn append(&mut self, number: u64, feature: &[u8]) -> Result<(), FeatureFault> {
        let table = Table::root(feature)?;
        match table.table(Fields::VT_GEOMETRY)? {
            None => self.geometry.null_row(),
            Some(geometry) => {
                let declared = self.layer.file.header.geometry;
                let curves = &self.layer.curves;
                match geometry::write(&geometry, declared, feature.len(), curves, &mut self.geometry.values) {
                    Ok(_) => {
                        let end = self.geometry.end_row();
                        end.map_err(|_| FeatureFault::Malformed("its geometry has more than 2 GiB"))?;
                    }
                    Err(geometry::Fault::Malformed(reason)) => return Err(FeatureFault::Malformed(reason)),
                    Err(geometry::Fault::Refused(reason)) => {
                        let place = self.layer.place(number, self.layer.geometry_name.clone());
                        let error = SourceError::Geometry { place, reason: reason.clone() };
                        if self.layer.invalid.null(error).is_err() {
                            return Err(FeatureFault::Geometry(reason));
                        }
                        self.geometry.forget_row();
                        self.geometry.null_row();
                    }
                }
            }
        }
        let own_columns = table.tables(Fields::VT_COLUMNS)?;
        let layer = self.layer;
        let is_null = |column: usize, found: &str| {
            layer.invalid.null(layer.value_error(number, column, found.to_owned())).is_ok()
        };
        let appended = self.columns.append(table.vector(Fields::VT_PROPERTIES, 1)?, own_columns, is_null);
        appended.map_err(FeatureFault::Properties)?;
        self.numbers.push(number);
        self.bytes += feature.len();
        Ok(())
    }

    fn finish(&mut self) -> Result<RecordBatch, SourceError> {
        let layer = self.layer;
        let numbers = &self.numbers;
        let mut columns = self.columns.finish(|column, bytes| {
            let error = |row: usize, _: &[u8]| {
                let number = numbers.get(row).copied().unwrap_or(0);
                layer.value_error(number, column, "text that is not UTF-8".to_owned())
            };
            layer.invalid.texts(&bytes, error).map(|texts| Arc::new(texts) as ArrayRef)
        })?;
        if let Some(proof) = &layer.proof {
            proof.note(&columns, numbers.len() as u64);
        }
        columns.push(self.geometry.finish_binary().map_err(|error| layer.batch_error(error.to_string()))?);
        self.numbers.clear();
        self.bytes = 0;
        RecordBatch::try_new(Arc::clone(&layer.schema), columns).map_err(|error| layer.batch_error(error.to_string()))
    }
}

impl Layer for FlatGeobufLayer {
    fn name(&self) -> &str {
        &self.name
    }

    fn driver(&self) -> &str {
        "FlatGeobuf"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn row_count_hint(&self) -> Option<u64> {
        (self.file.header.features > 0).then_some(self.file.header.features)
    }

    fn splits(&self, target_rows: usize) -> Result<Vec<Split>, SourceError> {
        let target = u64::try_from(target_rows.max(1)).unwrap_or(u64::MAX);
        let ranges = self.file.unless_changed(self.ranges(target))?;
        let splits = ranges.into_iter().enumerate().map(|(index, range)| Split {
            index,
            sequential: false,
            range: SplitRange::Range { start: range.start, end: range.end },
        });
        Ok(splits.collect())
    }

    fn read(&self, split: &Split, sink: BatchSink<'_>) -> Result<(), SourceError> {
        let count = self.count()?;
        match split.range {
            SplitRange::Range { start, end } if start <= end && end <= count => {
                let read = self.file.unless_changed(self.read_range(start..end, sink));
                read.map_err(|error| match error {
                    SourceError::Changed { .. } => error,
                    // A survey may have seen another one first.
                    error if self.is_sampled() => self.not_as_sampled(error.to_string()),
                    error => error,
                })
            }
            _ => Err(self.batch_error("the split is not one of this layer".to_owned())),
        }
    }

    fn input_bytes(&self) -> Option<u64> {
        Some(self.file.bytes())
    }

    fn is_sampled(&self) -> bool {
        self.proof.is_some()
    }

    fn prove(&self) -> Result<(), SourceError> {
        let Some(proof) = &self.proof else { return Ok(()) };
        proof.check(self.count()?).map_err(|reason| self.not_as_sampled(reason))
    }
}
