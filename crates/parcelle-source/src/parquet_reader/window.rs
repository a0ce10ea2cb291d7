//! Row groups that cannot meet a window, by their statistics.
//!
//! Each is a bound of what lies in the row group: the statistics of a GEOMETRY column; those of a declared covering,
//! whose numbers may be rounded by as much as a 32-bit float rounds; or those of the coordinates themselves. Where a
//! bound is missing the row group is kept. Longitudes may run across the antimeridian where edges are not planar, and
//! then only latitudes are compared.

use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::SchemaDescriptor;

use crate::Window;
use crate::arrow_columns::geometry::{Encoding, GeometryColumn};

/// Leaf columns whose statistics bound geometry.
#[derive(Debug, Default)]
struct Leaves {
    /// The column of WKB.
    geometry: Option<usize>,
    /// Columns with xmin, ymin, xmax, ymax of the rows.
    covering: Option<[usize; 4]>,
}

/// Whether each row group may meet the window.
pub(super) fn kept(metadata: &ParquetMetaData, column: Option<&GeometryColumn>, window: Option<Window>) -> Vec<bool> {
    let groups = metadata.row_groups();
    let Some((column, window)) = column.zip(window) else { return vec![true; groups.len()] };
    let leaves = Leaves::find(metadata.file_metadata().schema_descr(), column);
    groups.iter().map(|group| leaves.may_meet(group, column.edges.is_none(), window)).collect()
}

impl Leaves {
    fn find(schema: &SchemaDescriptor, column: &GeometryColumn) -> Self {
        let leaves = || 0..schema.num_columns();
        let of_root = |root: usize| leaves().filter(move |leaf| schema.get_column_root_idx(*leaf) == root);
        let last = |leaf: usize| schema.column(leaf).path().parts().last().cloned().unwrap_or_default();
        let named = |root: usize, name: &str| of_root(root).find(|leaf| last(*leaf) == name);
        let of_names = |root: usize, names: [&str; 4]| {
            let [xmin, ymin, xmax, ymax] = names.map(|name| named(root, name));
            Some([xmin?, ymin?, xmax?, ymax?])
        };
        let single = |root: usize| of_root(root).next();
        let own = match column.encoding {
            Encoding::Wkb | Encoding::Wkt => None,
            Encoding::Native(_) => of_names(column.root, ["x", "y", "x", "y"]),
            Encoding::Points { x, y } => {
                single(x).zip(single(y)).map(|(x_leaf, y_leaf)| [x_leaf, y_leaf, x_leaf, y_leaf])
            }
        };
        let roots = schema.root_schema().get_fields();
        let covering = column.covering.as_ref().and_then(|name| {
            let root = roots.iter().position(|field| field.name() == name)?;
            of_names(root, ["xmin", "ymin", "xmax", "ymax"])
        });
        let geometry = (column.encoding == Encoding::Wkb).then(|| single(column.root)).flatten();
        Self { geometry, covering: own.or(covering) }
    }

    fn may_meet(&self, group: &RowGroupMetaData, planar: bool, window: Window) -> bool {
        let column = |leaf: usize| group.columns().get(leaf);
        if let Some(bounds) = self.geometry.and_then(column).and_then(|column| column.geo_statistics()?.bounding_box())
        {
            let x = (bounds.get_xmin(), bounds.get_xmax());
            let y = (bounds.get_ymin(), bounds.get_ymax());
            // A greater first longitude means that the box runs across the antimeridian.
            let across = x.0 > x.1;
            if (planar && !across && apart(x, (window.xmin, window.xmax))) || apart(y, (window.ymin, window.ymax)) {
                return false;
            }
        }
        let Some([xmin, ymin, xmax, ymax]) = self.covering else { return true };
        let bounds = |least: usize, greatest: usize| {
            let least = column(least)?.statistics().and_then(least_value)?;
            Some((least, column(greatest)?.statistics().and_then(greatest_value)?))
        };
        let out_of_x = bounds(xmin, xmax).is_some_and(|x| apart(x, (window.xmin, window.xmax)));
        let out_of_y = bounds(ymin, ymax).is_some_and(|y| apart(y, (window.ymin, window.ymax)));
        !((planar && out_of_x) || out_of_y)
    }
}

/// Whether two intervals have no number in common. Nothing is said of NaN.
fn apart(one: (f64, f64), other: (f64, f64)) -> bool {
    one.1 < other.0 || one.0 > other.1
}

fn least_value(statistics: &Statistics) -> Option<f64> {
    match statistics {
        Statistics::Double(values) => values.min_opt().copied(),
        Statistics::Float(values) => values.min_opt().map(|value| f64::from(value.next_down())),
        _ => None,
    }
}

fn greatest_value(statistics: &Statistics) -> Option<f64> {
    match statistics {
        Statistics::Double(values) => values.max_opt().copied(),
        Statistics::Float(values) => values.max_opt().map(|value| f64::from(value.next_up())),
        _ => None,
    }
}
