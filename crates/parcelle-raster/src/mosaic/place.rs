//! Where the files of a mosaic lie to one another: on one another, over one another, beside a hole.

use std::collections::{HashMap, HashSet};

use super::granule::{Area, Granule};

/// Cells of the grid of a mosaic beyond which holes are not looked for.
const MOST_CELLS: u64 = 4_000_000;

/// Pairs of areas that are compared for overlaps before the search is given up.
const MOST_PAIRS: usize = 5_000_000;

/// Share of a pixel by which places may differ that are meant to be the same.
const TOLERANCE: f64 = 0.01;

/// Indices of files that have the same place, reference system and size, in the order of their paths; only where there
/// are several.
pub(super) fn stacks(granules: &[Granule]) -> Vec<Vec<usize>> {
    let mut stacks: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, granule) in granules.iter().enumerate() {
        let (Some(area), Some(placement)) = (granule.area(), granule.placement) else { continue };
        let (width, height) = placement.resolution();
        let rounded = |value: f64, step: f64| (value / (step * TOLERANCE * 2.0)).round().to_bits();
        let place = [rounded(area.least.0, width), rounded(area.most.1, height)];
        let end = [rounded(area.most.0, width), rounded(area.least.1, height)];
        stacks.entry((granule.system, place, end)).or_default().push(index);
    }
    let mut several: Vec<_> = stacks.into_values().filter(|stack| stack.len() > 1).collect();
    several.sort_unstable();
    several
}

/// What lies over what, in part.
#[derive(Debug, Default)]
pub(super) struct Overlaps {
    /// Files that lie over others.
    pub(super) files: HashSet<usize>,
    /// The first pair.
    pub(super) first: Option<(usize, usize)>,
    /// Whether there were too many to look at all.
    pub(super) is_partial: bool,
}

/// Files that lie over one another by more than a pixel, but not on one another.
pub(super) fn overlaps(granules: &[Granule]) -> Overlaps {
    let mut areas: Vec<(usize, Area)> =
        granules.iter().enumerate().filter_map(|(index, granule)| Some((index, granule.area()?))).collect();
    areas.sort_by(|(_, left), (_, right)| left.least.0.total_cmp(&right.least.0));
    let mut found = Overlaps::default();
    let mut open: Vec<(usize, Area)> = Vec::new();
    let mut pairs = 0;
    for (index, area) in areas {
        open.retain(|(_, earlier)| earlier.most.0 > area.least.0);
        for (other, earlier) in &open {
            pairs += 1;
            if pairs > MOST_PAIRS {
                found.is_partial = true;
                return found;
            }
            let (Some(granule), Some(second)) = (granules.get(index), granules.get(*other)) else { continue };
            let Some((width, height)) = granule.placement.map(|placement| placement.resolution()) else { continue };
            let across = area.most.0.min(earlier.most.0) - area.least.0.max(earlier.least.0);
            let down = area.most.1.min(earlier.most.1) - area.least.1.max(earlier.least.1);
            let same = [
                (area.least.0 - earlier.least.0, width),
                (area.most.0 - earlier.most.0, width),
                (area.least.1 - earlier.least.1, height),
                (area.most.1 - earlier.most.1, height),
            ];
            let is_same = same.iter().all(|(distance, pixel)| distance.abs() <= pixel * TOLERANCE);
            if granule.system == second.system && across > width && down > height && !is_same {
                found.files.extend([index, *other]);
                let pair = (index.min(*other), index.max(*other));
                found.first = Some(found.first.map_or(pair, |first| first.min(pair)));
            }
        }
        open.push((index, area));
    }
    found
}

/// The grid that the files lie on, and its empty cells that files surround.
#[derive(Debug)]
pub(super) struct Holes {
    /// Areas of holes, from the top left, at most a few.
    pub(super) first: Vec<Area>,
    /// How many cells are empty and surrounded.
    pub(super) count: u64,
}

/// Looks for holes where at least nine of ten files have one size and lie on one grid.
pub(super) fn holes(granules: &[Granule], most_listed: usize) -> Option<Holes> {
    let areas: Vec<Area> = granules.iter().filter_map(Granule::area).collect();
    let step = |area: &Area| (area.most.0 - area.least.0, area.most.1 - area.least.1);
    let (width, height) = {
        let mut sizes: Vec<(f64, f64)> = areas.iter().map(step).collect();
        sizes.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1)));
        *sizes.get(sizes.len() / 2)?
    };
    let left = areas.iter().map(|area| area.least.0).fold(f64::INFINITY, f64::min);
    let top = areas.iter().map(|area| area.most.1).fold(f64::NEG_INFINITY, f64::max);
    let cell = |area: &Area| {
        let (column, row) = ((area.least.0 - left) / width, (top - area.most.1) / height);
        let is_on_grid = (column - column.round()).abs() < TOLERANCE && (row - row.round()).abs() < TOLERANCE;
        let is_usual =
            (step(area).0 - width).abs() < width * TOLERANCE && (step(area).1 - height).abs() < height * TOLERANCE;
        (is_on_grid && is_usual).then(|| (column.round() as u64, row.round() as u64))
    };
    let cells: HashSet<(u64, u64)> = areas.iter().filter_map(cell).collect();
    let on_grid = areas.iter().filter(|area| cell(area).is_some()).count();
    if on_grid * 10 < areas.len() * 9 || cells.len() < 4 {
        return None;
    }
    let columns = cells.iter().map(|(column, _)| column + 1).max()?;
    let rows = cells.iter().map(|(_, row)| row + 1).max()?;
    if columns.checked_mul(rows)? > MOST_CELLS {
        return None;
    }
    let mut outside: HashSet<(u64, u64)> = HashSet::new();
    // What can be reached from the edge without crossing a file lies outside.
    let edge = (0..columns).flat_map(|column| [(column, 0), (column, rows - 1)]);
    let mut open: Vec<(u64, u64)> = edge.chain((0..rows).flat_map(|row| [(0, row), (columns - 1, row)])).collect();
    while let Some((column, row)) = open.pop() {
        if column >= columns || row >= rows || cells.contains(&(column, row)) || !outside.insert((column, row)) {
            continue;
        }
        open.extend([(column + 1, row), (column, row + 1)]);
        open.extend(column.checked_sub(1).map(|column| (column, row)));
        open.extend(row.checked_sub(1).map(|row| (column, row)));
    }
    let all = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
    let mut holes = Holes { first: Vec::new(), count: 0 };
    for (column, row) in all.filter(|cell| !cells.contains(cell) && !outside.contains(cell)) {
        holes.count += 1;
        if holes.first.len() < most_listed {
            let least = (left + column as f64 * width, top - (row + 1) as f64 * height);
            holes.first.push(Area { least, most: (least.0 + width, least.1 + height) });
        }
    }
    Some(holes)
}
