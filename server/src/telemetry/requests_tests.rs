use axum::http::HeaderName;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

const PREDICT: &str = "/klinecast.v1.PredictionService/Predict";

#[test]
fn a_request_that_nobody_traces_still_names_its_callers_trace() {
    let requests = Requests::new(None, None);
    let followed = requests.grpc(
        PREDICT,
        &headers(&[
            ("x-request-id", "abc-7"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
        ]),
    );
    assert_eq!(followed.identifier(), Some(HeaderValue::from_static("abc-7")));
    assert_eq!(followed.scope.place.map(|place| place.span_id), Some(0xb7ad_6b71_6920_3331));
    assert!(followed.scope.tracer.is_none() && followed.span.is_none());
    followed.end(End::Grpc(0));
}

#[test]
fn streams_are_known_on_both_faces() {
    let requests = Requests::new(None, None);
    let none = HeaderMap::new();
    assert!(!requests.grpc(PREDICT, &none).is_stream);
    assert!(requests.grpc("/klinecast.v1.PredictionService/Subscribe", &none).is_stream);
    assert!(!requests.http(&Method::GET, None, &none).is_stream);
}

#[test]
fn codes_are_named_and_failures_are_the_servers() {
    assert_eq!(
        (End::Grpc(0).code(), End::Grpc(16).code(), End::Grpc(99).code()),
        ("OK", "UNAUTHENTICATED", "UNKNOWN")
    );
    let failing = [End::Grpc(2), End::Grpc(4), End::Grpc(14), End::Grpc(99), End::Http(500), End::Http(503)];
    assert!(failing.iter().all(|end| end.is_failure()));
    let fine = [End::Grpc(0), End::Grpc(3), End::Grpc(5), End::Gone, End::Http(200), End::Http(404)];
    assert!(!fine.iter().any(|end| end.is_failure()));
    assert_eq!(End::Gone.to_string(), "CANCELLED");
    assert_eq!(End::Http(404).to_string(), "404");
}

/// How many allocations following so many plain calls takes.
fn allocations(requests: &Requests, calls: usize) -> u64 {
    let none = HeaderMap::new();
    let follow = || {
        let mut followed = requests.grpc(PREDICT, &none);
        {
            let _entered = followed.scope.enter();
            crate::telemetry::scope::note_asked(1, 7);
            drop(crate::telemetry::scope::child("store"));
        }
        std::hint::black_box(followed.identifier());
        followed.end(End::Grpc(0));
    };
    follow();
    allocation_counter::measure(|| (0..calls).for_each(|_| follow())).count_total
}

#[test]
fn following_a_plain_call_allocates_next_to_nothing() {
    let used = allocations(&Requests::new(None, Some(Duration::from_secs(60))), 1_000);
    // The identifiers share blocks of memory.
    assert!(used <= 40, "{used} allocations in 1000 calls");
}

#[tokio::test]
async fn a_call_that_is_not_sampled_allocates_no_more() {
    let endpoint = "http://127.0.0.1:1".to_owned();
    let settings = traces::TraceSettings { endpoint, ratio: 0.0, environment: "test".to_owned() };
    let (tracer, _exporting) = Tracer::start(&settings).expect("an address");
    let used = allocations(&Requests::new(Some(tracer), None), 1_000);
    assert!(used <= 40, "{used} allocations in 1000 calls");
}
