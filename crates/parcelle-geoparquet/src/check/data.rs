//! The rows: every geometry of some or all row groups, decoded side by side, and counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float32Type, Float64Type};
use parcelle_geometry::{Bounds, GeometryType, HEIGHT_SENTINELS, Inspection, inspect};
use parcelle_parquet::{Chunks, Wanted, batches, guarded};
use parcelle_storage::ByteSource;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, RowSelection, RowSelector,
};
use rayon::prelude::*;

use super::columns::CHILDREN;
use super::footer::{BoxSource, ColumnEncoding, Footer, GeometryColumn};
use super::ordinates;

/// Row groups of a sample, evenly spread.
const SAMPLED_GROUPS: usize = 16;
/// Uncompressed bytes of geometry in a sample.
const SAMPLED_BYTES: u64 = 256 * 1024 * 1024;

/// How often something was seen, and where first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    /// Row, from 1, and what was seen there.
    pub(crate) first: Option<(u64, String)>,
}

impl Tally {
    fn add(&mut self, row: u64, detail: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((row, detail()));
        }
    }

    fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.first = self.first.take().or(later.first);
    }

    /// `row 7: …, and 3 more`.
    pub(crate) fn text(&self) -> String {
        let Some((row, detail)) = &self.first else { return String::new() };
        let more = match self.count {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", parcelle_report::text::grouped(count - 1)),
        };
        let colon = if detail.is_empty() { "" } else { ": " };
        format!("row {}{colon}{detail}{more}", parcelle_report::text::grouped(*row))
    }
}

/// What was seen in a geometry column.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnData {
    pub(crate) rows: u64,
    pub(crate) nulls: u64,
    pub(crate) empties: u64,
    pub(crate) types: BTreeMap<GeometryType, Tally>,
    pub(crate) bounds: Bounds,
    /// The bounds of geometries without a position at 0, 0.
    pub(crate) elsewhere: Bounds,
    pub(crate) undecodable: Tally,
    pub(crate) extended: Tally,
    pub(crate) not_finite: Tally,
    pub(crate) open_rings: Tally,
    pub(crate) short_rings: Tally,
    pub(crate) turned_rings: Tally,
    pub(crate) at_origin: Tally,
    pub(crate) heights: u64,
    pub(crate) zero_heights: u64,
    pub(crate) sentinels: [Tally; HEIGHT_SENTINELS.len()],
    pub(crate) box_smaller: Tally,
    /// As `box_smaller`, by no more than single precision rounds.
    pub(crate) box_rounded: Tally,
    pub(crate) box_missing: Tally,
    /// Row groups whose statistics do not contain their rows.
    pub(crate) statistics_smaller: Vec<(usize, [f64; 4], [f64; 4])>,
}

impl ColumnData {
    fn merge(&mut self, later: Self) {
        self.rows += later.rows;
        self.nulls += later.nulls;
        self.empties += later.empties;
        for (geometry_type, tally) in later.types {
            self.types.entry(geometry_type).or_default().merge(tally);
        }
        self.bounds.extend(&later.bounds);
        self.elsewhere.extend(&later.elsewhere);
        for (mine, theirs) in [
            (&mut self.undecodable, later.undecodable),
            (&mut self.extended, later.extended),
            (&mut self.not_finite, later.not_finite),
            (&mut self.open_rings, later.open_rings),
            (&mut self.short_rings, later.short_rings),
            (&mut self.turned_rings, later.turned_rings),
            (&mut self.at_origin, later.at_origin),
            (&mut self.box_smaller, later.box_smaller),
            (&mut self.box_rounded, later.box_rounded),
            (&mut self.box_missing, later.box_missing),
        ] {
            mine.merge(theirs);
        }
        self.heights += later.heights;
        self.zero_heights += later.zero_heights;
        for (mine, theirs) in self.sentinels.iter_mut().zip(later.sentinels) {
            mine.merge(theirs);
        }
        self.statistics_smaller.extend(later.statistics_smaller);
    }

    fn add(&mut self, row: u64, inspection: &Inspection) {
        let summary = &inspection.summary;
        self.types.entry(summary.geometry_type).or_default().add(row, String::new);
        self.empties += u64::from(summary.is_empty && inspection.not_finite == 0);
        self.bounds.extend(&summary.bounds);
        if inspection.at_origin == 0 {
            self.elsewhere.extend(&summary.bounds);
        } else {
            self.at_origin.add(row, String::new);
        }
        for (tally, found) in [
            (&mut self.not_finite, inspection.not_finite),
            (&mut self.open_rings, inspection.open_rings),
            (&mut self.short_rings, inspection.short_rings),
            (&mut self.turned_rings, inspection.turned_rings),
            (&mut self.extended, u64::from(inspection.is_extended)),
        ] {
            if found > 0 {
                tally.add(row, || summary.geometry_type.to_string());
            }
        }
        self.heights += inspection.heights;
        self.zero_heights += inspection.zero_heights;
        for (tally, found) in self.sentinels.iter_mut().zip(inspection.sentinel_heights) {
            if found > 0 {
                tally.add(row, String::new);
            }
        }
    }
}

/// What reading gave.
#[derive(Debug, Default)]
pub(crate) struct Data {
    /// By geometry column, in the order of the footer's model; `None` where one cannot be read by its encoding.
    pub(crate) columns: Vec<Option<ColumnData>>,
    /// All rows were read.
    pub(crate) is_complete: bool,
    pub(crate) row_groups: usize,
    /// Columns that cannot be decoded: name, row group, reason.
    pub(crate) failures: Vec<(String, usize, String)>,
}

/// What is read at once: the geometry of a row group, or another column of it.
#[derive(Debug, Clone, Copy)]
enum Task {
    Geometry,
    Attribute(usize),
}

/// What came of a task: what the geometry columns hold, or why the bytes cannot be decoded.
type Outcome = Result<Vec<Option<ColumnData>>, String>;

/// One row group, as far as it is read.
#[derive(Debug, Clone, Copy)]
struct Portion {
    group: usize,
    /// Number of its first row, from 0.
    first_row: u64,
    limit: Option<usize>,
}

/// Reads the rows of a sample, or all with every column.
pub(crate) fn read(footer: &Footer, source: &Arc<dyn ByteSource>, all: bool) -> Data {
    let readable: Vec<bool> = footer.columns.iter().map(|column| is_readable(footer, column)).collect();
    let mut data = Data {
        columns: readable.iter().map(|readable| readable.then(ColumnData::default)).collect(),
        is_complete: true,
        ..Data::default()
    };
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = match guarded(|| ArrowReaderMetadata::try_new(Arc::clone(footer.metadata()), options)) {
        Ok(metadata) => metadata,
        Err(reason) => {
            data.failures.push(("the schema".to_owned(), 0, reason));
            data.is_complete = false;
            return data;
        }
    };
    let portions = portions(footer, all);
    data.is_complete =
        portions.len() == footer.groups().len() && portions.iter().all(|portion| portion.limit.is_none());
    data.row_groups = portions.len();
    let geometry_roots = geometry_roots(footer, &readable);
    let roots = footer.metadata().file_metadata().schema().get_fields().len();
    let attributes = (0..roots).filter(|root| all && !geometry_roots.contains(root));
    let mut kinds = vec![Task::Attribute(0); 0];
    if !geometry_roots.is_empty() {
        kinds.push(Task::Geometry);
    }
    kinds.extend(attributes.map(Task::Attribute));
    let tasks: Vec<(Portion, Task)> =
        portions.iter().flat_map(|portion| kinds.iter().map(|kind| (*portion, *kind))).collect();
    let reader = Reader { footer, source, metadata: &metadata, readable: &readable, roots: &geometry_roots };
    let results: Vec<(usize, Task, Outcome)> = tasks
        .into_par_iter()
        .map(|(portion, task)| {
            let result = guarded(|| match task {
                Task::Geometry => reader.geometry(portion),
                Task::Attribute(root) => reader.attribute(portion, root).map(|()| Vec::new()),
            });
            (portion.group, task, result)
        })
        .collect();
    for (group, task, result) in results {
        match result {
            Ok(columns) => {
                for (mine, theirs) in data.columns.iter_mut().zip(columns) {
                    if let (Some(mine), Some(theirs)) = (mine, theirs) {
                        mine.merge(theirs);
                    }
                }
            }
            Err(reason) => {
                let root = match task {
                    Task::Geometry => geometry_roots.first().copied().unwrap_or(0),
                    Task::Attribute(root) => root,
                };
                let fields = footer.metadata().file_metadata().schema().get_fields();
                let name = fields.get(root).map_or("", |field| field.name());
                data.is_complete &= !matches!(task, Task::Geometry);
                data.failures.push((name.to_owned(), group, reason));
            }
        }
    }
    data
}

/// Whether a column is stored as its encoding demands, as far as reading it goes.
fn is_readable(footer: &Footer, column: &GeometryColumn) -> bool {
    let fields = footer.metadata().file_metadata().schema().get_fields();
    let Some(field) = column.root.and_then(|root| fields.get(root)) else { return false };
    match column.encoding {
        Some(ColumnEncoding::Wkb) => super::footer::is_byte_array(field),
        Some(ColumnEncoding::GeoArrow(_)) => field.is_group(),
        None => false,
    }
}

/// Columns at the root that are read together: geometry, and coverings.
fn geometry_roots(footer: &Footer, readable: &[bool]) -> Vec<usize> {
    let columns = footer.columns.iter().zip(readable).filter(|(_, readable)| **readable).map(|(column, _)| column);
    let mut roots: Vec<usize> = columns
        .flat_map(|column| column.root.into_iter().chain(column.covering.as_ref().map(|covering| covering.root)))
        .collect();
    roots.sort_unstable();
    roots.dedup();
    roots
}

fn portions(footer: &Footer, all: bool) -> Vec<Portion> {
    let groups = footer.groups();
    let mut first_row = 0;
    let mut portions = Vec::with_capacity(groups.len());
    for (group, found) in groups.iter().enumerate() {
        portions.push(Portion { group, first_row, limit: None });
        first_row += u64::try_from(found.num_rows()).unwrap_or(0);
    }
    if all {
        return portions;
    }
    let mut left = SAMPLED_BYTES;
    let mut sample = Vec::new();
    let count = portions.len().min(SAMPLED_GROUPS);
    for place in 0..count {
        // The first and the last among them.
        let index = if count == 1 { 0 } else { place * (portions.len() - 1) / (count - 1) };
        let Some(mut portion) = portions.get(index).copied() else { continue };
        let bytes = geometry_bytes(footer, portion.group);
        if bytes > left {
            if !sample.is_empty() {
                continue;
            }
            let rows = groups.get(portion.group).map_or(0, |group| u64::try_from(group.num_rows()).unwrap_or(0));
            let share = left as f64 / bytes as f64;
            portion.limit = Some(((rows as f64 * share) as usize).max(1));
        }
        left = left.saturating_sub(bytes);
        sample.push(portion);
    }
    sample
}

/// Uncompressed bytes of geometry in a row group.
fn geometry_bytes(footer: &Footer, group: usize) -> u64 {
    let Some(group) = footer.groups().get(group) else { return 0 };
    let leaves = footer.columns.iter().flat_map(|column| column.leaves.iter());
    let sizes = leaves.filter_map(|leaf| u64::try_from(group.columns().get(*leaf)?.uncompressed_size()).ok());
    sizes.fold(0, u64::saturating_add)
}

struct Reader<'a> {
    footer: &'a Footer,
    source: &'a Arc<dyn ByteSource>,
    metadata: &'a ArrowReaderMetadata,
    readable: &'a [bool],
    roots: &'a [usize],
}

impl Reader<'_> {
    fn batches(&self, portion: Portion, roots: &[usize]) -> Result<ParquetRecordBatchReader, String> {
        let rows =
            self.footer.groups().get(portion.group).map_or(0, |group| usize::try_from(group.num_rows()).unwrap_or(0));
        let limit = portion.limit.filter(|limit| *limit < rows);
        let selection = limit.map(|limit| {
            RowSelection::from(vec![RowSelector::select(limit), RowSelector::skip(rows.saturating_sub(limit))])
        });
        let wanted = Wanted { roots: roots.to_vec(), groups: vec![portion.group], selection, ..Wanted::default() };
        let chunks = Chunks::new(Arc::clone(self.source));
        batches(chunks, self.metadata, wanted).map_err(|error| error.to_string())
    }

    fn attribute(&self, portion: Portion, root: usize) -> Result<(), String> {
        for batch in self.batches(portion, &[root])? {
            batch.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn geometry(&self, portion: Portion) -> Result<Vec<Option<ColumnData>>, String> {
        let mut found: Vec<Option<ColumnData>> =
            self.readable.iter().map(|readable| readable.then(ColumnData::default)).collect();
        let mut first_row = portion.first_row;
        for batch in self.batches(portion, self.roots)? {
            let batch = batch.map_err(|error| error.to_string())?;
            for (column, data) in self.footer.columns.iter().zip(&mut found) {
                if let Some(data) = data {
                    self.column(column, &batch, first_row, data)?;
                }
            }
            first_row += batch.num_rows() as u64;
        }
        if portion.limit.is_none() {
            self.against_statistics(portion.group, &mut found);
        }
        Ok(found)
    }

    fn against_statistics(&self, number: usize, found: &mut [Option<ColumnData>]) {
        let Some(group) = self.footer.groups().get(number) else { return };
        for (column, data) in self.footer.columns.iter().zip(found) {
            let Some(data) = data else { continue };
            let (Some((said, source)), Some(x), Some(y)) = (column.group_box(group), data.bounds.x(), data.bounds.y())
            else {
                continue;
            };
            let actual = [x.0, y.0, x.1, y.1];
            // What rounding the boxes did is told of the boxes.
            let [xmin, ymin, xmax, ymax] = if source == BoxSource::Covering { rounded_outwards(said) } else { said };
            let wraps = xmin > xmax;
            let is_outside = y.0 < ymin || y.1 > ymax || !wraps && (x.0 < xmin || x.1 > xmax);
            if is_outside {
                data.statistics_smaller.push((number, said, actual));
            }
        }
    }

    fn column(
        &self,
        column: &GeometryColumn,
        batch: &RecordBatch,
        first_row: u64,
        data: &mut ColumnData,
    ) -> Result<(), String> {
        let at = |root: usize| {
            self.roots.iter().position(|found| *found == root).and_then(|index| batch.columns().get(index))
        };
        let Some(array) = column.root.and_then(at) else { return Ok(()) };
        let boxes = column.covering.as_ref().and_then(|covering| Boxes::of(at(covering.root)?.as_ref()));
        let mut buffer = Vec::new();
        let kind = match column.encoding {
            Some(ColumnEncoding::GeoArrow(kind)) => Some((kind, ordinates::dimension(array.data_type()))),
            _ => None,
        };
        for row in 0..array.len() {
            let number = first_row + row as u64 + 1;
            data.rows += 1;
            if array.is_null(row) {
                data.nulls += 1;
                continue;
            }
            let wkb: &[u8] = match kind {
                Some((kind, dimension)) => {
                    let dimension = dimension.ok_or("its positions have no x and y")?;
                    ordinates::write(kind, dimension, array.as_ref(), row, &mut buffer)
                        .ok_or("its arrays are not those of its encoding")?;
                    &buffer
                }
                None => value(array.as_ref(), row).ok_or("it does not hold bytes")?,
            };
            match inspect(wkb) {
                Ok(inspection) => {
                    data.add(number, &inspection);
                    if let Some(boxes) = &boxes {
                        boxes.compare(row, number, &inspection.summary.bounds, data);
                    }
                }
                Err(error) => data.undecodable.add(number, || error.to_string()),
            }
        }
        Ok(())
    }
}

fn value(array: &dyn Array, row: usize) -> Option<&[u8]> {
    if let Some(binary) = array.as_binary_opt::<i32>() {
        return Some(binary.value(row));
    }
    array.as_binary_opt::<i64>().map(|binary| binary.value(row))
}

/// A box with one step of single precision more on each side.
fn rounded_outwards([xmin, ymin, xmax, ymax]: [f64; 4]) -> [f64; 4] {
    let down = |value: f64| f64::from((value as f32).next_down());
    let up = |value: f64| f64::from((value as f32).next_up());
    [down(xmin), down(ymin), up(xmax), up(ymax)]
}

/// The numbers of a covering.
struct Boxes<'a> {
    array: &'a dyn Array,
    numbers: [&'a dyn Array; 4],
    is_single: bool,
}

impl<'a> Boxes<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        let boxes = array.as_struct_opt()?;
        let [a, b, c, d] = CHILDREN.map(|child| boxes.column_by_name(child).map(AsRef::as_ref));
        let numbers: [&dyn Array; 4] = [a?, b?, c?, d?];
        let is_single = numbers.iter().all(|child| child.as_primitive_opt::<Float32Type>().is_some());
        let is_double = numbers.iter().all(|child| child.as_primitive_opt::<Float64Type>().is_some());
        (is_single || is_double).then_some(Self { array, numbers, is_single })
    }

    fn number(&self, index: usize, row: usize) -> Option<f64> {
        let child = self.numbers.get(index)?;
        if child.is_null(row) {
            return None;
        }
        if self.is_single {
            return child.as_primitive_opt::<Float32Type>().map(|values| f64::from(values.value(row)));
        }
        child.as_primitive_opt::<Float64Type>().map(|values| values.value(row))
    }

    fn compare(&self, row: usize, number: u64, bounds: &Bounds, data: &mut ColumnData) {
        // An empty geometry is in no window, whatever its box.
        let (Some(x), Some(y)) = (bounds.x(), bounds.y()) else { return };
        let box_of_row = (!self.array.is_null(row))
            .then(|| Some([self.number(0, row)?, self.number(1, row)?, self.number(2, row)?, self.number(3, row)?]));
        let Some(found) = box_of_row.flatten().filter(|found| found.iter().all(|number| !number.is_nan())) else {
            data.box_missing.add(number, String::new);
            return;
        };
        let [xmin, ymin, xmax, ymax] = found;
        let wraps = xmin > xmax;
        if y.0 >= ymin && y.1 <= ymax && (wraps || x.0 >= xmin && x.1 <= xmax) {
            return;
        }
        let detail = || {
            let (said, is) = (super::extent::text(found), super::extent::text([x.0, y.0, x.1, y.1]));
            format!("{said} for {is}")
        };
        let [left, low, right, high] = rounded_outwards(found);
        let is_rounding = left <= x.0 && low <= y.0 && right >= x.1 && high >= y.1;
        if is_rounding { data.box_rounded.add(number, detail) } else { data.box_smaller.add(number, detail) }
    }
}
