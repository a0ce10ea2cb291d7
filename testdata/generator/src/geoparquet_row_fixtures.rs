//! GeoParquet fixtures whose defect lies in the reference system, the covering, the layout or the rows.

use serde_json::{Value, json};

use crate::fixture::Verdict;
use crate::geoparquet_draft::{Covering, Draft, SINGLE, boxes, parcels, rgf93, square};
use crate::geoparquet_fixtures::{Line, changed};
use crate::parquet_file::Kind;
use crate::wkb::{Collection, Dimension, Encoding, Position, Shape};

/// Places in degrees: x, y.
fn places(positions: &[(f64, f64)]) -> Vec<Option<Shape>> {
    positions.iter().map(|(x, y)| Some(Shape::Point(Some([*x, *y, 0.0, 0.0])))).collect()
}

pub(crate) fn reference_systems() -> Vec<Line> {
    const TOWNS: [(f64, f64); 3] = [(2.25, 48.75), (5.375, 43.25), (-1.5, 47.25)];
    vec![
        (
            "bad_crs_code.parquet",
            Verdict::error("GPQ-CRS-001"),
            "the code instead of PROJJSON",
            changed(Draft::new(), |draft| draft.column()["crs"] = json!("EPSG:2154")),
        ),
        (
            "bad_crs_empty.parquet",
            Verdict::error("GPQ-CRS-002"),
            "an object that is no reference system",
            changed(Draft::new(), |draft| draft.column()["crs"] = json!({})),
        ),
        (
            "bad_crs_without_code.parquet",
            Verdict::warning("GPQ-CRS-003"),
            "Lambert-93 without its id",
            changed(Draft::new(), |draft| {
                draft.column()["crs"].as_object_mut().map(|crs| crs.remove("id"));
            }),
        ),
        (
            "bad_crs_disagrees.parquet",
            Verdict::error("GPQ-CRS-004"),
            "Lambert-93 by the entry, nothing by the type, which means degrees",
            changed(Draft::native(), |draft| draft.kind = Kind::Geometry(None)),
        ),
        (
            "bad_crs_not_inline.parquet",
            Verdict::error("GPQ-CRS-005"),
            "the type has a code instead of PROJJSON",
            changed(Draft::native(), |draft| draft.kind = Kind::Geometry(Some("EPSG:2154".to_owned()))),
        ),
        (
            "bad_epoch.parquet",
            Verdict::warning("GPQ-CRS-006"),
            "an epoch with a system that is fixed to its plate",
            changed(Draft::new(), |draft| draft.column()["epoch"] = json!(2021.5)),
        ),
        (
            "bad_crs_null.parquet",
            Verdict::warning("GPQ-CRS-007"),
            "crs is null",
            changed(Draft::new(), |draft| draft.column()["crs"] = Value::Null),
        ),
        (
            "bad_crs_left_out.parquet",
            Verdict::error("GPQ-CRS-008"),
            "metres without crs, which means degrees",
            changed(Draft::new(), |draft| draft.remove("crs")),
        ),
        (
            "bad_degrees_as_metres.parquet",
            Verdict::warning("GPQ-CRS-009"),
            "degrees with the code of Lambert-93",
            Draft::new().with(places(&TOWNS), &["Point"]).write(),
        ),
        (
            "bad_outside.parquet",
            Verdict::warning("GPQ-CRS-010"),
            "places in Brazil in the system of France",
            changed(Draft::new().with(places(&[(-43.25, -22.875), (-46.5, -23.5)]), &["Point"]), |draft| {
                draft.column()["crs"] = rgf93();
            }),
        ),
        (
            "bad_swapped.parquet",
            Verdict::warning("GPQ-CRS-011"),
            "latitude first",
            changed(Draft::new().with(places(&TOWNS.map(|(x, y)| (y, x))), &["Point"]), |draft| {
                draft.column()["crs"] = rgf93();
            }),
        ),
    ]
}

pub(crate) fn coverings() -> Vec<Line> {
    let scattered = |rows: usize| -> Vec<Option<Shape>> {
        (0..rows)
            .map(|row| {
                Some(Shape::Polygon(vec![square(
                    650_000.0 + 997.0 * ((row * 7) % 13) as f64,
                    6_860_000.0 + 991.0 * ((row * 5) % 11) as f64,
                    40.0,
                )]))
            })
            .collect()
    };
    vec![
        (
            "bad_covering_paths.parquet",
            Verdict::error("GPQ-COV-001"),
            "ymax is missing",
            changed(Draft::new(), |draft| {
                draft.column()["covering"]["bbox"].as_object_mut().map(|paths| paths.remove("ymax"));
            }),
        ),
        (
            "bad_covering_missing.parquet",
            Verdict::error("GPQ-COV-002"),
            "the column of boxes was dropped, its declaration was not",
            changed(Draft::new(), |draft| draft.covering = None),
        ),
        (
            "bad_covering_types.parquet",
            Verdict::error("GPQ-COV-003"),
            "single and double precision in one box",
            changed(Draft::new(), |draft| {
                let children = vec![("xmin", false), ("ymin", false), ("xmax", true), ("ymax", true)];
                draft.covering = Some(Covering { optional: true, children });
            }),
        ),
        (
            "bad_covering_required.parquet",
            Verdict::warning("GPQ-COV-004"),
            "boxes are required, geometry is optional",
            changed(Draft::new(), |draft| {
                draft.covering = Some(Covering { optional: false, children: SINGLE.to_vec() })
            }),
        ),
        (
            "bad_covering_statistics.parquet",
            Verdict::warning("GPQ-COV-006"),
            "boxes without statistics",
            changed(Draft::new(), |draft| {
                draft.without_statistics.extend(["bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"]);
            }),
        ),
        (
            "bad_covering_upside_down.parquet",
            Verdict::error("GPQ-COV-007"),
            "minima and maxima have changed places",
            changed(Draft::new(), |draft| {
                let turned = boxes(&draft.shapes)
                    .into_iter()
                    .map(|numbers| numbers.map(|numbers| vec![numbers[2], numbers[3], numbers[0] - 500.0, numbers[1]]));
                draft.boxes = Some(turned.collect());
            }),
        ),
        (
            "bad_covering_not_declared.parquet",
            Verdict::warning("GPQ-COV-008"),
            "boxes that the entry does not name",
            changed(Draft::new(), |draft| draft.remove("covering")),
        ),
        (
            "bad_small_row_groups.parquet",
            Verdict::warning("GPQ-LAYOUT-002"),
            "a row group for each row",
            changed(Draft::new().with(parcels(8), &["Polygon"]), |draft| draft.group_rows = 1),
        ),
        (
            "bad_no_order.parquet",
            Verdict::warning("GPQ-LAYOUT-003"),
            "seven row groups with rows from everywhere",
            changed(Draft::new().with(scattered(35), &["Polygon"]), |draft| draft.group_rows = 5),
        ),
    ]
}

pub(crate) fn rows() -> Vec<Line> {
    let first = |ring: Vec<Position>| -> Vec<Option<Shape>> {
        let mut shapes = parcels(4);
        shapes[0] = Some(Shape::Polygon(vec![ring]));
        shapes
    };
    let corner = square(652_000.0, 6_862_000.0, 40.0);
    let mut open = corner.clone();
    open.pop();
    let mut turned = corner.clone();
    turned.reverse();
    let mut spoilt = corner.clone();
    spoilt[2][0] = f64::NAN;
    let mut missing_height = corner.clone();
    missing_height.iter_mut().for_each(|position| position[2] = -1000.0);
    let mut multiple = parcels(4);
    multiple[2] = multiple[2].take().map(|shape| Shape::Collected(Collection::Polygons, vec![shape]));
    let mut spiked = corner.clone();
    spiked[2] = [0.0, 0.0, 0.0, 0.0];
    vec![
        (
            "bad_wkb.parquet",
            Verdict::error("GPQ-GEO-001"),
            "a type code that nobody has defined",
            changed(Draft::new(), |draft| draft.shapes.truncate(4)).map(|mut bytes| {
                if let Some(place) = bytes.windows(9).position(|window| window == [1, 3, 0, 0, 0, 1, 0, 0, 0]) {
                    bytes[place + 1] = 99;
                }
                bytes
            }),
        ),
        (
            "bad_type_not_listed.parquet",
            Verdict::error("GPQ-GEO-002"),
            "a MultiPolygon, Polygon is listed",
            changed(Draft::new(), |draft| draft.shapes = multiple),
        ),
        (
            "bad_type_absent.parquet",
            Verdict::warning("GPQ-GEO-003"),
            "MultiPolygon is listed, none is there",
            changed(Draft::new(), |draft| draft.column()["geometry_types"] = json!(["Polygon", "MultiPolygon"])),
        ),
        (
            "bad_orientation.parquet",
            Verdict::error("GPQ-GEO-004"),
            "a clockwise ring, counterclockwise is declared",
            changed(Draft::new().with(first(turned), &["Polygon"]), |draft| {
                draft.column()["orientation"] = json!("counterclockwise");
            }),
        ),
        (
            "bad_open_ring.parquet",
            Verdict::error("GPQ-GEO-005"),
            "a ring that does not end where it begins",
            Draft::new().with(first(open), &["Polygon"]).write(),
        ),
        (
            "bad_not_a_number.parquet",
            Verdict::warning("GPQ-GEO-006"),
            "NaN as an x",
            Draft::new().with(first(spoilt), &["Polygon"]).write(),
        ),
        (
            "bad_height_sentinel.parquet",
            Verdict::warning("GPQ-GEO-007"),
            "z is -1000: not known",
            changed(Draft::new().with(first(missing_height), &["Polygon Z"]), |draft| {
                draft.dimension = Dimension::Xyz;
            }),
        ),
        (
            "bad_all_null.parquet",
            Verdict::warning("GPQ-GEO-009"),
            "no row has geometry",
            changed(Draft::new().with(vec![None; 4], &[]), |draft| draft.remove("bbox")),
        ),
        (
            "bad_spike.parquet",
            Verdict::warning("GPQ-GEO-010"),
            "a corner at 0, 0",
            Draft::new().with(first(spiked), &["Polygon"]).write(),
        ),
        (
            "bad_ewkb.parquet",
            Verdict::error("GPQ-GEO-011"),
            "EWKB, as PostGIS gives it: a flag says that there is a z",
            changed(Draft::new().with(parcels(4), &["Polygon Z"]), |draft| {
                draft.dimension = Dimension::Xyz;
                draft.encoding = Encoding { extended: true, ..Encoding::ISO };
            }),
        ),
        (
            "bad_bbox.parquet",
            Verdict::error("GPQ-GEO-012"),
            "the bbox ends before the data do",
            changed(Draft::plain(), |draft| draft.column()["bbox"] = json!([652_000, 6_862_000, 652_100, 6_862_040])),
        ),
        (
            "bad_box.parquet",
            Verdict::error("GPQ-GEO-014"),
            "the box of the second row is that of the first",
            changed(Draft::new(), |draft| {
                let mut numbers = boxes(&draft.shapes);
                numbers[1] = numbers[0].clone();
                draft.boxes = Some(numbers);
            }),
        ),
        (
            "bad_no_box.parquet",
            Verdict::error("GPQ-GEO-015"),
            "a row with geometry and without a box",
            changed(Draft::new(), |draft| {
                let mut numbers = boxes(&draft.shapes);
                numbers[1] = None;
                draft.boxes = Some(numbers);
            }),
        ),
    ]
}
