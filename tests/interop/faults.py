"""What goes wrong around a conversion: signals at any moment, a full disk, directories that vanish, files that change. Whatever
happens, there is never a file at OUTPUT that is not whole, and nothing is left that looks like one.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pyarrow.parquet as parquet
from report import Report

ROWS = 200_000
KILLS = 100


def compare(parcelle: Path, testdata: Path, scratch: Path, report: Report) -> None:
    folder = scratch / "faults"
    folder.mkdir()
    source = folder / "source.gpkg"
    subprocess.run([testdata, "extract", source, "--rows", str(ROWS), "--seed", "7"], check=True, stdout=subprocess.DEVNULL)
    whole = folder / "whole.parquet"
    # Little memory: rows are spilled, so that there is something to leave behind.
    base = [parcelle, "convert", source, "--memory", "8MB", "--threads", "2"]
    start = time.monotonic()
    subprocess.run([*base, whole], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    expected = whole.read_bytes()
    signals(base, folder, expected, seconds, report)
    full_disk(base, folder, report)
    vanishing(base, folder, seconds, report)
    changing(parcelle, source, folder, report)
    many_open_files(parcelle, folder, report)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def signals(base: list, folder: Path, expected: bytes, seconds: float, report: Report) -> None:
    """Ends runs at random moments. The seed is fixed, the moments are not: machines differ."""
    random.seed(1)
    wrong, finished = [], 0
    for turn in range(KILLS):
        place = folder / f"kill-{turn}"
        place.mkdir()
        output = place / "out.parquet"
        kind = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM][turn % 3]
        process = subprocess.Popen([*base, output], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(random.uniform(0, seconds))
        process.send_signal(kind)
        process.communicate(timeout=60)
        if output.exists():
            finished += 1
            if output.read_bytes() != expected:
                wrong.append(f"{kind.name}: a file that is not whole")
        elif kind != signal.SIGKILL and left(place):
            wrong.append(f"{kind.name}: left {left(place)}")
        # What a killed run leaves is named by the next one, which is not hindered by it.
        if kind == signal.SIGKILL and not output.exists():
            again = subprocess.run([*base, output], capture_output=True, text=True)
            if again.returncode != 0 or output.read_bytes() != expected:
                wrong.append(f"after {kind.name}: {again.stderr}")
        shutil.rmtree(place)
    report.note(f"{KILLS} runs ended at random moments, {finished} of them after their end")
    report.check("faults: a run that is ended leaves a whole file or none", not wrong, wrong[:3])


def full_disk(base: list, folder: Path, report: Report) -> None:
    place = folder / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True)
    if mounted.returncode != 0:
        report.note("a full disk is not tried: no file system can be mounted here")
        return
    try:
        run = subprocess.run([*base, place / "out.parquet"], capture_output=True, text=True)
        said = run.stderr.strip()
        report.check("faults: a full disk is told and ends the run", run.returncode == 1 and "error:" in said, f"{run.returncode} {said}")
        report.check("faults: a full disk is left empty", not left(place), left(place))
        # Sorting is refused before it begins where its rows have no room.
        output = folder / "elsewhere.parquet"
        run = subprocess.run([*base, output, "--temp-dir", place], capture_output=True, text=True)
        report.check("faults: no room to sort", run.returncode == 1 and not output.exists() and not left(place), run.stderr)
    finally:
        subprocess.run(["umount", place], check=False)


def vanishing(base: list, folder: Path, seconds: float, report: Report) -> None:
    spill = folder / "spill"
    spill.mkdir()
    output = folder / "vanishing.parquet"
    process = subprocess.Popen([*base, output, "--temp-dir", spill], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(seconds / 3)
    shutil.rmtree(spill, ignore_errors=True)
    _, said = process.communicate(timeout=60)
    # An open file has no name to lose: the run ends well, or says that its directory is gone.
    is_whole = process.returncode == 0 and parquet.ParquetFile(output).metadata.num_rows == ROWS
    is_told = process.returncode != 0 and not output.exists() and b"error:" in said
    report.check("faults: the directory of the spill vanishes", is_whole or is_told, said)
    place = folder / "gone"
    place.mkdir()
    process = subprocess.Popen([*base, place / "out.parquet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(seconds / 3)
    shutil.rmtree(place, ignore_errors=True)
    _, said = process.communicate(timeout=60)
    # On a fast machine the run has ended before.
    is_told = process.returncode == 0 or b"error:" in said
    report.check("faults: the directory of OUTPUT vanishes", is_told and not place.exists(), said)


def changing(parcelle: Path, source: Path, folder: Path, report: Report) -> None:
    """A text file that grows, is cut or emptied while it is read: an error, or rows that were there."""
    lines = folder / "rows.csv"
    subprocess.run([parcelle, "convert", source, folder / "rows.parquet", "--sort", "none"], check=True, stdout=subprocess.DEVNULL)
    row = '{},"POINT (2.{} 48.5)",text\n'
    text = "id,wkt,name\n" + "".join(row.format(number, number) for number in range(400_000))
    for what in ["grows", "is cut", "is emptied"]:
        lines.write_text(text)

        def change(what: str = what) -> None:
            time.sleep(0.05)
            if what == "grows":
                with lines.open("a") as more:
                    for number in range(20_000):
                        more.write(row.format(number, number))
                        more.flush()
            else:
                os.truncate(lines, 0 if what == "is emptied" else len(text) // 2 + 3)

        output = folder / "changing.parquet"
        output.unlink(missing_ok=True)
        thread = threading.Thread(target=change)
        thread.start()
        run = subprocess.run([parcelle, "convert", lines, output, "--crs", "EPSG:4326"], capture_output=True, text=True)
        thread.join()
        if run.returncode == 0:
            rows = parquet.ParquetFile(output).metadata.num_rows
            held = rows >= 400_000 if what == "grows" else rows == 400_000
        else:
            held = run.returncode in {1, 2} and not output.exists() and run.stderr.startswith("error:")
        report.check(f"faults: a file {what} while it is read", held, f"{run.returncode} {run.stderr}")


def many_open_files(parcelle: Path, folder: Path, report: Report) -> None:
    """More files than a process may have open, as one data set."""
    place = folder / "many"
    place.mkdir()
    for number in range(1_500):
        (place / f"{number:05}.csv").write_text(f"id,wkt\n{number},POINT (2 48)\n")

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    output = folder / "many.parquet"
    command = [parcelle, "convert", place, output, "--crs", "EPSG:4326"]
    run = subprocess.run(command, capture_output=True, text=True, preexec_fn=few)
    rows = parquet.ParquetFile(output).metadata.num_rows if run.returncode == 0 else 0
    report.check("faults: 1,500 files with 256 open at most", rows == 1_500, f"{run.returncode} {run.stderr}")
