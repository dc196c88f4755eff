use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 in Base64.
pub(crate) fn hmac_base64(key: &[u8], parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The key of a signing secret: the decoded bytes of `whsec_…` (the form of the Standard Webhooks), else the
/// bytes of the text.
pub(crate) fn signing_key(secret: &str) -> Vec<u8> {
    let encoded = secret.strip_prefix("whsec_");
    encoded.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_else(|| secret.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_of_rfc_4231() {
        // Test case 2: key "Jefe", data "what do ya want for nothing?".
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        let digest = STANDARD.decode(hmac_base64(b"Jefe", &parts)).unwrap();
        assert_eq!(hex::encode(digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_standard_secret_is_decoded() {
        assert_eq!(signing_key("whsec_dGVzdA=="), b"test");
        assert_eq!(signing_key("whsec_not base64"), b"whsec_not base64");
        assert_eq!(signing_key("plain"), b"plain");
    }
}
