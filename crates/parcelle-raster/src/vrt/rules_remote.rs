//! Rules about sources that are no plain files: on a network, in an archive, in a database, or something that no VRT
//! should name.

use parcelle_report::{Finding, Findings, Group, Location, Rule, Severity};

use super::Subject;
use super::model::{Dataset, FileReference, Reference};
use super::rules_window::{name, place};
use super::shorten::shorten;

/// A source on a network.
pub(crate) static REMOTE: Rule = Rule {
    id: "VRT-SRC-005",
    severity: Severity::Warning,
    title: "A source is on a network",
    why: "The GDAL of GeoServer needs libcurl, its process the credentials in its environment, and every request waits \
          for the network, without a time-out unless one is set. A plain URL (https://...) is worse: GDAL's HTTP driver \
          downloads the whole file at each opening, which is an error.",
    fix: "Set GDAL_DISABLE_READDIR_ON_OPEN=EMPTY_DIR, CPL_VSIL_CURL_ALLOWED_EXTENSIONS and GDAL_HTTP_TIMEOUT for the \
          server; or publish the file with GeoServer's own COG reader.",
    reference: "https://github.com/geosolutions-it/imageio-ext/issues/197; GDAL frmts/http/httpdriver.cpp; \
                doc/source/user/virtual_file_systems.rst",
};

/// A source in an archive.
pub(crate) static ARCHIVE: Rule = Rule {
    id: "VRT-SRC-006",
    severity: Severity::Warning,
    title: "A source is inside an archive",
    why: "Seeking in a compressed member means unpacking from its start. And a path such as /vsizip/a.zip/b.tif begins \
          with a slash, so relativeToVRT does not reach it: GDAL looks for the archive in the working directory of the \
          server, which is an error.",
    fix: "Unpack the archive.",
    reference: "GDAL port/cpl_vsil_gzip.cpp; port/cpl_path.cpp, CPLProjectRelativeFilename; measured with GDAL 3.6.2 and \
                3.12.2",
};

/// A connection string.
pub(crate) static CONNECTION: Rule = Rule {
    id: "VRT-SRC-028",
    severity: Severity::Warning,
    title: "A source is a connection string, or has an open option that its driver does not know",
    why: "The driver must be in the GDAL of GeoServer, the service must answer at every request, and whoever can read \
          the VRT can read the credentials in it: with such it is an error. Open options that a driver does not know \
          are ignored with a warning that nobody sees.",
    fix: "Write the data to a file once: gdal_translate.",
    reference: "GDAL frmts/vrt/vrtsources.cpp, VRTSimpleSource::OpenSource; gcore/gdaldriver.cpp, \
                GDALValidateOpenOptions",
};

/// Something dangerous.
pub(crate) static DANGEROUS: Rule = Rule {
    id: "VRT-SEC-004",
    severity: Severity::Error,
    title: "A source is an address in memory, standard input, a slice of a file or an encrypted file",
    why: "\"MEM:::DATAPOINTER=\" makes GDAL before 3.10 read at any address: one request kills the whole server. \
          /vsistdin/ reads what the server was started with, /vsisubfile/ shows any part of any file as pixels, \
          /vsicrypt/ carries its key in the name. No honest mosaic needs them.",
    fix: "Remove the source, and restrict who can upload a VRT (REST, importer).",
    reference: "GDAL NEWS of 3.10 (MEM::: is disabled by default); doc/source/user/security.rst; measured: GDAL 3.6.2 \
                ends with SIGBUS",
};

const DANGERS: &[&str] = &["MEM:::", "/vsistdin/", "/vsistdin?", "/vsisubfile/", "/vsicrypt/"];

const NETWORKS: &[&str] = &[
    "/vsicurl/",
    "/vsicurl?",
    "/vsicurl_streaming/",
    "/vsis3/",
    "/vsis3_streaming/",
    "/vsigs/",
    "/vsigs_streaming/",
    "/vsiaz/",
    "/vsiaz_streaming/",
    "/vsiadls/",
    "/vsioss/",
    "/vsioss_streaming/",
    "/vsiswift/",
    "/vsiswift_streaming/",
    "/vsihdfs/",
    "/vsiwebhdfs/",
];

const ARCHIVES: &[&str] = &["/vsizip/", "/vsitar/", "/vsigzip/", "/vsi7z/", "/vsirar/"];

const URLS: &[&str] = &["http://", "https://", "ftp://"];

/// Prefixes of the subdatasets and views of local files, which are no connections.
const SUBDATASETS: &[&str] = &[
    "NETCDF",
    "HDF4_SDS",
    "HDF4_EOS",
    "HDF5",
    "GTIFF_DIR",
    "GTIFF_RAW",
    "GPKG",
    "ZARR",
    "JPEG2000",
    "vrt",
    "DERIVED_SUBDATASET",
    "SENTINEL2_L1B",
    "SENTINEL2_L1C",
    "SENTINEL2_L1C_TILE",
    "SENTINEL2_L2A",
    "SENTINEL1_CALIB",
    "BAG",
    "PDF",
    "NITF_IM",
    "GTI",
    "TIFF",
    "RASTERLITE",
    "AVIF",
    "DIMAP",
    "S102",
    "S104",
    "S111",
    "RADARSAT_2_CALIB",
    "NUMPY",
];

/// What in a connection string is a secret.
const SECRETS: &[&str] = &["password=", "passwd=", "pwd=", "token=", "secret=", "apikey=", "api_key=", "access_key"];

/// The scheme of a source that is no plain file: what the rules, and the prediction of the outcome, tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme<'a> {
    Plain,
    Danger(&'a str),
    Url(&'a str),
    Network(&'a str),
    Archive,
    /// The prefix before the colon, or `<` for XML in place of a name.
    Connection(&'a str),
    Other,
}

/// Tells what a path is. A file system may stand inside another: `/vsizip//vsisubfile/...`.
pub(super) fn scheme(path: &str) -> Scheme<'_> {
    let starts = |path: &str, word: &str| path.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let of_list = |path: &str, words: &[&'static str]| words.iter().copied().find(|word| starts(path, word));
    if path.starts_with("/vsi") {
        let inside = || path.match_indices("/vsi").filter_map(|(at, _)| path.get(at..));
        if let Some(danger) = inside().find_map(|path| of_list(path, DANGERS)) {
            return Scheme::Danger(danger);
        }
        if let Some(network) = inside().find_map(|path| of_list(path, NETWORKS)) {
            return Scheme::Network(network);
        }
        return if of_list(path, ARCHIVES).is_some() { Scheme::Archive } else { Scheme::Other };
    }
    if path.starts_with('<') || path.starts_with('{') {
        return match starts(path, "<VRTDataset") {
            true => Scheme::Other,
            false => Scheme::Connection(path.get(..1).unwrap_or_default()),
        };
    }
    let Some((prefix, _)) = path.split_once(':') else { return Scheme::Plain };
    if let Some(danger) = of_list(path, DANGERS) {
        return Scheme::Danger(danger);
    }
    if let Some(url) = of_list(path, URLS) {
        return Scheme::Url(url);
    }
    if !super::references::is_prefix(prefix) {
        return Scheme::Plain;
    }
    match SUBDATASETS.iter().any(|known| known.eq_ignore_ascii_case(prefix)) {
        true => Scheme::Other,
        false => Scheme::Connection(prefix),
    }
}

/// Whether a connection string carries a secret.
fn has_secret(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    // user:word@host
    let of_user = lower.split_once("://").is_some_and(|(_, rest)| {
        rest.split('/').next().and_then(|host| host.split_once('@')).is_some_and(|(user, _)| user.contains(':'))
    });
    of_user || SECRETS.iter().any(|secret| lower.contains(secret))
}

/// The path without what it tells in confidence.
fn without_secrets(path: &str) -> String {
    let lower = path.to_ascii_lowercase();
    let first = SECRETS.iter().filter_map(|secret| lower.find(secret).map(|at| at + secret.len())).min();
    match first.and_then(|end| path.get(..end)) {
        Some(before) => shorten(&format!("{before}...")),
        None => shorten(path),
    }
}

/// Tests the rules of this file.
pub(super) fn check(subject: &Subject<'_>, dataset: &Dataset, findings: &mut Findings) {
    let references = dataset.references();
    let total = subject.distinct_sources(dataset);
    let file = subject.file();
    let mut groups: [Group; 7] = Default::default();
    let [dangers, urls, networks, archives, lost_archives, connections, file_urls] = &mut groups;
    let mut secret = None;
    for reference in &references {
        let path = &reference.file.path;
        let here = || location(reference);
        match scheme(path) {
            Scheme::Plain | Scheme::Other => {}
            Scheme::Danger(_) => dangers.add(path, here),
            Scheme::Url(_) => urls.add(path, here),
            Scheme::Network(_) => networks.add(path, here),
            Scheme::Archive if is_relative_archive(path) => lost_archives.add(path, here),
            Scheme::Archive => archives.add(path, here),
            Scheme::Connection(prefix) if prefix.eq_ignore_ascii_case("file") => file_urls.add(path, here),
            Scheme::Connection(_) if has_secret(path) => {
                secret.get_or_insert(*reference);
                connections.add(path, here);
            }
            Scheme::Connection(_) => connections.add(path, here),
        }
    }
    let settings = format!(
        "For the server of {file}: GDAL_DISABLE_READDIR_ON_OPEN=EMPTY_DIR GDAL_HTTP_TIMEOUT=10 \
         CPL_VSIL_CURL_ALLOWED_EXTENSIONS=.tif,.vrt; or publish the files with GeoServer's COG reader."
    );
    let mut tell = |group: &Group, rule: &'static Rule, severity, one: &str, many: &str, rest: &str, fix: String| {
        if let Some(sentence) = group.sentence("source", total, one, many) {
            let make = || Finding::new(rule, format!("{sentence}: {rest}.")).severity(severity).fix(fix);
            findings.extend(group.finding(make));
        }
    };
    let remove = format!("Remove it from {file}, and restrict who can upload a VRT.");
    let (one, many) = ("is no file of a mosaic", "are no files of a mosaic");
    let rest = "memory of the process, standard input, a slice of a file or an encrypted one";
    tell(dangers, &DANGEROUS, Severity::Error, one, many, rest, remove);
    let (one, many) = ("is a file: URL", "are file: URLs");
    let plain = format!("Write the path alone in {file}, relative to the VRT, with relativeToVRT=\"1\".");
    tell(file_urls, &CONNECTION, Severity::Error, one, many, "GDAL takes it for a name and finds nothing", plain);
    let curl = format!("Write /vsicurl/ before the URL in {file}, so that only what is needed is read. {settings}");
    let (one, many) = ("is a plain URL", "are plain URLs");
    tell(urls, &REMOTE, Severity::Error, one, many, "GDAL downloads the whole file each time it is opened", curl);
    let (one, many) = ("is on a network", "are on a network");
    let rest = "the GDAL of GeoServer needs libcurl, its process the credentials, and a time-out";
    tell(networks, &REMOTE, Severity::Warning, one, many, rest, settings.clone());
    let unpack = format!("Unpack the archive beside {file}, and name the files in it with relativeToVRT=\"1\".");
    let (one, many) = ("is inside an archive", "are inside archives");
    let rest = "every read unpacks from the start of the member";
    tell(archives, &ARCHIVE, Severity::Warning, one, many, rest, unpack.clone());
    let (one, many) = ("is inside an archive with a relative path", "are inside archives with relative paths");
    let rest = "GDAL looks for the archive in the working directory of the server, whatever relativeToVRT says";
    tell(lost_archives, &ARCHIVE, Severity::Error, one, many, rest, unpack);
    connection(subject, connections, secret.as_ref(), findings);
    open_options(subject, dataset, total, findings);
}

fn location(reference: &Reference<'_>) -> Location {
    Location {
        line: Some(u64::from(reference.file.line)),
        element: Some(reference.element.to_owned()),
        band: reference.band,
        source: Some(without_secrets(&reference.file.path)),
        ..Location::default()
    }
}

/// `/vsizip/a.zip/b.tif`: after the name of the file system no slash and no other file system follows.
fn is_relative_archive(path: &str) -> bool {
    let inner = ARCHIVES.iter().find_map(|word| path.strip_prefix(word));
    inner.is_some_and(|inner| !inner.trim_start_matches('{').starts_with('/'))
}

fn connection(subject: &Subject<'_>, group: &Group, secret: Option<&Reference<'_>>, findings: &mut Findings) {
    let Some(first) = group.first_name() else { return };
    let (severity, credentials, at) = match secret {
        Some(reference) => (Severity::Error, "yes", location(reference)),
        None => (Severity::Warning, "no", group.first_place().cloned().unwrap_or_default()),
    };
    let told = secret.map_or(first, |reference| &reference.file.path);
    let prefix = match scheme(told) {
        Scheme::Connection(prefix) => prefix,
        _ => "",
    };
    let message = format!(
        "Connection string as source ({prefix}); credentials: {credentials}. The service must answer at every request{}.",
        if secret.is_some() { ", and whoever reads the VRT reads them" } else { "" }
    );
    let fix = format!("gdal_translate -of COG {} {}  # and publish that", subject.file(), subject.computed());
    findings.push(Finding::new(&CONNECTION, message).severity(severity).at(at).fix(fix).count(group.count()));
}

/// The open options of GDAL's GeoTIFF driver (`frmts/gtiff/geotiff.cpp`), and those of all drivers.
const TIFF_OPTIONS: &[&str] = &[
    "NUM_THREADS",
    "GEOREF_SOURCES",
    "SPARSE_OK",
    "IGNORE_COG_LAYOUT_BREAK",
    "COLOR_TABLE_MULTIPLIER",
    "OVERVIEW_LEVEL",
];

fn open_options(subject: &Subject<'_>, dataset: &Dataset, total: u64, findings: &mut Findings) {
    let is_tiff = |file: &FileReference| {
        let lower = file.path.to_ascii_lowercase();
        lower.ends_with(".tif") || lower.ends_with(".tiff")
    };
    let mut group = Group::new();
    let mut unknown = None;
    for (band, source) in dataset.sources() {
        if !source.files.iter().any(is_tiff) {
            continue;
        }
        // Names that begin with @ are internal and never validated.
        let mut options = source.open_options().iter().filter(|option| !option.name.starts_with('@'));
        if let Some(option) =
            options.find(|option| !TIFF_OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(&option.name)))
        {
            unknown.get_or_insert(option);
            group.add(&name(source), || place(band, option.line, source, "/OpenOptions/OOI"));
        }
    }
    let (Some(option), Some(sentence)) =
        (unknown, group.sentence("source", total, "has an unknown open option", "have an unknown open option"))
    else {
        return;
    };
    let option = shorten(&option.name);
    let message = format!("{sentence} ({option}): GDAL's driver for GeoTIFF ignores it with a warning.");
    let fix = format!("Remove <OOI key=\"{option}\"> from {}, or correct its name.", subject.file());
    findings.extend(group.finding(|| Finding::new(&CONNECTION, message).fix(fix)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_told_apart() {
        for (path, expected) in [
            ("a.tif", Scheme::Plain),
            ("/data/a.tif", Scheme::Plain),
            ("MEM:::DATAPOINTER=1", Scheme::Danger("MEM:::")),
            ("/vsizip//vsisubfile/0_9,a", Scheme::Danger("/vsisubfile/")),
            ("https://x/a.tif", Scheme::Url("https://")),
            ("/vsicurl/https://x/a.tif", Scheme::Network("/vsicurl/")),
            ("/vsizip//vsicurl/https://x/a.zip", Scheme::Network("/vsicurl/")),
            ("/vsizip/a.zip/b.tif", Scheme::Archive),
            ("PG:dbname=x", Scheme::Connection("PG")),
            ("NETCDF:\"a.nc\":v", Scheme::Other),
            ("/vsimem/a", Scheme::Other),
            ("<GDAL_WMS></GDAL_WMS>", Scheme::Connection("<")),
        ] {
            assert_eq!(scheme(path), expected, "{path}");
        }
    }

    #[test]
    fn secrets_are_found_and_kept() {
        assert!(has_secret("PG:dbname=x password=geheim") && has_secret("WMS:https://me:word@x/wms"));
        assert!(!has_secret("WMS:https://x/wms?LAYERS=a@b"));
        assert!(!without_secrets("PG:dbname=x password=geheim").contains("geheim"));
    }

    #[test]
    fn archives_are_relative_without_a_second_slash() {
        assert!(is_relative_archive("/vsizip/a.zip/b.tif") && is_relative_archive("/vsizip/{a.zip}/b.tif"));
        assert!(!is_relative_archive("/vsizip//data/a.zip/b.tif"));
    }
}
