use axum::http::{HeaderName, HeaderValue};
use serde_json::json;

use super::*;

fn read_with(length: Option<&str>, body: &[u8]) -> Result<InferRequest, Refusal> {
    let mut headers = HeaderMap::new();
    if let Some(length) = length {
        let length = HeaderValue::from_bytes(length.as_bytes()).expect("a header");
        headers.insert(HeaderName::from_static(HEADER_LENGTH), length);
    }
    read(InferModel::All, &headers, body)
}

fn packed(json: &str, bytes: &[u8]) -> Result<InferRequest, Refusal> {
    read_with(Some(&json.len().to_string()), &[json.as_bytes(), bytes].concat())
}

fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, part: &str) {
    let refusal = result.expect_err(part);
    assert!(refusal.message.contains(part), "{refusal} does not say {part}");
}

const SYMBOL: &str =
    r#"{"inputs":[{"name":"symbol","datatype":"BYTES","shape":[2],"data":["BTCUSDT","ETHUSDT"]}]}"#;
const PACKED: &str = r#"{"id":"7","inputs":[{"name":"symbol","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":7}}],"parameters":{"binary_data_output":true}}"#;
const BYTES: &[u8] = b"\x03\0\0\0ETH";

#[test]
fn json_and_packed_elements_are_read() {
    let read = read_with(None, SYMBOL.as_bytes()).expect("a request");
    assert_eq!(read.inputs, Inputs::Symbols(vec!["BTCUSDT".into(), "ETHUSDT".into()]));
    assert!(read.id.is_empty() && read.wanted.is_empty() && !read.binary.at(0));
    let read = packed(PACKED, BYTES).expect("a request");
    assert_eq!((read.id.as_str(), &read.inputs), ("7", &Inputs::Symbols(vec!["ETH".into()])));
    assert!(read.binary.at(0));
    let width = features::Catalogue::standard().len();
    let rows = vec![vec![json!(0.1), json!(null)].into_iter().cycle().take(width).collect::<Vec<_>>(); 2];
    let body = json!({
        "inputs": [
            { "data": rows, "shape": [2, width], "name": "features", "datatype": "FP64" },
            { "name": "regime_cuts", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, null, null] },
        ],
        "outputs": [
            { "name": "a", "parameters": { "binary_data": true, "other": {} } },
            { "name": "b", "parameters": { "classification": 2 } },
        ],
    });
    let read = read_with(None, body.to_string().as_bytes()).expect("a request");
    let Inputs::Rows { features, cuts } = read.inputs else { panic!("no rows") };
    assert!(features.len() == 2 * width && features[0] == 0.1 && features[1].is_nan());
    assert_eq!(cuts, Some(vec![Some([1.0, 2.0]), None]));
    assert_eq!((read.binary.at(0), read.binary.at(1)), (true, false));
    assert_eq!(read.wanted[1].classification, Some(2));
}

#[test]
fn a_header_that_lies_is_named() {
    for length in ["-1", "", "12.5", "many", "+", "99999999999999999999999999"] {
        refused(read_with(Some(length), SYMBOL.as_bytes()), "it takes a whole number from 0");
    }
    refused(read_with(Some(&(SYMBOL.len() + 1).to_string()), SYMBOL.as_bytes()), "the body has");
    refused(read_with(Some("18446744073709551615"), SYMBOL.as_bytes()), "the body has");
    refused(read_with(Some("0"), SYMBOL.as_bytes()), "cannot be read");
    refused(read_with(Some("10"), SYMBOL.as_bytes()), "cannot be read");
    // The whole body as JSON, though something is packed after it.
    refused(read_with(None, &[PACKED.as_bytes(), BYTES].concat()), "cannot be read");
}

#[test]
fn packed_elements_that_do_not_fit_are_named() {
    refused(packed(PACKED, b""), "has binary_data_size 7, 0 packed bytes are left");
    refused(packed(PACKED, &BYTES[..6]), "6 packed bytes are left");
    refused(packed(PACKED, &[BYTES, b"x"].concat()), "1 packed bytes belong to no input");
    refused(packed(&PACKED.replace(":7}", ":18446744073709551615}"), BYTES), "packed bytes are left");
    refused(packed(&PACKED.replace(":7}", ":6}"), &BYTES[..6]), "end within element 0");
    refused(packed(SYMBOL, BYTES), "belong to no input");
    refused(
        packed(
            &PACKED.replace(
                "\"parameters\":{\"binary_data_size\":7}",
                "\"data\":[\"A\"],\"parameters\":{\"binary_data_size\":7}",
            ),
            BYTES,
        ),
        "both data and binary_data_size",
    );
    refused(
        read_with(None, SYMBOL.replace(",\"data\":[\"BTCUSDT\",\"ETHUSDT\"]", "").as_bytes()),
        "neither data nor",
    );
    assert!(packed(&PACKED.replace(":7}", ":-7}"), BYTES).is_err());
}

#[test]
fn json_that_is_no_request_is_refused_whatever_it_is() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{\"inputs\":{}}",
        "{\"inputs\":[{}]}",
        "{\"inputs\":[1]}",
        "\u{0}",
        "{\"inputs\":[]}",
    ] {
        assert!(read_with(None, body.as_bytes()).is_err(), "{body}");
    }
    let with = |from: &str, to: &str| read_with(None, SYMBOL.replace(from, to).as_bytes());
    refused(with("[2]", "[3]"), "has 2 elements of BYTES, its shape takes 3");
    refused(with("[2]", "[1]"), "more than the 1 elements");
    refused(with("[2]", "[-2]"), "has -2 rows");
    refused(with("[2]", "[9223372036854775807,9223372036854775807]"), "it takes [N]");
    refused(with("[2]", "[99999999999999999999]"), "cannot be read");
    refused(with("\"BYTES\"", "\"FP64\""), "it takes BYTES");
    refused(with("\"BTCUSDT\"", "1"), "a text is expected");
    refused(with("\"name\":\"symbol\"", "\"name\":\"symbols\""), "known are symbol");
    let region = r#""parameters":{"shared_memory_region":"r"},"data""#;
    assert_eq!(with("\"data\"", region).expect_err("refused").reason, Reason::Unsupported);
    // Every cut of a good request.
    for cut in 0..SYMBOL.len() {
        assert!(read_with(None, &SYMBOL.as_bytes()[..cut]).is_err());
    }
    let whole = [PACKED.as_bytes(), BYTES].concat();
    for cut in 0..whole.len() {
        assert!(read_with(Some(&PACKED.len().to_string()), &whole[..cut]).is_err());
    }
}
