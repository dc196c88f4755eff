//! Notification channels: rendering, signing, limits and retries
