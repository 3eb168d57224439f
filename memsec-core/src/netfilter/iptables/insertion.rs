/// Items in an order that insertions change.
#[derive(Debug)]
pub(super) struct Insertions<T> {
    items: Vec<T>,
    /// The place that each item took when it came; empty as long as each
    /// came last.
    places: Vec<usize>,
}

impl<T> Insertions<T> {
    pub(super) fn new() -> Self {
        Self { items: Vec::new(), places: Vec::new() }
    }

    pub(super) fn push(&mut self, item: T) {
        if !self.places.is_empty() {
            self.places.push(self.items.len());
        }
        self.items.push(item);
    }

    /// Puts an item before the one at `at`, counted from 0.
    pub(super) fn insert(&mut self, at: usize, item: T) {
        if at >= self.items.len() {
            return self.push(item);
        }
        if self.places.is_empty() {
            self.places.extend(0..self.items.len());
        }
        self.places.push(at);
        self.items.push(item);
    }

    /// The items in their final order. The last one that came is where it
    /// was put; each one before takes that place among what is left free. A
    /// Fenwick tree counts the free places, so n items take O(n log n).
    pub(super) fn finish(self) -> Vec<T> {
        if self.places.is_empty() {
            return self.items;
        }
        let mut free = Free::new(self.items.len());
        let mut out: Vec<Option<T>> = Vec::new();
        out.resize_with(self.items.len(), || None);
        let both = self.places.into_iter().zip(self.items);
        for (at, item) in both.rev() {
            if let Some(slot) = out.get_mut(free.take(at)) {
                *slot = Some(item);
            }
        }
        out.into_iter().flatten().collect()
    }
}

/// A Fenwick tree over places, 1 for each that is free.
struct Free(Vec<usize>);

impl Free {
    fn new(len: usize) -> Self {
        // Each node counts as many places as its lowest bit says.
        Self((0..=len).map(|node| node & node.wrapping_neg()).collect())
    }

    fn less(&mut self, node: usize) {
        if let Some(count) = self.0.get_mut(node) {
            *count -= 1;
        }
    }

    /// Takes the free place that has `before` free ones before it.
    fn take(&mut self, before: usize) -> usize {
        let (mut node, mut left) = (0, before);
        let mut step = self.0.len().next_power_of_two();
        while step > 0 {
            match self.0.get(node + step) {
                Some(&count) if count <= left => {
                    node += step;
                    left -= count;
                }
                // It holds the place: one fewer is free in it.
                Some(_) => self.less(node + step),
                None => {}
            }
            step /= 2;
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::Insertions;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_as_a_vector(places in prop::collection::vec(0..40_usize, 0..40)) {
            let (mut fast, mut slow) = (Insertions::new(), Vec::new());
            for (item, at) in places.into_iter().enumerate() {
                fast.insert(at, item);
                slow.insert(at.min(slow.len()), item);
            }
            prop_assert_eq!(fast.finish(), slow);
        }
    }
}
