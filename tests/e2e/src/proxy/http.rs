use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

/// The largest request of a service has 1 MiB of messages, in base64; answers may be larger.
const BODY_BYTES_MAX: usize = 64 << 20;
const HEAD_BYTES_MAX: usize = 64 << 10;

/// A request or an answer of HTTP/1.1, as it came.
pub(super) struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// The next one; `None` where the connection ended before it began.
    pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Self>> {
        let mut head = String::new();
        loop {
            let line = stream.read_line(&mut head).await?;
            if line == 0 && head.is_empty() {
                return Ok(None);
            }
            ensure!(line > 0, "the connection ended within a head");
            ensure!(head.len() <= HEAD_BYTES_MAX, "a head is longer than {HEAD_BYTES_MAX} bytes");
            if head.ends_with("\r\n\r\n") {
                break;
            }
        }
        let mut message = Self { head, body: Vec::new() };
        if message.header("transfer-encoding").is_some() {
            message.read_chunks(stream).await?;
        } else if let Some(length) = message.header("content-length") {
            let length: usize = length.parse().context("content-length is no number")?;
            ensure!(length <= BODY_BYTES_MAX, "a body is longer than {BODY_BYTES_MAX} bytes");
            message.body.resize(length, 0);
            stream.read_exact(&mut message.body).await?;
        } else {
            bail!("a message without a length: {}", message.head.lines().next().unwrap_or_default());
        }
        Ok(Some(message))
    }

    /// A body in chunks is kept in them.
    async fn read_chunks(&mut self, stream: &mut (impl AsyncBufRead + Unpin)) -> Result<()> {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let size = line.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).context("a chunk's size is no number")?;
            ensure!(self.body.len() + size <= BODY_BYTES_MAX, "a body is longer than {BODY_BYTES_MAX} bytes");
            self.body.extend_from_slice(line.as_bytes());
            let from = self.body.len();
            self.body.resize(from + size + 2, 0); // with the line's end behind it
            stream.read_exact(&mut self.body[from..]).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// The value of a header; its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut of_name = headers.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        of_name.next().map(|(_, value)| value.trim())
    }

    /// As it came.
    pub(super) fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}
