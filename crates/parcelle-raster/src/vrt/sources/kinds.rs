//! What a file that is neither TIFF nor VRT may be, by its first bytes.

/// Whether a file is XML: a description of a service or of other files, which drivers of GDAL follow to wherever it says.
pub(crate) fn is_description(head: &[u8]) -> bool {
    let start = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// What a server sends in place of a file: a page, or an error as XML.
pub(crate) const PAGE: &str = "it is a web page or the error message of a server, saved in place of the file";

/// Whether a file is what [`PAGE`] says, by its first element.
pub(crate) fn is_page(head: &[u8]) -> bool {
    const ROOTS: [&str; 5] = ["html", "error", "exceptionreport", "serviceexceptionreport", "serviceexception"];
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let mut tags = text.split('<').skip(1);
    let Some(first) = tags.find(|tag| !tag.starts_with(['?', '!']) || tag.starts_with("!doctype html")) else {
        return false;
    };
    let name =
        first.split(|end: char| end.is_ascii_whitespace() || matches!(end, '>' | '/')).next().unwrap_or_default();
    let name = name.rsplit(':').next().unwrap_or_default();
    is_description(head) && (first.starts_with("!doctype html") || ROOTS.contains(&name))
}

/// Whether a file is netCDF or HDF: their libraries write to the terminal what they do not like, and most VRTs name one of
/// the arrays inside.
#[cfg(feature = "gdal")]
pub(crate) fn is_container(head: &[u8]) -> bool {
    [&b"CDF"[..], b"\x89HDF", b"\x0e\x03\x13\x01"].iter().any(|magic| head.starts_with(magic))
}

#[cfg(not(feature = "gdal"))]
pub(crate) use without_gdal::{directory, unknown};

/// Without GDAL the first bytes are all there is to judge by.
#[cfg(not(feature = "gdal"))]
mod without_gdal {
    use std::path::Path;

    use super::super::open::Opened;

    /// How raster formats begin that GDAL reads and whose header is text.
    const TEXT: [&str; 18] = [
        "ncols",
        "nrows",
        "dsaa",
        "p1",
        "p2",
        "p3",
        "datasetheader",
        "pds_version",
        "odl_version",
        "ccsd",
        "object",
        "#?radiance",
        "type=",
        "exp ",
        "iris",
        "gmt",
        "uhl1",
        "!",
    ];

    /// A file that only GDAL can tell.
    pub(crate) fn unknown(head: &[u8]) -> Opened {
        if super::is_page(head) {
            return Opened::Failed(super::PAGE.to_owned());
        }
        if super::is_description(head) {
            return Opened::Left("it describes something that GDAL fetches from elsewhere");
        }
        let text = std::str::from_utf8(head)
            .ok()
            .filter(|text| !text.contains(|c: char| c.is_control() && !c.is_whitespace()))
            .map(str::to_ascii_lowercase);
        let text = text.as_deref().map(str::trim_start);
        // Grids of numbers begin with one, sometimes after the names of columns.
        let is_grid = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'))
                || text
                    .lines()
                    .nth(1)
                    .is_some_and(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '-'))
                || TEXT.iter().any(|start| text.starts_with(start))
        };
        match text {
            Some(text) if !is_grid(text) => Opened::Failed("it is text, and no format of rasters begins so".to_owned()),
            _ => Opened::Left("its format needs GDAL, which this build does without"),
        }
    }

    /// A directory, of which some are rasters.
    pub(crate) fn directory(path: &Path) -> Opened {
        let marks = ["hdr.adf", ".zgroup", ".zarray", "zarr.json", "manifest.safe"];
        if marks.iter().any(|mark| path.join(mark).exists()) {
            Opened::Left("its format needs GDAL, which this build does without")
        } else {
            Opened::Failed("it is a directory".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions() {
        assert!(is_description(b"\xEF\xBB\xBF \n<GDAL_WMS>"));
        assert!(!is_description(b"\x89PNG"));
        assert!(!is_page(b"<GDAL_WMS>") && !is_page(b"<?xml version='1.0'?><Error404/>") && !is_page(b"html <error>"));
        for page in [
            &b"<html><body>"[..],
            b"\xEF\xBB\xBF<!DOCTYPE html>\n<p>",
            b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>",
            b"<?xml version=\"1.0\"?><!-- x --><ows:ExceptionReport xmlns:ows='x'>",
        ] {
            assert!(is_page(page), "{}", String::from_utf8_lossy(page));
        }
    }

    #[cfg(not(feature = "gdal"))]
    #[test]
    fn what_is_no_raster_at_all() {
        use super::super::open::Opened;
        assert!(matches!(unknown(b"This is a letter.\nSincerely"), Opened::Failed(_)));
        for head in [&b"\x89PNG\r\n\x1a\n"[..], b"ncols 4\nnrows 4", b"1 2 3\n", b"x y z\n1 2 3", b"\x0e\x03\x13\x01"] {
            assert!(matches!(unknown(head), Opened::Left(_)), "{head:?}");
        }
    }
}
