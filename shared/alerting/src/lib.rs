//! From findings to notices: grouping, pacing, hold-down, flapping, routing; pure decisions
