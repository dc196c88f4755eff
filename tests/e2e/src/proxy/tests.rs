use super::*;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

/// A service that counts what it is asked.
fn service(asked: Arc<AtomicU64>) -> String {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, asked) = (stream.unwrap(), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while stream.read(&mut bytes).is_ok_and(|read| read > 0) {
                    asked.fetch_add(1, Ordering::SeqCst);
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
                }
            });
        }
    });
    format!("http://{address}")
}

/// Asks once: the status, or why there is none.
fn ask(proxy: &Proxy, target: &str) -> std::io::Result<String> {
    let mut stream = std::net::TcpStream::connect(proxy.address)?;
    stream.set_read_timeout(Some(Duration::from_millis(300)))?;
    let request =
        format!("POST / HTTP/1.1\r\nhost: a\r\nX-Amz-Target: {target}\r\ncontent-length: 2\r\n\r\n{{}}");
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned())
}

#[test]
fn what_a_request_meets_decides_whether_it_takes_effect_and_is_answered() {
    use std::io::ErrorKind::{ConnectionReset, TimedOut, WouldBlock};
    let asked = Arc::new(AtomicU64::new(0));
    let proxy = Proxy::start(1).unwrap();
    proxy.lead_to(&service(Arc::clone(&asked)));
    let put = "DynamoDB_20120810.PutItem";
    let all = |trouble| {
        proxy.trouble(Service::Tables, trouble);
        let before = asked.load(Ordering::SeqCst);
        let answer = ask(&proxy, put).map_err(|error| error.kind());
        (answer, asked.load(Ordering::SeqCst) - before)
    };
    assert_eq!(all(Trouble::default()), (Ok("HTTP/1.1 200 OK".to_owned()), 1));
    let refused = Trouble { refused: 1_000, ..Trouble::default() };
    assert_eq!(all(refused), (Ok("HTTP/1.1 400 Bad Request".to_owned()), 0));
    assert_eq!(all(Trouble { reset: 1_000, ..Trouble::default() }), (Err(ConnectionReset), 0));
    assert_eq!(all(Trouble { lost: 1_000, ..Trouble::default() }), (Err(ConnectionReset), 1));
    let (answer, effect) = all(Trouble { hung: 1_000, ..Trouble::default() });
    assert!(matches!(answer, Err(WouldBlock | TimedOut)), "{answer:?}");
    assert_eq!(effect, 1);
    // Of the queues nothing was said.
    assert_eq!(ask(&proxy, "AmazonSQS.SendMessageBatch").unwrap(), "HTTP/1.1 200 OK");
    assert_eq!(proxy.met()[&(Service::Tables, Met::Lost)], 1);
    assert_eq!(proxy.met()[&(Service::Queues, Met::Nothing)], 1);
}

#[test]
fn while_the_queues_are_paused_their_requests_wait_and_those_to_tables_do_not() {
    let proxy = Proxy::start(1).unwrap();
    proxy.lead_to(&service(Arc::default()));
    proxy.pause_queues(true);
    assert!(ask(&proxy, "AmazonSQS.SendMessageBatch").is_err());
    assert!(ask(&proxy, "DynamoDB_20120810.Query").is_ok());
    proxy.pause_queues(false);
    assert!(ask(&proxy, "AmazonSQS.SendMessageBatch").is_ok());
}
