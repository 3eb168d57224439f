//! Who is left: a rule that denies the port to all behind the clients' rules.

use super::{
    super::{SETTINGS, tuple::Tuple},
    any,
    block::{Block, ahead_of, blocks, position, store},
    checked, file, not_running, output, removal,
};
use crate::{
    Error, Proto, Snapshot,
    managers::{
        change::{Ask, Asking, Change, Splice, line},
        restore::save,
        saved,
        variables::Variables,
    },
    net::Family,
};

/// Denies the port to all, where what opens more than the port, or the
/// policy, lets others in to it.
pub(super) fn deny(
    asking: &mut Asking,
    ask: &Ask<'_>,
    family: Family,
    proto: Proto,
) -> Result<(), Error> {
    let (path, chain) = store(family);
    if asking.snapshot.text(path)?.is_none() {
        return Ok(());
    }
    let text = file(&asking.snapshot, path)?;
    let all = blocks(&text);
    let dport = ask.port.to_string();
    let new = Tuple::on(&dport, proto, any(family));
    let Some(place) = place(&asking.snapshot, &all, ask, (&new, proto))? else {
        return Ok(());
    };
    if let Some(late) = all.iter().position(|block| block.is_like(&new)) {
        // `ufw insert` does nothing where the same rule stands already,
        // whatever it does with the packets.
        let gone = removal(&asking.snapshot, ask.port, family, late)?;
        asking.push(gone);
        return deny(asking, ask, family, proto);
    }
    let at = ahead_of(&all, place.unwrap_or(all.len()));
    let number = position(&asking.snapshot, family, at)?;
    let insert = match (place, number) {
        (None, _) => Vec::new(),
        (_, Some(number)) => vec!["insert".to_owned(), number.to_string()],
        (_, None) => {
            let what = "ufw has no number for the place of the rule";
            return Err(Error::unsupported(what));
        }
    };
    let words = new.words();
    let saved = format!(
        "-A {chain} -p {proto} -m {proto} --dport {dport} -j DROP",
        proto = proto.name()
    );
    let [file, rules] = effects(&asking.snapshot, &all, &text, at, family)?;
    asking.push(Change {
        summary: format!(
            "ufw: deny {} {dport} to all who are left",
            proto.name()
        ),
        command: line(["ufw"], insert.into_iter().chain(words.clone())),
        undo: line(["ufw", "delete"], words),
        check: checked(family, &saved),
        effects: vec![
            Splice::file(path, file..file, new.block(chain)),
            Splice::output(save(family), rules..rules, format!("{saved}\n")),
        ],
        ..Change::default()
    });
    Ok(())
}

/// Where the rule is needed: at a place among the others, or behind them
/// all; `None` if it is not.
fn place(
    snapshot: &Snapshot,
    all: &[Block<'_>],
    ask: &Ask<'_>,
    (new, proto): (&Tuple<'_>, Proto),
) -> Result<Option<Option<usize>>, Error> {
    let mut tuples = all.iter().map(|block| block.tuple.as_ref());
    let decides = tuples.position(|tuple| {
        tuple.is_some_and(|tuple| {
            let opens = tuple.opens(ask) && tuple.covers(ask.port, proto);
            let stops = tuple.is_like(new) && !tuple.lets_in();
            opens || stops
        })
    });
    let tuple = decides.and_then(|at| all.get(at)?.tuple.as_ref());
    match tuple {
        Some(tuple) if tuple.lets_in() => Ok(Some(decides)),
        Some(_) => Ok(None),
        None => Ok(lets_in(snapshot)?.then_some(None)),
    }
}

/// Whether ufw lets in what no rule decides.
fn lets_in(snapshot: &Snapshot) -> Result<bool, Error> {
    let mut settings = Variables::default();
    for path in SETTINGS {
        if let Some(source) = snapshot.text(path)? {
            settings.source(&source);
        }
    }
    Ok(settings.get("DEFAULT_INPUT_POLICY") == Some("ACCEPT"))
}

/// Where the rule goes: in the file, and in the rules that are loaded.
fn effects(
    snapshot: &Snapshot,
    all: &[Block<'_>],
    text: &str,
    at: usize,
    family: Family,
) -> Result<[usize; 2], Error> {
    let live = output(snapshot, save(family))?;
    let lines = saved::rules(&live, store(family).1);
    let before: usize = all.iter().take(at).map(|block| block.rules).sum();
    let known: usize = all.iter().map(|block| block.rules).sum();
    let rule = match lines.get(before) {
        Some(range) => Some(range.start),
        None => saved::end(&live),
    };
    let rule = rule.filter(|_| lines.len() == known).ok_or_else(not_running)?;
    let last = all.last().map(|block| block.range.end);
    let start = super::start(text)?.start;
    let end = last.unwrap_or(start);
    let file = all.get(at).map_or(end, |block| block.range.start);
    Ok([file, rule])
}
