//! The measurements that exist so far. Each suite is an example program or bench beside what it measures.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::python::environment;
use crate::repository;

/// What to measure.
#[derive(Debug, Args)]
pub struct Options {
    /// The suite.
    suite: Suite,
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// What the suite itself takes.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// A suite that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// What features cost, beside other libraries.
    Features,
    /// What scoring and explaining cost, beside the original libraries and others.
    Forest,
    /// What a live kline costs on its way in.
    Live,
    /// What a restart costs.
    Restart,
    /// What a request costs, beside an empty gRPC echo.
    Serve,
    /// What a training run costs and is worth, beside Python.
    Train,
}

/// Scorers that are called from Python. lleaves needs an LLVM of its time.
const FOREST_PEERS: &[&str] = &[
    "lightgbm==4.7.0",
    "xgboost-cpu==3.2.0",
    "lleaves==1.3.0",
    "llvmlite==0.43.*",
    "treelite==4.8.1",
    "tl2cgen==1.0.0",
    "onnxruntime==1.32.*",
    "onnxmltools==1.16.*",
    "skl2onnx==1.20.*",
    "scikit-learn-intelex==2026.*",
    "numpy",
];

/// What a server is glued together from that reckons on request.
const SERVE_PEERS: &[&str] = &[
    "fastapi==0.*",
    "uvicorn==0.*",
    "TA-Lib==0.6.*",
    "mlserver==1.7.*",
    "lightgbm==4.7.0",
    "xgboost-cpu==3.2.0",
    "numpy",
];

/// What models are trained with in Python.
const TRAIN_PEERS: &[&str] = &[
    "lightgbm==4.7.0",
    "xgboost-cpu==3.2.0",
    "TA-Lib==0.6.*",
    "pandas==2.*",
    "pyarrow",
    "scikit-learn==1.*",
    "scipy",
    "numpy",
];

/// Builds a program, optimised, and says where it is.
fn built(program: &str) -> Result<PathBuf> {
    let root = repository::root();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(&root)
        .args(["build", "--quiet", "--release", "--package", program])
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("{program} does not build ({status})");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release").join(program))
}

/// Runs one suite, optimised.
///
/// # Errors
/// When it does not build or fails.
pub fn run(options: &Options) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(repository::root()).args(["run", "--quiet", "--release", "--package"]);
    match options.suite {
        Suite::Features => cargo.args(["benches", "--features", "peers", "--", "features"]),
        Suite::Forest => cargo.args(["benches", "--features", "peers", "--", "forest"]),
        Suite::Live => cargo.args(["benches", "--", "live"]),
        Suite::Restart => cargo.args(["benches", "--", "restart"]),
        Suite::Serve => cargo.args(["benches", "--", "serve"]),
        Suite::Train => cargo.args(["benches", "--", "train"]),
    };
    if options.suite == Suite::Forest {
        let python = environment(&repository::root(), "peers-forest", FOREST_PEERS)?;
        cargo.arg("--python").arg(python);
    }
    if options.suite == Suite::Serve
        && options.arguments.iter().any(|argument| ["--bundle", "--large"].contains(&argument.as_str()))
    {
        let python = environment(&repository::root(), "peers-serve", SERVE_PEERS)?;
        cargo.arg("--python").arg(python);
    }
    if options.suite == Suite::Train {
        let python = environment(&repository::root(), "peers-train", TRAIN_PEERS)?;
        cargo.arg("--python").arg(python).arg("--trainer").arg(built("klinecast-trainer")?);
    }
    if matches!(options.suite, Suite::Live | Suite::Restart | Suite::Serve) {
        cargo.arg("--server").arg(built("klinecast-server")?);
    }
    if let Some(file) = &options.json {
        cargo.arg("--json").arg(file);
    }
    let status = cargo.args(&options.arguments).status().context("cannot start cargo")?;
    if !status.success() {
        bail!("the suite failed ({status}); its message stands above");
    }
    Ok(())
}
