//! Cloud Optimized GeoTIFF.
