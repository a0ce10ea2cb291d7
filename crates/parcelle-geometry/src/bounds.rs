//! Extents in up to four dimensions.

/// Smallest and largest ordinate per dimension: x, y, z, m. A dimension without any finite-or-infinite ordinate
/// (absent, or NaN throughout) is empty. NaN never widens a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub(crate) min: [f64; 4],
    pub(crate) max: [f64; 4],
}

impl Default for Bounds {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Bounds {
    /// The bounds of nothing.
    pub const EMPTY: Self = Self { min: [f64::INFINITY; 4], max: [f64::NEG_INFINITY; 4] };

    /// Whether there is no position at all, that is, x or y is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.x().is_none() || self.y().is_none()
    }

    /// Smallest and largest x.
    #[must_use]
    pub fn x(&self) -> Option<(f64, f64)> {
        self.range(0)
    }

    /// Smallest and largest y.
    #[must_use]
    pub fn y(&self) -> Option<(f64, f64)> {
        self.range(1)
    }

    /// Smallest and largest z.
    #[must_use]
    pub fn z(&self) -> Option<(f64, f64)> {
        self.range(2)
    }

    /// Smallest and largest m.
    #[must_use]
    pub fn m(&self) -> Option<(f64, f64)> {
        self.range(3)
    }

    /// Whether one of them is infinite.
    #[must_use]
    pub fn is_infinite(&self) -> bool {
        (0..4).filter_map(|dimension| self.range(dimension)).any(|(min, max)| min.is_infinite() || max.is_infinite())
    }

    /// Widens these bounds to contain the other.
    pub fn extend(&mut self, other: &Self) {
        for dimension in 0..4 {
            self.min[dimension] = self.min[dimension].min(other.min[dimension]);
            self.max[dimension] = self.max[dimension].max(other.max[dimension]);
        }
    }

    fn range(&self, dimension: usize) -> Option<(f64, f64)> {
        let (min, max) = (self.min[dimension], self.max[dimension]);
        (min <= max).then_some((min, max))
    }
}
