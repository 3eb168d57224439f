use std::fmt::Write;

use crate::{Claim, ClaimKind, Plan};

pub(super) fn render(plan: &Plan) -> String {
    if plan.empty {
        return "Nothing to do.\n".to_owned();
    }
    let mut out = String::new();
    for (number, step) in plan.steps.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}. {}", number + 1, step.summary);
        if !step.command.is_empty() {
            let _ = writeln!(out, "   $ {}", super::shell::line(&step.command));
        }
    }
    for claim in &plan.proof.claims {
        let _ = writeln!(out, "{}", line(claim));
    }
    out
}

/// "Proved: nothing changes for any other port."
pub(crate) fn line(claim: &Claim) -> String {
    let says = match claim.claim {
        ClaimKind::OnlyAllowed => "nobody but the allowed clients gets in",
        ClaimKind::AllAllowed => "every allowed client gets in",
        ClaimKind::Unchanged => "nothing changes for any other port",
        ClaimKind::NeverWider => "at no step is it open to more than before",
        ClaimKind::ManagementKept => "whoever administers the host gets in",
    };
    match &claim.witness {
        None => format!("Proved: {says}."),
        Some(witness) => format!("NOT proved: {says}: {}.", witness.message),
    }
}
