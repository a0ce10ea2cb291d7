//! The oldest GDAL that can read a file, by what the file uses.

use super::details::DataType;
use super::functions::first_version;
use super::model::{Dataset, DatasetKind, SourceKind};
use super::target::GdalVersion;

/// What GeoServer's bindings (gdal-3.2.0.jar) are made for: nothing older is worth a word.
pub(super) const BINDINGS: GdalVersion = (3, 2);

/// The oldest version, from the bindings of GeoServer on, that knows everything the pixels depend on.
pub(super) fn oldest_gdal(dataset: &Dataset) -> GdalVersion {
    let mut oldest = BINDINGS;
    let mut need = |version: GdalVersion| oldest = oldest.max(version);
    // At most `limits::NESTED_DATASETS` levels are ever built.
    let mut waiting = vec![dataset];
    while let Some(dataset) = waiting.pop() {
        if dataset.overview_list.is_some() {
            need((3, 3));
        }
        if dataset.kind() == DatasetKind::Processed {
            need((3, 9));
            if dataset.output_bands.is_some() {
                need((3, 11));
            }
        }
        waiting.extend(dataset.input.as_ref().and_then(|input| input.dataset.as_deref()));
        for band in dataset.bands.iter().chain(&dataset.mask_bands) {
            if let Some((_, since)) = band.data_type.as_ref().and_then(|field| DataType::parse(&field.text)) {
                need(since);
            }
            if let Some(since) = band.pixel_function.as_ref().and_then(|field| first_version(&field.text)) {
                need(since);
            }
            for source in &band.sources {
                match source.kind {
                    SourceKind::Array => need((3, 8)),
                    SourceKind::NoDataFromMask => need((3, 9)),
                    _ => {}
                }
                if let Some(inner) = &source.dataset {
                    need((3, 11));
                    waiting.push(inner);
                }
            }
        }
    }
    oldest
}
