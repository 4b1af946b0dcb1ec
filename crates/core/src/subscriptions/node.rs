//! A node of the index: where prefixes end or part.

use std::mem;

use super::holders::Holders;
use super::label::Label;

/// The place of a node among all nodes.
pub(super) type Place = u32;

/// A prefix ends here, or several part.
#[derive(Debug)]
pub(super) struct Node<H> {
    /// The bytes since the node above.
    pub(super) label: Label,
    pub(super) above: Place,
    pub(super) children: Children,
    /// Those that hold the prefix that ends here.
    pub(super) holders: Holders<H>,
}

/// The nodes below, by the first byte of their labels.
#[derive(Debug, Default)]
pub(super) enum Children {
    #[default]
    None,
    One(u8, Place),
    /// Two or more, in order.
    Many(Box<Crowd<(u8, Place)>>),
}

/// Elsewhere, since most nodes have none.
#[derive(Debug)]
pub(super) struct Crowd<T>(Vec<T>);

impl Children {
    #[inline]
    pub(super) fn get(&self, byte: u8) -> Option<Place> {
        match self {
            Self::None => None,
            Self::One(only, place) => (*only == byte).then_some(*place),
            Self::Many(crowd) => {
                let at = crowd.0.binary_search_by_key(&byte, |child| child.0).ok()?;
                crowd.0.get(at).map(|child| child.1)
            }
        }
    }

    /// Adds a child, or puts it in the place of the one with the same byte.
    pub(super) fn set(&mut self, byte: u8, place: Place) {
        match self {
            Self::None => *self = Self::One(byte, place),
            Self::One(only, former) if *only == byte => *former = place,
            Self::One(only, former) => {
                let mut crowd = vec![(*only, *former), (byte, place)];
                crowd.sort_unstable();
                *self = Self::Many(Box::new(Crowd(crowd)));
            }
            Self::Many(crowd) => match crowd.0.binary_search_by_key(&byte, |child| child.0) {
                Ok(at) => crowd.0[at].1 = place,
                Err(at) => crowd.0.insert(at, (byte, place)),
            },
        }
    }

    pub(super) fn remove(&mut self, byte: u8) {
        match self {
            Self::None => {}
            Self::One(only, _) if *only == byte => *self = Self::None,
            Self::One(..) => {}
            Self::Many(crowd) => {
                crowd.0.retain(|child| child.0 != byte);
                if let [(only, place)] = crowd.0[..] {
                    *self = Self::One(only, place);
                } else {
                    crowd.shrink();
                }
            }
        }
    }

    pub(super) const fn only(&self) -> Option<Place> {
        match self {
            Self::One(_, place) => Some(*place),
            Self::None | Self::Many(_) => None,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl<T> Crowd<T> {
    /// Gives memory back after most have left.
    fn shrink(&mut self) {
        if self.0.len() * 4 < self.0.capacity() {
            self.0.shrink_to(self.0.len() * 2);
        }
    }
}

impl<H> Node<H> {
    pub(super) const fn new(label: Label, above: Place) -> Self {
        Self { label, above, children: Children::None, holders: Holders::None }
    }

    pub(super) fn first_byte(&self) -> u8 {
        self.label.bytes().first().copied().unwrap_or_default()
    }

    pub(super) fn take_label(&mut self) -> Label {
        mem::replace(&mut self.label, Label::new(&[]))
    }
}
