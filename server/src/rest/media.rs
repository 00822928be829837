//! Media types as headers write them (RFC 9110, 8.3 and 12.5.1).

use axum::http::HeaderValue;
use axum::http::header::GetAll;

/// Whether a `Content-Type` is JSON in an encoding that is read.
pub(super) fn is_json(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = kind == "application/json"
        || kind
            .strip_prefix("application/")
            .and_then(|kind| kind.strip_suffix("+json"))
            .is_some_and(|name| !name.is_empty());
    is_json && parts.all(is_utf8)
}

/// Whether a parameter leaves the text what JSON is written in.
fn is_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return parameter.is_empty() };
    let value = value.trim_matches('"');
    !name.eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
}

/// Whether `Accept` headers take a kind; without any, every kind is taken. Of the ranges that a kind lies in, the narrowest counts.
pub(super) fn accepts(headers: GetAll<'_, HeaderValue>, kind: &str) -> bool {
    let (mut narrowest, mut taken, mut any) = (0, false, false);
    for range in headers.iter().filter_map(|header| header.to_str().ok()).flat_map(|text| text.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        if name.is_empty() {
            continue;
        }
        any = true;
        let narrowness = match name.as_str() {
            "*/*" => 1,
            name if name.strip_suffix("/*").is_some_and(|class| kind.split('/').next() == Some(class)) => 2,
            name if name == kind => 3,
            _ => continue,
        };
        let is_refused = |part: &str| {
            part.split_once('=').is_some_and(|(name, weight)| {
                name.trim().eq_ignore_ascii_case("q")
                    && weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
            })
        };
        if narrowness >= narrowest {
            let is_taken = !parts.any(is_refused);
            taken = is_taken || (narrowness == narrowest && taken);
            narrowest = narrowness;
        }
    }
    taken || !any
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::ACCEPT;

    use super::*;

    #[test]
    fn json_is_known_by_its_names_and_its_encoding() {
        for text in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/cloudevents+json",
            "application/json; v=1",
        ] {
            assert!(is_json(text), "{text}");
        }
        for text in [
            "",
            "text/plain",
            "text/json",
            "application/jsonp",
            "application/+json",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "application/json; charset",
            "multipart/form-data; boundary=x",
        ] {
            assert!(!is_json(text), "{text}");
        }
    }

    #[test]
    fn the_narrowest_range_decides() {
        let taken = |texts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(ACCEPT, HeaderValue::from_static(text));
            }
            accepts(headers.get_all(ACCEPT), "application/json")
        };
        for texts in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/html, application/*;q=0.1"],
            &["text/html", "application/json"],
            &["*/*;q=0, application/json"],
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            &["Application/JSON;q=0.5"],
        ] {
            assert!(taken(texts), "{texts:?}");
        }
        for texts in [
            &["text/html"][..],
            &["application/xml, text/*"],
            &["application/json;q=0, */*"],
            &["*/*;q=0.0"],
            &["application/jso"],
            &["text/event-stream"],
        ] {
            assert!(!taken(texts), "{texts:?}");
        }
    }
}
