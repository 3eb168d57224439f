use crate::{Plan, StepKind};

/// What stands where a plan has no rules in this form.
const NONE: &str = "# nothing to load\n";

pub(super) fn nft(plan: &Plan) -> String {
    let guard = plan.steps.iter().find_map(|step| step.guard.as_ref());
    guard.map_or_else(|| NONE.to_owned(), crate::Guard::to_nft)
}

pub(super) fn iptables_restore(plan: &Plan) -> String {
    let guard = plan.steps.iter().find_map(|step| step.guard.as_ref());
    let mut out = guard.map(crate::Guard::to_iptables).unwrap_or_default();
    let own = plan.steps.iter().filter(|s| s.kind == StepKind::Manager);
    let lines: Vec<_> = own.filter_map(|s| filter_line(&s.command)).collect();
    if !lines.is_empty() {
        out += &format!("*filter\n{}COMMIT\n", lines.concat());
    }
    if out.is_empty() { NONE.to_owned() } else { out }
}

/// A command of iptables or ip6tables as a line for both restore programs.
fn filter_line(command: &[String]) -> Option<String> {
    let [program, _wait, rule @ ..] = command else { return None };
    let family = match program.as_str() {
        "iptables" => "-4",
        "ip6tables" => "-6",
        _ => return None,
    };
    Some(format!("{family} {}\n", super::shell::line(rule)))
}
