//! Whether a host is still what it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3Default;

use super::{Content, File, Output, Process, Snapshot};

/// A hash of each part of a snapshot, by its name: a path, a command line,
/// `processes`. What changes by itself is left out: counters, process
/// identifiers, times, and the journals of the runs, which say what was done
/// and decide nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Fingerprint(BTreeMap<String, String>);

/// Members of JSON that change by themselves: in what nft prints, in what ip
/// prints, in what docker prints.
const VOLATILE: &[&str] = &[
    "packets",
    "bytes",
    "handle",
    "expires",
    "used",
    "valid_life_time",
    "preferred_life_time",
    "Pid",
    "StartedAt",
    "FinishedAt",
    "FailingStreak",
    "Start",
    "End",
    "Output",
];

/// Words of `ipset save` before a number that changes by itself.
const COUNTED: &[&str] = &["timeout", "packets", "bytes"];

/// Words of `nft list ruleset` before what changes by itself.
const LISTED: &[&str] = &["packets", "bytes", "expires", "used"];

/// How the names of settings begin that decide what becomes of packets and
/// sockets.
const SETTINGS: &[&str] = &[
    "net.bridge.",
    "net.ipv4.conf.",
    "net.ipv4.fwmark_reflect",
    "net.ipv4.ip_",
    "net.ipv6.conf.",
    "net.ipv6.ip_nonlocal_bind",
    "net.netfilter.nf_conntrack_tcp_",
];

/// Where the journals of the runs are: NAME/journal below it.
pub(crate) const RUNS: &str = "/var/lib/memsec/";

impl Snapshot {
    /// What tells this host from one that has changed.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut parts = BTreeMap::new();
        let files = self.files.iter();
        for (path, found) in files.filter(|(path, _)| !path.starts_with(RUNS)) {
            parts.insert(path.clone(), file(found));
        }
        for (line, output) in &self.commands {
            parts.insert(line.clone(), command(line, output));
        }
        parts.insert("processes".to_owned(), processes(&self.processes));
        Fingerprint(parts)
    }
}

impl Fingerprint {
    /// Whether each of its parts is the same in another.
    pub(crate) fn is_part_of(&self, other: &Self) -> bool {
        // Texts of rules alone, of no process.
        let mut parts = self.0.iter().filter(|(name, _)| *name != "processes");
        parts.all(|(name, hash)| other.0.get(name) == Some(hash))
    }

    /// The names of the parts that are not the same, or not there, in
    /// another.
    pub fn changes<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let names = self.0.keys().chain(other.0.keys());
        let mut changed: Vec<_> = names
            .filter(|&name| self.0.get(name) != other.0.get(name))
            .map(String::as_str)
            .collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }
}

fn hex(hash: &Xxh3Default) -> String {
    format!("{:016x}", hash.digest())
}

fn file(file: &File) -> String {
    let mut hash = Xxh3Default::new();
    let owner = (file.mode, file.uid, file.gid);
    hash.update(format!("{owner:?}").as_bytes());
    match &file.content {
        Content::Text(text) => hash.update(text.as_bytes()),
        Content::Bytes(bytes) => hash.update(bytes),
        Content::Error(error) => hash.update(error.as_bytes()),
        Content::Secret(form) => hash.update(format!("{form:?}").as_bytes()),
    }
    hex(&hash)
}

fn command(line: &str, output: &Output) -> String {
    let mut hash = Xxh3Default::new();
    hash.update(&output.status.to_le_bytes());
    let text: &str = &output.stdout;
    match line {
        "ipset save" => ipset(&mut hash, text),
        "ss -lntupxH" => sockets(&mut hash, text),
        "sysctl -a" => settings(&mut hash, text),
        "nft list ruleset" => listing(&mut hash, text),
        _ if line.ends_with("-save") => iptables(&mut hash, text),
        _ => json(&mut hash, text),
    }
    hex(&hash)
}

/// Without comments, which have the time, and without counters.
fn iptables(hash: &mut Xxh3Default, text: &str) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let line = match line.strip_prefix('[') {
            Some(counted) => counted.split_once("] ").map_or(line, |(_, r)| r),
            None => line,
        };
        let chain = line.starts_with(':').then(|| line.split_once(" ["));
        let line = chain.flatten().map_or(line, |(chain, _)| chain);
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
}

fn ipset(hash: &mut Xxh3Default, text: &str) {
    for line in text.lines() {
        let mut before = "";
        for word in line.split_whitespace() {
            let counted = COUNTED.contains(&before) && line.starts_with("add");
            let word = if counted { "" } else { word };
            hash.update(word.as_bytes());
            hash.update(b" ");
            before = word;
        }
        hash.update(b"\n");
    }
}

/// Those that can decide anything: of the others, some count, and some are
/// what the kernel makes of its load.
fn settings(hash: &mut Xxh3Default, text: &str) {
    let decides =
        |line: &&str| SETTINGS.iter().any(|key| line.starts_with(key));
    for line in text.lines().filter(decides) {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
}

/// Without comments, counters, quotas that are used and the time that is left
/// to elements.
fn listing(hash: &mut Xxh3Default, text: &str) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut before = "";
        for word in line.split_whitespace() {
            let counted = LISTED.contains(&before);
            hash.update(if counted { b"" } else { word.as_bytes() });
            hash.update(b" ");
            before = word;
        }
        hash.update(b"\n");
    }
}

/// What memcached listens on; other sockets come and go.
fn sockets(hash: &mut Xxh3Default, text: &str) {
    let own = text.lines().filter(|line| line.contains("\"memcached\""));
    let mut own: Vec<_> = own
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            [words.first().copied(), words.get(4).copied()]
        })
        .collect();
    own.sort_unstable();
    hash.update(format!("{own:?}").as_bytes());
}

/// Text, and JSON without the members that change by themselves. It is cut
/// at its quotes: parsing a large rule set takes longer than planning for it.
fn json(hash: &mut Xxh3Default, text: &str) {
    let mut parts = text.split('"');
    while let Some(part) = parts.next() {
        hash.update(part.as_bytes());
        hash.update(b"\"");
        if !VOLATILE.contains(&part) {
            continue;
        }
        let after = parts.next().unwrap_or_default();
        match after.trim() {
            // The value is text.
            ":" => drop(parts.next()),
            _ => hash.update(after.trim_start_matches(is_number).as_bytes()),
        }
        hash.update(b"\"");
    }
}

/// What stands between a member's name and the end of its number.
fn is_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, ':' | ' ' | '-' | '.')
}

fn processes(processes: &[Process]) -> String {
    let mut all: Vec<_> = processes
        .iter()
        .map(|process| {
            let same = Process {
                pid: 0,
                settings: None,
                udp: None,
                ..process.clone()
            };
            format!("{same:?}")
        })
        .collect();
    all.sort_unstable();
    let mut hash = Xxh3Default::new();
    hash.update(all.join("\n").as_bytes());
    hex(&hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(line: &str, left: &str, right: &str) -> bool {
        let of = |text| Snapshot::new().with_command(line, text).fingerprint();
        of(left).changes(&of(right)).is_empty()
    }

    macro_rules! tells {
        ($($name:ident: $same:expr, $line:expr, $left:expr, $right:expr;)*) => {$(
            #[test]
            fn $name() {
                assert_eq!(same($line, $left, $right), $same);
            }
        )*};
    }

    tells! {
        a_counter_of_a_chain: true, "iptables-save",
            "# at 1\n:INPUT DROP [1:2]\n", "# at 2\n:INPUT DROP [3:4]\n";
        a_counter_of_a_rule: true, "iptables-save",
            "[1:2] -A INPUT -j DROP\n", "[3:4] -A INPUT -j DROP\n";
        a_chain_policy: false, "iptables-save",
            ":INPUT DROP [1:2]\n", ":INPUT ACCEPT [1:2]\n";
        a_rule: false, "iptables-save",
            "-A INPUT -j DROP\n", "-A INPUT -j ACCEPT\n";
        nft_counters: true, "nft -j list ruleset",
            r#"{"counter": {"packets": 1, "bytes": 2}, "handle": 3}"#,
            r#"{"counter": {"packets": 9, "bytes": 8}, "handle": 7}"#;
        nft_ports: false, "nft -j list ruleset",
            r#"{"right": 11211}"#, r#"{"right": 11212}"#;
        nft_packets_of_a_limit_after: false, "nft -j list ruleset",
            r#"{"bytes": 2, "x": 1}"#, r#"{"bytes": 2, "x": 2}"#;
        nft_counters_as_text: true, "nft list ruleset",
            "counter packets 1 bytes 2 accept\n",
            "counter packets 9 bytes 8 accept\n";
        nft_elements_as_text: true, "nft list ruleset",
            "elements = { 1.2.3.4 timeout 1h expires 59m1s }\n",
            "elements = { 1.2.3.4 timeout 1h expires 7m }\n";
        nft_ports_as_text: false, "nft list ruleset",
            "tcp dport 11211 accept\n", "tcp dport 11212 accept\n";
        connections: true, "sysctl -a",
            "net.netfilter.nf_conntrack_count = 1\n",
            "net.netfilter.nf_conntrack_count = 2\n";
        a_setting: false, "sysctl -a",
            "net.ipv4.ip_forward = 0\n", "net.ipv4.ip_forward = 1\n";
        a_lease: true, "ip -j address",
            r#"[{"valid_life_time":10}]"#, r#"[{"valid_life_time":9}]"#;
        a_started_container: true, "docker inspect",
            r#"[{"StartedAt": "a", "Id": "x"}]"#,
            r#"[{"StartedAt": "b", "Id": "x"}]"#;
        another_container: false, "docker inspect",
            r#"[{"StartedAt": "a", "Id": "x"}]"#,
            r#"[{"StartedAt": "a", "Id": "y"}]"#;
        a_timeout: true, "ipset save",
            "add a 192.0.2.1 timeout 9\n", "add a 192.0.2.1 timeout 8\n";
        a_member: false, "ipset save",
            "add a 192.0.2.1\n", "add a 192.0.2.2\n";
        another_socket: true, "ss -lntupxH",
            "", "tcp LISTEN 0 9 *:22 *:* users:((\"sshd\",pid=1,fd=3))\n";
        a_socket_of_memcached: false, "ss -lntupxH", "",
            "tcp LISTEN 0 9 *:11211 *:* users:((\"memcached\",pid=1,fd=3))\n";
    }

    #[test]
    fn the_parts_that_changed_are_named() {
        let one = Snapshot::new().with_file("/a", "x").with_file("/b", "x");
        let two = Snapshot::new().with_file("/a", "y").with_file("/b", "x");
        let two = two.with_command("nft", "");
        let changes = two.fingerprint();
        let one = one.fingerprint();
        assert_eq!(one.changes(&changes), ["/a", "nft"]);
    }

    #[test]
    fn a_run_that_is_over_is_no_change() {
        let journal = "/var/lib/memsec/1/journal";
        let host = Snapshot::new().with_file(journal, "rolled-back\n");
        let before = Snapshot::new().fingerprint();
        assert!(before.changes(&host.fingerprint()).is_empty());
    }

    #[test]
    fn a_restart_is_no_change_but_other_arguments_are() {
        let with = |pid, word: &str| {
            let argv = vec![word.to_owned()];
            let process = Process { pid, argv, ..Process::default() };
            Snapshot::new().with_process(process).fingerprint()
        };
        assert_eq!(with(1, "-v"), with(2, "-v"));
        assert_eq!(with(1, "-v").changes(&with(1, "-vv")), ["processes"]);
    }
}
