"""Files of many test suites, some of them made to break readers: each by itself at the depth of pixels, with its time and peak of
memory.
"""

from __future__ import annotations

from pathlib import Path

from report import Report
from system import MEBIBYTE, Measured

# What the issue of every reader of foreign files asks for: neither a crash, nor more than that.
MOST_MEBIBYTES = 1000
MOST_SECONDS = 10
# Addresses are more than memory: threads and libraries reserve some that they never touch.
ADDRESS_SPACE = 4096 * MEBIBYTE
TABLES = {".csv", ".md", ".txt", ".json"}


def compare(parcelle: Path, folder: Path, report: Report) -> None:
    if not folder.is_dir():
        report.note("no folder shared/corpus/tiff-wild beside the checkout: its files are left out")
        return
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() not in TABLES)
    heaviest, slowest, wrong = (0.0, ""), (0.0, ""), []
    for path in paths:
        command = [parcelle, "check", path, "--depth", "pixels", "--threads", "2", "--format", "json"]
        run = Measured(command, address_space=ADDRESS_SPACE)
        name = path.relative_to(folder).as_posix()
        heaviest, slowest = max(heaviest, (run.peak, name)), max(slowest, (run.seconds, name))
        # 2 is said of files that are no TIFF by content nor name.
        if run.code not in {0, 1, 2} or run.peak > MOST_MEBIBYTES or run.seconds > MOST_SECONDS:
            wrong.append(f"{name}: {run}")
    report.note(f"{len(paths)} wild files: at most {heaviest[0]:.0f} MiB ({heaviest[1]}), {slowest[0]:.2f} s ({slowest[1]})")
    report.check(f"wild files one by one: none over {MOST_MEBIBYTES} MiB or {MOST_SECONDS} s, no crash", not wrong, "; ".join(wrong))
