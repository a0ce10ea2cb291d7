"""The peers, and parcelle: which there are here, and the command of one conversion."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from inputs import Source

HERE = Path(__file__).resolve().parent
MODES = ("plain", "sorted")
ROW_GROUP_ROWS = "65536"


@dataclass(frozen=True)
class Peer:
    """A program that converts to GeoParquet."""

    name: str
    package: str = ""
    """The Python package whose version is told."""
    sorts: bool = True
    no_formats: dict[str, str] = field(default_factory=dict)
    """Formats it cannot be asked for, with the reason."""


PEERS = {
    peer.name: peer
    for peer in (
        Peer("ogr2ogr"),
        Peer("duckdb", "duckdb"),
        Peer("sedonadb", "sedonadb"),
        Peer("pyogrio_arrow", "pyogrio", sorts=False),
        Peer("geopandas", "geopandas"),
        Peer("gpio", "geoparquet-io"),
    )
}


@dataclass(frozen=True)
class Variant:
    """parcelle with one set of options."""

    threads: int
    level: int | None
    """Level of zstd; None is the preset `fast`: geometry by LZ4, the rest by zstd 1."""

    @property
    def name(self) -> str:
        level = "preset fast" if self.level is None else f"zstd {self.level}"
        return f"parcelle, {level}, {self.threads} thread{'s' if self.threads > 1 else ''}"


class Tools:
    """Where the programs are; looked up once."""

    def __init__(self, parcelle: Path, memory: str, cache: Path) -> None:
        self.parcelle = parcelle
        self.memory = memory
        self.ogr2ogr = os.environ.get("OGR2OGR") or shutil.which("ogr2ogr")
        self.scratch = cache / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.home = cache / "home"

    def absent(self, peer: Peer) -> str:
        """Why the peer cannot be run here; empty where it can."""
        if peer.name == "ogr2ogr":
            if not self.ogr2ogr:
                return "there is no ogr2ogr in PATH (OGR2OGR names another)"
            drivers = first_lines(self.ogr2ogr, "--formats")
            if not re.search(r"^\s*Parquet ", drivers, re.MULTILINE):
                return f"{self.version(peer)} has no Parquet driver (OGR2OGR names another)"
            return ""
        needed = [peer.package] + (["duckdb-extension-spatial"] if peer.name in {"duckdb", "gpio"} else [])
        for package in needed:
            try:
                importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                return f"the Python package {package} is not installed"
        return ""

    def version(self, peer: Peer) -> str:
        if peer.name == "ogr2ogr":
            return first_lines(self.ogr2ogr or "ogr2ogr", "--version").split(",")[0].strip()
        text = f"{peer.package} {importlib.metadata.version(peer.package)}"
        return text + (f" with DuckDB {importlib.metadata.version('duckdb')}" if peer.name == "gpio" else "")

    def parcelle_version(self) -> str:
        return first_lines(self.parcelle, "--version").strip()

    def spatial_extension(self) -> Path:
        """DuckDB's extension out of the package beside it: nothing is fetched at run time."""
        folder = Path(str(importlib.resources.files("duckdb_extension_spatial")))
        return next(folder.rglob("spatial.duckdb_extension"))

    def environment(self, peer: Peer) -> dict[str, str]:
        """gpio loads the extension from the home folder only, so it gets one that has it."""
        environment = dict(os.environ)
        if peer.name == "gpio":
            extension = self.spatial_extension()
            machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
            installed = self.home / ".duckdb/extensions" / extension.parent.name / f"linux_{machine}" / extension.name
            if not installed.exists():
                installed.parent.mkdir(parents=True, exist_ok=True)
                installed.unlink(missing_ok=True)
                installed.symlink_to(extension)
            environment["HOME"] = str(self.home)
        return environment

    def command(self, peer: Peer, source: Source, output: Path, mode: str) -> list[str]:
        if peer.name == "ogr2ogr":
            return self.ogr2ogr_command(source, output, mode)
        if peer.name == "gpio":
            return gpio_command(source, output, mode)
        extension = str(self.spatial_extension()) if peer.name == "duckdb" else ""
        return [sys.executable, str(HERE / "convert_with.py"), peer.name, str(source.path), str(output), mode,
                source.crs, extension]

    def ogr2ogr_command(self, source: Source, output: Path, mode: str) -> list[str]:
        command = [str(self.ogr2ogr), "-f", "Parquet", str(output), str(source.path)]
        layer = {"COMPRESSION": "ZSTD", "COMPRESSION_LEVEL": "3", "ROW_GROUP_SIZE": ROW_GROUP_ROWS,
                 "WRITE_COVERING_BBOX": "YES", "SORT_BY_BBOX": "YES" if mode == "sorted" else "NO"}
        for name, value in layer.items():
            command += ["-lco", f"{name}={value}"]
        if source.format == "csv":
            command += ["-a_srs", source.crs]
            for option in ("GEOM_POSSIBLE_NAMES=WKT", "KEEP_GEOM_COLUMNS=NO", "AUTODETECT_TYPE=YES"):
                command += ["-oo", option]
        return command

    def parcelle_command(
        self, variant: Variant, source: Source, output: Path, mode: str, compression: str = "zstd"
    ) -> list[str]:
        command = [str(self.parcelle), "convert", str(source.path), str(output), "--overwrite",
                   "--threads", str(variant.threads), "--memory", self.memory, "--row-group-rows", ROW_GROUP_ROWS,
                   "--sort", "hilbert" if mode == "sorted" else "none"]
        if variant.level is None:
            command += ["--preset", "fast"]
        else:
            command += ["--compression", compression]
        if variant.level is not None and compression == "zstd":
            command += ["--compression-level", str(variant.level)]
        if source.format == "csv":
            command += ["--crs", source.crs]
        return command


def gpio_command(source: Source, output: Path, mode: str) -> list[str]:
    command = [str(Path(sys.executable).parent / "gpio"), "convert", "geoparquet", str(source.path), str(output),
               "--compression", "zstd", "--compression-level", "3", "--row-group-size", ROW_GROUP_ROWS,
               "--geoparquet-version", "1.1", "--no-repair-geometry"]
    if source.format == "csv":
        command += ["--wkt-column", "WKT", "--crs", source.crs]
    if mode == "plain":
        command.append("--skip-hilbert")
    return command


def first_lines(program: str | Path, option: str) -> str:
    try:
        return subprocess.run([program, option], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
