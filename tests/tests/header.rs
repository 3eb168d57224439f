//! `include/memsec.h` is what cbindgen makes of memsec-ffi, and compiles
//! alone. To write it: `MEMSEC_BLESS=1 cargo test -p memsec-tests --test
//! header`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The macros of the version, from the manifest, so that they cannot differ.
fn version_macros() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let names = ["MAJOR", "MINOR", "PATCH"];
    let lines = names.into_iter().zip(version.split('.'));
    let lines = lines
        .map(|(name, part)| format!("#define MEMSEC_VERSION_{name} {part}\n"));
    let lines: String = lines.collect();
    format!("\n{lines}#define MEMSEC_VERSION \"{version}\"")
}

fn generated() -> String {
    let ffi = root().join("memsec-ffi");
    let mut config =
        cbindgen::Config::from_file(ffi.join("cbindgen.toml")).unwrap();
    let macros = config.after_includes.unwrap_or_default();
    config.after_includes = Some(version_macros() + &macros);
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_crate(&ffi)
        .with_config(config)
        .generate()
        .unwrap()
        .write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_that_of_the_source() {
    let path = root().join("include/memsec.h");
    let wanted = generated();
    if std::env::var_os("MEMSEC_BLESS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} is old: see this test", path.display());
}

#[track_caller]
fn compiles(language: &str, standard: &str) {
    let strict: &[&str] =
        if language == "c" { &["-Wstrict-prototypes"] } else { &[] };
    let out = Command::new("cc")
        .args(["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(strict)
        .arg(format!("-std={standard}"))
        .args(["-x", language])
        .arg(root().join("include/memsec.h"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{standard}: {stderr}");
}

#[test]
fn the_header_compiles_alone() {
    for standard in ["c99", "c11", "c17", "c2x"] {
        compiles("c", standard);
    }
    for standard in ["c++11", "c++14", "c++17", "c++20"] {
        compiles("c++", standard);
    }
}
