//! What a snapshot needs of csf's files, and what it must not have.

use std::collections::BTreeSet;

use super::{
    conf::{self, PATH},
    text::{Read, latin, lines, read},
};
use crate::{Snapshot, snapshot::Content};

/// The settings that are secrets.
pub(super) const SECRETS: [&str; 5] = [
    "CLUSTER_KEY",
    "MM_LICENSE_KEY",
    "RECAPTCHA_SECRET",
    "ST_MYSQL_PASS",
    "UI_PASS",
];

/// Where they stand, and their names.
pub(crate) const SECRET_SETTINGS: (&str, &[&str]) = (PATH, &SECRETS);

/// What stands for a secret.
pub(super) const LEFT_OUT: &str = "***";

/// What csf comes with; nobody's secret.
const STOCK: [&[u8]; 2] = [b"", b"password"];

/// The files that the lists of a snapshot include.
pub(crate) fn included(snapshot: &Snapshot) -> BTreeSet<String> {
    let lists = snapshot.files.keys().filter(|p| p.starts_with("/etc/csf/"));
    let mut paths = BTreeSet::new();
    for path in lists {
        let Read::Bytes(bytes) = read(snapshot, path) else { continue };
        let lines = lines(path, bytes);
        paths.extend(lines.iter().filter_map(|l| l.include()).map(latin));
    }
    paths.retain(|path| path.starts_with('/'));
    paths
}

/// Puts something else in the place of the secrets of csf.conf.
pub(crate) fn leave_out_secrets(snapshot: &mut Snapshot) {
    let Read::Bytes(bytes) = read(snapshot, PATH) else { return };
    let mut kept = Vec::new();
    let mut copied = 0;
    for line in lines(PATH, bytes) {
        let name = conf::name(&line).unwrap_or_default();
        let Some(range) = conf::value_range(&line) else { continue };
        let value = bytes.get(range.clone()).unwrap_or_default();
        if SECRETS.contains(&name.as_str()) && !STOCK.contains(&value) {
            kept.extend(bytes.get(copied..range.start).unwrap_or_default());
            kept.extend(LEFT_OUT.as_bytes());
            copied = range.end;
        }
    }
    kept.extend(bytes.get(copied..).unwrap_or_default());
    if let Some(file) = snapshot.files.get_mut(PATH) {
        file.content = Content::from(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(conf: &str) -> String {
        let mut snapshot = Snapshot::new().with_file(PATH, conf);
        leave_out_secrets(&mut snapshot);
        snapshot.text(PATH).unwrap().unwrap().text().to_owned()
    }

    #[test]
    fn secrets_are_left_out() {
        assert_eq!(
            left("UI_PASS = \"s\" # a\nA=\"b\"\n"),
            "UI_PASS = \"***\" # a\nA=\"b\"\n"
        );
        let stock = "UI_PASS = \"password\"\nCLUSTER_KEY = \"\"\n";
        assert_eq!(left(stock), stock);
    }

    #[test]
    fn includes_are_followed() {
        let snapshot = Snapshot::new()
            .with_file("/etc/csf/csf.allow", "Include /etc/csf/a.inc\n");
        let included = included(&snapshot);
        assert!(included.contains("/etc/csf/a.inc"));
    }
}
