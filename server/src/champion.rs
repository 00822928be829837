//! The task that takes up the registry's champion: verify, warm, swap. It looks by itself and on request; a bundle that
//! does not hold changes nothing and is reported.

use std::sync::Arc;
use std::time::Duration;

use forecast::{Bundle, BundleDigest};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::engine_thread::Command;
use crate::reason::{Reason, Refusal};
use crate::renewal::Renewer;
use crate::state::{ChampionView, Shared};
use crate::stores::Stores;
use crate::telemetry::metrics as names;
use crate::telemetry::scope::{self, Scope};
use crate::unhurried::Haste;

/// How many reload requests may wait. At the bound the caller waits.
const QUEUE_REQUESTS: usize = 16;

/// What a reload did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reloaded {
    /// The bundle before.
    pub previous: Option<BundleDigest>,
    /// The bundle that answers now.
    pub digest: BundleDigest,
}

/// A wish for a reload.
#[derive(Debug)]
struct Wish {
    reply: oneshot::Sender<Result<Reloaded, Refusal>>,
    /// A bundle that has held.
    verified: Option<Arc<Bundle>>,
    /// The request that it comes from.
    scope: Scope,
}

/// The way to ask for a reload.
#[derive(Debug, Clone)]
pub struct ChampionHandle(mpsc::Sender<Wish>);

impl ChampionHandle {
    /// Takes up the registry's champion now; if it is the one that was `verified`, it is not verified again. Safe to
    /// cancel: the reload goes on.
    ///
    /// # Errors
    /// No champion, a bundle that does not hold, or a stopping server.
    pub async fn reload(&self, verified: Option<Arc<Bundle>>) -> Result<Reloaded, Refusal> {
        let stopping = || Refusal::new(Reason::Draining, "the server is stopping");
        let (reply, answer) = oneshot::channel();
        self.0.send(Wish { reply, verified, scope: Scope::current() }).await.map_err(|_| stopping())?;
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}

/// The task's state.
#[derive(Debug)]
pub struct ChampionTask {
    stores: Stores,
    shared: Arc<Shared>,
    renewer: Renewer,
    engine: mpsc::Sender<Command>,
    requests: mpsc::Receiver<Wish>,
    poll: Duration,
    /// The bundle that was refused last: not tried again until asked for, or until another is the champion.
    refused: Option<BundleDigest>,
}

impl ChampionTask {
    /// Puts the task together.
    #[must_use]
    pub fn new(renewer: Renewer, engine: mpsc::Sender<Command>, poll: Duration) -> (Self, ChampionHandle) {
        let (handle, requests) = mpsc::channel(QUEUE_REQUESTS);
        let (stores, shared) = (renewer.stores.clone(), renewer.shared.clone());
        (Self { stores, shared, renewer, engine, requests, poll, refused: None }, ChampionHandle(handle))
    }

    /// Looks until `stop`, from when the engine has taken in its history.
    pub async fn run(mut self, stop: CancellationToken) {
        if !self.warmed(&stop).await {
            return;
        }
        self.look().await;
        self.shared.champion_looked_for.cancel();
        let mut ticks = tokio::time::interval(self.poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(Wish { reply, verified, scope }) = self.requests.recv() => {
                    let outcome = scope.follow(self.take_up(true, verified)).await;
                    // The one who asked may have gone.
                    let _ = reply.send(outcome);
                }
                _ = ticks.tick() => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        if let Err(refusal) = self.take_up(false, None).await {
            tracing::debug!(reason = refusal.reason.entry().name, %refusal, "no new champion");
        }
    }

    /// Waits for the history and refuses requests until then; false if the server stops first.
    async fn warmed(&mut self, stop: &CancellationToken) -> bool {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return false,
                () = self.shared.warmed.cancelled() => return true,
                Some(Wish { reply, .. }) = self.requests.recv() => {
                    let message = "the history is not read yet, a bundle is taken up after that";
                    // The one who asked may have gone.
                    let _ = reply.send(Err(Refusal::new(Reason::NotWarm, message)));
                }
            }
        }
    }

    /// Takes up the registry's champion unless it answers already.
    async fn take_up(&mut self, asked: bool, verified: Option<Arc<Bundle>>) -> Result<Reloaded, Refusal> {
        let previous = self.shared.champion.load().bundle.as_ref().map(|bundle| bundle.digest());
        let stores = self.stores.clone();
        let found = blocking("registry.champion", move || stores.champion()).await;
        let (version, digest) = match found {
            Err(refusal) if previous.is_none() => self.remembered(refusal).await?,
            found => found?,
        };
        if previous == Some(digest) {
            self.show(|view| (view.version, view.problem) = (Some(version), None));
            return Ok(Reloaded { previous, digest });
        }
        if !asked && self.refused == Some(digest) {
            let message = format!("bundle {} was refused before", digest.short());
            return Err(Refusal::new(Reason::BundleRefused, message).with("bundle", digest));
        }
        let verified = verified.filter(|bundle| bundle.digest() == digest);
        match self.swap(digest, verified, previous.is_some()).await {
            Ok(bundle) => {
                tracing::info!(bundle = %digest, previous = previous.map(|digest| digest.to_string()), "bundle taken up");
                names::count_bundle_load("taken_up");
                names::show_bundle(&bundle, previous.map(|digest| digest.to_string()));
                self.refused = None;
                let stores = self.stores.clone();
                let remember = move || {
                    stores.remember_champion(version, digest);
                    Ok(())
                };
                // Without it nothing is amiss but a start while the registry is away.
                let _ = blocking("champion.remember", remember).await;
                let version = Some(version);
                self.show(|view| {
                    *view = ChampionView { bundle: Some(bundle.clone()), version, problem: None }
                });
                Ok(Reloaded { previous, digest })
            }
            Err(refusal) => {
                tracing::error!(bundle = %digest, problem = %refusal, "bundle refused, what answered before goes on answering");
                names::count_bundle_load("refused");
                // A store that fails may work the next time; a bundle that does not hold will not.
                self.refused = (refusal.reason == Reason::BundleRefused).then_some(digest);
                self.show(|view| view.problem = Some(refusal.message.clone()));
                Err(refusal)
            }
        }
    }

    /// The champion that was taken up last, when the registry does not answer at a start.
    async fn remembered(&self, refusal: Refusal) -> Result<(u32, BundleDigest), Refusal> {
        let stores = self.stores.clone();
        let found = match refusal.reason {
            Reason::StoreFailed => {
                blocking("champion.remembered", move || Ok(stores.champion_remembered())).await?
            }
            _ => None,
        };
        let Some((version, digest)) = found else { return Err(refusal) };
        tracing::warn!(version, bundle = %digest, "the registry does not answer, the champion of before is taken up");
        Ok((version, digest))
    }

    /// Reads and verifies a bundle and renews what it answers with off the path of requests, then lets the engine swap it in. While another one
    /// answers there is no haste.
    async fn swap(
        &self,
        digest: BundleDigest,
        verified: Option<Arc<Bundle>>,
        another_answers: bool,
    ) -> Result<Arc<Bundle>, Refusal> {
        let haste = if another_answers { Haste::Unhurried } else { Haste::Now };
        let bundle = if let Some(bundle) = verified {
            bundle
        } else {
            let stores = self.stores.clone();
            Arc::new(blocking("bundle.verify", move || stores.bundle(digest, haste)).await?)
        };
        let renewed = self.renewer.before_take_up(&bundle, haste).await;
        let mut span = scope::child("engine.take_up");
        let (done, outcome) = oneshot::channel();
        let stopping = || Refusal::new(Reason::Draining, "the server is stopping");
        let command = Command::TakeUp { bundle: bundle.clone(), renewed, done };
        self.engine.send(command).await.map_err(|_| stopping())?;
        match outcome.await {
            Ok(Ok(())) => Ok(bundle),
            Ok(Err(problem)) => {
                span.fail(Reason::BundleRefused.entry().name);
                let message = format!("bundle {} was refused: {problem}", digest.short());
                Err(Refusal::new(Reason::BundleRefused, message).with("bundle", digest))
            }
            Err(_) => Err(stopping()),
        }
    }

    fn show(&self, change: impl FnOnce(&mut ChampionView)) {
        let mut view = ChampionView::clone(&self.shared.champion.load());
        change(&mut view);
        self.shared.champion.store(Arc::new(view));
        self.shared.refresh_serving();
    }
}

async fn blocking<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(scope::part(name, work)).await;
    done.unwrap_or_else(|error| {
        Err(Refusal::new(Reason::Internal, format!("a store's task failed: {error}")))
    })
}
