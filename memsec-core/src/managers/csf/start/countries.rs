//! The settings CC_*: whole countries and networks, by lists that lfd
//! fetches.

use super::{
    super::{address::check, iptables::network, line::Command},
    STATE, Start, Step, UNDECIDED,
    blocklists::set_of,
};
use crate::{
    Cidr,
    net::{Family, IpSet},
};

/// Addresses that Net::IP does not call public: csf leaves them out of the
/// lists of countries.
const NOT_PUBLIC: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
];

/// What a setting does with the addresses of its countries.
#[derive(Clone, Debug)]
struct Use {
    key: &'static str,
    /// "-A CC_ALLOW".
    rule: &'static str,
    /// The same for a rule that looks into a set.
    set_rule: &'static str,
    target: String,
}

impl Start<'_> {
    /// The countries of a setting, in lower case: two letters, or AS and a
    /// number.
    pub(super) fn countries(&self, key: &str) -> Vec<String> {
        let good = |cc: &String| {
            let number = cc.get(2..).unwrap_or_default();
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            let letters = cc.bytes().all(|byte| byte.is_ascii_alphabetic());
            match cc.len() {
                2 => letters,
                _ => cc.starts_with("as") && digits && !number.is_empty(),
            }
        };
        let all = self.conf.list(key).into_iter();
        all.map(|cc| cc.to_ascii_lowercase()).filter(good).collect()
    }

    pub(super) fn country_allow(&mut self) -> Step {
        let key = "CC_ALLOW";
        let target = self.setup.accept.clone();
        let rule = "-A CC_ALLOW";
        let of = Use { key, rule, set_rule: rule, target };
        if self.addresses(&of)?.is_some() {
            self.both(key, |d| {
                format!("-I LOCALINPUT {} -j CC_ALLOW", d.input4)
            })?;
        }
        Ok(())
    }

    /// CC_DENY, CC_ALLOW_FILTER, CC_ALLOW_PORTS and CC_DENY_PORTS.
    pub(super) fn country_rest(&mut self) -> Step {
        self.country_deny()?;
        self.country_filter()?;
        for (key, rule, chain) in [
            ("CC_ALLOW_PORTS", "-A CC_ALLOWP", "CC_ALLOWPORTS"),
            ("CC_DENY_PORTS", "-A CC_DENYP", "CC_DENYPORTS"),
        ] {
            self.country_ports(key, chain)?;
            let target = chain.to_owned();
            let of = Use { key, rule, set_rule: rule, target };
            if self.addresses(&of)?.is_some() {
                let name = chain.trim_end_matches("ORTS");
                self.both(key, |d| {
                    format!("-A LOCALINPUT {} -j {name}", d.input4)
                })?;
            }
        }
        Ok(())
    }

    fn country_drop(&self) -> String {
        match self.conf.on("DROP_IP_LOGGING") {
            true => "CCDROP".to_owned(),
            false => self.conf.get("DROP").to_owned(),
        }
    }

    fn country_deny(&mut self) -> Step {
        let (key, rule) = ("CC_DENY", "-I CC_DENY");
        let target = self.country_drop();
        let of = Use { key, rule, set_rule: rule, target };
        if self.addresses(&of)?.is_some() {
            self.both(key, |d| {
                format!("-A LOCALINPUT {} -j CC_DENY", d.input4)
            })?;
        }
        Ok(())
    }

    /// Only these countries get on to the ports.
    fn country_filter(&mut self) -> Step {
        let (key, rule) = ("CC_ALLOW_FILTER", "-A CC_ALLOWF");
        let target = "RETURN".to_owned();
        let of = Use { key, rule, set_rule: rule, target };
        let Some(counts) = self.addresses(&of)? else { return Ok(()) };
        let drop = self.country_drop();
        let last = |count: Option<usize>| match count {
            Some(0) => None,
            Some(_) => Some(format!("-A CC_ALLOWF -j {drop}")),
            None => Some(format!("-A CC_ALLOWF {UNDECIDED} -j {drop}")),
        };
        if let Some(rule) = last(counts[0]) {
            self.v4(key, rule)?;
        }
        if let Some(rule) = last(counts[1]) {
            self.v6(key, rule)?;
        }
        let accept = self.setup.accept.clone();
        let spi = [self.conf.on("LF_SPI"), self.conf.on("IPV6_SPI")];
        let device = self.devices.of(Family::Ipv6);
        let known = |state: &str| {
            let (input, module) = (&device.input4, device.state);
            format!("-I CC_ALLOWF {input} {module} {state} -j {accept}")
        };
        let known: Vec<String> = match self.conf.on("USE_FTPHELPER") {
            true => vec![
                known("RELATED -m helper --helper ftp"),
                known("ESTABLISHED"),
            ],
            false => vec![known("ESTABLISHED,RELATED")],
        };
        for rule in known.iter().filter(|_| spi[0]) {
            self.v4(key, rule.clone())?;
        }
        self.both(key, |d| format!("-A LOCALINPUT {} -j CC_ALLOWF", d.input4))?;
        if spi[1] {
            for rule in known {
                self.v6(key, rule)?;
            }
            let icmp =
                format!("-I CC_ALLOWF {} -p icmpv6 -j {accept}", device.input);
            self.v6(key, icmp)?;
        }
        Ok(())
    }

    /// The ports that the countries may use, or may not.
    fn country_ports(&mut self, key: &str, chain: &str) -> Step {
        if self.countries(key).is_empty() {
            return Ok(());
        }
        let both = self.conf.on("CC6_LOOKUPS");
        for proto in ["tcp", "udp"] {
            let key = format!("{key}_{}", proto.to_ascii_uppercase());
            for port in self.checked_ports(&key)? {
                let d = self.devices.of(Family::Ipv4);
                let (state, target) = match chain {
                    "CC_ALLOWPORTS" => (d.new, self.setup.accept.clone()),
                    _ => (String::new(), self.conf.get("DROP").to_owned()),
                };
                let rule = format!(
                    "-A {chain} {} -p {proto} {state} --dport {port} \
                     -j {target}",
                    d.input
                );
                self.v4(&key, rule.clone())?;
                if both {
                    self.v6(&key, rule)?;
                }
            }
        }
        Ok(())
    }

    /// The rules for the addresses of a setting's countries, and how many
    /// addresses there are of each family (`None` where that is not known);
    /// `None` if there are no countries.
    fn addresses(
        &mut self,
        of: &Use,
    ) -> Result<Option<[Option<usize>; 2]>, super::Stop> {
        let countries = self.countries(of.key);
        let mut counts = [Some(0), Some(0)];
        for cc in &countries {
            let found = [
                self.country(of, cc, Family::Ipv4)?,
                match self.conf.on("CC6_LOOKUPS") {
                    true => self.country(of, cc, Family::Ipv6)?,
                    false => Some(0),
                },
            ];
            for (count, found) in counts.iter_mut().zip(found) {
                *count = count.zip(found).map(|(count, found)| count + found);
            }
        }
        Ok((!countries.is_empty()).then_some(counts))
    }

    fn country(
        &mut self,
        of: &Use,
        cc: &str,
        family: Family,
    ) -> Result<Option<usize>, super::Stop> {
        let ending = if family == Family::Ipv4 { "zone" } else { "zone6" };
        let path = format!("{STATE}zone/{cc}.{ending}");
        self.note_elsewhere(of.key, &path);
        let entries: Vec<_> = self
            .kept_entries(&path)
            .into_iter()
            .filter(|(entry, _)| self.is_of_country(entry, family))
            .collect();
        let (rule, target) = (of.rule, &of.target);
        if self.setup.ipset {
            if family == Family::Ipv6 && !self.setup.ipv6 {
                return Ok(Some(entries.len()));
            }
            self.set_entries(["cc_", "cc_6_"], cc, &entries)?;
            let set = set_of(["cc_", "cc_6_"], cc, family);
            let rule = of.set_rule;
            let words =
                format!("{rule} -m set --match-set {set} src -j {target}");
            self.one(of.key, family, words)?;
        } else {
            self.fast(|start| {
                entries.iter().try_for_each(|(entry, place)| {
                    let words = format!("{rule} -s {entry} -j {target}");
                    let rule = Command::Rule(family, words);
                    let wanted = family == Family::Ipv4 || start.setup.ipv6;
                    match wanted {
                        true => start.call(rule, Some(place.clone())),
                        false => Ok(()),
                    }
                })
            })?;
        }
        if self.not_looked_for(&path) {
            let words = format!("{rule} {UNDECIDED} -j {target}");
            self.one(of.key, family, words)?;
            return Ok(None);
        }
        Ok(Some(entries.len()))
    }

    fn one(&mut self, key: &str, family: Family, words: String) -> Step {
        match family {
            Family::Ipv4 => self.v4(key, words),
            Family::Ipv6 => self.v6(key, words),
        }
    }

    /// `cccheckip`, and CC_DROP_CIDR: the longest prefix that is kept.
    fn is_of_country(&self, entry: &str, family: Family) -> bool {
        let Some(address) = check(entry) else { return false };
        if family == Family::Ipv6 || address.family == Family::Ipv6 {
            return true;
        }
        let (host, bits) = entry.split_once('/').unwrap_or((entry, "32"));
        let most = self.conf.get("CC_DROP_CIDR").parse().unwrap_or(0);
        let bits: u32 = bits.parse().unwrap_or(32);
        let kept = !(1..33).contains(&most) || bits <= most;
        kept && is_public(host)
    }
}

fn is_public(host: &str) -> bool {
    let nets = NOT_PUBLIC.iter().filter_map(|net| net.parse::<Cidr>().ok());
    let nets = IpSet::of(Family::Ipv4, nets);
    let host = network(Family::Ipv4, host).ok().flatten();
    let host = host.and_then(|net| net.parse::<Cidr>().ok());
    host.is_some_and(|net| !nets.numbers().contains(net.bounds().0))
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn private_addresses_are_of_no_country() {
        assert!(is_public("8.8.8.8") && !is_public("10.1.2.3"));
    }
}
