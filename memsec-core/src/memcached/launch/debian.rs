//! Debian's systemd-memcached-wrapper: /etc/memcached.conf to an argv.

use super::{
    super::{
        Exit, Word,
        number::is_space,
        word::{Lines, Traced},
    },
    Launch,
    shell::{Stopped, words},
};
use crate::text::Source;

/// What Perl's `exec` gives to a shell.
const METACHARACTERS: &str = "$&*(){}[]'\";\\|?<>~`\n";

/// The argv of a configuration file.
pub(in super::super) fn launch(conf: &Source) -> Launch {
    let mut line = Traced::default();
    for span in conf.lines() {
        let kept = kept(span.text(), span.range().start);
        if kept.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ', None);
        }
        line.append(kept);
    }
    let lines = Lines::new(conf);
    if line.is_empty() {
        let argv = vec![Word::new("-u"), Word::new("root")];
        return Launch { argv, ..Launch::default() };
    }
    drop_last_redirection(&mut line);
    let shell = |&(c, _): &(char, _)| METACHARACTERS.contains(c);
    if line.chars().iter().any(shell) {
        return by_shell(&line, &lines);
    }
    let words = line.chars().split(|&(c, _)| c.is_ascii() && blank(c));
    let words = words.filter(|word| !word.is_empty()).map(|word| {
        let mut traced = Traced::default();
        word.iter().for_each(|&(c, at)| traced.push(c, at));
        lines.word(&traced)
    });
    Launch { argv: words.collect(), ..Launch::default() }
}

fn by_shell(line: &Traced, lines: &Lines) -> Launch {
    let command = words(line);
    let argv = command.words.iter().map(|word| lines.word(word)).collect();
    let (mut stopped, mut undecided) = (None, None);
    match command.stopped {
        Some(Stopped::Syntax(what)) => {
            let message = format!("/bin/sh refuses the line: {what}");
            stopped = Some(Exit { status: 2, message });
        }
        Some(Stopped::Expansion(c)) => {
            undecided = Some(format!("what /bin/sh, as root, makes of {c:?}"));
        }
        None => {}
    }
    Launch { argv, stopped, undecided, ..Launch::default() }
}

fn blank(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_space)
}

/// What the wrapper keeps of a line.
fn kept(line: &str, start: usize) -> Traced {
    let mut kept = Traced::default();
    let mut previous = None;
    let mut comment = false;
    // s/(?<!\\)\#[^\#]*//g
    for (at, c) in line.char_indices() {
        if c == '#' {
            comment = previous != Some('\\');
        }
        if !comment {
            kept.push(c, Some(start + at));
        }
        previous = Some(c);
    }
    let kept = trim(&kept);
    if runs(&kept.text()) { kept } else { Traced::default() }
}

fn trim(line: &Traced) -> Traced {
    let chars = line.chars();
    let is_blank = |&(c, _): &(char, _)| blank(c);
    let from = chars.iter().take_while(|c| is_blank(c)).count();
    let after = chars.iter().rev().take_while(|c| is_blank(c)).count();
    let middle = chars.get(from..chars.len() - after).unwrap_or_default();
    let mut trimmed = Traced::default();
    middle.iter().for_each(|&(c, at)| trimmed.push(c, at));
    trimmed
}

/// Whether a trimmed line is one that the wrapper passes on.
fn runs(line: &str) -> bool {
    let directive = line.split_once(blank).map(|(directive, _)| directive);
    // Perl takes "" and "0" for false.
    let dropped = !line.starts_with('-')
        && directive.is_some_and(|directive| directive != "0");
    !dropped
        && !matches!(line, "" | "0")
        && !line.starts_with("-d")
        && !line.starts_with("-h")
}

/// Perl itself does a `2>&1` at the end.
fn drop_last_redirection(line: &mut Traced) {
    const LAST: [char; 5] = [' ', '2', '>', '&', '1'];
    let chars = line.chars();
    let Some(start) = chars.len().checked_sub(LAST.len()) else { return };
    let end = chars.get(start..).unwrap_or_default().iter();
    let found = end.map(|&(c, _)| c).eq(LAST);
    let other = chars
        .get(..start)
        .unwrap_or_default()
        .iter()
        .any(|&(c, _)| METACHARACTERS.contains(c));
    if found && !other {
        line.truncate(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(conf: &str) -> Vec<String> {
        let launch = launch(&Source::new("conf", conf));
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
        ];
        for (conf, words) in table {
            assert_eq!(&argv(conf), words, "{conf:?}");
        }
    }

    #[test]
    fn words_have_places() {
        let conf = Source::new("conf", "# a\n-l 'b'\n");
        let launch = launch(&conf);
        let span = launch.argv[1].span.as_ref().unwrap();
        assert_eq!((span.line(), span.column(), span.text()), (2, 5, "b"));
    }

    #[test]
    fn an_expansion_is_not_guessed() {
        let launch = launch(&Source::new("conf", "-p 1\n-l $IP\n"));
        assert!(launch.undecided.unwrap().contains("makes of '$'"));
        assert_eq!(launch.argv.len(), 3);
    }
}
