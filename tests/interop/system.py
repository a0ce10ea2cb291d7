"""What a real system does to a run: thousands of files, none that may be read, memory that ends. Peak memory is measured, and
held by `ulimit -v` and by a cgroup where one can be made.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as parquet
from report import Report

FILES = 10_000
MEBIBYTE = 1024 * 1024


def compare(parcelle: Path, testdata: Path, scratch: Path, report: Report) -> None:
    folder = scratch / "system"
    folder.mkdir()
    ten_thousand(parcelle, folder, report)
    permissions(parcelle, testdata, report)
    memory(parcelle, testdata, folder, report)


class Measured:
    """A run with its outcome, peak memory in MiB and seconds."""

    def __init__(self, command: list, address_space: int | None = None, files: int | None = None, cgroup: Cgroup | None = None) -> None:
        limits = {"RLIMIT_AS": address_space, "RLIMIT_NOFILE": files, "cgroup": str(cgroup.path) if cgroup else None}
        with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            result = Path(scratch) / "result.json"
            launch = [sys.executable, Path(__file__).with_name("launch.py"), result, json.dumps(limits), *map(str, command)]
            subprocess.run(launch, stdout=out, stderr=err, check=True)
            outcome = json.loads(result.read_text())
            self.code, self.peak, self.seconds = outcome["code"], outcome["peak"], outcome["seconds"]
            out.seek(0)
            err.seek(0)
            self.out, self.err = out.read().decode(errors="replace"), err.read().decode(errors="replace")

    def __str__(self) -> str:
        return f"exit code {self.code}, {self.seconds:.1f} s, {self.peak:.0f} MiB; {self.err[-300:]}"


class Cgroup:
    """A cgroup with so much memory (version 1 or 2); `make` gives None where none can be made."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls, limit: int) -> Cgroup | None:
        for root, name in [(Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max")]:
            path = root / f"parcelle-{os.getpid()}"
            try:
                path.mkdir()
                (path / name).write_text(str(limit))
                return cls(path)
            except OSError:
                if path.is_dir():
                    path.rmdir()
        return None

    def peak(self) -> float:
        """MiB with the pages of files that the kernel keeps, and drops when they are in the way."""
        for name in ["memory.max_usage_in_bytes", "memory.peak"]:
            if (self.path / name).exists():
                return int((self.path / name).read_text()) / MEBIBYTE
        return 0

    def remove(self) -> None:
        self.path.rmdir()


def ten_thousand(parcelle: Path, folder: Path, report: Report) -> None:
    """10,000 files are read as one data set, written as partitions, and checked in one run."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    place = folder / "many"
    place.mkdir()
    for number in range(FILES):
        (place / f"{number:05}.csv").write_text(f"id,wkt\n{number},POINT ({number % 100} {number // 100 % 80})\n")
    one = folder / "one.parquet"
    for files in [64, min(most, 1_000_000)]:
        one.unlink(missing_ok=True)
        run = Measured([parcelle, "convert", place, one, "--crs", "EPSG:4326"], files=files)
        rows = parquet.ParquetFile(one).metadata.num_rows if run.code == 0 else 0
        report.check(f"system: {FILES} input files with {files} open at most", rows == FILES, run)
        report.note(f"{FILES} input files, ulimit -n {files}: {run.seconds:.1f} s, {run.peak:.0f} MiB")
    parts = folder / "parts"
    run = Measured([parcelle, "convert", one, parts, "--partition-by", "id", "--memory", "256MB"], files=256)
    written = len(list(parts.glob("*.parquet"))) if parts.is_dir() else 0
    report.check(f"system: {FILES} partitions with 256 open at most", run.code == 0 and written == FILES, f"{written} files; {run}")
    report.note(f"{FILES} partitions, ulimit -n 256: {run.seconds:.1f} s, {run.peak:.0f} MiB")
    if written != FILES:
        return
    run = Measured([parcelle, "check", parts, "--format", "jsonl", "--fail-on", "never"], files=256)
    last = json.loads(run.out.splitlines()[-1]) if run.out else {}
    report.check(f"system: {FILES} GeoParquet files are checked", last.get("summary", {}).get("files") == FILES, run)
    back = folder / "back.parquet"
    run = Measured([parcelle, "convert", parts, back], files=256)
    rows = parquet.ParquetFile(back).metadata.num_rows if run.code == 0 else 0
    report.check(f"system: {FILES} partitions are one data set again", rows == FILES, run)
    shutil.rmtree(place)
    shutil.rmtree(parts)


def permissions(parcelle: Path, testdata: Path, report: Report) -> None:
    """Files and directories with no permission at all, as somebody who is not root."""
    as_nobody: list = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            report.note("missing permissions are NOT TRIED: root may read everything, and there is no setpriv here")
            return
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory(prefix="parcelle-permissions-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        # The checkout may lie where nobody else may look.
        program = folder / "parcelle"
        shutil.copy(parcelle, program)
        program.chmod(0o755)
        if subprocess.run([*as_nobody, program, "--version"], capture_output=True).returncode != 0:
            report.note("missing permissions are NOT TRIED: the program does not run as another user")
            return

        def run(*arguments: object) -> subprocess.CompletedProcess:
            return subprocess.run([*as_nobody, program, *arguments], capture_output=True, text=True, cwd=folder)

        extract, raster, mosaic = folder / "rows.gpkg", folder / "dem.tif", folder / "mosaic.vrt"
        subprocess.run([testdata, "extract", extract, "--rows", "100"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([testdata, "raster", raster, "--size", "600"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([testdata, "vrt", mosaic, "--sources", raster], check=True, stdout=subprocess.DEVNULL)
        data = folder / "data"
        data.mkdir()
        for number in range(3):
            (data / f"{number}.csv").write_text(f"id,wkt\n{number},POINT (2 48)\n")
        output = folder / "out.parquet"

        extract.chmod(0)
        failed = run("convert", extract, output)
        said = "rows.gpkg" in failed.stderr and "ermission denied" in failed.stderr
        report.check("permissions: an input that may not be read", failed.returncode == 1 and said and not output.exists(), failed)
        extract.chmod(0o644)

        raster.chmod(0)
        failed = run("check", raster, "--format", "json")
        missing = json.loads(failed.stdout)["unexamined"]
        report.check("permissions: a raster", failed.returncode == 2 and missing[0]["reason"] == "permission denied", failed)
        failed = run("check", mosaic, "--format", "json")
        ids = {finding["rule"] for file in json.loads(failed.stdout)["files"] for finding in file["findings"]}
        report.check("permissions: the source of a VRT", failed.returncode == 1 and "VRT-SRC-010" in ids, failed)
        raster.chmod(0o644)

        (data / "1.csv").chmod(0)
        failed = run("convert", data, output, "--crs", "EPSG:4326")
        report.check("permissions: one file of a data set", failed.returncode == 1 and "1.csv" in failed.stderr and not output.exists(), failed)
        (data / "1.csv").chmod(0o644)
        inner = data / "inner"
        inner.mkdir()
        (inner / "3.csv").write_text("id,wkt\n3,POINT (2 48)\n")
        inner.chmod(0)
        failed = run("convert", data, output, "--crs", "EPSG:4326")
        report.check("permissions: a directory of a data set", failed.returncode == 1 and "inner" in failed.stderr and not output.exists(), failed)
        inner.chmod(0o755)

        closed = folder / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        for what, arguments in [("OUTPUT", [closed / "out.parquet"]), ("--temp-dir", [output, "--temp-dir", closed, "--memory", "8MB"])]:
            failed = run("convert", extract, *arguments)
            told = failed.returncode == 1 and "closed" in failed.stderr
            # Few rows need no temporary file.
            unneeded = what == "--temp-dir" and failed.returncode == 0
            report.check(f"permissions: the directory of {what}", (told or unneeded) and not list(closed.iterdir()), failed)


def memory(parcelle: Path, testdata: Path, folder: Path, report: Report) -> None:
    """The largest inputs, with less address space and memory than they would like."""
    cgroup = Cgroup.make(768 * MEBIBYTE)
    if cgroup is None:
        report.note("memory in a cgroup is NOT TRIED: none can be made here (root, and a writable /sys/fs/cgroup)")
    try:
        rows(parcelle, testdata, folder, cgroup, 2_000_000, report)
        sources(parcelle, testdata, folder, cgroup, report)
        raster(parcelle, testdata, folder, cgroup, report)
        beyond_four_gibibytes(parcelle, folder, cgroup, report)
    finally:
        if cgroup:
            report.note(f"the cgroup had {cgroup.peak():.0f} MiB at most, with what the kernel keeps of files")
            cgroup.remove()


def rows(parcelle: Path, testdata: Path, folder: Path, cgroup: Cgroup | None, count: int, report: Report) -> None:
    source, output = folder / "rows.gpkg", folder / "rows.parquet"
    subprocess.run([testdata, "extract", source, "--rows", str(count), "--narrow"], check=True, stdout=subprocess.DEVNULL)
    # What is addressed is more than what is used: libraries, stacks of threads, maps that were given back.
    run = Measured([parcelle, "convert", source, output, "--memory", "256MB"], address_space=2048 * MEBIBYTE, cgroup=cgroup)
    written = parquet.ParquetFile(output).metadata.num_rows if run.code == 0 else 0
    report.check(f"memory: {count:,} rows are sorted with --memory 256MB", written == count and run.peak < 512, run)
    report.note(f"{count:,} rows ({source.stat().st_size / MEBIBYTE:.0f} MiB), --memory 256MB, ulimit -v 2 GiB: {run.seconds:.1f} s, {run.peak:.0f} MiB")
    source.unlink()
    output.unlink(missing_ok=True)


def sources(parcelle: Path, testdata: Path, folder: Path, cgroup: Cgroup | None, report: Report) -> None:
    """A VRT of 100,000 sources, each a file of its own (one file under many names)."""
    count, across = 100_000, 400
    place = folder / "sources"
    place.mkdir()
    tile = folder / "tile.tif"
    subprocess.run([testdata, "raster", tile, "--size", "256"], check=True, stdout=subprocess.DEVNULL)
    lines = []
    target = tile
    for number in range(count):
        if number % 20_000 == 0:
            # File systems have a limit of links to one file.
            target = place / f"file-{number}.tif"
            shutil.copy(tile, target)
        os.link(target, place / f"{number}.tif")
        column, row = number % across * 256, number // across * 256
        lines.append(
            f'<SimpleSource><SourceFilename relativeToVRT="1">sources/{number}.tif</SourceFilename><SourceBand>1</SourceBand>'
            f'<SrcRect xOff="0" yOff="0" xSize="256" ySize="256"/><DstRect xOff="{column}" yOff="{row}" xSize="256" ySize="256"/></SimpleSource>'
        )
    vrt = folder / "sources.vrt"
    vrt.write_text(
        f'<VRTDataset rasterXSize="{across * 256}" rasterYSize="{count // across * 256}"><SRS>EPSG:2154</SRS>'
        f"<GeoTransform>652000,1,0,6862000,0,-1</GeoTransform><VRTRasterBand dataType=\"Byte\" band=\"1\">"
        + "\n".join(lines)
        + "</VRTRasterBand></VRTDataset>"
    )
    run = Measured([parcelle, "check", vrt, "--format", "json", "--fail-on", "never"], address_space=2048 * MEBIBYTE, cgroup=cgroup)
    facts = json.loads(run.out)["files"][0]["facts"] if run.code == 0 else {}
    report.check(f"memory: a VRT of {count:,} sources is checked", facts.get("sources_opened") == count and run.peak < 512, run)
    report.note(f"a VRT of {count:,} sources ({vrt.stat().st_size / MEBIBYTE:.0f} MiB of text): {run.seconds:.1f} s, {run.peak:.0f} MiB")
    shutil.rmtree(place)


def raster(parcelle: Path, testdata: Path, folder: Path, cgroup: Cgroup | None, report: Report) -> None:
    """A COG of 40,000 x 40,000 pixels (1.6 GB of them, few bytes of file), looked at to its tiles and to its pixels."""
    if shutil.disk_usage(folder).free < 6 * 1024 * MEBIBYTE:
        report.note("a COG of 1.6 GB of pixels is NOT TRIED: there is no room for it here")
        return
    path = folder / "large.tif"
    subprocess.run([testdata, "raster", path, "--size", "40000"], check=True, stdout=subprocess.DEVNULL)
    size = path.stat().st_size / MEBIBYTE
    for depth, most in [("tiles", 128), ("pixels", 256)]:
        run = Measured([parcelle, "check", path, "--depth", depth, "--fail-on", "never"], address_space=2048 * MEBIBYTE, cgroup=cgroup)
        report.check(f"memory: a COG of {size:.0f} MiB with --depth {depth}", run.code == 0 and run.peak < most, run)
        report.note(f"a COG of {size:.0f} MiB, --depth {depth}, ulimit -v 2 GiB: {run.seconds:.1f} s, {run.peak:.0f} MiB")
    path.unlink()


def sparse_raster(path: Path, across: int, is_big: bool) -> int:
    """A tiled raster of `across` x `across` blocks of 512 x 512 bytes, which are holes of the file but for the last bytes. The
    offsets of a classic one end before 4 GiB: all blocks that would begin behind are the last."""
    block, count = 512 * 512, across * across
    head = b"II" + (struct.pack("<HHHQ", 43, 8, 0, 16) if is_big else struct.pack("<HI", 42, 8))
    offset_size, offset_kind, offset_code = (8, 16, "Q") if is_big else (4, 4, "I")
    fields = [(256, 4, [across * 512]), (257, 4, [across * 512]), (258, 3, [8]), (259, 3, [1]), (262, 3, [1]), (277, 3, [1]),
              (322, 3, [512]), (323, 3, [512]), (324, offset_kind, [0] * count), (325, 4, [block] * count)]  # fmt: skip
    first = 1 << 20
    last = first + (count - 1) * block if is_big else min(first + (count - 1) * block, (1 << 32) - 512)
    offsets = [min(first + index * block, last) for index in range(count)]
    directory = struct.pack("<Q" if is_big else "<H", len(fields))
    arrays, place = b"", len(head) + len(directory) + len(fields) * (20 if is_big else 12) + offset_size
    for tag, kind, values in fields:
        packed = struct.pack(f"<{len(values)}{ {3: 'H', 4: 'I', 16: 'Q'}[kind] }", *(offsets if tag == 324 else values))
        directory += struct.pack("<HH" + offset_code, tag, kind, len(values))
        if len(packed) <= offset_size:
            directory += packed.ljust(offset_size, b"\0")
        else:
            directory += struct.pack("<" + offset_code, place + len(arrays))
            arrays += packed
    end = last + block
    with path.open("wb") as file:
        file.write(head + directory + bytes(offset_size) + arrays)
        file.truncate(end)
        file.seek(end - 16)
        file.write(b"\xff" * 16)
    return end


def beyond_four_gibibytes(parcelle: Path, folder: Path, cgroup: Cgroup | None, report: Report) -> None:
    """A BigTIFF of 5 GB of pixels; the same, cut; and a classic TIFF whose last block ends where its numbers cannot reach."""

    def run(path: Path, depth: str) -> tuple[Measured, list[str]]:
        command = [parcelle, "check", path, "--depth", depth, "--format", "json", "--fail-on", "never"]
        measured = Measured(command, address_space=2048 * MEBIBYTE, cgroup=cgroup)
        findings = json.loads(measured.out)["files"][0]["findings"] if measured.code == 0 else []
        return measured, sorted({finding["rule"] for finding in findings if finding["severity"] == "error"})

    # It has no place on earth, which is all that is wrong with it.
    unplaced = ["GS-GEO-001"]
    path = folder / "beyond.tif"
    size = sparse_raster(path, 140, True)
    for depth in ("tiles", "pixels"):
        measured, errors = run(path, depth)
        report.check(f"memory: a BigTIFF of {size / 1e9:.1f} GB with --depth {depth}", measured.peak < 256 and errors == unplaced, f"{measured} {errors}")
        report.note(f"a BigTIFF of {size / 1e9:.1f} GB, --depth {depth}, ulimit -v 2 GiB: {measured.seconds:.1f} s, {measured.peak:.0f} MiB")
    with path.open("r+b") as file:
        file.truncate(1 << 32)
    measured, errors = run(path, "tiles")
    report.check("memory: a BigTIFF that is cut at 4 GiB", measured.peak < 256 and "COG-FILE-003" in errors, f"{measured} {errors}")
    sparse_raster(path, 129, False)
    measured, errors = run(path, "tiles")
    report.check("memory: a classic TIFF with bytes beyond 4 GiB", measured.peak < 256 and "COG-FILE-002" in errors, f"{measured} {errors}")
    path.unlink()
