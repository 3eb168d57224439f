//! systemd: a unit and its environment files to an argv.

use std::collections::BTreeMap;

use super::{
    super::{
        argv::ARG_MAX,
        word::{Sources, Traced},
    },
    Launch, Room, Written,
    env_file::assignments,
    exec::{Specifiers, Splitter, Unbalanced},
    is_memcached,
    shell::{Ended, Fields, Shell, Value},
    unit::Unit,
};
use crate::{Error, Snapshot, snapshot::Content, text::Source};

/// What a unit starts.
#[derive(Clone, Debug)]
pub(super) enum Starts {
    Memcached(Launch),
    /// Another program, with its arguments.
    Other(String, Vec<String>, Launch),
}

/// A unit's start, and what it read.
#[derive(Clone, Debug)]
pub(super) struct Started {
    pub starts: Starts,
    /// The environment files that are there, in their order.
    pub files: Vec<String>,
}

/// What a unit starts, by its own file and the drop-ins after it.
pub(super) fn started(
    snapshot: &Snapshot,
    unit: &str,
    files: &[Source],
) -> Result<Started, Error> {
    let specifiers = Specifiers {
        unit: unit.to_owned(),
        host: snapshot
            .text("/etc/hostname")?
            .map(|text| text.text().trim().to_owned()),
    };
    let mut sources = Sources::default();
    let mut parsed = Unit::default();
    for file in files {
        parsed.add(file, &mut sources, &specifiers);
    }
    let mut environment = Environment::default();
    environment.user(&parsed.user, snapshot)?;
    for (name, value) in &parsed.environment {
        environment.set(name, value.clone());
    }
    let (read, refused) = environment.files(snapshot, &parsed, &mut sources)?;
    environment.unset(&parsed.unset);
    let mut starts = match (refused, commands(&parsed, &specifiers)) {
        (Some(why), _) | (None, Err(why)) => {
            Starts::Memcached(Launch::stopped(1, why))
        }
        (None, Ok(commands)) => environment.first(&commands, &sources),
    };
    let (Starts::Memcached(launch) | Starts::Other(_, _, launch)) = &mut starts;
    launch.env = environment.own();
    launch.user = (!parsed.user.is_empty()).then_some(parsed.user);
    let unknown = environment.unknown.or(parsed.unknown);
    launch.undecided = launch.undecided.take().or(unknown);
    Ok(Started { starts, files: read })
}

/// The environment files that a unit names.
#[cfg(feature = "host")]
pub(super) fn environment_files(unit: &str, files: &[Source]) -> Vec<String> {
    let specifiers = Specifiers { unit: unit.to_owned(), host: None };
    let mut parsed = Unit::default();
    for file in files {
        parsed.add(file, &mut Sources::default(), &specifiers);
    }
    let names = parsed.files.into_iter();
    names.map(|name| name.trim_start_matches('-').to_owned()).collect()
}

/// A command of ExecStart.
#[derive(Clone, Debug)]
struct Exec {
    program: String,
    words: Vec<Traced>,
    /// Whether variables are expanded: not after a ":".
    expands: bool,
    unknown: Option<String>,
}

/// The commands, or why the unit is refused.
fn commands(unit: &Unit, specifiers: &Specifiers) -> Result<Vec<Exec>, String> {
    let mut all = Vec::new();
    for line in &unit.exec {
        config_parse_exec(line, specifiers, &mut all)?;
    }
    match all.len() {
        1 => Ok(all),
        2.. if unit.oneshot => Ok(all),
        _ => Err("the unit has not just one ExecStart".to_owned()),
    }
}

/// `config_parse_exec` of src/core/load-fragment.c. A line whose beginning
/// is no command is left out.
fn config_parse_exec(
    line: &Traced,
    specifiers: &Specifiers,
    all: &mut Vec<Exec>,
) -> Result<(), String> {
    let mut splitter = Splitter::of_unit(line.chars());
    while let Ok(Some(first)) = splitter.word() {
        let (first, unknown) = specifiers.resolve(&first);
        let first = first.text();
        let program = first.trim_start_matches(['-', '@', ':', '+', '!', '|']);
        let prefixes =
            first.get(..first.len() - program.len()).unwrap_or_default();
        let has = |c| prefixes.contains(c);
        if program.is_empty() || program.ends_with('/') {
            return Ok(());
        }
        let mut exec = Exec {
            program: program.to_owned(),
            words: Vec::new(),
            expands: !has(':'),
            unknown,
        };
        let more = match arguments(&mut splitter, specifiers, &mut exec) {
            Ok(more) => more,
            Err(Unbalanced) if has('-') => return Ok(()),
            Err(Unbalanced) => {
                return Err("a quote in ExecStart is not closed".to_owned());
            }
        };
        if has('@') {
            exec.words = exec.words.into_iter().skip(1).collect();
        }
        all.push(exec);
        if !more {
            break;
        }
    }
    Ok(())
}

/// The words after the program; whether another command follows.
fn arguments(
    splitter: &mut Splitter<'_>,
    specifiers: &Specifiers,
    exec: &mut Exec,
) -> Result<bool, Unbalanced> {
    loop {
        splitter.blanks();
        let mut next = splitter.rest().iter().map(|&(c, _)| c);
        let ends = |c: Option<char>| c.is_none_or(char::is_whitespace);
        match (next.next(), next.next(), next.next()) {
            (Some(';'), after, _) if ends(after) => {
                splitter.skip(1);
                return Ok(true);
            }
            (Some('\\'), Some(';'), after) if ends(after) => {
                splitter.skip(2);
                exec.words.push(Traced::plain(";"));
                continue;
            }
            _ => {}
        }
        let Some(word) = splitter.word()? else { return Ok(false) };
        if exec.unknown.is_none() {
            let (word, unknown) = specifiers.resolve(&word);
            exec.unknown = unknown;
            if exec.unknown.is_none() {
                exec.words.push(word);
            }
        }
    }
}

/// Variables, and why others may be set.
#[derive(Debug, Default)]
struct Environment {
    all: BTreeMap<String, Value>,
    unknown: Option<String>,
}

/// Programs that run the program that they are given.
const WRAPPERS: [&str; 9] = [
    "chrt", "env", "ionice", "nice", "nohup", "numactl", "setpriv", "stdbuf",
    "taskset",
];

impl Environment {
    fn set(&mut self, name: &str, text: Traced) {
        let value = Value { text, ..Value::default() };
        self.all.insert(name.to_owned(), value);
    }

    fn text(&self, name: &str) -> Option<&Traced> {
        self.all.get(name).map(|value| &value.text)
    }

    /// What systemd sets for a User=.
    fn user(&mut self, user: &str, snapshot: &Snapshot) -> Result<(), Error> {
        if user.is_empty() {
            return Ok(());
        }
        self.set("USER", Traced::plain(user));
        self.set("LOGNAME", Traced::plain(user));
        let passwd = snapshot.text("/etc/passwd")?;
        let lines = passwd.iter().flat_map(|text| text.text().lines());
        let mut fields = lines.map(|line| line.split(':').collect::<Vec<_>>());
        let own = fields.find(|fields| fields.first() == Some(&user));
        let home = own.and_then(|fields| fields.get(5).copied());
        if let Some(home) = home.filter(|home| !matches!(*home, "" | "/")) {
            self.set("HOME", Traced::plain(home));
        }
        Ok(())
    }

    /// Reads the environment files; those that are there, and why the unit
    /// is refused.
    fn files(
        &mut self,
        snapshot: &Snapshot,
        unit: &Unit,
        sources: &mut Sources,
    ) -> Result<(Vec<String>, Option<String>), Error> {
        let mut read = Vec::new();
        for file in &unit.files {
            let path = file.strip_prefix('-').unwrap_or(file);
            let mut found = false;
            for path in matching(snapshot, path) {
                found = true;
                match snapshot.text(path)? {
                    Some(text) => self.file(&text, sources),
                    None => self.unknown = Some(format!("what {path} says")),
                }
                read.push(path.to_owned());
            }
            if !found && path == file {
                return Ok((read, Some(format!("{path} is not there"))));
            }
        }
        Ok((read, None))
    }

    fn file(&mut self, text: &Source, sources: &mut Sources) {
        let start = sources.add(text);
        for pair in assignments(text.text(), start) {
            let (range, quote) = (pair.range, pair.quote);
            let value = Value::written_at(pair.value, range, quote);
            self.all.insert(pair.key, value);
        }
    }

    fn unset(&mut self, names: &[String]) {
        for name in names {
            match name.split_once('=') {
                None => drop(self.all.remove(name)),
                Some((name, value)) => {
                    if self.text(name).is_some_and(|t| t.text() == value) {
                        self.all.remove(name);
                    }
                }
            }
        }
    }

    /// Those that memcached itself reads.
    fn own(&self) -> BTreeMap<String, String> {
        const OWN: [&str; 3] =
            ["MEMCACHED_SASL_PWDB", "POSIXLY_CORRECT", "SASL_CONF_PATH"];
        let all = OWN.into_iter().filter_map(|name| {
            Some((name.to_owned(), self.text(name)?.text()))
        });
        all.collect()
    }

    /// What the first command that starts memcached starts, or else the
    /// first.
    fn first(&self, commands: &[Exec], sources: &Sources) -> Starts {
        let mut first = None;
        for exec in commands {
            match self.run(exec, sources) {
                Starts::Memcached(launch) => {
                    return Starts::Memcached(launch);
                }
                other => drop(first.get_or_insert(other)),
            }
        }
        let none =
            || Starts::Other(String::new(), Vec::new(), Launch::default());
        first.unwrap_or_else(none)
    }

    fn run(&self, exec: &Exec, sources: &Sources) -> Starts {
        let mut words = Vec::new();
        let mut length = 0;
        for word in &exec.words {
            let before = words.len();
            match exec.expands {
                true => self.expand(word, &mut words),
                false => words.push(word.clone()),
            }
            let new = words.get(before..).unwrap_or_default();
            length += new.iter().map(|w| w.chars().len() + 1).sum::<usize>();
            if length > ARG_MAX {
                let stopped = Launch::stopped(7, "Argument list too long");
                return Starts::Memcached(stopped);
            }
        }
        let fields = Fields { words, unknown: exec.unknown.clone() };
        self.program(&exec.program, fields, exec, sources)
    }

    fn program(
        &self,
        program: &str,
        fields: Fields,
        exec: &Exec,
        sources: &Sources,
    ) -> Starts {
        let name = program.rsplit('/').next().unwrap_or_default();
        let words = || fields.words.iter().map(Traced::text);
        let mut launch = Launch::of(&fields, sources);
        launch.room = self.room(exec, sources);
        if is_memcached(program) {
            return Starts::Memcached(launch);
        }
        let inner = words().position(|word| is_memcached(&word));
        if let (true, Some(at)) = (WRAPPERS.contains(&name), inner) {
            launch.argv = launch.argv.into_iter().skip(at + 1).collect();
            return Starts::Memcached(launch);
        }
        if matches!(name, "sh" | "bash" | "dash") {
            let script = words()
                .position(|word| word.starts_with('-') && word.ends_with('c'));
            let script = script.and_then(|at| fields.words.get(at + 1));
            if let Some(script) = script {
                return self.shell(name, script, sources);
            }
        }
        Starts::Other(program.to_owned(), words().collect(), launch)
    }

    /// `sh -c`, with the environment.
    fn shell(&self, name: &str, script: &Traced, sources: &Sources) -> Starts {
        let bash = name == "bash";
        let mut shell = if bash { Shell::bash() } else { Shell::dash() };
        for (name, value) in &self.all {
            shell.assign(name, value.clone());
        }
        let launch = match shell.run(script, is_memcached) {
            Ended::Program(fields) => Launch::of(&fields, sources),
            Ended::Syntax(what) => {
                Launch::stopped(2, format!("{name} refuses -c: {what}"))
            }
            ended => {
                let why = format!("what {name} -c does");
                let launch = Launch::undecided(why);
                let program = format!("/bin/{name}");
                let sure = matches!(ended, Ended::Text | Ended::Exit)
                    && shell.lost().is_none();
                if sure {
                    return Starts::Other(program, Vec::new(), launch);
                }
                launch
            }
        };
        Starts::Memcached(launch)
    }

    /// The last `$NAME` that is a word of its own.
    fn room(&self, exec: &Exec, sources: &Sources) -> Room {
        let name = exec.words.iter().rev().find_map(|word| {
            let text = word.text();
            let name = text.strip_prefix('$')?;
            super::env_file::is_name(name).then(|| name.to_owned())
        });
        let Some(name) = name.filter(|_| exec.expands) else {
            return Room::Nowhere;
        };
        let value = self.all.get(&name);
        let written = value.and_then(|value| Written::of(value, sources));
        match (value, written) {
            // It is set in the unit itself.
            (Some(_), None) => Room::Nowhere,
            (_, written) => Room::Variable(name, written),
        }
    }

    /// `replace_env_argv`: `$NAME` alone is as many words as its value has;
    /// `${NAME}` is a part of one.
    fn expand(&self, word: &Traced, words: &mut Vec<Traced>) {
        let chars = word.chars();
        let char_at = |at: usize| chars.get(at).map(|&(c, _)| c);
        if char_at(0) != Some('$') || matches!(char_at(1), Some('{' | '$')) {
            words.push(self.replace(word));
            return;
        }
        let name: String = chars.iter().skip(1).map(|&(c, _)| c).collect();
        if let Some(value) = self.text(&name) {
            let mut splitter = Splitter::of_value(value.chars());
            while let Ok(Some(word)) = splitter.word() {
                words.push(word);
            }
        }
    }

    /// `replace_env`.
    fn replace(&self, word: &Traced) -> Traced {
        let mut out = Traced::default();
        let mut rest = word.chars();
        let mut closed = true;
        while let Some((&(c, at), after)) = rest.split_first() {
            let next = after.first().map(|&(c, _)| c);
            let is_end = |&(c, _): &(char, _)| c == '}';
            // Where one is not closed, none after it is.
            let end = (c == '$' && next == Some('{') && closed)
                .then(|| after.iter().position(is_end))
                .flatten();
            closed &= c != '$' || next != Some('{') || end.is_some();
            rest = match (c, next, end) {
                _ if out.chars().len() > ARG_MAX => break,
                ('$', Some('{'), Some(end)) => {
                    let name = after.get(1..end).unwrap_or_default();
                    let name: String = name.iter().map(|&(c, _)| c).collect();
                    if let Some(value) = self.text(&name) {
                        out.extend(value.chars());
                    }
                    after.get(end + 1..).unwrap_or_default()
                }
                ('$', Some('$'), _) => {
                    out.push('$', None);
                    after.get(1..).unwrap_or_default()
                }
                _ => {
                    out.push(c, at);
                    after
                }
            };
        }
        out
    }
}

/// The files of a snapshot that a path stands for, where it may be a
/// pattern.
fn matching<'a>(snapshot: &'a Snapshot, path: &'a str) -> Vec<&'a str> {
    let there = |path: &str| {
        let content = snapshot.files.get(path).map(|file| &file.content);
        content.is_some_and(|content| {
            !matches!(content, Content::Error(error) if error == "ENOENT")
        })
    };
    if !path.contains(['*', '?']) {
        return if there(path) { vec![path] } else { Vec::new() };
    }
    let all = snapshot.files.keys().map(String::as_str);
    all.filter(|name| glob(path, name)).collect()
}

/// fnmatch(3) with FNM_PATHNAME and FNM_PERIOD, for `*` and `?`.
fn glob(pattern: &str, name: &str) -> bool {
    let parts = || pattern.split('/').zip(name.split('/'));
    pattern.split('/').count() == name.split('/').count()
        && parts().all(|(pattern, name)| {
            let hidden = name.starts_with('.') && !pattern.starts_with('.');
            !hidden && part_matches(pattern, name)
        })
}

pub(crate) fn part_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on after the last star, with one more character in it.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match (pattern.get(p), star) {
            (Some('*'), _) => {
                star = Some((p + 1, n));
                p += 1;
            }
            (Some(c), _) if *c == '?' || name.get(n) == Some(c) => {
                (p, n) = (p + 1, n + 1);
            }
            (_, Some((after, from))) => {
                star = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(p).all(|&c| c == '*')
}

#[cfg(test)]
mod tests;
