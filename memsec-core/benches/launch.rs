//! From the text of one configuration file to what it listens on.

use memsec_core::{Policy, Snapshot, audit};

fn main() {
    divan::main();
}

const DEBIAN: &str = "# memcached default config file\n-d\n\
    logfile /var/log/memcached.log\n-m 64\n-p 11211\n-u memcache\n\
    -l 127.0.0.1\n# -c 1024\n-P /var/run/memcached/memcached.pid\n";
const SYSCONFIG: &str = "PORT=\"11211\"\nUSER=\"memcached\"\n\
    MAXCONN=\"1024\"\nCACHESIZE=\"64\"\nOPTIONS=\"-l 127.0.0.1,::1\"\n";

fn host(path: &str, text: &str, version: Option<&str>) -> Snapshot {
    let snapshot = Snapshot::new().with_file(path, text);
    match version {
        Some(version) => snapshot.with_command("memcached -V", version),
        None => snapshot,
    }
}

/// All of an audit without a firewall: more than the launch alone.
#[divan::bench(args = [Some("memcached 1.6.18"), None])]
fn debian(bencher: divan::Bencher<'_, '_>, version: Option<&str>) {
    let host = host("/etc/memcached.conf", DEBIAN, version);
    let policy = Policy::new();
    bencher.bench(|| audit(&host, &policy));
}

/// As the other, by systemd's rules.
#[divan::bench(args = [Some("memcached 1.6.18"), None])]
fn sysconfig(bencher: divan::Bencher<'_, '_>, version: Option<&str>) {
    let host = host("/etc/sysconfig/memcached", SYSCONFIG, version);
    let policy = Policy::new();
    bencher.bench(|| audit(&host, &policy));
}
