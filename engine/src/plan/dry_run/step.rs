//! Steps on paper, statement by statement, in the order of the text.

use backstay_dsl::effect::Effect;
use backstay_dsl::model::{ActionCall, Block, Check, Disposition, Do, Expr, Statement, StatementKind, Step};
use backstay_dsl::program::StepId;
use backstay_dsl::units;

use crate::action::{CAVEAT, GroundCall};
use crate::eval::GroundEffect;
use crate::event::IntentWay;
use crate::plan::obligations::is_elsewhere;
use crate::plan::report::{Asked, Change, Entry, Reading, ReadingResult, StepReport, Would};
use crate::plan::undo::{NotNew, Undos};
use crate::plan::words::{bounds, disposition, group_that_ends};
use crate::value::Unanswered;

use super::Walk;
use super::world::locked;

/// The step that is being walked.
struct Walked<'p> {
    id: StepId,
    step: &'p Step,
    report: StepReport,
    /// Whether anything was done before the statement that comes next, here or in a step that this one waits for.
    acted: bool,
    /// Whether what comes first in the run leaves no doubt that the step is passed over.
    is_passed_over: bool,
}

impl Walked<'_> {
    fn note(&mut self, note: impl Into<String>) {
        self.report.entries.push(Entry::Note(note.into()));
    }
}

impl Walk<'_> {
    /// Walks every step; the reports are in the order of the text.
    pub(super) async fn steps(&mut self) -> Vec<StepReport> {
        let mut reports = Vec::new();
        for id in self.plan().program.order() {
            reports.push((id, self.step(id).await));
        }
        reports.sort_by_key(|(id, _)| *id);
        reports.into_iter().map(|(_, report)| report).collect()
    }

    async fn step(&mut self, id: StepId) -> StepReport {
        let plan = self.plan();
        let step = plan.program.step(id);
        let steps = &plan.runbook.steps;
        let after = step.after.iter().filter_map(|place| steps.get(*place));
        let mut walked = Walked {
            id,
            step,
            report: StepReport {
                id: step.name.clone(),
                title: step.title.clone(),
                doc: step.doc.clone(),
                after: after.map(|step| step.name.clone()).collect(),
                before_window: step.before_window,
                budget_ms: step.budget_ms,
                on_failure: disposition(&step.on_failure),
                would: Would::Run,
                reason: String::new(),
                entries: Vec::new(),
            },
            acted: step.after.iter().any(|place| self.acts[*place]),
            is_passed_over: false,
        };
        for (place, statement) in step.body.statements.iter().enumerate() {
            self.statement(&mut walked, statement).await;
            if walked.is_passed_over {
                break;
            }
            if let Some(undo) = group_that_ends(&step.body, place) {
                walked.report.entries.push(Entry::Undo(self.words.undo_body(undo)));
            }
        }
        self.acts[id.place()] = walked.acted;
        walked.report
    }

    async fn statement(&mut self, walked: &mut Walked<'_>, statement: &Statement) {
        match &statement.kind {
            StatementKind::Require { condition, otherwise } => {
                let reading = self.reading("required", condition, walked.acted).await;
                self.guard(walked, &reading, otherwise);
            }
            StatementKind::SkipWhen { condition, because } => {
                let words = [
                    "would be skipped, because",
                    "will be done; skipped where",
                    "skipped where",
                ];
                let reading = self.reading("", condition, walked.acted).await;
                self.passed_over(walked, reading, (ReadingResult::Holds, words), because);
            }
            StatementKind::OnlyWhen { condition, because } => {
                let words = [
                    "would be left out; done only where",
                    "will be done, because",
                    "done only where",
                ];
                let reading = self.reading("", condition, walked.acted).await;
                self.passed_over(walked, reading, (ReadingResult::DoesNotHold, words), because);
            }
            StatementKind::Check(check) => self.check(walked, check).await,
            StatementKind::Let { binding, value } => {
                let (answer, mut sources) = self.answer(value).await;
                let name = self.plan().runbook.bindings[binding.0 as usize].shown();
                let label = format!("let {name}");
                let reading = self.value((&label, value), &answer, sources, walked.acted);
                self.guard(walked, &reading, &label);
                // The run ends here: what builds on it is not asked.
                sources.is_withheld |= reading.stops();
                self.paper.bind(*binding, answer, sources);
            }
            StatementKind::Do(action) => self.action(walked, statement, action).await,
            StatementKind::Ask(ask) => {
                let whom = match (&ask.of, ask.by_two) {
                    (None, false) => "a person".to_owned(),
                    (None, true) => "two people".to_owned(),
                    (Some(of), false) => of.clone(),
                    (Some(of), true) => format!("two of {of}"),
                };
                let words = match self.answer(&ask.prompt).await {
                    (Ok(words), _) => words.canonical(),
                    _ => self.words.text(&ask.prompt),
                };
                walked.note(format!("asks {whom}: {words}"));
                if let Some(binding) = ask.binding {
                    self.paper.bind_later(binding, &walked.step.name);
                }
            }
            StatementKind::Take(hold) | StatementKind::Release(hold) => {
                let is_take = matches!(statement.kind, StatementKind::Take(_));
                self.hold(walked, hold, is_take).await;
            }
            StatementKind::Commits { because } => walked.note(format!("POINT OF NO RETURN: {because}")),
            StatementKind::Wait { duration_ms, because } => {
                walked.note(format!("waits {}: {because}", units::duration(*duration_ms)));
            }
            StatementKind::Record(values) => self.record(walked, values).await,
            StatementKind::Unwind => {}
        }
    }

    /// What must hold, or have a value, for the step to go on.
    fn guard(&mut self, walked: &mut Walked<'_>, reading: &Reading, what: &str) {
        walked.report.entries.push(Entry::Reading(reading.clone()));
        if reading.stops() {
            self.stops(walked, what, &reading.evidence, false);
        }
    }

    async fn check(&mut self, walked: &mut Walked<'_>, check: &Check) {
        let label = format!("{}{}", check.label, bounds(check));
        let mut reading = self.checked(&label, check, walked.acted).await;
        let is_forgiven = check.misses.is_some_and(|misses| misses > 0);
        let may_hold_later = is_forgiven || (check.every_ms.is_some() && self.acts_beside(walked.id));
        if reading.stops() && may_hold_later {
            reading.asked = Asked::BeforeChange;
        }
        walked.report.entries.push(Entry::Reading(reading.clone()));
        if reading.stops() {
            self.stops(walked, &check.label, &reading.evidence, true);
        }
    }

    /// Whether something that the runbook does may happen while a step asks again and again.
    fn acts_beside(&self, id: StepId) -> bool {
        let program = &self.plan().program;
        let mut steps = program
            .order()
            .filter(|other| program.step_order().may_run_at_once(id.place(), other.place()));
        steps.any(|other| {
            program
                .step(other)
                .body
                .statements
                .iter()
                .any(|statement| self.does_act(statement))
        })
    }

    /// What goes to the front page must have a value.
    async fn record(&mut self, walked: &mut Walked<'_>, values: &[(String, Expr)]) {
        walked.note(format!("records {}", self.words.recorded(values)));
        for (label, value) in values {
            let (answer, sources) = self.answer(value).await;
            let label = format!("record {label}");
            let reading = self.value((&label, value), &answer, sources, walked.acted);
            if reading.stops() {
                self.guard(walked, &reading, &label);
            }
        }
    }

    /// Notes that the run would fail here before it has changed anything.
    fn stops(&mut self, walked: &mut Walked<'_>, what: &str, evidence: &str, has_symptoms: bool) {
        let tables = self.plan().program.tables_of(walked.id);
        let table = tables.first().filter(|_| has_symptoms);
        if let Some(row) = table {
            let name = self.plan().program.table_of(*row);
            walked.note(format!(
                "as things are now, the symptom table {name} is consulted below"
            ));
            return;
        }
        match &walked.step.on_failure {
            Disposition::Continue(because) => {
                walked.note(format!("as things are now, the run would go on, because {because}"));
            }
            Disposition::Pause => walked.note("as things are now, the run would pause here"),
            _ if walked.report.would == Would::Unknown => {}
            _ => self
                .obstacles
                .push(format!("step {}: {what}: {evidence}", walked.step.name)),
        }
    }

    /// Whether a step is wanted at all: what decides that it is not, and the words for yes, for no, and for a
    /// question that is still open.
    fn passed_over(
        &mut self,
        walked: &mut Walked<'_>,
        mut reading: Reading,
        (decisive, [passed, done, open]): (ReadingResult, [&str; 3]),
        because: &str,
    ) {
        let is_known = matches!(reading.result, ReadingResult::Holds | ReadingResult::DoesNotHold);
        let is_passed_over = reading.result == decisive;
        if is_passed_over {
            walked.report.would = Would::Skip;
            because.clone_into(&mut walked.report.reason);
        } else if !is_known && !reading.stops() {
            walked.report.would = Would::Unknown;
            walked.report.reason = format!("decided at step {}: {}", walked.step.name, reading.evidence);
        }
        let is_decided = is_known && reading.asked != Asked::BeforeChange;
        walked.is_passed_over = is_passed_over && is_decided;
        let words = match (is_decided, is_passed_over) {
            (true, true) => passed,
            (true, false) => done,
            (false, _) => open,
        };
        reading.label = format!("{words} {because}");
        walked.report.entries.push(Entry::Decision(reading.clone()));
        if reading.stops() && !is_known {
            self.stops(walked, &reading.label, &reading.evidence, false);
        }
    }

    async fn hold(&mut self, walked: &mut Walked<'_>, name: &str, is_take: bool) {
        let plan = self.plan();
        let Some(hold) = plan.runbook.holds.iter().find(|hold| hold.name == name) else {
            return;
        };
        let word = if is_take { "takes" } else { "releases" };
        walked.note(format!("{word} {name}: {}", hold.title));
        let block: &Block = if is_take { &hold.take } else { &hold.release };
        for statement in &block.statements {
            if let StatementKind::Do(action) = &statement.kind {
                self.action(walked, statement, action).await;
            }
        }
    }

    async fn action(&mut self, walked: &mut Walked<'_>, statement: &Statement, action: &Do) {
        let ground = self.evaluator().ground(&action.call).await;
        let sources = self.paper.take_sources();
        let mut preview = None;
        let mut refused = None;
        let (words, effects, unnamed) = match &ground {
            Ok(call) => {
                if self.is_here() && self.paper.is_apart(&call.effects) {
                    refused = self.paper.run.world.refuses(call).await;
                    preview = self.paper.run.world.preview(&self.paper.run.context, call).await;
                    preview = preview.and_then(|preview| self.without_told(&preview));
                }
                (call.effects_in_words(), call.effects.clone(), Vec::new())
            }
            Err(_) => self.partly_ground(action).await,
        };
        self.paper.take_sources();
        if let Err(unanswered) = &ground
            && !sources.is_withheld
        {
            let reason = self.scrub(&unanswered.reason);
            if !walked.acted && !action.call.effects.is_message() {
                let what = self.words.action(action);
                self.stops(walked, &what, &reason, true);
            }
            preview = Some(format!("cannot be worked out as things are now: {reason}"));
        }
        if let Ok(call) = &ground
            && self.is_here()
        {
            refused = self.not_new(statement, call).await.or(refused);
        }
        if let Some(reason) = refused {
            if !walked.acted {
                let what = self.words.action(action);
                self.stops(walked, &what, &reason, false);
            }
            preview = Some(format!("the run would fail here as things are now: {reason}"));
        }
        let (undo, no_undo) = self.words.undo(action, statement.group);
        walked.report.entries.push(Entry::Change(Box::new(Change {
            key: statement.key.clone(),
            title: action.title.clone().unwrap_or_else(|| action.call.action.clone()),
            action: action.call.action.clone(),
            call: self.words.action(action),
            effects: words.iter().map(|words| self.scrub(words)).collect(),
            preview: preview.map(|preview| self.scrub(&preview)),
            retry: action.retry,
            undo,
            no_undo,
        })));
        let step = &walked.step.name;
        let mut overlay = locked(&self.paper.overlay);
        overlay.change(&effects, step);
        for effect in unnamed {
            overlay.change_unnamed(effect, step);
        }
        drop(overlay);
        walked.acted |= self.is_act(&action.call);
        if let Some(binding) = action.binding {
            self.paper.bind_later(binding, step);
        }
    }

    /// Whether all of it is done on this machine, so that this machine can be asked.
    fn is_here(&self) -> bool {
        !is_elsewhere(self.paper.run.plan, self.paper.run.world)
    }

    /// A preview without what an earlier one said of all of them.
    fn without_told(&mut self, preview: &str) -> Option<String> {
        let lines = preview.lines();
        let new: Vec<&str> = lines
            .filter(|line| !line.starts_with(CAVEAT) || self.caveats.insert((*line).to_owned()))
            .collect();
        (!new.is_empty()).then(|| new.join("\n"))
    }

    /// Why an action would not be begun, as things are now: its undo would remove what is there already. What a step
    /// before it may make or remove is not told.
    async fn not_new(&self, statement: &Statement, call: &GroundCall) -> Option<String> {
        let undos = Undos {
            plan: self.plan(),
            evaluator: self.evaluator(),
        };
        let made = undos.must_be_new(&statement.key, (1, &IntentWay::Forward), call).await;
        self.paper.take_sources();
        for thing in made {
            if !self.paper.is_apart(&[Effect::Reads(thing.clone())]) {
                continue;
            }
            let is_there = self.paper.run.world.is_there(&thing).await;
            if let Some(why) = NotNew::of(thing, is_there) {
                return Some(self.scrub(&why.in_words()));
            }
        }
        None
    }

    /// Whether an action may decide what is asked after it: it changes something, or what it does is known by
    /// what the text says alone.
    fn is_act(&self, call: &ActionCall) -> bool {
        let signature = self.paper.run.catalogue.get(&call.action);
        let is_declared = signature.is_none_or(|signature| signature.declares_effects);
        let mut effects = call.effects.list.iter();
        call.effects.is_changing() || is_declared && effects.any(|effect| matches!(effect, Effect::Adds(_)))
    }

    fn does_act(&self, statement: &Statement) -> bool {
        let program = &self.plan().program;
        match &statement.kind {
            StatementKind::Do(action) => self.is_act(&action.call),
            StatementKind::Take(hold) => program.hold_named(hold).is_some_and(|hold| {
                program
                    .block(program.take(hold))
                    .statements
                    .iter()
                    .any(|statement| self.does_act(statement))
            }),
            _ => false,
        }
    }

    /// The effects of an action some of whose arguments are not known yet, and those that name nothing yet.
    async fn partly_ground<'s>(&self, action: &'s Do) -> (Vec<String>, Vec<Effect<String>>, Vec<&'s Effect<Expr>>) {
        let mut words = Vec::new();
        let mut effects = Vec::new();
        let mut unnamed = Vec::new();
        for effect in &action.call.effects.list {
            let (known, rest) = match self.evaluator().ground_effect(effect).await {
                Ok(ground) => (Ok(ground), ""),
                Err(_) if matches!(effect, Effect::Starts { .. }) => {
                    (self.without_value(effect).await, " with what is not known yet")
                }
                Err(_) => (self.without_value(effect).await, " to what is not known yet"),
            };
            match known {
                Ok(GroundEffect::Now(ground)) => {
                    words.push(format!("{ground}{rest}"));
                    effects.push(ground);
                }
                // It is new, or a backup: nothing read before it could depend on it.
                Ok(GroundEffect::OfResult(ground)) => words.push(ground.to_string()),
                Err(_) => {
                    let kind = effect.resource().map_or("", |resource| resource.kind.word());
                    words.push(format!("{} {kind}(not known yet)", effect.word()));
                    unnamed.push(effect);
                }
            }
        }
        (words, effects, unnamed)
    }

    /// The effect without the value that its resource gets: that may be all that is not known.
    async fn without_value(&self, effect: &Effect<Expr>) -> Result<GroundEffect, Unanswered> {
        let bare = match effect.clone() {
            Effect::Sets { resource, .. } => Effect::Sets { resource, to: None },
            Effect::Starts { member, .. } => Effect::Starts { member, with: None },
            other => other,
        };
        self.evaluator().ground_effect(&bare).await
    }
}
