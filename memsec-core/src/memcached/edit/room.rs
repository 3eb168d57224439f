//! Options that a file does not have yet.

use super::{
    editor::Editor,
    unit::{exec_start, is_unit},
};
use crate::memcached::{Launcher, Room, launch::Written};

impl Editor<'_> {
    /// Adds what is to be added where the launcher takes it.
    pub(super) fn add(&mut self) -> Result<(), String> {
        if self.added.is_empty() {
            return Ok(());
        }
        match self.instance.room.clone() {
            Room::Lines => self.add_lines(),
            Room::Variable(name, written) => {
                self.add_to(&name, written.as_ref())
            }
            Room::Nowhere if is_unit(self.source.name()) => self.add_to_unit(),
            Room::Nowhere => {
                Err("there is no place in it for options".to_owned())
            }
        }
    }

    /// At the end of the command line of a unit.
    fn add_to_unit(&mut self) -> Result<(), String> {
        let range = exec_start(self.source.text()).ok_or("no ExecStart")?;
        let added = std::mem::take(&mut self.added).join(" ");
        self.changes.insert(range.end, (range.end, format!(" {added}")));
        Ok(())
    }

    /// New lines after the last that has an option.
    fn add_lines(&mut self) -> Result<(), String> {
        let text = self.source.text();
        let spans = self.instance.argv.iter().filter_map(|w| w.span.as_ref());
        let last = spans.map(|span| span.range().end).max();
        let mut added = std::mem::take(&mut self.added);
        if last.is_none() {
            // The wrapper says `-u root` only where there is no option.
            added.push("-u root".to_owned());
        }
        let rest = last.and_then(|at| text.get(at..)).unwrap_or_default();
        let at = last.map_or(text.len(), |at| {
            at + rest.find('\n').map_or(rest.len(), |end| end + 1)
        });
        self.insert_lines(at, &added);
        Ok(())
    }

    fn insert_lines(&mut self, at: usize, lines: &[String]) {
        let text = self.source.text();
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let open =
            at > 0 && !text.get(..at).unwrap_or_default().ends_with('\n');
        let joined = lines.join(newline);
        let joined = match open {
            true => format!("{newline}{joined}"),
            false => format!("{joined}{newline}"),
        };
        self.changes.insert(at, (at, joined));
    }

    /// Adds to the value of a variable, or a line with it.
    fn add_to(
        &mut self,
        name: &str,
        written: Option<&Written>,
    ) -> Result<(), String> {
        let text = self.source.text();
        let added = std::mem::take(&mut self.added).join(" ");
        let Some(written) = written else {
            self.insert_lines(text.len(), &[format!("{name}=\"{added}\"")]);
            return Ok(());
        };
        if written.source.name() != self.source.name() {
            return Err(format!("{name} is in {}", written.source.name()));
        }
        let range = &written.range;
        let value = text.get(range.clone()).unwrap_or_default();
        let inner = value.trim_matches(['"', '\'']);
        let empty = inner.trim().is_empty();
        let gap = if empty { "" } else { " " };
        // A blank ends a value without quotes where a shell reads it.
        let shell =
            matches!(self.instance.launcher, Launcher::Sysv | Launcher::OpenRc);
        let (at, added) = match written.quote {
            Some(_) => (range.end.saturating_sub(1), added),
            None if empty => (range.end, format!("\"{added}\"")),
            None if shell => (range.end, format!("\"{gap}{added}\"")),
            None => (range.end, added),
        };
        let quoted = added.starts_with('"');
        let gap = if quoted { "" } else { gap };
        self.changes.insert(at, (at, format!("{gap}{added}")));
        Ok(())
    }
}
