//! What the library exports, and that what a release had stays as it was.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::{has, library, root, stdout};

fn header() -> String {
    fs::read_to_string(root().join("include/memsec.h")).unwrap()
}

/// The names that the header declares as functions.
fn declared() -> BTreeSet<String> {
    let header = header();
    let code = header.lines().filter(|line| !line.starts_with([' ', '/']));
    let names =
        code.filter_map(|line| line.split_once('(')).map(|(name, _)| {
            let start = name.rfind([' ', '*']).map_or(0, |at| at + 1);
            name[start..].to_owned()
        });
    names.filter(|name| name.starts_with("memsec_")).collect()
}

fn exported() -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only", "--format=posix"]).arg(library());
    let text = stdout(&mut nm);
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn what_is_declared_is_exported() {
    assert!(declared().len() > 70);
    assert_eq!(declared(), exported());
}

#[test]
fn the_soname_is_the_abi_counter() {
    let mut objdump = Command::new("objdump");
    let text = stdout(objdump.arg("-p").arg(library()));
    let soname = text.lines().find(|line| line.contains("SONAME"));
    assert!(soname.unwrap().ends_with(" libmemsec.so.0"), "{soname:?}");
}

/// A library that has every function of the header, with an empty body, and
/// for each enum one that takes it. Its debugging information is the ABI as C
/// knows it; that of the real library speaks of Rust's types.
fn hollow(header: &str) -> String {
    let (_, code) = header.split_once("extern \"C\" {\n").unwrap();
    let (code, _) = code.rsplit_once("#ifdef __cplusplus").unwrap();
    let code = code.lines().filter(|line| !line.starts_with(['/', '#']));
    let code: Vec<_> = code.collect();
    let functions = code.join("\n").replace(");", ") { __builtin_trap(); }");
    let enums = header.lines().filter_map(|line| line.strip_prefix("enum "));
    let enums = enums.map(|name| format!("void {name}_values({name}) {{}}\n"));
    let enums: String = enums.collect();
    format!("#include <memsec.h>\nextern \"C\" {{\n{functions}\n{enums}}}\n")
}

fn compile(source: &str, library: &Path) {
    let file = library.with_extension("cpp");
    fs::write(&file, source).unwrap();
    let mut compiler = Command::new("c++");
    compiler
        .args(["-std=c++11", "-g", "-shared", "-fPIC", "-I"])
        .arg(root().join("include"))
        .arg(file)
        .arg("-o")
        .arg(library);
    stdout(&mut compiler);
}

/// Whatever was compiled against the last release still runs: no function is
/// gone or has other types, and no enumerator has another number. To write
/// the dump, at a release: `MEMSEC_BLESS=1 cargo test -p memsec-tests --test
/// c abi`.
#[test]
fn the_abi_is_that_of_the_last_release() {
    if !has("abidiff") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("libmemsec.so");
    compile(&hollow(&header()), &library);
    let dump = root().join("tests/c/libmemsec.abi");
    if std::env::var_os("MEMSEC_BLESS").is_some() {
        let mut abidw = Command::new("abidw");
        abidw
            .args(["--no-corpus-path", "--no-comp-dir-path"])
            .args(["--no-show-locs", "--no-elf-needed"])
            .arg("--no-parameter-names")
            .arg(&library);
        fs::write(&dump, stdout(&mut abidw)).unwrap();
    }
    let mut abidiff = Command::new("abidiff");
    stdout(abidiff.arg("--no-added-syms").arg(dump).arg(library));
}
