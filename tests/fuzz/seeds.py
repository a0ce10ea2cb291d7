"""What the fuzz targets begin with: files of the repository and of corpora, sorted by target, and what is written here."""

import hashlib
import pathlib
import re

import made_seeds

# Inputs are no longer than this, and files that are longer are no seeds.
MOST_BYTES = 1 << 16

# Which files are seeds of a target, by the endings of their names.
ENDINGS = {
    "archive": (".zip", ".7z"),
    "crs": (".prj",),
    "csv": (".csv", ".tsv"),
    "expression": (),
    "flatgeobuf": (".fgb",),
    "geojson": (".geojson", ".geojsonl", ".geojsons", ".ndjson"),
    "gpkg": (),
    "gpkg_file": (".gpkg",),
    "parquet": (".parquet", ".geoparquet"),
    "shapefile": (".shp",),
    "tiff": (".tif", ".tiff", ".ovr", ".msk"),
    "vrt": (".vrt", ".gdalg.json"),
    "wkb": (),
    "wkt": (),
}
TARGETS = sorted(ENDINGS)


def shapefile(path):
    """A `.shp` with what lies beside it."""
    beside = [path.with_suffix("." + ending) for ending in ("shp", "shx", "dbf", "cpg", "prj")]
    contents = [file.read_bytes() if file.is_file() else b"" for file in beside]
    return made_seeds.joined(*contents) if all(len(content) < 1 << 16 for content in contents) else None


def found(folder, target):
    """The seeds of a target in a folder."""
    for path in sorted(folder.rglob("*")):
        if not path.name.lower().endswith(ENDINGS[target] or ("/",)) or not path.is_file():
            continue
        content = shapefile(path) if target == "shapefile" else path.read_bytes()
        if content is not None and len(content) <= MOST_BYTES:
            yield content


def values(path):
    """The first cells of a CSV file that look like well-known text."""
    text = path.read_text(errors="replace")[:MOST_BYTES]
    return [cell.encode() for cell in re.findall(r'"([A-Z]+ ?[ZM]* ?\([^"]*\))"', text)]


def own(target, testdata):
    """Seeds that no file has."""
    if target == "wkb":
        yield from made_seeds.WKB
    elif target == "wkt":
        yield from made_seeds.WKT
        for path in sorted(testdata.rglob("*.csv")):
            yield from values(path)
    elif target == "gpkg":
        yield from made_seeds.packages()
    elif target == "expression":
        yield from (condition.encode() for condition in made_seeds.CONDITIONS)
    elif target == "crs":
        yield from (definition.encode() for definition in made_seeds.DEFINITIONS)
        for path in sorted(testdata.rglob("*.vrt")):
            for text in re.findall(r"<SRS[^>]*>([^<]+)</SRS>", path.read_text(errors="replace")):
                yield text.replace("&quot;", '"').encode()
    elif target == "csv":
        yield from (text.encode() for text in made_seeds.TABLES)
    elif target == "geojson":
        yield from (text.encode() for text in made_seeds.DOCUMENTS)
    elif target == "archive":
        yield from made_seeds.archives()


def write(testdata, corpora, into, most):
    """Writes the seeds of all targets, the smallest first, and says how many there are."""
    counts = {}
    for target in TARGETS:
        contents = set(own(target, testdata))
        for folder in (testdata, *corpora):
            contents.update(found(folder, target))
        chosen = sorted(contents, key=lambda content: (len(content), content))[:most]
        (into / target).mkdir(parents=True)
        for content in chosen:
            name = hashlib.sha256(content).hexdigest()[:16]
            (into / target / name).write_bytes(content)
        counts[target] = len(chosen)
    return counts
