//! The GeoParquet files of `testdata/geoparquet/`: sound ones, and those whose defect lies in the file, the entry or its columns.

use std::error::Error;

use parquet::basic::Repetition;
use serde_json::json;

use crate::fixture::{Content, Fixture, Verdict};
use crate::geoparquet_draft::{Covering, Draft, lambert_93, parcels};
use crate::geoparquet_row_fixtures::{coverings, reference_systems, rows};
use crate::parquet_file::{Column, Kind};
use crate::wkb::{Dimension, Encoding, Position, Shape};

/// Name, verdict, what it is, and the bytes.
pub(crate) type Line = (&'static str, Verdict, &'static str, Result<Vec<u8>, Box<dyn Error>>);

/// A sound file with one change.
pub(crate) fn changed(mut draft: Draft, change: impl FnOnce(&mut Draft)) -> Result<Vec<u8>, Box<dyn Error>> {
    change(&mut draft);
    draft.write()
}

fn patched(change: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Draft::new().write()?;
    change(&mut bytes);
    Ok(bytes)
}

pub(crate) fn fixtures() -> Result<Vec<Fixture>, Box<dyn Error>> {
    let lines = [good(), files(), entries(), columns(), reference_systems(), coverings(), rows()].concat_lines();
    lines
        .into_iter()
        .map(|(name, verdict, about, bytes)| {
            Ok(Fixture {
                path: format!("geoparquet/{name}"),
                content: Content::Bytes(bytes?),
                verdict: Some(verdict),
                about: about.to_owned(),
            })
        })
        .collect()
}

trait ConcatLines {
    fn concat_lines(self) -> Vec<Line>;
}

impl<const COUNT: usize> ConcatLines for [Vec<Line>; COUNT] {
    fn concat_lines(self) -> Vec<Line> {
        self.into_iter().flatten().collect()
    }
}

fn good() -> Vec<Line> {
    vec![
        ("good_1_1.parquet", Verdict::ok(), "GeoParquet 1.1 with a covering", Draft::new().write()),
        ("good_2_0.parquet", Verdict::ok(), "GeoParquet 2.0 with the type GEOMETRY", Draft::native().write()),
        (
            "good_heights.parquet",
            Verdict::ok(),
            "polygons with z, six numbers in the box",
            changed(Draft::new().with(parcels(4), &["Polygon Z"]), |draft| {
                draft.dimension = Dimension::Xyz;
                draft.column()["bbox"] = json!([652_000.0, 6_862_000.0, 35.0, 652_190.0, 6_862_040.0, 35.0]);
            }),
        ),
        (
            "good_no_rows.parquet",
            Verdict::info("GPQ-COL-009"),
            "no row at all",
            changed(Draft::new().with(Vec::new(), &[]), |draft| draft.remove("bbox")),
        ),
        (
            "good_1_0.parquet",
            Verdict::info("GPQ-COV-009"),
            "GeoParquet 1.0: nothing says where row groups are",
            Draft::plain().write(),
        ),
        (
            "bad_no_bbox.parquet",
            Verdict::warning("GPQ-BBOX-003"),
            "the entry has no bbox",
            changed(Draft::new(), |draft| draft.remove("bbox")),
        ),
        (
            "good_types_in_version_1.parquet",
            Verdict::info("GPQ-META-006"),
            "the type GEOMETRY beside an entry of version 1.0, as GDAL and Arrow write both",
            changed(Draft::native(), |draft| draft.geo["version"] = json!("1.0.0")),
        ),
        (
            "good_unknown_member.parquet",
            Verdict::info("GPQ-META-007"),
            "a misspelt member, which nobody reads",
            changed(Draft::new(), |draft| draft.column()["geometry_type"] = json!("Polygon")),
        ),
        (
            "good_covering_order.parquet",
            Verdict::info("GPQ-COV-005"),
            "xmin, xmax, ymin, ymax, as Overture has it",
            changed(Draft::new(), |draft| {
                let children = ["xmin", "xmax", "ymin", "ymax"].map(|name| (name, false));
                draft.covering = Some(Covering { optional: true, children: children.to_vec() });
            }),
        ),
        (
            "good_covering_in_1_0.parquet",
            Verdict::info("GPQ-COV-010"),
            "a covering in version 1.0",
            changed(Draft::new(), |draft| draft.geo["version"] = json!("1.0.0")),
        ),
        (
            "good_spherical.parquet",
            Verdict::info("GPQ-COL-010"),
            "spherical edges without orientation",
            changed(Draft::new(), |draft| draft.column()["edges"] = json!("spherical")),
        ),
        (
            "good_byte_statistics.parquet",
            Verdict::info("GPQ-COL-011"),
            "the smallest and largest WKB in the footer",
            changed(Draft::new(), |draft| draft.without_statistics.clear()),
        ),
        (
            "good_some_null.parquet",
            Verdict::info("GPQ-GEO-009"),
            "a NULL among four rows",
            changed(Draft::new(), |draft| draft.shapes[3] = None),
        ),
        (
            "good_zero_heights.parquet",
            Verdict::info("GPQ-GEO-008"),
            "z is 0 throughout",
            changed(Draft::new().with(flat(), &["Polygon Z"]), |draft| draft.dimension = Dimension::Xyz),
        ),
        (
            "good_large_bbox.parquet",
            Verdict::info("GPQ-GEO-013"),
            "the bbox of the file it was cut out of",
            changed(Draft::plain(), |draft| {
                draft.column()["bbox"] = json!([600_000.0, 6_800_000.0, 700_000.0, 6_900_000.0]);
            }),
        ),
        (
            "good_ending.geoparquet",
            Verdict::info("GPQ-FILE-010"),
            "an ending that should not be used",
            Draft::new().write(),
        ),
    ]
}

/// Parcels whose heights are 0.
fn flat() -> Vec<Option<Shape>> {
    let ground = |ring: Vec<Position>| ring.into_iter().map(|[x, y, _, m]| [x, y, 0.0, m]).collect();
    parcels(4)
        .into_iter()
        .map(|shape| match shape {
            Some(Shape::Polygon(rings)) => Some(Shape::Polygon(rings.into_iter().map(ground).collect())),
            other => other,
        })
        .collect()
}

fn files() -> Vec<Line> {
    let page = b"<!DOCTYPE html><html><body><h1>404 Not Found</h1></body></html>\n".to_vec();
    vec![
        (
            "bad_not_parquet.parquet",
            Verdict::error("GPQ-FILE-001"),
            "an error page saved under the name of a file",
            Ok(page),
        ),
        (
            "bad_cut.parquet",
            Verdict::error("GPQ-FILE-002"),
            "the first half of a file",
            patched(|bytes| bytes.truncate(bytes.len() / 2)),
        ),
        (
            "bad_encrypted.parquet",
            Verdict::error("GPQ-FILE-003"),
            "begins and ends as a file with an encrypted footer",
            patched(|bytes| {
                let end = bytes.len() - 4;
                bytes[..4].copy_from_slice(b"PARE");
                bytes[end..].copy_from_slice(b"PARE");
            }),
        ),
        (
            "bad_footer_length.parquet",
            Verdict::error("GPQ-FILE-004"),
            "the footer has 4 GB, by its length field",
            patched(|bytes| {
                let end = bytes.len() - 8;
                bytes[end..end + 4].copy_from_slice(&[0xF0, 0xFF, 0xFF, 0xFF]);
            }),
        ),
        (
            "bad_footer.parquet",
            Verdict::error("GPQ-FILE-005"),
            "the footer is overwritten with ones",
            patched(|bytes| {
                let end = bytes.len() - 8;
                let length = bytes[end..end + 4].iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
                bytes[end - length..end].fill(0xFF);
            }),
        ),
        (
            "bad_row_count.parquet",
            Verdict::error("GPQ-FILE-006"),
            "the footer says 5 rows, the row groups have 4",
            patched(|bytes| {
                // Field 3 of FileMetaData: its header and 4 as a zigzag integer, before the list of row groups.
                let place = bytes.windows(3).position(|window| window == [0x16, 0x08, 0x19]);
                if let Some(place) = place {
                    bytes[place + 1] = 0x0A;
                }
            }),
        ),
        (
            "bad_types_alone.parquet",
            Verdict::warning("GPQ-FILE-007"),
            "the type GEOMETRY, and no geo entry",
            changed(Draft::native(), |draft| draft.entries = Some(Vec::new())),
        ),
        (
            "bad_no_geo.parquet",
            Verdict::error("GPQ-FILE-008"),
            "no geo entry",
            changed(Draft::new(), |draft| draft.entries = Some(Vec::new())),
        ),
        (
            "bad_two_geo_entries.parquet",
            Verdict::error("GPQ-FILE-009"),
            "two geo entries that differ",
            changed(Draft::new(), |draft| {
                let first = draft.geo.to_string();
                draft.column()["geometry_types"] = json!(["MultiPolygon"]);
                draft.entries = Some(vec![("geo", first), ("geo", draft.geo.to_string())]);
            }),
        ),
        (
            "bad_page.parquet",
            Verdict::error("GPQ-FILE-011"),
            "the pages of geometry are overwritten",
            patched(|bytes| {
                // The first column is four integers; WKB follows.
                let place = bytes.windows(9).position(|window| window == [1, 3, 0, 0, 0, 1, 0, 0, 0]);
                if let Some(place) = place {
                    bytes[place - 40..place + 100].fill(0xFF);
                }
            }),
        ),
    ]
}

fn entries() -> Vec<Line> {
    vec![
        (
            "bad_geo_not_json.parquet",
            Verdict::error("GPQ-META-001"),
            "the geo entry is cut",
            changed(Draft::new(), |draft| {
                let text = draft.geo.to_string();
                draft.entries = Some(vec![("geo", text[..text.len() / 2].to_owned())]);
            }),
        ),
        (
            "bad_no_primary_column.parquet",
            Verdict::error("GPQ-META-002"),
            "primary_column is missing",
            changed(Draft::new(), |draft| {
                draft.geo.as_object_mut().map(|geo| geo.remove("primary_column"));
            }),
        ),
        (
            "bad_version_draft.parquet",
            Verdict::warning("GPQ-META-003"),
            "a release candidate of 1.0.0",
            changed(Draft::plain(), |draft| draft.geo["version"] = json!("1.0.0-rc.1")),
        ),
        (
            "bad_version_unknown.parquet",
            Verdict::error("GPQ-META-003"),
            "a version that does not exist",
            changed(Draft::new(), |draft| draft.geo["version"] = json!("3.0.0")),
        ),
        (
            "bad_primary_not_listed.parquet",
            Verdict::error("GPQ-META-004"),
            "primary_column is geom, columns lists geometry",
            changed(Draft::new(), |draft| draft.geo["primary_column"] = json!("geom")),
        ),
        (
            "bad_column_not_listed.parquet",
            Verdict::warning("GPQ-META-005"),
            "a second GEOMETRY column, which the entry does not list",
            changed(Draft::native(), |draft| {
                let shapes = parcels(4);
                let values = shapes.iter().map(|shape| Some(shape.as_ref()?.wkb(Dimension::Xy, Encoding::ISO)));
                draft.more.push(Column::Bytes {
                    name: "outline",
                    kind: Kind::Geometry(Some(lambert_93().to_string())),
                    repetition: Repetition::OPTIONAL,
                    values: values.collect(),
                });
            }),
        ),
        (
            "bad_bbox_of_five.parquet",
            Verdict::error("GPQ-BBOX-001"),
            "five numbers",
            changed(Draft::new(), |draft| draft.column()["bbox"] = json!([652_000, 6_862_000, 35, 652_190, 6_862_040])),
        ),
        (
            "bad_bbox_order.parquet",
            Verdict::error("GPQ-BBOX-002"),
            "xmin, xmax, ymin, ymax",
            changed(Draft::plain(), |draft| draft.column()["bbox"] = json!([652_000, 652_190, 6_862_000, 6_862_040])),
        ),
        (
            "bad_bbox_row_groups.parquet",
            Verdict::error("GPQ-BBOX-004"),
            "the bbox ends before the row groups do",
            changed(Draft::new(), |draft| draft.column()["bbox"] = json!([652_000, 6_862_000, 652_100, 6_862_040])),
        ),
        (
            "bad_no_geospatial_statistics.parquet",
            Verdict::warning("GPQ-BBOX-005"),
            "the type GEOMETRY without statistics",
            changed(Draft::native(), |draft| draft.without_statistics.push("geometry")),
        ),
        (
            "bad_types_disagree.parquet",
            Verdict::error("GPQ-BBOX-006"),
            "MultiPolygon by the entry, Polygon by the statistics of the type",
            changed(Draft::native(), |draft| draft.column()["geometry_types"] = json!(["MultiPolygon"])),
        ),
    ]
}

fn columns() -> Vec<Line> {
    vec![
        (
            "bad_column_missing.parquet",
            Verdict::error("GPQ-COL-001"),
            "the entry lists a column that is not there",
            changed(Draft::new(), |draft| {
                let entry = draft.column().clone();
                draft.geo["columns"]["centroid"] = entry;
            }),
        ),
        (
            "bad_repeated.parquet",
            Verdict::error("GPQ-COL-002"),
            "a list of geometries in each row",
            changed(Draft::plain(), |draft| draft.repetition = Repetition::REPEATED),
        ),
        (
            "bad_no_geometry_types.parquet",
            Verdict::error("GPQ-COL-003"),
            "geometry_types is missing",
            changed(Draft::new(), |draft| draft.remove("geometry_types")),
        ),
        (
            "bad_encoding.parquet",
            Verdict::error("GPQ-COL-004"),
            "an encoding that does not exist",
            changed(Draft::new(), |draft| draft.column()["encoding"] = json!("WKT")),
        ),
        (
            "bad_storage.parquet",
            Verdict::error("GPQ-COL-005"),
            "WKB that is annotated as text",
            changed(Draft::new(), |draft| draft.kind = Kind::Text),
        ),
        (
            "bad_geometry_type.parquet",
            Verdict::error("GPQ-COL-006"),
            "POLYGON is no name of a type",
            changed(Draft::new(), |draft| draft.column()["geometry_types"] = json!(["Polygon", "POLYGON"])),
        ),
        (
            "bad_edges.parquet",
            Verdict::error("GPQ-COL-007"),
            "edges of version 2 in version 1",
            changed(Draft::new(), |draft| draft.column()["edges"] = json!("karney")),
        ),
        (
            "bad_orientation_value.parquet",
            Verdict::error("GPQ-COL-008"),
            "clockwise is no value of orientation",
            changed(Draft::new(), |draft| draft.column()["orientation"] = json!("clockwise")),
        ),
    ]
}
