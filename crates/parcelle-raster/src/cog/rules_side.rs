//! Files beside the raster that a remote client never sees.

use std::io;
use std::path::Path;

use parcelle_report::{Finding, Rule, Severity};

use crate::shell::quoted;

pub(crate) static SIDE_FILE: Rule = Rule {
    id: "COG-FILE-006",
    severity: Severity::Info,
    title: "A file beside the raster is not read by remote clients",
    why: "GDAL reads georeferencing, statistics and metadata also from .aux.xml and world files in the same folder. A \
          client that is given one URL does not have them, so the same raster means something else over HTTP.",
    fix: "Bake it in: gdal_translate IN.tif OUT.tif -of COG",
    reference: "GDAL GTiff driver, Georeferencing; GDAL Persistent Auxiliary Metadata",
};

pub(crate) static EXTERNAL_MASK: Rule = Rule {
    id: "COG-MSK-004",
    severity: Severity::Warning,
    title: "The mask is in an external .msk file",
    why: "A client that is given the URL of the raster does not look for a .msk beside it: what is masked locally shows \
          as black or as arbitrary values over HTTP.",
    fix: "gdal_translate IN.tif OUT.tif -of COG (writes the mask inside)",
    reference: "GDAL RFC 15 (band masks); GDAL COG driver",
};

pub(crate) static EXTERNAL_OVERVIEWS: Rule = Rule {
    id: "COG-OVR-002",
    severity: Severity::Error,
    title: "The overviews are in an external .ovr file",
    why: "The overviews of a COG are in the file itself. From a URL, clients do not see the .ovr and read the full \
          resolution for every small picture; GDAL's validator refuses the file.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co OVERVIEWS=AUTO (takes the levels of the .ovr in)",
    reference: "OGC 21-026 /req/geotiff-overviews/overviews",
};

/// Looks for files beside a local raster that change what it means there and are not part of it: external overviews,
/// external masks, metadata and world files.
///
/// # Errors
/// What the operating system says when the folder cannot be searched.
pub fn check_side_files(path: &Path) -> io::Result<Vec<Finding>> {
    let input = quoted(path);
    let output = quoted(path.with_extension("cog.tif"));
    let mut findings = Vec::new();
    for (rule, candidates) in [
        (&EXTERNAL_OVERVIEWS, vec![appended(path, ".ovr"), appended(path, ".OVR")]),
        (&EXTERNAL_MASK, vec![appended(path, ".msk"), appended(path, ".MSK")]),
        (&SIDE_FILE, vec![appended(path, ".aux.xml")]),
        (&SIDE_FILE, ["tfw", "TFW", "tifw", "tiffw", "wld"].map(|extension| path.with_extension(extension)).into()),
    ] {
        for candidate in candidates {
            if !candidate.try_exists()? {
                continue;
            }
            let name = candidate.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let message = match rule.id {
                "COG-OVR-002" => format!("Overviews are in the external file {name}, which remote clients do not read"),
                "COG-MSK-004" => format!("The mask is in the external file {name}, which remote clients do not read"),
                _ => format!("The file {name} beside the raster is not read by remote clients"),
            };
            let fix = format!("gdal_translate {input} {output} -of COG -co OVERVIEWS=AUTO");
            findings.push(Finding::new(rule, message).fix(fix));
            break;
        }
    }
    Ok(findings)
}

fn appended(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dem.tif");
        assert_eq!(check_side_files(&path).unwrap(), []);
        for name in ["dem.tif.ovr", "dem.tif.msk", "dem.tif.aux.xml", "dem.tfw"] {
            std::fs::write(directory.path().join(name), b"").unwrap();
        }
        let ids: Vec<&str> = check_side_files(&path).unwrap().iter().map(|finding| finding.rule.id).collect();
        assert_eq!(ids, ["COG-OVR-002", "COG-MSK-004", "COG-FILE-006", "COG-FILE-006"]);
    }
}
