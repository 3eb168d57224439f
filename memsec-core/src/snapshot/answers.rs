//! What a running daemon answered when it was asked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// More lines than this are no reply of memcached, which has about ninety.
const MOST: usize = 1000;

/// What memcached answers to `stats settings`: names and values as it prints
/// them, for example "udpport" and "0". In JSON an object of texts; the text
/// of the whole reply is read too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "RawSettings")]
#[cfg_attr(feature = "schema", schemars(with = "RawSettings"))]
pub struct StatsSettings(pub BTreeMap<String, String>);

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum RawSettings {
    Map(BTreeMap<String, String>),
    Reply(String),
}

impl From<RawSettings> for StatsSettings {
    fn from(raw: RawSettings) -> Self {
        match raw {
            RawSettings::Map(map) => Self(map),
            RawSettings::Reply(text) => Self::parse(&text),
        }
    }
}

impl StatsSettings {
    /// Reads a reply: lines of `STAT name value` up to `END`
    /// (`process_stat_settings` and `append_stat` of memcached.c). Other
    /// lines are passed over; of a name that is there twice the first counts.
    pub fn parse(reply: &str) -> Self {
        let mut all = BTreeMap::new();
        let lines = reply.split('\n').map(|line| line.trim_end_matches('\r'));
        for line in lines.take(MOST).take_while(|line| *line != "END") {
            let Some(pair) = line.strip_prefix("STAT ") else { continue };
            let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = || value.to_owned();
            all.entry(name.to_owned()).or_insert_with(value);
        }
        Self(all)
    }

    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// What came of one datagram that asked a daemon for its version over UDP.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UdpAnswer {
    /// The bytes that were sent, without the headers of IP and UDP.
    pub sent: u64,
    /// The bytes that came back within a short time; 0 where none did.
    pub received: u64,
    /// In how many datagrams.
    pub datagrams: u64,
}

impl UdpAnswer {
    /// How many times as much came back as was sent.
    #[expect(clippy::cast_precision_loss, reason = "a rough number")]
    pub fn amplification(&self) -> f64 {
        self.received as f64 / self.sent.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reply_is_names_and_values() {
        let reply = "STAT tcpport 11211\r\nSTAT inter a b\r\nSTAT empty \r\n\
                     STAT bare\r\nERROR\r\nSTAT tcpport 1\r\nEND\r\n\
                     STAT late 1\r\n";
        let settings = StatsSettings::parse(reply);
        assert_eq!(settings.get("tcpport"), Some("11211"));
        assert_eq!(settings.get("inter"), Some("a b"));
        assert_eq!(settings.get("empty"), Some(""));
        assert_eq!(settings.get("bare"), Some(""));
        assert_eq!(settings.get("late"), None);
    }

    #[test]
    fn json_has_an_object_or_the_reply() {
        let read = |json| serde_json::from_str::<StatsSettings>(json).unwrap();
        let object = read(r#"{"udpport": "0"}"#);
        assert_eq!(object, read(r#""STAT udpport 0\r\nEND\r\n""#));
        let json = serde_json::to_string(&object).unwrap();
        assert_eq!(json, r#"{"udpport":"0"}"#);
    }

    #[test]
    fn amplification_is_a_ratio() {
        let answer = UdpAnswer { sent: 17, received: 24, datagrams: 1 };
        assert!((answer.amplification() - 24.0 / 17.0).abs() < 1e-9);
        assert!(UdpAnswer::default().amplification() < 1e-9);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_value(
            text in "(?s)(STAT |END|[a-z]{0,3}|\r\n|.){0,60}"
        ) {
            StatsSettings::parse(&text);
        }
    }
}
