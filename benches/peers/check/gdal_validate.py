"""GDAL's own validator on files, in one process: `gdal_validate.py full|plain PATH…`; exit code 1 if it refuses any."""

from __future__ import annotations

import sys

from osgeo_utils.samples.validate_cloud_optimized_geotiff import ValidateCloudOptimizedGeoTIFFException, validate


def main() -> int:
    full = sys.argv[1] == "full"
    refused = 0
    for path in sys.argv[2:]:
        try:
            _, errors, _ = validate(path, full_check=full)
        except ValidateCloudOptimizedGeoTIFFException as error:
            errors = [str(error)]
        if errors:
            refused += 1
            print(path, errors)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
