//! A checked runbook in words: what a case compares with its `model` and `times` blocks.

use std::fmt::Write;
use std::sync::Arc;

use backstay_dsl::compile::{Compiled, Outcome};
use backstay_dsl::model::{Block, Check, Do, Expr, Runbook, Statement, StatementKind, Undo};
use backstay_dsl::program::Program;
use backstay_dsl::{print, units, walk};

/// The runbook as far as it was understood; `no runbook` of a module.
pub(crate) fn model(compiled: &Compiled) -> String {
    let (Outcome::Whole(runbook) | Outcome::Partial(runbook)) = &compiled.outcome else {
        return "no runbook\n".to_owned();
    };
    let mut outline = Outline {
        runbook,
        text: String::new(),
    };
    if matches!(compiled.outcome, Outcome::Partial(_)) {
        outline.line(0, "partial");
    }
    outline.runbook();
    outline.text
}

/// The sums of time, and what the longest way back is made of.
pub(crate) fn times(compiled: &Compiled) -> String {
    let times = &compiled.times;
    let listed = |all: &[u64]| all.iter().map(|ms| units::duration(*ms)).collect::<Vec<_>>().join(" ");
    let mut text = format!(
        "forward {}, to the last commits {}\nlatest starts {}\nremaining {}\nway back {}\n",
        units::duration(times.forward_ms),
        units::duration(times.forward_to_commit_ms),
        listed(&times.latest_start_ms),
        listed(&times.remaining_ms),
        units::duration(times.longest_way_back_ms)
    );
    for (words, ms) in &times.way_back_parts {
        writeln!(text, "  {} {words}", units::duration(*ms)).unwrap();
    }
    if let Some(slack_ms) = times.slack_ms {
        writeln!(text, "slack {}", units::duration(slack_ms)).unwrap();
    }
    text
}

/// No expression of a runbook without errors is without a type.
pub(crate) fn assert_all_typed(runbook: &Arc<Runbook>) {
    for (_, statement) in Program::new(Arc::clone(runbook)).statements() {
        for part in walk::expressions(statement).into_iter().flat_map(walk::deep) {
            assert!(!format!("{:?}", part.ty).contains("Unknown"), "{part:?}");
        }
    }
}

struct Outline<'a> {
    runbook: &'a Runbook,
    text: String,
}

impl Outline<'_> {
    fn runbook(&mut self) {
        let runbook = self.runbook;
        for hold in &runbook.holds {
            self.line(0, &format!("hold {}", hold.name));
            self.block(&hold.take, 1);
            self.block(&hold.release, 1);
        }
        for step in &runbook.steps {
            let before: Vec<&str> = step.after.iter().map(|at| runbook.steps[*at].name.as_str()).collect();
            let after = if before.is_empty() {
                String::new()
            } else {
                format!(" after {}", before.join(", "))
            };
            let window = if step.before_window { " before window" } else { "" };
            self.line(0, &format!("step {}{after}{window}", step.name));
            self.block(&step.body, 1);
        }
        for rollback in &runbook.rollbacks {
            self.line(0, &format!("rollback {}", rollback.name));
            self.block(&rollback.body, 1);
        }
        for park in &runbook.parks {
            self.line(0, &format!("park {}", park.name));
            self.block(&park.body, 1);
        }
        for table in &runbook.tables {
            let steps: Vec<&str> = table.steps.iter().map(|at| runbook.steps[*at].name.as_str()).collect();
            self.line(0, &format!("symptoms {} for {}", table.name, steps.join(", ")));
            for row in &table.rows {
                let seen = row
                    .seen
                    .as_ref()
                    .map_or_else(|| "else".to_owned(), |seen| self.expr(seen));
                self.line(1, &format!("{} {seen}: {:?}", row.key, row.otherwise));
                row.first.iter().for_each(|first| self.block(first, 2));
            }
        }
        for scenario in &runbook.scenarios {
            let ends = (&scenario.expect_symptom, &scenario.expect_end);
            self.line(0, &format!("scenario {:?}: {ends:?}", scenario.title));
            for inject in &scenario.injects {
                let at = &runbook.steps[inject.step].name;
                let answers = inject
                    .answers
                    .iter()
                    .map(|(field, value)| format!("{field} = {}", self.expr(value)));
                let answers: Vec<String> = answers.collect();
                self.line(
                    1,
                    &format!(
                        "at {at} see {} {} until {:?}",
                        inject.see,
                        answers.join(", "),
                        inject.until
                    ),
                );
            }
        }
        for question in &runbook.questions {
            self.line(0, &format!("question {}: {}", question.name, question.result));
        }
    }

    fn line(&mut self, depth: usize, words: &str) {
        writeln!(self.text, "{}{words}", "  ".repeat(depth)).unwrap();
    }

    fn expr(&self, expr: &Expr) -> String {
        print::checked(self.runbook, expr, &|_| None)
    }

    fn block(&mut self, block: &Block, depth: usize) {
        for statement in &block.statements {
            let group = statement.group.map_or_else(String::new, |group| {
                let undo = &block.groups[group];
                format!(
                    ", with others undone by {} within {}",
                    undo.key,
                    units::duration(undo.within_ms)
                )
            });
            let calls = match statement.calls.len() {
                0 => String::new(),
                deep => format!(", {deep} calls deep"),
            };
            let words = self.words(statement);
            self.line(depth, &format!("{} {words}{group}{calls}", statement.key));
            if let StatementKind::Do(action) = &statement.kind {
                self.about(action, depth + 1);
            }
        }
    }

    fn words(&self, statement: &Statement) -> String {
        match &statement.kind {
            StatementKind::Let { binding, value } => {
                let bound = &self.runbook.bindings[binding.0 as usize];
                format!("let {}: {} = {}", bound.name, bound.ty, self.expr(value))
            }
            StatementKind::Do(action) => self.action(action),
            StatementKind::Check(check) => format!("check {}", self.check(check)),
            StatementKind::Require { condition, .. } => format!("require {}", self.expr(condition)),
            StatementKind::SkipWhen { condition, .. } => format!("skip when {}", self.expr(condition)),
            StatementKind::OnlyWhen { condition, .. } => format!("only when {}", self.expr(condition)),
            StatementKind::Record(values) => {
                let values = values
                    .iter()
                    .map(|(label, value)| format!("{label}: {}", self.expr(value)));
                format!("record {}", values.collect::<Vec<_>>().join(", "))
            }
            StatementKind::Take(hold) => format!("take {hold}"),
            StatementKind::Release(hold) => format!("release {hold}"),
            StatementKind::Ask(ask) => {
                let by_two = if ask.by_two { " by two people" } else { "" };
                format!("ask {}{by_two}", self.expr(&ask.prompt))
            }
            StatementKind::Wait { duration_ms, .. } => format!("wait {}", units::duration(*duration_ms)),
            StatementKind::Commits { .. } => "commits".to_owned(),
            StatementKind::Unwind => "unwind".to_owned(),
        }
    }

    fn check(&self, check: &Check) -> String {
        let every = check
            .every_ms
            .map_or_else(String::new, |ms| format!(" every {}", units::duration(ms)));
        let what = match &check.service {
            Some(service) => format!("{service} is well"),
            None => format!("{:?}: {}", check.label, self.expr(&check.condition)),
        };
        let word = if check.misses.is_some() { "for" } else { "within" };
        let misses = check.misses.filter(|misses| *misses > 0);
        let misses = misses.map_or_else(String::new, |misses| format!(" at most {misses} misses"));
        let unless = check.unless.as_ref();
        let unless = unless.map_or_else(String::new, |unless| format!(" unless {}", self.expr(unless)));
        format!(
            "{what} {word} {}{every}{misses}{unless}",
            units::duration(check.within_ms)
        )
    }

    fn action(&self, action: &Do) -> String {
        let call = print::call(self.runbook, &action.call, &|_| None);
        let title = action
            .title
            .as_ref()
            .map_or_else(String::new, |title| format!("{title:?}: "));
        let retry = action
            .retry
            .map_or_else(String::new, |retry| format!(", up to {} times more", retry.times));
        let bound = action.binding.map_or_else(String::new, |id| {
            format!(" as {}", self.runbook.bindings[id.0 as usize].name)
        });
        format!(
            "do {title}{call} within {}{bound}{retry}",
            units::duration(action.within_ms)
        )
    }

    fn about(&mut self, action: &Do, depth: usize) {
        for effect in &action.call.effects.list {
            let effect = effect.map(&mut |key| self.expr(key));
            self.line(depth, &effect.to_string());
        }
        match &action.undo {
            Some(Undo::Body(undo)) => {
                self.line(depth, &format!("undo within {}", units::duration(undo.within_ms)));
                self.block(&undo.body, depth + 1);
            }
            Some(Undo::No(because)) => self.line(depth, &format!("no undo because {because:?}")),
            None => {}
        }
    }
}
