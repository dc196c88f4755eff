//! Root-cause diagnoses on the emulator: how long, how many calls, at what price, and how right.

pub mod newcomer;
pub mod runs;
pub mod twelve;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use prodrome_emulator::Emulator;

/// The emulator's, for the SDK.
async fn sdk_config(emulator: &Emulator) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(emulator.endpoint())
        .region(Region::new("us-east-1"))
        .test_credentials()
        .load()
        .await
}
