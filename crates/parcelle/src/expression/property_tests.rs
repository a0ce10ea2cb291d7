//! Random expressions over random rows, against an evaluator that goes row by row and knows nothing of Arrow.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int16Array, Int64Array, RecordBatch, StringArray,
    StringViewArray, UInt64Array,
};
use arrow::datatypes::{Field, Int32Type, Schema};
use proptest::prelude::*;

use super::syntax::{Comparison, Function, Literal, Operator};
use super::*;

#[derive(Debug, Clone, PartialEq)]
enum Plain {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

/// A result that does not fit 64 bits.
#[derive(Debug)]
struct Overflow;

type Row = (Option<i16>, Option<i64>, Option<u64>, Option<f64>, Option<String>, Option<String>, Option<bool>);

const COLUMNS: [&str; 7] = ["small", "large", "unsigned", "real", "word", "kind", "flag"];

fn cell(row: &Row, name: &str) -> Plain {
    let integer = |value: Option<i128>| value.map_or(Plain::Null, Plain::Integer);
    let text = |value: &Option<String>| value.clone().map_or(Plain::Null, Plain::Text);
    match name {
        "small" => integer(row.0.map(i128::from)),
        "large" => integer(row.1.map(i128::from)),
        "unsigned" => integer(row.2.map(i128::from)),
        "real" => row.3.map_or(Plain::Null, Plain::Float),
        "word" => text(&row.4),
        "kind" => text(&row.5),
        "flag" => row.6.map_or(Plain::Null, Plain::Boolean),
        other => panic!("{other}"),
    }
}

/// Numbers by value: NaN is equal to itself and above all others.
fn order(left: &Plain, right: &Plain) -> Option<Ordering> {
    let floats = |left: f64, right: f64| match (left.is_nan(), right.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => left.partial_cmp(&right).unwrap(),
    };
    // Far enough apart the rounding to a double does not matter; where it does, the float is whole and fits.
    let mixed = |integer: i128, float: f64| match floats(integer as f64, float) {
        Ordering::Equal => integer.cmp(&(float as i128)),
        order => order,
    };
    Some(match (left, right) {
        (Plain::Null, _) | (_, Plain::Null) => return None,
        (Plain::Boolean(left), Plain::Boolean(right)) => left.cmp(right),
        (Plain::Integer(left), Plain::Integer(right)) => left.cmp(right),
        (Plain::Float(left), Plain::Float(right)) => floats(*left, *right),
        (Plain::Integer(left), Plain::Float(right)) => mixed(*left, *right),
        (Plain::Float(left), Plain::Integer(right)) => mixed(*right, *left).reverse(),
        (Plain::Text(left), Plain::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        other => panic!("{other:?}"),
    })
}

fn truth(value: Option<bool>) -> Plain {
    value.map_or(Plain::Null, Plain::Boolean)
}

fn as_truth(value: &Plain) -> Option<bool> {
    match value {
        Plain::Null => None,
        Plain::Boolean(value) => Some(*value),
        other => panic!("{other:?}"),
    }
}

fn matches(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skipped| matches(&text[skipped..], rest)),
        ['_', rest @ ..] => !text.is_empty() && matches(&text[1..], rest),
        [first, rest @ ..] => text.first() == Some(first) && matches(&text[1..], rest),
    }
}

fn plain(syntax: &Syntax, row: &Row) -> Result<Plain, Overflow> {
    let several = |parts: &[Syntax]| -> Result<Vec<Option<bool>>, Overflow> {
        parts.iter().map(|part| Ok(as_truth(&plain(part, row)?))).collect()
    };
    Ok(match syntax {
        Syntax::Column(name) => cell(row, &name.name),
        Syntax::Literal(Literal::Null) => Plain::Null,
        Syntax::Literal(Literal::Boolean(value)) => Plain::Boolean(*value),
        Syntax::Literal(Literal::Text(value)) => Plain::Text(value.clone()),
        Syntax::Literal(Literal::Number(text)) => match text.parse() {
            Ok(integer) => Plain::Integer(integer),
            Err(_) => Plain::Float(text.parse().unwrap()),
        },
        Syntax::All(parts) => {
            let parts = several(parts)?;
            let unknown = if parts.contains(&None) { None } else { Some(true) };
            truth(if parts.contains(&Some(false)) { Some(false) } else { unknown })
        }
        Syntax::Any(parts) => {
            let parts = several(parts)?;
            let unknown = if parts.contains(&None) { None } else { Some(false) };
            truth(if parts.contains(&Some(true)) { Some(true) } else { unknown })
        }
        Syntax::Not(operand) => truth(as_truth(&plain(operand, row)?).map(|value| !value)),
        Syntax::IsNull { operand, negated } => Plain::Boolean((plain(operand, row)? == Plain::Null) != *negated),
        Syntax::Is { operand, truth, negated } => {
            Plain::Boolean((as_truth(&plain(operand, row)?) == *truth) != *negated)
        }
        Syntax::Compare { operator, left, right } => {
            let (left, right) = (plain(left, row)?, plain(right, row)?);
            match (operator, order(&left, &right)) {
                (operator, Some(order)) => Plain::Boolean(compare::holds(*operator, order)),
                (Comparison::Distinct, None) => Plain::Boolean((left == Plain::Null) != (right == Plain::Null)),
                (Comparison::NotDistinct, None) => Plain::Boolean((left == Plain::Null) == (right == Plain::Null)),
                (_, None) => Plain::Null,
            }
        }
        Syntax::Between { operand, low, high, negated } => {
            let (value, low, high) = (plain(operand, row)?, plain(low, row)?, plain(high, row)?);
            let above = order(&value, &low).map(Ordering::is_ge);
            let below = order(&value, &high).map(Ordering::is_le);
            let within = match (above, below) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
            truth(within.map(|within| within != *negated))
        }
        Syntax::In { operand, list, negated } => {
            let value = plain(operand, row)?;
            let mut found = Some(false);
            for item in list {
                match order(&value, &plain(item, row)?) {
                    Some(Ordering::Equal) => found = Some(true),
                    None if found == Some(false) => found = None,
                    _ => {}
                }
            }
            truth(found.map(|found| found != *negated))
        }
        Syntax::Like { operand, pattern, negated, .. } => match (plain(operand, row)?, plain(pattern, row)?) {
            (Plain::Text(text), Plain::Text(pattern)) => {
                let characters = |text: &str| text.chars().collect::<Vec<_>>();
                Plain::Boolean(matches(&characters(&text), &characters(&pattern)) != *negated)
            }
            _ => Plain::Null,
        },
        Syntax::Arithmetic { operator, left, right } => {
            let (left, right) = (plain(left, row)?, plain(right, row)?);
            match (left, right) {
                (Plain::Null, _) | (_, Plain::Null) => Plain::Null,
                (Plain::Integer(left), Plain::Integer(right)) => {
                    let result = match operator {
                        Operator::Add => left.checked_add(right),
                        Operator::Subtract => left.checked_sub(right),
                        Operator::Multiply => left.checked_mul(right),
                        Operator::Divide | Operator::Modulo if right == 0 => return Ok(Plain::Null),
                        Operator::Divide => left.checked_div(right),
                        Operator::Modulo => left.checked_rem(right),
                    };
                    let result = result.and_then(|result| i64::try_from(result).ok()).ok_or(Overflow)?;
                    Plain::Integer(i128::from(result))
                }
                other => panic!("{other:?}"),
            }
        }
        Syntax::Negate(operand) => match plain(operand, row)? {
            Plain::Integer(value) => Plain::Integer(i128::from(i64::try_from(-value).map_err(|_| Overflow)?)),
            Plain::Float(value) => Plain::Float(-value),
            other => other,
        },
        Syntax::Function { function, arguments } => {
            let arguments: Vec<Plain> = arguments.iter().map(|part| plain(part, row)).collect::<Result<_, _>>()?;
            match (function, arguments.as_slice()) {
                (Function::Upper, [Plain::Text(text)]) => Plain::Text(text.to_uppercase()),
                (Function::Lower, [Plain::Text(text)]) => Plain::Text(text.to_lowercase()),
                (Function::Length, [Plain::Text(text)]) => Plain::Integer(text.chars().count() as i128),
                (Function::Concat, [Plain::Text(left), Plain::Text(right)]) => Plain::Text(format!("{left}{right}")),
                _ => Plain::Null,
            }
        }
        other => panic!("{other:?}"),
    })
}

/// In parentheses throughout.
fn written(syntax: &Syntax) -> String {
    let list = |parts: &[Syntax], between: &str| parts.iter().map(written).collect::<Vec<_>>().join(between);
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    match syntax {
        Syntax::Column(name) if name.quoted => format!("\"{}\"", name.name),
        Syntax::Column(name) => name.name.clone(),
        Syntax::Literal(Literal::Null) => "NULL".to_owned(),
        Syntax::Literal(Literal::Boolean(value)) => value.to_string(),
        Syntax::Literal(Literal::Number(text)) => text.clone(),
        Syntax::Literal(Literal::Text(text)) => format!("'{}'", text.replace('\'', "''")),
        Syntax::All(parts) => format!("({})", list(parts, " AND ")),
        Syntax::Any(parts) => format!("({})", list(parts, " OR ")),
        Syntax::Not(operand) => format!("(NOT {})", written(operand)),
        Syntax::Compare { operator, left, right } => {
            format!("({} {} {})", written(left), operator.sign(), written(right))
        }
        Syntax::IsNull { operand, negated } => format!("({} IS {}NULL)", written(operand), not(negated)),
        Syntax::Is { operand, truth, negated } => {
            let truth = truth.map_or_else(|| "UNKNOWN".to_owned(), |truth| truth.to_string());
            format!("({} IS {}{truth})", written(operand), not(negated))
        }
        Syntax::In { operand, list: items, negated } => {
            format!("({} {}IN ({}))", written(operand), not(negated), list(items, ", "))
        }
        Syntax::Between { operand, low, high, negated } => {
            format!("({} {}BETWEEN {} AND {})", written(operand), not(negated), written(low), written(high))
        }
        Syntax::Like { operand, pattern, negated, .. } => {
            format!("({} {}LIKE {})", written(operand), not(negated), written(pattern))
        }
        Syntax::Arithmetic { operator, left, right } => {
            format!("({} {} {})", written(left), operator.sign(), written(right))
        }
        Syntax::Negate(operand) => format!("(-{})", written(operand)),
        Syntax::Function { function: Function::Concat, arguments } => format!("({})", list(arguments, " || ")),
        Syntax::Function { function, arguments } => format!("{}({})", function.name(), list(arguments, ", ")),
        other => panic!("{other:?}"),
    }
}

fn column(name: &'static str) -> BoxedStrategy<Syntax> {
    any::<bool>().prop_map(move |quoted| Syntax::Column(ColumnName { name: name.to_owned(), quoted })).boxed()
}

fn literal(value: impl ToString) -> Syntax {
    Syntax::Literal(Literal::Number(value.to_string()))
}

/// Integers; those of 64 bits without sign only outside of arithmetic, where they are decimals.
fn integers() -> impl Strategy<Value = Syntax> {
    let leaf = prop_oneof![
        4 => column("small"),
        3 => column("large"),
        3 => (-5..6i64).prop_map(literal),
        1 => prop::sample::select(vec![i64::MAX, i64::MIN, 9_007_199_254_740_993]).prop_map(literal),
        1 => Just(Syntax::Function { function: Function::Length, arguments: vec![Syntax::Column(ColumnName { name: "word".to_owned(), quoted: false })] }),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        let operator = prop::sample::select(vec![
            Operator::Add,
            Operator::Subtract,
            Operator::Multiply,
            Operator::Divide,
            Operator::Modulo,
        ]);
        prop_oneof![
            5 => (operator, inner.clone(), inner.clone()).prop_map(|(operator, left, right)| Syntax::Arithmetic {
                operator,
                left: Box::new(left),
                right: Box::new(right)
            }),
            // The sign of a literal is part of it.
            1 => inner.prop_map(|operand| match operand {
                Syntax::Literal(_) => operand,
                operand => Syntax::Negate(Box::new(operand)),
            }),
        ]
    })
}

fn numbers() -> impl Strategy<Value = Syntax> {
    prop_oneof![
        5 => integers(),
        2 => column("real"),
        1 => column("unsigned"),
        1 => prop::sample::select(vec!["2.5e0", "9007199254740992e0", "1e300", "-1e-3"]).prop_map(literal),
    ]
}

fn texts() -> impl Strategy<Value = Syntax> {
    let leaf = prop_oneof![
        column("word"),
        column("kind"),
        "[abÉ'%_]{0,3}".prop_map(|text| Syntax::Literal(Literal::Text(text))),
    ];
    leaf.prop_recursive(1, 3, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|operand| Syntax::Function { function: Function::Upper, arguments: vec![operand] }),
            (inner.clone(), inner).prop_map(|(left, right)| Syntax::Function {
                function: Function::Concat,
                arguments: vec![left, right]
            }),
        ]
    })
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Distinct,
        Comparison::NotDistinct,
    ])
}

/// Questions about operands of one kind.
fn questions(operands: BoxedStrategy<Syntax>, literals: BoxedStrategy<Syntax>) -> impl Strategy<Value = Syntax> {
    let two = (operands.clone(), operands.clone());
    let boxed = Box::new;
    prop_oneof![
        (comparisons(), two).prop_map(move |(operator, (left, right))| Syntax::Compare {
            operator,
            left: boxed(left),
            right: boxed(right)
        }),
        (operands.clone(), any::<bool>())
            .prop_map(move |(operand, negated)| Syntax::IsNull { operand: boxed(operand), negated }),
        (operands.clone(), operands.clone(), operands.clone(), any::<bool>()).prop_map(
            move |(operand, low, high, negated)| Syntax::Between {
                operand: boxed(operand),
                low: boxed(low),
                high: boxed(high),
                negated
            }
        ),
        (operands.clone(), prop::collection::vec(operands.clone(), 1..4), any::<bool>(), any::<bool>()).prop_map(
            move |(operand, mut list, null, negated)| {
                list.extend(null.then_some(Syntax::Literal(Literal::Null)));
                Syntax::In { operand: boxed(operand), list, negated }
            }
        ),
        // Enough literals to be looked up.
        (operands, prop::collection::vec(literals, 9..14), any::<bool>())
            .prop_map(move |(operand, list, negated)| Syntax::In { operand: boxed(operand), list, negated }),
    ]
}

fn conditions() -> impl Strategy<Value = Syntax> {
    let leaf = prop_oneof![
        4 => questions(numbers().boxed(), (-6..6i64).prop_map(literal).boxed()),
        3 => questions(texts().boxed(), "[abÉ]{0,2}".prop_map(|text| Syntax::Literal(Literal::Text(text))).boxed()),
        1 => column("flag"),
        1 => any::<bool>().prop_map(|value| Syntax::Literal(Literal::Boolean(value))),
        2 => (texts(), texts(), any::<bool>()).prop_map(|(operand, pattern, negated)| Syntax::Like {
            operand: Box::new(operand),
            pattern: Box::new(pattern),
            escape: None,
            ignore_case: false,
            negated
        }),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let truth = prop::sample::select(vec![Some(true), Some(false), None]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Syntax::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Syntax::Any),
            inner.clone().prop_map(|operand| Syntax::Not(Box::new(operand))),
            (inner, truth, any::<bool>()).prop_map(|(operand, truth, negated)| Syntax::Is {
                operand: Box::new(operand),
                truth,
                negated
            }),
        ]
    })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let word = || proptest::option::weighted(0.8, "[abÉ'%_]{0,3}");
    let some = 0.8;
    let large = prop_oneof![4 => -6..7i64, 1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => Just(9_007_199_254_740_993)];
    let unsigned = prop_oneof![3 => 0..6u64, 1 => Just(u64::MAX), 1 => Just(1 << 63)];
    let real = prop_oneof![
        4 => (-6..7i8).prop_map(|value| f64::from(value) / -2.0),
        1 => prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, -0.0, 9_007_199_254_740_992.0, 1e300, 18_446_744_073_709_551_616.0])
    ];
    prop::collection::vec(
        (
            proptest::option::weighted(some, -6..7i16),
            proptest::option::weighted(some, large),
            proptest::option::weighted(some, unsigned),
            proptest::option::weighted(some, real),
            word(),
            word(),
            any::<Option<bool>>(),
        ),
        0..12,
    )
}

fn batch(rows: &[Row]) -> RecordBatch {
    let kind: DictionaryArray<Int32Type> = rows.iter().map(|row| row.5.as_deref()).collect();
    let arrays: [ArrayRef; 7] = [
        Arc::new(rows.iter().map(|row| row.0).collect::<Int16Array>()),
        Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.2).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>()),
        if rows.len().is_multiple_of(2) {
            Arc::new(rows.iter().map(|row| row.4.as_deref()).collect::<StringArray>())
        } else {
            Arc::new(rows.iter().map(|row| row.4.as_deref()).collect::<StringViewArray>())
        },
        Arc::new(kind),
        Arc::new(rows.iter().map(|row| row.6).collect::<BooleanArray>()),
    ];
    let fields = COLUMNS.iter().zip(&arrays).map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays.to_vec()).unwrap()
}

/// Whether a part without columns overflows, which is found before any row is read.
fn has_overflowing_constant(syntax: &Syntax) -> bool {
    let rest = |parts: &[&Syntax]| parts.iter().any(|part| has_overflowing_constant(part));
    let mut columns = Vec::new();
    syntax.columns(&mut columns);
    if columns.is_empty() {
        return plain(syntax, &(None, None, None, None, None, None, None)).is_err();
    }
    match syntax {
        Syntax::All(parts) | Syntax::Any(parts) | Syntax::Function { arguments: parts, .. } => {
            parts.iter().any(has_overflowing_constant)
        }
        Syntax::Not(operand)
        | Syntax::Negate(operand)
        | Syntax::IsNull { operand, .. }
        | Syntax::Is { operand, .. } => has_overflowing_constant(operand),
        Syntax::Compare { left, right, .. } | Syntax::Arithmetic { left, right, .. } => rest(&[left, right]),
        Syntax::In { operand, list, .. } => {
            has_overflowing_constant(operand) || list.iter().any(has_overflowing_constant)
        }
        Syntax::Between { operand, low, high, .. } => rest(&[operand, low, high]),
        Syntax::Like { operand, pattern, .. } => rest(&[operand, pattern]),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_give_what_rows_give(condition in conditions(), rows in rows()) {
        let text = written(&condition);
        let parsed = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(&parsed, &condition, "{}", text);

        let batch = batch(&rows);
        let expected: Result<Vec<bool>, Overflow> =
            rows.iter().map(|row| Ok(as_truth(&plain(&condition, row)?) == Some(true))).collect();
        if has_overflowing_constant(&condition) {
            prop_assert!(matches!(Predicate::bind(&parsed, &batch.schema()), Err(ExpressionError::Constant { .. })), "{}", text);
            return Ok(());
        }
        let predicate = Predicate::bind(&parsed, &batch.schema()).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        match (predicate.rows(&batch), expected) {
            (Ok(found), Ok(expected)) => {
                let found: Vec<bool> = found.iter().map(Option::unwrap).collect();
                prop_assert_eq!(found, expected, "{}", text);
            }
            (Err(_), Err(Overflow)) => {}
            (found, expected) => prop_assert!(false, "{}: {:?} {:?}", text, found, expected),
        }
    }
}
