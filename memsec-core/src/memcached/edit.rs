use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::Range,
};

use super::{
    Instance, Launcher, Listener, Room, Socket, Start, Word,
    getopt::{Given, Operands, getopt},
    instance::of_service,
    launch::Written,
    number::atoi,
    ports::port_settings,
    version::{OLDEST, Release},
};
use crate::{
    Error, FileChange, Proto, Snapshot, net::interfaces, text::Source,
};

/// What a daemon should listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The addresses, in the order in which they are written.
    pub listen: Vec<IpAddr>,
    /// False writes `-U 0`; true leaves UDP as it is.
    pub udp: bool,
}

/// The smallest change to the file of an instance after which it listens on
/// just what is wanted, on the ports that it has. A daemon that has only a
/// unix socket is left as it is, and TCP that is off stays off.
///
/// # Errors
///
/// Where the file alone cannot bring that about, what stands in the way.
pub(crate) fn edit(
    snapshot: &Snapshot,
    instance: &Instance,
    wanted: &Wanted,
) -> Result<FileChange, Error> {
    let refuse =
        |why: &str| Error::unsupported(format!("{}: {why}", instance.source));
    let source = match instance.launcher {
        Launcher::Process => None,
        _ => snapshot.text(&instance.source)?,
    };
    let source =
        source.ok_or_else(|| refuse("no file is known that starts it"))?;
    let goal = Goal::new(instance, wanted);
    let after = if goal.reached(&instance.start).is_ok() {
        source.text().to_owned()
    } else {
        let mut editor = Editor::new(&source, instance);
        editor.all(&goal).map_err(|why| refuse(&why))?;
        let after = editor.apply();
        let edited = snapshot.clone().with_file(source.name(), &after);
        let start = restart(&edited, instance)?;
        goal.reached(&start).map_err(|why| refuse(&why))?;
        after
    };
    Ok(FileChange {
        path: instance.source.clone(),
        before: Some(source.text().to_owned()),
        after: Some(after),
    })
}

fn restart(snapshot: &Snapshot, instance: &Instance) -> Result<Start, Error> {
    let addresses = snapshot.output("ip -j address");
    let addresses = addresses.map(|text| interfaces(&text)).transpose()?;
    let source = &instance.source;
    let again = of_service(snapshot, addresses.as_deref(), instance)?;
    again.map(|instance| instance.start).ok_or_else(|| {
        Error::unsupported(format!("{source}: nothing starts it"))
    })
}

/// What is to come of an edit.
#[derive(Debug)]
struct Goal<'a> {
    wanted: &'a Wanted,
    /// The TCP port; `None` where TCP is off.
    port: Option<u16>,
}

impl<'a> Goal<'a> {
    fn new(instance: &Instance, wanted: &'a Wanted) -> Self {
        let (given, _) = options(instance);
        let number = |letter| {
            let mut of = given.iter().filter(|g| g.option.letter == letter);
            of.next_back().map(|given| atoi(&given.word.text))
        };
        let bound = tcp(&instance.start).and_then(|tcp| {
            let ports: BTreeSet<u16> = tcp.iter().map(|&(_, p)| p).collect();
            ports.first().copied().filter(|&p| p != 0 && ports.len() == 1)
        });
        let tcp_off = number('p').is_some_and(|port| port == 0);
        let next = Cell::new(OLDEST);
        let newest = Release::new(instance.possible.newest(), &next);
        let (p, u) = (number('p'), number('U'));
        let (stated, _) = port_settings(newest, p, u, false);
        let port = bound.or_else(|| {
            let stated = u16::try_from(stated).ok().filter(|&port| port != 0);
            (!tcp_off).then_some(stated.unwrap_or(11211))
        });
        Self { wanted, port }
    }

    fn tcp(&self) -> BTreeSet<(IpAddr, u16)> {
        let all = self.wanted.listen.iter();
        all.filter_map(|&address| Some((address, self.port?))).collect()
    }

    /// Whether a daemon that starts so is as it should be, or why not.
    fn reached(&self, start: &Start) -> Result<(), String> {
        let running = match start {
            Start::Runs(running) => running,
            Start::Exits(exit) => {
                return Err(format!("it would not start: {}", exit.message));
            }
        };
        if let Some(what) = running.unresolved.first() {
            return Err(format!("what it listens on depends on {what}"));
        }
        let unix = |listener| matches!(listener, &Listener::Unix { .. });
        if running.listeners.iter().any(unix) {
            return Ok(());
        }
        if tcp(start) != Some(self.tcp()) {
            return Err("it would listen on other addresses: they are set \
                        in another place as well"
                .to_owned());
        }
        // UDP on loopback that is only perhaps on does no harm.
        let mut udp = running.listeners.iter().filter_map(|listener| {
            let (proto, socket) = listener.socket()?;
            let local = socket.address.is_loopback();
            let counts = !local || running.is_sure(listener);
            (proto == Proto::Udp && counts).then_some(socket.address)
        });
        if udp.any(|a| !self.wanted.udp || !self.wanted.listen.contains(&a)) {
            return Err("UDP would stay on, or may".to_owned());
        }
        Ok(())
    }

    /// Whether the addresses are right, whatever the ports of UDP.
    fn listens(&self, start: &Start) -> bool {
        let Start::Runs(running) = start else { return false };
        let mut all = running.sockets();
        let udp = |(proto, socket): (Proto, &Socket)| {
            proto == Proto::Tcp
                || !self.wanted.udp
                || self.wanted.listen.contains(&socket.address)
        };
        tcp(start) == Some(self.tcp()) && all.all(udp)
    }
}

fn tcp(start: &Start) -> Option<BTreeSet<(IpAddr, u16)>> {
    let Start::Runs(running) = start else { return None };
    let all = running.sockets();
    let tcp = all.filter(|(proto, _)| *proto == Proto::Tcp);
    Some(tcp.map(|(_, socket)| (socket.address, socket.port)).collect())
}

fn options(instance: &Instance) -> (Vec<Given>, Option<String>) {
    let next = Cell::new(OLDEST);
    let newest = Release::new(instance.possible.newest(), &next);
    getopt(&instance.argv, newest, Operands::Skipped)
}

/// Collects replacements of parts of a file.
struct Editor<'a> {
    source: &'a Source,
    instance: &'a Instance,
    given: Vec<Given>,
    /// By where they start: where they end, and the new text.
    changes: BTreeMap<usize, (usize, String)>,
    /// Options to add.
    added: Vec<String>,
}

impl<'a> Editor<'a> {
    fn new(source: &'a Source, instance: &'a Instance) -> Self {
        let (given, _) = options(instance);
        let (changes, added) = (BTreeMap::new(), Vec::new());
        Self { source, instance, given, changes, added }
    }

    fn of(&self, letter: char) -> Vec<Given> {
        let of = self.given.iter().filter(|g| g.option.letter == letter);
        of.cloned().collect()
    }

    fn all(&mut self, goal: &Goal<'_>) -> Result<(), String> {
        let listen = goal.wanted.listen.iter().map(ToString::to_string);
        let listen = listen.collect::<Vec<_>>().join(",");
        if !goal.listens(&self.instance.start) {
            self.set('l', &listen)?;
        }
        let udp = self.udp(goal)?;
        self.port(goal, udp)?;
        self.add()
    }

    /// Turns UDP off where it is on or may be. What `-U` then says.
    fn udp(&mut self, goal: &Goal<'_>) -> Result<Option<i32>, String> {
        let stated = self.of('U').last().map(|given| atoi(&given.word.text));
        let possible = self.instance.possible;
        let on = !possible.all(|release, patched| {
            port_settings(release, Some(1), stated, patched).1 == 0
        });
        if goal.wanted.udp || !on {
            return Ok(stated);
        }
        self.set('U', "0")?;
        Ok(Some(0))
    }

    /// Keeps the port of TCP, which `-U` or `-l` may have set.
    fn port(
        &mut self,
        goal: &Goal<'_>,
        udp: Option<i32>,
    ) -> Result<(), String> {
        let Some(port) = goal.port else { return Ok(()) };
        let last = self.of('p').pop();
        let stated = last.as_ref().map(|given| atoi(&given.word.text));
        // `-U 0` alone turns TCP off in 1.4.3 to 1.5.3.
        let right = self.instance.possible.all(|release, patched| {
            let (tcp, _) = port_settings(release, stated, udp, patched);
            tcp == i32::from(port)
        });
        match last {
            _ if right => {}
            None => self.added.push(format!("-p {port}")),
            Some(last) => {
                let range = self.place(&last.word)?;
                let text = port.to_string();
                self.changes.insert(range.start, (range.end, text));
            }
        }
        Ok(())
    }

    /// Gives an option one value, where it stands first.
    fn set(&mut self, letter: char, value: &str) -> Result<(), String> {
        let given = self.of(letter);
        let Some((first, others)) = given.split_first() else {
            self.added.push(format!("-{letter} {value}"));
            return Ok(());
        };
        if first.word.text != value {
            let range = self.place(&first.word)?;
            self.changes.insert(range.start, (range.end, value.to_owned()));
        }
        others.iter().try_for_each(|other| self.remove(other))
    }

    /// Where a word stands in the file.
    fn place(&self, word: &Word) -> Result<Range<usize>, String> {
        let text = &word.text;
        let span = word.span.as_ref().ok_or_else(|| {
            format!("{text:?} is not written there in one piece")
        })?;
        if span.source_name() != self.source.name() {
            let other = span.source_name();
            return Err(format!("{text:?} is set in {other}"));
        }
        if span.text() != *text {
            return Err(format!("{text:?} is written as {:?}", span.text()));
        }
        Ok(span.range())
    }

    fn remove(&mut self, given: &Given) -> Result<(), String> {
        let (first, end) = given.words;
        let option = self.instance.argv.get(first);
        let letter = given.option.letter;
        let alone = option.is_some_and(|word| {
            word.text.starts_with("--")
                || word.text.starts_with(&format!("-{letter}"))
        });
        if !alone {
            return Err(format!("-{letter} is in one word with others"));
        }
        for word in self.instance.argv.get(first..end).unwrap_or_default() {
            let range = self.place(word)?;
            let range = self.with_quotes(range);
            let start = self.blanks_before(range.start);
            self.changes.insert(start, (range.end, String::new()));
        }
        Ok(())
    }

    fn with_quotes(&self, range: Range<usize>) -> Range<usize> {
        let bytes = self.source.text().as_bytes();
        let before = range.start.checked_sub(1).and_then(|i| bytes.get(i));
        let quoted = self.instance.launcher == Launcher::Debian
            && matches!(before, Some(b'"' | b'\''))
            && bytes.get(range.end) == before;
        if quoted { range.start - 1..range.end + 1 } else { range }
    }

    fn blanks_before(&self, at: usize) -> usize {
        let before = self.source.text().get(..at).unwrap_or_default();
        before.trim_end_matches([' ', '\t']).len()
    }

    fn add(&mut self) -> Result<(), String> {
        if self.added.is_empty() {
            return Ok(());
        }
        match self.instance.room.clone() {
            Room::Lines => self.add_lines(),
            Room::Variable(name, written) => {
                self.add_to(&name, written.as_ref())
            }
            Room::Nowhere => {
                Err("there is no place in it for options".to_owned())
            }
        }
    }

    /// New lines after the last that has an option.
    fn add_lines(&mut self) -> Result<(), String> {
        let text = self.source.text();
        let spans = self.instance.argv.iter().filter_map(|w| w.span.as_ref());
        let last = spans.map(|span| span.range().end).max();
        let mut added = std::mem::take(&mut self.added);
        if last.is_none() {
            // The wrapper says `-u root` only where there is no option.
            added.push("-u root".to_owned());
        }
        let rest = last.and_then(|at| text.get(at..)).unwrap_or_default();
        let at = last.map_or(text.len(), |at| {
            at + rest.find('\n').map_or(rest.len(), |end| end + 1)
        });
        self.insert_lines(at, &added);
        Ok(())
    }

    fn insert_lines(&mut self, at: usize, lines: &[String]) {
        let text = self.source.text();
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let open =
            at > 0 && !text.get(..at).unwrap_or_default().ends_with('\n');
        let joined = lines.join(newline);
        let joined = match open {
            true => format!("{newline}{joined}"),
            false => format!("{joined}{newline}"),
        };
        self.changes.insert(at, (at, joined));
    }

    /// Adds to the value of a variable, or a line with it.
    fn add_to(
        &mut self,
        name: &str,
        written: Option<&Written>,
    ) -> Result<(), String> {
        let text = self.source.text();
        let added = std::mem::take(&mut self.added).join(" ");
        let Some(written) = written else {
            self.insert_lines(text.len(), &[format!("{name}=\"{added}\"")]);
            return Ok(());
        };
        if written.source.name() != self.source.name() {
            return Err(format!("{name} is in {}", written.source.name()));
        }
        let range = &written.range;
        let value = text.get(range.clone()).unwrap_or_default();
        let inner = value.trim_matches(['"', '\'']);
        let empty = inner.trim().is_empty();
        let gap = if empty { "" } else { " " };
        // A blank ends a value without quotes where a shell reads it.
        let shell =
            matches!(self.instance.launcher, Launcher::Sysv | Launcher::OpenRc);
        let (at, added) = match written.quote {
            Some(_) => (range.end.saturating_sub(1), added),
            None if empty => (range.end, format!("\"{added}\"")),
            None if shell => (range.end, format!("\"{gap}{added}\"")),
            None => (range.end, added),
        };
        let quoted = added.starts_with('"');
        let gap = if quoted { "" } else { gap };
        self.changes.insert(at, (at, format!("{gap}{added}")));
        Ok(())
    }

    /// The new text. A line that loses all that was on it goes.
    fn apply(&self) -> String {
        let text = self.source.text();
        let mut out = String::new();
        let mut at = 0;
        for (&start, (end, new)) in &self.changes {
            out.push_str(text.get(at..start).unwrap_or_default());
            out.push_str(new);
            at = (*end).max(start);
            let rest = text.get(at..).unwrap_or_default();
            let blank = rest
                .find(|c: char| !matches!(c, ' ' | '\t' | '\r'))
                .unwrap_or(rest.len());
            let ends = rest.get(blank..).unwrap_or_default();
            let empty = new.is_empty()
                && (out.is_empty() || out.ends_with('\n'))
                && ends.starts_with('\n');
            if empty {
                at += blank + 1;
            }
        }
        out + text.get(at..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
