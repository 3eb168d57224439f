//! What a daemon reads to know its user, its clients and its keys.

use super::{
    Exit,
    argv::Main,
    behaviour::{AUTH_CHECKED, AUTH_NOT_EMPTY, FEW_FILES},
    settings::{failure, usage},
};
use crate::snapshot::{Content, SecretForm};

/// A home that must not exist (Debian Policy 9.2.3).
const NONEXISTENT: &str = "/nonexistent";

/// Whether nothing can be at a path.
pub(super) fn is_nowhere(path: &str) -> bool {
    let rest = path.strip_prefix(NONEXISTENT);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Main<'_> {
    /// Loads the certificate and the key: `ssl_init` of tls.c.
    pub(super) fn tls(&self) -> Result<(), Exit> {
        if !self.settings.has('Z') {
            return Ok(());
        }
        let required = ["ssl_chain_cert", "ssl_key"];
        for name in required {
            if self.settings.suboption(name).is_none() {
                return Err(usage(format!("-Z without -o {name}")));
            }
        }
        for name in required.iter().chain(&["ssl_ca_cert"]) {
            let path = self.settings.suboption(name).unwrap_or_default();
            if self.is_no_key(path) {
                return Err(usage(format!("{path}: not a key or certificate")));
            }
        }
        Ok(())
    }

    fn is_no_key(&self, path: &str) -> bool {
        match self.content(path) {
            Some(Content::Secret(
                SecretForm::Empty | SecretForm::Malformed,
            )) => true,
            Some(Content::Bytes(_)) => true,
            Some(Content::Error(why)) => why == "ENOENT",
            _ => is_nowhere(path),
        }
    }

    fn content(&self, path: &str) -> Option<&Content> {
        self.snapshot.files.get(path).map(|file| &file.content)
    }

    /// The user that it ends as: whether that is root.
    pub(super) fn user(&self) -> Result<bool, Exit> {
        if self.command.uid != 0 {
            return Ok(false);
        }
        let name = self.settings.text('u').unwrap_or_default();
        if name.is_empty() {
            return Err(usage("must add '-u root' to start as root"));
        }
        // With three descriptors there is none for /etc/passwd.
        let files = self.settings.number('c').unwrap_or(1024);
        let few = files < 4 && self.settings.release.is(FEW_FILES);
        match self.uid(name) {
            Some(uid) if !few => Ok(uid == 0),
            _ => Err(Exit {
                status: 67,
                message: format!("can't find the user {name} to switch to"),
            }),
        }
    }

    /// The number of a user; not root's for one that may be elsewhere.
    fn uid(&self, name: &str) -> Option<u32> {
        let Some(Content::Text(text)) = self.content("/etc/passwd") else {
            return Some(u32::from(name != "root"));
        };
        text.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == name;
            found.then(|| fields.nth(1)?.parse().ok()).flatten()
        })
    }

    /// Debian's SASL library wants a file of its own: `init_sasl`.
    pub(super) fn sasl(&self) -> Result<(), Exit> {
        let own = "/etc/sasl2/memcached.conf";
        let elsewhere = self.command.env.contains_key("SASL_CONF_PATH");
        let missing = self.settings.build.debian
            && !elsewhere
            && self.content(own).is_none();
        if self.settings.has('S') && missing {
            return Err(failure("Error initializing sasl."));
        }
        Ok(())
    }

    /// `authfile_load` of authfile.c.
    pub(super) fn auth_file(&self) -> Result<(), Exit> {
        let Some(path) = self.settings.text('Y') else { return Ok(()) };
        if self.ports().udp.is_some() {
            return Err(usage("Cannot use UDP with ascii authentication"));
        }
        let is = |versions| self.settings.release.is(versions);
        let message = match self.content(path) {
            _ if path.is_empty() => "no file",
            Some(Content::Secret(SecretForm::Empty)) if is(AUTH_NOT_EMPTY) => {
                "empty"
            }
            Some(Content::Secret(SecretForm::Malformed))
                if is(AUTH_CHECKED) =>
            {
                "a malformed entry"
            }
            Some(Content::Error(why)) if why != "EISDIR" => why,
            None if is_nowhere(path) => "ENOENT",
            _ => return Ok(()),
        };
        Err(failure(format!("authentication file {path}: {message}")))
    }
}
