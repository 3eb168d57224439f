//! TCP_IN and its like, PORTKNOCKING, and the last rules.

use super::{Start, Step, Stop};
use crate::net::Family;

/// The lists of ports, in the order in which csf takes them.
const LISTS: [(&str, &str, Family, &str); 8] = [
    ("TCP_IN", "INPUT", Family::Ipv4, "tcp"),
    ("TCP6_IN", "INPUT", Family::Ipv6, "tcp"),
    ("TCP_OUT", "OUTPUT", Family::Ipv4, "tcp"),
    ("TCP6_OUT", "OUTPUT", Family::Ipv6, "tcp"),
    ("UDP_IN", "INPUT", Family::Ipv4, "udp"),
    ("UDP6_IN", "INPUT", Family::Ipv6, "udp"),
    ("UDP_OUT", "OUTPUT", Family::Ipv4, "udp"),
    ("UDP6_OUT", "OUTPUT", Family::Ipv6, "udp"),
];

/// How often a knock is logged.
const SELDOM: &str = "-m limit --limit 30/m --limit-burst 5";

impl Start<'_> {
    /// The ports of a list: digits and colons, or csf ends.
    pub(super) fn checked_ports(
        &mut self,
        key: &str,
    ) -> Result<Vec<String>, Stop> {
        let ports = self.conf.list(key);
        let good = |port: &&String| {
            !port.chars().all(|c| c == ':' || c.is_ascii_digit())
        };
        match ports.iter().find(good) {
            None => Ok(ports),
            Some(port) => {
                let place = self.conf.place(key).unwrap_or_default();
                Err(Stop::new(format!("{port} is no port of {key}"), place))
            }
        }
    }

    pub(super) fn port_lists(&mut self) -> Step {
        for (key, chain, family, proto) in LISTS {
            if family == Family::Ipv6 && !self.setup.ipv6 {
                continue;
            }
            let ports = self.checked_ports(key)?;
            let d = self.devices.of(family);
            let device = if chain == "INPUT" { d.input } else { d.output };
            let accept = self.setup.accept.clone();
            self.fast(|start| {
                ports.iter().try_for_each(|port| {
                    let rule = format!(
                        "-A {chain} {device} -p {proto} {} --dport {port} \
                         -j {accept}",
                        d.new
                    );
                    match family {
                        Family::Ipv4 => start.v4(key, rule),
                        Family::Ipv6 => start.v6(key, rule),
                    }
                })
            })?;
        }
        Ok(())
    }

    /// What nothing has let in by now is dropped.
    pub(super) fn last_rules(&mut self) -> Step {
        let accept = self.setup.accept.clone();
        let drop = self.setup.drop_out.clone();
        self.both("", |_| format!("-I INPUT -i lo -j {accept}"))?;
        self.both("", |_| format!("-I OUTPUT -o lo -j {accept}"))?;
        for (family, key) in
            [(Family::Ipv4, "LF_SPI"), (Family::Ipv6, "IPV6_SPI")]
        {
            let output = self.devices.of(family).output;
            let rule = format!("-A OUTPUT {output} -j {accept}");
            if !self.conf.on(key) {
                match family {
                    Family::Ipv4 => self.v4(key, rule)?,
                    Family::Ipv6 => self.v6(key, rule)?,
                }
            }
        }
        self.both("", |d| format!("-A OUTPUT {} -j {drop}", d.output))?;
        self.both("", |d| format!("-A INPUT {} -j LOGDROPIN", d.input))
    }

    /// Ports that open after packets to others: "22;tcp;20;100;200;300".
    pub(super) fn knocking(&mut self) -> Step {
        if !self.conf.on("PORTKNOCKING") {
            return Ok(());
        }
        for knock in self.conf.list("PORTKNOCKING") {
            let fields: Vec<&str> = knock.split(';').collect();
            if let [port, proto, seconds, steps @ ..] = &*fields {
                if steps.len() >= 3 {
                    self.knock((port, proto, seconds), steps)?;
                }
            }
        }
        Ok(())
    }

    fn knock(
        &mut self,
        (port, proto, seconds): (&str, &str, &str),
        steps: &[&str],
    ) -> Step {
        let d = self.devices.of(Family::Ipv4);
        let name = |step: usize| format!("PK_{port}_S{step}");
        let packet = |to: &str| {
            format!("-A INPUT {} -p {proto} --dport {to} {}", d.input, d.new)
        };
        let recent = |step: usize| {
            let name = name(step);
            format!("-m recent --rcheck --seconds {seconds} --name {name}")
        };
        let logged = self.conf.on("PORTKNOCKING_LOG");
        let log = |what: &str| {
            format!("{SELDOM} -j LOG --log-prefix \"Knock: *{port}_{what}* \"")
        };
        let mut rules = Vec::new();
        for (at, to) in steps.iter().enumerate() {
            let (step, to) = (at + 1, packet(to));
            let own = name(step);
            let noted = logged.then(|| log(&format!("S{step}")));
            if step == 1 {
                rules.extend(noted.map(|log| format!("{to} {log}")));
                rules.push(format!("{to} -m recent --set --name {own}"));
                rules.push(format!("{to} -j DROP"));
                continue;
            }
            let (chain, last) = (format!("{own}_IN"), name(step - 1));
            rules.push(format!("-N {chain}"));
            rules.push(format!("-A {chain} -m recent --name {last} --remove"));
            rules.push(format!("-A {chain} -m recent --name {own} --set"));
            rules.extend(noted.map(|log| format!("-A {chain} {log}")));
            rules.push(format!("-A {chain} -j DROP"));
            rules.push(format!("{to} {} -j {chain}", recent(at)));
        }
        let (to, known) = (packet(port), recent(steps.len()));
        if logged {
            rules.push(format!("{to} {known} {}", log("IN")));
        }
        rules.push(format!("{to} {known} -j ACCEPT"));
        rules.into_iter().try_for_each(|rule| self.v4("PORTKNOCKING", rule))
    }
}
