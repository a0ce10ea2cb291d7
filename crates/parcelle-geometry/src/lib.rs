//! Well-known binary geometry: validation, normalisation, bounds and types
