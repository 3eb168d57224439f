//! The guard that was there before a run.

use crate::{Plan, StepKind, plan::guard_as_it_was, system::command::run};

/// What puts it back: its file need not be what was loaded, nor be there.
#[derive(Debug)]
pub(super) struct Kept {
    /// What the file is called in the directory of a run.
    pub name: &'static str,
    pub text: String,
    /// What loads it, before its path.
    pub by: &'static str,
}

/// `None` where there is none, or the plan loads none.
pub(super) fn kept(plan: &Plan) -> Option<Kept> {
    let steps = &plan.steps;
    let step = steps.iter().find(|step| step.kind == StepKind::Guard)?;
    match step.command.first().map(String::as_str) {
        Some("nft") => native(),
        _ => Some(of_iptables()),
    }
}

fn native() -> Option<Kept> {
    let output = run(&["nft", "-s", "list", "table", "inet", "memsec"]);
    let head = "table inet memsec\ndelete table inet memsec\n";
    let text = format!("{head}{}", output.stdout);
    let (name, by) = ("guard.nft", "nft -f");
    (output.status == 0).then_some(Kept { name, text, by })
}

/// Where there was none its script takes the new one away.
fn of_iptables() -> Kept {
    let dumps = ["iptables-save", "ip6tables-save"]
        .map(|save| run(&[save, "-t", "mangle"]).stdout);
    let text = guard_as_it_was([&dumps[0], &dumps[1]]);
    Kept { name: "guard.sh", text, by: "sh" }
}
