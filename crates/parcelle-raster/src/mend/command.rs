//! Commands of GDAL's programs, taken apart and put together.

use std::fmt;

/// The program that writes the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// `gdal_translate`: the same pixels.
    Translate,
    /// `gdalwarp`: pixels of another grid.
    Warp,
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Translate => "gdal_translate",
            Self::Warp => "gdalwarp",
        }
    }
}

/// The options that fixes use, and how many values each takes (`gdal_translate --help`, `gdalwarp --help`).
const OPTIONS: [(&str, usize); 19] = [
    ("-a_nodata", 1),
    ("-a_offset", 1),
    ("-a_scale", 1),
    ("-a_srs", 1),
    ("-a_ullr", 4),
    ("-b", 1),
    ("-colorinterp", 1),
    ("-dstnodata", 1),
    ("-expand", 1),
    ("-mask", 1),
    ("-mo", 1),
    ("-ot", 1),
    ("-r", 1),
    ("-s_srs", 1),
    ("-srcnodata", 1),
    ("-stats", 0),
    ("-t_srs", 1),
    ("-tr", 2),
    ("-unscale", 0),
];

/// Options that may come several times and mean something in their order.
const REPEATED: [&str; 2] = ["-b", "-mo"];

/// What `gdalwarp` understands of them (3.6).
const OF_WARP: [&str; 7] = ["-dstnodata", "-ot", "-r", "-s_srs", "-srcnodata", "-t_srs", "-tr"];

/// A command that writes a Cloud Optimized GeoTIFF of a file. Words are kept as a shell has to see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) program: Program,
    pub(crate) input: String,
    pub(crate) output: String,
    /// Creation options (`-co`).
    pub(crate) creation: Vec<(String, String)>,
    /// Other options with their values.
    pub(crate) options: Vec<(String, Vec<String>)>,
    /// cogger is tried first: it moves the tiles as they are.
    pub(crate) moves_bytes: bool,
    /// A word to the reader, behind a `#`.
    pub(crate) remark: Option<String>,
}

impl Command {
    /// `gdal_translate INPUT OUTPUT -of COG`.
    pub(crate) fn translate(input: &str, output: &str) -> Self {
        Self {
            program: Program::Translate,
            input: input.to_owned(),
            output: output.to_owned(),
            creation: Vec::new(),
            options: Vec::new(),
            moves_bytes: false,
            remark: None,
        }
    }

    /// Reads a line that is such a command and nothing else.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        // Most fixes of a sound file are words.
        if !(line.starts_with("gdal_translate ") || line.starts_with("gdalwarp ") || line.starts_with("cogger ")) {
            return None;
        }
        let (mut words, remark) = words(line)?;
        let moves_bytes = matches!(words.as_slice(), ["cogger", "-output", _, _, "||", ..]);
        if moves_bytes {
            words.drain(..5);
        }
        let mut words = words.into_iter();
        let program = match words.next()? {
            "gdal_translate" => Program::Translate,
            "gdalwarp" => Program::Warp,
            _ => return None,
        };
        let mut files = Vec::new();
        let (mut creation, mut options) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            match word {
                "-of" => {
                    words.next().filter(|format| *format == "COG")?;
                }
                "-co" => {
                    let (key, value) = words.next()?.split_once('=')?;
                    creation.push((key.to_owned(), value.to_owned()));
                }
                option if option.starts_with('-') => {
                    let (_, count) = OPTIONS.iter().find(|(name, _)| *name == option)?;
                    let values: Vec<String> = words.by_ref().take(*count).map(str::to_owned).collect();
                    if values.len() < *count {
                        return None;
                    }
                    options.push((option.to_owned(), values));
                }
                file => files.push(file.to_owned()),
            }
        }
        let [input, output] = <[String; 2]>::try_from(files).ok()?;
        Some(Self { program, input, output, creation, options, moves_bytes, remark })
    }

    /// Whether somebody who knows the data has to complete it, or to agree to pixels on another grid.
    pub(crate) fn needs_decision(&self) -> bool {
        let is_open = |value: &String| value.contains('<');
        self.program == Program::Warp
            || self.options.iter().any(|(_, values)| values.iter().any(is_open))
            || self.creation.iter().any(|(_, value)| is_open(value))
    }

    /// Sets a creation option, whether it was there or not.
    pub(crate) fn create(&mut self, key: &str, value: &str) {
        match self.creation.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => value.clone_into(known),
            None => self.creation.push((key.to_owned(), value.to_owned())),
        }
    }

    fn creation_value(&self, key: &str) -> Option<&str> {
        self.creation.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// One command that does what all of them do; `base` are the creation options that keep the file's own codec. Later
    /// commands override earlier ones, where two wish for different things and neither is the safer one.
    pub(crate) fn merged<'commands>(
        commands: impl Iterator<Item = &'commands Self> + Clone,
        base: &[(String, String)],
    ) -> Option<Self> {
        let mut merged = commands.clone().next()?.clone();
        let mut is_first = true;
        for command in commands {
            if !std::mem::take(&mut is_first) {
                merged.take(command);
            }
        }
        if merged.creation_value("COMPRESS").is_none() {
            for (key, value) in base {
                if merged.creation_value(key).is_none() {
                    merged.create(key, value);
                }
            }
        }
        if merged.creation_value("BIGTIFF").is_none() {
            merged.create("BIGTIFF", "IF_SAFER");
        }
        merged.settle(base);
        Some(merged)
    }

    fn take(&mut self, other: &Self) {
        self.moves_bytes &= other.moves_bytes;
        if other.program == Program::Warp {
            self.program = Program::Warp;
        }
        if self.remark != other.remark {
            self.remark = self.remark.take().or_else(|| other.remark.clone());
        }
        let codec_changes = match (self.creation_value("COMPRESS"), other.creation_value("COMPRESS")) {
            (Some(mine), Some(theirs)) => mine != theirs,
            _ => false,
        };
        for (key, value) in &other.creation {
            let wins = match (key.as_str(), self.creation_value(key)) {
                (_, None) => true,
                // New overviews are right whatever was wrong with the old ones.
                ("OVERVIEWS", Some("IGNORE_EXISTING")) | ("SPARSE_OK" | "PREDICTOR", Some("FALSE" | "NO")) => false,
                ("BLOCKSIZE" | "BIGTIFF", Some(_)) => false,
                _ => true,
            };
            if wins {
                self.create(key, value);
            }
        }
        if codec_changes {
            // A quality of the codec that is left behind.
            let theirs: Vec<&str> = other.creation.iter().map(|(key, _)| key.as_str()).collect();
            self.creation.retain(|(key, _)| key != "QUALITY" || theirs.contains(&"QUALITY"));
            self.remark = None;
        }
        for (option, values) in &other.options {
            let is_known = self
                .options
                .iter()
                .any(|(known, mine)| known == option && (!REPEATED.contains(&option.as_str()) || mine == values));
            if !is_known {
                self.options.push((option.clone(), values.clone()));
            }
        }
    }

    /// Takes out what the chosen codec or program does not understand.
    fn settle(&mut self, base: &[(String, String)]) {
        let compress = self.creation_value("COMPRESS").map(str::to_owned);
        let base_codec = base.iter().find(|(key, _)| key == "COMPRESS").map(|(_, value)| value.as_str());
        // Whether the samples take a predictor is known from the file's own choice, where that is lossless.
        let refuses_predictor = matches!(base_codec, Some("DEFLATE" | "LZW" | "ZSTD"))
            && !base.iter().any(|(key, _)| key == "PREDICTOR")
            && !self.options.iter().any(|(option, _)| option == "-ot");
        let takes_predictor = matches!(compress.as_deref(), Some("DEFLATE" | "LZW" | "ZSTD")) && !refuses_predictor;
        let takes_quality = matches!(compress.as_deref(), Some("JPEG" | "WEBP"));
        self.creation.retain(|(key, _)| match key.as_str() {
            "PREDICTOR" => takes_predictor,
            "QUALITY" => takes_quality,
            _ => true,
        });
        if self.program == Program::Warp {
            self.moves_bytes = false;
            for (option, _) in &mut self.options {
                match option.as_str() {
                    "-a_srs" => "-s_srs".clone_into(option),
                    "-a_nodata" => "-dstnodata".clone_into(option),
                    _ => {}
                }
            }
        }
        if self.program == Program::Warp || !self.options.is_empty() {
            self.moves_bytes = false;
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (input, output) = (&self.input, &self.output);
        if self.moves_bytes {
            write!(formatter, "cogger -output {output} {input} || ")?;
        }
        // What the warp cannot do is done before it, in a file of text.
        let (warp, before): (Vec<_>, Vec<_>) = self
            .options
            .iter()
            .partition(|(option, _)| self.program == Program::Translate || OF_WARP.contains(&option.as_str()));
        if before.is_empty() {
            write!(formatter, "{} {input} {output} -of COG", self.program.name())?;
        } else {
            let step = format!("{output}.vrt");
            write!(formatter, "gdal_translate {input} {step} -of VRT")?;
            write_options(formatter, &before)?;
            write!(formatter, " && gdalwarp {step} {output} -of COG")?;
        }
        for (key, value) in &self.creation {
            write!(formatter, " -co {key}={value}")?;
        }
        write_options(formatter, &warp)?;
        match &self.remark {
            Some(remark) => write!(formatter, "  # {remark}"),
            None => Ok(()),
        }
    }
}

fn write_options(formatter: &mut fmt::Formatter<'_>, options: &[&(String, Vec<String>)]) -> fmt::Result {
    for (option, values) in options {
        write!(formatter, " {option}")?;
        for value in values {
            // A shell would take < and > for files.
            let is_bare = value.contains(['<', '>']) && !value.starts_with('\'');
            if is_bare { write!(formatter, " '{value}'") } else { write!(formatter, " {value}") }?;
        }
    }
    Ok(())
}

/// The words of a line as they are written, quotes and all, and the remark at its end: what is behind a `#`, or in
/// parentheses. `None` where a quote is not closed.
pub(super) fn words(line: &str) -> Option<(Vec<&str>, Option<String>)> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '#' || first == '(' {
            let remark = rest.trim_start_matches(['#', '(', ' ']).trim_end();
            let remark = if first == '(' { remark.strip_suffix(')').unwrap_or(remark) } else { remark };
            return Some((words, Some(remark.to_owned())));
        }
        let (word, after) = rest.split_at_checked(word_length(rest)?)?;
        words.push(word);
        rest = after.trim_start();
    }
    Some((words, None))
}

/// Bytes of the word that a text begins with.
fn word_length(text: &str) -> Option<usize> {
    /// How a stretch of quoted text ends.
    #[derive(Clone, Copy, PartialEq)]
    enum Quote {
        None,
        Single,
        Double,
        /// `$'…'`, where a backslash keeps the quote.
        Escaped,
    }
    let mut quote = Quote::None;
    let mut previous = ' ';
    let mut is_escaped = false;
    for (position, letter) in text.char_indices() {
        let was_escaped = std::mem::take(&mut is_escaped);
        quote = match (quote, letter) {
            _ if was_escaped => quote,
            (Quote::None | Quote::Escaped | Quote::Double, '\\') => {
                is_escaped = true;
                quote
            }
            (Quote::None, '\'') => {
                if previous == '$' {
                    Quote::Escaped
                } else {
                    Quote::Single
                }
            }
            (Quote::None, '"') => Quote::Double,
            (Quote::Single | Quote::Escaped, '\'') | (Quote::Double, '"') => Quote::None,
            (Quote::None, letter) if letter.is_whitespace() => return Some(position),
            _ => quote,
        };
        previous = letter;
    }
    (quote == Quote::None).then_some(text.len())
}
