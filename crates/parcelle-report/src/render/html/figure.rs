//! Pictures as inline SVG. Each has a label for those who hear the page, and its figures as text beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escaped;
use crate::language::{Language, Wording};
use crate::picture::{Bars, BarsOf, BoxKind, Map, Part, Picture, PyramidLevel, Run, Strip};

/// What all pictures of a page share: the hatching of what should not be.
pub(super) const DEFINITIONS: &str = "<svg class=\"definitions\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>\
    <pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
    <rect width=\"6\" height=\"6\" class=\"hatch-ground\"/><rect width=\"2\" height=\"6\" class=\"hatch-line\"/></pattern></defs></svg>";

/// Most bars of a picture; the rest is one bar.
const MOST_BARS: usize = 16;

pub(super) fn figure(text: &mut String, picture: &Picture, wording: Wording) {
    text.push_str("<figure>");
    match picture {
        Picture::Strip(strip) => bytes(text, strip, wording),
        Picture::Pyramid(levels) => pyramid(text, levels, wording),
        Picture::Map(map) => boxes(text, map, wording),
        Picture::Bars(bars) => columns(text, bars, wording),
    }
    text.push_str("</figure>\n");
}

fn caption(text: &mut String, words: &str) {
    let _ = write!(text, "<figcaption>{}</figcaption>", escaped(words));
}

fn name_of(part: Part, language: Language) -> String {
    let name = match part {
        Part::Header => language.pick("header", "entête"),
        Part::Directory => language.pick("directories", "répertoires"),
        Part::Index => language.pick("index of the blocks", "index des blocs"),
        Part::Level(0) => language.pick("full resolution", "pleine résolution"),
        Part::Level(level) => return format!("{} {level}", language.pick("overview", "aperçu")),
        Part::Mask => language.pick("masks", "masques"),
        Part::Gap => language.pick("unused", "inutilisé"),
        Part::Overlap => language.pick("claimed twice", "revendiqué deux fois"),
        Part::RowGroup => language.pick("row groups", "groupes de lignes"),
        Part::Footer => language.pick("metadata", "métadonnées"),
    };
    name.to_owned()
}

/// Style of a part; overviews from the fifth on look the same.
fn class_of(part: Part) -> String {
    match part {
        Part::Header => "header".to_owned(),
        Part::Directory => "directory".to_owned(),
        Part::Index => "index".to_owned(),
        Part::Level(level) => format!("level{}", level.min(5)),
        Part::Mask => "mask".to_owned(),
        Part::Gap => "gap".to_owned(),
        Part::Overlap => "overlap".to_owned(),
        Part::RowGroup => "level0".to_owned(),
        Part::Footer => "footer".to_owned(),
    }
}

/// The bytes of a file from left to right; what is out of place is marked above.
fn bytes(text: &mut String, strip: &Strip, wording: Wording) {
    const WIDTH: f64 = 600.0;
    let language = wording.language;
    caption(
        text,
        wording.pick("The bytes of the file, from first to last", "Les octets du fichier, du premier au dernier"),
    );
    let percent = |bytes: u64| bytes as f64 * 100.0 / strip.length.max(1) as f64;
    let share = |bytes: u64| {
        let number = format!("{:.1}", percent(bytes));
        let number = if language == Language::French { number.replace('.', ",") } else { number };
        format!("{number} %")
    };
    let label = strip
        .totals
        .iter()
        .map(|total| format!("{} {}", name_of(total.part, language), share(total.bytes)))
        .collect::<Vec<_>>()
        .join(", ");
    let _ = write!(
        text,
        "<svg class=\"strip\" viewBox=\"0 0 600 44\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">",
        escaped(&label)
    );
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    let mut marks = String::new();
    let scale = WIDTH / strip.length.max(1) as f64;
    for Run { part, start, end, is_out_of_place } in &strip.runs {
        let (left, width) = (*start as f64 * scale, (end - start) as f64 * scale);
        let _ = write!(paths.entry(class_of(*part)).or_default(), "M{left:.1} 8h{width:.1}v36h-{width:.1}z");
        if *is_out_of_place {
            let _ = write!(marks, "M{left:.1} 0h{width:.1}v5h-{width:.1}z");
        }
    }
    for (class, path) in &paths {
        let _ = write!(text, "<path class=\"{class}\" d=\"{path}\"/>");
    }
    if !marks.is_empty() {
        let _ = write!(text, "<path class=\"misplaced\" d=\"{marks}\"/>");
    }
    text.push_str("</svg><ul class=\"legend\">");
    for total in &strip.totals {
        let _ = write!(
            text,
            "<li><span class=\"swatch {}\"></span>{} <span class=\"meaning\">{}, {}</span></li>",
            class_of(total.part),
            name_of(total.part, language),
            language.bytes(total.bytes),
            share(total.bytes)
        );
    }
    if !marks.is_empty() {
        let _ = write!(
            text,
            "<li><span class=\"swatch misplaced\"></span>{}</li>",
            wording.pick("above: not where it should be", "au-dessus : pas à sa place")
        );
    }
    text.push_str("</ul>");
}

/// The levels side by side at one scale, with the grid of their blocks where it can be seen.
fn pyramid(text: &mut String, levels: &[PyramidLevel], wording: Wording) {
    const SIDE: f64 = 150.0;
    const SPACE: f64 = 8.0;
    let language = wording.language;
    caption(
        text,
        wording.pick("The image and its overviews, at one scale", "L’image et ses aperçus, à la même échelle"),
    );
    let longest = levels.iter().map(|level| level.width.max(level.height)).max().unwrap_or(1).max(1) as f64;
    let scale = SIDE / longest;
    let drawn: Vec<(f64, f64)> = levels
        .iter()
        .map(|level| ((level.width as f64 * scale).max(2.0), (level.height as f64 * scale).max(2.0)))
        .collect();
    let width: f64 = drawn.iter().map(|(width, _)| width + SPACE).sum();
    let height = drawn.iter().map(|(_, height)| *height).fold(0.0, f64::max);
    let label = levels.iter().map(|level| format!("{} × {}", level.width, level.height)).collect::<Vec<_>>().join(", ");
    let _ = write!(
        text,
        "<div class=\"beside\"><svg class=\"pyramid\" viewBox=\"-1 -1 {:.1} {:.1}\" width=\"{:.0}\" role=\"img\" aria-label=\"{label}\">",
        width + 2.0,
        height + 2.0,
        width + 2.0
    );
    let mut left = 0.0;
    for (place, (level, (wide, high))) in levels.iter().zip(&drawn).enumerate() {
        let top = height - high;
        let class = class_of(Part::Level(u8::try_from(place).unwrap_or(u8::MAX)));
        let _ = write!(
            text,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\"/>"
        );
        let step = [level.block[0] as f64 * scale, level.block[1] as f64 * scale];
        // Finer lines would be a grey area.
        if step.iter().all(|step| *step >= 4.0) {
            let mut lines = String::new();
            let mut at = step[0];
            while at < *wide {
                let _ = write!(lines, "M{:.1} {top:.1}v{high:.1}", left + at);
                at += step[0];
            }
            let mut at = step[1];
            while at < *high {
                let _ = write!(lines, "M{left:.1} {:.1}h{wide:.1}", top + at);
                at += step[1];
            }
            let _ = write!(text, "<path class=\"grid\" d=\"{lines}\"/>");
        }
        left += wide + SPACE;
    }
    let _ = write!(
        text,
        "</svg><div class=\"scroll\"><table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
        wording.pick("Level", "Niveau"),
        wording.pick("Pixels", "Pixels"),
        wording.pick("Block", "Bloc"),
        wording.pick("Blocks", "Blocs"),
        wording.pick("Bytes", "Octets"),
    );
    for (place, level) in levels.iter().enumerate() {
        let part = Part::Level(u8::try_from(place).unwrap_or(u8::MAX));
        let across = |size: u64, block: u64| size.div_ceil(block.max(1));
        let blocks = across(level.width, level.block[0]).saturating_mul(across(level.height, level.block[1]));
        let _ = write!(
            text,
            "<tr><th scope=\"row\"><span class=\"swatch {}\"></span>{}{}</th><td>{} × {}</td><td>{} × {}</td><td>{}</td><td>{}</td></tr>",
            class_of(part),
            name_of(part, language),
            if level.has_mask { wording.pick(", with a mask", ", avec masque") } else { "" },
            language.grouped(level.width),
            language.grouped(level.height),
            level.block[0],
            level.block[1],
            language.grouped(blocks),
            language.bytes(level.bytes),
        );
    }
    text.push_str("</tbody></table></div></div>");
}

fn boxes(text: &mut String, map: &Map, wording: Wording) {
    const SIDE: f64 = 320.0;
    let language = wording.language;
    let [xmin, ymin, xmax, ymax] = map.extent;
    let (across, up) = ((xmax - xmin).max(f64::MIN_POSITIVE), (ymax - ymin).max(f64::MIN_POSITIVE));
    if !across.is_finite() || !up.is_finite() {
        return;
    }
    // A stripe of any extent is still to be seen.
    let ratio = (up / across).clamp(0.15, 1.0 / 0.15);
    let (width, height) = if ratio <= 1.0 { (SIDE, SIDE * ratio) } else { (SIDE / ratio, SIDE) };
    let (x_scale, y_scale) = (width / across, height / up);
    let mut paths: BTreeMap<BoxKind, (String, u64)> = BTreeMap::new();
    for item in &map.boxes {
        let [left, bottom, right, top] = item.bounds;
        let x = (left - xmin) * x_scale;
        let y = if map.is_downwards { (bottom - ymin) * y_scale } else { (ymax - top) * y_scale };
        let (wide, high) = (((right - left) * x_scale).max(0.6), ((top - bottom) * y_scale).max(0.6));
        if [x, y, wide, high].iter().all(|number| number.is_finite()) {
            let (path, count) = paths.entry(item.kind).or_default();
            let _ = write!(path, "M{x:.1} {y:.1}h{wide:.1}v{high:.1}h-{wide:.1}z");
            *count += 1;
        }
    }
    let parts = paths.iter().map(|(kind, (_, count))| box_count(*kind, *count, language));
    let mut words = parts.collect::<Vec<_>>().join(", ");
    if map.left_out > 0 {
        let more = language.grouped(map.left_out);
        words += &match language {
            Language::English => format!(" ({more} more are not drawn)"),
            Language::French => format!(" ({more} autres ne sont pas dessinés)"),
        };
    }
    caption(
        text,
        &format!(
            "{}{} {words}",
            wording.pick("What covers the extent", "Ce qui couvre l’emprise"),
            wording.pick(":", "\u{A0}:")
        ),
    );
    let _ = write!(
        text,
        "<svg class=\"map\" viewBox=\"-2 -2 {:.1} {:.1}\" width=\"{:.0}\" role=\"img\" aria-label=\"{}\"><rect class=\"{}\" width=\"{width:.1}\" height=\"{height:.1}\"/>",
        width + 4.0,
        height + 4.0,
        width + 4.0,
        escaped(&words),
        // Only what ought to be covered has the colour of a hole.
        if paths.contains_key(&BoxKind::RowGroup) || paths.contains_key(&BoxKind::Member) {
            "ground"
        } else {
            "uncovered"
        },
    );
    for (kind, (path, _)) in &paths {
        // Boxes of one path would not darken where they overlap: fill rule and opacity count for the path as a whole.
        let class = box_class(*kind);
        if *kind == BoxKind::Source {
            // The ground must not shine through.
            let _ = write!(text, "<path class=\"cleared\" d=\"{path}\"/>");
        }
        if path.len() > 60_000 || *kind == BoxKind::Hole {
            let _ = write!(text, "<path class=\"{class}\" d=\"{path}\"/>");
        } else {
            for one in path.split_inclusive('z') {
                let _ = write!(text, "<path class=\"{class}\" d=\"{one}\"/>");
            }
        }
    }
    text.push_str("</svg>");
    if !paths.contains_key(&BoxKind::RowGroup) {
        let _ = write!(
            text,
            "<ul class=\"legend\"><li><span class=\"swatch level1\"></span>{}</li><li><span class=\"swatch gap\"></span>{}</li><li><span class=\"swatch missing\"></span>{}</li></ul>",
            wording.pick("covered; darker where several lie", "couvert ; plus foncé là où plusieurs se superposent"),
            wording.pick("covered by nothing", "couvert par rien"),
            wording.pick("missing or unreadable", "absent ou illisible"),
        );
    }
}

const fn box_class(kind: BoxKind) -> &'static str {
    match kind {
        BoxKind::Source | BoxKind::Member => "source",
        BoxKind::Missing => "missing",
        BoxKind::Hole => "gap",
        BoxKind::Overlap => "overlap",
        BoxKind::RowGroup => "rowgroup",
    }
}

fn box_count(kind: BoxKind, count: u64, language: Language) -> String {
    match kind {
        BoxKind::Source => language.counted(count, ["source", "sources"], ["source", "sources"]),
        BoxKind::Member => language.counted(count, ["file", "files"], ["fichier", "fichiers"]),
        BoxKind::Missing => {
            let french = ["absent ou illisible", "absents ou illisibles"];
            language.counted(count, ["missing or unreadable", "missing or unreadable"], french)
        }
        BoxKind::Hole => language.counted(count, ["hole", "holes"], ["trou", "trous"]),
        BoxKind::Overlap => language.counted(count, ["overlap", "overlaps"], ["recouvrement", "recouvrements"]),
        BoxKind::RowGroup => {
            language.counted(count, ["row group", "row groups"], ["groupe de lignes", "groupes de lignes"])
        }
    }
}

fn columns(text: &mut String, bars: &Bars, wording: Wording) {
    const LINE: usize = 20;
    let language = wording.language;
    let (words, is_bytes) = match bars.of {
        BarsOf::ColumnBytes => (wording.pick("Size of the columns", "Taille des colonnes"), true),
        BarsOf::RowGroupRows => (wording.pick("Rows of the row groups", "Lignes des groupes de lignes"), false),
    };
    caption(text, words);
    let number = |value: u64| if is_bytes { language.bytes(value) } else { language.grouped(value) };
    let mut shown: Vec<(String, u64, bool)> =
        bars.bars.iter().take(MOST_BARS).map(|bar| (bar.label.clone(), bar.value, bar.severity.is_some())).collect();
    if bars.bars.len() > MOST_BARS {
        let rest = bars.bars.iter().skip(MOST_BARS).fold(0u64, |sum, bar| sum.saturating_add(bar.value));
        let others = language.grouped((bars.bars.len() - MOST_BARS) as u64);
        shown.push((format!("{others} {}", wording.pick("others", "autres")), rest, false));
    }
    let most = shown.iter().map(|(_, value, _)| *value).max().unwrap_or(1).max(1) as f64;
    let height = shown.len() * LINE;
    let label =
        shown.iter().map(|(label, value, _)| format!("{label} {}", number(*value))).collect::<Vec<_>>().join(", ");
    let _ = write!(
        text,
        "<svg class=\"bars\" viewBox=\"0 0 560 {height}\" width=\"560\" role=\"img\" aria-label=\"{}\">",
        escaped(&label)
    );
    for (place, (label, value, is_marked)) in shown.iter().enumerate() {
        let top = place * LINE;
        let wide = (*value as f64 / most * 290.0).max(1.0);
        let class = if *is_marked { "overlap" } else { "level1" };
        let _ = write!(
            text,
            "<text x=\"168\" y=\"{0}\" text-anchor=\"end\">{1}</text><rect class=\"{class}\" x=\"176\" y=\"{2}\" width=\"{wide:.1}\" height=\"13\"/><text class=\"value\" x=\"{3:.1}\" y=\"{0}\">{4}</text>",
            top + 14,
            escaped(&crate::text::shortened(label, 24)),
            top + 3,
            wide + 182.0,
            number(*value),
        );
    }
    text.push_str("</svg>");
}
