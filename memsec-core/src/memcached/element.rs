//! The elements of a list of `-l`.

use super::{Version, number::whole};

const NOTLS: Version = Version(1, 5, 13);
const LIST: Version = Version(1, 4, 6);
const BRACKETS: Version = Version(1, 4, 25);
const PROTOCOL: Version = Version(1, 6, 17);
const UNDERSCORES: Version = Version(1, 6, 23);
const PEERS: Version = Version(1, 6, 30);
const NO_BINARY: Version = Version(1, 6, 43);

/// What the meaning of a list depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub version: Version,
    /// Whether TLS is built in, and whether it is on.
    pub tls_built: bool,
    pub tls: bool,
    pub proxy_built: bool,
    pub proxy: bool,
    /// Whether there is an authentication file.
    pub auth_file: bool,
}

/// One element of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// The host, or `None` for every address.
    pub host: Option<String>,
    /// The port that it names.
    pub port: Option<i32>,
}

/// Splits a list as `server_sockets` of memcached.c does.
pub(super) fn elements(
    list: &str,
    context: Context,
) -> Result<Vec<Element>, String> {
    if context.version < LIST {
        let host = Some(list.to_owned());
        return Ok(vec![Element { host, port: None }]);
    }
    let bytes = list.as_bytes();
    let mut all = Vec::new();
    let mut at = 0;
    for text in bytes.split(|byte| b";,".contains(byte)) {
        let end = at + text.len();
        if !text.is_empty() {
            let beyond = bytes.get(end + 1..).unwrap_or_default();
            all.push(Cursor { text, beyond }.element(context)?);
        }
        at = end + 1;
    }
    Ok(all)
}

struct Cursor<'a> {
    text: &'a [u8],
    /// The list after this element. The C code gets there when it skips the
    /// character after a prefix that is the end of the element.
    beyond: &'a [u8],
}

impl Cursor<'_> {
    fn skip(&mut self, count: usize) {
        match self.text.get(count..) {
            Some(rest) => self.text = rest,
            None => self.text = std::mem::take(&mut self.beyond),
        }
    }

    fn element(mut self, context: Context) -> Result<Element, String> {
        self.tls(context)?;
        if context.version >= PROTOCOL {
            self.protocol(context)?;
            self.tag(context.version)?;
        }
        self.host(context.version)
    }

    fn tls(&mut self, context: Context) -> Result<(), String> {
        let built = context.tls_built || context.version >= PEERS;
        let known: &[&str] = match context.version {
            version if version >= PEERS => &["notls", "btls", "mtls"],
            version if version >= NOTLS && built => &["notls"],
            _ => &[],
        };
        let found =
            known.iter().find(|name| self.text.starts_with(name.as_bytes()));
        match found {
            Some(name) if !context.tls => {
                Err(format!("'{name}' is valid only when SSL is enabled"))
            }
            Some(name) => {
                self.skip(name.len() + 1);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn protocol(&mut self, context: Context) -> Result<(), String> {
        let Some(rest) = self.text.strip_prefix(b"proto") else {
            return Ok(());
        };
        self.text = rest;
        let Some(rest) = rest.strip_prefix(b"[") else { return Ok(()) };
        let end = find(rest, b']').ok_or("invalid protocol")?;
        let name = rest.get(..end).unwrap_or_default();
        let is = |full: &str| full.as_bytes().starts_with(name);
        if !is("ascii") {
            if is("binary") {
                if context.auth_file && context.version >= NO_BINARY {
                    return Err("binary protocol with an authentication \
                                file"
                        .to_owned());
                }
            } else if !is("negotiating")
                && is("proxy")
                && !(context.proxy_built && context.proxy)
            {
                return Err("there is no proxy".to_owned());
            }
        }
        self.skip(end + 3);
        Ok(())
    }

    fn tag(&mut self, version: Version) -> Result<(), String> {
        let Some(rest) = self.text.strip_prefix(b"tag") else {
            return Ok(());
        };
        self.text = rest;
        let ends: &[u8] = match rest.first() {
            Some(b'[') if version < UNDERSCORES => b"]",
            Some(b'[') => b"]_",
            Some(b'_') if version >= UNDERSCORES => b"]_",
            _ => return Ok(()),
        };
        let inner = rest.get(1..).unwrap_or_default();
        let end = ends.iter().find_map(|&end| find(inner, end));
        let end = end.ok_or("invalid tag")?;
        if !(1..=8).contains(&end) {
            return Err("a tag has 1 to 8 characters".to_owned());
        }
        self.skip(end + 3);
        Ok(())
    }

    fn host(self, version: Version) -> Result<Element, String> {
        let mut bracketed = None;
        let mut text = self.text;
        if version >= BRACKETS {
            if let Some(rest) = text.strip_prefix(b"[") {
                let end = find(rest, b']').ok_or("invalid IPv6 address")?;
                bracketed = rest.get(..end);
                text = rest.get(end + 1..).unwrap_or_default();
            }
        }
        let mut host = text;
        let mut port = None;
        if let Some(colon) = find(text, b':') {
            let rest = text.get(colon + 1..).unwrap_or_default();
            let one = bracketed.is_some() || find(rest, b':').is_none();
            if one || version < BRACKETS {
                let rest = String::from_utf8_lossy(rest);
                let number = whole(&rest);
                port =
                    Some(number.ok_or_else(|| {
                        format!("invalid port number {rest:?}")
                    })?);
                host = text.get(..colon).unwrap_or_default();
            }
        }
        let host = String::from_utf8_lossy(bracketed.unwrap_or(host));
        let host = (host != "*").then(|| host.into_owned());
        Ok(Element { host, port })
    }
}

fn find(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|&other| other == byte)
}
