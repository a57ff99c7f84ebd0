//! The objects of one kind, in the order in which they were made.

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Stored;

/// Objects by id, oldest first. Nothing is ever taken out: Stripe remembers what was deleted, too.
#[derive(Debug)]
pub struct Table<T> {
    rows: Vec<T>,
    places: HashMap<String, usize>,
    changes: u64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashMap::new(), changes: 0 }
    }
}

impl<T> Table<T> {
    /// Adds an object.
    pub fn insert(&mut self, id: String, row: T) {
        self.changes += 1;
        self.places.insert(id, self.rows.len());
        self.rows.push(row);
    }

    /// The object of that id.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.places.get(id).and_then(|place| self.rows.get(*place))
    }

    /// The object of that id, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.changes += 1;
        self.places.get(id).and_then(|place| self.rows.get_mut(*place))
    }

    /// How often an object was added or changed since the stand-in began.
    pub fn changes(&self) -> u64 {
        self.changes
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

impl<T: Serialize> Serialize for Table<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rows.serialize(serializer)
    }
}

impl<'de, T: Stored + Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rows = Vec::<T>::deserialize(deserializer)?;
        let places = rows.iter().enumerate().map(|(place, row)| (row.id().to_owned(), place)).collect();
        Ok(Self { rows, places, changes: 0 })
    }
}
