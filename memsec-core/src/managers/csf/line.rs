//! What csf makes of a line of csf.allow and csf.deny: `linefilter` in
//! csf.pl. Versions 15.00 to 15.14 and both forks agree.

use super::address::{Address, check};
use crate::net::Family;

/// What the lists share, from csf.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setup {
    pub ipv6: bool,
    pub ipset: bool,
    /// What an allowed packet jumps to.
    pub accept: String,
    /// What a denied packet jumps to.
    pub drop_in: String,
    pub drop_out: String,
    /// True if csf.deny stops packets on their way in only.
    pub block_in_only: bool,
    /// "! -i lo" or "-i eth0", by family.
    pub device_in: [String; 2],
    pub device_out: [String; 2],
}

/// Which list a line stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Allow,
    Deny,
    /// One with chains of its own, by their common name: "GALLOW".
    AllowIn(&'static str),
    DenyIn(&'static str),
}

impl List {
    fn denies(self) -> bool {
        matches!(self, Self::Deny | Self::DenyIn(_))
    }

    /// Its chains without "IN" or "OUT".
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::AllowIn(name) | Self::DenyIn(name) => name,
        }
    }

    /// "-I ALLOWIN": csf.allow alone puts the later line first.
    fn chain(self, direction: Direction) -> String {
        let verb = if self == Self::Allow { "-I" } else { "-A" };
        format!("{verb} {}{}", self.name(), direction.name())
    }
}

/// Something that csf does for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Calls iptables or ip6tables with these words.
    Rule(Family, String),
    /// Puts an address into a set.
    Add { set: String, address: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::In => "IN",
            Self::Out => "OUT",
        }
    }
}

impl Setup {
    pub(super) fn device(&self, family: Family) -> (&str, &str) {
        let [in4, in6] = &self.device_in;
        let [out4, out6] = &self.device_out;
        match family {
            Family::Ipv4 => (in4, out4),
            Family::Ipv6 => (in6, out6),
        }
    }

    fn target(&self, list: List, direction: Direction) -> &str {
        match (list.denies(), direction) {
            (false, _) => &self.accept,
            (true, Direction::In) => &self.drop_in,
            (true, Direction::Out) => &self.drop_out,
        }
    }

    /// What csf does for an entry: a word of the file.
    pub(super) fn commands(&self, list: List, entry: &str) -> Vec<Command> {
        let entry = entry.to_ascii_lowercase();
        if entry.is_empty() || entry.starts_with('#') {
            return Vec::new();
        }
        if let Some(address) = check(&entry) {
            return self.whole(list, &address);
        }
        let fields: Vec<&str> = match entry.contains('|') {
            true => entry.split('|').collect(),
            false if entry.contains(':') => entry.split(':').collect(),
            false => return Vec::new(),
        };
        self.ports(list, &Fields::read(&fields))
    }

    /// Every port of an address.
    fn whole(&self, list: List, address: &Address) -> Vec<Command> {
        let family = address.family;
        if family == Family::Ipv6 && !self.ipv6 {
            return Vec::new();
        }
        let text = &address.text;
        if self.ipset {
            let set = set_name(list.name(), family);
            return vec![Command::Add { set, address: text.clone() }];
        }
        let (device_in, device_out) = self.device(family);
        let rule = |direction: Direction, device: &str, side: &str| {
            let chain = list.chain(direction);
            let target = self.target(list, direction);
            let text = format!("{chain} {device} {side} {text} -j {target}");
            Command::Rule(family, text)
        };
        let mut rules = vec![rule(Direction::In, device_in, "-s")];
        if !(list.denies() && self.block_in_only) {
            rules.push(rule(Direction::Out, device_out, "-d"));
        }
        rules
    }

    /// One rule for a port, or for the owner of a process.
    fn ports(&self, list: List, fields: &Fields) -> Vec<Command> {
        if let Some(owner) = &fields.owner {
            let families = [Family::Ipv4, Family::Ipv6];
            let families =
                families.iter().filter(|f| self.ipv6 || **f == Family::Ipv4);
            let port = fields.port.iter().filter(|(side, _)| *side == 'd');
            let port: Vec<_> = port.map(|(_, text)| text.as_str()).collect();
            let words =
                [fields.protocol, &port.join(" "), "-m owner", owner.as_str()];
            // The device of IPv4, for IPv6 too: csf.pl calls it $lineout.
            let (_, device) = self.device(Family::Ipv4);
            let of = |family: &Family| {
                self.rule(list, Direction::Out, device, *family, &words)
            };
            return families.map(of).collect();
        }
        let (Some((_, port)), Some((side, address, family))) =
            (&fields.port, &fields.address)
        else {
            return Vec::new();
        };
        if *family == Family::Ipv6 && !self.ipv6 {
            return Vec::new();
        }
        let (device_in, device_out) = self.device(Family::Ipv4);
        let device = match fields.direction {
            Direction::In => device_in,
            Direction::Out => device_out,
        };
        let address = format!("-{side} {address}");
        let words = [fields.protocol, &address, port];
        vec![self.rule(list, fields.direction, device, *family, &words)]
    }

    fn rule(
        &self,
        list: List,
        direction: Direction,
        device: &str,
        family: Family,
        words: &[&str],
    ) -> Command {
        let words: Vec<_> =
            words.iter().filter(|word| !word.is_empty()).copied().collect();
        let (chain, words) = (list.chain(direction), words.join(" "));
        let target = self.target(list, direction);
        let text = format!("{chain} {device} {words} -j {target}");
        Command::Rule(family, text)
    }
}

/// The set of a list's addresses.
pub(super) fn set_name(list: &str, family: Family) -> String {
    match family {
        Family::Ipv4 => format!("chain_{list}"),
        Family::Ipv6 => format!("chain_6_{list}"),
    }
}

/// What the fields of a line say. Their order matters: csf looks for each in
/// turn, from where it found the last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fields {
    protocol: &'static str,
    direction: Direction,
    /// 's' or 'd', and the option that it becomes.
    port: Option<(char, String)>,
    /// 's' or 'd', the address as it stands there, and its family.
    address: Option<(char, String, Family)>,
    owner: Option<String>,
}

impl Fields {
    fn read(fields: &[&str]) -> Self {
        let at = |index: usize| fields.get(index).copied().unwrap_or_default();
        let (protocol, mut from) = match at(0) {
            "tcp" => ("-p tcp", 1),
            "udp" => ("-p udp", 1),
            "icmp" => ("-p icmp", 1),
            _ => ("-p tcp", 0),
        };
        let mut direction = Direction::In;
        if let Some(x) = (from..2).find(|&x| matches!(at(x), "in" | "out")) {
            if at(x) == "out" {
                direction = Direction::Out;
            }
            from = x + 1;
        }
        let first = (from..3).find_map(|x| side(at(x)).map(|f| (x, f)));
        let port = first.map(|(x, (side, text))| {
            from = x + 1;
            (side, port_option(protocol, side, text))
        });
        let address = (from..4).find_map(|x| side(at(x)));
        let address = address.and_then(|(side, text)| {
            let family = check(text)?.family;
            Some((side, text.to_owned(), family))
        });
        let owner = (from..5).find_map(|x| owner(at(x)));
        Self { protocol, direction, port, address, owner }
    }
}

/// What follows the first "d=", or else the first "s=", wherever they stand
/// in the field.
fn side(field: &str) -> Option<(char, &str)> {
    let after = |mark: &str| field.split_once(mark).map(|(_, rest)| rest);
    match after("d=") {
        Some(rest) => Some(('d', rest)),
        None => after("s=").map(|rest| ('s', rest)),
    }
}

fn port_option(protocol: &str, side: char, text: &str) -> String {
    let option = match (protocol, side) {
        ("-p icmp", _) => format!("--icmp-type {text}"),
        (_, 'd') => format!("--dport {}", text.replace('_', ":")),
        _ => format!("--sport {}", text.replace('_', ":")),
    };
    let several = option.contains(',');
    if several { format!("-m multiport {option}") } else { option }
}

fn owner(field: &str) -> Option<String> {
    let after = |mark: &str| field.split_once(mark).map(|(_, rest)| rest);
    let user = after("u=").map(|who| format!("--uid-owner {who}"));
    user.or_else(|| after("g=").map(|who| format!("--gid-owner {who}")))
}
