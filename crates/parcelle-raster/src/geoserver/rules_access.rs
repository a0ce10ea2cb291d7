//! Rules `GS-…` about how the bytes are reached: the file and its directories, HTTP, tiles, overviews, files beside it.

use parcelle_report::{Rule, Severity};

pub(super) static DAMAGED: Rule = Rule {
    id: "GS-FILE-001",
    severity: Severity::Error,
    title: "it is damaged or cut off",
    why: "The reader finds no image it could show, or stops with an end of file in the middle of a tile. What is \
          missing is missing for every reader.",
    fix: "Not repairable from this file: get the source again (download or export it once more as SOURCE.tif), then: \
          gdal_translate SOURCE.tif COG.tif -of COG",
    reference: "imageio-ext TIFFImageMetadata, TIFFDeflateDecompressor",
};

pub(super) static LOOP: Rule = Rule {
    id: "GS-FILE-002",
    severity: Severity::Error,
    title: "its chain of directories loops, which fills the memory of the server",
    why: "TIFFImageReader counts the images by following the chain to its end and has no guard against a loop: it \
          allocates until the heap is full. One such file can take the whole GeoServer down.",
    fix: "Not repairable from this file: get the source again (download or export it once more as SOURCE.tif), then: \
          gdal_translate SOURCE.tif COG.tif -of COG",
    reference: "imageio-ext TIFFImageReader.locateImage",
};

pub(super) static HEADER_AT_END: Rule = Rule {
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

pub(super) static LATE_HEADER: Rule = Rule {
    id: "GS-HTTP-002",
    severity: Severity::Warning,
    title: "directories or tag values lie so far back that the file is read up to them in steps of 16 KiB",
    why: "Whatever header lies behind the first 16 KiB (-Dit.geosolutions.cog.default.header.length) is reached by \
          downloading everything before it, request after request. A gigabyte with its directory at the end takes \
          65,536 requests before the first pixel.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext issue 281; DefaultCogImageInputStream",
};

pub(super) static LONG_HEADER: Rule = Rule {
    id: "GS-HTTP-003",
    severity: Severity::Info,
    title: "its header takes several requests of 16 KiB, one after the other",
    why: "DefaultCogImageInputStream asks for 16 KiB first and for as many again each time the header goes on. One \
          larger first request does the same: -Dit.geosolutions.cog.default.header.length=1048576 for GeoServer.",
    fix: "",
    reference: "imageio-ext issue 281; plugin/cog CogImageReadParam",
};

pub(super) static SMALL_TILES: Rule = Rule {
    id: "GS-HTTP-004",
    severity: Severity::Warning,
    title: "its tiles are so small that each map takes many requests",
    why: "ContiguousRangeComposer joins ranges only where one begins at the byte after the other, and GDAL writes \
          four bytes before and after each tile of a COG: each tile is a request of its own, five at a time. A map \
          of 1024 by 1024 pixels takes 64 requests with tiles of 128 pixels, and 4 with tiles of 512.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co BLOCKSIZE=512",
    reference: "imageio-ext plugin/cog ContiguousRangeComposer",
};

pub(super) static CHAIN: Rule = Rule {
    id: "GS-IFD-001",
    severity: Severity::Error,
    title: "its overviews and masks are not where GeoServer counts them",
    why: "TiffDatasetLayoutImpl counts overviews and masks and then assumes the order main image, its mask, \
          overviews, their masks. A mask added after the overviews, or a page between, shifts the numbers: a mask \
          is drawn as an overview, an overview used for another scale. Where the count leads past the last \
          directory the store cannot be created.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext TiffDatasetLayoutImpl",
};

pub(super) static MASK_LEVELS: Rule = Rule {
    id: "GS-MASK-001",
    severity: Severity::Error,
    title: "its overviews have no mask, but its image has",
    why: "Where an overview has no mask of its own, MaskOverviewProvider takes another directory for it by number: of a file with \
          one mask the image itself. More than one band cannot be a mask, and the map fails as soon as it is zoomed out; of one \
          band what is 0 becomes transparent.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co \
          OVERVIEWS=IGNORE_EXISTING",
    reference: "GeoTools MaskOverviewProvider.getMaskInfo, GeoTiffReader.read",
};

pub(super) static NO_OVERVIEWS: Rule = Rule {
    id: "GS-OVR-001",
    severity: Severity::Warning,
    title: "it is large and has no overviews, so that a map of all of it decodes every pixel",
    why: "GeoServer draws from the overview that is nearest in resolution. Where there is none it reads and \
          decodes the whole full resolution for each map of the whole extent.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co OVERVIEWS=AUTO",
    reference: "GeoServer pull request 4531; GeoServer user manual, COG",
};

pub(super) static SIDE_MASK: Rule = Rule {
    id: "GS-SIDE-001",
    severity: Severity::Warning,
    title: "the mask in the .msk file is not looked for",
    why: "MaskOverviewProvider looks for .msk beside local files. A COG store asks for the raster and its .ovr \
          alone, so what the mask hides is shown.",
    fix: "gdal_translate IN.tif OUT.tif -of COG",
    reference: "imageio-ext MaskOverviewProvider",
};

pub(super) static PROJECTION_FILE: Rule = Rule {
    id: "GS-SIDE-002",
    severity: Severity::Info,
    title: "the .prj file beside it replaces the coordinate reference system inside",
    why: "GeoTiffReader prefers a .prj beside a local file to the GeoKeys, unless \
          -Dorg.geotools.gce.geotiff.override.crs=false is set. Over HTTP it is not looked for.",
    fix: "",
    reference: "GeoTools GeoTiffReader.getHRInfo",
};

pub(super) static AUX_FILE: Rule = Rule {
    id: "GS-SIDE-003",
    severity: Severity::Info,
    title: "of the .aux.xml file beside it GeoServer takes statistics alone",
    why: "A coordinate reference system, nodata, masks or georeference that stand in .aux.xml are known to GDAL \
          only.",
    fix: "gdal_translate IN.tif OUT.tif -of COG (which writes what the .aux.xml says into the file, as far as TIFF \
          can say it)",
    reference: "GeoTools GeoTiffReader",
};

pub(super) static OVERVIEW_FILE: Rule = Rule {
    id: "GS-SIDE-004",
    severity: Severity::Info,
    title: "its overviews are in the .ovr file, which is another TIFF with capabilities of its own",
    why: "GeoServer reads .ovr beside local files and asks for URL.ovr of a COG. What holds for the codec and the \
          samples of the image holds for them too: check that file by its name.",
    fix: "",
    reference: "imageio-ext TIFFImageReader.setInput, MaskOverviewProvider",
};

pub(super) static OTHER_PROJECTION: Rule = Rule {
    id: "GS-SIDE-005",
    severity: Severity::Warning,
    title: "the .prj file beside it names another coordinate reference system than the file does, and is believed",
    why: "GeoTiffReader prefers a .prj beside a local file to the GeoKeys, unless \
          -Dorg.geotools.gce.geotiff.override.crs=false is set. GDAL never reads one beside a GeoTIFF: gdalinfo shows the \
          right place, and GeoServer draws the image elsewhere. As a COG over HTTP the same file is where GDAL has it.",
    fix: "Remove or rename the .prj file, or where it is right write it into the file: gdal_translate IN.tif OUT.tif -of COG \
          -a_srs EPSG:<code>",
    reference: "GeoTools GeoTiffReader.getHRInfo",
};

pub(super) static OTHER_AUX: Rule = Rule {
    id: "GS-SIDE-006",
    severity: Severity::Warning,
    title: "the .aux.xml file beside it places it elsewhere than its tags, and GeoServer believes the tags",
    why: "GDAL, and what is built on it, takes SRS and GeoTransform of .aux.xml before those of the file. Programs that \
          may not change a file, or do not want to, correct its place there. GeoTiffReader takes statistics from \
          .aux.xml and the place from the tags, which is then the one that was corrected.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "GeoTools GeoTiffReader.getPamDataset; GDAL GTiff driver, GDAL_GEOREF_SOURCES",
};

pub(super) static WIDE_STRIPS: Rule = Rule {
    id: "GS-TILE-001",
    severity: Severity::Warning,
    title: "it is stored in strips as wide as the image, which are read whole for every map",
    why: "TIFFImageReader decodes whole strips, and over HTTP fetches them: a map that shows a hundredth of the \
          width takes as long as the whole width.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext TIFFImageReader.decodeTile",
};

pub(super) static HUGE_BLOCKS: Rule = Rule {
    id: "GS-TILE-002",
    severity: Severity::Warning,
    title: "its tiles or strips are huge, and each is decoded whole for every map that touches it",
    why: "TIFFDecompressor allocates a whole block and decodes it for each window that touches it, and counts its \
          bytes in 32 bits: from 64 MiB on that is slow, from 2 GiB on it fails.",
    fix: "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES",
    reference: "imageio-ext TIFFDecompressor.decode",
};
