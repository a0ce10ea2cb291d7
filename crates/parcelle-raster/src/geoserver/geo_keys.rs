//! The GeoKeys as GeoTools' `GeoTiffIIOMetadataDecoder` reads them.

use parcelle_tiff::{Directory, tags};

pub(super) const MODEL_TYPE: u16 = 1024;
pub(super) const GEOGRAPHIC_TYPE: u16 = 2048;
pub(super) const DATUM: u16 = 2050;
pub(super) const ELLIPSOID: u16 = 2056;
pub(super) const SEMI_MAJOR_AXIS: u16 = 2057;
pub(super) const SEMI_MINOR_AXIS: u16 = 2058;
pub(super) const INVERSE_FLATTENING: u16 = 2059;
pub(super) const PROJECTED_TYPE: u16 = 3072;
pub(super) const PROJECTED_CITATION: u16 = 3073;
pub(super) const PROJECTION: u16 = 3074;
pub(super) const METHOD: u16 = 3075;
pub(super) const LINEAR_UNIT: u16 = 3076;
pub(super) const STANDARD_PARALLEL: u16 = 3078;
pub(super) const VERTICAL_TYPE: u16 = 4096;
/// Where GeoTools looks for the latitude of the origin, in its order: centre, natural origin, false origin.
pub(super) const ORIGIN_LATITUDES: [u16; 3] = [3089, 3081, 3085];

/// A GeoKeyDirectory with its parameters.
#[derive(Debug)]
pub(crate) struct GeoKeys {
    entries: Vec<[u64; 4]>,
    doubles: Vec<f64>,
    text: String,
}

impl GeoKeys {
    /// The keys of a directory; `None` if it has no GeoKeyDirectory.
    pub(crate) fn of(directory: &Directory) -> Option<Self> {
        directory.entry(tags::GEO_KEY_DIRECTORY)?;
        let numbers = directory.unsigned_values(tags::GEO_KEY_DIRECTORY);
        Some(Self {
            entries: numbers.as_chunks().0.iter().skip(1).copied().collect(),
            doubles: directory.doubles(tags::GEO_DOUBLE_PARAMS),
            text: directory.text(tags::GEO_ASCII_PARAMS).unwrap_or_default(),
        })
    }

    fn entry(&self, key: u16) -> Option<&[u64; 4]> {
        self.entries.iter().find(|[id, ..]| *id == u64::from(key))
    }

    /// A key whose value stands in the directory itself.
    pub(super) fn code(&self, key: u16) -> Option<u64> {
        self.entry(key).filter(|[_, place, ..]| *place == 0).map(|[.., value]| *value)
    }

    /// A key whose value is among the double parameters.
    pub(super) fn double(&self, key: u16) -> Option<f64> {
        let [_, place, _, index] = self.entry(key)?;
        (*place == u64::from(tags::GEO_DOUBLE_PARAMS))
            .then(|| self.doubles.get(usize::try_from(*index).ok()?).copied())?
    }

    /// A key whose value is a text.
    pub(super) fn words(&self, key: u16) -> Option<&str> {
        let [_, place, count, index] = self.entry(key)?;
        let (start, count) = (usize::try_from(*index).ok()?, usize::try_from(*count).ok()?);
        let is_text = *place == u64::from(tags::GEO_ASCII_PARAMS);
        is_text.then(|| self.text.get(start..start.checked_add(count)?.min(self.text.len())))?
    }

    /// GTModelType.
    pub(crate) fn model(&self) -> Option<u64> {
        self.code(MODEL_TYPE)
    }

    /// ProjectedCSType.
    pub(crate) fn projected(&self) -> Option<u64> {
        self.code(PROJECTED_TYPE)
    }

    /// GeographicType.
    pub(crate) fn geographic(&self) -> Option<u64> {
        self.code(GEOGRAPHIC_TYPE)
    }

    /// The code of EPSG that stands for the whole system, where there is one.
    pub(crate) fn epsg(&self) -> Option<u64> {
        let code = match self.model() {
            Some(1) => self.projected(),
            Some(2) => self.geographic(),
            _ => None,
        };
        code.filter(|code| !matches!(code, 0 | 32_767))
    }

    /// The WKT of an `ESRI PE String = …`.
    pub(crate) fn esri_wkt(&self) -> Option<&str> {
        let (_, wkt) = self.words(PROJECTED_CITATION)?.split_once("ESRI PE String = ")?;
        Some(wkt.trim_end_matches(['|', '\0']))
    }

    /// All that defines the system: its keys in their order, without citations and the vertical part.
    pub(crate) fn essence(&self) -> String {
        use std::fmt::Write as _;
        let mut keys: Vec<_> = self.entries.iter().collect();
        keys.sort_unstable();
        let mut text = String::new();
        for [id, place, _, value] in keys {
            let is_horizontal = *id >= 2048 && *id < u64::from(VERTICAL_TYPE);
            let id = u16::try_from(*id).unwrap_or_default();
            let _ = match (is_horizontal, *place, self.double(id)) {
                (true, 0, _) => write!(text, "{id}={value} "),
                (true, _, Some(double)) => write!(text, "{id}={double} "),
                _ => Ok(()),
            };
        }
        text.truncate(text.trim_end().len());
        text
    }
}
