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

/// How a tool is used.
struct Usage {
    tool: Tool,
    /// Its name in a case.
    name: &'static str,
    load: &'static [&'static str],
    show: &'static [&'static str],
    /// What a snapshot calls its output.
    key: &'static str,
}

const TOOLS: [Usage; 6] = [
    Usage {
        tool: Tool::Ipset,
        name: "ipset",
        load: &["ipset", "restore"],
        show: &["ipset", "save"],
        key: "ipset save",
    },
    Usage {
        tool: Tool::Iptables,
        name: "iptables-nft",
        load: &["iptables-nft-restore"],
        show: &["iptables-nft-save"],
        key: "iptables-save",
    },
    Usage {
        tool: Tool::Ip6tables,
        name: "ip6tables-nft",
        load: &["ip6tables-nft-restore"],
        show: &["ip6tables-nft-save"],
        key: "ip6tables-save",
    },
    Usage {
        tool: Tool::IptablesLegacy,
        name: "iptables-legacy",
        load: &["iptables-legacy-restore"],
        show: &["iptables-legacy-save"],
        key: "iptables-legacy-save",
    },
    Usage {
        tool: Tool::Ip6tablesLegacy,
        name: "ip6tables-legacy",
        load: &["ip6tables-legacy-restore"],
        show: &["ip6tables-legacy-save"],
        key: "ip6tables-legacy-save",
    },
    Usage {
        tool: Tool::Nft,
        name: "nft",
        load: &["nft", "-f", "-"],
        show: &["nft", "-j", "list", "ruleset"],
        key: "nft -j list ruleset",
    },
];

impl Tool {
    fn usage(self) -> &'static Usage {
        let found = TOOLS.iter().find(|usage| usage.tool == self);
        found.expect("every tool is listed")
    }

    /// What a snapshot calls its output.
    pub fn key(self) -> &'static str {
        self.usage().key
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
        TOOLS.iter().map(|usage| usage.tool)
    }

    /// Loads a text.
    pub fn load(self, text: &str) -> Result<(), String> {
        run(self.usage().load, text).map(drop)
    }

    /// What is loaded, as this tool says it.
    pub fn show(self) -> Result<String, String> {
        let shown = run(self.usage().show, "")?;
        Ok(if self == Self::Nft { without_recorder(&shown) } else { shown })
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.usage().name)
    }
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = TOOLS.iter().find(|usage| usage.name == name);
        found.map(|usage| usage.tool).ok_or_else(|| format!("no tool {name:?}"))
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
    objects.retain(|object| !is_recorders(object));
    ruleset.to_string()
}

/// Whether an object of nft's JSON is the recorder's table or in it.
fn is_recorders(object: &serde_json::Value) -> bool {
    let bodies = object.as_object().into_iter().flatten();
    bodies.into_iter().any(|(kind, body)| {
        let key = if kind == "table" { "name" } else { "table" };
        body[key] == recorder::TABLE
    })
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
