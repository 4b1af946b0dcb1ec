//! How this program was called.

/// Its name as it was called, so that the commands it prints work.
pub(crate) fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "seaworthy".to_owned())
}
