//! The smallest change to the file of a launcher.

mod editor;
mod flags;
mod goal;
mod room;
#[cfg(test)]
mod tests;
mod unit;

use std::{cell::Cell, fmt, net::IpAddr};

use super::{
    Instance, Launcher, Listener, Running, Start, Word,
    getopt::{Given, Operands, getopt},
    instance::of_service,
    version::{OLDEST, Release},
};
use crate::{
    Error, FileChange, Snapshot, net::interfaces, snapshot::Content,
    text::Source,
};
use editor::Editor;
use goal::Goal;
pub(crate) use unit::is_unit;

/// What a daemon should listen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The addresses, in the order in which they are written.
    pub listen: Vec<IpAddr>,
    /// False writes `-U 0`; true leaves UDP as it is.
    pub udp: bool,
    /// Whether `-U 0` must stand there even where UDP is off without it.
    pub states_udp: bool,
    /// A unix socket, in the place of all addresses.
    pub socket: Option<String>,
    /// Options without a value that are to be there.
    pub added: Vec<char>,
    /// Options without a value that are not.
    pub removed: Vec<char>,
    /// Options without a value that are to be there once.
    pub single: Vec<char>,
}

impl Wanted {
    /// Whether it asks for more than what is listened on.
    pub(crate) fn changes_options(&self) -> bool {
        let flags = [&self.added, &self.removed, &self.single];
        self.states_udp || flags.iter().any(|flags| !flags.is_empty())
    }

    /// Whether a daemon that is to have a socket has it, and no other.
    pub(crate) fn is_right(&self, running: &Running) -> bool {
        let path = self.socket.as_ref();
        let only = |one: &Listener| match one {
            Listener::Unix { path: own, .. } => Some(own) == path,
            _ => false,
        };
        !running.listeners.is_empty()
            && running.listeners.iter().all(only)
            && !self.changes_options()
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<_> =
            self.listen.iter().map(ToString::to_string).collect();
        match &self.socket {
            Some(path) => write!(f, "listen on the socket {path} only")?,
            None if list.is_empty() => f.write_str("the options")?,
            None => write!(f, "listen on {} only", list.join(", "))?,
        }
        if !self.udp && self.socket.is_none() && !list.is_empty() {
            f.write_str(", with UDP off")?;
        }
        self.added.iter().try_for_each(|c| write!(f, ", with -{c}"))?;
        self.single.iter().try_for_each(|c| write!(f, ", with one -{c}"))?;
        self.removed.iter().try_for_each(|c| write!(f, ", without -{c}"))
    }
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
    let mut change = FileChange {
        path: instance.source.clone(),
        before: Some(source.text().to_owned()),
        after: Some(source.text().to_owned()),
    };
    let listens = goal.reached(&instance.start).is_ok();
    if listens && !wanted.changes_options() {
        return Ok(change);
    }
    let mut editor = Editor::new(&source, instance);
    editor.all(&goal).map_err(|why| refuse(&why))?;
    let after = editor.apply();
    if unit::is_unit(source.name()) && !unit::is_own(source.name()) {
        change = override_of(snapshot, &source, &after)
            .ok_or_else(|| refuse("it has no ExecStart"))?;
    } else {
        change.after = Some(after);
    }
    let start = restart(&edited(snapshot, &change), instance)?;
    goal.reached(&start).map_err(|why| refuse(&why))?;
    Ok(change)
}

/// The drop-in that brings about what a unit of a package would say.
fn override_of(
    snapshot: &Snapshot,
    unit: &Source,
    after: &str,
) -> Option<FileChange> {
    let path = unit::drop_in(unit.name());
    let before = snapshot.text(&path).ok()?;
    let before = before.map(|source| source.text().to_owned());
    Some(FileChange { path, before, after: Some(unit::replacing(after)?) })
}

/// A snapshot after a change of a file. What `systemctl cat` said of a unit
/// that it is of is then no longer so.
pub(crate) fn edited(snapshot: &Snapshot, change: &FileChange) -> Snapshot {
    let text = change.after.clone().unwrap_or_default();
    let mut edited = snapshot.clone();
    let content = Content::Text(text);
    match edited.files.get_mut(&change.path) {
        Some(file) => file.content = content,
        None => {
            edited.files.insert(change.path.clone(), content.into());
        }
    }
    edited.commands.retain(|command, _| {
        let unit = command.strip_prefix("systemctl cat ");
        unit.is_none_or(|unit| !change.path.contains(&format!("/{unit}")))
    });
    edited
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

/// The options that an instance was given, as its newest version reads them.
fn options(instance: &Instance) -> (Vec<Given>, Option<String>) {
    let next = Cell::new(OLDEST);
    let newest = Release::new(instance.possible.newest(), &next);
    getopt(&instance.argv, newest, Operands::Skipped)
}

impl Instance {
    /// Every word that an option was given with: its values, or the words of
    /// the option itself where it takes none.
    pub(crate) fn given(&self, letter: char) -> Vec<Word> {
        let (all, _) = options(self);
        let own = all.into_iter().filter(|g| g.option.letter == letter);
        own.map(|given| given.word).collect()
    }
}
