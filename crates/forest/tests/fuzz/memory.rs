//! Files made to take as much memory as they can for their size.

use allocation_counter::measure;
use forest::Limits;

use crate::seeds::Format;
use crate::survival::memory_allowed;

const SIZE: usize = 4 << 20;

/// Small limits, so that what they allow beside the file's size counts for little.
fn limits() -> Limits {
    Limits { features_max: 1_000, outputs_max: 100, trees_max: 10_000, ..Limits::default() }
}

fn check(name: &str, format: Format, bytes: &[u8]) {
    let taken = measure(|| drop(format.read(bytes, &limits())));
    let per_byte = taken.bytes_max as f64 / bytes.len() as f64;
    println!("{name}: {per_byte:.1} bytes for each of {}", bytes.len());
    assert!(taken.bytes_max <= memory_allowed(bytes.len(), &limits()), "{name}: {per_byte:.1} bytes a byte");
}

fn repeated(before: &str, piece: &str, after: &str) -> Vec<u8> {
    [before, &piece.repeat(SIZE / piece.len()), after].concat().into_bytes()
}

/// An XGBoost document around the members of one tree, in UBJSON.
fn ubjson_of_one_tree(arrays: &[(&str, u8)], count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let text = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(b'L');
        bytes.extend((text.len() as i64).to_be_bytes());
        bytes.extend(text.bytes());
    };
    let open = |bytes: &mut Vec<u8>, key: &str| {
        text(bytes, key);
        bytes.push(b'{');
    };
    let member = |bytes: &mut Vec<u8>, key: &str, value: &str| {
        text(bytes, key);
        bytes.push(b'S');
        text(bytes, value);
    };
    bytes.push(b'{');
    open(&mut bytes, "learner");
    open(&mut bytes, "learner_model_param");
    for (key, value) in [("num_feature", "1"), ("num_class", "0"), ("base_score", "5E-1")] {
        member(&mut bytes, key, value);
    }
    bytes.push(b'}');
    open(&mut bytes, "objective");
    member(&mut bytes, "name", "reg:squarederror");
    bytes.push(b'}');
    open(&mut bytes, "gradient_booster");
    member(&mut bytes, "name", "gbtree");
    open(&mut bytes, "model");
    text(&mut bytes, "tree_info");
    bytes.extend(b"[i\0]");
    text(&mut bytes, "trees");
    bytes.extend(b"[{");
    open(&mut bytes, "tree_param");
    bytes.push(b'}');
    for (key, value) in arrays {
        text(&mut bytes, key);
        bytes.extend(b"[$U#L");
        bytes.extend((count as i64).to_be_bytes());
        bytes.extend(std::iter::repeat_n(*value, count));
    }
    bytes.extend(b"}]}}}}");
    bytes
}

#[test]
fn the_densest_files_take_32_bytes_for_each_of_theirs() {
    for (name, piece) in [
        ("objects", "{}"),
        ("arrays", "[]"),
        ("truths", "T"),
        ("arrays of one", "[T]"),
        ("members", "L\0\0\0\0\0\0\0\0Z"),
    ] {
        let open = if name == "members" { "{" } else { "[" };
        check(name, Format::Ubjson, &repeated(open, piece, ""));
        let mixed = repeated(open, piece, "S");
        check(&format!("{name} and a text"), Format::Ubjson, &mixed);
    }
    let lists = format!("[{}]", "{}".repeat(9_000));
    check("lists of objects", Format::Ubjson, &repeated("[", &lists, ""));
    for (name, piece) in [
        ("numbers", "0,"),
        ("texts", "\"\","),
        ("objects", "{},"),
        ("members", "\"\":0,"),
        ("arrays", "[0],"),
    ] {
        let open = if name == "members" { "{" } else { "[" };
        check(&format!("JSON {name}"), Format::Json, &repeated(open, piece, ""));
    }
    let lists = format!("[{}{{}}],", "{},".repeat(9_000));
    check("JSON lists of objects", Format::Json, &repeated("[", &lists, ""));
    let keys = [
        ("left_children", 255),
        ("right_children", 0),
        ("split_indices", 0),
        ("default_left", 0),
        ("split_conditions", 0),
    ];
    let count = SIZE / 7;
    check("nodes", Format::Ubjson, &ubjson_of_one_tree(&keys, count));
    let more = [
        &keys[..],
        &[("sum_hessian", 1), ("split_type", 1)],
        &[("categories", 0), ("categories_nodes", 0), ("categories_segments", 0), ("categories_sizes", 0)],
    ]
    .concat();
    check("nodes with covers and categories", Format::Ubjson, &ubjson_of_one_tree(&more, count));
}

#[test]
fn the_densest_texts_take_32_bytes_for_each_of_theirs() {
    let head = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx=0\nfeature_names=";
    check("names", Format::LightGbm, &repeated(head, " ", "\n\n"));
    let head = format!("{head}a\n\nTree=0\n");
    for key in ["leaf_value", "cat_boundaries", "x"] {
        check(
            key,
            Format::LightGbm,
            &repeated(&format!("{head}num_leaves=1\nnum_cat=0\n{key}="), "0 ", "\n\n"),
        );
    }
    let split = "num_leaves=2\nsplit_feature=0\nthreshold=0\nleft_child=-1\nright_child=-2\nleaf_value=0 0\ndecision_type=1\nnum_cat=1\n";
    let words = SIZE / 11;
    let one_set = format!("{head}{split}cat_boundaries=0 {words}\ncat_threshold=");
    check("one set", Format::LightGbm, &repeated(&one_set, "4294967295 ", "\n\nend of trees\n"));
    let count = SIZE / 24;
    let mut tree = format!("{head}num_leaves={}\nnum_cat={count}\n", count + 1);
    for (key, leaves) in [
        ("split_feature", 0),
        ("threshold", 0),
        ("decision_type", 0),
        ("left_child", 0),
        ("right_child", 0),
        ("leaf_value", 1),
        ("leaf_count", 1),
        ("internal_count", 0),
        ("cat_boundaries", 1),
    ] {
        tree.push_str(&format!("{key}={}\n", "1 ".repeat(count + leaves)));
    }
    check("nodes", Format::LightGbm, tree.replace("threshold=", "cat_threshold=0\nthreshold=").as_bytes());
}
