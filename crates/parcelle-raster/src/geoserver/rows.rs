//! Every row of the capability table on files that are made for it: one that it is true of, and one that differs in a single
//! term and that it is not true of.

use std::collections::{BTreeMap, BTreeSet};

use parcelle_tiff::Structure;

use super::around::Tiles;
use super::condition::Facts;
use super::elsewhere::Elsewhere;
use super::names::Name;
use super::table::{Capability, Scope, tables};
use super::{Access, Around, Beside, facts};

#[path = "../../tests/tiff/mod.rs"]
#[expect(dead_code, reason = "a name that the integration tests have for lists of tags")]
mod tiff;

use tiff::Values::{Doubles, Longs, Shorts, Text};
use tiff::{Tags, file, parsed, sound};

/// What a made file is to be like.
type Wanted = BTreeMap<Name, String>;

/// Files that are tried for a row before it counts as one that none can be made for.
const TRIES: usize = 20_000;

const PE: &str =
    "ESRI PE String = PROJCS[\"x\",GEOGCS[\"g\",DATUM[\"d\",SPHEROID[\"s\",6378137.0,298.25]]],PROJECTION[\"";

#[test]
fn every_row_is_true_of_a_made_file_and_not_of_its_neighbour() {
    let mut without = Vec::new();
    for row in &tables().unwrap().capabilities {
        let Some(wanted) = made_for(row) else {
            without.push(format!("{} {:?}: no file", row.rule.id, row.condition));
            continue;
        };
        if !has_neighbour(row, &wanted) {
            without.push(format!("{} {:?}: no neighbour", row.rule.id, row.condition));
        }
    }
    assert!(without.is_empty(), "{} rows: {without:#?}", without.len());
}

/// The first file, of all values that fulfil the terms, of which all of them hold.
fn made_for(row: &Capability) -> Option<Wanted> {
    let asked = row.condition.asked();
    let candidates: Vec<Vec<String>> = asked
        .iter()
        .map(|(name, listed)| {
            let known = palette(*name).iter().map(|value| (*value).to_owned());
            let mut values: Vec<String> = listed.iter().cloned().chain(known).collect();
            // A range is two terms about the same.
            let takes = |value: &str| {
                let about = asked.iter().enumerate().filter(|(_, (other, _))| other == name);
                about.into_iter().all(|(term, _)| row.condition.takes(term, value))
            };
            values.retain(|value| takes(value));
            if values.is_empty() { vec![String::new()] } else { values }
        })
        .collect();
    let mut places = vec![0; candidates.len()];
    for _ in 0..TRIES {
        let values = places.iter().zip(&candidates).map(|(place, values): (&usize, _)| values[*place].clone());
        let wanted: Wanted =
            asked.iter().map(|(name, _)| *name).zip(values).filter(|(_, value)| !value.is_empty()).collect();
        if row.condition.holds(&facts_of(row, &wanted)) {
            return Some(wanted);
        }
        // The next one, as an odometer counts.
        let turn = (0..places.len()).find(|at| places[*at] + 1 < candidates[*at].len())?;
        places[..turn].fill(0);
        places[turn] += 1;
    }
    None
}

/// Whether some file differs in one term alone.
fn has_neighbour(row: &Capability, wanted: &Wanted) -> bool {
    let asked = row.condition.asked();
    asked.iter().enumerate().any(|(term, (name, listed))| {
        let others = listed.iter().filter_map(|value| value.parse::<u64>().ok());
        let near = others.flat_map(|number| [number.saturating_sub(1), number + 1]).map(|number| number.to_string());
        let known = palette(*name).iter().map(|value| (*value).to_owned());
        known.chain(near).filter(|value| !row.condition.takes(term, value)).any(|value| {
            let mut changed = wanted.clone();
            changed.insert(*name, value);
            let held = row.condition.held(&facts_of(row, &changed));
            held.iter().enumerate().all(|(at, holds)| *holds == (at != term))
        })
    })
}

fn facts_of(row: &Capability, wanted: &Wanted) -> Facts {
    let (structure, around) = build(wanted);
    let of_level = |directory: &parcelle_tiff::Directory| {
        Some(facts::of_level(&structure, directory, &directory.image?, &around.tiles))
    };
    let first = structure.main().and_then(of_level);
    match row.scope {
        Scope::Level => first.unwrap_or_default(),
        Scope::File => facts::of_file(&structure, first, row.access.unwrap_or(Access::File), &around),
    }
}

/// Values that files are made with, the usual one first.
fn palette(name: Name) -> &'static [&'static str] {
    match name {
        Name::Codec => &["8", "1", "5", "6", "7", "2", "3", "4", "32773", "32946", "50000", "34887"],
        Name::Predictor => &["1", "2", "3", "5"],
        Name::Bits => &["8", "1", "2", "3", "4", "6", "9", "12", "16", "24", "32", "64", "128"],
        Name::Format => &["1", "2", "3", "5", "6"],
        Name::Bands => &["1", "2", "3", "4", "5"],
        Name::Planar => &["1", "2"],
        Name::Photometric => &["1", "0", "2", "3", "5", "6", "8"],
        Name::Layout => &["tiles", "strips"],
        Name::Width => &["64", "1", "2", "8192"],
        Name::Pixels => &["4096", "16777216", "33554432", "67108864"],
        Name::BlockPixels => &["4096", "65536"],
        Name::BlockBytes => &["4096", "67108864", "2147483648"],
        Name::Offsets => &["1", "2", "64"],
        Name::Nodata => &["none", "number", "nan", "infinite", "invalid"],
        Name::Fill | Name::FillOfGdal => &["zero", "nonzero", "none"],
        Name::Cast => &["same", "other"],
        Name::OldJpeg => &["lacking", "whole", "progressive"],
        Name::ColourMap | Name::Profile => &["none", "short", "whole"],
        Name::Widths => &["equal", "mixed"],
        Name::Index => &["whole", "short", "uncounted"],
        Name::Values => &["whole", "cut"],
        Name::Chain => &["usual", "shifted", "past-end"],
        Name::MaskLevels => &["whole", "short"],
        Name::Overviews => &["0", "1"],
        Name::Window => &["usual", "wide"],
        Name::HighBit => &["some", "none"],
        Name::PrjSays | Name::AuxSays => &["same", "other"],
        Name::Transform => &["matrix", "gcps", "none"],
        Name::Model => &["1", "2", "3", "32767"],
        Name::Projected | Name::Geographic => &["2154", "4326", "32767", "none"],
        Name::Projection => &["none", "16031"],
        Name::Method => &["1", "15", "17", "23"],
        Name::Datum => &["none", "6326", "32767"],
        Name::Ellipsoid => &["none", "7030"],
        Name::Unit => &["9001", "9003"],
        Name::Vertical => &["none", "5720"],
        Name::Pe => &["none", "known", "unknown", "spherical"],
        Name::Parallel => &["zero", "nonzero"],
        Name::OriginLatitude => &["not-pole", "pole"],
        Name::HeaderRequests => &["1", "3", "70"],
        Name::PixelBits | Name::Role => &[],
        _ => &["no", "yes"],
    }
}

/// The file, as far as such a file can be made; what cannot go together is left as it comes.
fn build(wanted: &Wanted) -> (Structure, Around) {
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    let number = |name| wanted.get(&name).and_then(|value| value.parse::<u32>().ok());
    let mut tags = sound();
    for (name, tag) in [(Name::Codec, 259), (Name::Predictor, 317), (Name::Photometric, 262)] {
        if let Some(value) = number(name) {
            tags.insert(tag, Shorts(vec![value as u16]));
        }
    }
    samples(&mut tags, wanted);
    let side = |name| number(name).map_or(64, |pixels| f64::from(pixels).sqrt().ceil() as u32);
    let width = number(Name::Width).unwrap_or_else(|| side(Name::Pixels));
    let block = if number(Name::BlockBytes).is_some() { side(Name::BlockBytes) } else { side(Name::BlockPixels) };
    let width = if block > 64 { block } else { width };
    blocks(&mut tags, wanted, width, if width > 64 && block == 64 { width } else { block });
    colours(&mut tags, wanted);
    place(&mut tags, wanted);
    let text = match wanted.get(&Name::Nodata).map(String::as_str) {
        _ if is(Name::Cast, "other") => Some("3.7"),
        _ if is(Name::Fill, "nonzero") || is(Name::FillOfGdal, "nonzero") => Some("7"),
        _ if is(Name::Fill, "zero") || is(Name::FillOfGdal, "zero") => Some("0"),
        Some("number") => Some("7"),
        Some("nan") => Some("nan"),
        Some("infinite") => Some("inf"),
        Some("invalid") => Some("1,5"),
        _ => None,
    };
    if let Some(text) = text {
        tags.insert(42_113, Text(text));
    }
    if is(Name::Scaled, "yes") {
        tags.insert(
            42_112,
            Text("<GDALMetadata><Item name=\"SCALE\" sample=\"0\" role=\"scale\">2</Item></GDALMetadata>"),
        );
    }
    if is(Name::Sound, "no") {
        tags.remove(&256);
    }
    let structure = parsed(&bytes(&chained(tags, wanted), wanted));
    let beside = Beside {
        projection: is(Name::Prj, "yes"),
        world: is(Name::WorldFile, "yes"),
        mask: is(Name::MaskFile, "yes"),
        overviews: is(Name::OverviewFile, "yes"),
        aux: is(Name::AuxFile, "yes"),
    };
    let first = |holds| if holds { BTreeSet::from([0]) } else { BTreeSet::new() };
    let tiles = Tiles { wide_windows: first(is(Name::Window, "wide")), low: first(is(Name::HighBit, "none")) };
    let elsewhere = Elsewhere {
        projection: is(Name::PrjSays, "other"),
        aux_place: is(Name::AuxSays, "other"),
        ..Elsewhere::default()
    };
    (structure, Around { tiles, elsewhere, ..Around::from(beside) })
}

fn bands(wanted: &Wanted) -> usize {
    let asked = wanted.get(&Name::Bands).and_then(|value| value.parse().ok());
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    let usual = match () {
        () if is(Name::Reset, "yes") => 3,
        () if is(Name::Widths, "mixed") => 2,
        () => 1,
    };
    asked.unwrap_or(usual)
}

fn samples(tags: &mut Tags, wanted: &Wanted) {
    let bands = bands(wanted);
    let number = |name, usual| wanted.get(&name).and_then(|value| value.parse::<u16>().ok()).unwrap_or(usual);
    let mut bits = vec![number(Name::Bits, 8); bands];
    if wanted.get(&Name::Widths).is_some_and(|widths| widths == "mixed") {
        // More where the first has few, so that the sum goes beyond 32.
        bits.iter_mut().skip(1).for_each(|bits| *bits = if *bits == 16 { 8 } else { 16 });
    }
    tags.insert(258, Shorts(bits));
    tags.insert(277, Shorts(vec![bands as u16]));
    tags.insert(339, Shorts(vec![number(Name::Format, 1); bands]));
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    if is(Name::Planar, "2") || is(Name::Reset, "yes") {
        tags.insert(284, Shorts(vec![2]));
    }
    if is(Name::Extra, "yes") || is(Name::Alpha, "yes") {
        tags.insert(338, Shorts(vec![if is(Name::Alpha, "yes") { 2 } else { 0 }]));
    }
}

/// Tiles or strips: how many, how large, and which of them are there.
fn blocks(tags: &mut Tags, wanted: &Wanted, width: u32, block: u32) {
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    let both = is(Name::Sparse, "yes") && is(Name::Stored, "yes");
    let is_strips = is(Name::Layout, "strips");
    let down: u32 = wanted.get(&Name::Offsets).and_then(|value| value.parse().ok()).unwrap_or(if both { 2 } else { 1 });
    let down = match (is(Name::Reset, "yes"), is(Name::Planar, "2")) {
        (true, _) => {
            if is_strips {
                3
            } else {
                1
            }
        }
        // One tile for each of three bands is taken for pixels.
        (false, true) => down.max(2),
        (false, false) => down,
    };
    let planes = if tags.contains_key(&284) { bands(wanted) as u32 } else { 1 };
    let count = (down * planes) as usize;
    let mut offsets = vec![8; count];
    let mut sizes = vec![if is(Name::PastEnd, "yes") { 90_000 } else { 16 }; count];
    if is(Name::Sparse, "yes") {
        let left_out = if both { 1 } else { count };
        offsets[..left_out].fill(0);
        sizes[..left_out].fill(0);
    } else if is(Name::Stored, "no") {
        sizes.fill(0);
    }
    if is(Name::Misplaced, "yes") {
        offsets.fill(0);
    }
    let across = if is(Name::FullWidth, "no") { width + 1 } else { width };
    let tall = if is(Name::Overrun, "no") { block / 8 } else { block * down };
    let tall = if is(Name::Index, "short") { tall + block } else { tall };
    tags.extend([(256, Longs(vec![width])), (257, Longs(vec![tall]))]);
    for tag in 322..=325 {
        tags.remove(&tag);
    }
    let (offset_tag, size_tag) = if is_strips {
        tags.insert(278, Longs(vec![block]));
        (273, 279)
    } else {
        tags.extend([(322, Longs(vec![across])), (323, Longs(vec![block]))]);
        (324, 325)
    };
    tags.insert(offset_tag, Longs(offsets));
    if !is(Name::Index, "uncounted") {
        tags.insert(size_tag, Longs(sizes));
    }
}

fn colours(tags: &mut Tags, wanted: &Wanted) {
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    if is(Name::JpegTables, "yes") {
        tags.insert(347, Text("tables"));
    }
    match wanted.get(&Name::OldJpeg).map(String::as_str) {
        Some("progressive") => _ = tags.insert(512, Shorts(vec![14])),
        Some("whole") => _ = tags.insert(513, Longs(vec![8])),
        _ => {}
    }
    for (name, tag, long) in [(Name::ColourMap, 320, 3 << 16), (Name::Profile, 34_675, 200)] {
        match wanted.get(&name).map(String::as_str) {
            Some("short") => _ = tags.insert(tag, Shorts(vec![0; 3])),
            Some("whole") => _ = tags.insert(tag, Shorts(vec![0; long])),
            _ => {}
        }
    }
}

/// GeoKeys and transformation.
fn place(tags: &mut Tags, wanted: &Wanted) {
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    match wanted.get(&Name::Transform).map(String::as_str) {
        Some("none") => _ = tags.insert(33_550, Doubles(vec![0.0; 3])),
        Some("gcps") => {
            tags.remove(&33_550);
            tags.insert(33_922, Doubles((0..18_u8).map(f64::from).collect()));
        }
        _ => {}
    }
    if is(Name::Ragged, "yes") {
        tags.insert(34_735, Shorts(vec![1, 1, 0, 1, 1024, 0]));
        return;
    }
    if is(Name::Keys, "no") {
        tags.remove(&34_735);
    }
    if !is(Name::Keys, "yes") {
        return;
    }
    let codes = [
        (Name::Model, 1024),
        (Name::Geographic, 2048),
        (Name::Datum, 2050),
        (Name::Ellipsoid, 2056),
        (Name::Projected, 3072),
        (Name::Projection, 3074),
        (Name::Method, 3075),
        (Name::Unit, 3076),
        (Name::Vertical, 4096),
    ];
    let mut entries: Vec<[u16; 4]> = Vec::new();
    for (name, key) in codes {
        if let Some(code) = wanted.get(&name).and_then(|value| value.parse().ok()) {
            entries.push([key, 0, 1, code]);
        }
    }
    let mut doubles = Vec::new();
    for (name, value, key, double) in [
        (Name::Sphere, "yes", 2057, 6_371_000.0),
        (Name::Sphere, "yes", 2058, 6_371_000.0),
        (Name::Parallel, "nonzero", 3078, 45.0),
        (Name::OriginLatitude, "pole", 3081, 90.0),
    ] {
        if is(name, value) {
            entries.push([key, 34_736, 1, doubles.len() as u16]);
            doubles.push(double);
        }
    }
    let pe = wanted.get(&Name::Pe).map(String::as_str);
    let citation = match pe {
        Some("known") => Some(format!("{PE}Mercator\"]]|")),
        Some("unknown") => Some(format!("{PE}Bonne\"]]|")),
        Some("spherical") => Some(format!("{PE}Robinson\"]]|")),
        _ => is(Name::Krovak, "yes").then(|| "Krovak|".to_owned()),
    };
    if let Some(citation) = citation {
        entries.push([3073, 34_737, citation.len() as u16, 0]);
        tags.insert(34_737, Text(citation.leak()));
    }
    entries.sort_unstable();
    let head = [1, 1, 0, entries.len() as u16];
    tags.insert(34_735, Shorts(head.into_iter().chain(entries.into_iter().flatten()).collect()));
    if !doubles.is_empty() {
        tags.insert(34_736, Doubles(doubles));
    }
}

/// The chain of directories.
fn chained(mut main: Tags, wanted: &Wanted) -> Vec<Tags> {
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    let smaller = |flags: u32| {
        let mut tags = sound();
        tags.extend([(254, Longs(vec![flags])), (256, Shorts(vec![32])), (257, Shorts(vec![32]))]);
        tags
    };
    if is(Name::Chain, "past-end") {
        main.insert(254, Longs(vec![1]));
        return vec![main];
    }
    let rest: &[u32] = match () {
        () if is(Name::Chain, "shifted") => &[1, 4],
        () if is(Name::MaskLevels, "short") => &[4, 1],
        () if is(Name::Overviews, "1") => &[1],
        () => &[],
    };
    std::iter::once(main).chain(rest.iter().map(|flags| smaller(*flags))).collect()
}

fn bytes(directories: &[Tags], wanted: &Wanted) -> Vec<u8> {
    let is = |name, value: &str| wanted.get(&name).is_some_and(|wanted| wanted == value);
    if is(Name::HeaderAtEnd, "yes") {
        let mut main = directories[0].clone();
        main.insert(42_113, Text("-9999"));
        return file(&[main], 30_000, Some(42_113));
    }
    let requests = wanted.get(&Name::HeaderRequests).and_then(|value| value.parse().ok()).unwrap_or(1_usize);
    let mut bytes = file(directories, (requests - 1) * 16 * 1024, None);
    let first = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let end = first as usize + 2 + directories[0].len() * 12;
    if is(Name::Loop, "yes") {
        bytes[end..end + 4].copy_from_slice(&first.to_le_bytes());
    }
    if is(Name::Values, "cut") {
        bytes.truncate(bytes.len() - 1);
    }
    bytes
}
