"""Value-by-value comparison of two Arrow tables: attributes by meaning of their type, geometry by every coordinate."""

from __future__ import annotations

import numpy
import pyarrow
import pyarrow.compute as compute
import shapely


def family(data_type: pyarrow.DataType) -> str:
    """What a type means, whatever its width and its encoding."""
    if isinstance(data_type, pyarrow.BaseExtensionType):
        data_type = data_type.storage_type
    if pyarrow.types.is_dictionary(data_type):
        data_type = data_type.value_type
    types = pyarrow.types
    for name, belongs in {
        "boolean": types.is_boolean,
        "integer": types.is_integer,
        "real": types.is_floating,
        "date": types.is_date,
        "time": types.is_time,
        "timestamp": types.is_timestamp,
    }.items():
        if belongs(data_type):
            return name
    if types.is_string(data_type) or types.is_large_string(data_type) or types.is_string_view(data_type):
        return "text"
    if types.is_binary(data_type) or types.is_large_binary(data_type) or types.is_fixed_size_binary(data_type):
        return "bytes"
    return str(data_type)


WIDEST = {
    "integer": pyarrow.int64(),
    "real": pyarrow.float64(),
    "text": pyarrow.large_string(),
    "bytes": pyarrow.large_binary(),
    "date": pyarrow.date32(),
    "time": pyarrow.time64("us"),
}


def widened(column: pyarrow.ChunkedArray) -> pyarrow.Array:
    """The column as one array in the widest type of its family; an instant in UTC microseconds."""
    array = column.combine_chunks() if isinstance(column, pyarrow.ChunkedArray) else column
    if isinstance(array, pyarrow.ChunkedArray):
        array = pyarrow.concat_arrays(array.chunks)
    if isinstance(array.type, pyarrow.BaseExtensionType):
        array = array.storage
    kind = family(array.type)
    if kind == "timestamp":
        return array.cast(pyarrow.timestamp("us", tz=array.type.tz)).cast(pyarrow.int64())
    if pyarrow.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(WIDEST.get(kind, array.type))


def attribute_difference(source: pyarrow.ChunkedArray, output: pyarrow.ChunkedArray) -> str:
    """Empty where type family, NULLs and every value are equal; else the first difference."""
    if family(source.type) != family(output.type):
        return f"type {source.type} became {output.type}"
    if pyarrow.types.is_timestamp(source.type):
        # Without a zone in the source, an instant in UTC would be an invention; with one, it must be kept as an instant.
        if (source.type.tz is None) != (output.type.tz is None):
            return f"zone: {source.type} became {output.type}"
    left, right = widened(source), widened(output)
    if len(left) != len(right):
        return f"{len(left)} values became {len(right)}"
    if left.null_count != right.null_count:
        return f"{left.null_count} NULLs became {right.null_count}"
    if pyarrow.types.is_floating(left.type):
        # By bits: NaN equals NaN, and -0.0 is not 0.0.
        equal = numpy.asarray(left.fill_null(0).to_numpy().view("int64") == right.fill_null(0).to_numpy().view("int64"))
        equal &= left.is_valid().to_numpy(zero_copy_only=False) == right.is_valid().to_numpy(zero_copy_only=False)
    else:
        same = compute.equal(left, right).fill_null(False)
        both_null = compute.and_(left.is_null(), right.is_null())
        equal = compute.or_(same, both_null).to_numpy(zero_copy_only=False)
    if equal.all():
        return ""
    row = int(numpy.flatnonzero(~equal)[0])
    return f"row {row}: {left[row].as_py()!r} became {right[row].as_py()!r} ({int((~equal).sum())} rows differ)"


def geometry_values(column: pyarrow.ChunkedArray) -> pyarrow.Array:
    """The well-known binary of a geometry column as one array."""
    return widened(column)


def geometry_difference(source: pyarrow.Array, output: pyarrow.Array) -> str:
    """Empty where NULLs, types, dimensions, structure and every ordinate are equal; else the first difference."""
    if source.equals(output):
        return ""
    left_null = source.is_null().to_numpy(zero_copy_only=False)
    right_null = output.is_null().to_numpy(zero_copy_only=False)
    if (left_null != right_null).any():
        row = int(numpy.flatnonzero(left_null != right_null)[0])
        return f"row {row}: NULL in one of both only"
    # Brought to one byte order and flavour; this keeps type, dimensions, structure and bits of the ordinates.
    left, right = canonical(source), canonical(output)
    different = left != right
    if not different.any():
        return ""
    row = int(numpy.flatnonzero(different)[0])
    texts = [shapely.to_wkt(shapely.from_wkb(array[row].as_py()), rounding_precision=-1) for array in (source, output)]
    return f"row {row}: {texts[0]} became {texts[1]} ({int(different.sum())} rows differ)"


def parsed(array: pyarrow.Array) -> numpy.ndarray:
    return shapely.from_wkb(array.to_numpy(zero_copy_only=False))


def canonical(array: pyarrow.Array) -> numpy.ndarray:
    return shapely.to_wkb(parsed(array), flavor="iso", byte_order=1, output_dimension=4)


def as_multi(array: pyarrow.Array) -> pyarrow.Array:
    """Polygons as multipolygons of one part; everything else as it is."""
    polygon = shapely.GeometryType.POLYGON
    wrapped = [
        shapely.multipolygons([each] if not each.is_empty else []) if shapely.get_type_id(each) == polygon else each
        for each in parsed(array)
    ]
    return pyarrow.array(shapely.to_wkb(wrapped, flavor="iso", byte_order=1, output_dimension=4), pyarrow.binary())


TYPE_NAMES = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}


def type_codes(array: pyarrow.Array) -> tuple[set[int], bool]:
    """The ISO type codes in a column, and whether every geometry is little-endian; read from the bytes themselves."""
    present = array.drop_null()
    if not len(present):
        return set(), True
    if present.offset:
        present = pyarrow.concat_arrays([present])
    _, offsets, data = present.buffers()
    starts = numpy.frombuffer(offsets, dtype=numpy.int64)[: len(present)]
    content = numpy.frombuffer(data, dtype=numpy.uint8)
    codes = sum(content[starts + 1 + place].astype(numpy.uint32) << (8 * place) for place in range(4))
    return {int(code) for code in numpy.unique(codes)}, bool((content[starts] == 1).all())


def type_names(codes: set[int]) -> list[str]:
    """As GeoParquet 1.1 lists them; it has no names for geometry with M, for which the list is empty (not known)."""
    if any(code >= 2000 for code in codes):
        return []
    return sorted(TYPE_NAMES[code % 1000] + (" Z" if code >= 1000 else "") for code in codes)


def extent(geometries: numpy.ndarray) -> list[float] | None:
    """xmin, ymin, xmax, ymax, or with zmin and zmax where any position has a z; None without positions."""
    coordinates = shapely.get_coordinates(geometries, include_z=True)
    if not len(coordinates) or numpy.isnan(coordinates[:, :2]).all():
        return None
    low, high = numpy.nanmin(coordinates[:, :2], axis=0), numpy.nanmax(coordinates[:, :2], axis=0)
    heights = coordinates[:, 2][~numpy.isnan(coordinates[:, 2])]
    if not len(heights):
        return [*low.tolist(), *high.tolist()]
    return [*low.tolist(), float(heights.min()), *high.tolist(), float(heights.max())]


def covering_difference(covering: pyarrow.ChunkedArray, geometries: numpy.ndarray) -> str:
    """Empty where each row's box holds its geometry, and is no wider than rounding outwards to float32 makes it."""
    array = pyarrow.concat_arrays(covering.chunks) if covering.num_chunks else pyarrow.array([], covering.type)
    bounds = shapely.bounds(geometries)
    without = numpy.isnan(bounds).any(axis=1)
    for place, (child, towards) in enumerate(
        [("xmin", -numpy.inf), ("ymin", -numpy.inf), ("xmax", numpy.inf), ("ymax", numpy.inf)]
    ):
        column = compute.struct_field(array, child)
        if column.type != pyarrow.float32():
            return f"{child} is {column.type}, not float"
        # A box without numbers, NULL or NaN, is that of an empty geometry.
        absent = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        if (absent != without).any():
            row = int(numpy.flatnonzero(absent != without)[0])
            return f"{child} of row {row}: a box without a position, or a position without a box"
        values = column.to_numpy(zero_copy_only=False)[~without].astype(numpy.float32)
        exact = bounds[~without, place]
        rounded = exact.astype(numpy.float32)
        inside = rounded > exact if towards < 0 else rounded < exact
        outwards = numpy.where(inside, numpy.nextafter(rounded, numpy.float32(towards)), rounded)
        if (values != outwards).any():
            at = int(numpy.flatnonzero(values != outwards)[0])
            return f"{child} of row {int(numpy.flatnonzero(~without)[at])}: {values[at]!r}, want {outwards[at]!r} for {exact[at]!r}"
    return ""
