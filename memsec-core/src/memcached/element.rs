//! The elements of a list of `-l`.

use std::cell::Cell;

use super::{
    Instance,
    behaviour::{
        BRACKETS, LIST, NO_BINARY, NOTLS, PEERS, PROTOCOL, UNDERSCORES,
    },
    number::whole,
    version::{OLDEST, Release},
};

/// What the meaning of a list depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub release: Release<'a>,
    /// Whether TLS is built in, and whether it is on.
    pub tls_built: bool,
    pub tls: bool,
    pub proxy_built: bool,
    pub proxy: bool,
    /// Whether there is an authentication file.
    pub auth_file: bool,
}

/// One element of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// The host, or `None` for every address.
    pub host: Option<String>,
    /// The port that it names.
    pub port: Option<i32>,
    /// "notls", "btls" or "mtls", where it begins so.
    pub tls: Option<&'static str>,
}

impl Instance {
    /// The elements of its `-l`, as its newest version reads them; none
    /// where it refuses the list.
    pub(crate) fn elements(&self) -> Vec<Element> {
        let list = self.given('l');
        let list: Vec<_> = list.iter().map(|word| word.text.trim()).collect();
        let has = |letter| !self.given(letter).is_empty();
        let next = Cell::new(OLDEST);
        let context = Context {
            release: Release::new(self.possible.newest(), &next),
            tls_built: true,
            tls: has('Z'),
            proxy_built: true,
            proxy: true,
            auth_file: has('Y'),
        };
        elements(&list.join(","), context).unwrap_or_default()
    }
}

/// Splits a list as `server_sockets` of memcached.c does.
pub(super) fn elements(
    list: &str,
    context: Context<'_>,
) -> Result<Vec<Element>, String> {
    if !context.release.is(LIST) {
        let host = Some(list.to_owned());
        return Ok(vec![Element { host, ..Element::default() }]);
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

    fn element(mut self, context: Context<'_>) -> Result<Element, String> {
        let tls = self.tls(context)?;
        self.protocol(context)?;
        self.tag(context.release)?;
        let element = self.host(context.release)?;
        Ok(Element { tls, ..element })
    }

    fn tls(
        &mut self,
        context: Context<'_>,
    ) -> Result<Option<&'static str>, String> {
        const NAMES: [&str; 3] = ["notls", "btls", "mtls"];
        let found = NAMES
            .into_iter()
            .find(|name| self.text.starts_with(name.as_bytes()));
        let known = |name: &str| {
            let old = name == "notls" && context.tls_built;
            context.release.is(PEERS) || old && context.release.is(NOTLS)
        };
        let found = found.filter(|name| known(name));
        match found {
            Some(name) if !context.tls => {
                Err(format!("'{name}' is valid only when SSL is enabled"))
            }
            Some(name) => {
                self.skip(name.len() + 1);
                Ok(found)
            }
            None => Ok(None),
        }
    }

    fn protocol(&mut self, context: Context<'_>) -> Result<(), String> {
        let rest = self.text.strip_prefix(b"proto");
        let Some(rest) = rest.filter(|_| context.release.is(PROTOCOL)) else {
            return Ok(());
        };
        self.text = rest;
        let Some(rest) = rest.strip_prefix(b"[") else { return Ok(()) };
        let end = find(rest, b']').ok_or("invalid protocol")?;
        let name = rest.get(..end).unwrap_or_default();
        let is = |full: &str| full.as_bytes().starts_with(name);
        if !is("ascii") {
            if is("binary") {
                if context.auth_file && context.release.is(NO_BINARY) {
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

    fn tag(&mut self, release: Release<'_>) -> Result<(), String> {
        let rest = self.text.strip_prefix(b"tag");
        let Some(rest) = rest.filter(|_| release.is(PROTOCOL)) else {
            return Ok(());
        };
        self.text = rest;
        let ends: &[u8] = match rest.first() {
            Some(b'[' | b'_') if release.is(UNDERSCORES) => b"]_",
            Some(b'[') => b"]",
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

    fn host(self, release: Release<'_>) -> Result<Element, String> {
        let mut bracketed = None;
        let mut text = self.text;
        if let Some(rest) = text.strip_prefix(b"[") {
            if release.is(BRACKETS) {
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
            if one || !release.is(BRACKETS) {
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
        Ok(Element { host, port, tls: None })
    }
}

fn find(text: &[u8], byte: u8) -> Option<usize> {
    text.iter().position(|&other| other == byte)
}
