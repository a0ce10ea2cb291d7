"""The crate `cog_validator`, built as a program that takes paths. It is no dependency of the workspace: it needs GDAL at link
time and is only measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

VERSION = "0.2.6"
MANIFEST = f"""[package]
name = "cog-validator-peer"
version = "0.1.0"
edition = "2021"
publish = false

[dependencies]
cog_validator = "={VERSION}"

[profile.release]
codegen-units = 1
lto = "thin"

[workspace]
"""
PROGRAM = """fn main() {
    let mut refused = false;
    for path in std::env::args().skip(1) {
        if let Err(error) = cog_validator::cog_validator(&path) {
            eprintln!("{path}: {error}");
            refused = true;
        }
    }
    std::process::exit(refused.into());
}
"""


def build(folder: Path) -> Path:
    """Raises with cargo's words where it cannot be had."""
    program = folder / "target/release/cog-validator-peer"
    if program.is_file():
        return program
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/main.rs").write_text(PROGRAM, encoding="utf-8")
    manifest = folder / "Cargo.toml"
    manifest.write_text(MANIFEST, encoding="utf-8")
    packages = json.loads(cargo(folder, "metadata", "--format-version", "1"))["packages"]
    source = next(Path(package["manifest_path"]).parent for package in packages if package["name"] == "cog_validator")
    # The type of an open file is named otherwise by the bindings of GDAL before 3.9; its alias is the same in all of them.
    copy = folder / "cog_validator"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    module = copy / "src/vsi.rs"
    module.write_text(module.read_text(encoding="utf-8").replace("VSIVirtualHandle", "VSILFILE"), encoding="utf-8")
    manifest.write_text(MANIFEST + '\n[patch.crates-io]\ncog_validator = { path = "cog_validator" }\n', encoding="utf-8")
    cargo(folder, "build", "--release")
    return program


def cargo(folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_PROFILE_")}
    environment["CARGO_TARGET_DIR"] = str(folder / "target")
    completed = subprocess.run(["cargo", *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if completed.returncode:
        raise RuntimeError(completed.stderr.strip()[-400:])
    return completed.stdout
