//! A bounded pool for work that keeps a processor busy: comparisons, inference, password hashing.
//!
//! Such work never runs on the threads that serve connections. At most `workers` pieces run, at most
//! `queue` wait, and whatever comes beyond is refused at once: a queue that grows answers nobody in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// The pool; clones share it.
#[derive(Clone)]
pub struct Pool {
    /// A place in the pool, running or waiting.
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    /// The places of [`Rank::Behind`].
    behind: Arc<Semaphore>,
    size: PoolSize,
    observer: Option<Observer>,
}

/// Is told which work was done, and how long it took without the waiting.
pub type Observer = Arc<dyn Fn(&'static str, Duration) + Send + Sync>;

/// How much a pool does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSize {
    /// Pieces of work that run.
    pub workers: usize,
    /// Pieces of work that wait.
    pub queue: usize,
}

/// Whose work goes first where there is more than can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// What people who sign in wait for.
    First,
    /// What takes a share of the places only, and leaves the others free.
    Behind,
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
        let size = PoolSize {
            workers: size.workers.max(1),
            ..size
        };
        Self {
            places: Arc::new(Semaphore::new(size.workers + size.queue)),
            workers: Arc::new(Semaphore::new(size.workers)),
            behind: Arc::new(Semaphore::new(size.workers + size.queue / 8)),
            size,
            observer: None,
        }
    }

    /// A pool whose work is told to `observer`.
    #[must_use]
    pub fn observed(size: PoolSize, observer: Observer) -> Self {
        Self {
            observer: Some(observer),
            ..Self::new(size)
        }
    }

    /// Does the work on a thread of its own, or refuses it at once; `name` says what it is.
    ///
    /// # Errors
    /// [`PoolError::Busy`] beyond the queue; [`PoolError::Failed`] where the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        let place = self
            .places
            .clone()
            .try_acquire_owned()
            .map_err(|_| PoolError::Busy)?;
        let worker = self
            .workers
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| PoolError::Busy)?;
        let observer = self.observer.clone();
        let done = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let out = work();
            if let Some(observer) = observer {
                observer(name, begun.elapsed());
            }
            // Held by the work and not by its caller: a caller that goes away frees no processor.
            drop((worker, place));
            out
        });
        done.await.map_err(PoolError::Failed)
    }

    /// As [`Pool::run`], within the places of its rank.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub async fn run_ranked<T: Send + 'static>(
        &self,
        rank: Rank,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PoolError> {
        if rank == Rank::First {
            return self.run(name, work).await;
        }
        let place = self.behind.clone().try_acquire_owned();
        let place = place.map_err(|_| PoolError::Busy)?;
        let ranked = move || {
            let out = work();
            drop(place);
            out
        };
        self.run(name, ranked).await
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
        let pool = Pool::new(PoolSize {
            workers: 1,
            queue: 1,
        });
        let (go, wait) = mpsc::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let running = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run("test", move || {
                    started.send(()).ok();
                    wait.recv().ok();
                    1
                })
                .await
            }
        });
        has_started.await.expect("runs");
        let mut waiting = std::pin::pin!(pool.run("test", || 2));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        assert_eq!(pool.depth(), 2);
        assert!(matches!(pool.run("test", || 3).await, Err(PoolError::Busy)));
        go.send(()).expect("is waited for");
        assert_eq!(running.await.expect("joins").expect("runs"), 1);
        assert_eq!(waiting.await.expect("runs"), 2);
        assert_eq!(pool.depth(), 0);
    }

    #[tokio::test]
    async fn work_that_stands_behind_leaves_places_to_the_other() {
        let pool = Pool::new(PoolSize {
            workers: 1,
            queue: 8,
        });
        let (go, wait) = mpsc::channel::<()>();
        let mut running =
            std::pin::pin!(pool.run_ranked(Rank::Behind, "test", move || wait.recv().is_ok()));
        let mut waiting = std::pin::pin!(pool.run_ranked(Rank::Behind, "test", || true));
        assert!(futures_util::poll!(&mut running).is_pending());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        let refused = pool.run_ranked(Rank::Behind, "test", || true).await;
        assert!(matches!(refused, Err(PoolError::Busy)));
        let mut first = std::pin::pin!(pool.run_ranked(Rank::First, "test", || true));
        assert!(
            futures_util::poll!(&mut first).is_pending(),
            "it has a place"
        );
        go.send(()).expect("is waited for");
        assert!(
            running.await.expect("runs")
                && waiting.await.expect("runs")
                && first.await.expect("runs")
        );
        assert!(
            pool.run_ranked(Rank::Behind, "test", || true)
                .await
                .expect("runs")
        );
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_place_back() {
        let pool = Pool::new(PoolSize {
            workers: 1,
            queue: 0,
        });
        assert!(matches!(
            pool.run("test", || panic!("as asked")).await,
            Err::<(), _>(PoolError::Failed(_))
        ));
        assert_eq!(pool.run("test", || 4).await.expect("runs"), 4);
    }
}
