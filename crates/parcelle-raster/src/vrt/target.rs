//! Which GDAL a file is judged for.

use parcelle_report::Severity;

/// Major and minor version of GDAL.
pub type GdalVersion = (u32, u32);

/// The newest GDAL that the rules were measured with: what nobody states otherwise is judged by it.
pub const NEWEST_GDAL: GdalVersion = (3, 12);

/// The newest GDAL whose changes the rules know, from its sources. A newer one is judged as if it were this one.
pub const NEWEST_KNOWN_GDAL: GdalVersion = (3, 13);

/// The GDAL that is taken to stand below GeoServer where nobody states one. GeoServer brings none: its extension loads
/// that of the system. The real reader (imageio-ext 2.1) was measured with 3.6.2, that of Debian 12; the user guide
/// speaks of 3.2 and 3.4.
pub const GEOSERVER_GDAL: GdalVersion = (3, 6);

/// What a rule makes of something that GDAL has only since some version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    stated: Option<GdalVersion>,
}

impl Target {
    pub(super) const fn new(stated: Option<GdalVersion>) -> Self {
        Self { stated }
    }

    /// The version that files are judged by.
    pub(super) fn gdal(self) -> GdalVersion {
        self.stated.unwrap_or(NEWEST_GDAL)
    }

    /// Whether it is certain that the target has what came with that version.
    pub(super) fn has(self, since: GdalVersion) -> bool {
        since <= self.gdal()
    }

    /// How bad it is to need a version: an error where the stated one is older, a warning where none is stated and the
    /// GDAL of a server may well be older, and nothing but worth telling elsewhere.
    pub(super) fn need(self, since: GdalVersion) -> Severity {
        match self.stated {
            Some(stated) if since > stated => Severity::Error,
            None if since > GEOSERVER_GDAL => Severity::Warning,
            _ => Severity::Info,
        }
    }

    /// Whether a version is stated.
    pub(super) fn is_stated(self) -> bool {
        self.stated.is_some()
    }

    /// The words for the one who is meant: "GDAL 3.4" or, where none is stated, "an older GDAL".
    pub(super) fn older(self) -> String {
        match self.stated {
            Some((major, minor)) => format!("GDAL {major}.{minor}"),
            None => "an older GDAL".to_owned(),
        }
    }
}

/// "3.12".
pub(super) fn shown((major, minor): GdalVersion) -> String {
    format!("{major}.{minor}")
}

/// Reads "3.12"; a patch number, as in "3.12.2", changes nothing that the rules know of.
#[must_use]
pub fn parse_gdal_version(text: &str) -> Option<GdalVersion> {
    let mut parts = text.trim().split('.');
    let mut number = || parts.next()?.parse::<u16>().ok().map(u32::from);
    let version = (number()?, number()?);
    match parts.next() {
        None => Some(version),
        Some(patch) if parts.next().is_none() && patch.parse::<u16>().is_ok() => Some(version),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_as_bad_as_what_is_known_of_the_target() {
        assert_eq!(Target::new(None).need((3, 5)), Severity::Info);
        assert_eq!(Target::new(None).need((3, 8)), Severity::Warning);
        assert_eq!(Target::new(None).need((3, 13)), Severity::Warning);
        assert_eq!(Target::new(Some((3, 4))).need((3, 5)), Severity::Error);
        assert_eq!(Target::new(Some((3, 12))).need((3, 8)), Severity::Info);
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(parse_gdal_version("3.6"), Some((3, 6)));
        assert_eq!(parse_gdal_version(" 3.12.2"), Some((3, 12)));
        for none in ["", "3", "3.x", "3.6.2.1", "-3.6", "3.6.x"] {
            assert_eq!(parse_gdal_version(none), None, "{none}");
        }
    }
}
