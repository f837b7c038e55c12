//! What the operators do to values. Every conflict of types that the compiler cannot see (there is
//! none by design) and every overflow is a reason for having no answer, never a panic.

use std::cmp::Ordering;

use backstay_dsl::model::BinaryOperator;
use backstay_dsl::{literal, version};

use crate::value::{Answer, Unanswered, Value};

/// Longest compiled pattern of `matches`, in bytes.
const PATTERN_BYTES_MAX: usize = 16 << 20;

/// The answer of `left operator right`, both being known. `and` and `or` are not here: they need
/// three results.
pub(super) fn apply(operator: BinaryOperator, left: &Value, right: &Value) -> Answer {
    match operator {
        BinaryOperator::Equal => equal(left, right).map(Value::Bool),
        BinaryOperator::NotEqual => equal(left, right).map(|equal| Value::Bool(!equal)),
        BinaryOperator::Less => order(left, right).map(|order| Value::Bool(order == Ordering::Less)),
        BinaryOperator::LessEqual => order(left, right).map(|order| Value::Bool(order != Ordering::Greater)),
        BinaryOperator::Greater => order(left, right).map(|order| Value::Bool(order == Ordering::Greater)),
        BinaryOperator::GreaterEqual => order(left, right).map(|order| Value::Bool(order != Ordering::Less)),
        BinaryOperator::Contains => contains(left, right),
        BinaryOperator::Matches => matches(left, right),
        BinaryOperator::Add => add(left, right),
        BinaryOperator::Subtract => subtract(left, right),
        BinaryOperator::Multiply => multiply(left, right),
        BinaryOperator::Divide => divide(left, right),
        BinaryOperator::And | BinaryOperator::Or => Err(mixed(operator, left, right)),
    }
}

fn mixed(operator: BinaryOperator, left: &Value, right: &Value) -> Unanswered {
    Unanswered::new(format!(
        "`{}` does not go with {} and {}",
        operator.word(),
        word(left),
        word(right)
    ))
}

fn overflow(what: &str) -> Unanswered {
    Unanswered::new(format!("{what} is out of range"))
}

/// The word for the type of a value.
fn word(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "text",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Duration(_) => "duration",
        Value::Size(_) => "size",
        Value::Image(_) => "image",
        Value::Package(_) => "package",
        Value::Path(_) => "path",
        Value::Url(_) => "url",
        Value::Digest(_) => "digest",
        Value::Port(_) => "port",
        Value::Host(_) => "host",
        Value::Version(_) => "version",
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Record(_) => "record",
        Value::Absent => "absent",
        Value::Secret(_) => "secret",
        Value::Backup(_) => "backup",
        Value::Service(_) => "service",
        Value::State(_) => "state",
        Value::Resource(_) => "resource",
        Value::Nothing => "nothing",
    }
}

fn equal(left: &Value, right: &Value) -> Result<bool, Unanswered> {
    if matches!(left, Value::Secret(_)) || matches!(right, Value::Secret(_)) {
        return Err(mixed(BinaryOperator::Equal, left, right));
    }
    if word(left) != word(right) && !matches!(left, Value::Absent) && !matches!(right, Value::Absent) {
        return Err(mixed(BinaryOperator::Equal, left, right));
    }
    match (left, right) {
        (Value::Version(_), Value::Version(_)) => order(left, right).map(|order| order == Ordering::Equal),
        _ => Ok(left == right),
    }
}

fn order(left: &Value, right: &Value) -> Result<Ordering, Unanswered> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Ok(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) | (Value::Size(left), Value::Size(right)) => {
            Ok(left.cmp(right))
        }
        (Value::Port(left), Value::Port(right)) => Ok(left.cmp(right)),
        (Value::Version(left), Value::Version(right)) => {
            version::compare(left, right).ok_or_else(|| Unanswered::new("one of the two is no version"))
        }
        _ => Err(mixed(BinaryOperator::Less, left, right)),
    }
}

fn contains(left: &Value, right: &Value) -> Answer {
    match (left, right) {
        (Value::Text(text), Value::Text(part)) => Ok(Value::Bool(text.contains(part.as_str()))),
        (Value::List(values), element) => {
            let found = values.iter().any(|value| value == element);
            Ok(Value::Bool(found))
        }
        (Value::Map(map), Value::Text(key)) => Ok(Value::Bool(map.contains_key(key))),
        _ => Err(mixed(BinaryOperator::Contains, left, right)),
    }
}

fn matches(left: &Value, right: &Value) -> Answer {
    let (text, pattern) = match (left, right) {
        (Value::Text(text), Value::Text(pattern)) => (text, pattern),
        (Value::Version(found), Value::Text(range)) => {
            let lies = version::lies_in(found, range).map(Value::Bool);
            return lies.ok_or_else(|| Unanswered::new("what stands behind `matches` is no range of versions"));
        }
        _ => return Err(mixed(BinaryOperator::Matches, left, right)),
    };
    let pattern =
        compiled(pattern).ok_or_else(|| Unanswered::new("the pattern of `matches` is not a regular expression"))?;
    Ok(Value::Bool(pattern.is_match(text)))
}

fn compiled(pattern: &str) -> Option<regex::Regex> {
    regex::RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .ok()
}

/// Where in a text the words or the pattern are found last, in bytes.
pub(super) fn place_of(operator: BinaryOperator, text: &str, wanted: &str) -> Option<usize> {
    match operator {
        BinaryOperator::Matches => compiled(wanted)?.find_iter(text).last().map(|found| found.start()),
        _ => text.rfind(wanted),
    }
}

fn add(left: &Value, right: &Value) -> Answer {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => Ok(Value::Text(format!("{left}{right}"))),
        (Value::Int(left), Value::Int(right)) => left
            .checked_add(*right)
            .map(Value::Int)
            .ok_or_else(|| overflow("the sum")),
        (Value::Size(left), Value::Size(right)) => left
            .checked_add(*right)
            .map(Value::Size)
            .ok_or_else(|| overflow("the sum")),
        (Value::Duration(left), Value::Duration(right)) => left
            .checked_add(*right)
            .map(Value::Duration)
            .ok_or_else(|| overflow("the sum")),
        _ => Err(mixed(BinaryOperator::Add, left, right)),
    }
}

fn subtract(left: &Value, right: &Value) -> Answer {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left
            .checked_sub(*right)
            .map(Value::Int)
            .ok_or_else(|| overflow("the difference")),
        (Value::Size(left), Value::Size(right)) => left
            .checked_sub(*right)
            .map(Value::Size)
            .ok_or_else(|| overflow("the difference (a size below zero)")),
        (Value::Duration(left), Value::Duration(right)) => left
            .checked_sub(*right)
            .map(Value::Duration)
            .ok_or_else(|| overflow("the difference (a duration below zero)")),
        _ => Err(mixed(BinaryOperator::Subtract, left, right)),
    }
}

fn multiply(left: &Value, right: &Value) -> Answer {
    let times = |amount: u64, factor: i64| u64::try_from(factor).ok().and_then(|factor| amount.checked_mul(factor));
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left
            .checked_mul(*right)
            .map(Value::Int)
            .ok_or_else(|| overflow("the product")),
        (Value::Size(size), Value::Int(factor)) | (Value::Int(factor), Value::Size(size)) => times(*size, *factor)
            .map(Value::Size)
            .ok_or_else(|| overflow("the product")),
        (Value::Duration(ms), Value::Int(factor)) | (Value::Int(factor), Value::Duration(ms)) => times(*ms, *factor)
            .map(Value::Duration)
            .ok_or_else(|| overflow("the product")),
        _ => Err(mixed(BinaryOperator::Multiply, left, right)),
    }
}

fn divide(left: &Value, right: &Value) -> Answer {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left
            .checked_div(*right)
            .map(Value::Int)
            .ok_or_else(|| overflow("the quotient")),
        _ => join(left, right),
    }
}

/// `path / text`, `address / text`: one segment, so that what is inside a directory stays inside it.
fn join(left: &Value, right: &Value) -> Answer {
    let Value::Text(segment) = right else {
        return Err(mixed(BinaryOperator::Divide, left, right));
    };
    if !literal::is_segment(segment) {
        return Err(Unanswered::new(format!(
            "`/` takes one segment of a path, not {segment:?}"
        )));
    }
    match left {
        Value::Path(path) => Ok(Value::Path(format!("{}/{segment}", path.trim_end_matches('/')))),
        Value::Url(url) if url.contains(['?', '#']) => Err(Unanswered::new(format!(
            "nothing can be put behind {url}, which ends with a question or a place in the page"
        ))),
        Value::Url(url) => {
            let base = url.trim_end_matches('/');
            Ok(Value::Url(format!("{base}/{}", literal::in_address(segment))))
        }
        _ => Err(mixed(BinaryOperator::Divide, left, right)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overflow_and_odd_segments_have_no_answer() {
        let unanswered = [
            (BinaryOperator::Add, Value::Int(i64::MAX), Value::Int(1)),
            (BinaryOperator::Subtract, Value::Size(1), Value::Size(2)),
            (BinaryOperator::Multiply, Value::Duration(5), Value::Int(-1)),
            (BinaryOperator::Multiply, Value::Size(1 << 60), Value::Int(1 << 20)),
            (
                BinaryOperator::Divide,
                Value::Path("/a".to_owned()),
                Value::Text("..".to_owned()),
            ),
            (
                BinaryOperator::Divide,
                Value::Path("/a".to_owned()),
                Value::Text("b/c".to_owned()),
            ),
            (BinaryOperator::Equal, Value::Int(1), Value::Text("1".to_owned())),
            (BinaryOperator::Divide, Value::Int(7), Value::Int(0)),
            (
                BinaryOperator::Divide,
                Value::Url("http://h/?a=1".to_owned()),
                Value::Text("b".to_owned()),
            ),
        ];
        for (operator, left, right) in unanswered {
            assert!(
                apply(operator, &left, &right).is_err(),
                "{left:?} {operator:?} {right:?}"
            );
        }
        assert_eq!(
            apply(
                BinaryOperator::Divide,
                &Value::Path("/".to_owned()),
                &Value::Text(".env".to_owned())
            ),
            Ok(Value::Path("/.env".to_owned()))
        );
    }
}
