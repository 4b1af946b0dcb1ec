//! The program that docs/GUIDE.md puts into a storm, and the code of the guide, of PROXY.md and of the README as tests.

#![forbid(unsafe_code)]

mod bank;

pub use bank::{Retries, bank, deposit};

/// The programs in the guide compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/GUIDE.md")]
struct Guide;

/// And those in the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// And those of the page about proxies.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/PROXY.md")]
struct ProxyPage;
