//! The expression as it was written.

/// An expression before it is held against a schema. Its depth is bounded by [`MAX_DEPTH`](super::parse::MAX_DEPTH).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Syntax {
    Column(ColumnName),
    Literal(Literal),
    /// `AND` of all.
    All(Vec<Syntax>),
    /// `OR` of any.
    Any(Vec<Syntax>),
    Not(Box<Syntax>),
    Compare {
        operator: Comparison,
        left: Box<Syntax>,
        right: Box<Syntax>,
    },
    IsNull {
        operand: Box<Syntax>,
        negated: bool,
    },
    /// `IS TRUE`, `IS FALSE`, `IS UNKNOWN`.
    Is {
        operand: Box<Syntax>,
        truth: Option<bool>,
        negated: bool,
    },
    In {
        operand: Box<Syntax>,
        list: Vec<Syntax>,
        negated: bool,
    },
    Between {
        operand: Box<Syntax>,
        low: Box<Syntax>,
        high: Box<Syntax>,
        negated: bool,
    },
    Like {
        operand: Box<Syntax>,
        pattern: Box<Syntax>,
        escape: Option<String>,
        ignore_case: bool,
        negated: bool,
    },
    Arithmetic {
        operator: Operator,
        left: Box<Syntax>,
        right: Box<Syntax>,
    },
    Negate(Box<Syntax>),
    Cast {
        operand: Box<Syntax>,
        target: Target,
        or_null: bool,
    },
    Function {
        function: Function,
        arguments: Vec<Syntax>,
    },
}

/// A name, and whether it was in double quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnName {
    pub(crate) name: String,
    pub(crate) quoted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Number(String),
    Text(String),
    Date(String),
    Time(String),
    Timestamp(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Distinct,
    NotDistinct,
}

impl Comparison {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Distinct => "IS DISTINCT FROM",
            Self::NotDistinct => "IS NOT DISTINCT FROM",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Operator {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

/// What can be cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Integer,
    Double,
    Decimal { precision: u8, scale: i8 },
    Text,
    Boolean,
    Date,
    Time,
    Timestamp { zoned: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Concat,
    Lower,
    Upper,
    Length,
    Substring,
}

impl Function {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Concat => "||",
            Self::Lower => "LOWER",
            Self::Upper => "UPPER",
            Self::Length => "LENGTH",
            Self::Substring => "SUBSTRING",
        }
    }
}

impl Syntax {
    /// Adds the columns it names, each as often as it does.
    pub(crate) fn columns<'a>(&'a self, found: &mut Vec<&'a ColumnName>) {
        match self {
            Self::Column(name) => found.push(name),
            Self::Literal(_) => {}
            Self::All(parts) | Self::Any(parts) | Self::Function { arguments: parts, .. } => {
                parts.iter().for_each(|part| part.columns(found));
            }
            Self::Not(operand)
            | Self::Negate(operand)
            | Self::IsNull { operand, .. }
            | Self::Is { operand, .. }
            | Self::Cast { operand, .. } => operand.columns(found),
            Self::Compare { left, right, .. } | Self::Arithmetic { left, right, .. } => {
                left.columns(found);
                right.columns(found);
            }
            Self::In { operand, list, .. } => {
                operand.columns(found);
                list.iter().for_each(|item| item.columns(found));
            }
            Self::Between { operand, low, high, .. } => {
                [operand, low, high].into_iter().for_each(|part| part.columns(found));
            }
            Self::Like { operand, pattern, .. } => {
                operand.columns(found);
                pattern.columns(found);
            }
        }
    }
}
