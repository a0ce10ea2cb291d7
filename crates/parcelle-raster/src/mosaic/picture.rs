//! A picture of a mosaic: where its files lie, and the holes between them.

use parcelle_report::Outcome;
use parcelle_report::picture::{BoxKind, Map, MapBox, Picture};

use super::granule::Area;
use super::{Mosaic, place, vote};

impl Mosaic {
    /// The rectangles of the files, in the reference system that most of them have; files in another one, and those without
    /// a place, are not drawn. Nothing where no file has a place.
    #[must_use]
    pub fn picture(&self) -> Option<Picture> {
        let (usual, _) = vote::vote(&self.granules, |granule| Some(granule.system))?;
        let bounds = |area: Area| [area.least.0, area.least.1, area.most.0, area.most.1];
        let (mut boxes, mut missing, mut left_out) = (Vec::new(), Vec::new(), 0);
        let mut extent = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        for granule in &self.granules {
            let area = granule.area().filter(|_| granule.system == usual).map(bounds);
            let Some(area) = area.filter(|area| area.iter().all(|edge| edge.is_finite())) else {
                left_out += 1;
                continue;
            };
            extent = [extent[0].min(area[0]), extent[1].min(area[1]), extent[2].max(area[2]), extent[3].max(area[3])];
            let is_unreadable = granule.outcome == Outcome::Fails;
            let (list, kind) =
                if is_unreadable { (&mut missing, BoxKind::Missing) } else { (&mut boxes, BoxKind::Member) };
            if list.len() < Map::MOST_BOXES {
                list.push(MapBox { kind, bounds: area });
            } else {
                left_out += 1;
            }
        }
        boxes.append(&mut missing);
        if boxes.is_empty() {
            return None;
        }
        let holes = place::holes(&self.granules, Map::MOST_BOXES).map(|holes| holes.first).unwrap_or_default();
        boxes.extend(holes.into_iter().map(|area| MapBox { kind: BoxKind::Hole, bounds: bounds(area) }));
        Some(Picture::Map(Map { extent, is_downwards: false, boxes, left_out }))
    }
}
