//! Databases and services behind a connection string of GDAL, and the secrets in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// What stands for a secret.
const HIDDEN: &str = "***";

/// Prefixes of connection strings, in lower case, and the driver of GDAL that each is for.
const DRIVERS: [(&str, &str); 21] = [
    ("pg", "PostgreSQL"),
    ("postgresql", "PostgreSQL"),
    ("mysql", "MySQL"),
    ("mssql", "MSSQLSpatial"),
    ("oci", "OCI"),
    ("hana", "HANA"),
    ("odbc", "ODBC"),
    ("idb", "IDB"),
    ("mongodbv3", "MongoDBv3"),
    ("es", "Elasticsearch"),
    ("wfs", "WFS"),
    ("oapif", "OAPIF"),
    ("wfs3", "OAPIF"),
    ("csw", "CSW"),
    ("carto", "Carto"),
    ("amigocloud", "AmigoCloud"),
    ("ngw", "NGW"),
    ("plscenes", "PLSCENES"),
    ("http", "HTTP"),
    ("https", "HTTP"),
    ("ftp", "HTTP"),
];

/// The prefix of a connection string (`PG:host=…`, `MySQL:…`, `https://…`). A single letter is a drive of Windows.
pub(crate) fn prefix(path: &Path) -> Option<String> {
    let text = path.to_string_lossy();
    let (prefix, _) = text.split_once(':')?;
    let is_word = prefix.starts_with(|first: char| first.is_ascii_alphabetic())
        && prefix.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (is_word && prefix.len() > 1).then(|| prefix.to_owned())
}

/// The driver of GDAL that a prefix is for, where it is known.
#[cfg(feature = "gdal")]
pub(crate) fn driver(prefix: &str) -> Option<&'static str> {
    DRIVERS.iter().find(|(known, _)| prefix.eq_ignore_ascii_case(known)).map(|(_, driver)| *driver)
}

/// Whether it is a connection string of PostgreSQL.
#[cfg(feature = "gdal")]
pub(crate) fn is_postgres(path: &Path) -> bool {
    prefix(path).and_then(|prefix| driver(&prefix)) == Some("PostgreSQL") && path.symlink_metadata().is_err()
}

/// The prefixes that are known, for messages.
pub(crate) fn known_prefixes() -> String {
    DRIVERS.iter().map(|(prefix, _)| prefix.to_uppercase() + ":").collect::<Vec<_>>().join(", ")
}

/// What was asked for, as it may be shown: a connection string has `***` in the place of passwords and tokens. The name of
/// a file that exists stays as it is.
#[must_use]
pub fn without_secrets(path: &Path) -> PathBuf {
    let secrets = Secrets::of(path);
    if secrets.values.is_empty() { path.to_owned() } else { PathBuf::from(secrets.shown) }
}

/// The secrets of a connection string.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    #[cfg_attr(not(feature = "gdal"), expect(dead_code, reason = "only what GDAL says has to be searched for it"))]
    whole: String,
    shown: String,
    values: Vec<String>,
}

impl Secrets {
    pub(crate) fn of(path: &Path) -> Self {
        if path.symlink_metadata().is_ok() {
            return Self::default();
        }
        let whole = path.to_string_lossy().into_owned();
        let (mut shown, mut values, mut end) = (String::new(), Vec::new(), 0);
        for range in ranges(&whole, prefix(path).as_deref()) {
            let (Some(before), Some(value)) = (whole.get(end..range.start), whole.get(range.clone())) else { continue };
            shown.push_str(before);
            shown.push_str(HIDDEN);
            values.push(value.to_owned());
            end = range.end;
        }
        shown.push_str(whole.get(end..).unwrap_or_default());
        Self { whole, shown, values }
    }

    /// A message without them.
    #[cfg(feature = "gdal")]
    pub(crate) fn hide(&self, message: &str) -> String {
        if self.values.is_empty() {
            return message.to_owned();
        }
        let message = message.replace(&self.whole, &self.shown);
        self.values.iter().fold(message, |message, value| message.replace(value.as_str(), HIDDEN))
    }
}

/// Where secrets stand, in order, none within another.
fn ranges(text: &str, prefix: Option<&str>) -> Vec<Range<usize>> {
    let is_url = text.contains("://");
    if prefix.is_none() && !is_url {
        return Vec::new();
    }
    let prefix = prefix.unwrap_or_default().to_lowercase();
    let ends_value: fn(char) -> bool = match prefix.as_str() {
        "mysql" => |letter| letter == ',',
        "mssql" | "hana" | "odbc" => |letter| letter == ';',
        "pg" | "postgresql" => char::is_whitespace,
        _ if is_url => |letter| letter == '&' || letter.is_whitespace(),
        _ => char::is_whitespace,
    };
    let mut found = Vec::new();
    for (at, _) in text.match_indices('=') {
        let key = text.get(..at).unwrap_or_default().trim_end();
        let key = key.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-').next();
        if key.is_some_and(is_secret) {
            found.push(value(text, at + 1, ends_value));
        }
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let start = scheme.len() + 3;
        let rest = rest.split(char::is_whitespace).next().unwrap_or_default();
        let user = rest.rfind('@').and_then(|at| rest.get(..at));
        if let Some(user) = user {
            // What has no colon may be a token, and is one where it is no database.
            let password = user.find(':').map(|colon| colon + 1).or(prefix.starts_with("http").then_some(0));
            found.extend(password.map(|password| start + password..start + user.len()));
        }
    }
    if prefix == "oci" || prefix == "odbc" {
        let (slash, at) = (text.find('/'), text.rfind('@'));
        found.extend(slash.zip(at).filter(|(slash, at)| slash < at).map(|(slash, at)| slash + 1..at));
    }
    found.retain(|range| !range.is_empty());
    found.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// Whether the value of a key is a secret.
fn is_secret(key: &str) -> bool {
    const ENDINGS: [&str; 10] =
        ["password", "passwd", "pwd", "pass", "secret", "token", "apikey", "api_key", "access_key", "authorization"];
    let key = key.to_lowercase();
    ENDINGS.iter().any(|ending| key.ends_with(ending))
}

/// Where the value that begins at a place ends: with its quotes, where it has some (libpq escapes them by a backslash).
fn value(text: &str, start: usize, ends: fn(char) -> bool) -> Range<usize> {
    let rest = text.get(start..).unwrap_or_default();
    let trimmed = rest.trim_start();
    let start = start + rest.len() - trimmed.len();
    let closing = match trimmed.chars().next() {
        Some(quote @ ('\'' | '"')) => quote,
        Some('{') => '}',
        _ => {
            let length = trimmed.find(ends).unwrap_or(trimmed.len());
            return start..start + length;
        }
    };
    let mut escaped = false;
    for (at, letter) in trimmed.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == closing => return start..start + at + letter.len_utf8(),
            _ => {}
        }
    }
    start..text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        for (text, shown) in [
            ("PG:host=db user=u password=s3;c,r&t dbname=d", "PG:host=db user=u password=*** dbname=d"),
            ("PG:password = 'it\\'s a secret' host=db", "PG:password = *** host=db"),
            ("PG:host=db sslpassword='open end", "PG:host=db sslpassword=***"),
            (
                "PG:postgresql://u:p@ss/word@db:5432/d?sslmode=require",
                "PG:postgresql://u:***@db:5432/d?sslmode=require",
            ),
            ("postgresql://u@db/d?password=s", "postgresql://u@db/d?password=***"),
            ("MySQL:d,user=u,password=s c,port=3306", "MySQL:d,user=u,password=***,port=3306"),
            ("MSSQL:server=h;UID=u;PWD={a;b};database=d", "MSSQL:server=h;UID=u;PWD=***;database=d"),
            ("MSSQL:server=h;pwd=a b;database=d", "MSSQL:server=h;pwd=***;database=d"),
            ("OCI:u/s/c@h/d:T1,T2", "OCI:u/***@h/d:T1,T2"),
            ("ODBC:u/s@dsn", "ODBC:u/***@dsn"),
            ("MongoDBv3:mongodb://u:s@h", "MongoDBv3:mongodb://u:***@h"),
            ("WFS:https://u:s@h/wfs?apikey=k&typename=t", "WFS:https://u:***@h/wfs?apikey=***&typename=t"),
            ("https://token@h/a.gpkg", "https://***@h/a.gpkg"),
            ("/vsicurl/https://u:s@h/a.gpkg", "/vsicurl/https://u:***@h/a.gpkg"),
            ("AmigoCloud:1 token=k é=1", "AmigoCloud:1 token=*** é=1"),
            ("PG:host=db dbname=d", "PG:host=db dbname=d"),
            ("gone password=1.gpkg", "gone password=1.gpkg"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(Path::new(text)), Path::new(shown), "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ab:password=1");
        std::fs::write(&file, "").unwrap();
        assert_eq!(without_secrets(&file), file);
    }

    #[cfg(feature = "gdal")]
    #[test]
    fn messages_are_cleaned() {
        let path = Path::new("PG:host=db password=geheim");
        let said = Secrets::of(path).hide("cannot open PG:host=db password=geheim: geheim is wrong");
        assert_eq!(said, "cannot open PG:host=db password=***: *** is wrong");
    }
}
