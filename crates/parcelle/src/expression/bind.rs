//! Syntax against a schema: names to columns, types to types.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use crate::expression::error::ExpressionError;
use crate::expression::evaluate::{Items, Node};
use crate::expression::literal;
use crate::expression::syntax::{ColumnName, Function, Literal, Syntax, Target};
use crate::expression::value::{Kind, UTC, Value, exact_cast};

/// From how many literals on the values of `IN` are looked up.
const LOOKED_UP: usize = 8;

/// A condition on the rows of batches with one schema.
#[derive(Debug, Clone)]
pub(crate) struct Predicate {
    node: Node,
}

impl Predicate {
    /// Holds an expression against a schema.
    ///
    /// # Errors
    /// [`ExpressionError`] where a column is not there, types do not go together, or the whole is no condition.
    pub(crate) fn bind(syntax: &Syntax, schema: &SchemaRef) -> Result<Self, ExpressionError> {
        let bound = Binder { schema, empty: RecordBatch::new_empty(schema.clone()) }.bind(syntax)?;
        match bound.kind {
            Kind::Boolean | Kind::Null => Ok(Self { node: bound.node }),
            _ => Err(ExpressionError::NotACondition { found: bound.description() }),
        }
    }

    /// Which rows it is TRUE for; neither FALSE nor NULL count.
    pub(crate) fn rows(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let value = self.node.evaluate(batch)?;
        let truth = Value::column(value.expand(batch.num_rows())?).truth()?;
        Ok(if truth.null_count() == 0 { truth } else { arrow::compute::prep_null_mask_filter(&truth) })
    }
}

/// An expression and what is known of it.
#[derive(Debug, Clone)]
struct Bound {
    node: Node,
    data_type: DataType,
    kind: Kind,
    /// The column and its type, where it is nothing else.
    column: Option<(String, DataType)>,
    /// The literal, where it is nothing else.
    literal: Option<Literal>,
    is_constant: bool,
}

impl Bound {
    /// For messages.
    fn description(&self) -> String {
        match (&self.column, &self.literal) {
            (Some((name, data_type)), _) => format!("column {name:?} ({data_type})"),
            (_, Some(Literal::Text(text))) => format!("'{text}' (text)"),
            (_, Some(Literal::Number(text))) => format!("{text} (a number)"),
            (_, Some(Literal::Null)) => "NULL".to_owned(),
            _ => self.kind.name().to_owned(),
        }
    }
}

struct Binder<'a> {
    schema: &'a SchemaRef,
    empty: RecordBatch,
}

impl Binder<'_> {
    fn bind(&self, syntax: &Syntax) -> Result<Bound, ExpressionError> {
        let boxed = |bound: Bound| Box::new(bound.node);
        match syntax {
            Syntax::Column(name) => self.column(name),
            Syntax::Literal(found) => {
                let bound = self.finish(Node::Literal(literal::value(found)?), &[])?;
                Ok(Bound { literal: Some(found.clone()), ..bound })
            }
            Syntax::All(parts) => {
                let (nodes, constant) = self.conditions("AND", parts)?;
                self.finish_constant(Node::All(nodes), constant)
            }
            Syntax::Any(parts) => {
                let (nodes, constant) = self.conditions("OR", parts)?;
                self.finish_constant(Node::Any(nodes), constant)
            }
            Syntax::Not(operand) => {
                let operand = self.condition("NOT", operand)?;
                let constant = operand.is_constant;
                self.finish_constant(Node::Not(boxed(operand)), constant)
            }
            Syntax::Is { operand, truth, negated } => {
                let operand = self.condition("IS", operand)?;
                let constant = operand.is_constant;
                self.finish_constant(Node::Is { operand: boxed(operand), truth: *truth, negated: *negated }, constant)
            }
            Syntax::IsNull { operand, negated } => {
                let operand = self.bind(operand)?;
                let constant = operand.is_constant;
                self.finish_constant(Node::IsNull { operand: boxed(operand), negated: *negated }, constant)
            }
            Syntax::Compare { operator, left, right } => {
                let (mut left, mut right) = (self.bind(left)?, self.bind(right)?);
                self.fit(&mut left, &mut right)?;
                comparable(operator.sign(), &left, &right)?;
                let constant = left.is_constant && right.is_constant;
                let node = Node::Compare { operator: *operator, left: boxed(left), right: boxed(right) };
                self.finish_constant(node, constant)
            }
            Syntax::Between { operand, low, high, negated } => {
                let (mut value, mut low, mut high) = (self.bind(operand)?, self.bind(low)?, self.bind(high)?);
                self.fit(&mut value, &mut low)?;
                self.fit(&mut value, &mut high)?;
                comparable("BETWEEN", &value, &low)?;
                comparable("BETWEEN", &value, &high)?;
                let constant = value.is_constant && low.is_constant && high.is_constant;
                let (operand, low, high) = (boxed(value), boxed(low), boxed(high));
                self.finish_constant(Node::Between { operand, low, high, negated: *negated }, constant)
            }
            Syntax::In { operand, list, negated } => self.membership(operand, list, *negated),
            Syntax::Like { operand, pattern, escape, ignore_case, negated } => {
                let name = if *ignore_case { "ILIKE" } else { "LIKE" };
                let (operand, pattern) = (self.bind(operand)?, self.bind(pattern)?);
                expect(name, &[&operand, &pattern], Kind::Text)?;
                let constant = operand.is_constant && pattern.is_constant;
                let node = Node::Like {
                    operand: boxed(operand),
                    pattern: boxed(pattern),
                    escape: escape.clone(),
                    ignore_case: *ignore_case,
                    negated: *negated,
                };
                self.finish_constant(node, constant)
            }
            Syntax::Arithmetic { operator, left, right } => {
                let (left, right) = (self.bind(left)?, self.bind(right)?);
                expect(operator.sign(), &[&left, &right], Kind::Number)?;
                let constant = left.is_constant && right.is_constant;
                let node = Node::Arithmetic { operator: *operator, left: boxed(left), right: boxed(right) };
                self.finish_constant(node, constant)
            }
            Syntax::Negate(operand) => {
                let operand = self.bind(operand)?;
                expect("-", &[&operand], Kind::Number)?;
                let constant = operand.is_constant;
                self.finish_constant(Node::Negate(boxed(operand)), constant)
            }
            Syntax::Cast { operand, target, or_null } => self.cast(operand, *target, *or_null),
            Syntax::Function { function, arguments } => {
                let arguments: Vec<Bound> = arguments.iter().map(|part| self.bind(part)).collect::<Result<_, _>>()?;
                for (position, argument) in arguments.iter().enumerate() {
                    let is_number = *function == Function::Substring && position > 0;
                    expect(function.name(), &[argument], if is_number { Kind::Number } else { Kind::Text })?;
                    if is_number && !matches!(argument.data_type, DataType::Int64 | DataType::Null) {
                        return Err(mismatch(
                            function.name(),
                            argument.description(),
                            "positions and lengths are integers",
                        ));
                    }
                }
                let constant = arguments.iter().all(|argument| argument.is_constant);
                let arguments = arguments.into_iter().map(|argument| argument.node).collect();
                self.finish_constant(Node::Function { function: *function, arguments }, constant)
            }
        }
    }

    fn column(&self, wanted: &ColumnName) -> Result<Bound, ExpressionError> {
        let index = find(wanted, self.schema.fields().iter().map(|field| field.name().as_str()))?;
        let bound = self.finish(Node::Column(index), &[false])?;
        let field = self.schema.field(index);
        Ok(Bound { column: Some((field.name().clone(), field.data_type().clone())), ..bound })
    }

    fn condition(&self, operation: &str, syntax: &Syntax) -> Result<Bound, ExpressionError> {
        let bound = self.bind(syntax)?;
        expect(operation, &[&bound], Kind::Boolean)?;
        Ok(bound)
    }

    fn conditions(&self, operation: &str, parts: &[Syntax]) -> Result<(Vec<Node>, bool), ExpressionError> {
        let mut constant = true;
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts {
            let bound = self.condition(operation, part)?;
            constant &= bound.is_constant;
            nodes.push(bound.node);
        }
        Ok((nodes, constant))
    }

    fn membership(&self, operand: &Syntax, list: &[Syntax], negated: bool) -> Result<Bound, ExpressionError> {
        let mut value = self.bind(operand)?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            let mut item = self.bind(item)?;
            self.fit(&mut value, &mut item)?;
            // NULL among others is allowed: it makes what is not found unknown.
            if item.kind != Kind::Null {
                comparable("IN", &value, &item)?;
            }
            items.push(item);
        }
        if value.kind == Kind::Other {
            return Err(mismatch("IN", value.description(), ONLY_NULL));
        }
        let constant = value.is_constant && items.iter().all(|item| item.is_constant);
        let items = items_of(&value.data_type, items);
        self.finish_constant(Node::In { operand: Box::new(value.node), items, negated }, constant)
    }

    fn cast(&self, operand: &Syntax, target: Target, or_null: bool) -> Result<Bound, ExpressionError> {
        let operand = self.bind(operand)?;
        let (target, allowed): (DataType, &[Kind]) = match target {
            Target::Integer => (DataType::Int64, &[Kind::Number, Kind::Text, Kind::Boolean]),
            Target::Double => (DataType::Float64, &[Kind::Number, Kind::Text, Kind::Boolean]),
            Target::Decimal { precision, scale } => {
                (DataType::Decimal128(precision, scale), &[Kind::Number, Kind::Text])
            }
            Target::Boolean => (DataType::Boolean, &[Kind::Boolean, Kind::Text, Kind::Number]),
            Target::Text => (
                DataType::Utf8,
                &[
                    Kind::Text,
                    Kind::Number,
                    Kind::Boolean,
                    Kind::Date,
                    Kind::Time,
                    Kind::Timestamp { zoned: false },
                    Kind::Timestamp { zoned: true },
                ],
            ),
            Target::Date => (
                DataType::Date32,
                &[Kind::Date, Kind::Text, Kind::Timestamp { zoned: false }, Kind::Timestamp { zoned: true }],
            ),
            Target::Time => (DataType::Time64(TimeUnit::Nanosecond), &[Kind::Time, Kind::Text]),
            Target::Timestamp { zoned } => (
                DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| UTC.into())),
                &[Kind::Timestamp { zoned: false }, Kind::Timestamp { zoned: true }, Kind::Date, Kind::Text],
            ),
        };
        if operand.kind != Kind::Null && !allowed.contains(&operand.kind) {
            let advice = format!("it cannot be cast to {target}");
            return Err(mismatch("CAST", operand.description(), &advice));
        }
        let constant = operand.is_constant;
        self.finish_constant(Node::Cast { operand: Box::new(operand.node), target, or_null }, constant)
    }

    /// Brings a literal into the form of what it stands beside.
    fn fit(&self, left: &mut Bound, right: &mut Bound) -> Result<(), ExpressionError> {
        self.fit_literal(left, right)?;
        self.fit_literal(right, left)
    }

    fn fit_literal(&self, beside: &Bound, found: &mut Bound) -> Result<(), ExpressionError> {
        let array = match (&found.literal, beside.kind) {
            (Some(Literal::Text(text)), kind) if beside.literal.is_none() => literal::beside(text, kind).transpose()?,
            (Some(Literal::Timestamp(text)), kind @ Kind::Timestamp { .. }) if beside.literal.is_none() => {
                literal::beside(text, kind).transpose()?
            }
            (Some(Literal::Number(_)), Kind::Number) => match &beside.column {
                Some((_, DataType::Float32 | DataType::Float16)) => single_precision(found),
                _ => None,
            },
            _ => None,
        };
        let Some(array) = array else { return Ok(()) };
        // The same unit, where it holds the literal exactly, so that nothing has to be cast per batch.
        let array = match (&beside.data_type, array.data_type()) {
            (wanted @ DataType::Timestamp(..), DataType::Timestamp(..)) => {
                let there_and_back =
                    exact_cast(&array, wanted).and_then(|cast| Ok((exact_cast(&cast, array.data_type())?, cast)));
                match there_and_back {
                    Ok((back, cast)) if back.as_ref() == array.as_ref() => cast,
                    _ => array,
                }
            }
            _ => array,
        };
        let literal = found.literal.take();
        *found = Bound { literal, ..self.finish(Node::Literal(array), &[])? };
        Ok(())
    }

    fn finish(&self, node: Node, constants: &[bool]) -> Result<Bound, ExpressionError> {
        self.finish_constant(node, constants.iter().all(|constant| *constant))
    }

    /// What is constant is computed once; the type of all else is what no rows of it have.
    fn finish_constant(&self, node: Node, is_constant: bool) -> Result<Bound, ExpressionError> {
        let failed = |error: ArrowError| ExpressionError::Constant { reason: evaluation_failure(&error) };
        let value = node.evaluate(&self.empty).map_err(failed)?;
        let data_type = value.data_type().clone();
        let node = if is_constant && value.is_scalar { Node::Literal(value.array) } else { node };
        Ok(Bound { node, kind: Kind::of(&data_type), data_type, column: None, literal: None, is_constant })
    }
}

/// What a kernel says, and the way out.
pub(crate) fn evaluation_failure(error: &ArrowError) -> String {
    match error {
        ArrowError::ArithmeticOverflow(_) => {
            "the result of an arithmetic operation does not fit its type: CAST one of its operands to DOUBLE".to_owned()
        }
        ArrowError::CastError(reason) | ArrowError::ParseError(reason) => {
            format!("{reason}: with TRY_CAST in the place of CAST, what does not fit is NULL")
        }
        ArrowError::ComputeError(reason) | ArrowError::InvalidArgumentError(reason) => reason.clone(),
        other => other.to_string(),
    }
}

/// The position of a column.
pub(crate) fn find<'a>(
    wanted: &ColumnName,
    columns: impl Iterator<Item = &'a str> + Clone,
) -> Result<usize, ExpressionError> {
    let exact = columns.clone().position(|name| name == wanted.name);
    if wanted.quoted
        && let Some(index) = exact
    {
        return Ok(index);
    }
    let lower = wanted.name.to_lowercase();
    let similar: Vec<(usize, &str)> =
        columns.clone().enumerate().filter(|(_, name)| !wanted.quoted && name.to_lowercase() == lower).collect();
    match similar.as_slice() {
        [(index, _)] => Ok(*index),
        [] => {
            let hint = if wanted.quoted {
                format!(". Text is written in single quotes: '{}'", wanted.name)
            } else {
                String::new()
            };
            Err(ExpressionError::UnknownColumn {
                column: wanted.name.clone(),
                suggestion: parcelle_source::suggestion(&wanted.name, columns.clone()),
                available: columns.map(str::to_owned).collect(),
                hint,
            })
        }
        several => Err(ExpressionError::AmbiguousColumn {
            column: wanted.name.clone(),
            candidates: several.iter().map(|(_, name)| (*name).to_owned()).collect(),
        }),
    }
}

const ONLY_NULL: &str = "of such a column only IS NULL and IS NOT NULL can be asked";

fn mismatch(operation: &str, operands: String, advice: &str) -> ExpressionError {
    ExpressionError::Mismatch { operation: operation.to_owned(), operands, advice: advice.to_owned() }
}

/// Refuses operands of another kind.
fn expect(operation: &str, operands: &[&Bound], wanted: Kind) -> Result<(), ExpressionError> {
    let Some(wrong) = operands.iter().find(|operand| operand.kind != wanted && operand.kind != Kind::Null) else {
        return Ok(());
    };
    let advice = match (wanted, wrong.kind) {
        (_, Kind::Other) => ONLY_NULL.to_owned(),
        (Kind::Boolean, _) => "it takes conditions: compare with something, such as `… = 1`".to_owned(),
        (Kind::Text, _) => "it takes text: write CAST(… AS TEXT)".to_owned(),
        (Kind::Number, Kind::Text) => {
            "it takes numbers: write CAST(… AS DOUBLE), or a literal without quotes".to_owned()
        }
        (Kind::Number, _) => "it takes numbers".to_owned(),
        _ => format!("it takes {}", wanted.name()),
    };
    Err(mismatch(operation, wrong.description(), &advice))
}

/// Refuses to compare what cannot be.
fn comparable(operation: &str, left: &Bound, right: &Bound) -> Result<(), ExpressionError> {
    let never = |bound: &Bound| matches!(bound.literal, Some(Literal::Null));
    if (never(left) || never(right)) && !operation.starts_with("IS ") {
        let advice = "it would never be TRUE: write IS NULL or IS NOT NULL";
        return Err(mismatch(operation, "NULL".to_owned(), advice));
    }
    let is_ok = match (left.kind, right.kind) {
        (Kind::Other, _) | (_, Kind::Other) => false,
        (Kind::Null, _) | (_, Kind::Null) => true,
        (Kind::Date, Kind::Timestamp { .. }) | (Kind::Timestamp { .. }, Kind::Date) => true,
        (left, right) => left == right,
    };
    if is_ok {
        return Ok(());
    }
    let advice = match (left.kind, right.kind) {
        (Kind::Other, _) | (_, Kind::Other) => ONLY_NULL.to_owned(),
        (Kind::Number, Kind::Text) | (Kind::Text, Kind::Number) => match (&left.literal, &right.literal) {
            (Some(Literal::Number(number)), _) | (_, Some(Literal::Number(number))) => {
                format!("write the number as text: '{number}'")
            }
            (Some(Literal::Text(_)), _) | (_, Some(Literal::Text(_))) => "write the number without quotes".to_owned(),
            _ => "cast one of them, such as CAST(… AS TEXT) or TRY_CAST(… AS DOUBLE)".to_owned(),
        },
        (Kind::Boolean, _) | (_, Kind::Boolean) => "compare a truth value with TRUE or FALSE".to_owned(),
        (Kind::Timestamp { .. }, Kind::Timestamp { .. }) => {
            "one has a time zone and one has none: CAST(… AS TIMESTAMP WITH TIME ZONE) takes the one without for UTC"
                .to_owned()
        }
        (Kind::Date, Kind::Number) | (Kind::Number, Kind::Date) => "write a date as DATE '2024-12-31'".to_owned(),
        _ => "cast one of them to the type of the other".to_owned(),
    };
    Err(mismatch(operation, format!("{} and {}", left.description(), right.description()), &advice))
}

/// A literal with decimals as single precision has it.
fn single_precision(found: &Bound) -> Option<ArrayRef> {
    let Node::Literal(array) = &found.node else { return None };
    if *array.data_type() == DataType::Int64 {
        return None;
    }
    let doubles = exact_cast(array, &DataType::Float64).ok()?;
    let singles = exact_cast(&doubles, &DataType::Float32).ok()?;
    let value = singles.as_primitive_opt::<Float32Type>()?.value(0);
    // Beyond single precision it stays what it is.
    value
        .is_finite()
        .then(|| exact_cast(&singles, &DataType::Float64).ok())?
        .filter(|array| array.as_primitive_opt::<Float64Type>().is_some())
}

/// A set to look up in, where there are many literals of the type.
fn items_of(value_type: &DataType, items: Vec<Bound>) -> Items {
    let literals = || {
        items.iter().map(|item| match &item.node {
            Node::Literal(array) => Some(array),
            _ => None,
        })
    };
    let has_null = items.iter().any(|item| item.kind == Kind::Null);
    let all_are = |wanted: &DataType| {
        literals()
            .all(|array| array.is_some_and(|array| array.data_type() == wanted || *array.data_type() == DataType::Null))
    };
    let is_valid = |array: &&ArrayRef| array.logical_nulls().is_none_or(|nulls| nulls.null_count() == 0);
    if items.len() > LOOKED_UP && value_type == &DataType::Utf8 && all_are(&DataType::Utf8) {
        let texts = literals().flatten().filter(is_valid).filter_map(|array| array.as_string_opt::<i32>());
        let values: HashSet<String> = texts.map(|text| text.value(0).to_owned()).collect();
        return Items::Texts { values, has_null };
    }
    if items.len() > LOOKED_UP && value_type == &DataType::Int64 && all_are(&DataType::Int64) {
        let integers = literals().flatten().filter(is_valid).filter_map(|array| array.as_primitive_opt::<Int64Type>());
        let values: HashSet<i64> = integers.map(|integer| integer.value(0)).collect();
        return Items::Integers { values, has_null };
    }
    Items::Few(items.into_iter().map(|item| item.node).collect())
}
