//! The parser's tree to ours, which has only what a filter can have.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, Function as SqlFunction, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, InTarget, TimezoneInfo, TypedString, UnaryOperator, Value, ValueWithSpan,
};

use crate::expression::error::ExpressionError;
use crate::expression::parse::{MAX_DEPTH, too_deep};
use crate::expression::syntax::{ColumnName, Comparison, Function, Literal, Operator, Syntax, Target};

/// Everything that the grammar of [`expression`](crate::expression) has; all else is refused.
pub(crate) fn translate(expression: Expr, depth: usize) -> Result<Syntax, ExpressionError> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    let one = |operand: Box<Expr>| translate(*operand, depth + 1).map(Box::new);
    Ok(match expression {
        Expr::Nested(inner) => translate(*inner, depth + 1)?,
        Expr::Identifier(name) => Syntax::Column(column(name)),
        Expr::CompoundIdentifier(parts) => {
            let name = parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
            return Err(unsupported(
                format!("the name {name} of several parts"),
                format!(
                    "there is one layer, so leave out what stands before the column; if the name has a dot, write \"{name}\""
                ),
            ));
        }
        Expr::Value(value) => Syntax::Literal(literal(value)?),
        Expr::TypedString(typed) => Syntax::Literal(typed_literal(typed)?),
        Expr::BinaryOp { op: BinaryOperator::And, left, right } => {
            Syntax::All(chain(BinaryOperator::And, *left, *right, depth)?)
        }
        Expr::BinaryOp { op: BinaryOperator::Or, left, right } => {
            Syntax::Any(chain(BinaryOperator::Or, *left, *right, depth)?)
        }
        Expr::BinaryOp { op, left, right } => binary(&op, one(left)?, one(right)?)?,
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Syntax::Not(one(expr)?),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match *expr {
            // One literal, so that the least integer is one.
            Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) if !number.starts_with('-') => {
                Syntax::Literal(Literal::Number(format!("-{number}")))
            }
            operand => Syntax::Negate(one(Box::new(operand))?),
        },
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => *one(expr)?,
        Expr::IsNull(operand) => Syntax::IsNull { operand: one(operand)?, negated: false },
        Expr::IsNotNull(operand) => Syntax::IsNull { operand: one(operand)?, negated: true },
        Expr::IsTrue(operand) => Syntax::Is { operand: one(operand)?, truth: Some(true), negated: false },
        Expr::IsNotTrue(operand) => Syntax::Is { operand: one(operand)?, truth: Some(true), negated: true },
        Expr::IsFalse(operand) => Syntax::Is { operand: one(operand)?, truth: Some(false), negated: false },
        Expr::IsNotFalse(operand) => Syntax::Is { operand: one(operand)?, truth: Some(false), negated: true },
        Expr::IsUnknown(operand) => Syntax::Is { operand: one(operand)?, truth: None, negated: false },
        Expr::IsNotUnknown(operand) => Syntax::Is { operand: one(operand)?, truth: None, negated: true },
        Expr::IsDistinctFrom(left, right) => {
            Syntax::Compare { operator: Comparison::Distinct, left: one(left)?, right: one(right)? }
        }
        Expr::IsNotDistinctFrom(left, right) => {
            Syntax::Compare { operator: Comparison::NotDistinct, left: one(left)?, right: one(right)? }
        }
        Expr::In { expr, target: InTarget::List(list), negated, global: false } => Syntax::In {
            operand: one(expr)?,
            list: list.into_iter().map(|item| translate(item, depth + 1)).collect::<Result<_, _>>()?,
            negated,
        },
        Expr::Between { expr, negated, low, high } => {
            Syntax::Between { operand: one(expr)?, low: one(low)?, high: one(high)?, negated }
        }
        Expr::Like { negated, any: false, expr, pattern, escape_char } => Syntax::Like {
            operand: one(expr)?,
            pattern: one(pattern)?,
            escape: escape(escape_char)?,
            ignore_case: false,
            negated,
        },
        Expr::ILike { negated, any: false, expr, pattern, escape_char } => Syntax::Like {
            operand: one(expr)?,
            pattern: one(pattern)?,
            escape: escape(escape_char)?,
            ignore_case: true,
            negated,
        },
        Expr::Cast { kind, expr, data_type, format: None } => Syntax::Cast {
            operand: one(expr)?,
            target: target(&data_type)?,
            or_null: matches!(kind, CastKind::TryCast | CastKind::SafeCast),
        },
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let from = match substring_from {
                Some(from) => *one(from)?,
                None => Syntax::Literal(Literal::Number("1".to_owned())),
            };
            let mut arguments = vec![*one(expr)?, from];
            if let Some(length) = substring_for {
                arguments.push(*one(length)?);
            }
            Syntax::Function { function: Function::Substring, arguments }
        }
        Expr::Function(call) => function(call, depth)?,
        other => return Err(unsupported_expression(&other)),
    })
}

/// The operands of `AND` or `OR` in a row, which may be thousands.
fn chain(operator: BinaryOperator, left: Expr, right: Expr, depth: usize) -> Result<Vec<Syntax>, ExpressionError> {
    let mut operands = vec![right];
    let mut rest = left;
    while let Expr::BinaryOp { left, op, right } = rest {
        if op != operator {
            rest = Expr::BinaryOp { left, op, right };
            break;
        }
        operands.push(*right);
        rest = *left;
    }
    operands.push(rest);
    operands.into_iter().rev().map(|operand| translate(operand, depth + 1)).collect()
}

fn column(name: Ident) -> ColumnName {
    ColumnName { quoted: name.quote_style.is_some(), name: name.value }
}

fn binary(operator: &BinaryOperator, left: Box<Syntax>, right: Box<Syntax>) -> Result<Syntax, ExpressionError> {
    let compare = |operator, left, right| Ok(Syntax::Compare { operator, left, right });
    let arithmetic = |operator, left, right| Ok(Syntax::Arithmetic { operator, left, right });
    match operator {
        BinaryOperator::Eq => compare(Comparison::Equal, left, right),
        BinaryOperator::NotEq => compare(Comparison::NotEqual, left, right),
        BinaryOperator::Lt => compare(Comparison::Less, left, right),
        BinaryOperator::LtEq => compare(Comparison::LessOrEqual, left, right),
        BinaryOperator::Gt => compare(Comparison::Greater, left, right),
        BinaryOperator::GtEq => compare(Comparison::GreaterOrEqual, left, right),
        BinaryOperator::Plus => arithmetic(Operator::Add, left, right),
        BinaryOperator::Minus => arithmetic(Operator::Subtract, left, right),
        BinaryOperator::Multiply => arithmetic(Operator::Multiply, left, right),
        BinaryOperator::Divide => arithmetic(Operator::Divide, left, right),
        BinaryOperator::Modulo => arithmetic(Operator::Modulo, left, right),
        BinaryOperator::StringConcat => {
            Ok(Syntax::Function { function: Function::Concat, arguments: vec![*left, *right] })
        }
        other => Err(unsupported(
            format!("the operator {other}"),
            "the operators are = <> < <= > >= + - * / % || AND OR NOT IN BETWEEN LIKE ILIKE IS".to_owned(),
        )),
    }
}

fn literal(value: ValueWithSpan) -> Result<Literal, ExpressionError> {
    match value.value {
        Value::Null => Ok(Literal::Null),
        Value::Boolean(value) => Ok(Literal::Boolean(value)),
        Value::Number(number, _) => Ok(Literal::Number(number)),
        Value::SingleQuotedString(text) => Ok(Literal::Text(text)),
        other => Err(unsupported(
            format!("the literal {other}"),
            "literals are numbers, 'text', TRUE, FALSE, NULL, DATE '…', TIME '…' and TIMESTAMP '…'".to_owned(),
        )),
    }
}

fn typed_literal(typed: TypedString) -> Result<Literal, ExpressionError> {
    let TypedString { data_type, value, .. } = typed;
    let Value::SingleQuotedString(text) = value.value else {
        return Err(unsupported(format!("the literal {data_type} {value}"), "write it in single quotes".to_owned()));
    };
    match data_type {
        DataType::Date => Ok(Literal::Date(text)),
        DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Ok(Literal::Time(text)),
        DataType::Timestamp(None, _) | DataType::Datetime(None) => Ok(Literal::Timestamp(text)),
        other => Err(unsupported(
            format!("the literal {other} '{text}'"),
            "literals are numbers, 'text', TRUE, FALSE, NULL, DATE '…', TIME '…' and TIMESTAMP '…'".to_owned(),
        )),
    }
}

fn escape(value: Option<Box<Expr>>) -> Result<Option<String>, ExpressionError> {
    match value.map(|value| *value) {
        None => Ok(None),
        Some(Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }))
            if text.chars().count() <= 1 =>
        {
            Ok(Some(text))
        }
        Some(other) => {
            Err(unsupported(format!("ESCAPE {other}"), "one character in single quotes can follow ESCAPE".to_owned()))
        }
    }
}

fn target(data_type: &DataType) -> Result<Target, ExpressionError> {
    let decimal = |precision: u64, scale: i64| match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(precision @ 1..=38), Ok(scale)) if (0..=38).contains(&scale) && scale.unsigned_abs() <= precision => {
            Ok(Target::Decimal { precision, scale })
        }
        _ => Err(unsupported(
            format!("CAST to {data_type}"),
            "DECIMAL(p,s) has 1 to 38 digits, of which 0 to all are decimals".to_owned(),
        )),
    };
    match data_type {
        DataType::TinyInt(_)
        | DataType::SmallInt(_)
        | DataType::Int2(_)
        | DataType::MediumInt(_)
        | DataType::Int(_)
        | DataType::Int4(_)
        | DataType::Int8(_)
        | DataType::Int64
        | DataType::Integer(_)
        | DataType::BigInt(_) => Ok(Target::Integer),
        DataType::Float(_)
        | DataType::Float4
        | DataType::Float8
        | DataType::Float64
        | DataType::Real
        | DataType::Double(_)
        | DataType::DoublePrecision => Ok(Target::Double),
        DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => match info {
            ExactNumberInfo::None => Err(unsupported(
                format!("CAST to {data_type} without its size"),
                "write such as DECIMAL(18,3), or DOUBLE".to_owned(),
            )),
            ExactNumberInfo::Precision(precision) => decimal(*precision, 0),
            ExactNumberInfo::PrecisionAndScale(precision, scale) => decimal(*precision, *scale),
        },
        DataType::Text
        | DataType::String(None)
        | DataType::Varchar(None)
        | DataType::CharacterVarying(None)
        | DataType::CharVarying(None) => Ok(Target::Text),
        DataType::Bool | DataType::Boolean => Ok(Target::Boolean),
        DataType::Date => Ok(Target::Date),
        DataType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Ok(Target::Time),
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) | DataType::Datetime(None) => {
            Ok(Target::Timestamp { zoned: false })
        }
        DataType::Timestamp(None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => {
            Ok(Target::Timestamp { zoned: true })
        }
        other => Err(unsupported(
            format!("CAST to {other}"),
            "the types are INTEGER, DOUBLE, DECIMAL(p,s), TEXT, BOOLEAN, DATE, TIME, TIMESTAMP and TIMESTAMP WITH TIME ZONE"
                .to_owned(),
        )),
    }
}

fn function(call: SqlFunction, depth: usize) -> Result<Syntax, ExpressionError> {
    let name = call.name.to_string();
    let refused = || {
        unsupported(
            format!("the function {name}"),
            "the functions are LOWER, UPPER, LENGTH, SUBSTRING, CAST and TRY_CAST".to_owned(),
        )
    };
    let (function, count) = match name.to_ascii_uppercase().as_str() {
        "LOWER" => (Function::Lower, 1),
        "UPPER" => (Function::Upper, 1),
        "LENGTH" | "CHAR_LENGTH" | "CHARACTER_LENGTH" => (Function::Length, 1),
        _ => return Err(refused()),
    };
    let is_plain = call.filter.is_none()
        && call.over.is_none()
        && call.within_group.is_empty()
        && call.null_treatment.is_none()
        && matches!(call.parameters, FunctionArguments::None);
    let FunctionArguments::List(list) = call.args else { return Err(refused()) };
    if !is_plain || list.duplicate_treatment.is_some() || !list.clauses.is_empty() || list.args.len() != count {
        return Err(unsupported(format!("this form of {name}"), format!("write {name}(…) with one argument")));
    }
    let arguments = list.args.into_iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => translate(argument, depth + 1),
        _ => Err(unsupported(format!("this form of {name}"), format!("write {name}(…) with one argument"))),
    });
    Ok(Syntax::Function { function, arguments: arguments.collect::<Result<_, _>>()? })
}

fn unsupported(what: String, advice: String) -> ExpressionError {
    ExpressionError::Unsupported { what, advice }
}

fn unsupported_expression(expression: &Expr) -> ExpressionError {
    let what = match expression {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::In { .. } => "a subquery",
        Expr::Case { .. } => "CASE",
        Expr::Interval(_) => "INTERVAL",
        Expr::Extract { .. } => "EXTRACT",
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => "*",
        Expr::Tuple(_) => "a list of values outside of IN",
        Expr::SimilarTo { .. } | Expr::RLike { .. } => "a regular expression",
        Expr::AtTimeZone { .. } => "AT TIME ZONE",
        Expr::Trim { .. } => "TRIM",
        Expr::Like { .. } | Expr::ILike { .. } | Expr::AnyOp { .. } | Expr::AllOp { .. } => "ANY or ALL",
        _ => "this form of SQL",
    };
    unsupported(
        what.to_owned(),
        "it can compare and combine the columns of a row: = <> < > AND OR NOT IN BETWEEN LIKE ILIKE IS NULL + - * / % CAST"
            .to_owned(),
    )
}
