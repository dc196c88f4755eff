//! Recorded watch streams: read, write, and an API server that plays them with list and watch semantics
