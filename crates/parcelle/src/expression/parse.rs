//! Text to syntax.

use sqlparser::dialect::Dialect;
use sqlparser::keywords::{Keyword, RESERVED_FOR_IDENTIFIER};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer, TokenizerError};

use crate::expression::error::ExpressionError;
use crate::expression::syntax::Syntax;
use crate::expression::translate::translate;

/// How deep an expression may be nested.
pub(crate) const MAX_DEPTH: usize = 128;
/// How many words, literals and signs an expression may have.
pub(crate) const MAX_TOKENS: usize = 100_000;
/// Stack that the parser gets: for itself, and per token, as `1 + 1 + 1 + …` becomes a tree that is as deep as it is long.
const STACK_BYTES: usize = 32 << 20;
const STACK_BYTES_PER_TOKEN: usize = 2 << 10;

/// The signs of standard SQL, without what databases add.
#[derive(Debug)]
struct Standard;

impl Dialect for Standard {
    fn is_identifier_start(&self, character: char) -> bool {
        character.is_alphabetic() || character == '_'
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_alphanumeric() || character == '_'
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        character == '"'
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        // At the limit of depth it would otherwise be taken for a column.
        keyword == Keyword::NOT || RESERVED_FOR_IDENTIFIER.contains(&keyword)
    }
}

/// Reads an expression.
///
/// # Errors
/// [`ExpressionError`] where the text is none that a filter can have.
pub(crate) fn parse(text: &str) -> Result<Syntax, ExpressionError> {
    if text.trim().is_empty() {
        return Err(ExpressionError::Syntax { reason: "the expression is empty".to_owned() });
    }
    let refused =
        |error: TokenizerError| ExpressionError::Syntax { reason: format!("{}{}", error.message, error.location) };
    let tokens = Tokenizer::new(&Standard, text).tokenize_with_location().map_err(refused)?;
    let count = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).count();
    if count > MAX_TOKENS {
        let what = format!("has {count} words and signs, {MAX_TOKENS} are the most");
        return Err(ExpressionError::TooLarge { what });
    }
    // Parser and tree recurse, as deep as the text says. On a stack that is large enough for it nothing can overflow.
    let parser = move || {
        let mut parser = Parser::new(&Standard).with_recursion_limit(MAX_DEPTH).with_tokens_with_locations(tokens);
        let expression = parser.parse_expr().map_err(refusal)?;
        let rest = parser.peek_token();
        if rest.token != Token::EOF {
            let reason = format!("the expression should have ended before {}{}", rest.token, rest.span.start);
            return Err(ExpressionError::Syntax { reason });
        }
        translate(expression, 0)
    };
    std::thread::scope(|scope| {
        let stack = STACK_BYTES + STACK_BYTES_PER_TOKEN * count;
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, parser);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ExpressionError::Syntax { reason: "the expression cannot be read".to_owned() }),
            Err(error) => Err(ExpressionError::TooLarge { what: format!("needs more stack than there is ({error})") }),
        }
    })
}

fn refusal(error: ParserError) -> ExpressionError {
    match error {
        ParserError::TokenizerError(reason) | ParserError::ParserError(reason) => ExpressionError::Syntax { reason },
        ParserError::RecursionLimitExceeded => too_deep(),
    }
}

pub(crate) fn too_deep() -> ExpressionError {
    ExpressionError::TooLarge { what: format!("is nested more than {MAX_DEPTH} deep") }
}
