//! A map that forgets: it holds the keys used last, and never more than its bound.

use std::collections::HashMap;
use std::hash::Hash;

/// A bounded map of what was used last. It has two halves: when the young one is full, the old one is forgotten and the young one
/// becomes the old; what is used moves to the young one. So whatever is among the last `bound / 2` used keys is never forgotten,
/// and no list has to be kept in order.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// An empty map of at most so many entries, at least two.
    pub(super) fn new(bound: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (bound / 2).max(1) }
    }

    /// The value of a key that was used lately.
    pub(super) fn get(&mut self, key: K) -> Option<&mut V> {
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key)?;
            self.make_room();
            return Some(self.young.entry(key).insert_entry(value).into_mut());
        }
        self.young.get_mut(&key)
    }

    /// Keeps a value, in place of what was there.
    pub(super) fn put(&mut self, key: K, value: V) -> &mut V {
        self.old.remove(&key);
        if !self.young.contains_key(&key) {
            self.make_room();
        }
        self.young.entry(key).insert_entry(value).into_mut()
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_stays_within_its_bound_and_keeps_what_was_used_last(
            keys in prop::collection::vec(0_u32..40, 1..400), bound in 2_usize..30,
        ) {
            let mut recent = Recent::new(bound);
            let mut order: Vec<u32> = Vec::new();
            for key in keys {
                match recent.get(key) {
                    Some(value) => prop_assert_eq!(*value, key),
                    None => prop_assert_eq!(*recent.put(key, key), key),
                }
                order.retain(|used| *used != key);
                order.push(key);
                prop_assert!(recent.len() <= bound);
                let kept = order.iter().rev().take(bound / 2);
                for used in kept {
                    let there = recent.young.contains_key(used) || recent.old.contains_key(used);
                    prop_assert!(there, "{} was forgotten", used);
                }
            }
        }
    }
}
