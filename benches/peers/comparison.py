"""Running the rounds of one cell: one format in one mode, every peer beside parcelle."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from inputs import Source
from peers import HERE, Peer, Tools, Variant


@dataclass
class Run:
    """One conversion that ended well."""

    wall: float
    cpu: float
    rss_kib: int
    bytes: int


@dataclass
class Entry:
    """All runs of one program in a cell, or why there are none."""

    name: str
    runs: list[Run] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    """Wall seconds of the peer by those of parcelle's run right behind it."""
    reason: str = ""
    output: dict[str, object] = field(default_factory=dict)

    def median(self, quantity: str) -> float | None:
        return statistics.median(getattr(run, quantity) for run in self.runs) if self.runs else None

    def as_json(self) -> dict[str, object]:
        medians = {quantity: self.median(quantity) for quantity in ("wall", "cpu", "rss_kib", "bytes")}
        ratio = statistics.median(self.ratios) if self.ratios else None
        return asdict(self) | {"median": medians, "ratio": ratio}


@dataclass
class Cell:
    """The result of one format in one mode."""

    format: str
    mode: str
    rows: int
    input_bytes: int
    peers: list[Entry] = field(default_factory=list)
    parcelle: list[Entry] = field(default_factory=list)
    floor: dict[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        return asdict(self) | {
            "peers": [entry.as_json() for entry in self.peers],
            "parcelle": [entry.as_json() for entry in self.parcelle],
        }


@dataclass(frozen=True)
class Plan:
    """How often, and with what limits."""

    rounds: int
    cores: int
    timeout: int
    slow: float
    """A peer above these seconds runs in the first round only."""
    variants: list[Variant]
    """The first is the one the peers are held against."""


def compare(tools: Tools, source: Source, mode: str, peers: list[Peer], absent: dict[str, str], plan: Plan) -> Cell:
    """Peer, parcelle, next peer, parcelle…, then parcelle's other variants; as many rounds as planned."""
    cell = Cell(source.format, mode, source.rows, source.size)
    windows = tools.scratch / "windows.json"
    windows.unlink(missing_ok=True)
    cell.peers = [Entry(peer.name, reason=refusal(peer, source, mode, absent)) for peer in peers]
    cell.parcelle = [Entry(variant.name) for variant in plan.variants]
    first = cell.parcelle[0]
    for number in range(plan.rounds):
        for peer, entry in zip(peers, cell.peers, strict=True):
            if entry.reason or (number and entry.runs[0].wall > plan.slow):
                continue
            output = tools.scratch / "peer.parquet"
            command = tools.command(peer, source, output, mode)
            if not measure(tools, command, tools.environment(peer), output, entry, source, windows, plan):
                continue
            if parcelle(tools, plan.variants[0], first, source, mode, windows, plan):
                entry.ratios.append(entry.runs[-1].wall / first.runs[-1].wall)
        for place, (variant, entry) in enumerate(zip(plan.variants, cell.parcelle, strict=True)):
            if place or len(first.runs) <= number:
                parcelle(tools, variant, entry, source, mode, windows, plan)
    cell.floor = floor(tools, source, mode, plan)
    return cell


def refusal(peer: Peer, source: Source, mode: str, absent: dict[str, str]) -> str:
    if absent.get(peer.name):
        return absent[peer.name]
    if mode == "sorted" and not peer.sorts:
        return "has no spatial order"
    return peer.no_formats.get(source.format, "")


def parcelle(
    tools: Tools, variant: Variant, entry: Entry, source: Source, mode: str, windows: Path, plan: Plan
) -> bool:
    if entry.reason:
        return False
    output = tools.scratch / "parcelle.parquet"
    command = tools.parcelle_command(variant, source, output, mode)
    return measure(tools, command, dict(os.environ), output, entry, source, windows, plan)


def measure(
    tools: Tools, command: list[str], environment: dict[str, str], output: Path, entry: Entry, source: Source,
    windows: Path, plan: Plan,
) -> bool:
    """One run; what is wrong with it ends the entry."""
    clear(output)
    log = tools.scratch / "log.txt"
    launcher = [sys.executable, "-I", "-S", str(HERE / "launch.py"), str(plan.timeout), str(plan.cores), str(log)]
    completed = subprocess.run(launcher + command, env=environment, capture_output=True, text=True)
    print(f"  {source.format} {entry.name}: {completed.stdout.strip()}", flush=True)
    try:
        told = json.loads(completed.stdout)
    except ValueError:
        entry.reason = f"could not be measured: {completed.stderr[-300:].strip()}"
        return False
    if told["expired"]:
        entry.reason = f"stopped after {plan.timeout} s"
    elif told["code"]:
        entry.reason = f"failed with {told['code']}: {last_words(log)}"
    elif not output.is_file():
        entry.reason = f"wrote nothing: {last_words(log)}"
    if entry.reason:
        clear(output)
        return False
    if not entry.output:
        inspected = inspect(output, windows)
        if inspected.get("rows") != source.rows:
            entry.reason = f"wrote {inspected.get('rows')} of {source.rows} rows {inspected.get('error', '')}".strip()
            entry.runs.clear()
            clear(output)
            return False
        entry.output = inspected
    entry.runs.append(Run(told["wall"], told["cpu"], told["rss_kib"], output.stat().st_size))
    clear(output)
    return True


def inspect(output: Path, windows: Path) -> dict[str, object]:
    command = [sys.executable, str(HERE / "inspect_output.py"), str(output), str(windows)]
    completed = subprocess.run(command, capture_output=True, text=True)
    if completed.returncode:
        return {"error": completed.stderr.strip()[-300:]}
    return json.loads(completed.stdout)


def floor(tools: Tools, source: Source, mode: str, plan: Plan) -> dict[str, object]:
    """Measured right behind the rounds; nothing where parcelle cannot write the bytes to compress."""
    output = tools.scratch / "uncompressed.parquet"
    clear(output)
    variant = plan.variants[0]
    written = subprocess.run(
        tools.parcelle_command(variant, source, output, mode, compression="none"), capture_output=True, text=True
    )
    if written.returncode or not output.is_file():
        return {"reason": f"parcelle wrote no uncompressed output: {written.stderr[-300:].strip()}"}
    parts = [source.path]
    if source.format == "shp":
        parts = [part for part in source.path.parent.glob(f"{source.path.stem}.*") if part.suffix in
                 {".shp", ".dbf", ".shx"}]
    command = [sys.executable, str(HERE / "floor.py"), str(output), str(plan.cores), *map(str, parts)]
    completed = subprocess.run(command, capture_output=True, text=True)
    clear(output)
    if completed.returncode:
        return {"reason": completed.stderr.strip()[-300:]}
    return json.loads(completed.stdout)


def clear(output: Path) -> None:
    """Some peers write a folder where others write a file."""
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)


def last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return " ".join(lines[-2:])[-300:] or "without a word"
