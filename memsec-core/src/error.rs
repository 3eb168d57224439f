//! What can go wrong, and where.

use std::fmt;

use crate::text::Span;

/// Why something could not be done, in one line, with the place at fault.
///
/// ```
/// let error = memsec_core::Policy::from_json("policy.json", "{\n  7\n}")
///     .unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "policy.json:2:3: key must be a string",
/// );
/// assert_eq!((error.line(), error.column()), (2, 3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: String,
    line: usize,
    column: usize,
}

/// What sort of error an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value given by the caller is not one that is known.
    #[error("argument")]
    Argument,
    /// A text could not be read as what it is said to be.
    #[error("parse")]
    Parse,
    /// It is understood, and cannot be done here.
    #[error("unsupported")]
    Unsupported,
    /// A file or a command could not be read or written.
    #[error("io")]
    Io,
    /// The host is not what it was when the plan was made.
    #[error("stale")]
    Stale,
    /// Another run holds the host, or waits for its end.
    #[error("busy")]
    Busy,
}

impl Error {
    /// An error about a value that the caller gave.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, message)
    }

    /// An error about something that is understood but cannot be done.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// An error about a host that is not what a plan was made for.
    pub fn stale(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Stale, message)
    }

    /// An error about a host that another run holds.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Busy, message)
    }

    /// An error about a file or a command named `source`.
    pub fn io(source: impl Into<String>, error: &std::io::Error) -> Self {
        let source = source.into();
        Self { source, ..Self::new(ErrorKind::Io, error.to_string()) }
    }

    /// An error about the text at `span`.
    pub fn parse(span: &Span, message: impl Into<String>) -> Self {
        Self {
            source: span.source_name().to_owned(),
            line: span.line(),
            column: span.column(),
            ..Self::new(ErrorKind::Parse, message)
        }
    }

    /// An error about the JSON text named `source`.
    pub fn json(source: &str, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let message = match text.rfind(" at line ") {
            Some(end) => text.get(..end).unwrap_or(&text),
            None => &text,
        };
        Self {
            source: source.to_owned(),
            line: error.line(),
            column: error.column(),
            ..Self::new(ErrorKind::Parse, message)
        }
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, source: String::new(), line: 0, column: 0 }
    }

    /// What sort of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The name of the text at fault: a path or a command line. Empty if it
    /// is none.
    pub fn source_name(&self) -> &str {
        &self.source
    }

    /// The line at fault, counted from 1, or 0.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column at fault, in characters, counted from 1, or 0.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.source.is_empty() {
            write!(f, "{}:", self.source)?;
            if self.line > 0 {
                write!(f, "{}:{}:", self.line, self.column)?;
            }
            f.write_str(" ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
