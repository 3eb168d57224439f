//! The table filter in a text of iptables-save, line by line.

use std::ops::Range;

/// The lines of a chain, as ranges of bytes with their ends of line.
pub(super) fn rules(text: &str, chain: &str) -> Vec<Range<usize>> {
    let head = format!("-A {chain} ");
    let lines = lines(text).filter(|(_, line)| bare(line).starts_with(&head));
    lines.map(|(range, _)| range).collect()
}

/// Where the table ends: new lines go there.
pub(super) fn end(text: &str) -> Option<usize> {
    let mut lines = lines(text).filter(|(_, line)| line.trim() == "COMMIT");
    lines.next().map(|(range, _)| range.start)
}

/// The lines from `*filter` to its COMMIT.
fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = 0;
    let mut inside = false;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at;
        at += line.len();
        let was = inside;
        match line.trim() {
            "*filter" => inside = true,
            "COMMIT" => inside = false,
            _ => {}
        }
        was.then_some((start..start + line.len(), line))
    })
}

/// A rule without the "[packets:bytes] " that `iptables-save -c` prints.
fn bare(line: &str) -> &str {
    let rest = line.strip_prefix('[').and_then(|line| line.split_once("] "));
    rest.map_or(line, |(_, rule)| rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "*nat\n-A a -j b\nCOMMIT\n*filter\n:a - [0:0]\n\
        -A a -j c\n[1:2] -A a -j d\n-A ab -j c\nCOMMIT\n*raw\nCOMMIT\n";

    #[test]
    fn rules_of_one_chain_of_one_table() {
        let of = |chain| {
            let all = rules(TEXT, chain).into_iter();
            all.map(|range| &TEXT[range]).collect::<Vec<_>>()
        };
        assert_eq!(of("a"), ["-A a -j c\n", "[1:2] -A a -j d\n"]);
        assert_eq!(of("x"), [""; 0]);
        assert!(TEXT[end(TEXT).unwrap()..].starts_with("COMMIT\n*raw"));
        assert_eq!(end("*nat\nCOMMIT\n"), None);
    }
}
