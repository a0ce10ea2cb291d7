//! Rules `GS-…` about where an image is and what its values mean: reference system, place, nodata, scale.

use parcelle_report::{Rule, Severity};

pub(super) static MODEL_TYPE: Rule = Rule {
    id: "GS-CRS-001",
    severity: Severity::Error,
    title: "GeoTools accepts geographic and projected coordinate reference systems only, and the GeoKeys give neither",
    why: "Where there is a GeoKeyDirectory, GeoTiffMetadata2CRSAdapter insists on GTModelType 1 or 2, or 32767 with \
          an ESRI PE string. GDAL writes GeoKeys without a model type for local systems and for \
          files without a system whose pixels are points. A geographic system of three axes does not fit an image of \
          two. Nothing catches the exception, so the store cannot be created.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code> (or put a .prj file beside it, which a store on a \
          file system prefers to the GeoKeys)",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter.createCoordinateSystem",
};

pub(super) static PROJECTION: Rule = Rule {
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

pub(super) static DATUM: Rule = Rule {
    id: "GS-CRS-003",
    severity: Severity::Error,
    title: "its user-defined coordinate reference system has no datum or ellipsoid that GeoTools finds",
    why: "A user-defined geographic system needs GeogGeodeticDatum, and a user-defined datum GeogEllipsoid; \
          GeoTools does not fall back on the axes of the ellipsoid that stand in the other keys.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code>",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter.createGeodeticDatum, createEllipsoid",
};

pub(super) static WRONG_PLACE: Rule = Rule {
    id: "GS-CRS-004",
    severity: Severity::Error,
    title: "GeoTools computes another place for its coordinate reference system than PROJ does",
    why: "The system is accepted and the map is shown, but elsewhere: the standard parallel of equirectangular and \
          polar stereographic projections is not read, the unit of a user-defined system is not applied to its \
          parameters, and some projections are computed on a sphere. The error goes from 20 km to thousands.",
    fix: "gdalwarp IN.tif OUT.tif -of COG -t_srs EPSG:3857",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter, measured against PROJ at the centre of the image",
};

pub(super) static NO_CRS: Rule = Rule {
    id: "GS-CRS-005",
    severity: Severity::Warning,
    title: "it has no coordinate reference system, so that the layer gets the generic 2D one and has to be declared \
          by hand",
    why: "Without GeoKeys GeoTiffReader takes GeoTools' generic 2D system, which cannot be reprojected. The layer \
          needs its native system declared, with the handling FORCE_DECLARED.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code>",
    reference: "GeoTools GeoTiffReader.getHRInfo",
};

pub(super) static NO_CODE: Rule = Rule {
    id: "GS-CRS-006",
    severity: Severity::Warning,
    title: "GeoServer finds no EPSG code for its user-defined coordinate reference system, so that one has to be \
          declared by hand",
    why: "The GeoKeys spell the system out instead of naming a code. GeoTools builds it, but the look-up of a code \
          mostly finds none, and a layer without a declared system cannot be published.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code>",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter, measured",
};

pub(super) static VERTICAL: Rule = Rule {
    id: "GS-CRS-007",
    severity: Severity::Info,
    title: "the vertical part of its coordinate reference system is not used",
    why: "GeoTiffMetadata2CRSAdapter builds the horizontal system and never looks at the vertical GeoKeys. Heights \
          keep the values they have.",
    fix: "",
    reference: "GeoTools GeoTiffMetadata2CRSAdapter, measured",
};

pub(super) static RAGGED_KEYS: Rule = Rule {
    id: "GS-CRS-008",
    severity: Severity::Error,
    title: "its GeoKeyDirectory ends in the middle of a key",
    why: "GeoTiffIIOMetadataDecoder takes the numbers of the GeoKeyDirectory in fours, a header and then the keys, and does \
          not look whether there are as many as that. It runs before any .prj is looked for, so that none helps.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code>",
    reference: "GeoTools GeoTiffIIOMetadataDecoder",
};

pub(super) static NO_TRANSFORM: Rule = Rule {
    id: "GS-GEO-001",
    severity: Severity::Error,
    title: "nothing says where its pixels are",
    why: "GeoTiffReader needs ModelPixelScale with ModelTiepoint, or a ModelTransformation that can be inverted; \
          for local files a world file (.tfw, .wld) does too. Over HTTP no file beside the raster is looked for.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -a_srs EPSG:<code> -a_ullr <left> <top> <right> <bottom>",
    reference: "GeoTools GeoTiffReader.getHRInfo; GeoTiffFormat.accepts",
};

pub(super) static GCPS: Rule = Rule {
    id: "GS-GEO-002",
    severity: Severity::Error,
    title: "its place is given by ground control points only",
    why: "With several tie points and no scale GeoTiffReader keeps the points, gives the grid the identity \
          transform and the generic 2D system: the layer is published at pixel coordinates.",
    fix: "gdalwarp IN.tif OUT.tif -of COG",
    reference: "GeoTools GeoTiffReader.getHRInfo",
};

pub(super) static SCALED: Rule = Rule {
    id: "GS-META-001",
    severity: Severity::Info,
    title: "scale and offset are applied where RESCALE_PIXELS is on, so values in maps and styles are the scaled ones",
    why: "Scale and offset in GDAL_METADATA reach the coverage, and GeoServer applies them on reading unless the \
          coverage parameter RESCALE_PIXELS is switched off. Styles made for the stored numbers then no longer fit.",
    fix: "",
    reference: "GeoTools GeoTiffReader; imageio-ext TIFFImageReader",
};

pub(super) static NODATA_TEXT: Rule = Rule {
    id: "GS-NODATA-001",
    severity: Severity::Error,
    title: "Java cannot read its nodata value",
    why: "TIFFImageReader understands nan, inf and -inf in exactly these spellings and gives all else to \
          Double.parseDouble: -nan, +inf, 1.#QNAN, a decimal comma, several values, words or an empty text make the \
          whole file unreadable.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -a_nodata NODATA",
    reference: "imageio-ext TIFFImageReader (GDAL_NODATA)",
};

pub(super) static INFINITE_NODATA: Rule = Rule {
    id: "GS-NODATA-002",
    severity: Severity::Info,
    title: "its infinite nodata value is not used, so those pixels are drawn",
    why: "GeoTiffReader leaves infinite nodata out of the coverage: pixels of that value take part in statistics \
          and get the colour of the end of the range.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -a_nodata nan",
    reference: "GeoTools GeoTiffReader",
};

pub(super) static NODATA_NEVER: Rule = Rule {
    id: "GS-NODATA-003",
    severity: Severity::Info,
    title: "no pixel can have its nodata value",
    why: "The nodata value has a fraction, or is beyond the type of the samples: nothing becomes transparent. \
          (GDAL reads it no other way.)",
    fix: "gdal_edit.py -a_nodata <value> IN.tif (or gdal_translate IN.tif OUT.tif -of COG -a_nodata <value>)",
    reference: "GeoTools GeoTiffReader",
};
