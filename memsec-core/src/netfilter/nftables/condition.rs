//! A left side, an operator, and a right side, as conditions.

use std::collections::HashMap;

use super::{
    Piece, dimension, domain,
    field::{Field, Operand},
    left::Left,
    set::Sets,
};
use crate::{
    net::RangeSet,
    netfilter::{
        Connection, Match, Name, State, Status, Test,
        boxes::{Boxes, Range, either, shared},
    },
};

/// What a match says beside what its left side implies.
pub(super) fn matches(
    left: &Left,
    op: &str,
    right: &Piece<'_>,
    sets: &Sets<'_>,
) -> Vec<Match> {
    flat(condition(&left.operands, op, right, sets))
}

/// A list of conditions alone needs no "either".
fn flat(found: Match) -> Vec<Match> {
    match &found {
        Match { negated: false, test: Test::Either(lists) } => match &**lists {
            [one] => one.clone(),
            _ => vec![found],
        },
        _ => vec![found],
    }
}

/// What the left side of a map implies, and being one of the keys.
pub(super) fn keyed(left: &Left, keys: &[Piece<'_>]) -> Option<Vec<Match>> {
    let mut all = left.implied.clone();
    all.extend(flat(among(&left.operands, keys.iter())?));
    Some(all)
}

fn condition(
    operands: &[Operand],
    op: &str,
    right: &Piece<'_>,
    sets: &Sets<'_>,
) -> Match {
    if let [one] = operands {
        match unasked(one.field) {
            // "missing": ordinary packets have no such header.
            Some(_) if *right == Piece::Flag(false) => {
                return Match::new(Test::Undecided);
            }
            Some(found) => return found,
            None => {}
        }
    }
    let known = match (operands, op) {
        (operands, "==" | "!=") => equal(operands, right, sets),
        ([one], "in" | "!") if one.field.bits() => has_bits(*one, right),
        (operands, "in") => equal(operands, right, sets),
        ([one], _) => compared(*one, op, right),
        _ => None,
    };
    let Some(mut found) = known else { return Match::new(Test::Unknown) };
    // What is undecided is so either way.
    found.negated ^= matches!(op, "!=" | "!") && found.test != Test::Undecided;
    found
}

/// The condition on a field whose values are not asked.
fn unasked(field: Field) -> Option<Match> {
    Some(Match::new(match field {
        Field::Undecided => Test::Undecided,
        Field::Unknown => Test::Unknown,
        Field::Header => Test::Header,
        _ => return None,
    }))
}

/// "in": any of the bits.
fn has_bits(operand: Operand, right: &Piece<'_>) -> Option<Match> {
    let bits = domain::number(operand.field, right)? & operand.mask;
    let short = u16::try_from(bits).ok()?;
    Some(match operand.field {
        Field::State => Match::new(Test::State(State(short))),
        Field::Status => {
            let of = Connection::Status(Status(short));
            Match::new(dimension::connection(of))
        }
        _ => {
            let mask = u8::try_from(bits).ok()?;
            Match { negated: true, test: Test::Flags { mask, value: 0 } }
        }
    })
}

fn compared(operand: Operand, op: &str, right: &Piece<'_>) -> Option<Match> {
    let bound = domain::number(operand.field, right)?;
    let last = operand.field.last();
    let values = match op {
        "<=" => RangeSet::range(0, bound),
        ">=" => RangeSet::range(bound, last),
        "<" => RangeSet::range(0, bound.checked_sub(1)?),
        ">" => RangeSet::range(bound.checked_add(1)?, last),
        _ => return None,
    };
    let ordered = !operand.field.bits() && !operand.field.named();
    let found = dimension::any(operand, &values);
    one(found.filter(|_| ordered).unwrap_or_else(|| vec![undecided()]))
}

/// Several conditions of which one holds.
fn one(mut all: Vec<Match>) -> Option<Match> {
    if let [_] = all.as_slice() {
        return all.pop();
    }
    let lists = all.into_iter().map(|one| vec![one]).collect();
    Some(Match::new(either(lists)))
}

fn equal(
    operands: &[Operand],
    right: &Piece<'_>,
    sets: &Sets<'_>,
) -> Option<Match> {
    let Some(name) = right.reference() else {
        return among(operands, right.elements().iter());
    };
    sets.asked(name, operands, |elements| {
        let Match { negated, test } = among(operands, elements.iter())?;
        Some(Match { negated, test: shared(test) })
    })
}

/// Whether operands are one of the elements.
fn among<'p, 'a: 'p>(
    operands: &[Operand],
    elements: impl Iterator<Item = &'p Piece<'a>>,
) -> Option<Match> {
    if let [one] = operands {
        if let Some(found) = unasked(one.field) {
            return Some(found);
        }
    }
    let mut rows = Rows::new(operands);
    for element in elements {
        let (timed, element) = match element {
            Piece::Timed(inner) => (true, &**inner),
            element => (false, element),
        };
        rows.add(timed, element)?;
    }
    rows.finish()
}

/// Elements, as ranges of numbers. Names are numbered as they come.
struct Rows<'o> {
    operands: &'o [Operand],
    names: Vec<String>,
    numbers: HashMap<String, u128>,
    /// Those that are there, and those that are gone at some moment.
    single: [Vec<Range>; 2],
    /// More that are there.
    networks: RangeSet<u128>,
    boxes: [Boxes; 2],
}

impl<'o> Rows<'o> {
    fn new(operands: &'o [Operand]) -> Self {
        Self {
            operands,
            names: Vec::new(),
            numbers: HashMap::new(),
            single: [Vec::new(), Vec::new()],
            networks: RangeSet::empty(),
            boxes: [Boxes::default(), Boxes::default()],
        }
    }

    fn add(&mut self, timed: bool, element: &Piece<'_>) -> Option<()> {
        let operands = self.operands;
        if let [one] = operands {
            if let Piece::Networks(all) = element {
                if !all.is_empty() && !one.field.is_short() {
                    return None;
                }
                self.networks = self.networks.union(&all.finish());
                return Some(());
            }
            let range = self.range(one.field, element)?;
            self.single.get_mut(usize::from(timed))?.push(range);
            return Some(());
        }
        let Piece::Concat(parts) = element else { return None };
        if parts.len() != operands.len() {
            return None;
        }
        let both = operands.iter().zip(parts);
        let ranges =
            both.map(|(operand, part)| self.range(operand.field, part));
        let ranges = ranges.collect::<Option<Vec<_>>>()?;
        let (&(first, last), rest) = ranges.split_first()?;
        let spine = RangeSet::range(first, last);
        self.boxes.get_mut(usize::from(timed))?.add(spine, rest.to_vec());
        Some(())
    }

    fn range(&mut self, field: Field, piece: &Piece<'_>) -> Option<Range> {
        match (field, piece) {
            (field, _) if unasked(field).is_some() => Some((0, 0)),
            (field, Piece::Word(name)) if field.named() => {
                let number = self.name(name);
                Some((number, number))
            }
            (field, piece) => domain::range(field, piece),
        }
    }

    fn name(&mut self, name: &str) -> u128 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u128;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn finish(mut self) -> Option<Match> {
        let [sure, timed] = std::mem::take(&mut self.single);
        let [boxes, timed_boxes] = std::mem::take(&mut self.boxes);
        let plain = timed.is_empty();
        let mut lists = Vec::new();
        if let [one_operand] = self.operands {
            let sure = RangeSet::from_ranges(sure).union(&self.networks);
            let none = sure.is_empty();
            let all = self.any(*one_operand, &sure);
            if plain {
                return one(all);
            }
            let all = all.into_iter().filter(|_| !none);
            lists.extend(all.map(|one| vec![one]));
            let all = self.any(*one_operand, &RangeSet::from_ranges(timed));
            lists.extend(all.into_iter().map(|one| vec![one, undecided()]));
        }
        for sets in boxes.finish() {
            lists.push(self.list(&sets)?);
        }
        for sets in timed_boxes.finish() {
            let mut list = self.list(&sets)?;
            list.push(undecided());
            lists.push(list);
        }
        Some(Match::new(either(lists)))
    }

    /// The conditions of a box.
    fn list(&self, sets: &[RangeSet<u128>]) -> Option<Vec<Match>> {
        let both = self.operands.iter().zip(sets);
        let each = both.map(|(operand, set)| match unasked(operand.field) {
            Some(found) => Some(found),
            None => one(self.any(*operand, set)),
        });
        each.collect()
    }

    fn any(&self, operand: Operand, set: &RangeSet<u128>) -> Vec<Match> {
        if !operand.field.named() {
            let known = dimension::any(operand, set);
            return known.unwrap_or_else(|| vec![undecided()]);
        }
        let numbers = set.ranges().flat_map(|(a, b)| a..=b);
        let mut names: Vec<&String> = numbers
            .filter_map(|at| self.names.get(usize::try_from(at).ok()?))
            .collect();
        names.sort_unstable();
        let names = names.into_iter().map(|name| Name::new(name, '*'));
        let test =
            if operand.field == Field::In { Test::In } else { Test::Out };
        vec![Match::new(test(names.collect()))]
    }
}

fn undecided() -> Match {
    Match::new(Test::Undecided)
}
