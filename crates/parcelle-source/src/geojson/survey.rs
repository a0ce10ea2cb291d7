//! The first pass over a file: where the records are, what their values are, and whether all of it is sound.
//!
//! Threads take chunks of the file. Where the records of a chunk begin is certain if a byte separates them; in the
//! array of a FeatureCollection it is guessed, from how the first feature begins. The chunks are then joined in the order
//! of the file: what a thread found counts only if it began where the one before it ended. Anything else (a wrong guess,
//! no guess, a feature over several chunks) is read again from where it is known to begin. So guesses cost time when they
//! are wrong, and never correctness; the result is the same for any size of chunks and number of threads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memchr::{memchr, memmem};

use crate::error::SourceError;
use crate::geojson::envelope::Framing;
use crate::geojson::index::RowIndex;
use crate::geojson::inference::Inference;
use crate::geojson::json::{Cursor, Fault, Reason};
use crate::geojson::record::{Visitor, walk};
use crate::geojson::source::{SourceFile, Window};
use crate::interrupt::Interrupt;

/// What the first pass finds.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) inference: Inference,
    pub(crate) index: RowIndex,
    /// Where records begin, every few megabytes: the file can be read from any of these to the next.
    pub(crate) blocks: Vec<u64>,
    /// The end of the records: the bracket that closes the array, or the end of the file.
    pub(crate) end: u64,
    /// The first member `crs` in a record: of which row (from 1), and where.
    pub(crate) crs: Option<(u64, Range<u64>)>,
}

/// What follows a record.
pub(crate) enum Step {
    /// Another one may begin after so many bytes; `is_record` is false for an empty line.
    Next { after: usize, is_record: bool, crs: Option<Range<usize>> },
    /// There are no more; the bracket that closes the array is after so many bytes.
    Last { after: usize, crs: Option<Range<usize>> },
}

impl Framing {
    /// Walks one record at the beginning of `bytes`, which go to the end of the file if `whole`.
    pub(crate) fn step<V: Visitor>(&self, bytes: &[u8], whole: bool, visitor: &mut V) -> Result<Step, Fault> {
        let mut cursor = Cursor::new(bytes);
        match self {
            Self::Collection(_) => {
                let crs = walk(&mut cursor, visitor, false)?;
                if !cursor.next_item()? {
                    return Ok(Step::Last { after: cursor.at - 1, crs });
                }
                if cursor.peek()? != b'{' {
                    return cursor.unexpected("a Feature after ',': '{'");
                }
                Ok(Step::Next { after: cursor.at, is_record: true, crs })
            }
            Self::Single => {
                let crs = walk(&mut cursor, visitor, true)?;
                cursor.space();
                match cursor.peek() {
                    Ok(_) => cursor.unexpected("the end of the file"),
                    Err(fault) if !whole => Err(fault),
                    Err(_) => Ok(Step::Next { after: bytes.len(), is_record: true, crs }),
                }
            }
            Self::Delimited(delimiter) => {
                let (length, after) = match memchr(*delimiter, bytes) {
                    Some(length) => (length, length + 1),
                    None if whole => (bytes.len(), bytes.len()),
                    None => return Err(Fault { at: bytes.len(), reason: Reason::End }),
                };
                cursor.bytes = bytes.get(..length).unwrap_or_default();
                cursor.space();
                if cursor.at == length {
                    return Ok(Step::Next { after, is_record: false, crs: None });
                }
                let crs = walk(&mut cursor, visitor, true).map_err(|fault| match fault.reason {
                    Reason::End if after > length => Fault::new(
                        fault.at,
                        "the line ends before the JSON text does: each feature has to be on a line of its own, or all of \
                         them in a FeatureCollection",
                    ),
                    _ => fault,
                })?;
                cursor.space();
                match cursor.at == length {
                    true => Ok(Step::Next { after, is_record: true, crs }),
                    false => cursor.unexpected("the end of the line"),
                }
            }
        }
    }
}

/// What a stretch of the file holds.
struct Piece {
    start: u64,
    /// Where the next record begins.
    end: u64,
    /// Where its records begin, from its start.
    offsets: Vec<u32>,
    inference: Inference,
    crs: Option<(u64, Range<u64>)>,
    /// Where the array is closed.
    closed: Option<u64>,
    fault: Option<(u64, Reason)>,
}

/// The pieces so far, in order.
struct Chain {
    survey: Survey,
    /// Where the next record begins.
    position: u64,
    /// The chunk that is joined next, and those after it that are ready.
    next_chunk: u64,
    ready: BTreeMap<u64, Option<Piece>>,
    closed: bool,
    window: Window,
}

struct Surveyor<'a> {
    file: &'a SourceFile,
    framing: &'a Framing,
    first: u64,
    interrupt: &'a Interrupt,
}

/// Reads the whole file, from the first record on.
pub(crate) fn survey(
    file: &SourceFile,
    framing: &Framing,
    first: u64,
    threads: usize,
    interrupt: &Interrupt,
) -> Result<Survey, SourceError> {
    let surveyor = Surveyor { file, framing, first, interrupt };
    let chain = Chain {
        survey: Survey::default(),
        position: first,
        next_chunk: 0,
        ready: BTreeMap::new(),
        closed: false,
        window: Window::default(),
    };
    // An empty array.
    if *framing == Framing::Collection(Vec::new()) {
        let mut window = Window::default();
        file.load(&mut window, first, 1)?;
        if window.from(first).first() == Some(&b']') {
            return Ok(Survey { end: first, ..Survey::default() });
        }
    }
    let chunks = match framing {
        Framing::Single => 1,
        _ => (file.len() - first.min(file.len())).div_ceil(file.tuning.chunk).max(1),
    };
    let (chain, next, stop) = (Mutex::new(chain), AtomicU64::new(0), AtomicBool::new(false));
    let work = || -> Result<(), SourceError> {
        let mut window = Window::default();
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks || stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            let joined = surveyor.chunk(chunk, &mut window).and_then(|piece| {
                let mut chain = chain.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                chain.ready.insert(chunk, piece);
                surveyor.join(&mut chain)
            });
            match joined {
                Ok(closed) => stop.fetch_or(closed, Ordering::Relaxed),
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            };
        }
    };
    let threads = u64::try_from(threads).unwrap_or(1).min(chunks).max(1);
    let results: Vec<Result<(), SourceError>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        let joined =
            others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(mine).chain(joined).collect()
    });
    results.into_iter().collect::<Result<(), _>>()?;
    let chain = chain.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut survey = chain.survey;
    if !chain.closed {
        if let Framing::Collection(_) = framing {
            return Err(file.malformed(Some(survey.index.rows()), file.len(), &Reason::End));
        }
        survey.end = file.len();
    }
    file.verify_unchanged()?;
    Ok(survey)
}

impl Surveyor<'_> {
    fn chunk_end(&self, chunk: u64) -> u64 {
        let length = self.file.len();
        match self.framing {
            Framing::Single => length,
            _ => self.first.saturating_add((chunk + 1).saturating_mul(self.file.tuning.chunk)).min(length),
        }
    }

    /// Looks at the records that begin in a chunk, as far as it is known or guessed where.
    fn chunk(&self, chunk: u64, window: &mut Window) -> Result<Option<Piece>, SourceError> {
        self.interrupt.check()?;
        let (from, limit) = (self.first + chunk * self.file.tuning.chunk, self.chunk_end(chunk));
        // The byte before tells whether a record begins at the very first.
        let before = from.saturating_sub(u64::from(chunk > 0));
        self.file.load(window, before, limit - before + self.file.tuning.slack)?;
        if chunk == 0 {
            return self.piece(window, from, limit, None).map(Some);
        }
        match self.framing {
            Framing::Single => Ok(None),
            Framing::Delimited(delimiter) => match memchr(*delimiter, window.from(before)) {
                Some(found) if before + (found as u64) + 1 < limit => {
                    self.piece(window, before + found as u64 + 1, limit, None).map(Some)
                }
                _ => Ok(None),
            },
            Framing::Collection(prefix) if prefix.is_empty() => Ok(None),
            Framing::Collection(prefix) => {
                let finder = memmem::Finder::new(prefix);
                let mut position = from;
                while let Some(found) = finder.find(window.from(position)) {
                    let start = position + found as u64;
                    if start >= limit {
                        break;
                    }
                    let piece = self.piece(window, start, limit, None)?;
                    // A guess at which not even one feature is found is wrong, or the file is: the chain will tell.
                    if !piece.offsets.is_empty() {
                        return Ok(Some(piece));
                    }
                    position = start + 1;
                }
                Ok(None)
            }
        }
    }

    /// Walks the records from `start` on, up to the last that begins before `limit`, or up to `join`.
    fn piece(&self, window: &mut Window, start: u64, limit: u64, join: Option<u64>) -> Result<Piece, SourceError> {
        let mut piece = Piece {
            start,
            end: start,
            offsets: Vec::new(),
            inference: Inference::default(),
            crs: None,
            closed: None,
            fault: None,
        };
        while piece.end < limit && join != Some(piece.end) && piece.closed.is_none() {
            let bytes = window.from(piece.end);
            let (after, is_record, crs, last) = match self.framing.step(bytes, window.whole, &mut piece.inference) {
                Ok(Step::Next { after, is_record, crs }) => (after, is_record, crs, false),
                Ok(Step::Last { after, crs }) => (after, true, crs, true),
                // Walking a record again changes nothing of what was found.
                Err(Fault { reason: Reason::End, .. }) if !window.whole => {
                    self.interrupt.check()?;
                    self.file.grow(window, piece.end)?;
                    continue;
                }
                Err(fault) => {
                    piece.fault = Some((piece.end + fault.at as u64, fault.reason));
                    break;
                }
            };
            if is_record {
                // A piece is a chunk and a record at most.
                let offset = u32::try_from(piece.end - start).map_err(|_| self.file.changed())?;
                piece.offsets.push(offset);
            }
            if let (None, Some(crs)) = (&piece.crs, crs) {
                let place = piece.end + crs.start as u64..piece.end + crs.end as u64;
                piece.crs = Some((piece.offsets.len() as u64, place));
            }
            piece.end += after as u64;
            piece.closed = last.then_some(piece.end);
        }
        Ok(piece)
    }

    /// Joins the chunks that are ready; says whether the array is closed.
    fn join(&self, chain: &mut Chain) -> Result<bool, SourceError> {
        while let Some(guess) = chain.ready.remove(&chain.next_chunk) {
            let limit = self.chunk_end(chain.next_chunk);
            chain.next_chunk += 1;
            let mut guess = guess;
            while !chain.closed && chain.position < limit {
                match guess.take_if(|piece| piece.start == chain.position) {
                    Some(piece) => self.accept(chain, piece)?,
                    None => {
                        self.interrupt.check()?;
                        let join = guess.as_ref().map(|piece| piece.start).filter(|start| *start > chain.position);
                        let mut window = std::mem::take(&mut chain.window);
                        let wanted = join.unwrap_or(limit) - chain.position + self.file.tuning.slack;
                        self.file.load(&mut window, chain.position, wanted)?;
                        let piece = self.piece(&mut window, chain.position, limit, join);
                        chain.window = window;
                        self.accept(chain, piece?)?;
                    }
                }
            }
        }
        Ok(chain.closed)
    }

    fn accept(&self, chain: &mut Chain, piece: Piece) -> Result<(), SourceError> {
        let survey = &mut chain.survey;
        let rows = survey.index.rows();
        if let Some((offset, reason)) = piece.fault {
            return Err(self.file.malformed(Some(rows + piece.offsets.len() as u64 + 1), offset, &reason));
        }
        survey.blocks.push(piece.start);
        for offset in &piece.offsets {
            survey.index.push(piece.start + u64::from(*offset));
        }
        if let (None, Some((row, place))) = (&survey.crs, piece.crs) {
            survey.crs = Some((rows + row, place));
        }
        let merged = survey.inference.merge(piece.inference);
        merged.map_err(|text| self.file.malformed(None, piece.start, &Reason::Text(text.into())))?;
        chain.position = piece.end;
        if let Some(end) = piece.closed {
            survey.end = end;
            chain.closed = true;
        }
        Ok(())
    }
}
