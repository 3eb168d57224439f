use super::*;

fn all(files: &[(&str, &str)]) -> String {
    let mut snapshot = Snapshot::new();
    for (path, text) in files {
        snapshot = snapshot.with_file(path, text);
    }
    let all = services(&snapshot, None).unwrap();
    let each = all.iter().map(|service| {
        let argv = service.launch.argv.iter().map(|w| w.text.as_str());
        let argv: Vec<_> = argv.collect();
        let launch = &service.launch;
        let end = match (&launch.stopped, &launch.undecided) {
            (Some(_), _) => "!",
            (_, Some(_)) => "?",
            _ => "",
        };
        format!("{}={}{end}", service.id, argv.join(" "))
    });
    each.collect::<Vec<_>>().join("; ")
}

const LIB: &str = "/lib/systemd/system/memcached.service";
const OS: &str = "/etc/os-release";
const EL6: &str = "/etc/redhat-release";
const SET: &str = "PORT=1\nUSER=m\nCACHESIZE=2\nMAXCONN=3\nOPTIONS=-v\n";

#[test]
fn a_file_alone_has_its_usual_launcher() {
    let sysv = "memcached=-d -p 1 -u m -m 2 -c 3 -P \
                /var/run/memcached/memcached.pid -v";
    let table: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![(CONF, "-l a")], "memcached=-l a"),
        (vec![(SYSCONFIG, SET)], "memcached=-p 1 -u m -m 2 -c 3 -v"),
        (
            vec![(SYSCONFIG, SET), (OS, "ID=centos\nVERSION_ID=7")],
            "memcached=-u m -p 1 -m 2 -c 3 -v",
        ),
        (vec![(SYSCONFIG, SET), (EL6, "CentOS release 6.1")], sysv),
        (vec![(SYSCONFIG, SET), ("/etc/init.d/memcached", "")], sysv),
        (
            vec![(SYSCONFIG, "MEMCACHED_PARAMS=-v\nMEMCACHED_USER=m\n")],
            "memcached=-u m -v",
        ),
        (
            vec![("/etc/conf.d/memcached", "PORT=1\nPIDBASE=/p")],
            "memcached=-d -p 1 -U -m -c -u -P /p-1.pid",
        ),
        (
            vec![("/etc/conf.d/memcached", "SOCKET=/s\nPIDBASE=/p")],
            "memcached=-d -s /s -m -c -u -P /p.pid",
        ),
        (
            vec![(CONF, "logfile /a\n-v"), (OS, "ID=debian\nVERSION_ID=7")],
            "memcached=-v",
        ),
        (
            vec![(CONF, "-v"), (SYSCONFIG, SET), (OS, "ID=fedora")],
            "memcached=-p 1 -u m -m 2 -c 3 -v",
        ),
        (vec![], ""),
    ];
    for (files, expected) in table {
        assert_eq!(all(&files), expected, "{files:?}");
    }
}

#[test]
fn a_unit_or_a_script_decides() {
    let wrapper = "[Service]\nExecStart=/usr/share/memcached/scripts/\
                   systemd-memcached-wrapper /etc/memcached.conf\n";
    let docker = "[Service]\nExecStart=/usr/bin/docker run memcached\n";
    let other = "[Service]\nExecStart=/opt/start\n";
    let fixed = "[Service]\nExecStart=/bin/memcached -v\n";
    let script = "/usr/share/memcached/scripts/start-memcached";
    let init = "/etc/init.d/memcached";
    let one = "/etc/memcached_a.conf";
    let table: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (vec![(LIB, wrapper), (CONF, "-v")], "memcached=-v"),
        (vec![(LIB, wrapper)], "memcached=-u root"),
        (vec![(LIB, fixed), (CONF, "-l a")], "memcached=-v"),
        (vec![(LIB, ""), (CONF, "-l a")], "memcached=!"),
        (vec![(LIB, docker)], ""),
        (vec![(LIB, other)], "memcached=?"),
        (vec![("/etc/systemd/system/a.service", fixed)], "a=-v"),
        (vec![(init, script), (CONF, "-v"), (one, "-k")], "memcached_a=-k"),
        (vec![(init, "x"), (CONF, "-v")], "memcached=-v"),
        (
            vec![
                (CONF, "-v"),
                (OS, "ID=debian\nVERSION_ID=7"),
                ("/etc/default/memcached", "ENABLE_MEMCACHED=no"),
            ],
            "memcached=!",
        ),
    ];
    for (files, expected) in table {
        assert_eq!(all(&files), expected, "{files:?}");
    }
}

#[test]
fn instances_are_of_their_template() {
    let set = "USER=m\nCACHESIZE=2\nMAXCONN=3\nOPTIONS=\n";
    let wants = "/etc/systemd/system/a.target.wants/memcached@9.service";
    let files = [
        (LIB, "[Service]\nExecStart=/bin/memcached -v\n"),
        (SYSCONFIG, set),
        ("/etc/sysconfig/memcached.8", "OPTIONS=-k\n"),
        ("/etc/sysconfig/memcached.rpmsave", ""),
        (wants, ""),
    ];
    let rest = "-u m -m 2 -c 3";
    assert_eq!(
        all(&files),
        format!(
            "memcached=-v; memcached@8=-p 8 {rest} -k; memcached@9=-p 9 {rest}"
        )
    );
    let openrc = [
        ("/etc/conf.d/memcached", "PORT=1\nPIDBASE=/p\n"),
        ("/etc/conf.d/memcached.b", "PORT=2\n"),
        ("/etc/conf.d/memcached~", "PORT=3\n"),
    ];
    let rest = "-U -m -c -u -P /p";
    assert_eq!(
        all(&openrc),
        format!(
            "memcached=-d -p 1 {rest}-1.pid; \
                 memcached.b=-d -p 2 {rest}-2.pid"
        )
    );
}
