//! The archive: as the simulated exchange serves it, as a web server with faults does, and in folders.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use exchange_sim::{Exchange, ExchangeConfig, synthetic};
use market::archive::{Archive, ArchiveError, ArchiveFile, Period};
use market::kline::{Interval, Kline, Symbol};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const DAY: i64 = 86_400_000;
/// 2024-12-30: two days before the unit changes.
const START: i64 = 1_735_516_800_000;

fn file(name: &str) -> ArchiveFile {
    name.parse().expect("a file's name")
}

fn row(open_time: i64) -> String {
    format!("{open_time},2.0,3.0,1.0,2.5,10,{},25,4,5,12,0\n", open_time + 899_999)
}

fn zipped(text: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("a.csv", zip::write::SimpleFileOptions::default()).expect("in memory");
    writer.write_all(text.as_bytes()).expect("in memory");
    writer.finish().expect("in memory").into_inner()
}

fn checksum(zip: &[u8]) -> Vec<u8> {
    format!("{}  a.zip\n", hex::encode(Sha256::digest(zip))).into_bytes()
}

/// A web server that answers each path with what is next in its queue, the last one for ever, and 404 to all others.
struct Web {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

type Answers = BTreeMap<String, Vec<(u16, Vec<u8>)>>;

impl Web {
    async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}/mirror/", listener.local_addr().expect("bound"));
        let (answers, asked) = (Arc::new(Mutex::new(answers)), Arc::new(Mutex::new(Vec::new())));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answers, log) = (answers.clone(), log.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        request.push(byte);
                    }
                    let line = String::from_utf8_lossy(&request);
                    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                    log.lock().expect("whole").push(path);
                    let (status, body) = match answers.lock().expect("whole").get_mut(&name) {
                        Some(queue) if queue.len() > 1 => queue.remove(0),
                        Some(queue) => queue[0].clone(),
                        None => (404, Vec::new()),
                    };
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
                });
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("whole").len()
    }
}

const NAME: &str = "BTCUSDT-15m-2024-12-30.zip";

fn with_checksum(zips: Vec<(u16, Vec<u8>)>, checksum: Vec<u8>) -> Answers {
    Answers::from([(NAME.to_owned(), zips), (format!("{NAME}.CHECKSUM"), vec![(200, checksum)])])
}

#[tokio::test]
async fn the_simulated_archive_has_the_klines_of_its_months_and_days() {
    let mut klines = synthetic::generate(7, Interval::M15, START, 5 * 96).expect("a market");
    klines.retain(|symbol, _| symbol.as_str() == "BTCUSDT");
    let series = klines.values().next().expect("one").clone();
    // On 2025-01-03 at noon.
    let config = ExchangeConfig::recorded(klines, START + 4 * DAY + DAY / 2);
    let exchange = Exchange::start(config).await.expect("an exchange");
    let archive = Archive::open(&exchange.rest_url()).expect("an address");
    let same = |found: Option<Vec<Kline>>, expected: &[Kline]| {
        let found = found.expect("a file");
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| a.same_bits(b)));
    };
    same(archive.klines(&file("BTCUSDT-15m-2024-12.zip")).await.expect("read"), &series[..2 * 96]);
    for (day, name) in ["2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02"].into_iter().enumerate() {
        let found = archive.klines(&file(&format!("BTCUSDT-15m-{name}.zip"))).await.expect("read");
        same(found, &series[day * 96..(day + 1) * 96]);
    }
    for absent in [
        "BTCUSDT-15m-2025-01.zip",
        "BTCUSDT-15m-2025-01-03.zip",
        "XUSDT-15m-2024-12.zip",
        "BTCUSDT-1m-2024-12.zip",
    ] {
        assert_eq!(archive.klines(&file(absent)).await.expect("no failure"), None, "{absent}");
    }
    let hours = archive.klines(&file("BTCUSDT-1h-2024-12-31.zip")).await.expect("read").expect("a file");
    assert_eq!(hours.len(), 24);
    exchange.shutdown().await;
}

#[tokio::test]
async fn a_wrong_checksum_is_fetched_once_more_and_then_named() {
    let good = zipped(&row(START));
    let mut torn = good.clone();
    torn.truncate(good.len() / 2);
    let web =
        Web::start(with_checksum(vec![(200, torn.clone()), (200, good.clone())], checksum(&good))).await;
    let archive = Archive::open(&web.address).expect("an address");
    let found = archive.klines(&file(NAME)).await.expect("the second one is whole").expect("a file");
    assert_eq!((found.len(), web.asked()), (1, 4));
    let path = web.asked.lock().expect("whole")[0].clone();
    assert_eq!(path, format!("/mirror/data/spot/daily/klines/BTCUSDT/15m/{NAME}"));

    let web = Web::start(with_checksum(vec![(200, torn)], checksum(&good))).await;
    let error = Archive::open(&web.address).expect("an address").klines(&file(NAME)).await.expect_err("torn");
    assert_eq!(web.asked(), 4, "once more, not for ever");
    let told = error.to_string();
    assert!(matches!(error, ArchiveError::Checksum { .. }) && told.contains(NAME), "{told}");
    assert!(told.contains(&hex::encode(Sha256::digest(&good))), "{told}");
}

#[tokio::test]
async fn failures_that_pass_are_waited_for_and_others_are_named() {
    let good = zipped(&row(START));
    let flaky = vec![(503, Vec::new()), (429, Vec::new()), (200, good.clone())];
    let web = Web::start(with_checksum(flaky, checksum(&good))).await;
    let found = Archive::open(&web.address).expect("an address").klines(&file(NAME)).await;
    assert_eq!(found.expect("it passed").expect("a file").len(), 1);

    let fault = async |answers: Answers| {
        let web = Web::start(answers).await;
        Archive::open(&web.address).expect("an address").klines(&file(NAME)).await.expect_err("a fault")
    };
    let forbidden = fault(with_checksum(vec![(403, Vec::new())], Vec::new())).await;
    assert!(matches!(forbidden, ArchiveError::Status { status: 403, .. }), "{forbidden}");
    let bare = fault(Answers::from([(NAME.to_owned(), vec![(200, good.clone())])])).await;
    assert!(matches!(bare, ArchiveError::NoChecksum { .. }), "{bare}");
    let html = fault(with_checksum(vec![(200, good.clone())], b"<html>".to_vec())).await;
    assert!(html.to_string().contains("<html>"), "{html}");
    let long = fault(with_checksum(vec![(200, good)], vec![b'a'; 5_000])).await;
    assert!(matches!(long, ArchiveError::TooLong { .. }), "{long}");
    // Whole, as the checksum says, and still no archive.
    let junk = b"no zip".to_vec();
    let sum = checksum(&junk);
    let junk = fault(with_checksum(vec![(200, junk)], sum)).await;
    assert!(matches!(junk, ArchiveError::Malformed { .. }) && junk.to_string().contains(NAME), "{junk}");
    let other = zipped(&row(START + DAY));
    let sum = checksum(&other);
    let other = fault(with_checksum(vec![(200, other)], sum)).await;
    assert!(matches!(other, ArchiveError::Outside { open_time, .. } if open_time == START + DAY), "{other}");
    for place in ["ftp://x", "http://", "https://ada:s3cret@", "http://ada:s3cret@x/y"] {
        let told = Archive::open(place).expect_err("no address").to_string();
        assert!(told.contains("data.binance.vision") && !told.contains("s3cret"), "{told}");
    }
}

#[tokio::test]
async fn a_folder_is_read_flat_or_in_the_layout_and_knows_its_extent() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = zipped(&row(START));
    let month = zipped(&format!("{}{}", row(START - 40 * DAY), row(START - 39 * DAY)));
    let nested = folder.path().join(file("BTCUSDT-15m-2024-11.zip").path());
    std::fs::create_dir_all(nested.parent().expect("a folder")).expect("made");
    std::fs::write(&nested, &month).expect("written");
    std::fs::write(folder.path().join(NAME), &day).expect("written");
    std::fs::write(folder.path().join(format!("{NAME}.CHECKSUM")), checksum(&day)).expect("written");
    std::fs::write(folder.path().join("README.zip"), "of no interest").expect("written");
    let archive = Archive::open(&folder.path().to_string_lossy()).expect("a folder");
    let btc: Symbol = "BTCUSDT".parse().expect("a symbol");
    assert_eq!(archive.symbols(Interval::M15), [btc]);
    assert!(archive.symbols(Interval::H1).is_empty());
    let month = Period::months(START - 40 * DAY, START - 39 * DAY)[0];
    assert_eq!(archive.extent(btc, Interval::M15), Some((month.from(), START + DAY)));
    assert_eq!(archive.klines(&file(NAME)).await.expect("read").expect("a file").len(), 1);
    let found = archive.klines(&file("BTCUSDT-15m-2024-11.zip")).await.expect("read without a checksum");
    assert_eq!(found.expect("a file").len(), 2);
    assert_eq!(archive.klines(&file("BTCUSDT-15m-2024-12.zip")).await.expect("no failure"), None);
    std::fs::write(folder.path().join(NAME), &day[1..]).expect("damaged");
    let error = archive.klines(&file(NAME)).await.expect_err("damaged");
    assert!(error.to_string().contains(&folder.path().join(NAME).display().to_string()), "{error}");
    let absent = Archive::open("/nowhere/at/all").expect_err("no folder").to_string();
    assert!(absent.contains("/nowhere/at/all"), "{absent}");
}
