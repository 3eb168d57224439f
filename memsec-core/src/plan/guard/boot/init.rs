//! A service of our own that loads the guard, by what starts services here.

use super::Loader;
use crate::{
    Error, Snapshot,
    managers::{
        guard::{INIT_SCRIPT, UNIT},
        units,
    },
    memcached::{InitScripts, init_scripts},
    plan::{daemon::words, guard::loader::NOT_FOUND},
};

/// What starts services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Init {
    Systemd,
    OpenRc,
    /// sysvinit: update-rc.d of Debian.
    UpdateRc,
    /// sysvinit: chkconfig of Red Hat.
    Chkconfig,
}

use Init::{Chkconfig, OpenRc, Systemd, UpdateRc};

const SERVICE: &str = "memsec-guard";

/// After what empties the rule set when it starts; before the network is up,
/// so that there is no open moment at boot.
const SYSTEMD: &str = "\
[Unit]
Description=memsec: only the allowed clients reach memcached
DefaultDependencies=no
After=local-fs.target {after}
Before=network-pre.target memcached.service shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={command}

[Install]
WantedBy=sysinit.target
";

/// In the runlevel of memcached, which it goes before.
const OPENRC: &str = "\
#!/sbin/openrc-run

description=\"memsec: only the allowed clients reach memcached\"

depend() {
    need localmount
    after iptables ip6tables nftables firewall
    before memcached
}

start() {
    ebegin \"Guarding memcached\"
    {command}
    eend $?
}
";

/// The numbers are those of Red Hat: after iptables, before the network.
const SYSV: &str = "\
#!/bin/sh
# chkconfig: 2345 09 91
# description: memsec: only the allowed clients reach memcached
### BEGIN INIT INFO
# Provides:          memsec-guard
# Required-Start:    $local_fs
# Required-Stop:     $local_fs
# Should-Start:      netfilter-persistent iptables ip6tables
# X-Start-Before:    memcached
# Default-Start:     2 3 4 5
# Default-Stop:
# Short-Description: memsec: only the allowed clients reach memcached
### END INIT INFO

PATH=/usr/sbin:/usr/bin:/sbin:/bin

# The guard stays when the service is stopped.
case ${1:-} in
start | restart | reload | force-reload)
    {command}
    ;;
stop) ;;
*)
    echo \"Usage: $0 start|stop|restart|reload\" >&2
    exit 3
    ;;
esac
";

/// Whether one of the runlevels starts it.
const HAS_LINK: &str = "ls /etc/rc[2-5].d/S*memsec-guard";

impl Init {
    /// # Errors
    ///
    /// A host that shows that it has no systemd, and nothing else.
    pub(super) fn of(snapshot: &Snapshot) -> Result<Self, Error> {
        let asked = snapshot.commands.iter();
        let mut asked = asked.filter(|(key, _)| key.starts_with("systemctl "));
        let is_missing = asked.any(|(_, out)| out.status == NOT_FOUND);
        if units::enabled(snapshot, "").is_some() {
            return Ok(Systemd);
        }
        match init_scripts(snapshot, is_missing)? {
            Some(InitScripts::OpenRc) => Ok(OpenRc),
            Some(InitScripts::UpdateRc) => Ok(UpdateRc),
            Some(InitScripts::Chkconfig) => Ok(Chkconfig),
            None if !is_missing => Ok(Systemd),
            None => Err(Error::unsupported(
                "the guard would not come back at boot: no systemd is on this \
                 host, and nothing tells which init scripts it has",
            )),
        }
    }

    pub(super) fn path(self) -> &'static str {
        match self {
            Systemd => "/etc/systemd/system/memsec-guard.service",
            _ => INIT_SCRIPT,
        }
    }

    pub(super) fn text(self, loader: &Loader) -> String {
        let command = loader.command().join(" ");
        match (self, loader) {
            (Systemd, Loader::Nft) => SYSTEMD
                .replace("{after}", "nftables.service")
                .replace("{command}", &format!("/usr/sbin/{command}")),
            (Systemd, Loader::Iptables(_)) => SYSTEMD
                .replace("{after}", "netfilter-persistent.service")
                .replace("{command}", &format!("/bin/{command}")),
            (OpenRc, _) => OPENRC.replace("{command}", &command),
            (UpdateRc | Chkconfig, _) => SYSV.replace("{command}", &command),
        }
    }

    /// When it does so.
    pub(super) fn when(self) -> &'static str {
        match self {
            Systemd => "before the network is up",
            OpenRc => "by OpenRC, before memcached",
            UpdateRc | Chkconfig => "by an init script, before memcached",
        }
    }

    pub(super) fn enable(self) -> Vec<String> {
        match self {
            Systemd => words(&["systemctl", "enable", UNIT]),
            OpenRc => words(&["rc-update", "add", SERVICE, "default"]),
            UpdateRc => words(&["update-rc.d", SERVICE, "defaults"]),
            Chkconfig => words(&["chkconfig", "--add", SERVICE]),
        }
    }

    pub(super) fn disable(self) -> Vec<String> {
        match self {
            Systemd => words(&["systemctl", "disable", UNIT]),
            OpenRc => words(&["rc-update", "del", SERVICE, "default"]),
            UpdateRc => words(&["update-rc.d", "-f", SERVICE, "remove"]),
            Chkconfig => words(&["chkconfig", "--del", SERVICE]),
        }
    }

    /// Exits with 0 if it is enabled.
    pub(super) fn check(self) -> Vec<String> {
        match self {
            Systemd => words(&["systemctl", "is-enabled", UNIT]),
            OpenRc => {
                words(&["test", "-e", "/etc/runlevels/default/memsec-guard"])
            }
            UpdateRc => words(&["sh", "-c", HAS_LINK]),
            Chkconfig => words(&["chkconfig", SERVICE]),
        }
    }
}
