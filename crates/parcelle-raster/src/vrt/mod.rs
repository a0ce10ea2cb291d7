//! GDAL virtual rasters.
