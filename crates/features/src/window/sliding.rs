//! A window's summary at a cost that does not grow with the window.

/// What can be summed up item by item, from either end of a stretch of items.
///
/// Items are measured from an origin that lies in the same stretch, so that what is summed is no larger than the spread
/// of the window.
pub trait Terms: Copy {
    /// What is summed up.
    type Item: Copy;

    /// The summary of no item.
    const NOTHING: Self;

    /// The summary of items that were never seen: NaN, and whatever is added to it is too.
    const UNKNOWN: Self;

    /// The item that was never seen.
    const UNKNOWN_ITEM: Self::Item;

    /// With one item more, at `place` within its block.
    #[must_use]
    fn with(self, item: Self::Item, origin: Self::Item, place: usize) -> Self;
}

/// A stretch of neighbouring items.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<T: Terms> {
    /// Their summary.
    pub terms: T,
    /// What they were measured from: one of them, if there is any.
    pub origin: T::Item,
    /// How many there are.
    pub count: usize,
}

/// The last items of a series, summed up.
///
/// The series is cut into blocks as long as the window, at absolute indices. A window is the tail of one block and the
/// head of the next: the head grows by an item a bar, the tails of the last whole block are summed up once, from its end
/// backwards. So nothing is ever subtracted: an item that has left leaves no trace, nothing drifts, and the bits depend
/// on the window's items and the bar's index alone. (M. van Herk 1992, J. Gil and M. Werman 1993, for any summary.)
#[derive(Debug)]
pub struct Sliding<T: Terms> {
    /// The summary of the last whole block from each place to its end; one more for the empty tail.
    tails: Vec<T>,
    tail_origin: T::Item,
    head: T,
    head_origin: T::Item,
    /// The newest item's place in its block; [`UNPLACED`] before the first.
    place: usize,
}

/// Nothing has come yet.
const UNPLACED: usize = usize::MAX;

impl<T: Terms> Sliding<T> {
    /// Of which nothing was seen yet; a window below 1 is taken for 1.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let mut unknown = Self {
            tails: vec![T::UNKNOWN; window.max(1) + 1],
            tail_origin: T::UNKNOWN_ITEM,
            head: T::UNKNOWN,
            head_origin: T::UNKNOWN_ITEM,
            place: UNPLACED,
        };
        unknown.clear();
        unknown
    }

    /// How many items the window has.
    #[must_use]
    pub fn window(&self) -> usize {
        self.tails.len() - 1
    }

    /// Forgets every item.
    pub fn clear(&mut self) {
        let window = self.window();
        self.tails.fill(T::UNKNOWN);
        self.tails[window] = T::NOTHING;
        (self.tail_origin, self.head_origin) = (T::UNKNOWN_ITEM, T::UNKNOWN_ITEM);
        (self.head, self.place) = (T::UNKNOWN, UNPLACED);
    }

    /// Takes the item of the bar `index`, which follows the last one. `back` answers the item so many bars before it
    /// (0 is the item itself), as far back as the window reaches.
    #[inline]
    pub fn push(&mut self, index: i64, back: impl Fn(usize) -> T::Item) {
        let window = self.window();
        let item = back(0);
        // Counted on, since a division a bar and window is not cheap.
        self.place = match self.place {
            UNPLACED => index.rem_euclid(window as i64) as usize,
            place if place + 1 == window => 0,
            place => place + 1,
        };
        if self.place == 0 {
            (self.head, self.head_origin) = (T::NOTHING, item);
        }
        self.head = self.head.with(item, self.head_origin, self.place);
        if self.place + 1 == window {
            self.tail_origin = item;
            for place in (0..window).rev() {
                self.tails[place] = self.tails[place + 1].with(back(window - 1 - place), item, place);
            }
        }
    }

    /// Makes the state that pushing one bar after the other up to `index` would have made, from what `back` answers.
    pub fn rebuild(&mut self, index: i64, back: impl Fn(usize) -> T::Item) {
        self.clear();
        let window = self.window();
        for ago in (0..2 * window as i64).rev() {
            self.push(index - ago, |more| {
                let at = ago as usize + more;
                if at < window { back(at) } else { T::UNKNOWN_ITEM }
            });
        }
    }

    /// The window as its older stretch, which ends the last whole block, and its newer one.
    #[inline]
    #[must_use]
    pub fn stretches(&self) -> [Stretch<T>; 2] {
        let count = if self.place == UNPLACED { self.window() } else { self.place + 1 };
        let older = self.window() - count;
        // A window that is one whole block has no older stretch.
        let (terms, origin) =
            if older == 0 { (T::NOTHING, self.head_origin) } else { (self.tails[count], self.tail_origin) };
        [
            Stretch { terms, origin, count: older },
            Stretch { terms: self.head, origin: self.head_origin, count },
        ]
    }
}

impl<T: Terms> Clone for Sliding<T> {
    fn clone(&self) -> Self {
        Self { tails: self.tails.clone(), ..*self }
    }

    /// Reuses the memory, so that a copy of the same shape allocates nothing.
    fn clone_from(&mut self, source: &Self) {
        self.tails.clone_from(&source.tails);
        (self.tail_origin, self.head_origin) = (source.tail_origin, source.head_origin);
        (self.head, self.place) = (source.head, source.place);
    }
}
