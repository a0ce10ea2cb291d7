//! Tests of the rules, from inline text.
mod corpus;
