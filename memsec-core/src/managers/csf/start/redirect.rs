//! csf.redirect, and the other servers of a cluster.

use super::{
    super::{
        address::check,
        line::Command,
        text::{Line, latin},
    },
    Start, Step, Stop,
};
use crate::net::Family;

impl Start<'_> {
    /// `address|port|address|port|protocol`, with "*" for any.
    pub(super) fn redirect(&mut self) -> Step {
        let mut forwards = false;
        for line in self.lines("/etc/csf/csf.redirect")? {
            let Some(entry) = line.entry() else { continue };
            let entry = latin(entry);
            let mut fields = entry.split('|');
            let fields: [&str; 5] =
                std::array::from_fn(|_| fields.next().unwrap_or_default());
            let wrong = || {
                let reason = format!("{entry} is no redirection");
                Stop::new(reason, line.place())
            };
            let [from, _, to, _, proto] = fields;
            let known = |text: &str| text == "*" || check(text).is_some();
            if !matches!(proto, "tcp" | "udp") || !known(from) || !known(to) {
                return Err(wrong());
            }
            forwards |= to != "*";
            for rule in self.redirection(fields).ok_or_else(wrong)? {
                self.redirected(&line, rule)?;
            }
        }
        if forwards && self.conf.on("LF_SPI") {
            let d = self.devices.of(Family::Ipv4);
            let (input, state) = (d.input, d.state);
            let known = "ESTABLISHED,RELATED -j ACCEPT";
            self.v4("LF_SPI", format!("-A FORWARD {input} {state} {known}"))?;
            self.v4("LF_SPI", format!("-A FORWARD {input} -j LOGDROPIN"))?;
        }
        Ok(())
    }

    fn redirected(&mut self, line: &Line<'_>, rule: String) -> Step {
        self.call(Command::Rule(Family::Ipv4, rule), Some(line.place()))
    }

    /// The rules of a line; `None` for a form that csf does not know.
    fn redirection(&self, fields: [&str; 5]) -> Option<Vec<String>> {
        let [from, port, to, to_port, proto] = fields;
        let d = self.devices.of(Family::Ipv4);
        let (input, output, new) = (&d.input, &d.output, &d.new);
        let before = format!("-t nat -A PREROUTING {input} -p {proto}");
        if to == "*" {
            let own = match from {
                "*" => String::new(),
                from => format!("-d {from}"),
            };
            return Some(vec![format!(
                "{before} {own} --dport {port} -j REDIRECT \
                 --to-ports {to_port}"
            )]);
        }
        if from == "*" || port != "*" && to_port == "*" {
            return None;
        }
        let (port, target, to_port) = match port {
            "*" => (String::new(), to.to_owned(), String::new()),
            port => (
                format!("--dport {port}"),
                format!("{to}:{to_port}"),
                format!("--dport {to_port}"),
            ),
        };
        Some(vec![
            format!(
                "{before} -d {from} {port} -j DNAT --to-destination {target}"
            ),
            format!(
                "-t nat -A POSTROUTING {output} -p {proto} -d {to} -j SNAT \
                 --to-source {from}"
            ),
            format!(
                "-A FORWARD {input} -p {proto} -d {to} {to_port} {new} \
                 -j ACCEPT"
            ),
        ])
    }

    /// CLUSTER_SENDTO and CLUSTER_RECVFROM.
    pub(super) fn cluster(&mut self) -> Step {
        let port = self.conf.get("CLUSTER_PORT").to_owned();
        let accept = self.setup.accept.clone();
        let d = self.devices.of(Family::Ipv4);
        for address in self.cluster_members("CLUSTER_SENDTO") {
            let rule = format!(
                "-I LOCALOUTPUT {} -p tcp -d {address} --dport {port} \
                 -j {accept}",
                d.output
            );
            self.v4("CLUSTER_SENDTO", rule)?;
        }
        for address in self.cluster_members("CLUSTER_RECVFROM") {
            let rule = format!(
                "-I LOCALINPUT {} -p tcp -s {address} --dport {port} \
                 -j {accept}",
                d.input
            );
            self.v4("CLUSTER_RECVFROM", rule)?;
        }
        Ok(())
    }

    /// Addresses at commas, or the lines of a file.
    fn cluster_members(&mut self, key: &str) -> Vec<String> {
        let value = self.conf.get(key).to_owned();
        if !value.starts_with('/') {
            return self.conf.list(key);
        }
        if !self.has(&value) {
            self.note_elsewhere(key, &value);
        }
        let lines = self.plain_lines(&value);
        let members = lines.iter().flat_map(|line| {
            let line = latin(line.bytes);
            line.split(',').map(str::to_owned).collect::<Vec<_>>()
        });
        members.collect()
    }
}
