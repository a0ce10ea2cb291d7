"""GeoTIFFs and VRTs of testdata/: parcelle's verdict beside those of GDAL's validator, rio-cogeo and gdalinfo."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path

from rio_cogeo.cogeo import cog_validate

from report import Report

# Which peer refuses which bad file, either by an error or by failing to open it, and why the others do not. A file that
# is absent here is passed by both: neither looks at what is wrong with it. Measured with GDAL 3.6.2 (full check) and
# rio-cogeo 7.0.4; a peer that learns more makes the comparison fail here, and this table longer.
GDAL, RIO = "gdal", "rio-cogeo"
REFUSED_BY = {
    # Both cannot open these.
    "bad_empty": {GDAL, RIO},
    "bad_not_a_tiff": {GDAL, RIO},
    "bad_truncated_in_header": {GDAL, RIO},
    "bad_truncated_in_first_ifd": {GDAL, RIO},
    "bad_first_ifd_past_end": {GDAL, RIO},
    "bad_ifd_entry_count": {GDAL, RIO},
    "bad_missing_image_width": {GDAL, RIO},
    "bad_missing_tile_length": {GDAL, RIO},
    "bad_width_as_text": {GDAL, RIO},
    "bad_zero_width": {GDAL, RIO},
    # A source of a VRT.
    "cut_off": {GDAL, RIO},
    "bad_unknown_compression": {GDAL, RIO},
    # Both compare the places of IFDs and of the first tile of each level.
    "bad_main_ifd_at_end": {GDAL, RIO},
    "bad_overview_ifd_after_data": {GDAL, RIO},
    "bad_overview_data_after_full_resolution": {GDAL, RIO},
    "bad_level_order": {GDAL, RIO},
    "bad_unused_before_first_ifd": {GDAL, RIO},
    # Both look for a file of overviews.
    "bad_external_overviews": {GDAL, RIO},
    # Both read this flag of the ghost area.
    "bad_known_incompatible_edition": {GDAL, RIO},
    # Only GDAL's full check reads the size of the ghost area, and leaders, trailers and order of the tiles.
    "bad_ghost_size_not_a_number": {GDAL},
    "bad_ghost_size_too_small": {GDAL},
    "bad_claimed_row_major": {GDAL},
    "bad_claimed_mask_interleave": {GDAL},
    "bad_leader": {GDAL},
    "bad_trailer": {GDAL},
    # Only rio-cogeo takes blocks as wide as the image for strips below 1024 pixels.
    "bad_strips": {RIO},
}

# Where the profile `gdal`, which follows the script of GDAL 3.13, differs from the installed one.
OTHER_IN_OLD_GDAL = {
    # Before GDAL 3.11 the script held the masks of single bands against the claim too.
    "bad_claimed_mask_interleave",
}


def compare(parcelle: Path, gdal_python: str, testdata: Path, match: str, report: Report) -> None:
    """All rasters and VRTs that `expected.csv` names."""
    with (testdata / "expected.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if match in row["file"]]
    verdicts = check_all(parcelle, [testdata / row["file"] for row in rows], report)
    known = catalogue(parcelle, report)
    rasters = [testdata / row["file"] for row in rows if row["file"].endswith(".tif")]
    as_gdal = check_all(parcelle, rasters, report, "--profile", "gdal") if rasters else {}
    for row in rows:
        path = testdata / row["file"]
        name = row["file"]
        verdict, rules = verdicts.get(str(path), ("nothing", []))
        covered = not row["rule"] or row["rule"] in known
        if covered:
            same = verdict == row["severity"] or milder_than_warning(verdict, row["severity"])
            report.check(f"{name}: verdict", same, f"parcelle says {verdict} with {rules}, expected is {row['severity']}")
        else:
            report.note(f"{name}: no verdict to compare, {row['rule']} is not in the catalogue of this release")
        if row["rule"] and covered:
            report.check(f"{name}: rule {row['rule']}", row["rule"] in rules, f"parcelle names {rules}")
        if path.suffix == ".tif":
            of_profile, _ = as_gdal.get(str(path), ("nothing", []))
            compare_geotiff(path, name, verdict if covered else None, of_profile, gdal_python, report)
        # GeoParquet has its own validators, and not every GDAL has its driver.
        elif row["severity"] == "ok" and path.suffix == ".vrt":
            code, text = run("gdalinfo", "-checksum", path)
            report.check(f"{name}: gdalinfo reads it", code == 0 and "ERROR" not in text, text[-300:])


def catalogue(parcelle: Path, report: Report) -> set[str]:
    """The ids of all rules this build has."""
    code, text = run(parcelle, "check", "--rules")
    rules = set(re.findall(r"^[A-Z]+(?:-[A-Z]+)+-\d{3}\b", text, re.MULTILINE))
    report.check("parcelle check --rules lists the catalogue", code == 0 and rules, text[-300:])
    return rules


def milder_than_warning(verdict: str, expected: str) -> bool:
    """Informational findings may stand in a good file."""
    return verdict in {"ok", "info"} and expected in {"ok", "info"}


def check_all(
    parcelle: Path, paths: list[Path], report: Report, *options: str
) -> dict[str, tuple[str, list[str]]]:
    """One call for all files: verdict and rule ids by path."""
    command = [parcelle, "check", *paths, *options, "--format", "json"]
    completed = subprocess.run(command, capture_output=True, text=True)
    if not report.check("parcelle check --format json: exit code", completed.returncode == 1,
                        f"{completed.returncode}: {completed.stderr[-500:]}"):
        return {}
    document = json.loads(completed.stdout)
    report.check("parcelle check --format json: schema_version", document["schema_version"] == 1, document.keys())
    return {
        file["path"]: (file["verdict"], sorted({finding["rule"] for finding in file["findings"]}))
        for file in document["files"]
    }


def compare_geotiff(
    path: Path, name: str, verdict: str | None, of_profile: str, gdal_python: str, report: Report
) -> None:
    """The peers against the table above, and parcelle against the peers where it has the rule."""
    refused_by = REFUSED_BY.get(path.stem, set())
    for peer, (refused, text) in {GDAL: gdal_refuses(gdal_python, path), RIO: rio_refuses(path)}.items():
        expected = peer in refused_by
        report.check(f"{name}: {peer} {'refuses' if expected else 'passes'} it", refused == expected, text)
        if peer == GDAL and path.stem not in OTHER_IN_OLD_GDAL:
            agrees = (of_profile == "error") == refused
            report.check(f"{name}: the profile gdal agrees with GDAL", agrees, f"parcelle says {of_profile}: {text}")
        # What GDAL's validator refuses and costs a reader next to nothing is a warning.
        if refused and verdict is not None and path.stem != "bad_unused_before_first_ifd":
            report.check(f"{name}: parcelle refuses what {peer} refuses", verdict == "error", f"parcelle says {verdict}")
    if path.stem.startswith("good_"):
        code, text = run("gdalinfo", "-checksum", path)
        report.check(f"{name}: gdalinfo reads it", code == 0 and "ERROR" not in text, text[-300:])


def gdal_refuses(gdal_python: str, path: Path) -> tuple[bool, str]:
    """GDAL's own validator with its full check; a traceback is a refusal too."""
    module = "osgeo_utils.samples.validate_cloud_optimized_geotiff"
    code, text = run(gdal_python, "-m", module, "--full-check=yes", path)
    if "No module named" in text:
        return True, f"{gdal_python} has no GDAL bindings: apt-get install python3-gdal, or give --gdal-python"
    return code != 0, text[-300:]


def rio_refuses(path: Path) -> tuple[bool, str]:
    try:
        valid, errors, warnings = cog_validate(path, quiet=True)
    except Exception as error:  # noqa: BLE001 - any exception is its way to refuse a file
        return True, str(error)
    return not valid, f"{errors} {warnings}"


def run(*command: object) -> tuple[int, str]:
    completed = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace")
    return completed.returncode, completed.stdout + completed.stderr
