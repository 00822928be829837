use std::collections::BTreeSet;

use super::*;
use crate::rest::{INFERENCE_ROUTES, ROUTES};

fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(&INFERENCE)
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let described: BTreeSet<_> = operations().map(|operation| (operation.method, operation.path)).collect();
    let routes: BTreeSet<_> = ROUTES.into_iter().chain(INFERENCE_ROUTES).collect();
    assert_eq!(described, routes);
    let ids: BTreeSet<_> = operations().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), operations().count(), "an operation's id stands twice");
}

#[test]
fn every_reason_of_the_catalogue_is_in_the_document() {
    let document = document(Interval::M15);
    let listed = document["components"]["schemas"]["Reason"]["enum"].as_array().expect("a list");
    assert_eq!(listed.len(), CATALOGUE.len());
    let told: BTreeSet<_> = operations()
        .flat_map(|operation| reasons(operation, route_need(operation.method, Some(operation.path))))
        .flat_map(|(_, names)| names)
        .collect();
    for entry in &CATALOGUE {
        // A path that is no route has no place among the routes; of deadlines only gRPC knows.
        let is_elsewhere = matches!(entry.reason, Reason::UnknownRoute | Reason::DeadlineTooShort);
        assert!(told.contains(entry.name) || is_elsewhere, "{}", entry.name);
    }
}

#[test]
fn what_the_document_points_at_is_there() {
    let document = document(Interval::M15);
    let mut pointed = BTreeSet::new();
    pointers(&document, &mut pointed);
    assert!(pointed.len() > 20);
    for pointer in &pointed {
        assert!(document.pointer(pointer.trim_start_matches('#')).is_some(), "{pointer}");
    }
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for name in schemas.keys() {
        assert!(pointed.contains(&format!("#/components/schemas/{name}")), "{name} is used nowhere");
    }
}

fn pointers(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(pointer)) = fields.get("$ref") {
                found.insert(pointer.clone());
            }
            fields.values().for_each(|value| pointers(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| pointers(value, found)),
        _ => {}
    }
}

#[test]
fn every_parameter_is_known_and_used() {
    let mut used = BTreeSet::new();
    for operation in operations() {
        let names = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        for key in names.chain(operation.query.iter().copied()) {
            assert!(parameters::find(key).is_some(), "{key} of {}", operation.path);
            used.insert(key);
        }
    }
    assert_eq!(used.len(), parameters::PARAMETERS.len());
    let document = document(Interval::H1);
    let query = &document["paths"]["/predict/{symbol}/task/{task}"]["get"]["parameters"];
    assert_eq!(query[2]["schema"]["enum"], json!(["1h"]));
    assert_eq!(query[0]["required"], true);
}

#[test]
fn who_is_let_in_is_what_the_table_says() {
    let document = document(Interval::M15);
    let operation = |path: &str, method: &str| document["paths"][path][method].clone();
    assert_eq!(operation("/health", "get")["security"], json!([]));
    assert_eq!(
        operation("/health", "get")["responses"]["503"]["content"]["application/json"]["schema"],
        reference("Health")
    );
    assert_eq!(operation("/models/promote", "post")["x-role"], "admin");
    assert!(operation("/models/promote", "post")["responses"]["401"].is_object());
    assert!(operation("/health", "get")["responses"]["401"].is_null());
    assert_eq!(document["paths"]["/v2"]["servers"], json!([{ "url": "/" }]));
}
