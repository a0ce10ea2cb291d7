//! A pull tokenizer of JSON (RFC 8259) over bytes: no tree, no allocation, no recursion.
//!
//! It is strict: no comments, trailing commas, leading zeros, control characters in strings, lone surrogates or invalid
//! UTF-8. A token that the bytes end in is [`Reason::End`], so that the caller can bring more bytes and begin again.

use std::borrow::Cow;

/// How deep arrays and objects may be nested; a text of brackets only must not exhaust anything.
pub(crate) const MAX_DEPTH: usize = 512;

/// Why and where a text is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Offset in the bytes.
    pub(crate) at: usize,
    /// What is wrong there.
    pub(crate) reason: Reason,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The bytes end here.
    End,
    /// Anything else.
    Text(Cow<'static, str>),
}

impl Fault {
    pub(crate) fn new(at: usize, text: impl Into<Cow<'static, str>>) -> Self {
        Self { at, reason: Reason::Text(text.into()) }
    }

    fn end(at: usize) -> Self {
        Self { at, reason: Reason::End }
    }
}

/// A string: where it lies between its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    /// The bytes between the quotes; valid UTF-8.
    pub(crate) raw: &'a [u8],
    /// Whether there are escapes in it, all of them sound.
    pub(crate) escaped: bool,
}

impl<'a> Text<'a> {
    /// What it says. Allocates only for strings with escapes.
    pub(crate) fn decoded(&self) -> Cow<'a, [u8]> {
        if !self.escaped {
            return Cow::Borrowed(self.raw);
        }
        let mut out = Vec::with_capacity(self.raw.len());
        self.decode_into(&mut out);
        Cow::Owned(out)
    }

    /// Appends what it says.
    pub(crate) fn decode_into(&self, out: &mut Vec<u8>) {
        let mut rest = self.raw;
        while let Some(position) = memchr::memchr(b'\\', rest) {
            let (plain, escape) = rest.split_at(position);
            out.extend_from_slice(plain);
            rest = match escape {
                [_, b'u', digits @ ..] => {
                    let (unit, after) = (code_unit(digits).unwrap_or(0xFFFD), digits.get(4..).unwrap_or_default());
                    let (scalar, after) = match (unit, after) {
                        (0xD800..0xDC00, [b'\\', b'u', low @ ..]) => {
                            let low_unit = code_unit(low).unwrap_or(0xDC00);
                            let low_unit = low_unit.wrapping_sub(0xDC00) & 0x3FF;
                            (0x10000 + ((unit - 0xD800) << 10) + low_unit, low.get(4..).unwrap_or_default())
                        }
                        _ => (unit, after),
                    };
                    let letter = char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                    after
                }
                [_, letter, after @ ..] => {
                    out.push(match letter {
                        b'b' => 8,
                        b'f' => 12,
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        other => *other,
                    });
                    after
                }
                _ => &[],
            };
        }
        out.extend_from_slice(rest);
    }
}

/// Four hexadecimal digits.
fn code_unit(digits: &[u8]) -> Option<u32> {
    let digits = digits.get(..4)?;
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// A number, with what is needed to convert it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    /// As it is written.
    pub(crate) raw: &'a [u8],
    /// Whether it has neither fraction nor exponent.
    pub(crate) integral: bool,
    negative: bool,
    /// The digits without the point; meaningless with more than 19 of them.
    mantissa: u64,
    digits: usize,
    /// The power of ten that the mantissa is multiplied with.
    exponent: i32,
}

impl Number<'_> {
    /// The integer, if it is one and has 64 bits. `-0` is none: its sign would be lost.
    pub(crate) fn integer(&self) -> Option<i64> {
        if !self.integral || self.digits > 19 {
            return None;
        }
        match (self.negative, self.mantissa) {
            (false, value) => i64::try_from(value).ok(),
            (true, 0) => None,
            (true, value) => 0i64.checked_sub_unsigned(value),
        }
    }

    /// The nearest 64-bit float; `None` where that is infinite.
    pub(crate) fn float(&self) -> Option<f64> {
        const POWERS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
            1e19, 1e20, 1e21, 1e22,
        ];
        // Both are exact as floats, so that one operation rounds once (Clinger 1990).
        if self.digits <= 19
            && self.mantissa <= 1 << 53
            && let Some(power) = POWERS.get(self.exponent.unsigned_abs() as usize)
        {
            let mantissa = self.mantissa as f64;
            let value = if self.exponent < 0 { mantissa / power } else { mantissa * power };
            return Some(if self.negative { -value } else { value });
        }
        fast_float2::parse::<f64, _>(self.raw).ok().filter(|value| value.is_finite())
    }
}

/// A position in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    /// The text.
    pub(crate) bytes: &'a [u8],
    /// How much of it is behind.
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Result<u8, Fault> {
        self.bytes.get(self.at).copied().ok_or(Fault::end(self.at))
    }

    /// What was read since `start`.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn fault<T>(&self, text: impl Into<Cow<'static, str>>) -> Result<T, Fault> {
        Err(Fault::new(self.at, text))
    }

    /// A fault that shows what is there.
    #[cold]
    pub(crate) fn unexpected<T>(&self, wanted: &str) -> Result<T, Fault> {
        let byte = self.peek()?;
        let found = match byte {
            0x20..=0x7E => format!("'{}'", char::from(byte)),
            _ => format!("byte 0x{byte:02X}"),
        };
        self.fault(format!("{wanted} is wanted, and {found} found"))
    }

    /// Skips white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Takes this byte if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> Result<bool, Fault> {
        let next = self.peek()? == byte;
        self.at += usize::from(next);
        Ok(next)
    }

    /// Enters an object; says whether a key follows.
    #[inline]
    pub(crate) fn begin_object(&mut self) -> Result<bool, Fault> {
        if !self.take(b'{')? {
            return self.unexpected("an object");
        }
        self.space();
        Ok(!self.take(b'}')?)
    }

    /// After a value of an object; says whether another key follows.
    #[inline]
    pub(crate) fn next_member(&mut self) -> Result<bool, Fault> {
        self.space();
        match self.peek()? {
            b',' => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            b'}' => {
                self.at += 1;
                Ok(false)
            }
            _ => self.unexpected("',' or '}' after a member"),
        }
    }

    /// A key and the colon; the value is next.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Text<'a>, Fault> {
        if self.peek()? != b'"' {
            return self.unexpected("a key in quotes");
        }
        let key = self.string()?;
        self.space();
        if !self.take(b':')? {
            return self.unexpected("':' after a key");
        }
        self.space();
        Ok(key)
    }

    /// Enters an array; says whether a value follows.
    #[inline]
    pub(crate) fn begin_array(&mut self) -> Result<bool, Fault> {
        if !self.take(b'[')? {
            return self.unexpected("an array");
        }
        self.space();
        Ok(!self.take(b']')?)
    }

    /// After a value of an array; says whether another follows.
    #[inline]
    pub(crate) fn next_item(&mut self) -> Result<bool, Fault> {
        self.space();
        match self.peek()? {
            b',' => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            b']' => {
                self.at += 1;
                Ok(false)
            }
            _ => self.unexpected("',' or ']' after a value of an array"),
        }
    }

    /// Takes `null` if it is next.
    #[inline]
    pub(crate) fn null(&mut self) -> Result<bool, Fault> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.literal(b"null")?;
        Ok(true)
    }

    /// Takes a word.
    pub(crate) fn literal(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(())
        } else if word.starts_with(rest) {
            Err(Fault::end(self.bytes.len()))
        } else {
            self.fault("not a JSON value: true, false, null, a number, a string, an array or an object is wanted")
        }
    }

    /// A string; the quote is next.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Fault> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let start = self.at + 1;
        let (mut at, mut ascii, mut escaped) = (start, true, false);
        let rest = |at: usize| self.bytes.get(at..).unwrap_or_default();
        loop {
            // Eight bytes at a time up to the first that is a quote, a backslash or a control character. A borrow may mark
            // a byte after the first marked one wrongly, never one before it.
            while let Some(word) = rest(at).first_chunk::<8>() {
                let word = u64::from_le_bytes(*word);
                let zero = |word: u64| word.wrapping_sub(ONES) & !word;
                let special =
                    zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5C)) | (word.wrapping_sub(ONES * 0x20) & !word);
                let special = special & HIGH;
                if special != 0 {
                    let ahead = special.trailing_zeros();
                    ascii &= word & HIGH & !(u64::MAX << ahead) == 0;
                    at += (ahead / 8) as usize;
                    break;
                }
                ascii &= word & HIGH == 0;
                at += 8;
            }
            match self.bytes.get(at) {
                None => return Err(Fault::end(self.bytes.len())),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at += escape(rest(at)).map_err(|fault| Fault { at: fault.at + at, ..fault })?;
                }
                Some(0..0x20) => return Err(Fault::new(at, "a control character in a string has to be escaped")),
                Some(byte) => {
                    ascii &= byte.is_ascii();
                    at += 1;
                }
            }
        }
        self.at = at + 1;
        let raw = self.bytes.get(start..at).unwrap_or_default();
        if !ascii && let Err(error) = std::str::from_utf8(raw) {
            return Err(Fault::new(start + error.valid_up_to(), "the text is not valid UTF-8"));
        }
        Ok(Text { raw, escaped })
    }

    /// A number; a digit or a minus sign is next. A number is never the last thing in a GeoJSON text, so one that the
    /// bytes end in is not whole.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number<'a>, Fault> {
        let start = self.at;
        let negative = self.take(b'-')?;
        let (mut mantissa, mut exponent, mut integral) = (0u64, 0i32, true);
        let first = self.at;
        let mut digits = self.digits(&mut mantissa);
        if digits == 0 {
            return self.unexpected("a digit");
        }
        if digits > 1 && self.bytes.get(first) == Some(&b'0') {
            return Err(Fault::new(first, "a number cannot begin with 0 and another digit"));
        }
        if self.peek()? == b'.' {
            self.at += 1;
            let fraction = self.digits(&mut mantissa);
            if fraction == 0 {
                return self.unexpected("a digit after the decimal point");
            }
            digits += fraction;
            exponent = i32::try_from(fraction).map_or(i32::MIN, |fraction| -fraction);
            integral = false;
        }
        if let b'e' | b'E' = self.peek()? {
            self.at += 1;
            let minus = match self.peek()? {
                sign @ (b'+' | b'-') => {
                    self.at += 1;
                    sign == b'-'
                }
                _ => false,
            };
            let mut written = 0;
            let length = self.digits(&mut written);
            if length == 0 {
                return self.unexpected("a digit of the exponent");
            }
            let written = if length > 9 { i32::MAX } else { i32::try_from(written).unwrap_or(i32::MAX) };
            exponent = exponent.saturating_add(if minus { -written } else { written });
            integral = false;
        }
        self.peek()?;
        Ok(Number { raw: self.since(start), integral, negative, mantissa, digits, exponent })
    }

    /// Takes digits into a mantissa, and says how many there were.
    #[inline]
    fn digits(&mut self, mantissa: &mut u64) -> usize {
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
            self.at += 1;
        }
        self.at - start
    }

    /// Takes any value, checked but not kept.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            b'{' | b'[' => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    #[inline]
    fn skip_scalar(&mut self) -> Result<(), Fault> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            _ => self.literal(b"null"),
        }
    }

    /// Takes an array or object. What is open is a stack of bits: 1 for an object.
    fn skip_nested(&mut self) -> Result<(), Fault> {
        let (mut open, mut depth) = ([0u64; MAX_DEPTH / 64], 0usize);
        loop {
            let byte = self.peek()?;
            let closed = match byte {
                b'{' | b'[' => {
                    let Some(word) = open.get_mut(depth / 64) else {
                        return self.fault(format!("arrays and objects are nested deeper than {MAX_DEPTH}"));
                    };
                    let bit = 1u64 << (depth % 64);
                    depth += 1;
                    if byte == b'{' {
                        *word |= bit;
                        let more = self.begin_object()?;
                        if more {
                            self.key()?;
                        }
                        !more
                    } else {
                        *word &= !bit;
                        !self.begin_array()?
                    }
                }
                _ => {
                    self.skip_scalar()?;
                    // As if it had been opened and closed.
                    depth += 1;
                    true
                }
            };
            if !closed {
                continue;
            }
            loop {
                depth -= 1;
                let Some(last) = depth.checked_sub(1) else { return Ok(()) };
                let in_object = open.get(last / 64).is_some_and(|word| word >> (last % 64) & 1 == 1);
                let more = if in_object { self.next_member()? } else { self.next_item()? };
                if more {
                    if in_object {
                        self.key()?;
                    }
                    break;
                }
            }
        }
    }
}

/// The length of an escape.
fn escape(bytes: &[u8]) -> Result<usize, Fault> {
    let unit = |digits: &[u8]| match code_unit(digits) {
        Some(unit) => Ok(unit),
        None if digits.len() < 4 && !digits.contains(&b'"') => Err(Fault::end(bytes.len())),
        None => Err(Fault::new(0, "\\u needs four hexadecimal digits")),
    };
    match bytes {
        [] | [_] => Err(Fault::end(bytes.len())),
        [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(2),
        [_, b'u', digits @ ..] => match unit(digits)? {
            0xD800..0xDC00 => match digits.get(4..).unwrap_or_default() {
                [] | [b'\\'] => Err(Fault::end(bytes.len())),
                [b'\\', b'u', low @ ..] if (0xDC00..0xE000).contains(&unit(low)?) => Ok(12),
                _ => Err(Fault::new(0, LONE_SURROGATE)),
            },
            0xDC00..0xE000 => Err(Fault::new(0, LONE_SURROGATE)),
            _ => Ok(6),
        },
        _ => Err(Fault::new(0, "an unknown escape in a string")),
    }
}

const LONE_SURROGATE: &str = "half of a surrogate pair, which is no character";
