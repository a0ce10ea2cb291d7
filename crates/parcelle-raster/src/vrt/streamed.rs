//! GDALG: a JSON document with a command line of GDAL's algorithms, which GDAL 3.11 and newer runs whenever the file is
//! opened. It stands where a VRT stood before, and is mistaken for one; it is recognised here, and never run.

use std::io;

use parcelle_storage::ByteSource;
use serde_json::Value;

/// The first GDAL with the driver.
pub(crate) const SINCE: (u32, u32) = (3, 11);

/// Bytes read of such a file; a command line has some hundreds.
const BYTES: u64 = 1 << 20;

/// What a GDALG says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamedAlgorithm {
    /// Its command line; `Err` tells why GDAL refuses the file.
    pub(crate) command: Result<String, &'static str>,
}

impl StreamedAlgorithm {
    /// Whether its result is a vector layer.
    pub(crate) fn is_vector(&self) -> bool {
        let words = self.command.as_ref().map(|command| command.split_whitespace());
        words.is_ok_and(|mut words| words.nth(1) == Some("vector"))
    }
}

/// Whether the first bytes are those of a GDALG: a JSON object whose type says so.
pub(crate) fn is_streamed_algorithm(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches(['\u{FEFF}', ' ', '\t', '\r', '\n']);
    let says_so = |at: usize| {
        let before = text.get(..at).unwrap_or_default().trim_end();
        before.strip_suffix(':').is_some_and(|before| before.trim_end().ends_with("\"type\""))
    };
    text.starts_with('{') && text.match_indices("\"gdal_streamed_alg\"").any(|(at, _)| says_so(at))
}

/// Reads the command line.
///
/// # Errors
/// What the operating system says.
pub(crate) fn read(source: &dyn ByteSource) -> io::Result<StreamedAlgorithm> {
    if source.len() > BYTES {
        return Ok(StreamedAlgorithm { command: Err("it is longer than 1 MB") });
    }
    let mut bytes = vec![0; usize::try_from(source.len()).unwrap_or_default()];
    let mut filled = 0;
    while let Some(free) = bytes.get_mut(filled..).filter(|free| !free.is_empty()) {
        match source.read_at(filled as u64, free)? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let command = match serde_json::from_slice::<Value>(text) {
        Err(_) => Err("it is no well-formed JSON"),
        Ok(value) if value.get("type").and_then(Value::as_str) != Some("gdal_streamed_alg") => {
            Err("its type is another one")
        }
        Ok(value) => match value.get("command_line").and_then(Value::as_str) {
            Some(command) if !command.trim().is_empty() => Ok(command.to_owned()),
            _ => Err("it has no command_line"),
        },
    };
    Ok(StreamedAlgorithm { command })
}

#[cfg(test)]
mod tests {
    use parcelle_storage::Memory;

    use super::*;

    #[test]
    fn a_streamed_algorithm_is_known_by_its_type() {
        for own in [
            "{\"type\":\"gdal_streamed_alg\"",
            "\u{FEFF}\n{ \"command_line\": \"gdal raster info\", \"type\" :\n \"gdal_streamed_alg\" }",
        ] {
            assert!(is_streamed_algorithm(own.as_bytes()), "{own}");
        }
        for other in [
            "{\"type\":\"FeatureCollection\",\"name\":\"gdal_streamed_alg\"}",
            "<VRTDataset><!-- \"type\":\"gdal_streamed_alg\" -->",
            "[\"type\",\"gdal_streamed_alg\"]",
        ] {
            assert!(!is_streamed_algorithm(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn the_command_or_what_is_wrong() {
        let command = |text: &str| read(&Memory::new(text)).unwrap().command;
        let whole = "{\"type\":\"gdal_streamed_alg\",\"command_line\":\"gdal vector clip a.gpkg\"}";
        assert_eq!(command(whole), Ok("gdal vector clip a.gpkg".to_owned()));
        assert!(read(&Memory::new(whole)).unwrap().is_vector());
        assert_eq!(command("{\"type\":\"gdal_streamed_alg\"}"), Err("it has no command_line"));
        assert_eq!(command("{\"type\":\"gdal_streamed_alg\","), Err("it is no well-formed JSON"));
        assert_eq!(command(&" ".repeat(2 << 20)), Err("it is longer than 1 MB"));
        let deep = format!("{{\"type\":\"gdal_streamed_alg\",\"a\":{}", "[".repeat(100_000));
        assert_eq!(command(&deep), Err("it is no well-formed JSON"));
    }
}
