//! `symptom-unreachable`, `symptom-overlap`: a row of a symptom table whose question can hold only where that of a row
//! above holds too. The rows are tried from the top, so it would never be chosen; unless the row above has a `first`:
//! where that has healed and sees nothing newer, the rows below it are asked.
//!
//! Seen through: `and`, `or`, equal questions, and comparisons of one question with two fixed numbers. Everything else
//! is taken for apart.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{BinaryOperator, Expr, ExprKind, Literal, Runbook, SymptomRow};
use crate::print;
use crate::prove::Case;
use crate::walk;

/// Questions of more parts are not looked into.
const PARTS_MAX: usize = 32;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let mut texts = Texts {
        runbook: case.runbook,
        known: HashMap::new(),
    };
    for table in &case.runbook.tables {
        let mut above: Vec<(&SymptomRow, Question)> = Vec::new();
        for row in &table.rows {
            let seen = row.seen.as_ref().filter(|seen| is_understood(case, seen));
            let Some(question) = seen.and_then(|seen| texts.question(seen)) else {
                continue;
            };
            let implied = above.iter().filter(|(_, earlier)| implies(&question, earlier));
            // One that heals nothing hides it for good.
            if let Some((first, _)) = implied.min_by_key(|(earlier, _)| earlier.first.is_some()) {
                diagnostics.push(finding(first, row));
            }
            above.push((row, question));
        }
    }
}

/// Whether nothing in a question stands in the model for what was written with a mistake.
fn is_understood(case: &Case<'_>, seen: &Expr) -> bool {
    let stands_in = |part: &&Expr| matches!(part.kind, ExprKind::Literal(Literal::Bool(false)));
    case.earlier.are_none() || !case.earlier.lie_in(seen.span) && !walk::deep(seen).iter().any(stands_in)
}

fn finding(first: &SymptomRow, row: &SymptomRow) -> Diagnostic {
    let why = format!("whenever it holds, “{}” above holds too", first.title);
    let found = if first.first.is_some() {
        let message = format!("“{}” is asked only once the row above has healed: {why}", row.title);
        Diagnostic::warning("symptom-overlap", row.span, message)
    } else {
        let message = format!("“{}” is never reached: {why}", row.title);
        Diagnostic::error("symptom-unreachable", row.span, message)
    };
    found
        .cause(first.span, "this row is tried first")
        .help("put the row that says more above the one that says less, or ask something else")
}

/// What has to hold: all parts of one of these.
type Question = Vec<Vec<Part>>;

/// One part of a question: what is asked, by number, and where it is compared with a fixed number, how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    asked: usize,
    bound: Option<Bound>,
}

/// `at least` and `at most`, the number among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtLeast(i128),
    AtMost(i128),
}

struct Texts<'a> {
    runbook: &'a Runbook,
    known: HashMap<String, usize>,
}

impl Texts<'_> {
    fn question(&mut self, seen: &Expr) -> Option<Question> {
        let mut parts = 0;
        let mut found = Vec::new();
        for one in flat(seen, BinaryOperator::Or) {
            let all = flat(one, BinaryOperator::And);
            parts += all.len();
            if parts > PARTS_MAX {
                return None;
            }
            found.push(all.into_iter().map(|part| self.part(part)).collect());
        }
        Some(found)
    }

    fn part(&mut self, part: &Expr) -> Part {
        if let ExprKind::Binary(operator, left, right) = &part.kind
            && let Some(number) = number(right)
        {
            let bound = match operator {
                BinaryOperator::GreaterEqual => Some(Bound::AtLeast(number)),
                BinaryOperator::Greater => Some(Bound::AtLeast(number + 1)),
                BinaryOperator::LessEqual => Some(Bound::AtMost(number)),
                BinaryOperator::Less => Some(Bound::AtMost(number - 1)),
                _ => None,
            };
            if bound.is_some() {
                let asked = self.number(left);
                return Part { asked, bound };
            }
        }
        let asked = self.number(part);
        Part { asked, bound: None }
    }

    fn number(&mut self, asked: &Expr) -> usize {
        let next = self.known.len();
        let text = print::checked(self.runbook, asked, &|_| None);
        *self.known.entry(text).or_insert(next)
    }
}

/// The operands of a row of one operator.
fn flat(expr: &Expr, operator: BinaryOperator) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open = vec![expr];
    while let Some(next) = open.pop() {
        match &next.kind {
            ExprKind::Binary(known, left, right) if *known == operator => open.extend([&**right, &**left]),
            _ => found.push(next),
        }
    }
    found
}

fn number(expr: &Expr) -> Option<i128> {
    match &expr.kind {
        ExprKind::Literal(Literal::Int(value)) => Some(i128::from(*value)),
        ExprKind::Literal(Literal::Duration(value) | Literal::Size(value)) => Some(i128::from(*value)),
        _ => None,
    }
}

/// Whether one question holds only where another one does.
fn implies(one: &Question, other: &Question) -> bool {
    let is_met = |all: &[Part], part: &Part| all.iter().any(|known| part_implies(known, part));
    one.iter()
        .all(|all| other.iter().any(|wanted| wanted.iter().all(|part| is_met(all, part))))
}

fn part_implies(one: &Part, other: &Part) -> bool {
    one.asked == other.asked
        && match (one.bound, other.bound) {
            (None, None) => true,
            (Some(Bound::AtLeast(one)), Some(Bound::AtLeast(other))) => one >= other,
            (Some(Bound::AtMost(one)), Some(Bound::AtMost(other))) => one <= other,
            _ => false,
        }
}
