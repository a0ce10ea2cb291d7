//! The first pass over the whole file: how many rows, where records begin, what types the columns have.
//!
//! The file is cut into chunks of fixed size that threads look at side by side. Where the first record of a chunk begins
//! cannot be known before all chunks before it are done, as any line may be in the middle of a quoted field: it is
//! guessed, from lines that look like records. The chunks are then put together in the order of the file, and one whose
//! guess is not where the chunk before it ended is looked at again. So the result, an error too, is that of reading from
//! the start, whatever the threads and the chunks; a wrong guess only takes time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::csv::file::CsvFile;
use crate::csv::geometry::{Evidence, Role};
use crate::csv::header::{Header, NotText, not_text};
use crate::csv::records::{BrokenRecord, Dialect, Parsed, Records, Stop, parse};
use crate::csv::value::classify;
use crate::error::SourceError;
use crate::inference::ValueType;
use crate::interrupt::Interrupt;

/// Bytes of a chunk.
pub(crate) const CHUNK_BYTES: u64 = 4 << 20;

/// Rows between two boundaries that are noted.
const MARK_ROWS: u64 = 512;

/// How far past its chunk a record may reach while it is not known whether it is one.
pub(super) const GUESS_REACH: u64 = 16 << 20;

/// Bytes of a chunk in which its first record is looked for.
const GUESS_BYTES: u64 = 64 << 10;

/// What is wanted of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Its type.
    pub(crate) typed: bool,
    /// Whether it is the geometry, or part of it.
    pub(crate) role: Option<Role>,
}

/// What the values of a column say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnSurvey {
    pub(crate) value_type: ValueType,
    pub(crate) evidence: Option<Box<Evidence>>,
}

impl ColumnSurvey {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { value_type: ValueType::Null, evidence: plan.role.map(|role| Box::new(Evidence::new(role))) }
    }

    /// Adds what a later part of the file says.
    pub(super) fn merge(&mut self, later: &Self) {
        self.value_type = self.value_type.widen(later.value_type);
        if let (Some(evidence), Some(later)) = (&mut self.evidence, &later.evidence) {
            evidence.merge(later);
        }
    }
}

/// What the whole file says.
#[derive(Debug, PartialEq)]
pub(crate) struct Survey {
    pub(crate) columns: Vec<ColumnSurvey>,
    pub(crate) rows: u64,
    /// Where records begin, and how many rows are before: every few hundred rows.
    pub(crate) marks: Vec<(u64, u64)>,
}

/// A chunk, from the first record that begins in it to the first that begins after it.
pub(super) struct Chunk {
    /// Where its first record was taken to begin.
    pub(super) start: u64,
    /// Where the first record after it begins.
    pub(super) end: u64,
    pub(super) columns: Vec<ColumnSurvey>,
    pub(super) rows: u64,
    marks: Vec<(u64, u64)>,
    pub(super) problem: Option<Problem>,
}

/// Why looking at a chunk stopped. Its line is only looked for once it is known to be one.
pub(super) enum Problem {
    Source(SourceError),
    Broken(u64, BrokenRecord),
    Ragged { offset: u64, found: usize },
    NotText(NotText),
    TooFar,
}

impl From<Stop> for Problem {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Source(error) => Self::Source(error),
            Stop::Broken { offset, kind } => Self::Broken(offset, kind),
            Stop::TooFar => Self::TooFar,
        }
    }
}

/// What all threads share.
pub(super) struct Surveyor<'a> {
    pub(super) file: &'a CsvFile,
    pub(super) header: &'a Header,
    pub(super) plans: &'a [Plan],
    pub(super) interrupt: &'a Interrupt,
    pub(super) chunk_bytes: u64,
}

/// The chunks so far, in the order of the file.
struct Joined {
    next: usize,
    /// Where the next record begins.
    position: u64,
    waiting: BTreeMap<usize, Option<Chunk>>,
    survey: Survey,
    error: Option<SourceError>,
}

/// Looks at the whole file on some threads.
pub(crate) fn survey(
    file: &CsvFile,
    header: &Header,
    plans: &[Plan],
    threads: usize,
    interrupt: &Interrupt,
    chunk_bytes: u64,
) -> Result<Survey, SourceError> {
    let surveyor = Surveyor { file, header, plans, interrupt, chunk_bytes };
    let chunks = (file.bytes() - header.end).div_ceil(chunk_bytes) as usize;
    let columns = plans.iter().map(ColumnSurvey::new).collect();
    let joined = Mutex::new(Joined {
        next: 0,
        position: header.end,
        waiting: BTreeMap::new(),
        survey: Survey { columns, rows: 0, marks: Vec::new() },
        error: None,
    });
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while !stopped.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= chunks {
                break;
            }
            let chunk = surveyor.guessed(index);
            let Ok(mut joined) = joined.lock() else { break };
            joined.waiting.insert(index, chunk);
            surveyor.join(&mut joined);
            if joined.error.is_some() {
                stopped.store(true, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(chunks) {
            scope.spawn(work);
        }
        work();
    });
    let Joined { survey, error, next, .. } = joined.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    match error {
        Some(error) => Err(error),
        None if next == chunks => Ok(survey),
        None => Err(SourceError::Interrupted),
    }
}

impl Surveyor<'_> {
    fn bounds(&self, index: usize) -> (u64, u64) {
        let start = self.header.end + index as u64 * self.chunk_bytes;
        (start, (start + self.chunk_bytes).min(self.file.bytes()))
    }

    /// Looks at a chunk from where its first record seems to begin.
    fn guessed(&self, index: usize) -> Option<Chunk> {
        let (start, end) = self.bounds(index);
        let start =
            if index == 0 { Some(start) } else { guess(self.file, self.header, start, end.min(start + GUESS_BYTES)) };
        start.map(|start| self.chunk(start, end, end.saturating_add(GUESS_REACH)))
    }

    /// Looks at all records that begin from `start` on and before `end`; none may reach as far as `reach`.
    pub(super) fn chunk(&self, start: u64, end: u64, reach: u64) -> Chunk {
        let columns = self.plans.iter().map(ColumnSurvey::new).collect();
        let mut chunk = Chunk { start, end, columns, rows: 0, marks: Vec::new(), problem: None };
        chunk.problem = self.rows(&mut chunk, end, reach).err();
        chunk
    }

    fn rows(&self, chunk: &mut Chunk, end: u64, reach: u64) -> Result<(), Problem> {
        let columns = self.header.names.len();
        let quote = self.header.dialect.quote;
        let mut records = Records::new(self.file, self.header.dialect, columns, chunk.start, reach);
        let mut scratch = Vec::new();
        loop {
            let offset = records.next_start()?;
            if offset >= end {
                chunk.end = offset;
                return Ok(());
            }
            if chunk.rows.is_multiple_of(MARK_ROWS) {
                self.interrupt.check().map_err(Problem::Source)?;
                chunk.marks.push((offset, chunk.rows));
            }
            if !records.advance()? {
                chunk.end = offset;
                return Ok(());
            }
            if records.count != columns {
                return Err(Problem::Ragged { offset, found: records.count });
            }
            if let Some(found) = not_text(&records) {
                return Err(Problem::NotText(found));
            }
            let bytes = records.bytes();
            for ((column, plan), field) in chunk.columns.iter_mut().zip(self.plans).zip(&records.fields) {
                if plan.typed && column.value_type != ValueType::Text {
                    // A doubled quote makes it text either way.
                    let raw = field.raw(bytes);
                    if !raw.is_empty() {
                        column.value_type = column.value_type.widen(classify(raw));
                    }
                }
                if let Some(evidence) = &mut column.evidence {
                    evidence.observe(field.value(bytes, quote, &mut scratch), offset);
                }
            }
            chunk.rows += 1;
        }
    }

    /// Puts together the chunks that are at hand, in the order of the file.
    fn join(&self, joined: &mut Joined) {
        while joined.error.is_none()
            && let Some(chunk) = joined.waiting.remove(&joined.next)
        {
            let (_, end) = self.bounds(joined.next);
            joined.next += 1;
            // A record that is longer than a chunk.
            if joined.position >= end {
                continue;
            }
            let position = joined.position;
            let known = |chunk: &Chunk| chunk.start == position && !matches!(chunk.problem, Some(Problem::TooFar));
            let mut chunk = chunk.filter(known).unwrap_or_else(|| self.chunk(position, end, u64::MAX));
            if let Some(problem) = chunk.problem.take() {
                joined.error = Some(self.error(problem));
                return;
            }
            let survey = &mut joined.survey;
            for (column, later) in survey.columns.iter_mut().zip(&chunk.columns) {
                column.merge(later);
            }
            let before = survey.rows;
            survey.marks.extend(chunk.marks.into_iter().map(|(offset, rows)| (offset, before + rows)));
            survey.rows += chunk.rows;
            joined.position = chunk.end;
        }
    }

    fn error(&self, problem: Problem) -> SourceError {
        match problem {
            Problem::Source(error) => error,
            Problem::Broken(offset, kind) => self.file.broken(offset, kind),
            Problem::NotText(found) => self.file.not_text(found),
            Problem::Ragged { offset, found } => ragged(self.file, self.header, offset, found),
            Problem::TooFar => SourceError::Changed { path: self.file.path().to_owned() },
        }
    }
}

/// Where the first record that begins between two places seems to begin: after the end of a line, and followed by one or two
/// records with as many fields as the header.
pub(super) fn guess(file: &CsvFile, header: &Header, start: u64, end: u64) -> Option<u64> {
    // With the byte before, which may be the end of a line.
    let start = start.checked_sub(1)?;
    let length = end.min(file.bytes()).checked_sub(start)?;
    let mut head = vec![0; usize::try_from(length).ok()?];
    file.read_at(start, &mut head).ok()?;
    let at_end = start + length == file.bytes();
    let (columns, dialect) = (header.names.len(), header.dialect);
    let line_ends = memchr::memchr2_iter(b'\n', b'\r', &head);
    line_ends.map(|position| position + 1).find_map(|position| {
        let blank = head.get(position..)?.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let record = position + blank;
        (record < head.len() && looks_right(&head, record, dialect, at_end, columns)).then(|| start + record as u64)
    })
}

/// Whether one or two records with the right number of fields begin at a place. What does not end in these bytes may be one.
fn looks_right(head: &[u8], mut at: usize, dialect: Dialect, last: bool, columns: usize) -> bool {
    let mut noted = Vec::new();
    for _ in 0..2 {
        match parse(head, at, dialect, last, 0, &mut noted) {
            Parsed::Complete { fields, next } if fields == columns => at = next,
            Parsed::Incomplete => return true,
            _ => return false,
        }
        at += head.get(at..).unwrap_or_default().iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        if at >= head.len() {
            return true;
        }
    }
    true
}

/// The error of a record with more or fewer fields than there are columns.
pub(crate) fn ragged(file: &CsvFile, header: &Header, offset: u64, found: usize) -> SourceError {
    let line = match file.line(offset) {
        Ok(line) => line,
        Err(error) => return error,
    };
    let (columns, delimiter) = (header.names.len(), char::from(header.dialect.delimiter));
    file.malformed(
        format!("line {line}: {found} fields where the header names {columns} columns (delimiter {delimiter:?})"),
        "correct the line; a text with delimiters or line ends in it must be in quotes",
    )
}
