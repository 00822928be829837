use libm::fma;

use super::table::EXP_32;

const INVERSE_LN2_32: f64 = f64::from_bits(0x4047_1547_652b_82fe);
const SHIFT: f64 = f64::from_bits(0x4338_0000_0000_0000);
const C0: f64 = f64::from_bits(0x3ebc_6af8_4b91_2394);
const C1: f64 = f64::from_bits(0x3f2e_bfce_50fa_c4f3);
const C2: f64 = f64::from_bits(0x3f96_2e42_ff0c_52d6);
/// ln(2^128): above it the result overflows.
const OVERFLOW: f32 = f32::from_bits(0x42b1_7217);
/// ln(2^-150): below it the result is 0.
const UNDERFLOW: f32 = f32::from_bits(0xc2cf_f1b4);

/// Computes e^x in single precision, with the bits of glibc's `expf` (source: Arm optimized-routines,
/// `math/expf.c`, in the fused form).
///
/// The error is below 0.502 units in the last place. NaN gives NaN, an overflow gives infinity.
pub fn expf(x: f32) -> f32 {
    expf_by(x, fma)
}

/// [`expf`] by a fused multiply-add of the caller's, which must round once: one that the processor has is no call.
#[inline(always)]
pub fn expf_by(x: f32, fma: impl Fn(f64, f64, f64) -> f64) -> f32 {
    if x.is_nan() {
        return x;
    }
    if x > OVERFLOW {
        return f32::INFINITY;
    }
    if x < UNDERFLOW {
        return 0.0;
    }
    // x * 32/ln2 = k + r, with a whole k and r in [-1/2, 1/2].
    let x = f64::from(x);
    let shifted = fma(INVERSE_LN2_32, x, SHIFT);
    let k = shifted.to_bits();
    let r = fma(INVERSE_LN2_32, x, -(shifted - SHIFT));
    // e^x = 2^(k/32) * 2^(r/32) = scale * (c0*r^3 + c1*r^2 + c2*r + 1).
    let scale = f64::from_bits(EXP_32[(k % 32) as usize].wrapping_add(k << 47));
    let y = fma(fma(C0, r, C1), r * r, fma(r, C2, 1.0));
    (y * scale) as f32
}
