use similar::TextDiff;

use crate::{FileChange, Plan};

pub(super) fn render(plan: &Plan) -> String {
    plan.steps.iter().filter_map(|step| step.file.as_ref()).map(diff).collect()
}

fn diff(file: &FileChange) -> String {
    let name = |text: &Option<String>, side: &str| match text {
        Some(_) => format!("{side}{}", file.path),
        None => "/dev/null".to_owned(),
    };
    let (before, after) = (name(&file.before, "a"), name(&file.after, "b"));
    let old = file.before.as_deref().unwrap_or_default();
    let new = file.after.as_deref().unwrap_or_default();
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().header(&before, &after).to_string()
}
