//! Certificates of an authority of the test's own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Its files.
pub(crate) struct Pki {
    folder: PathBuf,
}

impl Pki {
    /// An authority in a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let pki = Self { folder: folder.to_owned() };
        let mut made = vec!["req", "-x509", "-subj", "/CN=of this test", "-days", "60"];
        made.extend(KEY);
        made.extend(["-keyout", "ca.key", "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE"]);
        pki.openssl(&made);
        pki
    }

    /// A certificate for a host that ends in so many days.
    pub(crate) fn certify(&self, host: &str, days: &str) -> (PathBuf, PathBuf) {
        let file = |end: &str| format!("{host}{days}.{end}");
        let (san, key, csr, pem) = (file("san"), file("key"), file("csr"), file("pem"));
        let usage = format!("subjectAltName=DNS:{host}\nextendedKeyUsage=serverAuth\n");
        std::fs::write(self.folder.join(&san), usage).unwrap();
        let subject = format!("/CN={host}");
        let mut request = vec!["req", "-subj", &subject];
        request.extend(KEY);
        request.extend(["-keyout", &key, "-out", &csr]);
        self.openssl(&request);
        let signed = ["x509", "-req", "-in", &csr, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
        self.openssl(&[&signed[..], &["-days", days, "-extfile", &san, "-out", &pem]].concat());
        (self.folder.join(pem), self.folder.join(key))
    }

    pub(crate) fn authority(&self) -> String {
        std::fs::read_to_string(self.folder.join("ca.pem")).unwrap()
    }

    fn openssl(&self, arguments: &[&str]) {
        let done = Command::new("openssl").args(arguments).current_dir(&self.folder).output().unwrap();
        assert!(done.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
