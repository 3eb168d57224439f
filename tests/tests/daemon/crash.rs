//! memsec killed at every system call that changes something, on the way
//! there and on the way back: what comes after finds or makes the host as it
//! was before or as it is after, and nothing between.

use std::{
    env, thread,
    time::{Duration, Instant, SystemTime},
};

use memsec_core::system::Ended;
use memsec_tests::{client::SERVER, firewall, requirements, server::Launch};

use super::{EVERYBODY, Host, remote};

/// In the environment: tries every point, not a sample.
const ALL: &str = "MEMSEC_ALL_CRASHES";
/// How many points of each way are tried without it.
const SAMPLE: usize = 7;

/// The system calls that change something, or wait for what does. Which of
/// them there are depends on the machine.
const CALLS: &str = "?openat,?write,?fsync,?fdatasync,?rename,?renameat,\
    ?renameat2,?link,?linkat,?unlink,?unlinkat,?mkdir,?mkdirat,?rmdir,?chmod,\
    ?fchmod,?fchmodat,?chown,?fchown,?fchownat,?setxattr,?fsetxattr,\
    ?fallocate,?ftruncate,?flock,?clone,?clone3,?fork,?vfork,?wait4,?waitid,\
    ?kill,?dup2,?dup3";

/// A system call, and the how many-th of its kind.
type Point = (String, usize);

fn traced(log: &str, inject: Option<&Point>) -> Vec<String> {
    let mut words = vec!["strace".to_owned(), "-qq".to_owned()];
    let what = match inject {
        None => format!("trace={CALLS}"),
        Some((call, number)) => {
            format!("inject={call}:signal=KILL:when={number}")
        }
    };
    words.extend(["-o", log, "-e", &what].map(str::to_owned));
    words
}

/// Every point that a log of strace shows.
fn points(log: &str) -> Vec<Point> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    let mut points = Vec::new();
    for line in log.lines() {
        let Some((call, rest)) = line.split_once('(') else { continue };
        let number = counts.entry(call).or_default();
        *number += 1;
        // A file that is only read changes nothing.
        if call != "openat" || rest.contains("O_CREAT") {
            points.push((call.to_owned(), *number));
        }
    }
    points
}

/// All, or a few by a seed that is printed.
fn chosen<P>(points: Vec<P>) -> Vec<P> {
    if env::var_os(ALL).is_some() {
        return points;
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let mut seed = since.unwrap().as_nanos() as usize;
    println!("seed {seed}");
    let step = points.len().div_ceil(SAMPLE).max(1);
    seed %= step;
    points.into_iter().skip(seed).step_by(step).collect()
}

struct Trials {
    host: Host,
    plan: String,
    before: String,
    after: String,
}

impl Trials {
    fn new() -> Option<Self> {
        if !requirements::met(&["strace", "flock", "setsid"]) {
            return None;
        }
        let host = Host::new(Launch::Debian, EVERYBODY, &firewall::REJECT)?;
        let before = host.server.state();
        let plan = host.report(&remote()).plan().to_json();
        let mut trials = Self { host, plan, before, after: String::new() };
        let name = trials.apply();
        trials.after = trials.host.server.state();
        trials.rollback(&name);
        Some(trials)
    }

    fn apply(&self) -> String {
        let outcome = self.host.server.memsec(&["apply"], &self.plan).unwrap();
        assert_eq!(outcome.state, Ended::Confirmed, "{outcome:#?}");
        outcome.name
    }

    /// And forgets the run.
    fn rollback(&self, name: &str) {
        let words = ["rollback", name];
        let outcome = self.host.server.memsec(&words, "").unwrap();
        assert_eq!(outcome.state, Ended::RolledBack, "{outcome:#?}");
        self.is_before();
        self.host.server.shell("rm -rf /var/lib/memsec");
    }

    /// Waits until the host is as before, and its daemon as a plan found it:
    /// it gives its rights up, and listens, a moment after it runs.
    fn is_before(&self) {
        self.host.becomes(&self.before);
        self.host.await_daemon(SERVER);
    }

    /// What the watcher has not undone is undone by a later process. Gives
    /// whether that was needed.
    fn recover(&self) -> bool {
        let server = &self.host.server;
        let start = Instant::now();
        while !server.pending().is_empty() {
            if start.elapsed() > Duration::from_secs(3) {
                let name = server.pending().remove(0);
                let outcome = server.memsec(&["rollback", &name], "").unwrap();
                assert_eq!(outcome.state, Ended::RolledBack, "{outcome:#?}");
                return true;
            }
            thread::sleep(Duration::from_millis(50));
        }
        false
    }

    /// The host is as before or as after; brings it back to before.
    fn is_whole(&self) {
        let runs = "ls /var/lib/memsec 2>/dev/null | grep -x '[0-9]*' || true";
        let name = self.host.server.shell(runs).trim().to_owned();
        let confirmed = format!(
            "grep -qx confirmed /var/lib/memsec/{name}/journal 2>/dev/null && \
             ! grep -qx rolled-back /var/lib/memsec/{name}/journal && echo y \
             || true"
        );
        if !name.is_empty() && self.host.server.shell(&confirmed) == "y\n" {
            self.host.becomes(&self.after);
            self.rollback(&name);
        }
        self.is_before();
        self.host.server.shell("rm -rf /var/lib/memsec");
    }
}

#[test]
fn killed_on_the_way_there() {
    let Some(trials) = Trials::new() else { return };
    let server = &trials.host.server;
    let run = |point: Option<&Point>| {
        let words = traced("/tmp/log", point);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        server.memsec_under(&words, &["apply"], &trials.plan)
    };
    assert_eq!(run(None).unwrap().state, Ended::Confirmed);
    trials.is_whole();
    let points = chosen(points(&server.shell("cat /tmp/log")));
    let (mut survived, mut by_hand) = (0, 0);
    for point in &points {
        println!("{} {}", point.0, point.1);
        survived += usize::from(run(Some(point)).is_ok());
        by_hand += usize::from(trials.recover());
        trials.is_whole();
    }
    println!(
        "apply: {} points tried, {survived} not reached, {} undone by the \
         watcher or not begun, {by_hand} by a later process, 0 states lost",
        points.len(),
        points.len() - survived - by_hand,
    );
}

#[test]
fn killed_on_the_way_back() {
    let Some(trials) = Trials::new() else { return };
    let server = &trials.host.server;
    let run = |name: &str, point: Option<&Point>| {
        let script = format!("/var/lib/memsec/{name}/rollback.sh");
        let mut words = traced("/tmp/log", point);
        words.extend(["sh".to_owned(), script]);
        server.shell(&format!("{} || true", words.join(" ")));
    };
    run(&trials.apply(), None);
    trials.is_whole();
    let points = chosen(points(&server.shell("cat /tmp/log")));
    for point in &points {
        println!("{} {}", point.0, point.1);
        let name = trials.apply();
        run(&name, Some(point));
        trials.rollback(&name);
    }
    println!("rollback: {} points tried, 0 states lost", points.len());
}

/// Either the confirmation is on the disk, or it was never given.
#[test]
fn killed_while_confirming() {
    let Some(trials) = Trials::new() else { return };
    let server = &trials.host.server;
    let confirm = |point: Option<&Point>| {
        let outcome = server.memsec(&["apply", "600"], &trials.plan).unwrap();
        assert_eq!(outcome.state, Ended::Waiting, "{outcome:#?}");
        let words = traced("/tmp/log", point);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let name = outcome.name;
        let ended = server.memsec_under(&words, &["confirm", &name], "");
        (name, ended.is_ok())
    };
    let (name, is_done) = confirm(None);
    assert!(is_done);
    let log = server.shell("cat /tmp/log");
    trials.rollback(&name);
    let (points, mut stays) = (chosen(points(&log)), 0);
    for point in &points {
        println!("{} {}", point.0, point.1);
        let (name, _) = confirm(Some(point));
        if server.pending().is_empty() {
            trials.host.becomes(&trials.after);
            stays += 1;
        }
        trials.rollback(&name);
    }
    println!(
        "confirm: {} points tried, {stays} times confirmed, 0 states lost",
        points.len()
    );
}

/// Stands before the programs that a plan runs: kills the one of a number
/// before it has begun, or when it has done its work.
const KILLER: &str = r#"
for name in nft iptables ip6tables systemctl; do
    real=$(command -v "$name")
    [ "$name" != systemctl ] || real=/run/systemctl
    rm -f "/run/bin/$name"
    cat >"/run/bin/$name" <<END
#!/bin/sh
number=\$((\$(cat /run/number) + 1))
echo "\$number" >/run/number
[ "before \$number" != "\$(cat /run/kill)" ] || kill -9 \$\$
$real "\$@"
status=\$?
[ "after \$number" != "\$(cat /run/kill)" ] || kill -9 \$\$
exit "\$status"
END
    chmod 755 "/run/bin/$name"
done
"#;

impl Trials {
    /// Kills the command of a number, before or after its work, from now on.
    fn kill(&self, when: &str, number: usize) {
        let script =
            format!("echo 0 >/run/number; echo {when} {number} >/run/kill");
        self.host.server.shell(&script);
    }

    /// How many commands ran since.
    fn commands(&self) -> usize {
        let number = self.host.server.shell("cat /run/number");
        number.trim().parse().unwrap()
    }

    /// Each command, killed at either end.
    fn deaths(&self) -> Vec<(&'static str, usize)> {
        let all = 1..=self.commands();
        chosen(all.flat_map(|n| [("before", n), ("after", n)]).collect())
    }
}

#[test]
fn commands_that_are_killed() {
    let Some(trials) = Trials::new() else { return };
    let server = &trials.host.server;
    server.shell(KILLER);
    trials.kill("never", 0);
    let name = trials.apply();
    let there = trials.deaths();
    trials.kill("never", 0);
    trials.rollback(&name);
    let back = trials.deaths();
    for (when, number) in &there {
        println!("apply: {when} {number}");
        trials.kill(when, *number);
        // It is refused, undone or carried out.
        let ended = server.memsec(&["apply"], &trials.plan);
        let failed =
            |o: &memsec_core::system::Outcome| o.state == Ended::RollbackFailed;
        assert!(!ended.as_ref().is_ok_and(failed), "{ended:#?}");
        trials.kill("never", 0);
        trials.is_whole();
    }
    for (when, number) in &back {
        println!("rollback: {when} {number}");
        let name = trials.apply();
        trials.kill(when, *number);
        let _ = server.memsec(&["rollback", &name], "").unwrap();
        trials.kill("never", 0);
        trials.rollback(&name);
    }
    let number = there.len() + back.len();
    println!("commands: {number} killed, 0 states lost");
}
