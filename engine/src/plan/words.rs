//! Statements in words: as their author writes them, with the values put in that follow from the inputs.

use backstay_dsl::model::{
    ActionCall, Block, Check, Disposition, Do, Expr, ExprKind, Literal, Statement, StatementKind, Undo,
};
use backstay_dsl::units::duration;
use backstay_dsl::{model, print};

use crate::eval::Recorded;
use crate::plan::Plan;
use crate::plan::report::{
    BranchReport, HoldReport, RowReport, TableReport, WatchReport, WayBackReport, Written, WrittenBlock,
};
use crate::value::Value;

/// The longest text that stands in a call, in characters: what files are to hold is in the diff.
const TEXT_CHARACTERS_MAX: usize = 400;

/// Puts a plan into words, without its secrets.
pub(super) struct Words<'a> {
    plan: &'a Plan,
    known: Recorded<'a>,
}

impl<'a> Words<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            known: plan.of_inputs(),
        }
    }

    fn scrub(&self, text: &str) -> String {
        self.plan.redactor.scrub_text(text).into_owned()
    }

    /// A part of an expression as it is shown: its value, where the inputs alone give it one.
    fn shown(&self, part: &Expr) -> Option<String> {
        if let ExprKind::Literal(Literal::Text(text)) = &part.kind {
            return Some(print::quoted(&self.shortened(text)));
        }
        let is_written = matches!(
            part.kind,
            ExprKind::Literal(_) | ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Resource(_)
        );
        if is_written {
            return None;
        }
        Some(match self.known.value(part)? {
            Value::Text(text) => print::quoted(&self.shortened(&text)),
            other => other.as_written(),
        })
    }

    /// A text that is not longer than an approver reads.
    fn shortened(&self, text: &str) -> String {
        self.plan.redactor.shortened(text, TEXT_CHARACTERS_MAX)
    }

    pub(super) fn text(&self, expr: &Expr) -> String {
        self.scrub(&print::checked(&self.plan.runbook, expr, &|part| self.shown(part)))
    }

    pub(super) fn call(&self, call: &ActionCall) -> String {
        self.scrub(&print::call(&self.plan.runbook, call, &|part| self.shown(part)))
    }

    /// What an action is called by its title, the call, its limit and the name of its result.
    pub(super) fn action(&self, action: &Do) -> String {
        let title = action
            .title
            .as_ref()
            .map_or_else(String::new, |title| format!("{title}: "));
        let within = if action.within_ms == action.call.effects.limit_ms {
            String::new()
        } else {
            format!(" within {}", duration(action.within_ms))
        };
        let bound = action.binding.map(|id| &self.plan.runbook.bindings[id.0 as usize].name);
        let bound = bound.filter(|name| !name.starts_with('#'));
        let bound = bound.map_or_else(String::new, |name| format!(" as {name}"));
        let live = action.live.as_ref().map_or_else(String::new, |because| {
            format!(" live because {}", print::quoted(because))
        });
        format!("{title}{}{within}{bound}{live}", self.call(&action.call))
    }

    /// The own undo of an action that no procedure's undo replaces, and why it has none.
    pub(super) fn undo(&self, action: &Do, group: Option<usize>) -> (Option<WrittenBlock>, Option<String>) {
        match &action.undo {
            _ if group.is_some() => (None, None),
            Some(Undo::Body(undo)) => (Some(self.undo_body(undo)), None),
            Some(Undo::No(because)) => (None, Some(because.clone())),
            None => (None, None),
        }
    }

    pub(super) fn undo_body(&self, undo: &model::UndoBody) -> WrittenBlock {
        self.block(&undo.body, Some(undo.within_ms))
    }

    pub(super) fn block(&self, block: &Block, within_ms: Option<u64>) -> WrittenBlock {
        let mut statements = Vec::new();
        for (place, statement) in block.statements.iter().enumerate() {
            let (mut undo, mut no_undo) = (None, None);
            if let StatementKind::Do(action) = &statement.kind {
                (undo, no_undo) = self.undo(action, statement.group);
            }
            if let Some(group) = group_that_ends(block, place) {
                undo = Some(self.undo_body(group));
            }
            statements.push(Written {
                key: statement.key.clone(),
                text: self.statement(statement),
                undo,
                no_undo,
            });
        }
        WrittenBlock { within_ms, statements }
    }

    fn statement(&self, statement: &Statement) -> String {
        match &statement.kind {
            StatementKind::Do(action) => {
                let retry = action.retry.map(retries);
                let retry = retry.map_or_else(String::new, |words| format!(" ({words})"));
                format!("{}{retry}", self.action(action))
            }
            StatementKind::Check(check) => {
                let unless = check.unless.as_ref();
                let unless = unless.map_or_else(String::new, |unless| format!(" unless {}", self.text(unless)));
                format!("check {}{}{unless}", self.check(check), bounds(check))
            }
            StatementKind::Ask(ask) => {
                let by_two = if ask.by_two { " by two people" } else { "" };
                let of = ask.of.as_ref();
                let of = of.map_or_else(String::new, |of| format!(" of {}", print::quoted(of)));
                format!("ask {}{of}{by_two}", self.prompt(&ask.prompt))
            }
            StatementKind::Require { condition, otherwise } => {
                format!("require {} else {}", self.text(condition), print::quoted(otherwise))
            }
            StatementKind::SkipWhen { condition, because } => {
                format!("skip when {} because {}", self.text(condition), print::quoted(because))
            }
            StatementKind::OnlyWhen { condition, because } => {
                format!("only when {} because {}", self.text(condition), print::quoted(because))
            }
            StatementKind::Let { binding, value } => {
                let name = self.plan.runbook.bindings[binding.0 as usize].shown();
                format!("let {name} = {}", self.text(value))
            }
            StatementKind::Wait { duration_ms, because } => {
                format!("wait {} because {}", duration(*duration_ms), print::quoted(because))
            }
            StatementKind::Take(name) => format!("take {name}"),
            StatementKind::Release(name) => format!("release {name}"),
            StatementKind::Record(values) => format!("record {}", self.recorded(values)),
            StatementKind::Commits { because } => format!("commits {}", print::quoted(because)),
            StatementKind::Unwind => "the undos of what was started before, last first".to_owned(),
        }
    }

    /// A text for people is written as a whole, where it is one.
    fn prompt(&self, prompt: &Expr) -> String {
        match &prompt.kind {
            ExprKind::Literal(Literal::Text(text)) => print::quoted(text),
            _ => self.text(prompt),
        }
    }

    fn check(&self, check: &Check) -> String {
        match &check.service {
            Some(service) => format!("{service} is well"),
            None => format!("{}: {}", print::quoted(&check.label), self.text(&check.condition)),
        }
    }

    /// What goes to the front page.
    pub(super) fn recorded(&self, values: &[(String, Expr)]) -> String {
        let values = values.iter().map(|(label, value)| match self.text(value) {
            text if text == *label => text,
            text => format!("{label} = {text}"),
        });
        values.collect::<Vec<_>>().join(", ")
    }

    /// What is asked all the while.
    pub(super) fn watches(&self) -> Vec<WatchReport> {
        let steps = &self.plan.runbook.steps;
        let watches = self.plan.runbook.watches.iter().map(|watch| {
            let asked = match &watch.service {
                Some(service) => format!("{service} is well"),
                None => format!("{}: {}", print::quoted(&watch.label), self.text(&watch.condition)),
            };
            let misses = match watch.misses {
                0 => String::new(),
                misses => format!(" at most {misses} misses"),
            };
            WatchReport {
                id: watch.name.clone(),
                title: watch.title.clone(),
                doc: watch.doc.clone(),
                from: steps[watch.from].name.clone(),
                until: steps[watch.until].name.clone(),
                check: format!("check {asked} every {}{misses}", duration(watch.every_ms)),
            }
        });
        watches.collect()
    }

    /// Everything that the run may do when it does not go forward.
    pub(super) fn way_back(&self) -> WayBackReport {
        let runbook = &self.plan.runbook;
        let step = |place: &usize| runbook.steps.get(*place).map(|step| step.name.clone());
        let rollbacks = runbook.rollbacks.iter().map(|branch| BranchReport {
            id: branch.name.clone(),
            title: branch.title.clone(),
            doc: branch.doc.clone(),
            from: step(&branch.from),
            until: step(&branch.until),
            budget_ms: branch.budget_ms,
            body: self.block(&branch.body, None),
        });
        let parks = runbook.parks.iter().map(|park| BranchReport {
            id: park.name.clone(),
            title: park.title.clone(),
            doc: String::new(),
            from: None,
            until: None,
            budget_ms: park.budget_ms,
            body: self.block(&park.body, None),
        });
        let holds = runbook.holds.iter().map(|hold| HoldReport {
            id: hold.name.clone(),
            title: hold.title.clone(),
            doc: hold.doc.clone(),
            release: self.block(&hold.release, Some(hold.release_within_ms)),
        });
        let tables = runbook.tables.iter().map(|table| TableReport {
            id: table.name.clone(),
            title: table.title.clone(),
            steps: table.steps.iter().filter_map(step).collect(),
            rows: table.rows.iter().map(|row| self.row(row)).collect(),
        });
        WayBackReport {
            on_failure: disposition(&runbook.on_failure),
            on_interrupt: disposition(&runbook.on_interrupt),
            rollbacks: rollbacks.collect(),
            parks: parks.collect(),
            holds: holds.collect(),
            tables: tables.collect(),
        }
    }

    fn row(&self, row: &model::SymptomRow) -> RowReport {
        RowReport {
            title: row.title.clone(),
            seen: row.seen.as_ref().map(|seen| self.text(seen)),
            suspect: row.suspect.clone(),
            budget_ms: row.budget_ms,
            first: row.first.as_ref().map(|first| self.block(first, None)),
            again: row.again,
            otherwise: disposition(&row.otherwise),
        }
    }
}

/// The undo of the procedure whose last statement stands at this place.
pub(super) fn group_that_ends(block: &Block, place: usize) -> Option<&model::UndoBody> {
    let group = block.statements.get(place)?.group?;
    let is_last = block.statements[place + 1..]
        .iter()
        .all(|later| later.group != Some(group));
    block.groups.get(group).filter(|_| is_last)
}

/// Further tries, for a person.
pub(crate) fn retries(retry: model::Retry) -> String {
    let times = if retry.times == 1 {
        "once".to_owned()
    } else {
        format!("up to {} times", retry.times)
    };
    format!("tried again {times}, every {}", duration(retry.every_ms))
}

/// How long a check is asked for, in words; nothing where it is asked once.
pub(super) fn bounds(check: &Check) -> String {
    let time = duration(check.within_ms);
    let every = check.every_ms.map(|every_ms| format!("every {}", duration(every_ms)));
    match (every, check.misses) {
        (None, _) => String::new(),
        (Some(every), None) => format!(" within {time} {every}"),
        (Some(every), Some(0)) => format!(" for {time} {every}"),
        (Some(every), Some(misses)) => format!(" for {time} {every} at most {misses} misses"),
    }
}

/// Where something leads, as its author writes it.
pub(super) fn disposition(to: &Disposition) -> String {
    match to {
        Disposition::Rollback(name) => format!("rollback {name}"),
        Disposition::Unwind => "unwind".to_owned(),
        Disposition::Park(name) => format!("park {name}"),
        Disposition::Pause => "pause".to_owned(),
        Disposition::Continue(because) => format!("continue because {}", print::quoted(because)),
    }
}
