//! File names in the commands that findings propose, so that an admin can paste them.

use std::ffi::OsStr;
use std::fmt::Write as _;

/// A path as one word of a POSIX shell: as it is where it may be, else in single quotes. Control characters and bytes
/// that are not UTF-8 would break the line or be lost on the way through a report, so such names are written as `$'…'`
/// with octal escapes (POSIX.1-2024, XCU 2.2.4; bash, zsh and ksh always had it).
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let bytes = word.as_ref().as_encoded_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:=@%,".contains(byte);
    // A leading dash would be an option even in quotes.
    let prefix = if bytes.starts_with(b"-") { "./" } else { "" };
    if !bytes.is_empty() && prefix.is_empty() && bytes.iter().all(is_plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(char::is_control) => format!("'{prefix}{}'", text.replace('\'', r"'\''")),
        _ => format!("$'{prefix}{}'", escaped(bytes)),
    }
}

/// What GDAL calls a file, local or behind a URL, and the name, without its ending, of what is made of it: beside a local one,
/// in the working directory for a remote one.
pub(crate) fn names(path: &str) -> (String, &str) {
    let (scheme, rest) = path.split_once("://").unwrap_or_default();
    let prefix = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => Some("/vsicurl/"),
        "s3" => Some("/vsis3/"),
        "gs" => Some("/vsigs/"),
        "az" | "azure" => Some("/vsiaz/"),
        _ => None,
    };
    let (input, local) = match prefix {
        Some("/vsicurl/") => {
            (format!("/vsicurl/{path}"), rest.split(['?', '#']).next().unwrap_or_default().rsplit('/').next())
        }
        Some(prefix) => (format!("{prefix}{rest}"), rest.rsplit('/').next()),
        None => (path.to_owned(), Some(path)),
    };
    let local = local.filter(|name| !name.is_empty()).unwrap_or("raster.tif");
    let stem = [".tiff", ".tif", ".TIFF", ".TIF"].into_iter().find_map(|extension| local.strip_suffix(extension));
    (input, stem.unwrap_or(local))
}

/// The inside of `$'…'`.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    let octal = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "\\{byte:03o}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\'' | '\\' => text.extend(['\\', letter]),
                '\n' => text.push_str("\\n"),
                letter if letter.is_control() => octal(&mut text, letter.encode_utf8(&mut [0; 4]).as_bytes()),
                letter => text.push(letter),
            }
        }
        octal(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gdal_has_names_for_what_is_behind_urls() {
        for (path, input, stem) in [
            ("dir/my file.tif", "dir/my file.tif", "dir/my file"),
            ("a.data", "a.data", "a.data"),
            ("https://h/d/dem.tif?sig=***&x=a/b", "/vsicurl/https://h/d/dem.tif?sig=***&x=a/b", "dem"),
            ("http://h/wcs?coverage=dem", "/vsicurl/http://h/wcs?coverage=dem", "wcs"),
            ("s3://bucket/d/dem.TIF", "/vsis3/bucket/d/dem.TIF", "dem"),
            ("az://c/dem.tiff", "/vsiaz/c/dem.tiff", "dem"),
        ] {
            assert_eq!(names(path), (input.to_owned(), stem));
        }
    }

    #[test]
    fn plain_words_stay_as_they_are() {
        for plain in ["a/b.tif", "../a_b-c.vrt", "/vsicurl/https://host:8080/a%20b.tif", "+,=@"] {
            assert_eq!(quoted(plain), plain);
        }
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_stumble() {
        for (word, expected) in [
            ("", "''"),
            ("deux mots.tif", "'deux mots.tif'"),
            ("l'été.tif", r"'l'\''été.tif'"),
            ("été.vrt", "'été.vrt'"),
            ("$(reboot).tif", "'$(reboot).tif'"),
            ("~/a*?.tif", "'~/a*?.tif'"),
            (r"a\b.tif", r"'a\b.tif'"),
            ("-of.tif", "'./-of.tif'"),
            ("-l'été.tif", r"'./-l'\''été.tif'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(quoted("a\nb.tif"), r"$'a\nb.tif'");
        assert_eq!(quoted("-a\tl'été\\\u{1b}[1m\u{85}.tif"), r"$'./-a\011l\'été\\\033[1m\302\205.tif'");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_gives_the_name_back() {
        use std::os::unix::ffi::{OsStrExt, OsStringExt};
        let names: [&[u8]; 8] = [
            b"deux mots.tif",
            "l'été \"à\" Créteil.tif".as_bytes(),
            b"$(exit 1)`exit 1`;&|<>*?[a]!#~.tif",
            b"a\nb\n",
            b"back\\slash\\n\x01\x7f.tif",
            "\u{85}0'1\\".as_bytes(),
            b"latin1-\xe9t\xe9-1.tif",
            b"-n",
        ];
        for name in names {
            let command = format!("printf %s {}", quoted(OsStr::from_bytes(name)));
            // `sh` may be a shell of before 2024.
            let Ok(output) = std::process::Command::new("bash").args(["-c", &command]).output() else {
                eprintln!("skipped: there is no bash");
                return;
            };
            let expected = if name.starts_with(b"-") { [b"./", name].concat() } else { name.to_vec() };
            let printed = std::ffi::OsString::from_vec(output.stdout);
            assert_eq!(printed, OsStr::from_bytes(&expected), "{command}");
        }
    }
}
