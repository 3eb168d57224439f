//! What firewalld makes of the file of a zone.

use super::{Opener, Wanted, live::around};
use crate::{
    Error, Snapshot,
    managers::{
        change::Splice,
        firewalld::{
            stock,
            value::ports,
            xml::{Element, elements},
        },
    },
    text::Source,
};

fn path(zone: &str) -> String {
    format!("/etc/firewalld/zones/{zone}.xml")
}

/// The text of a zone: a stock one is copied to /etc when it is changed.
fn text(snapshot: &Snapshot, zone: &str) -> Result<(String, bool), Error> {
    let stock = format!("/usr/lib/firewalld/zones/{zone}.xml");
    for (path, own) in [(path(zone), true), (stock, false)] {
        if let Some(source) = snapshot.text(&path)? {
            return Ok((source.text().to_owned(), own));
        }
    }
    let shipped = stock::zones().get(zone).map(|found| {
        let services = found.settings.services.iter();
        let services =
            services.map(|(name, _)| format!("  <service name=\"{name}\"/>\n"));
        let services: String = services.collect();
        format!("<zone>\n{services}  <forward/>\n</zone>\n")
    });
    let plain = shipped
        .filter(|_| !matches!(zone, "block" | "drop" | "trusted" | "external"));
    let text = plain.ok_or_else(|| {
        Error::unsupported(format!("the file of the zone {zone} is not known"))
    })?;
    Ok((text, false))
}

/// The whole file with another text.
fn written(zone: &str, old: &str, own: bool, new: String) -> Splice {
    let end = if own { old.len() } else { 0 };
    Splice::file(&path(zone), 0..end, new)
}

/// The file with a rich rule more.
pub(super) fn add_rule(
    snapshot: &Snapshot,
    wanted: &Wanted<'_>,
) -> Result<Splice, Error> {
    let (text, own) = text(snapshot, wanted.zone)?;
    let rule = format!(
        "  <rule priority=\"-1\" family=\"{}\">\n    \
         <source address=\"{}\"/>\n    \
         <port port=\"{}\" protocol=\"{}\"/>\n    <accept/>\n  </rule>\n",
        wanted.family(),
        wanted.client,
        wanted.port,
        wanted.proto.name()
    );
    let end = text.rfind("</zone>").ok_or_else(|| {
        Error::unsupported(format!("the zone {} has no end", wanted.zone))
    })?;
    let (before, after) = text.split_at_checked(end).unwrap_or((&text, ""));
    let new = format!("{before}{rule}{after}");
    Ok(written(wanted.zone, &text, own, new))
}

/// The file without what opens a port.
pub(super) fn remove(
    snapshot: &Snapshot,
    zone: &str,
    port: u16,
    opener: &Opener,
) -> Result<Splice, Error> {
    let (text, own) = text(snapshot, zone)?;
    let source = Source::new(path(zone), &text);
    let all =
        elements(&source).map_err(|broken| Error::unsupported(broken.what))?;
    let mut new = text.clone();
    let mut rule_end = 0;
    let mut pieces = Vec::new();
    for e in &all {
        if e.name == "rule" {
            rule_end = e.range.end;
        }
        if e.range.start >= rule_end {
            let rest = without(e, port, opener);
            pieces.extend(rest.map(|rest| (e.range.clone(), rest)));
        }
    }
    for (range, rest) in pieces.into_iter().rev() {
        if new.get(range.clone()).is_some() {
            new.replace_range(range, &rest);
        }
    }
    Ok(written(zone, &text, own, new))
}

/// What is left of an element; `None` if it stays.
fn without(e: &Element, port: u16, opener: &Opener) -> Option<String> {
    match opener {
        Opener::Service(name, _) => {
            let is = e.name == "service" && e.get("name") == Some(name);
            is.then(String::new)
        }
        Opener::Port(proto) => {
            let proto = proto.name();
            if e.name != "port" || e.get("protocol") != Some(proto) {
                return None;
            }
            let rest = around(ports(e.get("port")?)?, port)?.into_iter();
            Some(rest.map(|ends| element(ends, proto)).collect())
        }
    }
}

fn element((first, last): (u16, u16), proto: &str) -> String {
    let ports = match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    format!("<port port=\"{ports}\" protocol=\"{proto}\"/>")
}
