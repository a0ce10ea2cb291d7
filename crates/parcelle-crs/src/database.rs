//! EPSG codes in the database of PROJ, without GDAL in between: what nearly all files name, and PROJ is loaded in a third of the
//! time that libgdal takes.

use std::ffi::{CStr, CString};
use std::ptr;

use serde_json::Value;

use crate::Authority;
use crate::error::CrsError;
use crate::proj_library as proj;

/// The definition of an EPSG code that is in use; `None` for others, which are left to GDAL: in place of a deprecated one it takes
/// the one that is to be used instead. For all those that are in use it gives the same definition as this.
pub(crate) fn projjson_of_epsg_code(authority: &Authority) -> Result<Option<Value>, CrsError> {
    /// From here on GDAL takes codes for Esri's.
    const FIRST_OF_ESRI: u32 = 53_001;
    let number = authority.code.parse::<u32>().ok();
    let Some(number) = number.filter(|number| authority.name == "EPSG" && *number < FIRST_OF_ESRI) else {
        return Ok(None);
    };
    let Ok(code) = CString::new(number.to_string()) else { return Ok(None) };
    // SAFETY: texts end with a zero byte, and no options are given (null). Context and object live until they are destroyed at
    // the end, once each; both are of this call alone. The text belongs to the object, and is copied before.
    let text = unsafe {
        let context = proj::proj_context_create();
        if context.is_null() {
            return Ok(None);
        }
        proj::proj_log_level(context, proj::SILENT);
        let (name, category) = (c"EPSG".as_ptr(), proj::CATEGORY_CRS);
        let object = proj::proj_create_from_database(context, name, code.as_ptr(), category, 1, ptr::null());
        let mut text = None;
        if !object.is_null() {
            if proj::proj_is_deprecated(object) == 0 {
                let projjson = proj::proj_as_projjson(context, object, ptr::null());
                text = (!projjson.is_null()).then(|| CStr::from_ptr(projjson).to_bytes().to_vec());
            }
            proj::proj_destroy(object);
        }
        proj::proj_context_destroy(context);
        text
    };
    let parsed = text.map(|text| serde_json::from_slice(&text)).transpose();
    parsed.map_err(|error| CrsError::Projjson { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(name: &str, code: &str) -> Authority {
        Authority { name: name.to_owned(), code: code.to_owned() }
    }

    /// `PARCELLE_ALL_CODES` has all of them compared, which takes a minute.
    #[test]
    fn it_is_what_gdal_says() {
        let usual = [2154, 3857, 4171, 4258, 4326, 4979, 5698, 27572, 32631, 2972, 5490, 5720];
        let all = std::env::var_os("PARCELLE_ALL_CODES").map(|_| 2_000..53_001);
        let mut found = 0;
        for code in all.into_iter().flatten().chain(usual) {
            let authority = authority("EPSG", &code.to_string());
            if let Some(projjson) = projjson_of_epsg_code(&authority).unwrap() {
                assert_eq!(crate::proj::projjson_of_code(&authority).unwrap().unwrap(), projjson, "{code}");
                found += 1;
            }
        }
        assert!(found >= usual.len() - 1, "{found}");
    }

    #[test]
    fn others_are_left_to_gdal() {
        for (name, code) in [("EPSG", "999999"), ("EPSG", "53001"), ("EPSG", "x"), ("IGNF", "LAMB93"), ("EPSG", "4902")]
        {
            assert_eq!(projjson_of_epsg_code(&authority(name, code)).unwrap(), None, "{name}:{code}");
        }
    }
}
