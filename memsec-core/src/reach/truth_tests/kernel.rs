//! The sets of sources of the cases of truth/kernel, against each packet.

use std::{fs, net::IpAddr};

use serde_json::Value;

use super::none_is;
use crate::{
    Host, Proto, Snapshot,
    reach::{Query, sources},
    truth::shared,
};

fn save(value: &Value) -> Option<(&'static str, &str)> {
    let text = value["text"].as_str()?;
    let command = match value["tool"].as_str()? {
        "ipset" => "ipset save",
        "iptables-nft" => "iptables-save",
        "iptables-legacy" => "iptables-legacy-save",
        "ip6tables-nft" => "ip6tables-save",
        "ip6tables-legacy" => "ip6tables-legacy-save",
        _ => return None,
    };
    Some((command, text))
}

/// The snapshot of a case, if only saved rules are loaded.
pub(crate) fn snapshot(case: &Value) -> Option<Snapshot> {
    let mut snapshot = Snapshot::new()
        .with_command("iptables-save", "")
        .with_command("ip6tables-save", "");
    for load in case["load"].as_array()? {
        let (command, text) = save(load)?;
        if snapshot.commands.get(command).is_some_and(|o| !o.stdout.is_empty())
        {
            return None;
        }
        snapshot = snapshot.with_command(command, text);
    }
    Some(snapshot)
}

/// Where a new packet like any other goes, and from where.
pub(crate) fn way(probe: &Value) -> Option<(IpAddr, IpAddr, Proto)> {
    let odd = ["state", "flags", "frag", "icmp", "ext", "badsum", "dmac"];
    let plain = odd.iter().all(|key| probe.get(*key).is_none());
    let address = |key| probe[key].as_str()?.parse::<IpAddr>().ok();
    let proto = match probe["proto"].as_str()? {
        "tcp" => Proto::Tcp,
        "udp" => Proto::Udp,
        _ => return None,
    };
    (plain && probe["if"] != "local").then_some(())?;
    Some((address("src")?, address("dst")?, proto))
}

/// Whether the packet is let in, if it comes to this host.
pub(crate) fn delivered(case: &Value) -> Option<bool> {
    let verdict = case["verdict"].as_str()?;
    let delivered = verdict.starts_with('L');
    let stages = case["detail"]["stages"].as_array();
    let routed = stages.is_some_and(|stages| {
        stages.iter().any(|stage| stage == "input-start")
    });
    let loads = !verdict.contains("restore:");
    (loads && (routed || delivered)).then_some(delivered)
}

#[test]
fn every_packet_for_the_host() {
    let Some(path) = shared("truth/kernel/cases.jsonl") else { return };
    let (mut cases, mut decided, mut wrong) = (0, 0, Vec::new());
    for line in fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let probe = &case["probe"];
        let (Some(snapshot), Some((from, to, proto)), Some(delivered)) =
            (snapshot(&case), way(probe), delivered(&case))
        else {
            continue;
        };
        let host = Host::new(&snapshot).unwrap();
        let port = probe["dport"].as_u64().unwrap() as u16;
        let query = Query::new(probe["if"].as_str(), to, proto, port);
        let found = sources(&host, &query);
        let (may, must) = (found.may.contains(from), found.must.contains(from));
        cases += 1;
        decided += usize::from(may == must);
        if delivered && !may || !delivered && must {
            let name = &case["name"];
            wrong.push(format!("{name}: {delivered}: may {may} must {must}"));
        }
    }
    println!("kernel: {cases} cases, {decided} decided");
    none_is(&wrong);
}
