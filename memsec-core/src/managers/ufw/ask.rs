//! Asking ufw in its own words: frontend.py and backend_iptables.py of 0.36.

use std::ops::Range;

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

/// The file of the user rules and the chain of those for this host.
fn store(family: Family) -> (&'static str, &'static str) {
    match family {
        Family::Ipv4 => ("/etc/ufw/user.rules", "ufw-user-input"),
        Family::Ipv6 => ("/etc/ufw/user6.rules", "ufw6-user-input"),
    }
}

/// What to run, so that only the clients reach the port; nothing if ufw's
/// rules say that already.
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
            allow(&mut asking, ask.port, client, proto)?;
        }
    }
    for family in Family::BOTH {
        while let Some(change) = shut(&asking.snapshot, ask, family)? {
            asking.push(change);
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
/// it does with the packets.
fn allow(
    asking: &mut Asking,
    port: u16,
    client: Cidr,
    proto: Proto,
) -> Result<(), Error> {
    let family = client.family();
    let (path, chain) = store(family);
    let text = file(&asking.snapshot, path)?;
    let (dport, from) = (port.to_string(), client.to_string());
    let any = any(family);
    let new = Tuple {
        action: "allow",
        log: "",
        protocol: proto.name(),
        dport: &dport,
        to: any,
        sport: "any",
        from: &from,
        interfaces: "in",
    };
    let blocks = blocks(&text);
    let same = blocks.iter().filter_map(|block| block.tuple.as_ref());
    match same.clone().find(|tuple| tuple.is_like(&new)) {
        Some(known) if known.action == new.action => return Ok(()),
        Some(_) => {
            return Err(Error::unsupported(format!(
                "{path}: ufw has another rule for {client} and the port, and \
                 would keep it"
            )));
        }
        None => {}
    }
    let words = new.words();
    let saved = format!(
        "-A {chain} -s {}/{} -p {proto} -m {proto} --dport {port} -j ACCEPT",
        client.address(),
        client.prefix(),
        proto = proto.name(),
    );
    let live = output(&asking.snapshot, save(family))?;
    let first = saved::rules(&live, chain).first().map(|range| range.start);
    let at = first.or_else(|| saved::end(&live)).ok_or_else(not_running)?;
    asking.push(Change {
        summary: format!("ufw: let {client} in to {} {port}", proto.name()),
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

/// A tuple with its rules.
struct Block<'t> {
    /// In bytes, with the empty line before it.
    range: Range<usize>,
    /// `None` for one that is more than this asks for.
    tuple: Option<Tuple<'t>>,
    /// How many of its rules are of INPUT.
    rules: usize,
}

/// Where the rules begin in a file.
fn start(text: &str) -> Result<Range<usize>, Error> {
    let head = "### RULES ###\n";
    let at = text.find(head).map(|at| at + head.len());
    let missing = || Error::unsupported("user.rules has no section of rules");
    at.map(|at| at..at).ok_or_else(missing)
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let (mut at, mut blank, mut inside) = (0, 0, false);
    for line in text.split_inclusive('\n') {
        let (start, words) = (at, line.trim());
        at += line.len();
        match words {
            "### RULES ###" => inside = true,
            "### END RULES ###" => inside = false,
            "" => blank = start,
            _ if !inside => {}
            _ if words.starts_with("### tuple ###") => {
                let (start, rules) = (blank.min(start), 0);
                let tuple = Tuple::new(words);
                blocks.push(Block { range: start..at, tuple, rules });
                blank = at;
            }
            _ => {
                if let Some(block) = blocks.last_mut() {
                    block.range.end = at;
                    let own = words.contains("-user-input ");
                    block.rules += usize::from(own);
                }
                blank = at;
            }
        }
    }
    blocks
}

/// The removal of the first rule by which ufw lets others in to the port.
fn shut(
    snapshot: &Snapshot,
    ask: &Ask<'_>,
    family: Family,
) -> Result<Option<Change>, Error> {
    let (path, chain) = store(family);
    let Some(source) = snapshot.text(path)? else { return Ok(None) };
    let text = source.text();
    let blocks = blocks(text);
    let mut before = 0;
    let found = blocks.iter().enumerate().find_map(|(at, block)| {
        let tuple = block.tuple.as_ref().filter(|t| t.opens(ask));
        before += block.rules;
        tuple.map(|tuple| (at, block, tuple))
    });
    let Some((at, block, tuple)) = found else { return Ok(None) };
    let live = output(snapshot, save(family))?;
    let lines = saved::rules(&live, chain);
    let all: usize = blocks.iter().map(|block| block.rules).sum();
    if lines.len() != all {
        return Err(not_running());
    }
    let first = before - block.rules;
    let gone = lines.get(first..before).unwrap_or_default().iter().rev();
    let gone = gone.map(|range| {
        Splice::output(save(family), range.clone(), String::new())
    });
    let last = at + 1 == blocks.len();
    let insert = match position(snapshot, family, at)? {
        Some(number) if !last => vec!["insert".to_owned(), number.to_string()],
        _ => Vec::new(),
    };
    let words = tuple.words();
    let cut = Splice::file(path, block.range.clone(), String::new());
    Ok(Some(Change {
        summary: format!(
            "ufw: do not let {} in to port {}",
            tuple.from, ask.port
        ),
        command: line(["ufw", "delete"], words.clone()),
        undo: line(["ufw"], insert.into_iter().chain(words)),
        effects: gone.chain([cut]).collect(),
        ..Change::default()
    }))
}

/// The number that `ufw insert` has for a place: those of IPv6 come after
/// those of IPv4. `None` where applications make it another one.
fn position(
    snapshot: &Snapshot,
    family: Family,
    at: usize,
) -> Result<Option<usize>, Error> {
    let four = file(snapshot, store(Family::Ipv4).0)?;
    let own = file(snapshot, store(family).0)?;
    let [four, own] = [&four, &own].map(|text| blocks(text));
    let plain = |blocks: &[Block<'_>]| blocks.iter().all(|b| b.tuple.is_some());
    let before = if family == Family::Ipv6 { four.len() } else { 0 };
    let known = plain(&four) && plain(&own);
    Ok(known.then_some(before + at + 1))
}

impl Tuple<'_> {
    /// Whether ufw takes both for one rule.
    fn is_like(&self, other: &Self) -> bool {
        let key = |t: &Self| {
            [t.protocol, t.dport, t.to, t.sport, t.from, t.interfaces]
                .map(str::to_owned)
        };
        key(self) == key(other)
    }

    /// Whether it lets others than the clients in to that one port.
    fn opens(&self, ask: &Ask<'_>) -> bool {
        let single = self.dport.parse() == Ok(ask.port);
        let inward = self.interfaces.split('_').next() == Some("in");
        let wider = match self.from.parse::<Cidr>() {
            Ok(net) => !ask.allows(net),
            Err(_) => true,
        };
        let lets_in = matches!(self.action, "allow" | "limit");
        lets_in && single && inward && wider
    }

    /// As the command ufw takes it.
    fn words(&self) -> Vec<String> {
        let mut words = vec![self.action];
        if let Some((way, name)) = self.interfaces.split_once('_') {
            words.extend([way, "on", name]);
        }
        if !self.log.is_empty() {
            words.push(self.log);
        }
        if self.protocol != "any" {
            words.extend(["proto", self.protocol]);
        }
        words.extend(["from", self.from]);
        if self.sport != "any" {
            words.extend(["port", self.sport]);
        }
        let any = matches!(self.to, "0.0.0.0/0" | "::/0");
        words.extend(["to", if any { "any" } else { self.to }]);
        words.extend(["port", self.dport]);
        words.into_iter().map(str::to_owned).collect()
    }

    /// As it stands in the file.
    fn block(&self, chain: &str) -> String {
        let prefix = chain.split('-').next().unwrap_or_default();
        format!(
            "\n### tuple ### {} {} {} {} {} {} {}\n{}\n",
            self.action,
            self.protocol,
            self.dport,
            self.to,
            self.sport,
            self.from,
            self.interfaces,
            self.rule(prefix, self.protocol)
        )
    }
}
