//! Which rings of a polygon are outer, and which are holes in which.
//!
//! Outer rings run clockwise, holes counter-clockwise (ESRI, "Polygon"). Files do not say to which outer ring a hole
//! belongs: it is the smallest of those it lies in.

use std::ops::Range;

/// Positions of x and y as they are in the file.
pub(super) type Positions<'a> = &'a [[u8; 16]];

/// A ring of a polygon.
#[derive(Debug, Clone)]
pub(super) struct Ring {
    /// Its positions among those of the shape.
    pub(super) range: Range<usize>,
    /// The ring that it is a hole in; `None` for an outer ring.
    pub(super) outer: Option<usize>,
}

/// Where a position is with respect to a ring.
#[derive(Debug, PartialEq)]
enum Side {
    Inside,
    Outside,
    Boundary,
}

/// What has to be known of a ring to find its place.
struct Extent {
    xmin: f64,
    ymin: f64,
    xmax: f64,
    ymax: f64,
    /// Twice the area, above zero where it runs counter-clockwise.
    area: f64,
}

impl Extent {
    fn of(ring: Positions<'_>) -> Self {
        let infinity = f64::INFINITY;
        let mut extent = Self { xmin: infinity, ymin: infinity, xmax: -infinity, ymax: -infinity, area: 0.0 };
        // Relative to the first position: far from the origin the products would drown the area.
        let (x0, y0) = ring.first().map_or((0.0, 0.0), position);
        let (mut previous_x, mut previous_y) = ring.last().map_or((0.0, 0.0), position);
        (previous_x, previous_y) = (previous_x - x0, previous_y - y0);
        for (x, y) in ring.iter().map(position) {
            extent.xmin = extent.xmin.min(x);
            extent.ymin = extent.ymin.min(y);
            extent.xmax = extent.xmax.max(x);
            extent.ymax = extent.ymax.max(y);
            let (x, y) = (x - x0, y - y0);
            extent.area += previous_x * y - x * previous_y;
            (previous_x, previous_y) = (x, y);
        }
        extent
    }

    fn is_clockwise(&self) -> bool {
        self.area < 0.0
    }

    fn contains(&self, other: &Self) -> bool {
        self.xmin <= other.xmin && self.ymin <= other.ymin && self.xmax >= other.xmax && self.ymax >= other.ymax
    }
}

fn position(bytes: &[u8; 16]) -> (f64, f64) {
    let ([x, ..], _) = bytes.as_chunks::<8>() else { return (f64::NAN, f64::NAN) };
    let y = bytes.last_chunk().copied().unwrap_or_default();
    (f64::from_le_bytes(*x), f64::from_le_bytes(y))
}

/// Sets the outer ring of each hole. Outer rings stay without.
pub(super) fn find_outer_rings(rings: &mut [Ring], positions: Positions<'_>) {
    if rings.len() < 2 {
        return;
    }
    let part = |range: &Range<usize>| positions.get(range.clone()).unwrap_or_default();
    let extents: Vec<Extent> = rings.iter().map(|ring| Extent::of(part(&ring.range))).collect();
    if extents.iter().all(Extent::is_clockwise) {
        return;
    }
    // From the smallest to the largest: the first around a hole is its own.
    let mut outer: Vec<(&Extent, usize, Range<usize>)> = extents
        .iter()
        .zip(rings.iter())
        .enumerate()
        .filter(|(_, (extent, _))| extent.is_clockwise())
        .map(|(index, (extent, ring))| (extent, index, ring.range.clone()))
        .collect();
    outer.sort_by(|(left, ..), (right, ..)| right.area.total_cmp(&left.area));
    for (ring, extent) in rings.iter_mut().zip(&extents) {
        if !extent.is_clockwise() {
            let hole = part(&ring.range);
            let around = outer.iter().find(|(other, _, range)| other.contains(extent) && lies_in(hole, part(range)));
            ring.outer = around.map(|(_, index, _)| *index);
        }
    }
}

/// Whether a ring lies in another. Its first position, or middle of a side, that is not on the boundary decides; if there is
/// none, it is the same ring, and fills the other.
fn lies_in(hole: Positions<'_>, outer: Positions<'_>) -> bool {
    let middle = |sides: &[[u8; 16]]| {
        let ((x1, y1), (x2, y2)) = (sides.first().map(position)?, sides.last().map(position)?);
        Some((x1 / 2.0 + x2 / 2.0, y1 / 2.0 + y2 / 2.0))
    };
    let corners = hole.iter().map(position);
    let middles = hole.windows(2).filter_map(middle);
    corners.chain(middles).map(|point| side(point, outer)).find(|side| *side != Side::Boundary) != Some(Side::Outside)
}

fn side((x, y): (f64, f64), ring: Positions<'_>) -> Side {
    let mut inside = false;
    let (mut x1, mut y1) = ring.last().map_or((0.0, 0.0), position);
    for (x2, y2) in ring.iter().map(position) {
        let within = x1.min(x2) <= x && x <= x1.max(x2) && y1.min(y2) <= y && y <= y1.max(y2);
        let turn = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1);
        if within && turn == 0.0 {
            return Side::Boundary;
        }
        // A side counts where it crosses the height of the point, upwards or downwards, to the right of the point.
        if (y1 > y) != (y2 > y) && ((turn > 0.0) == (y2 > y1)) {
            inside = !inside;
        }
        (x1, y1) = (x2, y2);
    }
    if inside { Side::Inside } else { Side::Outside }
}
