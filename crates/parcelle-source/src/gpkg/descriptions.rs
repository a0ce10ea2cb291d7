//! What a GeoPackage says about columns beside their types: its extension "schema" (OGC 12-128r18, annex F.9).

use std::collections::HashMap;

use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Result, Row};
use serde_json::{Map, Value};

use crate::domain::{self, Bound, DOMAIN};
use crate::gpkg::catalogue::has_table;

/// What is said of the columns of a table, by their names in lower case: keys and texts for the metadata of the field.
pub(crate) fn column_texts(
    connection: &Connection,
    table: &str,
) -> Result<HashMap<String, Vec<(&'static str, String)>>> {
    let mut texts = HashMap::new();
    if !has_table(connection, "gpkg_data_columns")? {
        return Ok(texts);
    }
    // All columns, as older files do not have each of them.
    let mut statement = connection.prepare("SELECT * FROM gpkg_data_columns WHERE table_name = ?1 COLLATE NOCASE")?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let column: String = row.get("column_name")?;
        let text = |name: &str| optional::<String>(row, name).map(|text| text.filter(|text| !text.is_empty()));
        let domain = match text("constraint_name")? {
            Some(name) => domain(connection, &name)?,
            None => None,
        };
        let found = [
            // Programs that have no alias repeat the name of the column.
            ("alias", text("name")?.filter(|alias| *alias != column)),
            ("title", text("title")?),
            ("description", text("description")?),
            ("mime_type", text("mime_type")?),
            (DOMAIN, domain),
        ];
        let found = found.into_iter().filter_map(|(key, text)| Some((key, text?)));
        texts.insert(column.to_lowercase(), found.collect());
    }
    Ok(texts)
}

/// The values that a constraint allows; `None` where it is not there, or of a kind that the standard does not have.
fn domain(connection: &Connection, name: &str) -> Result<Option<String>> {
    if !has_table(connection, "gpkg_data_column_constraints")? {
        return Ok(None);
    }
    let mut statement =
        connection.prepare("SELECT * FROM gpkg_data_column_constraints WHERE constraint_name = ?1 ORDER BY rowid")?;
    let mut rows = statement.query([name])?;
    let mut coded = Map::new();
    while let Some(row) = rows.next()? {
        let kind: String = optional(row, "constraint_type")?.unwrap_or_default();
        match kind.as_str() {
            "range" => return range(row, name).map(Some),
            "glob" => {
                return Ok(Some(domain::glob(name, optional(row, "value")?)));
            }
            "enum" => {
                let value: Option<String> = optional(row, "value")?;
                let meaning: Option<String> = optional(row, "description")?;
                coded.insert(value.unwrap_or_default(), meaning.map_or(Value::Null, Value::from));
            }
            _ => return Ok(None),
        }
    }
    Ok((!coded.is_empty()).then(|| domain::coded(name, coded)))
}

fn range(row: &Row<'_>, name: &str) -> Result<String> {
    // GeoPackage 1.0 spelt them in the other way.
    let min = bound(row, "min", ["min_is_inclusive", "minIsInclusive"])?;
    let max = bound(row, "max", ["max_is_inclusive", "maxIsInclusive"])?;
    Ok(domain::range(name, min, max))
}

fn bound(row: &Row<'_>, column: &str, [first, second]: [&str; 2]) -> Result<Bound> {
    let Some(Number(value)) = optional(row, column)? else { return Ok(None) };
    let included: Option<bool> = match optional(row, first)? {
        Some(included) => Some(included),
        None => optional(row, second)?,
    };
    Ok(Some((value, included.unwrap_or(true))))
}

/// A bound, which is an integer or not.
struct Number(Value);

impl FromSql for Number {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Ok(Self(match value {
            ValueRef::Integer(integer) => integer.into(),
            ValueRef::Real(real) => real.into(),
            other => other.as_str()?.into(),
        }))
    }
}

/// The value of a column that is NULL, or that the table may not have.
fn optional<T: FromSql>(row: &Row<'_>, name: &str) -> Result<Option<T>> {
    match row.get::<_, Option<T>>(name) {
        Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use crate::gpkg::GeoPackageLayer;
    use crate::gpkg::testing::TestPackage;
    use crate::{Layer, OpenOptions};

    #[test]
    fn texts_about_columns_become_metadata() {
        let package = TestPackage::new();
        package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, cleabs TEXT)").features("t", "g", 2154).sql(
            "CREATE TABLE gpkg_data_columns (table_name TEXT, column_name TEXT, name TEXT, title TEXT, description TEXT);
             INSERT INTO gpkg_data_columns VALUES ('t', 'cleabs', 'key', 'Clé absolue', NULL);",
        );
        let schema = GeoPackageLayer::open(&package.path(), &OpenOptions::default()).unwrap().schema();
        let metadata = schema.field(2).metadata();
        assert_eq!((metadata.len(), metadata["alias"].as_str(), metadata["title"].as_str()), (2, "key", "Clé absolue"));

        // The tables of the standard, with domains.
        let package = TestPackage::new();
        package.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, g BLOB, h REAL, n TEXT, p TEXT, j TEXT)").features("t", "g", 2154).sql(
            "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT,
               description TEXT, mime_type TEXT, constraint_name TEXT);
             CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT,
               min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT);
             INSERT INTO gpkg_data_columns VALUES ('t', 'h', 'h', NULL, 'Hauteur', NULL, 'hauteurs'),
               ('t', 'n', NULL, NULL, NULL, NULL, 'natures'), ('t', 'p', NULL, NULL, '', NULL, 'noms'),
               ('t', 'j', NULL, NULL, NULL, 'application/json', 'none such');
             INSERT INTO gpkg_data_column_constraints VALUES ('hauteurs', 'range', NULL, 0, 0, 9.5, 1, NULL),
               ('natures', 'enum', '1', NULL, NULL, NULL, NULL, 'église'), ('natures', 'enum', '2', NULL, NULL, NULL, NULL, NULL),
               ('noms', 'glob', '[A-Z]*', NULL, NULL, NULL, NULL, NULL);",
        );
        let schema = GeoPackageLayer::open(&package.path(), &OpenOptions::default()).unwrap().schema();
        let said = |name: &str| {
            let field = schema.field_with_name(name).unwrap();
            let mut said: Vec<_> = field.metadata().iter().map(|(key, text)| format!("{key} {text}")).collect();
            said.sort_unstable();
            said.join("; ")
        };
        assert_eq!(
            said("h"),
            r#"description Hauteur; domain {"maxValue":9.5,"maxValueIncluded":true,"minValue":0,"minValueIncluded":false,"name":"hauteurs","type":"range"}"#
        );
        assert_eq!(said("n"), r#"domain {"codedValues":{"1":"église","2":null},"name":"natures","type":"coded"}"#);
        assert_eq!(said("p"), r#"domain {"glob":"[A-Z]*","name":"noms","type":"glob"}"#);
        assert_eq!(said("j"), "ARROW:extension:metadata ; ARROW:extension:name arrow.json; mime_type application/json");
    }
}
