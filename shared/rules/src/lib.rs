//! The rule language: parse, check, compile, evaluate; pure, no clock, no I/O
