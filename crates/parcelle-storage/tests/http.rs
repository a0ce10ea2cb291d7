//! Files behind URLs, against a server of this machine that is wrong on demand.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod range_server;

use std::io;
use std::time::{Duration, Instant};

use parcelle_storage::http::{HttpClient, HttpError, HttpOptions, HttpProblem, HttpSource};
use parcelle_storage::{ByteSource, ReadAhead, Usage};
use range_server::RangeServer;

fn options() -> HttpOptions {
    HttpOptions {
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(400),
        attempts: 3,
        patience: Duration::from_secs(20),
        backoff: Duration::from_millis(5),
        first_read: 1000,
        whole_limit: 5000,
        proxy_from_environment: false,
        ..HttpOptions::default()
    }
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|byte| (byte % 251) as u8).collect()
}

fn server() -> RangeServer {
    RangeServer::start([("a.tif", bytes(20_000)), ("small.tif", bytes(3000)), ("empty.tif", Vec::new())])
}

fn open(server: &RangeServer, path: &str) -> Result<HttpSource, HttpError> {
    HttpSource::open(&HttpClient::new(options()), &server.url(path), &|_| None)
}

/// Opens and reads a part that is not in the first answer.
fn read(server: &RangeServer, path: &str) -> Result<Vec<u8>, HttpProblem> {
    let source = open(server, path).map_err(|error| error.problem)?;
    let mut buffer = vec![0; 100];
    match source.read_at(10_000, &mut buffer) {
        Ok(count) => {
            buffer.truncate(count);
            Ok(buffer)
        }
        Err(error) => Err(HttpError::of(&error).unwrap().problem.clone()),
    }
}

#[test]
fn ranges_are_read_over_one_connection() {
    let server = server();
    let source = open(&server, "normal/a.tif").unwrap();
    assert_eq!((source.len(), source.answers_ranges(), source.content_type()), (20_000, true, Some("image/tiff")));
    let file = bytes(20_000);
    let mut buffer = [0; 500];
    for (offset, count, requests) in [(0, 500, 1), (500, 500, 1), (900, 500, 2), (19_900, 100, 3), (20_000, 0, 3)] {
        assert_eq!(source.read_at(offset, &mut buffer).unwrap(), count);
        assert_eq!(buffer[..count], file[offset as usize..][..count]);
        assert_eq!(source.usage().requests, requests);
    }
    assert_eq!(source.usage(), Usage { requests: 3, bytes: 1000 + 500 + 100 });
    let seen = server.requests();
    assert!(seen.iter().all(|request| request.connection == seen[0].connection), "{seen:?}");
    let ranges: Vec<_> = seen.iter().filter_map(|request| request.header("range")).collect();
    assert_eq!(ranges, ["bytes=0-999", "bytes=900-1399", "bytes=19900-19999"]);
    assert_eq!(seen[0].header("accept-encoding"), Some("identity"));
    assert_eq!(seen[0].header("user-agent"), Some(concat!("parcelle/", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn small_and_empty_files_are_whole_after_one_request() {
    let server = server();
    let source = open(&server, "normal/empty.tif").unwrap();
    assert_eq!((source.len(), source.usage()), (0, Usage { requests: 1, bytes: 0 }));
    let client = HttpClient::new(HttpOptions { first_read: 64 * 1024, ..options() });
    let source = ReadAhead::new(HttpSource::open(&client, &server.url("normal/a.tif"), &|_| None).unwrap(), 100);
    let mut all = vec![0; 30_000];
    assert_eq!(source.read_at(0, &mut all).unwrap(), 20_000);
    assert_eq!((all[..20_000] == bytes(20_000), source.usage().requests), (true, 1));
}

#[test]
fn a_server_without_ranges_is_recognised_by_its_status() {
    let server = server();
    // What is smaller than the limit is there as a whole.
    let source = open(&server, "norange/small.tif").unwrap();
    let mut buffer = [0; 3000];
    assert_eq!((source.answers_ranges(), source.read_at(0, &mut buffer).unwrap()), (false, 3000));
    assert_eq!(buffer[..], bytes(3000));
    // Of what is larger only the beginning is taken, however large it is.
    let source = open(&server, "norange/a.tif").unwrap();
    assert_eq!((source.len(), source.usage().requests), (20_000, 1));
    assert!(source.usage().bytes <= 5001, "{:?}", source.usage());
    assert_eq!(source.read_at(0, &mut buffer).unwrap(), 3000);
    let error = source.read_at(10_000, &mut buffer).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert!(error.to_string().ends_with("it sends the whole file for 3000 bytes of it"), "{error}");
    assert_eq!(source.usage().requests, 1);
}

#[test]
fn answers_are_held_against_what_was_asked() {
    let server = server();
    for (mode, expected) in [
        ("wrong", "asked for bytes 0-999 and answers with bytes 1-1000/20000"),
        ("short", "500 of 1000 bytes came, 3 times"),
        ("gzip", "a range of a gzip stream"),
        ("changed", "the file changed while it was read: ETag was \"first\" and is \"second\""),
        ("grown", "it had 19999 bytes and has 20000"),
        ("forbidden", "the server answers 403 (forbidden)"),
        ("missing", "the server answers 404 (not found)"),
        ("down", "the server answers 503 (unavailable), 3 times"),
        ("loop", "more than 5 redirects"),
        ("basic", "401 (authorisation required)"),
        ("chatter", "the connection failed: "),
        ("slow", "no answer within 0.4 s, 3 times"),
    ] {
        let problem = read(&server, &format!("{mode}/a.tif")).unwrap_err();
        assert!(problem.to_string().contains(expected), "{mode}: {problem}");
        assert!(!problem.way_out().is_empty());
    }
}

#[test]
fn what_may_pass_is_tried_again_and_counted() {
    let server = server();
    let source = open(&server, "flaky/a.tif").unwrap();
    assert_eq!((source.len(), source.usage()), (20_000, Usage { requests: 3, bytes: 1000 }));
    assert_eq!(server.requests_for("down").len(), 0);
    read(&server, "down/a.tif").unwrap_err();
    assert_eq!(server.requests_for("down").len(), 3);
    read(&server, "forbidden/a.tif").unwrap_err();
    assert_eq!(server.requests_for("forbidden").len(), 1);
}

#[test]
fn redirects_are_followed_remembered_and_asked_for_again() {
    let server = server();
    let source = open(&server, "moved/a.tif").unwrap();
    assert_eq!(source.usage().requests, 2);
    source.read_at(10_000, &mut [0; 10]).unwrap();
    // The second read goes where the first one was sent.
    assert_eq!(source.usage().requests, 3);
    let paths: Vec<_> = server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/moved/a.tif", "/normal/a.tif?from=moved", "/normal/a.tif?from=moved"]);
    // Where that does not hold any more, the beginning of the way is asked again.
    assert_eq!(read(&server, "signed/a.tif").unwrap(), bytes(20_000)[10_000..10_100]);
    assert_eq!(server.requests_for("signed").len(), 2);
}

#[test]
fn passwords_are_sent_and_not_shown() {
    let server = server();
    let url = format!("http://user:pass@{}/basic/a.tif?token=geheim", server.address);
    let source = HttpSource::open(&HttpClient::new(options()), &url, &|_| None).unwrap();
    assert_eq!(source.len(), 20_000);
    let wrong = url.replace("pass", "geheim").replace("a.tif", "b.tif");
    let error = HttpSource::open(&HttpClient::new(options()), &wrong, &|_| None).unwrap_err();
    assert_eq!(error.url, format!("http://user:***@{}/basic/b.tif?token=***", server.address));
    assert!(!format!("{error} {error:?}").contains("geheim"), "{error:?}");
}

#[test]
fn objects_are_asked_for_at_the_endpoint_and_signed() {
    let server = server();
    let endpoint = format!("http://{}", server.address);
    let environment = |name: &str| match name {
        "AWS_ENDPOINT_URL" => Some(endpoint.clone()),
        "AWS_ACCESS_KEY_ID" => Some("AKIA".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("geheim".to_owned()),
        _ => None,
    };
    let client = HttpClient::new(options());
    // The mode of the server is the bucket.
    let source = HttpSource::open(&client, "s3://normal/a.tif", &environment).unwrap();
    assert_eq!((source.len(), source.is_web()), (20_000, false));
    let request = &server.requests()[0];
    assert!(request.path.starts_with("/normal/a.tif?") && request.path.contains("X-Amz-Signature="), "{request:?}");
    let error = HttpSource::open(&client, "s3://forbidden/a.tif", &environment).unwrap_err();
    assert_eq!(error.to_string(), "s3://forbidden/a.tif: the server answers 403 (forbidden)");
    // Only AWS itself is believed about regions.
    let error = HttpSource::open(&client, "s3://region/a.tif", &environment).unwrap_err();
    assert!(error.to_string().contains("400 (bad request)"), "{error}");
}

#[test]
fn browsers_are_told_whether_they_may() {
    let server = server();
    let allowed = open(&server, "cors/a.tif").unwrap().cross_origin();
    assert_eq!((allowed.allow_origin.as_deref(), allowed.allow_headers.as_deref()), (Some("*"), Some("Range")));
    let source = open(&server, "normal/a.tif").unwrap();
    assert_eq!(source.cross_origin(), Default::default());
    assert_eq!(source.usage().requests, 2);
    let asked = server.requests().into_iter().find(|request| request.method == "OPTIONS").unwrap();
    assert_eq!(asked.header("access-control-request-headers"), Some("range"));
}

#[test]
fn one_file_has_a_budget() {
    let server = server();
    let client = HttpClient::new(HttpOptions { most_requests: 2, ..options() });
    let source = HttpSource::open(&client, &server.url("normal/a.tif"), &|_| None).unwrap();
    let mut buffer = [0; 10];
    source.read_at(10_000, &mut buffer).unwrap();
    let error = source.read_at(15_000, &mut buffer).unwrap_err();
    assert!(error.to_string().ends_with("reading it needs more than 2 requests"), "{error}");
    let client = HttpClient::new(HttpOptions { most_bytes: 1500, ..options() });
    let source = HttpSource::open(&client, &server.url("normal/a.tif"), &|_| None).unwrap();
    source.read_at(10_000, &mut [0; 800]).unwrap();
    assert!(source.read_at(15_000, &mut buffer).unwrap_err().to_string().contains("more than 1500 bytes"));
}

#[test]
fn no_network_is_told_in_time() {
    let started = Instant::now();
    // A port that nobody listens on, and a name that nobody has.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, expected) in [
        (format!("http://{free}/a.tif"), "the connection failed: connection refused"),
        ("http://nowhere.invalid/a.tif".to_owned(), "nowhere.invalid"),
    ] {
        let error = HttpSource::open(&HttpClient::new(options()), &url, &|_| None).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_server_that_is_silent_or_drips_is_left_in_time() {
    let server = server();
    let patient = HttpOptions { patience: Duration::from_millis(400), ..options() };
    for (mode, requests, expected) in [
        // Silence is not asked again, whatever number of attempts there is.
        ("silent", 1, "no answer within 0.4 s"),
        ("driphead", 1, "no answer within 0.4 s"),
        // 100 bytes a second come, each in time.
        ("drip", 1, "bytes of the answer came within 0."),
        ("down", 3, "the server answers 503 (unavailable), 3 times"),
    ] {
        let started = Instant::now();
        let client = HttpClient::new(patient.clone());
        let error = HttpSource::open(&client, &server.url(&format!("{mode}/a.tif")), &|_| None).unwrap_err();
        assert!(error.to_string().contains(expected), "{mode}: {error}");
        assert!(started.elapsed() < Duration::from_secs(3), "{mode}: {:?}", started.elapsed());
        assert_eq!(server.requests_for(&format!("/{mode}/")).len(), requests, "{mode}");
    }
    // What is fast enough is not left: 1000 bytes in some ten seconds, at ten bytes a second at the least.
    let slow = HttpOptions { slowest: 10, first_read: 120, ..options() };
    let source = HttpSource::open(&HttpClient::new(slow), &server.url("drip/a.tif"), &|_| None).unwrap();
    assert_eq!((source.len(), source.usage()), (20_000, Usage { requests: 1, bytes: 120 }));
}

#[test]
fn a_directory_is_not_asked_for() {
    let server = server();
    let Err(error) = HttpSource::open(&HttpClient::new(options()), &server.url("dir/"), &|_| None) else {
        panic!("a directory has been opened")
    };
    assert!(error.to_string().ends_with("it is a directory"), "{error}");
    assert!(server.requests().is_empty());
}

/// Ten parts far from each other, of a source that asks for several at a time.
fn ten_parts(server: &RangeServer, options: HttpOptions) -> (io::Result<()>, Usage) {
    let source = HttpSource::open(&HttpClient::new(options), &server.url("normal/a.tif"), &|_| None).unwrap();
    let ahead = ReadAhead::new(source, 100);
    let parts: Vec<_> = (1..=10).map(|part| part * 1800..part * 1800 + 12).collect();
    let result = ahead.prefetch(&parts);
    if result.is_ok() {
        let (before, file) = (ahead.usage(), bytes(20_000));
        for part in &parts {
            let mut buffer = [0; 12];
            assert_eq!(ahead.read_at(part.start, &mut buffer).unwrap(), 12);
            assert_eq!(buffer, file[part.start as usize..part.end as usize]);
        }
        assert_eq!(ahead.usage(), before, "all of them were there");
    }
    (result, ahead.usage())
}

#[test]
fn several_parts_are_asked_for_at_once() {
    let server = server();
    let (result, usage) = ten_parts(&server, options());
    result.unwrap();
    // The beginning, and a hundred bytes for each part.
    assert_eq!(usage, Usage { requests: 11, bytes: 1000 + 10 * 100 });
    let requests = server.requests();
    let connections: std::collections::HashSet<_> = requests.iter().map(|request| request.connection).collect();
    assert_eq!(requests.len(), 11);
    assert!(connections.len() <= ReadAhead::<HttpSource>::AT_ONCE, "{connections:?}");
}

#[test]
fn budgets_hold_for_requests_that_are_under_way() {
    for (limited, what, most) in [
        (HttpOptions { most_requests: 5, ..options() }, "5 requests", Usage { requests: 5, bytes: 1400 }),
        // The request that takes it over the limit is the last.
        (HttpOptions { most_bytes: 1250, ..options() }, "1250 bytes", Usage { requests: 4, bytes: 1300 }),
    ] {
        let server = server();
        let (result, usage) = ten_parts(&server, limited);
        let error = result.unwrap_err();
        let problem = &HttpError::of(&error).unwrap().problem;
        assert_eq!(*problem, HttpProblem::Budget { what: what.to_owned() });
        assert!(usage.requests <= most.requests && usage.bytes <= most.bytes, "{usage:?}");
        assert_eq!(server.requests().len() as u64, usage.requests);
    }
}
