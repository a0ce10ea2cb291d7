//! What GDAL knows of columns beside their types: other names, comments, and domains of values (GDAL RFC 34 and GDAL 3.3).

use std::ffi::{CStr, c_char};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use gdal::Dataset;
use gdal::vector::{Layer, LayerAccess};
use gdal_sys::{OGRFieldDefnH, OGRFieldDomainH, OGRFieldDomainType, OGRFieldType};
use serde_json::{Map, Value, json};

/// What GDAL itself says with a field of its Arrow stream, since 3.8, and the key that other readers have for it.
const COMMENT: (&str, &str) = ("GDAL:OGR:comment", "description");

/// A schema of GDAL's Arrow stream with what is known of its columns in the metadata of the fields, under the same keys as
/// those of a GeoPackage: `alias`, `description` and `domain`, which is JSON in the words of `ogrinfo -json`.
pub(super) fn described(source: &Schema, dataset: &Dataset, layer: &Layer<'_>) -> SchemaRef {
    let texts = texts(dataset, layer);
    let fields = source.fields().iter().map(|field| {
        let of_field = texts.iter().filter(|(name, _, _)| name == field.name());
        let mut found: Vec<(&str, String)> = of_field.map(|(_, key, text)| (*key, text.clone())).collect();
        found.extend(field.metadata().get(COMMENT.0).map(|comment| (COMMENT.1, comment.clone())));
        if found.is_empty() {
            return Arc::clone(field);
        }
        let mut metadata = field.metadata().clone();
        metadata.extend(found.into_iter().map(|(key, text)| (key.to_owned(), text)));
        Arc::new(Field::clone(field).with_metadata(metadata))
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), source.metadata().clone()))
}

/// Name of a column, key and text.
fn texts(dataset: &Dataset, layer: &Layer<'_>) -> Vec<(String, &'static str, String)> {
    let definition = layer.defn();
    let mut texts = Vec::new();
    for (field, number) in definition.fields().zip(0..) {
        let name = field.name();
        let alias = Some(field.alternative_name()).filter(|alias| !alias.is_empty() && *alias != name);
        // SAFETY: the definition is that of a layer that is alive, and a number beyond its fields gives null.
        let handle = unsafe { gdal_sys::OGR_FD_GetFieldDefn(definition.c_defn(), number) };
        let domain = domain_of(dataset, handle);
        texts.extend(alias.map(|alias| (name.clone(), "alias", alias)));
        texts.extend(domain.map(|domain| (name, "domain", domain)));
    }
    texts
}

fn domain_of(dataset: &Dataset, field: OGRFieldDefnH) -> Option<String> {
    if field.is_null() {
        return None;
    }
    // SAFETY: the field is one of a layer of the dataset, and alive with it; the name that it gives is its own.
    let name = text(unsafe { gdal_sys::OGR_Fld_GetDomainName(field) }).filter(|name| !name.is_empty())?;
    let terminated = std::ffi::CString::new(name.as_str()).ok()?;
    // SAFETY: the dataset is open and the name ends with a zero; the domain belongs to the dataset.
    let domain = unsafe { gdal_sys::GDALDatasetGetFieldDomain(dataset.c_dataset(), terminated.as_ptr()) };
    if domain.is_null() {
        return None;
    }
    // SAFETY: it is not null; what each of the following asks of it is of its kind.
    let kind = unsafe { gdal_sys::OGR_FldDomain_GetDomainType(domain) };
    match kind {
        OGRFieldDomainType::OFDT_CODED => {
            let values = coded_values(domain);
            Some(json!({ "name": name, "type": "coded", "codedValues": values }).to_string())
        }
        OGRFieldDomainType::OFDT_RANGE => range(&name, domain),
        OGRFieldDomainType::OFDT_GLOB => {
            // SAFETY: as above.
            let glob = text(unsafe { gdal_sys::OGR_GlobFldDomain_GetGlob(domain) });
            Some(json!({ "name": name, "type": "glob", "glob": glob }).to_string())
        }
        _ => None,
    }
}

fn coded_values(domain: OGRFieldDomainH) -> Map<String, Value> {
    let mut values = Map::new();
    // SAFETY: the domain is one of coded values.
    let mut next = unsafe { gdal_sys::OGR_CodedFldDomain_GetEnumeration(domain) };
    // SAFETY: the list belongs to the domain and ends with an entry whose code is null, beyond which is not gone.
    while let Some(entry) = unsafe { next.as_ref() } {
        let Some(code) = text(entry.pszCode) else { break };
        values.insert(code, text(entry.pszValue).map_or(Value::Null, Value::from));
        // SAFETY: this was not the last entry.
        next = unsafe { next.add(1) };
    }
    values
}

fn range(name: &str, domain: OGRFieldDomainH) -> Option<String> {
    let mut said = Map::from_iter([("name".to_owned(), name.into()), ("type".to_owned(), "range".into())]);
    // SAFETY: the domain is not null.
    let field_type = unsafe { gdal_sys::OGR_FldDomain_GetFieldType(domain) };
    let (mut min_included, mut max_included) = (true, true);
    // SAFETY: the domain is a range, and what is written is a bool that is there; the bound belongs to the domain.
    let min = unsafe { gdal_sys::OGR_RangeFldDomain_GetMin(domain, &mut min_included).as_ref() };
    // SAFETY: as above.
    let max = unsafe { gdal_sys::OGR_RangeFldDomain_GetMax(domain, &mut max_included).as_ref() };
    for (bound, included, key) in [(min, min_included, "minValue"), (max, max_included, "maxValue")] {
        let Some(bound) = bound else { continue };
        // SAFETY: which member of the union is in use is what the type of the domain's field says.
        let value: Value = unsafe {
            match field_type {
                OGRFieldType::OFTInteger => bound.Integer.into(),
                OGRFieldType::OFTInteger64 => bound.Integer64.into(),
                OGRFieldType::OFTReal => bound.Real.into(),
                // Moments: GDAL has no text for them, and no driver that is known here limits them.
                _ => return None,
            }
        };
        said.insert(key.to_owned(), value);
        said.insert(format!("{key}Included"), included.into());
    }
    Some(Value::Object(said).to_string())
}

/// A text of GDAL, which says that it is UTF-8; what is not is no text that could be told.
fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: GDAL's texts end with a zero, and stay as they are while the dataset is open.
    unsafe { CStr::from_ptr(pointer) }.to_str().ok().map(str::to_owned)
}
