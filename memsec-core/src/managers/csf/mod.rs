//! ConfigServer Firewall: csf 15.00, and the forks that carry it on.

mod address;
mod iptables;
mod line;
mod sets;
mod text;
#[cfg(test)]
mod truth_tests;
