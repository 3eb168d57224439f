//! An explanation for a person.

use std::fmt;

use super::{Answer, Explanation, Met, Verdict, rule_line};

/// Text of others for a terminal or a page: on one line, with nothing that a
/// terminal would obey, and nothing that turns the direction of text, which
/// makes it read as what it is not (Unicode UAX #9, CVE-2021-42574).
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() || turns(character) {
            true => out.extend(character.escape_default()),
            false => out.push(character),
        }
    }
    out
}

/// Whether it changes the direction of text, or ends a line.
fn turns(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// The answer in one sentence, then what the packet met, a line each.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.sentence())?;
        self.path.iter().try_for_each(|met| writeln!(f, "  {met}"))
    }
}

impl Explanation {
    fn sentence(&self) -> String {
        let end = self.end();
        match self.certain {
            true => format!("{}.", capital(&end)),
            false => {
                format!("Not certain, at worst: {end}. A rule is undecided.")
            }
        }
    }

    fn end(&self) -> String {
        match self.verdict {
            Verdict::Delivered => self.delivered(),
            Verdict::Dropped => "dropped: the sender hears nothing".to_owned(),
            Verdict::Rejected => "rejected: the sender is told".to_owned(),
            Verdict::Forwarded => "forwarded to another host".to_owned(),
            Verdict::NobodyListens => {
                "let in, but nobody listens there".to_owned()
            }
        }
    }

    fn delivered(&self) -> String {
        let to = self.delivered_to.as_ref().map(|to| {
            let (proto, port) = (to.proto.name(), to.port);
            let instance = one_line(&to.instance);
            format!(" to {instance} at {} {proto} port {port}", to.address)
        });
        let answer = match self.answer {
            Some(Answer::Sent) => ", and the answer gets out",
            Some(Answer::Dropped) => ", but the answer does not get out",
            None => "",
        };
        format!("delivered{}{answer}", to.unwrap_or_default())
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// "input INPUT: drop, by iptables-save:12 -A INPUT -j DROP"
impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.hook))?;
        if !self.chain.is_empty() {
            write!(f, " {}", one_line(&self.chain))?;
        }
        write!(f, ": {}", one_line(&self.outcome))?;
        let Some(rule) = &self.rule else { return Ok(()) };
        write!(f, ", by {}", one_line(&rule.to_string()))?;
        match &rule.text {
            Some(text) => write!(f, " {}", rule_line(text)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(certain: bool, json: &str) -> String {
        let all = format!(r#"{{"certain": {certain}, "path": [], {json}}}"#);
        let read: Explanation = serde_json::from_str(&all).unwrap();
        read.to_string()
    }

    #[test]
    fn text_of_others_reads_as_what_it_is() {
        let said = one_line("a\u{202e}b\n\u{1b}[2J\u{2028}é");
        assert_eq!(said, "a\\u{202e}b\\n\\u{1b}[2J\\u{2028}é");
    }

    macro_rules! shows {
        ($($name:ident: $certain:expr, $json:expr => $text:expr;)*) => {$(
            #[test]
            fn $name() {
                assert_eq!(shown($certain, $json), $text);
            }
        )*};
    }

    shows! {
        a_drop: true, r#""verdict": "dropped""# =>
            "Dropped: the sender hears nothing.\n";
        a_delivery: true,
            r#""verdict": "delivered", "answer": "sent", "delivered_to":
               {"instance": "memcached", "proto": "tcp",
                "address": "0.0.0.0", "port": 11211}"# =>
            "Delivered to memcached at 0.0.0.0 tcp port 11211, and the \
             answer gets out.\n";
        a_guess: false, r#""verdict": "nobody-listens""# =>
            "Not certain, at worst: let in, but nobody listens there. A rule \
             is undecided.\n";
    }

    #[test]
    fn what_is_met_says_the_rule() {
        let met = r#"{"hook": "input", "chain": "INPUT", "outcome": "drop",
            "rule": {"source": "iptables-save", "line": 3,
                     "text": "-A INPUT\u001b[2J\n"}}"#;
        let met: Met = serde_json::from_str(met).unwrap();
        assert_eq!(
            met.to_string(),
            "input INPUT: drop, by iptables-save:3 -A INPUT\\u{1b}[2J"
        );
    }
}
