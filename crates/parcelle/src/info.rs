//! What a file is, without a judgement.

use std::collections::BTreeMap;
use std::path::Path;

use parcelle_raster::Depth;
use parcelle_report::FileKind;
use parcelle_source::{LayerInfo, Reader, SourceError};
use serde_json::{Value, json};

use crate::check::{CheckError, check};

/// What is known of a file from its structure.
#[derive(Debug, Clone, PartialEq)]
pub struct Information {
    /// The path or URL as it was given.
    pub path: String,
    /// What the file is; `Unknown` for a vector format other than GeoParquet.
    pub kind: FileKind,
    /// Measured facts of rasters and GeoParquet files, as a check at header depth has them.
    pub facts: BTreeMap<&'static str, Value>,
    /// The layers of a vector format, tables without geometry among them.
    pub layers: Vec<LayerInfo>,
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InfoError {
    /// It could not be examined.
    #[error("{path}: {reason}: {hint}")]
    Unexamined {
        /// The path.
        path: String,
        /// Why.
        reason: String,
        /// The way out.
        hint: String,
    },
    /// It is read as a vector format, and cannot be.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nothing could be examined at all.
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl Information {
    /// As JSON: `path`, `kind`, and `facts` or `layers` where there are some.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({ "schema_version": 1, "path": self.path, "kind": self.kind.as_str() });
        if !self.facts.is_empty() {
            json["facts"] = json!(self.facts);
        }
        if !self.layers.is_empty() {
            json["layers"] = self.layers.iter().map(layer).collect();
        }
        json
    }
}

fn layer(layer: &LayerInfo) -> Value {
    let fields: Vec<Value> =
        layer.fields.iter().map(|field| json!({ "name": field.name, "type": field.type_name })).collect();
    json!({
        "name": layer.name,
        "rows": layer.rows,
        "geometry": layer.geometry,
        "crs": layer.crs,
        "fields": fields,
    })
}

/// Says what a file is: the facts of a GeoTIFF, a VRT or a GeoParquet file, also behind a URL; the layers of a vector format.
/// Only its structure is read, but for text formats, whose columns are known when all of it has been.
///
/// # Errors
/// [`InfoError`] where it cannot be read.
pub fn info(path: impl AsRef<Path>) -> Result<Information, InfoError> {
    let path = path.as_ref();
    let mut information = Information {
        path: path.display().to_string(),
        kind: FileKind::Unknown,
        facts: BTreeMap::new(),
        layers: Vec::new(),
    };
    // A directory may be one data set of a vector driver; what is below it is asked for by its name.
    let mut report = if path.is_dir() { None } else { Some(check([path]).depth(Depth::Header).threads(1).run()?) };
    let file = report.as_mut().and_then(|report| report.files.pop());
    if let Some(file) = file {
        (information.path, information.kind, information.facts) = (file.path, file.kind, file.facts);
        if file.kind == FileKind::Geoparquet {
            // A file that is damaged has facts, and no layer.
            information.layers = parcelle_source::layers(path, Reader::Auto).unwrap_or_default();
        }
        return Ok(information);
    }
    match (parcelle_source::layers(path, Reader::Auto), report.and_then(|mut report| report.unexamined.pop())) {
        (Ok(layers), _) => Ok(Information { layers, ..information }),
        // Neither wing knows it. A URL and what is not there are told of best by the one that looked first.
        (Err(SourceError::NotFound { .. }), Some(missing)) => {
            Err(InfoError::Unexamined { path: missing.path, reason: missing.reason, hint: missing.hint })
        }
        (Err(error), _) => Err(error.into()),
    }
}
