//! What every [`Network`](seaworthy_core::Network) promises, on the real one and on both simulated ones, and
//! what the simulated ones do on top; and that sockets on them behave as ZeroMQ's. One file per behaviour; a body
//! that is generic over the network runs on each of them.

mod place;
mod shipped;

mod accept;
mod backpressure;
mod cancelled_operations;
mod clocks;
mod connect;
mod crash;
mod cut;
mod determinism;
mod fault_kinds;
mod half_close;
mod hosts;
mod idle;
mod inproc_threads;
mod ipc;
mod links;
mod pairs;
mod partial_writes;
mod programs;
mod readable;
mod rebind;
mod reset;
mod rules;
mod scenario_list;
mod scenarios;
mod semantics;
mod slow_readers;
mod sockets;
mod tasks;
mod time;
mod trace_snapshots;
mod turmoil_faults;
