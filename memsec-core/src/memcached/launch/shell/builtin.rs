//! The commands that a shell has itself.

/// What a command does to the shell that runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// A program: nothing.
    Program,
    /// Nothing, and its status is known.
    Nothing(Option<bool>),
    Test,
    Assign,
    Unset,
    Return,
    Exit,
    Exec,
    Anything,
}

const BUILTINS: [(Does, &[&str]); 9] = [
    (Does::Nothing(Some(true)), &[":", "true"]),
    (Does::Nothing(Some(false)), &["false"]),
    (
        Does::Nothing(None),
        &[
            "cd", "echo", "kill", "pwd", "ulimit", "umask", "wait", "trap",
            "type", "hash",
        ],
    ),
    (Does::Test, &["[", "test"]),
    (Does::Assign, &["export", "readonly"]),
    (Does::Unset, &["unset"]),
    (Does::Return, &["return"]),
    (Does::Exit, &["exit"]),
    (Does::Exec, &["exec"]),
];

/// Those that can set any variable.
const ANYTHING: [&str; 12] = [
    ".", "alias", "command", "eval", "getopts", "local", "read", "set",
    "shift", "source", "unalias", "break",
];

const ANYTHING_IN_BASH: [&str; 10] = [
    "builtin",
    "declare",
    "enable",
    "let",
    "mapfile",
    "printf",
    "readarray",
    "shopt",
    "typeset",
    "[[",
];

pub(super) fn builtin(name: &str, bash: bool) -> Does {
    let known = BUILTINS.iter().find(|(_, names)| names.contains(&name));
    match known {
        Some((does, _)) => *does,
        None if ANYTHING.contains(&name) => Does::Anything,
        None if bash && ANYTHING_IN_BASH.contains(&name) => Does::Anything,
        None => Does::Program,
    }
}
