//! The language as its users see it.

mod founding;
mod support;
