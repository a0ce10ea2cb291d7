//! Where an image lies: GeoKeys, and the tags that tie pixels to coordinates (OGC GeoTIFF 1.1, clause 7).

use crate::directory::Directory;
use crate::tags;

/// Numbers of the GeoKeys that say what the coordinates are (OGC GeoTIFF 1.1, annex B).
pub mod geo_keys {
    /// GTModelType: 1 projected, 2 geographic, 3 geocentric.
    pub const MODEL_TYPE: u16 = 1024;
    /// GTRasterType: 1 a pixel is an area, 2 a pixel is a point.
    pub const RASTER_TYPE: u16 = 1025;
    /// GTCitation.
    pub const CITATION: u16 = 1026;
    /// GeodeticCRS: an EPSG code, or [`USER_DEFINED`].
    pub const GEODETIC_CRS: u16 = 2048;
    /// GeodeticCitation.
    pub const GEODETIC_CITATION: u16 = 2049;
    /// ProjectedCRS: an EPSG code, or [`USER_DEFINED`].
    pub const PROJECTED_CRS: u16 = 3072;
    /// ProjectedCitation.
    pub const PROJECTED_CITATION: u16 = 3073;
    /// VerticalCRS: an EPSG code, or [`USER_DEFINED`].
    pub const VERTICAL_CRS: u16 = 4096;
    /// The value that means: see the other keys.
    pub const USER_DEFINED: u64 = 32_767;
}

/// A GeoKeyDirectory with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoKeys {
    entries: Vec<[u64; 4]>,
    doubles: Vec<f64>,
    text: String,
}

impl GeoKeys {
    /// A key whose value stands in the directory itself.
    #[must_use]
    pub fn code(&self, key: u16) -> Option<u64> {
        self.entry(key).filter(|[_, place, ..]| *place == 0).map(|[.., value]| *value)
    }

    /// The first value of a key among the double parameters.
    #[must_use]
    pub fn double(&self, key: u16) -> Option<f64> {
        let [_, place, _, index] = self.entry(key)?;
        let is_double = *place == u64::from(tags::GEO_DOUBLE_PARAMS);
        is_double.then(|| self.doubles.get(usize::try_from(*index).ok()?).copied())?
    }

    /// A key whose value is a text, without the `|` that ends it.
    #[must_use]
    pub fn words(&self, key: u16) -> Option<&str> {
        let [_, place, count, index] = self.entry(key)?;
        let (start, count) = (usize::try_from(*index).ok()?, usize::try_from(*count).ok()?);
        let is_text = *place == u64::from(tags::GEO_ASCII_PARAMS);
        let words = is_text.then(|| self.text.get(start..start.checked_add(count)?.min(self.text.len())))??;
        Some(words.trim_end_matches('|'))
    }

    fn entry(&self, key: u16) -> Option<&[u64; 4]> {
        self.entries.iter().find(|[id, ..]| *id == u64::from(key))
    }
}

impl Directory {
    /// Its GeoKeys; `None` if it has no GeoKeyDirectory.
    #[must_use]
    pub fn geo_keys(&self) -> Option<GeoKeys> {
        self.entry(tags::GEO_KEY_DIRECTORY)?;
        let numbers = self.unsigned_values(tags::GEO_KEY_DIRECTORY);
        Some(GeoKeys {
            entries: numbers.as_chunks().0.iter().skip(1).copied().collect(),
            doubles: self.doubles(tags::GEO_DOUBLE_PARAMS),
            text: self.text(tags::GEO_ASCII_PARAMS).unwrap_or_default(),
        })
    }

    /// Whether coordinates are those of the middle of a pixel (GTRasterType 2).
    #[must_use]
    pub fn pixel_is_point(&self) -> bool {
        self.geo_keys().and_then(|keys| keys.code(geo_keys::RASTER_TYPE)) == Some(2)
    }

    /// The affine transformation from pixels to coordinates, of the upper left corner of a pixel, in GDAL's order: x of
    /// the origin, width of a pixel, shear, y of the origin, shear, height of a pixel (negative where north is up).
    ///
    /// As GDAL makes it (`frmts/gtiff/gtiffdataset_read.cpp`, `LoadGeoreferencingAndPamIfNeeded`): ModelPixelScale with
    /// the first tie point, whatever the sign of the scale, else ModelTransformation; moved by half a pixel where a
    /// pixel is a point. Tie points alone are ground control points, which are no affine transformation.
    #[must_use]
    pub fn geo_transform(&self) -> Option<[f64; 6]> {
        let scale = self.doubles(tags::MODEL_PIXEL_SCALE);
        let mut transform = match scale.as_slice() {
            [x, y, ..] if *x != 0.0 && *y != 0.0 => {
                let tie = self.doubles(tags::MODEL_TIEPOINT);
                let [column, row, _, east, north, ..] = *tie.as_slice() else { return None };
                let height = -y.abs();
                [east - column * x, *x, 0.0, north - row * height, 0.0, height]
            }
            _ => {
                let matrix = self.doubles(tags::MODEL_TRANSFORMATION);
                let [a, b, _, d, e, f, _, h, ..] = *matrix.as_slice() else { return None };
                if matrix.len() != 16 {
                    return None;
                }
                [d, a, b, h, e, f]
            }
        };
        if self.pixel_is_point() {
            let [_, a, b, _, d, e] = transform;
            transform[0] -= (a + b) / 2.0;
            transform[3] -= (d + e) / 2.0;
        }
        transform.iter().all(|number| number.is_finite()).then_some(transform)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read_headers;

    /// A classic little-endian file of 10 x 10 pixels with these entries of DOUBLE and SHORT besides.
    fn directory(doubles: &[(u16, &[f64])], keys: &[u16]) -> Directory {
        let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
        let count = 3 + doubles.len() + usize::from(!keys.is_empty());
        let mut values_at = 8 + 2 + 12 * count + 4;
        let mut values = Vec::new();
        file.extend((count as u16).to_le_bytes());
        for (tag, value) in [(256u16, 10u16), (257, 10), (262, 1)] {
            file.extend(tag.to_le_bytes());
            file.extend([3, 0, 1, 0, 0, 0]);
            file.extend(u32::from(value).to_le_bytes());
        }
        let mut entries: Vec<(u16, u16, usize, Vec<u8>)> = doubles
            .iter()
            .map(|(tag, list)| (*tag, 12, list.len(), list.iter().flat_map(|number| number.to_le_bytes()).collect()))
            .collect();
        if !keys.is_empty() {
            entries.push((34_735, 3, keys.len(), keys.iter().flat_map(|number| number.to_le_bytes()).collect()));
        }
        entries.sort();
        for (tag, kind, count, bytes) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend((count as u32).to_le_bytes());
            file.extend((values_at as u32).to_le_bytes());
            values_at += bytes.len();
            values.extend(bytes);
        }
        file.extend([0; 4]);
        file.extend(values);
        let read = |offset: u64, buffer: &mut [u8]| {
            buffer.copy_from_slice(&file[offset as usize..][..buffer.len()]);
            Ok(buffer.len())
        };
        read_headers(file.len() as u64, read).unwrap().directories.remove(0)
    }

    const POINT: [u16; 12] = [1, 1, 0, 2, 1025, 0, 1, 2, 3072, 0, 1, 2154];

    #[test]
    fn scale_and_tie_point() {
        let scale: (u16, &[f64]) = (33_550, &[10.0, 5.0, 0.0]);
        let tie: (u16, &[f64]) = (33_922, &[1.0, 2.0, 0.0, 1000.0, 2000.0, 0.0]);
        assert_eq!(directory(&[scale, tie], &[]).geo_transform(), Some([990.0, 10.0, 0.0, 2010.0, 0.0, -5.0]));
        let point = directory(&[scale, tie], &POINT);
        assert_eq!(point.geo_transform(), Some([985.0, 10.0, 0.0, 2012.5, 0.0, -5.0]));
        assert_eq!(point.geo_keys().and_then(|keys| keys.code(geo_keys::PROJECTED_CRS)), Some(2154));
        assert_eq!(directory(&[tie], &[]).geo_transform(), None);
        assert_eq!(directory(&[scale], &[]).geo_transform(), None);
    }

    #[test]
    fn transformation() {
        let matrix = [2.0, 0.5, 0.0, 100.0, 0.25, -2.0, 0.0, 200.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        let tag: (u16, &[f64]) = (34_264, &matrix);
        assert_eq!(directory(&[tag], &[]).geo_transform(), Some([100.0, 2.0, 0.5, 200.0, 0.25, -2.0]));
        let infinite: Vec<f64> =
            matrix.iter().map(|number| if *number == 200.0 { f64::NAN } else { *number }).collect();
        let tag: (u16, &[f64]) = (34_264, &infinite);
        assert_eq!(directory(&[tag], &[]).geo_transform(), None);
    }
}
