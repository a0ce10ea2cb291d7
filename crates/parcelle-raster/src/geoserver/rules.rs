//! The rules `GS-…`: why GeoServer does what the capability table says.

use parcelle_report::{Rule, Severity};

/// All rules of this catalogue, by id.
pub static RULES: &[&Rule] = &[
    &ALPHA_GUESSED,
    &UNSUPPORTED_CODEC,
    &JPEG_BANDS,
    &JPEG_TABLES,
    &MODEL_TYPE,
    &PROJECTION,
    &DATUM,
    &WRONG_PLACE,
    &NO_CRS,
    &DAMAGED,
    &LOOP,
    &NO_TRANSFORM,
    &GCPS,
    &HEADER_AT_END,
    &LATE_HEADER,
    &CHAIN,
    &SCALED,
    &NODATA_TEXT,
    &MIN_IS_WHITE,
    &COLOUR_SPACE,
    &PLANAR_COUNT,
    &PREDICTOR,
    &SIDE_MASK,
    &SPARSE_NO_NODATA,
    &SPARSE_BANDS,
    &WIDE_TYPE,
    &SIGN,
    &HALF_FLOAT,
    &ODD_BITS,
];

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

static MODEL_TYPE: Rule = Rule {
    id: "GS-CRS-001",
    severity: Severity::Error,
    title: "GeoTools accepts geographic and projected coordinate reference systems only, and the GeoKeys give neither",
    why: "Where there is a GeoKeyDirectory, GeoTiffMetadata2CRSAdapter insists on GTModelType 1 or 2, or 32767 with \
          an ESRI PE string. GDAL writes GeoKeys without a model type for local systems and for \
          files without a system whose pixels are points. Nothing catches the exception, so the store cannot be \
          created.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code> (or put a .prj file beside it, which a store on a \
          file system prefers to the GeoKeys)",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter.createCoordinateSystem",
};

static PROJECTION: Rule = Rule {
    id: "GS-CRS-002",
    severity: Severity::Error,
    title: "GeoTools has no projection for its coordinate reference system",
    why: "Of user-defined projections GeoTiffMetadata2CRSAdapter knows Mercator (also transverse and oblique), \
          Lambert conformal and azimuthal, Albers, azimuthal equidistant, stereographic, equirectangular, \
          orthographic, sinusoidal, Van der Grinten, the New Zealand map grid and Krovak; of \
          those in ESRI PE strings it does not know all. For some EPSG codes, such \
          as 6933, the mathematical transform is missing.",
    fix: "gdalwarp IN.tif OUT.tif -of COG -t_srs EPSG:3857",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter.setParametersForProjection",
};

static DATUM: Rule = Rule {
    id: "GS-CRS-003",
    severity: Severity::Error,
    title: "its user-defined coordinate reference system has no datum or ellipsoid that GeoTools finds",
    why: "A user-defined geographic system needs GeogGeodeticDatum, and a user-defined datum GeogEllipsoid; \
          GeoTools does not fall back on the axes of the ellipsoid that stand in the other keys.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code>",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter.createGeodeticDatum, createEllipsoid",
};

static WRONG_PLACE: Rule = Rule {
    id: "GS-CRS-004",
    severity: Severity::Error,
    title: "GeoTools computes another place for its coordinate reference system than PROJ does",
    why: "The system is accepted and the map is shown, but elsewhere: the standard parallel of equirectangular and \
          polar stereographic projections is not read, the unit of a user-defined system is not applied to its \
          parameters, and some projections are computed on a sphere. The error goes from 20 km to thousands.",
    fix: "gdalwarp IN.tif OUT.tif -of COG -t_srs EPSG:3857",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter, measured against PROJ at the centre of the image",
};

static NO_CRS: Rule = Rule {
    id: "GS-CRS-005",
    severity: Severity::Warning,
    title: "it has no coordinate reference system, so that the layer gets the generic 2D one and has to be declared \
          by hand",
    why: "Without GeoKeys GeoTiffReader takes GeoTools' generic 2D system, which cannot be reprojected. The layer \
          needs its native system declared, with the handling FORCE_DECLARED.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code>",
    reference: "GeoTools GeoTiffReader.getHRInfo",
};

static DAMAGED: Rule = Rule {
    id: "GS-FILE-001",
    severity: Severity::Error,
    title: "it is damaged or cut off",
    why: "The reader finds no image it could show, or stops with an end of file in the middle of a tile. What is \
          missing is missing for every reader.",
    fix: "Not repairable from this file: get the source again (download or export it once more as SOURCE.tif), then: \
          gdal_translate SOURCE.tif COG.tif -of COG",
    reference: "imageio-ext TIFFImageMetadata, TIFFDeflateDecompressor",
};

static LOOP: Rule = Rule {
    id: "GS-FILE-002",
    severity: Severity::Error,
    title: "its chain of directories loops, which fills the memory of the server",
    why: "TIFFImageReader counts the images by following the chain to its end and has no guard against a loop: it \
          allocates until the heap is full. One such file can take the whole GeoServer down.",
    fix: "Not repairable from this file: get the source again (download or export it once more as SOURCE.tif), then: \
          gdal_translate SOURCE.tif COG.tif -of COG",
    reference: "imageio-ext TIFFImageReader.locateImage",
};

static NO_TRANSFORM: Rule = Rule {
    id: "GS-GEO-001",
    severity: Severity::Error,
    title: "nothing says where its pixels are",
    why: "GeoTiffReader needs ModelPixelScale with ModelTiepoint, or a ModelTransformation that can be inverted; \
          for local files a world file (.tfw, .wld) does too. Over HTTP no file beside the raster is looked for.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code> -a_ullr <left> <top> <right> <bottom>",
    reference: "GeoTools GeoTiffReader.getHRInfo; GeoTiffFormat.accepts",
};

static GCPS: Rule = Rule {
    id: "GS-GEO-002",
    severity: Severity::Error,
    title: "its place is given by ground control points only",
    why: "With several tie points and no scale GeoTiffReader keeps the points, gives the grid the identity \
          transform and the generic 2D system: the layer is published at pixel coordinates.",
    fix: "gdalwarp IN.tif OUT.tif -of COG",
    reference: "GeoTools GeoTiffReader.getHRInfo",
};

static HEADER_AT_END: Rule = Rule {
    id: "GS-HTTP-001",
    severity: Severity::Warning,
    title: "its last tag ends where the file ends",
    why: "DefaultCogImageInputStream reads the header in steps of 16 KiB and asks for another one where the \
          position equals the end of what it has. At the end of the file that range does not exist, and the server \
          answers 416. Typical of COGs that were edited in place. The first attempt to open fails; later ones may \
          succeed.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext plugin/cog DefaultCogImageInputStream",
};

static LATE_HEADER: Rule = Rule {
    id: "GS-HTTP-002",
    severity: Severity::Warning,
    title: "directories or tag values lie so far back that the file is read up to them in steps of 16 KiB",
    why: "Whatever header lies behind the first 16 KiB (-Dit.geosolutions.cog.default.header.length) is reached by \
          downloading everything before it, request after request. A gigabyte with its directory at the end takes \
          65,536 requests before the first pixel.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext issue 281; DefaultCogImageInputStream",
};

static CHAIN: Rule = Rule {
    id: "GS-IFD-001",
    severity: Severity::Error,
    title: "its overviews and masks are not where GeoServer counts them",
    why: "TiffDatasetLayoutImpl counts overviews and masks and then assumes the order main image, its mask, \
          overviews, their masks. A mask added after the overviews, or a page between, shifts the numbers: a mask \
          is drawn as an overview, an overview used for another scale.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext TiffDatasetLayoutImpl",
};

static SCALED: Rule = Rule {
    id: "GS-META-001",
    severity: Severity::Info,
    title: "scale and offset are applied where RESCALE_PIXELS is on, so values in maps and styles are the scaled ones",
    why: "Scale and offset in GDAL_METADATA reach the coverage, and GeoServer applies them on reading unless the \
          coverage parameter RESCALE_PIXELS is switched off. Styles made for the stored numbers then no longer fit.",
    fix: "",
    reference: "GeoTools GeoTiffReader; imageio-ext TIFFImageReader",
};

static NODATA_TEXT: Rule = Rule {
    id: "GS-NODATA-001",
    severity: Severity::Error,
    title: "Java cannot read its nodata value",
    why: "TIFFImageReader understands nan, inf and -inf in exactly these spellings and gives all else to \
          Double.parseDouble: -nan, +inf, 1.#QNAN, a decimal comma, several values, words or an empty text make the \
          whole file unreadable.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -a_nodata NODATA",
    reference: "imageio-ext TIFFImageReader (GDAL_NODATA)",
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

static SIDE_MASK: Rule = Rule {
    id: "GS-SIDE-001",
    severity: Severity::Warning,
    title: "the mask in the .msk file is not looked for",
    why: "MaskOverviewProvider looks for .msk beside local files. A COG store asks for the raster and its .ovr \
          alone, so what the mask hides is shown.",
    fix: "gdal_translate IN.tif OUT.tif -of COG",
    reference: "imageio-ext MaskOverviewProvider",
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

static WIDE_TYPE: Rule = Rule {
    id: "GS-TYPE-001",
    severity: Severity::Error,
    title: "whole numbers of 64 bits and complex numbers are not supported",
    why: "TIFFDecompressor has image types for 64 bits only of floating point, and none for 128 bits. The store \
          cannot be created.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot Float64 (of complex numbers this keeps the \
          real part)",
    reference: "imageio-ext TIFFDecompressor.getRawImageTypeSpecifier",
};

static SIGN: Rule = Rule {
    id: "GS-TYPE-002",
    severity: Severity::Error,
    title: "Java has no such type, so that values get another sign or meaning",
    why: "Int8 is read as unsigned bytes (-1 becomes 255), UInt32 as signed integers (2^31 and more become \
          negative), pairs of Int16 (CInt16) as one Int32. Nothing is logged.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot Float64",
    reference: "imageio-ext TIFFDecompressor",
};

static HALF_FLOAT: Rule = Rule {
    id: "GS-TYPE-003",
    severity: Severity::Error,
    title: "half floats are taken for whole numbers of 16 bits",
    why: "For 16 bits TIFFDecompressor does not look at SampleFormat 3: the bit pattern of 1.0 is shown as 15360. \
          From five bands on there is no image type at all.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot Float32",
    reference: "imageio-ext TIFFDecompressor",
};

static ODD_BITS: Rule = Rule {
    id: "GS-TYPE-004",
    severity: Severity::Error,
    title: "samples of this number of bits are not supported",
    why: "Image types exist for 1, 2, 4, 8, 16, 32 and 64 bits; GDAL's NBITS allows the others.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot Int32",
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
