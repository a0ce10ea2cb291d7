//! `parcelle check --fix-script`: one script for all files of a run.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::{fixture, listing, parcelle};

/// Files that can be mended, cannot, need a decision, and need nothing; under names that a shell would stumble over.
fn rasters(directory: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let names = [
        ("bad_main_ifd_at_end", "it's a raster.tif"),
        ("bad_strips", "-strips $(touch owned) `touch owned`.tif"),
        ("bad_two_pages", "two\npages; touch owned.tif"),
        ("bad_geoserver_half_float", "half \"float\".TIF"),
        ("bad_truncated_in_last_tile", "cut.tif"),
        ("bad_no_crs", "nowhere.tif"),
        ("good_rgb", "good.tif"),
    ];
    let copy = |(name, copy): (&str, &str)| {
        let path = directory.join(copy);
        let bytes = std::fs::read(fixture(&format!("cog/{name}.tif"))).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        (path, bytes)
    };
    names.into_iter().map(copy).collect()
}

#[test]
fn a_script_mends_what_can_be_mended_and_touches_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let rasters = rasters(directory.path());
    let script = directory.path().join("mend it.sh");
    let (folder, out) = (directory.path().to_str().unwrap(), script.to_str().unwrap());
    parcelle(["check", folder, "--fix-script", out]).expect_code(1);
    let text = std::fs::read_to_string(&script).unwrap();
    assert_eq!(script.metadata().unwrap().permissions().mode() & 0o700, 0o700);
    for part in ["#!/usr/bin/env bash\n", "\nset -euo pipefail\n", "\ncd -- /", "# COG-FILE-003", "'EPSG:<code>'"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains("good.tif"), "{text}");
    let checked = Command::new("bash").arg("-n").arg(&script).output().unwrap();
    assert!(checked.status.success(), "{}\n{text}", String::from_utf8_lossy(&checked.stderr));

    if Command::new("gdal_translate").arg("--version").output().is_err() {
        eprintln!("gdal_translate is not installed: the script was not run");
        return;
    }
    let before = listing(directory.path());
    let run = || Command::new("bash").arg(&script).current_dir("/").output().unwrap();
    let first = run();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    for (path, bytes) in &rasters {
        assert_eq!(&std::fs::read(path).unwrap(), bytes, "{}", path.display());
    }
    let mut written = listing(directory.path());
    written.retain(|name| !before.contains(name));
    // The second page has a copy of its own.
    assert_eq!(written.len(), 4, "{written:?}");
    for name in &written {
        let report = parcelle::check([directory.path().join(name)]).run().unwrap();
        assert_eq!(report.summary.error, 0, "{name}: {:?}", report.files[0].findings);
    }
    // What is there is left alone, and is no failure.
    let stamp = |name: &String| directory.path().join(name).metadata().unwrap().modified().unwrap();
    let stamps: Vec<_> = written.iter().map(stamp).collect();
    let second = run();
    assert!(second.status.success());
    assert_eq!(String::from_utf8_lossy(&second.stderr).matches("left alone").count(), 4);
    assert_eq!(written.iter().map(stamp).collect::<Vec<_>>(), stamps);
}

#[test]
fn a_command_that_fails_leaves_nothing_and_the_others_go_on() {
    let directory = tempfile::tempdir().unwrap();
    rasters(directory.path());
    let script = directory.path().join("mend.sh");
    parcelle(["check", directory.path().to_str().unwrap(), "--fix-script", script.to_str().unwrap()]).expect_code(1);
    // A program of that name that writes half a file and fails once.
    let bin = directory.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let fake = bin.join("gdal_translate");
    std::fs::write(&fake, "#!/bin/sh\necho half > \"$2\"\ncase \"$1\" in *strips*) exit 1;; esac\n").unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = Command::new("bash").arg(&script).env("PATH", path).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    let copies: Vec<String> = listing(directory.path()).into_iter().filter(|name| name.contains(".cog.")).collect();
    assert!(!copies.is_empty() && copies.iter().all(|name| !name.contains("strips")), "{copies:?}");
    assert!(String::from_utf8_lossy(&run.stderr).contains("not mended: "));
}

#[test]
fn an_existing_script_is_replaced_only_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let raster = directory.path().join("a.tif");
    std::fs::copy(fixture("cog/bad_strips.tif"), &raster).unwrap();
    let script = directory.path().join("mend.sh");
    let arguments = ["check", raster.to_str().unwrap(), "--fix-script", script.to_str().unwrap()];
    std::fs::write(&script, "precious").unwrap();
    let run = parcelle(arguments).expect_code(2);
    assert!(run.complaint().ends_with("mend.sh is there already: choose another --fix-script, or give --overwrite"));
    assert_eq!(std::fs::read_to_string(&script).unwrap(), "precious");
    parcelle(arguments.iter().chain(&["--overwrite"])).expect_code(1);
    assert!(std::fs::read_to_string(&script).unwrap().starts_with("#!/usr/bin/env bash\n"));
    assert_eq!(listing(directory.path()), ["a.tif", "mend.sh"]);
    // Never in the place of a raster.
    let run = parcelle(["check", raster.to_str().unwrap(), "--fix-script", raster.to_str().unwrap(), "--overwrite"]);
    assert!(run.expect_code(2).stderr.contains("is one of the files that are checked"));
    parcelle(["check", raster.to_str().unwrap(), "--overwrite"]).expect_code(2);
}

#[test]
fn geoparquet_is_mended_by_parcelle_itself() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("it's here");
    std::fs::create_dir(&folder).unwrap();
    for name in ["bad_bbox", "bad_type_not_listed"] {
        let source = fixture(&format!("geoparquet/{name}.parquet"));
        std::fs::copy(source, folder.join(format!("{name}.parquet"))).unwrap();
    }
    let script = directory.path().join("mend.sh");
    parcelle(["check", folder.to_str().unwrap(), "--fix-script", script.to_str().unwrap()]).expect_code(1);
    let binary = crate::binary("parcelle");
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let run = Command::new("bash").arg(&script).env("PATH", path).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    for name in ["bad_bbox", "bad_type_not_listed"] {
        let mended = folder.join(format!("{name}.mended.parquet"));
        parcelle(["check", mended.to_str().unwrap(), "--depth", "pixels", "--fail-on", "warning"]).expect_code(0);
    }
}
