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
        // Most are of the internet, which the widest tells.
        let scopes = [Self::Private, Self::Link, Self::Host];
        let within =
            |scope: &Self| sources.is_subset(&up_to(*scope, sources.family()));
        let last = scopes.into_iter().take_while(within).last();
        last.unwrap_or(Self::Internet)
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
