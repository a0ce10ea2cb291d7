"""The floor of a conversion: reading the input once, and compressing the bytes of the output, both on all cores.

`floor.py UNCOMPRESSED CORES INPUT…` prints JSON. The bytes compressed are those of parcelle's own output for the same
input and mode, written with `--compression none`: the encoded pages, which any writer has to hand to the codec. They
are in memory before the clock starts. Each (level, block) is measured three times and the best counts, so that the
floor is hard on parcelle rather than kind.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zstandard

READ_BYTES = 1 << 20
LEVELS = (3, 1)
BLOCKS = (1 << 20, 128 << 10)
TURNS = 3


def read_once(paths: list[Path], cores: int) -> float:
    """Wall seconds to read every byte of the files, in ranges side by side."""

    def read(part: int) -> None:
        buffer = bytearray(READ_BYTES)
        for path in paths:
            size = path.stat().st_size
            place, end = size * part // cores, size * (part + 1) // cores
            with path.open("rb", buffering=0) as file:
                while place < end:
                    got = os.preadv(file.fileno(), [memoryview(buffer)[: min(READ_BYTES, end - place)]], place)
                    if not got:
                        return
                    place += got

    return best(lambda pool: list(pool.map(read, range(cores))), cores)


def compress_all(content: memoryview, level: int, block: int, cores: int) -> tuple[float, int]:
    """Wall seconds and bytes; one compressor per thread, which runs outside Python's lock."""

    def compress(part: int) -> int:
        compressor = zstandard.ZstdCompressor(level=level)
        return sum(
            len(compressor.compress(content[place : place + block]))
            for place in range(part * block, len(content), cores * block)
        )

    sizes: list[int] = []
    wall = best(lambda pool: sizes.append(sum(pool.map(compress, range(cores)))), cores)
    return wall, sizes[-1]


def best(work: object, cores: int) -> float:
    walls = []
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(TURNS):
            start = time.monotonic()
            work(pool)  # type: ignore[operator]
            walls.append(time.monotonic() - start)
    return min(walls)


def main() -> None:
    uncompressed, cores = Path(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    read = read_once([Path(path) for path in sys.argv[3:]], cores)
    content = memoryview(uncompressed.read_bytes())
    compressed = []
    for level in LEVELS:
        for block in BLOCKS:
            wall, size = compress_all(content, level, block, cores)
            compressed.append({"level": level, "block": block, "wall": wall, "bytes": size})
    print(json.dumps({"bytes": len(content), "read_wall": read, "compress": compressed}))


if __name__ == "__main__":
    main()
