//! What firewalld makes of the file of a zone.

use super::{Of, Opener, Wanted, live::around};
use crate::{
    Error, Snapshot,
    managers::{
        change::Splice,
        firewalld::{
            settings::Target,
            stock,
            value::ports,
            xml::{Element, elements},
        },
    },
    text::Source,
};

fn path(of: Of<'_>) -> String {
    let kinds = match of {
        Of::Zone(_) => "zones",
        Of::Policy(_) => "policies",
    };
    format!("/etc/firewalld/{kinds}/{}.xml", of.name())
}

/// The text of a zone or policy: a stock one is copied to /etc when it is
/// changed.
fn text(snapshot: &Snapshot, of: Of<'_>) -> Result<(String, bool), Error> {
    let own = path(of);
    let stock = own.replacen("/etc/", "/usr/lib/", 1);
    for (path, own) in [(own, true), (stock, false)] {
        if let Some(source) = snapshot.text(&path)? {
            return Ok((source.text().to_owned(), own));
        }
    }
    let shipped = match of {
        Of::Zone(name) => shipped(name),
        Of::Policy(_) => None,
    };
    let text = shipped.ok_or_else(|| {
        let (kind, name) = (of.kind(), of.name());
        let what = format!("the file of the {kind} {name} is not known");
        Error::unsupported(what)
    })?;
    Ok((text, false))
}

/// A zone as it is shipped, but for what it is called.
fn shipped(name: &str) -> Option<String> {
    let zones = stock::zones();
    let zone = zones.get(name)?;
    let target = match zone.settings.target {
        Target::Accept => " target=\"ACCEPT\"",
        Target::Drop => " target=\"DROP\"",
        Target::Reject => " target=\"%%REJECT%%\"",
        Target::Default | Target::Continue => "",
    };
    let mut text = format!("<zone{target}>\n");
    for (name, _) in &zone.settings.services {
        text.push_str(&format!("  <service name=\"{name}\"/>\n"));
    }
    if zone.settings.masquerade.is_some() {
        text.push_str("  <masquerade/>\n");
    }
    Some(text + "  <forward/>\n</zone>\n")
}

/// The whole file with another text.
fn written(of: Of<'_>, old: &str, own: bool, new: String) -> Splice {
    let end = if own { old.len() } else { 0 };
    Splice::file(&path(of), 0..end, new)
}

/// The file with a rich rule more.
pub(super) fn add_rule(
    snapshot: &Snapshot,
    wanted: &Wanted<'_>,
) -> Result<Splice, Error> {
    let (kind, name) = (wanted.of.kind(), wanted.of.name());
    let (text, own) = text(snapshot, wanted.of)?;
    let (head, source, action) = wanted.words();
    let source = match source.is_empty() {
        true => source,
        false => format!("    <{source}/>\n"),
    };
    let rule = format!(
        "  <rule{head}>\n{source}    \
         <port port=\"{}\" protocol=\"{}\"/>\n    <{action}/>\n  </rule>\n",
        wanted.port,
        wanted.proto.name()
    );
    let end = text.rfind(&format!("</{kind}>")).ok_or_else(|| {
        Error::unsupported(format!("the {kind} {name} has no end"))
    })?;
    let (before, after) = text.split_at_checked(end).unwrap_or((&text, ""));
    let new = format!("{before}{rule}{after}");
    Ok(written(wanted.of, &text, own, new))
}

/// The file without what opens a port.
pub(super) fn remove(
    snapshot: &Snapshot,
    zone: &str,
    port: u16,
    opener: &Opener,
) -> Result<Splice, Error> {
    let of = Of::Zone(zone);
    let (text, own) = text(snapshot, of)?;
    let source = Source::new(path(of), &text);
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
    Ok(written(of, &text, own, new))
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
