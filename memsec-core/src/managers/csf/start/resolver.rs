//! Name servers, and the order of the first rules.

use super::{
    super::{line::Command, text::latin},
    Start, Step,
};
use crate::net::Family;

/// The four kinds of packets of a resolver, the last first.
const PORTS: [&str; 4] = [
    "-p udp --sport 53",
    "-p tcp --sport 53",
    "-p udp --dport 53",
    "-p tcp --dport 53",
];

/// How many rules come before LOCALINPUT and LOCALOUTPUT.
#[derive(Clone, Copy, Debug)]
struct Before {
    input: usize,
    output: usize,
}

impl Start<'_> {
    /// DNS_STRICT, DNS_STRICT_NS, MESSENGER, DOCKER, and the jumps to the
    /// lists behind them.
    pub(super) fn resolver(&mut self) -> Step {
        let mut before = [Before { input: 1, output: 1 }; 2];
        self.fast(|start| {
            start.any_name_server()?;
            start.name_servers(&mut before)
        })?;
        self.messenger(|family, rules| {
            let [v4, v6] = &mut before;
            let before = if family == Family::Ipv4 { v4 } else { v6 };
            before.input += rules;
            before.output += rules;
        })?;
        self.docker()?;
        for (family, before) in Family::BOTH.into_iter().zip(before) {
            let d = self.devices.of(family);
            for (chain, at, device) in [
                ("OUTPUT", before.output, d.output),
                ("INPUT", before.input, d.input),
            ] {
                let rule = format!("-I {chain} {at} {device} -j LOCAL{chain}");
                match family {
                    Family::Ipv4 => self.v4("", rule)?,
                    Family::Ipv6 => self.v6("", rule)?,
                }
            }
        }
        self.skipped_devices()?;
        for chain in ["INPUT", "OUTPUT", "FORWARD"] {
            self.both("", |_| format!("-P {chain} DROP"))?;
        }
        Ok(())
    }

    fn any_name_server(&mut self) -> Step {
        if self.conf.on("DNS_STRICT") {
            return Ok(());
        }
        let accept = self.setup.accept.clone();
        for ports in PORTS {
            self.both("DNS_STRICT", |d| {
                format!("-I OUTPUT {} {ports} -j {accept}", d.output)
            })?;
        }
        Ok(())
    }

    fn name_servers(&mut self, before: &mut [Before; 2]) -> Step {
        if self.conf.on("DNS_STRICT_NS") {
            return Ok(());
        }
        for line in self.plain_lines("/etc/resolv.conf") {
            let Some(server) = name_server(&latin(line.trimmed())) else {
                continue;
            };
            let family = Family::of(server);
            let own = self.devices.own.contains(&server);
            if own
                || server.is_loopback()
                || family == Family::Ipv6 && !self.setup.ipv6
            {
                continue;
            }
            let [v4, v6] = &mut *before;
            let before = if family == Family::Ipv4 { v4 } else { v6 };
            before.input += PORTS.len();
            before.output += PORTS.len();
            let accept = self.setup.accept.clone();
            // The device of IPv4, for IPv6 too.
            let d = self.devices.of(Family::Ipv4);
            for (chain, device, side) in
                [("INPUT", &d.input, "-s"), ("OUTPUT", &d.output, "-d")]
            {
                for ports in PORTS {
                    let rule = format!(
                        "-I {chain} {device} {side} {server} {ports} \
                         -j {accept}"
                    );
                    let rule = Command::Rule(family, rule);
                    self.call(rule, Some(line.place()))?;
                }
            }
        }
        Ok(())
    }

    /// ETH_DEVICE_SKIP. One that is not there makes no difference.
    fn skipped_devices(&mut self) -> Step {
        let key = "ETH_DEVICE_SKIP";
        let accept = self.setup.accept.clone();
        for device in self.conf.list(key) {
            let known = self.devices.interfaces.as_ref();
            if known.is_some_and(|known| !known.contains(&device)) {
                continue;
            }
            self.both(key, |_| format!("-I INPUT -i {device} -j {accept}"))?;
            self.both(key, |_| format!("-I OUTPUT -o {device} -j {accept}"))?;
        }
        Ok(())
    }
}

/// `/^nameserver\s+($ipv4reg)/`, or an address of IPv6.
fn name_server(line: &str) -> Option<std::net::IpAddr> {
    let rest = line.strip_prefix("nameserver")?;
    let text = rest.trim_start();
    if text.len() == rest.len() {
        return None;
    }
    let end = text
        .find(|c: char| !c.is_ascii_hexdigit() && !".:".contains(c))
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}
