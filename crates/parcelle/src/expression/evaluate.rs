//! Bound expressions, and what they are for a batch.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::kernels::boolean;
use arrow::compute::{CastOptions, and_kleene, cast_with_options, ilike, like, or_kleene};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;

use crate::expression::arithmetic::{arithmetic, negate};
use crate::expression::compare::compare;
use crate::expression::syntax::{Comparison, Function, Operator};
use crate::expression::text;
use crate::expression::value::{Value, canonical};

/// An expression whose columns are positions in a schema and whose types fit.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Column(usize),
    Literal(ArrayRef),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare { operator: Comparison, left: Box<Node>, right: Box<Node> },
    IsNull { operand: Box<Node>, negated: bool },
    Is { operand: Box<Node>, truth: Option<bool>, negated: bool },
    In { operand: Box<Node>, items: Items, negated: bool },
    Between { operand: Box<Node>, low: Box<Node>, high: Box<Node>, negated: bool },
    Like { operand: Box<Node>, pattern: Box<Node>, escape: Option<String>, ignore_case: bool, negated: bool },
    Arithmetic { operator: Operator, left: Box<Node>, right: Box<Node> },
    Negate(Box<Node>),
    Cast { operand: Box<Node>, target: DataType, or_null: bool },
    Function { function: Function, arguments: Vec<Node> },
}

/// What a value may be among.
#[derive(Debug, Clone)]
pub(crate) enum Items {
    Few(Vec<Node>),
    Texts { values: HashSet<String>, has_null: bool },
    Integers { values: HashSet<i64>, has_null: bool },
}

impl Node {
    /// Its values for the rows of a batch.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<Value, ArrowError> {
        let rows = batch.num_rows();
        let truth = |node: &Self| {
            let value = node.evaluate(batch)?;
            Ok::<_, ArrowError>(value.with(Arc::new(value.truth()?)))
        };
        Ok(match self {
            Self::Column(index) => {
                let column = batch.columns().get(*index);
                let missing = || ArrowError::SchemaError(format!("column {index} is missing"));
                Value::column(canonical(column.ok_or_else(missing)?)?)
            }
            Self::Literal(array) => Value::scalar(Arc::clone(array)),
            Self::All(nodes) => fold(nodes.iter().map(truth), and_kleene, rows)?,
            Self::Any(nodes) => fold(nodes.iter().map(truth), or_kleene, rows)?,
            Self::Not(node) => {
                let value = node.evaluate(batch)?;
                value.with(Arc::new(boolean::not(&value.truth()?)?))
            }
            Self::Compare { operator, left, right } => {
                compare(*operator, &left.evaluate(batch)?, &right.evaluate(batch)?, rows)?
            }
            Self::IsNull { operand, negated } => {
                let value = operand.evaluate(batch)?;
                let is_null = boolean::is_null(&value.array)?;
                value.with(Arc::new(if *negated { boolean::not(&is_null)? } else { is_null }))
            }
            Self::Is { operand, truth, negated } => {
                let value = operand.evaluate(batch)?;
                let is =
                    value.truth()?.iter().map(|found| Some((found == *truth) != *negated)).collect::<BooleanArray>();
                value.with(Arc::new(is))
            }
            Self::In { operand, items, negated } => {
                let value = operand.evaluate(batch)?;
                let found = items.contain(&value, batch)?;
                if *negated { found.with(Arc::new(boolean::not(&found.truth()?)?)) } else { found }
            }
            Self::Between { operand, low, high, negated } => {
                let value = operand.evaluate(batch)?;
                let above = compare(Comparison::GreaterOrEqual, &value, &low.evaluate(batch)?, rows);
                let below = compare(Comparison::LessOrEqual, &value, &high.evaluate(batch)?, rows);
                let between = fold([above, below].into_iter(), and_kleene, rows)?;
                if *negated { between.with(Arc::new(boolean::not(&between.truth()?)?)) } else { between }
            }
            Self::Like { operand, pattern, escape, ignore_case, negated } => {
                let (value, pattern) = (as_text(&operand.evaluate(batch)?)?, as_text(&pattern.evaluate(batch)?)?);
                let pattern = match escape {
                    None => pattern,
                    Some(escape) => {
                        let patterns = pattern.array.as_string::<i32>().iter();
                        let patterns: StringArray =
                            patterns.map(|pattern| Some(text::with_backslash(pattern?, escape))).collect();
                        pattern.with(Arc::new(patterns))
                    }
                };
                let matches = if *ignore_case { ilike(&value, &pattern) } else { like(&value, &pattern) }?;
                let matches = if *negated { boolean::not(&matches)? } else { matches };
                Value { array: Arc::new(matches), is_scalar: value.is_scalar && pattern.is_scalar }
            }
            Self::Arithmetic { operator, left, right } => {
                arithmetic(*operator, &left.evaluate(batch)?, &right.evaluate(batch)?, rows)?
            }
            Self::Negate(operand) => negate(&operand.evaluate(batch)?)?,
            Self::Cast { operand, target, or_null } => {
                let value = operand.evaluate(batch)?;
                let options = CastOptions { safe: *or_null, ..CastOptions::default() };
                let cast = cast_with_options(&value.array, target, &options)?;
                value.with(canonical(&cast)?)
            }
            Self::Function { function, arguments } => {
                let arguments: Vec<Value> =
                    arguments.iter().map(|argument| argument.evaluate(batch)).collect::<Result<_, _>>()?;
                text::call(*function, &arguments, rows)?
            }
        })
    }
}

impl Items {
    /// Whether each value is among them.
    fn contain(&self, value: &Value, batch: &RecordBatch) -> Result<Value, ArrowError> {
        let among = |found: bool, has_null: bool| match (found, has_null) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        };
        Ok(match self {
            Self::Few(nodes) => {
                let rows = batch.num_rows();
                let equal = |node: &Node| compare(Comparison::Equal, value, &node.evaluate(batch)?, rows);
                fold(nodes.iter().map(equal), or_kleene, rows)?
            }
            Self::Texts { values, has_null } => {
                let found = as_text(value)?
                    .array
                    .as_string::<i32>()
                    .iter()
                    .map(|text| text.and_then(|text| among(values.contains(text), *has_null)))
                    .collect::<BooleanArray>();
                value.with(Arc::new(found))
            }
            Self::Integers { values, has_null } => {
                let integers = value.array.as_primitive_opt::<Int64Type>();
                let wrong = || ArrowError::InvalidArgumentError("IN: not an integer".to_owned());
                let found = integers
                    .ok_or_else(wrong)?
                    .iter()
                    .map(|integer| integer.and_then(|integer| among(values.contains(&integer), *has_null)))
                    .collect::<BooleanArray>();
                value.with(Arc::new(found))
            }
        })
    }
}

/// NULL of no type is one of text.
fn as_text(value: &Value) -> Result<Value, ArrowError> {
    match value.data_type() {
        DataType::Utf8 => Ok(value.clone()),
        _ => Ok(value.with(arrow::compute::cast(&value.array, &DataType::Utf8)?)),
    }
}

type Logic = fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, ArrowError>;

/// Truth values of several, together.
fn fold(
    values: impl Iterator<Item = Result<Value, ArrowError>>,
    logic: Logic,
    rows: usize,
) -> Result<Value, ArrowError> {
    let mut all: Option<Value> = None;
    for value in values {
        let value = value?;
        all = Some(match all {
            None => value,
            Some(all) if all.is_scalar == value.is_scalar => all.with(Arc::new(logic(&all.truth()?, &value.truth()?)?)),
            Some(all) => {
                let (left, right) = (Value::column(all.expand(rows)?), Value::column(value.expand(rows)?));
                Value::column(Arc::new(logic(&left.truth()?, &right.truth()?)?))
            }
        });
    }
    all.ok_or_else(|| ArrowError::InvalidArgumentError("nothing to combine".to_owned()))
}
