"""The rasters that the validators are given: one very large COG, and many small ones. Made once and kept."""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

TILE = 256
# Distinct tiles; each is stored many times, so that the file is made in seconds and yet has a real size.
POOL = 97
# Values of a tile stand in squares of so many pixels.
SQUARE = 4
GHOST = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
SHORT, LONG, DOUBLE, LONG8 = 3, 4, 12, 16
BYTES_OF = {SHORT: 2, LONG: 4, DOUBLE: 8, LONG8: 8}
HEADER_BYTES, COUNT_BYTES, ENTRY_BYTES, NEXT_BYTES = 16, 8, 20, 8
GEOREFERENCE = [
    (33_550, DOUBLE, [0.2, 0.2, 0.0]),
    (33_922, DOUBLE, [0.0, 0.0, 0.0, 650_000.0, 6_860_000.0, 0.0]),
    (34_735, SHORT, [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 2154]),
]


def tiles() -> list[bytes]:
    """Deflated squares of random values, some rows of each with fewer values: half to three quarters of what pixels take."""
    generator = random.Random(1)
    made = []
    for number in range(POOL):
        rows = []
        for row in range(TILE // SQUARE):
            values = generator.randbytes(TILE // SQUARE)
            if row < number % (TILE // SQUARE):
                values = bytes(value & 0xF0 for value in values)
            rows.append(bytes(value for value in values for _ in range(SQUARE)) * SQUARE)
        made.append(zlib.compress(b"".join(rows), 1))
    return made


class Level:
    """One image of the pyramid."""

    def __init__(self, number: int, width: int) -> None:
        self.number = number
        self.width = width
        self.tiles = ((width + TILE - 1) // TILE) ** 2

    def pick(self, pool: list[bytes], tile: int) -> bytes:
        return pool[(tile * 31 + self.number) % len(pool)]

    def tags(self, index: int) -> list[tuple[int, int, list[float]]]:
        """All but the block index, whose place is not known yet, and which stands at `index`."""
        subfile = [(254, LONG, [1])] if self.number else []
        place = [] if self.number else GEOREFERENCE
        return subfile + [
            (256, LONG, [self.width]), (257, LONG, [self.width]), (258, SHORT, [8]), (259, SHORT, [8]),
            (262, SHORT, [1]), (277, SHORT, [1]), (284, SHORT, [1]), (322, SHORT, [TILE]), (323, SHORT, [TILE]),
            (324, LONG8, [index] * self.tiles), (325, LONG, [0] * self.tiles), (339, SHORT, [1]), *place,
        ]


def cache_by_reading(path: Path) -> None:
    """Has the system forget a file and read it once from its beginning to its end, as copying or serving it does. How large the
    pieces are in which the cache keeps a file decides what reading a few bytes here and there costs."""
    with path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(1 << 20):
            pass


def large_cog(path: Path, width: int) -> int:
    """A BigTIFF as GDAL's COG driver lays it out: ghost area, directories, indexes, then the tiles from the smallest
    overview to the full resolution, each between its leader and its trailer. Returns the number of tiles."""
    pool = tiles()
    levels = [Level(0, width)]
    while levels[-1].width > 2 * TILE:
        levels.append(Level(len(levels), (levels[-1].width + 1) // 2))
    total = sum(level.tiles for level in levels)
    if path.exists():
        return total
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(GHOST) + GHOST
    first = HEADER_BYTES + len(ghost) + (HEADER_BYTES + len(ghost)) % 2
    directories, position = [], first
    for level in levels:
        directories.append(position)
        tags = level.tags(0)
        position += COUNT_BYTES + len(tags) * ENTRY_BYTES + NEXT_BYTES
        position += sum(size for tag, kind, values in tags if tag < 324 or tag > 325
                        if (size := len(values) * BYTES_OF[kind]) > 8)
    indexes = []
    for level in levels:
        indexes.append(position)
        position += level.tiles * 12
    unfinished = path.with_suffix(".tmp.tif")
    with unfinished.open("wb", buffering=1 << 22) as file:
        file.write(b"\0" * position)
        arrays: dict[int, bytes] = {}
        for level in reversed(levels):
            offsets, lengths = [], []
            for tile in range(level.tiles):
                stored = level.pick(pool, tile)
                file.write(struct.pack("<I", len(stored)) + stored + stored[-4:])
                offsets.append(position + 4)
                lengths.append(len(stored))
                position += len(stored) + 8
            arrays[level.number] = struct.pack(f"<{level.tiles}Q", *offsets) + struct.pack(f"<{level.tiles}I", *lengths)
        file.seek(0)
        file.write(b"II" + struct.pack("<HHHQ", 43, 8, 0, first) + ghost)
        for level in levels:
            file.seek(directories[level.number])
            following = directories[level.number + 1] if level.number + 1 < len(levels) else 0
            file.write(directory(level, directories[level.number], indexes[level.number], following))
            file.seek(indexes[level.number])
            file.write(arrays[level.number])
    unfinished.rename(path)
    return total


def directory(level: Level, start: int, index: int, following: int) -> bytes:
    tags = level.tags(index)
    values_at = start + COUNT_BYTES + len(tags) * ENTRY_BYTES + NEXT_BYTES
    entries, values = b"", b""
    for tag, kind, numbers in tags:
        if tag in (324, 325):
            field = struct.pack("<Q", index + (8 * level.tiles if tag == 325 else 0))
        else:
            letter = {SHORT: "H", LONG: "I", DOUBLE: "d", LONG8: "Q"}[kind]
            packed = struct.pack(f"<{len(numbers)}{letter}", *numbers)
            field = packed.ljust(8, b"\0")
            if len(packed) > 8:
                field = struct.pack("<Q", values_at + len(values))
                values += packed
        entries += struct.pack("<HHQ", tag, kind, len(numbers)) + field
    return struct.pack("<Q", len(tags)) + entries + struct.pack("<Q", following) + values


def flip_last_byte(path: Path) -> None:
    """Changes the trailer of the last tile of the full resolution, or changes it back."""
    with path.open("r+b") as file:
        file.seek(-1, 2)
        value = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([value ^ 0xFF]))


def small_cogs(folder: Path, testdata: Path, count: int) -> list[Path]:
    """Copies of twenty COGs of 600 to 1,600 pixels."""
    sizes = [600 + 52 * number for number in range(20)]
    folder.mkdir(parents=True, exist_ok=True)
    for size in sizes:
        original = folder / f"cog_{size}_0000.tif"
        if not original.exists():
            subprocess.run([testdata, "raster", original, "--size", str(size)], check=True, stdout=subprocess.DEVNULL)
    paths = []
    for number in range(count):
        size = sizes[number % len(sizes)]
        path = folder / f"cog_{size}_{number // len(sizes):04d}.tif"
        if not path.exists():
            shutil.copyfile(folder / f"cog_{size}_0000.tif", path)
        paths.append(path)
    return paths
