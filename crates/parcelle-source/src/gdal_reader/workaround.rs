//! Where GDAL's Arrow streams are known to give wrong values.
//!
//! The drivers GPKG and FlatGeobuf build Arrow columns themselves. Before GDAL 3.8.3 they set the wrong bits of boolean
//! columns, without any error (OSGeo/gdal issue 8998), and GPKG gives empty geometry where no other column is read (issue
//! 7106). GDAL's general implementation is right, and takes their place here.

use arrow::datatypes::{DataType, Schema};
use gdal::config::{clear_thread_local_config_option, set_thread_local_config_option};

/// First version without the errors, as GDAL counts versions.
const FIXED_IN: u32 = 3_08_03_00;

/// The version of the libgdal that runs, as GDAL counts versions: 3.6.2 is 3060200.
pub(super) fn gdal_version() -> u32 {
    gdal::version::version_info("VERSION_NUM").parse().unwrap_or(0)
}

/// Makes this thread's GDAL use its general implementation for as long as it lives, where the driver's own is wrong.
pub(super) struct GeneralImplementation {
    option: Option<&'static str>,
}

impl GeneralImplementation {
    /// For a driver (`GDAL/` and its short name) and the schema of its stream.
    pub(super) fn where_needed(driver: &str, schema: &Schema) -> Result<Self, gdal::errors::GdalError> {
        let version = gdal_version();
        let boolean = schema.fields().iter().any(|field| *field.data_type() == DataType::Boolean);
        let option = match driver {
            _ if version >= FIXED_IN => None,
            "GDAL/GPKG" => Some("OGR_GPKG_STREAM_BASE_IMPL"),
            "GDAL/FlatGeobuf" if boolean => Some("OGR_FLATGEOBUF_STREAM_BASE_IMPL"),
            _ => None,
        };
        if let Some(option) = option {
            set_thread_local_config_option(option, "YES")?;
        }
        Ok(Self { option })
    }
}

impl Drop for GeneralImplementation {
    fn drop(&mut self) {
        if let Some(option) = self.option {
            // It fails for names with zero bytes only.
            let _ = clear_thread_local_config_option(option);
        }
    }
}
