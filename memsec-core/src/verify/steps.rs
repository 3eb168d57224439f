//! What the steps of a plan do, by what they say themselves.

use super::{
    guard::{is_guard, scripted},
    iptables, native, nft, nft_text,
    rules::Table,
    words::words,
    world::World,
};
use crate::{
    Error, Step, StepKind,
    plan::{Checked, Listening, Takes},
};

/// What a step is found to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// What it was proved as.
    Same,
    /// Something else, for this reason.
    Other(String),
}

use Found::{Other, Same};

impl World {
    /// Carries a step out.
    ///
    /// # Errors
    ///
    /// A step that is not read.
    pub(super) fn step(
        &mut self,
        step: &Step,
        checked: &Checked,
    ) -> Result<Found, Error> {
        let command: Vec<_> = step.command.iter().map(String::as_str).collect();
        if !is_known(step.kind, &command) {
            let line = crate::plan::command_line(&step.command);
            return Ok(Other(format!("no such step runs {line}")));
        }
        match (step.kind, command.as_slice()) {
            (StepKind::Guard, _) => self.guard(step),
            (StepKind::Service, [.., "daemon-reload"]) => Ok(Same),
            (StepKind::Service, _) => Ok(self.restarted(checked)),
            (StepKind::Edit, _) => Ok(self.edited(step, checked)),
            (
                StepKind::Manager,
                [tool @ ("iptables" | "ip6tables"), "-w", rule @ ..],
            ) => self.insert(&format!("{tool}-save"), rule, checked),
            (StepKind::Manager, ["nft", "insert", "rule", rule @ ..]) => {
                Ok(native::insert(self, rule, checked))
            }
            (StepKind::Manager, _) => self.asked(checked),
            _ => Ok(Same),
        }
    }

    fn guard(&mut self, step: &Step) -> Result<Found, Error> {
        let text = step.file.as_ref().and_then(|file| {
            Some((file.path.as_str(), file.after.as_deref()?))
        });
        let Some((path, text)) = text else {
            return Ok(Other("it loads no file".to_owned()));
        };
        if step.command.last().map(String::as_str) != Some(path) {
            return Ok(Other("it loads another file".to_owned()));
        }
        let by_script = step.command.first().is_some_and(|word| word == "sh");
        let found = match by_script {
            true => scripted(path, text, step.guard.as_ref())?,
            false => native_guard(path, text, step.guard.as_ref())?,
        };
        let Some((tables, same)) = found else {
            return Ok(Other("it loads more than the guard".to_owned()));
        };
        self.guard = tables;
        Ok(match same {
            true => Same,
            false => {
                Other("its file is not the guard that it shows".to_owned())
            }
        })
    }

    /// A file of the daemon holds from the next restart.
    fn edited(&mut self, step: &Step, checked: &Checked) -> Found {
        let Some(file) = &step.file else {
            return Other("it edits no file".to_owned());
        };
        let old = options(file.before.as_deref().unwrap_or_default());
        let new = options(file.after.as_deref().unwrap_or_default());
        let lost = old.iter().find(|(letter, _)| {
            !EDITED.contains(letter) && !new.iter().any(|n| n.0 == *letter)
        });
        if let Some((letter, _)) = lost {
            return Other(format!("it takes -{letter} away"));
        }
        self.edit = Some(new.clone());
        // Where no daemon is seen to run, the file is what is known of it.
        let found = match checked.listeners {
            Some(_) => self.restarted(checked),
            None => Same,
        };
        self.edit = Some(new);
        found
    }

    fn restarted(&mut self, checked: &Checked) -> Found {
        let before = std::mem::take(&mut self.listeners);
        let said = checked.listeners.clone().unwrap_or_else(|| before.clone());
        let Some(edit) = self.edit.take() else {
            self.listeners = said;
            return Same;
        };
        let Some(named) = addresses(&edit) else {
            self.listeners = said;
            return Same;
        };
        let udp = edit.iter().rev().find(|(letter, _)| *letter == 'U');
        let udp = udp.and_then(|(_, value)| value.parse::<u16>().ok());
        let fits = is_listed(&said, &named)
            && (udp.is_none_or(|port| port == 0)
                || said.iter().any(|one| one.proto == crate::Proto::Udp));
        if fits {
            self.listeners = said;
            return Same;
        }
        let port = before.first().map_or(11211, |one| one.port);
        let socket = |proto, address, port| Listening {
            instance: "memcached".to_owned(),
            proto,
            address,
            port,
            sure: true,
            taker: Takes::Socket,
            assumed: false,
        };
        let tcp = named.iter().map(|&a| socket(crate::Proto::Tcp, a, port));
        let udp = udp.filter(|port| *port != 0);
        let udp = udp.into_iter().flat_map(|port| {
            named.iter().map(move |&a| socket(crate::Proto::Udp, a, port))
        });
        self.listeners = tcp.chain(udp).collect();
        Other("memcached would listen on what was not proved".to_owned())
    }

    /// A rule of iptables, by its number in the chain or at the end. What it
    /// may say is checked of the rules.
    fn insert(
        &mut self,
        save: &str,
        words: &[&str],
        checked: &Checked,
    ) -> Result<Found, Error> {
        let wrong = || Ok(Other("it is no rule that a plan adds".to_owned()));
        let (chain, at, rule) = match words {
            ["-I", chain @ ("INPUT" | "OUTPUT"), number, rule @ ..] => {
                match number.parse::<usize>() {
                    Ok(number) => (chain, Some(number), rule),
                    Err(_) => return wrong(),
                }
            }
            ["-A", chain @ ("INPUT" | "OUTPUT"), rule @ ..] => {
                (chain, None, rule)
            }
            _ => return wrong(),
        };
        let Some(text) = self.texts.get(save) else {
            let what = format!("cannot check {save}: it is not known");
            return Err(Error::unsupported(what));
        };
        let line = format!("-A {chain} {}\n", rule.join(" "));
        let Some(new) = inserted(text, at, &line) else { return wrong() };
        let said = changed(self, checked);
        self.texts.insert(save.to_owned(), new);
        let same = said.as_ref().is_some_and(|said| *said == self.texts);
        Ok(if same {
            Same
        } else {
            Other("the rule stands where it was not proved".to_owned())
        })
    }

    /// What a firewall manager does to the rules is what the certificate
    /// says; that it is no more than it may be is checked of the rules.
    fn asked(&mut self, checked: &Checked) -> Result<Found, Error> {
        match changed(self, checked) {
            Some(texts) => {
                self.texts = texts;
                Ok(Same)
            }
            None => Ok(Other("its changes are of another text".to_owned())),
        }
    }
}

/// The guard that a file of nft loads, and whether it is the one that is
/// shown; `None` for a file that loads more.
///
/// # Errors
///
/// A rule that is not read in full.
fn native_guard(
    path: &str,
    text: &str,
    shown: Option<&crate::Guard>,
) -> Result<Option<(Vec<Table>, bool)>, Error> {
    let tables = nft::tables(path, &nft_text::objects(path, text)?);
    let mut guards = tables.into_iter();
    let loaded = guards.next().filter(|one| is_guard(&one.table));
    let Some(loaded) = loaded.filter(|_| guards.next().is_none()) else {
        return Ok(None);
    };
    let chains = loaded.table.chains.values();
    let mut rules = chains.flat_map(|chain| &chain.rules);
    if let Some(rule) = rules.find(|rule| rule.unsure) {
        return Err(iptables::cannot(&rule.place));
    }
    let same = shown.is_none_or(|guard| same_guard(guard, &loaded));
    Ok(Some((vec![loaded.table], same)))
}

pub(super) type Texts = std::collections::BTreeMap<String, String>;

/// The texts with the changes that a certificate has.
pub(super) fn changed(world: &World, checked: &Checked) -> Option<Texts> {
    let mut texts = world.texts.clone();
    for change in &checked.changes {
        let old = texts.get(&change.of).map_or("", String::as_str);
        let new = change.apply(old)?;
        texts.insert(change.of.clone(), new);
    }
    Some(texts)
}

/// A dump with a rule more in its last table `filter`.
fn inserted(text: &str, at: Option<usize>, line: &str) -> Option<String> {
    let head = line.split_inclusive(' ').take(2).collect::<String>();
    let (mut filter, mut number, mut offset) = (false, 0, 0);
    let mut place = None;
    for whole in text.split_inclusive('\n') {
        let rule = whole.split_once("] ").filter(|_| whole.starts_with('['));
        let words = rule.map_or(whole, |(_, rule)| rule).trim();
        match words {
            "*filter" => (filter, number) = (true, 0),
            "COMMIT" if filter => {
                filter = false;
                let end = at.is_none_or(|at| at == number + 1);
                place = if end { Some(offset) } else { place };
            }
            _ if filter && words.starts_with(&head) => {
                number += 1;
                place = if at == Some(number) { Some(offset) } else { place };
            }
            _ => {}
        }
        offset += whole.len();
    }
    let (before, after) = text.split_at_checked(place?)?;
    let line = match text.contains("\r\n") {
        true => line.replace('\n', "\r\n"),
        false => line.to_owned(),
    };
    Some([before, &line, after].concat())
}

fn same_guard(guard: &crate::Guard, loaded: &nft::Native) -> bool {
    let set = |name: &str| loaded.sets.listed(name);
    let ports: Vec<_> = guard.ports.iter().map(u16::to_string).collect();
    let allow: Vec<_> = guard.allow.iter().map(ToString::to_string).collect();
    loaded.table.chains.contains_key("input") == guard.redirected
        && set("ports") == ports
        && [set("allow4"), set("allow6")].concat() == allow
}

/// The options that an edit of a daemon's file may take away.
const EDITED: [char; 6] = ['l', 'U', 'p', 'A', 'a', 'r'];

/// The options in a text and what follows each.
fn options(text: &str) -> Vec<(char, String)> {
    let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
    let lines = lines.map(|line| line.split(" #").next().unwrap_or(line));
    let all: Vec<String> = lines
        .flat_map(|line| words(&line.replace('\'', "\"")))
        .flat_map(|word| {
            let parts = word.split_whitespace().map(str::to_owned);
            parts.collect::<Vec<_>>()
        })
        .map(|word| match word.split_once('=') {
            Some((name, value))
                if value.starts_with('-') && !name.starts_with('-') =>
            {
                value.to_owned()
            }
            _ => word,
        })
        .collect();
    let mut found = Vec::new();
    for (index, word) in all.iter().enumerate() {
        let next = all.get(index + 1).cloned().unwrap_or_default();
        found.extend(option(word, next));
    }
    found
}

fn option(word: &str, next: String) -> Option<(char, String)> {
    const LONG: [(&str, char); 3] =
        [("--listen", 'l'), ("--udp-port", 'U'), ("--port", 'p')];
    if let Some((name, value)) = word.split_once('=') {
        let long = LONG.iter().find(|(long, _)| *long == name)?;
        return Some((long.1, value.to_owned()));
    }
    if let Some(long) = LONG.iter().find(|(long, _)| *long == word) {
        return Some((long.1, next));
    }
    let mut letters = word.strip_prefix('-')?.chars();
    let letter = letters.next().filter(char::is_ascii_alphabetic)?;
    match letters.as_str() {
        "" => Some((letter, next)),
        value => Some((letter, value.to_owned())),
    }
}

/// The addresses to listen on; `None` where none are named, or not as
/// numbers.
fn addresses(options: &[(char, String)]) -> Option<Vec<std::net::IpAddr>> {
    let lists = options.iter().filter(|(letter, _)| *letter == 'l');
    let each = lists.flat_map(|(_, list)| list.split(','));
    let all: Option<Vec<_>> = each.map(|one| one.parse().ok()).collect();
    all.filter(|all| !all.is_empty())
}

/// Whether some daemon listens on just these addresses.
fn is_listed(said: &[Listening], named: &[std::net::IpAddr]) -> bool {
    said.iter().any(|of| {
        let own = said.iter().filter(|one| {
            one.instance == of.instance && one.proto == crate::Proto::Tcp
        });
        let mut own: Vec<_> = own.map(|one| one.address).collect();
        let mut named = named.to_vec();
        own.sort_unstable();
        own.dedup();
        named.sort_unstable();
        own == named
    })
}

/// Whether a step of a kind may run a command.
fn is_known(kind: StepKind, command: &[&str]) -> bool {
    match (kind, command) {
        (StepKind::Edit, [] | ["systemctl", "daemon-reload"])
        | (StepKind::Guard, ["nft", "-f", _] | ["sh", _])
        | (
            StepKind::Service,
            ["systemctl", "daemon-reload"]
            | ["systemctl", "restart", _]
            | ["rc-service", _, "restart"]
            | ["service", _, "restart"],
        )
        | (
            StepKind::Persist,
            []
            | ["systemctl", "enable", _]
            | ["rc-update", "add", _, "default"]
            | ["update-rc.d", _, "defaults"]
            | ["chkconfig", "--add", _],
        ) => true,
        (StepKind::Manager, ["nft", "insert", "rule", ..]) => true,
        (StepKind::Manager, [program, ..]) => {
            const ASKED: [&str; 5] =
                ["iptables", "ip6tables", "ufw", "firewall-cmd", "csf"];
            ASKED.contains(program)
        }
        // A file that a command of a later step reads.
        (StepKind::Manager, []) => true,
        (StepKind::Cut, ["conntrack", "-D", rest @ ..]) => {
            rest.contains(&"--orig-port-dst") || rest.contains(&"--dport")
        }
        (StepKind::Cut, ["ss", "-K", rest @ ..]) => rest.contains(&"sport"),
        _ => false,
    }
}
