//! Commands at random, against what the real ufw makes of them in network
//! and mount namespaces of its own.

use std::{fs, path::Path};

use super::{ask, load, tuple::mismatches};
use crate::{
    Cidr, Proto, Snapshot,
    managers::{
        change::Ask,
        namespace::{Shell, plain},
        random::{Random, seeds},
    },
    snapshot::Content,
};

/// ufw's files, here and in a directory of its own.
const FILES: [&str; 2] = ["/etc/ufw", "/etc/default"];

const PROFILES: &str = "[Cache]\ntitle=Cache\ndescription=one\n\
    ports=11211/tcp\n\n[Both Of It]\ntitle=Both\ndescription=two\n\
    ports=11211,11212/tcp|11211/udp\n\n[Bare]\ntitle=Bare\n\
    description=three\nports=11211\n";

fn address(r: &mut Random, six: bool) -> &'static str {
    match six {
        false => r.of(&["192.0.2.20", "192.0.2.0/24", "198.51.100.7", "any"]),
        true => r.of(&["2001:db8:1::20", "2001:db8:1::/64", "any"]),
    }
}

fn ports(r: &mut Random) -> &'static str {
    r.of(&[
        "11211",
        "11211",
        "11211",
        "22",
        "11200:11300",
        "11211,11212",
        "80,11200:11300",
        "1:65535",
    ])
}

/// A rule in the short form, or in the long one.
fn rule(r: &mut Random) -> String {
    let action = r.of(&["allow", "allow", "allow", "deny", "reject", "limit"]);
    let way = r.of(&["", "", "", "in", "in on eth0", "in on eth1", "out"]);
    let log = r.of(&["", "", "", "log", "log-all"]);
    let comment =
        r.of(&["", "", "", "comment 'of: the cache'", "comment 'Åäö 11211'"]);
    let what = match r.below(8) {
        0 => ports(r).to_owned() + r.of(&["", "/tcp", "/udp"]),
        1 => r.of(&["Cache", "'Both Of It'", "Bare", "ssh", "OpenSSH"]).into(),
        2 => {
            let app = r.of(&["Cache", "'Both Of It'", "Bare"]);
            let six = r.once_in(3);
            let from = address(r, six);
            format!("from {from} to any app {app}")
        }
        3 => {
            let six = r.once_in(3);
            format!("from {}", address(r, six))
        }
        4 => {
            let proto = r.of(&["esp", "ah", "gre", "igmp", "ipv6", "vrrp"]);
            let six = r.once_in(3);
            format!("proto {proto} from {}", address(r, six))
        }
        _ => {
            let proto = r.of(&["proto tcp", "proto tcp", "proto udp", ""]);
            let six = r.once_in(3);
            let (from, to) = (address(r, six), address(r, six));
            let sport = r.of(&["", "", "", "port 1024:65535", "port 11211"]);
            format!("{proto} from {from} {sport} to {to} port {}", ports(r))
        }
    };
    match r.below(8) {
        0 => format!("route {action} in on eth0 out on eth1 {what}"),
        1 => format!("insert 1 {action} {way} {log} {what} {comment}"),
        2 => format!("prepend {action} {way} {what}"),
        3 => format!("delete {action} {what}"),
        _ => format!("{action} {way} {log} {what} {comment}"),
    }
}

fn setting(r: &mut Random) -> String {
    let policy = r.of(&["allow", "deny", "reject"]);
    match r.below(3) {
        0 => format!("logging {}", r.of(&["off", "low", "high", "full"])),
        _ => format!(
            "default {policy} {}",
            r.of(&["incoming", "outgoing", "routed"])
        ),
    }
}

/// What is written into the files by hand.
fn by_hand(r: &mut Random) -> String {
    let sed = |file: &str, before: &str, line: &str| {
        format!("sed -i '/^{before}/i {line}' /etc/ufw/{file}.rules")
    };
    let lines = [
        sed("before", "COMMIT", "-A ufw-before-input -p tcp --dport 11211 -j ACCEPT"),
        sed("before", "COMMIT", "-A ufw-before-input -s 192.0.2.21 -j DROP"),
        sed("before", "COMMIT", "-I ufw-before-input 1 -s 203.0.113.9 -j DROP"),
        sed("after", "COMMIT", "-A ufw-after-input -p udp --dport 11211 -j ACCEPT"),
        sed("before6", "COMMIT", "-A ufw6-before-input -p tcp --dport 11211 -j RETURN"),
        "printf '*nat\\n:PREROUTING ACCEPT [0:0]\\n-A PREROUTING -p tcp --dport \
         11212 -j REDIRECT --to-ports 11211\\nCOMMIT\\n' >>/etc/ufw/before.rules"
            .to_owned(),
        "sed -i s/^IPV6=.*/IPV6=no/ /etc/default/ufw".to_owned(),
        "sed -i s/^MANAGE_BUILTINS=.*/MANAGE_BUILTINS=yes/ /etc/default/ufw"
            .to_owned(),
    ];
    lines[r.below(lines.len())].clone()
}

/// What is done to a fresh ufw before it is switched on, and after it.
fn script(r: &mut Random) -> String {
    let mut all = Vec::new();
    for _ in 0..r.below(3) {
        all.push(format!("ufw {}", setting(r)));
    }
    if r.once_in(4) {
        all.push(by_hand(r));
    }
    for _ in 0..=r.below(5) {
        all.push(format!("ufw {}", rule(r)));
    }
    all.insert(r.below(all.len() + 1), "ufw --force enable".to_owned());
    all.push("ufw reload".to_owned());
    all.join("\n")
}

/// ufw as it comes, in its namespaces, where the script is run.
fn started(root: &Path, script: &str) -> Option<Shell> {
    let mut shell = Shell::new()?;
    let root = root.display();
    for path in FILES {
        shell.run(&format!(
            "mkdir -p {root} && cp -a {path} {root}/ && \
             mount --bind {root}/$(basename {path}) {path}"
        ))?;
    }
    shell.run(&format!(
        "printf '{}' >/etc/ufw/applications.d/memsec",
        PROFILES.replace('\n', "\\n")
    ))?;
    shell.run(script)?;
    Some(shell)
}

/// What a collector finds there.
fn found(shell: &mut Shell, root: &Path) -> Snapshot {
    let mut snapshot = shell.rules();
    let mut open = vec![root.join("ufw"), root.join("default/ufw")];
    while let Some(path) = open.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.map(|entry| entry.unwrap().path()));
            continue;
        }
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap();
        let file = Content::from(bytes).into();
        snapshot.files.insert(format!("/etc/{name}"), file);
    }
    snapshot
}

/// Lines of one that the other lacks.
fn differences(ours: &[String], real: &[String]) -> Vec<String> {
    if ours == real {
        return Vec::new();
    }
    let only = |these: &[String], those: &[String], whose: &str| {
        let lines = these.iter().filter(|line| !those.contains(line));
        lines.map(|line| format!("only {whose}: {line}")).collect::<Vec<_>>()
    };
    let mut all = only(ours, real, "ours");
    all.extend(only(real, ours, "theirs"));
    all.push("the order or the number of lines differs".to_owned());
    all
}

const SAVES: [&str; 2] = ["iptables-save", "ip6tables-save"];

/// What sets the log takes the ends of its chains away, which do nothing
/// (backend_iptables.py, update_logging()); and what before.rules has for
/// other tables comes once more at each start, which does nothing either.
fn saved(snapshot: &Snapshot, command: &str) -> Vec<String> {
    let mut lines = plain(snapshot.output(command).unwrap().text());
    lines.retain(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        !matches!(words.as_slice(), ["-A", chain, "-j", "RETURN"]
            if chain.contains("-user-logging-"))
    });
    lines.dedup();
    lines
}

/// The files alone come to what is loaded.
fn files_tell(now: &Snapshot) -> Vec<String> {
    let load = load(now).unwrap().unwrap();
    let mut wrong = Vec::new();
    if !load.unknown.is_empty() {
        wrong.push(format!("{:?}", load.unknown));
    }
    let mut other = Shell::new().unwrap();
    load.dumps.iter().for_each(|dump| other.restore(dump));
    let ours = other.rules();
    for command in SAVES {
        wrong.extend(differences(&saved(&ours, command), &saved(now, command)));
    }
    let odd = mismatches(now).unwrap();
    wrong.extend(odd.iter().map(|odd| format!("{odd:?}")));
    wrong
}

fn quoted(words: &[String]) -> String {
    let words = words.iter().map(|word| format!("'{word}'"));
    words.collect::<Vec<_>>().join(" ")
}

/// The texts of ufw's own files, and the rules, but for where they go in
/// before and after the change is made.
fn state(snapshot: &Snapshot) -> Vec<String> {
    let mut all = Vec::new();
    for path in ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"] {
        let text = snapshot.text(path).unwrap().unwrap();
        let lines = text.text().lines().filter(|line| !line.is_empty());
        all.extend(lines.map(str::to_owned));
    }
    all
}

/// ufw takes what it is asked for, does what was said, and takes it back.
fn asks(shell: &mut Shell, root: &Path, now: &Snapshot) -> Asked {
    let clients: Vec<Cidr> = ["192.0.2.20", "2001:db8:1::20"]
        .map(|text| text.parse().unwrap())
        .into();
    let wanted = Ask { port: 11211, protos: &[Proto::Tcp], clients: &clients };
    let changes = match ask(now, &wanted) {
        Ok(changes) => changes,
        Err(error) => return Asked::Refused(error.to_string()),
    };
    let mut wrong = Vec::new();
    let mut thought = now.clone();
    for change in &changes {
        let command = quoted(&change.command);
        let (said, status) = shell.run(&format!("{command} 2>&1")).unwrap();
        change.apply(&mut thought);
        if status != 0 {
            wrong.push(format!("{command}: {said}"));
        }
        let check = quoted(&change.check);
        if !check.is_empty() && shell.run(&check).unwrap().1 != 0 {
            wrong.push(format!("{check}: not so"));
        }
    }
    let after = found(shell, root);
    wrong.extend(differences(&state(&thought), &state(&after)));
    for command in SAVES {
        wrong.extend(differences(
            &sorted(&saved(&thought, command)),
            &sorted(&saved(&after, command)),
        ));
    }
    match ask(&after, &wanted) {
        Ok(again) if again.is_empty() => {}
        again => wrong.push(format!("again: {again:?}")),
    }
    for change in changes.iter().rev() {
        let undo = quoted(&change.undo);
        let (said, status) = shell.run(&format!("{undo} 2>&1")).unwrap();
        if status != 0 {
            wrong.push(format!("{undo}: {said}"));
        }
    }
    let back = found(shell, root);
    wrong.extend(
        differences(&state(&back), &state(now))
            .iter()
            .map(|line| format!("undone: {line}")),
    );
    Asked::Done(changes.len(), wrong)
}

/// The thought rules stand as ufw writes them, not as the kernel shows them.
/// What only logs decides nothing.
fn sorted(lines: &[String]) -> Vec<String> {
    let mut lines = lines.to_vec();
    lines.retain(|line| !line.contains("-user-logging-"));
    lines.sort();
    lines
}

enum Asked {
    Refused(String),
    /// So many changes, and what was wrong.
    Done(usize, Vec<String>),
}

#[test]
fn random_commands() {
    if !Path::new("/usr/sbin/ufw").exists() {
        return println!("skipped: no ufw");
    }
    let directory = tempfile::tempdir().unwrap();
    let (mut held, mut changes, mut failed) = (0, 0, Vec::new());
    let mut refused = Vec::new();
    for seed in seeds(6) {
        let script = script(&mut Random::new(seed));
        let root = directory.path().join(seed.to_string());
        let Some(mut shell) = started(&root, &script) else {
            return println!("skipped: no namespaces");
        };
        let now = found(&mut shell, &root);
        let mut wrong = files_tell(&now);
        match asks(&mut shell, &root, &now) {
            Asked::Refused(why) => refused.push(format!("{seed}: {why}")),
            Asked::Done(number, more) => {
                changes += number;
                wrong.extend(more);
            }
        }
        held += 1;
        if !wrong.is_empty() {
            let wrong = wrong.join("\n");
            failed.push(format!("seed {seed}: {wrong}\n{script}"));
        }
    }
    println!(
        "ufw: {held} configurations, {} refuse, {changes} changes",
        refused.len()
    );
    refused.iter().for_each(|why| println!("  {why}"));
    let failed = failed.join("\n\n");
    assert!(failed.is_empty(), "{failed}");
}
