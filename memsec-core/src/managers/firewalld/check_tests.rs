//! What makes firewalld fall back to its stock configuration.

use super::load;
use crate::Snapshot;

/// What firewalld refuses of a zone with one rule, where there are a service
/// with an address of its own and one that includes it.
fn refused(rule: &str) -> Option<String> {
    let zone = format!(
        r#"<zone><interface name="eth0"/><rule family="ipv4">{rule}</rule></zone>"#
    );
    let own = r#"<service><port port="22" protocol="tcp"/>
        <destination ipv4="192.0.2.10"/></service>"#;
    let joined = r#"<service><include service="own"/></service>"#;
    let snapshot = Snapshot::new()
        .with_file("/etc/firewalld/zones/public.xml", &zone)
        .with_file("/etc/firewalld/services/own.xml", own)
        .with_file("/etc/firewalld/services/joined.xml", joined);
    let unknown = load(&snapshot).unwrap().unwrap().unknown;
    let (_, rest) = unknown.first()?.0.split_once('(')?;
    rest.split_once(')').map(|(what, _)| what.to_owned())
}

macro_rules! refusals {
    ($($name:ident: $rule:literal => $what:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(refused($rule).as_deref(), $what);
        }
    )*};
}

refusals! {
    a_type_of_icmp_needs_an_action:
        r#"<icmp-type name="echo-request"/><log prefix="only"/>"#
        => Some("an icmp-type without an action");
    a_block_of_icmp_is_one:
        r#"<icmp-block name="echo-request"/><log prefix="only"/>"# => None;
    an_included_service_has_an_address_already:
        r#"<destination address="192.0.2.10"/><service name="joined"/>
           <accept/>"# => Some("a destination beside that of a service");
    a_source_goes_with_it:
        r#"<source address="192.0.2.20"/><service name="joined"/><accept/>"#
        => None;
}
