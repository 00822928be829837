use axum::http::HeaderName;

use super::*;

fn look(fence: &Fence, headers: &[(&str, &str)]) -> Result<Visitor, Reason> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a name");
        map.append(name, value.parse().expect("a value"));
    }
    fence.look(&map, &Uri::from_static("/tasks")).map_err(|refusal| refusal.reason)
}

fn fence(origins: &[&str], hosts: &[&str], address: &str) -> Fence {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let settings = WebSettings { allowed_origins: owned(origins), allowed_hosts: owned(hosts) };
    Fence::new(&settings, address.parse().expect("an address"))
}

#[test]
fn a_server_on_loopback_is_asked_by_its_own_names_only() {
    let closed = fence(&[], &["forecasts.test"], "127.0.0.1:8000");
    for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]", "[::1]:8000", "Forecasts.test:1"] {
        assert_eq!(look(&closed, &[("host", host)]), Ok(Visitor::Own), "{host}");
    }
    for host in [
        "evil.test",
        "evil.test:8000",
        "localhost.evil.test",
        "127.0.0.1.evil.test",
        "",
        "localhost:x",
        "127.0.0.2",
        "a@localhost",
        ":8000",
    ] {
        assert_eq!(look(&closed, &[("host", host)]), Err(Reason::HostNotAllowed), "{host}");
    }
    assert_eq!(look(&closed, &[]), Err(Reason::HostNotAllowed));
    assert_eq!(look(&closed, &[("host", "localhost"), ("host", "evil.test")]), Err(Reason::HostNotAllowed));
    // Where other machines reach it, what it is called is theirs to know.
    assert_eq!(look(&fence(&[], &[], "0.0.0.0:8000"), &[("host", "anything")]), Ok(Visitor::Own));
}

#[test]
fn a_page_asks_its_own_server_or_is_allowed() {
    let own = ("host", "localhost:8000");
    let closed = fence(&[], &[], "127.0.0.1:8000");
    assert_eq!(look(&closed, &[own, ("origin", "http://localhost:8000")]), Ok(Visitor::Own));
    assert_eq!(look(&closed, &[own, ("origin", "HTTP://localhost:8000")]), Err(Reason::OriginNotAllowed));
    for origin in [
        "http://evil.test",
        "http://localhost:3000",
        "http://localhost",
        "null",
        "",
        "localhost:8000",
        "file://localhost:8000",
        "http://localhost:8000.evil.test",
        "http://127.0.0.1:8000",
    ] {
        assert_eq!(look(&closed, &[own, ("origin", origin)]), Err(Reason::OriginNotAllowed), "{origin}");
    }
    let two = [own, ("origin", "http://localhost:8000"), ("origin", "http://localhost:8000")];
    assert_eq!(look(&closed, &two), Err(Reason::OriginNotAllowed));
    let open = fence(&["https://board.test", "null"], &[], "127.0.0.1:8000");
    for origin in ["https://board.test", "null"] {
        let allowed = Ok(Visitor::Page(HeaderValue::from_static(origin)));
        assert_eq!(look(&open, &[own, ("origin", origin)]), allowed);
    }
    for origin in ["http://board.test", "https://board.test:8443", "https://board.test.evil.test"] {
        assert_eq!(look(&open, &[own, ("origin", origin)]), Err(Reason::OriginNotAllowed), "{origin}");
    }
    let any = fence(&["*"], &[], "127.0.0.1:8000");
    let allowed = Ok(Visitor::Page(HeaderValue::from_static("*")));
    assert_eq!(look(&any, &[own, ("origin", "https://x.test")]), allowed);
    // Whose page may ask does not change by which name.
    assert_eq!(
        look(&any, &[("host", "evil.test"), ("origin", "http://evil.test")]),
        Err(Reason::HostNotAllowed)
    );
    // Behind what speaks TLS.
    let public = fence(&[], &[], "0.0.0.0:8000");
    assert_eq!(look(&public, &[("host", "f.test"), ("origin", "https://f.test:443")]), Ok(Visitor::Own));
}

#[test]
fn an_image_of_a_strangers_page_is_not_served() {
    let closed = fence(&[], &[], "127.0.0.1:8000");
    let asked = |site, mode| {
        look(&closed, &[("host", "localhost"), ("sec-fetch-site", site), ("sec-fetch-mode", mode)])
    };
    assert_eq!(asked("cross-site", "no-cors"), Err(Reason::OriginNotAllowed));
    assert_eq!(asked("cross-site", "navigate"), Ok(Visitor::Own));
    assert_eq!(asked("same-origin", "no-cors"), Ok(Visitor::Own));
}

#[test]
fn a_setting_is_what_a_browser_sends() {
    assert_eq!(check_origin("HTTPS://Board.test:8443").as_deref(), Ok("https://board.test:8443"));
    for origin in ["*", "null", "http://[::1]:3000"] {
        assert_eq!(check_origin(origin).as_deref(), Ok(origin));
    }
    for origin in ["board.test", "https://board.test/", "https://", "://x", "https://a b", "https://*.test"] {
        assert!(check_origin(origin).is_err(), "{origin}");
    }
    assert_eq!(check_host("Board.test:80").as_deref(), Ok("board.test:80"));
    assert!(check_host("http://board.test").is_err() && check_host("").is_err());
}
