use std::net::IpAddr;

use proptest::prelude::*;

use super::{ports::without, *};
use crate::{
    Packet, Verdict, explain,
    managers::csf::{conf::Conf, load, text::lines},
    net::Family,
    snapshot::Process,
};

const CONF: &str = "TESTING = \"0\"\nLF_SPI = \"1\"\nIPV6 = \"1\"\n\
     IPV6_SPI = \"1\"\nUSE_CONNTRACK = \"1\"\nFASTSTART = \"1\"\n\
     DROP = \"DROP\"\nDROP_OUT = \"REJECT\"\nDROP_LOGGING = \"1\"\n\
     DROP_OUT_LOGGING = \"1\"\nPACKET_FILTER = \"1\"\n";

fn host(lists: &str, allow: &str) -> Snapshot {
    Snapshot::new()
        .with_file("/etc/csf/csf.conf", &format!("{CONF}{lists}"))
        .with_file("/etc/csf/csf.allow", allow)
        .with_file("/etc/csf/csf.deny", "")
}

fn ask(clients: &[Cidr], by_denying: bool) -> Ask<'_> {
    let protos = &[Proto::Tcp];
    Ask { port: 11211, protos, closed: protos, clients, by_denying }
}

fn nets(texts: &[&str]) -> Vec<Cidr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

macro_rules! removed {
    ($($name:ident: $list:literal => $rest:literal;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(without($list, 11211), $rest);
        }
    )*};
}

removed! {
    a_port_goes: "22,11211,80" => "22,80";
    it_goes_each_time: "11211,22,11211" => "22";
    blanks_stay: " 22 , 80" => " 22 , 80";
    a_range_is_split: "11200:11300" => "11200:11210,11212:11300";
    so_is_its_end: "11211:11213" => "11212:11213";
    one_that_is_left: "11210:11211" => "11210";
    an_open_range: "11200:" => "11200:11210,11212:65535";
    a_number_in_hex_is_no_list: "22,80" => "22,80";
    octal_is_another_port: "011211" => "011211";
}

#[test]
fn the_lines_are_exact() {
    let clients = nets(&["192.0.2.20", "2001:db8:1::/64"]);
    let host = host("TCP_IN = \"22,11211\" # ssh\n", "# mine");
    let changes = admit(&host, &ask(&clients, false)).unwrap();
    let after: Vec<_> =
        changes.iter().map(|c| c.after.as_deref().unwrap()).collect();
    assert_eq!(
        after[0],
        "# mine\ntcp|in|d=11211|s=192.0.2.20\ntcp|in|d=11211|s=2001:db8:1::/64\n"
    );
    assert!(after[1].ends_with("TCP_IN = \"22\" # ssh\n"));
}

#[test]
fn a_line_for_others_goes_and_the_others_stay() {
    let allow = "tcp|in|d=11211|s=192.0.2.21 # old\r\n\
        tcp|in|d=22|s=192.0.2.21\r\n192.0.2.22\r\n\
        d=11211|s=192.0.2.0/24\r\nudp|in|d=11211|s=192.0.2.20\r\n\
        tcp|in|d=11211,80|s=192.0.2.21\r\n";
    let clients = nets(&["192.0.2.20"]);
    let changes = admit(&host("", allow), &ask(&clients, false)).unwrap();
    let after = changes[0].after.as_deref().unwrap();
    assert_eq!(
        after,
        "tcp|in|d=22|s=192.0.2.21\r\n192.0.2.22\r\n\
         udp|in|d=11211|s=192.0.2.20\r\ntcp|in|d=11211,80|s=192.0.2.21\r\n\
         tcp|in|d=11211|s=192.0.2.20\r\n"
    );
}

#[test]
fn a_line_that_says_the_same_is_enough() {
    let clients = nets(&["192.0.2.20"]);
    let host = host("", "in|d=11211|s=192.0.2.20/32 # mine\n");
    assert!(admit(&host, &ask(&clients, false)).unwrap().is_empty());
}

macro_rules! refusals {
    ($($name:ident: $lists:literal $allow:literal $deny:literal
        $client:literal => $reason:literal;)*) => {$(
        #[test]
        fn $name() {
            let host = host($lists, $allow)
                .with_file("/etc/csf/csf.deny", $deny);
            let clients = nets(&[$client]);
            let error = admit(&host, &ask(&clients, false)).unwrap_err();
            assert!(error.message().contains($reason), "{error}");
        }
    )*};
}

refusals! {
    a_bad_line: "" "22\ntcp|in|d=11211x|s=192.0.2.20" "" "192.0.2.20"
        => "/etc/csf/csf.allow:2";
    a_bad_port: "TCP_IN = \"22;80\"\n" "" "" "192.0.2.20" => "22;80";
    a_client_like_this_host: "" "" "" "1a::5" => "this host";
    everybody: "" "" "" "0.0.0.0/0" => "everybody";
    a_denied_client: "" "" "192.0.2.0/24" "192.0.2.20" => "csf.deny:1";
    a_setting_twice: "DROP = \"DROP\"\n" "" "" "192.0.2.20" => "repeated";
}

#[test]
fn secrets_that_are_not_there_are_not_written() {
    let host = host("TCP_IN = \"11211\"\nUI_PASS = \"***\"\n", "");
    let error = admit(&host, &ask(&[], false)).unwrap_err();
    assert!(error.message().contains("by hand"));
    assert_eq!(admit(&host, &ask(&[], true)).unwrap().len(), 1);
}

#[test]
fn without_ipv6_there_are_no_clients_of_it() {
    let host = Snapshot::new().with_file("/etc/csf/csf.conf", "A = \"1\"\n");
    let clients = nets(&["2001:db8::1"]);
    let error = admit(&host, &ask(&clients, false)).unwrap_err();
    assert!(error.message().contains("IPV6 is off"));
}

/// Whether an address gets to the port once csf has loaded its files.
fn gets_in(host: &Snapshot, from: IpAddr) -> bool {
    let argv = ["-u", "nobody", "-l", "0.0.0.0,::"];
    let mut after = Snapshot::new().with_process(Process {
        argv: argv.map(str::to_owned).into(),
        version: Some("1.6.18".to_owned()),
        ..Process::default()
    });
    for dump in load(host).unwrap().unwrap().dumps {
        after = after.with_command(dump.command, &dump.text);
    }
    let to = match Family::of(from) {
        Family::Ipv4 => "198.51.100.1",
        Family::Ipv6 => "2001:db8:ffff::1",
    };
    let json =
        format!(r#"{{"from":"{from}","to":"{to}","proto":"tcp","in":"eth0"}}"#);
    let packet = Packet::from_json("packet", &json).unwrap();
    let found = explain(&after, &packet).unwrap();
    assert!(found.certain, "{found:?}");
    !matches!(found.verdict, Verdict::Dropped | Verdict::Rejected)
}

fn client() -> impl Strategy<Value = Cidr> {
    let v4 = (0x0100_0000_u32..0x7000_0000, 8_u8..=32).prop_map(|(n, bits)| {
        Cidr::truncated(IpAddr::V4(n.into()), bits).unwrap()
    });
    let v6 = (any::<u64>(), 32_u8..=128).prop_map(|(n, bits)| {
        let number = 0x2001_0db8_u128 << 96 | u128::from(n) << 8;
        Cidr::truncated(IpAddr::V6(number.into()), bits).unwrap()
    });
    prop_oneof![v4, v6]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn only_the_clients_get_in_and_twice_is_once(
        clients in prop::collection::vec(client(), 0..4),
        list in "(22|80|11211|11200:11300|:|1:){1,2}(,11211)?",
        by_denying in any::<bool>(),
        others in prop::collection::vec(client(), 1..4),
        known in 0..4_usize,
    ) {
        let lists = format!("TCP_IN = \"{list}\"\nTCP6_IN = \"{list}\"\n");
        let line = |net: &Cidr| format!("tcp|in|d=11211|s={net} # x\n");
        let known: String = others.iter().take(known).map(line).collect();
        let before = host(&lists, &format!("# nobody\n{known}"));
        let ask = ask(&clients, by_denying);
        let Ok(changes) = admit(&before, &ask) else { return Ok(()) };
        let after = applied(&before, &changes);
        prop_assert!(admit(&after, &ask).unwrap().is_empty());
        for net in clients.iter().chain(&others) {
            let from = net.address();
            let wanted = clients.iter().any(|client| client.contains(from));
            prop_assert_eq!(gets_in(&after, from), wanted, "{}", from);
        }
    }

    #[test]
    fn the_other_bytes_stay(
        text in "([A-Z]{1,3} ?= ?\"[0-9:,a ]{0,9}\"[#\" a]{0,3}|# \
                 ?[\u{e5}\u{85}a]{0,3})?(\r\n|\n|\r|\u{b})",
        list in "[0-9:, ]{0,12}",
    ) {
        let text = format!("{text}UDP_IN = \"{list}\"\n{text}");
        let before = Snapshot::new().with_file("/etc/csf/csf.conf", &text);
        let ask = ask(&[], false);
        prop_assert_eq!(super::ports::close(&before, &ask).unwrap(), None);
    }

    #[test]
    fn any_bytes_are_settings_or_an_error(
        conf in prop::collection::vec(any::<u8>(), 0..200),
        allow in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut host = host("", "");
        let content = Content::from(allow);
        host.files.insert("/etc/csf/csf.allow".into(), content.into());
        prop_assert!(load(&host).is_ok());
        let _ = Conf::read(&lines("csf.conf", &conf));
        let content = Content::from([CONF.as_bytes(), &conf].concat());
        host.files.insert("/etc/csf/csf.conf".into(), content.into());
        prop_assert!(load(&host).is_ok());
    }

    #[test]
    fn any_line_of_a_list_has_an_outcome(
        line in "(tcp|udp|icmp|[a-z|:=]{0,4})?\\|?(in|out)?\\|?[ds]=[0-9a-z_,:/.*\"']{0,9}\\|[ds]=[0-9a-f:./]{1,20}",
        fast in "[01]",
        ipset in "[01]",
    ) {
        let lists = format!("LF_IPSET = \"{ipset}\"\n");
        let host = host(&lists, &line);
        let mut host = host;
        let conf = format!("{CONF}{lists}")
            .replace("FASTSTART = \"1\"", &format!("FASTSTART = \"{fast}\""));
        host = host.with_file("/etc/csf/csf.conf", &conf);
        let load = load(&host).unwrap().unwrap();
        let mut after = Snapshot::new();
        for dump in load.dumps {
            after = after.with_command(dump.command, &dump.text);
        }
        let packet = Packet::from_json("p", r#"{"from":"192.0.2.1","to":"192.0.2.2","in":"eth0"}"#);
        prop_assert!(explain(&after, &packet.unwrap()).is_ok());
    }
}
