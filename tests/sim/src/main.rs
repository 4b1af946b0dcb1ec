//! Sockets behave as ZeroMQ's, on simulated hosts and in virtual time. One file per behaviour.

mod semantics;
