//! Waiting for a future on whatever thread calls: the traits of this crate block, and may be called from a thread that
//! drives other tasks.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

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

/// Parks the thread until the future is ready. Whoever drives the future's input and output runs elsewhere. A runtime's
/// own `block_on` would panic on a thread that drives tasks; this does not, though such a task's neighbours wait with it.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    // A task's budget is not renewed while its thread is parked here.
    let mut future = pin!(tokio::task::unconstrained(future));
    let unpark = Arc::new(Unpark { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(unpark.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        while !unpark.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}
