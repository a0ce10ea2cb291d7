//! The rules of a mosaic, asked of all its files together.

use std::hash::Hash;

use parcelle_report::{Finding, Outcome, Rule, Severity};

use super::granule::{Colours, Granule, Samples};
use super::vote::{Outliers, vote};
use super::{MOST_LISTED, Verdict, listed, pattern, place, rules};
use crate::shell::quoted;

/// `IN.tif` and `OUT.tif` of a command for this file.
fn command(general: &str, path: &str) -> String {
    let stem = [".tiff", ".tif", ".TIFF", ".TIF"].into_iter().find_map(|ending| path.strip_suffix(ending));
    let words = general.split(' ').map(|word| match word {
        "IN.tif" => quoted(path),
        "OUT.tif" => quoted(format!("{}.mosaic.tif", stem.unwrap_or(path))),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether GeoTools leaves a file out for its colour model (`Utils.checkColorModels`).
fn is_refused(usual: Colours, other: Colours) -> bool {
    let is_grey = |colours: Colours| colours.components == 1 && !colours.is_indexed;
    usual.components != other.components && !is_grey(usual) && !is_grey(other)
}

fn colours(colours: Colours) -> String {
    let alpha = if colours.has_alpha { " and alpha" } else { "" };
    let palette = if colours.is_indexed { " by a palette" } else { "" };
    let plural = if colours.components == 1 { "" } else { "s" };
    format!("{} colour component{plural}{alpha}{palette}", colours.components)
}

/// A resolution, rounded to a thousandth of itself, so that equal ones are one key.
fn resolution(granule: &Granule) -> Option<[u64; 2]> {
    let (width, height) = granule.placement?.resolution();
    let rounded = |value: f64| {
        let step = 10_f64.powf(value.abs().log10().floor() - 4.0);
        ((value / step).round() * step) as f32
    };
    Some([f64::from(rounded(width)).to_bits(), f64::from(rounded(height)).to_bits()])
}

fn by(key: &[u64; 2]) -> String {
    let number = |bits: u64| f64::from_bits(bits) as f32;
    format!("{} by {}", number(key[0]), number(key[1]))
}

impl Verdict<'_> {
    /// Files that GeoServer cannot show by themselves.
    pub(super) fn alone(&mut self) {
        let granules = &self.mosaic.granules;
        for (outcome, severity, what) in [
            (Outcome::Fails, Severity::Error, "cannot be read by GeoServer"),
            (Outcome::Misreads, Severity::Error, "are shown wrongly by GeoServer"),
            (Outcome::Slow, Severity::Warning, "are very slow in GeoServer"),
        ] {
            let bad = |granule: &Granule| (granule.outcome == outcome).then(|| granule.because.clone());
            let files: Vec<usize> = (0..granules.len())
                .filter(|index| granules.get(*index).is_some_and(|granule| bad(granule).is_some()))
                .collect();
            if files.is_empty() {
                continue;
            }
            let mut because: Vec<&str> = granules.iter().filter_map(bad).flatten().collect();
            because.sort_unstable();
            because.dedup();
            let message =
                format!("{} {what} ({}): {}", self.share(files.len()), because.join(", "), self.names(&files));
            self.findings
                .push(Finding::new(&rules::UNREADABLE, message).severity(severity).fix("").told(files.len() as u64));
        }
    }

    /// Files that have something else than most.
    pub(super) fn attributes(&mut self) {
        let mosaic = self.mosaic;
        let granules = &mosaic.granules;
        if let Some((usual, groups)) = vote(granules, |granule| Some(granule.system)) {
            let wanted = mosaic.label(usual).to_owned();
            let fix = format!("gdalwarp IN.tif OUT.tif -of COG -t_srs {}", quoted(&wanted));
            let fix = if wanted.starts_with("EPSG:") { fix } else { String::new() };
            self.groups(&rules::SYSTEM, Severity::Error, &wanted, &groups, |key| mosaic.label(*key).to_owned(), &fix);
        }
        if let Some((usual, groups)) = vote(granules, |granule| Some(granule.colours)) {
            let groups: Vec<_> = groups.into_iter().filter(|group| is_refused(usual, group.value)).collect();
            self.groups(&rules::COLOURS, Severity::Error, &colours(usual), &groups, |key| colours(*key), "");
        }
        if let Some((usual, groups)) = vote(granules, |granule| Some((granule.samples, granule.colours.is_indexed))) {
            let name = |(samples, indexed): &(Samples, bool)| {
                format!("{samples}{}", if *indexed { " with a palette" } else { "" })
            };
            for group in groups {
                let is_grey = usual.0.bands == 1 && group.value.0.bands == 1 && !usual.1 && !group.value.1;
                let severity = if is_grey { Severity::Warning } else { Severity::Error };
                self.groups(&rules::SAMPLES, severity, &name(&usual), &[group], name, "");
            }
        }
        if let Some((usual, groups)) = vote(granules, resolution) {
            let fix = format!(
                "gdalwarp IN.tif OUT.tif -of COG -tr {} {}",
                f64::from_bits(usual[0]) as f32,
                f64::from_bits(usual[1]) as f32
            );
            let label = format!("pixels of {}", by(&usual));
            self.groups(
                &rules::RESOLUTION,
                Severity::Warning,
                &label,
                &groups,
                |key| format!("pixels of {}", by(key)),
                &fix,
            );
        }
        if let Some((usual, groups)) = vote(granules, |granule| Some(granule.nodata.clone())) {
            let name = |nodata: &Option<Box<str>>| match nodata {
                Some(text) => format!("nodata {text}"),
                None => "no nodata value".to_owned(),
            };
            let fix = usual
                .as_deref()
                .and_then(|text| text.parse::<f64>().ok())
                .map(|value| format!("gdalwarp IN.tif OUT.tif -of COG -dstnodata {value}"));
            self.groups(&rules::NODATA, Severity::Warning, &name(&usual), &groups, name, &fix.unwrap_or_default());
        }
        if let Some((usual, groups)) = vote(granules, |granule| Some(granule.overviews.clone())) {
            let name = |factors: &Vec<u32>| match &factors[..] {
                [] => "no overviews".to_owned(),
                factors => {
                    format!("overviews of 1/{}", factors.iter().map(u32::to_string).collect::<Vec<_>>().join(", 1/"))
                }
            };
            let fix = "gdal_translate IN.tif OUT.tif -of COG -co COMPRESS=DEFLATE -co OVERVIEWS=AUTO";
            self.groups(&rules::OVERVIEWS, Severity::Warning, &name(&usual), &groups, name, fix);
        }
        let rotated: Vec<usize> = granules
            .iter()
            .enumerate()
            .filter(|(_, granule)| granule.placement.is_some_and(|placement| placement.is_rotated()))
            .map(|(index, _)| index)
            .collect();
        if !rotated.is_empty() {
            let message = format!("{} are rotated or sheared: {}", self.share(rotated.len()), self.names(&rotated));
            let general = "gdalwarp IN.tif OUT.tif -of COG";
            let fix = rotated.first().map(|index| command(general, mosaic.path(*index))).unwrap_or_default();
            self.findings.push(Finding::new(&rules::ROTATED, message).fix(fix).told(rotated.len() as u64));
            for index in rotated {
                let fix = command(general, mosaic.path(index));
                self.outlier(
                    index,
                    Finding::new(
                        &rules::ROTATED,
                        "It is rotated or sheared, and the index of the mosaic keeps the rectangle around it",
                    )
                    .fix(fix),
                );
            }
        }
    }

    fn groups<K: Eq + Hash + Clone>(
        &mut self,
        rule: &'static Rule,
        severity: Severity,
        usual: &str,
        groups: &[Outliers<K>],
        name: impl Fn(&K) -> String,
        general: &str,
    ) {
        for Outliers { value, files } in groups {
            let value = name(value);
            let have = if files.len() == 1 { "has" } else { "have" };
            let message =
                format!("{} {have} {value}, most have {usual}: {}", self.share(files.len()), self.names(files));
            let first = files.first().map_or("", |index| self.mosaic.path(*index));
            let finding = Finding::new(rule, message).severity(severity).fix(command(general, first));
            self.findings.push(finding.told(files.len() as u64));
            for index in files {
                let fix = command(general, self.mosaic.path(*index));
                let message = format!("It has {value}, most files of the mosaic have {usual}");
                self.outlier(*index, Finding::new(rule, message).severity(severity).fix(fix));
            }
        }
    }

    /// What lies on what, what the names say of it, and holes.
    pub(super) fn places(&mut self, mut is_same: impl FnMut(&str, &str) -> bool) {
        let mosaic = self.mosaic;
        let granules = &mosaic.granules;
        let stems: Vec<&str> = granules.iter().map(|granule| pattern::stem(&granule.path)).collect();
        let stacks = place::stacks(granules);
        // Dates of production stand in many names; dimensions are what tells files of one place apart.
        let found = [("time", pattern::time_of_most(&stems)), ("elevation", pattern::height_of_most(&stems))];
        let found: Vec<_> = found.into_iter().filter_map(|(what, pattern)| Some((what, pattern?))).collect();
        let key = |index: usize| -> Vec<Option<&str>> {
            let stem = stems.get(index).copied().unwrap_or_default();
            found.iter().map(|(_, pattern)| pattern.find(stem)).collect()
        };
        let (mut same, mut stacked, mut told_apart) = (Vec::new(), Vec::new(), false);
        for stack in &stacks {
            for (position, index) in stack.iter().enumerate().skip(1) {
                let earlier = stack.get(..position).unwrap_or_default();
                let is_copy = |other: &usize| match (granules.get(*index), granules.get(*other)) {
                    (Some(one), Some(other)) => {
                        (one.length, one.fingerprint) == (other.length, other.fingerprint)
                            && is_same(&one.path, &other.path)
                    }
                    _ => false,
                };
                if let Some(original) = earlier.iter().copied().find(is_copy) {
                    same.push((*index, original));
                } else if let Some(other) = earlier.iter().copied().find(|other| key(*other) == key(*index)) {
                    stacked.push((*index, other));
                } else {
                    told_apart = true;
                }
            }
        }
        self.pairs(&rules::DUPLICATES, &same, "are copies of others", "Its bytes are those of");
        self.pairs(
            &rules::STACKED,
            &stacked,
            "lie on others that their names do not tell apart",
            "It has the same place as",
        );
        if told_apart {
            self.dimensions(&found, &stems);
        }
        let overlaps = place::overlaps(granules);
        if let Some((one, other)) = overlaps.first {
            let partial = if overlaps.is_partial { "at least " } else { "" };
            let message = format!(
                "{partial}{} lie over others in part, such as {} and {}",
                self.share(overlaps.files.len()),
                mosaic.path(one),
                mosaic.path(other)
            );
            self.findings.push(Finding::new(&rules::OVERLAPS, message).told(overlaps.files.len() as u64));
        }
        if let Some(holes) = place::holes(granules, MOST_LISTED).filter(|holes| holes.count > 0) {
            let places: Vec<String> = holes
                .first
                .iter()
                .map(|area| format!("{} {} to {} {}", area.least.0, area.least.1, area.most.0, area.most.1))
                .collect();
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            let more = holes.count.saturating_sub(places.len() as u64);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let plural = if holes.count == 1 { "" } else { "s" };
            let message =
                format!("{} hole{plural} in the grid of the files, at {}{more}", holes.count, listed(&places));
            self.findings.push(Finding::new(&rules::HOLES, message).told(holes.count));
        }
    }

    fn pairs(&mut self, rule: &'static Rule, pairs: &[(usize, usize)], what: &str, alone: &str) {
        if pairs.is_empty() {
            return;
        }
        let files: Vec<usize> = pairs.iter().map(|(index, _)| *index).collect();
        let message = format!("{} {what}: {}", self.share(files.len()), self.names(&files));
        self.findings.push(Finding::new(rule, message).told(files.len() as u64));
        for (index, other) in pairs {
            let message = format!("{alone} {}", self.mosaic.path(*other));
            self.outlier(*index, Finding::new(rule, message));
        }
    }

    /// Proposes the files that make times and elevations dimensions, and names what does not fit.
    fn dimensions(&mut self, found: &[(&str, pattern::Pattern)], stems: &[&str]) {
        for (what, pattern) in found {
            let unfitting: Vec<usize> = stems
                .iter()
                .enumerate()
                .filter(|(_, stem)| pattern.find(stem).is_none())
                .map(|(index, _)| index)
                .collect();
            if !unfitting.is_empty() {
                let message = format!(
                    "The names of {} hold no {what} as the others do ({}): {}",
                    self.share(unfitting.len()),
                    pattern.regex,
                    self.names(&unfitting)
                );
                self.findings.push(Finding::new(&rules::UNFITTING, message).told(unfitting.len() as u64));
                for index in unfitting {
                    let message = format!("Its name holds no {what} as the others do ({})", pattern.regex);
                    self.outlier(index, Finding::new(&rules::UNFITTING, message));
                }
            }
        }
        let names: Vec<&str> = found.iter().map(|(what, _)| *what).collect();
        let example = found.first().and_then(|(_, pattern)| pattern.find(stems.first()?)).unwrap_or_default();
        let message = format!(
            "The names hold {} (such as {example}), which the mosaic can offer as a dimension",
            names.join(" and ")
        );
        self.findings.push(Finding::new(&rules::DIMENSIONS, message).fix(properties(found)));
    }

    /// What else the filter of a mosaic takes.
    pub(super) fn others(&mut self) {
        let mosaic = self.mosaic;
        let virtual_rasters: Vec<&str> = mosaic.virtual_rasters.iter().map(String::as_str).collect();
        if !virtual_rasters.is_empty() {
            let message = format!(
                "{} of the files are VRTs, which the GDAL extension harvests beside their sources: {}",
                virtual_rasters.len(),
                listed(&virtual_rasters)
            );
            let finding = Finding::new(&rules::OTHERS, message).severity(Severity::Warning);
            self.findings.push(finding.told(virtual_rasters.len() as u64));
        }
        let others: Vec<&str> = mosaic.others.iter().map(String::as_str).collect();
        if !others.is_empty() {
            let message = format!("{} files that are no GeoTIFF are tried as well: {}", others.len(), listed(&others));
            self.findings.push(Finding::new(&rules::OTHERS, message).told(others.len() as u64));
        }
    }
}

/// The property files of a mosaic with these dimensions, as commands that write them.
fn properties(found: &[(&str, pattern::Pattern)]) -> String {
    let mut files = Vec::new();
    let (mut schema, mut attributes, mut collectors) = (String::new(), String::new(), Vec::new());
    for (what, pattern) in found {
        let (java, collector) = match *what {
            "time" => ("java.util.Date", "TimestampFileNameExtractorSPI[timeregex](time)".to_owned()),
            what => ("Double", format!("DoubleFileNameExtractorSPI[{what}regex]({what})")),
        };
        schema.push_str(&format!(",{what}:{java}"));
        let letter = if *what == "time" { "TimeAttribute" } else { "ElevationAttribute" };
        attributes.push_str(&format!("{letter}={what}\\n"));
        collectors.push(collector);
        let format = if pattern.format.is_empty() { String::new() } else { format!(",format={}", pattern.format) };
        files.push(format!(r#"printf '%s\n' "regex={}{format}" > {what}regex.properties"#, pattern.regex));
    }
    let indexer = format!(
        "{attributes}Schema=*the_geom:Polygon,location:String{schema}\\nPropertyCollectors={}\\nWildcard=*.tif\\n",
        collectors.join(",")
    );
    files.push(format!("printf '{indexer}' > indexer.properties"));
    files.join("\n")
}
