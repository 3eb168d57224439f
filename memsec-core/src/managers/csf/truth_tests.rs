//! The model against what csf and iptables did.

use std::fs;

use super::{
    iptables::{Lookup, Names, Tables},
    line::{Command, List, Setup, set_name},
    text::{latin, lines},
};
use crate::{net::Family, truth::shared};

fn setup(ipv6: bool, ipset: bool) -> Setup {
    let both = |text: &str| [text.to_owned(), text.to_owned()];
    Setup {
        ipv6,
        ipset,
        accept: "ACCEPT".to_owned(),
        drop_in: "DROP".to_owned(),
        drop_out: "LOGDROPOUT".to_owned(),
        block_in_only: false,
        device_in: both("! -i lo"),
        device_out: both("! -o lo"),
    }
}

/// The bytes of a cell of csf-lines.tsv.
fn bytes(cell: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = cell;
    while let Some(c) = rest.chars().next() {
        let escape = |text: &str| u8::from_str_radix(text, 16).ok();
        let (byte, len) = match rest.get(..2) {
            Some("\\r") => (Some(b'\r'), 2),
            Some("\\n") => (Some(b'\n'), 2),
            Some("\\t") => (Some(b'\t'), 2),
            Some("\\x") => (rest.get(2..4).and_then(escape), 4),
            _ => (None, c.len_utf8()),
        };
        match byte {
            Some(byte) => out.push(byte),
            None => out.extend(rest[..len].bytes()),
        }
        rest = &rest[len..];
    }
    out
}

fn tables(family: Family) -> (Family, Tables) {
    let mut tables = Tables::new();
    let names = Names { family, lookup: &lookup() };
    for chain in ["ALLOWIN", "ALLOWOUT", "DENYIN", "DENYOUT", "LOGDROPOUT"] {
        tables.call(&names, &format!("-N {chain}"), None).unwrap();
    }
    (family, tables)
}

fn lookup() -> Lookup {
    let users = "memcache:x:110:110::/:\n".to_owned();
    Lookup::new([Some("ssh 22/tcp\n".into()), Some(users), Some("".into())])
}

/// What a row says that csf does, and whether the kernel takes it.
fn done(command: &Command) -> (String, bool) {
    match command {
        Command::Rule(family, text) => {
            let number = if *family == Family::Ipv4 { 4 } else { 6 };
            let (family, mut tables) = tables(*family);
            let ok = tables
                .call(&Names { family, lookup: &lookup() }, text, None)
                .is_ok();
            (format!("{number} {text}"), ok)
        }
        Command::Add { set, address } => {
            let mut sets = super::sets::Sets::default();
            sets.create(set);
            let ok = sets.add(set, address, None).is_ok();
            (format!("ipset add -exist {set} {address}"), ok)
        }
    }
}

#[test]
fn every_line_gives_the_commands_of_csf() {
    let Some(path) = shared("truth/csf-lines.tsv") else { return };
    let mut counts = std::collections::BTreeMap::new();
    let mut wrong = Vec::new();
    for row in fs::read_to_string(path).unwrap().lines().skip(1) {
        let cells: Vec<_> = row.split('\t').collect();
        let [mode, list, input, commands, results] = cells[..] else {
            panic!("{row}")
        };
        let setup = setup(mode != "v6off", mode == "ipset");
        let kind = if list == "allow" { List::Allow } else { List::Deny };
        let input = bytes(input);
        let (mut found, mut taken) = (Vec::new(), Vec::new());
        for line in lines("f", &input) {
            if let Some(path) = line.include() {
                found.push(format!("INCLUDE[{}]", latin(path)));
                taken.push("include".to_owned());
            }
            let Some(entry) = line.entry() else { continue };
            for command in setup.commands(kind, &latin(entry)) {
                let (text, ok) = done(&command);
                found.push(text);
                taken.push(if ok { "ok" } else { "FAIL" }.to_owned());
            }
        }
        let expected: Vec<_> =
            commands.split(" ; ").filter(|text| *text != "-").collect();
        let results: Vec<_> = results
            .split(" ; ")
            .filter(|text| *text != "-")
            .map(|text| text.split(':').next().unwrap_or_default())
            .collect();
        let count = counts.entry(format!("{mode} {list}")).or_insert((0, 0));
        count.1 += 1;
        if found == expected && taken == results {
            count.0 += 1;
        } else {
            wrong.push(format!("{row}: {found:?} {taken:?}"));
        }
    }
    println!("csf-lines: {counts:?}");
    for row in &wrong {
        println!("  {row}");
    }
    assert!(wrong.is_empty());
}

#[test]
fn sets_are_named_as_csf_names_them() {
    assert_eq!(set_name("ALLOW", Family::Ipv6), "chain_6_ALLOW");
}
