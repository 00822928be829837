//! A server's process, and the thread that owns it: should the tests be killed the thread dies, and the kernel then ends the
//! server, if it was started with `--pdeathsig`.

use std::net::TcpListener;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Process {
    stop: mpsc::Sender<(&'static str, Duration)>,
    owner: JoinHandle<Result<(), String>>,
}

impl Process {
    pub(super) fn start(command: Command) -> Self {
        let (stop, stopped) = mpsc::channel();
        Self { stop, owner: thread::spawn(move || own(command, &stopped)) }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.owner.is_finished()
    }

    /// Sends a signal by its name and waits for the end; what takes longer than `patience` is ended by force.
    pub(super) fn end(self, signal: &'static str, patience: Duration) -> Result<(), String> {
        // It may have ended by itself, which the owner says.
        let _ = self.stop.send((signal, patience));
        self.owner.join().unwrap_or_else(|_| Err("the thread that owns it failed".to_owned()))
    }
}

/// Runs a server until a signal is asked for or nobody holds the other end of the channel.
fn own(mut command: Command, stopped: &mpsc::Receiver<(&'static str, Duration)>) -> Result<(), String> {
    let mut child = command.spawn().map_err(|error| format!("{command:?} can't be started: {error}"))?;
    loop {
        match stopped.recv_timeout(Duration::from_millis(20)) {
            Ok((signal, patience)) => return stop(child, signal, patience),
            Err(mpsc::RecvTimeoutError::Disconnected) => return stop(child, "KILL", Duration::ZERO),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("it ended by itself: {status}"));
        }
    }
}

fn stop(mut child: Child, signal: &str, patience: Duration) -> Result<(), String> {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    sent.map_err(|error| error.to_string())?;
    let began = Instant::now();
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if began.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            return if signal == "KILL" { Ok(()) } else { Err("it did not stop".to_owned()) };
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}
