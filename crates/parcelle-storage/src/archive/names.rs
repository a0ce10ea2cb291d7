//! Names of members: their encoding, and whether they are harmless.

use std::path::PathBuf;

/// The upper half of code page 850, in which old programs of western Europe write names. Its letters are those of
/// code page 437 where that has letters; where they differ, 437 has frames and Greek, which are in no name.
const CODE_PAGE_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
                             ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// A name as text. What is UTF-8 is UTF-8, whether flagged so or not (no text in a code page is that by chance, but for
/// plain ASCII); anything else is code page 850.
pub(super) fn decoded(raw: &[u8]) -> String {
    if let Ok(name) = std::str::from_utf8(raw) {
        return name.to_owned();
    }
    let upper: Vec<char> = CODE_PAGE_850.chars().collect();
    let letter = |byte: &u8| match byte.checked_sub(128) {
        None => char::from(*byte),
        Some(index) => upper.get(usize::from(index)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    raw.iter().map(letter).collect()
}

/// A name with `/` between its parts, as the formats demand; programs of Windows write `\` nevertheless.
pub(super) fn with_slashes(name: &str) -> String {
    name.replace('\\', "/")
}

/// The path of a member below the directory it is unpacked into; or what is wrong with its name.
pub(super) fn relative(name: &str) -> Result<PathBuf, &'static str> {
    if name.contains('\0') {
        return Err("its name has a NUL character");
    }
    if name.starts_with('/') {
        return Err("its path is absolute");
    }
    if let [letter, b':', ..] = name.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err("its path has the letter of a drive");
    }
    let mut path = PathBuf::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("its path leads out of the archive (..)"),
            part => path.push(part),
        }
    }
    if path.as_os_str().is_empty() { Err("its name is empty") } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names_of_old_programs_are_read() {
        assert_eq!(CODE_PAGE_850.chars().count(), 128);
        assert_eq!(decoded(b"b\x83timent_\x82\x85.shp"), "bâtiment_éà.shp");
        assert_eq!(decoded(b"\xb7\x90\xd2\xff"), "ÀÉÊ\u{a0}");
        assert_eq!(decoded("bâtiment.shp".as_bytes()), "bâtiment.shp");
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for bad in ["/etc/passwd", "../x", "a/../../x", "C:/x", "c:x", "a\0b", "", ".", "//", "//server/share", "a/.."]
        {
            assert!(relative(bad).is_err(), "{bad:?}");
        }
        assert_eq!(relative(&with_slashes(r"BATI\.\BATIMENT.shp")).unwrap(), Path::new("BATI/BATIMENT.shp"));
        assert_eq!(relative("a//b..c").unwrap(), Path::new("a/b..c"));
        assert_eq!(relative(&with_slashes(r"\\server\x")), Err("its path is absolute"));
    }
}
