//! Scenarios of the Forecaster.
