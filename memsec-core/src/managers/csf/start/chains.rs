//! The chains, and the rules that every start has in them.

use super::{Start, Step};
use crate::net::Family;

/// Chains that a setting makes.
const OPTIONAL: [(&str, &[&str]); 13] = [
    ("CC_ALLOW_FILTER", &["CC_ALLOWF"]),
    ("CC_ALLOW_PORTS", &["CC_ALLOWP", "CC_ALLOWPORTS"]),
    ("CC_DENY_PORTS", &["CC_DENYP", "CC_DENYPORTS"]),
    ("CC_ALLOW", &["CC_ALLOW"]),
    ("CC_DENY", &["CC_DENY"]),
    ("GLOBAL_ALLOW", &["GALLOWIN", "GALLOWOUT"]),
    ("GLOBAL_DENY", &["GDENYIN", "GDENYOUT"]),
    ("DYNDNS", &["ALLOWDYNIN", "ALLOWDYNOUT"]),
    ("GLOBAL_DYNDNS", &["GDYNIN", "GDYNOUT"]),
    ("SYNFLOOD", &["SYNFLOOD"]),
    ("PORTFLOOD", &["PORTFLOOD"]),
    ("CONNLIMIT", &["CONNLIMIT"]),
    ("UDPFLOOD", &["UDPFLOOD"]),
];

const ALWAYS: [&str; 8] = [
    "LOGDROPIN",
    "LOGDROPOUT",
    "DENYIN",
    "DENYOUT",
    "ALLOWIN",
    "ALLOWOUT",
    "LOCALINPUT",
    "LOCALOUTPUT",
];

/// A chain that logs what a list stops, and what the log calls it.
type Logged = (&'static str, &'static str);

/// How often a log may be written.
const SELDOM: &str = "-m limit --limit 30/m --limit-burst 5";

/// TCP flags that no honest packet has, and what the log calls them.
const ODD: [(&str, &str); 8] = [
    ("ALL NONE", "INV_AN"),
    ("ALL ALL", "INV_AA"),
    ("SYN,FIN SYN,FIN", "INV_SFSF"),
    ("SYN,RST SYN,RST", "INV_SRSR"),
    ("FIN,RST FIN,RST", "INV_FRFR"),
    ("ACK,FIN FIN", "INV_AFF"),
    ("ACK,PSH PSH", "INV_APP"),
    ("ACK,URG URG", "INV_AUU"),
];

/// "-j LOG" that is not written too often.
pub(super) fn log(prefix: &str) -> String {
    format!("{SELDOM} -j LOG --log-prefix \"Firewall: *{prefix}* \"")
}

impl Start<'_> {
    /// Makes the chains.
    pub(super) fn chains(&mut self) -> Step {
        if self.conf.on("WATCH_MODE") {
            self.both("WATCH_MODE", |_| "-N LOGACCEPT".to_owned())?;
            let rule = "-A LOGACCEPT -j ACCEPT";
            self.both("WATCH_MODE", |_| rule.to_owned())?;
        }
        for name in self.blocklist_names()? {
            self.both("", |_| format!("-N {name}"))?;
        }
        for (key, chains) in OPTIONAL {
            let on = match key.strip_prefix("CC_") {
                Some(_) => !self.countries(key).is_empty(),
                None => self.conf.on(key),
            };
            for chain in chains.iter().filter(|_| on) {
                self.both(key, |_| format!("-N {chain}"))?;
            }
        }
        for (chain, _) in self.logged_drops()? {
            self.both("DROP_IP_LOGGING", |_| format!("-N {chain}"))?;
        }
        for chain in ALWAYS {
            self.both("", |_| format!("-N {chain}"))?;
        }
        Ok(())
    }

    /// The chains for what the lists stop, if that is logged.
    fn logged_drops(&mut self) -> Result<Vec<Logged>, super::Stop> {
        let mut chains = Vec::new();
        if !self.conf.on("DROP_IP_LOGGING") {
            return Ok(chains);
        }
        if !self.blocklist_names()?.is_empty() {
            chains.push(("BLOCKDROP", "BLOCK_LIST"));
        }
        let lists = ["CC_DENY", "CC_ALLOW_FILTER"];
        if lists.iter().any(|key| !self.countries(key).is_empty()) {
            chains.push(("CCDROP", "CC_DENY"));
        }
        Ok(chains)
    }

    /// The chains that log what is dropped.
    pub(super) fn logging(&mut self) -> Step {
        let logged = self.logged_drops()?;
        if self.conf.on("DROP_LOGGING") {
            self.unlogged_ports()?;
            self.log_rules()?;
            for (chain, name) in &logged {
                let log = log(name);
                self.both("", |_| format!("-A {chain} {log}"))?;
            }
            if self.conf.on("PORTFLOOD") {
                let log = log("Port Flood");
                self.both("PORTFLOOD", |_| format!("-A PORTFLOOD {log}"))?;
            }
        }
        let drop = self.conf.get("DROP").to_owned();
        let drop_out = self.conf.get("DROP_OUT").to_owned();
        for (chain, _) in &logged {
            self.both("DROP", |_| format!("-A {chain} -j {drop}"))?;
        }
        self.both("DROP", |_| format!("-A LOGDROPIN -j {drop}"))?;
        self.both("DROP_OUT", |_| format!("-A LOGDROPOUT -j {drop_out}"))
    }

    /// Ports whose packets are dropped without a log.
    fn unlogged_ports(&mut self) -> Step {
        let drop = self.conf.get("DROP").to_owned();
        let ports = self.checked_ports("DROP_NOLOG")?;
        self.fast(|start| {
            for port in &ports {
                for proto in ["tcp", "udp"] {
                    start.both("DROP_NOLOG", |_| {
                        format!(
                            "-A LOGDROPIN -p {proto} --dport {port} -j {drop}"
                        )
                    })?;
                }
            }
            Ok(())
        })
    }

    fn log_rules(&mut self) -> Step {
        let ports = match self.conf.on("DROP_ONLYRES") {
            true => "--dport 0:1023",
            false => "",
        };
        let uid = match self.conf.on("DROP_UID_LOGGING") {
            true => "--log-uid",
            false => "",
        };
        for (proto, syn) in [("tcp", "--syn"), ("udp", ""), ("icmp", "")] {
            let ports = if proto == "icmp" { "" } else { ports };
            let name = proto.to_ascii_uppercase();
            self.both("DROP_LOGGING", |device| {
                let (proto, six) = named(device.family, proto);
                let log = log(&format!("{name}{six}IN Blocked"));
                format!("-A LOGDROPIN -p {proto} {ports} {log}")
            })?;
            self.both("DROP_LOGGING", |device| {
                let (proto, six) = named(device.family, proto);
                let log = log(&format!("{name}{six}OUT Blocked"));
                format!("-A LOGDROPOUT -p {proto} {syn} {log} {uid}")
            })?;
        }
        Ok(())
    }

    /// The chains of the lists, first those that let in.
    pub(super) fn local_chains(&mut self) -> Step {
        // csf has the device of IPv4 here, whatever ETH6_DEVICE is.
        for list in ["ALLOW", "DENY"] {
            self.both("", |d| {
                format!("-A LOCALINPUT {} -j {list}IN", d.input4)
            })?;
            self.both("", |d| {
                format!("-A LOCALOUTPUT {} -j {list}OUT", d.output4)
            })?;
        }
        Ok(())
    }

    /// The chains INVALID and INVDROP.
    pub(super) fn packet_filter(&mut self) -> Step {
        if !self.conf.on("PACKET_FILTER") || !self.conf.on("LF_SPI") {
            return Ok(());
        }
        let families: &[Family] = match self.conf.on("IPV6_SPI") {
            true => &Family::BOTH,
            false => &[Family::Ipv4],
        };
        for &family in families {
            self.fast(|start| {
                start.invalid(family, "-N INVDROP")?;
                start.invalid(family, "-N INVALID")?;
                start.odd_packets(family, "INVALID", |_| "-j INVDROP".into())
            })?;
            if self.conf.on("DROP_PF_LOGGING") {
                self.odd_packets(family, "INVDROP", log)?;
            }
            let device = self.devices.of(family);
            let drop = self.conf.get("DROP").to_owned();
            self.invalid(family, &format!("-A INVDROP -j {drop}"))?;
            let (input, output) = (&device.input, &device.output);
            let first = format!("-I INPUT {input} -p tcp -j INVALID");
            self.invalid(family, &first)?;
            let first = format!("-I OUTPUT {output} -p tcp -j INVALID");
            self.invalid(family, &first)?;
        }
        Ok(())
    }

    /// A rule in `chain` for each kind of packet that cannot be right.
    fn odd_packets(
        &mut self,
        family: Family,
        chain: &str,
        then: impl Fn(&str) -> String,
    ) -> Step {
        let device = self.devices.of(family);
        let (state, new) = (device.state, device.new);
        let invalid = format!("-A {chain} {state} INVALID {}", then("INVALID"));
        self.invalid(family, &invalid)?;
        for (flags, name) in ODD {
            let words = format!("-A {chain} -p tcp --tcp-flags {flags}");
            self.invalid(family, &format!("{words} {}", then(name)))?;
        }
        let words = format!("-A {chain} -p tcp ! --syn {new}");
        self.invalid(family, &format!("{words} {}", then("INV_NOSYN")))
    }

    fn invalid(&mut self, family: Family, words: &str) -> Step {
        match family {
            Family::Ipv4 => self.v4("PACKET_FILTER", words.to_owned()),
            Family::Ipv6 => self.v6("PACKET_FILTER", words.to_owned()),
        }
    }
}

/// A protocol of a family, and what stands behind it in the log.
fn named(family: Family, proto: &str) -> (&str, &'static str) {
    match (family, proto) {
        (Family::Ipv4, _) => (proto, "_"),
        (Family::Ipv6, "icmp") => ("icmpv6", "6"),
        (Family::Ipv6, _) => (proto, "6"),
    }
}
