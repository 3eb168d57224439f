//! C programs: compiled without a warning, and run.

use std::process::Command;

use memsec_tests::namespace::Namespace;

use super::{has, library, root, stdout};

pub(crate) struct Program {
    /// Has the program and a link by the library's soname.
    directory: tempfile::TempDir,
}

impl Program {
    /// Compiles sources, whose paths are from the root of the repository.
    pub(crate) fn new(sources: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("libmemsec.so.0");
        std::os::unix::fs::symlink(library(), link).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu99", "-pedantic", "-Wall", "-Wextra", "-Werror"])
            .args(["-g", "-I"])
            .arg(root().join("include"))
            .args(sources.iter().map(|source| root().join(source)))
            .arg("-o")
            .arg(directory.path().join("program"))
            .arg(library())
            .args(["-lpthread", "-ldl"]);
        stdout(&mut cc);
        Self { directory }
    }

    /// The program, by way of another if `before` names one.
    pub(crate) fn command(&self, before: &[&str]) -> Command {
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

    /// The program, in a namespace. It ends after five minutes, which a slow
    /// machine may need.
    pub(crate) fn inside(&self, host: &Namespace) -> Command {
        let mut command = host.command("timeout");
        let at = self.directory.path();
        command
            .args(["300", "env"])
            .arg(format!("LD_LIBRARY_PATH={}", at.display()))
            .arg(at.join("program"));
        command
    }

    /// Runs it, and again under valgrind where that is installed. It ends
    /// with one of `statuses`.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str], statuses: &[i32]) -> String {
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
        }
        plain
    }

    #[track_caller]
    pub(crate) fn run_under(
        &self,
        before: &[&str],
        args: &[&str],
        statuses: &[i32],
    ) -> String {
        let mut command = self.command(before);
        let out = command.args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&out.stderr);
        let status = out.status.code().unwrap_or(-1);
        assert!(statuses.contains(&status), "{status}: {stderr}");
        String::from_utf8(out.stdout).unwrap()
    }
}
