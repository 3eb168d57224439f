//! A command of iptables, as one stands on a line of iptables-restore.

/// The parts of a rule: what to do, with which chain, and the rest.
pub(super) fn command(text: &str) -> Option<(&str, &str, String)> {
    const VERBS: [&str; 16] = [
        "-A",
        "--append",
        "-I",
        "--insert",
        "-N",
        "--new-chain",
        "-F",
        "--flush",
        "-X",
        "--delete-chain",
        "-P",
        "--policy",
        "-D",
        "--delete",
        "-Z",
        "--zero",
    ];
    let mut at = 0;
    for word in text.split_inclusive([' ', '\t']) {
        let verb = word.trim_end();
        if VERBS.contains(&verb) {
            let before = text.get(..at)?;
            let after = text.get(at + word.len()..)?.trim_start();
            let end = after.find([' ', '\t']).unwrap_or(after.len());
            let (chain, rest) = after.split_at(end);
            let counters = before.trim().starts_with('[');
            let before = if counters { "" } else { before };
            return Some((verb, chain, format!("{before}{}", rest.trim())));
        }
        at += word.len();
    }
    None
}
