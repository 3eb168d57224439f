//! What `csf -s` does, command by command: `dostart` in csf.pl.

mod blocklists;
mod chains;
mod countries;
mod devices;
mod flood;
mod lists;
mod mail;
mod messenger;
mod ports;
mod redirect;
mod resolver;
mod script;

use super::{
    Stop,
    conf::Conf,
    iptables::{Lookup, Names, Refusal, Tables, saved},
    line::{Command, Setup},
    sets::Sets,
    text::{Line, Read, latin, lines, read},
};
use crate::{Error, Snapshot, net::Family, text::Place};
use devices::{Device, Devices};

/// Nothing, or the end of the start.
type Step = Result<(), Stop>;

/// A condition that cannot be decided, in the words of iptables: what
/// depends on the time, or on a list that is not known.
const UNDECIDED: &str = "-m time";

/// Where csf keeps its lists.
const STATE: &str = "/var/lib/csf/";

/// A start as far as it has gone.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub snapshot: &'a Snapshot,
    pub conf: Conf,
    pub setup: Setup,
    devices: Devices,
    lookup: Lookup,
    pub tables: [Tables; 2],
    pub sets: Sets,
    /// The commands that wait for one call of iptables-restore (FASTSTART).
    batch: Option<Vec<(Command, Option<Place>)>>,
    /// What csf's files do not tell.
    pub unknown: Vec<(String, Place)>,
    /// Whether a script has loaded memsec's own guard.
    guarded: bool,
    /// Whether a file was there and could not be read.
    unread: bool,
    /// What may be the end of the start, which leaves everything open.
    pub doubt: Option<Place>,
}

impl<'a> Start<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        conf: Conf,
    ) -> Result<Self, Error> {
        let devices = Devices::new(snapshot, &conf)?;
        let text = |path: &str| match read(snapshot, path) {
            Read::Bytes(bytes) => {
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
            Read::Absent | Read::Unread => None,
        };
        Ok(Self {
            snapshot,
            setup: setup(&conf, &devices),
            conf,
            devices,
            lookup: Lookup::new(
                ["/etc/services", "/etc/passwd", "/etc/group"].map(text),
            ),
            tables: [Tables::new(), Tables::new()],
            sets: Sets::default(),
            batch: None,
            unknown: Vec::new(),
            guarded: false,
            unread: false,
            doubt: None,
        })
    }

    /// Does it all, in csf's order.
    pub(super) fn run(&mut self) -> Step {
        self.script("csfpre.sh")?;
        self.chains()?;
        self.logging()?;
        self.local_chains()?;
        self.messenger_set()?;
        self.packet_filter()?;
        self.server_addresses()?;
        self.global_deny()?;
        self.deny()?;
        self.temporary()?;
        self.global_allow()?;
        self.country_allow()?;
        self.dynamic_names()?;
        self.allow()?;
        self.blocklists()?;
        self.country_rest()?;
        self.cluster()?;
        self.floods()?;
        self.icmp()?;
        self.established()?;
        self.knocking()?;
        self.port_lists()?;
        self.redirect()?;
        self.last_rules()?;
        self.mail()?;
        self.resolver()?;
        self.script("csfpost.sh")
    }

    /// What iptables would save of the words of a rule, behind its chain.
    pub(super) fn saved(&self, family: Family, words: &str) -> Option<String> {
        saved(&Names { family, lookup: &self.lookup }, words)
    }

    /// Calls iptables, or puts it off where csf collects calls.
    fn call(&mut self, command: Command, at: Option<Place>) -> Step {
        match &mut self.batch {
            Some(batch) => {
                batch.push((command, at));
                Ok(())
            }
            None => {
                let done = self.execute(&command, at.as_ref());
                let strict = self.conf.on("TESTING")
                    && matches!(command, Command::Rule(..));
                self.judge(done, strict, at)
            }
        }
    }

    fn execute(
        &mut self,
        command: &Command,
        at: Option<&Place>,
    ) -> Result<(), Refusal> {
        match command {
            Command::Rule(family, words) => {
                let [v4, v6] = &mut self.tables;
                let tables = match family {
                    Family::Ipv4 => v4,
                    Family::Ipv6 => v6,
                };
                let names = Names { family: *family, lookup: &self.lookup };
                tables.call(&names, words, at)
            }
            Command::Add { set, address } => self.sets.add(set, address, at),
        }
    }

    /// What comes of a refused call: the end if `strict`, else a warning.
    fn judge(
        &mut self,
        done: Result<(), Refusal>,
        strict: bool,
        at: Option<Place>,
    ) -> Step {
        let place = at.unwrap_or_else(|| Place::whole(super::conf::PATH));
        match done {
            Err(Refusal::Refused(reason)) if strict => {
                Err(Stop::new(format!("iptables refuses it: {reason}"), place))
            }
            Ok(()) | Err(Refusal::Refused(_)) => Ok(()),
            Err(Refusal::Undecided(reason)) => {
                let what = format!("whether iptables takes it: {reason}");
                self.unknown.push((what, place.clone()));
                self.doubt.get_or_insert(place);
                Ok(())
            }
        }
    }

    /// A rule of IPv4, for a setting.
    fn v4(&mut self, key: &str, words: String) -> Step {
        let at = self.conf.place(key);
        self.call(Command::Rule(Family::Ipv4, words), at)
    }

    /// A rule of IPv6, if csf has anything to do with it.
    fn v6(&mut self, key: &str, words: String) -> Step {
        if !self.setup.ipv6 {
            return Ok(());
        }
        let at = self.conf.place(key);
        self.call(Command::Rule(Family::Ipv6, words), at)
    }

    /// The same rule for both families.
    fn both(&mut self, key: &str, words: impl Fn(&Device) -> String) -> Step {
        let [v4, v6] = [Family::Ipv4, Family::Ipv6]
            .map(|family| words(&self.devices.of(family)));
        self.v4(key, v4)?;
        self.v6(key, v6)
    }

    /// Collects the calls of a part of the start into one of
    /// iptables-restore, if csf does so; there, what is refused is the end.
    fn fast(&mut self, part: impl FnOnce(&mut Self) -> Step) -> Step {
        if !self.conf.on("FASTSTART") {
            return part(self);
        }
        self.batch = Some(Vec::new());
        let done = part(self);
        let batch = self.batch.take().unwrap_or_default();
        done?;
        for (command, at) in &batch {
            if matches!(command, Command::Rule(..)) {
                let done = self.execute(command, at.as_ref());
                self.judge(done, true, at.clone())?;
            }
        }
        // ipset goes up to the first entry that it refuses.
        for (command, at) in &batch {
            if matches!(command, Command::Add { .. }) {
                let done = self.execute(command, at.as_ref());
                let refused = done.is_err();
                self.judge(done, false, at.clone())?;
                if refused {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The lines of a file of csf's, with those of the files that it
    /// includes behind them.
    pub(super) fn lines(&mut self, path: &str) -> Result<Vec<Line<'a>>, Stop> {
        let mut all: Vec<Line<'a>> = self.plain_lines(path);
        let mut at = 0;
        let mut parents: Vec<Option<usize>> = vec![None; all.len()];
        while let Some(line) = all.get(at) {
            if let Some(path) = line.include() {
                let path = latin(path);
                let mut up = Some(at);
                while let Some(index) = up {
                    let line = all.get(index);
                    if line.is_some_and(|line| line.path == path) {
                        return Err(endless(&all, at));
                    }
                    up = parents.get(index).copied().flatten();
                }
                let included = self.plain_lines(&path);
                parents.extend(included.iter().map(|_| Some(at)));
                all.extend(included);
            }
            at += 1;
        }
        Ok(all)
    }

    /// The lines of a file; none, and a note, if it could not be read.
    fn plain_lines(&mut self, path: &str) -> Vec<Line<'a>> {
        let entry = self.snapshot.files.get_key_value(path);
        match (entry, read(self.snapshot, path)) {
            (Some((path, _)), Read::Bytes(bytes)) => lines(path, bytes),
            (_, Read::Unread) => {
                let what = format!("{path} could not be read");
                self.unknown.push((what, Place::whole(path)));
                self.unread = true;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the snapshot has a file, if it has any of that directory.
    fn has(&self, path: &str) -> bool {
        self.snapshot.files.contains_key(path)
    }

    /// Whether a list that csf keeps is missing because nobody looked.
    fn not_looked_for(&self, path: &str) -> bool {
        let mut known = self.snapshot.files.range(STATE.to_owned()..);
        let looked = known.next().is_some_and(|(p, _)| p.starts_with(STATE));
        !looked && !self.has(path)
    }

    /// A list that something else writes: it may change by itself.
    fn note_elsewhere(&mut self, key: &str, path: &str) {
        let what = format!("{path} comes from elsewhere");
        let place = self.conf.place(key).unwrap_or_default();
        self.unknown.push((what, place));
    }
}

fn endless(lines: &[Line<'_>], at: usize) -> Stop {
    let place = lines.get(at).map(Line::place).unwrap_or_default();
    Stop::new("the file includes itself: csf never ends".to_owned(), place)
}

fn setup(conf: &Conf, devices: &Devices) -> Setup {
    let logged = |key: &str, log: &str, plain: &str| match conf.on(key) {
        true => log.to_owned(),
        false => conf.get(plain).to_owned(),
    };
    let [v4, v6] = [Family::Ipv4, Family::Ipv6].map(|f| devices.of(f));
    Setup {
        ipv6: conf.on("IPV6"),
        ipset: conf.on("LF_IPSET"),
        accept: match conf.on("WATCH_MODE") {
            true => "LOGACCEPT".to_owned(),
            false => "ACCEPT".to_owned(),
        },
        drop_in: logged("DROP_IP_LOGGING", "LOGDROPIN", "DROP"),
        drop_out: logged("DROP_OUT_LOGGING", "LOGDROPOUT", "DROP_OUT"),
        block_in_only: conf.on("LF_BLOCKINONLY"),
        device_in: [v4.input, v6.input],
        device_out: [v4.output, v6.output],
    }
}
