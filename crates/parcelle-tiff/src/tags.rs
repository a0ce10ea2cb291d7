//! Numbers and names of the tags of TIFF 6.0, its supplements, GeoTIFF and GDAL.

macro_rules! tags {
    ($($constant:ident = $number:literal, $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: u16 = $number;)*

        /// The specification's name of a tag, if it is one this crate knows.
        #[must_use]
        pub const fn name(tag: u16) -> Option<&'static str> {
            match tag {
                $($number => Some($name),)*
                _ => None,
            }
        }
    };
}

tags! {
    NEW_SUBFILE_TYPE = 254, "NewSubfileType";
    SUBFILE_TYPE = 255, "SubfileType";
    IMAGE_WIDTH = 256, "ImageWidth";
    IMAGE_LENGTH = 257, "ImageLength";
    BITS_PER_SAMPLE = 258, "BitsPerSample";
    COMPRESSION = 259, "Compression";
    PHOTOMETRIC_INTERPRETATION = 262, "PhotometricInterpretation";
    FILL_ORDER = 266, "FillOrder";
    DOCUMENT_NAME = 269, "DocumentName";
    IMAGE_DESCRIPTION = 270, "ImageDescription";
    MAKE = 271, "Make";
    MODEL = 272, "Model";
    STRIP_OFFSETS = 273, "StripOffsets";
    ORIENTATION = 274, "Orientation";
    SAMPLES_PER_PIXEL = 277, "SamplesPerPixel";
    ROWS_PER_STRIP = 278, "RowsPerStrip";
    STRIP_BYTE_COUNTS = 279, "StripByteCounts";
    MIN_SAMPLE_VALUE = 280, "MinSampleValue";
    MAX_SAMPLE_VALUE = 281, "MaxSampleValue";
    X_RESOLUTION = 282, "XResolution";
    Y_RESOLUTION = 283, "YResolution";
    PLANAR_CONFIGURATION = 284, "PlanarConfiguration";
    PAGE_NAME = 285, "PageName";
    T4_OPTIONS = 292, "T4Options";
    T6_OPTIONS = 293, "T6Options";
    RESOLUTION_UNIT = 296, "ResolutionUnit";
    PAGE_NUMBER = 297, "PageNumber";
    TRANSFER_FUNCTION = 301, "TransferFunction";
    SOFTWARE = 305, "Software";
    DATE_TIME = 306, "DateTime";
    ARTIST = 315, "Artist";
    HOST_COMPUTER = 316, "HostComputer";
    PREDICTOR = 317, "Predictor";
    WHITE_POINT = 318, "WhitePoint";
    PRIMARY_CHROMATICITIES = 319, "PrimaryChromaticities";
    COLOR_MAP = 320, "ColorMap";
    TILE_WIDTH = 322, "TileWidth";
    TILE_LENGTH = 323, "TileLength";
    TILE_OFFSETS = 324, "TileOffsets";
    TILE_BYTE_COUNTS = 325, "TileByteCounts";
    SUB_IFDS = 330, "SubIFDs";
    INK_SET = 332, "InkSet";
    EXTRA_SAMPLES = 338, "ExtraSamples";
    SAMPLE_FORMAT = 339, "SampleFormat";
    S_MIN_SAMPLE_VALUE = 340, "SMinSampleValue";
    S_MAX_SAMPLE_VALUE = 341, "SMaxSampleValue";
    JPEG_TABLES = 347, "JPEGTables";
    Y_CB_CR_COEFFICIENTS = 529, "YCbCrCoefficients";
    Y_CB_CR_SUB_SAMPLING = 530, "YCbCrSubSampling";
    Y_CB_CR_POSITIONING = 531, "YCbCrPositioning";
    REFERENCE_BLACK_WHITE = 532, "ReferenceBlackWhite";
    XMP = 700, "XMP";
    COPYRIGHT = 33432, "Copyright";
    MODEL_PIXEL_SCALE = 33550, "ModelPixelScale";
    MODEL_TIEPOINT = 33922, "ModelTiepoint";
    MODEL_TRANSFORMATION = 34264, "ModelTransformation";
    PHOTOSHOP = 34377, "Photoshop";
    EXIF_IFD = 34665, "ExifIFD";
    ICC_PROFILE = 34675, "ICCProfile";
    GEO_KEY_DIRECTORY = 34735, "GeoKeyDirectory";
    GEO_DOUBLE_PARAMS = 34736, "GeoDoubleParams";
    GEO_ASCII_PARAMS = 34737, "GeoAsciiParams";
    GDAL_METADATA = 42112, "GDAL_METADATA";
    GDAL_NODATA = 42113, "GDAL_NODATA";
    LERC_PARAMETERS = 50674, "LercParameters";
    RPC_COEFFICIENT = 50844, "RPCCoefficient";
}

/// The name of a tag, or its number where it has none here.
#[must_use]
pub fn label(tag: u16) -> String {
    name(tag).map_or_else(|| format!("tag {tag}"), str::to_owned)
}

/// Tags whose values [`crate::Structure`] keeps although they do not fit into the entry. The block index (offsets and
/// byte counts) is kept apart, see [`crate::BlockIndex`]; blobs that no rule reads (ICC, XMP, Photoshop) stay in the file.
pub(crate) const fn is_kept(tag: u16) -> bool {
    matches!(
        tag,
        BITS_PER_SAMPLE
            | SAMPLE_FORMAT
            | EXTRA_SAMPLES
            | COLOR_MAP
            | SUB_IFDS
            | JPEG_TABLES
            | Y_CB_CR_SUB_SAMPLING
            | REFERENCE_BLACK_WHITE
            | IMAGE_DESCRIPTION
            | SOFTWARE
            | MODEL_PIXEL_SCALE
            | MODEL_TIEPOINT
            | MODEL_TRANSFORMATION
            | GEO_KEY_DIRECTORY
            | GEO_DOUBLE_PARAMS
            | GEO_ASCII_PARAMS
            | GDAL_METADATA
            | GDAL_NODATA
            | LERC_PARAMETERS
    )
}

/// What kind of numbers a tag's values must be, for the tags whose wrong type makes a file unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// BYTE, SHORT, LONG or LONG8. TIFF 6.0 asks for SHORT or LONG; libtiff reads any of them.
    Unsigned,
    /// DOUBLE.
    Double,
    /// ASCII.
    Ascii,
}

pub(crate) const fn expected(tag: u16) -> Option<Expected> {
    match tag {
        NEW_SUBFILE_TYPE
        | IMAGE_WIDTH
        | IMAGE_LENGTH
        | BITS_PER_SAMPLE
        | COMPRESSION
        | PHOTOMETRIC_INTERPRETATION
        | STRIP_OFFSETS
        | SAMPLES_PER_PIXEL
        | ROWS_PER_STRIP
        | STRIP_BYTE_COUNTS
        | PLANAR_CONFIGURATION
        | PREDICTOR
        | TILE_WIDTH
        | TILE_LENGTH
        | TILE_OFFSETS
        | TILE_BYTE_COUNTS
        | EXTRA_SAMPLES
        | SAMPLE_FORMAT
        | GEO_KEY_DIRECTORY => Some(Expected::Unsigned),
        MODEL_PIXEL_SCALE | MODEL_TIEPOINT | MODEL_TRANSFORMATION | GEO_DOUBLE_PARAMS => Some(Expected::Double),
        GEO_ASCII_PARAMS | GDAL_METADATA | GDAL_NODATA => Some(Expected::Ascii),
        _ => None,
    }
}
