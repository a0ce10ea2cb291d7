//! A GeoJSON geometry (RFC 7946, section 3.1) as little-endian ISO WKB, without objects in between.

use parcelle_geometry::MAX_DEPTH;

/// Appends the geometry to `out`; says what is wrong with it otherwise.
pub(crate) fn append_wkb(text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let mut cursor = Cursor { text, offset: 0 };
    let object = Object::read(&mut cursor)?;
    cursor.white_space();
    if cursor.offset < text.len() {
        return Err(format!("more text follows the geometry at byte {}", cursor.offset));
    }
    let size = object.ordinates(0)?.unwrap_or(2);
    object.write(size, out)
}

/// The members of an object that count.
struct Object<'a> {
    kind: &'a [u8],
    coordinates: Option<Cursor<'a>>,
    geometries: Option<Cursor<'a>>,
}

impl<'a> Object<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, String> {
        let mut object = Self { kind: b"", coordinates: None, geometries: None };
        cursor.expect(b'{')?;
        if !cursor.next_is(b'}') {
            loop {
                let name = cursor.string()?;
                cursor.expect(b':')?;
                cursor.white_space();
                match name {
                    b"type" => object.kind = cursor.string()?,
                    b"coordinates" => {
                        object.coordinates = Some(*cursor);
                        cursor.skip()?;
                    }
                    b"geometries" => {
                        object.geometries = Some(*cursor);
                        cursor.skip()?;
                    }
                    _ => cursor.skip()?,
                }
                if !cursor.next_is(b',') {
                    break;
                }
            }
            cursor.expect(b'}')?;
        }
        Ok(object)
    }

    /// The number of ordinates of the first position: 2, 3 or more.
    fn ordinates(&self, depth: usize) -> Result<Option<usize>, String> {
        if depth > MAX_DEPTH {
            return Err(format!("geometry collections are nested deeper than {MAX_DEPTH}"));
        }
        if let Some(mut cursor) = self.geometries {
            let mut found = None;
            cursor.list(|cursor| {
                let object = Object::read(cursor)?;
                found = found.or(object.ordinates(depth + 1)?);
                Ok(())
            })?;
            return Ok(found);
        }
        let Some(mut cursor) = self.coordinates else { return Ok(None) };
        while cursor.next_is(b'[') {}
        if cursor.peek() == Some(b']') {
            return Ok(None);
        }
        let mut count = 0;
        loop {
            cursor.number()?;
            count += 1;
            if !cursor.next_is(b',') {
                return Ok(Some(count));
            }
        }
    }

    fn write(&self, size: usize, out: &mut Vec<u8>) -> Result<(), String> {
        if !(2..=3).contains(&size) {
            return Err(format!("positions have {size} numbers, not 2 or 3"));
        }
        let code = match self.kind {
            b"Point" => 1,
            b"LineString" => 2,
            b"Polygon" => 3,
            b"MultiPoint" => 4,
            b"MultiLineString" => 5,
            b"MultiPolygon" => 6,
            b"GeometryCollection" => 7,
            b"" => return Err("it has no type".to_owned()),
            other => return Err(format!("{:?} is no type of geometry", String::from_utf8_lossy(other))),
        };
        header(code, size, out);
        if code == 7 {
            let mut cursor = self.geometries.ok_or("it has no geometries")?;
            return counted(&mut cursor, out, |cursor, out| Object::read(cursor)?.write(size, out));
        }
        let mut cursor = self.coordinates.ok_or("it has no coordinates")?;
        let positions =
            |cursor: &mut Cursor<'a>, out: &mut Vec<u8>| counted(cursor, out, |cursor, out| cursor.position(size, out));
        let rings = |cursor: &mut Cursor<'a>, out: &mut Vec<u8>| counted(cursor, out, positions);
        match code {
            1 => {
                let mut ahead = cursor;
                if ahead.next_is(b'[') && ahead.next_is(b']') {
                    out.extend(std::iter::repeat_n(f64::NAN.to_le_bytes(), size).flatten());
                    Ok(())
                } else {
                    cursor.position(size, out)
                }
            }
            2 => positions(&mut cursor, out),
            3 => rings(&mut cursor, out),
            4 => counted(&mut cursor, out, |cursor, out| {
                header(1, size, out);
                cursor.position(size, out)
            }),
            5 => counted(&mut cursor, out, |cursor, out| {
                header(2, size, out);
                positions(cursor, out)
            }),
            _ => counted(&mut cursor, out, |cursor, out| {
                header(3, size, out);
                rings(cursor, out)
            }),
        }
    }
}

fn header(code: u32, size: usize, out: &mut Vec<u8>) {
    out.push(1);
    out.extend_from_slice(&(code + if size == 3 { 1000 } else { 0 }).to_le_bytes());
}

/// A list whose number of items goes before them.
fn counted<'a>(
    cursor: &mut Cursor<'a>,
    out: &mut Vec<u8>,
    mut item: impl FnMut(&mut Cursor<'a>, &mut Vec<u8>) -> Result<(), String>,
) -> Result<(), String> {
    let place = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut count: u32 = 0;
    cursor.list(|cursor| {
        count = count.checked_add(1).ok_or("more parts than can be counted")?;
        item(cursor, out)
    })?;
    if let Some(bytes) = out.get_mut(place..place + 4) {
        bytes.copy_from_slice(&count.to_le_bytes());
    }
    Ok(())
}

/// A position in the text.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    text: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.offset..).unwrap_or_default()
    }

    fn white_space(&mut self) {
        self.offset += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&mut self) -> Option<u8> {
        self.white_space();
        self.rest().first().copied()
    }

    fn next_is(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.offset += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Result<(), String> {
        if self.next_is(wanted) {
            Ok(())
        } else {
            Err(format!("`{}` expected at byte {}", char::from(wanted), self.offset))
        }
    }

    /// A text, as it is written.
    fn string(&mut self) -> Result<&'a [u8], String> {
        self.expect(b'"')?;
        let rest = self.rest();
        let mut length = 0;
        loop {
            match rest.get(length) {
                Some(b'"') => break,
                Some(b'\\') => length += 2,
                Some(_) => length += 1,
                None => return Err("a text is not closed".to_owned()),
            }
        }
        self.offset += length + 1;
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// Steps over a value of any kind.
    fn skip(&mut self) -> Result<(), String> {
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'[' | b'{') => {
                    depth += 1;
                    self.offset += 1;
                }
                Some(b']' | b'}') if depth > 0 => {
                    depth -= 1;
                    self.offset += 1;
                }
                Some(b',' | b':') if depth > 0 => self.offset += 1,
                Some(byte) if !matches!(byte, b']' | b'}' | b',' | b':') => {
                    let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b'[' | b'{' | b':' | b'"');
                    let length = self.rest().iter().position(ends).unwrap_or(self.rest().len());
                    self.offset += length;
                }
                _ => return Err(format!("a value expected at byte {}", self.offset)),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        self.expect(b'[')?;
        if self.next_is(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.next_is(b',') {
                return self.expect(b']');
            }
        }
    }

    fn position(&mut self, size: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let (offset, mut count) = (self.offset, 0);
        self.list(|cursor| {
            count += 1;
            out.extend_from_slice(&cursor.number()?.to_le_bytes());
            Ok(())
        })?;
        if count == size {
            Ok(())
        } else {
            Err(format!("the position at byte {offset} has {count} numbers, others have {size}"))
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        self.white_space();
        let wrong = || format!("a number expected at byte {}", self.offset);
        if !matches!(self.rest().first(), Some(b'-' | b'0'..=b'9')) {
            return Err(wrong());
        }
        let (value, length) = fast_float2::parse_partial::<f64, _>(self.rest()).map_err(|_| wrong())?;
        if !value.is_finite() {
            return Err(wrong());
        }
        self.offset += length;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use parcelle_geometry::{from_wkt, scan};

    use super::*;

    #[test]
    fn the_same_as_the_wkt() {
        for (json, wkt) in [
            (r#"{"type":"Point","coordinates":[1,2]}"#, "POINT(1 2)"),
            (
                r#" { "coordinates" : [ 1.5 , -2e1 , 3 ] , "bbox":[1,2,[{"a":"]"}]], "type" : "Point" } "#,
                "POINT Z(1.5 -20 3)",
            ),
            (r#"{"type":"Point","coordinates":[]}"#, "POINT EMPTY"),
            (r#"{"type":"LineString","coordinates":[[1,2],[3,4]]}"#, "LINESTRING(1 2,3 4)"),
            (r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#, "POLYGON((0 0,1 0,1 1,0 0))"),
            (r#"{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}"#, "MULTIPOINT(1 2,3 4)"),
            (r#"{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[]]}"#, "MULTILINESTRING((1 2,3 4),EMPTY)"),
            (
                r#"{"type":"MultiPolygon","coordinates":[[[[0,0,1],[1,0,1],[1,1,1],[0,0,1]]]]}"#,
                "MULTIPOLYGON Z(((0 0 1,1 0 1,1 1 1,0 0 1)))",
            ),
            (
                r#"{"type":"GeometryCollection","geometries":[{"type":"MultiPoint","coordinates":[]},{"type":"Point","coordinates":[1,2,3]}]}"#,
                "GEOMETRYCOLLECTION Z(MULTIPOINT Z EMPTY,POINT Z(1 2 3))",
            ),
        ] {
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            append_wkb(json.as_bytes(), &mut found).unwrap_or_else(|error| panic!("{json}: {error}"));
            from_wkt(wkt.as_bytes(), &mut expected).unwrap();
            assert_eq!(found, expected, "{json}");
            assert!(scan(&found).unwrap().is_canonical);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let text = r#"{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]}]}"#;
        for length in 0..text.len() {
            assert!(append_wkb(&text.as_bytes()[..length], &mut Vec::new()).is_err(), "{length}");
        }
        let deep = format!("{}{}", r#"{"type":"GeometryCollection","geometries":["#.repeat(5000), "]}".repeat(5000));
        for (text, part) in [
            (r#"{"type":"Feature","geometry":null}"#, "Feature"),
            (r#"{"type":"Point"}"#, "no coordinates"),
            (r#"{"coordinates":[1,2]}"#, "no type"),
            (r#"{"type":"Point","coordinates":[1,2]} x"#, "more text"),
            (r#"{"type":"Point","coordinates":[1]}"#, "1 numbers"),
            (r#"{"type":"Point","coordinates":[1,2,3,4]}"#, "4 numbers"),
            (r#"{"type":"Point","coordinates":[1,null]}"#, "number expected"),
            (r#"{"type":"LineString","coordinates":[[1,2],[3,4,5]]}"#, "has 3 numbers"),
            (&deep, "nested deeper"),
        ] {
            let error = append_wkb(text.as_bytes(), &mut Vec::new()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let mut seed = 7u64;
        for _ in 0..20_000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let position = (seed >> 33) as usize % bytes.len();
                bytes[position] = b"[]{},:\"0-.e\\ \xff"[(seed >> 20) as usize % 14];
            }
            let mut out = Vec::new();
            if append_wkb(&bytes, &mut out).is_ok() {
                assert!(scan(&out).unwrap().is_canonical);
            }
        }
    }
}
