//! Whatever order klines arrive in: the last revisions are those of a clean run over the final klines.
