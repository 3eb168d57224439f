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
    format!("{:?}", rule.matches)
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
    a_header_is_a_condition_of_its_own: "-m rt --rt-type 0" = "-m rt --rt-type 0 --rt-segsleft 1" = "-f";
    what_is_not_known_is_unknown: "-m time --timestart 10:00"
        = "-m geoip --source-country DE" = "-m string --string \"-j DROP\"";
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
    a_chain_that_calls_itself: "*filter\n:A - [0:0]\n-A A -j A\nCOMMIT\n",
        "iptables-save:3:1: chain A jumps to itself";
    a_loop: "*filter\n:A - [0:0]\n:B - [0:0]\n-A A -j B\n-A B -g A\nCOMMIT\n",
        "iptables-save:5:1: chain A, left at line 4, is jumped to again";
    no_address: "*filter\n-A INPUT -s 300.1.1.1 -j DROP\nCOMMIT\n",
        "iptables-save:2:13: \"300.1.1.1\" is not an address";
    text_around: "$ iptables-save\n*filter\nCOMMIT\n",
        "iptables-save:1:1: not in a table: expected a line like *filter";
}
