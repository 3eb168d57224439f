//! Configurations of firewalld at random.

use crate::managers::random::Random;

/// Text for one of several things that a configuration may have.
type Piece = fn(&mut Random) -> String;

const SOURCES: &[&str] = &[
    "192.0.2.20",
    "192.0.2.0/24",
    "192.0.2.21/255.255.255.254",
    "198.51.100.0/24",
    "2001:db8:1::20",
    "2001:db8:1::/64",
    "0.0.0.0/0",
    "::/0",
];

/// Of whom no two zones may have the same.
const BOUND: [(&str, &[&str]); 4] = [
    (
        "work",
        &[
            "",
            "<interface name=\"eth1\"/>",
            "<interface name=\"eth1\"/>",
            "<interface name=\"eth1\"/>",
            "<source ipset=\"macs\"/>",
        ],
    ),
    (
        "public",
        &[
            "",
            "<interface name=\"eth0\"/>",
            "<interface name=\"eth+\"/>",
            "<interface name=\"eth0\"/><interface name=\"eth2\"/>",
        ],
    ),
    (
        "aaa",
        &[
            "<source address=\"192.0.2.20\"/>",
            "<source address=\"192.0.2.0/24\"/>",
            "<source address=\"192.0.2.21/255.255.255.254\"/>",
            "<source ipset=\"some\"/>",
            "<source ipset=\"six\"/>",
            "<source mac=\"02:00:00:00:00:14\"/>",
        ],
    ),
    (
        "zzz",
        &[
            "<source address=\"198.51.100.0/24\"/>",
            "<source address=\"2001:db8:1::20\"/>",
            "<source address=\"2001:db8:1::/64\"/>",
            "<source address=\"198.51.100.7\"/><interface name=\"eth3\"/>",
        ],
    ),
];

const PORTS: &[&str] =
    &["11211", "11200-11300", "22", "11212", "53", "1-65535"];

fn port(r: &mut Random) -> String {
    let protocol = r.of(&["tcp", "tcp", "tcp", "udp", "udp", "sctp"]);
    format!("port=\"{}\" protocol=\"{protocol}\"", r.of(PORTS))
}

fn forward_port(r: &mut Random) -> String {
    let port = port(r);
    let to = r.of(&[
        "to-port=\"11211\"",
        "to-port=\"11211-11212\"",
        "to-addr=\"10.30.0.2\"",
        "to-port=\"11211\" to-addr=\"10.30.0.2\"",
        "to-port=\"11211\" to-addr=\"\"",
    ]);
    format!("<forward-port {port} {to}/>")
}

const SERVICES: &[&str] =
    &["ssh", "memcache", "dns", "samba-client", "http", "own", "joined"];

fn end(r: &mut Random, of: &str, family: &str) -> String {
    let invert = r.of(&["", "", "", "", "invert=\"True\"", "invert=\"yes\""]);
    let six = family == "ipv6";
    let same: Vec<_> = SOURCES
        .iter()
        .copied()
        .filter(|text| text.contains(':') == six)
        .collect();
    let own = if six { "2001:db8:1::10" } else { "192.0.2.10" };
    let what = match (of, r.below(8)) {
        ("source", 0) => "mac=\"02:00:00:00:00:14\"".to_owned(),
        (_, 1) => {
            format!("ipset=\"{}\"", if six { "six" } else { "some" })
        }
        ("destination", 2..=5) => format!("address=\"{own}\""),
        _ => format!("address=\"{}\"", r.of(&same)),
    };
    format!("<{of} {what} {invert}/>")
}

const ELEMENTS: [Piece; 10] = [
    |r| format!("<service name=\"{}\"/>", r.of(SERVICES)),
    |r| {
        let of = r.of(&["udp", "tcp", "6", "gre", "esp"]);
        format!("<protocol value=\"{of}\"/>")
    },
    |r| {
        let of = r.of(&["echo-request", "redirect", "neighbour-solicitation"]);
        format!("<icmp-block name=\"{of}\"/>")
    },
    |_| "<icmp-type name=\"echo-request\"/>".to_owned(),
    |r| format!("<source-port {}/>", port(r)),
    |r| format!("<port {}/>", port(r)),
    |r| format!("<port {}/>", port(r)),
    |_| "<masquerade/>".to_owned(),
    forward_port,
    |_| String::new(),
];

const ACTIONS: &[&str] = &[
    "<accept/>",
    "<accept/>",
    "<accept/>",
    "<drop/>",
    "<reject/>",
    "<reject type=\"icmp-admin-prohibited\"/>",
    "<reject type=\"icmp6-port-unreachable\"/>",
    "<log prefix=\"x\" level=\"info\"><limit value=\"1/m\"/></log><accept/>",
    "<log/><drop/>",
    "<audit><limit value=\"3/h\"/></audit><accept/>",
    "<nflog group=\"3\"/><accept/>",
    "<accept><limit value=\"2/m\"/></accept>",
    "<drop><limit value=\"2/m\"/></drop>",
    "<mark set=\"0x10\"/>",
    "<mark set=\"0x10/0xff\"/>",
    "<accept/><drop/>",
    "<reject type=\"tcp-reset\"/>",
    "<log prefix=\"only\"/>",
    "",
];

fn rich(r: &mut Random) -> String {
    let family = r.of(&["", "ipv4", "ipv4", "ipv6"]);
    let mut ends = String::new();
    if !family.is_empty() {
        for of in ["source", "destination"] {
            let often = if of == "source" { 4 } else { 1 };
            if r.below(5) < often {
                ends += &end(r, of, family);
            }
        }
    }
    let priority = r.of(&[
        "", "", "", "-32768", "-100", "-5", "-1", "0", "7", "32767", "32768",
    ]);
    let mut head = String::from("<rule");
    for (name, value) in [("family", family), ("priority", priority)] {
        if !value.is_empty() {
            head += &format!(" {name}=\"{value}\"");
        }
    }
    let element = ELEMENTS[r.below(ELEMENTS.len())](r);
    let alone = ["icmp-block", "masquerade", "forward-port"];
    let action = match alone.iter().any(|name| element.contains(name)) {
        true if !r.once_in(8) => "",
        _ => r.of(ACTIONS),
    };
    format!("{head}>{ends}{element}{action}</rule>\n")
}

/// What a zone and a policy may have.
const SETTINGS: [(usize, Piece); 7] = [
    (2, |r| format!("<port {}/>\n", port(r))),
    (1, |r| format!("<source-port {}/>\n", port(r))),
    (2, |r| format!("<service name=\"{}\"/>\n", r.of(SERVICES))),
    (3, rich),
    (1, |r| {
        let of = r.of(&["", "", "tcp", "udp", "17", "igmp"]);
        match of.is_empty() {
            true => String::new(),
            false => format!("<protocol value=\"{of}\"/>\n"),
        }
    }),
    (1, |r| {
        let of = r.of(&["echo-request", "redirect", "echo-reply"]);
        match r.once_in(3) {
            true => format!("<icmp-block name=\"{of}\"/>"),
            false => String::new(),
        }
    }),
    (1, |_| "<!-- port=\"11211\" --><short>&lt;x&gt;</short>\n".to_owned()),
];

/// What leads elsewhere, of which policies may have little.
fn translation(r: &mut Random) -> String {
    match r.below(6) {
        0 => forward_port(r),
        1 => "<masquerade/>\n".to_owned(),
        _ => String::new(),
    }
}

fn settings(r: &mut Random) -> String {
    // In any order: only that of rich rules counts.
    let start = r.below(SETTINGS.len());
    let all = SETTINGS.iter().cycle().skip(start).take(SETTINGS.len());
    all.map(|(most, one)| r.some(*most, one)).collect()
}

fn zone(r: &mut Random, name: &str) -> String {
    let target = r.of(&[
        "",
        "",
        "",
        "",
        "target=\"ACCEPT\"",
        "target=\"DROP\"",
        "target=\"%%REJECT%%\"",
        "target=\"default\"",
        "version=\"1.0\"",
    ]);
    let bound = BOUND.iter().find(|(zone, _)| *zone == name);
    let bound = bound.map_or("", |(_, all)| r.of(all));
    let mut text = format!("<zone {target}>\n{bound}\n");
    text += &settings(r);
    text += &translation(r);
    text += r.of(&["", "", "", "<icmp-block-inversion/>\n"]);
    text += r.of(&["<forward/>\n", ""]);
    let wrong = r.of(&[
        "<port port=\"1x\" protocol=\"tcp\"/>",
        "<port port=\"1\" protocol=\"icmp\"/>",
        "<service name=\"nowhere\"/>",
        "<port port=\"1\"/>",
        "<protocol value=\"a b\"/>",
        "<source address=\"nonsense\"/>",
        "<what/>",
        "<icmp-block name=\"nowhere\"/>",
        "<forward-port port=\"1\" protocol=\"tcp\"/>",
        "<rule><accept/></rule>",
        "<rule family=\"ipv4\"><source address=\"::1\"/><accept/></rule>",
        "<rule><service name=\"nowhere\"/><accept/></rule>",
        "<rule family=\"ipv4\"><source ipset=\"nowhere\"/><accept/></rule>",
        "<service name=\"ssh\" other=\"x\"/>",
        "<zone/>",
    ]);
    text += if r.once_in(16) { wrong } else { "" };
    text + "</zone>"
}

const ZONES: &[&str] = &["public", "work", "aaa", "zzz"];

fn policy(r: &mut Random, nftables: bool) -> String {
    let target = r.of(&["CONTINUE", "CONTINUE", "ACCEPT", "DROP", "REJECT"]);
    let ends = [
        ("ANY", "HOST"),
        ("zone", "HOST"),
        ("zone", "zone"),
        ("zone", "ANY"),
        ("ANY", "zone"),
        ("ANY", "ANY"),
        ("HOST", "ANY"),
        ("HOST", "zone"),
    ];
    // With iptables there is no chain for helpers of what the host sends.
    let most = if nftables { ends.len() } else { ends.len() - 2 };
    let (from, to) = ends[r.below(most)];
    let mut side = |of: &str, name: &str| match name {
        "zone" => {
            let first = r.of(ZONES);
            let other = r.of(ZONES);
            let mut names = vec![first];
            names.extend((other != first).then_some(other));
            let one = |name: &&str| format!("<{of}-zone name=\"{name}\"/>\n");
            names.iter().map(one).collect()
        }
        name => format!("<{of}-zone name=\"{name}\"/>\n"),
    };
    let sides = side("ingress", from) + &side("egress", to);
    let priority = r.of(&["-15000", "-5", "-1", "1", "10", "100", "-5"]);
    let mut inner = settings(r);
    // Between most zones these are refused.
    if !r.once_in(6) {
        let lines = inner.lines().filter(|line| {
            !["masquerade", "forward-port", "mark"]
                .iter()
                .any(|name| line.contains(name))
        });
        inner = lines.map(|line| format!("{line}\n")).collect();
    } else {
        inner += &translation(r);
    }
    format!(
        "<policy target=\"{target}\" priority=\"{priority}\">\
         {sides}{inner}</policy>"
    )
}

fn direct(r: &mut Random) -> String {
    let rule = |r: &mut Random| {
        let family = r.of(&["ipv4", "ipv4", "ipv6"]);
        let (table, chain) = [
            ("filter", "INPUT"),
            ("filter", "INPUT"),
            ("filter", "FORWARD"),
            ("filter", "own"),
            ("raw", "PREROUTING"),
            ("mangle", "PREROUTING"),
            ("mangle", "INPUT"),
        ][r.below(7)];
        let source = match (family, r.below(3)) {
            (_, 0) => "",
            ("ipv4", _) => "-s 192.0.2.20",
            _ => "-s 2001:db8:1::20",
        };
        let action = r.of(&["ACCEPT", "DROP", "DROP", "RETURN"]);
        let proto = r.of(&["-p tcp --dport 11211", "-p udp", ""]);
        let words = format!("{proto} {source} -j {action}");
        match r.below(4) {
            0 => format!(
                "<passthrough ipv=\"{family}\">-t {} {} {words}</passthrough>",
                if table == "filter" && chain == "own" { "raw" } else { table },
                r.of(&["-A", "-I"]).to_owned()
                    + " "
                    + if chain == "own" { "PREROUTING" } else { chain },
            ),
            _ => format!(
                "<rule ipv=\"{family}\" table=\"{table}\" chain=\"{chain}\" \
                 priority=\"{}\">{words}</rule>",
                r.of(&["0", "1", "-1", "5"])
            ),
        }
    };
    let rules = r.some(4, rule);
    let chains: String = ["ipv4", "ipv6"]
        .iter()
        .map(|ipv| {
            format!(
                "<chain ipv=\"{ipv}\" table=\"filter\" chain=\"own\"/>\
                 <rule ipv=\"{ipv}\" table=\"filter\" chain=\"INPUT\" \
                 priority=\"2\">-j own</rule>"
            )
        })
        .collect();
    format!("<direct>{chains}{rules}</direct>")
}

const SETS: [(&str, &str); 4] = [
    (
        "some",
        "<ipset type=\"hash:net\"><entry>192.0.2.20</entry>\
         <entry>198.51.100.0/24</entry></ipset>",
    ),
    (
        "six",
        "<ipset type=\"hash:ip\"><option name=\"family\" value=\"inet6\"/>\
         <entry>2001:db8:1::20</entry></ipset>",
    ),
    (
        "macs",
        "<ipset type=\"hash:mac\"><entry>02:00:00:00:00:15</entry></ipset>",
    ),
    (
        "later",
        "<ipset type=\"hash:ip\"><option name=\"timeout\" value=\"60\"/>\
         <option name=\"hashsize\" value=\"2048\"/></ipset>",
    ),
];

/// The files of a configuration, by their paths below /etc/firewalld.
pub(super) fn configuration(r: &mut Random) -> Vec<(String, String)> {
    let default = r.of(&["public", "public", "drop", "work", "nowhere"]);
    let backend =
        r.of(&["nftables", "nftables", "iptables", "iptables", "Iptables"]);
    let more = r.some(3, |r| {
        let line = r.of(&[
            "IndividualCalls=yes\n",
            "LogDenied=all\n",
            "LogDenied=unicast\n",
            "IPv6_rpfilter=no\n",
            "RFC3964_IPv4=no\n",
            "FlushAllOnReload=no\n",
            "AllowZoneDrifting=yes\n",
            "CleanupOnExit=no\n",
            "MinimalMark=100\n",
            "Lockdown=yes\n",
            "# DefaultZone=trusted\n",
            "DefaultZone=trusted\n",
            "nonsense\n",
        ]);
        line.to_owned()
    });
    let conf =
        format!("DefaultZone={default}\nFirewallBackend = {backend}\n{more}");
    let mut all = vec![("firewalld.conf".to_owned(), conf)];
    for name in ZONES {
        if r.below(3) > 0 {
            all.push((format!("zones/{name}.xml"), zone(r, name)));
        }
    }
    let known = |name: &str, all: &[(String, String)]| {
        all.iter().any(|(path, _)| path.ends_with(&format!("/{name}.xml")))
    };
    for name in ["aaa", "zzz"] {
        if !known(name, &all) {
            all.push((format!("zones/{name}.xml"), "<zone/>".to_owned()));
        }
    }
    for name in ["guard", "early", "late"] {
        if r.once_in(3) {
            let nftables = backend == "nftables";
            all.push((format!("policies/{name}.xml"), policy(r, nftables)));
        }
    }
    let service = |r: &mut Random| {
        let to = r.of(&["", "", "<destination ipv4=\"192.0.2.10\"/>"]);
        format!(
            "<service><port {}/><helper name=\"ftp\"/>{to}</service>",
            port(r)
        )
    };
    all.push(("services/own.xml".to_owned(), service(r)));
    let include = r.of(&[
        "own", "own", "own", "own", "memcache", "memcache", "joined", "joined",
        "joined", "nowhere",
    ]);
    all.push((
        "services/joined.xml".to_owned(),
        format!(
            "<service><include service=\"{include}\"/>\
             <port port=\"22\" protocol=\"tcp\"/></service>"
        ),
    ));
    let directs = r.once_in(4);
    if directs {
        all.push(("direct.xml".to_owned(), direct(r)));
    }
    for (name, text) in SETS {
        // Not every kernel has sets of MAC addresses for iptables.
        if name == "macs" && (directs || backend != "nftables") {
            continue;
        }
        all.push((format!("ipsets/{name}.xml"), text.to_owned()));
    }
    all
}
