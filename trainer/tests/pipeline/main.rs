//! The whole pipeline on a small synthetic market, through the library and through the binary.

mod archive;
mod audit;
mod bad_input;
mod elsewhere;
mod exchange;
mod expectations;
mod export;
mod fitting;
mod kline_files;
mod odd_markets;
mod parity;
mod promotion;
mod recipe;
mod refit;
mod run;
mod support;
