//! csf.allow, csf.deny and the lists beside them.

use super::{
    super::{
        address::check,
        line::{Command, List, set_name},
        text::{Line, latin},
    },
    STATE, Start, Step, UNDECIDED,
};
use crate::{net::Family, text::Place};

/// Characters for which perl calls a shell.
const SHELL: &str = "$&*(){}[]'\";\\|?<>~`";

impl Start<'_> {
    /// The entries of a list.
    fn entries(&mut self, list: List, lines: &[(String, Place)]) -> Step {
        for (entry, place) in lines {
            for command in self.setup.commands(list, entry) {
                if let Command::Rule(_, words) = &command {
                    self.shell(words, place);
                }
                self.call(command, Some(place.clone()))?;
            }
        }
        Ok(())
    }

    /// One command at a time goes through a shell.
    fn shell(&mut self, words: &str, place: &Place) {
        let odd = words.contains(|c: char| SHELL.contains(c));
        if odd && self.batch.is_none() {
            let what = "a shell reads this line as commands".to_owned();
            self.unknown.push((what, place.clone()));
            self.doubt.get_or_insert(place.clone());
        }
    }

    /// A file of entries, with Includes. What cannot be read may let
    /// anybody in, or stop anybody.
    fn list(&mut self, path: &str, list: List) -> Step {
        self.unread = false;
        let lines = self.lines(path)?;
        if self.unread {
            let (chain, target) = match list {
                List::Deny => ("DENYIN", self.setup.drop_in.clone()),
                _ => ("ALLOWIN", self.setup.accept.clone()),
            };
            let rule = format!("-A {chain} {UNDECIDED} -j {target}");
            self.both("", |_| rule.clone())?;
        }
        let entries = lines
            .iter()
            .filter_map(|line| Some((latin(line.entry()?), line.place())));
        let entries: Vec<_> = entries.collect();
        self.entries(list, &entries)
    }

    /// A file that csf itself writes.
    pub(super) fn kept_entries(&mut self, path: &str) -> Vec<(String, Place)> {
        let lines = self.plain_lines(path);
        let entries = lines.iter().filter_map(|line| {
            Some((latin(line.plain_entry()?), line.place()))
        });
        entries.collect()
    }

    /// The sets of a list and the rules that look into them.
    fn list_sets(&mut self, key: &str, list: &str, denies: bool) -> Step {
        if !self.setup.ipset {
            return Ok(());
        }
        let setup = self.setup.clone();
        let (into, out) = match denies {
            true => (&setup.drop_in, &setup.drop_out),
            false => (&setup.accept, &setup.accept),
        };
        let families =
            Family::BOTH.iter().filter(|f| setup.ipv6 || **f == Family::Ipv4);
        families.for_each(|f| self.sets.create(&set_name(list, *f)));
        self.both(key, |d| {
            let set = set_name(list, d.family);
            format!("-A {list}IN -m set --match-set {set} src -j {into}")
        })?;
        if denies && setup.block_in_only {
            return Ok(());
        }
        self.both(key, |d| {
            let set = set_name(list, d.family);
            format!("-A {list}OUT -m set --match-set {set} dst -j {out}")
        })
    }

    /// Addresses of this host that nobody may reach: csf.sips.
    pub(super) fn server_addresses(&mut self) -> Step {
        let logged = self.conf.on("DROP_LOGGING");
        let target = |log: &str, plain: &str| match logged {
            true => log.to_owned(),
            false => self.conf.get(plain).to_owned(),
        };
        let into = target("LOGDROPIN", "DROP");
        let out = target("LOGDROPOUT", "DROP_OUT");
        for line in self.lines("/etc/csf/csf.sips")? {
            let Some(entry) = line.entry() else { continue };
            let Some(address) = check(&latin(entry)) else { continue };
            let family = address.family;
            if family == Family::Ipv6 && !self.setup.ipv6 {
                continue;
            }
            let d = self.devices.of(family);
            let text = &address.text;
            let input =
                format!("-A LOCALINPUT {} -d {text} -j {into}", d.input);
            let output =
                format!("-A LOCALOUTPUT {} -s {text} -j {out}", d.output);
            for words in [input, output] {
                self.call(Command::Rule(family, words), Some(line.place()))?;
            }
        }
        Ok(())
    }

    /// csf.deny.
    pub(super) fn deny(&mut self) -> Step {
        self.fast(|start| {
            start.list_sets("LF_IPSET", "DENY", true)?;
            start.list("/etc/csf/csf.deny", List::Deny)
        })
    }

    /// csf.allow.
    pub(super) fn allow(&mut self) -> Step {
        self.fast(|start| {
            start.list_sets("LF_IPSET", "ALLOW", false)?;
            start.list("/etc/csf/csf.allow", List::Allow)
        })
    }

    pub(super) fn global_deny(&mut self) -> Step {
        self.kept_list("GLOBAL_DENY", "gdeny", List::DenyIn("GDENY"), true)
    }

    pub(super) fn global_allow(&mut self) -> Step {
        self.kept_list("GLOBAL_ALLOW", "gallow", List::AllowIn("GALLOW"), true)
    }

    /// The addresses of the names of csf.dyndns, as last looked up.
    pub(super) fn dynamic_names(&mut self) -> Step {
        let list = List::AllowIn("ALLOWDYN");
        self.kept_list("DYNDNS", "tempdyn", list, false)?;
        let list = List::AllowIn("GDYN");
        self.kept_list("GLOBAL_DYNDNS", "tempgdyn", list, true)
    }

    /// A list that lfd writes, with chains of its own.
    fn kept_list(
        &mut self,
        key: &str,
        file: &str,
        list: List,
        batch: bool,
    ) -> Step {
        if !self.conf.on(key) {
            return Ok(());
        }
        let (name, denies) = match list {
            List::DenyIn(name) => (name, true),
            List::AllowIn(name) => (name, false),
            List::Allow | List::Deny => return Ok(()),
        };
        let path = format!("{STATE}csf.{file}");
        self.note_elsewhere(key, &path);
        self.list_sets(key, name, denies)?;
        let entries = self.kept_entries(&path);
        match batch {
            true => self.fast(|start| start.entries(list, &entries))?,
            false => self.entries(list, &entries)?,
        }
        if self.not_looked_for(&path) {
            let setup = self.setup.clone();
            let target = if denies { setup.drop_in } else { setup.accept };
            let rule = format!("-A {name}IN {UNDECIDED} -j {target}");
            self.both(key, |_| rule.clone())?;
        }
        self.kept_jumps(key, name, denies)
    }

    /// Those that let in come first, those that do not last.
    fn kept_jumps(&mut self, key: &str, name: &str, denies: bool) -> Step {
        let verb = if denies { "-A" } else { "-I" };
        // Names that are looked up have the device of IPv4 for IPv6 too on
        // the way in.
        let plain = !name.contains("DYN");
        self.both(key, |d| {
            let input = if plain { &d.input } else { &d.input4 };
            format!("{verb} LOCALINPUT {input} -j {name}IN")
        })?;
        self.both(key, |d| {
            let output = if plain { &d.output } else { &d.output4 };
            format!("{verb} LOCALOUTPUT {output} -j {name}OUT")
        })
    }

    /// csf.tempban and csf.tempallow.
    pub(super) fn temporary(&mut self) -> Step {
        for line in self.plain_lines(&format!("{STATE}csf.tempban")) {
            let setup = &self.setup;
            let targets = (setup.drop_in.clone(), setup.drop_out.clone());
            self.temporary_entry(&line, ["-A DENYIN", "-A DENYOUT"], targets)?;
        }
        for line in self.plain_lines(&format!("{STATE}csf.tempallow")) {
            let accept = self.setup.accept.clone();
            let targets = (accept.clone(), accept);
            self.temporary_entry(
                &line,
                ["-I ALLOWIN", "-I ALLOWOUT"],
                targets,
            )?;
        }
        Ok(())
    }

    /// `time|address|port,port;proto|inout|seconds|message`. Whether it is
    /// over depends on the clock.
    fn temporary_entry(
        &mut self,
        line: &Line<'_>,
        [chain_in, chain_out]: [&str; 2],
        (target_in, target_out): (String, String),
    ) -> Step {
        let text = latin(line.bytes);
        let mut fields = text.split('|').skip(1);
        let mut next = || fields.next().unwrap_or_default();
        let (address, ports, inout, _, message) =
            (next(), next(), next(), next(), next());
        let Some(address) = check(address) else { return Ok(()) };
        if address.family == Family::Ipv6 && !self.setup.ipv6 {
            return Ok(());
        }
        let doubt = if message.contains("(CF:") { "" } else { UNDECIDED };
        let device = self.devices.of(address.family);
        let ways = [
            ("in", chain_in, &device.input, "-s", target_in),
            ("out", chain_out, &device.output, "-d", target_out),
        ];
        for (way, chain, device, side, target) in ways {
            if !inout.contains(way) {
                continue;
            }
            for port in port_words(ports) {
                let (family, text) = (address.family, &address.text);
                let words = format!(
                    "{chain} {device} {port} {doubt} {side} {text} -j {target}"
                );
                let rule = Command::Rule(family, words);
                self.call(rule, Some(line.place()))?;
            }
        }
        Ok(())
    }
}

/// "-p tcp --dport 80" for each port; one empty word for all of them.
fn port_words(ports: &str) -> Vec<String> {
    if matches!(ports, "" | "0") {
        return vec![String::new()];
    }
    let words = ports.split(',').map(|port| {
        let (port, proto) = port.split_once(';').unwrap_or((port, ""));
        let proto = if proto.is_empty() { "tcp" } else { proto };
        format!("-p {proto} --dport {port}")
    });
    words.collect()
}
