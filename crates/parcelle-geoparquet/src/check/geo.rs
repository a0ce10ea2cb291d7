//! The `geo` entry of a footer, as it is.

use parquet::file::metadata::KeyValue;
use serde_json::{Map, Value};

use crate::metadata::GEO_KEY;

/// The entry, or what is wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct GeoEntry {
    /// How many entries have the key.
    pub(crate) count: usize,
    /// Whether they all say the same.
    pub(crate) agree: bool,
    /// The first one.
    pub(crate) value: GeoValue,
}

/// What an entry is.
#[derive(Debug, Clone)]
pub(crate) enum GeoValue {
    /// There is none.
    Absent,
    /// It is no JSON object, and why.
    Broken(String),
    /// An object.
    Object(Map<String, Value>),
}

/// A version, as far as it decides what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// Before 1.0.0, its release candidates among them.
    Draft,
    /// 1.0.0
    V1_0,
    /// 1.1.0
    V1_1,
    /// Before 2.0.0: `2.0-dev`, release candidates.
    V2Draft,
    /// 2.0.0
    V2_0,
    /// Nothing that is known.
    Unknown,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "1.0.0" => Self::V1_0,
            "1.1.0" => Self::V1_1,
            "2.0.0" => Self::V2_0,
            text if text.starts_with("0.") || text.starts_with("1.0.0-") || text.starts_with("1.1.0-") => Self::Draft,
            text if text.starts_with("2.0-") || text.starts_with("2.0.0-") => Self::V2Draft,
            _ => Self::Unknown,
        }
    }

    /// Whether geometry has a type of Parquet in it.
    pub(crate) const fn is_2(self) -> bool {
        matches!(self, Self::V2_0 | Self::V2Draft)
    }
}

impl GeoEntry {
    pub(crate) fn read<'a>(entries: impl Iterator<Item = &'a KeyValue>) -> Self {
        let found: Vec<&KeyValue> = entries.filter(|entry| entry.key == GEO_KEY).collect();
        let agree =
            found.windows(2).all(|pair| pair.first().map(|one| &one.value) == pair.last().map(|one| &one.value));
        let value = match found.first().map(|entry| entry.value.as_deref()) {
            None => GeoValue::Absent,
            Some(None) => GeoValue::Broken("it has no value".to_owned()),
            Some(Some(text)) => match serde_json::from_str(text) {
                Ok(Value::Object(object)) => GeoValue::Object(object),
                Ok(other) => GeoValue::Broken(format!("it is {}, not an object", kind(&other))),
                Err(error) => GeoValue::Broken(error.to_string()),
            },
        };
        Self { count: found.len(), agree, value }
    }

    pub(crate) fn object(&self) -> Option<&Map<String, Value>> {
        match &self.value {
            GeoValue::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The version as it is written. Before 0.4 it had another name.
    pub(crate) fn version_text(&self) -> Option<&str> {
        let object = self.object()?;
        object.get("version").or_else(|| object.get("schema_version"))?.as_str()
    }

    pub(crate) fn version(&self) -> Version {
        self.version_text().map_or(Version::Unknown, Version::parse)
    }

    /// What is said of columns.
    pub(crate) fn columns(&self) -> Option<&Map<String, Value>> {
        self.object()?.get("columns")?.as_object()
    }

    pub(crate) fn primary(&self) -> Option<&str> {
        self.object()?.get("primary_column")?.as_str()
    }
}

/// What a value of JSON is, in words.
pub(crate) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(texts: &[&str]) -> GeoEntry {
        let entries: Vec<_> = texts.iter().map(|text| KeyValue::new(GEO_KEY.to_owned(), (*text).to_owned())).collect();
        GeoEntry::read(entries.iter())
    }

    #[test]
    fn entries_are_told_apart() {
        assert!(matches!(entry(&[]).value, GeoValue::Absent));
        assert!(matches!(entry(&["["]).value, GeoValue::Broken(_)));
        assert!(matches!(entry(&["[]"]).value, GeoValue::Broken(reason) if reason == "it is an array, not an object"));
        let twice = entry(&[r#"{"version":"1.1.0"}"#, "{}"]);
        assert_eq!((twice.count, twice.agree, twice.version()), (2, false, Version::V1_1));
        assert_eq!(entry(&[r#"{"schema_version":"0.3.0"}"#]).version(), Version::Draft);
        assert_eq!(entry(&[r#"{"version":"2.0-dev"}"#]).version(), Version::V2Draft);
        assert_eq!(entry(&[r#"{"version":"3.0.0"}"#]).version(), Version::Unknown);
    }
}
