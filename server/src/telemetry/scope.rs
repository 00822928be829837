//! What is known about the request that a thread works for: whatever it logs, reports and times within carries it.

use std::cell::RefCell;
use std::mem::swap;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::request_id::RequestId;
use super::trace_parent::TraceParent;
use super::traces::{Child, Tracer};
use crate::reason::Refusal;

/// How much a request asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Symbols.
    pub symbols: usize,
    /// Tasks of each.
    pub tasks: usize,
}

/// A request, as far as those know it who work for it. The default is no request.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub(super) request: Option<RequestId>,
    /// The request's place in its trace: its own span if it is recorded, else its caller's.
    pub(super) place: Option<TraceParent>,
    /// What records it; `None` if it is not recorded.
    pub(super) tracer: Option<Tracer>,
    pub(super) asked: Asked,
}

thread_local! {
    static CURRENT: RefCell<Scope> = const {
        RefCell::new(Scope { request: None, place: None, tracer: None, asked: Asked { symbols: 0, tasks: 0 } })
    };
}

/// Looks at the current scope; `None` on a thread that ends.
fn with<T>(look: impl FnOnce(&mut Scope) -> T) -> Option<T> {
    CURRENT.try_with(|current| current.try_borrow_mut().ok().map(|mut current| look(&mut current))).ok()?
}

impl Scope {
    /// The scope that this thread is in.
    #[must_use]
    pub fn current() -> Self {
        with(|current| current.clone()).unwrap_or_default()
    }

    /// The identifier of the request, and its place in a trace.
    pub(super) fn names() -> (Option<RequestId>, Option<TraceParent>) {
        with(|current| (current.request.clone(), current.place)).unwrap_or_default()
    }

    /// Lets this thread be in this scope until what is returned is dropped.
    pub(super) fn enter(&mut self) -> Entered<'_> {
        with(|current| swap(current, self));
        Entered(self)
    }

    /// The scope of what happens within a part of the request.
    #[must_use]
    pub fn part(mut self, child: &Child) -> Self {
        self.place = child.place().or(self.place);
        self
    }

    /// A future that is always polled within this scope.
    pub fn follow<F: Future>(self, future: F) -> InScope<F> {
        InScope { future, scope: self }
    }

    /// Works within this scope, on a thread that works for many.
    pub fn run<T>(mut self, work: impl FnOnce() -> T) -> T {
        let _entered = self.enter();
        work()
    }
}

pin_project! {
    /// A future within a scope.
    pub struct InScope<F> {
        #[pin]
        future: F,
        scope: Scope,
    }
}

impl<F: Future> Future for InScope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.scope.enter();
        this.future.poll(context)
    }
}

/// A thread in a scope.
pub(super) struct Entered<'a>(&'a mut Scope);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        with(|current| swap(current, self.0));
    }
}

/// Notes how much the current request asks for.
pub(crate) fn note_asked(symbols: usize, tasks: usize) {
    with(|current| current.asked = Asked { symbols, tasks });
}

/// Begins a part of the current request that takes long; it ends when it is dropped. Costs one look if the request is not
/// recorded.
pub(crate) fn child(name: &'static str) -> Child {
    let begun = with(|current| match (&current.tracer, current.place) {
        (Some(tracer), Some(place)) => Some((tracer.clone(), place)),
        _ => None,
    });
    begun.flatten().map_or_else(Child::default, |(tracer, place)| tracer.child(name, place))
}

/// Work of another thread that is a part of the current request.
pub(crate) fn part<T>(
    name: &'static str,
    work: impl FnOnce() -> Result<T, Refusal>,
) -> impl FnOnce() -> Result<T, Refusal> {
    let mut child = child(name);
    let scope = Scope::current().part(&child);
    move || {
        let outcome = scope.run(work);
        child.judge(&outcome);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u64) -> Scope {
        Scope { request: Some(RequestId::Made(number)), ..Scope::default() }
    }

    #[test]
    fn a_scope_holds_while_it_is_entered_and_keeps_what_was_noted() {
        let mut outer = request(1);
        {
            let _entered = outer.enter();
            note_asked(3, 7);
            request(2).run(|| {
                assert_eq!(Scope::names().0, Some(RequestId::Made(2)));
                note_asked(1, 1);
            });
            assert_eq!(Scope::names().0, Some(RequestId::Made(1)));
            assert_eq!(Scope::current().asked, Asked { symbols: 3, tasks: 7 });
        }
        assert_eq!(Scope::names(), (None, None));
        assert_eq!(outer.asked, Asked { symbols: 3, tasks: 7 });
    }

    #[test]
    fn a_panic_leaves_the_scope() {
        let caught = std::panic::catch_unwind(|| request(1).run(|| std::panic::resume_unwind(Box::new(()))));
        assert!(caught.is_err());
        assert_eq!(Scope::names().0, None);
    }
}
