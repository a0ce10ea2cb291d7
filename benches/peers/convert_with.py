"""One conversion by one peer's Python interface, as its documentation tells a user to do it.

Called in a process of its own: `convert_with.py PEER INPUT OUTPUT MODE EXTENSION_FOLDER`. Nothing but the peer asked for
is imported, so that neither its time nor its memory holds another's. All write zstd level 3 in row groups of 65,536.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROW_GROUP_ROWS = 65_536
ZSTD_LEVEL = 3
BATCH_ROWS = 65_536
# GDAL takes the text column for geometry, guesses the types as the other readers do, and is told the system by us.
CSV_OPTIONS = {"GEOM_POSSIBLE_NAMES": "WKT", "KEEP_GEOM_COLUMNS": "NO", "AUTODETECT_TYPE": "YES"}


def open_options(source: Path) -> dict[str, str]:
    """What GDAL has to be told about this format."""
    return CSV_OPTIONS if source.suffix == ".csv" else {}


def duckdb(source: Path, output: Path, mode: str, crs: str, extension: str) -> None:
    """ST_Read, and COPY to Parquet; the box is a column like any other, which DuckDB does not declare as a covering."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"LOAD '{extension}'")
    connection.execute(f"SET temp_directory = '{output.parent / 'duckdb'}'")
    if source.suffix == ".csv":
        rows = f"SELECT * EXCLUDE (WKT), ST_GeomFromText(WKT) AS geom FROM read_csv('{source}')"
    else:
        rows = f"SELECT * FROM ST_Read('{source}')"
    box = ", ".join(f"'{side}': ST_{side[0].upper()}{side[1:].capitalize()}(geom)::FLOAT" for side in
                    ("xmin", "ymin", "xmax", "ymax"))
    target = (f"TO '{output}' (FORMAT PARQUET, COMPRESSION ZSTD, COMPRESSION_LEVEL {ZSTD_LEVEL}, "
              f"ROW_GROUP_SIZE {ROW_GROUP_ROWS})")
    if mode == "plain":
        connection.execute(f"COPY (SELECT *, {{{box}}} AS bbox FROM ({rows})) {target}")
        return
    connection.execute(f"CREATE TEMP TABLE layer AS {rows}")
    connection.execute("SET VARIABLE extent = (SELECT ST_Extent(ST_Extent_Agg(geom)) FROM layer)")
    order = "ORDER BY ST_Hilbert(geom, getvariable('extent'))"
    connection.execute(f"COPY (SELECT *, {{{box}}} AS bbox FROM layer {order}) {target}")


def pyogrio_arrow(source: Path, output: Path, mode: str, crs: str, extension: str) -> None:
    """GDAL's Arrow stream, batch by batch into pyarrow's writer: the least a Python pipeline can do."""
    import pyarrow
    import pyarrow.parquet
    import pyogrio.raw
    import pyproj

    if mode != "plain":
        raise SystemExit("a streaming copy has no order of its own")
    with pyogrio.raw.open_arrow(
        source, use_pyarrow=True, batch_size=BATCH_ROWS, **open_options(source)
    ) as (meta, reader):
        geometry = meta["geometry_name"] or "wkb_geometry"
        definition = pyproj.CRS.from_user_input(meta["crs"] or crs).to_json_dict()
        column = {"encoding": "WKB", "geometry_types": [], "crs": definition}
        geo = {"version": "1.1.0", "primary_column": geometry, "columns": {geometry: column}}
        schema = pyarrow.schema(
            [pyarrow.field(field.name, pyarrow.binary() if field.name == geometry else field.type)
             for field in reader.schema],
            metadata={"geo": json.dumps(geo)},
        )
        with pyarrow.parquet.ParquetWriter(
            output, schema, compression="zstd", compression_level=ZSTD_LEVEL
        ) as writer:
            for batch in reader:
                storage = [
                    array.storage if isinstance(array, pyarrow.ExtensionArray) else array for array in batch.columns
                ]
                columns = [array.cast(field.type) for array, field in zip(storage, schema, strict=True)]
                writer.write_batch(pyarrow.RecordBatch.from_arrays(columns, schema=schema), row_group_size=ROW_GROUP_ROWS)


def geopandas(source: Path, output: Path, mode: str, crs: str, extension: str) -> None:
    """The whole layer as a frame in memory."""
    import geopandas

    frame = geopandas.read_file(source, engine="pyogrio", use_arrow=True, **open_options(source))
    if frame.crs is None:
        frame = frame.set_crs(crs)
    if mode == "sorted":
        frame = frame.iloc[frame.hilbert_distance().argsort()]
    frame.to_parquet(
        output, index=False, compression="zstd", compression_level=ZSTD_LEVEL, row_group_size=ROW_GROUP_ROWS,
        write_covering_bbox=True,
    )


def sedonadb(source: Path, output: Path, mode: str, crs: str, extension: str) -> None:
    """GDAL's Arrow stream into DataFusion."""
    import sedonadb

    session = sedonadb.connect()
    frame = session.read_pyogrio(source, options=open_options(source) or None)
    geometry = next(name for name in frame.columns if name.lower() in {"geom", "geometry", "wkb_geometry", "wkt"})
    if source.suffix == ".csv":
        frame.to_view("layer", overwrite=True)
        others = "".join(f'"{name}", ' for name in frame.columns if name != geometry)
        frame = session.sql(f"""SELECT {others} ST_SetCRS("{geometry}", '{crs}') AS geometry FROM layer""")
        geometry = "geometry"
    frame.to_parquet(
        output, geoparquet_version="1.1", compression=f"zstd({ZSTD_LEVEL})", max_row_group_size=ROW_GROUP_ROWS,
        single_file_output=True, sort_by=geometry if mode == "sorted" else None,
    )


PEERS = {function.__name__: function for function in (duckdb, pyogrio_arrow, geopandas, sedonadb)}


def main() -> None:
    peer, source, output, mode, crs, extension = sys.argv[1:]
    PEERS[peer](Path(source), Path(output), mode, crs, extension)


if __name__ == "__main__":
    main()
