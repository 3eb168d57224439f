//! The sockets that a daemon opens: `server_sockets` and
//! `server_socket_unix` of memcached.c.

use super::{
    Exit, Listener,
    argv::Main,
    behaviour::BOUND_FIRST,
    bind::Sockets,
    credentials::is_nowhere,
    element::{Context, Element, elements},
    options::short,
    settings::Protocol,
};
use crate::{Proto, snapshot::Content};

/// Directories in which only root makes files (FHS 3.0).
const ROOTS: [&str; 15] = [
    "", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/opt", "/root",
    "/run", "/sbin", "/usr", "/var", "/var/lib", "/var/run",
];

/// Why a file cannot be made at a path.
pub(super) fn cannot_make(path: &str, root: bool) -> Option<&'static str> {
    let (directory, _) = path.rsplit_once('/')?;
    match directory {
        _ if is_nowhere(path) => Some("No such file or directory"),
        _ if !root && ROOTS.contains(&directory) => Some("Permission denied"),
        _ => None,
    }
}

impl Main<'_> {
    pub(super) fn listen(
        &self,
        sockets: &mut Sockets<'_>,
        root: bool,
    ) -> Result<(), Exit> {
        let result = match self.settings.text('s') {
            Some(path) => self.unix(path, sockets, root),
            None => self.network(sockets),
        };
        result.map_err(|message| Exit { status: 71, message })
    }

    fn unix(
        &self,
        path: &str,
        sockets: &mut Sockets<'_>,
        root: bool,
    ) -> Result<(), String> {
        if let Some(why) = cannot_make(path, root) {
            return Err(format!("bind({path}): {why}"));
        }
        if self.is_taken(path) {
            return Err(format!("bind({path}): Address already in use"));
        }
        let (path, mode) = match path {
            // The name that is all of NULs, as ss shows it.
            "" => ("@".repeat(108), None),
            path => (cut(path, 107).to_owned(), Some(self.mode())),
        };
        sockets.bound.push(Listener::Unix { path, mode });
        Ok(())
    }

    /// Whether something is at a path that is no socket; a socket is
    /// unlinked.
    fn is_taken(&self, path: &str) -> bool {
        match self.snapshot.files.get(path).map(|file| &file.content) {
            Some(Content::Text(_) | Content::Bytes(_) | Content::Secret(_)) => {
                true
            }
            Some(Content::Error(why)) => {
                matches!(why.as_str(), "EISDIR" | "ELOOP")
            }
            None => false,
        }
    }

    fn mode(&self) -> String {
        // Without -a it is what the usual umask leaves.
        let has_mask = short('a', self.settings.release).is_some();
        let mode = if has_mask { self.settings.access() } else { 0o755 };
        format!("{mode:04o}")
    }

    fn network(&self, sockets: &mut Sockets<'_>) -> Result<(), String> {
        if self.settings.too_many_lists() {
            sockets.unresolved.push("-l".to_owned());
        }
        let ports = self.ports();
        let on = [(ports.tcp, Proto::Tcp), (ports.udp, Proto::Udp)];
        let on = on.into_iter().filter_map(|(p, proto)| Some((p?, proto)));
        let on: Vec<_> = on.collect();
        if on.is_empty() {
            return Ok(());
        }
        let list = self.elements()?;
        for (port, proto) in on {
            for element in &list {
                let host = element.host.as_deref();
                sockets.bind(host, element.port.unwrap_or(port), proto)?;
            }
        }
        Ok(())
    }

    fn elements(&self) -> Result<Vec<Element>, String> {
        let everything = || vec![Element::default()];
        match self.settings.text('l') {
            None => Ok(everything()),
            Some(_) if self.settings.too_many_lists() => Ok(everything()),
            Some(list) => elements(
                list,
                Context {
                    release: self.settings.release,
                    tls_built: self.settings.build.tls,
                    tls: self.settings.has('Z'),
                    proxy_built: self.settings.build.proxy,
                    proxy: self.settings.protocol == Some(Protocol::Proxy),
                    auth_file: self.settings.has('Y'),
                },
            ),
        }
    }

    /// Whether the sockets of the network are bound before the user is
    /// switched.
    pub(super) fn binds_first(&self) -> bool {
        !self.settings.has('s') && self.settings.release.is(BOUND_FIRST)
    }
}

/// At most so many bytes of a text, cut between characters.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev();
    end.filter_map(|end| text.get(..end)).next().unwrap_or_default()
}
