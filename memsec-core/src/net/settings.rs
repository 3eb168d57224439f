//! Settings of the kernel's network, as `sysctl -a` shows them.

use std::collections::HashMap;

use super::Family;
use crate::text::Source;

/// The settings that decide what becomes of packets. What is not there is
/// not known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Those of an interface, or of "all": what stands behind
    /// `net.ipv4.conf.NAME`.
    of: HashMap<String, HashMap<String, i64>>,
    others: HashMap<String, i64>,
}

impl Settings {
    /// Reads lines like `net.ipv4.ip_forward = 1`; others are passed over.
    pub(crate) fn new(source: &Source) -> Self {
        let mut settings = Self::default();
        for line in source.text().lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let Ok(value) = value.trim().parse() else { continue };
            settings.add(key.trim(), value);
        }
        settings
    }

    fn add(&mut self, key: &str, value: i64) {
        let own = key.strip_prefix("net.ipv4.conf.");
        if let Some((name, key)) = own.and_then(|key| key.rsplit_once('.')) {
            // sysctl(8) writes the dots of names as slashes.
            let of = self.of.entry(name.replace('/', ".")).or_default();
            of.insert(key.to_owned(), value);
        } else if key.starts_with("net.") {
            self.others.insert(key.to_owned(), value);
        }
    }

    fn get(&self, key: &str) -> Option<i64> {
        self.others.get(key).copied()
    }

    /// The value for all interfaces, and that for one.
    fn of(&self, name: Option<&str>, key: &str) -> [Option<i64>; 2] {
        let of = |name: &str| self.of.get(name)?.get(key).copied();
        [of("all"), name.and_then(of)]
    }

    /// Whether a switch is on for all interfaces or for this one, as
    /// IN_DEV_ORCONF of linux/inetdevice.h has it.
    pub(crate) fn either(&self, name: Option<&str>, key: &str) -> Option<bool> {
        match self.of(name, key) {
            [Some(all), _] if all != 0 => Some(true),
            [_, Some(own)] if own != 0 => Some(true),
            [Some(_), Some(_)] => Some(false),
            _ => None,
        }
    }

    /// How strictly sources are checked: 0 not at all, 1 strictly, 2
    /// loosely (IN_DEV_MAXCONF).
    pub(crate) fn rp_filter(&self, name: Option<&str>) -> Option<i64> {
        let [all, own] = self.of(name, "rp_filter");
        Some(all?.max(own?))
    }

    /// Whether packets of a family are forwarded that come in by an
    /// interface.
    pub(crate) fn forwards(
        &self,
        family: Family,
        name: Option<&str>,
    ) -> Option<bool> {
        let value = match family {
            Family::Ipv4 => {
                let [all, own] = self.of(name, "forwarding");
                own.or(all).or_else(|| self.get("net.ipv4.ip_forward"))
            }
            Family::Ipv6 => self.get("net.ipv6.conf.all.forwarding"),
        };
        value.map(|value| value != 0)
    }

    /// Whether conntrack takes up a TCP connection in its middle; it does
    /// unless told otherwise.
    pub(crate) fn tcp_loose(&self) -> bool {
        self.get("net.netfilter.nf_conntrack_tcp_loose") != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interfaces_own_and_the_common_value_count() {
        let text = "net.ipv4.conf.all.rp_filter = 1\n\
                    net.ipv4.conf.eth0/1.rp_filter = 2\n\
                    net.ipv4.conf.all.accept_local = 0\n\
                    net.ipv4.conf.eth0/1.accept_local = 1\n\
                    net.ipv4.ip_forward = 1\nkernel.x = 1\nnoise";
        let settings = Settings::new(&Source::new("sysctl -a", text));
        let name = Some("eth0.1");
        assert_eq!(settings.rp_filter(name), Some(2));
        assert_eq!(settings.rp_filter(Some("eth1")), None);
        assert_eq!(settings.either(name, "accept_local"), Some(true));
        assert_eq!(settings.either(Some("x"), "accept_local"), None);
        assert_eq!(settings.forwards(Family::Ipv4, name), Some(true));
        assert_eq!(settings.forwards(Family::Ipv6, name), None);
        assert!(settings.tcp_loose());
    }
}
