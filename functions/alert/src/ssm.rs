use prodrome_lambda::{ParameterError, Parameters};
use prodrome_notify::{LocalSecrets, Secret, SecretError, SecretRef, SecretSource};

/// Reads the secrets of channels: from the SSM parameter store, and what `env` and `file` name from there.
pub struct SsmSecrets<F> {
    client: Parameters,
    local: LocalSecrets<F>,
}

impl<F: Fn(&str) -> Option<String> + Send + Sync> SsmSecrets<F> {
    /// `env` looks an environment variable up.
    pub const fn new(client: Parameters, env: F) -> Self {
        Self { client, local: LocalSecrets::new(env) }
    }
}

impl<F: Fn(&str) -> Option<String> + Send + Sync> SecretSource for SsmSecrets<F> {
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let SecretRef::Ssm(name) = reference else { return self.local.fetch(reference).await };
        match self.client.get(name).await {
            Ok(value) if value.trim().is_empty() => Err(SecretError::Empty { reference: reference.clone() }),
            Ok(value) => Ok(Secret::new(value.trim())),
            Err(ParameterError::Missing { .. }) => Err(SecretError::Missing { reference: reference.clone() }),
            Err(error) => Err(SecretError::Unreadable { reference: reference.clone(), source: error.into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use wiremock::matchers::{body_partial_json, header};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    /// A parameter store that answers for one name.
    async fn store(
        name: &str,
        status: u16,
        answer: serde_json::Value,
    ) -> (MockServer, SsmSecrets<impl Fn(&str) -> Option<String> + Send + Sync>) {
        let server = MockServer::start().await;
        Mock::given(header("x-amz-target", "AmazonSSM.GetParameter"))
            .and(body_partial_json(serde_json::json!({ "Name": name, "WithDecryption": true })))
            .respond_with(ResponseTemplate::new(status).set_body_json(answer))
            .mount(&server)
            .await;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(server.uri())
            .region(Region::new("local"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "test",
            )))
            .build();
        let local = |name: &str| (name == "TOKEN").then(|| "from the environment".to_owned());
        (server, SsmSecrets::new(Parameters::new(&config).unwrap(), local))
    }

    async fn fetch(secrets: &impl SecretSource, reference: SecretRef) -> String {
        match secrets.fetch(&reference).await {
            Ok(secret) => secret.expose().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_secret_comes_decrypted_from_the_parameter_store() {
        let answer = serde_json::json!({ "Parameter": { "Name": "/prodrome/chat", "Value": " hook \n" } });
        let (_server, secrets) = store("/prodrome/chat", 200, answer).await;
        assert_eq!(fetch(&secrets, SecretRef::Ssm("/prodrome/chat".into())).await, "hook");
        assert_eq!(fetch(&secrets, SecretRef::Env("TOKEN".into())).await, "from the environment");
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_secret_is_said_without_it() {
        let empty = serde_json::json!({ "Parameter": { "Value": " " } });
        let missing = serde_json::json!({ "__type": "ParameterNotFound" });
        let denied = serde_json::json!({ "__type": "AccessDeniedException", "message": "not authorized" });
        for (status, answer, says) in
            [(200, empty, "is empty"), (400, missing, "does not exist"), (400, denied, "could not be read")]
        {
            let (_server, secrets) = store("/p", status, answer).await;
            let error = fetch(&secrets, SecretRef::Ssm("/p".into())).await;
            assert_eq!(error, format!("secret `ssm: /p` {says}"));
        }
    }
}
