//! Circular arcs as straight segments.

use std::f64::consts::TAU;

/// Greatest angle, in radians, that a straight segment stands for: 4 degrees, as with GDAL unless it is told otherwise
/// (`OGR_ARC_STEPSIZE`). A segment is then never further from its arc than 1/1640 of the radius.
const STEP: f64 = TAU / 90.0;
/// Three positions lie on a line where twice the area of their triangle is less than this part of the square of the longest
/// leg: the arc then strays from the line by less than coordinates are exact.
const STRAIGHT: f64 = 1e-8;

/// Appends the positions of a chain of arcs (OGC 06-104r4, section 6.1.9: every second position is one that an arc passes
/// through), from the first to the last. Each has `size` ordinates, the first two of which are x and y; the others go
/// evenly from one given position to the next. All given positions stay.
///
/// The same arc gives the same positions whichever way it is run through, so that areas with a common border keep it.
pub(crate) fn stroke_chain(positions: &[f64], size: usize, out: &mut Vec<f64>) {
    let mut chain = positions.chunks_exact(size.max(2));
    let Some(mut start) = chain.next() else { return };
    out.extend_from_slice(start);
    while let (Some(middle), Some(end)) = (chain.next(), chain.next()) {
        stroke(start, middle, end, out);
        start = end;
    }
}

/// Appends the positions of one arc but its first.
fn stroke(start: &[f64], middle: &[f64], end: &[f64], out: &mut Vec<f64>) {
    let forward = xy(start) <= xy(end);
    let (first, last) = if forward { (start, end) } else { (end, start) };
    let Some(circle) = Circle::through(xy(first), xy(middle), xy(last)) else {
        out.extend_from_slice(middle);
        out.extend_from_slice(end);
        return;
    };
    if forward {
        circle.segments(first, middle, last, out);
        return;
    }
    // From the canonical end to the other, and then turned round; the last position is the one not wanted.
    let mut turned = first.to_vec();
    circle.segments(first, middle, last, &mut turned);
    for position in turned.chunks_exact(start.len()).rev().skip(1) {
        out.extend_from_slice(position);
    }
}

fn xy(position: &[f64]) -> (f64, f64) {
    (position.first().copied().unwrap_or(f64::NAN), position.get(1).copied().unwrap_or(f64::NAN))
}

/// The circle of an arc.
struct Circle {
    centre: (f64, f64),
    radius: f64,
    /// Angle from the centre to the position that each sweep begins at.
    begins: (f64, f64),
    /// Angles from the first position to the middle one and from there to the last, counterclockwise where positive.
    sweeps: (f64, f64),
}

impl Circle {
    /// `None` for positions on a line, which are no arc. Where the first is the last, the middle one lies opposite and
    /// all of the circle is meant, counterclockwise.
    fn through(first: (f64, f64), middle: (f64, f64), last: (f64, f64)) -> Option<Self> {
        // Relative to the first: differences are exact where coordinates are large.
        let (ax, ay) = (middle.0 - first.0, middle.1 - first.1);
        let (bx, by) = (last.0 - first.0, last.1 - first.1);
        let scale = [ax, ay, bx, by, bx - ax, by - ay].into_iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        if !(scale > 0.0 && scale.is_finite()) {
            return None;
        }
        let is_whole = bx == 0.0 && by == 0.0;
        let (ux, uy, ccw) = if is_whole {
            (ax / 2.0, ay / 2.0, true)
        } else {
            let double_area = ax * by - ay * bx;
            // An area that overflows is none to draw a circle with either.
            if double_area.is_nan() || double_area.abs() <= STRAIGHT * scale * scale {
                return None;
            }
            let (a2, b2) = (ax * ax + ay * ay, bx * bx + by * by);
            let denominator = 2.0 * double_area;
            ((by * a2 - ay * b2) / denominator, (ax * b2 - bx * a2) / denominator, double_area > 0.0)
        };
        let (begin, through, end) = ((-uy).atan2(-ux), (ay - uy).atan2(ax - ux), (by - uy).atan2(bx - ux));
        let sweep = |from: f64, to: f64| {
            let angle = (to - from).rem_euclid(TAU);
            if ccw { angle } else { angle - TAU }
        };
        let sweeps = if is_whole { (TAU / 2.0, TAU / 2.0) } else { (sweep(begin, through), sweep(through, end)) };
        let radius = ux.hypot(uy);
        let centre = (first.0 + ux, first.1 + uy);
        Some(Self { centre, radius, begins: (begin, through), sweeps })
    }

    /// Appends the positions of the arc but the first.
    fn segments(&self, first: &[f64], middle: &[f64], last: &[f64], out: &mut Vec<f64>) {
        let halves = [(first, middle, self.begins.0, self.sweeps.0), (middle, last, self.begins.1, self.sweeps.1)];
        for (from, to, begin, sweep) in halves {
            // A sweep is at most once around: no more than 90 segments.
            let count = (sweep.abs() / STEP).ceil().clamp(1.0, 90.0) as u32;
            for step in 1..count {
                let part = f64::from(step) / f64::from(count);
                let angle = begin + sweep * part;
                out.push(self.centre.0 + self.radius * angle.cos());
                out.push(self.centre.1 + self.radius * angle.sin());
                out.extend(from.iter().zip(to).skip(2).map(|(from, to)| from + (to - from) * part));
            }
            out.extend_from_slice(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(positions: &[f64], size: usize) -> Vec<Vec<f64>> {
        let mut out = Vec::new();
        stroke_chain(positions, size, &mut out);
        out.chunks_exact(size).map(<[f64]>::to_vec).collect()
    }

    #[track_caller]
    fn check_circle(positions: &[Vec<f64>], centre: (f64, f64), radius: f64) {
        for position in positions {
            let distance = (position[0] - centre.0).hypot(position[1] - centre.1);
            assert!((distance - radius).abs() < 1e-9 * radius.max(1.0), "{position:?} is {distance} from the centre");
        }
        for pair in positions.windows(2) {
            let chord = (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
            assert!(chord <= 2.0 * radius * (STEP / 2.0).sin() * (1.0 + 1e-9), "a segment of {chord}");
        }
    }

    #[test]
    fn a_half_circle_with_z() {
        let found = chain(&[-1.0, 0.0, 0.0, 0.0, 1.0, 10.0, 1.0, 0.0, 40.0], 3);
        check_circle(&found, (0.0, 0.0), 1.0);
        assert_eq!(found.len(), 1 + 2 * 23);
        assert_eq!(
            (&found[0][..], &found[23][..], &found[46][..]),
            (&[-1.0, 0.0, 0.0][..], &[0.0, 1.0, 10.0][..], &[1.0, 0.0, 40.0][..])
        );
        assert!(found.windows(2).all(|pair| pair[0][2] < pair[1][2] && pair[0][0] < pair[1][0]));
        assert!((found[1][2] - 10.0 / 23.0).abs() < 1e-12);
    }

    #[test]
    fn arcs_run_the_way_they_are_given() {
        let over = chain(&[0.0, 0.0, 1.0, 1.0, 2.0, 0.0], 2);
        let under = chain(&[0.0, 0.0, 1.0, -1.0, 2.0, 0.0], 2);
        assert!(over[1..over.len() - 1].iter().all(|position| position[1] > 0.0));
        assert!(under[1..under.len() - 1].iter().all(|position| position[1] < 0.0));
        // Three quarters of a circle, clockwise.
        let long = chain(&[0.0, 1.0, 1.0, 0.0, -1.0, 0.0], 2);
        check_circle(&long, (0.0, 0.0), 1.0);
        assert_eq!(long.len(), 1 + 23 + 45);
    }

    #[test]
    fn the_way_back_has_the_same_positions() {
        let there = [700_123.45, 6_600_001.5, 700_130.25, 6_600_012.75, 700_141.5, 6_599_990.125];
        let back = [700_141.5, 6_599_990.125, 700_130.25, 6_600_012.75, 700_123.45, 6_600_001.5];
        let mut turned = chain(&back, 2);
        turned.reverse();
        assert_eq!(chain(&there, 2), turned);
    }

    #[test]
    fn a_whole_circle() {
        let found = chain(&[1.0, 0.0, -1.0, 0.0, 1.0, 0.0], 2);
        check_circle(&found, (0.0, 0.0), 1.0);
        assert_eq!((found.len(), &found[0], &found[45][..]), (91, &found[90], &[-1.0, 0.0][..]));
        assert!(found[1][1] > 0.0, "counterclockwise");
    }

    #[test]
    fn what_lies_on_a_line_stays_a_line() {
        for line in [
            [0.0, 0.0, 1.0, 1.0, 2.0, 2.0],
            [0.0, 0.0, 5.0, 5.0, 2.0, 2.0],
            [0.0, 0.0, 0.0, 0.0, 2.0, 2.0],
            [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
            [0.0, 0.0, 1.0, 1e-9, 2.0, 0.0],
        ] {
            assert_eq!(chain(&line, 2).concat(), line);
        }
        assert_eq!(chain(&[0.0, 0.0, f64::NAN, 1.0, 2.0, 0.0], 2).len(), 3);
        assert_eq!(chain(&[0.0, 0.0, f64::MAX, 1.0, -f64::MAX, 0.0], 2).len(), 3);
        assert!(chain(&[], 2).is_empty());
    }
}
