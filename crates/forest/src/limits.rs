/// Bounds on what a model file may ask for, so that a hostile file can't exhaust memory or time.
///
/// The defaults allow any model that a person would train and serve from one machine. Reading takes at most
/// 32 bytes of memory for each byte of the file and for each feature and output that the limits allow, beside what
/// up to `trees_max` or `features_max` texts or objects of one list take while it grows (128 bytes each). The densest
/// files known take 24 bytes a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest file, in bytes. Default 64 MiB.
    pub bytes_max: usize,
    /// The largest number of trees. Default 100,000.
    pub trees_max: usize,
    /// The largest number of nodes (splits and leaves) over all trees. Default 50,000,000.
    pub nodes_max: usize,
    /// The longest path from a root to a leaf, in splits. Default 4,096.
    pub depth_max: usize,
    /// The largest number of features. Default 100,000.
    pub features_max: usize,
    /// The largest number of outputs (classes). Default 1,024.
    pub outputs_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes_max: 64 << 20,
            trees_max: 100_000,
            nodes_max: 50_000_000,
            depth_max: 4_096,
            features_max: 100_000,
            outputs_max: 1_024,
        }
    }
}
