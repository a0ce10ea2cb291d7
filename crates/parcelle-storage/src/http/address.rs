//! What a remote file is called, and the URL it is asked for by.

use std::time::Duration;

use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use url::Url;

use super::error::{HttpError, HttpProblem};
use super::secrets::without_secrets;

/// How long a signed URL holds: each request has its own.
const SIGNED_FOR: Duration = Duration::from_secs(900);
/// Where AWS answers for buckets whose region nobody named; it says then which one it is.
const DEFAULT_REGION: &str = "us-east-1";
/// Schemes that [`Address::parse`] knows.
pub(super) const SCHEMES: [&str; 6] = ["http", "https", "s3", "gs", "az", "azure"];

/// The settings of the environment that addresses depend on.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The name of one remote file.
///
/// | written | asked for |
/// |---|---|
/// | `https://host/path`, `http://host/path` | as it is; user and password become basic authentication |
/// | `s3://bucket/key` | `https://bucket.s3.REGION.amazonaws.com/key`, or `ENDPOINT/bucket/key` where `AWS_ENDPOINT_URL` is set |
/// | `gs://bucket/key` | `https://storage.googleapis.com/bucket/key` |
/// | `az://container/key` | `https://ACCOUNT.blob.core.windows.net/container/key` |
///
/// `s3://` is signed (AWS Signature Version 4, in the query) where `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are set,
/// `AWS_SESSION_TOKEN` with them, unless `AWS_NO_SIGN_REQUEST` is `YES`, `TRUE` or `1`. The region is that of `AWS_REGION` or
/// `AWS_DEFAULT_REGION`; where AWS says that the bucket is in another one, that is taken. Other endpoints are spoken to
/// with the bucket in the path. Profiles in files, and roles of machines, are not looked at: `aws configure export-credentials
/// --format env` makes the variables of them. `az://` takes `AZURE_STORAGE_ACCOUNT` and `AZURE_STORAGE_SAS_TOKEN`. Of
/// Google and Azure, what is not public is read by signed `https://` URLs.
#[derive(Debug, Clone)]
pub(super) struct Address {
    shown: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Web(Url),
    S3(Box<Object>),
}

#[derive(Debug, Clone)]
struct Object {
    /// `None` is AWS itself.
    endpoint: Option<Url>,
    region: String,
    bucket: String,
    key: String,
    credentials: Option<Credentials>,
}

impl Address {
    /// Reads what a user wrote.
    pub(super) fn parse(text: &str, environment: Environment<'_>) -> Result<Self, HttpError> {
        let shown = without_secrets(text);
        let place = place(text, environment).map_err(|problem| HttpError { url: shown.clone(), problem })?;
        Ok(Self { shown, place })
    }

    /// As it may be shown.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it is a URL that others can ask for, too.
    pub(super) const fn is_web(&self) -> bool {
        matches!(self.place, Place::Web(_))
    }

    /// The URL to ask for, signed where that is due.
    pub(super) fn url(&self) -> Result<Url, HttpProblem> {
        match &self.place {
            Place::Web(url) => Ok(url.clone()),
            Place::S3(object) => object.url(),
        }
    }

    /// Learns the region of a bucket of AWS; says whether that is news.
    pub(super) fn learn_region(&mut self, region: &str) -> bool {
        match &mut self.place {
            Place::S3(object) if object.endpoint.is_none() && object.region != region => {
                region.clone_into(&mut object.region);
                true
            }
            _ => false,
        }
    }
}

impl Object {
    fn url(&self) -> Result<Url, HttpProblem> {
        // A certificate for *.s3.REGION.amazonaws.com does not hold for names with dots in them.
        let (endpoint, style) = match &self.endpoint {
            Some(endpoint) => (endpoint.clone(), UrlStyle::Path),
            None => {
                let style = if self.bucket.contains('.') { UrlStyle::Path } else { UrlStyle::VirtualHost };
                let endpoint = format!("https://s3.{}.amazonaws.com", self.region);
                (Url::parse(&endpoint).map_err(|error| wrong(format!("AWS_REGION: {error}"), REGION))?, style)
            }
        };
        let bucket = Bucket::new(endpoint, style, self.bucket.clone(), self.region.clone())
            .map_err(|error| wrong(format!("no bucket: {error}"), OBJECT))?;
        Ok(match &self.credentials {
            Some(credentials) => bucket.get_object(Some(credentials), &self.key).sign(SIGNED_FOR),
            None => bucket.object_url(&self.key),
        })
    }
}

const OBJECT: &str = "name one object, such as s3://bucket/path/dem.tif";
const REGION: &str = "set AWS_REGION to the region of the bucket, such as eu-west-3";
const WHOLE: &str = "name the files one by one: nothing lists remote directories";

const fn wrong(reason: String, way_out: &'static str) -> HttpProblem {
    HttpProblem::Address { reason, way_out }
}

fn place(text: &str, environment: Environment<'_>) -> Result<Place, HttpProblem> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let scheme = scheme.to_ascii_lowercase();
    let path = if scheme.starts_with("http") { rest.split(['?', '#']).next().unwrap_or_default() } else { rest };
    if path.contains('*') {
        return Err(wrong("patterns are not expanded on remote files".to_owned(), WHOLE));
    }
    match scheme.as_str() {
        "http" | "https" => {
            let url = Url::parse(text)
                .map_err(|error| wrong(format!("it is no URL: {error}"), "write it as https://host/path/dem.tif"))?;
            if url.path().ends_with('/') && url.query().is_none() {
                return Err(wrong("it is a directory".to_owned(), WHOLE));
            }
            Ok(Place::Web(url))
        }
        "s3" => {
            let (bucket, key) = object(rest, "bucket")?;
            Ok(Place::S3(Box::new(Object {
                endpoint: endpoint(environment)?,
                region: set(environment, &["AWS_REGION", "AWS_DEFAULT_REGION"]).unwrap_or(DEFAULT_REGION.to_owned()),
                bucket,
                key,
                credentials: credentials(environment),
            })))
        }
        "gs" => {
            let (bucket, key) = object(rest, "bucket")?;
            web("https://storage.googleapis.com", &[&bucket, &key])
        }
        "az" | "azure" => {
            let (container, key) = object(rest, "container")?;
            let account = set(environment, &["AZURE_STORAGE_ACCOUNT"]).ok_or_else(|| {
                wrong("the account of the container is not known".to_owned(), "set AZURE_STORAGE_ACCOUNT to its name")
            })?;
            let Place::Web(mut url) = web(&format!("https://{account}.blob.core.windows.net"), &[&container, &key])?
            else {
                return Err(wrong("it is no URL".to_owned(), OBJECT));
            };
            if let Some(token) = set(environment, &["AZURE_STORAGE_SAS_TOKEN"]) {
                url.set_query(Some(token.trim_start_matches('?')));
            }
            Ok(Place::Web(url))
        }
        _ => {
            let schemes = SCHEMES.map(|scheme| format!("{scheme}://")).join(", ");
            let reason = format!("files behind {scheme}:// cannot be read, those behind {schemes} can");
            Err(wrong(reason, "download the file and check the copy"))
        }
    }
}

/// The bucket and the key of an object.
fn object(rest: &str, what: &str) -> Result<(String, String), HttpProblem> {
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() || bucket.contains(['@', '?', '#']) {
        return Err(wrong(format!("it names no {what}"), OBJECT));
    }
    if key.is_empty() {
        return Err(wrong(format!("it names a {what}, not a file in it"), WHOLE));
    }
    if key.ends_with('/') {
        return Err(wrong("it is a directory".to_owned(), WHOLE));
    }
    Ok((bucket.to_owned(), key.to_owned()))
}

fn web(base: &str, parts: &[&str]) -> Result<Place, HttpProblem> {
    let no_url = |reason: String| wrong(format!("it is no URL: {reason}"), OBJECT);
    let mut url = Url::parse(base).map_err(|error| no_url(error.to_string()))?;
    {
        let mut segments = url.path_segments_mut().map_err(|()| no_url("it has no path".to_owned()))?;
        segments.clear().extend(parts.iter().flat_map(|part| part.split('/')));
    }
    Ok(Place::Web(url))
}

fn endpoint(environment: Environment<'_>) -> Result<Option<Url>, HttpProblem> {
    let Some(endpoint) = set(environment, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) else { return Ok(None) };
    match Url::parse(&endpoint) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => Ok(Some(url)),
        _ => Err(wrong(
            "AWS_ENDPOINT_URL is no URL of a server".to_owned(),
            "write it as https://host:port, or unset it for AWS itself",
        )),
    }
}

fn credentials(environment: Environment<'_>) -> Option<Credentials> {
    let unsigned = set(environment, &["AWS_NO_SIGN_REQUEST"]).unwrap_or_default().to_ascii_uppercase();
    if ["YES", "TRUE", "1", "ON"].contains(&unsigned.as_str()) {
        return None;
    }
    let key = set(environment, &["AWS_ACCESS_KEY_ID"])?;
    let secret = set(environment, &["AWS_SECRET_ACCESS_KEY"])?;
    Some(match set(environment, &["AWS_SESSION_TOKEN"]) {
        Some(token) => Credentials::new_with_token(key, secret, token),
        None => Credentials::new(key, secret),
    })
}

/// The first variable that is set to something.
fn set(environment: Environment<'_>, names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| environment(name)).find(|value| !value.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str, environment: &[(&str, &str)]) -> Result<Address, HttpError> {
        let value = |name: &str| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Address::parse(text, &value)
    }

    fn url(text: &str, environment: &[(&str, &str)]) -> String {
        address(text, environment).unwrap().url().unwrap().into()
    }

    #[test]
    fn names_become_urls() {
        for (text, environment, expected) in [
            ("https://host/a b.tif?x=*", &[][..], "https://host/a%20b.tif?x=*"),
            ("s3://bucket/a/b c.tif", &[], "https://bucket.s3.us-east-1.amazonaws.com/a/b%20c.tif"),
            ("s3://b/k", &[("AWS_DEFAULT_REGION", "eu-west-3")], "https://b.s3.eu-west-3.amazonaws.com/k"),
            (
                "s3://b/k",
                &[("AWS_DEFAULT_REGION", "eu-west-3"), ("AWS_REGION", "eu-west-1")],
                "https://b.s3.eu-west-1.amazonaws.com/k",
            ),
            ("s3://dots.in.it/k", &[], "https://s3.us-east-1.amazonaws.com/dots.in.it/k"),
            ("s3://b/k", &[("AWS_ENDPOINT_URL", "http://minio:9000")], "http://minio:9000/b/k"),
            ("s3://b/k?x#y", &[("AWS_ENDPOINT_URL", "http://minio:9000/")], "http://minio:9000/b/k%3Fx%23y"),
            ("gs://b/a/k+1.tif", &[], "https://storage.googleapis.com/b/a/k+1.tif"),
            (
                "az://c/a/k.tif",
                &[("AZURE_STORAGE_ACCOUNT", "konto"), ("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=x%3D")],
                "https://konto.blob.core.windows.net/c/a/k.tif?sv=1&sig=x%3D",
            ),
        ] {
            assert_eq!(url(text, environment), expected);
        }
    }

    #[test]
    fn requests_are_signed_where_there_are_credentials() {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_SESSION_TOKEN", "s/t")];
        let signed = url("s3://b/k", &keys);
        for part in ["X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Credential=AKIA%2F", "X-Amz-Signature=", "s%2Ft"] {
            assert!(signed.contains(part), "{signed}");
        }
        assert!(!signed.contains("secret"), "{signed}");
        let open = [&keys[..], &[("AWS_NO_SIGN_REQUEST", "yes")]].concat();
        assert_eq!(url("s3://b/k", &open), "https://b.s3.us-east-1.amazonaws.com/k");
        assert_eq!(url("s3://b/k", &keys[..1]), "https://b.s3.us-east-1.amazonaws.com/k");
    }

    #[test]
    fn the_region_is_learned_once() {
        let mut bucket = address("s3://b/k", &[]).unwrap();
        assert!(bucket.learn_region("eu-west-3") && !bucket.learn_region("eu-west-3"));
        assert_eq!(bucket.url().unwrap().as_str(), "https://b.s3.eu-west-3.amazonaws.com/k");
        assert!(!address("https://h/k", &[]).unwrap().learn_region("eu-west-3"));
        assert!(!address("s3://b/k", &[("AWS_ENDPOINT_URL", "http://m")]).unwrap().learn_region("eu-west-3"));
    }

    #[test]
    fn what_names_no_file_is_refused() {
        for (text, environment, expected) in [
            ("https://host/dir/", &[][..], "it is a directory"),
            ("https://host", &[], "it is a directory"),
            ("https://host/*.tif", &[], "patterns are not expanded"),
            ("https://u:secret@:x/a.tif", &[], "it is no URL"),
            ("s3://bucket", &[], "it names a bucket, not a file in it"),
            ("s3://bucket/", &[], "it names a bucket"),
            ("s3://bucket/dir/", &[], "it is a directory"),
            ("s3:///key", &[], "it names no bucket"),
            ("s3://k:secret@bucket/key", &[], "it names no bucket"),
            ("s3://bucket/*.tif", &[], "patterns"),
            ("s3://b/k", &[("AWS_ENDPOINT_URL", "minio:9000")], "AWS_ENDPOINT_URL"),
            ("az://c/k", &[], "the account of the container"),
            ("ftp://host/a.tif", &[], "files behind ftp:// cannot be read"),
        ] {
            let error = address(text, environment).unwrap_err();
            assert!(error.to_string().contains(expected) && !error.problem.way_out().is_empty(), "{text}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
