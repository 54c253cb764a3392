//! A bounded pool for work that keeps a processor busy: comparisons, inference, password hashing.
//!
//! Such work never runs on the threads that serve connections. At most `workers` pieces run, at most
//! `queue` wait, and whatever comes beyond is refused at once: a queue that grows answers nobody in time.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// The pool; clones share it.
#[derive(Clone)]
pub struct Pool {
    /// A place in the pool, running or waiting.
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    size: PoolSize,
}

/// How much a pool does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// Pieces of work that run.
    pub workers: usize,
    /// Pieces of work that wait.
    pub queue: usize,
}

/// Why work was not done.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// As much waits as may wait.
    #[error("the queue is full")]
    Busy,
    /// The work itself panicked.
    #[error("the work failed")]
    Failed(#[source] tokio::task::JoinError),
}

impl Pool {
    /// A pool of that size; at least one worker.
    #[must_use]
    pub fn new(size: PoolSize) -> Self {
        let size = PoolSize { workers: size.workers.max(1), ..size };
        Self {
            places: Arc::new(Semaphore::new(size.workers + size.queue)),
            workers: Arc::new(Semaphore::new(size.workers)),
            size,
        }
    }

    /// Does the work on a thread of its own, or refuses it at once.
    ///
    /// # Errors
    /// [`PoolError::Busy`] beyond the queue; [`PoolError::Failed`] where the work panicked.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PoolError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| PoolError::Busy)?;
        let worker = self.workers.clone().acquire_owned().await.map_err(|_| PoolError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let out = work();
            // Held by the work and not by its caller: a caller that goes away frees no processor.
            drop((worker, place));
            out
        });
        done.await.map_err(PoolError::Failed)
    }

    /// Pieces of work that run or wait now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.size.workers + self.size.queue - self.places.available_permits()
    }

    /// Its bounds.
    #[must_use]
    pub fn size(&self) -> PoolSize {
        self.size
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn beyond_the_queue_work_is_refused_at_once() {
        let pool = Pool::new(PoolSize { workers: 1, queue: 1 });
        let (go, wait) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let running = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    started.send(()).ok();
                    wait.recv().ok();
                    1
                })
                .await
            }
        });
        has_started.await.expect("runs");
        let mut waiting = std::pin::pin!(pool.run(|| 2));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(pool.depth(), 2);
        assert!(matches!(pool.run(|| 3).await, Err(PoolError::Busy)));
        go.send(()).expect("is waited for");
        assert_eq!(running.await.expect("joins").expect("runs"), 1);
        assert_eq!(waiting.await.expect("runs"), 2);
        assert_eq!(pool.depth(), 0);
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_place_back() {
        let pool = Pool::new(PoolSize { workers: 1, queue: 0 });
        assert!(matches!(pool.run(|| panic!("as asked")).await, Err::<(), _>(PoolError::Failed(_))));
        assert_eq!(pool.run(|| 4).await.expect("runs"), 4);
    }
}
