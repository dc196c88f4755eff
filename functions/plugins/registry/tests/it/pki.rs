//! An authority of the test's own, and a certificate for 127.0.0.1 of it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Its files.
pub(crate) struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// Makes them in a folder; the certificate is valid for a month, or was until yesterday.
    pub(crate) fn new(folder: &Path, expired: bool) -> Self {
        let pki = Self { folder: folder.to_owned() };
        std::fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
            .unwrap();
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let mut authority = vec!["req", "-x509", "-subj", "/CN=of this test", "-days", "30"];
        authority.extend(key);
        authority.extend([
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
        ]);
        pki.openssl(&authority);
        let mut request = vec!["req", "-subj", "/CN=127.0.0.1"];
        request.extend(key);
        request.extend(["-keyout", "tls.key", "-out", "tls.csr"]);
        pki.openssl(&request);
        let days = if expired { "-1" } else { "30" };
        pki.openssl(&[
            "x509",
            "-req",
            "-in",
            "tls.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            "san",
            "-out",
            "tls.pem",
        ]);
        pki
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.join("tls.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.join("tls.key")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let done = Command::new("openssl").args(arguments).current_dir(&self.folder).output().unwrap();
        assert!(done.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }
}
