//! The flatbuffers encoding, as far as FlatGeobuf uses it, checked against the bytes there are.
//!
//! Every access looks at its own bounds, so that nothing has to be believed: there is no pass over a feature to verify it
//! before it is read, and no way past its end. Alignment does not matter, as values are taken out as bytes.

/// An offset or length leads out of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfBounds;

/// A table in a buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    buffer: &'a [u8],
    position: usize,
    /// Places of the fields relative to `position`, two bytes each, after two numbers.
    vtable: &'a [u8],
}

fn array<const N: usize>(buffer: &[u8], position: usize) -> Result<[u8; N], OutOfBounds> {
    buffer.get(position..).and_then(|rest| rest.first_chunk()).copied().ok_or(OutOfBounds)
}

fn number(buffer: &[u8], position: usize) -> Result<usize, OutOfBounds> {
    usize::try_from(u32::from_le_bytes(array(buffer, position)?)).map_err(|_| OutOfBounds)
}

/// The place that the offset at `position` leads to.
fn follow(buffer: &[u8], position: usize) -> Result<usize, OutOfBounds> {
    position.checked_add(number(buffer, position)?).ok_or(OutOfBounds)
}

impl<'a> Table<'a> {
    /// The root table of a buffer (without length in front).
    pub(super) fn root(buffer: &'a [u8]) -> Result<Self, OutOfBounds> {
        Self::at(buffer, follow(buffer, 0)?)
    }

    fn at(buffer: &'a [u8], position: usize) -> Result<Self, OutOfBounds> {
        let distance = i64::from(i32::from_le_bytes(array(buffer, position)?));
        let vtable = i64::try_from(position).ok().and_then(|position| usize::try_from(position - distance).ok());
        let vtable = vtable.and_then(|vtable| buffer.get(vtable..)).ok_or(OutOfBounds)?;
        let length = usize::from(u16::from_le_bytes(array(vtable, 0)?));
        Ok(Self { buffer, position, vtable: vtable.get(..length).ok_or(OutOfBounds)? })
    }

    /// Where a field is, if the table has it.
    #[inline]
    fn field(&self, field: u16) -> Option<usize> {
        let offset = u16::from_le_bytes(array(self.vtable, usize::from(field)).ok()?);
        (offset != 0).then(|| self.position + usize::from(offset))
    }

    /// A field of `N` bytes.
    #[inline]
    pub(super) fn scalar<const N: usize>(&self, field: u16) -> Result<Option<[u8; N]>, OutOfBounds> {
        self.field(field).map(|position| array(self.buffer, position)).transpose()
    }

    /// A boolean field.
    pub(super) fn boolean(&self, field: u16, default: bool) -> Result<bool, OutOfBounds> {
        Ok(self.scalar::<1>(field)?.map_or(default, |[byte]| byte != 0))
    }

    /// A table that a field refers to.
    #[inline]
    pub(super) fn table(&self, field: u16) -> Result<Option<Table<'a>>, OutOfBounds> {
        let Some(position) = self.field(field) else { return Ok(None) };
        Self::at(self.buffer, follow(self.buffer, position)?).map(Some)
    }

    /// The bytes of a vector of elements of `size` bytes; none where there is no vector.
    #[inline]
    pub(super) fn vector(&self, field: u16, size: usize) -> Result<&'a [u8], OutOfBounds> {
        let Some(position) = self.field(field) else { return Ok(&[]) };
        let (start, bytes) = self.vector_at(position, size)?;
        self.buffer.get(start..).and_then(|rest| rest.get(..bytes)).ok_or(OutOfBounds)
    }

    /// Where a vector begins, and how many bytes it has.
    fn vector_at(&self, position: usize, size: usize) -> Result<(usize, usize), OutOfBounds> {
        let vector = follow(self.buffer, position)?;
        let bytes = number(self.buffer, vector)?.checked_mul(size).ok_or(OutOfBounds)?;
        Ok((vector.checked_add(4).ok_or(OutOfBounds)?, bytes))
    }

    /// A text.
    pub(super) fn text(&self, field: u16) -> Result<Option<&'a str>, OutOfBounds> {
        if self.field(field).is_none() {
            return Ok(None);
        }
        std::str::from_utf8(self.vector(field, 1)?).map(Some).map_err(|_| OutOfBounds)
    }

    /// The tables that a vector refers to; none where there is no vector.
    #[inline]
    pub(super) fn tables(&self, field: u16) -> Result<Tables<'a>, OutOfBounds> {
        let Some(position) = self.field(field) else { return Ok(Tables { buffer: &[], next: 0, end: 0 }) };
        let (next, bytes) = self.vector_at(position, 4)?;
        let end = next.checked_add(bytes).filter(|end| *end <= self.buffer.len()).ok_or(OutOfBounds)?;
        Ok(Tables { buffer: self.buffer, next, end })
    }
}

/// Tables of a vector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables<'a> {
    buffer: &'a [u8],
    next: usize,
    end: usize,
}

impl Tables<'_> {
    /// How many there are left.
    pub(super) fn remaining(&self) -> usize {
        (self.end - self.next) / 4
    }
}

impl<'a> Iterator for Tables<'a> {
    type Item = Result<Table<'a>, OutOfBounds>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let position = self.next;
        self.next += 4;
        Some(follow(self.buffer, position).and_then(|table| Table::at(self.buffer, table)))
    }
}
