//! A first walk through what is written in Thrift, before it is believed: the footer, the headers of pages, their index.
//!
//! Each is a struct in Thrift's compact protocol. Decoders reserve memory by the counts they find in it, descend as deep as
//! it says and skip as many items of what they do not know, so some bytes could ask for more memory, stack or time than there
//! is. This walk holds each count against the bytes that are left, and each depth against a limit; it keeps nothing.
//!
//! Lists of booleans are refused: Parquet has none in these structs, and `parquet` skips them as if they had no bytes, so that
//! it would go on reading where this walk does not look, and count to two billion for six bytes.

/// Deepest nesting of Thrift values; footers have about ten.
const MAX_VALUE_DEPTH: usize = 48;
/// Deepest nesting of columns; native geometry has seven.
const MAX_SCHEMA_DEPTH: usize = 100;
/// The ordinal of a row group is a 16-bit integer.
const MAX_ROW_GROUPS: u64 = i16::MAX as u64;
/// Field of `FileMetaData` that lists the elements of the schema.
const SCHEMA: i64 = 2;
/// Field of `FileMetaData` that lists the row groups.
const ROW_GROUPS: i64 = 4;
/// Field of `SchemaElement` that says how many children follow it.
const NUM_CHILDREN: i64 = 5;

/// Types of the compact protocol.
mod kind {
    pub(super) const STOP: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
}

/// Fields of `PageHeader`: what it is, its bytes unpacked, and what a page of the second version has beside.
const PAGE_TYPE: i64 = 1;
const UNPACKED_BYTES: i64 = 2;
const DATA_PAGE_V2: i64 = 8;
/// Fields of `DataPageHeaderV2`: bytes of the levels, which are not packed, and whether what follows them is.
const DEFINITION_BYTES: i64 = 5;
const REPETITION_BYTES: i64 = 6;
const IS_COMPRESSED: i64 = 7;
/// The `PageType` of a dictionary.
const DICTIONARY: i64 = 2;

/// What a struct is called in errors.
const FOOTER: &str = "the footer";

/// Why a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end before the struct does.
    Short(String),
    /// No more bytes would help.
    Wrong(String),
}

impl Fault {
    pub(crate) fn into_reason(self) -> String {
        match self {
            Self::Short(reason) | Self::Wrong(reason) => reason,
        }
    }
}

/// What a header says of its page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PageSize {
    /// Bytes of the header itself.
    pub(crate) header: usize,
    /// Bytes once it is unpacked.
    pub(crate) unpacked: u64,
    /// Of those, the bytes at its beginning that are not packed.
    pub(crate) plain: u64,
    /// Whether it says that nothing of it is packed, whatever the codec.
    pub(crate) is_plain: bool,
    /// Whether it is a dictionary, which stays in memory with the pages after it.
    pub(crate) is_dictionary: bool,
}

/// Walks a footer: whether its counts fit its bytes and its depths the limits.
///
/// # Errors
/// What is wrong with it.
pub fn check_footer(footer: &[u8]) -> Result<(), String> {
    let mut walker = Walker { bytes: footer, offset: 0, what: FOOTER };
    walker.footer().map_err(Fault::into_reason)
}

/// Walks the index of the pages of a column chunk.
///
/// # Errors
/// What is wrong with it.
pub fn check_page_index(index: &[u8]) -> Result<(), String> {
    walk(index, "the index of pages").map_err(Fault::into_reason)
}

/// Walks the header of a page, which bytes begin with.
pub(crate) fn check_page_header(bytes: &[u8]) -> Result<PageSize, Fault> {
    let mut size = PageSize::default();
    let mut walker = Walker { bytes, offset: 0, what: "the header of a page" };
    walker.fields(|walker, id, kind| match (id, kind) {
        (PAGE_TYPE, kind::I16..=kind::I64) => {
            size.is_dictionary = walker.signed()? == DICTIONARY;
            Ok(())
        }
        (UNPACKED_BYTES, kind::I16..=kind::I64) => {
            // What is negative is refused later.
            size.unpacked = u64::try_from(walker.signed()?).unwrap_or(0);
            Ok(())
        }
        (DATA_PAGE_V2, kind::STRUCT) => {
            let (mut definition, mut repetition) = (0, 0);
            size.is_plain = false;
            walker.fields(|walker, id, kind| match (id, kind) {
                (DEFINITION_BYTES, kind::I16..=kind::I64) => {
                    definition = u64::try_from(walker.signed()?).unwrap_or(0);
                    Ok(())
                }
                (REPETITION_BYTES, kind::I16..=kind::I64) => {
                    repetition = u64::try_from(walker.signed()?).unwrap_or(0);
                    Ok(())
                }
                (IS_COMPRESSED, kind::TRUE | kind::FALSE) => {
                    size.is_plain = kind == kind::FALSE;
                    Ok(())
                }
                _ => walker.skip(kind, 2),
            })?;
            size.plain = definition.saturating_add(repetition);
            Ok(())
        }
        _ => walker.skip(kind, 1),
    })?;
    size.header = walker.offset;
    Ok(size)
}

fn walk(bytes: &[u8], what: &'static str) -> Result<(), Fault> {
    Walker { bytes, offset: 0, what }.skip(kind::STRUCT, 0)
}

struct Walker<'a> {
    bytes: &'a [u8],
    offset: usize,
    what: &'static str,
}

impl Walker<'_> {
    fn footer(&mut self) -> Result<(), Fault> {
        self.fields(|walker, id, kind| match (id, kind) {
            (SCHEMA, kind::LIST) => walker.schema(),
            (ROW_GROUPS, kind::LIST) => {
                let (count, kind) = walker.list()?;
                if count > MAX_ROW_GROUPS {
                    let reason = format!("{count} row groups, more than the {MAX_ROW_GROUPS} that can be numbered");
                    return Err(Fault::Wrong(reason));
                }
                walker.items(count, kind, 1)
            }
            _ => walker.skip(kind, 1),
        })
    }

    #[cold]
    fn short(&self, what: impl std::fmt::Display) -> Fault {
        Fault::Short(format!("{} {what}", self.what))
    }

    #[cold]
    fn wrong(&self, what: impl std::fmt::Display) -> Fault {
        Fault::Wrong(format!("{} {what}", self.what))
    }

    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.offset)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.bytes.get(self.offset).copied().ok_or_else(|| self.short("ends inside a value"))?;
        self.offset += 1;
        Ok(byte)
    }

    fn advance(&mut self, count: u64) -> Result<(), Fault> {
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => {
                self.offset += count;
                Ok(())
            }
            _ => Err(self.short(format_args!("asks for {count} bytes where {} are left", self.left()))),
        }
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.wrong("has an integer without end"))
    }

    fn signed(&mut self) -> Result<i64, Fault> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Passes each field of a struct, its id and its type to `visit`, which has to walk its value.
    fn fields(&mut self, mut visit: impl FnMut(&mut Self, i64, u8) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut id = 0i64;
        loop {
            let header = self.byte()?;
            let kind = header & 0x0F;
            if kind == kind::STOP {
                return Ok(());
            }
            id = match header >> 4 {
                0 => self.signed()?,
                delta => id.saturating_add(i64::from(delta)),
            };
            visit(self, id, kind)?;
        }
    }

    /// Number and type of the items of a list. Each takes a byte at least.
    fn list(&mut self) -> Result<(u64, u8), Fault> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        if count > self.left() as u64 {
            return Err(self.short(format_args!("lists {count} items in {} bytes", self.left())));
        }
        Ok((count, header & 0x0F))
    }

    fn items(&mut self, count: u64, kind: u8, depth: usize) -> Result<(), Fault> {
        for _ in 0..count {
            match kind {
                kind::TRUE | kind::FALSE => {
                    return Err(self.wrong("has a list of booleans, of which Parquet has none there"));
                }
                other => self.skip(other, depth + 1)?,
            }
        }
        Ok(())
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Result<(), Fault> {
        if depth > MAX_VALUE_DEPTH {
            return Err(self.wrong(format_args!("is nested more than {MAX_VALUE_DEPTH} deep")));
        }
        match kind {
            kind::TRUE | kind::FALSE => Ok(()),
            kind::BYTE => self.advance(1),
            kind::I16..=kind::I64 => self.varint().map(drop),
            kind::DOUBLE => self.advance(8),
            kind::BINARY => {
                let length = self.varint()?;
                self.advance(length)
            }
            kind::LIST | kind::SET => {
                let (count, kind) = self.list()?;
                self.items(count, kind, depth)
            }
            kind::MAP => {
                let count = self.varint()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                if count > self.left() as u64 {
                    return Err(self.short(format_args!("maps {count} items in {} bytes", self.left())));
                }
                for _ in 0..count {
                    self.items(1, kinds >> 4, depth)?;
                    self.items(1, kinds & 0x0F, depth)?;
                }
                Ok(())
            }
            kind::STRUCT => self.fields(|walker, _, kind| walker.skip(kind, depth + 1)),
            other => Err(self.wrong(format_args!("has a value of the unknown type {other}"))),
        }
    }

    /// The elements of the schema, each followed by its children.
    fn schema(&mut self) -> Result<(), Fault> {
        let (count, kind) = self.list()?;
        if kind != kind::STRUCT {
            return Err(Fault::Wrong("the schema is no list of elements".to_owned()));
        }
        // Children still to come, from the root down.
        let mut open: Vec<u64> = Vec::new();
        for _ in 0..count {
            let mut children = 0;
            self.fields(|walker, id, kind| match (id, kind) {
                (NUM_CHILDREN, kind::I16..=kind::I64) => {
                    children = walker.signed()?;
                    Ok(())
                }
                _ => walker.skip(kind, 2),
            })?;
            let children = u64::try_from(children).ok().filter(|children| *children <= count);
            let impossible =
                || Fault::Wrong("the schema has a column with an impossible number of children".to_owned());
            let children = children.ok_or_else(impossible)?;
            if let Some(parent) = open.last_mut() {
                *parent -= 1;
            }
            if children > 0 {
                open.push(children);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
            if open.len() > MAX_SCHEMA_DEPTH {
                return Err(Fault::Wrong(format!("columns are nested more than {MAX_SCHEMA_DEPTH} deep")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct of one field.
    fn field(id: u8, kind: u8, value: &[u8]) -> Vec<u8> {
        let mut bytes = vec![id << 4 | kind];
        bytes.extend(value);
        bytes.push(kind::STOP);
        bytes
    }

    #[test]
    fn counts_are_held_against_the_bytes() {
        // A list of 2^31 - 1 row groups.
        let huge = field(4, kind::LIST, &[0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]);
        assert_eq!(check_footer(&huge).unwrap_err(), "the footer lists 2147483647 items in 1 bytes");
        let text = field(6, kind::BINARY, &[0x7F, b'a']);
        assert_eq!(check_footer(&text).unwrap_err(), "the footer asks for 127 bytes where 2 are left");
        assert_eq!(check_footer(&[]).unwrap_err(), "the footer ends inside a value");
        assert_eq!(check_footer(&[kind::STOP]), Ok(()));
        let map = field(9, kind::MAP, &[0x7F, 0x88]);
        assert_eq!(check_footer(&map).unwrap_err(), "the footer maps 127 items in 1 bytes");
    }

    #[test]
    fn depths_have_limits() {
        let nested = vec![0x1C; 100_000];
        assert_eq!(check_footer(&nested).unwrap_err(), "the footer is nested more than 48 deep");
        // Elements with one child each: the field 5, an integer, of value 1.
        let mut elements = vec![0xFC, 0x88, 0x27];
        elements.extend([0x55, 0x02, kind::STOP].repeat(5000));
        let schema = field(2, kind::LIST, &elements);
        assert_eq!(check_footer(&schema).unwrap_err(), "columns are nested more than 100 deep");
        let mut elements = vec![0x1C, 0x55, 0xFE, 0xFF, 0x03];
        elements.push(kind::STOP);
        let schema = field(2, kind::LIST, &elements);
        assert_eq!(check_footer(&schema).unwrap_err(), "the schema has a column with an impossible number of children");
    }

    #[test]
    fn lists_of_booleans_are_refused() {
        // Found by fuzzing: 2^31 - 1 booleans in a field that nobody knows, which take no bytes to skip. With less of them
        // the bytes that they should have could hold such a list.
        for count in [&[0xF1, 0xFF, 0xFF, 0xFF, 0xFF, 0x07][..], &[0x11, 0x01]] {
            let list = field(14, kind::LIST, count);
            let padded = [&list[..list.len() - 1], &[0; 2]].concat();
            assert!(check_footer(&list).is_err() && check_page_header(&padded).is_err(), "{count:?}");
        }
        let map = field(14, kind::MAP, &[0x01, 0x11, 0x01, 0x01]);
        let reason = "the index of pages has a list of booleans, of which Parquet has none there";
        assert_eq!(check_page_index(&map), Err(reason.to_owned()));
        assert_eq!(
            check_page_header(&map[..1]),
            Err(Fault::Short("the header of a page ends inside a value".to_owned()))
        );
    }

    #[test]
    fn pages_of_an_index_are_held_against_its_bytes() {
        // Memory is reserved by that count.
        let huge = field(1, kind::LIST, &[0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]);
        assert_eq!(check_page_index(&huge).unwrap_err(), "the index of pages lists 2147483647 items in 1 bytes");
    }
}
