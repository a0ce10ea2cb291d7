//! Whether files beside a raster place it elsewhere than the raster does itself.
//!
//! GDAL takes `.aux.xml` before the tags of a GeoTIFF (`GDAL_GEOREF_SOURCES`) and never a `.prj`; GeoTools takes a `.prj`
//! before the GeoKeys and no place from `.aux.xml`. Where these differ, so do the maps.

use std::io;
use std::path::Path;

use parcelle_crs::{Agreement, Crs};
use parcelle_tiff::{Directory, Structure};

use super::{Beside, GeoKeys, around};
use crate::vrt::{SIDE_FILE_BYTES, SideFile};

/// Which files beside a raster say something else than what GDAL takes it for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Elsewhere {
    /// The `.prj` names another system than the one that GDAL takes.
    pub(super) projection: bool,
    /// The `.aux.xml` names another system than the GeoKeys.
    pub(super) aux_system: bool,
    /// The `.aux.xml` has another transformation than the tags.
    pub(super) aux_place: bool,
    /// There is a `.prj`, which takes the place of the GeoKeys in a file.
    pub(super) replaced: bool,
}

impl Elsewhere {
    /// Of the files that are there. What cannot be understood is not said to differ.
    pub(super) fn of(structure: &Structure, path: &Path, beside: Beside) -> io::Result<Self> {
        let Some(main) = structure.main().filter(|_| beside.projection || beside.aux) else {
            return Ok(Self::default());
        };
        let system = |text: String| Crs::from_definition(text.trim()).ok();
        let within = GeoKeys::of(main).and_then(|keys| match keys.epsg() {
            Some(code) => system(format!("EPSG:{code}")),
            None => keys.esri_wkt().and_then(|wkt| system(wkt.to_owned())),
        });
        let side = match beside.aux {
            true => text(&around::ending(path, ".aux.xml"))?.map(|text| SideFile::parse(&text)).unwrap_or_default(),
            false => SideFile::default(),
        };
        let of_aux = side.srs.and_then(system);
        let of_prj = if beside.projection { projection_beside(path)?.and_then(system) } else { None };
        Ok(Self {
            projection: differ(of_prj.as_ref(), of_aux.as_ref().or(within.as_ref())),
            aux_system: differ(of_aux.as_ref(), within.as_ref()),
            aux_place: side.geo_transform.is_some_and(|transform| is_moved(main, transform)),
            replaced: of_prj.is_some(),
        })
    }

    /// Whether GeoServer puts the raster elsewhere than `.aux.xml` does. A `.prj` answers for itself.
    pub(super) const fn aux(self, is_file: bool) -> bool {
        self.aux_place || (self.aux_system && !(is_file && self.replaced))
    }
}

fn differ(left: Option<&Crs>, right: Option<&Crs>) -> bool {
    left.zip(right).is_some_and(|(left, right)| left.agrees_with(right) == Agreement::Different)
}

/// Whether a corner lies more than half a pixel from where the tags put it.
fn is_moved(main: &Directory, other: [f64; 6]) -> bool {
    let (Some(own), Some(image)) = (main.geo_transform(), main.image) else { return false };
    let place =
        |[x, a, b, y, d, e]: [f64; 6], column: f64, row: f64| (x + column * a + row * b, y + column * d + row * e);
    let half = [own[1].hypot(own[4]), own[2].hypot(own[5])].map(|pixel| pixel / 2.0);
    let (width, height) = (image.width as f64, image.height as f64);
    [(0.0, 0.0), (width, 0.0), (0.0, height), (width, height)].into_iter().any(|(column, row)| {
        let (left, right) = (place(own, column, row), place(other, column, row));
        (left.0 - right.0).hypot(left.1 - right.1) > half[0].max(half[1])
    })
}

/// The text of the `.prj` beside a raster, where there is one that GeoTools takes.
pub(crate) fn projection_beside(path: &Path) -> io::Result<Option<String>> {
    let path = path.with_extension("prj");
    if around::is_projection(&path)? { text(&path) } else { Ok(None) }
}

/// `None` where it is no file, or too long for what it should be.
fn text(path: &Path) -> io::Result<Option<String>> {
    let read = || match std::fs::metadata(path)? {
        about if about.is_file() && about.len() <= SIDE_FILE_BYTES => std::fs::read(path).map(Some),
        _ => Ok(None),
    };
    match read() {
        Ok(bytes) => Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) => Err(io::Error::new(error.kind(), format!("{} beside it: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBERT: &str = "PROJCS[\"RGF_1993_Lambert_93\",GEOGCS[\"GCS_RGF_1993\",DATUM[\"D_RGF_1993\",\
        SPHEROID[\"GRS_1980\",6378137.0,298.257222101]],PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]],\
        PROJECTION[\"Lambert_Conformal_Conic\"],PARAMETER[\"False_Easting\",700000.0],\
        PARAMETER[\"False_Northing\",6600000.0],PARAMETER[\"Central_Meridian\",3.0],\
        PARAMETER[\"Standard_Parallel_1\",49.0],PARAMETER[\"Standard_Parallel_2\",44.0],\
        PARAMETER[\"Latitude_Of_Origin\",46.5],UNIT[\"Meter\",1.0],AUTHORITY[\"EPSG\",\"2154\"]]";

    /// A fixture in EPSG:2154 with these files beside it.
    fn elsewhere(prj: Option<&str>, aux: Option<&str>) -> Elsewhere {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cog/good_mask.tif");
        let bytes = std::fs::read(&fixture).unwrap();
        let structure = parcelle_tiff::read_structure(bytes.len() as u64, |offset, buffer| {
            let rest = bytes.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        });
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tif");
        for (ending, text) in [("a.prj", prj), ("a.tif.aux.xml", aux)] {
            if let Some(text) = text {
                std::fs::write(directory.path().join(ending), text).unwrap();
            }
        }
        Elsewhere::of(&structure.unwrap(), &path, Beside::of(&path).unwrap()).unwrap()
    }

    #[test]
    fn files_beside_a_raster_agree_with_it_or_not() {
        let web = "<PAMDataset><SRS dataAxisToSRSAxisMapping=\"1,2\">EPSG:3857</SRS></PAMDataset>";
        let found = |prj: Option<&str>, aux: Option<&str>| {
            let found = elsewhere(prj, aux);
            (found.projection, found.aux(true), found.aux(false))
        };
        let geographic = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],\
            PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AUTHORITY[\"EPSG\",\"4326\"]]";
        assert_eq!(found(None, None), (false, false, false));
        assert_eq!(found(Some(LAMBERT), None), (false, false, false));
        assert_eq!(found(Some(geographic), None), (true, false, false));
        assert_eq!(found(Some("what is this"), None), (false, false, false));
        assert_eq!(found(None, Some(web)), (false, true, true));
        // What is no file is none.
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a.prj")).unwrap();
        assert_eq!(projection_beside(&directory.path().join("a.tif")).unwrap(), None);
        // The .prj answers for itself: GDAL goes by .aux.xml.
        assert_eq!(found(Some(LAMBERT), Some(web)), (true, false, true));
        let place =
            |x: f64| format!("<PAMDataset><GeoTransform> {x:.16e}, 1.0, 0, 6.8e6, 0, -1.0</GeoTransform></PAMDataset>");
        let moved = place(1.0);
        assert_eq!(found(None, Some(&moved)), (false, true, true));
        let about = "<PAMDataset><Metadata><MDI key=\"A\">1</MDI></Metadata></PAMDataset>";
        assert_eq!(found(None, Some(about)), (false, false, false));
    }
}
