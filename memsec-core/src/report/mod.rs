//! A report for those who read it: at a terminal, on a page, in a code host.

mod answer;
mod html;
mod references;
mod sarif;
mod terminal;
#[cfg(test)]
mod tests;
mod ways;
mod words;

pub use terminal::Style;
pub(crate) use words::{few, sequence, upper};

use crate::{Plan, audit::Report};

impl Report {
    /// Writes it for a terminal: the answer in one sentence, then what is
    /// wrong, who gets in, and what is not known. What others have written
    /// into a snapshot cannot speak to the terminal: control characters and
    /// those that turn the direction of text are escaped.
    ///
    /// ```
    /// use memsec_core::{Policy, Snapshot, Style, audit};
    ///
    /// let snapshot = Snapshot::new()
    ///     .with_file("/etc/memcached.conf", "-u memcache\n-l ::1\n-U 0\n");
    /// let report = audit(&snapshot, &Policy::new())?;
    /// let text = report.to_text(Style { color: true, width: Some(60) });
    /// assert!(text.starts_with("\x1b[1;32mNobody but this host can"));
    /// # Ok::<(), memsec_core::Error>(())
    /// ```
    pub fn to_text(&self, style: Style) -> String {
        terminal::render(self, style)
    }

    /// Writes it as one HTML page that needs nothing else: no script, no
    /// font, no picture from elsewhere. With the plan of this report, it
    /// shows who gets in before and after.
    ///
    /// ```
    /// use memsec_core::{Policy, Snapshot, audit};
    ///
    /// let snapshot = Snapshot::new()
    ///     .with_file("/etc/memcached.conf", "-u memcache\n-l 0.0.0.0\n");
    /// let report = audit(&snapshot, &Policy::new())?;
    /// let page = report.to_html(Some(&report.plan()));
    /// assert!(page.starts_with("<!doctype html>"));
    /// assert!(page.contains("After the plan"));
    /// assert!(!page.contains("<script"));
    /// # Ok::<(), memsec_core::Error>(())
    /// ```
    pub fn to_html(&self, plan: Option<&Plan>) -> String {
        html::render(self, plan)
    }

    /// Writes its findings as a SARIF 2.1.0 log (OASIS standard of 27 March
    /// 2020), for code hosts and CI.
    ///
    /// ```
    /// use memsec_core::{Policy, Snapshot, audit};
    ///
    /// let snapshot = Snapshot::new()
    ///     .with_file("/etc/memcached.conf", "-u memcache\n-l 0.0.0.0\n");
    /// let report = audit(&snapshot, &Policy::new())?;
    /// let log: serde_json::Value =
    ///     serde_json::from_str(&report.to_sarif()).unwrap();
    /// let result = &log["runs"][0]["results"][0];
    /// assert_eq!(result["ruleId"], report.findings[0].id);
    /// # Ok::<(), memsec_core::Error>(())
    /// ```
    pub fn to_sarif(&self) -> String {
        sarif::render(self)
    }
}
