//! Coordinate reference systems: EPSG, WKT and PROJJSON into one identity
