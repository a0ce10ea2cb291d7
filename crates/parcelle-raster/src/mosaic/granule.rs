//! What an ImageMosaic has to know of one of its files: a few numbers, so that tens of thousands fit into memory.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use parcelle_report::Outcome;
use parcelle_tiff::{Directory, Image, Role, Structure, tags};

use crate::geoserver::{GeoKeys, projection_beside};

/// Where the pixels of a file are: `x = a + column * b + row * c`, `y = d + column * e + row * f`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) x: [f64; 3],
    pub(super) y: [f64; 3],
}

impl Placement {
    /// What GeoTools takes: scale and tie point before a matrix (`GeoTiffMetadata2CRSAdapter.getRasterToModel`).
    fn of(main: &Directory) -> Option<Self> {
        let scale = main.doubles(tags::MODEL_PIXEL_SCALE);
        let tie = main.doubles(tags::MODEL_TIEPOINT);
        let matrix = main.doubles(tags::MODEL_TRANSFORMATION);
        let placement = match (&scale[..], &tie[..], &matrix[..]) {
            ([width, height, ..], [column, row, _, x, y, ..], _) => {
                Self { x: [x - column * width, *width, 0.0], y: [y + row * height, 0.0, -height] }
            }
            (_, _, [a, b, _, x, d, e, _, y, ..]) => Self { x: [*x, *a, *b], y: [*y, *d, *e] },
            _ => return None,
        };
        let is_sound = [placement.x, placement.y].iter().flatten().all(|value| value.is_finite());
        (is_sound && placement.x[1] * placement.y[2] - placement.x[2] * placement.y[1] != 0.0).then_some(placement)
    }

    pub(super) fn is_rotated(&self) -> bool {
        self.x[2] != 0.0 || self.y[1] != 0.0
    }

    /// Width and height of a pixel.
    pub(super) fn resolution(&self) -> (f64, f64) {
        (self.x[1].hypot(self.y[1]), self.x[2].hypot(self.y[2]))
    }
}

/// A rectangle in the coordinates of a reference system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) least: (f64, f64),
    pub(super) most: (f64, f64),
}

/// The colour model that imageio-ext gives an image, as far as GeoTools compares it (`Utils.checkColorModels`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Colours {
    /// `ColorModel.getNumColorComponents`.
    pub(super) components: u16,
    pub(super) has_alpha: bool,
    /// A palette, or grey of fewer than 8 bits, which imageio-ext gives one.
    pub(super) is_indexed: bool,
}

impl Colours {
    /// As `TIFFDecompressor.getRawImageTypeSpecifier` makes it.
    fn of(main: &Directory, image: &Image) -> Self {
        let (bands, bits) = (image.samples_per_pixel, image.bits_per_sample);
        let extra = main.unsigned(tags::EXTRA_SAMPLES);
        let is_indexed = bands == 1 && bits <= 16 && (main.entry(tags::COLOR_MAP).is_some() || bits < 8);
        let (components, has_alpha) = match (bands, bits) {
            (1, _) if is_indexed => (3, false),
            (1, _) => (1, false),
            (2, 8 | 16 | 32) => (1, true),
            (3, 1..=32) => (3, false),
            (4, 8) if image.photometric == Some(5) => (4, false),
            (4, 8) => match extra {
                Some(1 | 2) => (3, true),
                _ => (4, false),
            },
            (4, 16) | (4, 32) => (3, true),
            _ => (bands, false),
        };
        Self { components, has_alpha, is_indexed }
    }
}

/// The samples of an image as Java has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Samples {
    pub(super) bands: u16,
    bits: u16,
    format: u16,
}

impl std::fmt::Display for Samples {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.format {
            2 => "Int",
            3 => "Float",
            5 => "CInt",
            6 => "CFloat",
            _ => "UInt",
        };
        let bands = if self.bands == 1 { "band" } else { "bands" };
        write!(formatter, "{} {bands} of {kind}{}", self.bands, self.bits)
    }
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Granule {
    pub(super) path: Box<str>,
    /// Index among the reference systems of the mosaic.
    pub(super) system: u32,
    pub(super) placement: Option<Placement>,
    pub(super) size: (u32, u32),
    pub(super) samples: Samples,
    pub(super) colours: Colours,
    /// The text of GDAL_NODATA.
    pub(super) nodata: Option<Box<str>>,
    /// How many times smaller each overview is than the image.
    pub(super) overviews: Vec<u32>,
    pub(super) length: u64,
    /// Of the block index: files with the same bytes have the same one.
    pub(super) fingerprint: u64,
    pub(super) outcome: Outcome,
    pub(super) because: Vec<&'static str>,
}

impl Granule {
    pub(super) fn of(
        structure: &Structure,
        path: &str,
        system: u32,
        outcome: Outcome,
        because: Vec<&'static str>,
    ) -> Option<Self> {
        let main = structure.main()?;
        let image = main.image?;
        let overviews = structure.with_role(Role::Overview).filter_map(|overview| {
            let width = overview.image?.width.max(1);
            Some((image.width + width / 2) / width)
        });
        let mut hasher = DefaultHasher::new();
        main.blocks.iter().flat_map(|blocks| blocks.iter()).for_each(|block| block.hash(&mut hasher));
        Some(Self {
            path: path.into(),
            system,
            placement: Placement::of(main),
            size: (image.width, image.height),
            samples: Samples {
                bands: image.samples_per_pixel,
                bits: image.bits_per_sample,
                format: image.sample_format,
            },
            colours: Colours::of(main, &image),
            nodata: main.text(tags::GDAL_NODATA).map(|text| text.trim().into()),
            overviews: overviews.collect(),
            length: structure.file_length,
            fingerprint: hasher.finish(),
            outcome,
            because,
        })
    }

    /// The rectangle around it, which is what the index of an ImageMosaic has.
    pub(super) fn area(&self) -> Option<Area> {
        let Placement { x, y } = self.placement?;
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        let corners = [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)];
        let places =
            corners.map(|(column, row)| (x[0] + column * x[1] + row * x[2], y[0] + column * y[1] + row * y[2]));
        let first = Area { least: places[0], most: places[0] };
        Some(places.iter().fold(first, |area, place| Area {
            least: (area.least.0.min(place.0), area.least.1.min(place.1)),
            most: (area.most.0.max(place.0), area.most.1.max(place.1)),
        }))
    }
}

/// The reference system of a file: its definition where one can be told, and what tells it from others. GeoTools takes a
/// `.prj` beside it before its GeoKeys; one that cannot be read was told of where the file was looked at by itself.
pub(super) fn system(structure: &Structure, path: &str) -> (String, Option<String>) {
    if let Ok(Some(text)) = projection_beside(path.as_ref()) {
        return (format!("prj {text}"), Some(text));
    }
    let Some(keys) = structure.main().and_then(GeoKeys::of) else { return ("none".to_owned(), None) };
    match keys.epsg() {
        Some(code) => (format!("EPSG:{code}"), Some(format!("EPSG:{code}"))),
        None => (format!("user-defined {}", keys.essence()), keys.esri_wkt().map(str::to_owned)),
    }
}
