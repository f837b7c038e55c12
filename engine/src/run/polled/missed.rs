//! What comes after one answer to a check: it is over, or asked again. The driver and the rehearsal's walk both ask here.
//!
//! A poll goes on until its condition holds; a soak (`for D`) goes on for all of its time, and is over before only where
//! it has failed to hold more often than it may. A watch goes on until that happens in a row, or its stretch is over.

use crate::event::EvaluationResult;
use crate::run::polled::{Course, Polled};
use crate::run::records::Seen;

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    Over(Seen),
    /// It is asked again after so many milliseconds, more than none; `seen` counts where nothing better comes.
    Again {
        pause_ms: u64,
        seen: Seen,
    },
}

/// How often it has failed to hold so far, and what was seen then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Missed {
    times: u64,
    /// The last of them, without one that held in between.
    in_a_row: u64,
    evidence: String,
}

impl Missed {
    /// What comes after `seen`, when so many milliseconds of its time are left.
    pub(crate) fn next(&mut self, polled: &Polled<'_>, seen: Seen, left_ms: u64) -> Next {
        let holds = seen.result == EvaluationResult::Holds;
        let Some(every_ms) = polled.every_ms.filter(|_| !seen.is_final) else {
            return Next::Over(seen);
        };
        let again = |seen| Next::Again {
            pause_ms: every_ms.max(1),
            seen,
        };
        if holds {
            self.in_a_row = 0;
        } else {
            self.times += 1;
            self.in_a_row += 1;
            self.evidence.clone_from(&seen.evidence);
        }
        match polled.course {
            Course::Holds if holds || every_ms >= left_ms => Next::Over(seen),
            Course::Recovers if holds => Next::Over(Seen {
                evidence: format!("it holds again; {}", seen.evidence),
                ..seen
            }),
            Course::Watch(allowed) if self.in_a_row > allowed => Next::Over(self.too_often(seen)),
            Course::Holds | Course::Watch(_) | Course::Recovers => again(seen),
            Course::Soak(allowed) if self.times > allowed => Next::Over(self.told(seen)),
            Course::Soak(_) => match every_ms.min(left_ms) {
                0 => Next::Over(Seen {
                    result: EvaluationResult::Holds,
                    ..self.told(seen)
                }),
                pause_ms => Next::Again { pause_ms, seen },
            },
        }
    }

    /// What is said where nothing more is asked: its time or its stretch is over. `last` was seen by the last of so many
    /// questions.
    pub(crate) fn left(&self, polled: &Polled<'_>, (polls, last): (u32, Option<Seen>)) -> Seen {
        match (polled.course, last) {
            (Course::Watch(_), Some(last)) => Seen {
                result: EvaluationResult::Holds,
                ..self.told(last)
            },
            (Course::Recovers, Some(last)) => Seen {
                evidence: format!("it did not hold again; {}", last.evidence),
                ..last
            },
            (Course::Watch(_) | Course::Recovers, None) => {
                let evidence = "what it watches was over before it was answered".to_owned();
                polled.seen(EvaluationResult::Unanswered, evidence, polls)
            }
            (_, last) => last.unwrap_or_else(|| polled.late(polls + 1)),
        }
    }

    /// Whether nothing more would be said for as long as each answer is as the last one.
    pub(crate) fn is_settled(&self, polled: &Polled<'_>) -> bool {
        match polled.course {
            Course::Watch(_) => self.in_a_row == 0,
            Course::Recovers => true,
            Course::Holds | Course::Soak(_) => false,
        }
    }

    /// What was seen in all.
    fn told(&self, seen: Seen) -> Seen {
        let evidence = match (self.times, seen.polls) {
            (0, _) => format!("it held each time; {}", seen.evidence),
            (1, 1) => format!("it did not hold: {}", self.evidence),
            (missed, polls) => format!("it did not hold {missed} of {polls} times: {}", self.evidence),
        };
        Seen { evidence, ..seen }
    }

    /// What was seen where it failed to hold too often in a row.
    fn too_often(&self, seen: Seen) -> Seen {
        let in_a_row = match self.in_a_row {
            1 => String::new(),
            count => format!("{count} times in a row; "),
        };
        Seen {
            evidence: format!("{in_a_row}{}", seen.evidence),
            ..seen
        }
    }
}

#[cfg(test)]
mod tests {
    use backstay_dsl::model::{Check, Expr, ExprKind, Literal};
    use backstay_dsl::source::Span;
    use backstay_dsl::types::Type;

    use super::*;
    use crate::event::EvaluationKind;

    fn soak(allowed: u64) -> Check {
        Check {
            label: "it stays well".to_owned(),
            condition: Expr {
                kind: ExprKind::Literal(Literal::Bool(true)),
                ty: Type::Bool,
                span: Span::default(),
            },
            within_ms: 10_000,
            every_ms: Some(4_000),
            misses: Some(allowed),
            unless: None,
            service: None,
        }
    }

    /// The moments at which a soak is asked, and how it ends.
    fn course(allowed: u64, answers: &[EvaluationResult]) -> (Vec<u64>, Option<EvaluationResult>) {
        let check = soak(allowed);
        let (mut missed, mut now_ms, mut asked) = (Missed::default(), 0, Vec::new());
        for (answer, polls) in answers.iter().zip(1..) {
            asked.push(now_ms);
            let seen = Seen::line(EvaluationKind::Check, &check.label, *answer, "seen".to_owned());
            match missed.next(&Polled::check(&check), Seen { polls, ..seen }, check.within_ms - now_ms) {
                Next::Over(seen) => return (asked, Some(seen.result)),
                Next::Again { pause_ms, .. } => now_ms += pause_ms,
            }
        }
        (asked, None)
    }

    #[test]
    fn a_soak_is_asked_to_the_end_of_its_time_and_forgives_so_many_misses() {
        use EvaluationResult::{DoesNotHold, Holds, Unanswered};
        let whole = vec![0, 4_000, 8_000, 10_000];
        assert_eq!(course(0, &[Holds; 5]), (whole.clone(), Some(Holds)));
        assert_eq!(
            course(0, &[Holds, Unanswered, Holds]),
            (vec![0, 4_000], Some(Unanswered))
        );
        assert_eq!(
            course(2, &[DoesNotHold, Holds, Unanswered, Holds]),
            (whole.clone(), Some(Holds))
        );
        assert_eq!(
            course(2, &[DoesNotHold, Holds, DoesNotHold, DoesNotHold]),
            (whole.clone(), Some(DoesNotHold))
        );
        // A miss that is forgiven at the very end is forgiven.
        assert_eq!(course(1, &[Holds, Holds, Holds, DoesNotHold]), (whole, Some(Holds)));
    }
}
