use std::sync::LazyLock;

use super::Scope;
use crate::{
    Cidr,
    net::{Family, IpSet},
};

/// Networks that are nearer than the internet, by the scope that they are
/// of: RFC 1122 and 4291 (loopback, link-local), RFC 1918, 4193 and 6598.
const NEAR: &[(&str, Scope)] = &[
    ("127.0.0.0/8", Scope::Host),
    ("::1/128", Scope::Host),
    ("169.254.0.0/16", Scope::Link),
    ("fe80::/10", Scope::Link),
    ("10.0.0.0/8", Scope::Private),
    ("172.16.0.0/12", Scope::Private),
    ("192.168.0.0/16", Scope::Private),
    ("100.64.0.0/10", Scope::Private),
    ("fc00::/7", Scope::Private),
];

impl Scope {
    /// The least scope that a whole set of sources lies within.
    pub(crate) fn of(sources: &IpSet) -> Self {
        let own =
            UP_TO.iter().filter(|(_, set)| set.family() == sources.family());
        let within = own.take_while(|(_, set)| sources.is_subset(set));
        within.last().map_or(Self::Internet, |(scope, _)| *scope)
    }

    /// Its name: "internet".
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Link => "link",
            Self::Private => "private",
            Self::Internet => "internet",
        }
    }
}

/// The sources up to each scope but the internet. Most are of that, which
/// the widest tells: it comes first.
static UP_TO: LazyLock<Vec<(Scope, IpSet)>> = LazyLock::new(|| {
    let scopes = [Scope::Private, Scope::Link, Scope::Host].into_iter();
    let sets = scopes.flat_map(|scope| {
        Family::BOTH.map(|family| (scope, up_to(scope, family)))
    });
    sets.collect()
});

fn up_to(scope: Scope, family: Family) -> IpSet {
    let near = NEAR.iter().filter(|(_, of)| *of <= scope);
    IpSet::of(family, near.filter_map(|(net, _)| net.parse::<Cidr>().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! scopes {
        ($($name:ident: $nets:expr => $scope:ident;)*) => {$(
            #[test]
            fn $name() {
                let nets: &[&str] = &$nets;
                let nets = nets.iter().map(|net| net.parse::<Cidr>().unwrap());
                let nets: Vec<_> = nets.collect();
                let family =
                    nets.first().map_or(Family::Ipv4, |net| net.family());
                let set = IpSet::of(family, nets);
                assert_eq!(Scope::of(&set), Scope::$scope);
            }
        )*};
    }

    scopes! {
        nobody_is_no_farther_than_the_host: [] => Host;
        loopback_is_the_host: ["127.0.0.0/8"] => Host;
        link_local_is_the_link: ["fe80::/64"] => Link;
        a_lan_is_private: ["10.20.0.0/24", "192.168.1.7"] => Private;
        carrier_grade_nat_is_private: ["100.64.0.0/10"] => Private;
        one_public_address_is_the_internet:
            ["10.0.0.0/8", "192.0.2.1"] => Internet;
        everything_is_the_internet: ["::/0"] => Internet;
    }
}
