//! The structure of TIFF and BigTIFF files, without I/O and safe on hostile input
