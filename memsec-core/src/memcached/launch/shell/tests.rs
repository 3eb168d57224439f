use super::*;

fn memcached(name: &str) -> bool {
    name.ends_with("memcached")
}

fn run(text: &str) -> String {
    let mut shell = Shell::dash();
    shell.assign("A", Value::plain("x  'y'"));
    match shell.run(&Traced::plain(text), memcached) {
        Ended::Program(fields) => {
            let words: Vec<_> = fields.words.iter().map(Traced::text).collect();
            let end = if fields.unknown.is_some() { "|?" } else { "" };
            words.join("|") + end
        }
        Ended::Syntax(_) => "syntax".to_owned(),
        Ended::Exit => "exit".to_owned(),
        Ended::Text if shell.lost().is_none() => "none".to_owned(),
        _ => "?".to_owned(),
    }
}

#[test]
fn a_program_gets_its_words() {
    for (text, words) in [
        ("memcached a  b", "a|b"),
        ("memcached 'a b'c \"d\\\"e\"", "a bc|d\"e"),
        ("memcached a '' b", "a||b"),
        ("memcached a\\ b", "a b"),
        ("memcached a #b", "a"),
        ("memcached a#b", "a#b"),
        ("memcached a; b", "a"),
        ("memcached a & b", "a"),
        ("memcached a & /usr/bin/memcached b", "?"),
        ("memcached -d a\nmemcached b", "?"),
        ("memcached a; echo memcachedx", "a"),
        ("memcached a 2>> /f -l b", "a|-l|b"),
        ("memcached a >/f b", "a|b"),
        ("memcached a 2>&1 b", "a|b"),
        ("memcached -l *:1 [::1]", "-l|*:1|[::1]"),
        ("memcached ~/a", "~/a"),
        ("memcached $A", "x|'y'"),
        ("memcached \"$A\"", "x  'y'"),
        ("memcached -$A-", "-x|'y'-"),
        ("memcached $B \"$B\"", ""),
        ("memcached ${B:-c} ${A:+d} ${B-e}", "c|d|e"),
        ("memcached a *", "a|?"),
        ("memcached a $(b)", "a|?"),
        ("memcached a `b` c", "a|?"),
        ("memcached $$", "|?"),
        ("memcached a (b)", "syntax"),
        ("memcached a 'b", "syntax"),
        ("memcached a; )", "syntax"),
        ("exec memcached a", "a"),
        ("B=c; export B\nexec /usr/bin/memcached $B", "c"),
        ("true && memcached a", "a"),
        ("false && memcached a", "none"),
        ("if true; then memcached a; fi", "a"),
        ("for a in b; do memcached a; done", "?"),
        ("(memcached a)", "?"),
        ("$A", "none"),
        ("`a`", "?"),
        ("exit; memcached", "exit"),
        ("echo a", "none"),
    ] {
        assert_eq!(run(text), words, "{text:?}");
    }
}

#[test]
fn a_text_that_doubles_ends() {
    let text = "A=$A$A\n".repeat(100) + "memcached $A";
    assert!(run(&text).ends_with('?'));
}
