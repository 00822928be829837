//! Waiting for a future on whatever thread calls: the traits of this crate block, and may be called from a thread that
//! drives other tasks.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Wakes a parked thread.
struct Unpark {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Parks the thread until the future is ready, or for as long as `limit`; then it is dropped, and `None` is answered.
/// Whoever drives the future's input and output runs elsewhere. A runtime's own `block_on` would panic on a thread that
/// drives tasks; this does not, though such a task's neighbours wait with it.
pub(crate) fn wait<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let began = Instant::now();
    // A task's budget is not renewed while its thread is parked here.
    let mut future = pin!(tokio::task::unconstrained(future));
    let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(unpark.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() {
                return None;
            }
            thread::park_timeout(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_time_is_answered_and_what_never_comes_is_not_waited_for() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sending = thread::spawn(move || sender.send(7));
        assert_eq!(wait(Duration::from_secs(60), receiver), Some(Ok(7)));
        assert_eq!(sending.join().ok(), Some(Ok(())));
        assert_eq!(wait(Duration::from_millis(10), std::future::pending::<()>()), None);
    }
}
