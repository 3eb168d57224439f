//! Rules as the tools that load them take them, and as they show them.

use std::{
    fmt,
    io::Write,
    process::{Command, Stdio},
    str::FromStr,
};

use super::recorder;

/// What loads a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    Ipset,
    Iptables,
    Ip6tables,
    IptablesLegacy,
    Ip6tablesLegacy,
    Nft,
}

/// Each tool: its name in a case, the command that loads, the one that shows,
/// and the name of that in a snapshot.
const TOOLS: [(Tool, &str, &[&str], &[&str], &str); 6] = [
    (
        Tool::Ipset,
        "ipset",
        &["ipset", "restore"],
        &["ipset", "save"],
        "ipset save",
    ),
    (
        Tool::Iptables,
        "iptables-nft",
        &["iptables-nft-restore"],
        &["iptables-nft-save"],
        "iptables-save",
    ),
    (
        Tool::Ip6tables,
        "ip6tables-nft",
        &["ip6tables-nft-restore"],
        &["ip6tables-nft-save"],
        "ip6tables-save",
    ),
    (
        Tool::IptablesLegacy,
        "iptables-legacy",
        &["iptables-legacy-restore"],
        &["iptables-legacy-save"],
        "iptables-legacy-save",
    ),
    (
        Tool::Ip6tablesLegacy,
        "ip6tables-legacy",
        &["ip6tables-legacy-restore"],
        &["ip6tables-legacy-save"],
        "ip6tables-legacy-save",
    ),
    (
        Tool::Nft,
        "nft",
        &["nft", "-f", "-"],
        &["nft", "-j", "list", "ruleset"],
        "nft -j list ruleset",
    ),
];

impl Tool {
    fn row(
        self,
    ) -> &'static (
        Self,
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        &'static str,
    ) {
        let found = TOOLS.iter().find(|row| row.0 == self);
        found.expect("every tool is listed")
    }

    /// What a snapshot calls its output.
    pub fn key(self) -> &'static str {
        self.row().4
    }

    /// Whether its rules are rules of nftables in the kernel.
    pub fn is_nft(self) -> bool {
        matches!(self, Self::Iptables | Self::Ip6tables | Self::Nft)
    }

    /// Whether it is one of the two of the old kernel interface.
    pub fn is_legacy(self) -> bool {
        matches!(self, Self::IptablesLegacy | Self::Ip6tablesLegacy)
    }

    /// Every tool.
    pub fn all() -> impl Iterator<Item = Self> {
        TOOLS.iter().map(|row| row.0)
    }

    /// Loads a text.
    pub fn load(self, text: &str) -> Result<(), String> {
        run(self.row().2, text).map(drop)
    }

    /// What is loaded, as this tool says it.
    pub fn show(self) -> Result<String, String> {
        let shown = run(self.row().3, "")?;
        Ok(if self == Self::Nft { without_recorder(&shown) } else { shown })
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().1)
    }
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = TOOLS.iter().find(|row| row.1 == name);
        found.map(|row| row.0).ok_or_else(|| format!("no tool {name:?}"))
    }
}

/// A text, and what loads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    pub tool: Tool,
    pub text: String,
}

/// What `nft list ruleset` shows, as text.
pub fn nft_text() -> Result<String, String> {
    let shown = run(&["nft", "list", "ruleset"], "")?;
    let start = format!("table inet {} {{", recorder::TABLE);
    let mut ours = false;
    let others = shown.lines().filter(|line| {
        ours |= *line == start;
        let other = !ours;
        ours &= *line != "}";
        other
    });
    Ok(others.map(|line| format!("{line}\n")).collect())
}

fn without_recorder(json: &str) -> String {
    let mut ruleset: serde_json::Value =
        serde_json::from_str(json).expect("nft writes JSON");
    let objects = ruleset["nftables"].as_array_mut().expect("a list");
    objects.retain(|object| {
        let body = object.as_object().and_then(|o| o.values().next());
        let is =
            |key: &str| body.is_some_and(|body| body[key] == recorder::TABLE);
        !is("table") && !(object.get("table").is_some() && is("name"))
    });
    ruleset.to_string()
}

/// Runs a command with an input, and gives its output or what it complains
/// of.
pub fn run(command: &[&str], input: &str) -> Result<String, String> {
    let [program, arguments @ ..] = command else {
        return Err("no command".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        // Each network has a lock of its own.
        .env("XTABLES_LOCKFILE", "/proc/self/ns/net")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let mut stdin = child.stdin.take().expect("it is piped");
    // A program that fails does not read all of it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", complaint.trim()))
}
