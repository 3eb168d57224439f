//! memcached in a container that Docker's real engine runs and publishes.

use std::{net::IpAddr, time::Duration};

use memsec_core::Proto;
use memsec_tests::{
    client::{self, ALLOWED, GLANCE, Link, OTHER, PATIENCE, SERVER},
    namespace::must,
    server::Server,
};

use super::{Host, PROGRAMS, eventually, remote};

/// The port that memcached has in its container: not the one of the host.
const INNER: u16 = 11212;

/// An engine, and how its containers are told what they are to do.
struct Engine {
    programs: &'static [&'static str],
    name: &'static str,
    /// Starts it.
    start: &'static str,
    /// What it needs to run a container here.
    options: &'static str,
    /// Starts the container anew: the engine writes its rules again.
    again: &'static str,
    /// Where memcached answers, of IPv4 and of IPv6.
    published: [bool; 2],
}

const DOCKER: Engine = Engine {
    programs: &["/usr/bin/docker", "dockerd", "docker-proxy", "runc"],
    name: "docker",
    start: "mkdir -p /run/engine
        dockerd --data-root /run/engine --exec-root /run/docker \
            --pidfile /run/docker.pid --storage-driver vfs \
            --host unix:///run/docker.sock \
            >/run/dockerd.log 2>&1 </dev/null &
        for try in $(seq 300); do
            docker version >/dev/null 2>&1 && exit
            sleep 0.1
        done
        cat /run/dockerd.log
        exit 1",
    options: "",
    again: "docker restart --time 0 cache",
    // docker-proxy takes what comes by IPv6.
    published: [true; 2],
};

/// An image of nothing but memcached and its libraries, and a container of it.
fn container(engine: &Engine) -> String {
    let Engine { name, options, .. } = engine;
    format!(
        "mkdir -p /run/image/etc
        for file in /usr/bin/memcached \
            $(ldd /usr/bin/memcached | grep -o '/[^ ]*'); do
            mkdir -p \"/run/image$(dirname $file)\"
            cp -L $file /run/image$file
        done
        echo 'nobody:x:65534:65534::/:/bin/false' >/run/image/etc/passwd
        tar -C /run/image -c . | {name} import - cache >/dev/null
        rm -r /run/image
        {name} run --detach --name cache {options} \
            --publish 11211:{INNER} --publish 11211:{INNER}/udp \
            cache /usr/bin/memcached -u nobody -l 0.0.0.0 -p {INNER} \
            -U {INNER}"
    )
}

/// The container's own address, to which a neighbour may send past what is
/// published.
fn address(server: &Server, engine: &Engine) -> IpAddr {
    let name = engine.name;
    let address = server.shell(&format!(
        "{name} inspect --format '{{{{.NetworkSettings.IPAddress}}}}' cache"
    ));
    address.trim().parse().expect("it has an address")
}

/// A host with the container, and the container's own address.
fn host(engine: &Engine) -> Option<(Host, IpAddr)> {
    let programs = [&PROGRAMS, engine.programs].concat();
    let host = Host::bare(&programs)?;
    host.server.shell(engine.start);
    host.server.shell(&container(engine));
    let inner = address(&host.server, engine);
    let mut route = host.clients.command("ip");
    let to = format!("{inner}/32");
    route.args(["route", "add", &to, "via", &SERVER[0].to_string()]);
    must(route, "");
    Some((host, inner))
}

/// Whether a client stores a value.
fn stores(host: &Host, link: Link, port: u16) -> bool {
    let used = |patience| {
        let stream = link.connect(port, patience)?;
        client::stores(&stream)
    };
    let used = || used(GLANCE).is_ok() || used(PATIENCE).is_ok();
    host.clients.within(used)
}

/// What a party gets: over TCP by IPv4 and by IPv6, over UDP, and past what
/// is published.
fn gets(host: &Host, from: [IpAddr; 2], inner: IpAddr) -> [bool; 4] {
    let [four, six] = Link::each(from, SERVER);
    let past = Link { from: from[0], to: inner };
    let udp = || four.memcached(Proto::Udp, PATIENCE).is_ok();
    [
        stores(host, four, client::MEMCACHED),
        stores(host, six, client::MEMCACHED),
        host.clients.within(udp),
        stores(host, past, INNER),
    ]
}

fn is_guarded(engine: &Engine) {
    let Some((host, inner)) = host(engine) else { return };
    let link = Link { from: OTHER[0], to: SERVER[0] };
    let used = || link.memcached(Proto::Tcp, PATIENCE).is_ok();
    host.clients.within(|| eventually(used, link));
    let [four, six] = engine.published;
    let open = [four, six, true, true];
    assert_eq!(gets(&host, OTHER, inner), open, "it is open at first");
    let beside = host.beside();
    let policy = remote();
    host.carry_out(&policy);
    let holds = |when: &str| {
        let allowed = [four, six, false, true];
        assert_eq!(gets(&host, ALLOWED, inner), allowed, "{when}");
        assert_eq!(gets(&host, OTHER, inner), [false; 4], "{when}");
        assert_eq!(host.beside(), beside, "another port changed {when}");
    };
    holds("after the plan");
    host.server.shell(engine.again);
    std::thread::sleep(Duration::from_millis(500));
    holds("after the engine has written its rules again");
    let again = host.report(&policy).plan();
    assert!(again.empty, "there is more to do:\n{}", again.to_json());
    host.server.shell(&format!("{} rm --force cache", engine.name));
}

#[test]
fn docker() {
    is_guarded(&DOCKER);
}
