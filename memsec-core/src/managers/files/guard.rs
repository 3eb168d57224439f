//! memsec's own guard, where a script loads it by iptables at boot.

use super::{Load, Manager, Stays, Tables, units};
use crate::{
    Error, Snapshot, net::Family, netfilter::GUARD_CHAIN, text::Source,
};

/// What loads the guard by iptables.
pub(crate) const SCRIPT: &str = "/etc/memsec/guard.sh";

/// What has a guard loaded at boot.
pub(crate) const UNIT: &str = "memsec-guard.service";
pub(crate) const INIT_SCRIPT: &str = "/etc/init.d/memsec-guard";

const LOADS: [(&str, Family); 2] = [
    ("load iptables <<'RULES'", Family::Ipv4),
    ("load ip6tables <<'RULES'", Family::Ipv6),
];

/// What the script of a snapshot loads.
///
/// # Errors
///
/// A script that is not UTF-8.
pub(in crate::managers) fn load(
    snapshot: &Snapshot,
) -> Result<Option<Load>, Error> {
    let Some(script) = snapshot.text(SCRIPT)? else { return Ok(None) };
    let by_init = snapshot.files.contains_key(INIT_SCRIPT);
    let enabled = units::enabled(snapshot, UNIT).unwrap_or(by_init);
    let dumps = LOADS.iter().filter_map(|(head, family)| {
        let lines = script.text().lines().skip_while(|line| line != head);
        let rules = lines.skip(1).take_while(|line| *line != "RULES");
        let rules: String = rules.map(|line| format!("{line}\n")).collect();
        let mut tables = Tables::new(*family);
        let text = format!("*mangle\n:MEMSEC - [0:0]\n{rules}COMMIT\n");
        tables.restore(&Source::new(SCRIPT, text), false).ok()?;
        let mut dump = tables.dump();
        dump.stays = Stays::Chains(GUARD_CHAIN);
        (!rules.is_empty()).then_some(dump)
    });
    let dumps = dumps.collect();
    let unknown = Vec::new();
    Ok(Some(Load { manager: Manager::Files, enabled, dumps, unknown }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "set -eu\nload iptables <<'RULES'\n\
        -A MEMSEC -p tcp -m tcp --dport 11211 -j DROP\n\
        -I PREROUTING -j MEMSEC\nRULES\n";

    #[test]
    fn it_stands_before_the_rules_of_others() {
        let others = "*mangle\n:PREROUTING ACCEPT [0:0]\n\
            -A PREROUTING -i eth0 -j ACCEPT\nCOMMIT\n";
        let host = Snapshot::new()
            .with_file(SCRIPT, TEXT)
            .with_file(INIT_SCRIPT, "")
            .with_command("iptables-save", others);
        let load = load(&host).unwrap().unwrap();
        assert!(load.enabled && load.dumps.len() == 1, "{load:?}");
        let after = load.on(&host).dumps.remove(0).text;
        let host = Snapshot::new().with_command("iptables-save", &after);
        let rules = crate::netfilter::Ruleset::new(&host).unwrap();
        assert!(rules.has_guard(), "{after}");
    }

    #[test]
    fn where_nothing_runs_it_it_is_not_loaded() {
        let host = Snapshot::new().with_file(SCRIPT, TEXT);
        assert!(!load(&host).unwrap().unwrap().enabled);
        assert!(load(&Snapshot::new()).unwrap().is_none());
    }
}
