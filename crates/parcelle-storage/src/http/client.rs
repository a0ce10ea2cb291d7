//! The client: connections that are kept, limits, and one exchange with all its redirects and attempts.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response, header};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, Proxy};
use url::Url;

use super::address::Address;
use super::content_range::ContentRange;
use super::error::HttpProblem;
use super::source::HttpSource;
use crate::ReadAhead;

/// Redirects that are followed for one request.
pub(super) const MOST_REDIRECTS: u32 = 5;
/// Longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Bytes of a body that are taken at once.
const PIECE: usize = 64 * 1024;
/// The time that may go into bytes that nobody wants.
const DRAINING: Duration = Duration::from_secs(1);
/// Bytes of a body that nobody wants, read so that the connection can be used again.
const WORTH_DRAINING: u64 = 16 * 1024;

/// Limits and habits of a [`HttpClient`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// To find the host and to connect.
    pub connect_timeout: Duration,
    /// Until the answer begins, and between any two pieces of it.
    pub read_timeout: Duration,
    /// Bytes a second that an answer has to bring, beyond the first `read_timeout`.
    pub slowest: u64,
    /// How often a request is made that fails for a reason that may pass.
    pub attempts: u32,
    /// No further attempt begins so long after the first one did: a server that is silent is not asked again.
    pub patience: Duration,
    /// The wait before the second attempt; it doubles. A server's `Retry-After` counts where it is longer, up to 10 s.
    pub backoff: Duration,
    /// Bytes of the first request: the header of most rasters.
    pub first_read: u64,
    /// Where a server ignores ranges: how much of a file is taken all the same, in one piece.
    pub whole_limit: u64,
    /// Requests spent on one file, redirects and further attempts among them.
    pub most_requests: u64,
    /// Bytes spent on one file.
    pub most_bytes: u64,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count.
    pub proxy_from_environment: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            slowest: 4096,
            attempts: 4,
            patience: Duration::from_secs(30),
            backoff: Duration::from_millis(250),
            first_read: 64 * 1024,
            whole_limit: 4 * 1024 * 1024,
            most_requests: u64::MAX,
            most_bytes: u64::MAX,
            proxy_from_environment: true,
        }
    }
}

/// Asks servers for parts of files. Clones share their connections, which are kept open for further requests.
#[derive(Debug, Clone)]
pub struct HttpClient {
    agent: Agent,
    pub(super) options: Arc<HttpOptions>,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new(HttpOptions::default())
    }
}

/// What a server sent for one request.
pub(super) enum Answer {
    /// The part that was asked for, and the length of the file.
    Part { bytes: Vec<u8>, total: u64, headers: Headers },
    /// The file from its beginning instead; `total` where it is known.
    Whole { bytes: Vec<u8>, total: Option<u64>, headers: Headers },
    /// There is no such range, and the file is this long.
    Outside { total: u64, headers: Headers },
}

/// The headers that matter later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) entity_tag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) content_type: Option<String>,
}

/// One request: where to, and how it is counted.
pub(super) struct Asking<'a> {
    pub(super) address: &'a mut Address,
    /// Where the last answer came from, if that was elsewhere.
    pub(super) moved: &'a mut Option<Url>,
    /// Called before each request.
    pub(super) spend: &'a dyn Fn() -> Result<(), HttpProblem>,
    /// Called with the bytes of each body.
    pub(super) received: &'a dyn Fn(u64),
}

impl HttpClient {
    /// A client without connections.
    #[must_use]
    pub fn new(options: HttpOptions) -> Self {
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            // The system's store: administrators add the authority of their own house there.
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Followed here, so that each is counted and none leads from https to http.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_recv_response(Some(options.read_timeout))
            .timeout_per_read(Some(options.read_timeout))
            // As many as one file asks for at a time.
            .max_idle_connections_per_host(ReadAhead::<HttpSource>::AT_ONCE)
            .user_agent(concat!("parcelle/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        let agent = if options.proxy_from_environment { agent.proxy(Proxy::try_from_env()) } else { agent.proxy(None) };
        Self { agent: agent.build().new_agent(), options: Arc::new(options) }
    }

    /// Asks for a range, again where that may help. `whole` bytes are taken of a file that comes whole.
    pub(super) fn ask(&self, mut asking: Asking<'_>, range: &Range<u64>, whole: u64) -> Result<Answer, HttpProblem> {
        let started = Instant::now();
        let mut wait = self.options.backoff;
        let mut attempt = 1;
        loop {
            let problem = match self.attempt(&mut asking, range, whole) {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            let next = problem.retry_after().map_or(wait, |asked| asked.min(LONGEST_WAIT).max(wait));
            let is_late = started.elapsed() + next >= self.options.patience;
            if attempt >= self.options.attempts || is_late || !problem.is_transient() {
                return Err(problem.after(attempt));
            }
            std::thread::sleep(next);
            wait = wait.saturating_mul(2);
            attempt += 1;
        }
    }

    fn attempt(&self, asking: &mut Asking<'_>, range: &Range<u64>, whole: u64) -> Result<Answer, HttpProblem> {
        let mut url = match &asking.moved {
            Some(url) => url.clone(),
            None => asking.address.url()?,
        };
        let mut redirects = 0;
        loop {
            (asking.spend)()?;
            let request = self
                .agent
                .get(url.as_str())
                .header(header::RANGE, format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
                .header(header::ACCEPT_ENCODING, "identity");
            let response = request.call().map_err(|error| self.problem(&error, &url))?;
            let status = response.status().as_u16();
            let text = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
            let next = if (300..400).contains(&status) { text("location") } else { None };
            let region = text("x-amz-bucket-region").filter(|_| !(200..300).contains(&status));
            if let Some(next) = next {
                drain(response, asking.received);
                redirects += 1;
                if redirects > MOST_REDIRECTS {
                    return Err(HttpProblem::Redirects { limit: MOST_REDIRECTS });
                }
                url = follow(&url, &next)?;
                continue;
            }
            if region.is_some_and(|region| asking.address.learn_region(&region)) {
                drain(response, asking.received);
                url = asking.address.url()?;
                continue;
            }
            // Where a redirect led to may have been signed for a while only.
            if matches!(status, 401 | 403 | 404 | 410) && asking.moved.take().is_some() {
                drain(response, asking.received);
                url = asking.address.url()?;
                continue;
            }
            if redirects > 0 && asking.address.is_web() && matches!(status, 200 | 206) {
                *asking.moved = Some(url);
            }
            return self.answer(response, range, whole, asking.received);
        }
    }

    fn answer(
        &self,
        response: Response<Body>,
        range: &Range<u64>,
        whole: u64,
        received: &dyn Fn(u64),
    ) -> Result<Answer, HttpProblem> {
        let status = response.status().as_u16();
        let kept = Headers::of(response.headers());
        let said = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let said = said.map(str::to_owned);
        let parsed = said.as_deref().and_then(ContentRange::parse);
        let wrong = || HttpProblem::WrongRange {
            asked: range.clone(),
            found: said.clone().unwrap_or_else(|| "no Content-Range".to_owned()),
        };
        match status {
            206 => {
                if let Some(encoding) = encoding(response.headers()) {
                    return Err(HttpProblem::Encoded { encoding });
                }
                let (Some(sent), Some(total)) = parsed.map_or((None, None), |parsed| (parsed.range, parsed.total))
                else {
                    return Err(wrong());
                };
                if sent.start != range.start || sent.end != range.end.min(total) {
                    return Err(wrong());
                }
                let expected = sent.end - sent.start;
                let bytes = self.body(response, expected.saturating_add(1), received)?;
                if bytes.len() as u64 > expected {
                    return Err(wrong());
                }
                if (bytes.len() as u64) < expected {
                    return Err(HttpProblem::Short { received: bytes.len() as u64, expected, attempts: 1 });
                }
                Ok(Answer::Part { bytes, total, headers: kept })
            }
            200 => {
                if let Some(encoding) = encoding(response.headers()) {
                    return Err(HttpProblem::Encoded { encoding });
                }
                let length = response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
                let length: Option<u64> = length.and_then(|value| value.parse().ok());
                if whole == 0 {
                    return Ok(Answer::Whole { bytes: Vec::new(), total: length, headers: kept });
                }
                let bytes = self.body(response, whole.saturating_add(1), received)?;
                let count = bytes.len() as u64;
                // Whatever ends before the limit has ended.
                let total = if count > whole { length } else { Some(count) };
                match length {
                    Some(length) if count <= whole && count != length => {
                        Err(HttpProblem::Short { received: count, expected: length, attempts: 1 })
                    }
                    _ => Ok(Answer::Whole { bytes, total, headers: kept }),
                }
            }
            416 if let Some(ContentRange { range: None, total: Some(total) }) = parsed => {
                drain(response, received);
                Ok(Answer::Outside { total, headers: kept })
            }
            status => {
                let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
                let retry_after = retry_after.and_then(|value| value.trim().parse().ok());
                drain(response, received);
                Err(HttpProblem::Status { status, retry_after, attempts: 1 })
            }
        }
    }

    /// At most `limit` bytes of a body. A connection that breaks within is an error.
    fn body(&self, response: Response<Body>, limit: u64, received: &dyn Fn(u64)) -> Result<Vec<u8>, HttpProblem> {
        let mut bytes = Vec::new();
        let mut reader = response.into_body().into_reader().take(limit);
        let started = Instant::now();
        let mut piece = vec![0; PIECE];
        let ended = loop {
            match reader.read(&mut piece) {
                Ok(0) => break Ok(()),
                Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The end of the connection before the end of the body: told with the numbers.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break Ok(()),
                Err(error) => break Err(self.read_problem(&error)),
            }
            // Each piece in time, and yet never done: a server that lets bytes drip.
            let within = started.elapsed();
            if within > self.longest(bytes.len() as u64) {
                break Err(HttpProblem::Slow { received: bytes.len() as u64, within });
            }
        };
        received(bytes.len() as u64);
        ended.map(|()| bytes)
    }

    /// The time that so many bytes may take.
    fn longest(&self, bytes: u64) -> Duration {
        let seconds = bytes as f64 / self.options.slowest.max(1) as f64;
        self.options.read_timeout.saturating_add(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    fn read_problem(&self, error: &io::Error) -> HttpProblem {
        if error.kind() == io::ErrorKind::TimedOut {
            return HttpProblem::Timeout { within: self.options.read_timeout, attempts: 1 };
        }
        HttpProblem::Connection { reason: error.kind().to_string(), attempts: 1 }
    }

    /// In words of our own: those of the client may have the URL in them.
    fn problem(&self, error: &ureq::Error, url: &Url) -> HttpProblem {
        let connection = |reason: String| HttpProblem::Connection { reason, attempts: 1 };
        match error {
            ureq::Error::HostNotFound => {
                HttpProblem::HostNotFound { host: url.host_str().unwrap_or_default().to_owned() }
            }
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                HttpProblem::Timeout { within: self.options.connect_timeout, attempts: 1 }
            }
            ureq::Error::Timeout(_) => HttpProblem::Timeout { within: self.options.read_timeout, attempts: 1 },
            ureq::Error::Io(error) if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref()) => {
                let tls: &rustls::Error = tls;
                HttpProblem::Tls { reason: tls.to_string() }
            }
            ureq::Error::Io(error) => self.read_problem(error),
            ureq::Error::Rustls(error) => HttpProblem::Tls { reason: error.to_string() },
            ureq::Error::Tls(reason) => HttpProblem::Tls { reason: (*reason).to_owned() },
            ureq::Error::Protocol(_) => connection("what came is no HTTP".to_owned()),
            ureq::Error::ConnectProxyFailed(_) => connection("the proxy refuses".to_owned()),
            ureq::Error::InvalidProxyUrl => connection("the address of the proxy is wrong".to_owned()),
            _ => connection("it could not be made".to_owned()),
        }
    }

    /// Asks whether a page of another origin may read ranges, as a browser does before it does. `None` without an answer.
    pub(super) fn preflight(&self, url: &Url, origin: &str) -> Option<HeaderMap> {
        let request = self
            .agent
            .options(url.as_str())
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "range");
        let response = request.call().ok()?;
        let headers = response.status().is_success().then(|| response.headers().clone());
        drain(response, &|_| ());
        headers
    }
}

impl Headers {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            entity_tag: text(header::ETAG),
            last_modified: text(header::LAST_MODIFIED),
            content_type: text(header::CONTENT_TYPE),
        }
    }

    /// What tells this answer from an earlier one about the same file. A weak tag may differ where the bytes do not.
    pub(super) fn differs_from(&self, earlier: &Self) -> Option<String> {
        let strong = |tag: &Option<String>| tag.clone().filter(|tag| !tag.starts_with("W/"));
        let pairs = [
            ("ETag", strong(&earlier.entity_tag), strong(&self.entity_tag)),
            ("Last-Modified", earlier.last_modified.clone(), self.last_modified.clone()),
        ];
        pairs.into_iter().find_map(|(name, before, now)| match (before, now) {
            (Some(before), Some(now)) if before != now => Some(format!("{name} was {before} and is {now}")),
            _ => None,
        })
    }
}

/// The content encoding, if the body is not the bytes themselves.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_ENCODING)?.to_str().ok()?.trim();
    (!value.is_empty() && !value.eq_ignore_ascii_case("identity")).then(|| value.to_owned())
}

fn follow(from: &Url, location: &str) -> Result<Url, HttpProblem> {
    let nowhere = HttpProblem::Status { status: 302, retry_after: None, attempts: 1 };
    let mut to = from.join(location).map_err(|_| nowhere.clone())?;
    to.set_fragment(None);
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(HttpProblem::Downgrade),
        (_, "http" | "https") => Ok(to),
        _ => Err(nowhere),
    }
}

fn drain(response: Response<Body>, received: &dyn Fn(u64)) {
    let mut reader = response.into_body().into_reader().take(WORTH_DRAINING);
    let started = Instant::now();
    let mut piece = [0; 1024];
    let mut drained = 0;
    while let Ok(count) = reader.read(&mut piece) {
        drained += count as u64;
        if count == 0 || started.elapsed() > DRAINING {
            break;
        }
    }
    received(drained);
}
