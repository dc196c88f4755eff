//! End to end tests on the emulator
