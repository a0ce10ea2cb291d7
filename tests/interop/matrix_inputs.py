"""A small layer with every attribute type, in every format parcelle reads natively; made from a seed."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pyogrio
import pyogrio.raw
import pyproj
import shapely

ROWS = 300
CRS = "EPSG:2154"
GEOMETRY = "geometry"
# Suffix, driver and creation options of what GDAL writes; the others are pyarrow's.
DRIVERS: dict[str, tuple[str, dict[str, str]]] = {
    "gpkg": ("GPKG", {}),
    "fgb": ("FlatGeobuf", {"SPATIAL_INDEX": "NO"}),
    "shp": ("ESRI Shapefile", {"ENCODING": "UTF-8"}),
    "csv": ("CSV", {"GEOMETRY": "AS_WKT"}),
    "geojson": ("GeoJSON", {"COORDINATE_PRECISION": "15"}),
    "geojsonl": ("GeoJSONSeq", {"COORDINATE_PRECISION": "15"}),
}
FORMATS = (*DRIVERS, "parquet", "arrow")
# GDAL has to be told what a text file means, as parcelle finds out for itself.
OPEN_OPTIONS = {"csv": {"GEOM_POSSIBLE_NAMES": "WKT", "KEEP_GEOM_COLUMNS": "NO", "AUTODETECT_TYPE": "YES"}}


def table(mixed: bool) -> pyarrow.Table:
    """Rows known by `id`; every other column has NULLs. Polygons only, or points, lines and polygons in turn."""
    random = numpy.random.default_rng(1)
    absent = random.random(ROWS) < 0.1
    texts = ["Église", "a,b;\"c\"", "plain", "deux\nlignes", "日本"]
    moment = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)
    columns = {
        "id": (numpy.arange(1, ROWS + 1), pyarrow.int64()),
        "small": (random.integers(-30_000, 30_000, ROWS), pyarrow.int32()),
        "large": (random.integers(2**40, 2**52, ROWS), pyarrow.int64()),
        "ratio": (random.normal(size=ROWS).round(9), pyarrow.float64()),
        "label": ([texts[row % len(texts)] for row in range(ROWS)], pyarrow.string()),
        "flag": ([bool(row % 3) for row in range(ROWS)], pyarrow.bool_()),
        "day": ([datetime.date(1950, 1, 1) + datetime.timedelta(days=97 * row) for row in range(ROWS)], pyarrow.date32()),
        "moment": ([moment + datetime.timedelta(hours=37 * row) for row in range(ROWS)], pyarrow.timestamp("ms")),
    }
    arrays = {
        name: pyarrow.array(
            [None if name != "id" and absent[(row + place) % ROWS] else each.item() if hasattr(each, "item") else each
             for row, each in enumerate(values)], data_type)
        for place, (name, (values, data_type)) in enumerate(columns.items())
    }
    arrays[GEOMETRY] = pyarrow.array([geometry(row, mixed, random) for row in range(ROWS)], pyarrow.binary())
    return pyarrow.table(arrays)


def geometry(row: int, mixed: bool, random: numpy.random.Generator) -> bytes | None:
    x, y = (random.uniform(600_000, 700_000), random.uniform(6_800_000, 6_900_000))
    if row % 50 == 49:
        return None
    if mixed and row % 3 == 0:
        shape = shapely.Point(x, y)
    elif mixed and row % 3 == 1:
        shape = shapely.LineString([(x, y), (x + 10.5, y), (x + 10.5, y + 3.25)])
    else:
        # A hole, and rings as the Shapefile wants them: outer clockwise, inner the other way.
        hole = shapely.box(x + 1, y + 1, x + 2, y + 2, ccw=True).exterior.coords
        shape = shapely.Polygon(shapely.box(x, y, x + 12.5, y + 8, ccw=False).exterior.coords, [hole])
    return shapely.to_wkb(shape, flavor="iso", byte_order=1)


def write(folder: Path, suffix: str, mixed: bool) -> Path:
    """The file of one format."""
    path = folder / f"{'mixed' if mixed else 'polygons'}.{suffix}"
    data = table(mixed)
    definition = pyproj.CRS(CRS).to_json_dict()
    extension = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": json.dumps({"crs": definition})}
    place = data.schema.get_field_index(GEOMETRY)
    marked = data.schema.set(place, pyarrow.field(GEOMETRY, pyarrow.binary(), metadata=extension))
    if suffix == "arrow":
        feather.write_feather(data.cast(marked), path, compression="lz4")
    elif suffix == "parquet":
        column = {"encoding": "WKB", "geometry_types": [], "crs": definition}
        geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
        parquet.write_table(data.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    else:
        driver, options = DRIVERS[suffix]
        pyogrio.raw.write_arrow(data.cast(marked), path, driver=driver, geometry_name=GEOMETRY, crs=CRS,
                                geometry_type="Unknown" if mixed else "Polygon", **options)
    return path


def read(path: Path) -> tuple[pyarrow.Table, str]:
    """The file as GDAL or pyarrow reads it, and the name of its geometry."""
    suffix = path.suffix[1:]
    if suffix == "parquet":
        return parquet.read_table(path), GEOMETRY
    if suffix == "arrow":
        return feather.read_table(path), GEOMETRY
    # GDAL 3.12 gives a NULL geometry of a FlatGeobuf a negative length in its own Arrow stream; the general one is right.
    pyogrio.set_gdal_config_options({"OGR_FLATGEOBUF_STREAM_BASE_IMPL": "YES"})
    meta, data = pyogrio.raw.read_arrow(path, **OPEN_OPTIONS.get(suffix, {}))
    if suffix == "csv":
        # Nothing between two commas is NULL to parcelle, and an empty text to GDAL.
        label = data.column_names.index("label")
        empty = pyarrow.compute.equal(data["label"], "")
        data = data.set_column(label, "label", pyarrow.compute.if_else(empty, None, data["label"]))
    return data, meta["geometry_name"] or "wkb_geometry"
