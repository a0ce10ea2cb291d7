//! What is around the records: how the file is laid out, and the members of a FeatureCollection beside its features.

use std::borrow::Cow;

use parcelle_crs::Crs;
use serde_json::Value;

use crate::error::SourceError;
use crate::geojson::geometry::kind_of;
use crate::geojson::json::{Cursor, Fault, Reason};
use crate::geojson::source::SourceFile;

/// Begins each text of an RFC 8142 sequence.
pub(crate) const RECORD_SEPARATOR: u8 = 0x1E;
const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// How the records follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    /// In the array `features`. The first feature begins with these bytes, and others probably do too; none are known of
    /// an empty array.
    Collection(Vec<u8>),
    /// This byte is between them: a newline, or the record separator of RFC 8142. Neither can be within a record.
    Delimited(u8),
    /// There is only one.
    Single,
}

/// The members of the root object beside `features`, as far as they matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Members {
    type_name: Option<Vec<u8>>,
    pub(crate) name: Option<String>,
    /// The text of `crs`.
    pub(crate) crs: Option<Vec<u8>>,
}

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub(crate) framing: Framing,
    /// Where the first record is.
    pub(crate) first: u64,
    pub(crate) members: Members,
}

impl Members {
    /// Takes a member whose key was taken.
    fn take(&mut self, key_at: usize, key: &[u8], cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let value_at = cursor.at;
        let second = |known: bool| match known {
            true => Err(Fault::new(key_at, format!("a second `{}` in the root object", String::from_utf8_lossy(key)))),
            false => Ok(()),
        };
        match key {
            b"type" => {
                second(self.type_name.is_some())?;
                if cursor.peek()? != b'"' {
                    return cursor.unexpected("the type in quotes");
                }
                self.type_name = Some(cursor.string()?.decoded().into_owned());
            }
            b"name" if cursor.peek()? == b'"' => {
                second(self.name.is_some())?;
                self.name = Some(String::from_utf8_lossy(&cursor.string()?.decoded()).into_owned());
            }
            b"crs" => {
                second(self.crs.is_some())?;
                cursor.skip()?;
                self.crs = Some(cursor.since(value_at).to_vec());
            }
            b"features" => return Err(Fault::new(key_at, "a second `features` in the root object")),
            _ => cursor.skip()?,
        }
        Ok(())
    }
}

/// Reads the beginning of a file.
pub(crate) fn head(file: &SourceFile) -> Result<Head, SourceError> {
    file.attempt(0, |bytes, whole| if is_utf16(bytes) { Ok(None) } else { head_of(bytes, whole).map(Some) })?
        .ok_or_else(|| SourceError::Malformed {
            path: file.path.clone(),
            format: "GeoJSON",
            reason: "the text is UTF-16, and JSON in files is UTF-8 (RFC 8259, section 8.1)".to_owned(),
            advice: "convert it, such as with `iconv -f UTF-16 -t UTF-8`".to_owned(),
        })
}

/// Whether the bytes are JSON in UTF-16: they begin with a byte order mark, or every other byte is zero.
pub(crate) fn is_utf16(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xFF, 0xFE, b'{' | b' ' | b'\r' | b'\n' | b'\t', 0, ..] | [0xFE, 0xFF, 0, ..] | [b'{', 0, ..] | [0, b'{', ..]
    )
}

/// Moves to the first byte that means something.
pub(crate) fn skip_mark(cursor: &mut Cursor<'_>) {
    if cursor.bytes.starts_with(BYTE_ORDER_MARK) {
        cursor.at = BYTE_ORDER_MARK.len();
    }
}

fn head_of(bytes: &[u8], whole: bool) -> Result<Head, Fault> {
    let mut cursor = Cursor::new(bytes);
    skip_mark(&mut cursor);
    let first = cursor.at as u64;
    cursor.space();
    if cursor.peek()? == RECORD_SEPARATOR {
        let framing = Framing::Delimited(RECORD_SEPARATOR);
        return Ok(Head { framing, first: cursor.at as u64, members: Members::default() });
    }
    let root_at = cursor.at;
    let mut members = Members::default();
    let mut more = cursor.begin_object()?;
    while more {
        let key_at = cursor.at;
        let key = cursor.key()?.decoded();
        if key.as_ref() == b"features" && members.type_name.as_deref().is_none_or(|name| name == b"FeatureCollection") {
            let inside = cursor.begin_array()?;
            if !inside {
                // Back to the bracket, where a collection with features ends too.
                cursor.at -= 1;
            }
            let first = cursor.at as u64;
            let start = if inside { prefix(&mut cursor)? } else { Vec::new() };
            return Ok(Head { framing: Framing::Collection(start), first, members });
        }
        members.take(key_at, &key, &mut cursor)?;
        more = cursor.next_member()?;
    }
    let root_end = cursor.at;
    match members.type_name.as_deref() {
        Some(b"FeatureCollection") => return Err(Fault::new(root_at, "the FeatureCollection has no `features`")),
        Some(name) if name == b"Feature" || kind_of(name).is_some() => {}
        Some(name) => {
            let shown = String::from_utf8_lossy(name);
            return Err(Fault::new(root_at, format!("the root object is of type {shown:?}, which is none of GeoJSON")));
        }
        None => return Err(Fault::new(root_at, "the root object has no `type`")),
    }
    cursor.space();
    match cursor.peek() {
        Ok(_) => Ok(Head { framing: Framing::Delimited(b'\n'), first, members: Members::default() }),
        Err(_) if whole => {
            Ok(Head { framing: Framing::Single, first: root_at as u64, members: Members { name: None, ..members } })
        }
        Err(_) => Err(Fault { at: root_end, reason: Reason::End }),
    }
}

/// The bytes of a feature up to its first value, and that too if it is a string. Strings cannot contain them, as there is
/// a quote in them, and other objects in a feature hardly ever begin so.
fn prefix(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, Fault> {
    let start = cursor.at;
    if cursor.peek()? != b'{' || !cursor.begin_object()? {
        return Ok(Vec::new());
    }
    cursor.key()?;
    let mut ahead = *cursor;
    if ahead.peek()? == b'"' && ahead.string()?.raw == b"Feature" {
        *cursor = ahead;
    }
    Ok(cursor.since(start).to_vec())
}

/// Reads the root object on from the bracket at `offset` that closes `features`, up to the end of the file.
pub(crate) fn tail(file: &SourceFile, offset: u64, head: &Members) -> Result<Members, SourceError> {
    file.attempt(offset, |bytes, whole| {
        let mut cursor = Cursor::new(bytes);
        let mut members = head.clone();
        if !cursor.take(b']')? {
            return cursor.unexpected("']'");
        }
        while cursor.next_member()? {
            let key_at = cursor.at;
            let key = cursor.key()?.decoded();
            members.take(key_at, &key, &mut cursor)?;
        }
        match members.type_name.as_deref() {
            Some(b"FeatureCollection") => {}
            Some(name) => {
                let shown = String::from_utf8_lossy(name);
                return cursor.fault(format!("the root object has `features`, and is of type {shown:?}"));
            }
            None => return cursor.fault("the root object has no `type`"),
        }
        cursor.space();
        match cursor.peek() {
            Err(_) if whole => Ok(members),
            Err(fault) => Err(fault),
            Ok(_) => cursor.unexpected("the end of the file after the FeatureCollection"),
        }
    })
}

/// The coordinate reference system that a member `crs` says (GeoJSON 2008, section 3). `None` for `null`, which means
/// that it is not known.
pub(crate) fn crs_of(text: &[u8]) -> Result<Option<Crs>, Cow<'static, str>> {
    let value: Value = serde_json::from_slice(text).map_err(|error| format!("`crs` cannot be read ({error})"))?;
    if value.is_null() {
        return Ok(None);
    }
    let property = |name: &str| value.get("properties").and_then(|properties| properties.get(name));
    let definition = match (value.get("type").and_then(Value::as_str), property("name"), property("code")) {
        (Some("name"), Some(Value::String(name)), _) => name.clone(),
        // An older draft, which some programs still write.
        (Some("EPSG"), _, Some(Value::Number(code))) => format!("EPSG:{code}"),
        (Some("link"), ..) => return Err("`crs` is a link to a definition elsewhere, which is not followed".into()),
        _ => return Err("`crs` is neither a name nor null".into()),
    };
    match Crs::from_definition(&definition) {
        Ok(crs) => Ok(Some(crs)),
        Err(error) => Err(error.to_string().into()),
    }
}
