//! The shape of the house: data goes one way, and cores stay free of what they must not know.

use std::collections::HashMap;
use std::process::Command;

use crate::top;

/// The workspace's members in the order of the root manifest, which is the order of dependency.
fn members() -> Vec<String> {
    let manifest = std::fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let list = manifest.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    list.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

fn package_name(manifest: &str) -> String {
    let line = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
    line.trim_matches('"').to_owned()
}

#[test]
fn no_crate_depends_on_one_below_it() {
    let mut seen = Vec::new();
    for member in members() {
        let manifest = std::fs::read_to_string(top().join(&member).join("Cargo.toml")).unwrap();
        let own = manifest
            .lines()
            .map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default())
            .filter(|name| name.starts_with("parcelle"));
        for dependency in own {
            assert!(
                seen.iter().any(|above| above == dependency),
                "{member} depends on {dependency}, which is below it"
            );
        }
        seen.push(package_name(&manifest));
    }
    assert_eq!(seen.first().map(String::as_str), Some("parcelle-report"));
    assert!(seen.len() >= 13, "{seen:?}");
}

#[test]
fn cores_are_free_of_what_they_must_not_know() {
    const C_AND_NETWORK: [&str; 12] = [
        "gdal",
        "gdal-sys",
        "rusqlite",
        "libsqlite3-sys",
        "clap",
        "indicatif",
        "tokio",
        "hyper",
        "reqwest",
        "ring",
        "rustls",
        "ureq",
    ];
    let forbidden: HashMap<&str, Vec<&str>> = HashMap::from([
        ("parcelle-report", [&C_AND_NETWORK[..], &["arrow", "parquet", "parcelle-tiff"]].concat()),
        (
            "parcelle-storage",
            [&C_AND_NETWORK[..], &["arrow", "parquet", "zstd-sys", "bzip2-sys", "liblzma-sys"]].concat(),
        ),
        ("parcelle-tiff", [&C_AND_NETWORK[..], &["arrow", "parquet", "parcelle-report", "parcelle-storage"]].concat()),
        ("parcelle-geoparquet", [&C_AND_NETWORK[..], &["parcelle-source"]].concat()),
        ("parcelle-raster", [&C_AND_NETWORK[..], &["arrow", "parquet", "parcelle-source"]].concat()),
        ("parcelle-source", vec!["parcelle-geoparquet", "clap", "indicatif"]),
        ("parcelle", vec!["clap", "indicatif", "console", "ctrlc"]),
    ]);
    for (package, names) in forbidden {
        let arguments =
            ["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--package", package];
        let tree = Command::new(env!("CARGO")).args(arguments).current_dir(top()).output().unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let tree = String::from_utf8(tree.stdout).unwrap();
        let dependencies: Vec<_> = tree.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
        for name in names {
            assert!(!dependencies.contains(&name), "{package} depends on {name}");
        }
    }
}
