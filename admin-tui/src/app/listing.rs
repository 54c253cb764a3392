//! A list that comes in pages: its items, the row the cursor is on, and which answer it is waiting for.

use wire::Page;

/// Where the cursor is asked to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

impl Motion {
    /// The row this leads to from `row`, of `len` rows of which `page` fit the screen.
    pub fn apply(self, row: usize, len: usize, page: usize) -> usize {
        let page = page.max(1);
        let to = match self {
            Self::Up => row.saturating_sub(1),
            Self::Down => row + 1,
            Self::PageUp => row.saturating_sub(page),
            Self::PageDown => row + page,
            Self::First => 0,
            Self::Last => len,
        };
        to.min(len.saturating_sub(1))
    }
}

/// A list and its cursor.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// What has come so far.
    pub items: Vec<T>,
    /// The row the cursor is on.
    pub selected: usize,
    /// Whether an answer is awaited.
    pub is_loading: bool,
    /// Whether an answer ever came.
    pub is_loaded: bool,
    next: Option<String>,
    generation: u64,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            selected: 0,
            is_loading: false,
            is_loaded: false,
            next: None,
            generation: 0,
        }
    }
}

impl<T> Listing<T> {
    /// Begins to load from the start; the number tells this request's answer from an older one's.
    pub fn begin(&mut self) -> u64 {
        self.generation += 1;
        self.is_loading = true;
        self.generation
    }

    /// Begins to load the next page if the cursor has come near the end: the request's number and its cursor.
    pub fn begin_more(&mut self) -> Option<(u64, String)> {
        let is_near = self.selected + NEAR_END >= self.items.len();
        let next = self.next.clone()?;
        (is_near && !self.is_loading).then(|| (self.begin(), next))
    }

    /// Takes the answer to a request, unless a later one has been made. A page that does not go on from the last
    /// replaces the items, and the cursor stays on the item it was on where that is still there.
    pub fn accept(
        &mut self,
        generation: u64,
        goes_on: Goes,
        page: Page<T>,
        is_same: impl Fn(&T, &T) -> bool,
    ) {
        if generation != self.generation {
            return;
        }
        self.is_loading = false;
        self.is_loaded = true;
        self.next = page.next;
        match goes_on {
            Goes::On => self.items.extend(page.items),
            Goes::Anew => {
                let old = std::mem::replace(&mut self.items, page.items);
                let kept = old
                    .get(self.selected)
                    .and_then(|item| self.items.iter().position(|new| is_same(item, new)));
                self.selected = kept.unwrap_or(self.selected);
            }
        }
        self.clamp();
    }

    /// Notes that a request failed, unless a later one has been made.
    pub fn fail(&mut self, generation: u64) {
        if generation == self.generation {
            self.is_loading = false;
        }
    }

    /// Takes items away.
    pub fn remove(&mut self, is_gone: impl Fn(&T) -> bool) {
        self.items.retain(|item| !is_gone(item));
        self.clamp();
    }

    /// Puts the cursor on an item, where it is there.
    pub fn select(&mut self, is_it: impl Fn(&T) -> bool) {
        if let Some(at) = self.items.iter().position(is_it) {
            self.selected = at;
        }
    }

    /// Puts a new item in its place, in front of the first that is behind it, and the cursor on it.
    pub fn insert(&mut self, item: T, is_behind: impl Fn(&T) -> bool) {
        let at = self.items.iter().position(is_behind);
        let at = at.unwrap_or(self.items.len());
        self.items.insert(at, item);
        self.selected = at;
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion, page: usize) {
        self.selected = motion.apply(self.selected, self.items.len(), page);
    }

    /// The item the cursor is on.
    pub fn current(&self) -> Option<&T> {
        self.items.get(self.selected)
    }

    /// Whether there is more than has come.
    pub fn has_more(&self) -> bool {
        self.next.is_some()
    }

    fn clamp(&mut self) {
        self.selected = self.selected.min(self.items.len().saturating_sub(1));
    }
}

/// Whether a page goes on from the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// It does.
    On,
    /// It is a first page.
    Anew,
}

/// How many rows before the end the next page is asked for.
const NEAR_END: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[u32], next: Option<&str>) -> Page<u32> {
        Page {
            items: items.to_vec(),
            next: next.map(str::to_owned),
        }
    }

    #[test]
    fn the_cursor_stays_on_its_item_when_the_list_is_loaded_anew() {
        let mut list = Listing::default();
        let first = list.begin();
        list.accept(first, Goes::Anew, page(&[1, 2, 3], None), PartialEq::eq);
        list.go(Motion::Last, 10);
        let second = list.begin();
        list.accept(second, Goes::Anew, page(&[0, 3, 4, 5], None), PartialEq::eq);
        assert_eq!(list.current(), Some(&3));
        let third = list.begin();
        list.accept(third, Goes::Anew, page(&[9], None), PartialEq::eq);
        assert_eq!(list.current(), Some(&9));
    }

    #[test]
    fn an_answer_that_was_overtaken_is_dropped() {
        let mut list = Listing::default();
        let old = list.begin();
        let new = list.begin();
        list.accept(new, Goes::Anew, page(&[7], None), PartialEq::eq);
        list.accept(old, Goes::Anew, page(&[1, 2], None), PartialEq::eq);
        list.fail(old);
        assert_eq!(list.items, [7]);
    }

    #[test]
    fn the_next_page_is_asked_for_once_near_the_end() {
        let mut list = Listing::default();
        let first = list.begin();
        let items: Vec<u32> = (0..50).collect();
        list.accept(first, Goes::Anew, page(&items, Some("50")), PartialEq::eq);
        assert_eq!(list.begin_more(), None);
        list.go(Motion::Last, 10);
        let (generation, after) = list.begin_more().expect("near the end");
        assert_eq!(after, "50");
        assert_eq!(list.begin_more(), None);
        list.accept(generation, Goes::On, page(&[50], None), PartialEq::eq);
        assert_eq!((list.items.len(), list.has_more()), (51, false));
    }

    #[test]
    fn a_motion_never_leaves_the_list() {
        use Motion::{Down, First, Last, PageDown, PageUp, Up};
        for motion in [Up, Down, PageUp, PageDown, First, Last] {
            assert_eq!(motion.apply(0, 0, 0), 0);
            for row in 0..5 {
                assert!(motion.apply(row, 5, 3) < 5);
            }
        }
        assert_eq!(PageDown.apply(0, 10, 4), 4);
        assert_eq!(PageUp.apply(9, 10, 4), 5);
    }
}
