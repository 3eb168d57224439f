use std::fmt::Write;

use crate::{
    FileChange, Plan, Step, StepKind,
    plan::guard::{GUARD_LOAD, UNLOAD},
};

/// What every script begins with. `put` writes a file at once or not at all,
/// also through a power cut, with the mode and the owner that it has, and
/// where a link leads to. A step is undone also where it
/// was only half done.
const HEAD: &str = r#"#!/bin/sh
# Made by memsec. Run it as root. If a step fails, those before it are undone.
set -eu
umask 022
step=0
ran=' '

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
        case $2 in
        '#!'*) chmod 755 "$new" ;;
        *) chmod 644 "$new" ;;
        esac
    fi
    printf '%s' "$2" >"$new"
    sync "$new" 2>/dev/null || sync
    mv -f "$new" "$1"
}

# holds PATH TEXT: whether the file has this text
holds() {
    [ -f "$1" ] && printf '%s' "$2" | cmp -s - "$1"
}
"#;

/// Keeps the guard of before, and puts it back.
const NATIVE: &str = r#"
table=$(nft -s list table inet memsec 2>/dev/null || true)

# unguard: puts the table of before in the place of the guard
unguard() {
    if [ -n "$table" ]; then
        printf 'table inet memsec\ndelete table inet memsec\n%s\n' "$table" |
            nft -f -
    else
        nft delete table inet memsec
    fi
}
"#;

/// The same where iptables loads it.
const IPTABLES: &str = r#"
# kept PROGRAM: the rules of the guard as they are now, if there is one
kept() {
    "$1-save" -t mangle 2>/dev/null |
        sed -n -e '/^-A MEMSEC /p' -e 's/^-A \([A-Z]* -j MEMSEC\)$/-I \1/p'
}

# back PROGRAM RULES: puts the rules of before in the place of the guard
back() {
    if [ -n "$2" ]; then
        printf '%s\n' "$2" | load "$1"
    else
        unload "$1"
    fi
}

four=$(kept iptables)
six=$(kept ip6tables)

unguard() {
    back iptables "$four"
    back ip6tables "$six"
}
"#;

const ROLLBACK: &str = r#"
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
    out += &guard(plan);
    out += ROLLBACK;
    for (number, step) in plan.steps.iter().enumerate().rev() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "    if [ \"$step\" -ge {} ]; then", number + 1);
        out += &undo(number + 1, step);
        out += "    fi\n";
    }
    out += TAIL;
    for step in &plan.steps {
        out += &fresh(step);
    }
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(out, "\n# {}", step.summary.replace('\n', " "));
        let _ = writeln!(out, "step={}", number + 1);
        out += &carry_out(number + 1, step);
    }
    out + "\nstep=done\n"
}

/// What keeps the guard of before, and puts it back.
fn guard(plan: &Plan) -> String {
    let steps = &plan.steps;
    let step = steps.iter().find(|step| step.kind == StepKind::Guard);
    match step.and_then(|step| step.command.first()).map(String::as_str) {
        None => String::new(),
        Some("nft") => NATIVE.to_owned(),
        Some(_) => [GUARD_LOAD, UNLOAD, IPTABLES].concat(),
    }
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

fn carry_out(number: usize, step: &Step) -> String {
    let mut out = match &step.file {
        Some(file) => place(file, &file.after),
        None => String::new(),
    };
    let check = step.check.as_ref().map(|check| line(&check.command));
    if !step.command.is_empty() {
        let command = line(&step.command);
        out += &match &check {
            Some(check) if can_be_there(step) => format!(
                "if ! {check} 2>/dev/null; then\n    ran=\"${{ran}}{number} \"\n    \
                 {command}\nfi\n"
            ),
            _ => format!("{command}\n"),
        };
    }
    if let Some(check) = check {
        let message = quote(&format!("did not take hold: {}", step.summary));
        out += &format!("{check} >/dev/null || fail {message}\n");
    }
    out
}

/// A rule that is there already must not stand there twice, nor be taken away
/// when the step is undone.
fn can_be_there(step: &Step) -> bool {
    step.kind == StepKind::Manager && step.file.is_none()
}

fn undo(number: usize, step: &Step) -> String {
    let file = step.file.as_ref().map(|file| place(file, &file.before));
    let file = file.map(|file| format!("        {file}")).unwrap_or_default();
    let command = step.undo.as_ref().map(|undo| match step.kind {
        StepKind::Guard => "        unguard\n".to_owned(),
        _ if can_be_there(step) => format!(
            "        case \"$ran\" in *' {number} '*) {};; esac\n",
            line(&undo.command)
        ),
        _ => format!("        {}\n", line(&undo.command)),
    });
    let command = command.unwrap_or_default();
    match step.kind {
        _ if file.is_empty() && command.is_empty() => "        :\n".to_owned(),
        // A unit that is gone cannot be disabled.
        StepKind::Persist => command + &file,
        _ => file + &command,
    }
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
