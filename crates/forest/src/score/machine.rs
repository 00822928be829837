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
            let compares_32_bytes = is_x86_feature_detected!("avx2");
            let compares_64_bytes = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            // Measured on Sapphire Rapids alone. Machines with neither mark (AMD's before Zen 4, Intel's desktops before Alder
            // Lake) have AVX2 too, but gathers that may be no faster than plain code.
            let gathers = compares_32_bytes && (compares_64_bytes || is_x86_feature_detected!("avxvnni"));
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

    /// As [`Machine::detect`], but gathers wherever it can, fast or not, and permutes no bytes.
    #[cfg(test)]
    pub(crate) fn gathering() -> Machine {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2");
            Machine { compares_32_bytes: has_avx2, gathers: has_avx2, ..Machine::portable() }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Machine::portable()
    }

    /// AVX2: vectors of 256 bits that gather, and faster than plain code loads.
    pub(crate) const fn gathers(self) -> bool {
        self.gathers
    }

    /// AVX-512 F, VL, DQ, BW and VBMI, BMI1 and POPCNT: 64 bytes looked up at once.
    pub(crate) const fn permutes_bytes(self) -> bool {
        self.permutes_bytes
    }
}
