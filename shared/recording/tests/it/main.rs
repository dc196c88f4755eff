//! Recordings as they are: shipped ones, damaged ones, and what reads and writes them.

mod read;
