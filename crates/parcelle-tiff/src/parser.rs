//! The parser: says which bytes it needs, is fed them, and builds the [`Structure`].

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::cache::Cache;
use crate::directory::{BlockIndex, Directory, Numbers, directory_range};
use crate::entry::{Entry, FieldType};
use crate::examine;
use crate::ghost::GhostArea;
use crate::header::{ByteOrder, Header, Variant};
use crate::image::Image;
use crate::problem::{Problem, StructureKind};
use crate::structure::Structure;
use crate::tags;

/// First request: holds the whole header of most COGs.
const FIRST_REQUEST: u64 = 32 * 1024;
/// Least bytes of any further request.
const LEAST_REQUEST: u64 = 16 * 1024;
/// Most bytes of a request, but for a directory that is longer by itself (at most 1.3 MB).
const MOST_REQUEST: u64 = 4 * 1024 * 1024;
/// Bytes that are read although nobody wants them, where that saves a request.
const WORTHWHILE_GAP: u64 = 64 * 1024;
/// First request, least request and gap where only headers are wanted: of local files, of which there may be thousands.
const HEADER_REQUEST: u64 = 4 * 1024;
/// Most bytes read ahead for directories that have not been seen yet.
const MOST_AHEAD: u64 = 1024 * 1024;

/// What the parser wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// These bytes of the file, which are never empty nor past its length.
    Read(Range<u64>),
    /// Nothing: call [`Parser::finish`].
    Done,
}

/// What a value area is read for.
#[derive(Debug)]
enum Purpose {
    Value { entry: usize, bytes: Vec<u8> },
    Index { is_offsets: bool, size: u64, numbers: Numbers },
}

/// A value area that is still (partly) unread; the key in the map holds the next byte it wants.
#[derive(Debug)]
struct Job {
    directory: usize,
    end: u64,
    purpose: Purpose,
}

/// Parses the structure of one file without doing any I/O itself.
///
/// Call [`Parser::next_request`], read what it asks for, [`Parser::feed`] it, and again until it is done.
#[derive(Debug)]
pub struct Parser {
    length: u64,
    cache: Cache,
    structure: Structure,
    /// The directory to parse next: its offset, the end of what it is known to need.
    chain: Option<(u64, u64)>,
    started: bool,
    asked_until: u64,
    visited: HashMap<u64, usize>,
    /// Start, end and index of the directories, to see overlaps.
    extents: BTreeMap<u64, (u64, usize)>,
    jobs: BTreeMap<(u64, u64), Job>,
    next_job: u64,
    /// Value bytes that may still be read. More than the file has can only be asked for by areas that overlap.
    budget: u64,
    /// Whether only headers are wanted: see [`Parser::of_header`].
    is_brief: bool,
    /// Offsets or byte counts whose partner is still being read, by directory.
    halves: HashMap<usize, (Option<Numbers>, Option<Numbers>)>,
}

impl Parser {
    /// A parser for a file of `length` bytes.
    #[must_use]
    pub fn new(length: u64) -> Self {
        Self {
            length,
            cache: Cache::default(),
            structure: Structure::new(length),
            chain: None,
            started: false,
            asked_until: 0,
            visited: HashMap::new(),
            extents: BTreeMap::new(),
            jobs: BTreeMap::new(),
            next_job: 0,
            budget: length,
            is_brief: false,
            halves: HashMap::new(),
        }
    }

    /// A parser that leaves block indexes in the file, but for those inside their entries, and asks for few bytes: what
    /// the images are is known then, not where their blocks are.
    #[must_use]
    pub fn of_header(length: u64) -> Self {
        Self { is_brief: true, ..Self::new(length) }
    }

    fn first_request(&self) -> u64 {
        self.length.min(if self.is_brief { HEADER_REQUEST } else { FIRST_REQUEST })
    }

    fn least_request(&self) -> u64 {
        if self.is_brief { HEADER_REQUEST } else { LEAST_REQUEST }
    }

    fn worthwhile_gap(&self) -> u64 {
        if self.is_brief { HEADER_REQUEST } else { WORTHWHILE_GAP }
    }

    /// What to read next. Large and few requests: a COG with its directories in front needs one to three.
    pub fn next_request(&mut self) -> Request {
        if !self.started {
            let wanted = self.first_request();
            match self.cache.get(0..wanted).map(|bytes| Header::parse(bytes, self.length)) {
                None => {
                    self.asked_until = wanted;
                    return Request::Read(0..wanted);
                }
                Some(header) => self.start(header),
            }
        }
        while let Some((offset, _)) = self.chain {
            if !self.step(offset) {
                break;
            }
        }
        let request = self.request();
        if let Request::Read(range) = &request {
            self.asked_until = range.end;
        }
        request
    }

    /// Takes bytes in, which begin at `offset`. Fewer than were asked for mean that the file ends there.
    pub fn feed(&mut self, offset: u64, bytes: &[u8]) {
        self.cache.insert(offset, bytes);
        let Some(end) = offset.checked_add(bytes.len() as u64) else { return };
        if end < self.asked_until.min(self.length) {
            self.shorten(end);
        }
        let keys: Vec<(u64, u64)> = self.jobs.range((offset, 0)..(end, 0)).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(job) = self.jobs.remove(&key) {
                self.run(key.0, job);
            }
        }
    }

    /// Learns that the file is shorter than it was said to be.
    fn shorten(&mut self, length: u64) {
        self.length = length;
        self.structure.file_length = length;
        self.jobs.retain(|_, job| job.end <= length);
        if let (Some((offset, _)), Some(header)) = (self.chain, self.structure.header)
            && offset.saturating_add(header.variant.count_size()) > length
        {
            self.follow(offset);
        }
    }

    /// The structure, as far as it was fed.
    #[must_use]
    pub fn finish(mut self) -> Structure {
        for (directory, halves) in std::mem::take(&mut self.halves) {
            if let ((Some(offsets), Some(byte_counts)), Some(directory)) =
                (halves, self.structure.directories.get_mut(directory))
            {
                directory.blocks = Some(BlockIndex { offsets, byte_counts });
            }
        }
        for directory in &mut self.structure.directories {
            // What half a directory says of an image is not what the whole one said.
            directory.image = if directory.is_truncated { None } else { Image::of(directory) };
            if directory.is_truncated {
                directory.blocks = None;
            }
        }
        examine::structure(&mut self.structure);
        self.structure
    }

    fn start(&mut self, header: Result<Header, Problem>) {
        self.started = true;
        let header = match header {
            Ok(header) => header,
            Err(problem) => return self.structure.report(problem),
        };
        let start = header.variant.header_size();
        let limit = self.first_request().min(start + GhostArea::LIMIT);
        let end = if header.first_directory > start { limit.min(header.first_directory) } else { limit };
        self.structure.ghost = self.cache.get(start..end).and_then(|bytes| GhostArea::parse(bytes, &header));
        self.structure.header = Some(header);
        if header.first_directory == 0 {
            self.structure.report(Problem::NoDirectory);
        } else {
            self.follow(header.first_directory);
        }
    }

    /// Makes `offset` the next directory, unless the chain ends there.
    fn follow(&mut self, offset: u64) {
        self.chain = None;
        let Some(header) = self.structure.header else { return };
        let directory = self.structure.directories.len();
        if offset == 0 {
            return;
        }
        if let Some(target) = self.visited.get(&offset) {
            let directory = directory.saturating_sub(1);
            return self.structure.report(Problem::DirectoryLoop { directory, target: *target, offset });
        }
        if directory >= Structure::DIRECTORY_CAP {
            return self.structure.report(Problem::TooManyDirectories { limit: Structure::DIRECTORY_CAP });
        }
        if offset >= self.length {
            return self.structure.report(Problem::DirectoryPastEnd { directory, offset, file_length: self.length });
        }
        let inside = self.extents.range(..=offset).next_back().filter(|(_, (end, _))| offset < *end);
        let other = if offset < header.variant.header_size() {
            Some(StructureKind::Header)
        } else {
            inside.map(|(_, (_, index))| StructureKind::Directory(*index))
        };
        if let Some(other) = other {
            return self.structure.report(Problem::DirectoryOverlap { directory, offset, other });
        }
        let end = offset.saturating_add(header.variant.count_size());
        if end > self.length {
            let problem = Problem::DirectoryTruncated { directory, offset, end, file_length: self.length };
            return self.structure.report(problem);
        }
        self.chain = Some((offset, end));
    }

    /// Parses the directory at `offset` if its bytes are there; says whether it got any further.
    fn step(&mut self, offset: u64) -> bool {
        let Some(Header { variant, byte_order, .. }) = self.structure.header else { return false };
        let directory = self.structure.directories.len();
        let entries_start = offset + variant.count_size();
        let Some(declared) = self.cache.get(offset..entries_start).map(|bytes| byte_order.unsigned(bytes)) else {
            return false;
        };
        let room = (self.length - entries_start) / variant.entry_size();
        let is_odd = offset % 2 == 1;
        let range = directory_range(offset, declared, variant).filter(|_| declared <= Structure::ENTRY_CAP);
        let (Some(range), false) = (range, declared == 0) else {
            let peeked = entries_start.saturating_add(LEADING as u64 * variant.entry_size()).min(self.length);
            let Some(bytes) = self.cache.get(entries_start..peeked) else {
                self.chain = Some((offset, peeked));
                return false;
            };
            let entries = parse_entries(bytes, LEADING, byte_order, variant);
            self.chain = None;
            // An empty directory is one, too.
            self.structure.report(if is_odd || declared > 0 && !begins_as_directory(&entries) {
                Problem::NotADirectory { directory, offset }
            } else {
                Problem::EntryCount { directory, offset, declared, room }
            });
            return true;
        };
        let wanted = range.end.min(self.length);
        let Some(bytes) = self.cache.get(entries_start..wanted) else {
            self.chain = Some((offset, wanted));
            return false;
        };
        let entry_size = variant.entry_size() as usize;
        let entries = parse_entries(bytes, declared as usize, byte_order, variant);
        let next =
            bytes.get(declared as usize * entry_size..).filter(|rest| rest.len() as u64 >= variant.offset_size());
        let next = next.map(|rest| byte_order.unsigned(rest));
        self.chain = None;
        let known = entries.iter().filter(|entry| FieldType::from_number(entry.field_type).is_some()).count();
        let is_cut = next.is_none();
        // Where the file ends inside a directory, either the file or the number of entries is wrong: what is there of
        // a cut directory is in order, what follows a smaller one is not.
        let in_order = entries.is_sorted_by(|left, right| left.tag < right.tag);
        let fits = entries.len() as u64 == declared;
        if known * 2 < entries.len() || (!fits && (is_odd || known < entries.len() || !in_order)) {
            let is_no_directory = is_odd || !begins_as_directory(&entries);
            self.structure.report(if is_no_directory {
                Problem::NotADirectory { directory, offset }
            } else {
                let room = if fits { leading(&entries) as u64 } else { room };
                Problem::EntryCount { directory, offset, declared, room }
            });
            return true;
        }
        if is_odd {
            self.structure.report(Problem::DirectoryOdd { directory, offset });
        }
        let over = self.extents.range(offset..range.end).next().map(|(_, (_, index))| *index);
        if let Some(index) = over {
            let other = StructureKind::Directory(index);
            self.structure.report(Problem::DirectoryOverlap { directory, offset, other });
            return true;
        }
        if is_cut {
            let (end, file_length) = (range.end, self.length);
            self.structure.report(Problem::DirectoryTruncated { directory, offset, end, file_length });
        }
        self.visited.insert(offset, directory);
        self.extents.insert(offset, (wanted, directory));
        let mut parsed = Directory::new(directory, offset..wanted, next.unwrap_or(0), entries, byte_order);
        parsed.is_truncated = !fits;
        self.structure.directories.push(parsed);
        self.plan(directory);
        self.follow(next.unwrap_or(0));
        true
    }

    /// Lists the value areas of a directory that have to be read.
    fn plan(&mut self, index: usize) {
        let Some(directory) = self.structure.directories.get(index) else { return };
        let (offsets_tag, counts_tag) = directory.index_tags();
        let needed = directory.image.and_then(|image| image.block_count());
        let order = directory.byte_order;
        let mut jobs = Vec::new();
        let mut problems = Vec::new();
        let mut halves = (None, None);
        for (place, entry) in directory.entries.iter().enumerate() {
            let is_index = entry.tag == offsets_tag || entry.tag == counts_tag;
            let known = FieldType::from_number(entry.field_type);
            if is_index {
                let is_offsets = entry.tag == offsets_tag;
                let Some((size, needed)) = known.filter(|known| known.is_unsigned()).map(FieldType::size).zip(needed)
                else {
                    continue;
                };
                let count = entry.count.min(needed);
                if let (Some(inline), true) = (entry.bytes(), entry.area().is_none()) {
                    let mut numbers = Numbers::with_capacity(0, size);
                    numbers.append(inline.get(..(count * size) as usize).unwrap_or_default(), size, order);
                    *(if is_offsets { &mut halves.0 } else { &mut halves.1 }) = Some(numbers);
                } else if let (crate::entry::ValuePlace::Area { offset, .. }, false) = (entry.place, self.is_brief) {
                    let end = count.checked_mul(size).and_then(|bytes| offset.checked_add(bytes));
                    if let Some(end) = end.filter(|end| *end <= self.length) {
                        let numbers = Numbers::with_capacity(0, size);
                        jobs.push((offset, end, entry.tag, Purpose::Index { is_offsets, size, numbers }));
                    }
                }
            } else if tags::is_kept(entry.tag)
                && let Some(area) = entry.area()
                && area.end <= self.length
                && area.end - area.start <= Structure::VALUE_CAP
            {
                let purpose = Purpose::Value { entry: place, bytes: Vec::new() };
                jobs.push((area.start, area.end, entry.tag, purpose));
            }
        }
        if halves.0.is_some() || halves.1.is_some() {
            self.halves.insert(index, halves);
        }
        for (start, end, tag, purpose) in jobs {
            match self.budget.checked_sub(end - start) {
                Some(rest) => {
                    self.budget = rest;
                    self.run(start, Job { directory: index, end, purpose });
                }
                None => problems.push(Problem::ValuesExceedFile { directory: index, tag, offset: start }),
            }
        }
        problems.into_iter().for_each(|problem| self.structure.report(problem));
    }

    /// Gives a job the bytes from `position` on that are there; keeps it if there are not enough.
    fn run(&mut self, mut position: u64, mut job: Job) {
        if let Some(available) = self.cache.from(position, job.end) {
            let whole = match &mut job.purpose {
                Purpose::Value { bytes, .. } => {
                    bytes.extend_from_slice(available);
                    available.len() as u64
                }
                Purpose::Index { size, numbers, .. } => {
                    let whole = available.len() as u64 / *size * *size;
                    if let (Some(bytes), Some(header)) = (available.get(..whole as usize), self.structure.header) {
                        if numbers.is_empty() {
                            // The area is inside the file (see `plan`), so is the memory.
                            *numbers = Numbers::with_capacity(((job.end - position) / *size) as usize, *size);
                        }
                        numbers.append(bytes, *size, header.byte_order);
                    }
                    whole
                }
            };
            position += whole;
        }
        if position < job.end {
            self.jobs.insert((position, self.next_job), job);
            self.next_job += 1;
            return;
        }
        match job.purpose {
            Purpose::Value { entry, bytes } => {
                let directory = self.structure.directories.get_mut(job.directory);
                if let Some(entry) = directory.and_then(|directory| directory.entries.get_mut(entry)) {
                    entry.loaded = bytes;
                }
            }
            Purpose::Index { is_offsets, numbers, .. } => {
                let halves = self.halves.entry(job.directory).or_default();
                *(if is_offsets { &mut halves.0 } else { &mut halves.1 }) = Some(numbers);
            }
        }
    }

    /// The next range: the directory that is waited for together with value areas close before it, or value areas.
    fn request(&mut self) -> Request {
        let range = if let Some((offset, end)) = self.chain {
            let mut start = offset;
            let lowest = offset.saturating_sub(MOST_REQUEST - LEAST_REQUEST);
            let gap = self.worthwhile_gap();
            for ((position, _), job) in self.jobs.range((lowest, 0)..(offset, 0)).rev().take(256) {
                if job.end.saturating_add(gap) >= start {
                    start = *position;
                }
            }
            // Directories get smaller along the chain, and so do their arrays: half as much again holds most of the rest.
            let ahead = ((end - start) / 2).clamp(self.least_request(), MOST_AHEAD);
            start..end.max(offset.saturating_add(ahead))
        } else {
            let Some(((start, _), job)) = self.jobs.first_key_value() else { return Request::Done };
            let (start, mut end) = (*start, job.end);
            for ((position, _), job) in &self.jobs {
                if *position > end.saturating_add(self.worthwhile_gap()) || end - start >= MOST_REQUEST {
                    break;
                }
                end = end.max(job.end);
            }
            start..end.clamp(start + self.least_request().min(self.length - start), start.saturating_add(MOST_REQUEST))
        };
        Request::Read(range.start..range.end.min(self.length))
    }
}

/// So many entries in order at its beginning make a directory, whatever its count says: what something else begins with
/// has no known field type, or no ascending tags.
const LEADING: usize = 3;

fn parse_entries(bytes: &[u8], most: usize, byte_order: ByteOrder, variant: Variant) -> Vec<Entry> {
    let entries = bytes.chunks_exact(variant.entry_size() as usize).take(most);
    entries.filter_map(|entry| Entry::parse(entry, byte_order, variant)).collect()
}

/// How many entries from the first one on have a known type and a larger tag than the one before.
fn leading(entries: &[Entry]) -> usize {
    let mut previous = None;
    let is_next = |entry: &&Entry| {
        let before = previous.replace(entry.tag);
        FieldType::from_number(entry.field_type).is_some() && before.is_none_or(|before| before < entry.tag)
    };
    entries.iter().take_while(is_next).count()
}

fn begins_as_directory(entries: &[Entry]) -> bool {
    leading(entries) >= LEADING
}
