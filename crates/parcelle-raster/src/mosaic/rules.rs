//! The rules `GS-MOS-…`: what keeps files from being one ImageMosaic.

use parcelle_report::{Rule, Severity};

/// All rules of this catalogue, by id.
pub static RULES: &[&Rule] = &[
    &UNREADABLE,
    &SYSTEM,
    &COLOURS,
    &SAMPLES,
    &RESOLUTION,
    &NODATA,
    &ROTATED,
    &OVERVIEWS,
    &DUPLICATES,
    &STACKED,
    &DIMENSIONS,
    &UNFITTING,
    &OVERLAPS,
    &HOLES,
    &OTHERS,
];

pub(super) static UNREADABLE: Rule = Rule {
    id: "GS-MOS-001",
    severity: Severity::Error,
    title: "GeoServer cannot show some of its files by themselves",
    why: "A mosaic draws each file with the reader that a store of that file alone would have: what fails there \
          fails for every map that touches the file.",
    fix: "See what the check of each file says",
    reference: "GeoServer: profiles of single files; GeoTools GranuleDescriptor.loadRaster",
};

pub(super) static SYSTEM: Rule = Rule {
    id: "GS-MOS-002",
    severity: Severity::Error,
    title: "its files have different coordinate reference systems",
    why: "The first file that is harvested gives the system of the mosaic, and HomogeneousCRSAcceptor leaves out \
          every file that has another one, which only the log says. \
          (GranuleAcceptors=org.geotools.gce.imagemosaic.acceptors.HeterogeneousCRSAcceptorFactory, \
          HeterogeneousCRS=true and a crs attribute in indexer.properties allow it, at the price of reprojecting.)",
    fix: "gdalwarp IN.tif OUT.tif -of COG -t_srs SYSTEM",
    reference: "GeoTools imagemosaic HomogeneousCRSAcceptor, DefaultGranuleAcceptorFactory",
};

pub(super) static COLOURS: Rule = Rule {
    id: "GS-MOS-003",
    severity: Severity::Error,
    title: "its files have colour models that cannot be put together",
    why: "ColorCheckAcceptor compares the number of colour components with that of the first file, and leaves a \
          file out where they differ and neither is plain grey.",
    fix: "gdal_translate IN.tif OUT.tif -of COG with the bands of the others (-b, -expand rgb, -colorinterp)",
    reference: "GeoTools imagemosaic ColorCheckAcceptor, Utils.checkColorModels",
};

pub(super) static SAMPLES: Rule = Rule {
    id: "GS-MOS-004",
    severity: Severity::Error,
    title: "its files have different bands or sample types",
    why: "Files of another type are not refused when they are harvested, but drawn together with the others: of \
          grey ones all get the type that comes last in byte, unsigned short, short, int, float and double, other \
          ones are brought to red, green and blue of bytes. Values are changed without an error.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -ot TYPE",
    reference: "Eclipse ImageN MosaicOpImage (layout of heterogeneous sources)",
};

pub(super) static RESOLUTION: Rule = Rule {
    id: "GS-MOS-005",
    severity: Severity::Warning,
    title: "its files have different resolutions",
    why: "Where the resolutions of two files differ by more than a hundredth the mosaic is marked heterogeneous: \
          each file then chooses its own overview and is resampled to the request, which is allowed and slower.",
    fix: "gdalwarp IN.tif OUT.tif -of COG -tr WIDTH HEIGHT",
    reference: "GeoTools imagemosaic ImageMosaicConfigHandler, Utils.homogeneousCheck",
};

pub(super) static NODATA: Rule = Rule {
    id: "GS-MOS-006",
    severity: Severity::Warning,
    title: "its files have different nodata values",
    why: "The nodata of each file decides where the file is transparent, and that of the mosaic is one value \
          (NoData in indexer.properties, else that of the first file): what is between files, and what a client is \
          told, then fits some of them only.",
    fix: "gdalwarp IN.tif OUT.tif -of COG -dstnodata NODATA",
    reference: "GeoTools imagemosaic ImageMosaicConfigHandler; ImageN MosaicOpImage",
};

pub(super) static ROTATED: Rule = Rule {
    id: "GS-MOS-007",
    severity: Severity::Warning,
    title: "some of its files are rotated or sheared",
    why: "The index keeps the rectangle around each file, and the resolution along the axes. A rotated file is \
          found by a rectangle that it does not fill, and its corners have to come from nodata or a footprint.",
    fix: "gdalwarp IN.tif OUT.tif -of COG",
    reference: "GeoTools imagemosaic ImageMosaicConfigHandler (updateCatalog)",
};

pub(super) static OVERVIEWS: Rule = Rule {
    id: "GS-MOS-008",
    severity: Severity::Warning,
    title: "its files have different overviews",
    why: "Files with fewer overviews mark the mosaic as heterogeneous, and are read at full resolution where the \
          others are read from an overview: maps of large extents become slow in places.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co OVERVIEWS=AUTO",
    reference: "GeoTools imagemosaic ImageMosaicConfigHandler, Utils.homogeneousCheck",
};

pub(super) static DUPLICATES: Rule = Rule {
    id: "GS-MOS-009",
    severity: Severity::Warning,
    title: "some of its files are the same, byte for byte",
    why: "Both are harvested and both are read for every map of their place.",
    fix: "Take one of them out of the directory",
    reference: "measured by comparing the bytes",
};

pub(super) static STACKED: Rule = Rule {
    id: "GS-MOS-010",
    severity: Severity::Warning,
    title: "some of its files have the same place, and their names do not tell them apart",
    why: "Without an attribute for time or elevation the files that lie on one another are all read for each map, \
          and the one that comes last in the index is what is seen.",
    fix: "Put a time or an elevation into the names, or leave the older files out",
    reference: "GeoTools imagemosaic; GeoServer user manual, ImageMosaic",
};

pub(super) static DIMENSIONS: Rule = Rule {
    id: "GS-MOS-011",
    severity: Severity::Info,
    title: "its names hold a time or an elevation, which the mosaic can offer as a dimension",
    why: "A collector with a regular expression takes them from the names into attributes of the index, and the \
          layer then offers them as dimensions.",
    fix: "Put these files into the directory before the store is created",
    reference: "GeoServer user manual, ImageMosaic: time and elevation",
};

pub(super) static UNFITTING: Rule = Rule {
    id: "GS-MOS-012",
    severity: Severity::Warning,
    title: "some names do not hold the time or elevation that most have",
    why: "The collector finds nothing in these names and the attribute stays empty: the file is on no map that \
          asks for a time.",
    fix: "Rename them as the others are named",
    reference: "GeoTools imagemosaic RegExPropertiesCollector",
};

pub(super) static OVERLAPS: Rule = Rule {
    id: "GS-MOS-013",
    severity: Severity::Info,
    title: "some of its files lie over others in part",
    why: "What is on top is decided by the order of the index, unless the store says otherwise (SORTING). Seams \
          move when files are harvested again.",
    fix: "",
    reference: "GeoServer user manual, ImageMosaic: coverage parameters",
};

pub(super) static HOLES: Rule = Rule {
    id: "GS-MOS-014",
    severity: Severity::Warning,
    title: "there are holes in its grid",
    why: "Files lie all around, and nothing in between: a file was not delivered, not copied, or has another name.",
    fix: "Get the missing files",
    reference: "measured by the grid of the files",
};

pub(super) static OTHERS: Rule = Rule {
    id: "GS-MOS-015",
    severity: Severity::Info,
    title: "there are files that the mosaic tries to harvest too",
    why: "The filter of a mosaic is *.* where none is given: each file that GeoTools has a reader for becomes a \
          part of it. With the GDAL extension a VRT is harvested beside its own sources, so that each pixel is \
          there twice.",
    fix: "Put Wildcard=*.tif into indexer.properties",
    reference: "GeoTools imagemosaic Utils.DEFAULT_WILCARD, ImageMosaicDirectoryWalker",
};
