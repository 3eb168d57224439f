//! Asking ufw in its own words: frontend.py and backend_iptables.py of 0.36.

mod block;
mod others;
#[cfg(test)]
mod tests;

use super::{
    super::{
        change::{Ask, Asking, Change, Splice, line},
        restore::save,
        saved,
    },
    load,
    tuple::{Tuple, mismatches},
};
use crate::{Cidr, Error, Proto, Snapshot, net::Family};
use block::{blocks, position, start, store};
use others::deny;

/// What to run, so that only the clients reach the port; nothing if ufw's
/// rules say that already. What opens that port alone goes; what opens more
/// stays, behind a rule that denies the port to all who are left.
///
/// # Errors
///
/// What ufw would refuse, or would answer by a change of other rules: rules
/// that it did not write, a file that it cannot load.
pub(crate) fn ask(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
) -> Result<Vec<Change>, Error> {
    check(snapshot, ask)?;
    let mut asking = Asking::new(snapshot);
    for &client in ask.clients.iter().rev() {
        for &proto in ask.protos {
            allow(&mut asking, ask, client, proto)?;
        }
    }
    for family in Family::BOTH {
        while let Some(change) = shut(&asking.snapshot, ask, family)? {
            asking.push(change);
        }
    }
    for family in Family::BOTH {
        for proto in Proto::BOTH {
            deny(&mut asking, ask, family, proto)?;
        }
    }
    Ok(asking.changes)
}

fn check(snapshot: &Snapshot, ask: &Ask<'_>) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::unsupported(why));
    let Some(load) = load(snapshot)? else {
        return refuse("there is no ufw".to_owned());
    };
    if !load.enabled {
        return refuse("ufw is switched off".to_owned());
    }
    let wrong = load.unknown.iter().find(|(what, _)| what.contains("refused"));
    if let Some((what, place)) = wrong {
        return refuse(format!("{place}: {what}"));
    }
    if let Some(found) = mismatches(snapshot)?.first() {
        let place = found.rule.clone().or_else(|| found.tuple.clone());
        return refuse(format!(
            "{}: not what ufw itself wrote: it would be lost",
            place.unwrap_or_default()
        ));
    }
    let loads = |family| {
        let chain = format!(":{} ", store(family).1);
        let mut dumps = load.dumps.iter().filter(|d| d.command == save(family));
        dumps.any(|dump| dump.text.contains(&chain))
    };
    for client in ask.clients {
        if client.prefix() == 0 {
            return refuse(format!("{client} is everybody"));
        }
        if !loads(client.family()) {
            return refuse(format!("ufw has no rules of its own for {client}"));
        }
    }
    Ok(())
}

/// A text of a snapshot that must be there.
fn file(snapshot: &Snapshot, path: &str) -> Result<String, Error> {
    let source = snapshot.text(path)?;
    let missing = || Error::unsupported(format!("{path} is not known"));
    Ok(source.ok_or_else(missing)?.text().to_owned())
}

fn output(snapshot: &Snapshot, command: &str) -> Result<String, Error> {
    let missing = || Error::unsupported(format!("{command} is not known"));
    let source = snapshot.output(command).ok_or_else(missing)?;
    Ok(source.text().to_owned())
}

/// `ufw prepend` does nothing where the same rule stands already, whatever
/// it does with the packets: behind what stops them it goes first.
fn allow(
    asking: &mut Asking,
    ask: &Ask<'_>,
    client: Cidr,
    proto: Proto,
) -> Result<(), Error> {
    let family = client.family();
    let (path, chain) = store(family);
    let text = file(&asking.snapshot, path)?;
    let (dport, from) = (ask.port.to_string(), client.to_string());
    let new = Tuple {
        action: "allow",
        from: &from,
        ..Tuple::on(&dport, proto, any(family))
    };
    let all = blocks(&text);
    let known = all.iter().position(|block| block.is_like(&new));
    if let Some(at) = known {
        let (block, before) = (all.get(at), all.get(..at).unwrap_or_default());
        let tuple = block.and_then(|block| block.tuple.as_ref());
        if tuple.is_none_or(|tuple| tuple.action != new.action) {
            return Err(Error::unsupported(format!(
                "{path}: ufw has another rule for {client} and the port, and \
                 would keep it"
            )));
        }
        if !before.iter().any(|block| block.stands_before(ask, proto)) {
            return Ok(());
        }
        let gone = removal(&asking.snapshot, ask.port, family, at)?;
        asking.push(gone);
        return allow(asking, ask, client, proto);
    }
    let words = new.words();
    let saved = format!(
        "-A {chain} -s {}/{} -p {proto} -m {proto} --dport {} -j ACCEPT",
        client.address(),
        client.prefix(),
        ask.port,
        proto = proto.name(),
    );
    let live = output(&asking.snapshot, save(family))?;
    let first = saved::rules(&live, chain).first().map(|range| range.start);
    let at = first.or_else(|| saved::end(&live)).ok_or_else(not_running)?;
    asking.push(Change {
        summary: format!(
            "ufw: let {client} in to {} {}",
            proto.name(),
            ask.port
        ),
        command: line(["ufw", "prepend"], words.clone()),
        undo: line(["ufw", "delete"], words),
        check: checked(family, &saved),
        effects: vec![
            Splice::file(path, start(&text)?, new.block(chain)),
            Splice::output(save(family), at..at, format!("{saved}\n")),
        ],
        ..Change::default()
    });
    Ok(())
}

/// Exits with 0 if the rule is there.
fn checked(family: Family, saved: &str) -> Vec<String> {
    let tool = match family {
        Family::Ipv4 => "iptables",
        Family::Ipv6 => "ip6tables",
    };
    let rule = saved.strip_prefix("-A ").unwrap_or(saved);
    line([tool, "-w", "-C"], rule.split(' ').map(str::to_owned))
}

fn not_running() -> Error {
    Error::unsupported("ufw's rules are not there")
}

fn any(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "0.0.0.0/0",
        Family::Ipv6 => "::/0",
    }
}

/// The removal of the first rule by which ufw lets others in to the port
/// alone.
fn shut(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    family: Family,
) -> Result<Option<Change>, Error> {
    let Some(source) = snapshot.text(store(family).0)? else { return Ok(None) };
    let all = blocks(source.text());
    let mut each = all.iter();
    let found = each.position(|block| block.opens_alone(&all, ask));
    found.map(|at| removal(snapshot, ask.port, family, at)).transpose()
}

/// The removal of a rule; of all that have its application, if it has one.
fn removal(
    snapshot: &Snapshot,
    port: u16,
    family: Family,
    at: usize,
) -> Result<Change, Error> {
    let (path, chain) = store(family);
    let text = file(snapshot, path)?;
    let all = blocks(&text);
    let live = output(snapshot, save(family))?;
    let lines = saved::rules(&live, chain);
    let known: usize = all.iter().map(|block| block.rules).sum();
    let tuple = all.get(at).and_then(|block| block.tuple.as_ref());
    let tuple = tuple.filter(|_| lines.len() == known);
    let tuple = tuple.ok_or_else(not_running)?;
    let number = position(snapshot, family, at)?;
    let last = at + 1 == all.len();
    let insert = match number {
        Some(number) if !last => vec!["insert".to_owned(), number.to_string()],
        _ => Vec::new(),
    };
    let words = tuple.words();
    let said = tuple.said().map(|text| ["comment".to_owned(), text]);
    let again = words.iter().cloned().chain(said.into_iter().flatten());
    let again: Vec<_> = again.collect();
    let mut gone = Vec::new();
    let mut cut = Vec::new();
    let mut before = 0;
    for block in &all {
        let own = before..before + block.rules;
        before = own.end;
        if block.tuple.as_ref().is_some_and(|t| t.goes_with(tuple)) {
            let ranges = lines.get(own).unwrap_or_default();
            gone.extend(ranges.iter().cloned());
            cut.push(block.range.clone());
        }
    }
    let gone = gone
        .into_iter()
        .rev()
        .map(|range| Splice::output(save(family), range, String::new()));
    let cut = cut
        .into_iter()
        .rev()
        .map(|range| Splice::file(path, range, String::new()));
    let summary = match tuple.lets_in() {
        true => format!("ufw: do not let {} in to port {port}", tuple.from),
        false => format!("ufw: take away the rule for {port} that comes late"),
    };
    Ok(Change {
        summary,
        command: line(["ufw", "delete"], words.clone()),
        undo: line(["ufw"], insert.into_iter().chain(again)),
        effects: gone.chain(cut).collect(),
        ..Change::default()
    })
}
