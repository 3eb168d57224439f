//! The firewall managers of Debian, each running as it does on a host.

use memsec_tests::server::Server;

/// Starts firewalld on a bus of its own. It runs as long as the host. Its
/// check of the way back is off: who passes that depends on the routes.
macro_rules! start {
    () => {
        "sed -i s/^IPv6_rpfilter=.*/IPv6_rpfilter=no/ \
            /etc/firewalld/firewalld.conf
        mkdir -p /run/dbus && mount -t tmpfs log /var/log
        dbus-daemon --system --fork --nopidfile >/dev/null 2>&1 </dev/null
        firewalld --nofork --nopid >/run/firewalld.log 2>&1 </dev/null &
        for try in $(seq 100); do
            firewall-cmd --state >/dev/null 2>&1 && exit
            sleep 0.1
        done
        cat /run/firewalld.log
        exit 1"
    };
}

/// A firewall manager.
pub struct Manager {
    /// The programs that it needs.
    pub programs: &'static [&'static str],
    /// What it has in /etc.
    files: &'static [&'static str],
    /// Starts it, with ssh open.
    start: &'static str,
    /// Opens memcached to everybody.
    open: &'static str,
    /// Loads its files again, and says whether they are good.
    reload: &'static str,
}

pub const UFW: Manager = Manager {
    programs: &["ufw"],
    files: &["ufw", "default/ufw"],
    start: "ufw allow 22/tcp && ufw --force enable",
    open: "ufw limit 81/tcp && ufw allow 11211",
    reload: "ufw reload",
};

pub const FIREWALLD: Manager = Manager {
    programs: &["firewalld", "firewall-cmd", "dbus-daemon"],
    files: &["firewalld", "dbus-1"],
    start: START,
    open: "for how in '' --permanent; do
        firewall-cmd $how --add-port=11200-11300/tcp &&
        firewall-cmd $how --add-service=memcache || exit
    done",
    reload: RELOAD,
};

/// firewalld with its other back end.
pub const FIREWALLD_IPTABLES: Manager = Manager {
    start: concat!(
        "sed -i s/^FirewallBackend=.*/FirewallBackend=iptables/ \
         /etc/firewalld/firewalld.conf\n",
        start!()
    ),
    ..FIREWALLD
};

const START: &str = start!();

const RELOAD: &str = "firewall-offline-cmd --check-config &&
    firewall-cmd --check-config && firewall-cmd --complete-reload";

impl Manager {
    /// Starts it on a host.
    pub fn start(&self, server: &Server, open: bool) {
        for name in self.files {
            server.shell(&format!(
                "mkdir -p \"$(dirname /etc/{name})\" && \
                 cp -a /run/managers/{name} /etc/{name}"
            ));
        }
        server.shell(self.start);
        if open {
            server.shell(self.open);
        }
    }

    /// Takes memsec's own table away and loads the manager's files again:
    /// what then holds is what it was asked for.
    pub fn stand_alone(&self, server: &Server) {
        server.shell("nft delete table inet memsec");
        server.shell(self.reload);
    }
}
