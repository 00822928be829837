//! A front before a real server that decides of each request of HTTP what becomes of it: for faults in the middle.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The longest head of a request.
const HEAD_MAX: usize = 64 * 1024;
/// How long either side may say nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The server answers.
    Passed,
    /// The connection stays open, and nobody answers.
    Silent,
    /// The connection is cut before the server sees the request.
    Cut,
}

/// A front on a port of the loopback. It ends when it is dropped, with all that it lets hang.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Front {
    /// A front before the server on a port. `decide` is told of each request its first line, for example `POST /api HTTP/1.1`.
    ///
    /// # Panics
    /// When the loopback has no free port.
    #[must_use]
    pub fn before(server: u16, decide: impl Fn(&str) -> Fate + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (ended, held) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stop, holding, decide) = (ended.clone(), held.clone(), Arc::new(decide));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Acquire) {
                    return;
                }
                let (decide, holding) = (decide.clone(), holding.clone());
                // A connection that breaks is its client's to tell.
                thread::spawn(move || serve(stream, server, &*decide, &holding).ok());
            }
        });
        Self { address, ended, held }
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// One request: the connection ends with it, so that each is decided of.
fn serve(
    mut client: TcpStream,
    server: u16,
    decide: &dyn Fn(&str) -> Fate,
    held: &Mutex<Vec<TcpStream>>,
) -> std::io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 2;
        }
        let mut some = [0; 4096];
        let length = client.read(&mut some)?;
        if length == 0 || bytes.len() > HEAD_MAX {
            return Ok(());
        }
        bytes.extend_from_slice(&some[..length]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    match decide(head.lines().next().unwrap_or_default()) {
        Fate::Passed => {}
        Fate::Silent => {
            held.lock().unwrap_or_else(PoisonError::into_inner).push(client);
            return Ok(());
        }
        Fate::Cut => return Ok(()),
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") { value.trim().parse::<usize>().ok() } else { None }
    });
    let body = &bytes[end + 2..];
    let left = length.unwrap_or(0).saturating_sub(body.len());
    let mut server = TcpStream::connect(("127.0.0.1", server))?;
    server.set_read_timeout(Some(PATIENCE))?;
    server.write_all(&bytes[..end])?;
    server.write_all(b"Connection: close\r\n\r\n")?;
    server.write_all(body)?;
    std::io::copy(&mut (&mut client).take(left as u64), &mut server)?;
    std::io::copy(&mut server, &mut client).map(drop)
}
