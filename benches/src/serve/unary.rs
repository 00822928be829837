//! One pair's prediction over gRPC, beside an empty echo that answers with as many bytes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exchange_sim::Exchange;
use prost::Message as _;
use proto::v1;

use super::load::{self, Call, Found, Shape};
use super::{Options, counts, echo};
use crate::clock::median;
use crate::household::{self, Server};
use crate::process::Pinned;
use crate::report::{Goal, Measure};

/// The loads: connections, and calls in flight on each.
const SHAPES: [Shape; 3] = [
    Shape { connections: 1, in_flight: 1 },
    Shape { connections: 1, in_flight: 64 },
    Shape { connections: 4, in_flight: 16 },
];

/// The request for the first pair.
fn request() -> Result<Vec<u8>> {
    let symbol = household::symbols()?.first().context("a pair")?.to_string();
    Ok(v1::PredictRequest { symbol, ..Default::default() }.encode_to_vec())
}

const PATH: &str = "/klinecast.v1.PredictionService/Predict";

/// The call that is measured, at a server.
pub(super) fn call(server: &Server) -> Result<Call> {
    Ok(Call::new(server.addresses()?[0], PATH, request()?))
}

/// Throughput, CPU and latencies of several loads.
pub(super) async fn measure(
    options: &Options,
    server: &Server,
    process: &Pinned,
    measures: &mut Vec<Measure>,
) -> Result<()> {
    let ours = call(server)?;
    let bytes = load::closed(&ours, SHAPES[0], Duration::from_millis(200)).await?.reply_bytes;
    let peer = echo::Echo::start(bytes).await?;
    let theirs = Call::new(peer.address(), echo::PATH, Vec::new());
    let for_long = Duration::from_secs_f64(options.seconds);
    println!("unary Predict, one pair, all tasks, {bytes} bytes a reply; the echo answers as many");
    for shape in SHAPES {
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            here.push(process.during(load::closed(&ours, shape, for_long)).await?);
            there.push(peer.process().during(load::closed(&theirs, shape, for_long)).await?);
        }
        compare(&shape.to_string(), &here, &there, measures);
    }
    // Open loop at half of what was found: times count from when a call was due.
    let rate = load::closed(&theirs, SHAPES[2], for_long).await?.rate() / 2.0;
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        here.push(process.during(load::open(&ours, SHAPES[2], rate, for_long)).await?);
        there.push(peer.process().during(load::open(&theirs, SHAPES[2], rate, for_long)).await?);
    }
    let of = |rounds: &[(Found, Duration)], per_mille| {
        median(rounds.iter().map(|(found, _)| found.microseconds(per_mille)).collect())
    };
    for (name, per_mille) in [("p50", 500), ("p99", 990)] {
        let measure = Measure::plain(format!("open loop at {rate:.0}/s, {name}"), "us", of(&here, per_mille));
        measures.push(measure.beside("echo", of(&there, per_mille)));
    }
    Ok(())
}

/// Instructions and calls of the kernel of a request; each server is started anew under callgrind.
pub(super) async fn count(
    server: &Server,
    (binary, home, exchange): (&Path, &Path, &Exchange),
    measures: &mut Vec<Measure>,
) -> Result<()> {
    let ours = call(server)?;
    let bytes = load::closed(&ours, SHAPES[0], Duration::from_millis(200)).await?.reply_bytes;
    if counts::has("strace") {
        let peer = echo::Echo::start(bytes).await?;
        let theirs = Call::new(peer.address(), echo::PATH, Vec::new());
        for shape in SHAPES {
            let here = counts::system_calls(server.id(), load::closed(&ours, shape, COUNTED)).await?;
            let there = counts::system_calls(peer.id(), load::closed(&theirs, shape, COUNTED)).await?;
            let measure = Measure::plain(format!("{shape}, system calls a call"), "calls", here);
            measures.push(measure.beside("echo", there));
        }
    } else {
        println!("strace is not here: system calls are not counted");
    }
    if !counts::has("valgrind") {
        println!("valgrind is not here: instructions are not counted");
        return Ok(());
    }
    let counted = counts::UnderCallgrind::new(binary)?;
    let mut command = counted.command();
    // It runs fifty times slower, which looks like too much load.
    command.args(["--lag-ms-max", "60000"]);
    let mut slow = Server::spawn(command, home, exchange)?;
    let client = slow.client().await?;
    slow.predicts(&client, 0).await?;
    let ours = call(&slow)?;
    let counted_peer = counts::UnderCallgrind::new(&std::env::current_exe()?)?;
    let peer = echo::Echo::start_by(counted_peer.command(), bytes).await?;
    let theirs = Call::new(peer.address(), echo::PATH, Vec::new());
    for shape in SHAPES {
        let here = counted.instructions(slow.id(), load::closed(&ours, shape, COUNTED)).await?;
        let there = counted_peer.instructions(peer.id(), load::closed(&theirs, shape, COUNTED)).await?;
        let measure = Measure::plain(format!("{shape}, instructions a call"), "instr.", here);
        measures.push(measure.beside("echo", there));
    }
    Ok(())
}

/// How long is counted.
const COUNTED: Duration = Duration::from_secs(3);

/// Our throughput, CPU and latencies beside the echo's, as ratios of the rounds' medians.
fn compare(
    shape: &str,
    here: &[(Found, Duration)],
    there: &[(Found, Duration)],
    measures: &mut Vec<Measure>,
) {
    type Figure = fn(&(Found, Duration)) -> f64;
    type Line = (&'static str, &'static str, Figure, Option<fn(f64) -> Goal>);
    let figures: [Line; 4] = [
        ("calls", "calls/s", |(found, _)| found.rate(), Some(|peer| Goal::AtLeast(0.9 * peer))),
        ("CPU a call", "us", |(found, cpu)| found.cpu_a_call(*cpu), Some(|peer| Goal::AtMost(1.15 * peer))),
        ("p50", "us", |(found, _)| found.microseconds(500), None),
        ("p99", "us", |(found, _)| found.microseconds(990), Some(|peer| Goal::AtMost(1.15 * peer))),
    ];
    for (name, unit, figure, goal) in figures {
        let ours = median(here.iter().map(figure).collect());
        let peer = median(there.iter().map(figure).collect());
        let measure = Measure::plain(format!("{shape}, {name}"), unit, ours).beside("echo", peer);
        measures.push(match goal {
            Some(goal) => measure.with_goal(goal(peer)),
            None => measure,
        });
    }
}
