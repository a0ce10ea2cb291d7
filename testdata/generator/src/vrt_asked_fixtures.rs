//! VRTs of `testdata/` that ask for what is not there, one planted defect each: of a source, of a band, of the grid.

use crate::fixture::{Content, Fixture, Verdict};

fn text(name: &str, content: String, verdict: Verdict, about: &str) -> Fixture {
    Fixture {
        path: format!("vrt/{name}"),
        content: Content::Bytes(content.into_bytes()),
        verdict: Some(verdict),
        about: about.to_owned(),
    }
}

/// All of them, made from the sound file with one source.
pub(crate) fn fixtures(one: &str) -> Vec<Fixture> {
    let mut fixtures = of_sources(one);
    fixtures.extend(of_values(one));
    fixtures.extend(of_kinds(one));
    fixtures.extend(of_places(one));
    fixtures
}

fn named(one: &str, name: &str) -> String {
    one.replace(">tiles/west.tif<", &format!(">{name}<"))
}

fn complex(one: &str, inside: &str) -> String {
    one.replace("SimpleSource>", "ComplexSource>")
        .replace("    </ComplexSource>", &format!("      {inside}\n    </ComplexSource>"))
}

/// Sources that lack what is asked of them.
fn of_sources(one: &str) -> Vec<Fixture> {
    let (start, end) =
        (one.find("    <SimpleSource>").unwrap_or(0), one.find("  </VRTRasterBand>").unwrap_or(one.len()));
    let array = "<ArraySource>\n      <SingleSourceArray><SourceFilename relativeToVRT=\"1\">tiles/west.tif</SourceFilename>\
                 <SourceArray>/west</SourceArray></SingleSourceArray>\n    </ArraySource>";
    let options = "<OpenOptions><OOI key=\"OVERVIEW_LEVEL\">7</OOI></OpenOptions>";
    vec![
        Fixture {
            path: "vrt/tiles/page.html".to_owned(),
            content: Content::Bytes(b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n".to_vec()),
            verdict: None,
            about: "what a server sent in place of a tile".to_owned(),
        },
        text(
            "bad_source_page.vrt",
            named(one, "tiles/page.html"),
            Verdict::error("VRT-SRC-010"),
            "the error page of a server as source",
        ),
        text(
            "bad_source_overview.vrt",
            one.replace("      <SourceBand>", &format!("      {options}\n      <SourceBand>")),
            Verdict::error("VRT-SRC-010"),
            "a source opened at an overview that it does not have",
        ),
        text(
            "bad_archive_missing.vrt",
            named(one, "/vsizip//data/tiles.zip/west.tif"),
            Verdict::error("VRT-SRC-001"),
            "a source in an archive that does not exist",
        ),
        text(
            "bad_file_url.vrt",
            named(one, "file:///data/west.tif"),
            Verdict::error("VRT-SRC-028"),
            "a file: URL, which GDAL does not know",
        ),
        text(
            "bad_array_of_bands.vrt",
            format!("{}    {array}\n{}", &one[..start], &one[end..]),
            Verdict::error("VRT-SRC-029"),
            "an array of a GeoTIFF, which has none",
        ),
        text(
            "bad_source_name.vrt",
            one.replace("SimpleSource>", "Tile>"),
            Verdict::error("VRT-XML-007"),
            "a source in an element that GDAL does not know",
        ),
        text(
            "bad_many_sources.vrt",
            format!("{}{}{}", &one[..start], one[start..end].repeat(101), &one[end..]),
            Verdict::warning("VRT-SRC-020"),
            "more than a hundred sources in one band",
        ),
    ]
}

/// Values that are read otherwise than meant.
fn of_values(one: &str) -> Vec<Fixture> {
    let with = |element: &str| one.replace("    <ColorInterp>", &format!("    {element}\n    <ColorInterp>"));
    let beside = |inner: String| inner.replace(">tiles/west.tif<", ">west.tif<");
    vec![
        text(
            "tiles/float.vrt",
            beside(one.replace("\"Byte\"", "\"Float32\"")),
            Verdict::ok(),
            "a source of real numbers",
        ),
        text("tiles/nodata.vrt", beside(with("<NoDataValue>255</NoDataValue>")), Verdict::ok(), "a source with nodata"),
        text(
            "bad_source_type.vrt",
            named(one, "tiles/float.vrt"),
            Verdict::warning("VRT-SRC-014"),
            "real numbers in a band of bytes",
        ),
        text(
            "bad_source_nodata.vrt",
            named(one, "tiles/nodata.vrt"),
            Verdict::warning("VRT-NODATA-003"),
            "nodata of a source that nothing takes out",
        ),
        text(
            "bad_nodata_other.vrt",
            complex(&named(one, "tiles/nodata.vrt"), "<NODATA>0</NODATA>"),
            Verdict::warning("VRT-NODATA-003"),
            "a <NODATA> that is not the nodata of the source",
        ),
        text(
            "bad_color_component.vrt",
            complex(one, "<ColorTableComponent>1</ColorTableComponent>"),
            Verdict::error("VRT-BAND-005"),
            "a colour out of a source without colour table",
        ),
        text(
            "bad_lookup_table_odd.vrt",
            complex(one, "<LUT>0:0,100:50,255</LUT>"),
            Verdict::warning("VRT-CPX-001"),
            "a LUT of five numbers",
        ),
        text(
            "bad_nodata_hidden.vrt",
            with("<NoDataValue>0</NoDataValue>\n    <HideNoDataValue>1</HideNoDataValue>"),
            Verdict::warning("VRT-NODATA-005"),
            "a nodata value that nobody is told of",
        ),
    ]
}

/// Datasets and bands that GDAL refuses, or reads beyond their end.
fn of_kinds(one: &str) -> Vec<Fixture> {
    let band = one.find("  <VRTRasterBand").unwrap_or(0);
    let head = &one[..band];
    let raw = |inside: &str| {
        format!(
            "{head}  <VRTRasterBand dataType=\"Byte\" band=\"1\" subClass=\"VRTRawRasterBand\">\n    \
             <SourceFilename relativeToVRT=\"1\">tiles/west.tif</SourceFilename>\n    {inside}\n  </VRTRasterBand>\n\
             </VRTDataset>\n"
        )
    };
    let trimming: String = [
        ("trimming_dataset_filename", "tiles/west.tif"),
        ("relativeToVRT", "true"),
        ("top_rgb", "240"),
        ("tone_ceil", "230"),
        ("top_margin", "0.1"),
    ]
    .map(|(name, value)| format!("<Argument name=\"{name}\">{value}</Argument>"))
    .concat();
    vec![
        text(
            "bad_raw_order.vrt",
            raw("<ByteOrder>BIG</ByteOrder>"),
            Verdict::error("VRT-KIND-006"),
            "raw bytes in an order that GDAL does not know",
        ),
        text(
            "bad_raw_short.vrt",
            raw("<LineOffset>30000</LineOffset>"),
            Verdict::error("VRT-SRC-015"),
            "raw bytes beyond the end of their file",
        ),
        text(
            "bad_warped_band.vrt",
            format!(
                "{}  <VRTRasterBand dataType=\"Byte\" band=\"1\" subClass=\"VRTWarpedRasterBand\"/>\n  <GDALWarpOptions>\n    \
                 <SourceDataset relativeToVRT=\"1\">tiles/west.tif</SourceDataset>\n    <Transformer/>\n    <BandList>\
                 <BandMapping src=\"1\" dst=\"2\"/></BandList>\n  </GDALWarpOptions>\n</VRTDataset>\n",
                head.replace("<VRTDataset ", "<VRTDataset subClass=\"VRTWarpedDataset\" ")
            ),
            Verdict::error("VRT-KIND-003"),
            "a warp to a band that is not declared",
        ),
        text(
            "bad_trimming_of_one_band.vrt",
            format!(
                "<VRTDataset subClass=\"VRTProcessedDataset\">\n  <Input><SourceFilename relativeToVRT=\"1\">tiles/west.tif\
                 </SourceFilename></Input>\n  <ProcessingSteps>\n    <Step><Algorithm>Trimming</Algorithm>{trimming}</Step>\n  \
                 </ProcessingSteps>\n</VRTDataset>\n"
            ),
            Verdict::error("VRT-KIND-005"),
            "a trimming of three bands where one goes in",
        ),
    ]
}

/// The grid, and where it lies.
fn of_places(one: &str) -> Vec<Fixture> {
    let line = |start: &str, with: &str| {
        let line = |line: &str| match line.trim_start().starts_with(start) {
            true => format!("  {with}\n"),
            false => format!("{line}\n"),
        };
        one.lines().map(line).collect::<String>()
    };
    vec![
        text(
            "bad_window_text.vrt",
            one.replace("<DstRect xOff=\"0\"", "<DstRect xOff=\"0,5\""),
            Verdict::warning("VRT-SRC-017"),
            "a decimal comma in a window",
        ),
        text(
            "bad_mirrored.vrt",
            line("<GeoTransform", "<GeoTransform>655000.0, -10.0, 0.0, 6862000.0, 0.0, -10.0</GeoTransform>"),
            Verdict::warning("VRT-GEO-007"),
            "columns from east to west",
        ),
        text(
            "bad_outside_area.vrt",
            line("<GeoTransform", "<GeoTransform>2.0, 0.0001, 0.0, 48.0, 0.0, -0.0001</GeoTransform>"),
            Verdict::warning("VRT-GEO-012"),
            "degrees in a system of metres",
        ),
        text(
            "bad_srs_without_code.vrt",
            line("<SRS", "<SRS>+proj=lcc +lat_0=46 +lon_0=3 +lat_1=43 +lat_2=48 +ellps=GRS80 +units=m</SRS>"),
            Verdict::warning("VRT-GEO-003"),
            "a reference system without an EPSG code",
        ),
    ]
}
