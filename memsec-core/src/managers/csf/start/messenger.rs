//! MESSENGER, which tells blocked clients why, and DOCKER.

use super::{Start, Step};
use crate::net::Family;

impl Start<'_> {
    /// The set of those who are told. Which of their packets are redirected
    /// is in the table nat, and no port of memcached's.
    pub(super) fn messenger_set(&mut self) -> Step {
        if !self.conf.on("MESSENGER") {
            return Ok(());
        }
        let place = self.conf.place("MESSENGER").unwrap_or_default();
        let what = "where MESSENGER redirects blocked clients to".to_owned();
        self.unknown.push((what, place));
        if self.setup.ipset {
            self.sets.create("MESSENGER");
            if self.setup.ipv6 {
                self.sets.create("MESSENGER_6");
            }
        }
        Ok(())
    }

    /// The ports of the messages. `count` is told how many rules there are.
    pub(super) fn messenger(
        &mut self,
        mut count: impl FnMut(Family, usize),
    ) -> Step {
        let key = "MESSENGER";
        if !self.conf.on(key) {
            return Ok(());
        }
        let mut ports = Vec::new();
        if !self.conf.get("MESSENGER_HTTPS_IN").is_empty() {
            ports.push(self.conf.get("MESSENGER_HTTPS").to_owned());
        }
        ports.push(self.conf.get("MESSENGER_HTML").to_owned());
        ports.push(self.conf.get("MESSENGER_TEXT").to_owned());
        Family::BOTH.iter().for_each(|family| count(*family, ports.len()));
        let rate = self.conf.get("MESSENGER_RATE").to_owned();
        let burst = self.conf.get("MESSENGER_BURST").to_owned();
        let limit = format!("-m limit --limit {rate} --limit-burst {burst}");
        let accept = self.setup.accept.clone();
        for port in &ports {
            self.both(key, |d| {
                format!(
                    "-I INPUT {} -p tcp --dport {port} {limit} -j {accept}",
                    d.input4
                )
            })?;
            self.both(key, |d| {
                format!(
                    "-I OUTPUT {} -p tcp --sport {port} {limit} -j {accept}",
                    d.output4
                )
            })?;
        }
        Ok(())
    }

    /// What containers need: an empty chain, and the way out.
    pub(super) fn docker(&mut self) -> Step {
        let key = "DOCKER";
        if !self.conf.on(key) {
            return Ok(());
        }
        let device = self.conf.get("DOCKER_DEVICE").to_owned();
        let state = self.devices.of(Family::Ipv4).state;
        for (family, net) in [
            (Family::Ipv4, self.conf.get("DOCKER_NETWORK4").to_owned()),
            (Family::Ipv6, self.conf.get("DOCKER_NETWORK6").to_owned()),
        ] {
            let v4 = family == Family::Ipv4;
            if !v4 && net.is_empty() {
                continue;
            }
            let nat = v4.then(|| "-t nat -N DOCKER".to_owned());
            let rules =
                ["-N DOCKER".to_owned()].into_iter().chain(nat).chain([
                    format!(
                        "-t nat -A POSTROUTING -s {net} ! -o {device} \
                     -j MASQUERADE"
                    ),
                    format!(
                        "-A FORWARD -o {device} {state} RELATED,ESTABLISHED \
                     -j ACCEPT"
                    ),
                    format!("-A FORWARD -i {device} ! -o {device} -j ACCEPT"),
                    format!("-A FORWARD -i {device} -o {device} -j ACCEPT"),
                ]);
            for rule in rules {
                match family {
                    Family::Ipv4 => self.v4(key, rule)?,
                    Family::Ipv6 => self.v6(key, rule)?,
                }
            }
        }
        Ok(())
    }
}
