"""The comparison as Markdown."""

from __future__ import annotations

import statistics

from comparison import Cell, Entry


def markdown(machine: dict[str, object], cells: list[Cell]) -> str:
    """Everything measured, cell by cell."""
    lines = ["# parcelle beside its peers", "", "Medians; memory is the peak of resident pages. `ratio` is the median of "
             "the peer's wall seconds by those of parcelle's run right behind it (zstd 3, all cores in use).", ""]
    lines += [f"- {name}: {value}" for name, value in machine.items()]
    for cell in cells:
        lines += ["", f"## {cell.format}, {cell.mode}: {cell.rows:,} rows, {cell.input_bytes / 1e6:,.0f} MB", ""]
        lines += table(cell) + [""] + remarks(cell)
    return "\n".join(lines) + "\n"


def table(cell: Cell) -> list[str]:
    lines = ["| | wall s | CPU s | peak MB | output MB | ratio | row groups | touched | overlap | runs |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for entry in cell.parcelle + cell.peers:
        if not entry.runs:
            lines.append(f"| {entry.name} | – | – | – | – | – | – | – | – | {cell_text(entry.reason)} |")
            continue
        ratio = f"{statistics.median(entry.ratios):.2f}" if entry.ratios else ""
        told = entry.output
        pruned = [f"{told[key]:.2f}" if key in told else "" for key in ("touched", "overlap")]
        lines.append(
            f"| {entry.name} | {entry.median('wall'):.2f} | {entry.median('cpu'):.2f} "
            f"| {(entry.median('rss_kib') or 0) * 1024 / 1e6:,.0f} | {(entry.median('bytes') or 0) / 1e6:,.1f} | {ratio} "
            f"| {told.get('row_groups', '')} | {pruned[0]} | {pruned[1]} "
            f"| {len(entry.runs)}{' ' + cell_text(entry.reason) if entry.reason else ''} |"
        )
    return lines


def remarks(cell: Cell) -> list[str]:
    """Distance to the floor, one thread against several, size against the smallest peer."""
    lines = []
    floors = floor_seconds(cell)
    if "reason" in cell.floor:
        lines.append(f"- floor: {cell.floor['reason']}")
    for level, seconds in floors.items():
        entries = [entry for entry in cell.parcelle if entry.runs and level_of(entry) == level]
        told = ", ".join(f"{entry.name} {walls(entry) / seconds:.2f}" for entry in entries)
        lines.append(f"- floor at zstd {level}: {seconds:.2f} s; distance: {told or 'not measured'}")
    by_options: dict[str, list[Entry]] = {}
    for entry in cell.parcelle:
        if entry.runs:
            by_options.setdefault(entry.name.rsplit(", ", 1)[0], []).append(entry)
    for options, entries in by_options.items():
        if len(entries) > 1:
            lines.append(f"- {options}: {entries[0].name.rsplit(', ', 1)[1]} against "
                         f"{entries[-1].name.rsplit(', ', 1)[1]}: {walls(entries[-1]) / walls(entries[0]):.2f} times as fast")
    return lines + sizes(cell)


def sizes(cell: Cell) -> list[str]:
    """Against the smallest peer that writes boxes of rows too, and against the smallest of all with the boxes left out."""
    peers = [entry for entry in cell.peers if entry.runs]
    measures = [("with boxes", [entry for entry in peers if entry.output.get("box_bytes")], file_bytes),
                ("boxes left out", peers, bytes_without_boxes)]
    lines = []
    for name, comparable, measure in measures:
        smallest = min(comparable, key=measure, default=None)
        if smallest is not None:
            told = ", ".join(f"{entry.name} {measure(entry) / measure(smallest):.3f}" for entry in cell.parcelle if entry.runs)
            lines.append(f"- size against the smallest peer, {name} ({smallest.name}, {measure(smallest) / 1e6:,.1f} MB): {told}")
    return lines


def file_bytes(entry: Entry) -> float:
    return entry.median("bytes") or float("nan")


def bytes_without_boxes(entry: Entry) -> float:
    return file_bytes(entry) - entry.output.get("box_bytes", 0)


def floor_seconds(cell: Cell) -> dict[int, float]:
    """By level of zstd: reading once, and the faster of both block sizes."""
    floors: dict[int, float] = {}
    for each in cell.floor.get("compress", []):
        seconds = cell.floor["read_wall"] + each["wall"]
        floors[each["level"]] = min(seconds, floors.get(each["level"], seconds))
    return floors


def level_of(entry: Entry) -> int:
    """0 for the preset `fast`, which no floor is measured for."""
    return 0 if "preset fast" in entry.name else int(entry.name.split("zstd ")[1].split(",")[0])


def walls(entry: Entry) -> float:
    return entry.median("wall") or float("nan")


def cell_text(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
