//! What a PromQL query asks for. It takes the query to be valid; promtool says whether it is.

/// What a query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// Each series with the labels it is chosen by.
    pub(super) selectors: Vec<Selector>,
    /// The labels after `by`, `on` and their like.
    pub(super) grouping: Vec<String>,
}

/// One choice of series.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) name: String,
    pub(super) labels: Vec<String>,
}

const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const WORDS: [&str; 7] = ["and", "or", "unless", "bool", "offset", "inf", "nan"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Mark(char),
}

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Query, String> {
    let tokens = tokens(text);
    let mut query = Query::default();
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            Token::Mark('{') => return Err("series are chosen without a name".to_owned()),
            Token::Mark(_) => {}
            Token::Name(word) if GROUPING.contains(&word.as_str()) => {
                query.grouping.extend(names_until(&mut rest, '(', ')'));
            }
            Token::Name(word) if WORDS.contains(&word.as_str()) => {}
            // A function.
            Token::Name(_) if rest.first() == Some(&Token::Mark('(')) => {}
            // An operator such as `sum by (x) (...)`.
            Token::Name(_) if matches!(rest.first(), Some(Token::Name(next)) if ["by", "without"].contains(&next.as_str())) =>
                {}
            Token::Name(name) => {
                let labels = names_until(&mut rest, '{', '}');
                query.selectors.push(Selector { name: name.clone(), labels });
            }
        }
    }
    Ok(query)
}

/// The names between two marks, if the first one comes now.
fn names_until(rest: &mut &[Token], open: char, close: char) -> Vec<String> {
    if rest.first() != Some(&Token::Mark(open)) {
        return Vec::new();
    }
    let end = rest.iter().position(|token| *token == Token::Mark(close)).unwrap_or(rest.len());
    let (inside, after) = rest.split_at(end);
    *rest = after;
    let names = inside.iter().filter_map(|token| match token {
        Token::Name(name) => Some(name.clone()),
        Token::Mark(_) => None,
    });
    names.collect()
}

/// Names and marks; numbers, durations, texts and ranges in brackets say nothing about series.
fn tokens(text: &str) -> Vec<Token> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => 2 + rest.get(1..).and_then(|inside| inside.find(first)).unwrap_or(rest.len()),
            '[' => rest.find(']').unwrap_or(rest.len()),
            c if c.is_ascii_digit() => rest.find(|c: char| !is_name(c) && c != '.').unwrap_or(rest.len()),
            c if is_name(c) => {
                let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                tokens.push(Token::Name(rest[..length].to_owned()));
                length
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Mark(c));
                }
                c.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    tokens
}

#[test]
fn a_query_is_taken_apart() {
    let text = "sum by (le, task) (rate(a_bucket{job=~\"x{y}\",le!=\"5\"}[$__rate_interval] offset 1h)) > 1.5e9\n\
                unless on (job) time() - b:c offset 5m == 0 or absent(d)";
    let selector = |name: &str, labels: &[&str]| Selector {
        name: name.to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    let expected = Query {
        selectors: vec![selector("a_bucket", &["job", "le"]), selector("b:c", &[]), selector("d", &[])],
        grouping: ["le", "task", "job"].map(str::to_owned).to_vec(),
    };
    assert_eq!(parse(text), Ok(expected));
    assert!(parse("sum({job=\"x\"})").is_err());
}
