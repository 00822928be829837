use super::*;

fn width() -> i64 {
    i64::try_from(Catalogue::standard().len()).expect("small")
}

fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, part: &str) {
    let refusal = result.expect_err(part);
    assert!(refusal.message.contains(part), "{refusal} does not say {part}");
}

fn symbol(rows: i64) -> Head {
    Head::check(InferModel::All, "symbol", "BYTES", &[rows]).expect("allowed")
}

fn features(rows: i64) -> Head {
    Head::check(InferModel::All, "features", "FP64", &[rows, width()]).expect("allowed")
}

fn cuts(rows: i64) -> Head {
    Head::check(InferModel::All, "regime_cuts", "FP64", &[rows, 2]).expect("allowed")
}

#[test]
fn a_head_that_is_not_allowed_is_named_before_an_element_is_read() {
    let check =
        |name: &str, datatype: &str, shape: &[i64]| Head::check(InferModel::All, name, datatype, shape);
    refused(check("rows", "FP64", &[1]), "known are symbol, features, regime_cuts");
    refused(check("symbol", "FP64", &[1]), "takes BYTES");
    refused(check("features", "FP32", &[1, width()]), "datatype \"FP32\", it takes FP64");
    refused(check("features", "", &[1, width()]), "it takes FP64");
    for shape in [&[][..], &[1, 1], &[1, 2, 3], &[1; 100]] {
        refused(check("symbol", "BYTES", shape), "it takes [N]");
    }
    for shape in [&[1][..], &[1, -1], &[1, 0], &[1, width() + 1], &[1, width(), 1], &[i64::MAX, i64::MAX]] {
        refused(check("features", "FP64", shape), &format!("it takes [N,{}]", width()));
    }
    for rows in [0, -1, i64::MIN] {
        refused(check("symbol", "BYTES", &[rows]), "with N from 1");
        refused(check("features", "FP64", &[rows, width()]), "with N from 1");
    }
    for rows in [ROWS_MAX as i64 + 1, i64::MAX] {
        let refusal = check("features", "FP64", &[rows, width()]).expect_err("too many");
        assert_eq!(refusal.reason, Reason::RequestTooLarge);
    }
    // Only what reads the cuts takes them.
    let model = InferModel::Task(Task::Return1Step);
    refused(Head::check(model, "regime_cuts", "FP64", &[1, 2]), "known are symbol, features");
    assert!(Head::check(InferModel::Task(Task::VolRegime4Step), "regime_cuts", "FP64", &[1, 2]).is_ok());
}

#[test]
fn a_shape_with_fewer_or_more_elements_is_refused() {
    refused(features(1_024).raw(&[0; 8]), "has 8 bytes of raw contents, its shape takes");
    refused(features(2).numbers(vec![0.0; 3]), "has 3 elements of FP64");
    refused(symbol(2).texts(&["BTCUSDT"]), "has 1 elements of BYTES, its shape takes 2");
    refused(symbol(1).texts(&[[0xffu8]]), "no UTF-8");
    assert_eq!(symbol(3).count(), 3);
    assert_eq!(cuts(3).count(), 6);
}

#[test]
fn symbols_stand_alone_and_rows_go_with_their_cuts() {
    let symbols = |rows: i64| symbol(rows).texts(&vec!["A"; rows as usize]).expect("texts");
    let features = |rows: i64| features(rows).numbers(vec![0.5; (rows * width()) as usize]).expect("numbers");
    let cuts = |list: &[f64]| cuts(list.len() as i64 / 2).numbers(list.to_vec()).expect("numbers");
    assert_eq!(Inputs::of(vec![symbols(2)]).map(|inputs| inputs.rows()), Ok(2));
    assert_eq!(Inputs::of(vec![features(2)]).map(|inputs| inputs.rows()), Ok(2));
    let both = Inputs::of(vec![cuts(&[1.0, 2.0, f64::NAN, f64::NAN]), features(2)]).expect("both");
    let Inputs::Rows { cuts: Some(list), .. } = both else { panic!("no cuts") };
    assert_eq!(list, [Some([1.0, 2.0]), None]);
    refused(Inputs::of(vec![]), "neither input symbol nor input features");
    refused(Inputs::of(vec![cuts(&[1.0, 2.0])]), "neither input symbol nor input features");
    refused(Inputs::of(vec![symbols(1), features(1)]), "stands alone");
    refused(Inputs::of(vec![symbols(1), cuts(&[1.0, 2.0])]), "stands alone");
    refused(Inputs::of(vec![symbols(1), symbols(1)]), "given twice");
    refused(Inputs::of(vec![features(2), cuts(&[1.0, 2.0])]), "regime_cuts has 1 rows, features has 2");
}
