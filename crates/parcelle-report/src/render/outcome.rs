//! What target systems make of a file, as sentences.

use crate::language::{Language, Wording};
use crate::report::{Compatibility, Outcome};

/// One sentence for each target and version: whether it shows the file, by which way, and what keeps it from doing so.
pub(super) fn sentences(answers: &[Compatibility], wording: Wording) -> Vec<String> {
    let same =
        |left: &Compatibility, right: &Compatibility| (&left.target, &left.version) == (&right.target, &right.version);
    answers.chunk_by(same).map(|answers| sentence(answers, wording)).collect()
}

/// The name of a target as it writes itself.
pub(super) fn target(name: &str) -> &str {
    match name {
        "geoserver" => "GeoServer",
        "gdal" => "GDAL",
        "duckdb" => "DuckDB",
        "qgis" => "QGIS",
        other => other,
    }
}

/// A way of access in words.
pub(super) fn access(name: &str, language: Language) -> &str {
    match name {
        "file" => language.pick("from a file", "depuis un fichier"),
        "cog-http" => language.pick("by COG over HTTP", "par COG via HTTP"),
        "vrt" => language.pick("as a VRT", "en tant que VRT"),
        "image-mosaic" => language.pick("as an ImageMosaic", "en tant qu’ImageMosaic"),
        "parquet-driver" => language.pick("by its Parquet driver", "par son pilote Parquet"),
        "geoparquet-store" => language.pick("by its GeoParquet store", "par son entrepôt GeoParquet"),
        other => other,
    }
}

/// What happens, in a word or two.
pub(super) const fn word(outcome: Outcome, language: Language) -> &'static str {
    match outcome {
        Outcome::Reads => language.pick("shown", "affiché"),
        Outcome::Slow => language.pick("slow", "lent"),
        Outcome::Misreads => language.pick("shown wrongly", "affiché faux"),
        Outcome::Fails => language.pick("not shown", "non affiché"),
    }
}

fn sentence(answers: &[Compatibility], wording: Wording) -> String {
    let language = wording.language;
    // Ways of access of one outcome that look the same to an admin are told together.
    let mut groups: Vec<(&Compatibility, Vec<&str>, Vec<&str>)> = Vec::new();
    for answer in answers {
        let same = |first: &Compatibility| (first.outcome, &first.detail) == (answer.outcome, &answer.detail);
        if !groups.iter().any(|(first, ..)| same(first)) {
            groups.push((answer, Vec::new(), Vec::new()));
        }
        let Some(group) = groups.iter_mut().find(|(first, ..)| same(first)) else { continue };
        group.1.push(access(&answer.access, language));
        for rule in &answer.because {
            if !group.2.contains(rule) {
                group.2.push(rule);
            }
        }
    }
    let name = answers.first().map_or("", |answer| answer.target.as_str());
    // Servers show, one way or another; a library reads.
    let is_server = name == "geoserver";
    let parts = groups.into_iter().map(|(first, accesses, because)| {
        let what = verb(first.outcome, is_server, language);
        let conjunction = match (first.outcome, language) {
            (Outcome::Fails, Language::English) => " or ",
            (Outcome::Fails, Language::French) => " ni ",
            (_, Language::English) => " and ",
            (_, Language::French) => " et ",
        };
        let joined = if is_server { format!(" {}", accesses.join(conjunction)) } else { String::new() };
        let colon = language.pick(": ", "\u{A0}: ");
        let detail = wording.sentence("detail", &first.detail);
        let detail = if detail.is_empty() { String::new() } else { format!("{colon}{detail}") };
        let because = if because.is_empty() { String::new() } else { format!(" ({})", because.join(", ")) };
        format!("{what}{joined}{detail}{because}")
    });
    let version = answers.first().map_or("", |answer| answer.version.as_str());
    let parts = parts.collect::<Vec<_>>().join(language.pick(", but ", ", mais "));
    // QGIS reads what the GDAL reads that it was built with.
    let is_driver = answers.first().is_some_and(|answer| answer.access == "parquet-driver");
    let also = if is_driver { language.pick(" (and QGIS with it)", " (et QGIS avec lui)") } else { "" };
    format!("{} {version}{also} {parts}.", target(name))
}

const fn verb(outcome: Outcome, is_server: bool, language: Language) -> &'static str {
    match (outcome, is_server) {
        (Outcome::Reads, true) => language.pick("will show it", "l’affichera"),
        (Outcome::Reads, false) => language.pick("will read it", "le lira"),
        (Outcome::Misreads, true) => language.pick("will show it wrongly", "l’affichera de façon erronée"),
        (Outcome::Misreads, false) => language.pick("will read it wrongly", "le lira de façon erronée"),
        (Outcome::Fails, true) => language.pick("will not show it", "ne l’affichera pas"),
        (Outcome::Fails, false) => language.pick("will not read all of it", "ne le lira pas en entier"),
        (Outcome::Slow, true) => language.pick("will show it very slowly", "l’affichera très lentement"),
        (Outcome::Slow, false) => language.pick("will read it very slowly", "le lira très lentement"),
    }
}
