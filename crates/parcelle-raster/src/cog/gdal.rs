//! What GDAL's own validator says of a file, with its limits and its blind spots.
//!
//! `validate_cloud_optimized_geotiff.py` of GDAL 3.13 with its full check, test by test, over the parsed structure. Its
//! limits are not those of the rules it shares ids with: strips up to 1024 pixels wide pass, an overview as large as its
//! image passes, a trailer that the end of the file cuts off passes, a tile that is not stored interrupts the order of the
//! others. Where the script ends with an exception (a file that GDAL cannot open, a size field that is no number) it gives
//! no verdict; here that is an error.

use std::io;

use parcelle_report::{Finding, Location, Rule, Severity};
use parcelle_storage::ByteSource;
use parcelle_tiff::{Directory, Image, Role};

use super::context::{Context, in_directory};
use super::facts::codec_name;
use super::fix::Fix;
use super::rules_ghost_bytes::Window;
use super::{
    Parsed, rules_codec, rules_file, rules_ghost, rules_ghost_bytes, rules_ifd, rules_order, rules_overview,
    rules_side, rules_tag, rules_tile,
};
use crate::Depth;

/// One test of the script.
pub(crate) struct Check {
    /// The rule that stands for it.
    rule: &'static Rule,
    severity: Severity,
    /// Where in the script it is.
    reference: &'static str,
}

const fn check(rule: &'static Rule, severity: Severity, reference: &'static str) -> Check {
    Check { rule, severity, reference }
}

/// The tests. Lines are those of GDAL 3.13.3.
pub(crate) static CHECKS: [Check; 24] = [
    check(&rules_file::NOT_A_TIFF, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_file::TRUNCATED, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_file::DIRECTORY_OFFSET, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_file::ENTRY_COUNT, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_tag::MISSING, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_tag::FIELD_TYPE, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_tag::DOMAIN, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_tag::VALUE_AREA, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_codec::UNKNOWN, Severity::Error, "validate_cloud_optimized_geotiff.py:190-197 (opens)"),
    check(&rules_side::EXTERNAL_OVERVIEWS, Severity::Error, "validate_cloud_optimized_geotiff.py:206"),
    check(&rules_tile::STRIPS, Severity::Error, "validate_cloud_optimized_geotiff.py:209-213, 291-294"),
    check(&rules_overview::NONE, Severity::Warning, "validate_cloud_optimized_geotiff.py:215"),
    check(&rules_ghost::SIZE_FIELD, Severity::Error, "validate_cloud_optimized_geotiff.py:247"),
    check(&rules_ghost::EDITED, Severity::Error, "validate_cloud_optimized_geotiff.py:257"),
    check(&rules_ghost::SIZE, Severity::Error, "validate_cloud_optimized_geotiff.py:229-269"),
    check(&rules_ifd::MAIN_AFTER_DATA, Severity::Error, "validate_cloud_optimized_geotiff.py:229-269"),
    check(&rules_ifd::UNUSED_BEFORE_FIRST, Severity::Error, "validate_cloud_optimized_geotiff.py:229-269"),
    check(&rules_overview::NOT_SMALLER, Severity::Error, "validate_cloud_optimized_geotiff.py:276-289"),
    check(&rules_ifd::ORDER, Severity::Error, "validate_cloud_optimized_geotiff.py:301-313"),
    check(&rules_order::DATA_BEFORE_DIRECTORIES, Severity::Error, "validate_cloud_optimized_geotiff.py:339-348"),
    check(&rules_order::LEVELS, Severity::Error, "validate_cloud_optimized_geotiff.py:349-363"),
    check(&rules_ghost::BLOCK_ORDER, Severity::Error, "validate_cloud_optimized_geotiff.py:73-79, 128-137, 144-166"),
    check(&rules_ghost_bytes::LEADER, Severity::Error, "validate_cloud_optimized_geotiff.py:81-89"),
    check(&rules_ghost_bytes::TRAILER, Severity::Error, "validate_cloud_optimized_geotiff.py:91-100"),
];

/// The test of mask tiles, apart from the others because its rule has two.
static MASK_CHECK: Check =
    check(&rules_ghost::MASK_INTERLEAVED, Severity::Error, "validate_cloud_optimized_geotiff.py:57-61, 102-127");

fn checks() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().chain([&MASK_CHECK])
}

/// Whether the script tests what a rule tests.
pub(crate) fn has(rule: &Rule) -> bool {
    checks().any(|check| check.rule.id == rule.id)
}

/// What GDAL's validator says of a file: with [`Depth::Header`] as with `--full-check=no`, else as with
/// `--full-check=yes`. External overviews are not looked for here. `path` is what the fix commands call the file.
///
/// # Errors
/// What the source says when reading fails.
pub fn gdal_findings(parsed: &Parsed, source: &dyn ByteSource, path: &str, depth: Depth) -> io::Result<Vec<Finding>> {
    let context = Context::new(&parsed.structure, path);
    let structure = &parsed.structure;
    let main = structure.main().and_then(|directory| Some((directory, directory.image?)));
    let Some(main) = main.filter(|(_, image)| codec_name(image.compression).is_some()) else {
        return Ok(cannot_open(context));
    };
    let mut script = Script { overviews: overviews(&context, &main.1), main, context, made: Vec::new() };
    let claims = script.first_directory(source)?;
    script.sizes();
    script.order();
    if depth >= Depth::Tiles && claims.any() {
        script.full_check(claims, source)?;
    }
    Ok(script.finish())
}

/// Why GDAL does not open a file: whatever is an error of the file, or of its first directory.
fn cannot_open(mut context: Context<'_>) -> Vec<Finding> {
    rules_file::check(&mut context);
    rules_tag::check(&mut context);
    rules_codec::check(&mut context);
    let of_first = |finding: &Finding| finding.location.ifd.is_none_or(|ifd| ifd == 0);
    let findings = context.into_findings().into_iter();
    findings.filter(|finding| finding.severity == Severity::Error && has(finding.rule) && of_first(finding)).collect()
}

/// An image as GDAL has it.
type View<'structure> = (&'structure Directory, Image);

/// The overviews GDAL takes a file's directories for (`GTiffDataset::ScanDirectories`): reduced, no mask, as many bands,
/// a codec that is there, and no more than 30 of them.
fn overviews<'structure>(context: &Context<'structure>, main: &Image) -> Vec<View<'structure>> {
    const MOST: usize = 30;
    let all = context.structure.with_role(Role::Overview).filter_map(|directory| Some((directory, directory.image?)));
    all.filter(|(_, image)| {
        image.samples_per_pixel == main.samples_per_pixel && codec_name(image.compression).is_some()
    })
    .take(MOST)
    .collect()
}

/// What the ghost area claims, as far as the script believes it.
#[derive(Debug, Clone, Copy, Default)]
struct Claims {
    row_major: bool,
    leader: bool,
    trailer: bool,
    mask: bool,
}

impl Claims {
    const fn any(self) -> bool {
        self.row_major || self.leader || self.trailer || self.mask
    }
}

struct Script<'structure> {
    context: Context<'structure>,
    main: View<'structure>,
    overviews: Vec<View<'structure>>,
    made: Vec<(Finding, Fix)>,
}

impl<'structure> Script<'structure> {
    fn say(&mut self, rule: &'static Rule, message: String, fix: Fix, location: Location) {
        let Some(check) = checks().find(|check| check.rule.id == rule.id) else { return };
        let finding = Finding::new(rule, message).severity(check.severity).at(location);
        self.made.push((Finding { reference: check.reference, ..finding }, fix));
        // A million bad tiles stay few findings.
        if self.made.len() > 4096 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        for (finding, fix) in std::mem::take(&mut self.made) {
            self.context.push(finding, fix);
        }
    }

    fn finish(mut self) -> Vec<Finding> {
        self.flush();
        self.context.into_findings()
    }

    /// The place of the first directory and the ghost area before it.
    fn first_directory(&mut self, source: &dyn ByteSource) -> io::Result<Claims> {
        const OPENING: &str = "GDAL_STRUCTURAL_METADATA_SIZE=";
        const OPENING_LINE: usize = 43;
        let Some(header) = self.context.structure.header else { return Ok(Claims::default()) };
        let found = self.main.0.offset;
        let mut claims = Claims::default();
        if found == 8 || found == 16 {
            return Ok(claims);
        }
        let mut expected = header.variant.header_size();
        let mut opening = [0; OPENING_LINE];
        let count = source.read_at(expected, &mut opening)?;
        let mut rule = &rules_ifd::UNUSED_BEFORE_FIRST;
        if count == OPENING_LINE && opening.starts_with(OPENING.as_bytes()) {
            let digits = opening.get(OPENING.len()..OPENING.len() + 6).unwrap_or_default();
            let size = std::str::from_utf8(digits).ok().and_then(|digits| digits.trim().parse::<u64>().ok());
            let Some(size) = size else {
                let message = "The size field of the ghost area is no number: the script ends with an exception";
                self.say(&rules_ghost::SIZE_FIELD, message.to_owned(), Fix::Shuffle, Location::default());
                return Ok(claims);
            };
            // Six digits, so less than a megabyte; no more than there is.
            let there = source.len().saturating_sub(expected).min(size);
            let mut text = vec![0; usize::try_from(there).unwrap_or(0)];
            let count = source.read_at(expected + OPENING_LINE as u64, &mut text)?;
            let text = String::from_utf8_lossy(text.get(..count).unwrap_or_default());
            claims = Claims {
                row_major: text.contains("BLOCK_ORDER=ROW_MAJOR"),
                leader: text.contains("BLOCK_LEADER=SIZE_AS_UINT4"),
                trailer: text.contains("BLOCK_TRAILER=LAST_4_BYTES_REPEATED"),
                mask: text.contains("MASK_INTERLEAVED_WITH_IMAGERY=YES"),
            };
            if text.contains("KNOWN_INCOMPATIBLE_EDITION=YES") {
                let message = "KNOWN_INCOMPATIBLE_EDITION=YES is declared in the file";
                self.say(&rules_ghost::EDITED, message.to_owned(), Fix::Rewrite, Location::default());
            }
            expected += OPENING_LINE as u64 + size;
            expected += expected % 2;
            rule = &rules_ghost::SIZE;
        }
        if expected != found {
            let is_late = self.context.layout.data_start.is_some_and(|start| found > start);
            let rule = if is_late { &rules_ifd::MAIN_AFTER_DATA } else { rule };
            let message = format!("The offset of the main IFD should be {expected}; it is {found}");
            let location = Location { offset: Some(found), ..in_directory(0) };
            self.say(rule, message, Fix::Shuffle, location);
        }
        Ok(claims)
    }

    /// Tiles or strips, overviews or none, and their sizes.
    fn sizes(&mut self) {
        const SMALL: u32 = 512;
        let image = self.main.1;
        let is_large = image.width > SMALL || image.height > SMALL;
        if is_large && is_wide_strip(&image) {
            let message = format!("The image of {}x{} is not tiled", image.width, image.height);
            self.say(&rules_tile::STRIPS, message, Fix::Reblock, in_directory(0));
        }
        if is_large && self.overviews.is_empty() {
            let message = format!("The image of {}x{} has no internal overviews", image.width, image.height);
            self.say(&rules_overview::NONE, message, Fix::Rewrite, in_directory(0));
        }
        let mut before = image;
        for (directory, overview) in self.overviews.clone() {
            let index = directory.index;
            if overview.width > before.width || overview.height > before.height {
                let message = format!(
                    "The overview in IFD {index} ({}x{}) is larger than the level before it ({}x{})",
                    overview.width, overview.height, before.width, before.height
                );
                self.say(&rules_overview::NOT_SMALLER, message, Fix::Rewrite, in_directory(index));
            }
            if is_wide_strip(&overview) {
                let message = format!("The overview in IFD {index} is not tiled");
                self.say(&rules_tile::STRIPS, message, Fix::Reblock, in_directory(index));
            }
            before = overview;
        }
    }

    /// The order of directories and of the first tile of each level.
    fn order(&mut self) {
        let mut chain = vec![self.main];
        chain.extend(self.overviews.iter().copied());
        let levels: Vec<(usize, u64, u64)> =
            chain.iter().map(|view| (view.0.index, view.0.offset, first_block(view))).collect();
        for pair in levels.windows(2) {
            let [(_, before, _), (index, offset, _)] = *pair else { continue };
            if offset < before {
                let message = format!("IFD {index} at {offset} should be after the larger level's at {before}");
                let location = Location { offset: Some(offset), ..in_directory(index) };
                self.say(&rules_ifd::ORDER, message, Fix::Shuffle, location);
            }
        }
        if let Some((index, directory, data)) = levels.last().copied()
            && data != 0
            && data < directory
        {
            let message =
                format!("The first block of the smallest level, at {data}, should be after its IFD at {directory}");
            let location = Location { offset: Some(data), ..in_directory(index) };
            self.say(&rules_order::DATA_BEFORE_DIRECTORIES, message, Fix::Shuffle, location);
        }
        for pair in levels.windows(2) {
            let [(index, _, larger), (_, _, smaller)] = *pair else { continue };
            if larger != 0 && larger < smaller {
                let message = format!(
                    "The first block of IFD {index}, at {larger}, should be after that of the next smaller level, at {smaller}"
                );
                let location = Location { offset: Some(larger), ..in_directory(index) };
                self.say(&rules_order::LEVELS, message, Fix::Shuffle, location);
            }
        }
    }

    /// The bytes around all tiles.
    fn full_check(&mut self, claims: Claims, source: &dyn ByteSource) -> io::Result<()> {
        let mut window = Window::new(source);
        let image = self.main.1;
        // As GDAL names it: one band is BAND, whatever PlanarConfiguration says.
        let interleave = match (image.planar_configuration, image.samples_per_pixel) {
            (2, _) if rules_ghost::metadata_says_tile(&self.context) => Interleave::Tile,
            (2, _) | (_, 1) => Interleave::Band,
            _ => Interleave::Pixel,
        };
        let masks: Vec<View<'structure>> = self
            .context
            .structure
            .directories
            .iter()
            .filter(|directory| directory.role.is_mask())
            .filter_map(|directory| Some((directory, directory.image?)))
            .collect();
        let mut levels = vec![(self.main, masks.iter().copied().find(|mask| mask.0.role == Role::Mask))];
        for overview in &self.overviews {
            let size = (overview.1.width, overview.1.height);
            let mask = masks.iter().copied();
            let mask = mask.filter(|mask| mask.0.role == Role::MaskOverview);
            levels.push((*overview, mask.clone().find(|mask| (mask.1.width, mask.1.height) == size)));
        }
        for (level, mask) in levels {
            let beside = mask.filter(|_| claims.mask);
            let bands = if interleave == Interleave::Pixel { 1 } else { image.samples_per_pixel };
            let mut last = 0;
            for band in 0..bands.min(level.1.planes()) {
                if interleave != Interleave::Band {
                    last = 0;
                }
                let is_last = band + 1 == image.samples_per_pixel;
                let looks_at_mask = interleave == Interleave::Pixel || (interleave == Interleave::Tile && is_last);
                last = self.band(claims, &mut window, level, band, beside.map(|mask| (mask, looks_at_mask)), last)?;
            }
            // Of overviews too the script looks at the tiles of the full resolution.
            if interleave == Interleave::Tile && claims.row_major && level.0.index == 0 {
                self.turns(level);
            }
            if let Some(mask) = mask {
                self.band(claims, &mut window, mask, 0, None, 0)?;
            }
        }
        Ok(())
    }

    /// The blocks of one band, row by row; gives the offset of the last.
    fn band(
        &mut self,
        claims: Claims,
        window: &mut Window<'_>,
        level: View<'structure>,
        plane: u16,
        mask: Option<(View<'structure>, bool)>,
        mut last: u64,
    ) -> io::Result<u64> {
        let (directory, image) = level;
        let index = directory.index;
        let fits = mask.is_none_or(|(mask, _)| mask.1.block_size() == image.block_size());
        if !fits {
            let message = format!("The mask tiles of IFD {index} have another size than its tiles");
            self.say(&rules_ghost::MASK_INTERLEAVED, message, Fix::Rewrite, in_directory(index));
        }
        let mask = mask.filter(|(_, looks)| fits && *looks).map(|(mask, _)| mask);
        let per_plane = image.blocks_per_plane();
        let there = directory.blocks.as_ref().map_or(0, |blocks| blocks.len() as u64);
        // Blocks without an entry are as if they were not stored.
        for block in 0..per_plane.min(there) {
            let number = u64::from(plane) * per_plane + block;
            let (mut offset, byte_count) = stored(directory, number);
            let (column, row, _) = image.block_at(number);
            let here = || Location { tile: Some([column, row]), offset: Some(offset), ..in_directory(index) };
            if offset > 0 {
                if claims.row_major && offset < last {
                    let message = format!("Tile ({column},{row}) of IFD {index} is before the previous one");
                    self.say(&rules_ghost::BLOCK_ORDER, message, Fix::Shuffle, here());
                }
                if claims.leader {
                    let found = match offset.checked_sub(4) {
                        Some(place) => window.get(place, 4)?.try_into().ok().map(u32::from_le_bytes),
                        None => None,
                    };
                    if found.map(u64::from) != Some(byte_count) {
                        let message = format!(
                            "The leader of tile ({column},{row}) of IFD {index} is not its byte count {byte_count}"
                        );
                        self.say(&rules_ghost_bytes::LEADER, message, Fix::Shuffle, here());
                    }
                }
                let tail = offset.checked_add(byte_count).and_then(|end| end.checked_sub(4));
                if let (true, true, Some(tail)) = (claims.trailer, byte_count >= 4, tail) {
                    // The script takes eight bytes or none: a trailer behind the end of the file is no error to it.
                    let found = window.get(tail, 8)?;
                    if found.len() == 8 && found.get(..4) != found.get(4..) {
                        let message = format!(
                            "The trailer of tile ({column},{row}) of IFD {index} does not repeat its last 4 bytes"
                        );
                        self.say(&rules_ghost_bytes::TRAILER, message, Fix::Shuffle, here());
                    }
                }
            }
            if let Some(mask) = mask {
                let (of_mask, _) = stored(mask.0, block);
                let overhead = 4 * (u64::from(claims.leader) + u64::from(claims.trailer));
                let expected = offset.saturating_add(byte_count).saturating_add(overhead);
                if offset > 0 && of_mask > 0 && of_mask != expected {
                    let message = format!(
                        "The mask of tile ({column},{row}) of IFD {index} is at {of_mask}, expected {expected}"
                    );
                    self.say(&rules_ghost::MASK_INTERLEAVED, message, Fix::Shuffle, here());
                } else if offset == 0 && of_mask > 0 {
                    if claims.row_major && of_mask < last {
                        let message =
                            format!("The mask of tile ({column},{row}) of IFD {index} is before the previous tile");
                        self.say(&rules_ghost::BLOCK_ORDER, message, Fix::Shuffle, here());
                    }
                    offset = of_mask;
                }
            }
            last = offset;
        }
        Ok(last)
    }

    /// Whether the bands of a level take turns, tile by tile.
    fn turns(&mut self, (directory, image): View<'structure>) {
        let per_plane = image.blocks_per_plane();
        let there = directory.blocks.as_ref().map_or(0, |blocks| blocks.len() as u64);
        let mut last = 0;
        for block in 0..per_plane.min(there) {
            for plane in 0..image.planes() {
                let (offset, _) = stored(directory, u64::from(plane) * per_plane + block);
                if offset == 0 {
                    continue;
                }
                if offset < last {
                    let (column, row, _) = image.block_at(block);
                    let message =
                        format!("Tile ({column},{row}) of band {} is before that of the band before it", plane + 1);
                    let location =
                        Location { tile: Some([column, row]), offset: Some(offset), ..in_directory(directory.index) };
                    self.say(&rules_ghost::BLOCK_ORDER, message, Fix::Shuffle, location);
                }
                last = offset;
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interleave {
    Pixel,
    Band,
    Tile,
}

/// A block as wide as its image counts as a strip from here on, tile or not.
fn is_wide_strip(image: &Image) -> bool {
    const WIDE: u32 = 1024;
    image.block_size().0 == image.width && image.width > WIDE
}

/// Offset and byte count of a block as GDAL gives them: nothing where there are no bytes.
fn stored(directory: &Directory, block: u64) -> (u64, u64) {
    let place = || directory.blocks.as_ref()?.get(usize::try_from(block).ok()?);
    place().filter(|(_, byte_count)| *byte_count > 0).unwrap_or_default()
}

/// The offset of the first block of the first band that is there.
fn first_block((directory, image): &View<'_>) -> u64 {
    let blocks = directory.blocks.iter().flat_map(|blocks| blocks.iter());
    let of_first_band = usize::try_from(image.blocks_per_plane()).unwrap_or(usize::MAX);
    blocks.take(of_first_band).find(|(_, byte_count)| *byte_count > 0).map_or(0, |(offset, _)| offset)
}
