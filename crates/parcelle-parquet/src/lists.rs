//! Columns of the same lists, which have to agree on how long those are.
//!
//! Of the values of a struct in a list each column has levels of its own, which say the same of the list. `parquet` believes those
//! of one column for all: where they differ, values end up in other rows than they belong to, or the reader notices at
//! some row or other. Here the levels of two columns are held against each other value by value, as their pages come.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use parquet::schema::types::{SchemaDescriptor, Type};

use crate::levels::{Level, Levels};

/// Two columns that share lists, by number, and the levels of the group that they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Siblings {
    leaves: [usize; 2],
    shared: Level,
}

/// The columns of a file that share lists.
#[derive(Debug)]
pub(crate) struct Lists {
    siblings: Vec<Siblings>,
    names: Vec<String>,
    /// By row group and place in `siblings`.
    pairs: Mutex<HashMap<(usize, usize), Shared>>,
}

/// A pair that both of its columns have.
type Shared = Arc<Mutex<Pair>>;

impl Lists {
    pub(crate) fn of(schema: &SchemaDescriptor) -> Self {
        let mut siblings = Vec::new();
        let mut leaves = 0;
        for field in schema.root_schema().get_fields() {
            collect(field, Level { repetition: 0, definition: 0 }, &mut leaves, &mut siblings);
        }
        let names = schema.columns().iter().map(|column| column.path().string()).collect();
        Self { siblings, names, pairs: Mutex::default() }
    }

    /// What the pages of a column chunk are held against.
    pub(crate) fn watch(&self, group: usize, leaf: usize) -> Vec<Watch> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let of_leaf = self.siblings.iter().enumerate().filter_map(|(place, siblings)| {
            let side = siblings.leaves.iter().position(|sibling| *sibling == leaf)?;
            let pair = pairs.entry((group, place)).or_insert_with(|| {
                let names = siblings.leaves.map(|leaf| self.names.get(leaf).cloned().unwrap_or_default());
                Arc::new(Mutex::new(Pair {
                    shared: siblings.shared,
                    names,
                    sides: Default::default(),
                    is_given_up: false,
                }))
            });
            Some(Watch { pair: Arc::clone(pair), side })
        });
        of_leaf.collect()
    }
}

/// The first leaf below a node; what is found of siblings in it goes to `siblings`.
fn collect(node: &Type, above: Level, leaves: &mut usize, siblings: &mut Vec<Siblings>) -> Option<usize> {
    let info = node.get_basic_info();
    let repetition = info.has_repetition().then(|| info.repetition());
    let is_repeated = repetition == Some(parquet::basic::Repetition::REPEATED);
    let is_optional = repetition == Some(parquet::basic::Repetition::OPTIONAL);
    let shared = Level {
        repetition: above.repetition.saturating_add(i16::from(is_repeated)),
        definition: above.definition.saturating_add(i16::from(is_repeated || is_optional)),
    };
    if node.is_primitive() {
        let leaf = *leaves;
        *leaves += 1;
        return Some(leaf);
    }
    let firsts: Vec<usize> =
        node.get_fields().iter().filter_map(|child| collect(child, shared, leaves, siblings)).collect();
    if shared.repetition > 0 {
        siblings.extend(firsts.windows(2).filter_map(|pair| Some(Siblings { leaves: pair.try_into().ok()?, shared })));
    }
    firsts.first().copied()
}

/// One column of a pair.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    pair: Shared,
    side: usize,
}

impl Watch {
    /// Takes the levels of a page into account; `is_last` where no page follows.
    ///
    /// # Errors
    /// The columns do not agree.
    pub(crate) fn page(&self, levels: Levels, is_last: bool) -> Result<(), String> {
        let mut pair = self.pair.lock().unwrap_or_else(PoisonError::into_inner);
        pair.push(self.side, Part::Page(levels));
        if is_last {
            pair.push(self.side, Part::End);
        }
        pair.compare()
    }

    /// Leaves a page of so many rows out; nothing is compared any more where that is not known.
    pub(crate) fn skip(&self, rows: Option<u64>) {
        let mut pair = self.pair.lock().unwrap_or_else(PoisonError::into_inner);
        match rows {
            Some(rows) => pair.push(self.side, Part::Gap(rows)),
            None => pair.give_up(),
        }
    }
}

#[derive(Debug)]
enum Part {
    Page(Levels),
    Gap(u64),
    End,
}

/// What stands next in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Next {
    /// Rows that began before it, its own included.
    row: u64,
    /// Nothing where the column ends.
    level: Option<Level>,
    /// Whether rows are left out right before it.
    is_behind_gap: bool,
}

#[derive(Debug, Default)]
struct Side {
    parts: VecDeque<Part>,
    row: u64,
    is_behind_gap: bool,
    next: Option<Next>,
}

impl Side {
    /// What stands next, as far as pages have come.
    fn peek(&mut self, shared: Level) -> Result<Option<Next>, String> {
        while self.next.is_none() {
            let level = match self.parts.front_mut() {
                None => return Ok(None),
                Some(Part::End) => None,
                Some(Part::Gap(rows)) => {
                    self.row = self.row.saturating_add(*rows);
                    self.is_behind_gap = true;
                    self.parts.pop_front();
                    continue;
                }
                Some(Part::Page(levels)) => match levels.next()? {
                    Some(level) => Some(level),
                    None => {
                        self.parts.pop_front();
                        continue;
                    }
                },
            };
            if let Some(level) = level {
                self.row += u64::from(level.repetition == 0);
                // Lists that only one of the columns is in are its own; what a row has whose beginning was left out is not asked for.
                if level.repetition > shared.repetition || self.is_behind_gap && level.repetition > 0 {
                    continue;
                }
            }
            let level = level.map(|level| Level { definition: level.definition.min(shared.definition), ..level });
            // Behind the last rows is a row that no column has.
            let row = self.row.saturating_add(u64::from(level.is_none() && self.is_behind_gap));
            self.next = Some(Next { row, level, is_behind_gap: self.is_behind_gap });
            self.is_behind_gap = false;
        }
        Ok(self.next)
    }
}

/// Two columns, as far as they have come.
#[derive(Debug)]
struct Pair {
    shared: Level,
    names: [String; 2],
    sides: [Side; 2],
    is_given_up: bool,
}

impl Pair {
    fn push(&mut self, side: usize, part: Part) {
        if let Some(side) = self.sides.get_mut(side).filter(|_| !self.is_given_up) {
            side.parts.push_back(part);
        }
    }

    fn give_up(&mut self) {
        self.is_given_up = true;
        self.sides = Default::default();
    }

    fn compare(&mut self) -> Result<(), String> {
        let [left, right] = &mut self.sides;
        while let (Some(one), Some(other)) = (left.peek(self.shared)?, right.peek(self.shared)?) {
            let have_gaps = one.is_behind_gap || other.is_behind_gap;
            if one.level.is_none() && other.level.is_none() && (have_gaps || one.row == other.row) {
                return Ok(());
            }
            if (one.row, one.level) == (other.row, other.level) {
                (left.next, right.next) = (None, None);
            } else if one.row < other.row && other.is_behind_gap {
                left.next = None;
            } else if other.row < one.row && one.is_behind_gap {
                right.next = None;
            } else {
                let [one, other] = &self.names;
                return Err(format!("the columns {one} and {other} do not agree on the lengths of their lists"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parcelle_storage::{ByteSource, Memory};
    use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection, RowSelector};
    use parquet::data_type::Int32Type;
    use parquet::file::metadata::PageIndexPolicy;
    use parquet::file::properties::{WriterProperties, WriterVersion};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::{Chunks, Wanted, batches};

    const SCHEMA: &str = "message m {
        required int32 id;
        optional group l (LIST) { repeated group list { optional group element {
            optional int32 a;
            optional int32 b;
            optional group c (LIST) { repeated group list { optional int32 element; } }
        } } }
    }";

    /// Lists of a row by their number of elements; 0 is none. Elements of a row that is in `null` are null.
    type Rows = [usize];

    fn levels(rows: &Rows, most: i16, null: Option<usize>) -> (Vec<i16>, Vec<i16>) {
        let (mut definition, mut repetition) = (Vec::new(), Vec::new());
        for (row, count) in rows.iter().enumerate() {
            for element in 0..(*count).max(1) {
                repetition.push(i16::from(element > 0));
                let of_element = if null == Some(row) { 2 } else { most };
                definition.push(if *count == 0 { 1 } else { of_element });
            }
        }
        (definition, repetition)
    }

    /// A file whose columns a, b and c have lists of these lengths; each list of c has two elements in each element of it.
    fn file(a: &Rows, b: &Rows, c: &Rows, null_of_b: Option<usize>, version: WriterVersion) -> Vec<u8> {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_dictionary_enabled(false)
            .set_data_page_row_count_limit(3)
            .set_write_batch_size(1);
        let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties.build())).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let (definition, repetition) = levels(c, 6, None);
        // A second element behind each.
        let twice = definition.iter().zip(&repetition).flat_map(|(definition, repetition)| {
            let second = (*definition == 6).then_some((6, 2));
            std::iter::once((*definition, *repetition)).chain(second)
        });
        let of_c: (Vec<i16>, Vec<i16>) = twice.unzip();
        let ids = (vec![0; a.len()], vec![0; a.len()]);
        for (definition, repetition) in [ids, levels(a, 4, None), levels(b, 4, null_of_b), of_c] {
            let mut column = group.next_column().unwrap().unwrap();
            let most = definition.iter().max().copied().unwrap_or(0);
            let values = definition.iter().filter(|level| **level == most && (most == 0 || most >= 4)).count();
            let values: Vec<i32> = (0..values as i32).collect();
            // By rows, where pages end.
            let (mut start, mut first_value) = (0, 0);
            while start < definition.len() {
                let length = repetition[start + 1..].iter().position(|level| *level == 0);
                let end =
                    if most == 0 { start + 1 } else { length.map_or(definition.len(), |length| start + 1 + length) };
                let count =
                    definition[start..end].iter().filter(|level| **level == most && (most == 0 || most >= 4)).count();
                let of_row = &values[first_value..first_value + count];
                let (definition, repetition) = (&definition[start..end], &repetition[start..end]);
                let written = column.typed::<Int32Type>().write_batch(of_row, Some(definition), Some(repetition));
                written.unwrap();
                (start, first_value) = (end, first_value + count);
            }
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        bytes
    }

    fn read(bytes: &[u8], is_indexed: bool, selection: Option<RowSelection>) -> Result<usize, String> {
        let source: Arc<dyn ByteSource> = Arc::new(Memory::new(bytes.to_vec()));
        let policy = if is_indexed { PageIndexPolicy::Required } else { PageIndexPolicy::Skip };
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let metadata = ArrowReaderMetadata::load(&Chunks::new(Arc::clone(&source)), options).unwrap();
        let chunks = if is_indexed { Chunks::indexed(source) } else { Chunks::new(source) };
        let wanted = Wanted { roots: vec![0, 1], groups: vec![0], selection, batch_rows: Some(2) };
        let batches = batches(chunks, &metadata, wanted).map_err(|error| error.to_string())?;
        let rows = batches.map(|batch| batch.map(|batch| batch.num_rows()).map_err(|error| error.to_string()));
        rows.sum()
    }

    const VERSIONS: [WriterVersion; 2] = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];

    #[test]
    fn columns_that_share_lists_are_found() {
        let schema = SchemaDescriptor::new(Arc::new(parse_message_type(SCHEMA).unwrap()));
        let of = |leaves| Siblings { leaves, shared: Level { repetition: 1, definition: 3 } };
        assert_eq!(Lists::of(&schema).siblings, [of([1, 2]), of([2, 3])]);
    }

    #[test]
    fn lists_that_agree_are_read_whichever_rows_are_asked_for() {
        let rows: Vec<usize> = (0..60).map(|row| row * 7 % 5).collect();
        for version in VERSIONS {
            let bytes = file(&rows, &rows, &rows, None, version);
            for is_indexed in [false, true] {
                assert_eq!(read(&bytes, is_indexed, None), Ok(60), "{version:?} {is_indexed}");
                for (skipped, step) in [(1, 1), (5, 1), (9, 4), (20, 3), (57, 3), (59, 1)] {
                    let selectors = [RowSelector::skip(skipped), RowSelector::select(step)];
                    let rest = 60 - skipped - step;
                    let behind = [RowSelector::skip(rest.saturating_sub(1)), RowSelector::select(rest.min(1))];
                    let selection = RowSelection::from(selectors.into_iter().chain(behind).collect::<Vec<_>>());
                    let found = read(&bytes, is_indexed, Some(selection));
                    assert_eq!(found, Ok(step + rest.min(1)), "{version:?} {is_indexed} {skipped}");
                }
            }
        }
    }

    #[test]
    fn lists_that_do_not_agree_are_refused() {
        let rows = [1, 2, 3, 0, 2, 2, 1];
        for version in VERSIONS {
            for is_indexed in [false, true] {
                let of = |a: &Rows, b: &Rows, c: &Rows| read(&file(a, b, c, None, version), is_indexed, None);
                assert_eq!(of(&rows, &rows, &rows), Ok(7));
                // At the end of a batch the decoder may be first to see that one has more elements.
                let is_of = |refused: &str, columns: &str| {
                    refused.contains(&format!("the columns {columns} do not agree on the lengths of their lists"))
                        || refused.contains("Not all children array length are the same!")
                };
                let [a_and_b, b_and_c] =
                    ["l.list.element.a and l.list.element.b", "l.list.element.b and l.list.element.c.list.element"];
                for other in
                    [[1, 3, 2, 0, 2, 2, 1], [1, 2, 3, 1, 2, 2, 1], [1, 2, 3, 0, 2, 1, 2], [2, 2, 3, 0, 2, 2, 1]]
                {
                    let refused = of(&rows, &other, &rows).unwrap_err();
                    assert!(is_of(&refused, a_and_b), "{version:?} {is_indexed} {other:?}: {refused}");
                    let refused = of(&rows, &rows, &other).unwrap_err();
                    assert!(is_of(&refused, b_and_c), "{version:?} {is_indexed} {other:?}: {refused}");
                }
                let null = file(&rows, &rows, &rows, Some(2), version);
                assert!(is_of(&read(&null, is_indexed, None).unwrap_err(), a_and_b), "{version:?} {is_indexed}");
                // Whoever asks for the rows in question is refused, whichever the others are.
                let other = file(&rows, &[1, 2, 3, 0, 2, 1, 2], &rows, None, version);
                for (skipped, selected) in [(0, 7), (4, 3), (5, 2), (6, 1), (5, 1)] {
                    let selectors = vec![RowSelector::skip(skipped), RowSelector::select(selected)];
                    let found = read(&other, is_indexed, Some(RowSelection::from(selectors)));
                    assert!(found.is_err(), "{version:?} {is_indexed} {skipped} {selected}: {found:?}");
                }
            }
        }
    }
}
