use crate::client::{CallError, Client};
use serde_json::json;

impl Client {
    /// Writes an SSM parameter, as a secret (`SecureString`), over what was there.
    pub fn put_secret(&self, name: &str, value: &str) -> Result<(), CallError> {
        let request = json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true});
        self.json("ssm", "AmazonSSM.PutParameter", &request).map(drop)
    }
}
