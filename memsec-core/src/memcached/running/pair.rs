//! Which process is the daemon of which file.

use std::collections::HashMap;

use crate::{
    Proto,
    memcached::{Instance, Start},
};

/// What says whose a daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pidfile: Option<String>,
    user: Option<String>,
    ports: Vec<u16>,
}

impl Candidate {
    pub(crate) fn of(instance: &Instance) -> Self {
        let running = match &instance.start {
            Start::Runs(running) => Some(running),
            Start::Exits(_) => None,
        };
        let word = |letter| {
            let word = running?.options.get(&letter)?;
            Some(word.text.clone())
        };
        let sockets = running.into_iter().flat_map(|r| r.sockets());
        let tcp = sockets.filter(|(proto, _)| *proto == Proto::Tcp);
        Self {
            pidfile: word('P'),
            user: word('u'),
            ports: tcp.map(|(_, socket)| socket.port).collect(),
        }
    }

    /// Whether nothing says that they are one daemon: neither the user nor a
    /// port.
    fn is_another(&self, other: &Self) -> bool {
        let both = self.user.is_some() && other.user.is_some();
        let users = both && self.user != other.user;
        users && !self.ports.iter().any(|port| other.ports.contains(port))
    }
}

/// For each file the process that is its daemon: the one that comes to the
/// same; else the only one with its pid file; else the only one left for the
/// only file left.
pub(crate) fn pairs(
    files: &[Candidate],
    processes: &[Candidate],
    same: impl Fn(usize, usize) -> bool,
) -> Vec<Option<usize>> {
    let mut taken = vec![false; processes.len()];
    let mut out = vec![None; files.len()];
    for (file, pair) in out.iter_mut().enumerate() {
        let free = taken.iter().position(|taken| !taken);
        let from = free.unwrap_or(processes.len());
        *pair = (from..processes.len())
            .find(|&process| !is(&taken, process) && same(file, process));
        take(&mut taken, *pair);
    }
    let by_pidfile = by_pidfile(processes);
    for (file, pair) in files.iter().zip(&mut out) {
        let named = file.pidfile.as_deref();
        let found = named.and_then(|name| *by_pidfile.get(name)?);
        *pair = pair.or(found.filter(|&process| !is(&taken, process)));
        take(&mut taken, *pair);
    }
    last(files, processes, &taken, &mut out);
    out
}

fn is(taken: &[bool], process: usize) -> bool {
    taken.get(process).copied().unwrap_or(true)
}

fn take(taken: &mut [bool], process: Option<usize>) {
    if let Some(taken) = process.and_then(|process| taken.get_mut(process)) {
        *taken = true;
    }
}

/// The processes by their pid file; `None` for one that several have.
fn by_pidfile(processes: &[Candidate]) -> HashMap<&str, Option<usize>> {
    let mut all = HashMap::new();
    for (index, process) in processes.iter().enumerate() {
        if let Some(name) = &process.pidfile {
            all.entry(name.as_str())
                .and_modify(|known| *known = None)
                .or_insert(Some(index));
        }
    }
    all
}

fn last(
    files: &[Candidate],
    processes: &[Candidate],
    taken: &[bool],
    out: &mut [Option<usize>],
) {
    let free = |all: &[bool]| {
        let mut free = all.iter().enumerate().filter(|(_, taken)| !**taken);
        let first = free.next().map(|(index, _)| index);
        first.filter(|_| free.next().is_none())
    };
    let paired: Vec<bool> = out.iter().map(Option::is_some).collect();
    let (Some(file), Some(process)) = (free(&paired), free(taken)) else {
        return;
    };
    let both = files.get(file).zip(processes.get(process));
    let another = both.is_none_or(|(file, process)| file.is_another(process));
    if let Some(pair) = out.get_mut(file).filter(|_| !another) {
        *pair = Some(process);
    }
}
