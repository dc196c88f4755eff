use prodrome_lambda::{ParameterError, Parameters, SecretsManager, SecretsManagerError};
use prodrome_notify::{LocalSecrets, Secret, SecretError, SecretRef, SecretSource};

/// Reads the secrets of channels: from the SSM parameter store and from Secrets Manager, and what `env` and `file`
/// name from there.
pub struct AwsSecrets<F> {
    parameters: Parameters,
    manager: SecretsManager,
    local: LocalSecrets<F>,
}

impl<F: Fn(&str) -> Option<String> + Send + Sync> AwsSecrets<F> {
    /// `env` looks an environment variable up.
    pub const fn new(parameters: Parameters, manager: SecretsManager, env: F) -> Self {
        Self { parameters, manager, local: LocalSecrets::new(env) }
    }
}

impl<F: Fn(&str) -> Option<String> + Send + Sync> SecretSource for AwsSecrets<F> {
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let missing = || SecretError::Missing { reference: reference.clone() };
        let unreadable = |source| SecretError::Unreadable { reference: reference.clone(), source };
        let value = match reference {
            SecretRef::Ssm(name) => self.parameters.get(name).await.map_err(|error| match error {
                ParameterError::Missing { .. } => missing(),
                error @ ParameterError::Unreadable { .. } => unreadable(error.into()),
            })?,
            SecretRef::SecretsManager(arn) => self.manager.get(arn).await.map_err(|error| match error {
                SecretsManagerError::Missing { .. } => missing(),
                error @ SecretsManagerError::Unreadable { .. } => unreadable(error.into()),
            })?,
            SecretRef::Env(_) | SecretRef::File(_) => return self.local.fetch(reference).await,
        };
        match value.trim() {
            "" => Err(SecretError::Empty { reference: reference.clone() }),
            value => Ok(Secret::new(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use serde_json::json;
    use wiremock::matchers::{body_partial_json, header, header_regex};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    const PARAMETER: &str = "AmazonSSM.GetParameter";
    const SECRET: &str = "secretsmanager.GetSecretValue";
    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prodrome/chat-AbCdEf";

    /// A service that has one answer to one question, signed for one region.
    async fn service(
        (operation, region): (&str, &str),
        asked: serde_json::Value,
        status: u16,
        answer: serde_json::Value,
    ) -> (MockServer, AwsSecrets<impl Fn(&str) -> Option<String> + Send + Sync>) {
        let server = MockServer::start().await;
        Mock::given(header("x-amz-target", operation))
            .and(header_regex("authorization", &format!("Credential=test/[0-9]{{8}}/{region}/")))
            .and(body_partial_json(asked))
            .respond_with(ResponseTemplate::new(status).set_body_json(answer))
            .mount(&server)
            .await;
        let secrets = secrets(&server.uri(), "local");
        (server, secrets)
    }

    fn secrets(
        url: &str,
        region: &'static str,
    ) -> AwsSecrets<impl Fn(&str) -> Option<String> + Send + Sync + use<>> {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(url)
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "test",
            )))
            .build();
        let local = |name: &str| (name == "TOKEN").then(|| "from the environment".to_owned());
        let (parameters, manager) = (Parameters::new(&config), SecretsManager::new(&config));
        AwsSecrets::new(parameters.unwrap(), manager.unwrap(), local)
    }

    async fn fetch(secrets: &impl SecretSource, reference: SecretRef) -> String {
        match secrets.fetch(&reference).await {
            Ok(secret) => secret.expose().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_secret_comes_decrypted_from_the_parameter_store() {
        let answer = json!({ "Parameter": { "Name": "/prodrome/chat", "Value": " hook \n" } });
        let asked = json!({ "Name": "/prodrome/chat", "WithDecryption": true });
        let (_server, secrets) = service((PARAMETER, "local"), asked, 200, answer).await;
        assert_eq!(fetch(&secrets, SecretRef::Ssm("/prodrome/chat".into())).await, "hook");
        assert_eq!(fetch(&secrets, SecretRef::Env("TOKEN".into())).await, "from the environment");
    }

    #[tokio::test]
    async fn a_secret_of_secrets_manager_is_asked_for_in_its_own_region_whole_or_by_a_key() {
        let from = async |reference: &str, value: &str| {
            let answer = json!({ "ARN": ARN, "SecretString": value });
            let asked = json!({ "SecretId": ARN });
            let (_server, secrets) = service((SECRET, "eu-west-1"), asked, 200, answer).await;
            fetch(&secrets, SecretRef::SecretsManager(reference.into())).await
        };
        let (whole, keyed) = (ARN.to_owned(), format!("{ARN}:token::"));
        assert_eq!(from(&whole, "hook\n").await, "hook");
        assert_eq!(from(&keyed, r#"{"token":"t","other":"o"}"#).await, "t");
        assert_eq!(from(&whole, " ").await, format!("secret `secretsManager: {ARN}` is empty"));
        let refused = format!("secret `secretsManager: {keyed}` could not be read");
        for value in ["no json", "{}", r#"{"token":7}"#] {
            assert_eq!(from(&keyed, value).await, refused, "{value}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_secret_is_said_without_it() {
        let empty = json!({ "Parameter": { "Value": " " } });
        let missing = json!({ "__type": "com.amazonaws.ssm#ParameterNotFound" });
        let denied = json!({ "__type": "AccessDeniedException", "message": "not authorized" });
        for (status, answer, says) in [
            (200, empty, "is empty"),
            (400, missing, "does not exist"),
            (400, denied.clone(), "could not be read"),
        ] {
            let (_server, secrets) = service((PARAMETER, "local"), json!({}), status, answer).await;
            let error = fetch(&secrets, SecretRef::Ssm("/p".into())).await;
            assert_eq!(error, format!("secret `ssm: /p` {says}"));
        }
        let missing = json!({ "__type": "ResourceNotFoundException" });
        let binary = json!({ "ARN": "x", "SecretBinary": "AAAA" });
        for (status, answer, says, why) in [
            (400, missing, "does not exist", ""),
            (400, denied, "could not be read", "not authorized"),
            (200, binary, "could not be read", "it is binary; expected a text"),
        ] {
            let (_server, secrets) = service((SECRET, "local"), json!({}), status, answer).await;
            let error = secrets.fetch(&SecretRef::SecretsManager("x".into())).await.unwrap_err();
            assert_eq!(error.to_string(), format!("secret `secretsManager: x` {says}"));
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert!(source.contains(why), "{source}");
        }
    }

    /// On the emulator, where there is one (`make test`).
    #[tokio::test]
    async fn secrets_come_from_a_real_secrets_manager() {
        let Some(endpoint) = prodrome_lambda::environment("PRODROME_TEST_ENDPOINT") else {
            eprintln!(
                "skipped: secrets_come_from_a_real_secrets_manager (PRODROME_TEST_ENDPOINT is not set)"
            );
            return;
        };
        let name = "prodrome/test-of-secrets";
        let create = json!({ "Name": name, "SecretString": r#"{"token":"kept"}"# }).to_string();
        let signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/secretsmanager/aws4_request, \
                      SignedHeaders=host, Signature=0";
        let made = reqwest::Client::new()
            .post(&endpoint)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "secretsmanager.CreateSecret")
            .header("authorization", signed)
            .body(create)
            .send()
            .await
            .unwrap();
        let made: serde_json::Value = serde_json::from_slice(&made.bytes().await.unwrap()).unwrap();
        let secrets = secrets(&endpoint, "us-east-1");
        let read = async |reference: String| fetch(&secrets, SecretRef::SecretsManager(reference)).await;
        assert_eq!(read(name.to_owned()).await, r#"{"token":"kept"}"#);
        if let Some(arn) = made["ARN"].as_str() {
            assert_eq!(read(format!("{arn}:token::")).await, "kept");
        }
        let none = "prodrome/none".to_owned();
        assert_eq!(read(none).await, "secret `secretsManager: prodrome/none` does not exist");
    }
}
