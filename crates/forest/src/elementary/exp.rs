use libm::fma;

use super::table::EXP_128;

const INVERSE_LN2_128: f64 = f64::from_bits(0x4067_1547_652b_82fe);
const NEGATIVE_LN2_HIGH: f64 = f64::from_bits(0xbf76_2e42_fefa_0000);
const NEGATIVE_LN2_LOW: f64 = f64::from_bits(0xbd0c_f79a_bc9e_3b3a);
const SHIFT: f64 = f64::from_bits(0x4338_0000_0000_0000);
const C2: f64 = f64::from_bits(0x3fdf_ffff_ffff_fdbd);
const C3: f64 = f64::from_bits(0x3fc5_5555_5555_543c);
const C4: f64 = f64::from_bits(0x3fa5_5555_cf17_2b91);
const C5: f64 = f64::from_bits(0x3f81_1111_67a4_d017);
/// 2^1009, by which a large result is scaled.
const SCALE_UP: f64 = f64::from_bits((1009 + 1023) << 52);

/// Computes e^x in double precision, with the bits of glibc's `exp` (source: Arm optimized-routines,
/// `math/exp.c`, in the fused form).
///
/// The error is below 0.511 units in the last place. NaN gives NaN, an overflow gives infinity.
pub fn exp(x: f64) -> f64 {
    let exponent = ((x.to_bits() >> 52) & 0x7ff) as u32;
    let mut is_large = false;
    if exponent.wrapping_sub(0x3c9) > 0x3e {
        if exponent < 0x3c9 {
            return 1.0 + x; // |x| < 2^-54
        }
        if exponent >= 0x409 {
            return beyond(x); // |x| >= 1024, infinite or NaN
        }
        is_large = true; // |x| >= 512
    }
    // x = ln2/128 * k + r, with a whole k.
    let shifted = fma(x, INVERSE_LN2_128, SHIFT);
    let k = shifted.to_bits();
    let whole = shifted - SHIFT;
    let r = fma(whole, NEGATIVE_LN2_LOW, fma(whole, NEGATIVE_LN2_HIGH, x));
    // e^x = 2^(k/128) * e^r = scale + scale * (tail + e^r - 1).
    let (tail, bits) = EXP_128[(k % 128) as usize];
    let scale = bits.wrapping_add(k << 45);
    let r2 = r * r;
    let low = fma(fma(r, C3, C2), r2, r + f64::from_bits(tail));
    let fraction = fma(r2 * r2, fma(r, C5, C4), low);
    if is_large {
        return scaled(fraction, scale, k);
    }
    let scale = f64::from_bits(scale);
    fma(scale, fraction, scale)
}

/// The answers outside of the range in which the result is a normal number.
fn beyond(x: f64) -> f64 {
    if x.is_nan() {
        x
    } else if x > 0.0 {
        f64::INFINITY
    } else {
        0.0
    }
}

/// `scale * (1 + fraction)` where the exponent of `scale` may have left its range.
fn scaled(fraction: f64, scale: u64, k: u64) -> f64 {
    if k & 0x8000_0000 == 0 {
        let scale = f64::from_bits(scale.wrapping_sub(1009 << 52));
        return SCALE_UP * fma(scale, fraction, scale);
    }
    let scale = f64::from_bits(scale.wrapping_add(1022 << 52));
    let product = fraction * scale;
    let mut y = scale + product;
    if y < 1.0 {
        // Rounds to the precision of the subnormal result first, so that it is not rounded twice.
        let high = 1.0 + y;
        let low = (1.0 - high + y) + (scale - y + product);
        y = (low + high) - 1.0;
        if y == 0.0 {
            y = 0.0; // never -0
        }
    }
    f64::MIN_POSITIVE * y
}
