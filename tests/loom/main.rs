//! One file per behaviour; each model is small enough to be explored completely in every run.
#![cfg(loom)]

mod close;
mod credit;
mod drop_with_items;
mod order;
mod waiting;
mod wake;
