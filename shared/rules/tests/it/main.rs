//! The language as its users see it.

mod fine_print;
mod founding;
mod mistakes;
mod operators;
mod patterns;
mod printing;
mod references;
mod support;
mod timing;
