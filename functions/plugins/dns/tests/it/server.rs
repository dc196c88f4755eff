//! A real DNS server: `dnsmasq`, with zones of its own.

use prodrome_plugin::kit::program;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};

/// One that runs. It ends when it is dropped.
pub(crate) struct Server {
    /// `127.0.0.1:41234`.
    pub(crate) address: String,
    process: Child,
}

impl Server {
    /// Starts one that knows `api.example`, `alias.example`, `many.example` (whose answer does not fit into UDP) and
    /// `bare.example` (without an address), denies everything else in `example`, and refuses all other zones. `None`,
    /// said in the test's name, where there is no such program.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let Some(binary) = program("dnsmasq", "PRODROME_TEST_DNSMASQ") else {
            let why = "no DNS server; install dnsmasq-base or set PRODROME_TEST_DNSMASQ";
            std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).unwrap();
            return None;
        };
        // It cannot be asked which port it took, so one that was free a moment ago is given; another one may be first.
        for _ in 0..5 {
            if let Some(server) = Self::launch(&binary) {
                return Some(server);
            }
        }
        panic!("dnsmasq found no port");
    }

    fn launch(binary: &std::path::Path) -> Option<Self> {
        let port = free_port();
        let many = (1..=60).map(|n| format!("--host-record=many.example,192.0.2.{n}"));
        let mut process = Command::new(binary)
            .args([
                "--keep-in-foreground",
                "--log-facility=-",
                "--conf-file=/dev/null",
                "--pid-file",
                "--user=",
            ])
            .args(["--no-resolv", "--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces"])
            .arg(format!("--port={port}"))
            .args([
                "--local=/example/",
                "--host-record=api.example,192.0.2.7",
                "--cname=alias.example,api.example",
            ])
            .arg("--txt-record=bare.example,nothing")
            .args(many)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let began = lines.by_ref().map_while(Result::ok).any(|line| line.contains("started, version"));
        if !began {
            process.wait().unwrap();
            return None;
        }
        // It must not block on a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { address: format!("127.0.0.1:{port}"), process })
    }
}

/// Free for both protocols.
fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
