//! Where a systemd unit is: its file and its drop-ins, by precedence
//! (systemd.unit(5)).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use crate::{Error, Snapshot, snapshot::Content, text::Source};

/// Where units are, the first that counts first.
pub(crate) const DIRECTORIES: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
const CAT: &str = "systemctl cat ";

/// What a snapshot has of a unit.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Nothing,
    /// An empty file, or a link to /dev/null, of this path.
    Masked(String),
    /// The unit's own file, if it is there, and the drop-ins in their order.
    Files(Option<Source>, Vec<Source>),
}

/// The names of the units of a snapshot that may start memcached, with the
/// instances of templates that something wants.
pub(super) fn names(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, file) in snapshot.files.range("/".to_owned()..) {
        let Some(inside) = inside(path) else { continue };
        let parts: Vec<&str> = inside.split('/').collect();
        let name = match parts.as_slice() {
            [name] => name,
            [target, name]
                if target.ends_with(".wants") && name.contains('@') =>
            {
                name
            }
            [drop_ins, _] => match drop_ins.strip_suffix(".d") {
                Some(name) if name.starts_with("memcached@") => name,
                _ => continue,
            },
            _ => continue,
        };
        let about = name.contains("memcached") || mentions(&file.content);
        if about && name.ends_with(".service") {
            names.insert((*name).to_owned());
        }
    }
    let cats = snapshot.commands.keys();
    let cats = cats.filter_map(|command| command.strip_prefix(CAT));
    names.extend(cats.map(str::to_owned));
    names.retain(|name| !name.ends_with("@.service"));
    names
}

fn mentions(content: &Content) -> bool {
    matches!(content, Content::Text(text) if text.contains("memcached"))
}

/// A path below one of the directories of units.
fn inside(path: &str) -> Option<&str> {
    let below =
        |directory: &&str| path.strip_prefix(*directory)?.strip_prefix('/');
    DIRECTORIES.iter().find_map(below)
}

/// The files of a unit.
pub(super) fn find(snapshot: &Snapshot, unit: &str) -> Result<Found, Error> {
    if let Some(cat) = snapshot.output(&format!("{CAT}{unit}")) {
        return Ok(files_of(&cat, unit));
    }
    let template = template(unit);
    let mut own = None;
    for name in [Some(unit), template.as_deref()].into_iter().flatten() {
        own = match own {
            None => own_file(snapshot, name)?,
            found => found,
        };
    }
    let drop_ins = drop_ins(snapshot, unit, template.as_deref())?;
    Ok(match own {
        Some(file) if file.text().is_empty() => {
            Found::Masked(file.name().to_owned())
        }
        None if drop_ins.is_empty() => Found::Nothing,
        own => Found::Files(own, drop_ins),
    })
}

/// "memcached@.service" of "memcached@a.service".
pub(super) fn template(unit: &str) -> Option<String> {
    let (prefix, _) = unit.split_once('@')?;
    Some(format!("{prefix}@.service"))
}

/// The directories of which a snapshot has files: most have few.
fn directories(snapshot: &Snapshot) -> impl Iterator<Item = &'static str> {
    DIRECTORIES.into_iter().filter(|directory| {
        let from = (Bound::Included(*directory), Bound::Unbounded);
        let near = snapshot.files.range::<str, _>(from);
        let mut below =
            near.map_while(|(path, _)| path.strip_prefix(*directory));
        below.any(|rest| rest.starts_with('/'))
    })
}

fn own_file(snapshot: &Snapshot, name: &str) -> Result<Option<Source>, Error> {
    for directory in directories(snapshot) {
        if let Some(text) = snapshot.text(&format!("{directory}/{name}"))? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Drop-ins by their file name; of one name, that of the first directory.
/// An empty one only hides those of its name.
fn drop_ins(
    snapshot: &Snapshot,
    unit: &str,
    template: Option<&str>,
) -> Result<Vec<Source>, Error> {
    let mut by_name = BTreeMap::new();
    let owners = [Some(unit), template, Some("service")];
    let directories: Vec<_> = directories(snapshot).collect();
    for owner in owners.into_iter().flatten() {
        for directory in &directories {
            let directory = format!("{directory}/{owner}.d/");
            let from = snapshot.files.range(directory.clone()..);
            for (path, _) in from.take_while(|(p, _)| p.starts_with(&directory))
            {
                let name = path.get(directory.len()..).unwrap_or_default();
                let drop_in = name.ends_with(".conf") && !name.contains('/');
                if let (true, Some(text)) = (drop_in, snapshot.text(path)?) {
                    by_name.entry(name.to_owned()).or_insert(text);
                }
            }
        }
    }
    Ok(by_name.into_values().collect())
}

/// The files in the output of `systemctl cat`, each after a comment with its
/// path.
fn files_of(cat: &Source, unit: &str) -> Found {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in cat.text().split_inclusive('\n') {
        let path = line.trim_end().strip_prefix("# /");
        let path = path.filter(|path| {
            path.ends_with(".service") || path.ends_with(".conf")
        });
        match (path, files.last_mut()) {
            (Some(path), _) => {
                files.push((format!("/{path}"), String::new()));
            }
            (None, Some((_, text))) => text.push_str(line),
            (None, None) if line.ends_with("is masked.\n") => {
                return Found::Masked(cat.name().to_owned());
            }
            (None, None) => {
                files.push((cat.name().to_owned(), line.to_owned()));
            }
        }
    }
    let sources = files.into_iter().map(|(path, text)| Source::new(path, text));
    let mut sources: Vec<_> = sources.collect();
    let template = template(unit);
    let is_own = |file: &Source| {
        let name = file.name().rsplit('/').next().unwrap_or_default();
        name == unit || Some(name) == template.as_deref()
    };
    let own = sources.iter().position(|file| {
        is_own(file) || file.name().ends_with(".service") || {
            file.name() == cat.name() && file.text().contains("[Service]")
        }
    });
    let own = own.map(|index| sources.remove(index));
    Found::Files(own, sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(snapshot: &Snapshot, unit: &str) -> String {
        match find(snapshot, unit).unwrap() {
            Found::Nothing => "nothing".to_owned(),
            Found::Masked(path) => format!("masked by {path}"),
            Found::Files(own, drop_ins) => {
                let all = own.iter().chain(&drop_ins);
                let all = all.map(|s| s.text().trim().to_owned());
                all.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn the_first_directory_counts() {
        let unit = "memcached.service";
        let snapshot = Snapshot::new()
            .with_file("/lib/systemd/system/memcached.service", "lib")
            .with_file("/etc/systemd/system/memcached.service", "etc")
            .with_file("/etc/systemd/system/memcached.service.d/b.conf", "b")
            .with_file("/run/systemd/system/memcached.service.d/b.conf", "B")
            .with_file("/run/systemd/system/memcached.service.d/a.conf", "a")
            .with_file("/etc/systemd/system/memcached.service.d/c.txt", "c");
        assert_eq!(summary(&snapshot, unit), "etc a b");
        let masked =
            snapshot.with_file("/etc/systemd/system/memcached.service", "");
        let path = "masked by /etc/systemd/system/memcached.service";
        assert_eq!(summary(&masked, unit), path);
        assert_eq!(summary(&masked, "memcached@a.service"), "nothing");
    }

    #[test]
    fn an_instance_is_of_its_template() {
        let directory = "/usr/lib/systemd/system";
        let wants = "/etc/systemd/system/multi-user.target.wants";
        let snapshot = Snapshot::new()
            .with_file(&format!("{directory}/memcached@.service"), "t")
            .with_file(&format!("{wants}/memcached@a.service"), "t")
            .with_file(
                &format!("{directory}/memcached@.service.d/a.conf"),
                "d",
            );
        assert_eq!(summary(&snapshot, "memcached@a.service"), "t d");
        let names: Vec<_> = names(&snapshot).into_iter().collect();
        assert_eq!(names, ["memcached@a.service"]);
    }

    #[test]
    fn systemctl_says_which_text_is_of_which_file() {
        let cat = "# /lib/systemd/system/m.service\na\n\n\
                   # /etc/systemd/system/m.service.d/x.conf\nb\n";
        let snapshot =
            Snapshot::new().with_command("systemctl cat m.service", cat);
        assert_eq!(summary(&snapshot, "m.service"), "a b");
    }
}
