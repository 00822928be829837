//! The file of figures answered to Prometheus: `GET /metrics` on one address, one request after the other.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Result, TrainerError};

/// How long one that asks may keep the others waiting.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest head of a request; more is not read.
const HEAD_MAX: usize = 8 * 1024;

/// Answers on a thread of its own, for as long as the process lives; the address that it listens at.
///
/// # Errors
/// [`TrainerError::MetricsAddress`] when another one has the address.
pub fn serve(address: SocketAddr, file: PathBuf) -> Result<SocketAddr> {
    let failed = |source| TrainerError::MetricsAddress { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let answering = move || {
        for stream in listener.incoming().flatten() {
            // Who went away needs no answer.
            let _ = answer(stream, &file);
        }
    };
    std::thread::Builder::new().name("metrics".to_owned()).spawn(answering).map_err(failed)?;
    Ok(bound)
}

fn answer(mut stream: TcpStream, file: &Path) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") && head.len() < HEAD_MAX {
        let mut some = [0; 1024];
        match stream.read(&mut some)? {
            0 => return Ok(()),
            length => head.extend_from_slice(&some[..length]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split(' ');
    let (status, body) = match (words.next(), words.next()) {
        // Before the first stage there are none.
        (Some("GET"), Some("/metrics")) => ("200 OK", std::fs::read(file).unwrap_or_default()),
        _ => ("404 Not Found", b"the figures are at GET /metrics\n".to_vec()),
    };
    let length = body.len();
    let told = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(told.as_bytes())?;
    stream.write_all(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_answered_as_they_are_now_and_one_who_says_nothing_holds_nobody_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("trainer.prom");
        let address = serve("127.0.0.1:0".parse().expect("an address"), file.clone()).expect("it listens");
        let ask = |line: &str| {
            let mut stream = TcpStream::connect(address).expect("it answers");
            stream.write_all(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).expect("written");
            let mut text = String::new();
            stream.read_to_string(&mut text).expect("an answer");
            text
        };
        assert!(ask("GET /metrics").ends_with("Content-Length: 0\r\nConnection: close\r\n\r\n"));
        std::fs::write(&file, "a 1\n").expect("written");
        let _silent = TcpStream::connect(address).expect("it answers");
        let told = ask("GET /metrics");
        assert!(told.starts_with("HTTP/1.1 200 OK") && told.ends_with("\r\n\r\na 1\n"), "{told}");
        for line in ["GET /", "POST /metrics", "nothing"] {
            assert!(ask(line).starts_with("HTTP/1.1 404"), "{line}");
        }
        let taken = serve(address, file);
        assert!(taken.is_err_and(|error| error.to_string().contains(&address.to_string())));
    }
}
