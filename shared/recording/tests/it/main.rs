//! Recordings as they are: shipped ones, damaged ones, and what reads and writes them.

#[cfg(test)]
mod any_request;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http;
#[cfg(test)]
mod play;
#[cfg(test)]
mod read;
#[cfg(test)]
mod timeline;
#[cfg(test)]
mod write;
