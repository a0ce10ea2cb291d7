"""System calls that fail, one at a time (strace): each read of an input, each write of an output. Whatever fails, the run ends
with an error that names the file, or with the very output it should have; there is never a file at OUTPUT that is not whole.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pyogrio
from report import Report

# Calls that are made to fail of one file, evenly spread: all of them for most formats.
MOST = 40
READS = ["read", "pread64", "readv", "preadv"]
WRITES = ["write", "pwrite64", "writev", "fsync", "fdatasync", "ftruncate", "link", "linkat", "rename", "renameat", "renameat2"]


def compare(parcelle: Path, testdata: Path, root: Path, scratch: Path, report: Report) -> None:
    folder = scratch / "injected"
    folder.mkdir()
    if not works(folder):
        report.note("failing system calls are NOT TRIED: there is no strace here that may trace (apt-get install strace; ptrace)")
        return
    vector = root / "testdata/vector"
    flat = folder / "places.fgb"
    pyogrio.write_dataframe(pyogrio.read_dataframe(vector / "towns.geojson"), flat)
    sources = [
        ("gpkg", [vector / "column_types.gpkg"], []),
        ("gpkg by GDAL", [vector / "column_types.gpkg"], ["--reader", "gdal"]),
        ("csv", [vector / "places.csv"], ["--crs", "EPSG:4326"]),
        ("geojson", [vector / "towns.geojson"], []),
        ("geojson by GDAL", [vector / "towns.geojson"], ["--reader", "gdal"]),
        ("flatgeobuf", [flat], []),
        ("shapefile", [vector / f"parcels.{ending}" for ending in ["shp", "dbf", "shx", "prj", "cpg"]], []),
        ("geoparquet", [root / "testdata/geoparquet/good_1_1.parquet"], []),
    ]
    for name, paths, options in sources:
        reads(parcelle, name, paths, options, folder / name.replace(" ", "-"), report)
    writes(parcelle, testdata, folder / "writes", report)
    checks(parcelle, root, folder, report)


def works(folder: Path) -> bool:
    if shutil.which("strace") is None:
        return False
    probe = folder / "probe"
    probe.write_text("probe")
    run = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-P", probe, "-e", "inject=read:error=EIO", "cat", probe], capture_output=True)
    return run.returncode == 1 and b"Input/output error" in run.stderr


def strace(calls: list[str], error: str | None, when: str, paths: list[Path], log: Path) -> list:
    """The command that runs another one with failing calls. Only what concerns the paths counts, if there are any."""
    command = ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join(calls), "-e", "signal=none"]
    for path in paths:
        command += ["-P", path]
    if error:
        command += ["-e", f"inject={','.join(calls)}:error={error}:when={when}"]
    return command


def count(log: Path) -> int:
    """Calls of the most frequent kind: strace counts each kind by itself, and the n-th of each fails."""
    names = re.findall(r"^(?:\d+ +)?(\w+)\(", log.read_text(errors="replace"), re.MULTILINE)
    return max((names.count(name) for name in set(names)), default=0)


def spread(calls: int) -> list[int]:
    """Numbers of calls, from 1: all, or some of them with the first and the last."""
    if calls <= MOST:
        return list(range(1, calls + 1))
    return sorted({1 + turn * (calls - 1) // (MOST - 1) for turn in range(MOST)})


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def reads(parcelle: Path, name: str, paths: list[Path], options: list[str], folder: Path, report: Report) -> None:
    folder.mkdir()
    log, output = folder.with_suffix(".log"), folder / "out.parquet"
    command = [parcelle, "convert", paths[0], output, "--threads", "1", "--overwrite", *options]
    run = subprocess.run([*strace(READS, None, "", paths, log), *command], capture_output=True, text=True)
    if not report.check(f"injected: {name} is converted under strace", run.returncode == 0, run.stderr):
        return
    expected, calls = output.read_bytes(), count(log)
    output.unlink()
    wrong, refused = [], 0
    for turn in spread(calls):
        # Once, and from then on.
        for when in [str(turn), f"{turn}+"]:
            run = subprocess.run([*strace(READS, "EIO", when, paths, log), *command], capture_output=True, text=True)
            if run.returncode == 0:
                # What was asked for in vain was not needed, or was asked for again.
                if not output.exists() or output.read_bytes() != expected:
                    wrong.append(f"read {when} of {calls}: another output, without a word")
            else:
                refused += 1
                named = any(path.stem in run.stderr for path in paths)
                if run.returncode not in {1, 2} or not run.stderr.startswith("error:") or not named:
                    wrong.append(f"read {when} of {calls}: {run.returncode} {run.stderr}")
                if output.exists():
                    wrong.append(f"read {when} of {calls}: an output after an error")
            output.unlink(missing_ok=True)
            if left(folder):
                wrong.append(f"read {when} of {calls}: left {left(folder)}")
    report.check(f"injected: {name}, {calls} reads that fail, {refused} runs refused", not wrong and refused, wrong[:3])


def writes(parcelle: Path, testdata: Path, folder: Path, report: Report) -> None:
    folder.mkdir()
    source = folder.parent / "writes.gpkg"
    subprocess.run([testdata, "extract", source, "--rows", "40000", "--seed", "3"], check=True, stdout=subprocess.DEVNULL)
    log, output = folder.with_suffix(".log"), folder / "out.parquet"
    # Little memory: the temporary file of the sorting is written, too.
    command = [parcelle, "convert", source, output, "--threads", "2", "--memory", "8MB"]
    run = subprocess.run([*strace(WRITES, None, "", [], log), *command], capture_output=True, text=True)
    expected, calls = output.read_bytes(), count(log)
    output.unlink()
    report.check("injected: a conversion under strace", run.returncode == 0 and calls > 20, run.stderr)
    for error in ["ENOSPC", "EIO"]:
        wrong, refused = [], 0
        for turn in spread(calls):
            run = subprocess.run([*strace(WRITES, error, f"{turn}+", [], log), *command], capture_output=True, text=True)
            refused += run.returncode != 0
            if output.exists():
                if output.read_bytes() != expected:
                    wrong.append(f"call {turn} of {calls}: a file that is not whole")
            elif run.returncode not in {1, 2, 101}:
                wrong.append(f"call {turn} of {calls}: {run.returncode} without an output")
            if "panicked" in run.stderr:
                wrong.append(f"call {turn} of {calls}: {run.stderr}")
            output.unlink(missing_ok=True)
            if left(folder):
                wrong.append(f"call {turn} of {calls}: left {left(folder)}")
        report.check(f"injected: {calls} writes that fail with {error}, {refused} runs refused", not wrong and refused, wrong[:3])


def checks(parcelle: Path, root: Path, folder: Path, report: Report) -> None:
    """The checks through GDAL and by the binary; those within the process are tried at every read by `cargo test`."""
    log = folder / "check.log"
    for path, watched in [
        (root / "testdata/cog/good_rgb.tif", []),
        (root / "testdata/geoparquet/good_1_1.parquet", []),
        (root / "testdata/vrt/good_mosaic.vrt", [root / "testdata/vrt/tiles/west.tif", root / "testdata/vrt/tiles/east.tif"]),
    ]:
        command = [parcelle, "check", path, "--threads", "1", "--depth", "pixels"]
        paths = [path, *watched]
        subprocess.run([*strace(READS, None, "", paths, log), *command], capture_output=True)
        calls, wrong = count(log), []
        for turn in spread(calls):
            run = subprocess.run([*strace(READS, "EIO", f"{turn}+", paths, log), *command], capture_output=True, text=True)
            if run.returncode not in {1, 2} or path.name not in run.stdout + run.stderr or "panicked" in run.stderr:
                wrong.append(f"read {turn} of {calls}: {run.returncode} {run.stdout} {run.stderr}")
        report.check(f"injected: check of {path.name}, {calls} reads that fail", calls and not wrong, wrong[:3])
