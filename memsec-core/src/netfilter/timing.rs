use crate::{Snapshot, netfilter::Ruleset};
#[test]
fn timing() {
    let mut all: Vec<_> = std::fs::read_dir("/tmp/rdgen")
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.file_name().unwrap().to_str().unwrap().starts_with('h'))
        .collect();
    all.sort();
    for path in all {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.display().to_string();
        let rules = "*filter\n-A INPUT -m set --match-set s src,src,src -j DROP\n-A INPUT -m set --match-set l src -j DROP\nCOMMIT\n";
        let snapshot = match path.extension().unwrap().to_str().unwrap() {
            "json" => {
                Snapshot::new().with_command("nft -j list ruleset", &text)
            }
            "nft" => Snapshot::new().with_command("nft list ruleset", &text),
            "rules" => Snapshot::new().with_command("iptables-save", &text),
            _ => Snapshot::new()
                .with_command("ipset save", &text)
                .with_command("iptables-save", rules)
                .with_command("ip6tables-save", rules),
        };
        let start = cpu();
        let found = Ruleset::new(&snapshot);
        let said = match &found {
            Ok(r) => format!(
                "{} rules",
                r.tables
                    .iter()
                    .flat_map(|t| &t.chains)
                    .map(|c| c.rules.len())
                    .sum::<usize>()
            ),
            Err(e) => e.to_string(),
        };
        println!(
            "{name}: {:.3} s {}",
            cpu() - start,
            said.chars().take(120).collect::<String>()
        );
    }
}

fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
