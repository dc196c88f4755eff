//! What stands between us and a registry: it lets questions through, or answers for it, or says nothing.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a question about an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Hands it on.
    Open,
    /// Answers with this status line.
    Answers(&'static str),
    /// Takes the connection, and never answers anything.
    Silent,
    /// Refuses TLS, and never answers anything without it.
    SilentWithoutTls,
}

/// A proxy before a registry, until the test ends.
pub(crate) struct Proxy {
    /// `127.0.0.1:41234`.
    pub(crate) host: String,
    mood: Arc<Mutex<Mood>>,
}

impl Proxy {
    /// Before the registry of this host. What is no question about an image is handed on in any mood.
    pub(crate) async fn before(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (mood, registry) = (Arc::new(Mutex::new(Mood::Open)), registry.to_owned());
        let its = mood.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, registry.clone(), its.clone()));
            }
        });
        Self { host, mood }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }
}

/// One question of one connection.
async fn serve(mut client: TcpStream, registry: String, mood: Arc<Mutex<Mood>>) {
    let mood = *mood.lock().unwrap_or_else(PoisonError::into_inner);
    if mood == Mood::Silent {
        std::future::pending::<()>().await;
    }
    let mut question = Vec::new();
    while !question.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match client.read(&mut byte).await {
            // A handshake of TLS, which it does not speak.
            Ok(1) if question.is_empty() && !byte[0].is_ascii_alphabetic() => {
                client.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await.ok();
                return;
            }
            Ok(1) => question.push(byte[0]),
            _ => return,
        }
    }
    if mood == Mood::SilentWithoutTls {
        std::future::pending::<()>().await;
    }
    let question = String::from_utf8(question).unwrap();
    let about_an_image = question.lines().next().is_some_and(|line| line.contains("/manifests/"));
    if let Mood::Answers(status) = mood
        && about_an_image
    {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        client.write_all(answer.as_bytes()).await.ok();
        return;
    }
    // One question a connection: the registry ends it after its answer.
    let question = question.trim_end().to_owned() + "\r\nConnection: close\r\n\r\n";
    let mut server = TcpStream::connect(registry).await.unwrap();
    server.write_all(question.as_bytes()).await.unwrap();
    tokio::io::copy(&mut server, &mut client).await.ok();
}
