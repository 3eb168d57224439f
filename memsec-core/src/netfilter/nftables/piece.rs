//! What stands on the right of a match, and what sets hold.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::domain;
use crate::netfilter::packed::Packed;

/// A value as libnftables-json(5) has it. A word may also be a range or a
/// network, as the listing for people writes them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece<'a> {
    Word(Cow<'a, str>),
    Number(u64),
    Flag(bool),
    Prefix(Box<(Self, Self)>),
    Range(Box<(Self, Self)>),
    /// Any of them.
    Set(Vec<Self>),
    /// Bits, joined.
    Bits(Vec<Self>),
    Concat(Vec<Self>),
    /// Elements that are networks of IPv4.
    Networks(Packed),
    /// An element that is gone at some moment.
    Timed(Box<Self>),
    Unknown,
}

impl<'a> Piece<'a> {
    /// Reads what another reader of JSON has read.
    pub(super) fn of(value: &'a serde_json::Value) -> Self {
        Self::deserialize(value).unwrap_or(Self::Unknown)
    }

    /// The elements of a set, or the one that it is.
    pub(super) fn elements(&self) -> &[Self] {
        match self {
            Self::Set(all) => all,
            one => std::slice::from_ref(one),
        }
    }

    /// The set that a word refers to.
    pub(super) fn reference(&self) -> Option<&str> {
        match self {
            Self::Word(word) => word.strip_prefix('@'),
            _ => None,
        }
    }

    /// A list as what it is called.
    fn listed(self, kind: fn(Vec<Self>) -> Self) -> Self {
        match self {
            Self::Bits(all) => kind(all),
            one => kind(vec![one]),
        }
    }

    fn pair(self) -> Option<Box<(Self, Self)>> {
        let Self::Bits(all) = self else { return None };
        let [first, second]: [Self; 2] = all.try_into().ok()?;
        Some(Box::new((first, second)))
    }
}

impl From<serde_json::Value> for Piece<'_> {
    fn from(value: serde_json::Value) -> Self {
        Self::deserialize(value).unwrap_or(Self::Unknown)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Piece<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyPiece)
    }
}

/// The elements of a set of IPv4 addresses.
pub(super) struct AddressSet;

impl<'de> DeserializeSeed<'de> for AddressSet {
    type Value = Vec<Piece<'de>>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        from: D,
    ) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AddressSet {
    type Value = Vec<Piece<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the elements of a set of nft")
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut all: A,
    ) -> Result<Self::Value, A::Error> {
        let (mut networks, mut others) = (Packed::default(), Vec::new());
        while let Some(piece) = all.next_element::<Piece<'de>>()? {
            match domain::network(&piece) {
                Some(range) => networks.push(range),
                None => others.push(piece),
            }
        }
        others.push(Piece::Networks(networks));
        Ok(others)
    }
}

struct AnyPiece;

impl<'de> Visitor<'de> for AnyPiece {
    type Value = Piece<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of nft")
    }

    fn visit_borrowed_str<E>(self, word: &'de str) -> Result<Piece<'de>, E> {
        Ok(Piece::Word(Cow::Borrowed(word)))
    }

    fn visit_str<E>(self, word: &str) -> Result<Piece<'de>, E> {
        Ok(Piece::Word(Cow::Owned(word.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Piece<'de>, E> {
        Ok(Piece::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Piece<'de>, E> {
        Ok(Piece::Unknown)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Piece<'de>, E> {
        Ok(Piece::Unknown)
    }

    fn visit_unit<E>(self) -> Result<Piece<'de>, E> {
        Ok(Piece::Unknown)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Piece<'de>, E> {
        Ok(Piece::Flag(flag))
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut all: A,
    ) -> Result<Piece<'de>, A::Error> {
        let mut pieces = Vec::new();
        while let Some(piece) = all.next_element()? {
            pieces.push(piece);
        }
        Ok(Piece::Bits(pieces))
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> Result<Piece<'de>, A::Error> {
        let mut found = Piece::Unknown;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            found = match &*key {
                "prefix" => map.next_value::<Network<'de>>()?.piece(),
                "range" => {
                    let ends = map.next_value::<Piece<'de>>()?.pair();
                    ends.map_or(Piece::Unknown, Piece::Range)
                }
                "set" => map.next_value::<Piece<'de>>()?.listed(Piece::Set),
                "|" => map.next_value::<Piece<'de>>()?.listed(Piece::Bits),
                "concat" => {
                    map.next_value::<Piece<'de>>()?.listed(Piece::Concat)
                }
                "elem" => map.next_value::<Element<'de>>()?.piece(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    Piece::Unknown
                }
            };
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
struct Network<'a> {
    #[serde(borrow)]
    addr: Option<Piece<'a>>,
    #[serde(borrow)]
    len: Option<Piece<'a>>,
}

impl<'a> Network<'a> {
    fn piece(self) -> Piece<'a> {
        match (self.addr, self.len) {
            (Some(addr), Some(len)) => Piece::Prefix(Box::new((addr, len))),
            _ => Piece::Unknown,
        }
    }
}

#[derive(Deserialize)]
struct Element<'a> {
    #[serde(borrow)]
    val: Option<Piece<'a>>,
    timeout: Option<IgnoredAny>,
    expires: Option<IgnoredAny>,
}

impl<'a> Element<'a> {
    fn piece(self) -> Piece<'a> {
        let Some(value) = self.val else { return Piece::Unknown };
        if self.timeout.is_some() || self.expires.is_some() {
            Piece::Timed(Box::new(value))
        } else {
            value
        }
    }
}
