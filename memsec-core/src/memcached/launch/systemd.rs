//! systemd: a unit and its environment files to an argv.

use std::collections::BTreeMap;

use super::{
    super::{
        Exit, Word,
        argv::ARG_MAX,
        word::{Lines, Traced},
    },
    Launch,
    env_file::assignments,
    unit::{Unit, split},
};
use crate::{Error, Snapshot, text::Source};

const CAT: &str = "systemctl cat memcached.service";
const UNIT: &str = "memcached.service";
/// Where units are, the first that counts first.
const DIRECTORIES: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// Fedora's from 25, and EL's from 8.
const BRACED: &str = "[Service]
EnvironmentFile=/etc/sysconfig/memcached
ExecStart=/usr/bin/memcached -p ${PORT} -u ${USER} -m ${CACHESIZE} \
    -c ${MAXCONN} $OPTIONS
";
/// EL's 7.
const UNBRACED: &str = "[Service]
EnvironmentFile=-/etc/sysconfig/memcached
ExecStart=/usr/bin/memcached -u $USER -p $PORT -m $CACHESIZE -c $MAXCONN \
    $OPTIONS
";

/// A program that a unit starts.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Started {
    pub program: String,
    pub launch: Launch,
    /// Whether the unit is in the snapshot, or a distribution's is taken.
    pub known: bool,
}

/// What memcached.service starts.
pub(in super::super) fn started(snapshot: &Snapshot) -> Result<Started, Error> {
    let own = unit_texts(snapshot)?;
    let known = !own.is_empty();
    let mut unit = Unit::default();
    if known {
        own.iter().for_each(|text| unit.add(text));
    } else {
        unit.add(if is_el7(snapshot)? { UNBRACED } else { BRACED });
    }
    if snapshot.output(CAT).is_none() {
        drop_ins(snapshot)?.iter().for_each(|text| unit.add(text));
    }
    let mut started = exec(&unit, snapshot)?;
    started.known = known;
    Ok(started)
}

/// Whether the system is Red Hat's, or made from it.
pub(in super::super) fn is_red_hat(snapshot: &Snapshot) -> Result<bool, Error> {
    const IDS: [&str; 7] =
        ["rhel", "centos", "fedora", "rocky", "almalinux", "ol", "amzn"];
    let release = os_release(snapshot)?;
    let ids = ["ID", "ID_LIKE"].into_iter().filter_map(|key| release.get(key));
    let mut ids = ids.flat_map(|value| value.split_whitespace());
    Ok(ids.any(|id| IDS.contains(&id)))
}

fn is_el7(snapshot: &Snapshot) -> Result<bool, Error> {
    let version = os_release(snapshot)?.remove("VERSION_ID");
    let seven = version.is_some_and(|v| v == "7" || v.starts_with("7."));
    Ok(seven && is_red_hat(snapshot)?)
}

fn os_release(snapshot: &Snapshot) -> Result<BTreeMap<String, String>, Error> {
    let text = snapshot.text("/etc/os-release")?;
    let pairs = text.iter().flat_map(|text| assignments(text.text()));
    Ok(pairs.map(|pair| (pair.key, pair.value.text())).collect())
}

/// The unit; with its drop-ins, where systemctl says them.
fn unit_texts(snapshot: &Snapshot) -> Result<Vec<String>, Error> {
    if let Some(cat) = snapshot.output(CAT) {
        return Ok(files_of(cat.text()));
    }
    for directory in DIRECTORIES {
        let path = format!("{directory}/{UNIT}");
        if let Some(text) = snapshot.text(&path)? {
            return Ok(vec![text.text().to_owned()]);
        }
    }
    Ok(Vec::new())
}

/// Drop-ins by their file name; of one name, that of the first directory.
fn drop_ins(snapshot: &Snapshot) -> Result<Vec<String>, Error> {
    let mut by_name = BTreeMap::new();
    for directory in DIRECTORIES {
        let directory = format!("{directory}/{UNIT}.d/");
        let from = snapshot.files.range(directory.clone()..);
        for (path, _) in from.take_while(|(p, _)| p.starts_with(&directory)) {
            let name = path.get(directory.len()..).unwrap_or_default();
            if let (true, Some(text)) =
                (name.ends_with(".conf"), snapshot.text(path)?)
            {
                let text = text.text().to_owned();
                by_name.entry(name.to_owned()).or_insert(text);
            }
        }
    }
    Ok(by_name.into_values().collect())
}

/// The files in the output of `systemctl cat`, each after a comment with its
/// path.
fn files_of(cat: &str) -> Vec<String> {
    let mut files = vec![String::new()];
    for line in cat.lines() {
        let path = line.strip_prefix("# /");
        if path.is_some_and(|p| p.ends_with(".service") || p.ends_with(".conf"))
        {
            files.push(String::new());
        }
        if let Some(file) = files.last_mut() {
            file.push_str(line);
            file.push('\n');
        }
    }
    files
}

fn exec(unit: &Unit, snapshot: &Snapshot) -> Result<Started, Error> {
    let line = match unit.exec.as_slice() {
        [line] => line,
        [line, ..] if unit.oneshot => line,
        _ => return Ok(refused("the unit has not just one ExecStart")),
    };
    let mut environment = Environment::default();
    for (name, value) in &unit.environment {
        environment.set(name.clone(), Traced::plain(value), None);
    }
    for file in &unit.files {
        let path = file.strip_prefix('-').unwrap_or(file);
        match snapshot.text(path)? {
            Some(text) => environment.file(&text),
            None if path == file => {
                return Ok(refused(&format!("{path} is not there")));
            }
            None => {}
        }
    }
    for name in &unit.unset {
        environment.0.remove(name);
    }
    Ok(environment.run(line, &unit.user))
}

fn refused(message: &str) -> Started {
    let message = message.to_owned();
    let stopped = Some(Exit { status: 1, message });
    let launch = Launch { stopped, ..Launch::default() };
    Started { program: "memcached".to_owned(), launch, known: false }
}

/// Variables: the value, and the index of the file that sets it.
#[derive(Default)]
struct Environment(BTreeMap<String, (Traced, Option<std::rc::Rc<Lines>>)>);

impl Environment {
    fn set(
        &mut self,
        name: String,
        value: Traced,
        lines: Option<std::rc::Rc<Lines>>,
    ) {
        self.0.insert(name, (value, lines));
    }

    fn file(&mut self, source: &Source) {
        let lines = std::rc::Rc::new(Lines::new(source));
        for pair in assignments(source.text()) {
            self.set(pair.key, pair.value, Some(lines.clone()));
        }
    }

    fn run(&self, line: &str, user: &str) -> Started {
        let line = line.trim_start_matches(['-', '@', ':', '+', '!', '|']);
        let mut words = split(&Traced::plain(line)).into_iter();
        let program = words.next().unwrap_or_default().text();
        let mut argv = Vec::new();
        let mut length = 0;
        for word in words {
            let text = word.text().replace("%%", "%");
            if text == ";" {
                break;
            }
            let before = argv.len();
            self.expand(&text, &mut argv);
            let new = argv.get(before..).unwrap_or_default();
            length += new.iter().map(|word| word.text.len() + 1).sum::<usize>();
            if length > ARG_MAX {
                return refused("Argument list too long");
            }
        }
        let env = ["POSIXLY_CORRECT", "SASL_CONF_PATH"];
        let env = env.into_iter().filter_map(|name| {
            let (value, _) = self.0.get(name)?;
            Some((name.to_owned(), value.text()))
        });
        let env = env.collect();
        let user = (!user.is_empty()).then(|| user.to_owned());
        let launch = Launch { argv, env, user, ..Launch::default() };
        Started { program, launch, known: false }
    }

    /// `$NAME` alone is as many words as its value has; `${NAME}` is a part
    /// of one.
    fn expand(&self, text: &str, argv: &mut Vec<Word>) {
        let name = text.strip_prefix('$');
        if let Some(name) = name.filter(|n| !n.starts_with(['{', '$'])) {
            if let Some((value, lines)) = self.0.get(name) {
                let words = split(value);
                argv.extend(words.iter().map(|w| placed(w, lines.as_deref())));
            }
            return;
        }
        let whole = text.strip_prefix("${").and_then(|t| t.strip_suffix('}'));
        match whole.and_then(|name| self.0.get(name)) {
            Some((value, lines)) => argv.push(placed(value, lines.as_deref())),
            None => argv.push(Word::new(self.replace(text))),
        }
    }

    fn replace(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let (Some(at), 0..=ARG_MAX) = (rest.find('$'), out.len()) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let end = from.find('}').filter(|_| from.starts_with("${"));
            rest = match end {
                Some(end) => {
                    let name = from.get(2..end).unwrap_or_default();
                    if let Some((value, _)) = self.0.get(name) {
                        out.push_str(&value.text());
                    }
                    from.get(end + 1..).unwrap_or_default()
                }
                None => {
                    out.push('$');
                    let skip = if from.starts_with("$$") { 2 } else { 1 };
                    from.get(skip..).unwrap_or_default()
                }
            };
        }
        out + rest
    }
}

fn placed(value: &Traced, lines: Option<&Lines>) -> Word {
    match lines {
        Some(lines) => lines.word(value),
        None => Word::new(value.text()),
    }
}
