//! Whether a file is what a [`sample`](super::sample) of it says.
//!
//! The reading of each split notes what the [survey](super::survey) would have noted: the types of values, by the same
//! rules, and what the columns that may be the geometry say. Put together in the order of the file, that is the survey,
//! if the splits are the file: the first one begins behind the header, where records begin for certain, and each ends exactly
//! where the next one begins, so that by induction no guess was wrong. From the survey follow schema and geometry as
//! they do in [`layer`](super::layer); both have to be those of the sample.
//!
//! A value that leads to another type stops the reading at once: no later one could make that undone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use parcelle_crs::Crs;

use crate::csv::file::CsvFile;
use crate::csv::geometry::{self, Candidate, Chosen, Evidence, Role};
use crate::csv::header::Header;
use crate::csv::records::Records;
use crate::inference::ValueType;

/// What has to be proved, and what was found so far.
#[derive(Debug)]
pub(super) struct Proof {
    /// By output column: its type, and what is certain of it without reading on.
    types: Vec<(ValueType, ValueType)>,
    /// The candidates up to the one that was chosen: those after it change nothing.
    candidates: Vec<Candidate>,
    chosen: Chosen,
    /// What the geometry says of its reference system; `None` where nobody asks, as another one is assigned.
    crs: Option<Option<Crs>>,
    parts: Mutex<BTreeMap<u64, Found>>,
}

/// What a split says.
#[derive(Debug)]
struct Found {
    end: u64,
    types: Vec<ValueType>,
    evidence: Vec<(usize, Evidence)>,
}

impl Proof {
    /// `types` are those of the output columns (the narrowest there are for all that are no attributes), with those of the
    /// beginning of the file. `None` where the sample leaves open which column is the geometry.
    pub(super) fn new(
        types: Vec<(ValueType, ValueType)>,
        candidates: &[Candidate],
        chosen: Chosen,
        crs: Option<Option<Crs>>,
        has_values: impl Fn(usize) -> bool,
    ) -> Option<Self> {
        let of_chosen = |candidate: &Candidate| match (*candidate, chosen) {
            (Candidate::Text(column), Chosen::Text { column: chosen, .. })
            | (Candidate::Point(column), Chosen::Point { column: chosen }) => column == chosen,
            (Candidate::Pair { x, y, .. }, Chosen::Pair { x: chosen_x, y: chosen_y, .. }) => {
                (x, y) == (chosen_x, chosen_y)
            }
            _ => false,
        };
        let last = candidates.iter().position(of_chosen)?;
        let candidates = candidates.get(..=last)?;
        let has_values = candidates.last()?.roles().iter().any(|(column, _)| has_values(*column));
        let parts = Mutex::new(BTreeMap::new());
        has_values.then(|| Self { types, candidates: candidates.to_vec(), chosen, crs, parts })
    }

    /// For the reading of a split.
    pub(super) fn witness(&self) -> Witness<'_> {
        let mut roles: Vec<(usize, Role)> = Vec::new();
        for role in self.candidates.iter().flat_map(|candidate| candidate.roles()) {
            // Several pairs may share a column, which has the same role in each.
            if !roles.iter().any(|(column, _)| *column == role.0) {
                roles.push(role);
            }
        }
        Witness {
            proof: self,
            types: self.types.iter().map(|(_, certain)| *certain).collect(),
            evidence: roles.into_iter().map(|(column, role)| (column, Evidence::new(role))).collect(),
            scratch: Vec::new(),
        }
    }

    /// Whether all splits together are the file, and lead to what was concluded from the sample; else what is different.
    pub(super) fn check(&self, file: &CsvFile, header: &Header) -> Result<(), String> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let witness = self.witness();
        let (mut types, mut evidence, mut position) = (witness.types, witness.evidence, header.end);
        for (start, found) in parts.iter() {
            if *start != position {
                break;
            }
            for (all, part) in types.iter_mut().zip(&found.types) {
                *all = all.widen(*part);
            }
            for ((_, all), (_, part)) in evidence.iter_mut().zip(&found.evidence) {
                all.merge(part);
            }
            position = found.end;
        }
        if position != file.bytes() {
            return Err(format!("not all was read, only what is before byte {position}"));
        }
        if let Some(column) =
            self.types.iter().zip(&types).position(|((sampled, _), found)| sampled.data_type() != found.data_type())
        {
            return Err(format!("output column {} has values of another type", column + 1));
        }
        let evidence = |column: usize| evidence.iter().find(|(of, _)| *of == column).map(|(_, evidence)| evidence);
        let chosen = geometry::choose(file, &header.names, &self.candidates, evidence);
        if chosen.as_ref() != Ok(&self.chosen) {
            return Err("another column is the geometry, or it is written in another way".to_owned());
        }
        let same = match &self.crs {
            None => true,
            Some(crs) => geometry::reference_system(file, self.chosen, evidence).as_ref() == Ok(crs),
        };
        if same { Ok(()) } else { Err("its geometries do not name one reference system".to_owned()) }
    }
}

/// Takes notes while a split is read.
pub(super) struct Witness<'p> {
    proof: &'p Proof,
    types: Vec<ValueType>,
    evidence: Vec<(usize, Evidence)>,
    scratch: Vec<u8>,
}

impl Witness<'_> {
    /// What the values of an output column lead to so far.
    #[inline]
    pub(super) fn found(&mut self, output: usize) -> Option<&mut ValueType> {
        self.types.get_mut(output)
    }

    /// Notes what a record says of the geometry.
    #[inline]
    pub(super) fn record(&mut self, records: &Records<'_>, quote: u8, offset: u64) {
        for (column, evidence) in &mut self.evidence {
            if let Some(field) = records.fields.get(*column) {
                evidence.observe(field.value(records.bytes(), quote, &mut self.scratch), offset);
            }
        }
    }

    /// Notes that the split was read from `start` to `end`, where the next record begins.
    pub(super) fn finish(self, start: u64, end: u64) {
        let found = Found { end, types: self.types, evidence: self.evidence };
        self.proof.parts.lock().unwrap_or_else(PoisonError::into_inner).insert(start, found);
    }
}
