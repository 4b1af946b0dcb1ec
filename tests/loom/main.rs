//! One file per behaviour; each model is small enough to run every time, with all interleavings of up to three preemptions.
#![cfg(loom)]

mod budget;
mod close;
mod credit;
mod doorbell;
mod drop_with_items;
mod meeting;
mod order;
mod waiting;
mod wake;
