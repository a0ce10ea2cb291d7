//! Functions of text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::compute::kernels::concat_elements::concat_elements_utf8;
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;

use crate::expression::syntax::Function;
use crate::expression::value::{Value, exact_cast};

/// Calls a function on arguments whose kinds were checked.
pub(crate) fn call(function: Function, arguments: &[Value], rows: usize) -> Result<Value, ArrowError> {
    let is_scalar = arguments.iter().all(|argument| argument.is_scalar);
    let rows = if is_scalar { 1 } else { rows };
    let text = |position: usize| -> Result<StringArray, ArrowError> {
        Ok(argument(arguments, position, &DataType::Utf8, rows)?.as_string::<i32>().clone())
    };
    let number = |position: usize| -> Result<Int64Array, ArrowError> {
        Ok(argument(arguments, position, &DataType::Int64, rows)?.as_primitive::<Int64Type>().clone())
    };
    let array: ArrayRef = match function {
        Function::Concat => Arc::new(concat_elements_utf8(&text(0)?, &text(1)?)?),
        Function::Lower => Arc::new(text(0)?.iter().map(|text| text.map(str::to_lowercase)).collect::<StringArray>()),
        Function::Upper => Arc::new(text(0)?.iter().map(|text| text.map(str::to_uppercase)).collect::<StringArray>()),
        Function::Length => {
            Arc::new(text(0)?.iter().map(|text| Some(text?.chars().count() as i64)).collect::<Int64Array>())
        }
        Function::Substring => {
            let lengths = if arguments.len() > 2 { Some(number(2)?) } else { None };
            let (texts, starts) = (text(0)?, number(1)?);
            let parts = texts.iter().zip(&starts).enumerate().map(|(row, (text, start))| {
                let length = match &lengths {
                    None => Some(i64::MAX),
                    Some(lengths) => lengths.is_valid(row).then(|| lengths.value(row)),
                };
                Ok(match (text, start, length) {
                    (Some(text), Some(start), Some(length)) => Some(substring(text, start, length)?),
                    _ => None,
                })
            });
            Arc::new(parts.collect::<Result<StringArray, ArrowError>>()?)
        }
    };
    Ok(Value { array, is_scalar })
}

fn argument(arguments: &[Value], position: usize, wanted: &DataType, rows: usize) -> Result<ArrayRef, ArrowError> {
    let missing = || ArrowError::InvalidArgumentError(format!("argument {} is missing", position + 1));
    let array = arguments.get(position).ok_or_else(missing)?.expand(rows)?;
    // NULL of no type is one of any.
    if array.data_type() == wanted { Ok(array) } else { exact_cast(&array, wanted) }
}

/// `length` characters from the one at `start` on, which counts from 1 and may lie before the text.
fn substring(text: &str, start: i64, length: i64) -> Result<String, ArrowError> {
    if length < 0 {
        return Err(ArrowError::ComputeError("SUBSTRING with a negative length".to_owned()));
    }
    let end = start.saturating_add(length).saturating_sub(1);
    let skipped = usize::try_from(start.saturating_sub(1)).unwrap_or(0);
    let taken = usize::try_from(end).unwrap_or(0).saturating_sub(skipped);
    Ok(text.chars().skip(skipped).take(taken).collect())
}

/// A pattern with an escape character of its own as one with the usual backslash.
pub(crate) fn with_backslash(pattern: &str, escape: &str) -> String {
    let escape = escape.chars().next();
    let mut out = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if Some(character) == escape {
            // At the end it stands for itself.
            let escaped = characters.next().unwrap_or(character);
            out.push('\\');
            out.push(escaped);
        } else {
            if character == '\\' {
                out.push('\\');
            }
            out.push(character);
        }
    }
    out
}
