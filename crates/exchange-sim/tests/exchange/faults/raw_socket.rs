//! Websockets and HTTP by hand: what a library would put together or hide is to be seen.

use std::io::ErrorKind;

use exchange_sim::Exchange;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What a client hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A text, and in how many frames it came.
    Text(String, usize),
    /// A ping; it has been answered.
    Ping,
    /// A close frame with its code.
    Closed(u16),
    /// The connection ended without one.
    Broken(ErrorKind),
}

/// One websocket.
pub(crate) struct RawSocket(BufReader<TcpStream>);

fn address(exchange: &Exchange) -> String {
    exchange.rest_url().trim_start_matches("http://").to_owned()
}

/// A request's status, head and body.
pub(crate) async fn get(exchange: &Exchange, path: &str) -> (u16, String, String) {
    let address = address(exchange);
    let mut connection = TcpStream::connect(&address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.expect("a request sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (status(head), head.to_owned(), body.to_owned())
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

impl RawSocket {
    /// Shakes hands; a refusal's status if it is refused.
    pub(crate) async fn open(exchange: &Exchange, path: &str) -> Result<Self, u16> {
        let address = address(exchange);
        let stream = TcpStream::connect(&address).await.expect("a connection");
        let mut stream = BufReader::new(stream);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.expect("a handshake sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        let head = String::from_utf8(head).expect("text");
        if status(&head) != 101 {
            return Err(status(&head));
        }
        // The answer to this key is the example of RFC 6455, section 1.3.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Ok(Self(stream))
    }

    /// The next thing that is heard.
    pub(crate) async fn hear(&mut self) -> Heard {
        self.try_hear().await.unwrap_or_else(|error| Heard::Broken(error.kind()))
    }

    async fn try_hear(&mut self) -> std::io::Result<Heard> {
        let (mut text, mut parts) = (Vec::new(), 0);
        loop {
            let (first, second) = (self.0.read_u8().await?, self.0.read_u8().await?);
            assert_eq!(second & 0x80, 0, "a server does not mask");
            let length = match second {
                126 => u64::from(self.0.read_u16().await?),
                127 => self.0.read_u64().await?,
                short => u64::from(short),
            };
            let mut payload = vec![0; usize::try_from(length).expect("a length")];
            self.0.read_exact(&mut payload).await?;
            match first & 0x0f {
                0x9 => {
                    self.write(0xA, &payload).await?;
                    return Ok(Heard::Ping);
                }
                0x8 => return Ok(Heard::Closed(u16::from_be_bytes([payload[0], payload[1]]))),
                code => {
                    assert_eq!(code, u8::from(parts == 0), "a text, then its continuations");
                    text.extend(payload);
                    parts += 1;
                    if first & 0x80 != 0 {
                        return Ok(Heard::Text(String::from_utf8(text).expect("UTF-8"), parts));
                    }
                }
            }
        }
    }

    /// Sends a text.
    pub(crate) async fn say(&mut self, text: &str) {
        self.write(0x1, text.as_bytes()).await.expect("an open connection");
    }

    /// Sends a short frame, masked with zeros.
    async fn write(&mut self, code: u8, payload: &[u8]) -> std::io::Result<()> {
        let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).expect("a short one");
        let mut frame = vec![0x80 | code, 0x80 | length, 0, 0, 0, 0];
        frame.extend(payload);
        self.0.write_all(&frame).await
    }
}
