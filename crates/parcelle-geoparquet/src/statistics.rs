//! What the footer says of a geometry column: exact types and extent.

use std::collections::BTreeSet;

use parcelle_geometry::{Bounds, GeometryKind, GeometryType, Summary};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use parquet::geospatial::bounding_box::BoundingBox;
use parquet::geospatial::statistics::GeospatialStatistics;

use crate::column::Chunk;

/// Types and extent of any number of geometries. Merging is commutative, so the order of row groups does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GeometryStatistics {
    pub(crate) types: BTreeSet<GeometryType>,
    pub(crate) bounds: Bounds,
    /// Geometries with a ring that is not closed.
    pub(crate) open: u64,
    /// Geometries with an ordinate that is infinite.
    pub(crate) infinite: u64,
}

impl GeometryStatistics {
    pub(crate) fn add(&mut self, summary: &Summary) {
        self.bounds.extend(&summary.bounds);
        self.open += u64::from(summary.has_open_ring);
        self.infinite += u64::from(summary.bounds.is_infinite());
        // A set lookup per row costs more than the whole walk of a small geometry; runs of one type are the rule.
        if self.types.last() != Some(&summary.geometry_type) {
            self.types.insert(summary.geometry_type);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.bounds.extend(&other.bounds);
        self.open += other.open;
        self.infinite += other.infinite;
        self.types.extend(other.types);
    }

    /// Whether there are positions only, and no edges between them.
    pub(crate) fn is_of_points(&self) -> bool {
        self.types.iter().all(|found| matches!(found.kind, GeometryKind::Point | GeometryKind::MultiPoint))
    }

    /// The geospatial statistics of Parquet: without a box where there is no position, or where the positions do not
    /// bound the edges.
    pub(crate) fn geospatial(&self, planar: bool) -> GeospatialStatistics {
        let box_of_positions = self.bounds.x().zip(self.bounds.y()).filter(|_| planar || self.is_of_points());
        let bbox = box_of_positions.map(|(x, y)| {
            let mut bbox = BoundingBox::new(x.0, x.1, y.0, y.1);
            if let Some((low, high)) = self.bounds.z() {
                bbox = bbox.with_zrange(low, high);
            }
            if let Some((low, high)) = self.bounds.m() {
                bbox = bbox.with_mrange(low, high);
            }
            bbox
        });
        let codes: Vec<_> = self.types.iter().filter_map(|found| i32::try_from(found.iso_code()).ok()).collect();
        GeospatialStatistics::new(bbox, (!codes.is_empty()).then_some(codes))
    }
}

/// Puts what is known of a chunk of WKB into its metadata. The encoder computes nothing for such a column: the least and
/// greatest WKB mean nothing, and it would walk each geometry once more for its box.
pub(crate) fn describe(
    chunk: &mut Chunk,
    nulls: u64,
    geospatial: Option<GeospatialStatistics>,
) -> Result<(), ParquetError> {
    let close = chunk.close_mut();
    let mut builder = close.metadata.clone().into_builder();
    builder = builder.set_statistics(Statistics::new::<ByteArray>(None, None, None, Some(nulls), false));
    if let Some(geospatial) = geospatial.filter(|known| *known != GeospatialStatistics::default()) {
        builder = builder.set_geo_statistics(Box::new(geospatial));
    }
    close.metadata = builder.build()?;
    Ok(())
}
