//! SMTP_BLOCK: who may send mail.

use super::{Start, Step};

impl Start<'_> {
    pub(super) fn mail(&mut self) -> Step {
        let key = "SMTP_BLOCK";
        if !self.conf.on(key) {
            return Ok(());
        }
        self.both(key, |_| "-N SMTPOUTPUT".to_owned())?;
        self.both(key, |_| "-I OUTPUT -j SMTPOUTPUT".to_owned())?;
        let ports = self.conf.list("SMTP_PORTS").join(",");
        if ports.is_empty() {
            return Ok(());
        }
        self.fast(|start| {
            if !start.conf.on("SMTP_REDIRECT") {
                let drop = start.setup.drop_out.clone();
                start.mail_rules("-I SMTPOUTPUT", &ports, "", &drop)?;
            }
            let accept = start.setup.accept.clone();
            start.senders("-I SMTPOUTPUT", &ports, &accept)?;
            if start.conf.on("SMTP_REDIRECT") {
                let rule = "-t nat -I OUTPUT";
                start.mail_rules(rule, &ports, "", "REDIRECT")?;
                start.senders(rule, &ports, "RETURN")?;
            }
            Ok(())
        })
    }

    /// Those who may: root, users, groups, and everybody to this host.
    fn senders(&mut self, rule: &str, ports: &str, target: &str) -> Step {
        let mut who = vec!["-m owner --uid-owner 0".to_owned()];
        let users = self.conf.list("SMTP_ALLOWUSER");
        let users = users.iter().filter_map(|name| self.user(name));
        who.extend(users.map(|id| format!("-m owner --uid-owner {id}")));
        let groups = self.conf.list("SMTP_ALLOWGROUP");
        let groups = groups.iter().filter_map(|name| self.group(name));
        who.extend(groups.map(|id| format!("-m owner --gid-owner {id}")));
        if self.conf.on("SMTP_ALLOWLOCAL") {
            who.push("-o lo".to_owned());
        }
        who.iter().try_for_each(|who| self.mail_rules(rule, ports, who, target))
    }

    fn mail_rules(
        &mut self,
        rule: &str,
        ports: &str,
        who: &str,
        target: &str,
    ) -> Step {
        self.both("SMTP_BLOCK", |_| {
            format!(
                "{rule} -p tcp -m multiport --dports {ports} {who} -j {target}"
            )
        })
    }
}
