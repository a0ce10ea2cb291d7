//! A remote file as a source.

use std::cell::Cell;
use std::io;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ureq::http::header;
use url::Url;

use super::address::{Address, Environment};
use super::client::{Answer, Asking, Headers, HttpClient};
use super::error::{HttpError, HttpProblem};
use crate::{ByteSource, Usage};

/// A page of this origin is what [`HttpSource::cross_origin`] pretends to be.
const ORIGIN: &str = "https://parcelle.invalid";

/// A file behind a URL, read by ranges.
///
/// The first request asks for its beginning, which is kept, and tells how long it is. Each further read that is not within
/// that is a request of its own: put a [`ReadAhead`](crate::ReadAhead) around it. Every answer is held against what was asked
/// and against the first one.
#[derive(Debug)]
pub struct HttpSource {
    client: HttpClient,
    route: Mutex<Route>,
    shown: String,
    length: u64,
    head: Vec<u8>,
    headers: Headers,
    answers_ranges: bool,
    is_web: bool,
    spent: Mutex<Spent>,
}

/// What a file has cost. Of requests that are under way their bytes count, as they would if each had waited for the one before.
#[derive(Debug, Default)]
struct Spent {
    usage: Usage,
    expected: u64,
}

#[derive(Debug)]
struct Route {
    address: Address,
    moved: Option<Url>,
}

/// What a server says of itself when a web page of another origin asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrossOrigin {
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
    /// `Access-Control-Allow-Headers`.
    pub allow_headers: Option<String>,
}

impl HttpSource {
    /// Asks for the beginning of a file. What `environment` is asked for is listed in [`crate::http`].
    ///
    /// # Errors
    /// [`HttpError`], also for names that are no file.
    pub fn open(client: &HttpClient, name: &str, environment: Environment<'_>) -> Result<Self, HttpError> {
        let address = Address::parse(name, environment)?;
        let mut source = Self {
            client: client.clone(),
            shown: address.shown().to_owned(),
            is_web: address.is_web(),
            route: Mutex::new(Route { address, moved: None }),
            length: 0,
            head: Vec::new(),
            headers: Headers::default(),
            answers_ranges: true,
            spent: Mutex::default(),
        };
        let first = 0..client.options.first_read.max(1);
        match source.ask(&first, client.options.whole_limit)? {
            Answer::Part { bytes, total, headers } => {
                (source.head, source.length, source.headers) = (bytes, total, headers);
            }
            Answer::Outside { total: 0, headers } => source.headers = headers,
            Answer::Outside { total, .. } => {
                let found = format!("status 416 and a length of {total}");
                return Err(source.error(HttpProblem::WrongRange { asked: first, found }));
            }
            Answer::Whole { mut bytes, total, headers } => {
                source.answers_ranges = false;
                // Of a stream that does not say how long it is, not even that is known.
                let Some(total) = total else { return Err(source.error(HttpProblem::NoRange { asked: first })) };
                bytes.truncate(usize::try_from(total).unwrap_or(usize::MAX));
                (source.head, source.length, source.headers) = (bytes, total, headers);
            }
        }
        Ok(source)
    }

    /// Whether the server answers ranges. Where it does not, the beginning of the file is all there is to read.
    #[must_use]
    pub const fn answers_ranges(&self) -> bool {
        self.answers_ranges
    }

    /// `Content-Type`, as the server says it.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.headers.content_type.as_deref()
    }

    /// Whether its name is a URL that others can ask for, too: not an object of a store with an interface of its own.
    #[must_use]
    pub const fn is_web(&self) -> bool {
        self.is_web
    }

    /// Asks, as a browser does for a page of another origin (`OPTIONS` with `Origin` and `Access-Control-Request-Headers: range`),
    /// whether it may read ranges. One request, which is counted; no answer is a server without such headers.
    pub fn cross_origin(&self) -> CrossOrigin {
        let url = {
            let route = self.route.lock().unwrap_or_else(PoisonError::into_inner);
            route.moved.clone().map_or_else(|| route.address.url(), Ok)
        };
        let Ok(url) = url else { return CrossOrigin::default() };
        self.spent().usage.requests += 1;
        let Some(headers) = self.client.preflight(&url, ORIGIN) else { return CrossOrigin::default() };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        CrossOrigin {
            allow_origin: text(header::ACCESS_CONTROL_ALLOW_ORIGIN),
            allow_headers: text(header::ACCESS_CONTROL_ALLOW_HEADERS),
        }
    }

    fn ask(&self, range: &Range<u64>, whole: u64) -> Result<Answer, HttpError> {
        // A copy, so that no thread waits for the network of another.
        let (mut address, mut moved) = {
            let route = self.route.lock().unwrap_or_else(PoisonError::into_inner);
            (route.address.clone(), route.moved.clone())
        };
        let options = &self.client.options;
        // The bytes of this request that have not come yet, once it is under way.
        let expected = Cell::new(0);
        let spend = || {
            let mut spent = self.spent();
            if spent.usage.requests >= options.most_requests {
                return Err(HttpProblem::Budget { what: format!("{} requests", options.most_requests) });
            }
            if spent.usage.bytes.saturating_add(spent.expected - expected.get()) >= options.most_bytes {
                return Err(HttpProblem::Budget { what: format!("{} bytes", options.most_bytes) });
            }
            spent.usage.requests += 1;
            spent.expected += (range.end - range.start) - expected.replace(range.end - range.start);
            Ok(())
        };
        let received = |bytes: u64| {
            let mut spent = self.spent();
            spent.usage.bytes += bytes;
            let came = bytes.min(expected.get());
            expected.set(expected.get() - came);
            spent.expected -= came;
        };
        let asking = Asking { address: &mut address, moved: &mut moved, spend: &spend, received: &received };
        let answer = self.client.ask(asking, range, whole);
        self.spent().expected -= expected.get();
        let answer = answer.map_err(|problem| self.error(problem))?;
        let mut route = self.route.lock().unwrap_or_else(PoisonError::into_inner);
        (route.address, route.moved) = (address, moved);
        Ok(answer)
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn error(&self, problem: HttpProblem) -> HttpError {
        HttpError { url: self.shown.clone(), problem }
    }

    fn part(&self, range: &Range<u64>) -> Result<Vec<u8>, HttpProblem> {
        let answer = self.ask(range, 0).map_err(|error| error.problem)?;
        let (Answer::Part { headers, .. } | Answer::Whole { headers, .. } | Answer::Outside { headers, .. }) = &answer;
        if let Some(what) = headers.differs_from(&self.headers) {
            return Err(HttpProblem::Changed { what });
        }
        match answer {
            Answer::Part { total, .. } | Answer::Outside { total, .. } if total != self.length => {
                Err(HttpProblem::Changed { what: format!("it had {} bytes and has {total}", self.length) })
            }
            Answer::Part { bytes, .. } => Ok(bytes),
            Answer::Whole { .. } => Err(HttpProblem::NoRange { asked: range.clone() }),
            Answer::Outside { .. } => {
                let found = "status 416".to_owned();
                Err(HttpProblem::WrongRange { asked: range.clone(), found })
            }
        }
    }
}

impl ByteSource for HttpSource {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = offset.saturating_add(buffer.len() as u64).min(self.length);
        if offset >= end {
            return Ok(0);
        }
        let range = offset..end;
        let kept = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
        if let Some(bytes) = kept.and_then(|(start, end)| self.head.get(start..end)) {
            return Ok(copy(bytes, buffer));
        }
        if !self.answers_ranges {
            return Err(self.error(HttpProblem::NoRange { asked: range }).into());
        }
        let bytes = self.part(&range).map_err(|problem| self.error(problem))?;
        Ok(copy(&bytes, buffer))
    }

    /// Requests sent, and bytes of their answers.
    fn usage(&self) -> Usage {
        self.spent().usage
    }
}

fn copy(bytes: &[u8], buffer: &mut [u8]) -> usize {
    let count = bytes.len().min(buffer.len());
    if let (Some(from), Some(to)) = (bytes.get(..count), buffer.get_mut(..count)) {
        to.copy_from_slice(from);
    }
    count
}
