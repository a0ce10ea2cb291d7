"""50 million rows, converted inside 1 GB of memory: generated, sorted along a Hilbert curve, written, and checked. Called by
`make soak`; it takes most of an hour, and 30 GB of disk while it runs.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as parquet
from report import Report
from system import MEBIBYTE, Cgroup, Measured

ROOT = Path(__file__).resolve().parents[2]
# Bytes of disk for a row: the extract, the temporary file of the sorting, the output.
DISK_PER_ROW = 600
GIBIBYTE = 1024 * MEBIBYTE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcelle", type=Path, default=ROOT / "target/release/parcelle")
    parser.add_argument("--testdata", type=Path, default=ROOT / "target/release/parcelle-testdata")
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--memory", default="512MB", help="what --memory is given")
    parser.add_argument("--folder", type=Path, help="where to write [default: a temporary directory]")
    arguments = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="parcelle-soak-", dir=arguments.folder) as name:
        folder = Path(name)
        needed = arguments.rows * DISK_PER_ROW
        free = shutil.disk_usage(folder).free
        if free < needed:
            print(f"error: {arguments.rows:,} rows need {needed / GIBIBYTE:.0f} GiB in {folder}, {free / GIBIBYTE:.0f} are free", file=sys.stderr)
            return 1
        run(arguments, folder, report)
    return report.finish()


def run(arguments: argparse.Namespace, folder: Path, report: Report) -> None:
    source, output = folder / "rows.gpkg", folder / "rows.parquet"
    made = Measured([arguments.testdata.resolve(), "extract", source, "--rows", str(arguments.rows), "--narrow"])
    report.check("soak: the extract is generated as a stream", made.code == 0 and made.peak < 512, made)
    report.note(f"{arguments.rows:,} rows, {source.stat().st_size / GIBIBYTE:.1f} GiB, generated in {made.seconds:.0f} s with {made.peak:.0f} MiB")
    cgroup = Cgroup.make(GIBIBYTE)
    if cgroup is None:
        report.note("no cgroup can be made here: memory is measured, and held by nothing but --memory")
    try:
        command = [arguments.parcelle.resolve(), "convert", source, output, "--memory", arguments.memory]
        converted = Measured(command, cgroup=cgroup)
    finally:
        if cgroup:
            report.note(f"cgroup of 1 GiB: {cgroup.peak():.0f} MiB at most, with what the kernel keeps of files")
            cgroup.remove()
    rows = parquet.ParquetFile(output).metadata.num_rows if converted.code == 0 else 0
    report.check(f"soak: {arguments.rows:,} rows are converted inside 1 GiB", rows == arguments.rows and converted.peak < 1024, converted)
    report.note(f"converted with --memory {arguments.memory} in {converted.seconds:.0f} s with {converted.peak:.0f} MiB at most")
    if rows != arguments.rows:
        return
    report.note(f"the output has {output.stat().st_size / GIBIBYTE:.1f} GiB")
    source.unlink()
    checked = Measured([arguments.parcelle.resolve(), "check", output, "--fail-on", "error"])
    report.check("soak: the output passes parcelle check", checked.code == 0, f"{checked} {checked.out[-500:]}")
    report.note(f"checked in {checked.seconds:.0f} s with {checked.peak:.0f} MiB")
    # The same rows: each id once, which a sum tells that no wrong set of them has by chance.
    rows_of = 0
    total = 0
    for batch in parquet.ParquetFile(output).iter_batches(columns=["fid"], batch_size=1 << 20):
        column = batch.column(0)
        rows_of += len(column)
        total += int(column.to_numpy().sum())
    expected = arguments.rows * (arguments.rows + 1) // 2
    report.check("soak: every row is there once", (rows_of, total) == (arguments.rows, expected), (rows_of, total, expected))


if __name__ == "__main__":
    sys.exit(main())
