//! Just enough HTTP to ask a server on loopback: one request, one connection.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// Its body.
    pub(super) body: String,
}

/// Asks with GET.
pub(super) async fn get(address: &str, path: &str) -> Result<Answer> {
    ask(address, "GET", path).await
}

/// Asks with POST and an empty body.
pub(super) async fn post(address: &str, path: &str) -> Result<Answer> {
    ask(address, "POST", path).await
}

async fn ask(address: &str, method: &str, path: &str) -> Result<Answer> {
    // HTTP/1.0, so that the answer comes in one piece and ends with the connection.
    let request = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await?;
        std::io::Result::Ok(bytes)
    };
    let bytes = tokio::time::timeout(TIMEOUT, exchange)
        .await
        .with_context(|| format!("no answer from http://{address}{path} within {TIMEOUT:?}"))?
        .with_context(|| format!("cannot ask http://{address}{path}"))?;
    parse(&bytes).with_context(|| format!("http://{address}{path} did not answer HTTP"))
}

fn parse(bytes: &[u8]) -> Result<Answer> {
    let text = std::str::from_utf8(bytes).context("the answer is not UTF-8")?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else { bail!("the answer has no end of header") };
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let status = status.context("the answer has no status")?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse(b"HTTP/1.0 503 Service Unavailable\r\nA: b\r\n\r\n{}").expect("an answer");
        assert_eq!(answer, Answer { status: 503, body: "{}".to_owned() });
        assert!(parse(b"SSH-2.0-x\r\n").is_err());
        assert!(parse(b"\xff\xfe").is_err());
    }
}
