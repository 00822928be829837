//! The pinned functions against glibc's answers.

use std::fs;

use forest::elementary::{exp, expf, logf};

use crate::golden;

#[test]
fn pinned_functions_answer_the_bits_of_glibc() {
    let text = fs::read_to_string(golden::folder().join("functions.golden")).unwrap();
    assert!(text.lines().count() > 250);
    for line in text.lines() {
        let numbers = golden::numbers(line);
        let [x, exp_x, s, expf_s, logf_s] = numbers.try_into().unwrap();
        let single = s as f32;
        assert!(golden::is_same(&[exp(x)], &[exp_x]), "exp({x:e}) = {:e}, glibc {exp_x:e}", exp(x));
        let ours = f64::from(expf(single));
        assert!(golden::is_same(&[ours], &[expf_s]), "expf({s:e}) = {ours:e}, glibc {expf_s:e}");
        let ours = f64::from(logf(single));
        assert!(golden::is_same(&[ours], &[logf_s]), "logf({s:e}) = {ours:e}, glibc {logf_s:e}");
    }
}
