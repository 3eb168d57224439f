//! The IPv4 addresses as squares: a Hilbert curve.
//!
//! The curve (D. Hilbert, 1891) goes through every cell of a square grid,
//! and never leaves a quarter of it before it was in every cell there. So
//! each network whose prefix is even is a square, and each other one two.

use std::collections::HashMap;

use super::target::Sources;
use crate::net::IpSet;

/// Who of the addresses of a cell gets in. The later is the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Nobody,
    SomeClients,
    Clients,
    SomeStrangers,
    MaybeStrangers,
    Strangers,
}

/// Cells of one kind that lie in a rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
    pub kind: Kind,
}

/// The rectangles of a grid with 2 to the power of `order` cells a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub order: u32,
    pub rects: Vec<Rect>,
}

/// The finest grid has a cell for each /16.
const ORDERS: [u32; 2] = [8, 7];
/// A grid of this order is never too long to draw: it has 4096 cells.
const COARSEST: u32 = 6;
/// A grid with more rectangles is drawn coarser, to keep a page small.
const MOST: usize = 3000;

impl Grid {
    /// The finest grid that is not too long to draw.
    pub(super) fn new(sources: &Sources) -> Self {
        let mut grids = ORDERS.iter().map(|&o| Self::of_order(sources, o));
        let fits = grids.find(|grid| grid.rects.len() <= MOST);
        fits.unwrap_or_else(|| Self::of_order(sources, COARSEST))
    }

    pub(super) fn of_order(sources: &Sources, order: u32) -> Self {
        let side = 1_usize << order;
        let mut rows = vec![vec![Kind::Nobody; side]; side];
        for (cell, kind) in kinds(sources, order).into_iter().enumerate() {
            let (x, y) = place(order, cell);
            if let Some(at) = rows.get_mut(y).and_then(|row| row.get_mut(x)) {
                *at = kind;
            }
        }
        Self { order, rects: rectangles(&rows) }
    }
}

/// The column and the row of a cell of the curve, from the top left.
pub(super) fn place(order: u32, cell: usize) -> (usize, usize) {
    let (mut x, mut y) = (0, 0);
    for level in 0..order {
        let side = 1_usize << level;
        let quarter = (cell >> (2 * level)) & 3;
        (x, y) = match quarter {
            0 => (y, x),
            1 => (x, y + side),
            2 => (x + side, y + side),
            _ => (2 * side - 1 - y, side - 1 - x),
        };
    }
    (x, y)
}

fn kinds(sources: &Sources, order: u32) -> Vec<Kind> {
    let size = 1_u64 << (32 - 2 * order);
    let strangers = counts(&sources.strangers, order);
    let sure = counts(&sources.sure, order);
    let clients = counts(&sources.clients, order);
    let each = strangers.iter().zip(&sure).zip(&clients);
    each.map(|((&strangers, &sure), &clients)| {
        let full = strangers + clients == size;
        match (strangers, clients) {
            (0, 0) => Kind::Nobody,
            (0, _) if full => Kind::Clients,
            (0, _) => Kind::SomeClients,
            (all, _) if full && sure == all => Kind::Strangers,
            _ if full => Kind::MaybeStrangers,
            _ => Kind::SomeStrangers,
        }
    })
    .collect()
}

/// How many addresses of each cell are in a set.
fn counts(set: &IpSet, order: u32) -> Vec<u64> {
    let shift = 32 - 2 * order;
    let size = 1_u64 << shift;
    let mut part = vec![0_u64; 1 << (2 * order)];
    // How many more ranges cover the whole of a cell than of that before.
    let mut steps = vec![0_i64; part.len() + 1];
    for (first, last) in set.numbers().ranges() {
        let ends = (u64::try_from(first), u64::try_from(last));
        let (Ok(first), Ok(last)) = ends else { continue };
        let (from, to) = (first >> shift, last >> shift);
        if from == to {
            add(&mut part, from, last - first + 1);
            continue;
        }
        add(&mut part, from, size - (first & (size - 1)));
        add(&mut part, to, (last & (size - 1)) + 1);
        add(&mut steps, from + 1, 1);
        add(&mut steps, to, -1);
    }
    let mut open = 0;
    for (cell, step) in part.iter_mut().zip(steps) {
        open += step;
        *cell += if open > 0 { size } else { 0 };
    }
    part
}

fn add<T: std::ops::AddAssign>(to: &mut [T], at: u64, number: T) {
    let cell = usize::try_from(at).ok().and_then(|at| to.get_mut(at));
    if let Some(cell) = cell {
        *cell += number;
    }
}

/// Runs of cells of one kind, joined with the same run of the row above.
fn rectangles(rows: &[Vec<Kind>]) -> Vec<Rect> {
    let mut out: Vec<Rect> = Vec::new();
    let mut above: HashMap<(usize, usize, Kind), usize> = HashMap::new();
    for (y, row) in rows.iter().enumerate() {
        let mut here = HashMap::new();
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            let kind = run.first().copied().unwrap_or(Kind::Nobody);
            let key = (x, run.len(), kind);
            x += run.len();
            if kind == Kind::Nobody {
                continue;
            }
            let known = above.get(&key).copied();
            let at = known.unwrap_or(out.len());
            match out.get_mut(at) {
                Some(rect) => rect.height += 1,
                None => out.push(Rect {
                    x: key.0,
                    y,
                    width: key.1,
                    height: 1,
                    kind,
                }),
            }
            here.insert(key, at);
        }
        above = here;
    }
    out
}
