//! `GPQ-FILE`: is it a whole Parquet file with a `geo` entry?

use parcelle_report::{Finding, Rule, Severity};

use super::context::{Context, Fix, SOURCE, counted};
use super::footer::{FooterProblem, native_type};
use super::geo::GeoValue;

pub(crate) static NOT_PARQUET: Rule = Rule {
    id: "GPQ-FILE-001",
    severity: Severity::Error,
    title: "The file is not Parquet",
    why: "A Parquet file begins and ends with the bytes PAR1; the footer, which says where everything lies, stands before the \
          last four. A file without them is something else: an error page of a server that was saved under the name, an \
          archive, or nothing at all. No reader opens it.",
    fix: SOURCE,
    reference: "apache/parquet-format README, File format",
};

pub(crate) static CUT: Rule = Rule {
    id: "GPQ-FILE-002",
    severity: Severity::Error,
    title: "The file is cut short",
    why: "The footer is written last. A download or a writer that stopped leaves a file that begins with PAR1 and does not end \
          with it: nobody can tell where the columns are, and no reader opens it, although most of the data may be there.",
    fix: SOURCE,
    reference: "apache/parquet-format README, File format",
};

pub(crate) static ENCRYPTED: Rule = Rule {
    id: "GPQ-FILE-003",
    severity: Severity::Error,
    title: "The footer is encrypted",
    why: "Files with an encrypted footer end with PARE. Without the keys neither the schema nor the `geo` entry can be read; \
          GDAL, DuckDB and GeoServer have no place in a store to put them.",
    fix: "Decrypt it with the program that wrote it, and publish the result",
    reference: "apache/parquet-format Encryption.md, Encrypted footer mode",
};

pub(crate) static FOOTER_LENGTH: Rule = Rule {
    id: "GPQ-FILE-004",
    severity: Severity::Error,
    title: "The length of the footer does not fit the file",
    why: "The four bytes before the last PAR1 say how long the footer is. Where that is more than the file has, the footer \
          cannot be found. Readers refuse the file, or ask for as much memory as it says.",
    fix: SOURCE,
    reference: "apache/parquet-format README, File format",
};

pub(crate) static FOOTER: Rule = Rule {
    id: "GPQ-FILE-005",
    severity: Severity::Error,
    title: "The footer cannot be read",
    why: "The footer is one structure in Thrift's compact protocol. A changed byte in it makes lists that are longer than the \
          file, or types that do not exist: readers refuse the file, and some end with it.",
    fix: SOURCE,
    reference: "apache/parquet-format parquet.thrift, FileMetaData",
};

pub(crate) static CONTRADICTION: Rule = Rule {
    id: "GPQ-FILE-006",
    severity: Severity::Error,
    title: "The footer contradicts itself or the file",
    why: "The footer gives the place and size of each column chunk, and how many rows there are. Chunks outside of the file \
          have no bytes to read, and where the sums differ, readers that count rows from the footer (COUNT(*) in DuckDB, \
          feature counts in GDAL) answer with another number than they deliver.",
    fix: SOURCE,
    reference: "apache/parquet-format parquet.thrift, RowGroup and ColumnMetaData",
};

pub(crate) static ONLY_TYPES: Rule = Rule {
    id: "GPQ-FILE-007",
    severity: Severity::Warning,
    title: "There are geospatial types of Parquet, and no `geo` entry",
    why: "GEOMETRY and GEOGRAPHY are types of Parquet since 2025. Readers that know them find the geometry; those that go by \
          the `geo` entry, which is what makes a file GeoParquet (geopandas, GDAL with an older Arrow, and every reader of 1.x), see a \
          column of bytes.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "GeoParquet 1.1 and 2.0, File metadata: a file MUST have the key `geo`; apache/parquet-format Geospatial.md",
};

pub(crate) static NOT_GEO: Rule = Rule {
    id: "GPQ-FILE-008",
    severity: Severity::Error,
    title: "It is Parquet without geometry",
    why: "Nothing in the footer says that a column is geometry. Programs open it as a table: a layer without geometry cannot \
          be shown on a map, and has no extent and no reference system.",
    fix: "Convert the data it was made from, with its geometry",
    reference: "GeoParquet 1.1, File metadata",
};

pub(crate) static SEVERAL: Rule = Rule {
    id: "GPQ-FILE-009",
    severity: Severity::Warning,
    title: "There are several `geo` entries",
    why: "The entries of a footer are a list, and nothing keeps a key from coming twice. Which one counts is up to the \
          reader. Where they differ, the same file means different things.",
    fix: "parcelle convert IN.parquet OUT.parquet",
    reference: "apache/parquet-format parquet.thrift, FileMetaData.key_value_metadata",
};

pub(crate) static EXTENSION: Rule = Rule {
    id: "GPQ-FILE-010",
    severity: Severity::Info,
    title: "The name does not end in .parquet",
    why: "Tools tell Parquet by its ending before they look inside: DuckDB takes the file for Parquet by itself only so, and \
          patterns such as *.parquet miss it.",
    fix: "Rename it: the ending is .parquet",
    reference: "GeoParquet 1.1, File extension (.geoparquet SHOULD NOT be used)",
};

/// What a file without a readable footer is.
pub(crate) fn refused(problem: &FooterProblem) -> Finding {
    let rule = match problem {
        FooterProblem::NotParquet { .. } => &NOT_PARQUET,
        FooterProblem::Cut { .. } => &CUT,
        FooterProblem::Encrypted => &ENCRYPTED,
        FooterProblem::Length { .. } => &FOOTER_LENGTH,
        FooterProblem::Damaged { .. } => &FOOTER,
    };
    let text = problem.to_string();
    let mut letters = text.chars();
    let message = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>());
    Finding::new(rule, message.unwrap_or_default())
}

/// The rule about the ending, which needs no footer.
pub(crate) fn extension(path: &str) -> Option<Finding> {
    let name = if path.contains("://") { path.split(['?', '#']).next().unwrap_or(path) } else { path };
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_owned());
    match ending.as_deref() {
        Some("parquet") => None,
        Some(ending) => Some(Finding::new(&EXTENSION, format!("The name ends in .{ending}"))),
        None => Some(Finding::new(&EXTENSION, "The name has no ending")),
    }
}

pub(crate) fn check(context: &mut Context<'_>) {
    let footer = context.footer;
    for contradiction in &footer.contradictions {
        let mut letters = contradiction.chars();
        let message = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>());
        context.say(&CONTRADICTION, message.unwrap_or_default(), Fix::Source);
    }
    if matches!(footer.geo.value, GeoValue::Absent) {
        let typed: Vec<&str> = footer
            .metadata()
            .file_metadata()
            .schema()
            .get_fields()
            .iter()
            .filter(|field| native_type(field).is_some())
            .map(|field| field.name())
            .collect();
        if typed.is_empty() {
            let columns = footer.metadata().file_metadata().schema().get_fields().len() as u64;
            let message = format!("{} and no `geo` entry in the footer", counted(columns, "column"));
            context.say(&NOT_GEO, message, Fix::General);
        } else {
            let message = format!("{} has a geospatial type, and the footer no `geo` entry", typed.join(", "));
            context.say(&ONLY_TYPES, message, Fix::Convert(&[]));
        }
    }
    if footer.geo.count > 1 {
        let agree = if footer.geo.agree { "which say the same" } else { "which differ" };
        let finding = Finding::new(&SEVERAL, format!("The footer has {} `geo` entries, {agree}", footer.geo.count));
        // What differs cannot be decided by a program.
        if footer.geo.agree {
            context.push(finding, Fix::Convert(&[]));
        } else {
            context.push(finding.severity(Severity::Error), Fix::Rewrite);
        }
    }
}
