//! A systemd unit and its drop-ins: what of them makes an argv.

use super::super::word::Traced;

/// What a unit says of how it is started.
#[derive(Clone, Debug, Default)]
pub(super) struct Unit {
    /// The command lines, of which a service may have but one.
    pub exec: Vec<String>,
    /// Assignments, in order.
    pub environment: Vec<(String, String)>,
    /// Paths, which may begin with "-".
    pub files: Vec<String>,
    pub unset: Vec<String>,
    pub user: String,
    pub oneshot: bool,
}

impl Unit {
    /// Adds a unit file, or one drop-in after it.
    pub(super) fn add(&mut self, text: &str) {
        let mut service = false;
        for line in logical_lines(text) {
            let line = line.trim_ascii();
            if line.starts_with('[') {
                service = line == "[Service]";
            } else if let (true, Some((key, value))) =
                (service, line.split_once('='))
            {
                self.set(key.trim_ascii(), value.trim_ascii());
            }
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        let one = |list: &mut Vec<String>| match value {
            "" => list.clear(),
            _ => list.push(value.to_owned()),
        };
        match key {
            "ExecStart" => one(&mut self.exec),
            "EnvironmentFile" => one(&mut self.files),
            "UnsetEnvironment" => {
                self.unset.extend(value.split_whitespace().map(str::to_owned));
            }
            "Environment" if value.is_empty() => self.environment.clear(),
            "Environment" => {
                let words = split(&Traced::plain(value));
                let pairs = words.iter().filter_map(|word| {
                    let text = word.text();
                    let (name, value) = text.split_once('=')?;
                    Some((name.to_owned(), value.to_owned()))
                });
                self.environment.extend(pairs);
            }
            "User" => value.clone_into(&mut self.user),
            "Type" => self.oneshot = value == "oneshot",
            _ => {}
        }
    }
}

/// The lines, joined where one ends in a backslash; comments in between are
/// left out.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if line.trim_ascii_start().starts_with(['#', ';']) {
            continue;
        }
        let mut whole = open.take().unwrap_or_default();
        match line.strip_suffix('\\') {
            Some(line) => {
                whole.push_str(line);
                whole.push(' ');
                open = Some(whole);
            }
            None => lines.push(whole + line),
        }
    }
    lines.extend(open);
    lines
}

/// `extract_first_word` with EXTRACT_UNQUOTE and EXTRACT_RELAX, until the end
/// (src/basic/extract-word.c).
pub(super) fn split(text: &Traced) -> Vec<Traced> {
    let mut words = Vec::new();
    let mut word: Option<Traced> = None;
    let mut quote = None;
    let mut chars = text.chars().iter().copied();
    while let Some((c, at)) = chars.next() {
        match (c, quote) {
            ('\\', _) => {
                if let Some((c, at)) = chars.next() {
                    word.get_or_insert_default().push(c, at);
                }
            }
            (_, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ' | '\t' | '\n' | '\r', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c, at),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_systemd_splits_them() {
        let table: &[(&str, &[&str])] = &[
            ("-l 127.0.0.1", &["-l", "127.0.0.1"]),
            ("-l 'a b'\"c\" ", &["-l", "a bc"]),
            ("a\\ b '' \"x", &["a b", "", "x"]),
            ("127\\.0", &["127.0"]),
        ];
        for (text, words) in table {
            let split = split(&Traced::plain(text));
            let split: Vec<_> = split.iter().map(Traced::text).collect();
            assert_eq!(&split, words, "{text:?}");
        }
    }

    #[test]
    fn drop_ins_reset_lists() {
        let mut unit = Unit::default();
        unit.add("[Service]\nExecStart=a \\\n # b\n c\nEnvironmentFile=/x\n");
        unit.add("[Unit]\nExecStart=d\n[Service]\nEnvironmentFile=\n");
        assert_eq!(unit.exec, ["a   c"]);
        assert!(unit.files.is_empty());
    }
}
