//! Archives made by the crates themselves, and damaged by hand.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use sevenz_rust2::{ArchiveEntry, ArchiveWriter, EncoderMethod, SourceReader};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Archive, ArchiveError, Member, Unpacked, is_archive, is_archive_name};

fn zip(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method).unix_permissions(0o6777);
    for (name, content) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// All members in one block, or each in its own.
fn seven_zip(members: &[(&str, &[u8])], solid: bool) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    writer.push_archive_entry::<&[u8]>(ArchiveEntry::new_directory("folder"), None).unwrap();
    if solid {
        let entries = members.iter().map(|(name, _)| ArchiveEntry::new_file(name)).collect();
        let readers = members.iter().map(|(_, content)| SourceReader::new(*content)).collect();
        writer.push_archive_entries(entries, readers).unwrap();
    } else {
        for (name, content) in members {
            writer.push_archive_entry(ArchiveEntry::new_file(name), Some(*content)).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn saved(name: &str, bytes: &[u8]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (directory, path)
}

fn unpack(path: &Path, wanted: impl Fn(&Member) -> bool) -> Result<Unpacked, ArchiveError> {
    Archive::open(path)?.unpack(&wanted, path.parent().unwrap(), &AtomicBool::new(false))
}

fn error(name: &str, bytes: &[u8]) -> String {
    let (directory, path) = saved(name, bytes);
    let error = unpack(&path, |_| true).unwrap_err().to_string();
    let left: Vec<_> = directory.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [name], "nothing is left behind");
    error.replace(&directory.path().display().to_string(), "")
}

/// Replaces every occurrence of some bytes by others, as many.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<_> = (0..=bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

const MEMBERS: [(&str, &[u8]); 3] =
    [("BATI/BATIMENT.shp", b"shape shape shape"), ("empty.txt", b""), ("x.dbf", b"table")];

#[test]
fn wanted_members_are_unpacked_and_go_with_the_directory() {
    let archives = [
        ("a.zip", zip(&MEMBERS, CompressionMethod::Deflated)),
        ("A.ZIP", zip(&MEMBERS, CompressionMethod::Stored)),
        ("b.zip", zip(&MEMBERS, CompressionMethod::Bzip2)),
        ("a.7z", seven_zip(&MEMBERS, true)),
        ("b.7z", seven_zip(&MEMBERS, false)),
    ];
    for (name, bytes) in archives {
        let (directory, path) = saved(name, &bytes);
        assert!(is_archive(&path));
        let unpacked = unpack(&path, |member| member.name != "x.dbf").unwrap();
        let root = unpacked.path().to_owned();
        let hidden = root.file_name().unwrap().to_str().unwrap();
        assert!(hidden.starts_with(&format!(".{name}.")) && hidden.ends_with(".parcelle-tmp"), "{hidden}");
        assert_eq!(std::fs::read(root.join("BATI/BATIMENT.shp")).unwrap(), b"shape shape shape");
        assert_eq!(std::fs::read(root.join("empty.txt")).unwrap(), b"");
        assert!(!root.join("x.dbf").exists() && !root.join("folder").exists());
        use std::os::unix::fs::PermissionsExt;
        let mode = root.join("BATI/BATIMENT.shp").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7111, 0, "permissions of the archive are not taken over");
        drop(unpacked);
        assert!(!root.exists());
        // The last of a block alone.
        let unpacked = unpack(&path, |member| member.name == "x.dbf").unwrap();
        assert_eq!(std::fs::read(unpacked.path().join("x.dbf")).unwrap(), b"table");
        drop((unpacked, directory));
    }
}

#[test]
fn names_and_content_both_say_what_an_archive_is() {
    let bytes = zip(&MEMBERS, CompressionMethod::Stored);
    for (name, expected) in [("a.zip", true), ("a.xlsx", false), ("a.kmz", false), ("a.shz", false), ("a", false)] {
        let (_directory, path) = saved(name, &bytes);
        assert_eq!((is_archive(&path), Archive::open_if_named(&path).unwrap().is_some()), (expected, expected));
    }
    let (_directory, path) = saved("a.7z", b"<!DOCTYPE html><html>");
    assert!(!is_archive(&path));
    let text = Archive::open_if_named(&path).unwrap_err().to_string();
    assert!(text.contains("begins with \"<!DOCTYPE html><\""), "{text}");
    let (_directory, path) = saved("a.7z.003", b"");
    let text = Archive::open_if_named(&path).unwrap_err().to_string();
    assert!(text.contains("not the first volume") && text.ends_with("a.7z.001"), "{text}");
    assert!(is_archive_name("x/y.TAR.GZ") && is_archive_name("y.7z.002") && !is_archive_name("zip"));
}

#[test]
fn volumes_are_read_as_one_and_missed_by_name() {
    let bytes = seven_zip(&MEMBERS, true);
    let directory = tempfile::tempdir().unwrap();
    let third = bytes.len() / 3;
    let parts = [&bytes[..third], &bytes[third..2 * third], &bytes[2 * third..]];
    for (number, part) in parts.iter().enumerate() {
        std::fs::write(directory.path().join(format!("a.7z.00{}", number + 1)), part).unwrap();
    }
    let path = directory.path().join("a.7z.001");
    let unpacked = unpack(&path, |_| true).unwrap();
    assert_eq!(std::fs::read(unpacked.path().join("x.dbf")).unwrap(), b"table");
    drop(unpacked);
    std::fs::remove_file(directory.path().join("a.7z.003")).unwrap();
    let text = unpack(&path, |_| true).unwrap_err().to_string();
    assert!(text.contains("a.7z.003 is missing"), "{text}");
}

#[test]
fn names_that_lead_out_are_refused() {
    for evil in ["../evil.txt", "/etc/passwd", "C:/evil.txt", "..\\evil.txt", "a/../../eee", "a\0/evil.txt"] {
        let harmless = "h".repeat(evil.len());
        let bytes = zip(&[(&harmless, b"x")], CompressionMethod::Stored);
        let text = error("a.zip", &patched(bytes, harmless.as_bytes(), evil.as_bytes()));
        assert!(text.contains("is refused: its"), "{text}");
        let text = error("a.7z", &seven_zip(&[(evil.split('\0').next().unwrap(), b"x"), ("../b", b"y")], false));
        assert!(text.contains("is refused: its"), "{text}");
    }
}

#[test]
fn members_that_would_be_one_file_are_refused() {
    for names in [["a/b", "A/b"], ["a", "a/b"], ["a/b", "a"], ["a/b", "a//b"], ["a/b", "a\\b"]] {
        for bytes in [
            ("a.zip", zip(&[(names[0], b"1"), (names[1], b"2")], CompressionMethod::Stored)),
            ("a.7z", seven_zip(&[(names[0], b"1"), (names[1], b"2")], true)),
        ] {
            let text = error(bytes.0, &bytes.1);
            assert!(text.contains("two members have the name"), "{names:?}: {text}");
        }
    }
    let bytes = zip(&[("aaaa", b"1"), ("bbbb", b"2")], CompressionMethod::Stored);
    let text = error("a.zip", &patched(bytes, b"bbbb", b"aaaa"));
    assert!(text.contains("two members have the same name"), "{text}");
}

#[test]
fn links_are_refused_where_they_are_wanted() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link.shp", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    writer.start_file("a.shp", SimpleFileOptions::default()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(error("a.zip", &bytes).split(':').nth(1).unwrap(), " a symbolic link, which is not unpacked");
    let (_directory, path) = saved("a.zip", &bytes);
    unpack(&path, |member| member.name == "a.shp").unwrap();

    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    let mut link = ArchiveEntry::new_file("link.shp");
    (link.has_windows_attributes, link.windows_attributes) = (true, 0o120_777 << 16 | 0x8000);
    writer.push_archive_entry(link, Some(&b"/etc/passwd"[..])).unwrap();
    let text = error("a.7z", &writer.finish().unwrap().into_inner());
    assert!(text.contains("a symbolic link, which is not unpacked"), "{text}");
}

#[test]
fn wrong_bytes_are_found_by_their_checksum() {
    let content: Vec<u8> = (0..5000u32).flat_map(|value| value.to_le_bytes()).collect();
    let bytes = zip(&[("a/plain.shp", &content)], CompressionMethod::Stored);
    let damaged = patched(bytes, &2500u32.to_le_bytes(), &2501u32.to_le_bytes());
    assert_eq!(
        error("a.zip", &damaged),
        "/a.zip/a/plain.shp: its checksum is wrong, so the archive is damaged: get it again from its source"
    );

    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new())).unwrap();
    writer.set_content_methods(vec![EncoderMethod::COPY.into()]);
    writer.push_archive_entry(ArchiveEntry::new_file("plain.shp"), Some(&content[..])).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let text = error("a.7z", &patched(bytes, &2500u32.to_le_bytes(), &2501u32.to_le_bytes()));
    assert!(text.contains("/a.7z/plain.shp: its checksum is wrong"), "{text}");
}

#[test]
fn no_length_of_an_archive_is_unpacked_wrongly() {
    let content: Vec<u8> = (0..400u32).flat_map(|value| (value * value).to_le_bytes()).collect();
    let members = [("a.shp", &content[..]), ("b.shp", b"b")];
    for (name, bytes) in [("a.zip", zip(&members, CompressionMethod::Deflated)), ("a.7z", seven_zip(&members, true))] {
        for length in (0..bytes.len()).step_by(7) {
            let text = error(name, &bytes[..length]);
            assert!(text.contains("archive"), "{length}: {text}");
        }
        // Any byte wrong: an error, or the same content.
        for at in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let (_directory, path) = saved(name, &damaged);
            if let Ok(unpacked) = unpack(&path, |member| member.name == "a.shp")
                && let Ok(found) = std::fs::read(unpacked.path().join("a.shp"))
            {
                assert_eq!(found, content, "{name}, byte {at}");
            }
        }
    }
}

#[test]
fn more_than_is_declared_never_comes() {
    // A zip member of a mebibyte of zeros that is declared to have ten bytes, in both tables.
    let zeros = vec![0; 1 << 20];
    let bytes = zip(&[("a.shp", &zeros)], CompressionMethod::Deflated);
    let bytes = patched(bytes, &(1u32 << 20).to_le_bytes(), &10u32.to_le_bytes());
    let text = error("a.zip", &bytes);
    assert!(text.contains("/a.zip/a.shp: cannot be unpacked"), "{text}");
}

#[test]
fn an_interruption_ends_it() {
    for (name, bytes) in [("a.zip", zip(&MEMBERS, CompressionMethod::Stored)), ("a.7z", seven_zip(&MEMBERS, true))] {
        let (directory, path) = saved(name, &bytes);
        let stopped = Archive::open(&path).unwrap().unpack(&|_| true, directory.path(), &AtomicBool::new(true));
        assert!(matches!(stopped, Err(ArchiveError::Interrupted)));
        assert_eq!(directory.path().read_dir().unwrap().count(), 1);
    }
}

#[test]
fn encrypted_members_are_refused() {
    // The flag of encryption in both headers of a member.
    let mut bytes = zip(&[("a.shp", b"x")], CompressionMethod::Stored);
    for (mark, offset) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = (0..bytes.len()).find(|at| bytes[*at..].starts_with(mark)).unwrap();
        bytes[at + offset] |= 1;
    }
    assert_eq!(error("a.zip", &bytes), "/a.zip/a.shp: encrypted: unpack it with its password, and convert the result");
}
