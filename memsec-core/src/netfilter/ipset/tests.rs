use super::*;
use crate::net::Bounded;

const SETS: &str = "create a hash:ip family inet hashsize 1024
add a 192.0.2.7
create n hash:net family inet comment
add n 10.0.0.0/8 comment \"all nomatch\"
add n 10.1.0.0/16 nomatch
add n 10.1.2.0/24
create six hash:net family inet6
add six 2001:db8::/32
create p hash:ip,port family inet
add p 192.0.2.7,tcp:80
add p 192.0.2.7,443
create mixed hash:ip,port family inet
add mixed 192.0.2.7,tcp:80
add mixed 192.0.2.8,tcp:80
add mixed 192.0.2.8,udp:53
add mixed 192.0.2.8,icmp:8/0
add mixed 192.0.2.8,gre:0
create np hash:net,port family inet
add np 10.0.0.0/8,tcp:80
add np 10.1.0.0/16,tcp:80 nomatch
add np 10.1.0.0/16,udp:80
create nn hash:net,net family inet
add nn 10.0.0.0/8,192.0.2.0/24
add nn 11.0.0.0/8,192.0.2.0/24
create nn2 hash:net,net family inet
add nn2 10.0.0.0/8,192.0.2.0/24
add nn2 10.1.0.0/16,192.0.2.0/24 nomatch
create npn hash:net,port,net family inet
add npn 10.0.0.0/8,tcp:80,192.0.2.0/24
create ipi hash:ip,port,ip family inet
add ipi 10.0.0.1,udp:53,192.0.2.1
create ipn hash:ip,port,net family inet
add ipn 10.0.0.1,tcp:80-81,192.0.2.0/24
add ipn 10.0.0.1,tcp:80-81,192.0.2.128/25 nomatch
create ni hash:net,iface family inet
add ni 10.0.0.0/8,eth0
add ni 10.0.0.0/8,wg wildcard
add ni 11.0.0.0/8,eth0
create nip hash:net,iface family inet
add nip 10.0.0.0/8,physdev:eth0
create im hash:ip,mark family inet markmask 0x000000ff
add im 10.0.0.1,0x00000003
create b bitmap:port range 0-65535
add b 80
add b 90-91
create bm bitmap:ip,mac range 10.0.0.0-10.0.0.255
add bm 10.0.0.1,00:11:22:33:44:55
add bm 10.0.0.2
create m hash:mac hashsize 64
add m 00:11:22:33:44:55
create mask hash:ip family inet netmask 24
add mask 10.0.0.0
create t hash:ip family inet timeout 0
add t 192.0.2.7 timeout 9
add t 192.0.2.8 timeout 0
add t 192.0.2.9
create new hash:new family inet
add new x
create l list:set size 8
add l a
add l n
add l six
create lp list:set size 8
add lp a
add lp p
create lost list:set size 8
add lost none
";

fn asked(name: &str, directions: &str) -> String {
    let source = Source::new("ipset save", SETS.to_owned());
    let sets = Sets::new(&source, &["changed".to_owned()]).unwrap();
    let found = sets.asked(Family::Ipv4, name, directions);
    found.map_or("unknown".to_owned(), |test| shown(&test))
}

fn shown(test: &Test) -> String {
    match test {
        Test::Source(set) => format!("from {}", set.ranges().len()),
        Test::Destination(set) => format!("to {}", set.ranges().len()),
        Test::DestinationPort(set) => format!("dport {:?}", ranges(set)),
        Test::SourcePort(set) => format!("sport {:?}", ranges(set)),
        Test::Protocol(set) => format!("proto {:?}", ranges(set)),
        Test::Either(lists) => {
            let lists = lists.iter().map(|list| {
                let all: Vec<_> =
                    list.iter().map(|one| shown(&one.test)).collect();
                all.join(" ")
            });
            lists.collect::<Vec<_>>().join(" | ")
        }
        other => format!("{other:?}"),
    }
}

fn ranges<T: Bounded>(set: &RangeSet<T>) -> Vec<(T, T)> {
    set.ranges().collect()
}

macro_rules! asks {
    ($($name:ident: $set:literal $directions:literal => $want:literal)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(asked($set, $directions), $want);
        })*
    };
}

asks! {
    addresses: "a" "src" => "from 1"
    destinations: "a" "dst" => "to 1"
    further_flags_are_ignored: "a" "src,dst" => "from 1"
    the_longest_prefix_decides: "n" "src" => "from 3"
    another_family: "six" "src" => "unknown"
    too_few_flags_never_match: "p" "src" => "from 0"
    no_protocol_is_tcp: "p" "src,dst"
        => "from 1 proto [(6, 6)] dport [(80, 80), (443, 443)]"
    several_protocols: "mixed" "src,src" => "from 1 proto [(6, 6)] sport [(80, 80)] \
        | from 1 proto [(1, 1)] Icmp([IcmpType { kind: 8, codes: (0, 0) }]) \
        | from 1 proto [(17, 17)] sport [(53, 53)] | from 1 proto [(47, 47)]"
    the_prefix_is_of_one_port: "np" "src,dst"
        => "from 2 proto [(6, 6)] dport [(80, 80)] \
            | from 1 proto [(17, 17)] dport [(80, 80)]"
    two_networks: "nn" "src,dst" => "from 1 to 1"
    two_networks_and_not: "nn2" "src,dst" => "unknown"
    three_parts: "npn" "src,dst,dst" => "from 1 proto [(6, 6)] dport [(80, 80)] to 1"
    two_addresses: "ipi" "src,src,dst" => "from 1 proto [(17, 17)] sport [(53, 53)] to 1"
    the_prefix_of_the_third: "ipn" "dst,dst,src"
        => "to 1 proto [(6, 6)] dport [(80, 81)] from 1"
    interfaces: "ni" "src,src"
        => "from 1 In([Prefix(\"wg\")]) | from 1 In([Exact(\"eth0\")])"
    a_port_of_a_bridge: "nip" "src,src" => "unknown"
    marks: "im" "src,src"
        => "from 1 Mark { mask: 255, values: {(3, 3)} }"
    ports: "b" "dst" => "dport [(80, 80), (90, 91)]"
    an_address_with_any_mac: "bm" "src,src" => "from 1 Undecided | from 1"
    macs: "m" "src" => "Undecided"
    a_netmask: "mask" "src" => "from 1"
    what_expires: "t" "src" => "from 1 | from 1 Undecided"
    a_type_that_is_not_known: "new" "src" => "unknown"
    members_of_this_family: "l" "src" => "from 1 | from 3"
    members_of_more_dimensions: "lp" "src" => "from 1"
    members_of_two_dimensions: "lp" "src,dst"
        => "from 1 | from 1 proto [(6, 6)] dport [(80, 80), (443, 443)]"
    a_member_that_is_lost: "lost" "src" => "unknown"
    no_such_set: "x" "src" => "unknown"
}

#[test]
fn other_text_is_an_error() {
    let source = Source::new("ipset save", "create\n".to_owned());
    assert!(Sets::new(&source, &[]).is_err());
}

#[test]
fn a_set_that_rules_change_is_not_known() {
    let source = Source::new("ipset save", SETS.to_owned());
    let sets = Sets::new(&source, &["a".to_owned()]).unwrap();
    assert!(sets.asked(Family::Ipv4, "a", "src").is_none());
}
