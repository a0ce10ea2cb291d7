//! What GDAL knows of columns beside their types: other names, comments, and domains of values (GDAL RFC 34 and GDAL 3.3).

use std::ffi::{CStr, c_char};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use gdal::Dataset;
use gdal::vector::{Layer, LayerAccess};
use gdal_sys::{OGRField, OGRFieldDefnH, OGRFieldDomainH, OGRFieldDomainType, OGRFieldType};
use serde_json::{Map, Value};

use crate::domain::{self, DOMAIN};

/// What GDAL itself says with a field of its Arrow stream, since 3.8, and the key that other readers have for it.
const COMMENT: (&str, &str) = ("GDAL:OGR:comment", "description");

/// A schema of GDAL's Arrow stream with what is known of its columns in the metadata of the fields, under the same keys as
/// those of a GeoPackage: `alias`, `description` and [`DOMAIN`].
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
        texts.extend(domain.map(|domain| (name, DOMAIN, domain)));
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
    let handle = unsafe { gdal_sys::GDALDatasetGetFieldDomain(dataset.c_dataset(), terminated.as_ptr()) };
    if handle.is_null() {
        return None;
    }
    // SAFETY: it is not null; what each of the following asks of it is of its kind.
    let kind = unsafe { gdal_sys::OGR_FldDomain_GetDomainType(handle) };
    match kind {
        OGRFieldDomainType::OFDT_CODED => Some(domain::coded(&name, coded_values(handle))),
        OGRFieldDomainType::OFDT_RANGE => range(&name, handle),
        OGRFieldDomainType::OFDT_GLOB => {
            // SAFETY: as above.
            let glob = text(unsafe { gdal_sys::OGR_GlobFldDomain_GetGlob(handle) });
            Some(domain::glob(&name, glob))
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

/// `None` for moments: GDAL has no text for them.
fn range(name: &str, handle: OGRFieldDomainH) -> Option<String> {
    // SAFETY: the domain is not null.
    let field_type = unsafe { gdal_sys::OGR_FldDomain_GetFieldType(handle) };
    let value = |bound: &OGRField| -> Option<Value> {
        // SAFETY: which member of the union is in use is what the type of the domain's field says.
        unsafe {
            match field_type {
                OGRFieldType::OFTInteger => Some(bound.Integer.into()),
                OGRFieldType::OFTInteger64 => Some(bound.Integer64.into()),
                OGRFieldType::OFTReal => Some(bound.Real.into()),
                _ => None,
            }
        }
    };
    let (mut with_min, mut with_max) = (true, true);
    // SAFETY: the domain is a range, and what is written is a bool that is there; the bound belongs to the domain.
    let min = unsafe { gdal_sys::OGR_RangeFldDomain_GetMin(handle, &mut with_min).as_ref() };
    // SAFETY: as above.
    let max = unsafe { gdal_sys::OGR_RangeFldDomain_GetMax(handle, &mut with_max).as_ref() };
    let (min, max) = (min.map(value), max.map(value));
    if matches!((&min, &max), (Some(None), _) | (_, Some(None))) {
        return None;
    }
    let (min, max) = (min.flatten(), max.flatten());
    Some(domain::range(name, min.map(|value| (value, with_min)), max.map(|value| (value, with_max))))
}

/// A text of GDAL, which says that it is UTF-8; what is not is no text that could be told.
fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: GDAL's texts end with a zero, and stay as they are while the dataset is open.
    unsafe { CStr::from_ptr(pointer) }.to_str().ok().map(str::to_owned)
}
