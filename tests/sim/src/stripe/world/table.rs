//! The objects of one kind, in the order in which they were made.

use std::collections::HashMap;

/// Objects by id, oldest first. Nothing is ever taken out: Stripe remembers what was deleted, too.
#[derive(Debug)]
pub struct Table<T> {
    rows: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashMap::new() }
    }
}

impl<T> Table<T> {
    /// Adds an object.
    pub fn insert(&mut self, id: String, row: T) {
        self.places.insert(id, self.rows.len());
        self.rows.push(row);
    }

    /// The object of that id.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).and_then(|place| self.rows.get(*place))
    }

    /// The object of that id, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.places.get(id).and_then(|place| self.rows.get_mut(*place))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.rows.iter()
    }
}
