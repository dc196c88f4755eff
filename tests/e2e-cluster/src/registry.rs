use crate::limited::Limited;
use crate::program::{output, start};
use crate::site::{BUSY, HERE, LIMITED, PRIVATE, Site, UNKNOWN};
use anyhow::{Result, bail};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Whom the private registry lets in, and by what.
pub(crate) const USER: &str = "robot";
pub(crate) const PASSWORD: &str = "of-these-tests";
const HTPASSWD: &str = "robot:$2b$04$ZtInB/W.JVeS1nwUJy4gH.0nY2VIBDR3THk0vpVWKAfKK4SaF9ExK\n";
const HTTPS: u16 = 443;
const BUSY_NAME: &str = "busy";
/// Where images are pushed, without any guard.
const PUSH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);
const START_WAIT: Duration = Duration::from_secs(30);

/// The registries of the site, over one storage: each at an address of its own, with certificates of one authority but
/// for one of them, whose authority nobody trusts.
pub(crate) struct Registries {
    /// The authority that nodes and functions trust.
    pub(crate) authority: PathBuf,
}

impl Registries {
    /// Starts them; one of them runs in this process.
    pub(crate) fn start(site: &Site, runtime: &Runtime) -> Result<Self> {
        let folder = site.folder.join("registry");
        let known = Authority::new(&folder.join("known"))?;
        let unknown = Authority::new(&folder.join("unknown"))?;
        let htpasswd = folder.join("htpasswd");
        std::fs::write(&htpasswd, HTPASSWD)?;
        for (name, at, authority, guarded) in [
            ("push", PUSH, None, false),
            ("registry", SocketAddr::from((HERE, HTTPS)), Some(&known), false),
            ("private", SocketAddr::from((PRIVATE, HTTPS)), Some(&known), true),
            ("unknown", SocketAddr::from((UNKNOWN, HTTPS)), Some(&unknown), false),
            (BUSY_NAME, SocketAddr::from((BUSY, HTTPS)), Some(&known), false),
        ] {
            let mut http = json!({ "addr": at.to_string(), "secret": "of-these-tests" });
            if let Some(authority) = authority {
                http["tls"] = json!({ "certificate": authority.folder.join("tls.pem"), "key": authority.folder.join("tls.key") });
            }
            let mut settings = json!({ "version": 0.1, "http": http,
                "storage": { "filesystem": { "rootdirectory": folder.join("storage") } } });
            if guarded {
                settings["auth"] = json!({ "htpasswd": { "realm": "shop", "path": htpasswd } });
            }
            if name == BUSY_NAME {
                // It takes itself for ill where there is this file, and answers 503 to everybody.
                settings["health"] = json!({ "file": [{ "file": htpasswd, "interval": "1s" }] });
            }
            let file = folder.join(format!("{name}.json"));
            std::fs::write(&file, settings.to_string())?;
            let mut program = Command::new(site.part("docker-registry"));
            program.arg("serve").arg(&file).env("OTEL_TRACES_EXPORTER", "none");
            start(&mut program, &site.log("registry"))?;
            reached(at)?;
        }
        Limited::serve(SocketAddr::from((LIMITED, HTTPS)), &known.folder, runtime)?;
        Ok(Self { authority: known.folder.join("ca.pem") })
    }

    /// Where images are pushed: `http://…`.
    pub(crate) fn push_url() -> String {
        format!("http://{PUSH}")
    }
}

/// Waits until somebody listens there.
pub(crate) fn reached(at: SocketAddr) -> Result<()> {
    let begun = Instant::now();
    while let Err(error) = TcpStream::connect(at) {
        if begun.elapsed() > START_WAIT {
            bail!("nobody listens at {at}: {error}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// An authority, and a certificate of it for the registries' names.
struct Authority {
    folder: PathBuf,
}

impl Authority {
    fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(
            folder.join("names"),
            "subjectAltName=DNS:*.example.com\nextendedKeyUsage=serverAuth\n",
        )?;
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        for words in [
            format!("req -x509 -subj /CN=authority -days 30 {key} -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE"),
            format!("req -subj /CN=registry {key} -keyout tls.key -out tls.csr"),
            "x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out tls.pem".to_owned(),
        ] {
            output(Command::new("openssl").args(words.split(' ')).current_dir(folder))?;
        }
        Ok(Self { folder: folder.to_owned() })
    }
}
