//! What can be wrong with a condition.

/// Why a condition cannot be asked of a layer. All of these are wrong requests: nothing was read yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// The text does not follow the grammar.
    #[error("--where: {reason}")]
    Syntax {
        /// What was found, and what was expected.
        reason: String,
    },
    /// It is too long or nested too deep.
    #[error("--where: the expression {what}: write long lists as `column IN (…)`, or filter in several runs")]
    TooLarge {
        /// Which limit it exceeds.
        what: String,
    },
    /// SQL that is none of a filter on the columns of one row.
    #[error("--where: {what} cannot be used in a filter; {advice}")]
    Unsupported {
        /// What it is.
        what: String,
        /// What can be used.
        advice: String,
    },
    /// There is no such column.
    #[error(
        "--where: there is no column {column}{}; the columns are: {}{hint}",
        suggestion.as_ref().map_or_else(String::new, |name| format!(", did you mean {name:?}?")),
        available.join(", ")
    )]
    UnknownColumn {
        /// The name as it was written.
        column: String,
        /// The most similar name, if one is similar.
        suggestion: Option<String>,
        /// Names of the columns.
        available: Vec<String>,
        /// What else may be meant; empty or a sentence that begins with a full stop.
        hint: String,
    },
    /// Several columns have the name but for the case of letters.
    #[error(
        "--where: column {column} can be any of {}: write the one that is meant in double quotes",
        candidates.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
    )]
    AmbiguousColumn {
        /// The name as it was written.
        column: String,
        /// Names of the columns.
        candidates: Vec<String>,
    },
    /// Operands of types that do not go together.
    #[error("--where: {operation} does not go with {operands}: {advice}")]
    Mismatch {
        /// The operator or function.
        operation: String,
        /// What it was given.
        operands: String,
        /// The way out.
        advice: String,
    },
    /// The whole is no condition.
    #[error("--where: the expression is {found}, not a condition: compare it with something, such as `… = 1`")]
    NotACondition {
        /// What it is.
        found: String,
    },
    /// A literal that is none of its type.
    #[error("--where: {text:?} is no {wanted}")]
    Literal {
        /// The literal.
        text: String,
        /// What it should be, with an example.
        wanted: String,
    },
    /// A part without columns that has no value.
    #[error("--where: {reason}")]
    Constant {
        /// What fails.
        reason: String,
    },
}
