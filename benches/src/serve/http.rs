//! The load on the REST face: connections that are kept, each waiting for its answer before it asks again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::load::Found;

/// POSTs an empty body to a path again and again.
pub(crate) async fn closed(
    address: SocketAddr,
    path: &str,
    connections: usize,
    for_long: Duration,
) -> Result<Found> {
    let begin = Instant::now();
    let request = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\n\r\n");
    let mut callers = JoinSet::new();
    for _ in 0..connections {
        let request = request.clone();
        callers.spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (mut found, mut buffer) = (Found::default(), Vec::with_capacity(64 * 1024));
            loop {
                let asked = Instant::now();
                if asked >= begin + for_long {
                    return Ok::<_, anyhow::Error>(found);
                }
                stream.write_all(request.as_bytes()).await?;
                found.reply_bytes = reply(&mut stream, &mut buffer).await?;
                found.latencies.push(asked.elapsed());
            }
        });
    }
    let mut all = Found::default();
    while let Some(caller) = callers.join_next().await {
        all.latencies.append(caller.context("a caller was cancelled")??.latencies);
    }
    all.latencies.sort();
    all.took = begin.elapsed();
    Ok(all)
}

/// Reads one answer; the length of its body.
async fn reply(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<usize> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head])?;
        if !text.starts_with("HTTP/1.1 200") {
            bail!("a request was refused: {text}");
        }
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.context("an answer without its length")??;
        while buffer.len() < head + 4 + length {
            if stream.read_buf(buffer).await? == 0 {
                bail!("the server closed the connection within an answer");
            }
        }
        return Ok(length);
    }
}
