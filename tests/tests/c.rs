//! The C library: its symbols, and C programs that use it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where cargo puts libmemsec.so: beside the tests.
fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

#[track_caller]
fn stdout(command: &mut Command) -> String {
    let out = output(command);
    let (text, err) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    assert!(out.status.success(), "{command:?}: {}\n{text}{err}", out.status);
    text.into_owned()
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// The names that the header declares as functions.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(root().join("include/memsec.h")).unwrap();
    let code = header.lines().filter(|line| !line.starts_with([' ', '/']));
    let names =
        code.filter_map(|line| line.split_once('(')).map(|(name, _)| {
            let start = name.rfind([' ', '*']).map_or(0, |at| at + 1);
            name[start..].to_owned()
        });
    names.filter(|name| name.starts_with("memsec_")).collect()
}

fn exported() -> BTreeSet<String> {
    let library = libraries().join("libmemsec.so");
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only", "--format=posix"]).arg(library);
    let text = stdout(&mut nm);
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn what_is_declared_is_exported() {
    assert!(declared().len() > 50);
    assert_eq!(declared(), exported());
}

#[test]
fn the_soname_is_the_abi_counter() {
    let mut objdump = Command::new("objdump");
    let text = stdout(objdump.arg("-p").arg(libraries().join("libmemsec.so")));
    let soname = text.lines().find(|line| line.contains("SONAME"));
    assert!(soname.unwrap().ends_with(" libmemsec.so.0"), "{soname:?}");
}

struct Program {
    /// Has the program and a link by the library's soname.
    directory: tempfile::TempDir,
}

impl Program {
    fn new(source: &str) -> Self {
        Self::compile(&root().join(source))
    }

    fn compile(source: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let library = libraries().join("libmemsec.so");
        let link = directory.path().join("libmemsec.so.0");
        std::os::unix::fs::symlink(&library, link).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"])
            .args(["-g", "-I"])
            .arg(root().join("include"))
            .arg(source)
            .arg("-o")
            .arg(directory.path().join("program"))
            .arg(library);
        stdout(&mut cc);
        Self { directory }
    }

    fn command(&self, before: &[&str]) -> Command {
        let program = self.directory.path().join("program");
        let mut command = match before.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.env("LD_LIBRARY_PATH", self.directory.path());
        command
    }

    /// Runs it, and again under valgrind where that is installed. It ends
    /// with one of `statuses`.
    #[track_caller]
    fn run(&self, args: &[&str], statuses: &[i32]) -> String {
        let plain = self.run_under(&[], args, statuses);
        let valgrind = [
            "valgrind",
            "--quiet",
            "--leak-check=full",
            "--show-leak-kinds=all",
            "--errors-for-leak-kinds=all",
            "--error-exitcode=9",
        ];
        if has("valgrind") {
            self.run_under(&valgrind, args, statuses);
        } else {
            println!("skipped: no valgrind");
        }
        plain
    }

    #[track_caller]
    fn run_under(
        &self,
        before: &[&str],
        args: &[&str],
        statuses: &[i32],
    ) -> String {
        let out = output(self.command(before).args(args));
        let stderr = String::from_utf8_lossy(&out.stderr);
        let status = out.status.code().unwrap_or(-1);
        assert!(statuses.contains(&status), "{status}: {stderr}");
        String::from_utf8(out.stdout).unwrap()
    }
}

#[test]
fn the_edges_hold() {
    let text = Program::new("tests/c/edges.c").run(&[], &[0]);
    assert!(text.ends_with("all edges hold\n"), "{text}");
}

#[test]
fn the_example_runs() {
    let example = Program::new("examples/c/audit.c");
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
    Program::compile(&source).run(&[], &[0]);
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
    let example = Program::new("examples/c/audit.c");
    let text = example.run(&arguments, &[0, 1]);
    assert!(text.contains(" findings\n"), "{text}");
}
