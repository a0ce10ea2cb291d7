//! What becomes of geometry with curves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parcelle_geometry::{Summary, WkbError, WktError, curved_from_wkt, from_wkt, linearise, normalise};

use crate::error::GeometryReason;

/// What becomes of geometry with curves: it is refused, or made of straight segments and counted.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    count: Option<Arc<AtomicU64>>,
}

impl Curves {
    /// Curves become straight segments of at most 4 degrees each ([`parcelle_geometry::linearise`]).
    #[must_use]
    pub fn linearised() -> Self {
        Self { count: Some(Arc::default()) }
    }

    /// How many geometries with curves have been read so far and made straight.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.as_ref().map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Whether they are taken.
    pub(crate) fn are_taken(&self) -> bool {
        self.count.is_some()
    }

    /// As [`parcelle_geometry::normalise`], with curves made straight where that is wanted.
    pub(crate) fn normalise(&self, wkb: &[u8], out: &mut Vec<u8>) -> Result<Summary, WkbError> {
        match (normalise(wkb, out), &self.count) {
            (Err(WkbError::Curve { .. }), Some(count)) => {
                let summary = linearise(wkb, out)?;
                count.fetch_add(1, Ordering::Relaxed);
                Ok(summary)
            }
            (done, _) => done,
        }
    }

    /// As [`parcelle_geometry::from_wkt`], with curves made straight where that is wanted.
    pub(crate) fn read_wkt(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), GeometryReason> {
        match from_wkt(text, out) {
            Ok(_) => Ok(()),
            Err(WktError::Curve { .. }) if self.are_taken() => {
                let mut curved = Vec::new();
                curved_from_wkt(text, &mut curved)?;
                self.normalise(&curved, out)?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl PartialEq for Curves {
    fn eq(&self, other: &Self) -> bool {
        match (&self.count, &other.count) {
            (None, None) => true,
            (Some(count), Some(other)) => Arc::ptr_eq(count, other),
            _ => false,
        }
    }
}
