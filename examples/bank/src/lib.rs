//! The program that docs/GUIDE.md puts into a storm.

#![forbid(unsafe_code)]

mod bank;

pub use bank::{Retries, bank, deposit};

/// The programs in the guide compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/GUIDE.md")]
struct Guide;
