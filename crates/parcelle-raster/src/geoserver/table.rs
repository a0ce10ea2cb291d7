//! The capability table: one row per thing that a reader of GeoServer does with a kind of file.

use std::borrow::Cow;
use std::sync::LazyLock;

use parcelle_report::{Outcome, Rule};

use super::condition::Condition;
use super::csv::fields;
use super::rules::RULES;
use super::version::{Range, Version};
use super::{Access, TableError};

const CAPABILITIES: &str = include_str!("../../profiles/geoserver/capabilities.csv");
const RELEASES: &str = include_str!("../../profiles/geoserver/releases.csv");

/// Whether a row is held against each image or once against the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    File,
    Level,
}

/// What a reader does, as the table says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Slow,
    Misreads,
    /// The store cannot be created.
    FailsToOpen,
    /// Store and layer can be created; the exception comes when pixels are asked for.
    FailsToRead,
}

impl Effect {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "reads" => Self::Reads,
            "slow" => Self::Slow,
            "misreads" => Self::Misreads,
            "fails-open" => Self::FailsToOpen,
            "fails-read" => Self::FailsToRead,
            _ => return None,
        })
    }

    pub(super) const fn outcome(self) -> Outcome {
        match self {
            Self::Reads => Outcome::Reads,
            Self::Slow => Outcome::Slow,
            Self::Misreads => Outcome::Misreads,
            Self::FailsToOpen | Self::FailsToRead => Outcome::Fails,
        }
    }
}

/// One row.
#[derive(Debug)]
pub(super) struct Capability {
    pub(super) rule: &'static Rule,
    pub(super) scope: Scope,
    /// `None` stands for every access.
    pub(super) access: Option<Access>,
    pub(super) versions: Range,
    pub(super) effect: Effect,
    pub(super) condition: Condition,
    /// What the admin finds in GeoServer's log; empty where nothing is thrown.
    pub(super) exception: String,
    /// The measurement, or the place in the reader's source.
    #[cfg_attr(not(test), expect(dead_code, reason = "kept in the row for those who read and amend the table"))]
    pub(super) evidence: String,
}

impl Capability {
    pub(super) fn applies(&self, version: Version, access: Access) -> bool {
        self.access.is_none_or(|only| only == access) && self.versions.contains(version)
    }
}

/// Both tables.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) capabilities: Vec<Capability>,
    /// The series that are known, oldest first.
    pub(super) releases: Vec<Version>,
}

static TABLES: LazyLock<Result<Tables, TableError>> =
    LazyLock::new(|| Ok(Tables { capabilities: capabilities(CAPABILITIES)?, releases: releases(RELEASES)? }));

/// The tables that are compiled in.
pub(super) fn tables() -> Result<&'static Tables, TableError> {
    TABLES.as_ref().map_err(Clone::clone)
}

fn error(table: &'static str, line: usize, reason: impl Into<String>) -> TableError {
    TableError { table, line, reason: reason.into() }
}

/// The lines behind the header, numbered from 1.
fn lines<'a, const N: usize>(
    table: &'static str,
    text: &'a str,
) -> impl Iterator<Item = Result<(usize, [Cow<'a, str>; N]), TableError>> {
    text.lines().enumerate().skip(1).map(move |(index, line)| {
        let line_number = index + 1;
        let fields = fields(line).ok_or_else(|| error(table, line_number, "a quote is not closed"))?;
        let fields = fields.try_into().map_err(|fields: Vec<Cow<'_, str>>| {
            error(table, line_number, format!("{} fields, not {N}", fields.len()))
        })?;
        Ok((line_number, fields))
    })
}

fn releases(text: &str) -> Result<Vec<Version>, TableError> {
    const TABLE: &str = "releases.csv";
    lines::<3>(TABLE, text)
        .map(|line| {
            let (line, [version, ..]) = line?;
            Version::parse(&version).ok_or_else(|| error(TABLE, line, format!("{version:?} is no version")))
        })
        .collect()
}

fn capabilities(text: &str) -> Result<Vec<Capability>, TableError> {
    const TABLE: &str = "capabilities.csv";
    lines::<9>(TABLE, text)
        .map(|line| {
            let (line, [rule, scope, access, first, last, outcome, condition, exception, evidence]) = line?;
            let wrong = |what: &str, value: &str| error(TABLE, line, format!("{value:?} is no {what}"));
            let end = |text: &str| match text {
                "" => Ok(None),
                text => Version::parse(text).map(Some).ok_or_else(|| wrong("version", text)),
            };
            Ok(Capability {
                rule: RULES.iter().find(|known| known.id == rule).copied().ok_or_else(|| wrong("rule", &rule))?,
                scope: match &*scope {
                    "file" => Scope::File,
                    "level" => Scope::Level,
                    _ => return Err(wrong("scope", &scope)),
                },
                access: match &*access {
                    "any" => None,
                    "file" => Some(Access::File),
                    "cog-http" => Some(Access::CogHttp),
                    _ => return Err(wrong("access", &access)),
                },
                versions: Range { first: end(&first)?, last: end(&last)? },
                effect: Effect::parse(&outcome).ok_or_else(|| wrong("outcome", &outcome))?,
                condition: Condition::parse(&condition).map_err(|term| wrong("term", &term))?,
                exception: exception.into_owned(),
                evidence: evidence.into_owned(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        let tables = tables().unwrap();
        assert!(tables.releases.len() >= 12 && tables.capabilities.len() >= 60);
        for row in &tables.capabilities {
            let grounds = row.evidence.split(':').next().unwrap();
            assert!(["measured", "source"].contains(&grounds) && row.evidence.len() > 15, "{}", row.rule.id);
            assert_eq!(row.effect.outcome() == Outcome::Fails, !row.exception.is_empty(), "{}", row.rule.id);
        }
        for rule in RULES {
            assert!(tables.capabilities.iter().any(|row| row.rule.id == rule.id), "{} has no row", rule.id);
        }
    }

    #[test]
    fn a_wrong_row_is_named() {
        let head = "rule,scope,access,first,last,outcome,condition,exception,evidence\n";
        for (row, said) in [
            ("GS-CMP-001,level,any,,,fails-read,codec = 1,x", "8 fields, not 9"),
            ("GS-XYZ-001,level,any,,,fails-read,codec = 1,x,y", "\"GS-XYZ-001\" is no rule"),
            ("GS-CMP-001,band,any,,,fails-read,codec = 1,x,y", "\"band\" is no scope"),
            ("GS-CMP-001,level,ftp,,,fails-read,codec = 1,x,y", "\"ftp\" is no access"),
            ("GS-CMP-001,level,any,two,,fails-read,codec = 1,x,y", "\"two\" is no version"),
            ("GS-CMP-001,level,any,,,dies,codec = 1,x,y", "\"dies\" is no outcome"),
            ("GS-CMP-001,level,any,,,fails-read,codec is 1,x,y", "\"codec is 1\" is no term"),
            ("GS-CMP-001,level,any,,,fails-read,codec = 1,\"x,y", "a quote is not closed"),
        ] {
            let error = capabilities(&format!("{head}{row}\n")).unwrap_err();
            assert_eq!(error.to_string(), format!("capabilities.csv, line 2: {said}"));
        }
        assert!(releases("geoserver,geotools,imageio_ext\n3,35,2\n").is_err());
    }
}
