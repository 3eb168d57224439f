//! Which launchers a snapshot has: its units, its scripts and its files
//! decide, and the distribution where they do not say.

use super::{
    super::{
        Version,
        instance::{CONF, SYSCONFIG},
    },
    Launch, Launcher, Service, debian,
    distribution::{
        ESCAPED_COMMENTS, ESCAPED_COMMENTS_SYSV, Family, TEMPLATE, family,
    },
    docker, openrc,
    systemd::{self, Started, Starts},
    sysv,
    unit_files::{self, Found},
};
use crate::{Error, Snapshot, text::Source};

const UNIT: &str = "memcached.service";
const INIT_SCRIPTS: [&str; 2] =
    ["/etc/init.d/memcached", "/etc/rc.d/init.d/memcached"];
const CONF_D: &str = "/etc/conf.d/memcached";
const CLEAR_LINUX: &str = "/etc/memcached/memcached.conf";

/// What starts daemons on a host; `version` is that of the program.
///
/// # Errors
///
/// A file of a launcher that is not UTF-8, or a listing that is not JSON.
pub(in super::super) fn services(
    snapshot: &Snapshot,
    version: Option<Version>,
) -> Result<Vec<Service>, Error> {
    let family = family(snapshot)?;
    let mut choice = Choice { snapshot, version, family, all: Vec::new() };
    choice.units()?;
    choice.others()?;
    choice.all.extend(docker::services(snapshot)?);
    Ok(choice.all)
}

/// The environment files that the units of a snapshot name.
#[cfg(feature = "host")]
pub(crate) fn environment_files(
    snapshot: &Snapshot,
) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    for unit in unit_files::names(snapshot) {
        if let Found::Files(own, drop_ins) = unit_files::find(snapshot, &unit)?
        {
            let files: Vec<_> = own.into_iter().chain(drop_ins).collect();
            all.extend(systemd::environment_files(&unit, &files));
        }
    }
    Ok(all)
}

/// Whose an init script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Debian,
    El6,
    OpenRc(openrc::Script),
    Other,
}

struct Choice<'a> {
    snapshot: &'a Snapshot,
    version: Option<Version>,
    family: Family,
    all: Vec<Service>,
}

impl Choice<'_> {
    fn has(&self, path: &str) -> bool {
        self.snapshot.files.contains_key(path)
    }

    fn add(
        &mut self,
        id: &str,
        source: &str,
        launcher: Launcher,
        launch: Launch,
    ) {
        let mut id = id.to_owned();
        if self.all.iter().any(|service| service.id == id) {
            id = format!("{id}-{}", self.all.len());
        }
        let source = source.to_owned();
        let netns = None;
        self.all.push(Service { id, source, launcher, launch, netns });
    }

    fn units(&mut self) -> Result<(), Error> {
        let mut names = unit_files::names(self.snapshot);
        names.extend(self.instances_of_sysconfig());
        for unit in names {
            let (own, drop_ins) = match unit_files::find(self.snapshot, &unit)?
            {
                Found::Files(Some(own), drop_ins) => (own, drop_ins),
                Found::Files(None, drop_ins) if unit.contains('@') => {
                    (Source::new(unit.clone(), TEMPLATE), drop_ins)
                }
                Found::Nothing if unit.contains('@') => {
                    (Source::new(unit.clone(), TEMPLATE), Vec::new())
                }
                Found::Masked(path) => {
                    let stopped = Launch::stopped(1, "the unit is masked");
                    let id = id_of(&unit);
                    self.add(id, &path, Launcher::Systemd, stopped);
                    continue;
                }
                _ => continue,
            };
            self.unit(&unit, own, drop_ins)?;
        }
        Ok(())
    }

    /// /etc/sysconfig/memcached.NAME is of memcached@NAME.service.
    fn instances_of_sysconfig(&self) -> Vec<String> {
        let start = format!("{SYSCONFIG}.");
        let files = self.snapshot.files.range(start.clone()..);
        let names = files.map_while(|(path, _)| path.strip_prefix(&start));
        let template = unit_files::find(self.snapshot, "memcached@.service");
        let known = matches!(template, Ok(Found::Files(Some(_), _)));
        let instance = |name: &&str| {
            let port = name.parse::<u16>().is_ok();
            let old = name.starts_with("rpm") || name.contains(['.', '~']);
            port || known && !old
        };
        let unit = |name| format!("memcached@{name}.service");
        names.filter(instance).map(unit).collect()
    }

    fn unit(
        &mut self,
        unit: &str,
        own: Source,
        drop_ins: Vec<Source>,
    ) -> Result<(), Error> {
        let place = own.name().to_owned();
        let files: Vec<_> = std::iter::once(own).chain(drop_ins).collect();
        let Started { starts, files } =
            systemd::started(self.snapshot, unit, &files)?;
        let source = files.last().unwrap_or(&place);
        let id = id_of(unit);
        match starts {
            Starts::Memcached(launch) => {
                self.add(id, source, Launcher::Systemd, launch);
            }
            Starts::Other(program, words, launch) => {
                self.other(id, &place, &program, &words, launch)?;
            }
        }
        Ok(())
    }

    /// A unit that starts something that may start memcached.
    fn other(
        &mut self,
        id: &str,
        place: &str,
        program: &str,
        words: &[String],
        launch: Launch,
    ) -> Result<(), Error> {
        let name = program.rsplit('/').next().unwrap_or_default();
        let sysv = program.contains("/init.d/");
        match name {
            "systemd-memcached-wrapper" | "start-memcached" => {
                let conf = words.first().map_or(CONF, String::as_str);
                let own = self.debian(conf, name == "start-memcached")?;
                let launch =
                    Launch { env: launch.env, user: launch.user, ..own };
                self.add(id, conf, Launcher::Debian, launch);
            }
            "memcached" if sysv => self.script()?,
            _ if id != "memcached" && !id.starts_with("memcached@") => {}
            // A container is not in the host's network.
            _ if words.iter().any(|word| word == "run") => {}
            _ => {
                let why = format!("what {program} starts");
                let launch = Launch { undecided: Some(why), ..launch };
                self.add(id, place, Launcher::Systemd, launch);
            }
        }
        Ok(())
    }

    /// Debian's scripts, on a conf.
    fn debian(&self, conf: &str, directives: bool) -> Result<Launch, Error> {
        let plain_comments = self.plain_comments(directives)?;
        let script = debian::Script { directives, plain_comments };
        let conf = self.snapshot.text(conf)?;
        Ok(conf.map_or_else(debian::no_conf, |c| debian::launch(&c, script)))
    }

    /// The script itself says it, or else its version.
    fn plain_comments(&self, sysv: bool) -> Result<bool, Error> {
        let (name, since) = match sysv {
            true => ("start-memcached", ESCAPED_COMMENTS_SYSV),
            false => ("systemd-memcached-wrapper", ESCAPED_COMMENTS),
        };
        let path = format!("/usr/share/memcached/scripts/{name}");
        Ok(match (self.snapshot.text(&path)?, self.version) {
            (Some(text), _) => !text.text().contains("(?<!"),
            (None, Some(version)) => version < since,
            (None, None) => self.family == Family::DebianSysv,
        })
    }

    /// What is started without a unit that is in the snapshot.
    fn others(&mut self) -> Result<(), Error> {
        if matches!(
            unit_files::find(self.snapshot, UNIT)?,
            Found::Files(Some(_), _) | Found::Masked(_)
        ) {
            return Ok(());
        }
        let script = INIT_SCRIPTS.iter().any(|path| self.has(path));
        let sysv = matches!(
            self.family,
            Family::El6 | Family::DebianSysv | Family::Alpine
        );
        if script || sysv || self.conf_d().next().is_some() {
            let before = self.all.len();
            self.script()?;
            if self.all.len() > before {
                return Ok(());
            }
        }
        if self.family.has_conf() && self.has(CONF) {
            let launch = self.debian(CONF, false)?;
            self.add("memcached", CONF, Launcher::Debian, launch);
        }
        let clear = self.family == Family::ClearLinux && self.has(CLEAR_LINUX);
        if self.has(SYSCONFIG) || clear {
            self.default_unit()?;
        }
        Ok(())
    }

    /// The unit of the distribution's package.
    fn default_unit(&mut self) -> Result<(), Error> {
        let mut family = self.family;
        let config = self.snapshot.text(SYSCONFIG)?;
        let says = |name: &str| {
            config.as_ref().is_some_and(|text| text.text().contains(name))
        };
        if family == Family::Unknown && says("MEMCACHED_PARAMS") {
            family = Family::Suse;
        }
        let mut files = vec![Source::new(UNIT, family.unit())];
        if let Found::Files(None, drop_ins) =
            unit_files::find(self.snapshot, UNIT)?
        {
            files.extend(drop_ins);
        }
        let Started { starts, files } =
            systemd::started(self.snapshot, UNIT, &files)?;
        if let Starts::Memcached(launch) = starts {
            let source = files.last().map_or(SYSCONFIG, String::as_str);
            let taken = self.all.iter().any(|s| s.id == "memcached");
            let id = if taken { "memcached-sysconfig" } else { "memcached" };
            self.add(id, source, Launcher::Systemd, launch);
        }
        Ok(())
    }

    /// An init script.
    fn script(&mut self) -> Result<(), Error> {
        let (path, kind, text) = self.init_script()?;
        match kind {
            Script::Debian => self.debian_sysv(&text),
            Script::El6 => {
                let file = self.snapshot.text(SYSCONFIG)?;
                let launch = sysv::launch(file.as_ref());
                self.add("memcached", SYSCONFIG, Launcher::Sysv, launch);
                Ok(())
            }
            Script::OpenRc(script) => self.openrc(script),
            Script::Other if path.is_empty() => Ok(()),
            Script::Other => {
                let launch = Launch::undecided(format!("what {path} starts"));
                self.add("memcached", &path, Launcher::Sysv, launch);
                Ok(())
            }
        }
    }

    /// The path of the init script, whose it is, and its text.
    fn init_script(&self) -> Result<(String, Script, String), Error> {
        for path in INIT_SCRIPTS {
            if let Some(text) = self.snapshot.text(path)? {
                let text = text.text().to_owned();
                let kind = self.kind(&text);
                return Ok((path.to_owned(), kind, text));
            }
        }
        let kind = match self.family {
            Family::DebianSysv => Script::Debian,
            Family::El6 if self.has(SYSCONFIG) => Script::El6,
            _ if self.conf_d().next().is_some() => {
                Script::OpenRc(self.openrc_script("")?)
            }
            _ => Script::Other,
        };
        Ok((String::new(), kind, String::new()))
    }

    fn kind(&self, text: &str) -> Script {
        let first = text.lines().next().unwrap_or_default();
        if first.contains("openrc-run") || first.contains("runscript") {
            let script = self.openrc_script(text);
            return Script::OpenRc(script.unwrap_or(openrc::Script::Alpine));
        }
        match self.family {
            _ if text.contains("start-memcached") => Script::Debian,
            _ if text.contains("MEMCACHED_PARAMS") => Script::Other,
            _ if text.contains("sysconfig/memcached") => Script::El6,
            Family::Debian | Family::DebianSysv => Script::Debian,
            Family::El6 | Family::El7 | Family::El8 => Script::El6,
            Family::Alpine => Script::OpenRc(openrc::Script::Alpine),
            Family::Gentoo => Script::OpenRc(openrc::Script::Gentoo),
            _ if self.has(CONF) => Script::Debian,
            _ if self.has(SYSCONFIG) => Script::El6,
            _ => Script::Other,
        }
    }

    /// Gentoo's knows a SOCKET, Alpine's does not.
    fn openrc_script(&self, text: &str) -> Result<openrc::Script, Error> {
        let conf = self.snapshot.text(CONF_D)?;
        let conf = conf.as_ref().map_or("", |conf| conf.text());
        let gentoo = match self.family {
            Family::Gentoo => true,
            Family::Alpine => false,
            _ if !text.is_empty() => text.contains("SOCKET"),
            _ => conf.contains("SOCKET"),
        };
        let script = if gentoo {
            openrc::Script::Gentoo
        } else {
            openrc::Script::Alpine
        };
        Ok(script)
    }

    fn conf_d(&self) -> impl Iterator<Item = &str> {
        let files = self.snapshot.files.range(CONF_D.to_owned()..);
        let paths = files.map(|(path, _)| path.as_str());
        paths.take_while(|path| path.starts_with(CONF_D)).filter(|path| {
            let rest = path.get(CONF_D.len()..).unwrap_or_default();
            let old = [".apk-", "~", ".bak", ".orig", ".old"];
            (rest.is_empty() || rest.starts_with('.'))
                && !old.iter().any(|end| rest.contains(end))
        })
    }

    /// Of memcached.NAME, /etc/conf.d/memcached is read first.
    fn openrc(&mut self, script: openrc::Script) -> Result<(), Error> {
        let paths: Vec<String> = self.conf_d().map(str::to_owned).collect();
        let base = self.snapshot.text(CONF_D)?;
        for path in paths {
            let own = self.snapshot.text(&path)?.filter(|_| path != CONF_D);
            let files: Vec<_> = base.iter().cloned().chain(own).collect();
            let id = path.rsplit('/').next().unwrap_or_default();
            let launch = openrc::launch(&files, script);
            self.add(id, &path, Launcher::OpenRc, launch);
        }
        Ok(())
    }

    /// The init script takes /etc/memcached_NAME.conf, and the usual one
    /// only where there is none of them.
    fn debian_sysv(&mut self, script: &str) -> Result<(), Error> {
        let off = self.is_off(script)?;
        let files = self.snapshot.files.range("/etc/memcached_".to_owned()..);
        let paths = files.map(|(path, _)| path.as_str());
        let begins = |path: &&str| path.starts_with("/etc/memcached_");
        let paths = paths.take_while(begins).filter(|p| p.ends_with(".conf"));
        let mut paths: Vec<String> = paths.map(str::to_owned).collect();
        if paths.is_empty() && (self.has(CONF) || !script.is_empty()) {
            paths.push(CONF.to_owned());
        }
        for path in paths {
            let name = path.rsplit('/').next().unwrap_or_default();
            let launch = match off {
                true => Launch::stopped(0, "ENABLE_MEMCACHED is not yes"),
                false => self.debian(&path, true)?,
            };
            let id = name.trim_end_matches(".conf");
            self.add(id, &path, Launcher::Debian, launch);
        }
        Ok(())
    }

    /// /etc/default/memcached, where the script asks for it.
    fn is_off(&self, script: &str) -> Result<bool, Error> {
        let Some(text) = self.snapshot.text("/etc/default/memcached")? else {
            return Ok(false);
        };
        let asked = script.is_empty() || script.contains("ENABLE_MEMCACHED");
        Ok(asked && sysv::value(&text, "ENABLE_MEMCACHED") == Some("no".into()))
    }
}

fn id_of(unit: &str) -> &str {
    unit.strip_suffix(".service").unwrap_or(unit)
}

#[cfg(test)]
mod tests;
