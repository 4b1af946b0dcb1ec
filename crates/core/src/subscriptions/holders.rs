//! The holders of one prefix, and those of them that are passed over for now.

use std::slice;

/// The holders of one prefix.
#[derive(Debug, Default)]
pub(super) enum Holders<H> {
    #[default]
    None,
    /// Not suspended, unless nothing looked since it was.
    One(H),
    /// Elsewhere, since most nodes have one or none.
    Many(Box<Partition<H>>),
}

/// Holders in two parts, as libzmq's `dist_t` divides its pipes: a message for them costs what the first part does,
/// however many are in the second one.
#[derive(Debug)]
pub(super) struct Partition<H> {
    /// Those that are not suspended, then those that are; either part in order.
    holders: Vec<H>,
    active: usize,
    /// Suspended holders that hold no shorter prefix of this one. Counted along the nodes that a topic matches, each
    /// suspended holder is counted once.
    counted: usize,
    /// The version of the index by which these were found out.
    version: u64,
}

impl<H: Ord + Copy> Holders<H> {
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn contains(&self, holder: H) -> bool {
        match self {
            Self::None => false,
            Self::One(only) => *only == holder,
            Self::Many(partition) => partition.find(holder).is_ok(),
        }
    }

    /// False when it has to be [found out](Self::divide) which are suspended. `any` says whether one is, anywhere.
    #[inline(always)]
    pub(super) const fn are_divided(&self, version: u64, any: bool) -> bool {
        match self {
            Self::None => true,
            Self::One(_) => !any,
            Self::Many(partition) => partition.version == version,
        }
    }

    /// Divides the holders for a version of the index, by which of them `is_suspended`, and of these `is_counted`. `any`
    /// says whether one is suspended, anywhere.
    #[cold]
    pub(super) fn divide(
        &mut self,
        version: u64,
        any: bool,
        is_suspended: impl Fn(H) -> bool,
        is_counted: impl Fn(H) -> bool,
    ) {
        if let Self::One(only) = *self {
            *self = Self::many(vec![only]);
        }
        let Self::Many(partition) = self else { return };
        let Partition { holders, active, counted, version: divided_for } = &mut **partition;
        // Stable, hence quick for two parts that are in order.
        holders.sort_by_key(|&holder| (is_suspended(holder), holder));
        *active = holders.partition_point(|&holder| !is_suspended(holder));
        *counted = holders[*active..].iter().filter(|&&holder| is_counted(holder)).count();
        *divided_for = version;
        if let [only] = holders[..]
            && !any
        {
            *self = Self::One(only);
        }
    }

    /// The holders that are not suspended, in order, and the number of those that are and are counted here.
    #[inline(always)]
    pub(super) fn parts(&self) -> (&[H], usize) {
        match self {
            Self::None => (&[], 0),
            Self::One(holder) => (slice::from_ref(holder), 0),
            Self::Many(partition) => (&partition.holders[..partition.active], partition.counted),
        }
    }

    /// Adds a holder; false when it is one already.
    pub(super) fn insert(&mut self, holder: H) -> bool {
        match self {
            Self::None => *self = Self::One(holder),
            Self::One(only) if *only == holder => return false,
            Self::One(only) => {
                let mut holders = vec![*only, holder];
                holders.sort_unstable();
                *self = Self::many(holders);
            }
            Self::Many(partition) => {
                let Err(at) = partition.find(holder) else { return false };
                partition.holders.insert(at, holder);
                partition.active += 1;
            }
        }
        true
    }

    /// Removes a holder; false when it is none.
    pub(super) fn remove(&mut self, holder: H) -> bool {
        match self {
            Self::None => return false,
            Self::One(only) if *only != holder => return false,
            Self::One(_) => *self = Self::None,
            Self::Many(partition) => {
                let Ok(at) = partition.find(holder) else { return false };
                partition.holders.remove(at);
                partition.active -= usize::from(at < partition.active);
                match partition.holders[..] {
                    [] => *self = Self::None,
                    [only] => *self = Self::One(only),
                    _ => partition.shrink(),
                }
            }
        }
        true
    }

    fn many(holders: Vec<H>) -> Self {
        Self::Many(Box::new(Partition { active: holders.len(), counted: 0, version: UNDIVIDED, holders }))
    }
}

/// No version of an index.
const UNDIVIDED: u64 = u64::MAX;

impl<H: Ord + Copy> Partition<H> {
    /// Where a holder is, or where it belongs among those that are not suspended.
    fn find(&self, holder: H) -> Result<usize, usize> {
        let (active, suspended) = self.holders.split_at(self.active);
        active
            .binary_search(&holder)
            .or_else(|place| suspended.binary_search(&holder).map(|at| active.len() + at).map_err(|_| place))
    }

    /// Frees memory after most have left.
    fn shrink(&mut self) {
        if self.holders.len() * 4 < self.holders.capacity() {
            self.holders.shrink_to(self.holders.len() * 2);
        }
    }
}
