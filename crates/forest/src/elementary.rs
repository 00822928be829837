//! `exp`, `expf` and `logf` with the bits that glibc 2.28 and later answers on any machine with a fused
//! multiply-add (x86-64 since 2013, every 64-bit Arm): the originals' link functions call those.
//!
//! Each function follows Arm's optimized-routines, with the multiplications and additions fused where the
//! compiler of glibc fused them (read from the instructions of `__exp_fma`, `__expf_fma`, `__logf_fma`).
//! `libm::fma` rounds once by definition, in hardware or in software, so the answers are the same on every
//! machine and never depend on the system's mathematics library.

mod exp;
mod expf;
mod logf;
mod table;

pub use exp::exp;
pub use expf::{expf, expf_by};
pub use logf::{logf, logf_by};
