//! What people look at, seen by the programs they look with: pages in chromium, captures in tshark.
//!
//! Both programs must be installed (`apt-get install chromium tshark`); a test that misses one fails and says so.

mod capture;
mod large;
mod logic;
mod report;
mod tool;
mod trace;
