//! What the library exports, and that what a release had stays as it was.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::{has, library, root, stdout};

fn header() -> String {
    fs::read_to_string(root().join("include/memsec.h")).unwrap()
}

/// A function of the header.
pub(crate) struct Function {
    pub(crate) returns: String,
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// One of its parameters; what is a pointer has a kind that ends with "*".
pub(crate) struct Parameter {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// The part of the header that declares functions, without its comments.
fn declarations(header: &str) -> String {
    let (_, code) = header.split_once("extern \"C\" {\n").unwrap();
    let (code, _) = code.rsplit_once("#ifdef __cplusplus").unwrap();
    let code = code.lines().filter(|line| !line.starts_with(['/', '#']));
    let code: Vec<_> = code.collect();
    code.join("\n")
}

/// "const char *" and "path", of "const char *path".
fn declared(text: &str) -> (String, String) {
    let text = text.trim();
    let start = text.rfind([' ', '*']).map_or(0, |at| at + 1);
    let (kind, name) = text.split_at(start);
    (kind.trim_end().to_owned(), name.to_owned())
}

pub(crate) fn functions() -> Vec<Function> {
    let code = declarations(&header());
    let each = code.split(';').filter_map(|text| text.trim().split_once('('));
    each.map(|(function, parameters)| {
        let (returns, name) = declared(function);
        let parameters = parameters.trim_end_matches(')').split(',');
        let parameters = parameters.map(str::trim).filter(|it| *it != "void");
        let parameters = parameters.map(|text| {
            let (kind, name) = declared(text);
            Parameter { kind, name }
        });
        Function { returns, name, parameters: parameters.collect() }
    })
    .collect()
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
    let declared: BTreeSet<_> =
        functions().into_iter().map(|it| it.name).collect();
    assert!(declared.len() > 70);
    assert_eq!(declared, exported());
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
    let functions =
        declarations(header).replace(");", ") { __builtin_trap(); }");
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
