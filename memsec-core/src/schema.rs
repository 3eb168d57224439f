//! The version that every JSON document carries.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The version of the JSON that this library writes, and the only one that
/// it reads.
pub const SCHEMA: u32 = 1;

/// The JSON Schema of each document, by the name of the document.
pub const SCHEMAS: [(&str, &str); 9] = [
    ("difference", include_str!("../schema/difference.json")),
    ("explanation", include_str!("../schema/explanation.json")),
    ("outcome", include_str!("../schema/outcome.json")),
    ("packet", include_str!("../schema/packet.json")),
    ("plan", include_str!("../schema/plan.json")),
    ("policy", include_str!("../schema/policy.json")),
    ("report", include_str!("../schema/report.json")),
    ("snapshot", include_str!("../schema/snapshot.json")),
    ("verification", include_str!("../schema/verification.json")),
];

/// A member that is always [`SCHEMA`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u32(SCHEMA)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(number: D) -> Result<Self, D::Error> {
        match u32::deserialize(number)? {
            SCHEMA => Ok(Self),
            other => Err(de::Error::custom(format!(
                "schema {other} is not known: this library reads schema \
                 {SCHEMA}"
            ))),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SchemaVersion".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "const": SCHEMA })
    }
}
