//! Which units the next boot starts.

use crate::Snapshot;

/// What lists the units of a host and whether they are enabled.
const LISTED: &str = "systemctl list-unit-files --type=service --no-legend";

/// Whether the unit is enabled: systemctl(1) says so, or a link of a target
/// to it is there. `None` where the snapshot tells of no units at all.
pub(crate) fn enabled(snapshot: &Snapshot, unit: &str) -> Option<bool> {
    let asked = format!("systemctl is-enabled {unit}");
    if let Some(output) = snapshot.commands.get(&asked) {
        return Some(output.stdout.trim().starts_with("enabled"));
    }
    if let Some(output) = snapshot.output(LISTED) {
        let mut lines = output.text().lines().map(str::split_whitespace);
        let line = lines.find(|words| words.clone().next() == Some(unit));
        let state = line.and_then(|mut words| words.nth(1));
        return Some(state.is_some_and(|s| s.starts_with("enabled")));
    }
    let end = format!(".wants/{unit}");
    let mut links = snapshot.files.keys().filter(|path| is_link(path));
    let any = links.clone().next().is_some();
    any.then(|| links.any(|path| path.ends_with(&end)))
}

/// A link from what a target wants, or requires, to a unit.
fn is_link(path: &str) -> bool {
    let directory =
        path.rsplit_once('/').map_or("", |(directory, _)| directory);
    path.starts_with("/etc/systemd/system/") && directory.ends_with(".wants")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "/etc/systemd/system/multi-user.target.wants/a.service";

    #[test]
    fn a_link_enables_and_without_any_nothing_is_known() {
        let snapshot = Snapshot::new().with_file(LINK, "");
        assert_eq!(enabled(&snapshot, "a.service"), Some(true));
        assert_eq!(enabled(&snapshot, "b.service"), Some(false));
        assert_eq!(enabled(&Snapshot::new(), "a.service"), None);
    }

    #[test]
    fn systemctl_knows_better() {
        let snapshot = Snapshot::new()
            .with_file(LINK, "")
            .with_command("systemctl is-enabled a.service", "disabled\n");
        assert_eq!(enabled(&snapshot, "a.service"), Some(false));
        let list = "a.service disabled enabled\nb.service enabled enabled\n";
        let snapshot = Snapshot::new().with_command(LISTED, list);
        let all = ["a", "b", "c"]
            .map(|unit| enabled(&snapshot, &format!("{unit}.service")));
        assert_eq!(all, [Some(false), Some(true), Some(false)]);
    }
}
