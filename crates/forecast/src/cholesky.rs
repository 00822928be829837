//! Symmetric positive systems.

/// The solution of `(A + diag(ridge)) x = b` by Cholesky's factorisation; of `A` only the lower triangle is read. A
/// column that depends on the ones before it gets zero.
pub(crate) fn solve<const N: usize>(a: &[[f64; N]; N], b: &[f64; N], ridge: &[f64; N]) -> [f64; N] {
    let mut lower = Box::new(*a);
    let mut solution = *b;
    let mut used = [true; N];
    for row in 0..N {
        for column in 0..row {
            let mut sum = lower[row][column];
            for k in 0..column {
                sum -= lower[row][k] * lower[column][k];
            }
            lower[row][column] = if used[column] { sum / lower[column][column] } else { 0.0 };
        }
        let whole = lower[row][row] + ridge[row];
        let mut rest = whole;
        for k in 0..row {
            rest -= lower[row][k] * lower[row][k];
        }
        used[row] = rest > whole * 1e-12;
        lower[row][row] = if used[row] { rest.sqrt() } else { 1.0 };
    }
    for row in 0..N {
        for k in 0..row {
            solution[row] -= lower[row][k] * solution[k];
        }
        solution[row] = if used[row] { solution[row] / lower[row][row] } else { 0.0 };
    }
    for row in (0..N).rev() {
        for k in row + 1..N {
            solution[row] -= lower[k][row] * solution[k];
        }
        solution[row] = if used[row] { solution[row] / lower[row][row] } else { 0.0 };
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_solution_fulfils_the_system(
            factor in prop::array::uniform4(prop::array::uniform4(-2.0f64..2.0)),
            b in prop::array::uniform4(-5.0f64..5.0),
            ridge in prop::array::uniform4(0.5f64..2.0),
        ) {
            let mut a = [[0.0; 4]; 4];
            for (row, a) in a.iter_mut().enumerate() {
                for (column, a) in a.iter_mut().enumerate() {
                    *a = (0..4).map(|k| factor[row][k] * factor[column][k]).sum();
                }
            }
            let found = solve(&a, &b, &ridge);
            for row in 0..4 {
                let left: f64 = (0..4).map(|column| a[row][column] * found[column]).sum();
                prop_assert!((left + ridge[row] * found[row] - b[row]).abs() < 1e-9);
            }
        }
    }
}
