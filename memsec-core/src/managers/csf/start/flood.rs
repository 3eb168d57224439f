//! Limits of rate, ICMP, and what a connection leaves behind it.

use super::{Start, Step, Stop, chains::log};
use crate::net::Family;

/// As many packets as the kernel's match "recent" remembers.
const REMEMBERED: i64 = 20;

/// The ICMPv6 types of IPV6_ICMP_STRICT, and whether the packet must come
/// from the link.
const STRICT: [(&str, bool); 10] = [
    ("destination-unreachable", false),
    ("packet-too-big", false),
    ("time-exceeded", false),
    ("parameter-problem", false),
    ("echo-request", false),
    ("echo-reply", false),
    ("router-advertisement", true),
    ("neighbor-solicitation", true),
    ("neighbor-advertisement", true),
    ("redirect", true),
];

/// What Perl takes a text for as a number.
fn perl_number(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.trim_start_matches(['-', '+']);
    let end =
        digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let value = digits.get(..end).and_then(|digits| digits.parse().ok());
    let value: i64 = value.unwrap_or(if end == 0 { 0 } else { i64::MAX });
    if text.starts_with('-') { -value } else { value }
}

impl Start<'_> {
    /// SYNFLOOD, PORTFLOOD, CONNLIMIT and UDPFLOOD.
    pub(super) fn floods(&mut self) -> Step {
        self.syn_flood()?;
        self.port_flood()?;
        self.connection_limit()?;
        self.udp_flood()
    }

    fn wrong(&self, key: &str, value: &str) -> Stop {
        let place = self.conf.place(key).unwrap_or_default();
        Stop::new(format!("{value} is no {key} setting"), place)
    }

    fn syn_flood(&mut self) -> Step {
        let key = "SYNFLOOD";
        if !self.conf.on(key) {
            return Ok(());
        }
        let rate = self.conf.get("SYNFLOOD_RATE").to_owned();
        let burst = self.conf.get("SYNFLOOD_BURST").to_owned();
        self.both(key, |_| {
            format!(
                "-A SYNFLOOD -m limit --limit {rate} --limit-burst {burst} \
                 -j RETURN"
            )
        })?;
        if self.conf.on("DROP_LOGGING") {
            let log = log("SYNFLOOD Blocked");
            self.both(key, |_| format!("-A SYNFLOOD {log}"))?;
        }
        self.both(key, |_| "-A SYNFLOOD -j DROP".to_owned())?;
        self.both(key, |d| {
            format!("-I INPUT {} -p tcp --syn -j SYNFLOOD", d.input4)
        })
    }

    fn port_flood(&mut self) -> Step {
        let key = "PORTFLOOD";
        if !self.conf.on(key) {
            return Ok(());
        }
        for limit in self.conf.list(key) {
            let mut fields = limit.split(';');
            let mut next = || fields.next().unwrap_or_default();
            let (port, proto, count, seconds) =
                (next(), next(), next(), next());
            let known =
                ["icmp", "tcp", "udp"].iter().any(|p| proto.contains(p));
            let digit = seconds.contains(|c: char| c.is_ascii_digit());
            if !is_port(port) || !known || !digit {
                return Err(self.wrong(key, &limit));
            }
            if !(1..=REMEMBERED).contains(&perl_number(count)) {
                continue;
            }
            let how = format!("--seconds {seconds} --hitcount {count}");
            for recent in [
                format!("--set --name {port}"),
                format!("--update {how} --name {port} -j PORTFLOOD"),
            ] {
                self.both(key, |d| {
                    format!(
                        "-A INPUT {} -p {proto} --dport {port} {} -m recent \
                         {recent}",
                        d.input4, d.new4
                    )
                })?;
            }
        }
        let drop = self.conf.get("DROP").to_owned();
        self.both(key, |_| format!("-A PORTFLOOD -j {drop}"))
    }

    fn connection_limit(&mut self) -> Step {
        let key = "CONNLIMIT";
        if !self.conf.on(key) {
            return Ok(());
        }
        for limit in self.conf.list(key) {
            let (port, most) = limit.split_once(';').unwrap_or((&limit, ""));
            let most = most.split(';').next().unwrap_or_default();
            if !is_port(port) || perl_number(most) < 1 {
                return Err(self.wrong(key, &limit));
            }
            self.both(key, |d| {
                format!(
                    "-A INPUT {} -p tcp --syn --dport {port} -m connlimit \
                     --connlimit-above {most} -j CONNLIMIT",
                    d.input4
                )
            })?;
        }
        if self.conf.on("CONNLIMIT_LOGGING") {
            let log = log("ConnLimit");
            self.both(key, |_| format!("-A CONNLIMIT {log}"))?;
        }
        let reset = "-A CONNLIMIT -p tcp -j REJECT --reject-with tcp-reset";
        self.both(key, |_| reset.to_owned())
    }

    fn udp_flood(&mut self) -> Step {
        let key = "UDPFLOOD";
        if !self.conf.on(key) {
            return Ok(());
        }
        for user in self.conf.list("UDPFLOOD_ALLOWUSER") {
            if let Some(user) = self.user(&user) {
                self.both(key, |_| owned("UDPFLOOD -p udp", user, "RETURN"))?;
            }
        }
        self.both(key, |_| owned("UDPFLOOD -p udp", 0, "RETURN"))?;
        let rate = self.conf.get("UDPFLOOD_LIMIT").to_owned();
        let burst = self.conf.get("UDPFLOOD_BURST").to_owned();
        let drop = self.conf.get("DROP_OUT").to_owned();
        self.both(key, |d| {
            format!(
                "-A UDPFLOOD {} -p udp -m limit --limit {rate} \
                 --limit-burst {burst} -j RETURN",
                d.output4
            )
        })?;
        if self.conf.on("UDPFLOOD_LOGGING") {
            let uid = match self.conf.on("DROP_UID_LOGGING") {
                true => "--log-uid",
                false => "",
            };
            let log = log("UDPFLOOD");
            self.both(key, |_| format!("-A UDPFLOOD {log} {uid}"))?;
        }
        self.both(key, |d| {
            format!("-A UDPFLOOD {} -p udp -j {drop}", d.output4)
        })?;
        self.both(key, |d| {
            format!("-A LOCALOUTPUT {} -p udp -j UDPFLOOD", d.output4)
        })
    }

    /// The number of a user other than root.
    pub(super) fn user(&self, name: &str) -> Option<u32> {
        let users = self.lookup.users.as_ref()?;
        users.get(name).copied().filter(|id| *id > 0)
    }

    /// The same of a group.
    pub(super) fn group(&self, name: &str) -> Option<u32> {
        let groups = self.lookup.groups.as_ref()?;
        groups.get(name).copied().filter(|id| *id > 0)
    }

    /// ICMP_* and ICMPv6.
    pub(super) fn icmp(&mut self) -> Step {
        let logged = self.conf.on("DROP_LOGGING");
        for (chain, way, log, plain, stamp) in [
            ("INPUT", "IN", "LOGDROPIN", "DROP", "timestamp-request"),
            ("OUTPUT", "OUT", "LOGDROPOUT", "DROP_OUT", "timestamp-reply"),
        ] {
            let drop = match logged {
                true => log.to_owned(),
                false => self.conf.get(plain).to_owned(),
            };
            self.icmp_way(chain, way, &drop, stamp)?;
        }
        let accept = self.setup.accept.clone();
        let d = self.devices.of(Family::Ipv6);
        let (key, rule) = ("IPV6_ICMP_STRICT", "-A INPUT");
        if self.conf.on(key) {
            for (kind, near) in STRICT {
                let near = if near { "-m hl --hl-eq 255" } else { "" };
                let words = format!(
                    "{rule} {} -p icmpv6 --icmpv6-type {kind} {near} \
                     -j {accept}",
                    d.input
                );
                self.v6(key, words)?;
            }
        } else {
            self.v6(key, format!("{rule} {} -p icmpv6 -j {accept}", d.input))?;
        }
        let output = format!("-A OUTPUT {} -p icmpv6 -j {accept}", d.output);
        self.v6(key, output)
    }

    fn icmp_way(
        &mut self,
        chain: &str,
        way: &str,
        drop: &str,
        stamp: &str,
    ) -> Step {
        let device = self.devices.of(Family::Ipv4);
        let device = if way == "IN" { device.input } else { device.output };
        let accept = self.setup.accept.clone();
        let (key, limit) = (format!("ICMP_{way}"), format!("ICMP_{way}_RATE"));
        let start = format!("-A {chain} {device} -p icmp");
        let ping = format!("{start} --icmp-type echo-request");
        let rate = self.conf.get(&limit).to_owned();
        let limited = self.conf.on(&limit);
        if self.conf.on(&key) && limited {
            let rule = format!("{ping} -m limit --limit {rate} -j {accept}");
            self.v4(&limit, rule)?;
        }
        if !self.conf.on(&key) || limited {
            self.v4(&key, format!("{ping} -j {drop}"))?;
        }
        if self.conf.on("ICMP_TIMESTAMPDROP") {
            let rule = format!("{start} --icmp-type {stamp} -j {drop}");
            self.v4("ICMP_TIMESTAMPDROP", rule)?;
        }
        self.v4(&key, format!("{start} -j {accept}"))
    }

    /// Packets of connections that are there.
    pub(super) fn established(&mut self) -> Step {
        self.established_of(Family::Ipv4, "LF_SPI")?;
        if self.setup.ipv6 {
            self.established_of(Family::Ipv6, "IPV6_SPI")?;
        }
        Ok(())
    }

    fn established_of(&mut self, family: Family, key: &str) -> Step {
        let d = self.devices.of(family);
        let accept = self.setup.accept.clone();
        let (input, output, state) = (&d.input, &d.output, d.state);
        let ports = "--dport 32768:61000";
        let mut rules = Vec::new();
        if !self.conf.on(key) {
            rules.push(format!(
                "-A INPUT {input} -p udp -m udp {ports} -j {accept}"
            ));
            rules.push(format!(
                "-A INPUT {input} -p tcp -m tcp {ports} ! --syn -j {accept}"
            ));
        } else if self.conf.on("USE_FTPHELPER") {
            let port = self.conf.get("USE_FTPHELPER");
            let ct = format!("-p tcp --dport {port} -j CT --helper ftp");
            rules.push(format!("-t raw -A PREROUTING {ct}"));
            rules.push(format!("-t raw -A OUTPUT {ct}"));
            let ftp = "RELATED -m helper --helper ftp";
            // The device of IPv4, for IPv6 too.
            for (chain, device) in
                [("INPUT", &d.input4), ("OUTPUT", &d.output4)]
            {
                rules.push(format!(
                    "-A {chain} {device} {state} {ftp} -j {accept}"
                ));
            }
            for (chain, device) in [("INPUT", input), ("OUTPUT", output)] {
                rules.push(format!(
                    "-A {chain} {device} {state} ESTABLISHED -j {accept}"
                ));
            }
        } else {
            for (chain, device) in [("INPUT", input), ("OUTPUT", output)] {
                rules.push(format!(
                    "-A {chain} {device} {state} ESTABLISHED,RELATED \
                     -j {accept}"
                ));
            }
        }
        rules.into_iter().try_for_each(|rule| match family {
            Family::Ipv4 => self.v4(key, rule),
            Family::Ipv6 => self.v6(key, rule),
        })
    }
}

/// A rule for what a user sends.
fn owned(rule: &str, user: u32, target: &str) -> String {
    format!("-A {rule} -m owner --uid-owner {user} -j {target}")
}

fn is_port(text: &str) -> bool {
    (0..=65535).contains(&perl_number(text))
}
