"""Compares what parcelle makes and says with its peers: GDAL, pyogrio, geopandas, pyarrow, DuckDB, rio-cogeo,
geoparquet-validator and gpio. Called by `make interop`; prints one line for each comparison and ends with exit code 1 if any
of them does not hold.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import datasets
import faults
import injected
import matrix
import rasters
import reports
import system
import vectors
import wild
from report import Report

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcelle", type=Path, default=ROOT / "target/release/parcelle")
    parser.add_argument("--testdata", type=Path, default=ROOT / "target/release/parcelle-testdata")
    parser.add_argument("--gdal-python", default="/usr/bin/python3", help="interpreter with GDAL's Python bindings")
    parser.add_argument("--rows", type=int, default=1_000_000, help="features of the generated extract; 0 leaves it out")
    parser.add_argument("--only", choices=["rasters", "vectors", "matrix", "datasets", "reports", "faults", "injected", "system", "wild"], help="one part of the comparisons")
    parser.add_argument("--match", default="", help="only files whose name contains this")
    arguments = parser.parse_args()
    parcelle = arguments.parcelle.resolve()
    report = Report()
    # The peers warn of M geometry and of rasters without georeference, both of which are there on purpose.
    warnings.simplefilter("ignore", UserWarning)

    with tempfile.TemporaryDirectory(prefix="parcelle-interop-") as scratch_name:
        scratch = Path(scratch_name)
        if arguments.only in {None, "matrix"}:
            matrix.compare(parcelle, arguments.match, scratch, report)
        if arguments.only in {None, "datasets"}:
            datasets.compare(parcelle, arguments.testdata.resolve(), scratch, report)
        if arguments.only in {None, "vectors"}:
            compare_vectors(parcelle, arguments, scratch, report)
        if arguments.only in {None, "faults"}:
            faults.compare(parcelle, arguments.testdata.resolve(), scratch, report)
        if arguments.only in {None, "injected"}:
            injected.compare(parcelle, arguments.testdata.resolve(), ROOT, scratch, report)
        if arguments.only in {None, "system"}:
            system.compare(parcelle, arguments.testdata.resolve(), scratch, report)
        if arguments.only in {None, "wild"}:
            wild.compare(parcelle, ROOT.parent / "shared/corpus/tiff-wild", report)
        if arguments.only in {None, "reports"}:
            reports.compare(parcelle, ROOT / "testdata", scratch, report)
        if arguments.only in {None, "rasters"}:
            rasters.compare(parcelle, arguments.gdal_python, ROOT / "testdata", arguments.match, report)
    return report.finish()


def compare_vectors(parcelle: Path, arguments: argparse.Namespace, scratch: Path, report: Report) -> None:
    folders = [ROOT / "testdata/vector"]
    # Real extracts that may not be distributed lie beside the checkout where they are at hand.
    neighbour = ROOT.parent / "shared/corpus/vector"
    if neighbour.is_dir():
        folders.append(neighbour)
    else:
        report.note("no folder shared/corpus/vector beside the checkout: generated files only")
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.suffix in vectors.SUFFIXES and arguments.match in path.name:
                vectors.compare(parcelle, path, scratch, report)
    if arguments.rows and arguments.match in "generated.gpkg":
        generated = scratch / "generated.gpkg"
        command = [arguments.testdata.resolve(), "extract", generated, "--rows", str(arguments.rows), "--seed", "1"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        vectors.compare(parcelle, generated, scratch, report)


if __name__ == "__main__":
    sys.exit(main())
