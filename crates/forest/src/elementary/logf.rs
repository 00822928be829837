use libm::fma;

const LN2: f64 = f64::from_bits(0x3fe6_2e42_fefa_39ef);
const A0: f64 = f64::from_bits(0xbfd0_0ea3_48b8_8334);
const A1: f64 = f64::from_bits(0x3fd5_575b_0be0_0b6a);
const A2: f64 = f64::from_bits(0xbfdf_fffe_f20a_4123);
const OFFSET: u32 = 0x3f33_0000;

/// For the centre c of each of 16 intervals: the bits of 1/c and of ln c (source: Arm optimized-routines,
/// `math/logf_data.c`).
const CENTRES: [(u64, u64); 16] = [
    (0x3ff6_61ec_79f8_f3be, 0xbfd5_7bf7_808c_aade),
    (0x3ff5_71ed_4aaf_883d, 0xbfd2_bef0_a7c0_6ddb),
    (0x3ff4_9539_f0f0_10b0, 0xbfd0_1eae_7f51_3a67),
    (0x3ff3_c995_b0b8_0385, 0xbfcb_31d8_a682_24e9),
    (0x3ff3_0d19_0c88_64a5, 0xbfc6_574f_0ac0_7758),
    (0x3ff2_5e22_7b0b_8ea0, 0xbfc1_aa2b_c79c_8100),
    (0x3ff1_bb4a_4a1a_343f, 0xbfba_4e76_ce8c_0e5e),
    (0x3ff1_2358_f08a_e5ba, 0xbfb1_973c_5a61_1ccc),
    (0x3ff0_953f_4199_00a7, 0xbfa2_52f4_38e1_0c1e),
    (0x3ff0_0000_0000_0000, 0x0000_0000_0000_0000),
    (0x3fee_608c_fd9a_47ac, 0x3faa_a5aa_5df2_5984),
    (0x3fec_a4b3_1f02_6aa0, 0x3fbc_5e53_aa36_2eb4),
    (0x3feb_2036_576a_fce6, 0x3fc5_26e5_7720_db08),
    (0x3fe9_c2d1_63a1_aa2d, 0x3fcb_c286_0d22_4770),
    (0x3fe8_86e6_0378_41ed, 0x3fd1_058b_c8a0_7ee1),
    (0x3fe7_67dc_f553_4862, 0x3fd4_0430_57b6_ee09),
];

/// Computes the natural logarithm in single precision, with the bits of glibc's `logf` (source: Arm
/// optimized-routines, `math/logf.c`, in the fused form).
///
/// The error is below 0.818 units in the last place. Zero gives minus infinity, a negative number NaN.
pub fn logf(x: f32) -> f32 {
    logf_by(x, fma)
}

/// [`logf`] by a fused multiply-add of the caller's, which must round once: one that the processor has is no call.
#[inline(always)]
pub fn logf_by(x: f32, fma: impl Fn(f64, f64, f64) -> f64) -> f32 {
    if x.is_nan() || x < 0.0 {
        return f32::NAN;
    }
    if x == 0.0 {
        return f32::NEG_INFINITY;
    }
    if x == 1.0 || x == f32::INFINITY {
        return if x == 1.0 { 0.0 } else { x };
    }
    let mut bits = x.to_bits();
    if x < f32::MIN_POSITIVE {
        bits = (x * 8_388_608.0).to_bits().wrapping_sub(23 << 23);
    }
    // x = 2^k z, with z near the centre c of one of 16 intervals.
    let distance = bits.wrapping_sub(OFFSET);
    let k = f64::from((distance as i32) >> 23);
    let (inverse, logarithm) = CENTRES[((distance >> 19) % 16) as usize];
    let z = f64::from(f32::from_bits(bits.wrapping_sub(distance & 0xff80_0000)));
    // ln x = ln(1 + r) + ln c + k ln 2, with r = z/c - 1.
    let r = fma(z, f64::from_bits(inverse), -1.0);
    let base = fma(k, LN2, f64::from_bits(logarithm));
    let r2 = r * r;
    let y = fma(A0, r2, fma(A1, r, A2));
    fma(y, r2, base + r) as f32
}
