//! The VRTs of `testdata/` and the two tiles they show: good ones, and bad ones with one planted defect each.

use std::io;

use crate::cog::Cog;
use crate::fixture::{Content, Fixture, Verdict};
use crate::vrt::{self, Placed};

/// Upper left corner of the western tile; the eastern one lies beside it.
const ORIGIN: (f64, f64) = (652_000.0, 6_862_000.0);
const TILE: (usize, usize) = (300, 260);
const RESOLUTION: f64 = 10.0;

fn text(name: &str, content: String, verdict: Verdict, about: &str) -> Fixture {
    file(name, content.into_bytes(), verdict, about)
}

fn file(name: &str, bytes: Vec<u8>, verdict: Verdict, about: &str) -> Fixture {
    Fixture {
        path: format!("vrt/{name}"),
        content: Content::Bytes(bytes),
        verdict: Some(verdict),
        about: about.to_owned(),
    }
}

fn tile(name: &str, column: usize) -> Placed {
    Placed {
        path: format!("tiles/{name}.tif"),
        size: TILE,
        origin: (ORIGIN.0 + (column * TILE.0) as f64 * RESOLUTION, ORIGIN.1),
        resolution: RESOLUTION,
        sample: "Byte",
    }
}

/// Every VRT fixture with its sources.
pub(crate) fn fixtures() -> io::Result<Vec<Fixture>> {
    let (west, east) = (tile("west", 0), tile("east", 1));
    let mut fixtures = Vec::new();
    for placed in [&west, &east] {
        let cog = Cog {
            width: TILE.0,
            height: TILE.1,
            overviews: 2,
            origin: placed.origin,
            resolution: RESOLUTION,
            ..Cog::default()
        };
        fixtures.push(file(&placed.path, cog.plan()?.write().bytes, Verdict::ok(), "a good COG, source of the VRTs"));
    }
    let one = vrt::document(std::slice::from_ref(&west));
    let mosaic = vrt::document(&[west, east]);
    fixtures.push(text("good_one_source.vrt", one.clone(), Verdict::ok(), "one source, relative path"));
    fixtures.push(text("good_mosaic.vrt", mosaic, Verdict::ok(), "two sources side by side"));
    fixtures.extend(broken_sources(&one));
    fixtures.extend(broken_documents(&one));
    fixtures.extend(broken_datasets(&one));
    fixtures.extend(broken_bands(&one));
    fixtures.extend(computed_bands(&one));
    fixtures.extend(strange_sources(&one));
    fixtures.extend(crate::vrt_more_fixtures::fixtures(&one, TILE));
    fixtures.extend(crate::vrt_asked_fixtures::fixtures(&one));
    Ok(fixtures)
}

/// The reference to the source is wrong.
fn broken_sources(one: &str) -> Vec<Fixture> {
    let source = "<SourceFilename relativeToVRT=\"1\">tiles/west.tif</SourceFilename>";
    let with = |replacement: &str| one.replace(source, replacement);
    vec![
        text(
            "bad_missing_source.vrt",
            with("<SourceFilename relativeToVRT=\"1\">tiles/north.tif</SourceFilename>"),
            Verdict::error("VRT-SRC-001"),
            "the source does not exist: the VRT opens, reading fails",
        ),
        text(
            "bad_absolute_path.vrt",
            with("<SourceFilename relativeToVRT=\"0\">/srv/geodata/tiles/west.tif</SourceFilename>"),
            Verdict::error("VRT-SRC-002"),
            "an absolute path of another machine (a warning; that it is missing here is an error)",
        ),
        text(
            "bad_relative_path_without_flag.vrt",
            with("<SourceFilename relativeToVRT=\"0\">tiles/west.tif</SourceFilename>"),
            Verdict::error("VRT-SRC-003"),
            "a relative path that is not declared relative to the VRT",
        ),
        text(
            "bad_relative_path_flag_absent.vrt",
            with("<SourceFilename>tiles/west.tif</SourceFilename>"),
            Verdict::error("VRT-SRC-003"),
            "the same, the attribute left out",
        ),
        text(
            "bad_windows_path.vrt",
            with("<SourceFilename relativeToVRT=\"0\">D:\\geodata\\tiles\\west.tif</SourceFilename>"),
            Verdict::error("VRT-SRC-004"),
            "a path with a drive letter",
        ),
        text(
            "bad_backslash_path.vrt",
            with("<SourceFilename relativeToVRT=\"1\">tiles\\west.tif</SourceFilename>"),
            Verdict::error("VRT-SRC-004"),
            "a relative path with a backslash",
        ),
        text(
            "bad_source_band.vrt",
            one.replace("<SourceBand>1</SourceBand>", "<SourceBand>2</SourceBand>"),
            Verdict::error("VRT-SRC-009"),
            "band 2 of a source with one band",
        ),
    ]
}

/// Not a raster VRT that GDAL could open, or not wholly understood.
fn broken_documents(one: &str) -> Vec<Fixture> {
    let utf_16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(one.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let vector = "<OGRVRTDataSource>\n  <OGRVRTLayer name=\"places\">\n    \
                  <SrcDataSource relativeToVRT=\"1\">../vector/places.csv</SrcDataSource>\n    \
                  <GeometryType>wkbPoint</GeometryType>\n  </OGRVRTLayer>\n</OGRVRTDataSource>\n";
    let multidimensional = "<VRTDataset>\n  <Group name=\"/\">\n    <Dimension name=\"x\" size=\"4\"/>\n    \
                            <Array name=\"height\">\n      <DataType>Float64</DataType>\n      \
                            <DimensionRef ref=\"x\"/>\n      <ConstantValue>1</ConstantValue>\n    \
                            </Array>\n  </Group>\n</VRTDataset>\n";
    vec![
        file("bad_empty.vrt", Vec::new(), Verdict::error("VRT-XML-001"), "no byte at all"),
        text(
            "bad_malformed.vrt",
            one.replace("</SimpleSource>\n", ""),
            Verdict::error("VRT-XML-001"),
            "an element is not closed",
        ),
        text(
            "bad_truncated.vrt",
            one[..one.len() / 2].to_owned(),
            Verdict::error("VRT-XML-001"),
            "the second half is missing",
        ),
        text(
            "bad_wrong_root.vrt",
            one.replace("VRTDataset", "RasterDataset"),
            Verdict::error("VRT-XML-002"),
            "the root element is another one",
        ),
        text(
            "bad_doctype.vrt",
            format!("<!DOCTYPE VRTDataset [<!ENTITY tile \"tiles/west.tif\">]>\n{one}"),
            Verdict::error("VRT-XML-003"),
            "a document type with an entity",
        ),
        file("bad_utf16.vrt", utf_16, Verdict::error("VRT-XML-004"), "saved as UTF-16"),
        text(
            "bad_unknown_element.vrt",
            one.replace("<ColorInterp>Gray</ColorInterp>", "<ColourInterp>Gray</ColourInterp>"),
            Verdict::warning("VRT-XML-007"),
            "a misspelt element of a band: GDAL ignores it",
        ),
        text(
            "bad_unknown_source_element.vrt",
            one.replace("SimpleSource>", "SimpelSource>"),
            Verdict::error("VRT-XML-007"),
            "a misspelt source: GDAL shows nothing",
        ),
        text(
            "bad_vector_vrt.vrt",
            vector.to_owned(),
            Verdict::error("VRT-KIND-001"),
            "a vector (OGR) VRT, not a coverage",
        ),
        text(
            "bad_multidimensional.vrt",
            multidimensional.to_owned(),
            Verdict::error("VRT-KIND-002"),
            "a multidimensional VRT without bands",
        ),
        text(
            "bad_dataset_subclass.vrt",
            one.replace("<VRTDataset ", "<VRTDataset subClass=\"VRTWrapedDataset\" "),
            Verdict::warning("VRT-KIND-007"),
            "a misspelt subClass of the dataset: GDAL ignores it",
        ),
        text(
            "bad_band_subclass.vrt",
            one.replace("band=\"1\"", "band=\"1\" subClass=\"VRTDerivatedRasterBand\""),
            Verdict::error("VRT-KIND-007"),
            "a misspelt subClass of a band: GDAL refuses it",
        ),
    ]
}

/// Size, place or type of the dataset.
fn broken_datasets(one: &str) -> Vec<Fixture> {
    let size = format!("rasterXSize=\"{}\" rasterYSize=\"{}\"", TILE.0, TILE.1);
    let without = |element: &str| -> String {
        (one.lines()).filter(|line| !line.trim_start().starts_with(element)).map(|line| format!("{line}\n")).collect()
    };
    let bands = one.find("  <VRTRasterBand").unwrap_or(one.len());
    vec![
        text(
            "bad_no_size.vrt",
            one.replace(&format!(" {size}"), ""),
            Verdict::error("VRT-DS-001"),
            "rasterXSize and rasterYSize are missing",
        ),
        text(
            "bad_no_bands.vrt",
            format!("{}</VRTDataset>\n", &one[..bands]),
            Verdict::error("VRT-DS-001"),
            "no VRTRasterBand",
        ),
        text(
            "bad_zero_size.vrt",
            one.replace(&size, "rasterXSize=\"0\" rasterYSize=\"0\""),
            Verdict::error("VRT-DS-002"),
            "a raster of 0 by 0",
        ),
        text("bad_no_srs.vrt", without("<SRS"), Verdict::error("VRT-GEO-001"), "no coordinate reference system"),
        text("bad_no_geotransform.vrt", without("<GeoTransform"), Verdict::error("VRT-GEO-005"), "no GeoTransform"),
        text(
            "bad_decimal_comma.vrt",
            one.lines()
                .map(|line| {
                    let changed =
                        if line.contains("<GeoTransform") { line.replace(".0", ",0") } else { line.to_owned() };
                    format!("{changed}\n")
                })
                .collect(),
            Verdict::error("VRT-GEO-009"),
            "decimal commas in the GeoTransform: twelve values",
        ),
        text(
            "bad_type_int64.vrt",
            one.replace("dataType=\"Byte\"", "dataType=\"Int64\""),
            Verdict::error("VRT-BAND-001"),
            "a band type GeoServer has no sample model for",
        ),
    ]
}

/// Types, colours, nodata and masks that GeoServer stumbles over.
fn broken_bands(one: &str) -> Vec<Fixture> {
    let start = one.find("  <VRTRasterBand").unwrap_or(0);
    let end = one.find("</VRTDataset>").unwrap_or(one.len());
    let band = &one[start..end];
    let bands = |changes: &[(&str, &str)]| {
        let each = changes.iter().enumerate().map(|(index, (kind, color))| {
            band.replace("dataType=\"Byte\"", &format!("dataType=\"{kind}\""))
                .replace("band=\"1\"", &format!("band=\"{}\"", index + 1))
                .replace(">Gray<", &format!(">{color}<"))
        });
        format!("{}{}{}", &one[..start], each.collect::<String>(), &one[end..])
    };
    let with = |element: &str| one.replace("    <ColorInterp>", &format!("    {element}\n    <ColorInterp>"));
    let mask = "<MaskBand><VRTRasterBand dataType=\"Byte\"><SimpleSource><SourceFilename relativeToVRT=\"1\">tiles/west.tif\
                </SourceFilename><SourceBand>mask,1</SourceBand></SimpleSource></VRTRasterBand></MaskBand>";
    vec![
        text(
            "bad_mixed_types.vrt",
            bands(&[("Byte", "Gray"), ("UInt16", "Alpha")]),
            Verdict::error("VRT-BAND-002"),
            "bands of different types",
        ),
        text(
            "bad_four_bands_no_alpha.vrt",
            bands(&[("Byte", "Red"), ("Byte", "Green"), ("Byte", "Blue"), ("Byte", "Undefined")]),
            Verdict::warning("VRT-BAND-004"),
            "a fourth band that is taken for alpha",
        ),
        text(
            "bad_palette_without_table.vrt",
            bands(&[("Byte", "Palette")]),
            Verdict::error("VRT-BAND-008"),
            "a palette without colours",
        ),
        text(
            "bad_type_unknown.vrt",
            bands(&[("Int24", "Gray")]),
            Verdict::error("VRT-BAND-009"),
            "a type that no GDAL knows",
        ),
        text(
            "bad_nodata_out_of_range.vrt",
            with("<NoDataValue>-9999</NoDataValue>"),
            Verdict::warning("VRT-NODATA-002"),
            "a nodata value that no byte can have",
        ),
        text("bad_mask_band.vrt", with(mask), Verdict::warning("VRT-MASK-001"), "a mask that GeoServer never reads"),
        text(
            "bad_srs_free_text.vrt",
            one.lines()
                .map(|line| match line.trim_start().starts_with("<SRS") {
                    true => "  <SRS>Lambert 93</SRS>\n".to_owned(),
                    false => format!("{line}\n"),
                })
                .collect(),
            Verdict::error("VRT-GEO-002"),
            "a name in place of a reference system",
        ),
        text(
            "bad_south_up.vrt",
            one.replace(&format!(", -{RESOLUTION:?}</Geo"), &format!(", {RESOLUTION:?}</Geo")),
            Verdict::warning("VRT-GEO-007"),
            "the first line is the southern one",
        ),
        text(
            "bad_overview_factor.vrt",
            one.replace("  <VRTRasterBand", "  <OverviewList>1 2</OverviewList>\n  <VRTRasterBand"),
            Verdict::error("VRT-OVR-003"),
            "an overview of factor 1: GDAL refuses the file",
        ),
    ]
}

/// Pixel functions and lookup tables.
fn computed_bands(one: &str) -> Vec<Fixture> {
    let derived = |inside: &str| {
        one.replace("band=\"1\"", "band=\"1\" subClass=\"VRTDerivedRasterBand\"")
            .replace("    <ColorInterp>", &format!("    {inside}\n    <ColorInterp>"))
    };
    let named = |name: &str| derived(&format!("<PixelFunctionType>{name}</PixelFunctionType>"));
    let python = "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage>";
    let table = one
        .replace("SimpleSource>", "ComplexSource>")
        .replace("</ComplexSource>", "  <LUT>100:0,0:200</LUT>\n    </ComplexSource>");
    vec![
        text("bad_python_function.vrt", derived(python), Verdict::error("VRT-PIXFN-001"), "a pixel function in Python"),
        text(
            "bad_function_unknown.vrt",
            named("brighten"),
            Verdict::error("VRT-PIXFN-002"),
            "a pixel function of nobody: the VRT opens, reading fails",
        ),
        text(
            "bad_function_of_new_gdal.vrt",
            named("mean"),
            Verdict::warning("VRT-PIXFN-003"),
            "a pixel function of GDAL 3.12",
        ),
        text(
            "bad_function_value.vrt",
            derived("<PixelFunctionType>exp</PixelFunctionType><PixelFunctionArguments base=\"e\"/>"),
            Verdict::error("VRT-PIXFN-006"),
            "a base that is no number: the VRT opens, reading fails",
        ),
        text("bad_function_sources.vrt", named("diff"), Verdict::error("VRT-PIXFN-007"), "a difference of one source"),
        text("bad_lookup_table.vrt", table, Verdict::error("VRT-CPX-001"), "a lookup table whose inputs decrease"),
    ]
}

/// Windows that show nothing, and sources that are no files.
fn strange_sources(one: &str) -> Vec<Fixture> {
    let path = "\"1\">tiles/west.tif<";
    let window = format!("<DstRect xOff=\"0\" yOff=\"0\" xSize=\"{}\"", TILE.0);
    let placed = |changed: &str| one.replace(&window, changed);
    vec![
        text(
            "bad_window_outside.vrt",
            placed(&format!("<DstRect xOff=\"5000\" yOff=\"0\" xSize=\"{}\"", TILE.0)),
            Verdict::error("VRT-SRC-016"),
            "a source that lies outside of the raster",
        ),
        text(
            "bad_window_empty.vrt",
            placed("<DstRect xOff=\"0\" yOff=\"0\" xSize=\"0\""),
            Verdict::error("VRT-SRC-017"),
            "a window without width: GDAL refuses the file",
        ),
        text(
            "bad_plain_url.vrt",
            one.replace(path, "\"0\">http://127.0.0.1:9/west.tif<"),
            Verdict::error("VRT-SRC-005"),
            "a URL without /vsicurl/: the whole file is downloaded each time",
        ),
        text(
            "bad_connection_string.vrt",
            one.replace(path, "\"0\">PG:dbname=none host=127.0.0.1 port=9 password=none<"),
            Verdict::error("VRT-SRC-028"),
            "a database with its password",
        ),
        text(
            "bad_standard_input.vrt",
            one.replace(path, "\"0\">/vsistdin/<"),
            Verdict::error("VRT-SEC-004"),
            "the standard input of the server",
        ),
    ]
}
