//! Geometry in another coordinate reference system.

use arrow::datatypes::SchemaRef;
use parcelle_crs::{Crs, CrsError, Measure, Motion, TransformationError};
use parcelle_source::{FieldReference, InvalidValues};

use crate::convert::stage::{Stage, is_geometry};

#[cfg(feature = "gdal")]
mod positions;

/// Why a layer cannot be reprojected. All of these are wrong requests: nothing was read yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReprojectionError {
    /// The target is no coordinate reference system.
    #[error("--t-crs: {0}")]
    Target(CrsError),
    /// The target has nothing that x and y could be.
    #[error(
        "--t-crs: {crs} has no horizontal coordinates: choose a geographic, projected or compound reference system"
    )]
    NotHorizontal {
        /// The target.
        crs: String,
    },
    /// Where the coordinates are is not known.
    #[error(
        "--t-crs: geometry column {column} has no coordinate reference system to transform from: assign the one that its \
         coordinates are in with --crs, such as --crs EPSG:2154"
    )]
    NoSource {
        /// The column.
        column: String,
    },
    /// The coordinate reference system of the layer cannot be understood.
    #[error("--t-crs: geometry column {column}: {reason}; assign its coordinate reference system with --crs")]
    Source {
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: CrsError,
    },
    /// Lines on the ground are no straight lines on a map.
    #[error(
        "--t-crs: the edges of geometry column {column} are the shortest lines on the ground, which are not straight in \
         {target}: choose a geographic reference system, or split the edges and declare them planar in the source"
    )]
    Edges {
        /// The column.
        column: String,
        /// The target.
        target: String,
    },
    /// There is no way from the one to the other.
    #[error("--t-crs: {0}")]
    Transformation(TransformationError),
    /// PROJ is not in this build.
    #[error(
        "--t-crs: reprojection needs PROJ, which comes with GDAL: use a build with the feature `gdal`, or reproject first, \
         such as with `ogr2ogr -t_srs`"
    )]
    NoProj,
}

/// Where rows come from, and what becomes of positions that cannot be transformed.
#[derive(Debug)]
#[cfg_attr(not(feature = "gdal"), expect(dead_code, reason = "only PROJ finds such positions"))]
pub(crate) struct Origin {
    pub(crate) path: String,
    pub(crate) layer: String,
    pub(crate) invalid: InvalidValues,
}

/// A geometry column to transform.
#[derive(Debug)]
#[cfg_attr(not(feature = "gdal"), expect(dead_code, reason = "only PROJ transforms it"))]
struct Task {
    index: usize,
    source: Crs,
    /// Decimal year for which the coordinates hold.
    year: Option<f64>,
}

/// The step that brings all geometry columns to the target; `None` where they are there already. Warnings are added.
pub(crate) fn stage(
    schema: &SchemaRef,
    target: &str,
    year: Option<f64>,
    origin: Origin,
    warnings: &mut Vec<String>,
) -> Result<Option<Box<dyn Stage>>, ReprojectionError> {
    let target = Crs::from_definition(target).map_err(ReprojectionError::Target)?;
    if target.measure() == Measure::Other {
        return Err(ReprojectionError::NotHorizontal { crs: target.to_string() });
    }
    let mut tasks = Vec::new();
    for (index, field) in schema.fields().iter().enumerate().filter(|(_, field)| is_geometry(field)) {
        let column = || field.name().clone();
        let FieldReference { crs, epoch, is_planar } =
            FieldReference::of(field).map_err(|reason| ReprojectionError::Source { column: column(), reason })?;
        let source = crs.ok_or_else(|| ReprojectionError::NoSource { column: column() })?;
        if source.same_as(&target) {
            continue;
        }
        if !is_planar && target.measure() != Measure::Geographic {
            return Err(ReprojectionError::Edges { column: column(), target: target.to_string() });
        }
        tasks.push(Task { index, source, year: year.or(epoch) });
    }
    if tasks.is_empty() {
        return Ok(None);
    }
    build(schema, target, tasks, origin, warnings)
}

/// Whether coordinates of the target hold for an epoch.
pub(crate) fn has_epoch(target: &str) -> bool {
    Crs::from_definition(target).is_ok_and(|target| target.motion() != Motion::Static)
}

/// What is wrong with not knowing the epoch, where plates move through one of the two.
#[cfg(feature = "gdal")]
fn missing_epoch(source: &Crs, target: &Crs) -> Option<String> {
    let moving = [source, target].into_iter().find(|crs| crs.motion() == Motion::Dynamic)?;
    Some(format!(
        "{source} to {target}: plates move through {moving}, by some centimetres a year, and the year for which the \
         coordinates hold is not known: give it with --epoch, such as --epoch 2021.5"
    ))
}

#[cfg(feature = "gdal")]
fn build(
    schema: &SchemaRef,
    target: Crs,
    tasks: Vec<Task>,
    origin: Origin,
    warnings: &mut Vec<String>,
) -> Result<Option<Box<dyn Stage>>, ReprojectionError> {
    Ok(Some(Box::new(positions::Reproject::new(schema, target, tasks, origin, warnings)?)))
}

#[cfg(not(feature = "gdal"))]
fn build(
    _: &SchemaRef,
    _: Crs,
    _: Vec<Task>,
    _: Origin,
    _: &mut Vec<String>,
) -> Result<Option<Box<dyn Stage>>, ReprojectionError> {
    Err(ReprojectionError::NoProj)
}
