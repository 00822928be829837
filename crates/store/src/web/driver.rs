//! Drives futures for callers that block.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::StoreError;
use crate::wait::wait;

/// One thread that drives requests; started with the first of them.
pub(crate) struct Driver {
    name: &'static str,
    runtime: Mutex<Option<Runtime>>,
}

impl Driver {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, runtime: Mutex::new(None) }
    }

    /// Blocks until the future is ready, at most for as long as `limit`: then it is dropped, and `None` is answered.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<Option<T>, StoreError> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match runtime.take() {
            Some(running) => running,
            None => Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name(self.name)
                .enable_all()
                .build()
                .map_err(StoreError::Thread)?,
        };
        let task = runtime.insert(running).spawn(future);
        drop(runtime);
        let abort = task.abort_handle();
        match wait(limit, task) {
            Some(Ok(answer)) => Ok(Some(answer)),
            Some(Err(_)) => Err(StoreError::Poisoned),
            None => {
                abort.abort();
                Ok(None)
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            // Waiting for it is not allowed on a thread that drives tasks.
            runtime.shutdown_background();
        }
    }
}
