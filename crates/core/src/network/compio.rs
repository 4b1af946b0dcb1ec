//! io_uring through compio: the only file that names compio.
//!
//! Placeholder until the implementation lands.
