use std::sync::Arc;

use serde_json::Value;

use super::value;
use crate::{
    net::{Family, PortSet},
    netfilter::Addresses,
};

/// A named set.
#[derive(Clone, Debug)]
pub(super) enum Set {
    Addresses(Family, Addresses),
    Ports(PortSet),
    /// One of another type, or one that changes by itself.
    Unknown,
}

impl Set {
    /// Reads the object of a set.
    pub(super) fn new(value: &Value) -> Self {
        Self::known(value).unwrap_or(Self::Unknown)
    }

    fn known(set: &Value) -> Option<Self> {
        let flags = set.get("flags").and_then(Value::as_array);
        let mut flags = flags.into_iter().flatten().filter_map(Value::as_str);
        if flags.any(|flag| matches!(flag, "dynamic" | "timeout")) {
            return None;
        }
        let none = Vec::new();
        let elements = match set.get("elem") {
            None => &none,
            Some(elements) => elements.as_array()?,
        };
        let addresses = |family| {
            let set = value::addresses(family, elements)?;
            Some(Self::Addresses(family, Arc::new(set)))
        };
        match set.get("type")?.as_str()? {
            "ipv4_addr" => addresses(Family::Ipv4),
            "ipv6_addr" => addresses(Family::Ipv6),
            "inet_service" => value::ports(elements).map(Self::Ports),
            _ => None,
        }
    }
}
