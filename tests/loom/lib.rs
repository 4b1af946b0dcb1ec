//! Models of the pipe under loom: `RUSTFLAGS="--cfg loom" cargo test --release -p seaworthy-tests-loom`.
//!
//! They run the very files that ship, through `seaworthy_core`'s `sync` module. Without `--cfg loom` there is nothing
//! here to run.
