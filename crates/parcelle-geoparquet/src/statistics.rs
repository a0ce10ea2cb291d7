//! What the footer says of a geometry column: exact types and extent.

use std::collections::BTreeSet;

use parcelle_geometry::{Bounds, GeometryType, Summary};

/// Types and extent of any number of geometries. Merging is commutative, so the order of row groups does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GeometryStatistics {
    pub(crate) types: BTreeSet<GeometryType>,
    pub(crate) bounds: Bounds,
}

impl GeometryStatistics {
    pub(crate) fn add(&mut self, summary: &Summary) {
        self.bounds.extend(&summary.bounds);
        // A set lookup per row costs more than the whole walk of a small geometry; runs of one type are the rule.
        if self.types.last() != Some(&summary.geometry_type) {
            self.types.insert(summary.geometry_type);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.bounds.extend(&other.bounds);
        self.types.extend(other.types);
    }
}
