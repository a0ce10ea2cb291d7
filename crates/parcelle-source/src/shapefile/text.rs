//! Text of a code page.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use crate::error::SourceError;

/// How the text of a `.dbf` is encoded, and who says so.
#[derive(Debug, Clone)]
pub(super) struct Encoding {
    name: String,
    charset: Charset,
    /// The file that says so, for messages.
    pub(super) declared_by: String,
}

#[derive(Debug, Clone)]
enum Charset {
    Utf8,
    /// Each byte is the character of that number (ISO-8859-1, with the controls that Windows-1252 lacks).
    Latin1,
    Standard(&'static encoding_rs::Encoding),
    /// Characters of the bytes from 128 on.
    Upper(Vec<char>),
}

/// What stands for the bytes from 128 on in code pages of DOS that no standard of the web has.
const DOS_CODE_PAGES: [(u32, &str); 9] = [
    (
        437,
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        737,
        "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρσςτυφχψ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀ωάέήϊίόύϋώΆΈΉΊΌΎΏ±≥≤ΪΫ÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        850,
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
    ),
    (
        852,
        "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}",
    ),
    (
        857,
        "ÇüéâäàåçêëèïîıÄÅÉæÆôöòûùİÖÜø£ØŞşáíóúñÑĞğ¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ºªÊËÈ\u{fffd}ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµ\u{fffd}×ÚÛÙìÿ¯´\u{ad}±\u{fffd}¾¶§÷¸°¨·¹³²■\u{a0}",
    ),
    (
        860,
        "ÇüéâãàÁçêÊèÍÔìÃÂÉÀÈôõòÚùÌÕÜ¢£Ù₧ÓáíóúñÑªº¿Ò¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        861,
        "ÇüéâäàåçêëèÐðÞÄÅÉæÆôöþûÝýÖÜø£Ø₧ƒáíóúÁÍÓÚ¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        863,
        "ÇüéâÂà¶çêëèïî‗À§ÉÈÊôËÏûù¤ÔÜ¢£ÙÛƒ¦´óú¨¸³¯Î⌐¬½¼¾«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
    (
        865,
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø₧ƒáíóúñÑªº¿⌐¬½¼¡«¤░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
];

/// Code pages of language drivers (Borland, "dBASE language drivers"; ESRI, FoxPro). 0 and 87 mean "that of the machine".
fn language_driver_code_page(language_driver: u8) -> Option<u32> {
    Some(match language_driver {
        0x01 | 0x09 | 0x0B | 0x0D | 0x0F | 0x11 | 0x15 | 0x18 | 0x19 | 0x1B => 437,
        0x02 | 0x0A | 0x0E | 0x10 | 0x12 | 0x14 | 0x16 | 0x1A | 0x1D | 0x25 | 0x37 => 850,
        0x03 | 0x58 | 0x59 => 1252,
        0x04 => 10_000,
        0x08 | 0x17 | 0x66 => 865,
        0x13 | 0x7B => 932,
        0x1C | 0x6C => 863,
        0x1F | 0x22 | 0x23 | 0x40 | 0x64 | 0x87 => 852,
        0x24 => 860,
        0x26 | 0x65 => 866,
        0x4D | 0x7A => 936,
        0x4E | 0x79 => 949,
        0x4F | 0x78 => 950,
        0x50 | 0x7C => 874,
        0x67 => 861,
        0x6A | 0x86 => 737,
        0x6B | 0x88 => 857,
        0x7D => 1255,
        0x7E => 1256,
        0xC8 => 1250,
        0xC9 => 1251,
        0xCA => 1254,
        0xCB => 1253,
        0xCC => 1257,
        _ => return None,
    })
}

fn of_code_page(number: u32) -> Option<Charset> {
    use encoding_rs as known;
    Some(Charset::Standard(match number {
        65_001 => return Some(Charset::Utf8),
        28_591 => return Some(Charset::Latin1),
        866 => known::IBM866,
        874 => known::WINDOWS_874,
        932 => known::SHIFT_JIS,
        936 => known::GBK,
        949 => known::EUC_KR,
        950 => known::BIG5,
        1250 => known::WINDOWS_1250,
        1251 => known::WINDOWS_1251,
        1252 => known::WINDOWS_1252,
        1253 => known::WINDOWS_1253,
        1254 => known::WINDOWS_1254,
        1255 => known::WINDOWS_1255,
        1256 => known::WINDOWS_1256,
        1257 => known::WINDOWS_1257,
        1258 => known::WINDOWS_1258,
        10_000 => known::MACINTOSH,
        20_866 => known::KOI8_R,
        28_592..=28_605 => known::Encoding::for_label(format!("iso-8859-{}", number - 28_590).as_bytes())?,
        54_936 => known::GB18030,
        _ => {
            let (_, upper) = DOS_CODE_PAGES.into_iter().find(|(page, _)| *page == number)?;
            return Some(Charset::Upper(upper.chars().collect()));
        }
    }))
}

/// The charset that a `.cpg` names: `UTF-8`, `65001`, `1252`, `CP1252`, `ANSI 1252`, `ISO-8859-1`, `88591`, `8859_15`,
/// `LDID/87`, or a name of the WHATWG's Encoding Standard.
fn of_name(name: &str) -> Option<Charset> {
    let upper = name.to_ascii_uppercase();
    let letters: String = upper.chars().filter(char::is_ascii_alphanumeric).collect();
    if let Some(language_driver) = letters.strip_prefix("LDID") {
        return of_language_driver(language_driver.parse().ok()?);
    }
    if letters == "UTF8" {
        return Some(Charset::Utf8);
    }
    let prefixes = ["WINDOWS", "ANSI", "OEM", "IBM", "ISO", "CP", "X"];
    let digits = prefixes.into_iter().fold(letters.as_str(), |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest));
    if let Some(part) = digits.strip_prefix("8859").and_then(|part| part.parse::<u32>().ok()) {
        return of_code_page(28_590 + part).filter(|_| (1..=15).contains(&part));
    }
    if let Ok(number) = digits.parse() {
        return of_code_page(number);
    }
    Some(match encoding_rs::Encoding::for_label(name.as_bytes())? {
        utf_8 if utf_8 == encoding_rs::UTF_8 => Charset::Utf8,
        // That standard takes `latin1` for Windows-1252.
        _ if letters.starts_with("LATIN1") || letters == "L1" => Charset::Latin1,
        ascii_compatible if ascii_compatible.is_ascii_compatible() => Charset::Standard(ascii_compatible),
        _ => return None,
    })
}

fn of_language_driver(language_driver: u8) -> Option<Charset> {
    match language_driver {
        // Nothing, or "ANSI": what Windows has, where letters as common as œ and ’ are among what ISO-8859-1 has controls for.
        0 | 87 => Some(Charset::Standard(encoding_rs::WINDOWS_1252)),
        other => of_code_page(language_driver_code_page(other)?),
    }
}

impl Encoding {
    /// By the content of the `.cpg`, if there is one and it says anything, else by the language driver of the `.dbf`.
    pub(super) fn find(dbf: &Path, language_driver: u8, cpg: Option<(&Path, &[u8])>) -> Result<Self, SourceError> {
        let unknown = |path: &Path, name: &str| SourceError::Malformed {
            path: path.to_owned(),
            format: super::FORMAT,
            reason: format!("the code page {name} is not known"),
            advice:
                "write the encoding of the .dbf into the .cpg file beside it, such as UTF-8 or 1252, or read it with \
                     GDAL (--reader gdal)"
                    .to_owned(),
        };
        if let Some((path, bytes)) = cpg {
            let text = String::from_utf8_lossy(bytes);
            let name = text
                .trim_start_matches('\u{feff}')
                .trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
            if !name.is_empty() {
                let shown: String = name.chars().take(40).collect();
                let charset = of_name(name).ok_or_else(|| unknown(path, &format!("{shown:?}")))?;
                let declared_by = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                return Ok(Self { name: shown, charset, declared_by });
            }
        }
        let charset = of_language_driver(language_driver)
            .ok_or_else(|| unknown(dbf, &format!("of language driver {language_driver}")))?;
        let (name, declared_by) = match language_driver_code_page(language_driver) {
            Some(page) => (format!("code page {page}"), format!("language driver {language_driver} of the .dbf")),
            None => ("Windows-1252".to_owned(), "the absence of a .cpg".to_owned()),
        };
        Ok(Self { name, charset, declared_by })
    }

    /// The text of some bytes; `None` where they are none.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, str>> {
        if let Charset::Utf8 = self.charset {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        // Nearly all text is ASCII, which all of these contain.
        if bytes.is_ascii() {
            return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
        }
        match &self.charset {
            Charset::Utf8 => None,
            Charset::Latin1 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Charset::Standard(known) => known.decode_without_bom_handling_and_without_replacement(bytes),
            Charset::Upper(upper) => bytes
                .iter()
                .map(|&byte| match byte.checked_sub(128) {
                    None => Some(char::from(byte)),
                    Some(index) => upper.get(usize::from(index)).copied().filter(|letter| *letter != '\u{fffd}'),
                })
                .collect(),
        }
    }

    /// The same, with U+FFFD for what is none.
    pub(super) fn decode_replacing(&self, bytes: &[u8]) -> String {
        match &self.charset {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Charset::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Charset::Standard(known) => known.decode_without_bom_handling(bytes).0.into_owned(),
            Charset::Upper(upper) => {
                let letter = |byte: &u8| match byte.checked_sub(128) {
                    None => char::from(*byte),
                    Some(index) => upper.get(usize::from(index)).copied().unwrap_or('\u{fffd}'),
                };
                bytes.iter().map(letter).collect()
            }
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(cpg: &str) -> Result<Encoding, SourceError> {
        Encoding::find(Path::new("a.dbf"), 0, Some((Path::new("a.cpg"), cpg.as_bytes())))
    }

    #[test]
    fn names_of_code_pages() {
        for (names, bytes, expected) in [
            (&["UTF-8", "utf8", "65001", "\u{feff}UTF-8\r\n", "CP65001"][..], "é".as_bytes(), "é"),
            (&["ISO-8859-1", "88591", "8859_1", "8859-1", "ISO 88591", "latin1", "28591"], b"\xE9\x80", "é\u{80}"),
            (
                &["1252", "CP1252", "ANSI 1252", "windows-1252", "LDID/3", "cp-1252", "LDID/87", " "],
                b"\xE9\x80\x9C\x92\x81",
                "é€œ’\u{81}",
            ),
            (&["ISO-8859-15", "885915", "8859-15"], b"\xA4", "€"),
            (&["850", "CP850", "OEM 850", "IBM850", "LDID/2"], b"\x82\x9B", "éø"),
            (&["437", "LDID/1"], b"\x82\x9B", "é¢"),
            (&["866", "IBM866"], b"\x80", "А"),
            (&["932", "Shift_JIS", "LDID/19"], b"\x82\xA0", "あ"),
            (&["Big5", "950"], b"\xA4\xA4", "中"),
            (&["koi8-r"], b"\xC1", "а"),
        ] {
            for name in names {
                assert_eq!(encoding(name).unwrap().decode(bytes).as_deref(), Some(expected), "{name}");
            }
        }
        for name in ["nonsense", "12345", "LDID/254", "utf-16", "8859-99"] {
            let error = encoding(name).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(".cpg") && error.contains("--reader gdal"), "{error}");
        }
    }

    #[test]
    fn language_drivers_stand_in_for_a_missing_cpg() {
        for (driver, expected) in
            [(0, "é"), (87, "é"), (3, "é"), (0x58, "é"), (1, "Θ"), (2, "Ú"), (0x64, "Ú"), (0xC9, "й")]
        {
            let encoding = Encoding::find(Path::new("a.dbf"), driver, None).unwrap();
            assert_eq!(encoding.decode(b"\xE9").as_deref(), Some(expected), "{driver}");
        }
        let error = Encoding::find(Path::new("a.dbf"), 0x68, None).unwrap_err().to_string();
        assert!(error.contains("language driver 104"), "{error}");
    }

    #[test]
    fn bytes_that_are_no_text() {
        for (name, bytes) in
            [("UTF-8", &b"\xE9"[..]), ("UTF-8", b"\xC3"), ("932", b"\x82"), ("857", b"\xD5"), ("1253", b"\xAA")]
        {
            assert_eq!(encoding(name).unwrap().decode(bytes), None, "{name}");
        }
    }

    #[test]
    fn tables_of_dos_have_a_character_for_each_byte() {
        for (page, upper) in DOS_CODE_PAGES {
            assert_eq!(upper.chars().count(), 128, "{page}");
        }
    }
}
