//! What a file defines, and uses.

use super::tables;
use crate::{Snapshot, netfilter::Ruleset, text::Source};

/// The rules of a table, as they are in the model.
fn rules(text: &str) -> Vec<String> {
    let all = tables(&Source::new("nft list ruleset", text)).unwrap();
    let chains = all.iter().flat_map(|native| &native.table.chains);
    let rules = chains.flat_map(|chain| chain.rules.iter());
    let shown = rules.map(|rule| {
        let (origin, matches) = (&rule.origin, rule.matches());
        format!("{origin:?} {matches:?} {:?}", rule.action())
    });
    shown.collect()
}

fn in_chain(rule: &str) -> String {
    format!("table ip t {{\n chain i {{\n  {rule}\n }}\n}}\n")
}

macro_rules! same {
    ($($name:ident: $defined:literal $rule:literal = $plain:literal;)*) => {$(
        #[test]
        fn $name() {
            let text = format!("{}\n{}", $defined, in_chain($rule));
            assert_eq!(rules(&text), rules(&in_chain($plain)));
        }
    )*};
}

same! {
    a_word: "define lan = 10.0.0.0/8" "ip saddr $lan drop"
        = "ip saddr 10.0.0.0/8 drop";
    a_set: "define lan = { 10.0.0.0/8,\n 192.168.0.0/16 }"
        "ip saddr $lan drop" = "ip saddr { 10.0.0.0/8, 192.168.0.0/16 } drop";
    a_set_in_a_set: "define a = { 1, 2 }\ndefine b = { $a, 3 }"
        "tcp dport { $b, 4 } accept" = "tcp dport 1-4 accept";
    a_name_of_an_interface: "define wan = eth0" "iifname $wan drop"
        = "iifname \"eth0\" drop";
    itself: "define a = $a" "ip saddr $a drop" = "ip saddr $b drop";
}

#[test]
fn what_is_not_defined_is_not_known() {
    let all = rules(&in_chain("iifname $wan accept"));
    assert_eq!(all.len(), 1);
    assert!(all[0].contains("Unknown") && !all[0].contains("wan"), "{all:?}");
}

#[test]
fn a_few_lines_stand_for_no_more_than_there_is_room_for() {
    let mut text = "define a0 = { 1, 2, 3, 4, 5, 6, 7, 8 }\n".to_owned();
    for n in 1..12 {
        let before = format!("$a{}", n - 1);
        let all = vec![before; 8].join(", ");
        text += &format!("define a{n} = {{ {all} }}\n");
    }
    text += &in_chain("tcp dport $a11 drop");
    assert_eq!(rules(&text).len(), 1);
}

#[test]
fn a_file_that_is_included_is_not_known() {
    let text = format!("include \"/etc/more.nft\"\n{}", in_chain("accept"));
    let snapshot = Snapshot::new().with_command("nft list ruleset", &text);
    let ruleset = Ruleset::new(&snapshot).unwrap();
    let (what, place) = ruleset.unknowns().remove(0);
    assert_eq!(what, "the file /etc/more.nft: it is not at hand");
    assert_eq!((place.line, ruleset.tables.len()), (Some(1), 1));
}
