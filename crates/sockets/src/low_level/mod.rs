//! One connection on one stream, without queues, for those who hold a stream themselves.
