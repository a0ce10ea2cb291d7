//! File names in the commands that findings propose, so that an admin can paste them.

use std::ffi::OsStr;
use std::fmt::Write as _;

/// A path as one word of a POSIX shell: as it is where it may be, else in single quotes. Control characters and bytes
/// that are not UTF-8 would break the line or be lost on the way through a report, so such names are written as `$'…'`
/// with octal escapes (POSIX.1-2024, XCU 2.2.4; bash, zsh and ksh always had it).
#[must_use]
pub fn quoted(word: impl AsRef<OsStr>) -> String {
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
