//! What was found on a host at one moment, as text.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::{Error, schema::Version, text::Source};

mod answers;
mod fingerprint;

pub use answers::{StatsSettings, UdpAnswer};
pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::RUNS;

/// What was found on a host: files, outputs of commands, running daemons.
/// Only data: whoever collected it, the same snapshot gives the same answers.
///
/// ```
/// use memsec_core::Snapshot;
///
/// let snapshot = Snapshot::new()
///     .with_file("/etc/memcached.conf", "-l 127.0.0.1\n")
///     .with_command("iptables-save", "");
/// let again = Snapshot::from_json("host.json", &snapshot.to_json());
/// assert_eq!(again.unwrap(), snapshot);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(description = "What was found on a host at one moment, as text.")
)]
pub struct Snapshot {
    #[serde(default)]
    schema: Version,
    /// When it was taken: seconds since 1970, as `date +%s` prints them.
    /// Absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Files by their absolute path. One that is missing is not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, File>,
    /// What commands printed, by their command line.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub commands: BTreeMap<String, Output>,
    /// The memcached daemons that run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<Process>,
}

/// A file: what is in it, and who may change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "RawFile", into = "RawFile")]
#[cfg_attr(feature = "schema", schemars(with = "RawFile"))]
pub struct File {
    /// What is in it.
    pub content: Content,
    /// The permission bits, for example 0o644.
    pub mode: Option<u32>,
    /// The owner.
    pub uid: Option<u32>,
    /// The group.
    pub gid: Option<u32>,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(String),
    /// Bytes that are not UTF-8.
    Bytes(Vec<u8>),
    /// Nothing: it could not be read, for this reason, for example "EACCES".
    Error(String),
    /// Nothing: it is a secret, and only its form is known.
    Secret(SecretForm),
}

/// The form of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SecretForm {
    /// As memcached wants it.
    WellFormed,
    /// No byte.
    Empty,
    /// Not as memcached wants it.
    Malformed,
}

/// What a command printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Output {
    /// Its standard output.
    #[serde(default)]
    pub stdout: Arc<String>,
    /// Its exit status; 127 where there is no such command.
    #[serde(default)]
    pub status: i32,
}

/// A memcached daemon that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Process {
    /// Its process identifier.
    pub pid: u32,
    /// The path of its program.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exe: String,
    /// Its arguments without the first, its name.
    pub argv: Vec<String>,
    /// Those variables of its environment that memcached reads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The user it runs as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The version, as memcached itself says it: "1.6.18".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the distribution calls it: "1.6.18-1+deb12u1".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// What was built in: "sasl", "tls", "proxy". Without it sasl and, from
    /// 1.5.13, tls are taken as built in and proxy is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// The network namespace: "host", or a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// What it answered to `stats settings`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<StatsSettings>,
    /// What it answered over UDP. Absent where it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<UdpAnswer>,
}

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct RawFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretForm>,
    /// Permission bits in octal: "0644".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gid: Option<u32>,
}

/// A file before and after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// Its text before; `None` if there is no such file.
    pub before: Option<String>,
    /// Its text after; `None` if it is removed.
    pub after: Option<String>,
}

impl TryFrom<RawFile> for File {
    type Error = String;

    fn try_from(raw: RawFile) -> Result<Self, String> {
        let content = match raw {
            RawFile { text: Some(text), .. } => Content::Text(text),
            RawFile { base64: Some(base64), .. } => {
                let bytes = BASE64_STANDARD
                    .decode(base64)
                    .map_err(|error| format!("base64: {error}"))?;
                bytes.into()
            }
            RawFile { error: Some(error), .. } => Content::Error(error),
            RawFile { secret: Some(form), .. } => Content::Secret(form),
            _ => {
                return Err("a file has one of text, base64, error and secret"
                    .to_owned());
            }
        };
        let mode = raw.mode.map(|mode| {
            u32::from_str_radix(&mode, 8)
                .map_err(|_| format!("mode {mode:?} is not an octal number"))
        });
        let (uid, gid) = (raw.uid, raw.gid);
        Ok(Self { content, mode: mode.transpose()?, uid, gid })
    }
}

impl From<File> for RawFile {
    fn from(file: File) -> Self {
        let mut raw = Self {
            text: None,
            base64: None,
            error: None,
            secret: None,
            mode: file.mode.map(|mode| format!("{mode:04o}")),
            uid: file.uid,
            gid: file.gid,
        };
        match file.content {
            Content::Text(text) => raw.text = Some(text),
            Content::Bytes(bytes) => {
                raw.base64 = Some(BASE64_STANDARD.encode(bytes));
            }
            Content::Error(error) => raw.error = Some(error),
            Content::Secret(form) => raw.secret = Some(form),
        }
        raw
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }
}

impl From<Content> for File {
    fn from(content: Content) -> Self {
        Self { content, mode: None, uid: None, gid: None }
    }
}

impl Snapshot {
    /// A snapshot of nothing: everything about the host is unknown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a snapshot from JSON; `name` stands in errors for the text.
    ///
    /// # Errors
    ///
    /// Text that is not a snapshot: not JSON, another schema, a member of
    /// the wrong type, or none of files, commands and processes.
    pub fn from_json(name: &str, json: &str) -> Result<Self, Error> {
        let snapshot: Self = crate::json::read(name, json)?;
        if snapshot == Self::default() && !json.contains("\"schema\"") {
            return Err(Error::argument(format!(
                "{name}: not a snapshot: it has none of schema, files, \
                 commands and processes"
            )));
        }
        Ok(snapshot)
    }

    /// Writes it as JSON, the same bytes on any machine.
    pub fn to_json(&self) -> String {
        crate::json::write(self)
    }

    /// This snapshot with a text file in it.
    #[must_use]
    pub fn with_file(mut self, path: &str, text: &str) -> Self {
        let file = Content::Text(text.to_owned()).into();
        self.files.insert(path.to_owned(), file);
        self
    }

    /// This snapshot with the output of a command that went well.
    #[must_use]
    pub fn with_command(mut self, command: &str, stdout: &str) -> Self {
        let output = Output { stdout: stdout.to_owned().into(), status: 0 };
        self.commands.insert(command.to_owned(), output);
        self
    }

    /// This snapshot with a running daemon.
    #[must_use]
    pub fn with_process(mut self, process: Process) -> Self {
        self.processes.push(process);
        self
    }

    /// The text of a file, or `None` where the snapshot has none.
    ///
    /// # Errors
    ///
    /// Bytes that are not UTF-8, with the place of the first.
    pub fn text(&self, path: &str) -> Result<Option<Source>, Error> {
        match self.files.get(path).map(|file| &file.content) {
            Some(Content::Text(text)) => Ok(Some(Source::new(path, text))),
            Some(Content::Bytes(bytes)) => Err(not_utf8(path, bytes)),
            _ => Ok(None),
        }
    }

    /// What a command printed, if it went well.
    pub fn output(&self, command: &str) -> Option<Source> {
        let output = self.commands.get(command)?;
        let stdout = || output.stdout.clone();
        (output.status == 0).then(|| Source::sharing(command, stdout()))
    }
}

fn not_utf8(path: &str, bytes: &[u8]) -> Error {
    let good = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    };
    let (good, bad) = bytes.split_at(good);
    let good = String::from_utf8_lossy(good);
    // The last line of a text that ends in the place at fault.
    let source = Source::new(path, format!("{good}\u{fffd}"));
    let byte = bad.first().copied().unwrap_or_default();
    let message = format!("byte 0x{byte:02x} is not UTF-8");
    match source.lines().last() {
        Some(line) => {
            let at = line.text().len() - '\u{fffd}'.len_utf8();
            Error::parse(&line.part(at..line.text().len()), message)
        }
        None => Error::argument(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        Snapshot::from_json("s.json", json).unwrap_err().to_string()
    }

    #[test]
    fn bytes_come_back() {
        let json =
            r#"{"schema":1,"files":{"/a":{"base64":"/w==","mode":"0640"}}}"#;
        let snapshot = Snapshot::from_json("s", json).unwrap();
        assert_eq!(snapshot.files["/a"].content, Content::Bytes(vec![0xff]));
        assert_eq!(snapshot.to_json().replace(['\n', ' '], ""), json);
    }

    #[test]
    fn bytes_that_are_not_utf8_have_a_place() {
        let mut snapshot = Snapshot::new();
        let bytes = Content::Bytes(b"-p 1\n# \xc3\xa9\xff\n".to_vec());
        snapshot.files.insert("/a".to_owned(), bytes.into());
        let error = snapshot.text("/a").unwrap_err();
        assert_eq!(error.to_string(), "/a:2:4: byte 0xff is not UTF-8");
    }

    #[test]
    fn what_is_not_a_snapshot_says_so() {
        assert_eq!(
            error("{\"schema\": 2}"),
            "s.json:1:13: schema 2 is not known: this library reads schema 1"
        );
        assert!(error("[]").starts_with("s.json:1:"));
        assert!(error("{}").contains("not a snapshot"));
        assert!(error(r#"{"files":{"/a":{}}}"#).contains("one of text"));
    }

    #[test]
    fn unknown_members_are_ignored() {
        assert!(Snapshot::from_json("s", r#"{"schema":1,"new":{}}"#).is_ok());
    }
}
