"""The layer that is converted, in each format; made once and kept."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

FORMATS = ("gpkg", "fgb", "shp", "csv", "geojson", "geojsonl")
# Driver and creation options by suffix.
DRIVERS: dict[str, tuple[str, dict[str, str]]] = {
    "fgb": ("FlatGeobuf", {}),
    "shp": ("ESRI Shapefile", {"ENCODING": "UTF-8"}),
    "csv": ("CSV", {"GEOMETRY": "AS_WKT"}),
    "geojson": ("GeoJSON", {"COORDINATE_PRECISION": "2"}),
    "geojsonl": ("GeoJSONSeq", {}),
}
# Offsets in .shp and .dbf are 32 bits with a sign to most readers.
SHAPEFILE_LIMIT = 2**31 - 1


@dataclass
class Source:
    """One file to convert."""

    format: str
    path: Path
    rows: int
    size: int
    """Bytes of all its parts: a Shapefile has several."""
    crs: str
    """To be assigned where the file cannot name it."""


class MissingInput(Exception):
    """This format cannot be had, and why."""


def base_layer(given: Path | None, testdata: Path, rows: int, seed: int, cache: Path) -> Path:
    """The GeoPackage all others derive from: the one given, or the generated one."""
    if given is not None:
        if not given.is_file():
            raise MissingInput(f"{given} is not a file")
        return given.resolve()
    path = cache / f"buildings-{rows}-{seed}.gpkg"
    if not path.exists():
        print(f"making {path}", flush=True)
        unfinished = path.with_suffix(".tmp.gpkg")
        command = [testdata, "extract", unfinished, "--rows", str(rows), "--seed", str(seed)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        unfinished.rename(path)
    return path


def source(base: Path, wanted: str, cache: Path) -> Source:
    """The layer in this format, derived by GDAL's Arrow stream the first time."""
    import pyogrio

    info = pyogrio.read_info(base)
    rows, crs = int(info["features"]), str(info["crs"])
    path = base if wanted == "gpkg" else cache / base.stem / f"{base.stem}.{wanted}"
    if not path.exists():
        derive(base, wanted, path)
    parts = [path]
    if wanted == "shp":
        parts = [part for part in path.parent.glob(f"{base.stem}.*") if part.suffix in {".shp", ".dbf", ".shx"}]
        large = [part for part in parts if part.stat().st_size > SHAPEFILE_LIMIT]
        for part in large:
            print(f"warning: {part} is larger than 2 GiB, which many readers refuse", flush=True)
        written = int(pyogrio.read_info(path)["features"])
        if written != rows:
            raise MissingInput(f"{path} has {written} of {rows} rows: a Shapefile ends at 2 or 4 GiB")
    return Source(wanted, path, rows, sum(part.stat().st_size for part in parts), crs)


def derive(base: Path, wanted: str, path: Path) -> None:
    """Writes under another name first, so that what an interruption left is not taken for whole."""
    import pyogrio
    import pyogrio.raw

    driver, options = DRIVERS[wanted]
    print(f"making {path}", flush=True)
    unfinished = path.parent / "unfinished"
    unfinished.mkdir(parents=True, exist_ok=True)
    with pyogrio.raw.open_arrow(base, batch_size=65_536, use_pyarrow=True) as (meta, reader):
        pyogrio.raw.write_arrow(
            reader, unfinished / path.name, driver=driver, geometry_type=meta["geometry_type"], crs=meta["crs"],
            geometry_name=meta["geometry_name"] or "wkb_geometry", **options,
        )
    # The main file last: it is the one looked for.
    parts = sorted(unfinished.iterdir(), key=lambda part: part.suffix == path.suffix)
    for part in parts:
        part.rename(path.parent / part.name)
    unfinished.rmdir()
