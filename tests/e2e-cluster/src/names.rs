use crate::site::{BUSY, CLOSED, HERE, LIMITED, PRIVATE, UNKNOWN};
use anyhow::Result;
use std::net::{Ipv4Addr, UdpSocket};

/// Its name begins with this where the name server cannot say.
const BROKEN: &str = "broken.";
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;
const TYPE_A: [u8; 2] = [0, 1];
const HEADER: usize = 12;

/// The name server of the site: it knows the registries, and says of every other name that there is none.
pub(crate) struct Names;

impl Names {
    /// Answers for as long as this process is there.
    pub(crate) fn serve(address: Ipv4Addr) -> Result<()> {
        let socket = UdpSocket::bind((address, 53))?;
        std::thread::spawn(move || {
            let mut asked = [0; 512];
            while let Ok((size, from)) = socket.recv_from(&mut asked) {
                if let Some(answer) = asked.get(..size).and_then(answer) {
                    // Who does not get it asks again.
                    drop(socket.send_to(&answer, from));
                }
            }
        });
        Ok(())
    }
}

/// The answer to a question; `None` where it is none.
fn answer(asked: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name(asked)?;
    let question = asked.get(HEADER..end + 4)?;
    let (code, address) = match (&*name, address_of(&name)) {
        (_, Some(address)) => (NO_ERROR, Some(address)),
        (name, None) if name.starts_with(BROKEN) => (SERVER_FAILURE, None),
        _ => (NO_SUCH_NAME, None),
    };
    let address = address.filter(|_| asked.get(end..end + 2) == Some(&TYPE_A));
    let mut answer = asked.get(..2)?.to_vec();
    // A response, recursion wanted and had; one question, an answer or none.
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    answer.extend(question);
    if let Some(address) = address {
        // The name of the question; A, IN, for a minute, four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

fn address_of(name: &str) -> Option<Ipv4Addr> {
    Some(match name {
        "registry.example.com" => HERE,
        "private.example.com" => PRIVATE,
        "closed.example.com" | "down.example.com" => CLOSED,
        "unknown.example.com" => UNKNOWN,
        "busy.example.com" => BUSY,
        "limited.example.com" => LIMITED,
        _ => return None,
    })
}

/// The name that is asked for, and where it ends.
fn name(asked: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*asked.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(asked.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut asked = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            asked.push(u8::try_from(label.len()).unwrap());
            asked.extend(label.as_bytes());
        }
        asked.extend([0, 0, kind, 0, 1]);
        asked
    }

    #[test]
    fn registries_have_addresses_other_names_have_none_and_broken_ones_are_not_known() {
        for (name, kind, code, address) in [
            ("Registry.example.com", 1, 0, Some(HERE)),
            ("registry.example.com", 28, 0, None),
            ("nowhere.example.com", 1, 3, None),
            ("broken.example.com", 1, 2, None),
        ] {
            let answer = answer(&question(name, kind)).unwrap();
            assert_eq!((answer[0], answer[1], answer[3] & 0xf), (0xab, 0xcd, code), "{name}");
            let given = (answer[7] == 1).then(|| answer[answer.len() - 4..].to_vec());
            assert_eq!(given, address.map(|address| address.octets().to_vec()), "{name}");
        }
        assert_eq!(answer(&[0; 20]), Some(vec![0, 0, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(answer(&[9; 30]), None);
    }
}
