//! Debian's systemd-memcached-wrapper and start-memcached: a conf to an
//! argv.

use super::{
    super::{
        Word,
        number::is_space,
        word::{Sources, Traced},
    },
    Launch, Room, is_memcached,
    shell::{Ended, Shell},
};
use crate::text::{Source, Span};

/// What Perl's `exec` gives to a shell.
const METACHARACTERS: &str = "$&*(){}[]'\";\\|?<>~`\n";
const PROGRAM: &str = "/usr/bin/memcached ";

/// Which of the scripts it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// start-memcached, of the init script: a line that is no option must be
    /// a directive that it knows.
    pub directives: bool,
    /// Up to 1.4.17, and the first for systemd: a backslash does not keep a
    /// `#`.
    pub plain_comments: bool,
}

/// The argv of a configuration file.
pub(super) fn launch(conf: &Source, script: Script) -> Launch {
    let mut sources = Sources::default();
    let start = sources.add(conf);
    let mut line = Traced::default();
    let mut at = start;
    for text in conf.text().split_inclusive('\n') {
        let kept = kept(text, at, script);
        at += text.len();
        match kept {
            Line::Nothing => continue,
            Line::Dies(directive) => {
                let why =
                    format!("start-memcached dies: {directive:?} is unknown");
                return Launch::stopped(255, why);
            }
            Line::Options(kept) => {
                if !line.is_empty() {
                    line.push(' ', None);
                }
                line.extend(kept.chars());
            }
        }
    }
    let launch = run(line, &sources);
    Launch { room: Room::Lines, ..launch }
}

/// The argv of the joined lines.
fn run(mut line: Traced, sources: &Sources) -> Launch {
    if line.is_empty() {
        return no_conf();
    }
    drop_last_redirection(&mut line);
    let shell = |&(c, _): &(char, _)| METACHARACTERS.contains(c);
    if line.chars().iter().any(shell) {
        return by_shell(&line, sources);
    }
    let words = line.chars().split(|&(c, _)| blank(c));
    let words = words.filter(|word| !word.is_empty());
    let argv = words.map(|word| sources.word(&Traced::from(word)));
    Launch { argv: argv.collect(), ..Launch::default() }
}

/// What is started where there is no conf.
pub(super) fn no_conf() -> Launch {
    let argv = vec![Word::new("-u"), Word::new("root")];
    Launch { argv, room: Room::Lines, ..Launch::default() }
}

fn by_shell(line: &Traced, sources: &Sources) -> Launch {
    let mut command = Traced::plain(PROGRAM);
    command.extend(line.chars());
    match Shell::dash().run(&command, is_memcached) {
        Ended::Program(fields) => {
            let launch = Launch::of(&fields, sources);
            let why = |why| format!("{why}, to /bin/sh as root");
            Launch { undecided: launch.undecided.map(why), ..launch }
        }
        Ended::Syntax(what) => {
            Launch::stopped(2, format!("/bin/sh refuses the line: {what}"))
        }
        Ended::Unknown(what) => {
            Launch::undecided(format!("what /bin/sh, as root, makes of {what}"))
        }
        _ => Launch::undecided("what /bin/sh, as root, makes of the line"),
    }
}

fn blank(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_space)
}

/// The lines that Debian's wrapper passes over without a word, though they
/// are no comments. What its own conf has is left out: `-d` and `logfile`.
pub(crate) fn ignored(conf: &Source) -> Vec<Span> {
    let script = Script::default();
    let lost = |line: &Span| {
        let text = uncommented(line.text(), 0, script).text();
        let text = text.trim();
        let known = matches!(text, "" | "-d") || text.starts_with("logfile ");
        !known && matches!(kept(line.text(), 0, script), Line::Nothing)
    };
    conf.lines().filter(lost).collect()
}

/// What becomes of a line.
enum Line {
    Nothing,
    Options(Traced),
    Dies(String),
}

fn kept(line: &str, start: usize, script: Script) -> Line {
    let kept = uncommented(line, start, script);
    let chars = kept.chars();
    let is_blank = |&(c, _): &(char, _)| blank(c);
    let from = chars.iter().take_while(|c| is_blank(c)).count();
    let after = chars.iter().rev().take_while(|c| is_blank(c)).count();
    let middle = chars.get(from..chars.len() - after).unwrap_or_default();
    let second = middle.get(1).map(|&(c, _)| c);
    match (middle, second) {
        // Perl takes "" and "0" for false.
        ([] | [('0', _)], _) | ([('-', _), ..], Some('d' | 'h')) => {
            Line::Nothing
        }
        ([('-', _), ..], _) => Line::Options(middle.into()),
        _ => directive(middle.into(), script),
    }
}

/// A line that begins with no dash.
fn directive(line: Traced, script: Script) -> Line {
    let end = line.chars().iter().position(|&(c, _)| blank(c));
    let name = line.chars().get(..end.unwrap_or(0)).unwrap_or_default();
    let name: String = name.iter().map(|&(c, _)| c).collect();
    match (script.directives, name.as_str()) {
        (true, "logfile") => Line::Nothing,
        (true, _) => Line::Dies(line.text()),
        // The wrapper's pattern finds no directive there.
        (false, "" | "0") => Line::Options(line),
        (false, _) => Line::Nothing,
    }
}

/// The line without comments: `s/(?<!\\)\#[^\#]*//g`, or `s/\#.*//`.
fn uncommented(line: &str, start: usize, script: Script) -> Traced {
    let mut kept = Traced::default();
    let mut previous = None;
    let mut comment = false;
    for (at, c) in line.char_indices() {
        if c == '#' {
            comment = script.plain_comments || previous != Some('\\');
            if script.plain_comments {
                break;
            }
        }
        if !comment {
            kept.push(c, Some(start + at));
        }
        previous = Some(c);
    }
    kept
}

/// Perl itself does a `2>&1` at the end (`Perl_do_exec3` of doio.c).
fn drop_last_redirection(line: &mut Traced) {
    const LAST: [char; 4] = ['2', '>', '&', '1'];
    let chars = line.chars();
    let Some(start) = chars.len().checked_sub(LAST.len() + 1) else { return };
    let (before, end) = chars.split_at(start);
    let Some((&(first, _), end)) = end.split_first() else { return };
    let other = before.iter().any(|&(c, _)| METACHARACTERS.contains(c));
    if blank(first) && end.iter().map(|&(c, _)| c).eq(LAST) && !other {
        line.truncate(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAPPER: Script = Script { directives: false, plain_comments: false };

    fn argv(conf: &str) -> Vec<String> {
        let launch = launch(&Source::new("conf", conf), WRAPPER);
        launch.argv.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn lines_are_as_the_wrapper_takes_them() {
        let table: &[(&str, &[&str])] = &[
            ("", &["-u", "root"]),
            ("# -l 127.0.0.1\n", &["-u", "root"]),
            ("0\n", &["-u", "root"]),
            (
                "-l 127.0.0.1 # here\r\n-u m\r\n",
                &["-l", "127.0.0.1", "-u", "m"],
            ),
            ("-d -l 127.0.0.1\n-hx\n-u m", &["-u", "m"]),
            ("--daemon", &["--daemon"]),
            ("listen 127.0.0.1\n-u m", &["-u", "m"]),
            ("-l\n127.0.0.1", &["-l", "127.0.0.1"]),
            ("0 -v", &["0", "-v"]),
            ("-s /a#b.sock", &["-s", "/a"]),
            ("-l a # b \\# -l c", &["-l", "a", "#", "-l", "c"]),
            ("-l '127.0.0.1'\n-u m", &["-l", "127.0.0.1", "-u", "m"]),
            ("-l a;b\n-u m", &["-l", "a"]),
            ("-l a # \\# z\n-o \"b\"", &["-l", "a"]),
            ("-l a\n-vv 2>&1", &["-l", "a", "-vv"]),
            ("-l $IP\n-u m", &["-l", "-u", "m"]),
        ];
        for (conf, words) in table {
            assert_eq!(&argv(conf), words, "{conf:?}");
        }
    }

    #[test]
    fn start_memcached_dies_where_the_wrapper_goes_on() {
        let script = Script { directives: true, plain_comments: true };
        let table = [
            ("logfile /a\n-l b", Some("-l b")),
            ("-l a # b \\# c", Some("-l a")),
            ("-l\na", None),
            ("listen a", None),
            ("0 -v", None),
        ];
        for (conf, expected) in table {
            let launch = launch(&Source::new("conf", conf), script);
            let words = launch.argv.iter().map(|word| word.text.as_str());
            let argv = words.collect::<Vec<_>>().join(" ");
            let argv = launch.stopped.is_none().then_some(argv);
            assert_eq!(argv.as_deref(), expected, "{conf:?}");
        }
    }

    #[test]
    fn some_lines_are_passed_over() {
        let text = "# a\n-d\nlogfile /a\nport 1\n-dl 2 # b\n-l 3\n";
        let lines = ignored(&Source::new("conf", text));
        let lines: Vec<_> = lines.iter().map(Span::text).collect();
        assert_eq!(lines, ["port 1", "-dl 2 # b"]);
    }

    #[test]
    fn words_have_places() {
        let conf = Source::new("conf", "# a\n-l 'b'\n");
        let launch = launch(&conf, WRAPPER);
        let span = launch.argv[1].span.as_ref().unwrap();
        assert_eq!((span.line(), span.column(), span.text()), (2, 5, "b"));
    }

    #[test]
    fn what_a_command_prints_is_not_guessed() {
        let conf = Source::new("conf", "-p 1\n-l `a`\n");
        let launch = launch(&conf, WRAPPER);
        assert!(launch.undecided.unwrap().contains("a command prints"));
        assert_eq!(launch.argv.len(), 3);
    }
}
