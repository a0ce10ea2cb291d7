//! More VRTs of `testdata/`, one planted defect each: what only an opened source shows, what GeoServer makes of sound
//! files, and kinds of files that GeoServer takes for none.

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
pub(crate) fn fixtures(one: &str, tile: (usize, usize)) -> Vec<Fixture> {
    let mut fixtures = opened_sources(one, tile);
    fixtures.extend(strange_kinds(one));
    fixtures.extend(told_of_bands(one));
    fixtures.extend(told_of_sources(one));
    fixtures.extend(told_of_places(one));
    fixtures
}

/// Only the source itself shows what is wrong.
fn opened_sources(one: &str, (width, height): (usize, usize)) -> Vec<Fixture> {
    let source = one.find("    <SimpleSource>").unwrap_or(0);
    let end = one.find("  </VRTRasterBand>").unwrap_or(one.len());
    let window = format!("<SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/>");
    let target = format!("<DstRect xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/>");
    let named = |name: &str| one.replace(">tiles/west.tif<", &format!(">{name}<"));
    let properties = format!(
        "<SourceProperties RasterXSize=\"{}\" RasterYSize=\"{height}\" DataType=\"Byte\" BlockXSize=\"128\" \
         BlockYSize=\"128\"/>\n      {window}",
        width * 2
    );
    vec![
        text("tiles/cut_off.tif", "II*\0".to_owned(), Verdict::error("COG-FILE-001"), "the first four bytes of a TIFF"),
        text("bad_source_damaged.vrt", named("tiles/cut_off.tif"), Verdict::error("VRT-SRC-010"), "a source cut off"),
        text(
            "bad_source_case.vrt",
            named("tiles/West.tif"),
            Verdict::error("VRT-SRC-024"),
            "a name that differs from that of the file by case",
        ),
        text(
            "bad_cycle.vrt",
            named("bad_cycle.vrt"),
            Verdict::error("VRT-SRC-007"),
            "a VRT whose source is the VRT itself",
        ),
        text("bad_nested.vrt", named("good_one_source.vrt"), Verdict::warning("VRT-SRC-008"), "a VRT of a VRT"),
        text(
            "bad_source_window.vrt",
            one.replace(&window, &window.replace("xOff=\"0\"", "xOff=\"5000\"")),
            Verdict::error("VRT-SRC-015"),
            "a window that lies outside of the source",
        ),
        text(
            "bad_source_crs.vrt",
            with_srs(one, "EPSG:32631"),
            Verdict::error("VRT-SRC-012"),
            "a source in another reference system",
        ),
        text(
            "bad_resolution.vrt",
            one.replace(
                &target,
                &format!("<DstRect xOff=\"0\" yOff=\"0\" xSize=\"{}\" ySize=\"{height}\"/>", width / 2),
            ),
            Verdict::warning("VRT-SRC-013"),
            "a source that is squeezed",
        ),
        text(
            "bad_source_properties.vrt",
            one.replace(&window, &properties),
            Verdict::warning("VRT-SRC-023"),
            "properties that are not those of the source",
        ),
        text(
            "bad_overlap.vrt",
            format!("{}{}{}", &one[..end], &one[source..end], &one[end..]),
            Verdict::warning("VRT-SRC-021"),
            "the same source twice",
        ),
        text(
            "bad_system_file.vrt",
            one.replace("\"1\">tiles/west.tif<", "\"0\">/etc/hostname<"),
            Verdict::error("VRT-SEC-001"),
            "a file of the system as source",
        ),
        text(
            "bad_overview_missing.vrt",
            one.replace(
                "    <SimpleSource>",
                "    <Overview>\n      <SourceFilename relativeToVRT=\"1\">tiles/west_2.tif</SourceFilename>\n      \
                 <SourceBand>1</SourceBand>\n    </Overview>\n    <SimpleSource>",
            ),
            Verdict::error("VRT-OVR-002"),
            "an overview that does not exist",
        ),
    ]
}

fn with_srs(one: &str, srs: &str) -> String {
    let line = |line: &str| match line.trim_start().starts_with("<SRS") {
        true => format!("  <SRS>{srs}</SRS>\n"),
        false => format!("{line}\n"),
    };
    one.lines().map(line).collect()
}

/// Not a mosaic, or none that every GDAL takes.
fn strange_kinds(one: &str) -> Vec<Fixture> {
    let band = one.find("  <VRTRasterBand").unwrap_or(0);
    let head = &one[..band];
    let of_class = |class: &str| head.replace("<VRTDataset ", &format!("<VRTDataset subClass=\"{class}\" "));
    let file = "<SourceFilename relativeToVRT=\"1\">tiles/west.tif</SourceFilename>";
    let spectral = |number: usize| {
        format!("      <SpectralBand dstBand=\"{number}\">{file}<SourceBand>1</SourceBand></SpectralBand>\n")
    };
    let inner = one.replace('\n', " ");
    let processed = |step: &str| {
        format!(
            "<VRTDataset subClass=\"VRTProcessedDataset\">\n  <Input>{file}</Input>\n  <ProcessingSteps>\n    {step}\n  \
             </ProcessingSteps>\n</VRTDataset>\n"
        )
    };
    vec![
        text(
            "bad_streamed_algorithm.gdalg.json",
            "{\n  \"type\": \"gdal_streamed_alg\",\n  \"command_line\": \"gdal raster reproject --input tiles/west.tif \
             --dst-crs EPSG:4326 --output-format stream --output streamed\"\n}\n"
                .to_owned(),
            Verdict::error("VRT-KIND-009"),
            "a command line of GDAL 3.11 (GDALG), which is no VRT",
        ),
        text(
            "bad_tile_index.vrt",
            "<GDALTileIndexDataset>\n  <IndexDataset>tiles.gti.gpkg</IndexDataset>\n</GDALTileIndexDataset>\n".to_owned(),
            Verdict::error("VRT-KIND-008"),
            "a tile index (GTI), which is no VRT",
        ),
        text(
            "bad_warped_without_options.vrt",
            format!(
                "{}  <VRTRasterBand dataType=\"Byte\" band=\"1\" subClass=\"VRTWarpedRasterBand\"/>\n</VRTDataset>\n",
                of_class("VRTWarpedDataset")
            ),
            Verdict::error("VRT-KIND-003"),
            "a warped VRT without GDALWarpOptions",
        ),
        text(
            "bad_pansharpened_without_pan.vrt",
            format!(
                "{}  <PansharpeningOptions>\n{}    </PansharpeningOptions>\n</VRTDataset>\n",
                of_class("VRTPansharpenedDataset"),
                spectral(1)
            ),
            Verdict::error("VRT-KIND-004"),
            "a pansharpened VRT without its panchromatic band",
        ),
        text(
            "bad_processed_steps.vrt",
            processed(
                "<Step><Algorithm>BandAffineCombination</Algorithm><Argument name=\"coefficients_1\">0,1,1</Argument></Step>",
            ),
            Verdict::error("VRT-KIND-005"),
            "a step with coefficients for more bands than there are",
        ),
        text(
            "bad_local_scale.vrt",
            processed("<Step><Algorithm>LocalScaleOffset</Algorithm><Argument name=\"relativeToVRT\">true</Argument><Argument name=\"gain_dataset_filename_1\">tiles/west.tif</Argument><Argument name=\"gain_dataset_band_1\">2</Argument><Argument name=\"offset_dataset_filename_1\">tiles/west.tif</Argument><Argument name=\"offset_dataset_band_1\">1</Argument></Step>"),
            Verdict::error("VRT-KIND-005"),
            "gains from a band that their file does not have",
        ),
        text(
            "bad_trimming.vrt",
            processed("<Step><Algorithm>Trimming</Algorithm><Argument name=\"relativeToVRT\">true</Argument><Argument name=\"trimming_dataset_filename\">tiles/west.tif</Argument><Argument name=\"top_rgb\">255</Argument><Argument name=\"tone_ceil\">200</Argument></Step>"),
            Verdict::error("VRT-KIND-005"),
            "a trimming without its top_margin",
        ),
        text(
            "bad_raw_band.vrt",
            format!(
                "{head}  <VRTRasterBand dataType=\"Byte\" band=\"1\" subClass=\"VRTRawRasterBand\">\n    \
                 <SourceFilename relativeToVRT=\"1\">../vrt/tiles/west.tif</SourceFilename>\n    \
                 <ImageOffset>0</ImageOffset>\n    <PixelOffset>1</PixelOffset>\n    <LineOffset>10</LineOffset>\n  \
                 </VRTRasterBand>\n</VRTDataset>\n"
            ),
            Verdict::error("VRT-KIND-006"),
            "raw bytes of a file that is reached by \"..\"",
        ),
        text(
            "bad_late_root.vrt",
            format!("<!-- {} -->\n{one}", "licence ".repeat(140)),
            Verdict::error("VRT-XML-005"),
            "a comment of more than 1024 bytes before the root element",
        ),
        text(
            "bad_inline_dataset.vrt",
            one.replace(file, &inner),
            Verdict::warning("VRT-SRC-026"),
            "a dataset written inside the source, which needs GDAL 3.11",
        ),
        text(
            "bad_array_incomplete.vrt",
            format!(
                "{}    <ArraySource>\n      <SingleSourceArray>{file}</SingleSourceArray>\n    </ArraySource>\n  \
                 </VRTRasterBand>\n</VRTDataset>\n",
                &one[..one.find("    <SimpleSource>").unwrap_or(0)]
            ),
            Verdict::error("VRT-SRC-029"),
            "an array without the name of the array",
        ),
    ]
}

/// Read by GDAL, and otherwise by GeoServer.
fn told_of_bands(one: &str) -> Vec<Fixture> {
    let typed = |kind: &str| one.replace("dataType=\"Byte\"", &format!("dataType=\"{kind}\""));
    let with = |element: &str| one.replace("    <ColorInterp>", &format!("    {element}\n    <ColorInterp>"));
    let start = one.find("  <VRTRasterBand").unwrap_or(0);
    let end = one.find("</VRTDataset>").unwrap_or(one.len());
    let bands = |elements: &[&str]| {
        let each = elements.iter().enumerate().map(|(index, element)| {
            one[start..end]
                .replace("band=\"1\"", &format!("band=\"{}\"", index + 1))
                .replace("<ColorInterp>Gray</ColorInterp>", element)
        });
        format!("{}{}{}", &one[..start], each.collect::<String>(), &one[end..])
    };
    let table = "<GDALRasterAttributeTable><FieldDefn index=\"0\"><Name>valid</Name><Type>7</Type><Usage>0</Usage>\
                 </FieldDefn><Row index=\"0\"><F>1</F></Row></GDALRasterAttributeTable>";
    let mask = "<MaskBand><VRTRasterBand dataType=\"Byte\"><SimpleSource><SourceFilename relativeToVRT=\"1\">tiles/west.tif\
                </SourceFilename><SourceBand>mask,1</SourceBand></SimpleSource></VRTRasterBand></MaskBand>";
    vec![
        text(
            "bad_unsigned.vrt",
            typed("UInt32"),
            Verdict::warning("VRT-BAND-003"),
            "whole numbers that GeoServer reads with a sign",
        ),
        text(
            "bad_alpha_first.vrt",
            bands(&["<ColorInterp>Alpha</ColorInterp>", "<ColorInterp>Gray</ColorInterp>"]),
            Verdict::warning("VRT-BAND-006"),
            "alpha in front, where GeoServer takes the last band for it",
        ),
        text(
            "bad_scaled.vrt",
            with("<Offset>100</Offset>\n    <Scale>0.5</Scale>"),
            Verdict::warning("VRT-BAND-007"),
            "a scale that GeoServer never applies",
        ),
        text("bad_attribute_table.vrt", with(table), Verdict::error("VRT-BAND-011"), "a column of an unknown type"),
        text(
            "bad_band_number.vrt",
            one.replace("band=\"1\"", "band=\"3\""),
            Verdict::warning("VRT-DS-003"),
            "a first band that is called the third",
        ),
        text(
            "bad_nodata_differs.vrt",
            bands(&["<NoDataValue>0</NoDataValue>", "<NoDataValue>255</NoDataValue>", "<NoDataValue>0</NoDataValue>"]),
            Verdict::warning("VRT-NODATA-001"),
            "bands with different nodata values",
        ),
        text(
            "bad_nodata_infinite.vrt",
            typed("Float32").replace("    <ColorInterp>", "    <NoDataValue>-inf</NoDataValue>\n    <ColorInterp>"),
            Verdict::warning("VRT-NODATA-004"),
            "infinity as nodata, which GeoTools ignores",
        ),
        text(
            "bad_mask_twice.vrt",
            with(mask).replace("</VRTDataset>", &format!("  {mask}\n</VRTDataset>")),
            Verdict::error("VRT-MASK-002"),
            "a mask of the dataset and one of the band",
        ),
        text(
            "bad_block_size.vrt",
            one.replace("band=\"1\"", "band=\"1\" blockXSize=\"16\" blockYSize=\"16\""),
            Verdict::warning("VRT-PERF-002"),
            "blocks so small that GDAL ignores their size",
        ),
        text(
            "bad_function_not_derived.vrt",
            with("<PixelFunctionType>sum</PixelFunctionType>"),
            Verdict::error("VRT-PIXFN-005"),
            "a pixel function in a band of plain sources",
        ),
        text(
            "bad_function_argument.vrt",
            with("<PixelFunctionType>pow</PixelFunctionType>")
                .replace("band=\"1\"", "band=\"1\" subClass=\"VRTDerivedRasterBand\""),
            Verdict::error("VRT-PIXFN-006"),
            "a power without the argument power",
        ),
        text(
            "bad_function_expression.vrt",
            with("<PixelFunctionType>expression</PixelFunctionType>\n    <PixelFunctionArguments expression=\"B1 * 2\"/>")
                .replace("band=\"1\"", "band=\"1\" subClass=\"VRTDerivedRasterBand\""),
            Verdict::warning("VRT-PIXFN-004"),
            "an expression, which needs GDAL 3.11 and muparser",
        ),
    ]
}

/// Sources that are read otherwise than meant.
fn told_of_sources(one: &str) -> Vec<Fixture> {
    let complex = |inside: &str| {
        one.replace("SimpleSource>", "ComplexSource>")
            .replace("    </ComplexSource>", &format!("      {inside}\n    </ComplexSource>"))
    };
    let kernel = one
        .replace("SimpleSource>", "KernelFilteredSource>")
        .replace("    </Kernel", "      <Kernel><Size>2</Size><Coefs>1 1 1 1</Coefs></Kernel>\n    </Kernel");
    vec![
        text("bad_kernel.vrt", kernel, Verdict::error("VRT-CPX-002"), "a kernel of an even size"),
        text(
            "bad_two_masks.vrt",
            complex("<NODATA>0</NODATA>\n      <UseMaskBand>true</UseMaskBand>"),
            Verdict::warning("VRT-CPX-003"),
            "nodata and a mask for one source",
        ),
        text(
            "bad_resampling.vrt",
            one.replace("<SimpleSource>", "<SimpleSource resampling=\"smooth\">"),
            Verdict::warning("VRT-CPX-004"),
            "a way of resampling that GDAL does not know",
        ),
        text(
            "bad_saturation.vrt",
            complex("<ScaleOffset>0</ScaleOffset>\n      <ScaleRatio>10</ScaleRatio>"),
            Verdict::warning("VRT-CPX-005"),
            "a scale that leaves the range of bytes",
        ),
        text(
            "bad_not_shared.vrt",
            one.replace("relativeToVRT=\"1\">", "relativeToVRT=\"1\" shared=\"0\">"),
            Verdict::warning("VRT-PERF-003"),
            "a source with a handle for each reader",
        ),
        text(
            "bad_lost_archive.vrt",
            one.replace(">tiles/west.tif<", ">/vsizip/tiles.zip/west.tif<"),
            Verdict::error("VRT-SRC-006"),
            "an archive that is not found relative to the VRT",
        ),
    ]
}

/// Places that GDAL takes and GeoServer does not, or in another way.
fn told_of_places(one: &str) -> Vec<Fixture> {
    let placed = |transform: &str| {
        let line = |line: &str| match line.trim_start().starts_with("<GeoTransform") {
            true => format!("  {transform}\n"),
            false => format!("{line}\n"),
        };
        one.lines().map(line).collect::<String>()
    };
    let points: String = [(0, 0, 652_000, 6_862_000), (300, 0, 655_000, 6_862_000), (0, 260, 652_000, 6_859_400)]
        .map(|(pixel, line, x, y)| format!("    <GCP Pixel=\"{pixel}\" Line=\"{line}\" X=\"{x}\" Y=\"{y}\"/>\n"))
        .concat();
    vec![
        text(
            "bad_axis_mapping.vrt",
            one.replace("dataAxisToSRSAxisMapping=\"1,2\"", "dataAxisToSRSAxisMapping=\"2,1\""),
            Verdict::warning("VRT-GEO-004"),
            "an order of axes that GeoTools ignores",
        ),
        text(
            "bad_rotated.vrt",
            placed("<GeoTransform>652000.0, 9.0, 3.0, 6862000.0, 3.0, -9.0</GeoTransform>"),
            Verdict::warning("VRT-GEO-006"),
            "a rotated raster",
        ),
        text(
            "bad_control_points.vrt",
            placed(&format!("<GCPList Projection=\"EPSG:2154\">\n{points}  </GCPList>")),
            Verdict::error("VRT-GEO-008"),
            "control points in place of a GeoTransform",
        ),
    ]
}
