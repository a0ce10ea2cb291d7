"""Every input format × version of GeoParquet × encoding: one line each.

A cell holds when pyarrow, geopandas and DuckDB read back what the source holds, value by value, and when
geoparquet-validator and `gpio check spec` find nothing wrong.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas
import pyarrow
import pyarrow.parquet as parquet
import shapely

import matrix_inputs
import values
import vectors
from report import Report

VARIANTS = (("1.0", "wkb"), ("1.1", "wkb"), ("1.1", "geoarrow"), ("2.0", "wkb"))


def compare(parcelle: Path, match: str, scratch: Path, report: Report) -> None:
    """All cells; the two validators, which are processes of their own, run beside the comparison."""
    environment = gpio_environment(scratch / "home")
    # DuckDB's connection is made before threads may ask for it.
    vectors.connection()
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for suffix in matrix_inputs.FORMATS:
            for version, encoding in VARIANTS:
                name = f"matrix {suffix} {version} {encoding}"
                if match not in name:
                    continue
                # Neither the Shapefile nor the native encodings hold points beside polygons.
                mixed = suffix != "shp" and encoding == "wkb"
                faults = cell(parcelle, suffix, version, encoding, mixed, scratch, pool, environment)
                report.check(name, not faults, "; ".join(faults))


def cell(
    parcelle: Path, suffix: str, version: str, encoding: str, mixed: bool, scratch: Path, pool: ThreadPoolExecutor,
    environment: dict[str, str],
) -> list[str]:
    """What is wrong with one cell, each fault by the name of who saw it."""
    path = scratch / f"{'mixed' if mixed else 'polygons'}.{suffix}"
    output = scratch / "cell.parquet"
    try:
        if not path.exists():
            matrix_inputs.write(scratch, suffix, mixed)
        source, source_geometry = matrix_inputs.read(path)
    except Exception as error:  # noqa: BLE001 - one cell must not hide the others
        return [f"the input could not be made: {type(error).__name__}: {error}"]
    command = [parcelle, "convert", path, output, "--overwrite", "--geoparquet", version, "--encoding", encoding,
               "--sort", "none"]
    if suffix == "csv":
        command += ["--crs", matrix_inputs.CRS]
    completed = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if completed.returncode:
        return [f"not converted ({completed.returncode}): {completed.stderr[-300:].strip()}"]
    validators = [pool.submit(validator, output), pool.submit(gpio, output, environment)]
    faults = []
    for reader in (read_pyarrow, read_geopandas, read_duckdb):
        try:
            attributes, wkb = reader(output, encoding)
            expected = values.geometry_values(source[source_geometry])
            # A Shapefile of polygons may hold several parts in any record: with one type for all, that is MultiPolygon.
            if suffix == "shp" and encoding == "geoarrow":
                expected = values.as_multi(expected)
            faults += [f"{reader.__name__.removeprefix('read_')}: {fault}"
                       for fault in differences(source, source_geometry, expected, attributes, wkb)]
        except Exception as error:  # noqa: BLE001
            faults.append(f"{reader.__name__.removeprefix('read_')}: {type(error).__name__}: {str(error)[:300]}")
    faults += declared(output, version, encoding)
    return faults + [fault for each in validators if (fault := each.result())]


def differences(
    source: pyarrow.Table, geometry: str, expected: pyarrow.Array, result: pyarrow.Table | None,
    wkb: pyarrow.Array | None,
) -> list[str]:
    """Columns, values and geometry in the order of the source."""
    found = []
    if result is not None:
        wanted = [name for name in source.column_names if name != geometry]
        missing = sorted(set(wanted) - set(result.column_names))
        if missing:
            found.append(f"no column {missing}")
        for name in wanted:
            if name in result.column_names and (fault := values.attribute_difference(source[name], result[name])):
                found.append(f"{name}: {fault}")
    if wkb is not None:
        if len(wkb) != len(expected):
            found.append(f"{len(expected)} geometries became {len(wkb)}")
        elif fault := values.geometry_difference(expected, wkb):
            found.append(f"geometry: {fault}")
    return found


def primary(output: Path) -> str:
    return json.loads(parquet.read_metadata(output).metadata[b"geo"])["primary_column"]


def declared(output: Path, version: str, encoding: str) -> list[str]:
    """The footer says what was asked for."""
    geo = json.loads(parquet.read_metadata(output).metadata[b"geo"])
    written = geo["columns"][geo["primary_column"]]["encoding"]
    native = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
    faults = [] if geo["version"].startswith(version) else [f"version is {geo['version']}"]
    return faults if (written in native) == (encoding == "geoarrow") else [*faults, f"encoding is {written}"]


def read_pyarrow(output: Path, encoding: str) -> tuple[pyarrow.Table, pyarrow.Array | None]:
    """Native coordinates are compared as geopandas puts them together."""
    # Through the file: a dataset would lose nothing, but needs more memory.
    result = parquet.ParquetFile(output).read()
    wkb = values.geometry_values(result[primary(output)]) if encoding == "wkb" else None
    return result, wkb


def read_geopandas(output: Path, encoding: str) -> tuple[pyarrow.Table | None, pyarrow.Array]:
    """Its attributes are pandas' business: types with NULLs change there."""
    frame = geopandas.read_parquet(output)
    wkb = [None if each is None else bytes(each) for each in shapely.to_wkb(frame.geometry.to_numpy(), flavor="iso")]
    return None, pyarrow.array(wkb, pyarrow.large_binary())


def read_duckdb(output: Path, encoding: str) -> tuple[pyarrow.Table, pyarrow.Array | None]:
    """DuckDB reads native coordinates as lists of structs, so only its attributes are compared then."""
    column = '"' + primary(output).replace('"', '""') + '"'
    shape = f", ST_AsWKB({column}) AS parcelle_wkb" if encoding == "wkb" else ""
    query = f"SELECT * EXCLUDE ({column}){shape} FROM read_parquet(?)"
    result = vectors.connection().execute(query, [str(output)]).to_arrow_table()
    if encoding != "wkb":
        return result, None
    wkb = values.geometry_values(result["parcelle_wkb"].cast(pyarrow.large_binary()))
    return result.drop_columns(["parcelle_wkb"]), wkb


def validator(output: Path) -> str:
    """Tests of the specification that fail; the advice of its third class is no test."""
    program = Path(sys.executable).parent / "geoparquet-validator"
    completed = subprocess.run([program, "check", output, "--json"], capture_output=True, text=True)
    try:
        outcomes = json.loads(completed.stdout)["outcomes"]
    except (ValueError, KeyError):
        return f"geoparquet-validator: {(completed.stdout + completed.stderr)[-300:]}"
    failed = [f"{outcome['id']}: {outcome['message']}" for outcome in outcomes
              if outcome["status"] == "fail" and not outcome["id"].startswith("/conf/distribution/")]
    return f"geoparquet-validator: {failed}" if failed else ""


def gpio(output: Path, environment: dict[str, str]) -> str:
    program = Path(sys.executable).parent / "gpio"
    completed = subprocess.run([program, "check", "spec", output, "--json"], capture_output=True, text=True, env=environment)
    try:
        checks = json.loads(completed.stdout)["checks"]
    except (ValueError, KeyError):
        return f"gpio: {(completed.stdout + completed.stderr)[-300:]}"
    failed = [f"{each['name']}: {each['message']}" for each in checks if each["status"] == "failed"]
    return f"gpio: {failed}" if failed else ""


def gpio_environment(home: Path) -> dict[str, str]:
    """gpio takes DuckDB's extension from the home folder: it gets one that has it, so that nothing is fetched."""
    extension = vectors.spatial_extension()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    installed = home / ".duckdb/extensions" / extension.parent.name / f"linux_{machine}" / extension.name
    installed.parent.mkdir(parents=True, exist_ok=True)
    installed.symlink_to(extension)
    return os.environ | {"HOME": str(home)}
