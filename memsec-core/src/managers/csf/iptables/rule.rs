//! The words of a rule.

use std::collections::BTreeMap;

use super::{
    Names, Refusal, address,
    module::{BARE, ROWS, Row},
    target::target,
};
use crate::net::Family;

/// A rule as iptables-save prints it, without "-A" and its chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Canonical {
    pub text: String,
    /// The chain that it goes to, or a target that needs none.
    pub calls: Option<String>,
}

#[derive(Debug, Default)]
struct Draft {
    source: Option<String>,
    destination: Option<String>,
    input: Option<String>,
    output: Option<String>,
    protocol: Option<String>,
    matches: Vec<Found>,
    goto: bool,
    target: Option<(String, Vec<String>)>,
}

/// A match with its options, by their place in it.
#[derive(Debug)]
struct Found {
    module: &'static str,
    options: BTreeMap<u8, String>,
}

/// Reads the words of a rule behind "-A CHAIN".
pub(in super::super) fn canonical(
    names: &Names<'_>,
    words: &[String],
) -> Result<Canonical, Refusal> {
    let mut draft = Draft::default();
    let mut words = words;
    let mut negated = false;
    while let [word, rest @ ..] = words {
        words = rest;
        if word == "!" {
            negated = true;
            continue;
        }
        let taken = draft.option(names, word, rest, negated)?;
        words = rest.get(taken..).unwrap_or_default();
        negated = false;
    }
    draft.finish(names)
}

impl Draft {
    /// Reads one option, and says how many words it took.
    fn option(
        &mut self,
        names: &Names<'_>,
        word: &str,
        rest: &[String],
        negated: bool,
    ) -> Result<usize, Refusal> {
        let next = || {
            let next = rest.first().map(String::as_str);
            next.ok_or_else(|| Refusal::new(format!("{word} is cut")))
        };
        let sign = if negated { "! " } else { "" };
        match word {
            "-s" | "--source" | "--src" => {
                let net = address::network(names.family, next()?)?;
                self.source = net.map(|net| format!("{sign}-s {net}"));
            }
            "-d" | "--destination" | "--dst" => {
                let net = address::network(names.family, next()?)?;
                self.destination = net.map(|net| format!("{sign}-d {net}"));
            }
            "-i" | "--in-interface" => {
                self.input = Some(format!("{sign}-i {}", interface(next()?)?));
            }
            "-o" | "--out-interface" => {
                self.output = Some(format!("{sign}-o {}", interface(next()?)?));
            }
            "-p" | "--protocol" => {
                let name = protocol(next()?)?;
                self.protocol = Some(format!("{sign}{name}"));
            }
            "-m" | "--match" => self.load(next()?)?,
            "-j" | "--jump" | "-g" | "--goto" => {
                self.goto = matches!(word, "-g" | "--goto");
                let options = rest.get(1..).unwrap_or_default().to_vec();
                self.target = Some((next()?.to_owned(), options));
                return Ok(rest.len());
            }
            _ => return self.match_option(names, word, rest, sign),
        }
        Ok(1)
    }

    fn load(&mut self, name: &str) -> Result<(), Refusal> {
        let known = ROWS.iter().map(|row| row.module).chain(BARE);
        let alias = if name == "icmpv6" { "icmp6" } else { name };
        let module = known.into_iter().find(|module| *module == alias);
        let Some(module) = module else {
            let reason = format!("the match {name} is not known here");
            return Err(Refusal::Undecided(reason));
        };
        self.matches.push(Found { module, options: BTreeMap::new() });
        Ok(())
    }

    fn match_option(
        &mut self,
        names: &Names<'_>,
        word: &str,
        rest: &[String],
        sign: &str,
    ) -> Result<usize, Refusal> {
        let mut rows = ROWS.iter().filter(|row| row.names.contains(&word));
        let row = rows.find(|row| self.offers(row));
        let Some(row) = row.filter(|row| rest.len() >= row.words) else {
            let shape = if word.starts_with('-') { "option" } else { "word" };
            return Err(Refusal::new(format!("unknown {shape} \"{word}\"")));
        };
        let given = rest.get(..row.words).unwrap_or_default();
        let shown = (row.show)(names, given)?;
        let found = self.found(row.module);
        if let (Some(value), Some(found)) = (shown, found) {
            // Two names of one option: the first is what it is saved as.
            let name = match row.names {
                [first, ..] if row.words > 0 || word == "--syn" => first,
                _ => word,
            };
            let blank = if value.is_empty() { "" } else { " " };
            let text = format!("{sign}{name}{blank}{value}");
            found.options.insert(row.order, text);
        }
        Ok(row.words)
    }

    /// Whether the module of an option is there, or comes with the protocol.
    fn offers(&self, row: &Row) -> bool {
        let loaded = self.matches.iter().any(|f| f.module == row.module);
        let implied = match self.protocol.as_deref() {
            Some("tcp") => "tcp",
            Some("udp") => "udp",
            Some("icmp") => "icmp",
            Some("ipv6-icmp") => "icmp6",
            _ => "",
        };
        loaded || implied == row.module
    }

    /// The last match of a module, which is there from now on.
    fn found(&mut self, module: &'static str) -> Option<&mut Found> {
        if !self.matches.iter().any(|found| found.module == module) {
            self.matches.push(Found { module, options: BTreeMap::new() });
        }
        self.matches.iter_mut().rev().find(|found| found.module == module)
    }

    fn finish(self, names: &Names<'_>) -> Result<Canonical, Refusal> {
        let v4_only = self.matches.iter().any(|found| found.module == "icmp");
        if v4_only && names.family == Family::Ipv6 {
            return Err(Refusal::new("unknown option \"--icmp-type\""));
        }
        let protocol =
            self.protocol.map(|name| match name.strip_prefix("! ") {
                Some(name) => format!("! -p {name}"),
                None => format!("-p {name}"),
            });
        let plain =
            [self.source, self.destination, self.input, self.output, protocol];
        let mut parts: Vec<String> = plain.into_iter().flatten().collect();
        for found in self.matches {
            parts.push(format!("-m {}", found.module));
            parts.extend(found.options.into_values());
        }
        let mut calls = None;
        if let Some((name, options)) = self.target {
            let known = target(names.family, &name, &options)?;
            let call = if self.goto { "-g" } else { "-j" };
            parts.push(match known {
                Some(text) => format!("{call} {text}"),
                None => format!("{call} {name}"),
            });
            calls = Some(name);
        }
        Ok(Canonical { text: parts.join(" "), calls })
    }
}

/// What the kernel has room for.
const LONGEST: usize = 15;

fn interface(name: &str) -> Result<&str, Refusal> {
    match name.len() {
        1..=LONGEST => Ok(name),
        _ => Err(Refusal::new(format!("interface name `{name}' is too long"))),
    }
}

/// As /etc/protocols has it.
fn protocol(name: &str) -> Result<String, Refusal> {
    let known = ["tcp", "udp", "icmp", "sctp", "udplite", "esp", "ah", "gre"];
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "icmpv6" | "ipv6-icmp" => Ok("ipv6-icmp".to_owned()),
        lower if known.contains(&lower) => Ok(lower.to_owned()),
        lower => match lower {
            "6" => Ok("tcp".to_owned()),
            "17" => Ok("udp".to_owned()),
            "1" => Ok("icmp".to_owned()),
            _ => Err(Refusal::Undecided(format!("the protocol {name}"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Lookup, *};

    fn saved(text: &str) -> Result<String, Refusal> {
        let users = "root:x:0:0::/:\nmemcache:x:110:110::/:\n";
        let lookup = Lookup::new([
            Some("ssh 22/tcp\n".into()),
            Some(users.into()),
            None,
        ]);
        let names = Names { family: Family::Ipv4, lookup: &lookup };
        let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
        canonical(&names, &words).map(|rule| rule.text)
    }

    macro_rules! printed {
        ($($name:ident: $rule:literal => $text:literal;)*) => {$(
            #[test]
            fn $name() {
                assert_eq!(saved($rule).unwrap(), $text);
            }
        )*};
    }

    printed! {
        the_source_comes_first: "! -i lo -p tcp -s 192.0.2.20 --dport 11211 \
                                 -j ACCEPT"
            => "-s 192.0.2.20/32 ! -i lo -p tcp -m tcp --dport 11211 \
                -j ACCEPT";
        matches_stay_in_order: "-p tcp -m conntrack --ctstate NEW --dport 22"
            => "-p tcp -m conntrack --ctstate NEW -m tcp --dport 22";
        syn_is_four_flags: "-p tcp ! --syn"
            => "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN";
        a_list_of_ports: "-p tcp -m multiport --dport 22,80:90"
            => "-p tcp -m multiport --dports 22,80:90";
        a_rate: "-m limit --limit 60/m --limit-burst 5"
            => "-m limit --limit 1/sec";
        a_burst: "-m limit --limit 100/s --limit-burst 150"
            => "-m limit --limit 100/sec --limit-burst 150";
        a_user: "-m owner --uid-owner memcache"
            => "-m owner --uid-owner 110";
        a_service: "-p tcp --dport ssh" => "-p tcp -m tcp --dport 22";
        all_ports_are_none: "-p tcp --dport :" => "-p tcp -m tcp";
        a_list_that_is_kept: "-m recent --set --name x"
            => "-m recent --set --name x --mask 255.255.255.255 --rsource";
    }

    #[test]
    fn what_iptables_refuses() {
        for rule in [
            "-p tcp --dport 65536",
            "-p tcp --dport 11211x",
            "-p tcp --dport 5:3",
            "-p tcp -m multiport --dport 11211,",
            "-p icmp --dport 80",
            "-s 192.0.2.20/",
            "-p tcp --dport memcache",
            "-j ACCEPT more",
        ] {
            assert!(matches!(saved(rule), Err(Refusal::Refused(_))), "{rule}");
        }
    }
}
