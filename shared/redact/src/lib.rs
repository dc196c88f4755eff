//! Takes secrets out of texts that tenants and components write, by the shapes that secrets are known by: tokens of
//! vendors, what stands after `password=`, logins in addresses, private keys.
//!
//! It is for messages, log lines and evidence, applied where these enter. It is pure, takes time in proportion to the
//! text, and what is no secret stays as it is: digests, uids, commits, certificates, the names of Secrets, prose.
//! A text inside of JSON (or of JSON inside of JSON) is still JSON afterwards.
//!
//! ```
//! use prodrome_redact::redact;
//!
//! assert_eq!(redact("postgres://shop:hunter2@db:5432/x refused"), "postgres://***@db:5432/x refused");
//! assert_eq!(redact(r#"{"password":"hunter2","user":"shop"}"#), r#"{"password":"***","user":"shop"}"#);
//! assert_eq!(redact("failed to fetch anonymous token: unexpected status: 401"),
//!     "failed to fetch anonymous token: unexpected status: 401");
//! ```

mod address;
mod base64;
mod name;
mod pair;
mod pem;
mod scheme;
mod text;
mod token;
mod value;
mod writer;

pub use text::{MASK, redact, redact_named, redact_string};
pub use writer::Redacting;
