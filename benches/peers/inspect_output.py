"""What an output is like, told by its footer: `inspect_output.py OUTPUT WINDOWS.json` prints JSON.

Rows, row groups, and how well the order of rows lets a reader skip row groups. The box of a row group is that of the
statistics of the covering; where there is no covering it is computed from the geometry. WINDOWS.json holds the windows
asked for; where it does not exist it is made from this output, so that all outputs of one comparison see the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy
import pyarrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import shapely

SIDES = ("xmin", "ymin", "xmax", "ymax")
WINDOWS = 1_000
WINDOW_METRES = 1_000.0
METRES_PER_DEGREE = 111_320.0
SEED = 1


def covering_paths(geo: dict, column: str) -> list[str] | None:
    """The four columns of the covering as the footer names them."""
    box = geo["columns"][column].get("covering", {}).get("bbox")
    return [".".join(box[side]) for side in SIDES] if box else None


def box_bytes(metadata: parquet.FileMetaData) -> int:
    """What the boxes of rows take in the file, declared as a covering or not."""
    chunks = (metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)
              for place in range(metadata.num_columns))
    return sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in {f"bbox.{side}" for side in SIDES})


def group_boxes(file: parquet.ParquetFile, geo: dict, column: str) -> tuple[numpy.ndarray, str]:
    """One box per row group (NaN without geometry), and where it is from."""
    metadata, paths = file.metadata, covering_paths(geo, column)
    if paths:
        boxes = numpy.full((metadata.num_row_groups, 4), numpy.nan)
        for group in range(metadata.num_row_groups):
            chunks = {chunk.path_in_schema: chunk for chunk in
                      (metadata.row_group(group).column(place) for place in range(metadata.num_columns))}
            for side, path in enumerate(paths):
                statistics = chunks[path].statistics
                if statistics is not None and statistics.has_min_max:
                    boxes[group, side] = statistics.min if side < 2 else statistics.max
        if not numpy.isnan(boxes).any():
            return boxes, "covering"
    boxes = [bounds(geometries(file.read_row_group(group, columns=[column]))) for group in
             range(metadata.num_row_groups)]
    return numpy.array([corners(each) for each in boxes]).reshape(-1, 4), "geometry"


def geometries(table: pyarrow.Table) -> pyarrow.Array:
    column = table.column(0)
    array = pyarrow.concat_arrays(column.chunks) if column.num_chunks else pyarrow.array([], pyarrow.binary())
    return array.storage if isinstance(array, pyarrow.ExtensionArray) else array


def bounds(wkb: pyarrow.Array) -> numpy.ndarray:
    return shapely.bounds(shapely.from_wkb(wkb.to_numpy(zero_copy_only=False)))


def corners(boxes: numpy.ndarray) -> list[float]:
    present = boxes[~numpy.isnan(boxes).any(axis=1)]
    if not len(present):
        return [numpy.nan] * 4
    return [*present[:, :2].min(axis=0).tolist(), *present[:, 2:].max(axis=0).tolist()]


def make_windows(file: parquet.ParquetFile, geo: dict, column: str) -> list[list[float]]:
    """Windows of 1 km² around features chosen at random; degrees are taken for what they are in metres there."""
    paths = covering_paths(geo, column)
    if paths:
        table = file.read(columns=paths)
        box = table.column(0).combine_chunks()
        box = pyarrow.concat_arrays(box.chunks) if isinstance(box, pyarrow.ChunkedArray) else box
        boxes = numpy.column_stack([compute.struct_field(box, path.rsplit(".", 1)[1]).to_numpy(zero_copy_only=False)
                                    for path in paths]).astype(float)
    else:
        boxes = bounds(geometries(file.read(columns=[column])))
    boxes = boxes[~numpy.isnan(boxes).any(axis=1)]
    if not len(boxes):
        return []
    # The features chosen do not depend on the order this writer has put them in.
    boxes = boxes[numpy.lexsort(boxes.T)]
    chosen = boxes[numpy.random.default_rng(SEED).integers(0, len(boxes), WINDOWS)]
    x, y = (chosen[:, 0] + chosen[:, 2]) / 2, (chosen[:, 1] + chosen[:, 3]) / 2
    half_x = half_y = numpy.full(len(x), WINDOW_METRES / 2)
    if in_degrees(geo["columns"][column]):
        half_y = half_y / METRES_PER_DEGREE
        half_x = half_y / numpy.maximum(numpy.cos(numpy.radians(y)), 0.01)
    return numpy.column_stack([x - half_x, y - half_y, x + half_x, y + half_y]).tolist()


def in_degrees(entry: dict) -> bool:
    # Absent is OGC:CRS84.
    crs = entry.get("crs", {"type": "GeographicCRS"})
    return bool(crs) and "Geographic" in str(crs.get("type"))


def pruning(boxes: numpy.ndarray, windows: list[list[float]]) -> dict[str, float]:
    """Row groups a window touches on average, and the sum of their areas over the area of their union."""
    boxes = boxes[~numpy.isnan(boxes).any(axis=1)]
    asked = numpy.array(windows).reshape(-1, 1, 4)
    touched = (
        (boxes[None, :, 0] <= asked[..., 2]) & (boxes[None, :, 2] >= asked[..., 0])
        & (boxes[None, :, 1] <= asked[..., 3]) & (boxes[None, :, 3] >= asked[..., 1])
    ).sum(axis=1)
    shapes = shapely.box(*boxes.T)
    union = shapely.area(shapely.union_all(shapes))
    return {
        "touched": float(touched.mean()) if len(touched) else 0.0,
        "overlap": float(shapely.area(shapes).sum() / union) if union else 0.0,
    }


def main() -> None:
    output, windows_path = Path(sys.argv[1]), Path(sys.argv[2])
    file = parquet.ParquetFile(output)
    told = {"rows": file.metadata.num_rows, "row_groups": file.metadata.num_row_groups,
            "box_bytes": box_bytes(file.metadata)}
    entry = (file.metadata.metadata or {}).get(b"geo")
    if entry is not None:
        geo = json.loads(entry)
        column = geo["primary_column"]
        if not windows_path.exists():
            windows_path.write_text(json.dumps(make_windows(file, geo, column)), encoding="utf-8")
        boxes, told["boxes_from"] = group_boxes(file, geo, column)
        told |= pruning(boxes, json.loads(windows_path.read_text(encoding="utf-8")))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
