//! Convert vector extracts to GeoParquet and check rasters for cloud and GeoServer use
