//! What a daemon answers to `stats settings` by its arguments:
//! `process_stat_settings` of memcached.c, tags 1.4.0 to 1.6.45.

use std::cell::Cell;

use crate::memcached::{
    Running, Version,
    number::{atoi, strtol},
    ports::port_settings,
    sizes::{MEGABYTE, size},
    spoken::{Spoken, usual},
    version::Release,
};

/// A setting: its name, the option that sets it, and what it then is.
/// Those that change while it runs are left out: verbosity and maxbytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub letter: char,
    value: fn(&Running) -> Option<String>,
}

const fn key(
    name: &'static str,
    letter: char,
    value: fn(&Running) -> Option<String>,
) -> Key {
    Key { name, letter, value }
}

pub(super) const KEYS: &[Key] = &[
    key("tcpport", 'p', |r| Some(both_ports(r).0.to_string())),
    key("udpport", 'U', |r| Some(both_ports(r).1.to_string())),
    key("inter", 'l', |r| text(r, 'l', "NULL")),
    key("domain_socket", 's', |r| text(r, 's', "NULL")),
    key("umask", 'a', umask),
    key("binding_protocol", 'B', |r| Some(protocol(r).to_owned())),
    key("auth_enabled_sasl", 'S', |r| flag(r, 'S', ["no", "yes"])),
    key("auth_enabled_ascii", 'Y', |r| text(r, 'Y', "no")),
    key("ssl_enabled", 'Z', |r| flag(r, 'Z', ["no", "yes"])),
    key("ssl_chain_cert", 'o', |r| sub(r, "ssl_chain_cert", "(null)")),
    key("ssl_key", 'o', |r| sub(r, "ssl_key", "(null)")),
    key("ssl_verify_mode", 'o', |r| sub(r, "ssl_verify_mode", "0")),
    key("ssl_ca_cert", 'o', |r| sub(r, "ssl_ca_cert", "NULL")),
    key("shutdown_command", 'A', |r| flag(r, 'A', ["no", "yes"])),
    key("flush_enabled", 'F', |r| flag(r, 'F', ["yes", "no"])),
    key("dump_enabled", 'X', |r| flag(r, 'X', ["yes", "no"])),
    key("evictions", 'M', |r| flag(r, 'M', ["on", "off"])),
    key("cas_enabled", 'C', |r| flag(r, 'C', ["yes", "no"])),
    key("maxconns", 'c', |r| number(r, 'c', 1024)),
    key("num_threads", 't', |r| number(r, 't', 4)),
    key("reqs_per_event", 'R', |r| number(r, 'R', 20)),
    key("tcp_backlog", 'b', |r| number(r, 'b', 1024)),
    key("item_size_max", 'I', item_size),
    key("memory_file", 'e', |r| text(r, 'e', "(null)")),
];

/// The suboptions that have a setting.
pub(super) const SHOWN: [&str; 4] =
    ["ssl_chain_cert", "ssl_key", "ssl_verify_mode", "ssl_ca_cert"];

impl Key {
    /// What it is; `None` where the version is not known and decides it.
    pub(super) fn value(
        &self,
        running: &Running,
        version: Option<Version>,
    ) -> Option<String> {
        let given = running.options.contains_key(&self.letter);
        if version.is_none() && self.is_port() && !given {
            return None;
        }
        (self.value)(running)
    }

    pub(super) fn is_port(&self) -> bool {
        matches!(self.name, "tcpport" | "udpport")
    }

    /// Whether it decides what is listened on.
    pub(super) fn is_network(&self) -> bool {
        matches!(self.letter, 'p' | 'U' | 'l' | 's')
    }
}

fn word(running: &Running, letter: char) -> Option<&str> {
    running.options.get(&letter).map(|word| word.text.as_str())
}

fn text(running: &Running, letter: char, none: &str) -> Option<String> {
    Some(word(running, letter).unwrap_or(none).to_owned())
}

fn flag(running: &Running, letter: char, names: [&str; 2]) -> Option<String> {
    let [off, on] = names;
    let has = running.options.contains_key(&letter);
    Some(if has { on } else { off }.to_owned())
}

fn number(running: &Running, letter: char, default: i32) -> Option<String> {
    Some(word(running, letter).map_or(default, atoi).to_string())
}

fn sub(running: &Running, name: &str, none: &str) -> Option<String> {
    let given = running.suboptions.get(name).and_then(Option::as_deref);
    Some(given.unwrap_or(none).to_owned())
}

/// The ports of TCP and of UDP, 0 for one that is off.
pub(super) fn both_ports(running: &Running) -> (i32, i32) {
    let number = |letter| word(running, letter).map(atoi);
    let next = Cell::new(running.version);
    let release = Release::new(running.version, &next);
    port_settings(release, number('p'), number('U'), false)
}

/// Printed as an `int` in octal.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as C does"
)]
fn umask(running: &Running) -> Option<String> {
    let mask = word(running, 'a').map_or(0o700, |text| strtol(text, 8).0);
    Some(format!("{:o}", mask as i32 as u32))
}

fn item_size(running: &Running) -> Option<String> {
    let default = MEGABYTE;
    Some(word(running, 'I').map_or(default, size).to_string())
}

/// `prot_text` of memcached.c.
fn protocol(running: &Running) -> &'static str {
    match usual(running) {
        Spoken::Ascii => "ascii",
        Spoken::Binary => "binary",
        Spoken::Negotiating => "auto-negotiate",
        Spoken::Proxy => "proxy",
    }
}
