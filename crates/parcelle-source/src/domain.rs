//! The values that a column may have, as they stand in the metadata of its field: JSON in the words of `ogrinfo -json`.

use serde_json::{Map, Value, json};

/// Key of a domain among the metadata of a field.
pub(crate) const DOMAIN: &str = "domain";

/// A bound, and whether it is allowed itself.
pub(crate) type Bound = Option<(Value, bool)>;

/// Codes, each with its meaning or without.
pub(crate) fn coded(name: &str, values: Map<String, Value>) -> String {
    json!({ "name": name, "type": "coded", "codedValues": values }).to_string()
}

/// Texts that a pattern fits.
pub(crate) fn glob(name: &str, glob: Option<String>) -> String {
    json!({ "name": name, "type": "glob", "glob": glob }).to_string()
}

/// What lies between two bounds, or on one side of one.
pub(crate) fn range(name: &str, min: Bound, max: Bound) -> String {
    let mut said = Map::from_iter([("name".to_owned(), name.into()), ("type".to_owned(), "range".into())]);
    for (bound, key) in [(min, "minValue"), (max, "maxValue")] {
        let Some((value, is_included)) = bound else { continue };
        said.insert(key.to_owned(), value);
        said.insert(format!("{key}Included"), is_included.into());
    }
    Value::Object(said).to_string()
}
