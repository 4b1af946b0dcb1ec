//! Threads of one process, each with a runtime of its own, and sockets that face each other by inproc: nothing that one
//! thread calls waits for another. Simulations have one thread; these have real ones.

mod bursts;
mod busy;
mod computing;
mod endings;
mod held_back;
mod side;
