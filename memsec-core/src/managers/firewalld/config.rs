//! All of firewalld's configuration, as its next start reads it: core/fw.py.

use std::collections::BTreeSet;

use super::{
    Broken,
    object::{Named, Policy, Service, Set, Zone},
    stock,
};
use crate::{Error, Snapshot, snapshot::Content, text::Source};

/// What firewalld works with.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub conf: Conf,
    pub zones: Named<Zone>,
    pub policies: Named<Policy>,
    pub services: Named<Service>,
    pub sets: Named<Set>,
}

/// firewalld.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conf {
    pub default_zone: String,
    /// True for nftables, false for iptables.
    pub nftables: bool,
    pub rpfilter: bool,
    pub rfc3964: bool,
    /// A back end that is known by its name in other letters only.
    pub other_backend: Option<String>,
}

impl Default for Conf {
    fn default() -> Self {
        let default_zone = "public".to_owned();
        Self {
            default_zone,
            nftables: true,
            rpfilter: true,
            rfc3964: true,
            other_backend: None,
        }
    }
}

impl Conf {
    /// The first value of a name counts; what is not known keeps its default.
    pub(super) fn read(source: &Source) -> Self {
        let mut conf = Self::default();
        let mut seen = BTreeSet::new();
        for line in source.text().lines().map(str::trim) {
            if line.starts_with(['#', ';']) || line.matches('=').count() != 1 {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else { continue };
            let (name, value) = (name.trim(), value.trim());
            if value.is_empty() || !seen.insert(name.to_owned()) {
                continue;
            }
            let lower = value.to_lowercase();
            let off = matches!(lower.as_str(), "no" | "false");
            match name {
                "DefaultZone" => value.clone_into(&mut conf.default_zone),
                "FirewallBackend"
                    if ["iptables", "nftables"].contains(&lower.as_str()) =>
                {
                    conf.nftables = value == "nftables";
                    let other = value != lower;
                    conf.other_backend = other.then(|| value.to_owned());
                }
                "IPv6_rpfilter" => conf.rpfilter = !off,
                "RFC3964_IPv4" => conf.rfc3964 = !off,
                _ => {}
            }
        }
        conf
    }
}

const STOCK: &str = "/usr/lib/firewalld/";
const OWN: &str = "/etc/firewalld/";

/// The files of a kind, by their directory, in the order of their names.
fn files<'a>(
    snapshot: &'a Snapshot,
    directory: &'a str,
    kind: &'a str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let from = format!("{directory}{kind}/");
    let all = snapshot.files.range(from.clone()..);
    let all = all.take_while(move |(path, _)| path.starts_with(&from));
    let at = directory.len() + kind.len() + 1;
    all.filter_map(move |(path, file)| {
        let name = path.get(at..)?.strip_suffix(".xml")?;
        let here = !matches!(file.content, Content::Secret(_));
        // Zones may be parts, each in a directory of its own.
        let depth = usize::from(kind == "zones" && directory == OWN);
        let here = here && name.matches('/').count() <= depth;
        here.then_some((path.as_str(), name))
    })
}

/// The types of ICMP messages that files name.
fn icmp_types(snapshot: &Snapshot, own: bool) -> BTreeSet<&str> {
    let directories: &[&str] = if own { &[STOCK, OWN] } else { &[STOCK] };
    let names = |directory| files(snapshot, directory, "icmptypes");
    let each = directories.iter().flat_map(|directory| names(directory));
    each.map(|(_, name)| name).collect()
}

/// Why the files cannot be read.
#[derive(Debug)]
pub(super) enum Failed {
    /// firewalld falls back to its stock configuration.
    Broken(Broken),
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Broken> for Failed {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Reads the objects of a kind: those of /etc take the place of the stock
/// ones of the same name.
fn read<T>(
    snapshot: &Snapshot,
    kind: &str,
    own: bool,
    stock: impl FnOnce() -> Named<T>,
    one: impl Fn(&Source) -> Result<T, Broken>,
) -> Result<Named<T>, Failed> {
    let shipped = files(snapshot, STOCK, kind).next().is_some();
    let mut all = if shipped { Named::new() } else { stock() };
    let directories: &[&str] = if own { &[STOCK, OWN] } else { &[STOCK] };
    for directory in directories {
        for (path, name) in files(snapshot, directory, kind) {
            let Some(source) = snapshot.text(path)? else { continue };
            all.insert(name.to_owned(), one(&source)?);
        }
    }
    Ok(all)
}

impl Config {
    /// A service and those that it includes, each once; nothing of one that
    /// is not there.
    pub(super) fn with_included(&self, name: &str) -> Vec<&Service> {
        let mut names = vec![name];
        let mut all = Vec::new();
        let mut at = 0;
        while let Some(service) = names.get(at).map(|n| self.services.get(*n)) {
            at += 1;
            let Some(service) = service else { continue };
            for include in &service.includes {
                if !names.contains(&include.as_str()) {
                    names.push(include);
                }
            }
            all.push(service);
        }
        all
    }

    /// The configuration, or only the stock one where not `own`.
    pub(super) fn new(snapshot: &Snapshot, own: bool) -> Result<Self, Failed> {
        let conf = snapshot.text("/etc/firewalld/firewalld.conf")?;
        let conf = conf.filter(|_| own);
        let mut config = Self {
            conf: conf.as_ref().map(Conf::read).unwrap_or_default(),
            sets: read(snapshot, "ipsets", own, Named::new, Set::read)?,
            services: read(
                snapshot,
                "services",
                own,
                stock::services,
                Service::read,
            )?,
            zones: read(snapshot, "zones", own, stock::zones, Zone::read)?,
            policies: read(
                snapshot,
                "policies",
                own,
                stock::policies,
                Policy::read,
            )?,
        };
        config.combine();
        config.check(&icmp_types(snapshot, own))?;
        if !config.zones.contains_key(&config.conf.default_zone) {
            let known = |name: &&str| config.zones.contains_key(*name);
            let others = ["public", "external"].into_iter();
            let zone = others.clone().find(known).unwrap_or("block");
            zone.clone_into(&mut config.conf.default_zone);
        }
        config.check_applied()?;
        Ok(config)
    }

    /// The files of a directory of zones/ are one zone together.
    fn combine(&mut self) {
        let parts: Vec<_> =
            self.zones.keys().filter(|name| name.contains('/')).collect();
        let parts: Vec<_> = parts.into_iter().cloned().collect();
        let mut whole: Named<Zone> = Named::new();
        for part in parts {
            let Some(zone) = self.zones.remove(&part) else { continue };
            let name = part.split('/').next().unwrap_or_default();
            whole.entry(name.to_owned()).or_default().combine(zone);
        }
        self.zones.extend(whole);
    }

    /// True for a zone that packets get to.
    pub(super) fn applies(&self, name: &str, zone: &Zone) -> bool {
        zone.is_active() || name == self.conf.default_zone
    }
}
