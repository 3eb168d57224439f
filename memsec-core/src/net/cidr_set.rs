use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use super::{Cidr, Family, IpSet};

/// Addresses of one family as a list of networks: the fewest that hold just
/// these, in ascending order. However many they are, it takes no more room
/// than the [`IpSet`] that it is made of.
///
/// ```
/// use memsec_core::net::{CidrSet, Family, IpSet};
///
/// let most = IpSet::of(Family::Ipv4, ["10.0.0.0/30".parse().unwrap()]);
/// let one = IpSet::of(Family::Ipv4, ["10.0.0.2".parse().unwrap()]);
/// let networks = CidrSet::from(most.difference(&one));
/// assert_eq!(networks.len(), 2);
/// let json = serde_json::to_string(&networks).unwrap();
/// assert_eq!(json, r#"["10.0.0.0/31","10.0.0.3"]"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CidrSet(
    /// `None` where it is empty: an empty list is of no family.
    Option<IpSet>,
);

impl CidrSet {
    /// The networks.
    pub fn iter(&self) -> impl Iterator<Item = Cidr> + '_ {
        self.0.iter().flat_map(IpSet::cidrs)
    }

    /// How many networks there are; they are counted each time.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, IpSet::cidr_count)
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl From<IpSet> for CidrSet {
    fn from(set: IpSet) -> Self {
        Self(Some(set).filter(|set| !set.is_empty()))
    }
}

impl Serialize for CidrSet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for CidrSet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let all = Vec::<Cidr>::deserialize(from)?;
        let family = all.first().map_or(Family::Ipv4, |first| first.family());
        if all.iter().any(|one| one.family() != family) {
            return Err(D::Error::custom(
                "networks of both families in a list",
            ));
        }
        Ok(IpSet::of(family, all).into())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for CidrSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Vec::<Cidr>::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(
        generator: &mut schemars::SchemaGenerator,
    ) -> schemars::Schema {
        Vec::<Cidr>::json_schema(generator)
    }
}
