//! Versions of GeoServer, and ranges of them.

use std::fmt;

/// A version, such as 2.27.1. Without a patch number it is the newest release of its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    /// 2 in 2.27.1.
    pub major: u16,
    /// 27 in 2.27.1.
    pub minor: u16,
    /// 1 in 2.27.1, where it is given.
    pub patch: Option<u16>,
}

impl Version {
    /// Reads `2.27` or `2.27.1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.').map(|part| part.parse::<u16>().ok());
        let (major, minor) = (parts.next()??, parts.next()??);
        let patch = match parts.next() {
            None => None,
            Some(patch) => Some(patch?),
        };
        parts.next().is_none().then_some(Self { major, minor, patch })
    }

    /// Whether both are of one series, such as 2.27.
    #[must_use]
    pub fn is_of_series(self, other: Self) -> bool {
        (self.major, self.minor) == (other.major, other.minor)
    }

    const fn key(self, open: u16) -> (u16, u16, u16) {
        let patch = match self.patch {
            Some(patch) => patch,
            None => open,
        };
        (self.major, self.minor, patch)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(formatter, ".{patch}"))
    }
}

/// From a first to a last version, both included; an end that is left out is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: Option<Version>,
    pub(super) last: Option<Version>,
}

impl Range {
    pub(super) fn contains(self, version: Version) -> bool {
        let asked = version.key(u16::MAX);
        self.first.is_none_or(|first| first.key(0) <= asked) && self.last.is_none_or(|last| asked <= last.key(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_stands_for_its_newest_release() {
        let version = |text| Version::parse(text).unwrap();
        let until = |text| Range { first: None, last: Version::parse(text) };
        assert!(until("2.26.2").contains(version("2.26.2")) && until("2.26.2").contains(version("2.25")));
        assert!(!until("2.26.2").contains(version("2.26")) && !until("2.26.2").contains(version("3.0")));
        assert!(until("2.28").contains(version("2.28.9")));
        let only = Range { first: Version::parse("2.19.0"), last: Version::parse("2.19.0") };
        assert!(only.contains(version("2.19.0")) && !only.contains(version("2.19")));
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "3", "2.x", "2.27.1.4", "2..1", "-2.1", "2.27."] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        assert_eq!(Version::parse("2.27.1").unwrap().to_string(), "2.27.1");
    }
}
