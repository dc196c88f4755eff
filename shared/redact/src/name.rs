use crate::address::is_masked;
use crate::base64;

/// Names are no longer than this.
pub(crate) const NAME_MAX: usize = 64;

/// What a name says of the value behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// `password`, `MYSQL_ROOT_PASSWORD`.
    Password,
    /// The shell's working directory, or a password.
    Pwd,
    /// `pass`, `sig`: words of other meanings too, so only a program writes a secret behind them.
    Short,
    /// `token`, `clientSecret`, `api-key`, `X-Amz-Signature`.
    Secret,
    /// `secret`: in this field most often the name of one.
    SecretItself,
    /// `auth`: base64 of a login.
    Login,
    /// `Authorization`: a scheme, and what proves it.
    Authorization,
    /// `Cookie`, `Set-Cookie`.
    Cookie,
    /// `value`: of an environment variable, where a name goes before it.
    Value,
}

/// Whether a value follows as programs write it (`token=x`), or as people do (`token: x`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strict {
    Yes,
    No,
}

const PASSWORDS: [&[u8]; 5] = [b"password", b"passwd", b"passphrase", b"passcode", b"pwd"];
const SECRETS: [&[u8]; 21] = [
    b"token",
    b"secret",
    b"apikey",
    b"accesskey",
    b"secretkey",
    b"privatekey",
    b"signingkey",
    b"encryptionkey",
    b"masterkey",
    b"accountkey",
    b"authkey",
    b"sessionkey",
    b"licensekey",
    b"sharedkey",
    b"credential",
    b"credentials",
    b"signature",
    b"subscriptionkey",
    b"webhookkey",
    b"secretaccess",
    b"jwt",
];
/// Values that tell something and are no secret.
const SAID: [&[u8]; 26] = [
    b"yes",
    b"no",
    b"true",
    b"false",
    b"null",
    b"nil",
    b"none",
    b"undefined",
    b"unset",
    b"set",
    b"empty",
    b"present",
    b"missing",
    b"required",
    b"optional",
    b"invalid",
    b"unknown",
    b"hidden",
    b"expired",
    b"denied",
    b"disabled",
    b"enabled",
    b"provided",
    b"string",
    b"error",
    b"masked",
];
/// Words with which a sentence goes on.
const PROSE: [&[u8]; 77] = [
    b"a",
    b"an",
    b"the",
    b"is",
    b"was",
    b"are",
    b"has",
    b"had",
    b"does",
    b"did",
    b"must",
    b"may",
    b"can",
    b"cannot",
    b"could",
    b"should",
    b"will",
    b"not",
    b"for",
    b"from",
    b"in",
    b"of",
    b"on",
    b"to",
    b"and",
    b"or",
    b"with",
    b"failed",
    b"failure",
    b"unauthorized",
    b"authentication",
    b"incorrect",
    b"wrong",
    b"unable",
    b"access",
    b"user",
    b"mismatch",
    b"permission",
    b"unexpected",
    b"please",
    b"login",
    b"flag",
    b"argument",
    b"option",
    b"parameter",
    b"unbound",
    b"variable",
    b"command",
    b"environment",
    b"setting",
    b"field",
    b"property",
    b"key",
    b"value",
    b"too",
    b"your",
    b"this",
    b"that",
    b"it",
    b"be",
    b"been",
    b"no",
    b"entered",
    b"given",
    b"supplied",
    b"specified",
    b"contains",
    b"exceeds",
    b"length",
    b"at",
    b"requires",
    b"forbidden",
    b"then",
    b"which",
    b"when",
    b"see",
    b"if",
];

impl Name {
    pub(crate) fn read(name: &[u8]) -> Option<Self> {
        let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
        let key: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
        match key.as_slice() {
            b"value" => return Some(Self::Value),
            b"pwd" | b"oldpwd" => return Some(Self::Pwd),
            b"pass" | b"sig" => return Some(Self::Short),
            b"secret" | b"imagepullsecret" | b"pullsecret" | b"tlssecret" => return Some(Self::SecretItself),
            b"cookie" | b"setcookie" => return Some(Self::Cookie),
            _ => {}
        }
        let ends = |words: &[&[u8]]| words.iter().any(|word| key.ends_with(word));
        let is_pass = key.ends_with(b"pass")
            && (matches!(name.get(name.len().wrapping_sub(5)), Some(b'_' | b'-' | b'.'))
                || ends(&[b"userpass", b"dbpass", b"rootpass", b"adminpass", b"proxypass"]));
        if ends(&PASSWORDS) || is_pass {
            Some(Self::Password)
        } else if ends(&SECRETS) {
            Some(Self::Secret)
        } else if key.ends_with(b"authorization") {
            Some(Self::Authorization)
        } else {
            key.ends_with(b"auth").then_some(Self::Login)
        }
    }

    /// Whether a value behind it is a secret: neither masked already, nor a word of a sentence, nor the name of a
    /// Secret or a file.
    pub(crate) fn is_secret(self, value: &[u8], strict: Strict) -> bool {
        let lower = value.to_ascii_lowercase();
        if is_masked(value) || is_placeholder(value) || SAID.contains(&lower.as_slice()) {
            return false;
        }
        let is_prose = PROSE.contains(&lower.as_slice());
        match (self, strict) {
            (Self::Password, Strict::Yes) => true,
            (Self::Password, Strict::No) => !is_prose,
            (Self::Pwd, _) => !value.starts_with(b"/") && !is_prose,
            (Self::Secret | Self::Short, Strict::Yes) => !is_prose && !is_reference(value),
            (Self::SecretItself, Strict::Yes) => {
                let is_name = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'.' | b'/');
                !is_prose && !is_reference(value) && !value.iter().all(is_name)
            }
            (Self::Secret | Self::SecretItself | Self::Authorization, _) => looks_secret(value),
            (Self::Login, _) => base64::is_login(value),
            (Self::Cookie, _) => value.contains(&b'='),
            (Self::Short | Self::Value, _) => false,
        }
    }
}

/// What a template or a shell will put something in the place of.
fn is_placeholder(value: &[u8]) -> bool {
    [&b"$("[..], b"${", b"{{", b"%!", b"(set)", b"(not"].iter().any(|start| value.starts_with(start))
        || (value.starts_with(b"<") && value.ends_with(b">"))
        || (value.starts_with(b"%") && value.len() == 2)
}

/// A number, a version, a path, an address, `namespace/name`, a name of several words, a digest.
fn is_reference(value: &[u8]) -> bool {
    let all = |is: fn(&u8) -> bool| value.iter().all(is);
    let is_name = all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-./".contains(byte));
    let is_path = all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._/".contains(byte));
    let has_digit = value.iter().any(u8::is_ascii_digit);
    let number = value.strip_prefix(b"v").unwrap_or(value);
    let is_version = is_name
        && value.len() < 24
        && number.first().is_some_and(u8::is_ascii_digit)
        && number.contains(&b'.');
    all(u8::is_ascii_digit)
        || is_version
        || (is_name && value.contains(&b'/'))
        || (is_name && value.contains(&b'-') && !has_digit)
        || (is_path && value.starts_with(b"/"))
        || [&b"http://"[..], b"https://", b"sha256:", b"0x"].iter().any(|start| value.starts_with(start))
        || value.split(|byte| *byte == b' ').count() > 2
}

/// Whether a value that a sentence could go on with is none of its words.
fn looks_secret(value: &[u8]) -> bool {
    let any = |is: fn(&u8) -> bool| value.iter().any(is);
    let is_bootstrap = value.len() == 23 && value.get(6) == Some(&b'.');
    let is_name = value.len() < 32
        && value
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(byte))
        && any(|byte| b"-.".contains(byte));
    let is_mixed = any(u8::is_ascii_digit) && any(u8::is_ascii_alphabetic);
    let is_word =
        (value.contains(&b'/') && value.len() < 16) || is_reference(value) || (is_name && !is_bootstrap);
    (!is_word || is_bootstrap)
        && value.len() >= 6
        && (is_mixed || (value.len() >= 32 && any(u8::is_ascii_uppercase)))
}
