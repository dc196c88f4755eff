//! Lambda function: findings to notifications
