//! A picture of the mosaic: where the sources of its first band lie, and which of them are not there.

use parcelle_report::picture::{BoxKind, Map, MapBox, Picture};

use super::Context;
use super::open::Opened;

/// The sources of the first band that has some, in pixels of the raster; nothing where none is placed.
pub(super) fn picture(context: &Context<'_>) -> Option<Picture> {
    let (width, height) = context.size?;
    let first = context.survey.uses.first()?.band;
    let mut map =
        Map { extent: [0.0, 0.0, width as f64, height as f64], is_downwards: true, boxes: Vec::new(), left_out: 0 };
    let mut missing = Vec::new();
    for used in context.survey.uses.iter().filter(|used| used.band == first) {
        let Some([left, top, right, bottom]) = context.target_edges(used) else { continue };
        let clip = |edge: f64, size: i64| edge.clamp(0.0, size as f64);
        let bounds = [clip(left, width), clip(top, height), clip(right, width), clip(bottom, height)];
        let opened = used.target.and_then(|target| context.survey.targets.get(target as usize));
        let is_missing = opened
            .is_some_and(|target| matches!(target.opened, Opened::Absent | Opened::Forbidden(..) | Opened::Failed(_)));
        let boxes = if is_missing { &mut missing } else { &mut map.boxes };
        if boxes.len() < Map::MOST_BOXES {
            boxes.push(MapBox { kind: if is_missing { BoxKind::Missing } else { BoxKind::Source }, bounds });
        } else {
            map.left_out += 1;
        }
    }
    map.boxes.append(&mut missing);
    (!map.boxes.is_empty()).then_some(Picture::Map(map))
}
