"""Vector files: `parcelle convert`, then the source as pyogrio reads it beside the GeoParquet as its readers see it."""

from __future__ import annotations

import filecmp
import importlib.resources
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import geopandas
import pyarrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import pyogrio
import pyogrio.raw
import pyproj

import values
from report import Report

SUFFIXES = {".gpkg", ".geojson", ".csv", ".shp", ".fgb"}

# Files whose every layer is broken on purpose, and the layer without geometry: to be refused, with nothing left behind.
# GDAL reads most of them, as another day, another number, another text or no geometry.
REFUSED_FILES = {"bad_geometries.gpkg", "bad_date_times.gpkg", "bad_values.gpkg"}
REFUSED_LAYERS = {("hollow_layers.gpkg", "no_geometry")}


def compare(parcelle: Path, path: Path, scratch: Path, report: Report) -> None:
    """Every layer of a file."""
    if path.name.startswith("bad_") and path.name not in REFUSED_FILES:
        refused(parcelle, path, None, scratch, path.name, report)
        return
    for layer, _ in pyogrio.list_layers(path):
        name = f"{path.name}:{layer}"
        if path.name in REFUSED_FILES or (path.name, layer) in REFUSED_LAYERS:
            refused(parcelle, path, layer, scratch, name, report)
            continue
        output = scratch / "output.parquet"
        try:
            compare_layer(parcelle, path, layer, output, name, report)
        except Exception as error:  # noqa: BLE001 - one layer must not hide the others
            report.check(f"{name}: compared to the end", False, f"{type(error).__name__}: {error}")
        output.unlink(missing_ok=True)


def convert(
    parcelle: Path, path: Path, layer: str | None, output: Path, threads: int = 2
) -> subprocess.CompletedProcess[str]:
    command = [parcelle, "convert", path, output, "--sort", "none", "--threads", str(threads), "--format", "json"]
    if layer is not None:
        command += ["--layer", layer]
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def refused(parcelle: Path, path: Path, layer: str | None, scratch: Path, name: str, report: Report) -> None:
    output = scratch / "refused.parquet"
    before = set(scratch.iterdir())
    completed = convert(parcelle, path, layer, output)
    report.check(f"{name}: refused with exit code 1", completed.returncode == 1,
                 f"{completed.returncode}: {completed.stderr[-300:]}")
    report.check(f"{name}: the message names the file", path.name in completed.stderr, completed.stderr[-300:])
    left = set(scratch.iterdir()) - before
    report.check(f"{name}: nothing is left behind", not left, left)
    for file in left:
        file.unlink()


def compare_layer(parcelle: Path, path: Path, layer: str, output: Path, name: str, report: Report) -> None:
    completed = convert(parcelle, path, layer, output)
    if not report.check(f"{name}: converted", completed.returncode == 0,
                        f"{completed.returncode}: {completed.stderr[-300:]}"):
        return
    # GDAL reads all of a CSV as text unless told otherwise, and keeps its geometry as text too.
    typed = {"AUTODETECT_TYPE": "YES", "KEEP_GEOM_COLUMNS": "NO"} if path.suffix == ".csv" else {}
    meta, source = pyogrio.raw.read_arrow(path, layer=layer, return_fids=True, **typed)
    file = parquet.ParquetFile(output)
    result = file.read()
    report.check(f"{name}: rows", len(source) == len(result), f"{len(source)} became {len(result)}")
    summary = json.loads(completed.stdout)
    report.check(f"{name}: rows in the summary", summary.get("rows") == len(source), summary)
    geo = json.loads(file.metadata.metadata[b"geo"])
    geometry, covering = columns_of(geo)
    source_geometry = meta["geometry_name"] or "wkb_geometry"
    if path.suffix == ".gpkg":
        report.check(f"{name}: name of the geometry column", geometry == source_geometry, geometry)

    attributes = [column for column in source.column_names if column != source_geometry]
    fid = meta.get("fid_column") or "OGC_FID"
    kept = [column for column in result.column_names if column not in {geometry, covering}]
    if fid in attributes and fid not in kept:
        attributes.remove(fid)
        report.note(f"{name}: the feature ids ({fid}) are not in the output")
    if path.suffix == ".geojson" and "id" in kept and "id" not in attributes:
        # The members `id` of the features, which pyogrio takes for feature ids.
        kept.remove("id")
    report.check(f"{name}: columns", sorted(attributes) == sorted(kept), f"{attributes} became {kept}")

    source, result = aligned(source, result, [column for column in attributes if column in kept])
    for column in attributes:
        if column in kept:
            difference = values.attribute_difference(source[column], result[column])
            report.check(f"{name}: values of {column}", not difference, difference)
    wkb = values.geometry_values(result[geometry])
    difference = values.geometry_difference(values.geometry_values(source[source_geometry]), wkb)
    report.check(f"{name}: geometry", not difference, difference)

    again = output.with_name("again.parquet")
    convert(parcelle, path, layer, again, threads=1)
    report.check(f"{name}: one thread writes the same bytes", filecmp.cmp(output, again, shallow=False))
    again.unlink()

    compare_metadata(geo, geometry, wkb, result[covering] if covering else None, name, report)
    compare_crs(geo["columns"][geometry], meta["crs"], name, report)
    compare_file(file, name, report)
    compare_readers(output, result, geometry, wkb, name, report)
    validate(output, name, report)


def columns_of(geo: dict) -> tuple[str, str | None]:
    """Names of the primary geometry column and of its covering."""
    primary = geo["primary_column"]
    covering = geo["columns"][primary].get("covering", {}).get("bbox", {}).get("xmin", [None])[0]
    return primary, covering


def aligned(source: pyarrow.Table, result: pyarrow.Table, columns: list[str]) -> tuple[pyarrow.Table, pyarrow.Table]:
    """Both tables in the order of their first column that identifies rows; as they are where none does."""
    for column in columns:
        ours, theirs = source[column], result[column]
        if values.family(ours.type) not in {"integer", "text"} or values.family(theirs.type) != values.family(ours.type):
            continue
        if ours.null_count or theirs.null_count or compute.count_distinct(ours).as_py() != len(source):
            continue
        orders = [compute.sort_indices(values.widened(table[column])) for table in (source, result)]
        return source.take(orders[0]), result.take(orders[1])
    return source, result


def compare_metadata(
    geo: dict, geometry: str, wkb: pyarrow.Array, covering: pyarrow.ChunkedArray | None, name: str, report: Report
) -> None:
    """The `geo` entry against the data themselves."""
    entry = geo["columns"][geometry]
    report.check(f"{name}: version", geo["version"] == "1.1.0", geo["version"])
    report.check(f"{name}: encoding", entry["encoding"] == "WKB", entry["encoding"])
    codes, little_endian = values.type_codes(wkb)
    report.check(f"{name}: WKB is little-endian", little_endian)
    names = values.type_names(codes)
    report.check(f"{name}: geometry_types", sorted(entry["geometry_types"]) == names,
                 f"{entry['geometry_types']}, the data have {names}")
    geometries = values.parsed(wkb)
    extent = values.extent(geometries)
    report.check(f"{name}: bbox", entry.get("bbox") == extent, f"{entry.get('bbox')}, the data span {extent}")
    if report.check(f"{name}: covering", covering is not None, "there is none"):
        difference = values.covering_difference(covering, geometries)
        report.check(f"{name}: covering holds each geometry", not difference, difference)


def compare_crs(entry: dict, source: str | None, name: str, report: Report) -> None:
    written = entry.get("crs", "absent")
    known = source is not None and not pyproj.CRS(source).name.lower().startswith("undefined")
    if not known:
        report.check(f"{name}: crs is null where the source has none", written is None, str(written)[:200])
        return
    if written == "absent":
        ours = pyproj.CRS("OGC:CRS84")
    elif written is None:
        report.check(f"{name}: crs", False, f"null, the source has {source}")
        return
    else:
        ours = pyproj.CRS.from_json_dict(written)
    theirs = pyproj.CRS(source)
    report.check(f"{name}: crs", ours.equals(theirs, ignore_axis_order=True), f"{ours.name}, the source has {theirs.name}")


def compare_file(file: parquet.ParquetFile, name: str, report: Report) -> None:
    """Compression and page index of every column chunk."""
    metadata = file.metadata
    chunks = [
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    codecs = {chunk.compression for chunk in chunks}
    report.check(f"{name}: zstd", codecs <= {"ZSTD"}, codecs)
    if not metadata.num_rows:
        return
    without = {chunk.path_in_schema for chunk in chunks if not chunk.has_offset_index}
    report.check(f"{name}: page index", not without, f"no offset index: {sorted(without)}")


def compare_readers(
    output: Path, result: pyarrow.Table, geometry: str, wkb: pyarrow.Array, name: str, report: Report
) -> None:
    """geopandas and DuckDB read the same rows and the same extent."""
    frame = geopandas.read_parquet(output)
    report.check(f"{name}: geopandas reads it", len(frame) == len(result) and frame.geometry.name == geometry,
                 f"{len(frame)} rows, geometry {frame.geometry.name}")
    del frame
    extent = values.extent(values.parsed(wkb))
    flat = None if extent is None else (extent if len(extent) == 4 else [extent[0], extent[1], extent[3], extent[4]])
    quoted = '"' + geometry.replace('"', '""') + '"'
    rows, *seen = connection().execute(
        "SELECT rows, ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) FROM "
        f"(SELECT count(*) AS rows, ST_Extent_Agg({quoted}) AS box FROM read_parquet(?))",
        [str(output)],
    ).fetchone()
    report.check(f"{name}: DuckDB counts its rows", rows == len(result), rows)
    report.check(f"{name}: DuckDB sees its extent", seen == (flat or [None] * 4), f"{seen}, want {flat}")


_CONNECTION: duckdb.DuckDBPyConnection | None = None


def connection() -> duckdb.DuckDBPyConnection:
    """A connection with the spatial extension of the package beside it: nothing is fetched."""
    global _CONNECTION  # noqa: PLW0603 - one for the whole run
    if _CONNECTION is None:
        _CONNECTION = duckdb.connect()
        _CONNECTION.execute(f"LOAD '{spatial_extension()}'")
    return _CONNECTION


def spatial_extension() -> Path:
    """The extension in the package beside DuckDB's."""
    folder = importlib.resources.files("duckdb_extension_spatial") / "extensions"
    return next(Path(str(folder)).rglob("spatial.duckdb_extension"))


def validate(output: Path, name: str, report: Report) -> None:
    """Every test of the specification and of the covering; the advice of its third class is no test."""
    validator = Path(sys.executable).parent / "geoparquet-validator"
    completed = subprocess.run([validator, "check", output, "--json"], capture_output=True, text=True)
    try:
        outcomes = json.loads(completed.stdout)["outcomes"]
    except (ValueError, KeyError):
        report.check(f"{name}: geoparquet-validator", False, (completed.stdout + completed.stderr)[-300:])
        return
    failed = [
        f"{outcome['id']}: {outcome['message']}"
        for outcome in outcomes
        if outcome["status"] == "fail" and not outcome["id"].startswith("/conf/distribution/")
    ]
    passed = sum(outcome["status"] == "pass" for outcome in outcomes)
    report.check(f"{name}: geoparquet-validator", passed and not failed, failed or "no test passed")
