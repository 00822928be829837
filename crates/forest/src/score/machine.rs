//! What the machine at hand can do, found out once.

/// The instructions that a form may use. Anything beyond portable ones comes from [`Machine::detect`] alone, so that a
/// value of this type is the proof that they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    gathers: bool,
    permutes_bytes: bool,
}

impl Machine {
    /// Uses no instruction of a machine's own.
    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(crate) const fn portable() -> Machine {
        Machine { gathers: false, permutes_bytes: false }
    }

    /// Looks at this machine.
    pub(crate) fn detect() -> Machine {
        #[cfg(not(target_arch = "x86_64"))]
        return Machine::portable();
        #[cfg(target_arch = "x86_64")]
        {
            // AVX-VNNI marks the machines whose gathers are fast: Intel's since Alder Lake and Sapphire Rapids, AMD's since
            // Zen 5. Older ones of Intel's were slowed by microcode (Downfall), older ones of AMD's make some 40 steps of one.
            let gathers = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni");
            let permutes_bytes = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("popcnt");
            Machine { gathers, permutes_bytes }
        }
    }

    /// As [`Machine::detect`], but gathers wherever it can, fast or not, and permutes no bytes.
    #[cfg(test)]
    pub(crate) fn gathering() -> Machine {
        #[cfg(target_arch = "x86_64")]
        return Machine { gathers: is_x86_feature_detected!("avx2"), permutes_bytes: false };
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
