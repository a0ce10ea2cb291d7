//! Boxes: what the footer says of where things are.

use serde_json::Value;

use super::footer::{BoxSource, Footer, GeometryColumn};

/// A box of numbers as a column's entry has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StatedBox {
    /// xmin, ymin, xmax, ymax.
    pub(crate) xy: [f64; 4],
    /// zmin, zmax.
    pub(crate) z: Option<[f64; 2]>,
}

/// The `bbox` of an entry, where it is one.
pub(crate) fn stated(column: &GeometryColumn) -> Option<StatedBox> {
    let list = column.entry.as_ref()?.get("bbox")?.as_array()?;
    let numbers: Vec<f64> = list.iter().map(Value::as_f64).collect::<Option<_>>()?;
    Some(match numbers[..] {
        [xmin, ymin, xmax, ymax] => StatedBox { xy: [xmin, ymin, xmax, ymax], z: None },
        [xmin, ymin, zmin, xmax, ymax, zmax] => StatedBox { xy: [xmin, ymin, xmax, ymax], z: Some([zmin, zmax]) },
        [xmin, ymin, zmin, _, xmax, ymax, zmax, _] => StatedBox { xy: [xmin, ymin, xmax, ymax], z: Some([zmin, zmax]) },
        _ => return None,
    })
}

/// The box around all row groups by their statistics, where each that has rows has one.
pub(crate) fn of_groups(footer: &Footer, column: &GeometryColumn) -> Option<([f64; 4], BoxSource)> {
    let mut all: Option<([f64; 4], BoxSource)> = None;
    for group in footer.groups().iter().filter(|group| group.num_rows() > 0) {
        let (found, source) = column.group_box(group)?;
        all = Some(match all {
            None => (found, source),
            Some((so_far, source)) => (union(so_far, found), source),
        });
    }
    all.filter(|(bbox, _)| is_plain(*bbox))
}

/// Where the data of a column are, by the footer: by statistics, or else by what the entry says.
pub(crate) fn of(footer: &Footer, column: &GeometryColumn) -> Option<[f64; 4]> {
    let stated = || stated(column).map(|stated| stated.xy).filter(|bbox| is_plain(*bbox));
    of_groups(footer, column).map(|(bbox, _)| bbox).or_else(stated)
}

pub(crate) fn union(left: [f64; 4], right: [f64; 4]) -> [f64; 4] {
    let ([a, b, c, d], [e, f, g, h]) = (left, right);
    [a.min(e), b.min(f), c.max(g), d.max(h)]
}

/// Whether a box has the right numbers in the order xmin, xmax, ymin, ymax.
pub(crate) fn is_transposed(stated: [f64; 4], found: [f64; 4]) -> bool {
    let [xmin, xmax, ymin, ymax] = stated;
    let near = |left: f64, right: f64| (left - right).abs() <= 1e-6 * left.abs().max(1.0);
    let as_meant = [xmin, ymin, xmax, ymax].into_iter().zip(found).all(|(left, right)| near(left, right));
    let as_read = stated.into_iter().zip(found).all(|(left, right)| near(left, right));
    as_meant && !as_read
}

/// Numbers in order: no wrap around the antimeridian, no NaN.
pub(crate) fn is_plain([xmin, ymin, xmax, ymax]: [f64; 4]) -> bool {
    xmin <= xmax && ymin <= ymax && [xmin, ymin, xmax, ymax].iter().all(|number| number.is_finite())
}

pub(crate) fn text(bbox: [f64; 4]) -> String {
    bbox.map(number).join(", ")
}

/// A coordinate with as many digits as help.
pub(crate) fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        format!("{value:.0}")
    } else {
        let text = format!("{value:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            text([652_000.0, 6_862_000.5, -0.000_001, 1e300]),
            format!("652000, 6862000.5, -0.000001, {:.6}", 1e300).trim_end_matches('0').trim_end_matches('.')
        );
        assert!(!is_plain([2.0, 0.0, 1.0, 1.0]) && !is_plain([f64::NAN, 0.0, 1.0, 1.0]) && is_plain([0.0; 4]));
    }
}
