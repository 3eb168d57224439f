//! cargo run --example who SNAPSHOT: what the programs of `../languages`
//! print, from Rust.

use memsec_core::{Exposure, Policy, Render, Snapshot, audit};

fn networks(exposure: &Exposure) -> String {
    let all: Vec<_> = exposure.may.iter().map(|net| net.to_string()).collect();
    if all.is_empty() { "nobody".to_owned() } else { all.join(" ") }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: who SNAPSHOT")?;
    let json = std::fs::read_to_string(&path)?;
    let snapshot = Snapshot::from_json(&path, &json)?;
    let report = audit(&snapshot, &Policy::new())?;
    for exposure in &report.exposures {
        let interface = exposure.interface.as_deref().unwrap_or_default();
        let (proto, port) = (exposure.proto.name(), exposure.port);
        println!("{proto} {port} by {interface}: {}", networks(exposure));
    }
    print!("{}", report.plan().render(Render::Diff)?);
    Ok(())
}
