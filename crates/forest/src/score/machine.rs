//! What the machine at hand can do, found out once.

/// The instructions that a form may use. Anything beyond portable ones comes from [`Machine::detect`] alone, so that a
/// value of this type is the proof that they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    compares_32_bytes: bool,
    compares_64_bytes: bool,
    gathers: bool,
    permutes_bytes: bool,
}

impl Machine {
    /// Uses no instruction of a machine's own.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(crate) const fn portable() -> Machine {
        Machine { compares_32_bytes: false, compares_64_bytes: false, gathers: false, permutes_bytes: false }
    }

    /// Looks at this machine.
    pub(crate) fn detect() -> Machine {
        #[cfg(not(target_arch = "x86_64"))]
        return Machine::portable();
        #[cfg(target_arch = "x86_64")]
        {
            let gathers = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq");
            let compares_32_bytes = is_x86_feature_detected!("avx2");
            let compares_64_bytes = gathers && is_x86_feature_detected!("avx512bw");
            let permutes_bytes = compares_64_bytes
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt");
            Machine { compares_32_bytes, compares_64_bytes, gathers, permutes_bytes }
        }
    }

    /// AVX2: vectors of 32 bytes.
    pub(crate) const fn compares_32_bytes(self) -> bool {
        self.compares_32_bytes
    }

    /// AVX-512 F, VL, DQ and BW: vectors of 64 bytes.
    pub(crate) const fn compares_64_bytes(self) -> bool {
        self.compares_64_bytes
    }

    /// AVX-512 F, VL and DQ: vectors of 512 bits that gather.
    pub(crate) const fn gathers(self) -> bool {
        self.gathers
    }

    /// The same with BW, VBMI, BMI1 and POPCNT: 64 bytes looked up at once.
    pub(crate) const fn permutes_bytes(self) -> bool {
        self.permutes_bytes
    }
}
