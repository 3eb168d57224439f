//! A shell in network and mount namespaces of its own, for the real programs.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{Snapshot, managers::Dump, truth::ADDRESSES};

/// What lists the rules.
pub(super) const DUMPS: [&str; 4] =
    ["nft -j list ruleset", "iptables-save", "ip6tables-save", "ipset save"];

/// Ends with the value.
#[derive(Debug)]
pub(super) struct Shell {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

const END: &str = "==== ";

impl Shell {
    /// `None` where this machine does not have them.
    pub(super) fn new() -> Option<Self> {
        let mut child = Command::new("unshare")
            .args(["-n", "-m", "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let stdin = child.stdin.take()?;
        let stdout = BufReader::new(child.stdout.take()?);
        let mut shell = Self { child, stdin, stdout };
        let ready = shell.run("mount -t tmpfs run /run && ip link set lo up");
        (ready?.1 == 0).then_some(shell)
    }

    /// What a script prints, and its status; `None` if the shell is gone.
    pub(super) fn run(&mut self, script: &str) -> Option<(String, i32)> {
        let script =
            format!("{{ {script}\n}} </dev/null\necho; echo {END}$?\n");
        self.stdin.write_all(script.as_bytes()).ok()?;
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(status) = line.strip_prefix(END) {
                text.pop();
                return Some((text, status.trim().parse().ok()?));
            }
            text += &line;
        }
    }

    /// The rules that are loaded.
    pub(super) fn rules(&mut self) -> Snapshot {
        let bare = Snapshot::new().with_command("ip -j address", ADDRESSES);
        DUMPS.iter().fold(bare, |snapshot, command| {
            let (text, _) = self.run(command).unwrap();
            snapshot.with_command(command, &text)
        })
    }

    /// Loads what a manager is said to load.
    pub(super) fn restore(&mut self, dump: &Dump) {
        let tool = dump.command.replace("-save", "-restore");
        let script = format!("{tool} <<'{END}'\n{}{END}", dump.text);
        let (_, status) = self.run(&script).unwrap();
        assert_eq!(status, 0, "{}", dump.text);
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It ends with its input; nothing else runs in it.
        let _ = self.stdin.write_all(b"exit\n");
        let _ = self.child.wait();
    }
}

/// The rules in a dump of iptables-save, without comments and counters, and
/// without tables in which there is nothing.
pub(super) fn plain(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut table = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let end = if line.starts_with(':') { line.find(" [") } else { None };
        table.push(line.get(..end.unwrap_or(line.len())).unwrap().to_owned());
        if line == "COMMIT" {
            let new = |line: &String| {
                line.starts_with('-')
                    || line.ends_with(" -")
                    || line.ends_with(" DROP")
            };
            if table.iter().any(new) {
                lines.append(&mut table);
            }
            table.clear();
        }
    }
    lines
}
