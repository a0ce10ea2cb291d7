//! What the values of a file lead to: its output columns.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use parcelle_crs::Crs;

use crate::OpenOptions;
use crate::csv::file::CsvFile;
use crate::csv::geometry::{self, Candidate, Chosen, Format};
use crate::csv::header::Header;
use crate::csv::survey::ColumnSurvey;
use crate::error::SourceError;
use crate::geometry_field::{geometry_field, layer_crs};
use crate::inference::ValueType;

/// The name of the column of points that coordinates become.
const POINTS: &str = "geometry";

/// A column of the batches.
#[derive(Debug, Clone, Copy)]
pub(super) enum Output {
    /// A column of the file.
    Attribute { column: usize, value_type: ValueType },
    /// A column of the file with geometry as text.
    Geometry { column: usize, format: Format },
    /// Points from two columns of the file.
    Pair { x: usize, y: usize },
    /// Points from a column of the file with latitude and longitude.
    Point { column: usize },
}

/// The columns of the batches.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) outputs: Vec<Output>,
    pub(super) schema: SchemaRef,
    /// Where the geometry comes from.
    pub(super) chosen: Chosen,
    /// The reference system that the values say; `None` where another one is assigned.
    pub(super) said_crs: Option<Option<Crs>>,
}

impl Shape {
    /// Concludes it from what the values of all columns say.
    pub(super) fn of(
        file: &CsvFile,
        header: &Header,
        candidates: &[Candidate],
        columns: &[ColumnSurvey],
        options: &OpenOptions,
    ) -> Result<Self, SourceError> {
        let evidence = |column: usize| columns.get(column)?.evidence.as_deref();
        let chosen = geometry::choose(file, &header.names, candidates, evidence)?;
        let mut said_crs = None;
        let crs = layer_crs(options.crs.as_deref(), || {
            let crs = geometry::reference_system(file, chosen, evidence)?;
            said_crs = Some(crs.clone());
            Ok(crs)
        })?;
        let select = options.select.as_deref();
        let mut outputs = Vec::new();
        let mut fields = Vec::new();
        for (column, (title, survey)) in header.names.iter().zip(columns).enumerate() {
            match chosen {
                Chosen::Text { column: geometry, format } if geometry == column => {
                    outputs.push(Output::Geometry { column, format });
                    fields.push(geometry_field(title, true, crs.as_ref()));
                }
                _ if select.is_none_or(|select| select.contains(title)) => {
                    let value_type = survey.value_type;
                    outputs.push(Output::Attribute { column, value_type });
                    fields.push(Field::new(title, value_type.data_type(), true));
                }
                _ => {}
            }
        }
        match chosen {
            Chosen::Text { .. } => {}
            Chosen::Pair { x, y, .. } => outputs.push(Output::Pair { x, y }),
            Chosen::Point { column } => outputs.push(Output::Point { column }),
        }
        if outputs.len() > fields.len() {
            fields.push(geometry_field(&points_name(&header.names), true, crs.as_ref()));
        }
        Ok(Self { outputs, schema: Arc::new(Schema::new(fields)), chosen, said_crs })
    }
}

/// A name for the column of points that no column of the file has.
pub(super) fn points_name(names: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{POINTS}_{number}"));
    std::iter::once(POINTS.to_owned()).chain(numbered).find(|name| !names.contains(name)).unwrap_or_default()
}
