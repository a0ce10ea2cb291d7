//! File names in the commands that findings propose, so that an admin can paste them.

pub(crate) use parcelle_report::shell::quoted;

/// What GDAL calls a file, local or behind a URL, and the name, without its ending, of what is made of it: beside a local one,
/// in the working directory for a remote one.
pub(crate) fn names(path: &str) -> (String, &str) {
    let (scheme, rest) = path.split_once("://").unwrap_or_default();
    let prefix = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => Some("/vsicurl/"),
        "s3" => Some("/vsis3/"),
        "gs" => Some("/vsigs/"),
        "az" | "azure" => Some("/vsiaz/"),
        _ => None,
    };
    let (input, local) = match prefix {
        Some("/vsicurl/") => {
            (format!("/vsicurl/{path}"), rest.split(['?', '#']).next().unwrap_or_default().rsplit('/').next())
        }
        Some(prefix) => (format!("{prefix}{rest}"), rest.rsplit('/').next()),
        None => (path.to_owned(), Some(path)),
    };
    let local = local.filter(|name| !name.is_empty()).unwrap_or("raster.tif");
    let stem = [".tiff", ".tif", ".TIFF", ".TIF"].into_iter().find_map(|extension| local.strip_suffix(extension));
    (input, stem.unwrap_or(local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gdal_has_names_for_what_is_behind_urls() {
        for (path, input, stem) in [
            ("dir/my file.tif", "dir/my file.tif", "dir/my file"),
            ("a.data", "a.data", "a.data"),
            ("https://h/d/dem.tif?sig=***&x=a/b", "/vsicurl/https://h/d/dem.tif?sig=***&x=a/b", "dem"),
            ("http://h/wcs?coverage=dem", "/vsicurl/http://h/wcs?coverage=dem", "wcs"),
            ("s3://bucket/d/dem.TIF", "/vsis3/bucket/d/dem.TIF", "dem"),
            ("az://c/dem.tiff", "/vsiaz/c/dem.tiff", "dem"),
        ] {
            assert_eq!(names(path), (input.to_owned(), stem));
        }
    }
}
