//! Whether a file is GeoJSON, by what it begins with.
//!
//! TopoJSON, Esri JSON and other JSON have a different `type`, or none: those are left to GDAL. Where the first four
//! kilobytes do not say, as with a large geometry before the type, up to a megabyte is looked at.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::drivers::has_extension;
use crate::error::SourceError;
use crate::geojson::envelope::{RECORD_SEPARATOR, is_utf16, skip_mark};
use crate::geojson::geometry::kind_of;
use crate::geojson::json::{Cursor, Fault};

const LONGEST_LOOK: u64 = 1 << 20;

/// Whether the file with these first bytes is GeoJSON in any of its layouts.
pub(crate) fn is_geojson(path: &Path, head: &[u8]) -> Result<bool, SourceError> {
    // So that the error can say what is wrong with it.
    if is_utf16(head) {
        return Ok(has_extension(path, &["geojson", "geojsonl", "geojsons", "ndjson", "jsonl"]));
    }
    let mut cursor = start(head);
    if !matches!(cursor.peek(), Ok(b'{')) {
        return Ok(false);
    }
    if let Some(known) = says(&mut cursor) {
        return Ok(known);
    }
    let mut more = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_LOOK).read_to_end(&mut more));
    read.map_err(|error| SourceError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    Ok(says(&mut start(&more)).unwrap_or(false))
}

fn start(bytes: &[u8]) -> Cursor<'_> {
    let mut cursor = Cursor::new(bytes);
    skip_mark(&mut cursor);
    cursor.space();
    while cursor.take(RECORD_SEPARATOR) == Ok(true) {
        cursor.space();
    }
    cursor
}

/// What the root object says of itself; `None` where the bytes end before.
fn says(cursor: &mut Cursor<'_>) -> Option<bool> {
    let mut likely = None;
    let found = members(cursor, &mut |key, cursor| {
        Ok(match key {
            b"type" => Some(cursor.peek()? == b'"' && is_root_type(&cursor.string()?.decoded())),
            b"coordinates" | b"geometry" | b"properties" => {
                likely = Some(true);
                cursor.skip().map(|()| None)?
            }
            // The first feature says what the others are.
            b"features" if cursor.peek()? == b'[' => match cursor.begin_array()? && cursor.peek()? == b'{' {
                true => members(cursor, &mut |key, cursor| {
                    if key == b"type" {
                        return Ok(Some(cursor.peek()? == b'"' && cursor.string()?.raw == b"Feature"));
                    }
                    // Esri JSON.
                    if key == b"attributes" {
                        return Ok(Some(false));
                    }
                    // Its geometries have rings, paths or x.
                    if key == b"geometry" && cursor.peek()? == b'{' {
                        return members(cursor, &mut |key, _| {
                            Ok(Some(matches!(key, b"type" | b"coordinates" | b"geometries" | b"bbox")))
                        });
                    }
                    cursor.skip().map(|()| None)
                })?,
                false => None,
            },
            _ => cursor.skip().map(|()| None)?,
        })
    });
    match found {
        Ok(Some(known)) => Some(known),
        // No type at all, or no JSON.
        Ok(None) => Some(false),
        Err(fault) if fault.reason != crate::geojson::json::Reason::End => Some(likely.unwrap_or(false)),
        Err(_) if cursor.bytes.len() as u64 >= LONGEST_LOOK => likely,
        Err(_) => None,
    }
}

/// Looks at a key; takes its value, or decides.
type Decide<'a> = dyn FnMut(&[u8], &mut Cursor<'_>) -> Result<Option<bool>, Fault> + 'a;

/// Walks the members of an object until one decides.
fn members(cursor: &mut Cursor<'_>, decide: &mut Decide<'_>) -> Result<Option<bool>, Fault> {
    let mut more = cursor.begin_object()?;
    while more {
        let key = cursor.key()?;
        if let Some(known) = decide(&key.decoded(), cursor)? {
            return Ok(Some(known));
        }
        more = cursor.next_member()?;
    }
    Ok(None)
}

fn is_root_type(name: &[u8]) -> bool {
    matches!(name, b"FeatureCollection" | b"Feature") || kind_of(name).is_some()
}
