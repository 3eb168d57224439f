//! Namespaces: a machine of its own, as far as the kernel goes.

use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    net::IpAddr,
    panic::resume_unwind,
    process::{Child, Command, Output, Stdio},
    thread,
};

use nix::sched::{CloneFlags, setns};

/// A network, mounts and processes of its own. All three end with the value,
/// and with this process, however it ends: the first process of the
/// namespaces lives as long as its standard input is open.
#[derive(Debug)]
pub struct Namespace {
    first: Child,
}

impl Namespace {
    /// A namespace with nothing but a loopback interface. Its mounts are the
    /// host's, and private.
    pub fn new() -> Self {
        let mut first = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--mount-proc"])
            // The shell waits for cat and so reaps what others leave.
            .args(["sh", "-c", "ip link set lo up; echo; cat; exit"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let stdout = first.stdout.take().expect("it is piped");
        let read = BufReader::new(stdout).read_line(&mut String::new());
        assert_eq!(read.expect("unshare answers"), 1, "no namespaces");
        Self { first }
    }

    /// The process whose namespaces these are.
    pub fn pid(&self) -> u32 {
        self.first.id()
    }

    fn file(&self, kind: &str) -> String {
        format!("/proc/{}/ns/{kind}", self.pid())
    }

    /// A command that runs in these namespaces.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.file("net")))
            .arg(format!("--mount={}", self.file("mnt")))
            .arg(format!("--pid={}", self.file("pid_for_children")))
            .args(["--", program]);
        command
    }

    /// Does `work` in a thread of this network: the sockets that it makes
    /// are the network's.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let network = File::open(self.file("net")).expect("it lives");
        let entered = || {
            setns(network, CloneFlags::CLONE_NEWNET).expect("root may enter");
            work()
        };
        thread::scope(|scope| scope.spawn(entered).join())
            .unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Joins two namespaces by a cable with an `eth0` at each end.
    pub fn connect(&self, other: &Self) {
        self.connect_by("eth0", other);
    }

    /// Joins two namespaces by a cable whose two ends have this name.
    pub fn connect_by(&self, name: &str, other: &Self) {
        let other = other.pid();
        let end = format!("{name} netns {other}");
        self.ip(&format!("link add {name} type veth peer name {end}"));
    }

    /// Brings `eth0` up and gives it addresses, of networks of 24 and of 64
    /// bits.
    pub fn address(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        self.address_of("eth0", addresses);
    }

    /// Brings an interface up and gives it addresses, of networks of 24 and
    /// of 64 bits.
    pub fn address_of(
        &self,
        name: &str,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) {
        let mut lines = format!("link set {name} up\n");
        for address in addresses {
            // Without nodad an address of IPv6 would not be usable at once.
            let (bits, more) = match address {
                IpAddr::V4(_) => (24, ""),
                IpAddr::V6(_) => (64, "nodad"),
            };
            lines +=
                &format!("address add {address}/{bits} dev {name} {more}\n");
        }
        self.ip(&lines);
    }

    /// Runs lines of ip in this network. It takes a process of this machine
    /// by its number, so it cannot run where other numbers hold.
    pub fn ip(&self, lines: &str) {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.file("net")));
        command.args(["--", "ip", "-batch", "-"]);
        must(command, lines);
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.first.stdin.take());
        let _ = self.first.wait();
    }
}

/// Gives a command its input and returns what it printed.
///
/// # Panics
///
/// If it fails.
pub fn must(command: Command, input: &str) -> String {
    let line = format!("{command:?}");
    let output = output(command, input);
    let [stdout, stderr] = [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes));
    let status = output.status;
    assert!(status.success(), "{line}: {status}\n{stdout}{stderr}");
    stdout.into_owned()
}

/// Gives a command its input and returns how it ended.
pub fn output(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // A program that reads nothing is not at fault.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}
