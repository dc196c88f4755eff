//! What every Lambda function shares: settings, logs, metrics, partial batch failures
