"""Inputs that no file has: geometries, rows, conditions, definitions, small documents and archives."""

import bz2
import io
import lzma
import struct
import zipfile
import zlib


def joined(*parts):
    """Several files or values as one input, as `parts` of the package takes them apart."""
    *first, last = parts
    return b"".join(len(part).to_bytes(2, "little") + part for part in first) + last


def _position(*ordinates, order="<"):
    return struct.pack(f"{order}{len(ordinates)}d", *ordinates)


def _wkb(code, *content, order="<"):
    return struct.pack(f"{order}BI", 1 if order == "<" else 0, code) + b"".join(
        struct.pack(f"{order}I", item) if isinstance(item, int) else item for item in content
    )


_RING = [_position(*at) for at in ((0, 0), (4, 0), (4, 4), (0, 0))]
_POINT = _wkb(1, _position(1, 2))
_LINE = _wkb(2, 2, _position(0, 0), _position(1, 1))
_POLYGON = _wkb(3, 1, 4, *_RING)
WKB = [
    _POINT,
    _wkb(1, _position(1, 2, order=">"), order=">"),
    _wkb(1, _position(float("nan"), float("nan"))),
    _wkb(1001, _position(1, 2, -1000)),
    _wkb(2001, _position(1, 2, 3)),
    _wkb(3001, _position(1, 2, 3, 4)),
    _wkb(0x20000001, 2154, _position(1, 2)),
    _wkb(0x80000001, _position(1, 2, 3)),
    _LINE,
    _POLYGON,
    _wkb(3, 0),
    _wkb(4, 2, _POINT, _POINT),
    _wkb(5, 1, _LINE),
    _wkb(6, 1, _POLYGON),
    _wkb(7, 3, _POINT, _POLYGON, _wkb(7, 1, _LINE)),
    _wkb(8, 3, _position(1, 0), _position(0, 1), _position(-1, 0)),
    _wkb(9, 2, _LINE, _wkb(8, 3, _position(1, 1), _position(2, 2), _position(3, 1))),
    _wkb(10, 1, _wkb(8, 5, *(_position(*at) for at in ((0, 0), (2, 0), (2, 1), (2, 3), (0, 0))))),
    _wkb(11, 1, _wkb(8, 3, _position(1, 0), _position(0, 1), _position(-1, 0))),
    _wkb(12, 2, _POLYGON, _wkb(10, 1, _LINE)),
    _wkb(16, 0),
    _wkb(15, 1, _POLYGON),
]
WKT = [
    b"POINT (1 2)",
    b"SRID=2154;POINT Z (1 2 3)",
    b"point zm(1e3 -2.5 nan 4)",
    b"POINT EMPTY",
    b"LINESTRING (0 0, 1 1.5, 2 2)",
    b"POLYGON ((0 0, 4 0, 4 4, 0 0), (1 1, 2 1, 2 2, 1 1))",
    b"MULTIPOINT ((1 2), (3 4))",
    b"MULTIPOINT (1 2, 3 4)",
    b"MULTILINESTRING M ((0 0 1, 1 1 2), EMPTY)",
    b"MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), EMPTY)",
    b"GEOMETRYCOLLECTION (POINT (1 2), LINESTRING EMPTY, GEOMETRYCOLLECTION EMPTY)",
    b"CIRCULARSTRING (1 0, 0 1, -1 0)",
    b"COMPOUNDCURVE ((0 0, 1 1), CIRCULARSTRING (1 1, 2 2, 3 1))",
    b"CURVEPOLYGON (CIRCULARSTRING (0 0, 2 0, 2 1, 2 3, 0 0))",
    b"MULTICURVE ((0 0, 1 1), CIRCULARSTRING (1 0, 0 1, -1 0))",
    b"MULTISURFACE (((0 0, 1 0, 1 1, 0 0)), CURVEPOLYGON ((0 0, 1 0, 1 1, 0 0)))",
    b"TIN Z (((0 0 0, 0 1 0, 1 1 0, 0 0 0)))",
]


def packages():
    """Rows for `gpkg`: flags, then a geometry and a value in turn."""
    header = b"GP\0\1" + (2154).to_bytes(4, "little")
    boxed = b"GP\0\3" + (2154).to_bytes(4, "little") + _position(0, 4, 0, 4)
    number = b"\0" + (1).to_bytes(8, "little")
    real = b"\1" + _position(2.5)
    texts = [b"\2" + text for text in (b"", b"true", b"2024-02-29", b"2024-02-29T12:30:00.125Z", "été".encode())]
    for flags in range(6):
        for wkb in WKB:
            yield bytes([flags]) + joined(header + wkb, number, boxed + wkb, real)
        for text in texts:
            yield bytes([flags]) + joined(header + _POINT, text, b"", b"\3" + text)
        yield bytes([flags]) + joined(header + _POLYGON, number, b"", b"", boxed + _POLYGON, real, b"GP\0\x20", texts[2])


CONDITIONS = [
    "TRUE",
    "fid > 1",
    "fid BETWEEN 1 AND 3 OR NOT fid IN (1, 2, NULL)",
    "a_text LIKE 'a%' ESCAPE '!'",
    'LOWER("text") = UPPER(\'x\') || SUBSTRING(text FROM 2 FOR 3)',
    "LENGTH(text) % 2 = 1 AND real / 0 IS NULL",
    "day >= DATE '2024-02-29' AND instant < TIMESTAMP '2024-12-31 12:00:00+02:00'",
    "CAST(real AS INTEGER) + TRY_CAST(text AS DECIMAL(10,2)) <> -1.5e3",
    "flag IS NOT TRUE AND flag IS NOT UNKNOWN",
    "text IS DISTINCT FROM NULL",
    "geom IS NOT NULL",
]

DEFINITIONS = [
    "EPSG:2154",
    "OGC:CRS84",
    "urn:ogc:def:crs:EPSG::4326",
    "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]',
    'GEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],'
    'ANGLEUNIT["degree",0.0174532925199433],ID["EPSG",4326]]',
    'PROJCRS["x",BASEGEOGCRS["y",DATUM["z",ELLIPSOID["e",6378137,298.257,LENGTHUNIT["metre",1]]]],'
    'CONVERSION["c",METHOD["Lambert Conic Conformal (2SP)",ID["EPSG",9802]],PARAMETER["Easting at false origin",700000]],'
    'CS[Cartesian,2],AXIS["easting (X)",east,ORDER[1]],AXIS["northing (Y)",north,ORDER[2]],LENGTHUNIT["metre",1]]',
    'COMPD_CS["a",PROJCS["b",GEOGCS["c",DATUM["d",SPHEROID["e",1,2]]]],VERT_CS["f",VERT_DATUM["g",2005]]]',
    '{"type":"GeographicCRS","name":"x","datum":{"type":"GeodeticReferenceFrame","name":"d","ellipsoid":{"name":"e",'
    '"semi_major_axis":6378137,"inverse_flattening":298.25}},"coordinate_system":{"subtype":"ellipsoidal","axis":'
    '[{"name":"Longitude","abbreviation":"lon","direction":"east","unit":"degree"}]},"id":{"authority":"OGC","code":"CRS84"}}',
    '{"type":"BoundCRS","source_crs":{"type":"ProjectedCRS","name":"p","base_crs":{"name":"b"},"conversion":{"name":"c"}},'
    '"target_crs":{"type":"GeographicCRS","name":"t"}}',
]

TABLES = [
    "id,x,y,day\n1,2.5,48.5,2024-02-29\n2,,,\n",
    "longitude;latitude;nom\n2,5;48,5;été\n3,5;47,0;\"a;\"\"b\n\"\n",
    "geometry\tname\nPOINT (1 2)\ta\n\"POLYGON ((0 0, 1 0, 1 1, 0 0))\"\tb\n",
    "wkb|time|flag\n0101000000000000000000F03F0000000000000040|12:30:00|true\n|2024-02-29T12:00:00Z|false\n",
    "\ufeffgeojson,n\n\"{\"\"type\"\":\"\"Point\"\",\"\"coordinates\"\":[1,2]}\",007\n",
    "lon,lat\r\n1,2\r\n3,4\r\n5,6\r\n7,8\r\n9,10",
]

DOCUMENTS = [
    '{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::2154"}},"features":['
    '{"type":"Feature","id":7,"geometry":{"type":"Point","coordinates":[1,2,3]},"properties":{"a":1,"b":"x","c":null,"d":[1]}},'
    '{"type":"Feature","id":"y","geometry":null,"properties":{"a":1.5,"b":true,"e":{"f":"2024-02-29"}}},'
    '{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,0]]]},"properties":null}]}',
    '{"type":"Feature","geometry":{"type":"GeometryCollection","geometries":[{"type":"MultiPoint","coordinates":[[1,2]]}]},'
    '"properties":{"t":"2024-02-29T12:30:00Z","é\\u00e9\\ud83d\\ude00":"\\n"},"bbox":[1,2,1,2]}\n'
    '{"type":"Feature","geometry":{"type":"LineString","coordinates":[[0,0],[1e3,-1.5E-2]]},"properties":{"t":"12:30"}}\n',
    '\x1e{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]},"properties":{}}\n'
    '\x1e{"type":"Feature","geometry":{"type":"MultiLineString","coordinates":[[[0,0],[1,1]]]},"properties":{"x":9007199254740993}}\n',
    '{"type":"Point","coordinates":[]}',
    '[{"type":"Feature","properties":{"a":1},"geometry":null}]',
]


def archives():
    """Small zip files in each of the ways that Python writes."""
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as archive:
            for name, text in (("a/b.csv", "x,y\n1,2\n" * 40), ("é.geojson", "{}"), ("empty", "")):
                member = zipfile.ZipInfo(name)
                member.compress_type = method
                archive.writestr(member, text)
        yield content.getvalue()
    yield from seven_zips()


def seven_zips():
    """Small 7z files of one block, by codec."""
    files = [("a/b.csv", b"x,y\n1,2\n" * 40), ("\u00e9.geojson", b"{}")]
    whole = b"".join(content for _, content in files)
    small = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    small2 = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    deflate = zlib.compressobj(wbits=-15)
    yield seven_zip(files, b"\0", b"", whole)
    yield seven_zip(files, b"\3\1\1", b"\x5d\0\0\1\0", lzma.compress(whole, lzma.FORMAT_RAW, filters=small))
    yield seven_zip(files, b"\x21", b"\x08", lzma.compress(whole, lzma.FORMAT_RAW, filters=small2))
    yield seven_zip(files, b"\4\1\x08", b"", deflate.compress(whole) + deflate.flush())
    yield seven_zip(files, b"\4\2\2", b"", bz2.compress(whole))


def seven_zip(files, codec, properties, packed):
    """A 7z of one block (7zFormat.txt of the LZMA SDK)."""

    def number(value):
        return bytes([value]) if value < 0x80 else bytes([0x80 | value >> 8, value & 0xFF])

    flags = len(codec) | (0x20 if properties else 0)
    coder = bytes([1, flags]) + codec + (number(len(properties)) + properties if properties else b"")
    total = sum(len(content) for _, content in files)
    checksums = b"".join(struct.pack("<I", zlib.crc32(content)) for _, content in files)
    sizes = b"".join(number(len(content)) for _, content in files[:-1])
    names = b"\0" + b"".join(f"{name}\0".encode("utf-16-le") for name, _ in files)
    header = b"".join([
        b"\x01\x04\x06", number(0), number(1), b"\x09", number(len(packed)), b"\0",
        b"\x07\x0b", number(1), b"\0", coder, b"\x0c", number(total), b"\0",
        b"\x08\x0d", number(len(files)), b"\x09", sizes, b"\x0a\x01", checksums, b"\0\0",
        b"\x05", number(len(files)), b"\x11", number(len(names)), names, b"\0\0",
    ])  # fmt: skip
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + packed + header
