//! /etc/csf/csf.conf: ConfigServer/Config.pm.

use std::{collections::BTreeMap, ops::Range};

use super::{
    Stop,
    text::{Line, latin},
};
use crate::text::Place;

/// The path of csf.conf.
pub(super) const PATH: &str = "/etc/csf/csf.conf";

/// The settings, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Conf(BTreeMap<String, Setting>);

#[derive(Clone, Debug)]
struct Setting {
    value: String,
    place: Option<Place>,
}

/// Where the value of a setting stands in its file: all between the first
/// quote and the last of the line.
pub(super) fn value_range(line: &Line<'_>) -> Option<Range<usize>> {
    let quote = |byte: &u8| *byte == b'"';
    let equals = line.bytes.iter().position(|byte| *byte == b'=')?;
    let text = line.bytes.get(equals + 1..)?;
    let first = text.iter().position(quote)?;
    let last = text.iter().rposition(quote)?;
    let start = line.at + equals + 1;
    (first < last).then(|| start + first + 1..start + last)
}

/// The value of a setting.
pub(super) fn value<'a>(line: &Line<'a>) -> Option<&'a [u8]> {
    let range = value_range(line)?;
    line.bytes.get(range.start - line.at..range.end - line.at)
}

/// The name of a setting; `None` for a line that has none.
pub(super) fn name(line: &Line<'_>) -> Option<String> {
    let text = line.trimmed();
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let comment = text.first() == Some(&b'#');
    let name = latin(text.get(..equals)?);
    let blank = |c: char| c.is_ascii_whitespace();
    (!comment).then(|| name.split(blank).collect())
}

impl Conf {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// A value that is not quoted or a name that comes twice: csf ends
    /// before it has called iptables.
    pub(super) fn read(lines: &[Line<'_>]) -> Result<Self, Stop> {
        let mut conf = Self::default();
        for line in lines {
            let Some(name) = name(line) else { continue };
            let Some(value) = value(line) else {
                let reason = format!("the value of {name} is not quoted");
                return Err(Stop::new(reason, line.place()));
            };
            if conf.0.contains_key(&name) {
                let reason = format!("the setting {name} is repeated");
                return Err(Stop::new(reason, line.place()));
            }
            let (value, place) = (latin(value), Some(line.place()));
            conf.0.insert(name, Setting { value, place });
        }
        conf.settle();
        Ok(conf)
    }

    /// What csf changes before it begins.
    fn settle(&mut self) {
        if self.get("USE_FTPHELPER") == "1" {
            self.set("USE_FTPHELPER", "0");
        }
        if self.on("DROP_IP_LOGGING") && self.on("PS_INTERVAL") {
            self.set("DROP_IP_LOGGING", "0");
        }
        if self.on("WATCH_MODE") {
            let on = [
                "DROP_LOGGING",
                "DROP_IP_LOGGING",
                "DROP_OUT_LOGGING",
                "DROP_PF_LOGGING",
            ];
            on.iter().for_each(|name| self.set(name, "1"));
            self.set("DROP_NOLOG", "");
            self.set("DROP_ONLYRES", "0");
        }
        // It is tried on a chain of its own first.
        if !matches!(self.get("DROP_OUT"), "DROP" | "REJECT" | "TARPIT") {
            self.set("DROP_OUT", "DROP");
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        let setting = self.0.entry(name.to_owned());
        let setting = setting
            .or_insert_with(|| Setting { value: String::new(), place: None });
        value.clone_into(&mut setting.value);
    }

    /// A value; empty for a setting that is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map(|s| s.value.as_str()).unwrap_or_default()
    }

    /// Whether Perl takes it for true.
    pub(super) fn on(&self, name: &str) -> bool {
        !matches!(self.get(name), "" | "0")
    }

    /// A list at commas, without blanks.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let value = self.get(name).chars();
        let value: String =
            value.filter(|c| !c.is_ascii_whitespace()).collect();
        let parts = value.split(',').filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    /// The line of a setting.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        self.0.get(name)?.place.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::text::lines, *};

    fn read(text: &str) -> Result<Conf, Stop> {
        Conf::read(&lines(PATH, text.as_bytes()))
    }

    #[test]
    fn a_value_is_all_between_the_first_quote_and_the_last() {
        let conf = read("# A=1\nnone\n T = \"22,80\" # not \"11211\"\n");
        assert_eq!(conf.unwrap().get("T"), "22,80\" # not \"11211");
    }

    #[test]
    fn lines_may_end_as_they_like() {
        let conf = read("A = \"1\"\r\nB=\"0\"\r\n").unwrap();
        assert!(conf.on("A") && !conf.on("B") && !conf.on("C"));
    }

    #[test]
    fn what_csf_does_not_read() {
        assert!(read("A = 1\n").unwrap_err().reason.contains("quoted"));
        assert!(read("A=\"1\"\nA=\"\"\n").unwrap_err().place.line == Some(2));
    }
}
