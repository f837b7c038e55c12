//! Runbooks that are right.

use crate::check::fixture::{keys, right};
use crate::effect::Effect;
use crate::model::{ExprKind, StatementKind, Undo};

const SMALL: &str = r#"
runbook worker_config "New configuration for the worker"

step change "Change the pool size" {
  let before = fs.key("/etc/worker.env", key: "POOL")
  do fs.edit_key("/etc/worker.env", key: "POOL", to: "32") undo {
    do fs.edit_key("/etc/worker.env", key: "POOL", to: before)
    do reload()
  } within 30s
  do reload() no undo because "taking the edit back reloads the worker too"
  check "it answers": http.get("http://127.0.0.1:9000/health").status == 200 within 1m every 2s
}

procedure reload() {
  do "Reload the worker": exec.run(["worker", "reload"], effects: { opaque unit("worker")  repeat convergent })
}
"#;

const WHOLE: &str = r#"
/// Shown to the approver.
runbook switch "Switch" {
  window 1h keep 20m for the way back
  on failure rollback old
}
inputs {
  site  : path = "/srv/app"
  door  : text = "front"
  image : image
  token : secret from env TOKEN
}
service app "The app" {
  runs process("app")
  pinned by link(site / "current")
  writes data
  behind front(door)
  well "it answers": answers() within 10s every 1s
}
protect data { path site / "data" }
anchor pinned = fs.target(site / "current")
hold drained "Nobody comes in" {
  take    drain(door) within 10s
  release open(door) within 10s
}
step look "Look" before window {
  budget 5m
  ask "Who decides?" text as owner
}
step prepare "Prepare" {
  budget 5m
  require image is pinned else "Give a digest"
  let old = pinned
  record old, owner
}
step go "Go" {
  budget 5m
  take drained
  do process.stop(app)
  do backup.create(data, to: "/backup") as snapshot
  check "it restores": backup.verify(snapshot) is ok within 1m
  do image.pull(image)
  retry 2 every 1s
  do fs.link(site / "current", to: site / "new")
  do process.start(app, [site / "current" / "serve", 8080], with: image)
  check app is well
}
step open_up "Open" {
  budget 1m
  commits "users write"
  release drained
}
rollback old "The old one" {
  applies from go until open_up
  budget 10m
  unwind
  do fs.link(site / "current", to: old)
}
symptoms odd "Odd" for go {
  symptom "Bad token" {
    seen when http.get("http://127.0.0.1/", headers: {Authorization: token}).status == 401
    suspect "token"
    budget 1m
    first { do fs.install(site / "token", content: token) no undo because "it is only read" }
    otherwise rollback old
  }
  symptom anything else { suspect "unknown" otherwise rollback old }
}
question front(name: text) -> resource { give ingress(name) }
question answers() -> bool { give http.get("http://127.0.0.1/").status == 200 }
procedure drain(name: text) { do exec.run(["drain", name], effects: { drains front(name)  repeat convergent }) }
procedure open(name: text) { do exec.run(["open", name], effects: { opens front(name)  repeat convergent }) }
"#;

#[test]
fn the_small_runbook_of_the_contract_is_right() {
    let runbook = right(SMALL);
    let step = &runbook.steps[0];
    let expected = [
        "change/1",
        "change/2",
        "undo:change/2/1",
        "undo:change/2/2",
        "change/3",
        "change/4",
    ];
    assert_eq!(keys(&step.body.statements), expected);
    let StatementKind::Do(reload) = &step.body.statements[2].kind else {
        panic!("{step:?}");
    };
    assert_eq!(reload.title.as_deref(), Some("Reload the worker"));
    assert!(matches!(reload.undo, Some(Undo::No(_))));
    assert!(matches!(reload.call.effects.list[0], Effect::Opaque(_)));
    assert_eq!(step.body.statements[2].calls.len(), 1);
    let StatementKind::Do(edit) = &step.body.statements[1].kind else {
        panic!("{step:?}");
    };
    let Some(Undo::Body(undo)) = &edit.undo else {
        panic!("{edit:?}");
    };
    let StatementKind::Do(back) = &undo.body.statements[0].kind else {
        panic!("{undo:?}");
    };
    let to = back.call.argument("to").unwrap();
    assert!(matches!(&to.kind, ExprKind::Binding(id) if runbook.bindings[id.0 as usize].name == "before"));
}

#[test]
fn a_service_with_all_around_it_is_right() {
    let runbook = right(WHOLE);
    assert_eq!(runbook.steps[2].after, [1]);
    let (_, service) = runbook.topology.services.first_key_value().unwrap();
    assert_eq!(service.behind.as_ref().unwrap().key.len(), 1);
    let go = &runbook.steps[2].body.statements;
    let retried = go.iter().filter(|statement| {
        matches!(&statement.kind, StatementKind::Do(action) if action.retry.is_some_and(|retry| retry.times == 2))
    });
    assert_eq!(retried.count(), 1);
    let StatementKind::Check(check) = &go.last().unwrap().kind else {
        panic!("{go:?}");
    };
    assert_eq!(
        (check.service.as_deref(), check.within_ms, check.every_ms),
        (Some("app"), 10_000, Some(1_000))
    );
    let StatementKind::Do(take) = &runbook.holds[0].take.statements[0].kind else {
        panic!("{:?}", runbook.holds);
    };
    assert!(
        matches!(&take.call.effects.list[0], Effect::Drains(front) if matches!(front.key[0].kind, ExprKind::Input(_)))
    );
    let used: Vec<&str> = runbook
        .questions
        .iter()
        .map(|question| question.name.as_str())
        .collect();
    assert!(used.contains(&"answers"));
    assert_eq!(runbook.doc, "Shown to the approver.");
}

#[test]
fn what_is_asked_for_an_action_is_asked_in_a_statement_of_its_own() {
    let runbook = right(
        r#"
runbook r "R"
step a "A" {
  commits "no way back"
  do fs.link("/srv/current", to: fs.target("/srv/next"))
}
"#,
    );
    let kinds: Vec<&StatementKind> = runbook.steps[0]
        .body
        .statements
        .iter()
        .map(|statement| &statement.kind)
        .collect();
    assert!(matches!(kinds[0], StatementKind::Let { .. }), "{kinds:?}");
    assert!(matches!(kinds[1], StatementKind::Commits { .. }), "{kinds:?}");
    assert!(matches!(kinds[2], StatementKind::Do(_)), "{kinds:?}");
    assert_eq!(keys(&runbook.steps[0].body.statements), ["a/1", "a/2", "a/3"]);
}
