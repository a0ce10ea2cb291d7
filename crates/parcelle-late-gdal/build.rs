//! Writes the trampolines for the functions in `symbols.txt`, where the target and the libgdal of this machine allow it;
//! otherwise the crate is empty, and libgdal is linked as any other library.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(late)");
    println!("cargo::rerun-if-changed=symbols.txt");
    for variable in ["GDAL_LIB_DIR", "GDAL_HOME", "GDAL_STATIC", "PKG_CONFIG_PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_known = target("ARCH") == "x86_64" && target("OS") == "linux" && target("ENV") == "gnu";
    if !is_known || env::var_os("GDAL_STATIC").is_some() {
        return Ok(());
    }
    let Some(library) = library() else { return Ok(()) };
    let text = fs::read_to_string("symbols.txt")?;
    let symbols: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("trampolines.s"), trampolines(&symbols))?;
    fs::write(out.join("names.rs"), names(&symbols))?;
    println!("cargo::rustc-cfg=late");
    println!("cargo::rustc-env=PARCELLE_LIBGDAL={}", library.name);
    println!("cargo::rustc-env=PARCELLE_LIBPROJ={}", library.proj.unwrap_or_default());
    Ok(())
}

/// For each function a jump through its slot. The slot leads at first to a stub that has the address looked up; see
/// `src/late.rs` for what happens then.
fn trampolines(symbols: &[&str]) -> String {
    let mut text = String::from(".section .text.parcelle_late_gdal,\"ax\",@progbits\n");
    for (index, name) in symbols.iter().enumerate() {
        // Hidden: no shared library may take it for its own function, libgdal itself least of all.
        let _ = writeln!(
            text,
            ".p2align 4\n.globl {name}\n.hidden {name}\n.type {name},@function\n{name}:\n    jmp qword ptr [rip + .Lslots + {}]\n.Lstub{index}:\n    push {index}\n    jmp .Lresolve\n.size {name}, . - {name}",
            8 * index
        );
    }
    text.push_str(RESOLVE);
    text.push_str(".section .data.parcelle_late_gdal,\"aw\",@progbits\n.p2align 3\n.globl parcelle_late_gdal_slots\n.hidden parcelle_late_gdal_slots\nparcelle_late_gdal_slots:\n.Lslots:\n");
    for index in 0..symbols.len() {
        let _ = writeln!(text, "    .quad .Lstub{index}");
    }
    text.push_str(".text\n");
    text
}

/// Every register that may carry an argument (System V ABI, AMD64, section 3.2.3) is as it was when the function is entered:
/// `rdi` to `r9`, `xmm0` to `xmm7`, and `rax`, which holds the number of the latter for variadic functions. On entry
/// the stack holds the index and the caller's return address, and is aligned to 16 bytes.
const RESOLVE: &str = "
.p2align 4
.Lresolve:
    push rbp
    mov rbp, rsp
    push rax
    push rdi
    push rsi
    push rdx
    push rcx
    push r8
    push r9
    sub rsp, 128
    movups [rsp], xmm0
    movups [rsp + 16], xmm1
    movups [rsp + 32], xmm2
    movups [rsp + 48], xmm3
    movups [rsp + 64], xmm4
    movups [rsp + 80], xmm5
    movups [rsp + 96], xmm6
    movups [rsp + 112], xmm7
    mov rdi, [rbp + 8]
    call {resolve}
    mov r11, rax
    movups xmm0, [rsp]
    movups xmm1, [rsp + 16]
    movups xmm2, [rsp + 32]
    movups xmm3, [rsp + 48]
    movups xmm4, [rsp + 64]
    movups xmm5, [rsp + 80]
    movups xmm6, [rsp + 96]
    movups xmm7, [rsp + 112]
    add rsp, 128
    pop r9
    pop r8
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    pop rax
    pop rbp
    add rsp, 8
    jmp r11
";

fn names(symbols: &[&str]) -> String {
    let mut text = format!("static NAMES: [&CStr; {}] = [\n", symbols.len());
    for name in symbols {
        let _ = writeln!(text, "    c\"{name}\",");
    }
    text.push_str("];\n");
    text
}

/// A libgdal.
struct Library {
    /// The name under which programs ask for it (`DT_SONAME`), such as `libgdal.so.32`.
    name: String,
    /// The name under which it asks for PROJ (`DT_NEEDED`), such as `libproj.so.25`; `None` where it has PROJ inside.
    proj: Option<String>,
}

/// The libgdal that is linked against.
fn library() -> Option<Library> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from);
    let configured = || {
        let output = Command::new("pkg-config").args(["--variable=libdir", "gdal"]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        (!text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
    };
    let directories = [variable("GDAL_LIB_DIR"), variable("GDAL_HOME").map(|home| home.join("lib")), configured()];
    let named = directories.into_iter().flatten().find_map(|directory| read(&directory.join("libgdal.so")));
    named.or_else(|| {
        // Where pkg-config names a directory that is the linker's own business, the linker knows.
        let output = Command::new("cc").arg("-print-file-name=libgdal.so").output().ok()?;
        read(Path::new(String::from_utf8(output.stdout).ok()?.trim()))
    })
}

fn read(path: &Path) -> Option<Library> {
    let bytes = fs::read(path).ok()?;
    Some(Library { name: name_in(&bytes, "libgdal.so.")?, proj: name_in(&bytes, "libproj.so.") })
}

/// The name of a library with its version: it is in the string table, between two zero bytes.
fn name_in(bytes: &[u8], prefix: &str) -> Option<String> {
    let beginning = [b"\0", prefix.as_bytes()].concat();
    let mut at = 0;
    while let Some(found) = bytes.get(at..)?.windows(beginning.len()).position(|window| window == beginning) {
        let start = at + found + 1;
        let rest = bytes.get(start..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let name = String::from_utf8(rest.get(..end)?.to_vec()).ok()?;
        let version = name.strip_prefix(prefix)?;
        if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Some(name);
        }
        at = start;
    }
    None
}
