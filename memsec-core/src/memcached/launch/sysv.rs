//! The init script of Enterprise Linux 6: /etc/sysconfig/memcached to an
//! argv. bash reads the file, and `daemon` of /etc/init.d/functions gives
//! the words that come of it to `bash -c`, in one.

use super::{
    super::word::{Sources, Traced},
    Launch, Room, Written, is_memcached, joined,
    shell::{Ended, Fields, Shell, Value},
};
use crate::text::Source;

/// What the script sets before it reads the file.
const DEFAULTS: [(&str, &str); 5] = [
    ("PORT", "11211"),
    ("USER", "memcached"),
    ("MAXCONN", "1024"),
    ("CACHESIZE", "64"),
    ("OPTIONS", ""),
];
const COMMAND: &str = "memcached -d -p $PORT -u $USER -m $CACHESIZE \
    -c $MAXCONN -P ${PIDFILE-/var/run/memcached/memcached.pid} $OPTIONS";

/// The argv of a file; `None` where there is none.
pub(super) fn launch(file: Option<&Source>) -> Launch {
    let mut sources = Sources::default();
    let mut shell = Shell::bash();
    for (name, value) in DEFAULTS {
        shell.assign(name, Value::plain(value));
    }
    let text = file.map(|file| sources.read(file)).unwrap_or_default();
    if let Ended::Exit = shell.source(&text) {
        let name = file.map(Source::name).unwrap_or_default();
        return Launch::stopped(0, format!("{name} ends the init script"));
    }
    let before = shell.fields(&Traced::plain(COMMAND));
    let ended = shell.child().run(&joined(&before.words), is_memcached);
    let mut launch = match ended {
        Ended::Program(fields) => {
            let unknown = before.unknown.or(fields.unknown);
            Launch::of(&Fields { unknown, ..fields }, &sources)
        }
        _ if before.unknown.is_some() => {
            Launch { undecided: before.unknown, ..Launch::default() }
        }
        Ended::Syntax(what) => {
            Launch::stopped(2, format!("bash refuses the command: {what}"))
        }
        _ => Launch::undecided("what bash makes of the command"),
    };
    launch.room = shell.room("OPTIONS", &sources);
    launch
}

/// What a file sets a variable to, where that is known.
pub(super) fn value(file: &Source, name: &str) -> Option<String> {
    let mut shell = Shell::bash();
    let text = Sources::default().read(file);
    shell.source(&text);
    let value = shell.get(name).filter(|value| value.unknown.is_none())?;
    Some(value.text.text())
}

impl Shell {
    /// The value of a variable as room for options.
    pub(super) fn room(&self, name: &str, sources: &Sources) -> Room {
        let value = self.get(name);
        let written = value.and_then(|value| Written::of(&value, sources));
        Room::Variable(name.to_owned(), written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(text: &str) -> String {
        let launch = launch(Some(&Source::new("f", text)));
        if launch.undecided.is_some() {
            return "?".to_owned();
        }
        let all: Vec<_> =
            launch.argv.iter().skip(11).map(|w| w.text.as_str()).collect();
        all.join(" ")
    }

    #[test]
    fn files_are_as_bash_reads_them() {
        for (text, expected) in [
            ("# OPTIONS=a\n", ""),
            ("OPTIONS=\"-l a\" # b\n", "-l a"),
            ("OPTIONS='-l a'\nOPTIONS+=' -v'", "-l a -v"),
            ("IP=a\nOPTIONS=\"-l ${IP}:1 -v\"", "-l a:1 -v"),
            ("export OPTIONS='-l a'", "-l a"),
            ("OPTIONS = '-l a'", ""),
            ("OPTIONS=-l a", ""),
            ("OPTIONS='-l a;b'", "-l a"),
            ("OPTIONS='-l a'\n;\nOPTIONS=-v", "-l a"),
            ("OPTIONS=-v; OPTIONS='-l a", ""),
            ("OPTIONS=\"-l `a`\"", "?"),
            ("OPTIONS=\"-l $(a)\"\nOPTIONS=-v", "-v"),
            ("FOO=$(a)\nOPTIONS=-v", "-v"),
            ("eval OPTIONS=a", "?"),
            ("[ -f /a ] && OPTIONS=-v", "?"),
            ("[ -z \"$A\" ] && OPTIONS=-v", "-v"),
            ("if false; then OPTIONS=-v; else OPTIONS=-k; fi", "-k"),
            ("if a; then OPTIONS=-v; fi\n", "?"),
            ("(OPTIONS=-v)\n", ""),
            ("OPTIONS=-v | cat\n", ""),
            ("for a in b; do OPTIONS=$a; done", "?"),
            ("OPTIONS=\"-l 'a b'\"", "-l a b"),
            ("return\nOPTIONS=-v", ""),
            ("OPTIONS=${FOO:--v}", "-v"),
            ("OPTIONS='-l $IP'\nIP=a", "-l"),
            ("OPTIONS='-l $IP'\nexport IP=a", "-l a"),
            ("ulimit -n 9\nOPTIONS=-v", "-v"),
            ("unset OPTIONS", ""),
        ] {
            assert_eq!(argv(text), expected, "{text:?}");
        }
        assert!(launch(Some(&Source::new("f", "exit 0"))).stopped.is_some());
    }

    #[test]
    fn words_and_the_value_have_places() {
        let launch = launch(Some(&Source::new("f", "A=b\nOPTIONS=\"-l c\"")));
        let span = launch.argv.last().unwrap().span.clone().unwrap();
        assert_eq!((span.line(), span.column()), (2, 13));
        let Room::Variable(_, Some(written)) = launch.room else { panic!() };
        assert_eq!((written.range, written.quote), (12..18, Some('"')));
    }
}
