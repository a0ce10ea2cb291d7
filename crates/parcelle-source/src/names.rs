//! Names that were asked for, against the names there are.

use std::path::Path;

use crate::error::SourceError;

/// The name most similar to `wanted`, if one is similar: equal but for case, or a few edits away.
#[must_use]
pub fn suggestion<'a>(wanted: &str, available: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted = wanted.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    available
        .into_iter()
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name.to_owned())
}

/// How many characters have to be inserted, deleted or replaced to get from one text to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().take(128).collect();
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (row, from_char) in from.chars().take(128).enumerate() {
        let mut current = vec![row + 1];
        for ((&to_char, &above_left), &above) in to.iter().zip(&previous).zip(previous.iter().skip(1)) {
            let left = current.last().copied().unwrap_or(row + 1);
            let replaced = above_left + usize::from(from_char != to_char);
            current.push(replaced.min(above + 1).min(left + 1));
        }
        previous = current;
    }
    previous.last().copied().unwrap_or(0)
}

/// Refuses names of `select` that are not among the columns.
pub(crate) fn check_selection(
    path: &Path,
    layer: &str,
    select: Option<&[String]>,
    columns: &[&str],
) -> Result<(), SourceError> {
    match select.into_iter().flatten().find(|name| !columns.contains(&name.as_str())) {
        None => Ok(()),
        Some(column) => Err(SourceError::UnknownColumn {
            path: path.to_owned(),
            layer: layer.to_owned(),
            column: column.clone(),
            suggestion: suggestion(column, columns.iter().copied()),
            available: columns.iter().map(|name| (*name).to_owned()).collect(),
        }),
    }
}

/// Chooses a layer by name, or the only one with geometry; gives its position.
pub(crate) fn choose_layer(path: &Path, wanted: Option<&str>, layers: &[(String, bool)]) -> Result<usize, SourceError> {
    let path_buf = || path.to_owned();
    if layers.is_empty() {
        return Err(SourceError::NoLayers { path: path_buf() });
    }
    let Some(wanted) = wanted else {
        let with_geometry: Vec<usize> =
            layers.iter().enumerate().filter(|(_, (_, geometry))| *geometry).map(|(index, _)| index).collect();
        return match (with_geometry.as_slice(), layers) {
            ([only], _) => Ok(*only),
            ([], [(name, _), ..]) => Err(SourceError::NoGeometry { path: path_buf(), layer: name.clone() }),
            (several, _) => Err(SourceError::SeveralLayers {
                path: path_buf(),
                available: several.iter().filter_map(|&index| Some(layers.get(index)?.0.clone())).collect(),
            }),
        };
    };
    layers.iter().position(|(name, _)| name == wanted).ok_or_else(|| SourceError::UnknownLayer {
        path: path_buf(),
        layer: wanted.to_owned(),
        suggestion: suggestion(wanted, layers.iter().map(|(name, _)| name.as_str())),
        available: layers.iter().map(|(name, _)| name.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested() {
        let names = ["batiment", "commune", "troncon_de_route"];
        assert_eq!(suggestion("Batiment", names).as_deref(), Some("batiment"));
        assert_eq!(suggestion("bâtiments", names).as_deref(), Some("batiment"));
        assert_eq!(suggestion("comune", names).as_deref(), Some("commune"));
        assert_eq!(suggestion("parcelle", names), None);
        assert_eq!(suggestion("", names), None);
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("abc", "")), (3, 3, 3));
    }
}
