//! Whatever the bytes are, there is an answer, soon, and in little memory.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parcelle_report::Severity;
use parcelle_storage::{ByteSource, Usage};
use proptest::prelude::*;

use super::super::limits;
use super::{band, checked, findings, sound};
use crate::vrt::{VrtOptions, check};

#[track_caller]
fn quickly(text: impl Into<Vec<u8>>) -> Vec<parcelle_report::Finding> {
    let start = Instant::now();
    let findings = findings(text);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    findings
}

#[test]
fn deep_nesting_is_refused() {
    let deep = |levels: usize| format!("<VRTDataset>{}{}</VRTDataset>", "<a>".repeat(levels), "</a>".repeat(levels));
    let found = quickly(deep(200_000));
    assert!(found.iter().any(|finding| finding.rule.id == "VRT-XML-001" && finding.message.contains("10000 deep")));
    assert!(!quickly(deep(5000)).iter().any(|finding| finding.rule.id == "VRT-XML-001"));
    let unclosed = quickly("<VRTDataset>".repeat(200_000));
    assert_eq!(unclosed[0].rule.id, "VRT-XML-001");
}

#[test]
fn datasets_inside_datasets_are_followed_so_far() {
    let levels = 3000;
    let open = "<VRTDataset><VRTRasterBand><SimpleSource>".repeat(levels);
    let close = "</SimpleSource></VRTRasterBand></VRTDataset>".repeat(levels);
    assert!(quickly(format!("{open}{close}")).iter().any(|finding| finding.rule.id == "VRT-DS-001"));
}

#[test]
fn sources_that_name_nothing_are_counted_only() {
    for element in ["<SimpleSource/>", "<KernelFilteredSource><Kernel/></KernelFilteredSource>"] {
        let found = quickly(band(&element.repeat(100_000)));
        let nameless = found.iter().find(|finding| finding.rule.id == "VRT-SRC-001").unwrap();
        assert!(nameless.message.starts_with("100,000 sources name no file"), "{}", nameless.message);
        assert_eq!(nameless.count, 100_000);
    }
}

#[test]
fn an_endless_attribute_or_text_ends_the_check() {
    let long = "x".repeat(usize::try_from(limits::TOKEN_BYTES).unwrap() + (1 << 20));
    for text in [
        format!("<VRTDataset a=\"{long}\"/>"),
        format!("<VRTDataset>{long}</VRTDataset>"),
        format!("<VRTDataset><!--{long}--></VRTDataset>"),
        format!("<VRTDataset {long}"),
        format!("<!DOCTYPE {long}"),
    ] {
        let found = quickly(text);
        let limit = found.iter().find(|finding| finding.rule.id == "VRT-XML-006").unwrap();
        assert_eq!(limit.severity, Severity::Error);
        assert!(limit.message.contains("8 MB on line 1"), "{}", limit.message);
    }
}

/// A file made while it is read: the same bytes again and again, between a head and the end.
struct Endless {
    head: &'static [u8],
    unit: &'static [u8],
    length: u64,
    bytes: AtomicU64,
}

impl ByteSource for Endless {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = usize::try_from(self.length.saturating_sub(offset)).unwrap().min(buffer.len());
        for (at, byte) in (offset as usize..).zip(&mut buffer[..count]) {
            *byte = match self.head.get(at) {
                Some(byte) => *byte,
                None => self.unit[(at - self.head.len()) % self.unit.len()],
            };
        }
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn usage(&self) -> Usage {
        Usage { requests: 1, bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

#[test]
fn of_a_gigabyte_only_so_much_is_read() {
    let token = limits::TOKEN_BYTES + (1 << 20);
    // Of elements the number is bounded, not their bytes.
    let elements = limits::OTHER_ELEMENTS * 32;
    for (head, unit, most) in [
        ("<VRTDataset a=\"", "x", token),
        ("<VRTDataset><SRS>", "x", token),
        ("<VRTDataset><SRS>", "&#65;", token),
        ("<VRTDataset><SRS>", "&amp; <![CDATA[a]]>", token),
        ("<VRTDataset><!--", "x", token),
        ("<VRTDataset>", "<!-- x --> ", token),
        ("<!DOCTYPE V [", "<!ENTITY a \"b\">", token),
        ("", " ", token),
        ("<VRTDataset>", "<a>", token),
        ("<VRTDataset>", "<Metadata/>", elements),
        ("<VRTDataset><VRTRasterBand>", "<Description>a</Description>", elements),
        ("<VRTDataset>", "<Simple/><Sources/>", elements),
    ] {
        let source =
            Endless { head: head.as_bytes(), unit: unit.as_bytes(), length: 1 << 30, bytes: AtomicU64::new(0) };
        let checked = check(&source, Path::new("/nowhere/a.vrt"), &VrtOptions::default()).unwrap();
        let read = source.usage().bytes;
        assert!(read <= most, "{head} {unit}: {read} bytes");
        assert!(checked.findings.iter().any(|finding| finding.severity == Severity::Error), "{head} {unit}");
    }
    let invalid = Endless { head: b"<VRTDataset><SRS>", unit: b"\xff", length: 1 << 30, bytes: AtomicU64::new(0) };
    let found = check(&invalid, Path::new("/nowhere/a.vrt"), &VrtOptions::default()).unwrap().findings;
    assert!(invalid.usage().bytes <= token && found.iter().any(|finding| finding.rule.id == "VRT-XML-004"));
}

#[test]
fn names_that_mean_nothing_are_not_all_compared() {
    let names: String = (0..200_000).map(|number| format!("<q{number}/>")).collect();
    let start = Instant::now();
    assert!(!findings(band(&names)).is_empty());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn too_many_bands_attributes_and_unknown_elements_are_counted_only() {
    let many =
        format!("<VRTDataset rasterXSize='1' rasterYSize='1'>{}</VRTDataset>", "<VRTRasterBand/>".repeat(70_000));
    let found = quickly(many);
    assert!(found.iter().any(|finding| finding.message.contains("65,536 bands")), "{found:#?}");
    let attributes: String = (0..100_000).map(|index| format!(" a{index}='1'")).collect();
    assert!(!quickly(format!("<VRTDataset{attributes}/>")).is_empty());
    let unknown: String = (0..1000).map(|index| format!("<Quux{index}/>")).collect();
    let found = quickly(band(&unknown));
    assert_eq!(found.len(), 5, "{found:#?}");
    assert_eq!(found.iter().map(|finding| finding.count).sum::<u64>(), 1000);
}

#[test]
fn a_hundred_thousand_sources_are_fine() {
    let source = |index: usize| {
        format!(
            "<SimpleSource><SourceFilename relativeToVRT=\"0\">GPKG:/d/b/{index}.tif</SourceFilename>\
             <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"1\" ySize=\"1\"/>\
             <DstRect xOff=\"0\" yOff=\"{index}\" xSize=\"1\" ySize=\"1\"/></SimpleSource>\n"
        )
    };
    let sources: String = (0..100_000).map(source).collect();
    let checked = checked(band(&sources), (3, 12));
    assert_eq!((&checked.facts["sources"], &checked.facts["distinct_sources"]), (&100_000.into(), &100_000.into()));
    let rules: Vec<&str> = checked.findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["VRT-XML-006", "VRT-SRC-016", "VRT-SRC-020"], "{:#?}", checked.findings);
    assert!(checked.findings[1].message.starts_with("99,980 of 100,000 sources"), "{}", checked.findings[1].message);
}

/// Pieces that mean something to the parser, in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<VRTDataset>",
        "</VRTDataset>",
        "<VRTDataset rasterXSize=\"9\" rasterYSize=\"-1\" subClass=\"VRTWarpedDataset\">",
        "<VRTRasterBand band=\"2\" subClass=\"VRTRawRasterBand\">",
        "</VRTRasterBand>",
        "<SimpleSource>",
        "</SimpleSource>",
        "<ComplexSource/>",
        "<SourceFilename relativeToVRT=\"1\">",
        "</SourceFilename>",
        "../a\\b:c",
        "<MaskBand>",
        "</MaskBand>",
        "<Group>",
        "</Group>",
        "<GDALWarpOptions>",
        "<SourceDataset/>",
        "<DstRect xOff='nan' xSize='1e999'/>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?xml version=\"1.0\" encoding=\"x\"?>",
        "<!DOCTYPE a [",
        "<!ENTITY b \"&b;\">",
        "]>",
        "&amp;",
        "&",
        "&#0;",
        "&#xFFFFFFFF;",
        ";",
        "<",
        ">",
        "/>",
        "\"",
        "'",
        "=",
        "\n",
        "\0",
        "é",
        " ",
        "<a b=c d>",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = findings(bytes);
    }

    #[test]
    fn random_markup_never_panics(text in soup()) {
        let _ = findings(text);
    }

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = sound().into_bytes();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = findings(bytes);
    }

    #[test]
    fn a_truncated_file_is_never_well_formed(at in any::<prop::sample::Index>()) {
        let whole = sound();
        let end = at.index(whole.len());
        let found = findings(&whole.as_bytes()[..end]);
        prop_assert!(found.iter().any(|finding| finding.rule.id == "VRT-XML-001" && finding.severity == Severity::Error));
    }
}
