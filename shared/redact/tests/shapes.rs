//! Which texts lose what.

use prodrome_redact::{redact, redact_named};

/// Put together at run time, so that no scanner of repositories takes them for real.
fn token(prefix: &str, body: &str) -> String {
    format!("{prefix}{body}")
}

const BODY: &str = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0";

#[test]
fn tokens_of_vendors_vanish_wherever_they_stand() {
    let tokens = [
        token("AKIA", "IOSFODNN7EXAMPLE"),
        token("ASIA", "IOSFODNN7EXAMPLE"),
        token("ghp_", BODY.get(..36).unwrap()),
        token("ghs_", BODY.get(..36).unwrap()),
        token("github_pat_", "11ABCDEFG0abcdefghijkl_ABCDEFGHIJKLMNOP"),
        token("glpat-", "abcDEF123456_-xyzABC"),
        token("xoxb-", "123456789012-1234567890123-AbCdEfGhIjKl"),
        token("xapp-", "1-A012-345-abcdef"),
        token("npm_", BODY.get(..36).unwrap()),
        token("pypi-", "AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMA"),
        token("sk_live_", "4eC39HqLyjWDarjtT1zdp7dc"),
        token("rk_test_", "4eC39HqLyjWDarjtT1zdp7dc"),
        token("whsec_", "4eC39HqLyjWDarjtT1zdp7dc"),
        token("AIza", "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"),
        token("ya29.", "a0AfH6SMBx3Yz-abcdefghij_klmnop"),
        token("GOCSPX-", "abcdefghijklmnopqrstuvwx1234"),
        token("sk-", BODY.get(..40).unwrap()),
        token("sk-proj-", BODY),
        token("sk-ant-", "api03-abcdefghijklmnop"),
        token("sk-", "0123456789abcdef0123456789abcdef"),
        token("hf_", BODY.get(..34).unwrap()),
        token("hvs.", "CAESIJabcdefghijklmnopqrstuv"),
        token("dckr_pat_", "abcdefghijklmnopqrstuvwxyz1"),
        token("SG.", "abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEF"),
        token(
            "eyJhbGciOiJIUzI1NiJ9",
            ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        ),
        token("eyJhdXRocyI6eyJyLmV4YW1wbGUiOnsiYXV0aCI6", "ImFHVnNiRzg9In19fQ=="),
        token("LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t", "Ck1JSUV2UUlCQURBTkJna3Foa2lHOXcwQkFRRUZBQVND"),
    ];
    for token in &tokens {
        for text in [
            token.clone(),
            format!("cannot use {token} for this"),
            format!("\"{token}\""),
            format!("{{\"a\":\"line\\n{token}\\nnext\"}}"),
            format!("x={token}&y=2"),
            format!("({token})"),
            format!("é{token}é"),
        ] {
            let clean = redact(&text);
            assert!(!clean.contains(token.get(..token.len().min(30)).unwrap()), "{text}\n{clean}");
            assert!(clean.contains("***"), "{text}\n{clean}");
        }
    }
}

#[test]
fn secrets_are_known_by_what_stands_before_them() {
    let table = [
        ("host=db password=hunter2 sslmode=off", "host=db password=*** sslmode=off"),
        ("password: hunter2", "password: ***"),
        ("password = opensesame", "password = ***"),
        ("login with password: opensesame for bob", "login with password: *** for bob"),
        ("DB_PASSWORD=p@ss,w0rd;more", "DB_PASSWORD=***"),
        ("Server=db;Password=hunter2;Database=shop", "Server=db;Password=***;Database=shop"),
        ("{\"password\":\"correct horse\",\"a\":1}", "{\"password\":\"***\",\"a\":1}"),
        ("{\"password\" : \"hunter2\"}", "{\"password\" : \"***\"}"),
        (
            r#"{"log":"{\"clientSecret\":\"a b\",\"x\":1}"}"#,
            r#"{"log":"{\"clientSecret\":\"***\",\"x\":1}"}"#,
        ),
        (r#"{\\\"token\\\":\\\"abc12\\\"}"#, r#"{\\\"token\\\":\\\"***\\\"}"#),
        ("a token=x&token=y", "a token=***&token=***"),
        ("token: 8f14e45fceea167a5a36dedd4bea2543", "token: ***"),
        ("bootstrap token: abcdef.0123456789abcdef", "bootstrap token: ***"),
        ("api-key: a1b2c3d4e5", "api-key: ***"),
        ("X-Api-Key: a1b2c3d4e5", "X-Api-Key: ***"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = ***"),
        (
            "AccountName=shop;AccountKey=abcDEF123==;EndpointSuffix=x",
            "AccountName=shop;AccountKey=***;EndpointSuffix=x",
        ),
        (
            "https://b.s3.example/o?X-Amz-Signature=0a1b&X-Amz-Date=1",
            "https://b.s3.example/o?X-Amz-Signature=***&X-Amz-Date=1",
        ),
        (
            "https://a.blob.example/c?sv=2020&sig=ab%2Fcd%3D&se=1",
            "https://a.blob.example/c?sv=2020&sig=***&se=1",
        ),
        ("back=https%3A%2F%2Fx%3Ftoken%3Dabc12%26y%3D1", "back=https%3A%2F%2Fx%3Ftoken%3D***%26y%3D1"),
        (r#""url":"/in?token\u003dabc12\u0026y=1""#, r#""url":"/in?token\u003d***\u0026y=1""#),
        (
            "metadata.annotations['acme.io/api-token'] = abc12",
            "metadata.annotations['acme.io/api-token'] = ***",
        ),
        ("{Name:DB_URL,Value:hunter2,ValueFrom:nil,}", "{Name:DB_URL,Value:***,ValueFrom:nil,}"),
        ("{Name: \"DB\", Value: \"a, b\"}", "{Name: \"DB\", Value: \"***\"}"),
        (r#"{"name":"GREETING","value":"hello you"}"#, r#"{"name":"GREETING","value":"***"}"#),
        (r#"{\"name\":\"GREETING\",\"value\":\"hello\"}"#, r#"{\"name\":\"GREETING\",\"value\":\"***\"}"#),
        ("map[Password:hunter2 User:bob]", "map[Password:*** User:bob]"),
        ("mysql --password hunter2 -h db", "mysql --password *** -h db"),
        (r#"exec: ["tool","--token","abc12","x"]"#, r#"exec: ["tool","--token","***","x"]"#),
        ("runs --note, x, --password, hunter2, --verbose", "runs --note, x, --password, ***, --verbose"),
        ("curl -u bob:hunter2 http://x", "curl -u bob:*** http://x"),
        ("CREATE USER a IDENTIFIED BY 'hunter 2';", "CREATE USER a IDENTIFIED BY '***';"),
        (":password=>\"hunter2\"", ":password=>\"***\""),
        ("password := hunter2", "password := ***"),
    ];
    for (text, want) in table {
        assert_eq!(redact(text), want);
    }
}

#[test]
fn headers_addresses_and_connection_strings_keep_no_login() {
    let table = [
        ("Authorization: Bearer eyJh.bc", "Authorization: Bearer ***"),
        ("authorization: Basic c2hvcDpodW50ZXIy", "authorization: Basic ***"),
        ("map[Authorization:[Bearer abc12def]]", "map[Authorization:[Bearer ***]]"),
        (r#"{"Authorization":"Basic c2hvcDpodW50ZXIy"}"#, r#"{"Authorization":"Basic ***"}"#),
        ("sent Bearer 0123456789abcdef", "sent Bearer ***"),
        ("sent Basic c2hvcDpodW50ZXIy to x", "sent Basic *** to x"),
        ("Set-Cookie: session=abc; Path=/", "Set-Cookie: ***"),
        ("postgres://shop:hunter2@db:5432/x refused", "postgres://***@db:5432/x refused"),
        ("redis://:hunter2@cache:6379", "redis://***@cache:6379"),
        ("amqp://u:p%40ss@mq/vhost", "amqp://***@mq/vhost"),
        ("mongodb://u:pa/ss@a,b/db", "mongodb://***@a,b/db"),
        ("mongodb+srv://u:p@ss@a/db", "mongodb+srv://***@a/db"),
        (r#""https:\/\/u:p@h\/x""#, r#""https:\/\/***@h\/x""#),
        ("https://0123456789abcdef0123@git.example/x", "https://***@git.example/x"),
        ("shop:hunter2@tcp(db:3306)/shop", "shop:***@tcp(db:3306)/shop"),
        ("jdbc:oracle:thin:shop/hunter2@//db:1521/x", "jdbc:oracle:thin:***@//db:1521/x"),
        ("https://hooks.slack.com/services/T0/B0/abc failed", "https://hooks.slack.com/*** failed"),
        (
            r#"{"auths":{"r.example":{"auth":"c2hvcDpodW50ZXIy"}}}"#,
            r#"{"auths":{"r.example":{"auth":"***"}}}"#,
        ),
        ("key AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "key *** ***"),
    ];
    for (text, want) in table {
        assert_eq!(redact(text), want);
    }
}

#[test]
fn private_keys_lose_their_bodies_and_certificates_keep_theirs() {
    for (body, end) in [
        ("\nMIIEvQIBADAN\nBgkqhkiG9w0B=\n", "-----END RSA PRIVATE KEY-----\nx"),
        ("\\nMIIEvQ\\nIBADAN\\n", "-----END RSA PRIVATE KEY-----\"}"),
        ("\nMIIEvQIBADAN", ""),
    ] {
        let text = format!("a -----BEGIN RSA PRIVATE KEY-----{body}{end}");
        assert_eq!(redact(&text), format!("a -----BEGIN RSA PRIVATE KEY-----***{end}"));
    }
    for text in [
        "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBa\n-----END CERTIFICATE-----",
        "caBundle: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSURkekNDQWwrZ0F3SUJBZ0lFQWdBQXVUQU5CZ2txaGtpRzl3",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
    ] {
        assert_eq!(redact(text), text);
    }
}

#[test]
fn what_is_no_secret_stays_readable() {
    for text in [
        "docker-pullable://nginx:1@sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31",
        "docker://nginx:1@sha256:ab",
        "registry.example.com:5000/shop/web:2.7.1@sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31",
        "containerd://3f4e0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f",
        "uid 7b2e8e0e-6c1a-4b7e-9f0a-3d2c1b0a9f8e, commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "pod web-56c49f7794-wwrqj in task-1234567890abcdef1234567890abcdef is not ready",
        "disk-0123456789abcdef0123456789abcdef is full; risk-free",
        "sk-learn-worker-5d8f7c9b4-abcde is pending",
        "(using password: YES)",
        "couldn't find key password in Secret shop/db",
        "secret \"regcred\" not found",
        "MountVolume.SetUp failed for volume \"x\" : secret \"default-token-x7k2p\" not found",
        "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
        "failed to fetch oauth token: Post \"https://auth.example/token\": dial tcp 10.0.0.7:443: i/o timeout",
        "failed to fetch oauth token: denied: requested access to the resource is denied",
        "unauthorized: incorrect username or password",
        "invalid username/password: unauthorized: authentication failed",
        "password authentication failed for user \"shop\"",
        "password: must not be empty",
        "error parsing token: x509: certificate has expired",
        "SyntaxError: Unexpected token: < in JSON at position 0",
        "token: expired",
        "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull\"",
        "Bearer authentication is required; Basic auth failed; bearer token is missing",
        "\"Unable to retrieve pull secret\" secret=\"shop/regcred\" err=\"not found\"",
        "secret: my-pull-secret",
        "secret=regcred",
        "spec.imagePullSecrets[name=regcred].name = regcred",
        "spec.volumes[0].secret.secretName = db-credentials-2",
        "spec.automountServiceAccountToken = true",
        "PWD=/app OLDPWD=/",
        "password=$(DB_PASSWORD) token=${TOKEN} secret={{ .Values.secret }} password=<redacted>",
        "http://localhost:8080/@scope/x and http://[::1]:80/a@b",
        "git@github.com:org/repo.git https://bob@git.example/x",
        "mail bob@example.com: at 10:15:00",
        "-u 1000:1000 --token, --user, and --password, then --token is required --password-file /etc/x",
        "std::token::Token and crate::password::Hash",
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }",
        "{\"name\":\"web\",\"image\":\"nginx\",\"value\":3}",
        "tokens: 512, max_tokens=4096, secretKeyRef: {name: db, key: password}",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        "exec: \"/bin/token\": stat /bin/token: no such file or directory",
        "Failed to pull image \"private.example.com/pay/secret:1.0\": x/y/token:v2 and token:1.2.3-rc1",
        "Can't locate revision identified by 'ab12cd34'",
        "set this string with `bin/rails credentials:edit`",
        "/entrypoint.sh: 5: DB_PASSWORD: parameter not set",
        "H4sIAAAAAAAA/8pIzcnJVyjPL8pJUQQAAAD//w== and c2hvcA==",
    ] {
        assert_eq!(redact(text), text);
        assert!(matches!(redact(text), std::borrow::Cow::Borrowed(_)));
    }
}

#[test]
fn a_values_own_name_tells_as_well() {
    for (name, value, want) in [
        ("api-token", "abc12", "***"),
        ("PASSWORD", "hunter2", "***"),
        ("app.kubernetes.io/name", "web", "web"),
        ("secret", "regcred", "regcred"),
        ("note", "AKIAIOSFODNN7EXAMPLE", "***"),
        ("token", "true", "true"),
    ] {
        assert_eq!(redact_named(name, value), want, "{name}");
    }
}
