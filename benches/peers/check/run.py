"""Measures `parcelle check` beside GDAL's validator, the crate `cog_validator` and `gdalinfo -checksum`.

Called by `make bench-peers-check`. Each peer runs in turn with parcelle on the same file and the same cores; figures are medians,
ratios are medians of the pairs. Results go to stdout and to `target/bench-peers/check.md` and `check.json`. Exit code 1 where a
target is missed, or a peer could not be run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import crate_peer
import rasters

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LAUNCHER = HERE.parent / "launch.py"
# The layout rules alone: what the peers look at.
LAYOUT = ["--profile", "cog"]


@dataclass
class Comparison:
    """One peer beside parcelle on one input."""

    name: str
    peer: list[str]
    parcelle: list[str]
    cores: int = 1
    least: dict[str, float] = field(default_factory=dict)
    """How many times parcelle has to be better, by quantity."""
    reason: str = ""
    runs: list[tuple[dict[str, float], dict[str, float]]] = field(default_factory=list)

    def median(self, who: int, quantity: str) -> float:
        return statistics.median(pair[who][quantity] for pair in self.runs)

    def ratio(self, quantity: str) -> float:
        return statistics.median(pair[0][quantity] / max(pair[1][quantity], 1e-4) for pair in self.runs)

    def missed(self) -> list[str]:
        if not self.runs:
            return [self.reason]
        return [f"{quantity} {self.ratio(quantity):.2f} of {least:g}" for quantity, least in self.least.items()
                if self.ratio(quantity) < least]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcelle", type=Path, default=ROOT / "target/release/parcelle")
    parser.add_argument("--testdata", type=Path, default=ROOT / "target/release/parcelle-testdata")
    parser.add_argument("--cache", type=Path, default=ROOT / "target/bench-peers", help="inputs, the peer crate, and results")
    parser.add_argument("--gdal-python", default="/usr/bin/python3", help="interpreter with GDAL's Python bindings")
    parser.add_argument("--width", type=int, default=115_200, help="pixels across the large COG: 270,000 tiles, 2.2 GB")
    parser.add_argument("--pixels-width", type=int, default=40_000,
                        help="pixels across the COG that is decoded; GDAL 3.6 reckons checksums of an image in 32 bits")
    parser.add_argument("--small", type=int, default=2_000, help="files of the directory of small COGs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=200, help="runs of the process on one small file")
    parser.add_argument("--timeout", type=int, default=1_800)
    return parser.parse_args()


def measure(command: list[str], cores: int, timeout: int, log: Path, expected: int = 0) -> dict[str, float]:
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(timeout), str(cores), str(log)]
    completed = subprocess.run(launcher + command, capture_output=True, text=True)
    told = json.loads(completed.stdout)
    if told["expired"] or told["code"] != expected:
        last = log.read_text(encoding="utf-8", errors="replace").strip()[-300:]
        raise RuntimeError(f"{Path(command[0]).name} ended with {told['code']} in place of {expected}: {last}")
    return {"wall": told["wall"], "cpu": told["cpu"], "rss_mb": told["rss_kib"] * 1024 / 1e6}


def compare(comparison: Comparison, arguments: argparse.Namespace, log: Path) -> None:
    try:
        for number in range(arguments.rounds + 1):
            pair = tuple(measure(command, comparison.cores, arguments.timeout, log)
                         for command in (comparison.peer, comparison.parcelle))
            # The first round fills the cache of the system.
            if number:
                comparison.runs.append(pair)
                print(f"  {comparison.name}: {pair[0]} / {pair[1]}", flush=True)
    except (RuntimeError, ValueError, OSError) as error:
        comparison.reason = str(error)
        print(f"  {comparison.name}: {error}", flush=True)


def sees_the_last_byte(comparison: Comparison, large: Path, arguments: argparse.Namespace, log: Path) -> None:
    """With its last trailer spoilt both have to refuse the file: neither stops before the end."""
    rasters.flip_last_byte(large)
    try:
        for command in (comparison.peer, comparison.parcelle):
            measure(command, comparison.cores, arguments.timeout, log, expected=1)
    except RuntimeError as error:
        comparison.reason, comparison.runs = f"with the last trailer spoilt: {error}", []
    finally:
        rasters.flip_last_byte(large)


def starts(parcelle: str, path: Path, runs: int) -> float:
    """Median milliseconds from the start of the process to its end, with the pages of the program in memory."""
    import time

    taken = []
    for number in range(runs + 20):
        start = time.perf_counter()
        pid = os.posix_spawn(parcelle, [parcelle, "check", str(path)], os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
        _, status = os.waitpid(pid, 0)
        if status:
            raise RuntimeError(f"parcelle ends with {status} on {path}")
        if number >= 20:
            taken.append((time.perf_counter() - start) * 1e3)
    return statistics.median(taken)


def table(comparisons: list[Comparison]) -> list[str]:
    lines = ["| | cores | peer: CPU s (wall), MB | parcelle: CPU s (wall), MB | CPU | wall | at least |",
             "|---|---|---|---|---|---|---|"]
    for one in comparisons:
        if not one.runs:
            lines.append(f"| {one.name} | {one.cores} | not measured: {one.reason.replace('|', ' ')} | | | | |")
            continue
        sides = [f"{one.median(who, 'cpu'):.3f} ({one.median(who, 'wall'):.3f}), {one.median(who, 'rss_mb'):.0f}"
                 for who in (0, 1)]
        wanted = ", ".join(f"{quantity} {least:g}" for quantity, least in one.least.items())
        lines.append(f"| {one.name} | {one.cores} | {sides[0]} | {sides[1]} | {one.ratio('cpu'):.1f} | "
                     f"{one.ratio('wall'):.1f} | {wanted} |")
    return lines


def main() -> int:
    arguments = parse_arguments()
    parcelle = str(arguments.parcelle.resolve())
    cache = arguments.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    log = cache / "log.txt"
    large = cache / f"large-{arguments.width}.tif"
    print(f"making {large}", flush=True)
    tiles = rasters.large_cog(large, arguments.width)
    decoded = cache / f"large-{arguments.pixels_width}.tif"
    decoded_tiles = rasters.large_cog(decoded, arguments.pixels_width)
    small = rasters.small_cogs(cache / "small-cogs", arguments.testdata.resolve(), arguments.small)
    one_thread = [parcelle, "check", *LAYOUT, "--threads", "1", "--format", "json"]
    validator = [arguments.gdal_python, str(HERE / "gdal_validate.py")]
    of_large = [
        Comparison("large COG: GDAL's validator, full check", [*validator, "full", str(large)],
                   [*one_thread, "--depth", "tiles", str(large)], least={"cpu": 8}),
        Comparison("large COG: crate cog_validator", [], [*one_thread, "--depth", "tiles", str(large)], least={"cpu": 3}),
    ]
    try:
        crate = str(crate_peer.build(cache / "cog_validator"))
        of_large[1].peer = [crate, str(large)]
    except (RuntimeError, OSError) as error:
        of_large[1].reason = f"cannot be built: {error}"
    pixels = [parcelle, "check", *LAYOUT, "--threads", "2", "--depth", "pixels", "--format", "json", str(decoded)]
    gdalinfo = shutil.which("gdalinfo") or "gdalinfo"
    comparisons = [
        *of_large,
        Comparison("decoded COG: gdalinfo -checksum", ["env", "GDAL_NUM_THREADS=2", gdalinfo, "-checksum", str(decoded)], pixels,
                   cores=2, least={"cpu": 3, "wall": 3}),
        Comparison(f"{len(small)} small COGs: GDAL's validator, no full check", [*validator, "plain", *map(str, small)],
                   [*one_thread, "--depth", "header", *map(str, small)]),
    ]
    rasters.cache_by_reading(large)
    for comparison in comparisons:
        if not comparison.reason:
            compare(comparison, arguments, log)
    for comparison in of_large:
        if comparison.runs:
            sees_the_last_byte(comparison, large, arguments, log)
    directory = [parcelle, "check", "--depth", "header", "--threads", "2", "--format", "jsonl", str(cache / "small-cogs")]
    many = [measure(directory, 2, arguments.timeout, log) for _ in range(arguments.rounds)]
    per_second = len(small) / statistics.median(run["wall"] for run in many)
    milliseconds = starts(parcelle, ROOT / "testdata/cog/good_mask.tif", arguments.starts)

    missed = [f"{one.name}: {what}" for one in comparisons for what in one.missed()]
    missed += [f"small COGs: {per_second:.0f} of 5000 a second"] if per_second < 5_000 else []
    missed += [f"start to verdict: {milliseconds:.2f} of 5 ms"] if milliseconds > 5 else []
    version = subprocess.run([parcelle, "--version"], capture_output=True, text=True).stdout.strip()
    told = subprocess.run([gdalinfo, "--version"], capture_output=True, text=True).stdout.split(",")[0]
    lines = [
        "# parcelle check beside its peers", "",
        f"{version}; {told}; large COG of {tiles:,} tiles, {large.stat().st_size:,} bytes, one of {decoded_tiles:,} that is decoded; "
        f"{arguments.rounds} rounds. The two "
        "columns before the last say how many times the peer takes what parcelle takes.", "",
        *table(comparisons), "",
        f"- small COGs by directory, header depth, all default profiles, 2 threads: {per_second:,.0f} a second (at least 5,000)",
        f"- start of the process to the verdict on a small COG: {milliseconds:.2f} ms (at most 5)",
        *[f"- missed: {what}" for what in missed],
    ]
    (cache / "check.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    document = {"comparisons": [asdict(one) for one in comparisons], "small_per_second": per_second,
                "start_milliseconds": milliseconds, "missed": missed}
    (cache / "check.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print("\n" + "\n".join(lines))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
