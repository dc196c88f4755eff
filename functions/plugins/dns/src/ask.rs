//! Asks the DNS by its own protocol: `getaddrinfo` does not tell a name that is nowhere from a server that fails.

use prodrome_plugin::{Context, Unseen};
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

const PORT: u16 = 53;
const TIMEOUT: Duration = Duration::from_millis(1500);
const SERVERS_MAX: usize = 3;
/// The largest answer by UDP that is asked for.
const UDP_MAX: usize = 1232;
/// The types that are asked for.
const A: u16 = 1;
const AAAA: u16 = 28;

/// What the DNS says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    Addresses(Vec<IpAddr>),
    /// There is such a name, without an address.
    NoAddress,
    /// NXDOMAIN.
    Nowhere,
    /// Another answer: its code.
    Failed(&'static str),
    Silent,
    NotAsked,
}

/// The servers that are asked.
pub(crate) struct Resolvers {
    servers: Vec<SocketAddr>,
}

impl Resolvers {
    /// Those of the setting, else those of this function; none for recordings and files, and for names that are of no
    /// use outside.
    pub(crate) fn of(context: &Context, name: &str) -> Result<Self, Unseen> {
        context.http(&format!("the DNS outside of the cluster, about {name}"))?;
        let unseen = |reason: &str| {
            context.cluster().note_unseen(format!("the name {name} outside of the cluster"), reason)
        };
        if !is_public(name) {
            return Err(unseen("it is a name of this cluster or of this network alone"));
        }
        let servers: Vec<SocketAddr> = if let Some(text) = context.setting("DNS_SERVERS") {
            text.split(',').filter_map(server).take(SERVERS_MAX).collect()
        } else {
            let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
            let named = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
            named.filter_map(server).take(SERVERS_MAX).collect()
        };
        if servers.is_empty() {
            return Err(unseen("no server to ask is known; name some in DNS_SERVERS"));
        }
        Ok(Self { servers })
    }

    /// Asks for both kinds of addresses; the first server that answers counts.
    pub(crate) async fn look_up(&self, name: &str) -> Resolved {
        for server in &self.servers {
            let (v4, v6) = tokio::join!(exchange(*server, name, A), exchange(*server, name, AAAA));
            match (v4, v6) {
                (None, None) => {}
                (Some(Resolved::Addresses(mut all)), other) => {
                    if let Some(Resolved::Addresses(more)) = other {
                        all.extend(more);
                    }
                    return Resolved::Addresses(all);
                }
                (_, Some(Resolved::Addresses(all))) => return Resolved::Addresses(all),
                (Some(one), _) | (None, Some(one)) => return one,
            }
        }
        Resolved::Silent
    }
}

/// `10.0.0.2`, `10.0.0.2:53`, `[fd00::2]:53`.
fn server(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse().ok()?, PORT)))
}

/// Whether a name can mean something outside: it has several labels, and its last is none that is kept for networks of
/// one's own.
fn is_public(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let Some((_, last)) = name.rsplit_once('.') else { return false };
    !matches!(
        last,
        "local" | "localhost" | "internal" | "intranet" | "lan" | "home" | "corp" | "svc" | "arpa" | "onion"
    )
}

/// One question to one server; by TCP where the answer is too long for UDP. Nothing where it does not answer.
async fn exchange(server: SocketAddr, name: &str, kind: u16) -> Option<Resolved> {
    // Not to be guessed by who would answer in the server's place.
    #[expect(clippy::cast_possible_truncation, reason = "16 bits of it are the id")]
    let id = RandomState::new().hash_one(name) as u16;
    let question = question(id, name, kind)?;
    let asked = async {
        let local: IpAddr =
            if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((local, 0)).await.ok()?;
        socket.connect(server).await.ok()?;
        socket.send(&question).await.ok()?;
        let mut buffer = [0; UDP_MAX];
        loop {
            let length = socket.recv(&mut buffer).await.ok()?;
            match read(&buffer[..length], &question, kind) {
                Some(Read::All(resolved)) => return Some(resolved),
                Some(Read::Cut) => return by_tcp(server, &question, kind).await,
                // An answer to something else.
                None => {}
            }
        }
    };
    tokio::time::timeout(TIMEOUT, asked).await.ok().flatten()
}

async fn by_tcp(server: SocketAddr, question: &[u8], kind: u16) -> Option<Resolved> {
    let mut stream = TcpStream::connect(server).await.ok()?;
    let length = u16::try_from(question.len()).ok()?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await.ok()?;
    let length = stream.read_u16().await.ok()?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.ok()?;
    match read(&answer, question, kind)? {
        Read::All(resolved) => Some(resolved),
        Read::Cut => None,
    }
}

/// RFC 1035, 4.1: a header, one question.
fn question(id: u16, name: &str, kind: u16) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len() + 18);
    // Recursion is desired.
    for word in [id, 0x0100, 1, 0, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        bytes.push(length);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    for word in [kind, 1] {
        bytes.extend(word.to_be_bytes());
    }
    Some(bytes)
}

enum Read {
    All(Resolved),
    /// It did not fit.
    Cut,
}

/// Reads an answer; nothing where it is none to this question.
fn read(answer: &[u8], question: &[u8], kind: u16) -> Option<Read> {
    let word = |at: usize| Some(u16::from_be_bytes([*answer.get(at)?, *answer.get(at + 1)?]));
    let flags = word(2)?;
    let same = answer.get(..2)? == question.get(..2)?
        && flags & 0x8000 != 0
        && answer.get(12..question.len())?.eq_ignore_ascii_case(question.get(12..)?);
    if !same {
        return None;
    }
    if flags & 0x0200 != 0 {
        return Some(Read::Cut);
    }
    let code = match flags & 0x000f {
        0 => None,
        3 => Some(Resolved::Nowhere),
        1 => Some(Resolved::Failed("FORMERR")),
        2 => Some(Resolved::Failed("SERVFAIL")),
        5 => Some(Resolved::Failed("REFUSED")),
        _ => Some(Resolved::Failed("an error")),
    };
    if let Some(code) = code {
        return Some(Read::All(code));
    }
    let mut at = question.len();
    let mut addresses = Vec::new();
    for _ in 0..word(6)? {
        at = after_name(answer, at)?;
        let (found, length) = (word(at)?, usize::from(word(at + 8)?));
        let data = answer.get(at + 10..at + 10 + length)?;
        match (found, data) {
            (A, [a, b, c, d]) if kind == A => addresses.push(Ipv4Addr::new(*a, *b, *c, *d).into()),
            (AAAA, data) if kind == AAAA => {
                addresses.extend(
                    <[u8; 16]>::try_from(data).ok().map(|octets| IpAddr::from(Ipv6Addr::from(octets))),
                );
            }
            _ => {}
        }
        at += 10 + length;
    }
    Some(Read::All(if addresses.is_empty() { Resolved::NoAddress } else { Resolved::Addresses(addresses) }))
}

/// Where a name ends: with an empty label, or with a pointer to one before.
fn after_name(answer: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *answer.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += usize::from(length) + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever comes over the network is read to an end.
        #[test]
        fn any_answer_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let question = question(7, "a.example", A).unwrap();
            read(&bytes, &question, A);
            let mut answer = question.clone();
            answer[2] |= 0x80;
            answer[6..8].copy_from_slice(&[0, 9]);
            answer.extend(bytes);
            read(&answer, &question, A);
        }
    }

    #[test]
    fn names_of_ones_own_network_are_not_asked_about_outside() {
        for (name, want) in
            [("a.example", true), ("db", false), ("db.shop.svc.cluster.local", false), ("a.internal.", false)]
        {
            assert_eq!(is_public(name), want, "{name}");
        }
        assert_eq!(server(" 10.0.0.2"), Some("10.0.0.2:53".parse().unwrap()));
        assert_eq!(server("[fd00::2]:5353"), Some("[fd00::2]:5353".parse().unwrap()));
    }
}
