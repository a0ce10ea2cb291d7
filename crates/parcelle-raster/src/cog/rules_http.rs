//! `COG-HTTP`: what the server makes of the file.

use parcelle_report::{Finding, Rule, Severity};

use super::Parsed;

pub(crate) static NO_RANGE: Rule = Rule {
    id: "COG-HTTP-001",
    severity: Severity::Error,
    title: "The server does not answer ranges",
    why: "A COG is read in parts. A server that answers a range with the whole file (status 200 instead of 206) makes every \
          reader fetch all of it for each tile; GeoServer's reader takes the first bytes of the file for those of the tile, \
          which fails, or shows wrong pixels where the file is not compressed.",
    fix: "Enable byte ranges: web servers have them for files, but not for what a script, a compression (gzip) or a cache \
          before them passes on",
    reference: "OGC 21-026 /req/http-range/range; RFC 9110 section 14.2; imageio-ext AsyncHttpCallback line 53",
};

pub(crate) static NO_CORS: Rule = Rule {
    id: "COG-HTTP-002",
    severity: Severity::Warning,
    title: "Web pages of other origins may not read ranges",
    why: "A browser asks the server (OPTIONS) before it sends a range for a page of another origin. Without \
          Access-Control-Allow-Origin and Access-Control-Allow-Headers: range, maps in web pages (OpenLayers, geotiff.js) \
          cannot read the file. Programs, such as GeoServer and GDAL, do not ask.",
    fix: "Answer OPTIONS with Access-Control-Allow-Origin: *, Access-Control-Allow-Headers: Range and \
          Access-Control-Allow-Methods: GET, and every answer with the first and Access-Control-Expose-Headers: Content-Range",
    reference: "OGC 21-026 /req/http-range/https-headers; Fetch standard, CORS protocol",
};

pub(crate) static CONTENT_TYPE: Rule = Rule {
    id: "COG-HTTP-003",
    severity: Severity::Info,
    title: "The media type does not say that it is a COG",
    why: "Catalogues and harvesters tell what a link is by its media type. Readers of rasters look at the bytes.",
    fix: "Content-Type: image/tiff; application=geotiff; profile=cloud-optimized",
    reference: "OGC 21-026 /rec/media-type/media-type",
};

pub(crate) static REQUESTS: Rule = Rule {
    id: "COG-HTTP-004",
    severity: Severity::Info,
    title: "Many requests until the first tile",
    why: "Each request that has to wait for the answer to the one before costs a way to the server and back. A COG whose \
          directories and index lie together at its beginning needs three at the most, and one for the tile.",
    fix: "See what COG-IFD and COG-HDR rules say of the file",
    reference: "OGC 21-026 clause 6; GDAL COG driver, File format details",
};

/// Requests for the header of a file whose directories and index lie together.
const FEW_REQUESTS: u64 = 3;
const MEDIA_TYPE: [&str; 3] = ["image/tiff", "application=geotiff", "profile=cloud-optimized"];

/// What a server said of a file and of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Whether it answers ranges.
    pub ranges: bool,
    /// For what others are to read by its URL; `None` for objects that are read through an interface of their own.
    pub published: Option<Published>,
}

/// What a server says to those who do not know the file yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Access-Control-Allow-Origin`, when asked for a range from another origin.
    pub allow_origin: Option<String>,
    /// `Access-Control-Allow-Headers`, when asked so.
    pub allow_headers: Option<String>,
}

/// Judges how a file is served. `parsed` is what was read of it, if anything could be.
#[must_use]
pub fn check_served(served: &Served, parsed: Option<&Parsed>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !served.ranges {
        let message = "The server answers a range with the whole file (status 200, not 206)";
        findings.push(Finding::new(&NO_RANGE, message));
    }
    if let Some(published) = &served.published {
        findings.extend(cross_origin(published));
        findings.extend(content_type(published));
    }
    if let Some(parsed) = parsed.filter(|_| served.ranges) {
        let (requests, bytes) = parsed.spent();
        if requests > FEW_REQUESTS {
            let message = format!(
                "{requests} requests and {bytes} bytes were needed to find the first tile (measured), one more for it"
            );
            findings.push(Finding::new(&REQUESTS, message));
        }
    }
    findings
}

fn cross_origin(published: &Published) -> Option<Finding> {
    let names =
        |list: &str| list.split(',').map(str::trim).any(|name| name == "*" || name.eq_ignore_ascii_case("range"));
    let message = match (&published.allow_origin, &published.allow_headers) {
        (Some(_), Some(list)) if names(list) => return None,
        (Some(_), Some(list)) => format!("Access-Control-Allow-Headers is {list:?}, without range"),
        (Some(_), None) => "No Access-Control-Allow-Headers: range".to_owned(),
        (None, _) => "No Access-Control-Allow-Origin when asked for a range from another origin".to_owned(),
    };
    Some(Finding::new(&NO_CORS, format!("{message}: web pages of other origins cannot read it")))
}

fn content_type(published: &Published) -> Option<Finding> {
    let found = published.content_type.as_deref().unwrap_or_default();
    let parts: Vec<String> =
        found.split(';').map(|part| part.trim().replace(['"', ' '], "").to_ascii_lowercase()).collect();
    if MEDIA_TYPE.iter().all(|part| parts.iter().any(|found| found == part)) {
        return None;
    }
    let message =
        if found.is_empty() { "There is no Content-Type".to_owned() } else { format!("Content-Type is {found}") };
    Some(Finding::new(&CONTENT_TYPE, format!("{message}; it should be {}", MEDIA_TYPE.join("; "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(served: &Served) -> Vec<&'static str> {
        check_served(served, None).iter().map(|finding| finding.rule.id).collect()
    }

    #[test]
    fn each_defect_is_told_and_nothing_else() {
        let good = Published {
            content_type: Some("image/tiff; application=geotiff; profile=cloud-optimized".to_owned()),
            allow_origin: Some("*".to_owned()),
            allow_headers: Some("Authorization, Range".to_owned()),
        };
        let served = |published: Published| Served { ranges: true, published: Some(published) };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(ids(&served(good.clone())), [""; 0]);
        assert_eq!(ids(&Served { ranges: true, published: None }), [""; 0]);
        assert_eq!(ids(&Served { ranges: false, published: Some(good.clone()) }), ["COG-HTTP-001"]);
        for (published, rule) in [
            (Published { allow_origin: None, ..good.clone() }, "COG-HTTP-002"),
            (Published { allow_headers: None, ..good.clone() }, "COG-HTTP-002"),
            (Published { allow_headers: text("x-range"), ..good.clone() }, "COG-HTTP-002"),
            (Published { content_type: None, ..good.clone() }, "COG-HTTP-003"),
            (Published { content_type: text("image/tiff"), ..good.clone() }, "COG-HTTP-003"),
        ] {
            assert_eq!(ids(&served(published.clone())), [rule], "{published:?}");
        }
        let quoted = "IMAGE/TIFF;profile=\"cloud-optimized\"; application=geotiff";
        assert_eq!(ids(&served(Published { content_type: text(quoted), allow_headers: text("*"), ..good })), [""; 0]);
    }
}
