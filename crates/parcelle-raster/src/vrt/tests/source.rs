//! Rules about where sources are.

use std::path::Path;

use parcelle_report::Finding;
use parcelle_report::Severity::{Error, Warning};
use parcelle_storage::{LocalFile, Memory};

use super::{VrtOptions, band, check, checked, findings, only};

fn source(attribute: &str, name: &str) -> String {
    format!("<SimpleSource><SourceFilename {attribute}>{name}</SourceFilename></SimpleSource>\n")
}

fn findings_of(path: &Path) -> Vec<Finding> {
    let mut found = check(&LocalFile::open(path).unwrap(), path, &VrtOptions::default()).unwrap().findings;
    // Sources lie beside the VRT in these tests, and some are many.
    found.retain(|finding| !["VRT-MOS-001", "VRT-SRC-020"].contains(&finding.rule.id));
    // And they are empty.
    found.retain(|finding| !super::OF_SOURCES.contains(&finding.rule.id));
    found
}

#[test]
fn a_missing_source_is_an_error() {
    let finding = only(findings(band(&source("relativeToVRT=\"1\"", "a.tif"))), "VRT-SRC-001", Error);
    assert!(finding.message.contains("there is no directory /nowhere"), "{}", finding.message);
    assert!(finding.message.contains("The store can be created"), "{}", finding.message);
    assert_eq!((finding.location.band, finding.location.line), (Some(1), Some(3)));
    assert_eq!(finding.location.source.as_deref(), Some("a.tif"));
    let found = findings(band(&source("", "/nowhere/at all.tif")));
    let finding = found.iter().find(|finding| finding.rule.id == "VRT-SRC-001").unwrap();
    assert!(finding.fix.contains("'/nowhere/at all.tif'"), "{}", finding.fix);
    let blank = only(findings(band(&source("relativeToVRT=\"1\"", "a.tif "))), "VRT-SRC-001", Error);
    assert!(blank.message.contains("\"a.tif \""), "{}", blank.message);
}

#[test]
fn the_pattern_of_a_rebuild_means_to_a_shell_what_it_says() {
    for (name, pattern) in [
        ("/no where/a.tif", "'/no where'/*.tif"),
        ("/nowhere/a.tif;reboot", "/nowhere/*.*"),
        ("/nowhere/a", "/nowhere/*.*"),
    ] {
        let found = findings(band(&source("", name)));
        let finding = found.iter().find(|finding| finding.rule.id == "VRT-SRC-001").unwrap();
        assert!(finding.fix.ends_with(pattern), "{}", finding.fix);
    }
    let text = band(&source("relativeToVRT=\"1\"", "not-there.tif"));
    let mut found = check(&Memory::new(text), Path::new("a.vrt"), &VrtOptions::default()).unwrap().findings;
    found.retain(|finding| finding.rule.id == "VRT-SRC-001");
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert!(finding.fix.ends_with("gdalbuildvrt -overwrite a.vrt ./*.tif"), "{}", finding.fix);
}

#[test]
fn an_absolute_path_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let tile = directory.path().join("a.tif");
    std::fs::write(&tile, "").unwrap();
    for attribute in ["", "relativeToVRT=\"1\"", "relativeToVRT=\"0\""] {
        let found = findings(band(&source(attribute, tile.to_str().unwrap())));
        let finding = only(found, "VRT-SRC-002", Warning);
        assert!(finding.fix.contains("relativeToVRT=\"1\">a.tif</SourceFilename>"), "{}", finding.fix);
    }
    assert_eq!(findings(band(&source("", "GPKG:/d/a.tif"))), []);
}

#[test]
fn a_source_without_a_name_is_refused() {
    for nameless in [
        "<SimpleSource/>",
        "<ComplexSource><SourceBand>1</SourceBand></ComplexSource>",
        "<SimpleSource><SourceFilename/></SimpleSource>",
        "<SimpleSource><SourceFilename relativeToVRT=\"1\">a.tif<!-- the file --></SourceFilename></SimpleSource>",
        "<SimpleSource><SourceFilename relativeToVRT=\"1\">a<![CDATA[.tif]]></SourceFilename></SimpleSource>",
    ] {
        let finding = only(findings(band(nameless)), "VRT-SRC-001", Error);
        assert!(finding.message.contains("GDAL refuses the VRT"), "{}", finding.message);
        assert_eq!((finding.location.line, finding.location.band), (Some(3), Some(1)));
    }
    assert_eq!(
        findings(band("<SimpleSource><SourceFilename><![CDATA[GPKG:/d/a]]></SourceFilename></SimpleSource>")),
        []
    );
    let array = "<ArraySource><Array name='a'><DataType>Byte</DataType><Dimension name='Y' size='9'/>\
                 <Dimension name='X' size='9'/></Array></ArraySource>";
    assert_eq!(checked(band(array), (3, 12)).findings, []);
}

#[test]
fn the_memory_of_another_process_is_out_of_reach() {
    for path in ["/vsimem/a.tif", "/vsizip//vsimem/a.zip/b.tif", "/vsimem/a/b.vrt"] {
        let found = findings(band(&source("relativeToVRT=\"1\"", path)));
        let finding = found.iter().find(|finding| finding.rule.id == "VRT-SRC-001").unwrap();
        assert!(finding.message.contains("memory of the process"), "{}", finding.message);
        assert_eq!(finding.severity, Error);
    }
}

#[test]
fn thousands_of_missing_sources_are_one_finding() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.vrt");
    let sources: String = (0..2000).map(|index| source("relativeToVRT=\"1\"", &format!("{index}.tif"))).collect();
    std::fs::write(&path, band(&sources.repeat(2))).unwrap();
    for present in 0..10 {
        std::fs::write(directory.path().join(format!("{present}.tif")), "").unwrap();
    }
    let found = findings_of(&path);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].count, 1990);
    assert!(found[0].message.starts_with("1,990 of 2,000 sources do not exist, first: 10.tif"), "{}", found[0].message);
}

#[test]
fn a_relative_path_needs_the_attribute() {
    for attribute in ["", "relativeToVRT=\"0\"", "relativeToVRT=\"true\"", "relativetovrt=\"0\""] {
        let finding = only(findings(band(&source(attribute, "a.tif"))), "VRT-SRC-003", Error);
        assert!(finding.message.contains("working directory"), "{}", finding.message);
        assert_eq!(finding.message.contains("\"true\" is read as 0"), attribute.contains("true"));
    }
}

#[test]
fn paths_of_windows_are_errors() {
    for name in ["C:\\data\\a.tif", "D:/a.tif", "\\\\nas\\a.tif", "src\\a.tif"] {
        let finding = only(findings(band(&source("relativeToVRT=\"1\"", name))), "VRT-SRC-004", Error);
        assert!(finding.fix.contains(">a.tif<"), "{}", finding.fix);
    }
}

#[test]
fn sources_that_are_no_local_files_are_left_alone() {
    for (name, rule, severity) in [
        ("/vsis3/bucket/a.tif", "VRT-SRC-005", Warning),
        ("https://x/a.tif", "VRT-SRC-005", Error),
        ("/vsizip//nowhere/a.zip/a.tif", "VRT-SRC-001", Error),
        ("/vsi7z//nowhere/a.7z/a.tif", "VRT-SRC-006", Warning),
        ("/vsizip/a.zip/a.tif", "VRT-SRC-006", Error),
        ("PG:dbname=x", "VRT-SRC-028", Warning),
        ("PG:dbname=x password=geheim", "VRT-SRC-028", Error),
        ("WMS:http://x", "VRT-SRC-028", Warning),
        ("file:///d/a.tif", "VRT-SRC-028", Error),
        ("MEM:::DATAPOINTER=1", "VRT-SEC-004", Error),
        ("/vsistdin/", "VRT-SEC-004", Error),
        ("/vsisubfile/0_100,/etc/passwd", "VRT-SEC-004", Error),
    ] {
        let finding = only(findings(band(&source("", name))), rule, severity);
        assert!(!format!("{finding:?}").contains("geheim"), "{finding:?}");
    }
    assert_eq!(findings(band(&source("", "NETCDF:\"a.nc\":b"))), []);
}

#[test]
fn sources_of_other_vrts_are_looked_for_too() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let one = "relativeToVRT=\"1\"";
    write("in/deep.vrt", &band(&(source(one, "there.tif") + &source(one, "gone.tif") + &source(one, "../outer.vrt"))));
    write("in/there.tif", "");
    write("in/broken.vrt", "<VRTDataset>");
    write("middle.vrt", &band(&(source(one, "in/deep.vrt") + &source(one, "in/broken.vrt"))));
    let outer = write("outer.vrt", &band(&source(one, "middle.vrt")));
    let found = findings_of(&outer);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].rule.id, found[0].count, found[0].location.line), ("VRT-SRC-001", 1, Some(3)));
    assert!(found[0].message.contains("gone.tif, named in ") && found[0].message.contains("deep.vrt"), "{found:#?}");
    write("in/gone.tif", "");
    assert_eq!(findings_of(&outer), []);
}

#[test]
fn datasets_inside_sources_masks_and_options_count() {
    let inner = band(&source("relativeToVRT=\"1\"", "inner.tif"));
    let mask = band(&source("relativeToVRT=\"1\"", "mask.tif")).replace("VRTDataset", "MaskBand");
    let text = band(&format!("<SimpleSource>{inner}</SimpleSource>\n{mask}"));
    let finding = only(findings(text), "VRT-SRC-001", Error);
    assert_eq!(finding.count, 2, "{}", finding.message);

    let nameless = "<VRTDataset subClass=\"VRTProcessedDataset\"><Input><SourceFilename/></Input><ProcessingSteps><Step>\
                    <Algorithm>LUT</Algorithm></Step></ProcessingSteps></VRTDataset>";
    assert!(findings(nameless).iter().any(|finding| finding.rule.id == "VRT-SRC-001"));

    let warped = "<VRTDataset rasterXSize=\"2\" rasterYSize=\"2\" subClass=\"VRTWarpedDataset\"><GDALWarpOptions>\
                  <SourceDataset relativeToVRT=\"1\">w.tif</SourceDataset><Transformer/></GDALWarpOptions><VRTRasterBand \
                  subClass=\"VRTWarpedRasterBand\"/></VRTDataset>";
    let found = findings(warped);
    let missing = found.iter().find(|finding| finding.rule.id == "VRT-SRC-001").unwrap();
    assert!(missing.message.contains("the store cannot be created"), "{}", missing.message);
}

#[cfg(unix)]
#[test]
fn a_linked_vrt_is_relative_to_what_it_links_to() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("real")).unwrap();
    std::fs::write(directory.path().join("real/a.tif"), "").unwrap();
    let real = directory.path().join("real/a.vrt");
    std::fs::write(&real, band(&source("relativeToVRT=\"1\"", "a.tif"))).unwrap();
    let link = directory.path().join("link.vrt");
    std::os::unix::fs::symlink("real/a.vrt", &link).unwrap();
    assert_eq!(findings_of(&link), []);
}

#[test]
fn the_working_directory_of_the_server_may_be_stated() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("started")).unwrap();
    std::fs::write(directory.path().join("started/inner.vrt"), super::sound()).unwrap();
    let severity = |working_directory| {
        let options = VrtOptions { working_directory, ..VrtOptions::default() };
        let text = band(&source("", "inner.vrt"));
        let checked = check(&Memory::new(text), &directory.path().join("a.vrt"), &options).unwrap();
        let found = checked.findings.into_iter().find(|finding| finding.rule.id == "VRT-SRC-003").unwrap();
        (found.severity, checked.facts["sources_opened"].as_u64().unwrap())
    };
    assert_eq!(severity(None), (Error, 0));
    assert_eq!(severity(Some(directory.path().join("started"))), (Warning, 1));
    assert_eq!(severity(Some(directory.path().to_owned())), (Error, 0));
}

#[test]
fn at_the_depth_of_the_header_no_source_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.tif"), "no raster").unwrap();
    let text = band(&(source("relativeToVRT=\"1\"", "a.tif") + &source("relativeToVRT=\"1\"", "b.tif")));
    let rules = |depth| {
        let options = VrtOptions { depth, ..VrtOptions::default() };
        let found = check(&Memory::new(text.as_str()), &directory.path().join("a.vrt"), &options).unwrap().findings;
        found.into_iter().filter(|finding| finding.severity == Error).map(|finding| finding.rule.id).collect::<Vec<_>>()
    };
    assert_eq!(rules(crate::Depth::Header), ["VRT-SRC-001"]);
    assert_eq!(rules(crate::Depth::Tiles), ["VRT-SRC-001", "VRT-SRC-010"]);
}

#[test]
fn what_gdal_makes_of_lapses() {
    // Measured with GDAL 3.6.2: the default where the text is missing, the first of two names, and a file inside a view.
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("inner.vrt"), super::sound()).unwrap();
    let errors = |inside: &str| {
        let path = directory.path().join("a.vrt");
        let found = check(&Memory::new(band(inside)), &path, &VrtOptions::default()).unwrap().findings;
        found.into_iter().filter(|finding| finding.severity == Error).map(|finding| finding.rule.id).collect::<Vec<_>>()
    };
    let named = "<SourceFilename relativeToVRT=\"1\">inner.vrt</SourceFilename>";
    let lost = "<SourceFilename relativeToVRT=\"1\">lost.vrt</SourceFilename>";
    let nothing: [&str; 0] = [];
    assert_eq!(errors(&format!("<SimpleSource>{named}<SourceBand/></SimpleSource>")), nothing);
    assert_eq!(errors(&format!("<SimpleSource>{named}{lost}</SimpleSource>")), nothing);
    assert_eq!(errors(&source("relativeToVRT=\"1\"", "vrt://inner.vrt?bands=1")), nothing);
    assert_eq!(errors(&source("relativeToVRT=\"1\"", "vrt://lost.vrt?bands=1")), ["VRT-SRC-001"]);
    assert_eq!(errors(&source("", "NETCDF:\"/nowhere/a.nc\":height")), ["VRT-SRC-001"]);
    assert_eq!(errors(&format!("<Overview/><SimpleSource>{named}</SimpleSource>")), ["VRT-OVR-002"]);
}
