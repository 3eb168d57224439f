//! OpenRC: /etc/conf.d/memcached to an argv, as the scripts of Alpine and of
//! Gentoo have it. The shell that reads the file is the one that starts the
//! daemon.

use super::{
    super::word::{Sources, Traced},
    Launch,
    shell::{Ended, Fields, Shell},
};
use crate::text::Source;

/// Whose script it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Alpine,
    Gentoo,
}

/// The argv of the files, of which each is read after the one before.
pub(super) fn launch(files: &[Source], script: Script) -> Launch {
    let mut sources = Sources::default();
    let mut shell = Shell::dash();
    for file in files {
        let text = sources.read(file);
        let name = file.name();
        match shell.source(&text) {
            Ended::Exit => {
                return Launch::stopped(0, format!("{name} ends the script"));
            }
            Ended::Syntax(what) => {
                let why = format!("/bin/sh refuses {name}: {what}");
                return Launch::stopped(2, why);
            }
            _ => {}
        }
    }
    let mut launch = Launch::of(&fields(&mut shell, script), &sources);
    launch.room = shell.room("MISC_OPTS", &sources);
    launch
}

fn fields(shell: &mut Shell, script: Script) -> Fields {
    let socket = script == Script::Gentoo && filled(shell, "SOCKET");
    let mut parts = vec!["-d"];
    if socket {
        parts.push("-s ${SOCKET}");
        if filled(shell, "SOCKET_MASK") {
            parts.push("-a ${SOCKET_MASK}");
        }
    } else {
        parts.push("-p ${PORT} -U ${UDPPORT}");
        if filled(shell, "LISTENON") {
            parts.push("-l ${LISTENON}");
        }
    }
    parts.push("-m ${MEMUSAGE} -c ${MAXCONN} -u ${MEMCACHED_RUNAS} -P");
    parts.push(match script {
        Script::Alpine => "\"${PIDBASE}-${PORT}.pid\"",
        Script::Gentoo => "\"${PIDBASE}.pid\"",
    });
    parts.push("${MISC_OPTS}");
    shell.fields(&Traced::plain(&parts.join(" ")))
}

/// Whether a variable is set to something; one that is unknown may be.
fn filled(shell: &Shell, name: &str) -> bool {
    let value = shell.get(name).unwrap_or_default();
    !value.text.is_empty() || value.unknown.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(text: &str, script: Script) -> String {
        let launch = launch(&[Source::new("f", text)], script);
        if launch.undecided.is_some() || launch.stopped.is_some() {
            return "?".to_owned();
        }
        let all: Vec<_> =
            launch.argv.iter().map(|word| word.text.as_str()).collect();
        all.join(" ")
    }

    #[test]
    fn files_are_as_openrc_reads_them() {
        use Script::{Alpine, Gentoo};
        let base = "PORT=1\nUDPPORT=${PORT}\nMEMUSAGE=2\nMAXCONN=3\n\
                    MEMCACHED_RUNAS=m\nPIDBASE=/p\n";
        for (text, script, expected) in [
            ("", Alpine, "-d -p 1 -U 1 -m 2 -c 3 -u m -P /p-1.pid"),
            ("", Gentoo, "-d -p 1 -U 1 -m 2 -c 3 -u m -P /p.pid"),
            (
                "LISTENON='a b'\nMISC_OPTS=\"-v 'c'\"",
                Alpine,
                "-d -p 1 -U 1 -l a b -m 2 -c 3 -u m -P /p-1.pid -v 'c'",
            ),
            (
                "SOCKET=/s\nSOCKET_MASK=7",
                Gentoo,
                "-d -s /s -a 7 -m 2 -c 3 -u m -P /p.pid",
            ),
            ("LISTENON='*'", Alpine, "?"),
            ("MISC_OPTS=$(a)", Alpine, "?"),
            ("A='", Alpine, "?"),
        ] {
            let text = format!("{base}{text}");
            assert_eq!(argv(&text, script), expected, "{text:?}");
        }
    }
}
