//! What every decoder returns.

/// What became of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress<T> {
    /// At least this many bytes are missing. What is there stays in the input.
    Missing(usize),
    /// This came out of it.
    Done(T),
}

impl<T> Progress<T> {
    pub(crate) fn map<U>(self, into: impl FnOnce(T) -> U) -> Progress<U> {
        match self {
            Self::Missing(bytes) => Progress::Missing(bytes),
            Self::Done(done) => Progress::Done(into(done)),
        }
    }
}
