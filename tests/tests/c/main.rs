//! The C library: its symbols, and C programs that use it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

mod every;
mod program;
mod symbols;
mod watch;

use program::Program;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where cargo puts libmemsec.so: beside the tests.
fn library() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().join("libmemsec.so")
}

/// What a command prints; it must end well.
#[track_caller]
fn stdout(command: &mut Command) -> String {
    let out = command.output();
    let out = out.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (text, err) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    assert!(out.status.success(), "{command:?}: {}\n{text}{err}", out.status);
    text.into_owned()
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!ci, "in CI nothing is skipped: no {program}");
        println!("skipped: no {program}");
    }
    found
}

#[test]
fn the_edges_hold() {
    let text = Program::new(&["tests/c/edges.c"]).run(&[], &[0]);
    assert!(text.ends_with("all edges hold\n"), "{text}");
}

#[test]
fn threads_share_what_is_const() {
    let threads = Program::new(&["tests/c/threads.c"]);
    assert_eq!(threads.run(&[], &[0]), "all threads agree\n");
    if has("valgrind") {
        let helgrind =
            ["valgrind", "--tool=helgrind", "--quiet", "--error-exitcode=9"];
        threads.run_under(&helgrind, &[], &[0]);
    }
}

#[test]
fn a_process_that_loads_it_stays_as_it_was() {
    let load = Program::new(&["tests/c/load.c"]);
    let library = library();
    let out = load.command(&[]).arg(library).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert_eq!(text, "as it was\n");
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}

#[test]
fn random_input_is_no_panic() {
    let random = Program::new(&["tests/c/random.c", "tests/c/fuzz.c"]);
    let text = random.run_under(&[], &["1", "500"], &[0]);
    assert!(text.ends_with("no panic\n"), "{text}");
    random.run(&["2", "10"], &[0]);
}

#[test]
fn the_example_runs() {
    let example = Program::new(&["examples/c/audit.c"]);
    let text = example.run(&[], &[0, 1]);
    assert!(text.contains(" findings\n"), "{text}");
    let missing = example.run(&["/etc/memcached.conf=/no/such/file"], &[2]);
    assert_eq!(missing, "");
}

#[test]
fn the_example_of_the_readme_runs() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, code) = readme.split_once("```c\n").unwrap();
    let (code, _) = code.split_once("```\n").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("readme.c");
    fs::write(&source, code).unwrap();
    Program::new(&[source.to_str().unwrap()]).run(&[], &[0]);
}

#[test]
fn the_example_reads_files() {
    let directory = tempfile::tempdir().unwrap();
    let addresses = r#"[{"ifname": "eth0", "addr_info": [
        {"local": "192.0.2.10", "prefixlen": 24}]}]"#;
    let files = [
        ("/etc/memcached.conf", "-l 127.0.0.1\n-U 0\n"),
        ("iptables-save", ""),
        ("ip6tables-save", ""),
        ("ip -j address", addresses),
    ];
    let arguments = files.iter().enumerate().map(|(i, (name, text))| {
        let path = directory.path().join(i.to_string());
        fs::write(&path, text).unwrap();
        format!("{name}={}", path.display())
    });
    let arguments: Vec<_> = arguments.collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let example = Program::new(&["examples/c/audit.c"]);
    let text = example.run(&arguments, &[0, 1]);
    assert!(text.contains(" findings\n"), "{text}");
}
