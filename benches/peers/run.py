"""Compares `parcelle convert` with its peers: time, memory, size, and how well a reader can skip row groups.

Called by `make bench-peers`. Results go to stdout and to `target/bench-peers/results.md` and `results.json`. A
conversion that fails, or that a peer does not offer, is in the table with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import comparison
import inputs
import peers
import report

ROOT = Path(__file__).resolve().parents[2]


def listed(known: tuple[str, ...]):
    """A list on the command line, each item one of those known."""

    def parse(text: str) -> list[str]:
        items = [item for item in text.split(",") if item]
        unknown = [item for item in items if item not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(known)}")
        return items

    return parse


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcelle", type=Path, default=ROOT / "target/release/parcelle")
    parser.add_argument("--testdata", type=Path, default=ROOT / "target/release/parcelle-testdata")
    parser.add_argument("--cache", type=Path, default=ROOT / "target/bench-peers", help="inputs and results")
    parser.add_argument("--input", type=Path, help="a GeoPackage of your own instead of the generated one")
    parser.add_argument("--rows", type=int, default=int(os.environ.get("PARCELLE_BENCH_ROWS", "3000000")),
                        help="features to generate [PARCELLE_BENCH_ROWS, 3000000]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--formats", type=listed(inputs.FORMATS), default=list(inputs.FORMATS))
    parser.add_argument("--modes", type=listed(peers.MODES), default=list(peers.MODES))
    parser.add_argument("--peers", type=listed(tuple(peers.PEERS)), default=list(peers.PEERS))
    parser.add_argument("--only-parcelle", action="store_true")
    parser.add_argument("--threads", type=lambda text: [int(item) for item in text.split(",")], default=[2, 1],
                        help="of parcelle; the peers have as many cores as the first says [2,1]")
    parser.add_argument("--memory", default="512MB", help="given to parcelle [512MB]")
    parser.add_argument("--timeout", type=int, default=3_600, help="seconds after which a run is stopped")
    parser.add_argument("--slow", type=float, default=180, help="a peer slower than this runs once only")
    return parser.parse_args()


def machine(tools: peers.Tools, chosen: list[peers.Peer], absent: dict[str, str], cores: int) -> dict[str, object]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        model = next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.machine()
    described: dict[str, object] = {
        "processor": model,
        "cores": f"{cores} used of {len(os.sched_getaffinity(0))}",
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": platform.platform(),
        "python": platform.python_version(),
        "parcelle": tools.parcelle_version(),
    }
    for peer in chosen:
        described[peer.name] = absent[peer.name] or tools.version(peer)
    return described


def main() -> int:
    arguments = parse_arguments()
    parcelle = arguments.parcelle.resolve()
    if not parcelle.is_file():
        print(f"{parcelle} is not there: `make build` makes it", file=sys.stderr)
        return 2
    cache = arguments.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    tools = peers.Tools(parcelle, arguments.memory, cache)
    chosen = [] if arguments.only_parcelle else [peers.PEERS[name] for name in arguments.peers]
    absent = {peer.name: tools.absent(peer) for peer in chosen}
    cores = min(arguments.threads[0], len(os.sched_getaffinity(0)))
    variants = [peers.Variant(threads, level) for level in (3, 1, None) for threads in arguments.threads]
    plan = comparison.Plan(arguments.rounds, cores, arguments.timeout, arguments.slow, variants)
    description = machine(tools, chosen, absent, cores)
    base = inputs.base_layer(arguments.input, arguments.testdata, arguments.rows, arguments.seed, cache)
    description["layer"] = f"{base.name}, {arguments.rounds} rounds"
    cells: list[comparison.Cell] = []
    for format_name in arguments.formats:
        try:
            source = inputs.source(base, format_name, cache)
        except Exception as error:  # noqa: BLE001 - a format that cannot be made is told, and the others go on
            for mode in arguments.modes:
                entry = comparison.Entry("input", reason=f"{type(error).__name__}: {error}")
                cells.append(comparison.Cell(format_name, mode, 0, 0, [entry]))
            continue
        for mode in arguments.modes:
            cells.append(comparison.compare(tools, source, mode, chosen, absent, plan))
            # Each cell takes minutes: what is there is kept.
            save(cache, description, cells)
    save(cache, description, cells)
    print("\n" + report.markdown(description, cells))
    measured = all(entry.runs for cell in cells for entry in cell.parcelle) and any(cell.parcelle for cell in cells)
    return 0 if measured else 1


def save(cache: Path, description: dict[str, object], cells: list[comparison.Cell]) -> None:
    (cache / "results.md").write_text(report.markdown(description, cells), encoding="utf-8")
    document = {"schema_version": 1, "machine": description, "cells": [cell.as_json() for cell in cells]}
    (cache / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
