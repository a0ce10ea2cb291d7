"""Datasets of several files: the same layer as one file and as a directory, read by the readers of datasets."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import duckdb
import geopandas
import pyarrow.parquet as parquet

from report import Report

ROWS = 20_000
COLUMN = "nature"
SPLITS = {
    "by value": ["--partition-by", COLUMN],
    "by value, hive": ["--partition-by", COLUMN, "--partition-names", "hive"],
    "by size": ["--partition-size", "200kB"],
    "by value and size": ["--partition-by", COLUMN, "--partition-size", "100kB"],
}


def compare(parcelle: Path, testdata: Path, scratch: Path, report: Report) -> None:
    source = scratch / "datasets.gpkg"
    subprocess.run([testdata, "extract", source, "--rows", str(ROWS), "--seed", "1"], check=True,
                   stdout=subprocess.DEVNULL)
    whole = scratch / "whole.parquet"
    subprocess.run([parcelle, "convert", source, whole], check=True, stdout=subprocess.DEVNULL)
    expected = rows(geopandas.read_parquet(whole))
    for name, options in SPLITS.items():
        directory = scratch / name.replace(", ", " ").replace(" ", "-")
        command = [parcelle, "convert", source, directory, "--row-group-rows", "1000", *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if not report.check(f"dataset {name}: written", done.returncode == 0, done.stderr[-300:]):
            continue
        index = json.loads((directory / "_index.json").read_text(encoding="utf-8"))
        report.check(f"dataset {name}: several files", len(index["files"]) > 3, index["files"])
        report.check(f"dataset {name}: the index has every row", index["rows"] == ROWS, index["rows"])
        for entry in index["files"]:
            metadata = parquet.read_metadata(directory / entry["path"])
            box = json.loads(metadata.metadata[b"geo"])["columns"][index["geometry_column"]]["bbox"]
            report.check(f"dataset {name}: {entry['path']} is what the index says",
                         (metadata.num_rows, metadata.num_row_groups, box)
                         == (entry["rows"], entry["row_groups"], entry["bbox"]), entry)
        frame = geopandas.read_parquet(directory)
        report.check(f"dataset {name}: geopandas reads the same rows", rows(frame) == expected, len(frame))
        hive = "true" if "hive" in name else "false"
        counted = duckdb.sql(f"SELECT count(*), count(DISTINCT {COLUMN}) FROM "
                             f"read_parquet('{directory}/**/*.parquet', hive_partitioning = {hive})").fetchone()
        values = len({row[1] for row in expected})
        report.check(f"dataset {name}: DuckDB reads the same rows", counted == (ROWS, values), counted)


def rows(frame: geopandas.GeoDataFrame) -> list[tuple[str, str, bytes]]:
    """Identifier, value of the column and geometry, in one order."""
    values = frame[COLUMN].astype(str)
    return sorted(zip(frame["cleabs"], values, frame.geometry.to_wkb(), strict=True))
