use crate::{Snapshot, netfilter::Ruleset};

fn read(text: &str) -> Result<Ruleset, String> {
    let snapshot = Snapshot::new().with_command("iptables-save", text);
    Ruleset::new(&snapshot).map_err(|error| error.to_string())
}

/// The matches of the first rule, as text.
fn matches(rule: &str) -> String {
    let text = format!("*filter\n-A INPUT {rule}\nCOMMIT\n");
    let ruleset = read(&text).unwrap();
    let rule = &ruleset.tables[0].chains[0].rules[0];
    format!("{:?} {:?}", rule.origin, rule.matches())
}

macro_rules! same {
    ($($name:ident: $($text:literal)=*;)*) => {$(
        #[test]
        fn $name() {
            let all = [$(matches($text)),*];
            assert!(all.iter().all(|one| *one == all[0]), "{all:#?}");
        }
    )*};
}

same! {
    host_bits_are_masked:
        "-s 10.0.0.7/24" = "-s 10.0.0.0/255.255.255.0" = "--source 10/24";
    a_list_is_a_union: "-s 10.0.0.0,10.0.0.1" = "-s 10.0.0.0/31";
    a_mask_may_have_holes: "-s 10.9.0.1/255.254.255.255"
        = "-s 10.8.0.1,10.9.0.1";
    not_stands_before_or_behind: "! -d 10.0.0.1" = "-d ! 10.0.0.1";
    all_is_no_condition: "-p all" = "-p 0" = "";
    syn_is_short: "-p tcp --syn"
        = "-p 6 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN";
    state_is_conntrack: "-m state --state NEW,RELATED"
        = "-m conntrack --ctstate RELATED,NEW";
    comments_say_nothing: "-p udp -m comment --comment \"-j a \\\" b\""
        = "-p udp";
    ports_are_sets: "-p tcp -m multiport --dports 1:3,4,9"
        = "-p tcp -m multiport --dports 9,1:4";
    ranges_are_sets: "-m iprange --src-range 10.0.0.0-10.0.0.3"
        = "-s 10.0.0.0/30";
    a_header_is_a_condition_of_its_own: "-m rt --rt-type 0" = "-m rt --rt-type 0 --rt-segsleft 1";
    what_time_or_chance_decides_is_undecided: "-m time --timestart 10:00"
        = "-m geoip --source-country DE" = "-m string --string \"-j DROP\""
        = "-m limit --limit 3/min --limit-burst 5"
        = "-m mac --mac-source 00:11:22:33:44:55"
        = "-m recent --rcheck --seconds 9 --name x --mask 255.255.255.255";
    who_is_noted_is_no_condition: "-m recent --set --name x --rsource" = "";
    a_name_of_a_host_is_undecided: "-s example.org" = "-m owner --uid-owner 0";
    bytes_may_be_octal: "-s 192.0.2.020" = "-s 192.0.2.16";
    names_of_icmp_are_numbers: "-p icmp -m icmp --icmp-type ping"
        = "-p icmp --icmp-type 8" = "-p 1 --icmp-type echo-request";
    marks_are_numbers: "-m mark --mark 16/255" = "-m mark --mark 0x10/0xff";
}

macro_rules! fails {
    ($($name:ident: $text:literal, $message:literal;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(read($text).unwrap_err(), $message);
        }
    )*};
}

fails! {
    a_dump_that_is_cut_off: "*filter\n-A INPUT -j DROP\n",
        "iptables-save:1:1: table filter: cut off: no COMMIT";
    a_chain_that_is_not_there: "*filter\n-A INPUT -j NONE\nCOMMIT\n",
        "iptables-save:2:13: there is no chain NONE";
    a_chain_that_calls_itself: "*filter\n:A - [0:0]\n-A INPUT -j A\n-A A -j A\nCOMMIT\n",
        "iptables-save:4:1: chain A jumps to itself";
    a_loop: "*filter\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A B -g A\nCOMMIT\n",
        "iptables-save:6:1: chain A, left at line 5, is jumped to again";
    no_address: "*filter\n-A INPUT -s 300.1.1.1 -j DROP\nCOMMIT\n",
        "iptables-save:2:13: \"300.1.1.1\" is not an address";
    no_table_at_all: "$ iptables-save\nno such command\n",
        "iptables-save:1:1: not in a table: expected a line like *filter";
    a_rule_in_no_table: "-A INPUT -j DROP\n*filter\nCOMMIT\n",
        "iptables-save:1:1: not in a table: expected a line like *filter";
    a_table_that_is_not_ended: "*nat\n*filter\nCOMMIT\n",
        "iptables-save:1:1: table nat: cut off: no COMMIT";
}

/// Both back ends load it: seen with 1.8.9.
#[test]
fn a_loop_that_no_packet_enters_is_no_error() {
    let text =
        "*filter\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -j A\nCOMMIT\n";
    assert!(read(text).is_ok());
}

/// The conditions and the action of the first rule of a table.
fn rule(table: &str, rule: &str) -> String {
    let text = format!("*{table}\n-A PREROUTING {rule}\nCOMMIT\n");
    let ruleset = read(&text).unwrap();
    let rule = &ruleset.tables[0].chains[0].rules[0];
    let tests = rule.matches().iter().map(|one| {
        let not = if one.negated { "not " } else { "" };
        format!("{not}{:?}", one.test)
    });
    let tests: Vec<_> = tests.collect();
    format!("{} {:?}", tests.join(" "), rule.action()).trim().to_owned()
}

macro_rules! means {
    ($($name:ident: $table:literal $text:literal => $want:literal;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(rule($table, $text), $want);
        }
    )*};
}

means! {
    a_later_fragment: "raw" "! -f" => "not LaterFragment Continue";
    a_connection_without_states:
        "raw" "-m conntrack --ctdir REPLY --ctstatus ASSURED -m tcp"
        => "Connection { of: Reply(true), without: false } \
            Connection { of: Status(Status(4)), without: false } Continue";
    a_connection_with_states:
        "raw" "-m conntrack --ctstate NEW --ctorigdst 10.0.0.1"
        => "State(State(8)) Connection { of: \
            OriginalDestination({(167772161, 167772161)}), without: true } \
            Continue";
    states_of_another_match:
        "raw" "-m state --state NEW -m conntrack ! --ctproto udp"
        => "State(State(8)) \
            not Connection { of: OriginalProtocol({(17, 17)}), without: false \
            } Continue";
    ports_of_the_answers: "raw" "-m conntrack --ctreplsrcport 80:90"
        => "Connection { of: ReplySourcePort({(80, 90)}), without: false } \
            Continue";
    a_mark_of_the_connection: "raw" "-m connmark --mark 0x1/0x3"
        => "ConnectionMark { mask: 3, values: {(1, 1)} } Continue";
    types_of_an_interface:
        "raw" "-m addrtype ! --dst-type LOCAL --limit-iface-in"
        => "not TypeHere { source: false, types: AddressType(4) } Continue";
    the_way_back: "raw" "-m rpfilter --loose --invert"
        => "not ReversePath { loose: true } Continue";
    a_frame: "raw" "-m pkttype --pkt-type unicast"
        => "PacketType(PacketType(1)) Continue";
    a_type_and_a_code: "raw" "-p icmp --icmp-type 3/4"
        => "Protocol({(1, 1)}) \
            Icmp([IcmpType { kind: 3, codes: (4, 4) }]) Continue";
    a_port_without_a_protocol: "raw" "-m tcp --dport 22"
        => "DestinationPort({(22, 22)}) Unknown Continue";
    either_port: "raw" "-p udp -m multiport --ports 53,60:61"
        => "Protocol({(17, 17)}) EitherPort({(53, 53), (60, 61)}) Continue";
    a_match_that_is_not_known: "raw" "-m magic --spell 7 -j DROP"
        => "Unknown Drop";
    set_mark: "mangle" "-j MARK --set-mark 0x4"
        => "Mark(Packet(MarkChange { keep: 0, flip: 4 }))";
    set_xmark: "mangle" "-j MARK --set-xmark 0x4/0xff"
        => "Mark(Packet(MarkChange { keep: 4294967040, flip: 4 }))";
    or_mark: "mangle" "-j MARK --or-mark 0x4"
        => "Mark(Packet(MarkChange { keep: 4294967291, flip: 4 }))";
    and_mark: "mangle" "-j MARK --and-mark 0x4"
        => "Mark(Packet(MarkChange { keep: 4, flip: 0 }))";
    xor_mark: "mangle" "-j CONNMARK --xor-mark 0x4"
        => "Mark(Connection(MarkChange { keep: 4294967295, flip: 4 }))";
    save_mark: "mangle" "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf0"
        => "Mark(Save { from: 255, to: 240 })";
    restore_mark:
        "mangle" "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0"
        => "Mark(Restore { from: 240, to: 255 })";
    dnat: "nat" "-j DNAT --to-destination 10.0.0.1-10.0.0.4:80-90 --random"
        => "Translate(Translation { of: \
            Destination(Some((167772161, 167772164))), \
            ports: Some((80, 90)) })";
    dnat_of_a_port: "nat" "-p tcp -j DNAT --to-destination :80"
        => "Protocol({(6, 6)}) Translate(Translation { of: \
            Destination(None), ports: Some((80, 80)) })";
    redirect: "nat" "-p tcp -j REDIRECT --to-ports 8080"
        => "Protocol({(6, 6)}) Translate(Translation { of: Redirect, \
            ports: Some((8080, 8080)) })";
    netmap: "nat" "-j NETMAP --to 10.1.0.0/24"
        => "Translate(Translation { of: Network { address: 167837696, \
            prefix: 24 }, ports: None })";
    masquerade: "nat" "-j MASQUERADE"
        => "Translate(Translation { of: Source, ports: None })";
    notrack: "raw" "-j CT --notrack" => "NoTrack";
    a_zone: "raw" "-j CT --zone 5" => "Zone";
    a_helper: "raw" "-p tcp -j CT --helper ftp"
        => "Protocol({(6, 6)}) Continue";
    a_queue: "mangle" "-j NFQUEUE --queue-num 7 --queue-bypass"
        => "Queue { bypass: true }";
    a_proxy: "mangle" "-j TPROXY --on-port 50 --tproxy-mark 0x1"
        => "Unknown(\"TPROXY\")";
}

fn notes(text: &str) -> Vec<(bool, String)> {
    let ruleset = read(text).unwrap();
    let all = ruleset.all_unread().filter(|unread| !unread.everything);
    all.map(|unread| (unread.weighs, unread.what.clone())).collect()
}

#[test]
fn text_around_tables_is_noted() {
    let text = "$ iptables-save\n*filter\nCOMMIT \n$ exit\n";
    let around = "text around the tables is passed over".to_owned();
    assert_eq!(notes(text), [(false, around)]);
}

#[test]
fn a_table_that_is_not_known_is_noted() {
    let text = "*magic\n:SPELL - [0:0]\n-A SPELL -j X\nCOMMIT\n";
    let what = "the table magic: there is none of that name".to_owned();
    assert_eq!(notes(text), [(true, what)]);
}

#[test]
fn a_warning_of_rules_that_are_not_shown_is_noted() {
    let text = "# Generated by iptables-save v1.8.9 (nf_tables)\n*filter\n\
        COMMIT\n# Warning: iptables-legacy tables present, use \
        iptables-legacy-save to see them\n";
    let what = "more of the firewall: no output of iptables-legacy-save";
    assert_eq!(notes(text), [(true, what.to_owned())]);
}

#[test]
fn both_back_ends_count() {
    let dump = |rule| format!("*filter\n:INPUT ACCEPT\n{rule}COMMIT\n");
    let nft = "# Generated by iptables-save v1.8.9 (nf_tables)\n";
    let snapshot = Snapshot::new()
        .with_command("iptables-save", &format!("{nft}{}", dump("")))
        .with_command("iptables-nft-save", &format!("{nft}{}", dump("")))
        .with_command("iptables-legacy-save", &dump("-A INPUT -j DROP\n"));
    assert_eq!(Ruleset::new(&snapshot).unwrap().tables.len(), 2);
}

#[test]
fn rules_that_say_the_same_share_it() {
    let text = "*filter\n-A INPUT -s 10.0.0.1/32 -j DROP\n\
        -A INPUT ! -s 10.0.0.0/8 -j DROP\n-A INPUT -j DROP\nCOMMIT\n";
    let ruleset = read(text).unwrap();
    let chain = &ruleset.tables[0].chains[0];
    let all = chain
        .rules
        .iter()
        .map(|rule| (rule.origin.range(), chain.span(rule).line()));
    let one = (false, (0x0a00_0001, 0x0a00_0001));
    let ten = (true, (0x0a00_0000, 0x0aff_ffff));
    let all: Vec<_> = all.collect();
    assert_eq!(all, [(Some(one), 2), (Some(ten), 3), (None, 4)]);
}

#[test]
fn addresses_of_ipv6_stand_apart_too() {
    let text = "*filter\n-A INPUT -s 2001:db8::/32 -j DROP\n\
        -A INPUT ! -s ::1/128 -j DROP\n-A INPUT -s 2001:db8::1 -j DROP\nCOMMIT\n";
    let snapshot = Snapshot::new().with_command("ip6tables-save", text);
    let ruleset = Ruleset::new(&snapshot).unwrap();
    let rules = &ruleset.tables[0].chains[0].rules;
    assert!(rules.iter().all(|rule| rule.matches().is_empty()));
    let all = rules.iter().map(|rule| rule.origin.range().unwrap());
    let start = 0x2001_0db8_u128 << 96;
    let net = (false, (start, start | (u128::MAX >> 32)));
    let one = (false, (start | 1, start | 1));
    assert_eq!(all.collect::<Vec<_>>(), [net, (true, (1, 1)), one]);
}

fn chains(legacy: &str) -> usize {
    let save = "# Generated by iptables-save v1.8.9 on Mon\n*filter\n\
        :INPUT DROP [1:2]\n-A INPUT -j ACCEPT\nCOMMIT\n";
    let snapshot = Snapshot::new()
        .with_command("iptables-save", save)
        .with_command("iptables-legacy-save", legacy);
    Ruleset::new(&snapshot).unwrap().tables.len()
}

#[test]
fn the_same_dump_again_counts_once() {
    let same = "*filter\n:INPUT DROP [7:9]\n-A INPUT -j ACCEPT\nCOMMIT\n";
    assert_eq!(chains(same), 1);
    assert_eq!(chains(&same.replace("DROP", "ACCEPT")), 2);
}

#[test]
fn a_later_section_replaces_the_first_and_crlf_is_blank() {
    let text = "*filter\r\n-A INPUT -j DROP\r\nCOMMIT\r\n\
        # Warning: x\n*filter\n:INPUT ACCEPT\n-6 -A INPUT -j DROP\n\
        [1:2] -A INPUT -j ACCEPT\n-I INPUT 2 -j LOG\nCOMMIT \n";
    let ruleset = read(text).unwrap();
    let chain = &ruleset.tables[0].chains[0];
    let lines = chain.rules.iter().map(|rule| chain.span(rule).line());
    let lines: Vec<_> = lines.collect();
    assert_eq!((ruleset.tables.len(), lines), (1, vec![8, 9]));
}
