//! Vector readers: layers, splits and Arrow record batches
