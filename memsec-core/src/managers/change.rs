//! What a firewall manager is asked for, and what it takes to ask it.

use std::{ops::Range, sync::Arc};

use crate::{
    Cidr, FileChange, Proto, Snapshot,
    net::IpSet,
    snapshot::{Content, File},
};

/// That only these clients reach a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub port: u16,
    /// What the clients come in over.
    pub protos: &'a [Proto],
    pub clients: &'a [Cidr],
}

impl Ask<'_> {
    /// Whether all of a network are clients.
    pub(super) fn allows(&self, net: Cidr) -> bool {
        let family = net.family();
        let clients = IpSet::of(family, self.clients.iter().copied());
        IpSet::of(family, [net]).is_subset(&clients)
    }
}

/// One thing to do: write a file, then run a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub summary: String,
    pub file: Option<FileChange>,
    /// The program and its arguments; none if there is nothing to run.
    pub command: Vec<String>,
    /// What takes the command back, after the file is as it was.
    pub undo: Vec<String>,
    /// Exits with 0 if the command took hold.
    pub check: Vec<String>,
    /// What the command does to the files and to what others print.
    pub effects: Vec<Splice>,
}

/// New text in the place of a part of the text of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    pub of: Text,
    /// In bytes of the text as the changes before have left it.
    pub range: Range<usize>,
    pub with: String,
}

/// A text of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// By its path. One that is not there is made.
    File(String),
    /// What a command prints.
    Output(&'static str),
}

impl Splice {
    pub(super) fn file(path: &str, range: Range<usize>, with: String) -> Self {
        Self { of: Text::File(path.to_owned()), range, with }
    }

    pub(super) fn output(
        command: &'static str,
        range: Range<usize>,
        with: String,
    ) -> Self {
        Self { of: Text::Output(command), range, with }
    }

    fn apply(&self, snapshot: &mut Snapshot) {
        let text = match &self.of {
            Text::Output(command) => {
                let output = snapshot.commands.get_mut(*command);
                output.map(|output| Arc::make_mut(&mut output.stdout))
            }
            Text::File(path) => {
                let new = || File::from(Content::Text(String::new()));
                let file = snapshot.files.entry(path.clone());
                match &mut file.or_insert_with(new).content {
                    Content::Text(text) => Some(text),
                    _ => None,
                }
            }
        };
        let whole = |text: &&mut String| text.get(self.range.clone()).is_some();
        if let Some(text) = text.filter(whole) {
            text.replace_range(self.range.clone(), &self.with);
        }
    }
}

impl Change {
    /// What a snapshot shows once it is done.
    pub(crate) fn apply(&self, snapshot: &mut Snapshot) {
        if let Some(change) = &self.file {
            match (&change.after, snapshot.files.get_mut(&change.path)) {
                (Some(text), Some(file)) => {
                    file.content = Content::Text(text.clone());
                }
                (Some(text), None) => {
                    let file = Content::Text(text.clone()).into();
                    snapshot.files.insert(change.path.clone(), file);
                }
                (None, _) => {
                    snapshot.files.remove(&change.path);
                }
            }
        }
        self.effects.iter().for_each(|splice| splice.apply(snapshot));
    }
}

/// Changes in their order, and the host as they leave it.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub snapshot: Snapshot,
    pub changes: Vec<Change>,
}

impl Asking {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        Self { snapshot: snapshot.clone(), changes: Vec::new() }
    }

    pub(super) fn push(&mut self, change: Change) {
        change.apply(&mut self.snapshot);
        self.changes.push(change);
    }
}

/// A command line of plain words and longer ones.
pub(super) fn line<const N: usize>(
    words: [&str; N],
    more: impl IntoIterator<Item = String>,
) -> Vec<String> {
    words.map(str::to_owned).into_iter().chain(more).collect()
}
