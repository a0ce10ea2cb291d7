//! What is known of a source once it has been opened: header only, in few bytes, as there may be 100,000 of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use parcelle_crs::Crs;

use super::super::details::DataType;

/// What a raster says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RasterFacts {
    pub(crate) driver: &'static str,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bands: Bands,
    /// Its coordinate reference system, in the [`Book`].
    pub(crate) crs: Option<u32>,
    pub(crate) geo_transform: Option<[f64; 6]>,
    /// Its colour table, in the [`Book`].
    pub(crate) palette: Option<u32>,
    /// How many times smaller each of its overviews is.
    pub(crate) overviews: Box<[u32]>,
    /// Columns and rows of its blocks; `None` where nothing is stored in blocks.
    pub(crate) block: Option<(u32, u32)>,
    /// Whether it has a mask beside its bands.
    pub(crate) has_mask: bool,
}

impl RasterFacts {
    /// Whether a window of a few hundred pixels costs whole rows of a wide image.
    pub(crate) fn is_in_strips(&self) -> bool {
        self.block.is_some_and(|(columns, _)| columns >= self.width && self.width > 512)
    }
}

/// Type and nodata of each band.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bands {
    /// All the same.
    Uniform(u32, BandFacts),
    /// One by one.
    Each(Box<[BandFacts]>),
}

/// What is known of one band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BandFacts {
    /// `None` where the type has no name in GDAL.
    pub(crate) kind: Option<DataType>,
    pub(crate) no_data: Option<f64>,
    /// Least and greatest value, where the file tells.
    pub(crate) extremes: Option<(f64, f64)>,
}

impl Bands {
    pub(crate) fn count(&self) -> u32 {
        match self {
            Self::Uniform(count, _) => *count,
            Self::Each(list) => u32::try_from(list.len()).unwrap_or(u32::MAX),
        }
    }

    /// The band of that number, from 1.
    pub(crate) fn get(&self, number: i32) -> Option<BandFacts> {
        let index = u32::try_from(number).ok()?.checked_sub(1)?;
        match self {
            Self::Uniform(count, band) => (index < *count).then_some(*band),
            Self::Each(list) => list.get(index as usize).copied(),
        }
    }

    /// As short as it can be said.
    pub(crate) fn of(list: Vec<BandFacts>) -> Self {
        let same = |left: &BandFacts, right: &BandFacts| {
            let same_no_data = match (left.no_data, right.no_data) {
                (Some(left), Some(right)) => left.to_bits() == right.to_bits(),
                (left, right) => left.is_none() && right.is_none(),
            };
            left.kind == right.kind && same_no_data && left.extremes == right.extremes
        };
        match list.first() {
            Some(first) if list.iter().all(|band| same(first, band)) => {
                Self::Uniform(u32::try_from(list.len()).unwrap_or(u32::MAX), *first)
            }
            _ => Self::Each(list.into()),
        }
    }
}

/// A coordinate reference system that some source has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceCrs {
    /// As it is shown.
    pub(crate) name: String,
    /// `None` where its definition says nothing that can be compared.
    pub(crate) crs: Option<Crs>,
}

/// A colour table: red, green, blue.
pub(crate) type Palette = Box<[[u8; 3]]>;

/// What many sources have in common, kept once.
#[derive(Debug, Default)]
pub(crate) struct Book {
    systems: Mutex<Shelf<String, SourceCrs>>,
    palettes: Mutex<Shelf<Palette, Palette>>,
}

#[derive(Debug)]
struct Shelf<Key, Value> {
    known: HashMap<Key, u32>,
    list: Vec<Value>,
}

impl<Key, Value> Default for Shelf<Key, Value> {
    fn default() -> Self {
        Self { known: HashMap::new(), list: Vec::new() }
    }
}

impl<Key: std::hash::Hash + Eq, Value> Shelf<Key, Value> {
    fn place(&mut self, key: Key, make: impl FnOnce() -> Value) -> u32 {
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(make());
        self.known.insert(key, number);
        number
    }
}

impl Book {
    /// The number of a system, which is made where the key is new.
    pub(crate) fn system(&self, key: String, make: impl FnOnce() -> SourceCrs) -> u32 {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner).place(key, make)
    }

    /// The number of the system with a definition, such as `EPSG:2154` or WKT.
    pub(crate) fn definition(&self, text: &str) -> u32 {
        self.system(text.to_owned(), || SourceCrs::of(text))
    }

    /// The number of a colour table.
    pub(crate) fn palette(&self, colors: Palette) -> u32 {
        let mut palettes = self.palettes.lock().unwrap_or_else(PoisonError::into_inner);
        palettes.place(colors.clone(), || colors)
    }

    /// Gives a system the definition that was missing.
    #[cfg(feature = "gdal")]
    pub(crate) fn define(&self, number: u32, definition: &str) {
        let mut systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(system) = systems.list.get_mut(number as usize) {
            *system = SourceCrs::of(definition);
        }
    }

    /// All systems, in the order of their numbers.
    pub(crate) fn systems(&self) -> Vec<SourceCrs> {
        self.systems.lock().unwrap_or_else(PoisonError::into_inner).list.clone()
    }

    /// All colour tables, in the order of their numbers.
    pub(crate) fn palettes(&self) -> Vec<Palette> {
        self.palettes.lock().unwrap_or_else(PoisonError::into_inner).list.clone()
    }
}

impl SourceCrs {
    /// From a definition; what it is shown as where it is none is its beginning.
    pub(crate) fn of(text: &str) -> Self {
        let crs = Crs::from_definition(text.trim()).ok();
        let name = crs.as_ref().map_or_else(
            || match text.split('"').nth(1) {
                Some(name) if text.trim_start().starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
                    super::super::shorten::shorten(name)
                }
                _ => super::super::shorten::shorten(text.trim()),
            },
            ToString::to_string,
        );
        Self { name, crs }
    }
}

/// An affine transformation turned round: from coordinates to pixels. `None` where it cannot be.
pub(crate) fn inverse(transform: &[f64; 6]) -> Option<[f64; 6]> {
    let [x, a, b, y, d, e] = *transform;
    let determinant = a * e - b * d;
    let size = (a.abs() + b.abs()) * (d.abs() + e.abs());
    if determinant.abs() <= 1e-12 * size || !determinant.is_finite() || determinant == 0.0 {
        return None;
    }
    let (ia, ib, id, ie) = (e / determinant, -b / determinant, -d / determinant, a / determinant);
    Some([-(ia * x + ib * y), ia, ib, -(id * x + ie * y), id, ie])
}

/// Where a point is led.
pub(crate) fn apply(transform: &[f64; 6], x: f64, y: f64) -> (f64, f64) {
    let [x0, a, b, y0, d, e] = *transform;
    (x0 + a * x + b * y, y0 + d * x + e * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let transform = [700_000.0, 10.0, 0.5, 6_600_000.0, -0.25, -10.0];
        let back = inverse(&transform).unwrap();
        let (x, y) = apply(&transform, 3.0, 4.0);
        let (column, row) = apply(&back, x, y);
        assert!((column - 3.0).abs() < 1e-6 && (row - 4.0).abs() < 1e-6, "{column} {row}");
        assert_eq!(inverse(&[0.0, 1.0, 2.0, 0.0, 2.0, 4.0]), None);
        assert_eq!(inverse(&[0.0; 6]), None);
    }

    #[test]
    fn bands_are_said_once_where_they_are_the_same() {
        let band = BandFacts { kind: Some(DataType::Byte), no_data: Some(f64::NAN), extremes: None };
        let bands = Bands::of(vec![band, band]);
        assert!(matches!(bands, Bands::Uniform(2, _)));
        assert_eq!((bands.count(), bands.get(0), bands.get(3)), (2, None, None));
        let other = Bands::of(vec![band, BandFacts { no_data: None, ..band }]);
        assert_eq!(other.get(2).map(|band| band.no_data), Some(None));
    }

    #[test]
    fn systems_and_tables_are_kept_once() {
        let book = Book::default();
        assert_eq!(
            (book.definition("EPSG:2154"), book.definition("EPSG:4326"), book.definition("EPSG:2154")),
            (0, 1, 0)
        );
        assert_eq!(book.systems()[1].name, "EPSG:4326");
        let table: Palette = [[0, 0, 0], [255, 0, 0]].into();
        assert_eq!((book.palette(table.clone()), book.palette(table)), (0, 0));
        assert_eq!(SourceCrs::of("LOCAL_CS[\"site\"]").name, "site");
    }
}
