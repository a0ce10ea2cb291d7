//! The `geo` entry of a Parquet footer or an Arrow schema: GeoParquet 0.x to 2.x.

use parcelle_crs::Crs;
use parcelle_geometry::{EPOCH_KEY, ORIENTATION_KEY};
use serde_json::{Map, Value};

/// Key of the entry.
pub(crate) const GEO_KEY: &str = "geo";
/// The latest major version that is understood.
const LATEST_MAJOR: u64 = 2;

/// What the entry says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GeoMetadata {
    /// Name of the column that stands for the row; empty where none is named.
    pub(crate) primary: String,
    columns: Map<String, Value>,
}

impl GeoMetadata {
    /// Reads the entry, given each of its texts, where there is one; says what is wrong with it.
    pub(crate) fn read<'a>(mut texts: impl Iterator<Item = &'a str>) -> Result<Option<Self>, String> {
        let Some(text) = texts.next() else { return Ok(None) };
        if texts.any(|other| other != text) {
            return Err("there are several `geo` entries that differ".to_owned());
        }
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("the `geo` entry is no JSON: {error}"))?;
        // Before 0.4 the version had another name.
        let version = value.get("version").or_else(|| value.get("schema_version")).and_then(Value::as_str);
        let major = version.and_then(|version| version.split('.').next()?.parse::<u64>().ok());
        if major.is_none_or(|major| major > LATEST_MAJOR) {
            let version = version.unwrap_or("none");
            return Err(format!("the version of its `geo` entry is {version}; 0.x, 1.x and 2.x are understood"));
        }
        let Some(Value::Object(columns)) = value.get("columns") else {
            return Err("the `geo` entry has no `columns`".to_owned());
        };
        if let Some((name, _)) = columns.iter().find(|(_, entry)| !entry.is_object()) {
            return Err(format!("the `geo` entry says nothing of column {name}"));
        }
        let primary = value.get("primary_column").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Some(Self { primary, columns: columns.clone() }))
    }

    /// What is said of a column.
    pub(crate) fn column(&self, name: &str) -> Option<GeoColumn<'_>> {
        self.columns.get(name).map(|entry| GeoColumn { entry })
    }
}

/// What is said of a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GeoColumn<'a> {
    entry: &'a Value,
}

/// A reference system as a file states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StatedCrs {
    /// Nothing is said, which means OGC:CRS84.
    Default,
    /// It is said that none is known.
    Unknown,
    /// This one.
    Known(Box<Crs>),
}

impl StatedCrs {
    pub(crate) fn resolve(self) -> Result<Option<Crs>, String> {
        match self {
            Self::Default => Crs::from_authority("OGC", "CRS84").map(Some).map_err(|error| error.to_string()),
            Self::Unknown => Ok(None),
            Self::Known(crs) => Ok(Some(*crs)),
        }
    }
}

impl GeoColumn<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        self.entry.get(key).and_then(Value::as_str)
    }

    /// How geometry is stored: `WKB`, or the name of a geometry type in lower case.
    pub(crate) fn encoding(&self) -> String {
        let encoding = self.text("encoding").unwrap_or_default().to_ascii_lowercase();
        // Before 1.1, GDAL wrote the native ones with the name of the Arrow extension.
        encoding.strip_prefix("geoarrow.").unwrap_or(&encoding).to_owned()
    }

    /// Its reference system. Up to 0.3 it was WKT; since then it is PROJJSON.
    pub(crate) fn crs(&self) -> Result<StatedCrs, String> {
        match self.entry.get("crs") {
            None => Ok(StatedCrs::Default),
            Some(Value::Null) => Ok(StatedCrs::Unknown),
            Some(Value::String(text)) => Crs::from_definition(text).map_err(|error| error.to_string()).map(known),
            Some(value) => Crs::from_projjson(value.clone()).map_err(|error| error.to_string()).map(known),
        }
    }

    /// How the line between two positions runs.
    pub(crate) fn edges(&self) -> Option<&str> {
        self.text("edges")
    }

    /// What has no place in the extension metadata of an Arrow field, under keys for the metadata of the field itself.
    pub(crate) fn notes(&self) -> Vec<(String, String)> {
        let epoch = self.entry.get("epoch").filter(|epoch| epoch.is_number()).map(Value::to_string);
        let orientation = self.text("orientation").map(str::to_owned);
        let notes = [(EPOCH_KEY, epoch), (ORIENTATION_KEY, orientation)];
        notes.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?))).collect()
    }

    /// The declared geometry types, such as `Polygon Z`.
    pub(crate) fn geometry_types(&self) -> Vec<&str> {
        // 0.4 called it so.
        let types = self.entry.get("geometry_types").or_else(|| self.entry.get("geometry_type"));
        match types {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(single)) => vec![single],
            _ => Vec::new(),
        }
    }

    /// Name of the column with the bounding boxes.
    pub(crate) fn covering(&self) -> Option<&str> {
        let bbox = self.entry.get("covering")?.get("bbox")?;
        // A draft of 1.1 named the column, later ones the path to each number.
        bbox.get("column").or_else(|| bbox.get("xmin")?.get(0)).and_then(Value::as_str)
    }
}

pub(crate) fn known(crs: Crs) -> StatedCrs {
    StatedCrs::Known(Box::new(crs))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Option<GeoMetadata>, String> {
        GeoMetadata::read(std::iter::once(text))
    }

    fn column(entry: &Value, then: impl FnOnce(GeoColumn<'_>)) {
        let text = json!({"version": "1.1.0", "columns": {"g": entry}}).to_string();
        then(read(&text).unwrap().unwrap().column("g").unwrap());
    }

    #[test]
    fn versions() {
        for version in ["0.4.0", "1.0.0-beta.1", "1.0.0", "1.1.0", "2.0-dev", "2.0.0"] {
            assert!(read(&json!({"version": version, "columns": {}}).to_string()).unwrap().is_some());
        }
        let error = read(r#"{"version": "3.0.0", "columns": {}}"#).unwrap_err();
        assert_eq!(error, "the version of its `geo` entry is 3.0.0; 0.x, 1.x and 2.x are understood");
        assert_eq!(
            read("{").unwrap_err(),
            "the `geo` entry is no JSON: EOF while parsing an object at line 1 column 1"
        );
        assert_eq!(read(r#"{"version": "1.0.0"}"#).unwrap_err(), "the `geo` entry has no `columns`");
        assert_eq!(GeoMetadata::read(std::iter::empty()), Ok(None));
    }

    #[test]
    fn reference_systems() {
        column(&json!({}), |column| assert_eq!(column.crs(), Ok(StatedCrs::Default)));
        column(&json!({"crs": null}), |column| assert_eq!(column.crs(), Ok(StatedCrs::Unknown)));
        column(&json!({"crs": "EPSG:2154"}), |column| {
            assert_eq!(column.crs().unwrap().resolve().unwrap().unwrap().to_string(), "EPSG:2154");
        });
        column(&json!({"crs": {}}), |column| assert!(column.crs().is_err()));
        assert_eq!(StatedCrs::Default.resolve().unwrap().unwrap().to_string(), "OGC:CRS84");
    }

    #[test]
    fn the_rest() {
        let entry = json!({
            "encoding": "geoarrow.multipolygon", "epoch": 2021.5, "orientation": "counterclockwise", "edges": "spherical",
            "geometry_types": ["Polygon"], "covering": {"bbox": {"xmin": ["box", "xmin"]}},
        });
        column(&entry, |column| {
            assert_eq!((column.encoding().as_str(), column.edges()), ("multipolygon", Some("spherical")));
            assert_eq!((column.covering(), column.geometry_types()), (Some("box"), vec!["Polygon"]));
            let note = |key: &str, text: &str| (key.to_owned(), text.to_owned());
            assert_eq!(column.notes(), [note(EPOCH_KEY, "2021.5"), note(ORIENTATION_KEY, "counterclockwise")]);
        });
    }
}
