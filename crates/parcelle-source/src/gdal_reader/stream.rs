//! GDAL's Arrow stream, over the Arrow C stream interface.

use std::ffi::CStr;
use std::marker::PhantomData;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::SchemaRef;
use arrow::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use gdal::cpl::CslStringList;
use gdal::vector::{Layer, LayerAccess, LayerCaps};

use crate::gdal_reader::workaround::gdal_version;

/// Rows per batch. GDAL cannot be told a size in bytes: this bounds batches of large polygons.
const BATCH_ROWS: usize = 2048;

/// First version in which the general implementation knows where the end is, as GDAL counts versions.
const KEEPS_END_SINCE: u32 = 3_08_00_00;

/// The batches of a layer. It must not outlive the layer, which the lifetime sees to.
pub(super) struct ArrowStream<'layer> {
    reader: ArrowArrayStreamReader,
    /// Whether GDAL makes the batches out of features, one by one.
    is_general: bool,
    /// How many rows GDAL says there are, where it knows without reading them.
    expected: Option<u64>,
    rows: u64,
    ended: bool,
    _layer: PhantomData<&'layer mut ()>,
}

impl<'layer> ArrowStream<'layer> {
    pub(super) fn new(layer: &'layer mut Layer<'_>) -> Result<Self, String> {
        let is_general = !layer.has_capability(LayerCaps::OLCFastGetArrowStream);
        let expected = layer.try_feature_count();
        let mut options = CslStringList::new();
        let include_fid = if has_fid_column(layer) { "YES" } else { "NO" };
        for (key, value) in [("INCLUDE_FID", include_fid), ("MAX_FEATURES_IN_BATCH", &BATCH_ROWS.to_string())] {
            options.set_name_value(key, value).map_err(|error| error.to_string())?;
        }
        let mut stream = FFI_ArrowArrayStream::empty();
        let out: *mut FFI_ArrowArrayStream = &mut stream;
        // SAFETY: both types are the `ArrowArrayStream` of the Arrow C stream interface, and `out` points to an empty one.
        unsafe { layer.read_arrow_stream(out.cast(), &options) }.map_err(|error| error.to_string())?;
        let reader = ArrowArrayStreamReader::try_new(stream).map_err(|error| error.to_string())?;
        Ok(Self { reader, is_general, expected, rows: 0, ended: false, _layer: PhantomData })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    pub(super) fn next(&mut self) -> Option<Result<RecordBatch, String>> {
        if self.ended {
            return None;
        }
        let batch = match self.reader.next()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error.to_string())),
        };
        self.rows += batch.num_rows() as u64;
        if self.is_general {
            // Some drivers (Geoconcept) begin again after the end, and old versions of GDAL would go on asking them.
            self.ended = gdal_version() < KEEPS_END_SINCE && batch.num_rows() < BATCH_ROWS;
            if let Some(expected) = self.expected.filter(|expected| self.rows > *expected) {
                self.ended = true;
                let rows = self.rows;
                return Some(Err(format!("the file says that it has {expected} rows, and GDAL gives {rows} or more")));
            }
        }
        Some(Ok(batch))
    }
}

/// Whether the ids of the features are a column of the source, and no mere numbering by GDAL.
fn has_fid_column(layer: &Layer<'_>) -> bool {
    // SAFETY: the layer is alive; GDAL gives a text ended by a zero byte that it keeps, or null.
    unsafe {
        let name = gdal_sys::OGR_L_GetFIDColumn(layer.c_layer());
        !name.is_null() && !CStr::from_ptr(name).is_empty()
    }
}
