//! What `parcelle check --lang fr` says where it comes to nothing, and the script that it writes.

use crate::{command, fixture, parcelle};

/// What a run in French complains of, in a directory with these files.
fn complaint(files: &[(&str, &str)], arguments: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let output = command(arguments).current_dir(directory.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}: {said}");
    let line = said.strip_prefix("erreur\u{A0}: ").unwrap_or_else(|| panic!("{arguments:?}: {said}"));
    line.strip_suffix('\n').unwrap_or_else(|| panic!("{arguments:?}: {said}")).to_owned()
}

#[test]
fn what_is_wrong_with_a_request_is_said_in_french() {
    let tif = fixture("cog/good_rgb.tif").display().to_string();
    let said = |arguments: &[&str]| complaint(&[("there", "")], &[&["check", "--lang", "fr"], arguments].concat());
    for (arguments, expected) in [
        (
            &["--explain", "COG-XXX-001"][..],
            "il n’y a pas de règle \"COG-XXX-001\" : `parcelle check --rules` les énumère",
        ),
        (
            &[&tif, "--ignore", "COG-XXX-001: no"],
            "il n’y a pas de règle COG-XXX-001 à ignorer : `parcelle check --rules` les énumère",
        ),
        (
            &[&tif, "--ignore", "COG-OVR-001"],
            "--ignore : COG-OVR-001 est à ignorer sans raison donnée : l’écrire derrière un deux-points, par exemple \
             'COG-OVR-001@thumbnails/**: affiché à une seule échelle'",
        ),
        (
            &[&tif, "--profile", "nothing"],
            "il n’y a pas de profil \"nothing\" : il y a cog, vrt, geoparquet, geoserver, gdal, ogc-21-026, ",
        ),
        (&[&tif, "--profile", "geoserver@1.0"], "il n’y a pas de profil \"geoserver@1.0\" : il y a geoserver@2.18, "),
        (&[&tif, "--data-dir", "none"], "--data-dir none : ce répertoire n’existe pas"),
        (&[&tif, "--working-dir", "none"], "--working-dir none : ce répertoire n’existe pas"),
        (&[&tif, "--baseline", "none"], "--baseline none : ce fichier ou ce répertoire n’existe pas"),
        (
            &[&tif, "--baseline", "there"],
            "--baseline there : ce n’est pas une référence (baseline) de parcelle : EOF while parsing a value at line 1 \
             column 0 ; en écrire une nouvelle",
        ),
        (&[&tif, "--config", "none"], "none : ce fichier ou ce répertoire n’existe pas"),
        (&[&tif, "--fix-script", "there"], "there existe déjà : choisir un autre --fix-script, ou ajouter --overwrite"),
        (
            &[&tif, "--output", "none/report"],
            "impossible d’écrire none/report : ce fichier ou ce répertoire n’existe pas",
        ),
        (&[&tif, "--output", "."], "impossible d’écrire . : il existe et n’est pas un fichier ordinaire"),
        (&[&tif, "--output", &tif], &format!("{tif} est l’un des fichiers examinés : choisir un autre nom")),
    ] {
        let found = said(arguments).replace('\u{A0}', " ");
        assert!(found.starts_with(expected), "{arguments:?}: {found}, not {expected}");
    }
}

#[test]
fn what_is_wrong_with_settings_is_said_in_their_language() {
    for (settings, expected) in [
        ("lang = \"fr\"\ndepth = \"deep\"", "parcelle.toml : depth = \"deep\" n’est aucun de header, tiles, pixels"),
        ("lang = \"fr\"\ngdal-version = \"x\"", "parcelle.toml : gdal-version = \"x\" : écrire une version comme 3.6"),
        (
            "lang = \"fr\"\n[[check.ignore]]\nrule = \"COG-OVR-001\"\nreason = \"\"",
            "parcelle.toml : COG-OVR-001 est à ignorer sans raison donnée",
        ),
    ] {
        let found = complaint(&[("parcelle.toml", &format!("[check]\n{settings}\n"))], &["check", "."]);
        let found = found.replace('\u{A0}', " ");
        assert!(found.starts_with(expected), "{found}, not {expected}");
    }
    // What is no TOML has no language: that of the command line counts.
    let broken = [("parcelle.toml", "[check]\nlang = \"fr\"\ndept = 3\n")];
    let found = complaint(&broken, &["check", ".", "--lang", "fr"]).replace('\u{A0}', " ");
    assert!(found.starts_with("parcelle.toml : ligne 3 : unknown field `dept`"), "{found}");
}

#[test]
fn a_script_is_in_the_language_of_the_report() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["bad_main_ifd_at_end", "bad_no_crs", "bad_truncated_in_last_tile"] {
        std::fs::copy(fixture(&format!("cog/{name}.tif")), directory.path().join(format!("{name}.tif"))).unwrap();
    }
    let (folder, script) = (directory.path().display().to_string(), directory.path().join("mend.sh"));
    let script_name = script.display().to_string();
    parcelle(["check", &folder, "/nowhere.tif", "--lang", "fr", "--fix-script", &script_name]).expect_code(2);
    let text = std::fs::read_to_string(&script).unwrap();
    for part in [
        "pour 4 fichiers\u{A0}: commandes pour ",
        "# Les originaux sont seulement lus.",
        "\u{A0}: Non réparable à partir de ce fichier\u{A0}: se procurer de nouveau la source",
        "\u{A0}: à compléter ou à approuver, au lieu de toute commande ci-dessus\u{A0}:",
        "# /nowhere.tif\u{A0}: non examiné\u{A0}: ce fichier ou ce répertoire n’existe pas",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let checked = std::process::Command::new("bash").arg("-n").arg(&script).output().unwrap();
    assert!(checked.status.success(), "{}\n{text}", String::from_utf8_lossy(&checked.stderr));
}
