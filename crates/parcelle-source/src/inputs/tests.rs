use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

const TOWNS: &str = r#"{"type":"FeatureCollection","features":[]}"#;

/// A directory with these files, each with some GeoJSON, or with what stands behind `=`.
fn tree(files: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let (name, content) = file.split_once('=').unwrap_or((file, TOWNS));
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    directory
}

/// The files that inputs stand for, by their paths below the directory; those that were found are marked.
fn resolved(directory: &TempDir, inputs: &[&str]) -> Result<Vec<String>, SourceError> {
    let inputs: Vec<PathBuf> = inputs.iter().map(|input| directory.path().join(input)).collect();
    let shown = |file: &InputFile| {
        let path = file.path.strip_prefix(directory.path()).unwrap().display();
        if file.found { format!("+{path}") } else { path.to_string() }
    };
    Ok(resolve(&inputs)?.files.iter().map(shown).collect())
}

#[test]
fn files_stay_in_their_order_and_patterns_are_ordered_by_path() {
    let directory = tree(&["D10/b.json", "D2/b.json", "D2/a.json", "D1.json", "Été/b.json", "[x].json", "é.json"]);
    for (inputs, wanted) in [
        (&["D2/b.json", "D2/a.json"][..], &["D2/b.json", "D2/a.json"][..]),
        // `.` comes before `/` in the order of bytes, but names are compared as names.
        (&["*/b.json", "D1.json"], &["D10/b.json", "D2/b.json", "Été/b.json", "D1.json"]),
        (
            &["**/a.json", "**/*.json"],
            &["D2/a.json", "D1.json", "D10/b.json", "D2/b.json", "[x].json", "Été/b.json", "é.json"],
        ),
        (&["D?/a.json", "D[0-9]0/*"], &["D2/a.json", "D10/b.json"]),
        // It exists, and so is no pattern.
        (&["[x].json"], &["[x].json"]),
        // Nobody has looked whether it exists.
        (&["none.json"], &["none.json"]),
        (&["D2"], &["+D2/a.json", "+D2/b.json"]),
        (&["D*"], &["D1.json", "+D10/b.json", "+D2/a.json", "+D2/b.json"]),
    ] {
        assert_eq!(resolved(&directory, inputs).unwrap(), wanted, "{inputs:?}");
    }
}

#[test]
fn directories_are_walked_for_data() {
    let directory = tree(&[
        "b/towns.geojson",
        "b/roads.shp",
        "b/roads.shx",
        "b/roads.dbf",
        "b/roads.prj",
        "b/table.dbf",
        "a/empty.gpkg=",
        "a/README.md=text",
        "a/notes.txt=text",
        "a/metadata.xml=<gml/>",
        "a/other.json={}",
        "a/points.csv=x,y\n1,2\n",
        "a/streets.GML=<gml/>",
        "a/_index.json",
        "a/.out.parquet.x.parcelle-tmp",
        "a/.hidden/towns.geojson",
        "a/_temporary/towns.geojson",
        "a/base.gdb/a00000001.gdbtable=x",
        "a/base.gdb/towns.geojson",
    ]);
    let wanted =
        ["+a/base.gdb", "+a/empty.gpkg", "+a/points.csv", "+a/streets.GML", "+b/roads.shp", "+b/towns.geojson"];
    assert_eq!(
        resolved(&directory, &["."]).unwrap().iter().map(|file| file.replace("./", "")).collect::<Vec<_>>(),
        wanted
    );
    let inputs = resolve(&[directory.path()]).unwrap();
    assert_eq!(inputs.tables, [directory.path().join("b/table.dbf")]);
    assert_eq!(inputs.directories, [directory.path()]);
    assert_eq!(resolved(&directory, &["a/base.gdb"]).unwrap(), ["a/base.gdb"]);
}

#[test]
fn links_are_followed_and_loops_are_not() {
    let directory = tree(&["a/towns.geojson", "elsewhere/far.geojson"]);
    symlink("..", directory.path().join("a/up")).unwrap();
    symlink("../elsewhere", directory.path().join("a/link")).unwrap();
    symlink("towns.geojson", directory.path().join("a/same.geojson")).unwrap();
    // The one that comes first by name is the one that counts.
    assert_eq!(resolved(&directory, &["a"]).unwrap(), ["+a/link/far.geojson", "+a/same.geojson"]);
    symlink("nowhere", directory.path().join("a/broken")).unwrap();
    let error = resolved(&directory, &["a"]).unwrap_err();
    assert!(matches!(&error, SourceError::Unreadable { path, .. } if path.ends_with("a/broken")), "{error}");
}

#[test]
fn each_file_counts_once() {
    let directory = tree(&["a.geojson", "b.geojson"]);
    std::fs::hard_link(directory.path().join("a.geojson"), directory.path().join("c.geojson")).unwrap();
    let inputs = ["b.geojson", "./b.geojson", "*.geojson", ".", "none", "none"];
    assert_eq!(resolved(&directory, &inputs).unwrap(), ["b.geojson", "a.geojson", "none"]);
}

#[test]
fn what_belongs_to_a_shapefile_is_no_input_beside_it() {
    let directory = tree(&["x.shp", "x.shx", "x.dbf", "X.PRJ", "x.cpg", "x.shp.xml", "y.dbf", "y.geojson"]);
    assert_eq!(resolved(&directory, &["x.*", "X.*"]).unwrap(), ["x.shp"]);
    assert_eq!(resolved(&directory, &["*.dbf"]).unwrap(), ["x.dbf", "y.dbf"]);
    assert_eq!(resolved(&directory, &["x.dbf", "y.*"]).unwrap(), ["x.dbf", "y.dbf", "y.geojson"]);
}

#[test]
fn an_input_that_stands_for_nothing_is_refused() {
    let directory = tree(&["a/README.md=text"]);
    for (input, said) in [
        ("*.shp", "as a pattern it matches nothing"),
        ("a/[", "not a pattern either"),
        ("a***", "not a pattern either"),
        ("a", "no file in this directory"),
        (".", "no file in this directory"),
    ] {
        let error = resolved(&directory, &[input]).unwrap_err();
        assert!(matches!(error, SourceError::Inputs(_)) && error.to_string().contains(said), "{input}: {error}");
    }
    for input in ["https://example.org/a.gpkg?x=*", "PG:dbname=*", "/vsizip/*.zip"] {
        assert_eq!(resolve(&[input]).unwrap().files[0].path, Path::new(input));
    }
}
