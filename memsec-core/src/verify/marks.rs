//! The marks that rules put on packets and ask for.

use std::collections::BTreeMap;

use super::{
    rules::Holds,
    segments::{Range, Segments, complement},
};

/// What a rule makes of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marking {
    /// Bits are taken away, and others turned.
    Turns { mask: u32, value: u32 },
    /// Something that is not read.
    Unread,
}

impl Marking {
    pub(super) fn whole(value: u32) -> Self {
        Self::Turns { mask: u32::MAX, value }
    }

    /// The mark that becomes of one; of any at all for `None`.
    fn of(self, mark: Option<u32>) -> Option<u32> {
        match (self, mark) {
            (Self::Turns { mask: u32::MAX, value }, None) => Some(value),
            (Self::Turns { mask, value }, Some(mark)) => {
                Some((mark & !mask) ^ value)
            }
            _ => None,
        }
    }
}

/// What a rule asks of a mark, under a mask.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    pub mask: u32,
    pub values: Vec<Range>,
}

/// The marks that packets have by now, by their clients: of any other client
/// it is not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    known: BTreeMap<u32, Segments>,
    /// Clients whose packets a rule may have met, or not.
    doubted: Segments,
}

impl Marks {
    /// Those of packets that have just come in: none.
    pub(super) fn none(everyone: Range) -> Self {
        let known = BTreeMap::from([(0, Segments::of([everyone]))]);
        Self { known, ..Self::default() }
    }

    pub(super) fn doubt(&mut self, clients: &Segments) {
        self.doubted.add(clients);
    }

    /// A rule marks the packets of some clients.
    pub(super) fn set(&mut self, clients: &Segments, by: Marking) {
        let sure = clients.clone().without(&self.doubted);
        for (mark, own) in std::mem::take(&mut self.known) {
            self.add(by.of(Some(mark)), &own.meet(&sure));
            self.add(Some(mark), &own.without(clients));
        }
        self.add(by.of(None), &sure);
    }

    fn add(&mut self, mark: Option<u32>, clients: &Segments) {
        if let Some(mark) = mark.filter(|_| !clients.is_empty()) {
            self.known.entry(mark).or_default().add(clients);
        }
    }

    /// Whose packets have a mark that is asked for.
    pub(super) fn are(&self, of: &Marked, not: bool, all: Range) -> Holds {
        let (mut yes, mut no) = (Segments::default(), Segments::default());
        for (mark, own) in &self.known {
            let mark = u128::from(mark & of.mask);
            let mut values = of.values.iter();
            let is = values.any(|&(a, b)| (a..=b).contains(&mark));
            if is == not { no.add(own) } else { yes.add(own) }
        }
        let no: Vec<_> = no.ranges().collect();
        let may = complement(all, &no);
        match Segments::of(may.iter().copied()).is_within(&yes) {
            true => Holds::Of(may),
            false => Holds::Perhaps(may),
        }
    }
}

/// "VALUE/MASK" of iptables.
fn parted(text: &str) -> Option<(u32, u32)> {
    let (value, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    Some((number(value)?, number(mask)?))
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// What `-m mark --mark` asks.
pub(super) fn asked(text: &str) -> Option<Marked> {
    let (value, mask) = parted(text)?;
    Some(Marked { mask, values: vec![(value.into(), value.into())] })
}

/// What `-j MARK --set-xmark` does.
pub(super) fn turned(text: &str) -> Marking {
    parted(text)
        .map_or(Marking::Unread, |(value, mask)| Marking::Turns { mask, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Range = (0, 99);

    fn clients(range: Range) -> Segments {
        Segments::of([range])
    }

    /// Who has one of some marks: for sure, or perhaps.
    fn of(marks: &Marks, mark: &str, not: bool) -> (bool, Vec<Range>) {
        match marks.are(&asked(mark).unwrap(), not, ALL) {
            Holds::Of(all) => (true, all),
            Holds::Perhaps(all) => (false, all),
            Holds::Known(_) | Holds::Unknown => panic!("{marks:?}"),
        }
    }

    #[test]
    fn a_packet_has_the_mark_that_the_last_rule_gave_it() {
        let mut marks = Marks::none(ALL);
        marks.set(&clients((10, 19)), turned("0x1"));
        marks.set(&clients((15, 29)), turned("7"));
        assert_eq!(of(&marks, "1", false), (true, vec![(10, 14)]));
        assert_eq!(of(&marks, "0x7", false), (true, vec![(15, 29)]));
        let others = vec![(0, 9), (30, 99)];
        assert_eq!(of(&marks, "0", false), (true, others.clone()));
        assert_eq!(of(&marks, "0/1", false), (true, others));
        assert_eq!(of(&marks, "7", true), (true, vec![(0, 14), (30, 99)]));
    }

    #[test]
    fn bits_are_turned_beside_those_that_stay() {
        let mut marks = Marks::none(ALL);
        marks.set(&clients(ALL), turned("0x10"));
        marks.set(&clients((0, 9)), turned("0x4000/0x4000"));
        marks.set(&clients((5, 9)), turned("0x0/0x10"));
        assert_eq!(of(&marks, "0x4010", false), (true, vec![(0, 4)]));
        assert_eq!(of(&marks, "0x4000/0x4000", false), (true, vec![(0, 9)]));
        assert_eq!(of(&marks, "0x4000", false), (true, vec![(5, 9)]));
    }

    #[test]
    fn what_a_rule_may_have_marked_is_not_known() {
        let mut marks = Marks::none(ALL);
        marks.doubt(&clients((0, 9)));
        marks.set(&clients((0, 19)), turned("1"));
        marks.set(&clients((30, 39)), Marking::Unread);
        let perhaps = vec![(0, 19), (30, 39)];
        assert_eq!(of(&marks, "1", false), (false, perhaps));
        marks.set(&clients((30, 39)), turned("1"));
        let perhaps = vec![(0, 9), (20, 29), (40, 99)];
        assert_eq!(of(&marks, "0", false), (false, perhaps));
        let none = Marks::default();
        assert_eq!(of(&none, "0", false), (false, vec![ALL]));
    }
}
