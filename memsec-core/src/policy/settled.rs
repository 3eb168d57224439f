use serde::{Deserialize, Deserializer, de::Error};

/// The findings that options of memcached alone settle: what `settle` of a
/// policy can name.
pub const SETTLED: [&str; 8] = [
    "MEMSEC-CMD-001",
    "MEMSEC-CMD-002",
    "MEMSEC-CMD-003",
    "MEMSEC-CMD-004",
    "MEMSEC-LOG-001",
    "MEMSEC-LOG-002",
    "MEMSEC-PRIV-003",
    "MEMSEC-UDP-002",
];

/// Reads names of such findings; another one would be passed over.
pub(super) fn names<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    let mut unknown = names.iter().filter(|id| !SETTLED.contains(&&***id));
    match unknown.next() {
        Some(name) => {
            let all = SETTLED.join(", ");
            Err(D::Error::custom(format!("{name:?} is not one of {all}")))
        }
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    #[test]
    fn a_name_that_is_not_one_is_an_error() {
        let json = r#"{"settle": ["MEMSEC-CMD-002", "MEMSEC-CMD-020"]}"#;
        let said = Policy::from_json("p", json).unwrap_err().to_string();
        let wanted = "\"MEMSEC-CMD-020\" is not one of MEMSEC-CMD-001, ";
        assert!(said.starts_with("p:1:") && said.contains(wanted), "{said}");
    }
}
