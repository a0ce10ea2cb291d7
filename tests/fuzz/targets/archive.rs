//! Zip and 7z: listed and unpacked; nothing is written elsewhere, and a member is as long as it says.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use libfuzzer_sys::fuzz_target;
use parcelle_fuzz::{Scratch, start};
use parcelle_storage::archive::Archive;

/// Beside it nothing may ever be.
static OUTSIDE: LazyLock<Scratch> = LazyLock::new(Scratch::new);
/// What is to be unpacked, so that an input takes no longer than it should; bombs have a test of their own.
const MOST_BYTES: u64 = 8 << 20;

fuzz_target!(init: start(), |data: &[u8]| {
    let name = if data.starts_with(b"7z") { "input.7z" } else { "input.zip" };
    let path = OUTSIDE.file(name, data);
    let into = OUTSIDE.path().join("into");
    assert!(std::fs::create_dir_all(&into).is_ok());
    if let Ok(mut archive) = Archive::open(&path) {
        unpack(&mut archive, &into);
    }
    let left: Vec<_> = std::fs::read_dir(&into).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "what was unpacked goes: {left:?}");
    assert!(std::fs::remove_file(&path).is_ok());
    let beside: Vec<_> = std::fs::read_dir(OUTSIDE.path()).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    assert_eq!(beside, [into], "nothing is written elsewhere");
});

fn unpack(archive: &mut Archive, into: &Path) {
    let declared: u64 = archive.members().iter().fold(0, |sum, member| member.bytes.saturating_add(sum));
    if declared > MOST_BYTES {
        return;
    }
    let files: Vec<(String, u64)> = archive
        .members()
        .iter()
        .filter(|member| !member.is_directory)
        .map(|member| (member.name.clone(), member.bytes))
        .collect();
    let Ok(unpacked) = archive.unpack(&|_| true, into, &AtomicBool::new(false)) else {
        // One member that is refused refuses all; each alone may be good.
        for (wanted, _) in files.iter().take(4) {
            let _ = archive.unpack(&|member| member.name == *wanted, into, &AtomicBool::new(false));
        }
        return;
    };
    for (name, bytes) in files {
        let found = std::fs::symlink_metadata(unpacked.path().join(&name));
        assert!(found.is_ok_and(|found| found.is_file() && found.len() == bytes), "{name} has {bytes} bytes");
    }
}
