//! A map of the IPv4 addresses, as SVG.

use std::{collections::BTreeMap, fmt::Write};

use super::{
    grid::{Grid, Kind, Rect, place},
    markup::escape,
    target::Sources,
};

/// The side of a map, in its own units: one for each /16.
const SIDE: usize = 256;
/// So few small parts are marked, or they would not be seen.
const FEW: usize = 24;

/// Parts that a reader knows, by the square that they fill: the first octet,
/// the length of the prefix, and the label. IANA's registry of IPv4
/// special-purpose addresses, and RFC 1112 for the last two.
const LANDMARKS: [(usize, usize, &str); 4] = [
    (10, 8, "10"),
    (127, 8, "127"),
    (224, 4, "224/4 multicast"),
    (240, 4, "240/4 reserved"),
];

impl Kind {
    /// The class that gives it its colour.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::SomeClients => "some-clients",
            Self::Clients => "clients",
            Self::SomeStrangers => "some-strangers",
            Self::MaybeStrangers => "maybe-strangers",
            Self::Strangers => "strangers",
        }
    }
}

/// A map of who gets in. `id` must be a plain word that no other has.
pub(super) fn map(id: &str, sources: &Sources, said: &str) -> String {
    let grid = Grid::new(sources);
    let (title, said) = (escape("Who gets in, over IPv4"), escape(said));
    format!(
        "<svg class=\"map\" role=\"img\" viewBox=\"0 0 {SIDE} {SIDE}\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n\
         <title id=\"{id}-title\">{title}</title>\n\
         <desc id=\"{id}-desc\">A map of all IPv4 addresses along a Hilbert \
         curve, from 0.0.0.0 at the top left to 255.255.255.255 at the top \
         right. It shows: {said}.</desc>\n\
         <rect class=\"nobody\" width=\"{SIDE}\" height=\"{SIDE}\"/>\n\
         {}<path class=\"lines\" d=\"{}\"/>\n{}{}</svg>\n",
        areas(&grid),
        lines(),
        landmarks(),
        marks(&grid),
    )
}

fn areas(grid: &Grid) -> String {
    let unit = SIDE >> grid.order;
    let mut paths: BTreeMap<Kind, String> = BTreeMap::new();
    for rect in &grid.rects {
        let path = paths.entry(rect.kind).or_default();
        let (x, y) = (rect.x * unit, rect.y * unit);
        let (width, height) = (rect.width * unit, rect.height * unit);
        // Writing to a String cannot fail.
        let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
    }
    let path = |(kind, path): (&Kind, &String)| {
        format!("<path class=\"{}\" d=\"{path}\"/>\n", kind.class())
    };
    paths.iter().map(path).collect()
}

/// The borders of the /8 networks.
fn lines() -> String {
    let step = SIDE / 16;
    let at = (1..16).map(|i| i * step);
    at.map(|at| format!("M{at} 0v{SIDE}M0 {at}h{SIDE}")).collect()
}

fn landmarks() -> String {
    LANDMARKS
        .iter()
        .map(|(octet, prefix, label)| {
            let order = u32::try_from(prefix / 2).unwrap_or_default();
            let side = SIDE >> order;
            let (x, y) = place(order, octet >> (8 - prefix));
            let (x, y) = (x * side, y * side);
            let (middle, base) = (x + side / 2, y + side / 2);
            format!(
                "<rect class=\"frame\" x=\"{x}\" y=\"{y}\" width=\"{side}\" \
             height=\"{side}\"/>\n<text x=\"{middle}\" y=\"{base}\" \
             dy=\".35em\">{label}</text>\n"
            )
        })
        .collect()
}

/// Where there are only a few small parts, a ring around each.
fn marks(grid: &Grid) -> String {
    let unit = SIDE >> grid.order;
    let small = |rect: &&Rect| rect.width * rect.height * unit * unit <= 16;
    let rects: Vec<_> = grid.rects.iter().filter(small).collect();
    if rects.len() > FEW {
        return String::new();
    }
    let mark = |rect: &&Rect| {
        let middle = |at: usize, len: usize| (2 * at + len) * unit * 5;
        let x = middle(rect.x, rect.width);
        let y = middle(rect.y, rect.height);
        format!(
            "<circle class=\"mark {}\" cx=\"{}\" cy=\"{}\" r=\"4\"/>\n",
            rect.kind.class(),
            tenths(x),
            tenths(y)
        )
    };
    rects.iter().map(mark).collect()
}

/// "12.5", of 125
fn tenths(number: usize) -> String {
    format!("{}.{}", number / 10, number % 10)
}
