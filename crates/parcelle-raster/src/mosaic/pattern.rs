//! Times and elevations in file names, which an ImageMosaic takes by a regular expression.

/// A way to write a moment or a height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern {
    /// Of the property file of the collector.
    pub(super) regex: &'static str,
    /// Of `java.text.SimpleDateFormat`; empty for heights.
    pub(super) format: &'static str,
    /// Letters of a match: `9` a digit, everything else itself.
    shape: &'static str,
    /// What must follow a match of a height.
    unit: &'static str,
}

const fn time(regex: &'static str, format: &'static str, shape: &'static str) -> Pattern {
    Pattern { regex, format, shape, unit: "" }
}

/// Longest first, since a shorter one matches a part of it.
const TIMES: [Pattern; 8] = [
    time("[0-9]{8}T[0-9]{6}", "yyyyMMdd'T'HHmmss", "99999999T999999"),
    time("[0-9]{8}T[0-9]{4}", "yyyyMMdd'T'HHmm", "99999999T9999"),
    time("[0-9]{14}", "yyyyMMddHHmmss", "99999999999999"),
    time("[0-9]{12}", "yyyyMMddHHmm", "999999999999"),
    time("[0-9]{4}-[0-9]{2}-[0-9]{2}", "yyyy-MM-dd", "9999-99-99"),
    time("[0-9]{8}", "yyyyMMdd", "99999999"),
    time("[0-9]{4}-[0-9]{2}", "yyyy-MM", "9999-99"),
    time("[0-9]{4}", "yyyy", "9999"),
];

const HEIGHTS: [Pattern; 2] = [
    Pattern { regex: "(?<=_)[0-9]+(?=hPa)", format: "", shape: "", unit: "hPa" },
    Pattern { regex: "(?<=_)[0-9]+(?=m(_|\\\\.|$))", format: "", shape: "", unit: "m" },
];

/// The name of a file without its folder and ending.
pub(super) fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

impl Pattern {
    /// What it finds in a name.
    pub(super) fn find<'a>(&self, stem: &'a str) -> Option<&'a str> {
        if self.unit.is_empty() { self.moment(stem) } else { self.height(stem) }
    }

    fn moment<'a>(&self, stem: &'a str) -> Option<&'a str> {
        let bytes = stem.as_bytes();
        let is_digit = |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
        (0..bytes.len()).find_map(|start| {
            let found = stem.get(start..start.checked_add(self.shape.len())?)?;
            let fits = found.bytes().zip(self.shape.bytes()).all(|(letter, wanted)| match wanted {
                b'9' => letter.is_ascii_digit(),
                wanted => letter == wanted,
            });
            let alone = !is_digit(start.checked_sub(1)) && !is_digit(Some(start + self.shape.len()));
            (fits && alone && is_moment(found)).then_some(found)
        })
    }

    fn height<'a>(&self, stem: &'a str) -> Option<&'a str> {
        stem.split('_').skip(1).find_map(|part| {
            let digits = part.strip_suffix(self.unit)?;
            (!digits.is_empty() && digits.bytes().all(|letter| letter.is_ascii_digit())).then_some(digits)
        })
    }
}

/// Whether the digits can be a year, a month, a day and an hour.
fn is_moment(found: &str) -> bool {
    let digits: String = found.chars().filter(char::is_ascii_digit).collect();
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|text| text.parse::<u32>().ok());
    let within = |part: Option<u32>, most: u32, least: u32| part.is_none_or(|part| (least..=most).contains(&part));
    within(part(0..4), 2199, 1800)
        && within(part(4..6), 12, 1)
        && within(part(6..8), 31, 1)
        && within(part(8..10), 24, 0)
        && within(part(10..12), 59, 0)
}

/// The pattern that most names have, if at least four of five have it.
fn of_most(patterns: &[Pattern], stems: &[&str]) -> Option<Pattern> {
    patterns.iter().copied().find(|pattern| {
        let fits = stems.iter().filter(|stem| pattern.find(stem).is_some()).count();
        fits > 0 && fits * 5 >= stems.len() * 4
    })
}

/// The time in most names.
pub(super) fn time_of_most(stems: &[&str]) -> Option<Pattern> {
    of_most(&TIMES, stems)
}

/// The elevation in most names.
pub(super) fn height_of_most(stems: &[&str]) -> Option<Pattern> {
    of_most(&HEIGHTS, stems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_heights_are_found() {
        for (name, expected) in [
            ("ndvi_20240131", Some("yyyyMMdd")),
            ("S2_20240131T103021_T31", Some("yyyyMMdd'T'HHmmss")),
            ("t2m-2024-01-31-00", Some("yyyy-MM-dd")),
            ("ortho_2021_5m", Some("yyyy")),
            ("dem_0650_6860", None),
            ("x_20241331", None),
            ("scene_1234567890", None),
        ] {
            assert_eq!(time_of_most(&[name]).map(|pattern| pattern.format), expected, "{name}");
        }
        assert_eq!(height_of_most(&["temp_850hPa"]).and_then(|pattern| pattern.find("temp_850hPa")), Some("850"));
        assert!(height_of_most(&["temp_850"]).is_none());
    }

    #[test]
    fn four_of_five_decide() {
        let names = ["a_20200101", "a_20200102", "a_20200103", "a_20200104", "readme"];
        assert!(time_of_most(&names).is_some() && time_of_most(&names[2..]).is_none());
        assert_eq!(stem("/data/x.y/a_20200101.tif"), "a_20200101");
    }
}
