use std::collections::BTreeSet;

use super::*;

fn rows() -> impl Iterator<Item = (String, [&'static str; 3])> {
    TABLES.into_iter().flat_map(|(name, table)| {
        table.lines().enumerate().map(move |(number, line)| {
            let fields: Vec<&str> = line.split('\t').collect();
            let place = format!("{name}, line {}", number + 1);
            (place.clone(), fields.try_into().unwrap_or_else(|_| panic!("{place}: not three fields")))
        })
    })
}

#[test]
fn every_template_has_the_same_holes_in_both_languages() {
    let mut catalogue = Catalogue::default();
    for (name, table) in TABLES {
        for (number, line) in table.lines().enumerate() {
            catalogue.add(line).unwrap_or_else(|reason| panic!("{name}, line {}: {reason}", number + 1));
        }
    }
}

#[test]
fn keys_and_classes_exist() {
    let keys: BTreeSet<&str> = rows().map(|(_, [key, ..])| key).collect();
    let special = ["fix", "detail", "remark", "reason", "hint", "ignored", "usage"];
    for (place, [key, english, french]) in rows() {
        let is_known = match (key.strip_prefix('@'), key.strip_suffix('*')) {
            (Some(_), _) => true,
            (None, Some(prefix)) => crate::rules().any(|rule| rule.id.starts_with(prefix)),
            (None, None) => special.contains(&key) || crate::rule(key).is_some_and(|rule| rule.id == key),
        };
        assert!(is_known, "{place}: there is no rule {key}");
        for piece in Template::parse(english).unwrap().pieces {
            if let Piece::Hole { class: Class::Phrase(name), .. } = piece {
                assert!(keys.contains(name.as_str()), "{place}: there are no phrases {name}");
            }
        }
        for piece in Template::parse(french).unwrap().pieces {
            assert!(!matches!(piece, Piece::Hole { class, .. } if class != Class::Any), "{place}: a class in French");
        }
    }
}

/// Sets of phrases of which one is a phrase of the other, with nothing beside it, lead to one that is none.
#[test]
fn no_phrase_is_a_phrase_of_itself() {
    let mut leads: BTreeSet<(&str, String)> = BTreeSet::new();
    for (_, [key, english, _]) in rows().filter(|(_, [key, ..])| key.starts_with('@')) {
        let pieces = Template::parse(english).unwrap().pieces;
        if pieces.iter().all(|piece| matches!(piece, Piece::Hole { .. })) {
            leads.extend(pieces.into_iter().filter_map(|piece| match piece {
                Piece::Hole { class: Class::Phrase(name), .. } => Some((key, name)),
                _ => None,
            }));
        }
    }
    // A set that leads to no other is taken away until none is left.
    while !leads.is_empty() {
        let before = leads.len();
        let sets: BTreeSet<String> = leads.iter().map(|(set, _)| (*set).to_owned()).collect();
        leads.retain(|(_, other)| sets.contains(other));
        assert!(leads.len() < before, "these lead to themselves: {leads:?}");
    }
}

#[test]
fn typography_is_french() {
    for (place, [_, _, french]) in rows() {
        for wrong in [" ;", " :", " ?", " !", " »", "« ", "'’", "  #"] {
            // A remark behind a command is not prose.
            assert!(wrong == "  #" || !french.contains(wrong), "{place}: an ordinary space in {wrong:?} of {french:?}");
        }
        assert!(!french.contains("n'") && !french.contains("l'"), "{place}: a straight apostrophe in {french:?}");
    }
}

/// A text that fills a hole of a class.
fn sample(catalogue: &Catalogue, class: &Class, rule: &str, depth: usize) -> String {
    match class {
        Class::Any | Class::Verbatim => "gris/b.x".to_owned(),
        Class::Word => "gris".to_owned(),
        Class::Number => "37".to_owned(),
        Class::Title => {
            crate::rules().find(|known| known.id.starts_with(rule)).map_or("", |known| known.title).to_owned()
        }
        Class::Phrase(name) => {
            let entries = &catalogue.exact[name];
            // The shortest ones of the deepest, so that the sample has an end.
            let entry = if depth > 2 { entries.last() } else { entries.first() }.unwrap();
            fill_in(catalogue, &entry.english, rule, depth + 1)
        }
    }
}

fn fill_in(catalogue: &Catalogue, template: &Template, rule: &str, depth: usize) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Hole { class, .. } => sample(catalogue, class, rule, depth),
    };
    template.pieces.iter().map(piece).collect()
}

/// A sentence that two templates of one rule fit, with the same number of letters of their own, has one translation only.
#[test]
fn no_two_templates_of_a_rule_contradict_each_other() {
    let catalogue = &*CATALOGUE;
    let lists = catalogue.exact.iter().map(|(key, entries)| (key.as_str(), entries));
    let prefixes = catalogue.prefixes.iter().map(|(key, entries)| (key.as_str(), entries));
    for (key, entries) in lists.chain(prefixes) {
        let rule = crate::rules().find(|rule| rule.id.starts_with(key)).map_or("", |rule| rule.id);
        let fill = Filler { catalogue, rule };
        for (place, entry) in entries.iter().enumerate() {
            let text = fill_in(catalogue, &entry.english, rule, 0);
            let own = fill.by(entry, &text, &mut Search::new());
            assert!(own.is_some(), "{key}: a sentence of the template is not its own: {text:?}");
            for (other_place, other) in entries.iter().enumerate().filter(|(other, _)| *other != place) {
                if other.english.specificity() != entry.english.specificity() {
                    // The more specific one is meant.
                    continue;
                }
                let translated = fill.by(other, &text, &mut Search::new());
                assert!(
                    translated.is_none() || translated == own,
                    "{key}: templates {place} and {other_place} both fit {text:?}: {own:?}, {translated:?}"
                );
            }
        }
    }
}

#[test]
fn contradicting_templates_are_seen() {
    let mut catalogue = Catalogue::default();
    catalogue.add("X-001\ta {1} b\tun {1} b").unwrap();
    catalogue.add("X-001\ta {1} b\tdeux {1} b").unwrap();
    catalogue.sort();
    let fill = Filler { catalogue: &catalogue, rule: "X-001" };
    let all: Vec<_> =
        catalogue.exact["X-001"].iter().map(|entry| fill.by(entry, "a c b", &mut Search::new())).collect();
    assert_ne!(all[0], all[1]);
    assert!(catalogue.add("X-001\ta {1}\tun {2}").is_err() && catalogue.add("X-001\ta").is_err());
}

#[test]
fn articles_contract() {
    for (before, phrase, expected) in [
        ("le masque de ", "le fichier", "le masque du fichier"),
        ("le masque de ", "les fichiers", "le masque des fichiers"),
        ("la tuile de ", "l’aperçu 2", "la tuile de l’aperçu 2"),
        ("la tuile de ", "aucun", "la tuile d’aucun"),
        ("De ", "la tuile", "De la tuile"),
        ("égal à ", "le fichier", "égal au fichier"),
    ] {
        let mut sentence = before.to_owned();
        join(&mut sentence, phrase);
        assert_eq!(sentence, expected);
    }
}

#[test]
fn sentences_become_french() {
    let said = |rule: &str, text: &str| french(rule, text).unwrap_or_else(|| panic!("{rule}: {text}"));
    for (rule, english, expected) in [
        (
            "COG-TILE-006",
            "Tile (3,4) of overview 2 (512 bytes at 1024) overlaps the values of TileOffsets (tag 324) of IFD 1 (and 1,200 more)",
            "La tuile (3,4) de l’aperçu 2 (512 octets à 1024) chevauche les valeurs de TileOffsets (tag 324) de l’IFD 1 (et 1\u{202F}200 de plus)",
        ),
        (
            "COG-TILE-010",
            "3 of 8 tiles (37.5 %) of the mask are empty (sparse): fine in GDAL, not in all readers",
            "3 tuiles sur 8 (37,5\u{A0}%) du masque sont vides (sparse)\u{A0}: GDAL s’en accommode, pas tous les lecteurs",
        ),
        (
            "VRT-SRC-001",
            "312 of 5,000 sources do not exist, first: a: b.tif (there is no directory /x). The store can be created; the tiles that touch it fail.",
            "312 sources sur 5\u{202F}000 n’existent pas, la première\u{A0}: a: b.tif (il n’y a pas de répertoire /x). L’entrepôt peut être créé\u{A0}; les tuiles qui la touchent échouent.",
        ),
        (
            "GPQ-COV-009",
            "geometry has 1,809 rows in 1 row group, and no covering",
            "geometry a 1\u{202F}809 lignes en 1 groupe de lignes, et pas de couverture (covering)",
        ),
        ("fix", "Look at line 3 of 'a b.vrt'.", "Regarder la ligne 3 de 'a b.vrt'."),
    ] {
        assert_eq!(said(rule, english), expected);
    }
    let bands = vec!["-9999"; 30].join(", ");
    assert_eq!(
        said(
            "VRT-NODATA-001",
            &format!("Nodata differs between bands ({bands}): GeoTools uses that of band 1 for all.")
        ),
        format!(
            "La valeur nodata diffère d’une bande à l’autre ({bands})\u{A0}: GeoTools utilise celle de la bande 1 pour toutes."
        ),
    );
    let hostile = "Source ".repeat(50_000);
    let begun = std::time::Instant::now();
    assert_eq!(french("VRT-SRC-001", &hostile), None);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
}
