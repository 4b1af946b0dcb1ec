//! The work queue on the real network, and in storms.

mod real;
mod replay;
mod storms;
