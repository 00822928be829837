//! The house rules hold for the whole repository.

#[test]
fn the_repository_is_tidy() {
    let findings = xtask::tidy::check().expect("the repository can be read");
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} house rules are broken:\n{}", list.len(), list.join("\n"));
}
