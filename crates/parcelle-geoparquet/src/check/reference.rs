//! The coordinate reference system that a file states, in its `geo` entry or in a type of Parquet.

use parcelle_crs::{Agreement, Crs};
use parquet::file::metadata::KeyValue;
use serde_json::Value;

use super::footer::NativeType;

/// A reference system as a file states it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StatedCrs {
    /// Nothing is said, which means OGC:CRS84.
    Default,
    /// It is said that none is known.
    Unknown,
    /// This one.
    Known(Box<Crs>),
    /// Something that defines none, and why.
    Broken(String),
}

impl StatedCrs {
    /// What an entry says under `crs`. Up to 0.3 it was WKT, since then it is PROJJSON.
    pub(crate) fn of_entry(value: Option<&Value>) -> Self {
        match value {
            None => Self::Default,
            Some(Value::Null) => Self::Unknown,
            Some(Value::String(text)) => of_text(text),
            Some(value) => known(Crs::from_projjson(value.clone()).map_err(|error| error.to_string())),
        }
    }

    /// The reference system, also where it is the default; `None` where none is known.
    pub(crate) fn resolved(&self) -> Option<Crs> {
        match self {
            Self::Default => Crs::from_authority("OGC", "CRS84").ok(),
            Self::Known(crs) => Some(crs.as_ref().clone()),
            Self::Unknown | Self::Broken(_) => None,
        }
    }

    /// What it is called in a message.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Default => "OGC:CRS84, the default".to_owned(),
            Self::Unknown => "null (not known)".to_owned(),
            Self::Known(crs) => crs.to_string(),
            Self::Broken(_) => "not readable".to_owned(),
        }
    }

    /// Whether both say that the same coordinates are the same places; `None` where that cannot be told.
    pub(crate) fn agrees_with(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Broken(_), _) | (_, Self::Broken(_)) => None,
            (Self::Unknown, Self::Unknown) => Some(true),
            (Self::Unknown, _) | (_, Self::Unknown) => Some(false),
            (left, right) => match left.resolved()?.agrees_with(&right.resolved()?) {
                Agreement::Same => Some(true),
                Agreement::Different => Some(false),
                Agreement::Unknown => None,
            },
        }
    }
}

/// What a type of Parquet says: nothing, PROJJSON, `srid:` and a number, `projjson:` and the key of an entry of the footer, or
/// a name (parquet-format, Geospatial.md, "Coordinate Reference System").
pub(crate) fn of_type(native: &NativeType, entries: Option<&Vec<KeyValue>>) -> StatedCrs {
    let Some(text) = &native.crs else { return StatedCrs::Default };
    if let Some(key) = text.strip_prefix("projjson:") {
        let entry = entries.into_iter().flatten().find(|entry| entry.key == key);
        return match entry.and_then(|entry| entry.value.as_deref()) {
            Some(definition) => of_text(definition),
            None => StatedCrs::Broken(format!("the footer has no entry {key:?}")),
        };
    }
    match text.strip_prefix("srid:") {
        // Identifiers of spatial databases; those in use are codes of EPSG.
        Some("0") => StatedCrs::Unknown,
        Some(number) => of_text(&format!("EPSG:{number}")),
        None => of_text(text),
    }
}

fn of_text(text: &str) -> StatedCrs {
    known(Crs::from_definition(text).map_err(|error| error.to_string()))
}

fn known(crs: Result<Crs, String>) -> StatedCrs {
    crs.map_or_else(StatedCrs::Broken, |crs| StatedCrs::Known(Box::new(crs)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_state_it_in_several_ways() {
        let lambert = Crs::from_definition("EPSG:2154").unwrap();
        let entries = vec![KeyValue::new("crs".to_owned(), lambert.to_projjson().to_string())];
        let of = |text: &str| of_type(&NativeType { crs: Some(text.to_owned()), edges: None }, Some(&entries));
        let known = StatedCrs::Known(Box::new(lambert.clone()));
        for text in ["EPSG:2154", "srid:2154", "projjson:crs", &lambert.to_projjson().to_string()] {
            assert_eq!(of(text).agrees_with(&known), Some(true), "{text}");
        }
        assert!(matches!(of("projjson:other"), StatedCrs::Broken(_)));
        assert_eq!(of("srid:0"), StatedCrs::Unknown);
        assert_eq!(of_type(&NativeType { crs: None, edges: None }, None), StatedCrs::Default);
    }

    #[test]
    fn entries_state_it_as_projjson() {
        assert_eq!(StatedCrs::of_entry(None), StatedCrs::Default);
        assert_eq!(StatedCrs::of_entry(Some(&Value::Null)), StatedCrs::Unknown);
        assert!(matches!(StatedCrs::of_entry(Some(&json!({}))), StatedCrs::Broken(_)));
        let degrees = StatedCrs::Known(Box::new(Crs::from_definition("EPSG:4326").unwrap()));
        // Coordinates are x, y whatever the definition says.
        assert_eq!(StatedCrs::Default.agrees_with(&degrees), Some(true));
        assert_eq!(StatedCrs::Default.agrees_with(&StatedCrs::Unknown), Some(false));
    }
}
