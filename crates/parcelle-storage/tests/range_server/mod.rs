//! A small HTTP server that answers ranges, and is wrong on demand: the first part of the path says how.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) connection: usize,
    headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn range(&self, length: usize) -> Option<(usize, usize)> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let first: usize = first.parse().ok()?;
        Some((first, (last.parse::<usize>().ok()? + 1).min(length)))
    }
}

/// A server on 127.0.0.1 until the test ends. `http://ADDRESS/MODE/NAME` is the file of that name, served in that mode:
///
/// `normal`, `cors` (with the headers a browser wants), `norange`, `gzip`, `wrong` (another range), `short` (ends early), `flaky`
/// (503, then a broken connection, then well), `down` (503), `forbidden`, `missing`, `slow`, `changed` and `grown` (from the second
/// request on), `moved` (redirect), `signed` (a redirect that holds once), `loop`, `basic` (wants a password), `chatter` (no HTTP),
/// `region` (as AWS names the region of a bucket), `silent` (never answers), `drip` and `driphead` (the body, or the header, a
/// byte at a time), `failing` (503 from the second request on).
pub(crate) struct RangeServer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    files: HashMap<String, Vec<u8>>,
    requests: Mutex<Vec<Request>>,
}

impl RangeServer {
    pub(crate) fn start(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        let state = Arc::new(State { files, requests: Mutex::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let _ = state.converse(stream, connection);
                });
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The requests for a path that contains this.
    pub(crate) fn requests_for(&self, part: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.path.contains(part)).collect()
    }
}

impl State {
    fn converse(&self, stream: TcpStream, connection: usize) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = stream;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let mut words = line.split_whitespace().map(str::to_owned);
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let mut request = Request { method, path, connection, headers: Vec::new() };
            loop {
                let mut line = String::new();
                reader.read_line(&mut line)?;
                let Some((name, value)) = line.trim_end().split_once(':') else { break };
                request.headers.push((name.to_owned(), value.trim().to_owned()));
            }
            let earlier = {
                let mut requests = self.requests.lock().unwrap();
                let earlier = requests.iter().filter(|other| other.path == request.path).count();
                requests.push(request.clone());
                earlier
            };
            if !self.answer(&request, earlier, &mut writer)? {
                return Ok(());
            }
        }
    }

    /// Says whether the connection goes on.
    fn answer(&self, request: &Request, earlier: usize, out: &mut TcpStream) -> std::io::Result<bool> {
        let path = request.path.split('?').next().unwrap_or_default();
        let (mode, name) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
        let Some(file) = self.files.get(name) else { return status(out, "404 Not Found", "") };
        let host = request.header("host").unwrap_or_default().to_owned();
        if request.method == "OPTIONS" {
            return if mode == "cors" {
                status(
                    out,
                    "204 No Content",
                    "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: Range\r\n",
                )
            } else {
                status(out, "405 Method Not Allowed", "")
            };
        }
        let mut file = file.as_slice();
        let mut tag = "\"first\"";
        match mode {
            "forbidden" => return status(out, "403 Forbidden", ""),
            "missing" => return status(out, "404 Not Found", ""),
            "down" => return status(out, "503 Service Unavailable", ""),
            "flaky" if earlier == 0 => return status(out, "503 Service Unavailable", "Retry-After: 0\r\n"),
            "flaky" if earlier == 1 => return Ok(false),
            "slow" => std::thread::sleep(Duration::from_secs(3)),
            "failing" if earlier > 0 => return status(out, "503 Service Unavailable", ""),
            // Until the client has had enough; no test waits for it.
            "silent" => {
                std::thread::sleep(Duration::from_secs(60));
                return Ok(false);
            }
            "driphead" => {
                drip(out, "HTTP/1.1 206 Partial Content\r\nX-Long: ".bytes().chain(std::iter::repeat_n(b'x', 5000)))?;
                return Ok(false);
            }
            "loop" => return status(out, "302 Found", &format!("Location: /loop/{name}\r\n")),
            "moved" => {
                return status(out, "301 Moved Permanently", &format!("Location: ../normal/{name}?from=moved\r\n"));
            }
            "signed" => {
                return status(out, "307 Temporary", &format!("Location: http://{host}/once/{name}?n={earlier}\r\n"));
            }
            "once" if earlier > 0 => return status(out, "403 Forbidden", ""),
            "basic" if request.header("authorization") != Some("Basic dXNlcjpwYXNz") => {
                return status(out, "401 Unauthorized", "");
            }
            "region" => return status(out, "400 Bad Request", "x-amz-bucket-region: eu-west-3\r\n"),
            "chatter" => {
                out.write_all(b"220 welcome\r\n")?;
                return Ok(false);
            }
            "changed" if earlier > 0 => tag = "\"second\"",
            "grown" if earlier == 0 => file = &file[..file.len() - 1],
            _ => {}
        }
        let content_type =
            if mode == "cors" { "image/tiff; application=geotiff; profile=cloud-optimized" } else { "image/tiff" };
        let mut headers = format!("Content-Type: {content_type}\r\nETag: {tag}\r\n");
        let range = request.range(file.len()).filter(|_| mode != "norange");
        let Some((first, last)) = range else {
            out.write_all(format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", file.len()).as_bytes())?;
            out.write_all(file)?;
            return Ok(true);
        };
        if first >= file.len() {
            return status(out, "416 Range Not Satisfiable", &format!("Content-Range: bytes */{}\r\n", file.len()));
        }
        let (said_first, said_last) = if mode == "wrong" { (first + 1, last) } else { (first, last - 1) };
        headers += &format!("Content-Range: bytes {said_first}-{said_last}/{}\r\n", file.len());
        if mode == "gzip" {
            headers += "Content-Encoding: gzip\r\n";
        }
        let body = &file[first..last];
        out.write_all(
            format!("HTTP/1.1 206 Partial Content\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
        )?;
        if mode == "short" {
            out.write_all(&body[..body.len() / 2])?;
            return Ok(false);
        }
        if mode == "drip" {
            drip(out, body.iter().copied())?;
            return Ok(true);
        }
        out.write_all(body)?;
        Ok(true)
    }
}

fn drip(out: &mut TcpStream, bytes: impl IntoIterator<Item = u8>) -> std::io::Result<()> {
    for byte in bytes {
        out.write_all(&[byte])?;
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn status(out: &mut TcpStream, status: &str, headers: &str) -> std::io::Result<bool> {
    out.write_all(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n").as_bytes())?;
    Ok(true)
}
