//! The rules `GS-…`: why GeoServer does what the capability table says. Here are those about codecs and samples.

use parcelle_report::{Rule, Severity};

use super::{rules_access as access, rules_place as place};

/// All rules of this catalogue, by id.
pub static RULES: &[&Rule] = &[
    &ALPHA_GUESSED,
    &MANY_BANDS,
    &FOUR_BYTES,
    &UNSUPPORTED_CODEC,
    &JPEG_BANDS,
    &JPEG_TABLES,
    &OLD_JPEG,
    &ZSTD_WINDOW,
    &place::MODEL_TYPE,
    &place::PROJECTION,
    &place::DATUM,
    &place::WRONG_PLACE,
    &place::NO_CRS,
    &place::NO_CODE,
    &place::VERTICAL,
    &place::RAGGED_KEYS,
    &access::DAMAGED,
    &access::LOOP,
    &place::NO_TRANSFORM,
    &place::GCPS,
    &access::HEADER_AT_END,
    &access::LATE_HEADER,
    &access::LONG_HEADER,
    &access::SMALL_TILES,
    &access::CHAIN,
    &access::MASK_LEVELS,
    &place::SCALED,
    &place::NODATA_TEXT,
    &place::INFINITE_NODATA,
    &place::NODATA_NEVER,
    &access::NO_OVERVIEWS,
    &MIN_IS_WHITE,
    &COLOUR_SPACE,
    &SHORT_PALETTE,
    &PROFILE,
    &YCBCR,
    &PLANAR_COUNT,
    &PREDICTOR,
    &LZW_DIFFERENCES,
    &access::SIDE_MASK,
    &access::PROJECTION_FILE,
    &access::AUX_FILE,
    &access::OVERVIEW_FILE,
    &access::OTHER_PROJECTION,
    &access::OTHER_AUX,
    &SPARSE_NO_NODATA,
    &SPARSE_BANDS,
    &SPARSE_FILL,
    &access::WIDE_STRIPS,
    &access::HUGE_BLOCKS,
    &WIDE_TYPE,
    &SIGN,
    &HALF_FLOAT,
    &ODD_BITS,
];

/// The rules about GeoTools' `GeoTiffReader`, which finds the place and the mask of the pixels that imageio-ext decodes.
static ABOUT_PLACE: &[&Rule] = &[
    &place::MODEL_TYPE,
    &place::PROJECTION,
    &place::DATUM,
    &place::WRONG_PLACE,
    &place::NO_CRS,
    &place::NO_CODE,
    &place::VERTICAL,
    &place::NO_TRANSFORM,
    &place::GCPS,
    &place::RAGGED_KEYS,
    &access::MASK_LEVELS,
];

/// Whether a rule is one of those.
pub(super) fn is_about_place(rule: &Rule) -> bool {
    ABOUT_PLACE.iter().any(|known| known.id == rule.id)
}

static ALPHA_GUESSED: Rule = Rule {
    id: "GS-BAND-001",
    severity: Severity::Warning,
    title: "the last of its bands is taken for transparency, which the file does not say",
    why: "TIFFDecompressor gives images of two bands, of four bands of 16 bits, and of two or four bands of 32 bits \
          a colour model with alpha, whatever ExtraSamples says. Without a style that selects channels the last \
          band, say near infrared, makes the map transparent.",
    fix: "Select the channels in the style (SLD ChannelSelection), or leave the band out: gdal_translate IN.tif \
          OUT.tif -of COG -b 1",
    reference: "imageio-ext TIFFDecompressor.getRawImageTypeSpecifier",
};

static MANY_BANDS: Rule = Rule {
    id: "GS-BAND-002",
    severity: Severity::Info,
    title: "without a style that selects channels GeoServer cannot draw it in colours",
    why: "Images of five bands and more, and of several Float64 bands, get the colour space NotAColorSpace, which \
          has no red, green and blue. WMS draws them once the style says which bands are to be which (SLD \
          ChannelSelection).",
    fix: "",
    reference: "imageio-ext TIFFDecompressor.getRawImageTypeSpecifier",
};

static FOUR_BYTES: Rule = Rule {
    id: "GS-BAND-003",
    severity: Severity::Error,
    title: "four bands of bytes without the tag ExtraSamples have no colour model",
    why: "TIFFDecompressor takes four bands of 8 bits for red, green, blue and one more, but without ExtraSamples \
          makes an image type of three components with four offsets, which Java refuses. ExtraSamples says what \
          the fourth band is.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -colorinterp_4 undefined",
    reference: "imageio-ext TIFFDecompressor.getRawImageTypeSpecifier",
};

static UNSUPPORTED_CODEC: Rule = Rule {
    id: "GS-CMP-001",
    severity: Severity::Error,
    title: "its compression is not supported",
    why: "TIFFImageReader has decompressors for CCITT, LZW, JPEG, Deflate, PackBits and (since GeoServer 2.19.3 and \
          2.20.0) ZSTD. The codec is looked up when the first tile is read, so store and layer are published \
          without complaint and every map fails. The same holds for overviews of another codec: only zoomed-out \
          maps fail.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co \
          OVERVIEWS=IGNORE_EXISTING",
    reference: "imageio-ext TIFFImageReader.initializeDecompressor",
};

static JPEG_BANDS: Rule = Rule {
    id: "GS-CMP-002",
    severity: Severity::Error,
    title: "JPEG of two or four bands by pixel is beyond the JPEG reader of Java",
    why: "Java's JPEG reader takes a picture of four components for inverted CMYK, so that each sample becomes 255 \
          minus itself, and has no image type for two components. One and three bands, and planes stored one by \
          one, are read bit by bit as GDAL reads them.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co \
          OVERVIEWS=IGNORE_EXISTING",
    reference: "imageio-ext TIFFJPEGDecompressor; javax.imageio JPEG plug-in",
};

static JPEG_TABLES: Rule = Rule {
    id: "GS-CMP-003",
    severity: Severity::Warning,
    title: "its JPEG tiles carry their own tables instead of the tag JPEGTables",
    why: "DefaultCogImageInputStream only has the byte ranges it asked for. Where JPEGTables is missing the reader \
          looks for the tables elsewhere than in the tile, at bytes that were never requested.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=JPEG -co QUALITY=90",
    reference: "imageio-ext plugin/cog DefaultCogImageInputStream",
};

static OLD_JPEG: Rule = Rule {
    id: "GS-CMP-004",
    severity: Severity::Error,
    title: "JPEG as TIFF 6.0 had it is not whole, or not baseline",
    why: "TIFFOldJPEGDecompressor needs either a JPEG stream (JPEGInterchangeFormat) or all of the tags \
          JPEGQTables, JPEGDCTables and JPEGACTables, and does the baseline process alone.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext TIFFOldJPEGDecompressor.initialize, TIFFImageReader.getDecompressor",
};

static ZSTD_WINDOW: Rule = Rule {
    id: "GS-CMP-005",
    severity: Severity::Error,
    title: "its Zstandard wants more memory than the decoder in Java has",
    why: "A frame of Zstandard says how far back it refers. libtiff does not tell zstd how much is to come, so that levels 20 \
          to 22 ask for windows of 32 to 128 MB even for a small tile; the decoder of imageio-ext (aircompressor) stops at 8 MB. \
          Levels up to 19 are read, and so are tiles of noise, which are stored as they are.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=ZSTD -co LEVEL=9 -co PREDICTOR=YES -co \
          OVERVIEWS=IGNORE_EXISTING",
    reference: "aircompressor ZstdFrameDecompressor; RFC 8878, section 3.1.1.1.2",
};

static MIN_IS_WHITE: Rule = Rule {
    id: "GS-PHO-001",
    severity: Severity::Error,
    title: "PhotometricInterpretation MinIsWhite inverts the values",
    why: "For whole numbers of up to 16 bits TIFFDecompressor subtracts each value from the greatest one, which \
          GDAL does not, and leaves nodata as it is. With 32 bits it runs past the end of an array.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext TIFFDecompressor.decode",
};

static COLOUR_SPACE: Rule = Rule {
    id: "GS-PHO-002",
    severity: Severity::Error,
    title: "its colours are CIELab or CMYK, which come out otherwise than GDAL shows them",
    why: "TIFFImageReader converts CIELab to linear RGB, and hands CMYK on with a colour space of its own; GDAL gives \
          RGBA for both. Styles and clients that expect red, green and blue show wrong colours.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -b 1 -b 2 -b 3 -colorinterp \
          red,green,blue",
    reference: "imageio-ext TIFFImageReader, TIFFCIELabColorConverter, SimpleCMYKColorSpace",
};

static SHORT_PALETTE: Rule = Rule {
    id: "GS-PHO-003",
    severity: Severity::Error,
    title: "its colour table is too short for the values it has",
    why: "TIFFDecompressor takes an entry for each value that the bits of a sample can have, and runs past the end \
          of a ColorMap that has fewer.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -expand rgb",
    reference: "imageio-ext TIFFDecompressor.getRawImageTypeSpecifier; TIFF 6.0, section 5",
};

static PROFILE: Rule = Rule {
    id: "GS-PHO-004",
    severity: Severity::Error,
    title: "its ICC profile is too short to be one",
    why: "TIFFImageReader gives the tag ICCProfile to java.awt.color.ICC_Profile, which refuses what has no sound \
          header. Nothing catches that.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -mo SOURCE_ICC_PROFILE=",
    reference: "imageio-ext TIFFImageReader.getImageTypes",
};

static YCBCR: Rule = Rule {
    id: "GS-PHO-005",
    severity: Severity::Error,
    title: "its colours are YCbCr without JPEG, of which Java makes other numbers, by 1",
    why: "TIFFYCbCrDecompressor reckons red, green and blue in floating point and cuts the fraction off, where libtiff rounds: \
          about every third sample is 1 less than GDAL has it. Hardly seen on a map, but a style by exact values misses it. GDAL \
          3.6 writes such overviews into a COG of JPEG whose overviews have another codec.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=JPEG -co QUALITY=90 -co OVERVIEW_COMPRESS=JPEG -co \
          OVERVIEWS=IGNORE_EXISTING",
    reference: "imageio-ext TIFFYCbCrDecompressor",
};

static PLANAR_COUNT: Rule = Rule {
    id: "GS-PLANAR-001",
    severity: Severity::Error,
    title: "band by band storage of this number of tiles or strips is taken for pixel by pixel",
    why: "TIFFImageReader.getPlanarConfiguration compares the number of offsets with what it expects before it \
          knows the size of the image: three tiles, or nine strips, in all make it reset PlanarConfiguration to \
          chunky. The tiles of one band are then read as all bands. In a COG of three bands stored by band this is \
          the smallest overview.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co \
          OVERVIEWS=IGNORE_EXISTING",
    reference: "imageio-ext TIFFImageReader.getPlanarConfiguration",
};

static PREDICTOR: Rule = Rule {
    id: "GS-PRED-001",
    severity: Severity::Error,
    title: "this predictor with this sample type is not supported by its decompressor",
    why: "Predictors came bit by bit: 32 bits, floating point with LZW, several bands by pixel and by plane, 64 \
          bits. Each release of GeoServer carries an imageio-ext that has some of them; older ones throw, or undo \
          the differences across the wrong samples.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=NO",
    reference: "imageio-ext PredictorDecompressor, TIFFLZWDecompressor",
};

static LZW_DIFFERENCES: Rule = Rule {
    id: "GS-PRED-002",
    severity: Severity::Error,
    title: "of bytes packed by LZW with predictor 2 only the first strip is undone",
    why: "TIFFLZWDecompressor tells the predictor where it reads in the place of where it writes. As long as a strip, or a           tile as wide as the image, is decoded on its own that is the same; where it is decoded straight into the image,           the first one is undone over and over, and the others not at all: noise, without any error in the log.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext TIFFLZWDecompressor.decode, PredictorDecompressor.decompress",
};

static SPARSE_NO_NODATA: Rule = Rule {
    id: "GS-SPARSE-001",
    severity: Severity::Error,
    title: "tiles are left out and there is no nodata value to fill them with",
    why: "Tiles with offset and byte count 0 are filled with GDAL_NODATA. Without it the decompressor is given an \
          empty tile: LZW and JPEG throw, uncompressed data show the first bytes of the file. Deflate, ZSTD and \
          PackBits give zeros.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co SPARSE_OK=FALSE",
    reference: "imageio-ext TIFFDecompressor, TIFFLZWDecompressor, TIFFJPEGDecompressor",
};

static SPARSE_BANDS: Rule = Rule {
    id: "GS-SPARSE-002",
    severity: Severity::Error,
    title: "left out tiles of several bands of bytes are filled with nodata in part only",
    why: "setEmptyTile(byte[]) counts pixels where it should count samples, so that only the first part of each row \
          of the tile becomes nodata and the rest 0.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co SPARSE_OK=FALSE",
    reference: "imageio-ext TIFFDecompressor.setEmptyTile",
};

static SPARSE_FILL: Rule = Rule {
    id: "GS-SPARSE-003",
    severity: Severity::Error,
    title: "left out tiles are filled with another value than nodata, or cannot be filled",
    why: "Tiles with offset and byte count 0 are filled with GDAL_NODATA cast to the type of the samples as Java \
          casts: a fraction is cut off, and a number beyond the type wraps around. Bilevel tiles are not filled at \
          all, and those of 2 and 4 bits run past the end of an array.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co SPARSE_OK=FALSE",
    reference: "imageio-ext TIFFDecompressor.decode, setEmptyTile",
};

static WIDE_TYPE: Rule = Rule {
    id: "GS-TYPE-001",
    severity: Severity::Error,
    title: "whole numbers of 64 bits and complex numbers are not supported",
    why: "TIFFDecompressor has image types for 64 bits only of floating point, and none for 128 bits. The store \
          cannot be created.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot TYPE (of complex numbers this keeps the \
          real part)",
    reference: "imageio-ext TIFFDecompressor.getRawImageTypeSpecifier",
};

static SIGN: Rule = Rule {
    id: "GS-TYPE-002",
    severity: Severity::Error,
    title: "Java has no such type, so that values get another sign or meaning",
    why: "Int8 is read as unsigned bytes (-1 becomes 255), UInt32 as signed integers (2^31 and more become \
          negative), pairs of Int16 (CInt16) as one Int32. Nothing is logged.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot TYPE",
    reference: "imageio-ext TIFFDecompressor",
};

static HALF_FLOAT: Rule = Rule {
    id: "GS-TYPE-003",
    severity: Severity::Error,
    title: "half floats are taken for whole numbers of 16 bits",
    why: "For 16 bits TIFFDecompressor does not look at SampleFormat 3: the bit pattern of 1.0 is shown as 15360. \
          From five bands on there is no image type at all.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot TYPE",
    reference: "imageio-ext TIFFDecompressor",
};

static ODD_BITS: Rule = Rule {
    id: "GS-TYPE-004",
    severity: Severity::Error,
    title: "samples of this number of bits are not supported",
    why: "Image types exist for 1, 2, 4, 8, 16, 32 and 64 bits; GDAL's NBITS allows the others.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot TYPE",
    reference: "imageio-ext TIFFDecompressor",
};

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn ids_are_sorted_unique_and_rules_whole() {
        assert!(RULES.is_sorted_by(|left, right| left.id < right.id));
        for rule in RULES {
            assert!(rule.id.starts_with("GS-") && !rule.title.is_empty(), "{}", rule.id);
            assert!(rule.why.len() > 40 && !rule.reference.is_empty(), "{}", rule.id);
        }
    }
}
