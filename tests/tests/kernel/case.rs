//! A case as a text file: what it shows, the host, rules, packets.
//!
//! ```text
//! # What it shows.
//! ## host router
//! ## iptables-nft
//! *filter
//! ...
//! ## packets
//! delivered {"from":"198.51.100.7","to":"192.0.2.1",...}
//! ```

use std::fmt::{self, Write};

use memsec_core::Packet;

use crate::oracle::{Fate, Load, Setup};

/// Rules on a host, with packets and what becomes of them.
#[derive(Clone, Debug)]
pub struct Case {
    pub shows: String,
    pub setup: Setup,
    pub loads: Vec<Load>,
    pub packets: Vec<(String, Packet)>,
}

/// The word for what becomes of a packet.
pub fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Dropped => "dropped",
        Fate::Rejected { .. } => "rejected",
        Fate::Forwarded(_) => "forwarded",
        Fate::Delivered(_) => "delivered",
    }
}

impl Case {
    /// Reads one.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut sections = text.split("\n## ");
        let title = sections.next().unwrap_or_default();
        let shows = title.strip_prefix("# ").ok_or("no first line with #")?;
        let mut case = Self {
            shows: shows.trim().to_owned(),
            setup: Setup::named("router").ok_or("no router")?,
            loads: Vec::new(),
            packets: Vec::new(),
        };
        for section in sections {
            let (head, body) =
                section.split_once('\n').unwrap_or((section, ""));
            case.section(head.trim(), body)?;
        }
        Ok(case)
    }

    fn section(&mut self, head: &str, body: &str) -> Result<(), String> {
        if let Some(name) = head.strip_prefix("host ") {
            self.setup = Setup::named(name).ok_or("no such host")?;
        } else if head == "packets" {
            for line in body.lines().filter(|line| !line.is_empty()) {
                let (word, json) = line.split_once(' ').ok_or("no packet")?;
                let packet = Packet::from_json("packet", json);
                let packet = packet.map_err(|error| error.to_string())?;
                self.packets.push((word.to_owned(), packet));
            }
        } else {
            let text = format!("{body}\n");
            self.loads.push(Load { tool: head.parse()?, text });
        }
        Ok(())
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# {}\n## host {}\n", self.shows, self.setup.name)?;
        for load in &self.loads {
            write!(f, "## {}\n{}", load.tool, load.text)?;
        }
        f.write_str("## packets\n")?;
        for (word, packet) in &self.packets {
            let json = serde_json::to_string(packet).map_err(|_| fmt::Error)?;
            writeln!(f, "{word} {json}")?;
        }
        f.write_char('\n')
    }
}
