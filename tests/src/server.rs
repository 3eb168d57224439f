//! A host that runs memcached.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    client::SERVER,
    namespace::{Namespace, must, output},
};
use memsec_core::{Snapshot, system::Outcome};

/// The first directory has the stand-in for systemctl.
const PATH: &str = "/run/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const UNIT: &str = "/usr/lib/systemd/system/memcached.service";

/// How long a host may take until it is what it was.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host that runs memcached: its network, its mounts, its processes. Its
/// `systemctl` is a stand-in; all else is real.
pub struct Server {
    namespace: Namespace,
}

/// How memcached is started.
#[derive(Clone, Copy)]
pub enum Launch {
    /// Debian's wrapper script reads /etc/memcached.conf.
    Debian,
    /// The unit of Red Hat's systems reads /etc/sysconfig/memcached.
    Sysconfig,
}

impl Launch {
    /// The file that configures it, and what a packager puts there; `options`
    /// are added.
    fn configuration(self, options: &str) -> (&'static str, String) {
        match self {
            Self::Debian => (
                "/etc/memcached.conf",
                format!(
                    "# memcached default config file\n\
                     -d\n\
                     logfile /var/log/memcached.log\n\
                     -m 64\n\
                     -p 11211\n\
                     -u memcache\n\
                     {}\n\
                     -P /var/run/memcached/memcached.pid\n",
                    options.replace(" -", "\n-"),
                ),
            ),
            Self::Sysconfig => (
                "/etc/sysconfig/memcached",
                format!(
                    "PORT=\"11211\"\n\
                     USER=\"nobody\"\n\
                     MAXCONN=\"1024\"\n\
                     CACHESIZE=\"64\"\n\
                     OPTIONS=\"{options}\"\n",
                ),
            ),
        }
    }
}

/// Answers at a TCP port of this network: says what it hears. It ends with
/// the test.
///
/// # Panics
///
/// If the port is not free.
pub fn stand_in(port: u16) {
    let everywhere: SocketAddr = ([0u16; 8], port).into();
    let listener = TcpListener::bind(everywhere).expect("the port is free");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                // Long enough for a machine that is busy.
                let wait = Some(Duration::from_secs(10));
                let _ = stream.set_read_timeout(wait);
                std::io::copy(&mut &stream, &mut &stream)
            });
        }
    });
}

fn difference(was: &str, now: &str) -> String {
    let beyond = |one: &str, other: &str| {
        let known: Vec<_> = other.lines().collect();
        let lines = one.lines().filter(|line| !known.contains(line));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    format!("new: {:#?}\ngone: {:#?}", beyond(now, was), beyond(was, now))
}

/// A program of this package: cargo builds them before any test of it, two
/// directories above.
fn built(name: &str) -> String {
    let test = env::current_exe().expect("a test is a program");
    let target = test.ancestors().nth(2).expect("cargo's directory");
    target.join(name).display().to_string()
}

impl Server {
    /// A host on one network with its clients, with no rules yet, and no
    /// memcached.
    pub fn new(clients: &Namespace) -> Self {
        let server = Self { namespace: Namespace::new() };
        let boot = include_str!("../tests/daemon/boot.sh");
        let [collect, run] = ["collect", "run"].map(built);
        let arguments = ["-c", boot, "boot.sh", &collect, &run];
        server.run("sh", &arguments, include_str!("../tests/daemon/systemctl"));
        server.namespace.connect(clients);
        server.namespace.address(SERVER);
        server
    }

    /// Its network, mounts and processes.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Loads rules of iptables and of ip6tables.
    pub fn load(&self, rules: [&str; 2]) {
        self.run("iptables-restore", &[], rules[0]);
        self.run("ip6tables-restore", &[], rules[1]);
    }

    /// Starts memcached with these options.
    pub fn start(&self, launch: Launch, options: &str) {
        if matches!(launch, Launch::Sysconfig) {
            self.write(UNIT, include_str!("../tests/daemon/el.service"));
        }
        let (path, text) = launch.configuration(options);
        self.write(path, &text);
        self.run("systemctl", &["start", "memcached.service"], "");
    }

    /// Answers at a TCP port as a server would that memcached is beside:
    /// says what it hears. It ends with the test.
    pub fn stand_in(&self, port: u16) {
        self.namespace.within(|| stand_in(port));
    }

    /// Does `work` in a thread of this host's network.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.namespace.within(work)
    }

    /// What memsec sees.
    pub fn snapshot(&self) -> Snapshot {
        let json = self.run("/run/collect", &[], "");
        Snapshot::from_json("snapshot", &json).expect("collect wrote it")
    }

    /// Runs memsec on a run or on a plan: the outcome, or what it refused.
    pub fn memsec(
        &self,
        words: &[&str],
        plan: &str,
    ) -> Result<Outcome, String> {
        self.memsec_under(&[], words, plan)
    }

    /// The same below another program.
    pub fn memsec_under(
        &self,
        above: &[&str],
        words: &[&str],
        plan: &str,
    ) -> Result<Outcome, String> {
        let line = [above, &["/run/run"], words].concat();
        let output = output(self.command(line[0], &line[1..]), plan);
        let [stdout, stderr] = [&output.stdout, &output.stderr]
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        match output.status.success() {
            true => Ok(Outcome::from_json("outcome", &stdout).unwrap()),
            false => Err(format!("{}: {stderr}", output.status)),
        }
    }

    /// The names of the runs that somebody has to finish.
    pub fn pending(&self) -> Vec<String> {
        let names = self.run("/run/run", &["pending"], "");
        names.lines().map(str::to_owned).collect()
    }

    /// All that a plan can change, as text.
    pub fn state(&self) -> String {
        self.run("sh", &["-c", include_str!("../tests/daemon/state.sh")], "")
    }

    /// Waits until all that a plan can change is as `state` says: a daemon
    /// that was started again takes its time.
    ///
    /// # Errors
    ///
    /// The lines that are new, and those that are gone.
    pub fn becomes(&self, state: &str) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let now = self.state();
            if now == state {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(difference(state, &now));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a script, which must go well; gives what it printed.
    pub fn shell(&self, script: &str) -> String {
        self.run("sh", &["-c", script], "")
    }

    /// Carries out a plan.
    pub fn carry_out(&self, script: &str) {
        self.write("/run/plan.sh", script);
        self.run("sh", &["/run/plan.sh"], "");
    }

    /// Writes a file.
    pub fn write(&self, path: &str, text: &str) {
        let script = "mkdir -p \"${1%/*}\" && cat > \"$1\"";
        self.run("sh", &["-c", script, "write", path], text);
    }

    /// Runs a program, which must go well, and returns what it printed.
    fn run(&self, program: &str, words: &[&str], input: &str) -> String {
        must(self.command(program, words), input)
    }

    /// A program with its arguments that is yet to run.
    pub fn program(&self, words: &[&str]) -> Command {
        self.command(words[0], &words[1..])
    }

    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = self.namespace.command("env");
        command.args(["-i", &format!("PATH={PATH}"), "HOME=/", program]);
        command.args(words);
        command
    }
}
