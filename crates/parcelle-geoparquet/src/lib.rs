//! The parallel columnar writer: row groups of GeoParquet from Arrow record batches
