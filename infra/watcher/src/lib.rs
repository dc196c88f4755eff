//! The watcher: a thin pod that forwards a cluster's changes to the queue
