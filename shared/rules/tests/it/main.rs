//! The language as its users see it.

mod fine_print;
mod founding;
mod operators;
mod patterns;
mod references;
mod support;
mod timing;
