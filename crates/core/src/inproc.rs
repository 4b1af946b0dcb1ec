//! Names under which sockets of one context meet, each on its own thread.
//!
//! A socket that connects makes an *offer* under a name; a socket that binds the name takes the offers there, those
//! that waited for it first. Each name is one entry, and whatever happens to it happens under one lock: a second
//! bind of a living name changes nothing, and an offer is either with who offered it, or waiting, or taken. The
//! lock is held for the moment of connecting and binding; messages never see it.
//!
//! ```text
//!   bind ──▶ Binding (frees the name)          offer ──▶ Offering (withdraws the offer)
//!            Arrivals ◀── offers ── entry "workers" ◀── offers
//! ```
//!
//! A task that waits here is woken by the thread that changes the name. Its waker must not block that thread: see
//! [`waker_for_others`](crate::waker_for_others).
//!
//! What is offered is the caller's business; it is a pipe's end in practice. tests/loom runs this very file.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::task::{Context, Poll, Waker};

use crate::sync::{Arc, Mutex};

/// All names of one context; cloning gives the same. `B` is what is told about who binds, `S` what is told about an offer, taken or not,
/// and `O` is what is offered.
pub struct Registry<B, S, O> {
    state: Arc<Mutex<State<B, S, O>>>,
}

struct State<B, S, O> {
    names: BTreeMap<String, Entry<B, S, O>>,
    /// Bindings and offers so far: the number of the last one.
    numbers: u64,
}

struct Entry<B, S, O> {
    bound: Option<Bound<B>>,
    /// Every offer that was made and not withdrawn, taken or not, by its number.
    offers: BTreeMap<u64, Offered<B, S>>,
    /// What was offered and not taken, in the order of the offers.
    waiting: VecDeque<(u64, O)>,
}

struct Bound<B> {
    number: u64,
    about: B,
    /// Waits for offers.
    task: Option<Waker>,
}

struct Offered<B, S> {
    about: S,
    taken_by: Option<(BindingId, B)>,
    /// Waits for the name to be bound, or bound anew, or for the offer to be taken.
    task: Option<Waker>,
}

/// The name is bound already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameTaken;

/// A name that was bound: what keeps it, and what arrives there.
pub type BoundName<B, S, O> = (Binding<B, S, O>, Arrivals<B, S, O>);

/// What is known about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<B, S> {
    /// The name.
    pub name: String,
    /// Who has bound it, if anybody.
    pub bound: Option<B>,
    /// Every offer, in the order they were made.
    pub offers: Vec<S>,
    /// How many of them were not taken.
    pub waiting: usize,
}

impl<B: Clone, S: Clone, O> Registry<B, S, O> {
    /// Without names.
    pub fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State { names: BTreeMap::new(), numbers: 0 })) }
    }

    /// Binds a name until the [`Binding`] is dropped. Offers that waited for it can be taken at once.
    ///
    /// # Errors
    /// [`NameTaken`]: somebody has bound it, and keeps it.
    pub fn bind(&self, name: &str, about: B) -> Result<BoundName<B, S, O>, NameTaken> {
        let mut state = self.lock();
        let number = state.next_number();
        let entry = state.names.entry(name.to_owned()).or_insert_with(Entry::empty);
        if entry.bound.is_some() {
            return Err(NameTaken);
        }
        entry.bound = Some(Bound { number, about, task: None });
        let waiting = entry.tasks();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        let key = Key { registry: self.clone(), name: name.to_owned(), number };
        Ok((Binding { key: key.clone() }, Arrivals { key }))
    }

    /// Offers something under a name, whether it is bound or not, until the [`Offering`] is dropped.
    pub fn offer(&self, name: &str, offer: O, about: S) -> Offering<B, S, O> {
        let mut state = self.lock();
        let number = state.next_number();
        let entry = state.names.entry(name.to_owned()).or_insert_with(Entry::empty);
        entry.offers.insert(number, Offered { about, taken_by: None, task: None });
        entry.waiting.push_back((number, offer));
        let task = entry.bound.as_mut().and_then(|bound| bound.task.take());
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        Offering { key: Key { registry: self.clone(), name: name.to_owned(), number } }
    }

    /// Whether somebody has bound the name. That may have changed when the caller looks at the answer.
    pub fn is_bound(&self, name: &str) -> bool {
        self.lock().names.get(name).is_some_and(|entry| entry.bound.is_some())
    }

    /// Every name that is bound or has offers, in the order of the names.
    pub fn list(&self) -> Vec<Listed<B, S>> {
        let state = self.lock();
        let listed = |(name, entry): (&String, &Entry<B, S, O>)| Listed {
            name: name.clone(),
            bound: entry.bound.as_ref().map(|bound| bound.about.clone()),
            offers: entry.offers.values().map(|offered| offered.about.clone()).collect(),
            waiting: entry.waiting.len(),
        };
        state.names.iter().map(listed).collect()
    }
}

impl<B, S, O> Registry<B, S, O> {
    #[cfg(not(loom))]
    fn lock(&self) -> std::sync::MutexGuard<'_, State<B, S, O>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    #[cfg(loom)]
    fn lock(&self) -> loom::sync::MutexGuard<'_, State<B, S, O>> {
        self.state.lock().unwrap()
    }
}

impl<B, S, O> Clone for Registry<B, S, O> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<B: Clone, S: Clone, O> Default for Registry<B, S, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B, S, O> State<B, S, O> {
    const fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Forgets a name that is neither bound nor has offers.
    fn tidy(&mut self, name: &str) {
        if self.names.get(name).is_some_and(|entry| entry.bound.is_none() && entry.offers.is_empty()) {
            self.names.remove(name);
        }
    }
}

impl<B, S, O> Entry<B, S, O> {
    const fn empty() -> Self {
        Self { bound: None, offers: BTreeMap::new(), waiting: VecDeque::new() }
    }

    fn wait(&mut self, offer: u64, context: &Context<'_>) {
        if let Some(offered) = self.offers.get_mut(&offer) {
            offered.task = Some(context.waker().clone());
        }
    }

    /// Takes the tasks of those who offer.
    fn tasks(&mut self) -> Vec<Waker> {
        self.offers.values_mut().filter_map(|offered| offered.task.take()).collect()
    }
}

impl<B: Clone, S, O> Entry<B, S, O> {
    /// Who took an offer, or else who could.
    fn party(&self, offer: u64) -> Option<(BindingId, B)> {
        let taken_by = self.offers.get(&offer).and_then(|offered| offered.taken_by.clone());
        taken_by.or_else(|| self.bound.as_ref().map(|bound| (BindingId(bound.number), bound.about.clone())))
    }
}

/// One binding, or one offer.
struct Key<B, S, O> {
    registry: Registry<B, S, O>,
    name: String,
    number: u64,
}

impl<B, S, O> Clone for Key<B, S, O> {
    fn clone(&self) -> Self {
        Self { registry: self.registry.clone(), name: self.name.clone(), number: self.number }
    }
}

/// Keeps a name bound. Dropping it frees the name at once; offers that were not taken wait for the next who binds.
pub struct Binding<B, S, O> {
    key: Key<B, S, O>,
}

impl<B, S, O> Drop for Binding<B, S, O> {
    fn drop(&mut self) {
        let Key { registry, name, number } = &self.key;
        let mut state = registry.lock();
        let Some(entry) = state.names.get_mut(name) else { return };
        let Some(bound) = entry.bound.take_if(|bound| bound.number == *number) else { return };
        let mut tasks = entry.tasks();
        tasks.extend(bound.task);
        state.tidy(name);
        drop(state);
        tasks.into_iter().for_each(Waker::wake);
    }
}

/// The offers under a bound name.
pub struct Arrivals<B, S, O> {
    key: Key<B, S, O>,
}

impl<B: Clone, S, O> Arrivals<B, S, O> {
    /// Takes the eldest offer, if there is one now.
    pub fn take(&mut self) -> Option<O> {
        match self.poll_next(&Context::from_waker(Waker::noop())) {
            Poll::Ready(offer) => offer,
            Poll::Pending => None,
        }
    }

    /// Takes the eldest offer, once there is one; `None` once the name is no longer bound. Cancel-safe; wakes the
    /// last task that asked.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<O>> {
        let mut state = self.key.registry.lock();
        let Some(Entry { bound, offers, waiting }) = state.names.get_mut(&self.key.name) else {
            return Poll::Ready(None);
        };
        let Some(bound) = bound.as_mut().filter(|bound| bound.number == self.key.number) else {
            return Poll::Ready(None);
        };
        let Some((number, offer)) = waiting.pop_front() else {
            bound.task = Some(context.waker().clone());
            return Poll::Pending;
        };
        let task = offers.get_mut(&number).and_then(|offered| {
            offered.taken_by = Some((BindingId(bound.number), bound.about.clone()));
            offered.task.take()
        });
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        Poll::Ready(Some(offer))
    }
}

/// Keeps an offer. Dropping it withdraws the offer, unless it was taken.
pub struct Offering<B, S, O> {
    key: Key<B, S, O>,
}

/// Names one binding: a name that is bound anew has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingId(u64);

impl<B: Clone, S, O> Offering<B, S, O> {
    /// Who took the offer, or else who has bound the name now, if anybody.
    pub fn bound(&self) -> Option<(BindingId, B)> {
        self.key.registry.lock().names.get(&self.key.name)?.party(self.key.number)
    }

    /// As [`bound`](Self::bound), once that is another binding than `known`, or none. Cancel-safe; wakes the last
    /// task that asked.
    pub fn poll_bound(
        &self,
        context: &Context<'_>,
        known: Option<BindingId>,
    ) -> Poll<Option<(BindingId, B)>> {
        let mut state = self.key.registry.lock();
        let Some(entry) = state.names.get_mut(&self.key.name) else { return Poll::Ready(None) };
        let party = entry.party(self.key.number);
        if party.as_ref().map(|(id, _)| *id) != known {
            return Poll::Ready(party);
        }
        entry.wait(self.key.number, context);
        Poll::Pending
    }

    /// The binding of the name now, if it is bound.
    pub fn binding(&self) -> Option<BindingId> {
        let state = self.key.registry.lock();
        state.names.get(&self.key.name)?.bound.as_ref().map(|bound| BindingId(bound.number))
    }

    /// Ready once the offer was taken, or nobody has bound the name. Cancel-safe; wakes the last task that asked.
    pub fn poll_taken_or_free(&self, context: &Context<'_>) -> Poll<()> {
        if self.binding().is_none() { Poll::Ready(()) } else { self.poll_taken(context) }
    }

    /// Ready once the offer was taken. Cancel-safe; wakes the last task that asked.
    pub fn poll_taken(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.key.registry.lock();
        let Some(entry) = state.names.get_mut(&self.key.name) else { return Poll::Ready(()) };
        if entry.offers.get(&self.key.number).is_none_or(|offered| offered.taken_by.is_some()) {
            return Poll::Ready(());
        }
        entry.wait(self.key.number, context);
        Poll::Pending
    }

    /// Looks at what is offered; `None` when it was taken.
    pub fn look<R>(&self, look: impl FnOnce(&mut O) -> R) -> Option<R> {
        let mut state = self.key.registry.lock();
        let waiting = &mut state.names.get_mut(&self.key.name)?.waiting;
        let (_, offer) = waiting.iter_mut().find(|(number, _)| *number == self.key.number)?;
        Some(look(offer))
    }
}

impl<B, S, O> Drop for Offering<B, S, O> {
    fn drop(&mut self) {
        let Key { registry, name, number } = &self.key;
        let mut state = registry.lock();
        let Some(entry) = state.names.get_mut(name) else { return };
        entry.offers.remove(number);
        let place = entry.waiting.iter().position(|(waiting, _)| waiting == number);
        let withdrawn = place.and_then(|place| entry.waiting.remove(place));
        state.tidy(name);
        drop(state);
        // It may wake others, which is not for the lock.
        drop(withdrawn);
    }
}

impl<B, S, O> fmt::Debug for Registry<B, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("names", &self.lock().names.len()).finish_non_exhaustive()
    }
}

macro_rules! debug_as_its_name {
    ($($type:ident),*) => {$(
        impl<B, S, O> fmt::Debug for $type<B, S, O> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($type)).field(&self.key.name).finish()
            }
        }
    )*};
}

debug_as_its_name!(Binding, Arrivals, Offering);

#[cfg(all(test, not(loom)))]
mod tests;
