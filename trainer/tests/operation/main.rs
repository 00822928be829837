//! The program in operation: killed, out of disk, in parts, twice at once; run by Airflow, restored by DVC.

mod airflow;
mod catalogue;
mod dvc;
mod faults;
mod gateway;
mod going;
mod leaks;
mod lineage;
mod places;
mod program;
mod resume;
mod retention;
mod schedule;
mod sessions;
#[path = "../pipeline/support.rs"]
mod support;
