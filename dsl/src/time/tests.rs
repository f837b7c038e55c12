use super::*;
use crate::effect::{Cancel, Effect, Resource, ResourceKind};
use crate::model::{Ask, Block, Check, Disposition, Expr, Hold, Rollback, Service, Window};
use crate::sample::{MINUTE, chain, change, runbook, statement, text, undo};
use crate::service_kind::ServiceKind;
use crate::source::Span;
use crate::topology::{self, Begins, Member, Runs};

fn sums(runbook: &Runbook) -> Times {
    times(runbook, &StepOrder::new(runbook))
}

fn opaque() -> Vec<Effect<Expr>> {
    vec![Effect::Opaque(Resource::new(ResourceKind::Unit, text("u")))]
}

fn act(cancel: Cancel, undo_ms: Option<u64>) -> StatementKind {
    let mut action = change(opaque(), cancel, MINUTE);
    action.undo = undo_ms.map(undo);
    StatementKind::Do(Box::new(action))
}

fn put(runbook: &mut Runbook, step: usize, kinds: Vec<StatementKind>) {
    runbook.steps[step].body.statements = kinds.into_iter().map(statement).collect();
}

fn hold(name: &str) -> Hold {
    let side = || Block {
        statements: vec![statement(act(Cancel::Kill, None))],
        groups: Vec::new(),
    };
    Hold {
        name: name.to_owned(),
        title: name.to_owned(),
        doc: String::new(),
        take: side(),
        take_within_ms: MINUTE,
        release: side(),
        release_within_ms: MINUTE,
        span: Span::default(),
    }
}

fn service(name: &str) -> Service {
    let well = Check {
        label: "well".to_owned(),
        condition: text("unused"),
        within_ms: 2 * MINUTE,
        every_ms: Some(5000),
        service: Some(name.to_owned()),
    };
    Service {
        name: name.to_owned(),
        title: name.to_owned(),
        doc: String::new(),
        well: Some(well),
        span: Span::default(),
    }
}

/// The reference runbook of the language: its steps, budgets, hold, undo and branch.
fn reference() -> Runbook {
    let budgets = [
        ("notes", 10),
        ("freeze", 2),
        ("stop", 5),
        ("backup", 15),
        ("cutover", 6),
        ("validate", 8),
        ("reopen", 2),
        ("close", 3),
    ];
    let mut reference = runbook(chain(&budgets));
    reference.steps[0].before_window = true;
    reference.window = Some(Window {
        window_ms: 100 * MINUTE,
        keep_ms: 40 * MINUTE,
        span: Span::default(),
    });
    reference.services = vec![service("gateway")];
    let member = Member::new(Runs::new(ServiceKind::Process, text("gateway")), Begins::Running);
    let known = topology::Service::plain("gateway", member);
    reference.topology.services.insert("gateway".to_owned(), known);
    reference.holds = vec![hold("drained")];
    let back = Disposition::Rollback("previous_release".to_owned());
    reference.on_failure = back.clone();
    reference.on_interrupt = back.clone();
    for step in &mut reference.steps {
        step.on_failure = back.clone();
    }
    let grace = Cancel::Grace { ms: 30_000 };
    let commits = StatementKind::Commits { because: String::new() };
    let stop = act(grace, Some(2 * MINUTE));
    put(&mut reference, 2, vec![StatementKind::Take("drained".to_owned()), stop]);
    put(&mut reference, 4, vec![act(grace, None)]);
    put(
        &mut reference,
        6,
        vec![commits, StatementKind::Release("drained".to_owned())],
    );
    reference.rollbacks = vec![Rollback {
        name: "previous_release".to_owned(),
        title: String::new(),
        doc: String::new(),
        from: 4,
        until: 6,
        budget_ms: Some(35 * MINUTE),
        body: Block::default(),
        span: Span::default(),
    }];
    reference
}

#[test]
fn the_reference_runbook_gives_the_sums_of_the_contract() {
    let times = sums(&reference());
    assert_eq!(times.forward_to_commit_ms, 38 * MINUTE);
    assert_eq!(times.forward_ms, 41 * MINUTE);
    assert_eq!(times.longest_way_back_ms, 39 * MINUTE);
    assert_eq!(times.slack_ms, Some(22 * MINUTE));
    let parts: Vec<(&str, u64)> = times
        .way_back_parts
        .iter()
        .map(|(words, ms)| (words.as_str(), *ms))
        .collect();
    assert_eq!(
        parts,
        [
            ("ending what runs in step cutover", 30_000),
            ("way back previous_release", 35 * MINUTE),
            ("release of drained", MINUTE),
            ("gateway is well", 2 * MINUTE),
            ("closing anchors", 30_000),
        ]
    );
    assert_eq!(
        times.remaining_ms,
        [38, 38, 36, 31, 16, 10, 2, 3].map(|minutes| minutes * MINUTE)
    );
    assert_eq!(
        times.latest_start_ms,
        [0, 0, 2, 7, 22, 28, 36, 38].map(|minutes| minutes * MINUTE)
    );
}

#[test]
fn unwinding_adds_up_the_undos_of_what_was_started() {
    let mut book = runbook(chain(&[("a", 1), ("b", 1)]));
    let kinds = vec![act(Cancel::Kill, Some(1000)), act(Cancel::Never, Some(200))];
    put(&mut book, 0, kinds.clone());
    put(&mut book, 1, vec![act(Cancel::Kill, Some(30))]);
    assert_eq!(
        sums(&book).longest_way_back_ms,
        1200 + MINUTE + way_back::CLOSING_ANCHORS_MS
    );
    // One undo for a whole procedure counts once and replaces what is inside.
    put(&mut book, 0, kinds);
    for statement in &mut book.steps[0].body.statements {
        statement.group = Some(0);
    }
    if let crate::model::Undo::Body(whole) = undo(5) {
        book.steps[0].body.groups = vec![whole];
    }
    assert_eq!(
        sums(&book).longest_way_back_ms,
        5 + MINUTE + way_back::CLOSING_ANCHORS_MS
    );
}

#[test]
fn unwind_in_a_branch_adds_the_older_undos() {
    let mut reference = reference();
    reference.rollbacks[0].body.statements = vec![statement(StatementKind::Unwind)];
    assert_eq!(sums(&reference).longest_way_back_ms, 41 * MINUTE);
}

#[test]
fn nothing_is_owed_before_the_first_change_and_after_commits() {
    let mut book = runbook(chain(&[("look", 1), ("act", 1)]));
    assert_eq!(sums(&book).longest_way_back_ms, 0);
    let commits = StatementKind::Commits { because: String::new() };
    put(&mut book, 1, vec![commits, act(Cancel::Never, Some(7))]);
    assert_eq!(sums(&book).longest_way_back_ms, 0);
}

#[test]
fn steps_side_by_side_share_the_way_forward_but_not_the_people() {
    let mut book = runbook(chain(&[("a", 3), ("b", 5), ("c", 1)]));
    book.steps[1].after.clear();
    book.steps[2].after = vec![0, 1];
    for step in 0..2 {
        put(&mut book, step, vec![act(Cancel::Kill, Some(1000))]);
    }
    assert_eq!(sums(&book).forward_ms, 6 * MINUTE);
    // Both may have been started when one of them fails.
    assert_eq!(sums(&book).longest_way_back_ms, 2000 + way_back::CLOSING_ANCHORS_MS);
    let ask = StatementKind::Ask(Ask {
        prompt: String::new(),
        confirm: true,
        binding: None,
        on_silence: None,
    });
    for step in 0..2 {
        put(&mut book, step, vec![ask.clone()]);
    }
    assert_eq!(sums(&book).forward_ms, 9 * MINUTE);
}

#[test]
fn ten_thousand_steps_are_added_up() {
    let count = 10_000;
    let names: Vec<(&str, u64)> = vec![("s", 1); count];
    for is_wide in [false, true] {
        let mut book = runbook(chain(&names));
        for step in 0..count {
            put(&mut book, step, vec![act(Cancel::Kill, Some(1))]);
            if is_wide {
                book.steps[step].after.clear();
            }
        }
        let times = sums(&book);
        assert_eq!(times.longest_way_back_ms, count as u64 + way_back::CLOSING_ANCHORS_MS);
    }
}
