//! Sources in other formats, through GDAL: read-only, and by those drivers alone that read plain files.

use std::path::Path;
use std::time::Duration;

use gdal::raster::GdalDataType;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};

use super::super::details::DataType;
use super::facts::{BandFacts, Bands, Book, RasterFacts};

/// Drivers that read a file and what lies beside it, and can neither reach a network or a database, run anything, take an
/// address in memory, nor open other files that the file names. VRT is not among them: VRTs are followed here, path by
/// path. Neither are those of netCDF and HDF, whose libraries write to the terminal.
pub(crate) const DRIVERS: [&str; 57] = [
    "GTiff",
    "COG",
    "PNG",
    "JPEG",
    "JP2OpenJPEG",
    "JP2ECW",
    "JP2KAK",
    "JP2MrSID",
    "JPEG2000",
    "JPEGXL",
    "GIF",
    "BIGGIF",
    "BMP",
    "WEBP",
    "HFA",
    "ENVI",
    "EHdr",
    "AAIGrid",
    "GRASSASCIIGrid",
    "AIG",
    "SRTMHGT",
    "USGSDEM",
    "DTED",
    "XYZ",
    "NITF",
    "GRIB",
    "ECW",
    "MrSID",
    "PCIDSK",
    "ILWIS",
    "RST",
    "SAGA",
    "GSAG",
    "GSBG",
    "GS7BG",
    "BT",
    "PNM",
    "ERS",
    "RMF",
    "LAN",
    "LCP",
    "GTX",
    "NTv2",
    "NGSGEOID",
    "ROI_PAC",
    "ISCE",
    "PDS",
    "PDS4",
    "ISIS3",
    "VICAR",
    "FITS",
    "Leveller",
    "Terragen",
    "ZMap",
    "SIGDEM",
    "KRO",
    "BSB",
];

/// Seconds that a request of GDAL's may take, and its connection.
const LONGEST_WAIT: u64 = 30;
const LONGEST_CONNECT: u64 = 10;

/// Keeps GDAL from writing this thread's errors to the terminal for as long as it lives.
pub(crate) struct Quiet;

impl Quiet {
    pub(crate) fn new() -> Self {
        // SAFETY: both calls concern only this thread; the handler is GDAL's own, and is popped on drop.
        unsafe {
            gdal_sys::CPLErrorReset();
            gdal_sys::CPLPushErrorHandler(Some(gdal_sys::CPLQuietErrorHandler));
        }
        Self
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // SAFETY: pops what `new` pushed on this thread; the type never leaves a function.
        unsafe { gdal_sys::CPLPopErrorHandler() };
    }
}

/// What GDAL said last on this thread, or at least what failed.
pub(crate) fn reason(error: &gdal::errors::GdalError) -> String {
    // SAFETY: GDAL keeps the message of this thread's last error in memory of its own, ended by a zero byte; it is
    // copied before anything else is called.
    let message = unsafe {
        let message = gdal_sys::CPLGetLastErrorMsg();
        (!message.is_null()).then(|| std::ffi::CStr::from_ptr(message).to_string_lossy().into_owned())
    };
    match (message.filter(|message| !message.is_empty()), error) {
        (Some(message), _) => message,
        (None, gdal::errors::GdalError::CplError { msg, .. }) if !msg.is_empty() => msg.clone(),
        (None, gdal::errors::GdalError::NullPointer { .. }) => "no driver recognises it".to_owned(),
        (None, error) => error.to_string(),
    }
}

/// Opens a file of this machine.
///
/// # Errors
/// What GDAL says.
pub(crate) fn open(path: &Path, book: &Book) -> Result<RasterFacts, String> {
    let _quiet = Quiet::new();
    facts(&dataset(path, &DRIVERS)?, book)
}

/// Opens something on a network.
///
/// # Errors
/// What GDAL says.
pub(crate) fn open_remote(path: &str, timeout: Option<Duration>, book: &Book) -> Result<RasterFacts, String> {
    let _quiet = Quiet::new();
    let set = |name: &str| !gdal::config::get_config_option(name, "").unwrap_or_default().is_empty();
    // GDAL would list the directory of the server else. What is set for this thread only changes how much is asked for.
    let mut options = vec![("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR".to_owned())];
    for (name, usual) in [("GDAL_HTTP_TIMEOUT", LONGEST_WAIT), ("GDAL_HTTP_CONNECTTIMEOUT", LONGEST_CONNECT)] {
        // What the environment says counts, unless the caller knows better.
        if timeout.is_some() || !set(name) {
            let most = timeout.map_or(usual, |timeout| timeout.as_secs().clamp(1, usual.max(timeout.as_secs())));
            options.push((name, most.to_string()));
        }
    }
    for (name, value) in &options {
        let _ = gdal::config::set_thread_local_config_option(name, value);
    }
    let opened = dataset(Path::new(path), &DRIVERS).and_then(|dataset| facts(&dataset, book));
    for (name, _) in &options {
        let _ = gdal::config::clear_thread_local_config_option(name);
    }
    opened
}

/// The coordinate reference system of a TIFF, as WKT.
pub(crate) fn definition(path: &Path) -> Option<String> {
    let _quiet = Quiet::new();
    let dataset = dataset(path, &["GTiff"]).ok()?;
    Some(dataset.projection()).filter(|wkt| !wkt.is_empty())
}

fn dataset(path: &Path, drivers: &[&str]) -> Result<Dataset, String> {
    let options = DatasetOptions {
        open_flags: GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_READONLY,
        allowed_drivers: Some(drivers),
        ..DatasetOptions::default()
    };
    Dataset::open_ex(path, options).map_err(|error| {
        let reason = reason(&error);
        if reason.contains("not recognized") { "no driver recognises it".to_owned() } else { reason }
    })
}

fn facts(dataset: &Dataset, book: &Book) -> Result<RasterFacts, String> {
    let (width, height) = dataset.raster_size();
    let (Ok(width), Ok(height)) = (u32::try_from(width), u32::try_from(height)) else {
        return Err("its size is not credible".to_owned());
    };
    let count = dataset.raster_count();
    if count == 0 {
        return Err("it has no raster bands of its own, only subdatasets".to_owned());
    }
    let mut bands = Vec::with_capacity(count.min(super::super::limits::BANDS));
    for number in 1..=count.min(super::super::limits::BANDS) {
        let band = dataset.rasterband(number).map_err(|error| reason(&error))?;
        bands.push(BandFacts { kind: data_type(band.band_type()), no_data: band.no_data_value(), extremes: None });
    }
    let first = dataset.rasterband(1).map_err(|error| reason(&error))?;
    let colors = first.color_table().map(|table| {
        let byte = |value: i16| value.clamp(0, 255) as u8;
        let colors = (0..table.entry_count()).filter_map(|index| table.entry_as_rgb(index));
        colors.map(|entry| [byte(entry.r), byte(entry.g), byte(entry.b)]).collect()
    });
    let overviews = (0..first.overview_count().unwrap_or(0).max(0) as usize).filter_map(|index| {
        let overview = first.overview(index).ok()?;
        Some((f64::from(width) / overview.x_size().max(1) as f64).round() as u32)
    });
    let (block_width, block_height) = first.block_size();
    let wkt = dataset.projection();
    Ok(RasterFacts {
        driver: "other",
        width,
        height,
        bands: Bands::of(bands),
        crs: (!wkt.is_empty()).then(|| book.definition(&wkt)),
        geo_transform: dataset.geo_transform().ok(),
        palette: colors.map(|colors| book.palette(colors)),
        overviews: overviews.collect(),
        block: Some((u32::try_from(block_width).unwrap_or(1), u32::try_from(block_height).unwrap_or(1))),
        has_mask: first.mask_flags().is_ok_and(|flags| flags.is_per_dataset() && !flags.is_alpha()),
    })
}

fn data_type(kind: GdalDataType) -> Option<DataType> {
    DataType::parse(&kind.name()).map(|(kind, _)| kind)
}
