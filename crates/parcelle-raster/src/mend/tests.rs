use parcelle_report::Rule;
use parcelle_tiff::read_structure;

use super::*;

static LAYOUT: Rule = rule("COG-IFD-001");
static TARGET: Rule = rule("GS-CMP-001");

const fn rule(id: &'static str) -> Rule {
    Rule { id, severity: Severity::Error, title: "t", why: "w", fix: "f", reference: "r" }
}

fn empty() -> Structure {
    read_structure(0, |_, _| Ok(0)).unwrap()
}

/// The fixes after merging.
fn merged(path: &str, fixes: &[(&'static Rule, &str)]) -> Vec<String> {
    let mut findings: Vec<Finding> = fixes.iter().map(|(rule, fix)| Finding::new(rule, "m").fix(*fix)).collect();
    merge(&mut findings, &empty(), Path::new(path));
    findings.into_iter().map(|finding| finding.fix).collect()
}

#[test]
fn commands_come_back_as_they_were() {
    for line in [
        "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=LZW -co PREDICTOR=YES -a_nodata -9999",
        "gdal_translate 'it'\\''s a.tif' 'it'\\''s a.cog.tif' -of COG -b 1 -b 2 -co COMPRESS=ZSTD",
        "gdal_translate $'a\\'\\nb.tif' x.tif -of COG",
        "cogger -output o.tif a.tif || gdal_translate a.tif o.tif -of COG -co COMPRESS=JPEG  # a remark",
        "gdalwarp a.tif a.cog.tif -of COG -t_srs EPSG:3857",
        "gdal_translate a.tif b.tif -of COG -a_srs 'EPSG:<code>' -a_ullr '<left>' '<top>' '<right>' '<bottom>'",
    ] {
        let again = Command::parse(line).unwrap().to_string();
        assert_eq!(Command::parse(&again), Command::parse(line), "{again}");
    }
    for words in [
        "Not repairable from this file: get the source again",
        "gdal_translate a.tif",
        "gdal_translate a.tif b.tif -of VRT",
        "gdal_translate a.tif b.tif -unknown 1",
        "gdal_translate a.tif b.tif c.tif -of COG",
        "gdal_translate 'a.tif b.tif",
        "gdal_translate a.tif b.tif -a_ullr 1 2",
        "cogger -output b.tif a.tif",
        "",
    ] {
        assert_eq!(Command::parse(words), None, "{words}");
    }
}

#[test]
fn layout_and_target_are_mended_by_one_command() {
    let layout = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=ZSTD -co PREDICTOR=YES -co BLOCKSIZE=256 -co \
                  BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING";
    let target = "gdal_translate a.tif a.geoserver.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=NO -a_nodata 0";
    let side = "gdal_translate a.tif a.cog.tif -of COG -co OVERVIEWS=AUTO";
    let all = merged("a.tif", &[(&TARGET, target), (&LAYOUT, layout), (&LAYOUT, side), (&LAYOUT, "words")]);
    let one = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=NO -co BLOCKSIZE=256 -co \
               BIGTIFF=IF_SAFER -co OVERVIEWS=IGNORE_EXISTING -a_nodata 0";
    assert_eq!(all, [one, one, one, "words"]);
}

#[test]
fn options_of_a_codec_that_is_left_go_with_it() {
    let jpeg = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=JPEG -co QUALITY=75  # encodes again";
    let deflate = "gdal_translate a.tif a.geoserver.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES";
    let one = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=DEFLATE -co PREDICTOR=YES -co BIGTIFF=IF_SAFER";
    assert_eq!(merged("a.tif", &[(&LAYOUT, jpeg), (&TARGET, deflate)]), [one, one]);
    let moved =
        "cogger -output a.cog.tif a.tif || gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=JPEG -co QUALITY=75";
    let all = merged("a.tif", &[(&LAYOUT, moved), (&TARGET, "gdal_translate a.tif b.tif -of COG -a_nodata 0")]);
    assert!(all[0].starts_with("gdal_translate a.tif a.cog.tif ") && all[0].ends_with(" -a_nodata 0"), "{}", all[0]);
}

#[test]
fn what_needs_a_decision_stays_apart_and_holds_the_rest() {
    let layout = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=LZW -co BIGTIFF=IF_SAFER";
    let place = "gdal_translate a.tif a.cog.tif -of COG -a_srs EPSG:<code> (or put a .prj file beside it)";
    let all = merged("a.tif", &[(&LAYOUT, layout), (&TARGET, place)]);
    assert_eq!(all[0], layout);
    assert_eq!(all[1], format!("{layout} -a_srs 'EPSG:<code>'  # or put a .prj file beside it"));
    assert!(matches!(steps(&all[0])[..], [Step::Run { ref output, .. }] if output == "a.cog.tif"));
    assert!(matches!(steps(&all[1])[..], [Step::Decide(_)]));

    let warp = "gdalwarp a.tif a.cog.tif -of COG -t_srs EPSG:3857";
    let all =
        merged("a.tif", &[(&LAYOUT, layout), (&TARGET, warp), (&TARGET, "gdal_translate a.tif a.tif -of COG -b 1")]);
    assert_eq!(all[0], format!("{layout} -b 1"));
    assert_eq!(
        all[1],
        "gdal_translate a.tif a.cog.tif.vrt -of VRT -b 1 && gdalwarp a.cog.tif.vrt a.cog.tif -of COG -co COMPRESS=LZW -co \
         BIGTIFF=IF_SAFER -t_srs EPSG:3857"
    );
}

#[test]
fn nothing_is_proposed_beside_lost_bytes() {
    let lost = "Not repairable from this file: get the source again";
    let command = "gdal_translate a.tif a.cog.tif -of COG";
    assert_eq!(merged("a.tif", &[(&LAYOUT, lost), (&TARGET, command), (&TARGET, "words")]), [lost, lost, "words"]);
}

#[test]
fn commands_on_other_files_are_left_alone() {
    let page = "gdal_translate GTIFF_DIR:2:a.tif a.page2.cog.tif -of COG";
    let own = "gdal_translate a.tif a.cog.tif -of COG -co COMPRESS=LZW -co BIGTIFF=IF_SAFER";
    assert_eq!(merged("a.tif", &[(&LAYOUT, page), (&LAYOUT, own)]), [page, own]);
    assert_eq!(steps(&format!("{page}\n{own}\nwords")).len(), 3);
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_right_in_the_command() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(OsStr::from_bytes(b"\xe9t\xe9.tif"));
    let said = quoted(path.display().to_string());
    let mut findings = [Finding::new(&LAYOUT, "m").fix(format!("gdal_translate {said} x.tif -of COG"))];
    merge(&mut findings, &empty(), path);
    assert!(
        findings[0].fix.starts_with(r"gdal_translate $'\351t\351.tif' $'\351t\351.cog.tif' -of COG"),
        "{}",
        findings[0].fix
    );
}
