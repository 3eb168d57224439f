use std::fmt::Write;

use crate::{FileChange, Plan, Run, Step, StepKind};

/// What every script begins with. `put` writes a file at once or not at all,
/// also through a power cut, with the mode and the owner that it has, and
/// where a link leads to. A step is undone also where it
/// was only half done.
const HEAD: &str = r#"#!/bin/sh
# Made by memsec. Run it as root. If a step fails, those before it are undone.
set -eu
umask 022
step=0

fail() {
    echo "memsec: $*" >&2
    exit 1
}

# put PATH TEXT
put() {
    if [ -L "$1" ]; then
        set -- "$(readlink -f "$1")" "$2"
    fi
    mkdir -p "$(dirname "$1")"
    new=$(mktemp "$1.memsec.XXXXXX")
    if [ -e "$1" ]; then
        cp -p "$1" "$new"
    else
        chmod 644 "$new"
    fi
    printf '%s' "$2" >"$new"
    sync "$new" 2>/dev/null || sync
    mv -f "$new" "$1"
}

# holds PATH TEXT: whether the file has this text
holds() {
    [ -f "$1" ] && printf '%s' "$2" | cmp -s - "$1"
}

rollback() {
    status=$?
    trap - EXIT
    [ "$step" = done ] && exit 0
    [ "$step" = 0 ] && exit "$status"
    set +e
    echo "memsec: step $step failed: undoing" >&2
"#;

const TAIL: &str = "    exit 1
}
trap rollback EXIT
trap 'exit 1' HUP INT TERM

";

pub(super) fn render(plan: &Plan) -> String {
    if plan.empty {
        return "#!/bin/sh\n# memsec: nothing to do.\n".to_owned();
    }
    let mut out = HEAD.to_owned();
    for (number, step) in plan.steps.iter().enumerate().rev() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "    if [ \"$step\" -ge {} ]; then", number + 1);
        out += &undo(step);
        out += "    fi\n";
    }
    out += TAIL;
    for step in &plan.steps {
        out += &fresh(step);
    }
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(out, "\n# {}", step.summary.replace('\n', " "));
        let _ = writeln!(out, "step={}", number + 1);
        out += &carry_out(step);
    }
    out + "\nstep=done\n"
}

/// Fails before the first step where a file is not as the plan knows it.
fn fresh(step: &Step) -> String {
    let Some(file) = &step.file else { return String::new() };
    let path = quote(&file.path);
    let missing = format!("[ ! -e {path} ]");
    let before = match &file.before {
        Some(text) => format!("holds {path} {}", quote(text)),
        None => missing.clone(),
    };
    let after = match &file.after {
        Some(text) => format!("holds {path} {}", quote(text)),
        None => missing,
    };
    let message = quote(&format!("{} is not as the plan knows it", file.path));
    format!("{before} || {after} || fail {message}\n")
}

fn carry_out(step: &Step) -> String {
    let mut out = match &step.file {
        Some(file) => place(file, &file.after),
        None => String::new(),
    };
    let check = step.check.as_ref().map(|check| line(&check.command));
    if !step.command.is_empty() {
        let command = line(&step.command);
        // A rule that is there already must not stand there twice.
        out += &match (&check, step.kind) {
            (Some(check), StepKind::Manager) => {
                format!("{check} 2>/dev/null || {command}\n")
            }
            _ => format!("{command}\n"),
        };
    }
    if let Some(check) = check {
        let message = quote(&format!("did not take hold: {}", step.summary));
        out += &format!("{check} >/dev/null || fail {message}\n");
    }
    out
}

fn undo(step: &Step) -> String {
    let mut out = String::new();
    if let Some(file) = &step.file {
        out += &format!("        {}", place(file, &file.before));
    }
    if let Some(Run { command }) = &step.undo {
        out += &format!("        {}\n", line(command));
    }
    if out.is_empty() { "        :\n".to_owned() } else { out }
}

fn place(file: &FileChange, text: &Option<String>) -> String {
    let path = quote(&file.path);
    match text {
        Some(text) => format!("put {path} {}\n", quote(text)),
        None => format!("rm -f {path}\n"),
    }
}

/// A command line, quoted for a POSIX shell.
pub(crate) fn line(command: &[String]) -> String {
    let words: Vec<_> = command.iter().map(|word| quote(word)).collect();
    words.join(" ")
}

/// A word, quoted for a POSIX shell where it must be.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
