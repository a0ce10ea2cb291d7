//! `GPQ-READ`: what readers in the field do not read, by what was measured or stands in their source code.
//!
//! An answer is given only where there is such evidence. That of GDAL, with which QGIS reads, is its documentation and source:
//! the builds at hand have no Parquet driver to measure.

use parcelle_report::{Compatibility, Outcome, Rule, Severity};

use super::context::{Context, Fix, pointer};
use super::footer::{ColumnEncoding, GeometryColumn};
use super::geo::GeoValue;
use super::reference::StatedCrs;
use super::{rules_box, rules_column, rules_crs, rules_file, rules_meta};

pub(crate) static NOT_GEOMETRY: Rule = Rule {
    id: "GPQ-READ-001",
    severity: Severity::Info,
    title: "DuckDB does not take a GeoArrow encoding for geometry",
    why: "The single-type encodings of 1.1 are read by geopandas, GDAL and parcelle. DuckDB (2.0.1) gives their columns as structs of \
          numbers in lists, and GeoServer's GeoParquet store, which reads through DuckDB, then has a layer without geometry.",
    fix: "parcelle convert IN.parquet OUT.parquet --encoding wkb",
    reference: "measured: DuckDB 2.0.1, typeof() of geoarrow-data example_polygon_native.parquet; GeoTools gt-geoparquet",
};

pub(crate) static Z_TYPES: Rule = Rule {
    id: "GPQ-READ-002",
    severity: Severity::Info,
    title: "GeoServer's GeoParquet store ends with an error on types with Z or M",
    why: "The store looks `geometry_types` up in a table of the seven plain names. \"Polygon Z\" is not in it, and the missing \
          entry is used as a class: a NullPointerException when the layer's schema is asked for. An empty list passes.",
    fix: "Drop z in the source data where it says nothing (ogr2ogr -dim XY), or serve the file from another store",
    reference: "source: GeoTools gt-geoparquet, GeoparquetDatasetMetadata.geomType and getNarrowedGeometryType, GeoParquetDialect.buildGeometryDescriptorOverride",
};

/// The version whose documentation was read.
const GDAL: &str = "3.12";
/// The version that was measured.
const DUCKDB: &str = "2.0.1";
/// The release whose GeoTools has the store that was read.
const GEOSERVER: &str = "3.0";

pub(crate) fn check(context: &mut Context<'_>) {
    let footer = context.footer;
    for column in footer.columns.iter().filter(|column| column.entry.is_some()) {
        if let Some(ColumnEncoding::GeoArrow(kind)) = column.encoding {
            let message = format!("{} is {:?}", pointer(&column.name, &["encoding"]), kind.name().to_lowercase());
            context.say(&NOT_GEOMETRY, message, Fix::Convert(&["--encoding wkb"]));
        }
        if let Some(name) = unknown_type(column) {
            let message = format!("{} has {name:?}", pointer(&column.name, &["geometry_types"]));
            context.say(&Z_TYPES, message, Fix::General);
        }
    }
}

/// The first type whose name is not one of the seven.
fn unknown_type(column: &GeometryColumn) -> Option<&str> {
    let types = column.entry.as_ref()?.get("geometry_types")?.as_array()?;
    let mut names = types.iter().filter_map(|name| name.as_str());
    names.find(|name| !parcelle_geometry::GeometryKind::ALL.iter().any(|kind| kind.name() == *name))
}

/// What GDAL makes of the file. Source: GDAL `ogrparquetlayer.cpp`, `OGRParquetLayerBase::LoadGeoMetadata` (any version is taken) and
/// `DealWithGeometryColumn` (a column of an unknown encoding stays an attribute; of what is neither WKT nor an object with a type of
/// CRS no reference system comes); `doc/source/drivers/vector/parquet.rst` (1.1 and its encodings since 3.9, the types of Parquet
/// itself since 3.12 with Arrow C++ 21).
fn gdal(context: &Context<'_>, primary: &GeometryColumn) -> Option<Compatibility> {
    let (outcome, because, detail) = if primary.encoding.is_none() {
        (Outcome::Fails, vec![rules_column::ENCODING.id], "the layer has no geometry")
    } else if context.has(&rules_crs::NOT_PROJJSON) {
        // A text may be WKT, which GDAL would take.
        if primary.entry.as_ref()?.get("crs")?.is_string() {
            return None;
        }
        (Outcome::Misreads, vec![rules_crs::NOT_PROJJSON.id], "the layer has no reference system")
    } else {
        (Outcome::Reads, Vec::new(), "")
    };
    Some(answer("gdal", GDAL, "parquet-driver", outcome, because, detail))
}

/// What GDAL, DuckDB and GeoServer make of the file, where that is known.
pub(crate) fn answers(context: &Context<'_>) -> Vec<Compatibility> {
    let Some(primary) = context.footer.primary() else { return Vec::new() };
    // Where the file contradicts itself, nothing was measured.
    let unsure: [&'static Rule; 7] = [
        &rules_file::CONTRADICTION,
        &rules_file::SEVERAL,
        &rules_meta::NOT_JSON,
        &rules_meta::MEMBER,
        &rules_column::MISSING,
        &rules_column::MEMBER,
        &rules_column::STORAGE,
    ];
    if unsure.into_iter().any(|rule| context.has(rule)) {
        return Vec::new();
    }
    let mut answers: Vec<Compatibility> = gdal(context, primary).into_iter().collect();
    // Measured with files that have this one defect. What GeoServer's store makes of them depends on its DuckDB.
    let refused = [
        (context.has(&rules_crs::NOT_PROJJSON), rules_crs::NOT_PROJJSON.id, "it ends with \"invalid CRS\""),
        (primary.encoding.is_none(), rules_column::ENCODING.id, "it ends with \"unsupported encoding\""),
        (is_of_the_future(context), rules_meta::VERSION.id, "it ends with \"version is not supported\""),
    ];
    if let Some((_, id, detail)) = refused.into_iter().find(|(refused, ..)| *refused) {
        answers.push(answer("duckdb", DUCKDB, "file", Outcome::Fails, vec![id], detail));
        return answers;
    }
    let is_native = matches!(primary.encoding, Some(ColumnEncoding::GeoArrow(_)));
    let (duckdb, because, detail) = if is_native {
        (Outcome::Fails, vec![NOT_GEOMETRY.id], "geometry comes as a struct of numbers")
    } else {
        (Outcome::Reads, Vec::new(), "")
    };
    answers.push(answer("duckdb", DUCKDB, "file", duckdb, because, detail));
    if matches!(context.footer.geo.value, GeoValue::Absent) {
        return answers;
    }
    let (outcome, because, detail) = if is_native {
        (Outcome::Fails, vec![NOT_GEOMETRY.id], "the layer has no geometry")
    } else if unknown_type(primary).is_some() {
        (Outcome::Fails, vec![Z_TYPES.id], "the layer cannot be published: NullPointerException")
    } else if context.has(&rules_crs::NO_CODE) {
        (Outcome::Misreads, vec![rules_crs::NO_CODE.id], "its coordinates are taken for degrees")
    } else if primary.crs == StatedCrs::Unknown {
        (Outcome::Misreads, vec![rules_crs::UNKNOWN.id], "its coordinates are taken for degrees")
    } else if primary.entry.as_ref().is_some_and(|entry| !entry.contains_key("bbox")) && context.has(&rules_box::ABSENT)
    {
        // By its source: with a `geo` entry the extent comes from there alone, and is an empty envelope otherwise.
        (Outcome::Misreads, vec![rules_box::ABSENT.id], "the extent of the layer is empty")
    } else {
        (Outcome::Reads, Vec::new(), "")
    };
    answers.push(answer("geoserver", GEOSERVER, "geoparquet-store", outcome, because, detail));
    answers
}

/// Whether the version has a larger major number than any there is.
fn is_of_the_future(context: &Context<'_>) -> bool {
    let text = context.footer.geo.version_text().unwrap_or_default();
    text.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major > 2)
}

fn answer(
    target: &str,
    version: &str,
    access: &str,
    outcome: Outcome,
    because: Vec<&'static str>,
    detail: &str,
) -> Compatibility {
    Compatibility {
        target: target.to_owned(),
        version: version.to_owned(),
        access: access.to_owned(),
        outcome,
        because,
        detail: detail.to_owned(),
        decoder: None,
    }
}
