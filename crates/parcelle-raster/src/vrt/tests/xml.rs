//! Rules about the XML.

use parcelle_report::Severity::{Error, Info, Warning};

use super::{band, checked, dataset, findings, only, sound};

#[test]
fn text_that_gdal_cannot_parse_is_an_error_with_its_line() {
    for (text, line, words) in [
        ("", 1, "empty"),
        ("\0\0\0\0\0", 1, "NUL"),
        ("just text", 1, "no XML element"),
        ("<!-- only a comment -->", 1, "no XML element"),
        ("<VRTDataset>\n<SRS>\n</VRTDataset>", 3, "<SRS>, opened on line 2"),
        ("<VRTDataset>\n<SRS></SRS>", 2, "<VRTDataset>, opened on line 1"),
        ("<VRTDataset>\n<VRTRasterBand\n", 2, "tag not closed"),
        ("<VRTDataset>\n<!-- ", 2, "comment not closed"),
        ("<VRTDataset a=\"1>\n</VRTDataset>", 1, "attribute value not closed"),
        ("<VRTDataset a>\n</VRTDataset>", 1, "missing after \"a\" in <VRTDataset>"),
        ("<VRTDataset>\n</VRTDataset></a>", 2, "</a> closes nothing"),
        ("<VRTDataset>\n<></VRTDataset>", 2, "without a name"),
        ("<VRTDataset>\n<SRS>\0</SRS></VRTDataset>", 2, "NUL byte on line 2"),
        ("<VRTDataset>\n<SRS\0></SRS></VRTDataset>", 2, "NUL byte on line 2"),
    ] {
        let finding = only(findings(text), "VRT-XML-001", Error);
        assert!(finding.message.contains(words), "{text:?}: {}", finding.message);
        assert_eq!(finding.location.line, Some(line), "{text:?}: {}", finding.message);
    }
}

#[test]
fn bytes_after_a_nul_are_not_read() {
    assert_eq!(findings(format!("{}\0\0<SRS>", sound())), []);
}

#[test]
fn lapses_that_only_gdal_tolerates_are_warnings() {
    for (text, words) in [
        (sound().replace("</VRTDataset>", "</vrtdataset>"), "differs by case"),
        (format!("{}\n<other/>", sound()), "<other> follows the root"),
        (format!("{}\nend", sound()), "outside the root"),
        (sound().replace("band=\"1\"", "band=\"1\" band=\"2\""), "given twice"),
        (sound().replace("band=\"1\"", "band=1"), "not quoted"),
        (sound().replace("band=\"1\"", "band=\"1\" x=\"a<b\""), "holds a \"<\""),
        (
            sound().replace("<SimpleSource>", "<Description>a\u{b}b</Description><SimpleSource>"),
            "control character 0x0b",
        ),
        (sound().replace("<VRTRasterBand", "< VRTRasterBand"), "blanks stand between"),
        (sound().replace("</VRTRasterBand", "< /VRTRasterBand"), "blanks stand between"),
    ] {
        let finding = only(findings(text.as_str()), "VRT-XML-001", Warning);
        assert!(finding.message.contains(words), "{text}: {}", finding.message);
    }
}

#[test]
fn a_value_cut_off_by_a_bare_ampersand_is_told() {
    for (text, severity) in [
        (sound().replace("a.tif", "a&b.tif"), Error),
        (sound().replace("a.tif", "a&unknown;b.tif"), Error),
        (sound().replace("band=\"1\"", "band=\"1&2\""), Warning),
    ] {
        let finding = only(findings(text), "VRT-XML-001", severity);
        assert!(finding.message.contains("cut off at &"), "{}", finding.message);
    }
    let escaped = sound().replace("a.tif", "a&amp;&lt;&#233;&#xE9;.tif").replace("\"Byte\"", "\"&#66;yte\"");
    assert_eq!(findings(escaped), []);
}

#[test]
fn another_root_is_an_error() {
    let prefixed = sound().replace("<VRTDataset", "<v:VRTDataset xmlns:v=\"urn:x\"").replace("</VRT", "</v:VRT");
    // The tag of the band was replaced as well, which makes the text ill-formed; put it back.
    let prefixed = prefixed.replace("</v:VRTRasterBand>", "</VRTRasterBand>");
    assert!(only(findings(prefixed), "VRT-XML-002", Error).message.contains("prefixes"));
    assert!(
        only(findings(sound().replace("VRTDataset", "vrtdataset")), "VRT-XML-002", Error).message.contains("spelling")
    );
    assert!(only(findings("<PAMDataset></PAMDataset>"), "VRT-XML-002", Error).message.contains("<PAMDataset>"));
}

#[test]
fn a_document_type_is_an_error_and_entities_are_not_resolved() {
    let bomb =
        format!("<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n{}", sound().replace("a.tif", "&b;a.tif"));
    let finding = only(findings(bomb), "VRT-XML-003", Error);
    assert!(finding.message.contains("declares entities") && finding.message.contains("&b;"), "{}", finding.message);
    let external = format!("<!DOCTYPE a SYSTEM \"file:///etc/passwd\">\n{}", sound());
    assert!(only(findings(external), "VRT-XML-003", Error).message.contains("external"));
}

#[test]
fn wide_encodings_are_errors() {
    for (name, bytes) in [
        ("UTF-16", sound().encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ("UTF-16", format!("\u{FEFF}{}", sound()).encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("UTF-32", sound().chars().flat_map(|character| u32::from(character).to_le_bytes()).collect()),
    ] {
        let finding = only(findings(bytes), "VRT-XML-004", Error);
        assert!(finding.message.contains(name) && finding.fix.starts_with("iconv -f UTF-"), "{finding:?}");
    }
}

#[test]
fn other_encodings_matter_where_there_are_other_characters() {
    let declared = |text: &str| format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n{text}");
    let source = sound().replace("GPKG:/d/a.tif", "e\u{301}.tif");
    let latin: Vec<u8> =
        declared(&source).replace("e\u{301}", "@").bytes().map(|byte| if byte == b'@' { 0xE9 } else { byte }).collect();
    let finding = only(findings(latin), "VRT-XML-004", Error);
    assert!(finding.message.contains("ISO-8859-1") && finding.message.contains("does not find"), "{}", finding.message);
    assert_eq!((finding.location.band, finding.location.line), (Some(1), Some(4)));

    let described = sound().replace("<SimpleSource>", "<Description>@</Description><SimpleSource>");
    let garbled: Vec<u8> = described.bytes().map(|byte| if byte == b'@' { 0xE9 } else { byte }).collect();
    only(findings(garbled), "VRT-XML-004", Warning);

    only(findings(declared(&sound())), "VRT-XML-004", Info);
    only(findings(declared(&described.replace('@', "é"))), "VRT-XML-004", Warning);
    assert_eq!(findings(declared(&sound()).replace("ISO-8859-1", "utf-8")), []);
    assert_eq!(findings(format!("\u{FEFF}{}", sound())), []);
    assert_eq!(findings(described.replace('@', "é")), []);
}

#[test]
fn the_command_for_another_encoding_leaves_a_sound_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deux mots.vrt");
    let text = |encoding: &str| {
        let described = sound().replace("<SimpleSource>", "<Description>\u{E9}</Description><SimpleSource>");
        format!("<?xml version='1.0' encoding='{encoding}'?>\n{described}")
    };
    let little = |text: String| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let latin = |text: String| text.chars().map(|character| u8::try_from(character).unwrap()).collect::<Vec<u8>>();
    for bytes in [
        little(text("UTF-16")),
        little(format!("\u{FEFF}{}", text("utf-16"))),
        format!("\u{FEFF}{}", text("UTF-16")).encode_utf16().flat_map(u16::to_be_bytes).collect(),
        text("UTF-16").encode_utf16().flat_map(u16::to_be_bytes).collect(),
        latin(text("ISO-8859-1")),
        latin(text("UTF-16")),
        latin(text("UTF-8")),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let check = || {
            let source = parcelle_storage::LocalFile::open(&path).unwrap();
            crate::vrt::check(&source, &path, &crate::vrt::VrtOptions::default()).unwrap().findings
        };
        let mut found = check();
        found.retain(|finding| finding.severity > Info);
        assert_eq!((found.len(), found[0].rule.id), (1, "VRT-XML-004"), "{found:?}");
        let tools = "command -v iconv && command -v sed";
        let has_tools = std::process::Command::new("sh").args(["-c", tools]).output();
        if !has_tools.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no shell with iconv and sed");
            return;
        }
        let output = std::process::Command::new("sh").args(["-c", &found[0].fix]).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", found[0].fix);
        assert_eq!(check(), [], "{}", found[0].fix);
        let mended = std::fs::read_to_string(&path).unwrap();
        assert_eq!(mended.trim_start_matches('\u{FEFF}'), text("UTF-8"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_root_beyond_the_header_is_not_identified() {
    let comment = |length| format!("<!--{}-->\n{}", "x".repeat(length), sound());
    assert_eq!(findings(comment(900)), []);
    let finding = only(findings(comment(1024)), "VRT-XML-005", Error);
    assert_eq!(finding.location.line, Some(2));
}

#[test]
fn a_large_file_is_a_warning() {
    let source = "<SimpleSource><SourceFilename>GPKG:/d/a</SourceFilename></SimpleSource>\n";
    let checked = checked(band(&source.repeat(30_000)), (3, 12));
    let finding = only(checked.findings, "VRT-XML-006", Warning);
    assert!(finding.message.contains("60,004 elements (30,000 sources)"), "{}", finding.message);
    assert_eq!(checked.facts["distinct_sources"], 1);
}

#[test]
fn unknown_elements_come_with_a_suggestion() {
    let finding = only(findings(band("<Nodata>0</Nodata>\n<Nodata>0</Nodata>")), "VRT-XML-007", Warning);
    assert!(finding.message.contains("<NoDataValue>") && finding.message.contains("2 times"), "{}", finding.message);
    assert_eq!((finding.location.line, finding.location.band, finding.count), (Some(3), Some(1), 2));
    assert_eq!(finding.location.element.as_deref(), Some("VRTDataset/VRTRasterBand/Nodata"));

    for lost in ["<SimpelSource/>", "<MySource/>", "<simplesource/>"] {
        only(findings(band(lost)), "VRT-XML-007", Error);
    }
    let simple = "<SimpleSource><SourceFilename>GPKG:/d/a</SourceFilename><NODATA>0</NODATA></SimpleSource>";
    let finding = only(findings(band(simple)), "VRT-XML-007", Warning);
    assert!(finding.message.contains("<ComplexSource>"), "{}", finding.message);
    only(findings(dataset("<Projection/><VRTRasterBand/>")), "VRT-XML-007", Warning);
    let free =
        "<Metadata><a><b/></a></Metadata><VRTRasterBand><Metadata domain=\"xml:x\"><c/></Metadata></VRTRasterBand>";
    assert_eq!(findings(dataset(free)), []);
}

#[test]
fn sources_newer_than_the_target_are_ignored_by_it() {
    let text = band("<NoDataFromMaskSource><SourceFilename>GPKG:/d/a</SourceFilename></NoDataFromMaskSource>");
    assert_eq!(checked(text.as_str(), (3, 9)).findings, []);
    only(checked(text, (3, 8)).findings, "VRT-XML-007", Error);
    let single = "<ArraySource><SingleSourceArray><SourceFilename>GPKG:/d/a</SourceFilename><SourceArray>b</SourceArray>\
                  </SingleSourceArray></ArraySource>";
    only(checked(band(single), (3, 6)).findings, "VRT-XML-007", Error);
    only(findings(band(single)), "VRT-XML-007", Warning);
}
