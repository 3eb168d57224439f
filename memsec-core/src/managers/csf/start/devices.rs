use super::super::conf::Conf;
use crate::{
    Error, Snapshot,
    net::{Family, interfaces},
};

/// Which interfaces the rules are for: `getethdev` in csf.pl.
#[derive(Clone, Debug)]
pub(super) struct Devices {
    v4: Option<String>,
    v6: Option<String>,
    /// "-m conntrack --ctstate".
    state: &'static str,
    /// Whether the rules ask for new connections, by family.
    new: [bool; 2],
    /// The interfaces of the host, if they are known.
    pub interfaces: Option<Vec<String>>,
    /// The addresses of the host.
    pub own: Vec<std::net::IpAddr>,
}

/// The words of the rules of a family.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub family: Family,
    pub input: String,
    pub output: String,
    /// Those of IPv4, which csf uses for IPv6 here and there.
    pub input4: String,
    pub output4: String,
    /// "-m conntrack --ctstate".
    pub state: &'static str,
    /// "-m conntrack --ctstate NEW", or nothing.
    pub new: String,
    pub new4: String,
}

impl Devices {
    pub(super) fn new(snapshot: &Snapshot, conf: &Conf) -> Result<Self, Error> {
        let known = snapshot.output("ip -j address");
        let known = known.map(|text| interfaces(&text)).transpose()?;
        let all = known.iter().flatten();
        let own = all.flat_map(|i| {
            Family::BOTH.into_iter().flat_map(|family| i.of(family))
        });
        let device = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let v4 = conf.get("ETH_DEVICE").split(':').next().unwrap_or_default();
        Ok(Self {
            v4: device(v4),
            v6: device(conf.get("ETH6_DEVICE")),
            state: match conf.on("USE_CONNTRACK") {
                true => "-m conntrack --ctstate",
                false => "-m state --state",
            },
            new: [conf.on("LF_SPI"), conf.on("IPV6_SPI")],
            own: own.collect(),
            interfaces: known.map(|all| {
                all.into_iter().map(|interface| interface.name).collect()
            }),
        })
    }

    pub(super) fn of(&self, family: Family) -> Device {
        let v4 = self.v4.as_deref();
        let (name, new) = match family {
            Family::Ipv4 => (v4, self.new[0]),
            Family::Ipv6 => (self.v6.as_deref().or(v4), self.new[1]),
        };
        let words = |option: &str, name: Option<&str>| match name {
            Some(name) => format!("{option} {name}"),
            None => format!("! {option} lo"),
        };
        let state = |new: bool| match new {
            true => format!("{} NEW", self.state),
            false => String::new(),
        };
        Device {
            family,
            input: words("-i", name),
            output: words("-o", name),
            input4: words("-i", v4),
            output4: words("-o", v4),
            state: self.state,
            new: state(new),
            new4: state(self.new[0]),
        }
    }
}
