//! Each rule about what stands in the file: a text that breaks it, and its counterpart that does not.

use std::path::Path;

use parcelle_report::Finding;
use parcelle_report::Severity::{self, Error, Info, Warning};
use parcelle_storage::{LocalFile, Memory};

use super::{band, dataset};
use crate::geoserver::Version;
use crate::vrt::{GdalVersion, Targets, VrtOptions, check, examine};

const SOURCE: &str = "<SimpleSource><SourceFilename>GPKG:/d/a</SourceFilename></SimpleSource>";

fn found(text: &str, gdal: Option<GdalVersion>) -> Vec<Finding> {
    check(&Memory::new(text), Path::new("/nowhere/a b.vrt"), &VrtOptions { gdal, ..VrtOptions::default() })
        .unwrap()
        .findings
}

/// The finding of that rule in `bad`; there is none of it in `good`.
#[track_caller]
fn breaks(rule: &str, severity: Severity, bad: &str, good: &str) -> Finding {
    breaks_for(None, rule, severity, bad, good)
}

#[track_caller]
fn breaks_for(gdal: Option<GdalVersion>, rule: &str, severity: Severity, bad: &str, good: &str) -> Finding {
    let of = |text: &str| found(text, gdal).into_iter().filter(|finding| finding.rule.id == rule).collect::<Vec<_>>();
    assert_eq!(of(good), [], "{good}");
    let Some(finding) = of(bad).into_iter().next() else { panic!("{rule} not found: {:#?}", found(bad, gdal)) };
    assert_eq!(finding.severity, severity, "{finding:#?}");
    assert!(finding.location.line.is_some() && !finding.message.is_empty(), "{finding:#?}");
    assert!(finding.fix.is_empty() == (severity == Info) || finding.fix.contains("a b."), "{finding:#?}");
    finding
}

fn good() -> String {
    band(SOURCE)
}

/// A band of a class with these elements before its source.
fn typed(attributes: &str, inside: &str) -> String {
    band(&format!("{inside}{SOURCE}")).replace("dataType=\"Byte\"", attributes)
}

/// The file with another `<SRS>`.
fn placed(srs: &str) -> String {
    good().replace("<SRS>EPSG:2154</SRS>", srs)
}

fn transformed(values: &str) -> String {
    good().replace("700000,10,0,6600000,0,-10", values)
}

#[test]
fn place_and_reference_system() {
    for empty in ["", "<SRS/>", "<SRS>  </SRS>"] {
        breaks("VRT-GEO-001", Error, &placed(empty), &good());
    }
    for wrong in ["Lambert 93", "EPSG:999999", "EPSG:", "PROJCS[&quot;a&quot;"] {
        breaks("VRT-GEO-002", Error, &placed(&format!("<SRS>{wrong}</SRS>")), &good());
    }
    let trailing = breaks("VRT-GEO-002", Warning, &placed("<SRS>EPSG:2154 Lambert</SRS>"), &good());
    assert!(trailing.message.contains("takes EPSG:2154 and silently ignores \"Lambert\""), "{}", trailing.message);
    let without = "<SRS>+proj=laea +lat_0=47 +lon_0=2.5 +ellps=GRS80 +units=m</SRS>";
    breaks("VRT-GEO-003", Warning, &placed(without), &good());
    let mapped = |mapping: &str, code: &str| {
        let text = placed(&format!("<SRS dataAxisToSRSAxisMapping=\"{mapping}\">EPSG:{code}</SRS>"));
        text.replace(
            "700000,10,0,6600000,0,-10",
            if code == "4326" { "2,0.1,0,48,0,-0.1" } else { "700000,10,0,6600000,0,-10" },
        )
    };
    breaks("VRT-GEO-004", Warning, &mapped("2,1", "2154"), &mapped("1,2", "2154"));
    breaks("VRT-GEO-004", Warning, &mapped("1,2", "4326"), &mapped("2,1", "4326"));
    let no_transform = good().replace("<GeoTransform>700000,10,0,6600000,0,-10</GeoTransform>", "");
    breaks("VRT-GEO-005", Error, &no_transform, &good());
    breaks("VRT-GEO-006", Warning, &transformed("700000,10,1,6600000,1,-10"), &good());
    breaks("VRT-GEO-007", Warning, &transformed("700000,10,0,6600000,0,10"), &good());
    let points = "<GCPList Projection=\"EPSG:2154\"><GCP Pixel=\"0\" Line=\"0\" X=\"1\" Y=\"2\"/></GCPList>";
    let only_points = format!("{}{points}", "<VRTRasterBand/>");
    let only_points = format!("<VRTDataset rasterXSize=\"2\" rasterYSize=\"2\">{only_points}</VRTDataset>");
    let finding = breaks("VRT-GEO-008", Error, &only_points, &dataset(&format!("{points}<VRTRasterBand/>")));
    assert!(finding.message.starts_with("1 ground control point"), "{}", finding.message);
    for wrong in
        ["700000,5,10,0,0,0,6600000,5,0,0,-10,0", "1;2;3;4;5;6", "0,0,0,0,0,0", "a,10,0,0,0,-10", "nan,10,0,0,0,-10"]
    {
        breaks("VRT-GEO-009", Error, &transformed(wrong), &good());
    }
    // GDAL leaves empty values out.
    assert!(
        found(&transformed("700000,,10,0,6600000,0,-10"), None).iter().all(|finding| finding.rule.id != "VRT-GEO-009")
    );
    let degrees = breaks("VRT-GEO-012", Warning, &transformed("2.35,0.0001,0,48.86,0,-0.0001"), &good());
    assert!(degrees.message.contains("look like degrees"), "{}", degrees.message);
    breaks("VRT-GEO-012", Warning, &placed("<SRS>EPSG:4326</SRS>"), &mapped("2,1", "4326"));
}

#[test]
fn side_files_that_geoserver_takes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.vrt");
    std::fs::write(&path, good()).unwrap();
    let rules = || -> Vec<(&str, Option<u64>)> {
        let checked = check(&LocalFile::open(&path).unwrap(), &path, &VrtOptions::default()).unwrap();
        checked.findings.iter().map(|finding| (finding.rule.id, finding.location.line)).collect()
    };
    assert_eq!(rules(), []);
    std::fs::write(directory.path().join("a.prj"), "").unwrap();
    std::fs::write(directory.path().join("a.wld"), "").unwrap();
    assert_eq!(rules(), [("VRT-GEO-010", Some(1)); 2]);
    // They stand for what is missing.
    std::fs::write(&path, placed("").replace("<GeoTransform>700000,10,0,6600000,0,-10</GeoTransform>", "")).unwrap();
    assert_eq!(rules(), [("VRT-GEO-010", Some(1)); 2]);
}

#[test]
fn types_of_bands() {
    for (kind, instead) in [("Int64", "Float64"), ("CFloat32", "Float32"), ("CInt16", "Float32"), ("Int8", "Int16")] {
        let finding = breaks("VRT-BAND-001", Error, &typed(&format!("dataType=\"{kind}\""), ""), &good());
        assert!(finding.fix.starts_with(&format!("gdal_translate -of COG -ot {instead} ")), "{}", finding.fix);
    }
    let two = |first: &str, second: &str| {
        let band = |kind: &str, color: &str| {
            format!("<VRTRasterBand dataType=\"{kind}\"><ColorInterp>{color}</ColorInterp>{SOURCE}</VRTRasterBand>")
        };
        dataset(&format!("{}{}", band(first, "Gray"), band(second, "Alpha")))
    };
    let finding = breaks("VRT-BAND-002", Error, &two("Byte", "UInt16"), &two("Byte", "byte"));
    assert!(finding.message.contains("Byte, UInt16") && finding.message.contains("throws"), "{}", finding.message);
    assert!(breaks("VRT-BAND-002", Error, &two("Int32", "UInt32"), &good()).message.contains("clamps"));
    breaks("VRT-BAND-003", Warning, &typed("dataType=\"UInt32\"", ""), &good());
    breaks("VRT-BAND-009", Error, &typed("dataType=\"Int24\"", ""), &good());
    breaks("VRT-BAND-009", Error, &typed("dataType=\"UInt8\"", ""), &good());
    breaks_for(Some((3, 6)), "VRT-BAND-009", Error, &typed("dataType=\"Int8\"", ""), &good());
    breaks_for(Some((3, 13)), "VRT-BAND-009", Error, &typed("dataType=\"x\"", ""), &typed("dataType=\"UInt8\"", ""));
}

#[test]
fn colors_and_tables_of_bands() {
    let bands = |colors: &[&str]| {
        let each = colors.iter().map(|color| {
            format!("<VRTRasterBand dataType=\"Byte\"><ColorInterp>{color}</ColorInterp>{SOURCE}</VRTRasterBand>\n")
        });
        dataset(&each.collect::<String>())
    };
    let rgba = bands(&["Red", "Green", "Blue", "Alpha"]);
    let finding = breaks("VRT-BAND-004", Warning, &bands(&["Red", "Green", "Blue", "NIR"]), &rgba);
    assert_eq!(finding.location.band, Some(4));
    breaks("VRT-BAND-004", Warning, &bands(&["Gray", "Gray"]), &bands(&["Gray", "alpha"]));
    breaks("VRT-BAND-006", Warning, &bands(&["Alpha", "Red", "Green", "Blue"]), &rgba);
    breaks("VRT-BAND-006", Warning, &bands(&["Blue", "Green", "Red"]), &bands(&["Red", "Green", "Blue"]));
    breaks("VRT-BAND-006", Warning, &bands(&["Red", "Green", "Blue", "NIR", "Alpha"]), &rgba);
    let scaled = |inside: &str| typed("dataType=\"Byte\"", inside);
    breaks("VRT-BAND-007", Warning, &scaled("<Scale>0.1</Scale>"), &scaled("<Scale>1</Scale><Offset>0</Offset>"));
    breaks("VRT-BAND-007", Warning, &scaled("<Offset>5</Offset>"), &good());
    let palette = "<ColorInterp>Palette</ColorInterp>";
    let table = "<ColorTable><Entry c1=\"0\" c2=\"0\" c3=\"0\"/></ColorTable>";
    breaks("VRT-BAND-008", Error, &scaled(palette), &scaled(&format!("{palette}{table}")));
    breaks("VRT-BAND-010", Info, &bands(&["Gray"; 5]), &bands(&["Gray"; 4]));
    let attributes = |kind: &str| {
        scaled(&format!(
            "<GDALRasterAttributeTable><FieldDefn index=\"0\"><Name>v</Name><Type>{kind}</Type><Usage>0</Usage>\
             </FieldDefn></GDALRasterAttributeTable>"
        ))
    };
    breaks("VRT-BAND-011", Error, &attributes("3"), &attributes("2"));
}

#[test]
fn nodata_and_masks() {
    let with = |kind: &str, value: &str| {
        typed(&format!("dataType=\"{kind}\""), &format!("<NoDataValue>{value}</NoDataValue>"))
    };
    let two = |first: &str, second: &str| {
        let band = |value: &str| format!("<VRTRasterBand dataType=\"Byte\">{value}{SOURCE}</VRTRasterBand>\n");
        dataset(&format!("{}{}", band(first), band(second)))
    };
    let (zero, one) = ("<NoDataValue>0</NoDataValue>", "<NoDataValue>1</NoDataValue>");
    let finding = breaks("VRT-NODATA-001", Warning, &two(zero, one), &two(zero, "<NoDataValue>0.0</NoDataValue>"));
    assert!(finding.message.contains("(0, 1)"), "{}", finding.message);
    breaks("VRT-NODATA-001", Warning, &two(zero, ""), &two(zero, "<ColorInterp>Alpha</ColorInterp>"));
    for (kind, wrong, right) in [
        ("Byte", "-9999", "255"),
        ("Byte", "nan", "0"),
        ("Byte", "0.5", "1.0"),
        ("Float32", "-3.40282346638529e+38", "-3.4028234663852886e+38"),
        ("Float32", "none", "nan"),
        ("Int16", "-9999,0", "-9999"),
    ] {
        breaks("VRT-NODATA-002", Warning, &with(kind, wrong), &with(kind, right));
    }
    breaks("VRT-NODATA-004", Warning, &with("Float32", "-inf"), &with("Float32", "nan"));
    let hidden = |value: &str| {
        with("Byte", "0").replace("<NoData", &format!("<HideNoDataValue>{value}</HideNoDataValue><NoData"))
    };
    breaks("VRT-NODATA-005", Warning, &hidden("1"), &hidden("0"));
    let mask = "<MaskBand><VRTRasterBand dataType=\"Byte\"/></MaskBand>";
    breaks("VRT-MASK-001", Warning, &typed("dataType=\"Byte\"", mask), &good());
    let twice = typed("dataType=\"Byte\"", mask)
        .replace("<VRTRasterBand dataType=\"Byte\" band", &format!("{mask}\n<VRTRasterBand dataType=\"Byte\" band"));
    breaks("VRT-MASK-002", Error, &twice, &typed("dataType=\"Byte\"", mask));
    breaks_for(Some((3, 6)), "VRT-MASK-002", Warning, &twice, &good());
}

#[test]
fn pixel_functions() {
    let derived = |inside: &str, sources: usize| {
        let inside = format!("{inside}{}", SOURCE.repeat(sources));
        band(&inside).replace("band=\"1\"", "band=\"1\" subClass=\"VRTDerivedRasterBand\"")
    };
    let named = |name: &str, sources| derived(&format!("<PixelFunctionType>{name}</PixelFunctionType>"), sources);
    let sum = named("sum", 2);
    let python = "<PixelFunctionType>f</PixelFunctionType><PixelFunctionLanguage>python</PixelFunctionLanguage>";
    breaks("VRT-PIXFN-001", Error, &derived(python, 1), &sum);
    assert!(breaks("VRT-PIXFN-002", Error, &named("SUM", 2), &sum).message.contains("exactly: sum"));
    breaks("VRT-PIXFN-002", Error, &named("foo", 2), &sum);
    // Not stated: a warning from what GeoServer's GDAL has on; stated: an error, or only told.
    breaks("VRT-PIXFN-003", Warning, &named("mean", 2), &named("div", 2));
    breaks("VRT-PIXFN-003", Warning, &named("round", 1), &sum);
    breaks_for(Some((3, 6)), "VRT-PIXFN-003", Error, &named("min", 2), &sum);
    breaks_for(Some((3, 4)), "VRT-PIXFN-003", Error, &named("div", 2), &sum);
    let told = found(&named("mean", 2), Some((3, 12)));
    assert!(told.iter().any(|finding| finding.rule.id == "VRT-PIXFN-003" && finding.severity == Info), "{told:#?}");
    let expression =
        derived("<PixelFunctionType>expression</PixelFunctionType><PixelFunctionArguments expression=\"B1\"/>", 1);
    breaks("VRT-PIXFN-004", Warning, &expression, &sum);
    breaks_for(Some((3, 10)), "VRT-PIXFN-004", Error, &expression, &sum);
    breaks("VRT-PIXFN-005", Error, &typed("dataType=\"Byte\"", "<PixelFunctionType>sum</PixelFunctionType>"), &sum);
    let function = "<PixelFunctionType>sum</PixelFunctionType>";
    for (wrong, words) in [
        (derived("", 2), "without <PixelFunctionType>"),
        (derived(&format!("{function}<PixelFunctionLanguage>Lua</PixelFunctionLanguage>"), 2), "\"Lua\""),
        (derived(&format!("{function}<PixelFunctionCode>x</PixelFunctionCode>"), 2), "code"),
        (derived(&format!("{function}<BufferRadius>2</BufferRadius>"), 2), "in Python may have"),
        (derived(&format!("{python}<BufferRadius>-1</BufferRadius>"), 1), "between 0 and 1024"),
        (named("pow", 1), "the argument power"),
        (named("interpolate_linear", 2), "the argument t0"),
    ] {
        let finding = breaks("VRT-PIXFN-006", Error, &wrong, &sum);
        assert!(finding.message.contains(words), "{}", finding.message);
    }
    for (name, sources) in [("diff", 1), ("diff", 3), ("sqrt", 2), ("inv", 0), ("interpolate_exp", 1)] {
        breaks("VRT-PIXFN-007", Error, &named(name, sources), &sum);
    }
    // The sum of one source came with 3.11.
    breaks("VRT-PIXFN-007", Warning, &named("sum", 1), &sum);
    breaks_for(Some((3, 6)), "VRT-PIXFN-007", Error, &named("sum", 1), &sum);
    assert!(found(&named("sum", 1), Some((3, 12))).iter().all(|finding| finding.rule.id != "VRT-PIXFN-007"));
}

#[test]
fn what_sources_do_to_values() {
    let complex = |inside: &str| {
        band(&format!("<ComplexSource><SourceFilename>GPKG:/d/a</SourceFilename>{inside}</ComplexSource>"))
    };
    let kernel = |inside: &str| {
        band(&format!(
            "<KernelFilteredSource><SourceFilename>GPKG:/d/a</SourceFilename>{inside}</KernelFilteredSource>"
        ))
    };
    let finding =
        breaks("VRT-CPX-001", Error, &complex("<LUT>100:0,0:200</LUT>"), &complex("<LUT>0:0,0:1,100:200</LUT>"));
    assert!(finding.message.contains("(0 follows 100)"), "{}", finding.message);
    breaks("VRT-CPX-001", Error, &complex("<LUT>1:1,nan:0</LUT>"), &complex("<LUT>nan:0,1:1</LUT>"));
    let odd = breaks("VRT-CPX-001", Warning, &complex("<LUT>0:0,1:1,2</LUT>"), &complex("<LUT>0:0,1:1,2:2</LUT>"));
    assert!(odd.message.contains("(it has 5 numbers)"), "{}", odd.message);
    let three = "<Kernel><Size>3</Size><Coefs>1 1 1 1 1 1 1 1 1</Coefs></Kernel>";
    for wrong in [
        "",
        "<Kernel><Size>2</Size><Coefs>1 1 1 1</Coefs></Kernel>",
        "<Kernel><Size>3</Size><Coefs>1 1</Coefs></Kernel>",
    ] {
        breaks("VRT-CPX-002", Error, &kernel(wrong), &kernel(three));
    }
    let both = |mask: &str| complex(&format!("<NODATA>0</NODATA><UseMaskBand>{mask}</UseMaskBand>"));
    breaks("VRT-CPX-003", Warning, &both("true"), &both("false"));
    let resampled = |method: &str| good().replace("<SimpleSource>", &format!("<SimpleSource resampling=\"{method}\">"));
    breaks("VRT-CPX-004", Warning, &resampled("sharpest"), &resampled("Lanczos"));
    let optioned = |key: &str| {
        band(&format!(
            "<SimpleSource><SourceFilename>GPKG:/d/a.tif</SourceFilename><OpenOptions><OOI key=\"{key}\">1</OOI></OpenOptions></SimpleSource>"
        ))
    };
    breaks("VRT-SRC-028", Warning, &optioned("NOT_AN_OPTION"), &optioned("num_threads"));
}

#[test]
fn windows_of_sources() {
    let window = |rectangle: &str| band(&SOURCE.replace("</SimpleSource>", &format!("{rectangle}</SimpleSource>")));
    let whole = window(
        "<SrcRect xOff=\"0\" yOff=\"0\" xSize=\"20\" ySize=\"20\"/><DstRect xOff=\"-5\" yOff=\"0\" xSize=\"20\" ySize=\"20\"/>",
    );
    let properties = "<SourceProperties RasterXSize=\"20\" RasterYSize=\"20\"/>";
    let beyond = format!("{properties}<SrcRect xOff=\"100\" yOff=\"100\" xSize=\"20\" ySize=\"20\"/>");
    breaks("VRT-SRC-015", Error, &window(&beyond), &whole);
    breaks("VRT-SRC-015", Error, &window("<SrcRect xOff=\"-20\" yOff=\"0\" xSize=\"20\" ySize=\"20\"/>"), &whole);
    for outside in ["xOff=\"20\" yOff=\"0\"", "xOff=\"0\" yOff=\"-20\""] {
        breaks("VRT-SRC-016", Error, &window(&format!("<DstRect {outside} xSize=\"20\" ySize=\"20\"/>")), &whole);
    }
    for wrong in [
        "xOff=\"0\" yOff=\"0\" xSize=\"0\" ySize=\"20\"",
        "xOff=\"0\" yOff=\"0\" xSize=\"-20\" ySize=\"20\"",
        "xOff=\"nan\" yOff=\"0\" xSize=\"20\" ySize=\"20\"",
        "xOff=\"1e10\" yOff=\"0\" xSize=\"20\" ySize=\"20\"",
        "xOff=\"0\" yOff=\"0\" xSize=\"abc\" ySize=\"20\"",
    ] {
        let finding = breaks("VRT-SRC-017", Error, &window(&format!("<DstRect {wrong}/>")), &whole);
        assert!(finding.message.contains("refuses the file"), "{}", finding.message);
    }
    for (wrong, said) in [("xOff=\"left\" yOff=\"0\"", "whose xOff is no number"), ("xOff=\"0\" yOff=\"1,5\"", "(1)")] {
        let loose = window(&format!("<DstRect {wrong} xSize=\"20\" ySize=\"20\"/>"));
        let loose =
            loose.replace("</SimpleSource>", "<SrcRect xOff='0' yOff='0' xSize='20' ySize='20'/></SimpleSource>");
        let finding = breaks("VRT-SRC-017", Warning, &loose, &whole);
        assert!(finding.message.contains(said), "{}", finding.message);
    }
    let partial =
        breaks("VRT-SRC-017", Error, &window("<SrcRect xOff=\"0\" xSize=\"20\" ySize=\"20\"/>"), &window("<SrcRect/>"));
    assert!(partial.message.contains("reads nothing"), "{}", partial.message);
    for (one, lack) in [("SrcRect", "no DstRect"), ("DstRect", "no SrcRect")] {
        let single = window(&format!("<{one} xOff=\"0\" yOff=\"0\" xSize=\"20\" ySize=\"20\"/>"));
        let finding = breaks("VRT-SRC-017", Error, &single, &whole);
        assert!(finding.message.contains(lack), "{}", finding.message);
    }
}

#[test]
fn sources_of_bands() {
    breaks("VRT-SRC-019", Warning, &band(""), &good());
    breaks("VRT-SRC-020", Warning, &band(&SOURCE.repeat(101)), &band(&SOURCE.repeat(100)));
    let many: String = (0..101).map(|index| SOURCE.replace("GPKG:/d/a", &format!("GPKG:/d/{index}"))).collect();
    assert!(breaks("VRT-SRC-020", Warning, &band(&many), &good()).message.contains("101 source files"));
    let inner = band(SOURCE);
    let outer = band(&format!("<SimpleSource>{inner}</SimpleSource>"));
    breaks("VRT-SRC-026", Warning, &outer, &good());
    breaks_for(Some((3, 10)), "VRT-SRC-026", Error, &outer, &good());
    let stated = found(&outer, Some((3, 12)));
    assert!(stated.iter().all(|finding| finding.severity < Warning), "{stated:#?}");
}

#[test]
fn speed() {
    let large = |text: String| text.replace("=\"20\" rasterYSize=\"20\"", "=\"8192\" rasterYSize=\"8192\"");
    let mosaic = large(band(&SOURCE.repeat(2)));
    let listed = mosaic.replace("<VRTRasterBand", "<OverviewList>2 4 8</OverviewList><VRTRasterBand");
    let finding = breaks("VRT-OVR-001", Warning, &mosaic, &listed);
    assert!(finding.message.contains("8,192x8,192") && finding.fix.contains(" 2 4 8 16 32 "), "{finding:?}");
    breaks("VRT-OVR-001", Warning, &mosaic, &band(&SOURCE.repeat(2)));
    for wrong in ["0", "1 2", "abc", "2 -4"] {
        breaks("VRT-OVR-003", Error, &listed.replace("2 4 8", wrong), &listed);
    }
    breaks("VRT-OVR-003", Warning, &listed.replace("2 4 8", "2,4,8"), &listed);
    let blocks = |width: &str, height: &str| {
        large(good()).replace("dataType", &format!("blockXSize=\"{width}\" blockYSize=\"{height}\" dataType"))
    };
    for (width, height, words) in [
        ("16", "16", "less than 32"),
        ("32768", "256", "more than 16384"),
        ("8192", "64", "huge"),
        ("4096", "64", "strip-like"),
    ] {
        let finding = breaks("VRT-PERF-002", Warning, &blocks(width, height), &blocks("512", "512"));
        assert!(finding.message.contains(words), "{}", finding.message);
    }
    let shared = |value: &str| good().replace("<SourceFilename>", &format!("<SourceFilename shared=\"{value}\">"));
    breaks("VRT-PERF-003", Warning, &shared("0"), &shared("1"));
}

#[test]
fn servers_and_mosaics() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.vrt");
    std::fs::write(directory.path().join("a.tif"), "").unwrap();
    let beside = good().replace("<SourceFilename>GPKG:/d/a<", "<SourceFilename relativeToVRT=\"1\">a.tif<");
    std::fs::write(&path, beside).unwrap();
    let told = || {
        let targets = Targets { gdal: false, geoserver: vec![Version { major: 3, minor: 0, patch: None }] };
        let file = LocalFile::open(&path).unwrap();
        let (checked, answers) = examine(&file, &path, &VrtOptions::default(), &targets).unwrap();
        assert_eq!(answers.len(), 1);
        let told = checked.findings.iter().map(|finding| (finding.rule.id, finding.severity));
        // The source is an empty file.
        told.filter(|(rule, _)| *rule != "VRT-SRC-010").collect::<Vec<_>>()
    };
    assert_eq!(told(), [("VRT-MOS-001", Info), ("VRT-ENV-001", Info), ("VRT-ENV-002", Info)]);
    std::fs::write(directory.path().join("indexer.properties"), "Recursive=false\n").unwrap();
    assert_eq!(told()[0], ("VRT-MOS-001", Warning));
    std::fs::write(directory.path().join("indexer.properties"), "Wildcard=*.vrt\n").unwrap();
    assert_eq!(told()[0], ("VRT-MOS-001", Info));
}

#[test]
fn the_schema() {
    for (wrong, words) in [
        (
            good().replace("<SourceFilename>", "<SourceFilename relativeToVrtFile=\"1\">"),
            "<SourceFilename> has no attribute relativeToVrtFile",
        ),
        (
            typed("dataType=\"Byte\"", "<HideNoDataValue>maybe</HideNoDataValue>"),
            "<HideNoDataValue> \"maybe\" is no word",
        ),
        (good().replace("band=\"1\"", "band=\"one\""), "band=\"one\" is no integer"),
        (dataset("<GCPList><GCP Pixel=\"0\"/></GCPList><VRTRasterBand/>"), "<GCP> lacks the attribute Line"),
    ] {
        let found = found(&wrong, None);
        let told =
            found.iter().filter(|finding| finding.rule.id == "VRT-XML-008").map(|finding| finding.message.as_str());
        let told: Vec<&str> = told.collect();
        assert!(told.iter().any(|message| message.contains(words)), "{told:?}");
    }
    let newer = good().replace("<SRS>", "<SRS coordinateEpoch=\"2021.3\">");
    let of = |gdal| found(&newer, gdal).into_iter().filter(|finding| finding.rule.id == "VRT-XML-008").count();
    assert_eq!((of(None), of(Some((3, 3))), of(Some((3, 4)))), (0, 1, 0));
    assert!(found(&good(), None).iter().all(|finding| finding.rule.id != "VRT-XML-008"));
}
