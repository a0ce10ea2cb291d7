//! Rules about the kind of dataset.

use parcelle_report::Severity::{Error, Info, Warning};
use parcelle_storage::Memory;

use super::{band, checked, dataset, findings, only};
use crate::vrt::{VrtOptions, check, looks_like_vrt};

#[test]
fn vector_files_and_tile_indexes_are_told() {
    only(findings("<OGRVRTDataSource><OGRVRTLayer/></OGRVRTDataSource>"), "VRT-KIND-001", Error);
    only(findings("<GDALTileIndexDataset/>"), "VRT-KIND-008", Error);
}

#[test]
fn arrays_without_bands_are_an_error() {
    let text = "<VRTDataset>\n<Group name=\"/\"><Array name=\"a\"/></Group></VRTDataset>";
    let finding = only(findings(text), "VRT-KIND-002", Error);
    assert_eq!(finding.location.line, Some(2));
    assert_eq!(checked(text, (3, 12)).facts["kind"], "multidimensional");
}

fn warped(inside: &str, band: &str) -> String {
    format!(
        "<VRTDataset rasterXSize=\"20\" rasterYSize=\"20\" subClass=\"VRTWarpedDataset\"><SRS>EPSG:2154</SRS>\
         <GeoTransform>700000,10,0,6600000,0,-10</GeoTransform>{inside}\
         <VRTRasterBand subClass=\"VRTWarpedRasterBand\" {band}/></VRTDataset>"
    )
}

#[test]
fn a_warped_file_is_slow_or_refused() {
    let options = "<GDALWarpOptions><ResampleAlg>Cubic</ResampleAlg>\
                   <SourceDataset>GPKG:/d/a</SourceDataset><Transformer/></GDALWarpOptions>";
    let finding = only(findings(warped(options, "")), "VRT-KIND-003", Warning);
    assert!(finding.message.contains("Cubic"), "{}", finding.message);
    only(findings(warped("", "")), "VRT-KIND-003", Error);
    for (without, said) in [
        ("<SourceDataset>GPKG:/d/a</SourceDataset>", "without a <SourceDataset>"),
        ("<Transformer/>", "without a <Transformer>"),
    ] {
        let finding = only(findings(warped(&options.replace(without, ""), "")), "VRT-KIND-003", Error);
        assert!(finding.message.contains(said), "{}", finding.message);
    }
    let mapped = options.replace("<Transformer/>", "<Transformer/><BandList><BandMapping src='1' dst='2'/></BandList>");
    let finding = only(findings(warped(&mapped, "")), "VRT-KIND-003", Error);
    assert!(finding.message.contains("to band 2, where 1 is declared"), "{}", finding.message);
    only(findings(warped(&mapped.replace("dst='2'", "dst='1'"), "")), "VRT-KIND-003", Warning);
    // A band that is not warped has blocks of its own.
    let plain = warped(options, "").replace("subClass=\"VRTWarpedRasterBand\"", "");
    assert!(only(findings(plain), "VRT-KIND-003", Error).message.contains("20x20"));
    only(findings(warped(&options.replace("<Transformer/>", ""), "")), "VRT-KIND-003", Error);
    let mismatch =
        warped(&format!("<BlockXSize>128</BlockXSize><BlockYSize>128</BlockYSize>{options}"), "blockXSize=\"64\"");
    assert!(only(findings(mismatch.as_str()), "VRT-KIND-003", Error).message.contains("64x128"));
    only(checked(mismatch, (3, 4)).findings, "VRT-KIND-003", Warning);
    // GDAL takes 512x128 when nothing is said, and ignores sizes it finds too small.
    only(findings(warped(options, "blockXSize=\"512\" blockYSize=\"128\"")), "VRT-KIND-003", Warning);
    only(findings(warped(options, "blockXSize=\"16\"")), "VRT-KIND-003", Warning);
    only(findings(warped(options, "blockXSize=\"256\"")), "VRT-KIND-003", Error);
}

#[test]
fn a_pansharpened_file_is_slow_or_refused() {
    let file = |inside: &str| format!("<VRTDataset subClass=\"VRTPansharpenedDataset\">{inside}</VRTDataset>");
    let source = "<SourceFilename>GPKG:/d/a</SourceFilename>";
    let options = |inside: &str| file(&format!("<PansharpeningOptions>{inside}</PansharpeningOptions>"));
    let panchromatic = format!("<PanchroBand>{source}</PanchroBand>");
    let spectral = format!("<SpectralBand dstBand=\"1\">{source}</SpectralBand>");
    only(findings(options(&format!("{panchromatic}{spectral}"))), "VRT-KIND-004", Warning);
    for (text, missing) in [
        (file(""), "<PansharpeningOptions>"),
        (options(&spectral), "<PanchroBand>"),
        (options(&panchromatic), "<SpectralBand>"),
    ] {
        assert!(only(findings(text), "VRT-KIND-004", Error).message.contains(missing));
    }
}

#[test]
fn a_processed_file_needs_a_version_and_known_algorithms() {
    let file = |inside: &str| format!("<VRTDataset subClass=\"VRTProcessedDataset\">{inside}</VRTDataset>");
    let input = "<Input><SourceFilename>GPKG:/d/a</SourceFilename></Input>";
    let steps = |name: &str| {
        let arguments = match name {
            "LUT" => "<Argument name='lut_1'>0:1</Argument>",
            "Expression" => "<Argument name='expression'>B1</Argument>",
            _ => "",
        };
        format!("{input}<ProcessingSteps><Step><Algorithm>{name}</Algorithm>{arguments}</Step></ProcessingSteps>")
    };
    only(findings(file(&steps("LUT"))), "VRT-KIND-005", Warning);
    only(checked(file(&steps("LUT")), (3, 12)).findings, "VRT-KIND-005", Info);
    only(checked(file(&steps("LUT")), (3, 8)).findings, "VRT-KIND-005", Error);
    only(checked(file(&steps("Expression")), (3, 10)).findings, "VRT-KIND-005", Error);
    for (text, words) in [
        (file(&steps("Magic")), "\"Magic\""),
        (file(&steps("lut")), "\"lut\""),
        (file(&steps("Trimming")), "lacks the argument tone_ceil"),
        (file(&format!("<OutputBands count='many'/>{}", steps("LUT"))), "\"many\""),
        (file(&format!("<OutputBands count='100000000'/>{}", steps("LUT"))), "100000000"),
        (file(&format!("<OutputBands dataType='Int24'/>{}", steps("LUT"))), "Int24"),
        (file(&format!("{input}<ProcessingSteps><Step/></ProcessingSteps>")), "no <Algorithm>"),
        (file(&format!("{input}<ProcessingSteps/>")), "<Step>"),
        (file(input), "<ProcessingSteps>"),
        (file("<Input/>"), "<SourceFilename>"),
        (file(""), "<Input>"),
    ] {
        let finding = only(findings(text), "VRT-KIND-005", Error);
        assert!(finding.message.contains(words), "{}", finding.message);
    }
}

#[test]
fn raw_bands_are_refused_outside_the_directory() {
    let raw = |name: &str| dataset(&format!("<VRTRasterBand subClass=\"VRTRawRasterBand\">{name}</VRTRasterBand>"));
    let of = |target, text: &str| {
        let mut found = checked(raw(text), target).findings;
        // That the file is missing, too, is another matter.
        found.retain(|finding| !finding.rule.id.starts_with("VRT-SRC"));
        found
    };
    for outside in [
        "<SourceFilename relativeToVRT=\"1\">../a.raw</SourceFilename>",
        "<SourceFilename relativeToVRT=\"0\">a.raw</SourceFilename>",
        "<SourceFilename relativeToVRT=\"1\">/etc/passwd</SourceFilename>",
    ] {
        let finding = only(of((3, 12), outside), "VRT-KIND-006", Error);
        assert!(finding.location.source.is_some());
        only(of((3, 11), outside), "VRT-KIND-006", Warning);
    }
    only(of((3, 12), "<SourceFilename>a.raw</SourceFilename>"), "VRT-KIND-006", Warning);
    only(of((3, 12), ""), "VRT-KIND-006", Error);
}

#[test]
fn subclasses_are_known_and_in_place() {
    let of_dataset = |class: &str| band("").replace("<VRTDataset", &format!("<VRTDataset subClass=\"{class}\""));
    let finding = only(findings(of_dataset("VRTWarpDataset")), "VRT-KIND-007", Warning);
    assert_eq!(finding.location.line, Some(1));
    let finding = only(findings(of_dataset("vrtwarpeddataset")), "VRT-KIND-007", Warning);
    assert!(finding.message.contains("exactly: VRTWarpedDataset"), "{}", finding.message);
    assert_eq!(findings(of_dataset("VRTDataset")), []);

    let of_band = |class: &str| dataset(&format!("<VRTRasterBand subclass=\"{class}\"/>"));
    assert!(findings(of_band("vrtderivedrasterband")).iter().all(|finding| finding.rule.id != "VRT-KIND-007"));
    for wrong in ["VRTDerivedBand", "VRTWarpedRasterBand", "VRTPansharpenedRasterBand", "VRTProcessedRasterBand"] {
        let finding = only(findings(of_band(wrong)), "VRT-KIND-007", Error);
        assert_eq!(finding.location.band, Some(1));
    }
}

#[test]
fn commands_hold_nothing_else_before_their_comment() {
    let warped = "<VRTDataset subClass=\"VRTWarpedDataset\" rasterXSize=\"9\" rasterYSize=\"9\"><GDALWarpOptions><SourceDataset>GPKG:/d/a</SourceDataset><Transformer/></GDALWarpOptions>\
                  <VRTRasterBand band=\"1\" subClass=\"VRTWarpedRasterBand\"/></VRTDataset>";
    let raw = "<VRTDataset rasterXSize=\"9\" rasterYSize=\"9\"><VRTRasterBand band=\"1\" subClass=\"VRTRawRasterBand\">\
               <SourceFilename>/a.raw</SourceFilename></VRTRasterBand></VRTDataset>";
    for (text, rule, command) in [
        ("<OGRVRTDataSource/>", "VRT-KIND-001", "ogr2ogr -f GPKG '/nowhere/a b.gpkg' '/nowhere/a b.vrt'"),
        (warped, "VRT-KIND-003", "gdal_translate -of COG '/nowhere/a b.vrt' '/nowhere/a b.vrt.tif'"),
        (raw, "VRT-KIND-006", "gdal_translate -of COG '/nowhere/a b.vrt' '/nowhere/a b.vrt.tif'"),
        ("<GDALTileIndexDataset/>", "VRT-KIND-008", "gdal_translate -of VRT '/nowhere/a b.vrt' '/nowhere/a b.gti.vrt'"),
    ] {
        let found = findings(text);
        let finding = found.iter().find(|finding| finding.rule.id == rule).unwrap();
        assert_eq!(finding.fix.split_once("  # ").unwrap().0, command);
    }
}

#[test]
fn a_streamed_algorithm_is_told_from_a_vrt() {
    let file = |rest: &str| format!("{{\n \"type\": \"gdal_streamed_alg\"{rest}\n}}");
    let raster = file(",\n \"command_line\": \"gdal raster reproject --input a.tif --output-format stream\"");
    let finding = only(findings(raster.as_str()), "VRT-KIND-009", Error);
    assert!(finding.message.contains("gdal raster reproject") && finding.fix.starts_with("gdal_translate -of COG "));
    let checked = checked(raster, (3, 12));
    assert_eq!(checked.facts["kind"], "streamed-algorithm");
    assert!(checked.facts["command_line"].as_str().unwrap().starts_with("gdal raster reproject"));
    let vector = file(",\"command_line\":\"gdal vector clip --input a.gpkg\"");
    let finding = only(findings(vector), "VRT-KIND-009", Error);
    assert!(finding.message.contains("vector layer") && finding.fix.starts_with("ogr2ogr -f GPKG "));
    let finding = only(findings(file("")), "VRT-KIND-009", Error);
    assert!(finding.message.contains("no GDAL opens it"), "{}", finding.message);
    assert!(looks_like_vrt(file("").as_bytes()));
}

#[test]
fn a_source_that_is_a_streamed_algorithm_needs_a_new_gdal() {
    let directory = tempfile::tempdir().unwrap();
    let text = "{\"type\":\"gdal_streamed_alg\",\"command_line\":\"gdal raster convert a.tif\"}";
    std::fs::write(directory.path().join("a.gdalg.json"), text).unwrap();
    let source = "<SimpleSource><SourceFilename relativeToVRT=\"1\">a.gdalg.json</SourceFilename></SimpleSource>";
    for (gdal, severity) in [(None, Warning), (Some((3, 6)), Error), (Some((3, 12)), Info)] {
        let options = VrtOptions { gdal, ..VrtOptions::default() };
        let checked = check(&Memory::new(band(source)), &directory.path().join("a.vrt"), &options).unwrap();
        let found = checked.findings.iter().find(|finding| finding.rule.id == "VRT-KIND-009").unwrap();
        assert_eq!(found.severity, severity, "{}", found.message);
    }
}

#[test]
fn an_incomplete_array_refuses_the_file() {
    let array = |inside: &str| band(&format!("<ArraySource>{inside}</ArraySource>"));
    let single = "<SingleSourceArray><SourceFilename>GPKG:/d/a.nc</SourceFilename><SourceArray>/b</SourceArray>\
                  </SingleSourceArray>";
    let derived = |steps: &str| array(&format!("<DerivedArray>{single}{steps}</DerivedArray>"));
    let dimensions = "<Dimension name=\"Y\" size=\"20\"/><Dimension name=\"X\" size=\"20\"/>";
    for sound in [
        array(single),
        derived(""),
        derived("<Step><View expr=\"[::-1,...]\"/></Step><Step><Transpose newOrder=\"1,0\"/></Step>"),
        derived("<Step><Grid><GridOptions>invdist</GridOptions></Grid></Step><Step><GetUnscaled/></Step>"),
        array(&format!("<Array name=\"a\"><DataType>Byte</DataType>{dimensions}</Array>")),
    ] {
        assert!(!checked(sound.as_str(), (3, 12)).findings.iter().any(|one| one.rule.id == "VRT-SRC-029"), "{sound}");
    }
    for (text, missing) in [
        (array(""), "<ArraySource> has no <SingleSourceArray>, <Array> or <DerivedArray>"),
        (array("<DerivedArray/>"), "<DerivedArray> has no <SingleSourceArray>"),
        (array("<SingleSourceArray><SourceArray>/b</SourceArray></SingleSourceArray>"), "has no <SourceFilename>"),
        (array(&single.replace("<SourceArray>/b</SourceArray>", "")), "has no <SourceArray>"),
        (derived("<Step/>"), "<Step> has no <View>"),
        (derived("<Step><View/></Step>"), "<View> has no attribute expr"),
        (derived("<Step><Transpose/></Step>"), "attribute newOrder"),
        (derived("<Step><Grid/></Step>"), "<GridOptions>"),
        (derived("<Step><Resample><Dimension/></Resample></Step>"), "<Dimension> has no attribute name"),
        (derived("<Step><Resample><SRS>somewhere</SRS></Resample></Step>"), "<SRS> of <Resample> is none"),
        (derived("<Step><GetMask><Option>a</Option></GetMask></Step>"), "<Option> has no attribute name"),
        (
            derived("<Step><Grid><GridOptions>invdist</GridOptions><XArray/></Grid></Step>"),
            "<XArray> has no <SingleSourceArray>",
        ),
        (array(&format!("<Array><DataType>Byte</DataType>{dimensions}</Array>")), "<Array> has no attribute name"),
        (array(&format!("<Array name=\"a\">{dimensions}</Array>")), "<Array> has no <DataType>"),
        (array("<Array name=\"a\"><DataType>Byte</DataType></Array>"), "<Array> has 0 instead of two dimensions"),
    ] {
        let found = checked(text.as_str(), (3, 12)).findings;
        let finding = found.iter().find(|finding| finding.rule.id == "VRT-SRC-029");
        let finding = finding.unwrap_or_else(|| panic!("{text}: {found:#?}"));
        assert!(finding.message.contains(missing), "{}", finding.message);
        assert_eq!(finding.severity, Error);
    }
}

#[test]
fn steps_must_fit_the_bands() {
    let of_bands = |count: usize, output: &str, steps: &str| {
        let more = "<VRTRasterBand dataType=\"Byte\"/>".repeat(count - 1);
        let input = band("").replace("<VRTRasterBand ", &format!("{more}<VRTRasterBand "));
        format!(
            "<VRTDataset subClass=\"VRTProcessedDataset\"><Input>{input}</Input>{output}\
             <ProcessingSteps>{steps}</ProcessingSteps></VRTDataset>"
        )
    };
    let file = |output: &str, steps: &str| of_bands(if steps.contains("Trimming") { 3 } else { 2 }, output, steps);
    let step = |algorithm: &str, arguments: &[(&str, &str)]| {
        let arguments: String =
            arguments.iter().map(|(name, value)| format!("<Argument name=\"{name}\">{value}</Argument>")).collect();
        format!("<Step><Algorithm>{algorithm}</Algorithm>{arguments}</Step>")
    };
    let affine = |arguments: &[(&str, &str)]| step("BandAffineCombination", arguments);
    let lookup = |arguments: &[(&str, &str)]| step("LUT", arguments);
    // What comes later in the file counts, but not in these cases.
    let local = |more: &[(&str, &str)]| {
        let mut arguments = more.to_vec();
        for kind in ["gain", "offset"] {
            for band in ["1", "2"] {
                let [name, number] = ["filename", "band"].map(|what| &*format!("{kind}_dataset_{what}_{band}").leak());
                arguments.extend([(name, "/nowhere/g.tif"), (number, band)]);
            }
        }
        step("LocalScaleOffset", &arguments)
    };
    let trim = |more: &[(&str, &str)]| {
        let sound = [
            ("trimming_dataset_filename", "/nowhere/t.tif"),
            ("top_rgb", "255"),
            ("tone_ceil", "200"),
            ("top_margin", "0.1"),
        ];
        step("Trimming", &[more, &sound].concat())
    };
    let of_rule = |text: String, severity| {
        let found = checked(text, (3, 12)).findings;
        let mut found = found.into_iter().filter(|one| one.rule.id == "VRT-KIND-005" && one.severity == severity);
        found.next().map(|finding| finding.message)
    };
    let error = |text: String| of_rule(text, Error);
    assert_eq!(error(file("", &local(&[]))), None);
    assert_eq!(error(file("", &trim(&[]))), None);
    assert!(of_rule(file("", &trim(&[("tone", "1")])), Warning).unwrap().contains("no argument tone"));
    let evaluated = file("", &step("Expression", &[("expression", "B1"), ("dialect", "muparser")]));
    assert!(of_rule(evaluated, Warning).unwrap().contains("muparser"));
    let named = checked(file("", &trim(&[])), (3, 12)).findings;
    assert!(named.iter().any(|one| one.rule.id == "VRT-SRC-001" && one.message.contains("t.tif")), "{named:#?}");
    for (count, said) in [(1, "where 1 band goes in"), (2, "where 2 bands go in")] {
        assert!(error(of_bands(count, "", &trim(&[]))).unwrap().contains(said));
    }
    let both = [("coefficients_1", "0,1,0"), ("coefficients_2", "0,0,1")];
    assert_eq!(error(file("", &affine(&both))), None);
    assert_eq!(
        error(file("<OutputBands count=\"1\" dataType=\"Byte\"/>", &(affine(&both) + &affine(&both[..1])))),
        None
    );
    assert_eq!(error(file("", &lookup(&[("lut_1", "0:1,5:7"), ("lut_2", "0:1")]))), None);
    for (output, steps, said) in [
        ("<OutputBands count=\"1\" dataType=\"Byte\"/>", affine(&both), "for 2 bands, where 1 must come out"),
        ("", affine(&[("coefficients_1", "0,1")]), "2 values in coefficients_1, where 2 bands need 3"),
        ("", affine(&[("coefficients_2", "0,1,0")]), "lacks the argument coefficients_1"),
        ("", affine(&[("coefficients_0", "0,1,0")]), "names no band"),
        ("", affine(&both[..1]) + &affine(&both), "where 1 bands need 2"),
        ("", lookup(&[("lut_1", "0:1")]), "tables for 1 bands, where 2 must come out"),
        ("", lookup(&[("lut_1", "0:1"), ("lut_2", "7")]), "no pairs"),
        ("", lookup(&[("lut_3", "0:1")]), "a band that does not go in"),
        ("", lookup(&[]), "lacks the argument lut_1"),
        ("", lookup(&[("lut_1", "0:1"), ("src_nodata", "none")]), "src_nodata=\"none\", which is no number"),
        ("", affine(&[("coefficients_1", "0,a,0")]), "no list of numbers"),
        ("", local(&[("gain_dataset_band_2", "")]), "gain_dataset_band_2=\"\", which is no whole number"),
        ("", local(&[("offset_dataset_filename_3", "g.tif")]), "a band that does not go in"),
        ("", local(&[("relativeToVRT", "1")]), "neither true nor false"),
        ("", local(&[]).replace("gain_dataset_band_2", "gain_nodata"), "lacks the argument gain_dataset_band_2"),
        ("", trim(&[("red_band", "4")]), "red_band=4, which is no band that goes in"),
        ("", trim(&[("red_band", "2")]), "one band for two of red_band, green_band and blue_band"),
        ("", trim(&[]).replace("top_rgb", "top"), "lacks the argument top_rgb"),
        ("", trim(&[]).replace(" name=\"top_rgb\"", ""), "an <Argument> without a name"),
        ("", step("Expression", &[]), "lacks the argument expression"),
    ] {
        let told = error(file(output, &steps)).unwrap_or_else(|| panic!("{output} {steps}"));
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn spectral_bands_must_be_numbered_through() {
    let file = |inside: &str| {
        let source = "<SourceFilename>GPKG:/d/a</SourceFilename>";
        let inside = inside.replace("/>", &format!(">{source}</SpectralBand>"));
        format!(
            "<VRTDataset subClass=\"VRTPansharpenedDataset\"><PansharpeningOptions><PanchroBand>{source}</PanchroBand>\
             {inside}</PansharpeningOptions></VRTDataset>"
        )
    };
    let [one, two, three] = [1, 2, 3].map(|number| format!("<SpectralBand dstBand=\"{number}\"/>"));
    let weights = |list: &str| format!("<AlgorithmOptions><Weights>{list}</Weights></AlgorithmOptions>{one}{two}");
    for sound in [format!("{one}{two}{three}"), weights("0.5,0.5"), format!("{two}{one}<SpectralBand/>")] {
        only(findings(file(&sound)), "VRT-KIND-004", Warning);
    }
    for (wrong, said) in [
        (format!("{one}{three}"), "without a spectral band for the band 2"),
        (format!("{one}{one}"), "two spectral bands for the band 1"),
        ("<SpectralBand dstBand=\"0\"/>".to_owned(), "which is no band"),
        ("<SpectralBand/>".to_owned(), "no band comes out"),
        (format!("<Algorithm>Magic</Algorithm>{one}"), "\"Magic\""),
        (weights("0.5"), "1 weights for 2 spectral bands"),
    ] {
        let finding = only(findings(file(&wrong)), "VRT-KIND-004", Error);
        assert!(finding.message.contains(said), "{}", finding.message);
    }
    let deep = findings(file(&format!("{one}{two}<BitDepth>40</BitDepth>")));
    assert!(deep.iter().any(|one| one.severity == Error && one.message.contains("BitDepth of 40")), "{deep:#?}");
    let declared = "<VRTRasterBand subClass=\"VRTPansharpenedRasterBand\"/></VRTDataset>";
    let beyond = file(&format!("{one}{two}")).replace("</VRTDataset>", declared);
    let finding = only(findings(beyond), "VRT-KIND-004", Error);
    assert!(finding.message.contains("the band 2, where 1 is declared"), "{}", finding.message);
}

#[test]
fn raw_bytes_lie_as_gdal_takes_them() {
    let raw = |inside: &str| {
        let file = "<SourceFilename relativeToVRT='1'>a.raw</SourceFilename>";
        dataset(&format!("<VRTRasterBand band='1' subClass='VRTRawRasterBand'>{file}{inside}</VRTRasterBand>"))
    };
    for sound in ["", "<ByteOrder>lsb</ByteOrder>", "<ByteOrder/>", "<PixelOffset>4</PixelOffset>"] {
        let found = findings(raw(sound));
        assert!(found.iter().any(|one| one.rule.id == "VRT-KIND-006" && one.severity == Warning), "{found:#?}");
    }
    for (wrong, said) in [
        ("<ByteOrder>BIG</ByteOrder>", "the ByteOrder \"BIG\""),
        ("<PixelOffset>0</PixelOffset>", "the PixelOffset \"0\""),
    ] {
        let found = findings(raw(wrong));
        let finding = found.iter().find(|one| one.rule.id == "VRT-KIND-006").unwrap();
        assert_eq!(finding.severity, Error);
        assert!(finding.message.contains(said) && finding.message.ends_with("GDAL refuses the file."), "{finding:?}");
    }
}
