//! The emulator as it is: started, deployed to, stopped and killed.

mod deploy;
mod functions;
mod lifecycle;
mod wait;
