//! The life of a check: pure decisions on what opens, waits, fires and resolves
