//! `unit`: units of the service manager, by their effects alone until something carries them out.

use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Cancel, Effect, Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::common::describe::{self, Describe};

/// The longest that the service manager gives a unit to start or stop where nothing is said, in milliseconds.
const USUAL_LIMIT_MS: u64 = 90_000;

const STOP_AND_START: &str = r#"
    do unit.stop(web) undo unit.start(web) within 2m
    do unit.start(web) undo unit.stop(web) within 2m
    check "it is active": unit.state(web) is ok within 30s every 1s
"#;

/// The actions of the family `unit`.
pub(super) fn signatures() -> Vec<Signature> {
    let mut signatures = questions();
    signatures.extend(changes());
    signatures
}

fn questions() -> Vec<Signature> {
    let state = [
        ("ok", Type::Bool),
        ("status", Type::Text),
        ("detail", Type::Text),
        ("exit", Type::Optional(Box::new(Type::Int))),
    ];
    vec![
        read(
            "state",
            "Says how a service's unit is.\n\n`ok` says whether it is active. `status` is the service manager's word (active, \
             activating, deactivating, inactive, failed), or absent where there is no such unit; `detail` is its word for \
             this kind of unit (running, exited, auto-restart). `exit` is the exit status of what ran last. That it is \
             active does not say that it works.",
        )
        .gives(Type::record("UnitState", &state))
        .effects(Effect::Reads(the_service()))
        .example(r#"check "it is active": unit.state(web) is ok within 30s every 1s"#)
        .done(),
        read(
            "restarts",
            "Says how often the service manager has started a unit again by itself since it was last started.\n\nA number \
             that grows is a unit that cannot run.",
        )
        .gives(Type::Int)
        .effects(Effect::Reads(the_service()))
        .example(r#"check "it stays up": unit.restarts(web) == 0"#)
        .done(),
        read("log", "Gives the last of what a unit has said, from the journal.")
            .takes("since", Type::Duration, "How long ago the first line may be: all of it unless said.")
            .takes("lines", Type::Int, "How many lines at most: 1000 unless said.")
            .gives(Type::Text)
            .effects(Effect::Reads(the_service()))
            .example(r#"check "nothing has broken": not (unit.log(web, since: 10m) contains "panic")"#)
        .done(),
        read("is_enabled", "Says whether a unit is started with the machine.")
            .gives(Type::Bool)
            .effects(Effect::Reads(with_the_machine()))
            .example(r#"check "it starts with the machine": unit.is_enabled(web)"#)
        .done(),
    ]
}

fn changes() -> Vec<Signature> {
    vec![
        change(
            "start",
            "Starts the unit of a service with what is pinned, and waits until it is active.",
        )
        .effects(Effect::Starts {
            member: the_service(),
            with: None,
        })
        .cancel(Cancel::Grace { ms: 10_000 })
        .example(STOP_AND_START)
        .done(),
        change(
            "stop",
            "Stops the unit of a service and waits until nothing of it runs.",
        )
        .effects(Effect::Stops(the_service()))
        .cancel(Cancel::Never)
        .example(STOP_AND_START)
        .done(),
        change(
            "restart",
            "Stops the unit of a service where it runs, and starts it with what is pinned.",
        )
        .effects(Effect::Stops(the_service()))
        .effects(Effect::Starts {
            member: the_service(),
            with: None,
        })
        .cancel(Cancel::Never)
        .example(
            r#"
            do unit.restart(web) no undo because "it runs the same release"
            check "it is active": unit.state(web) is ok within 30s every 1s
            "#,
        )
        .done(),
        change(
            "reload",
            "Has a unit that runs load its configuration from the disk; what it serves goes on.",
        )
        .effects(Effect::Opaque(the_service()))
        .example(r#"do unit.reload(web) no undo because "the undo of its configuration reloads it too""#)
        .done(),
        change("enable", "Has a unit started with the machine from now on.")
            .effects(Effect::Adds(with_the_machine()))
            .example("do unit.enable(web) undo unit.disable(web) within 10s")
            .done(),
        change("disable", "Has a unit no longer started with the machine.")
            .effects(Effect::Removes(with_the_machine()))
            .example(r#"do unit.disable(web) no undo because "the machine is taken out of service""#)
            .done(),
    ]
}

fn read(name: &'static str, doc: &'static str) -> Describe {
    about_service(describe::read("unit", name, doc))
}

fn change(name: &'static str, doc: &'static str) -> Describe {
    about_service(describe::change("unit", name, doc)).limit_ms(USUAL_LIMIT_MS)
}

fn about_service(describe: Describe) -> Describe {
    describe.needs("service", Type::Service, "A service that runs unit(\"NAME\").")
}

fn the_service() -> Resource<Pattern> {
    describe::of(ResourceKind::Service, "service")
}

/// That a unit is started with the machine, as a setting of the service manager.
fn with_the_machine() -> Resource<Pattern> {
    let folder = Pattern::Text("/etc/systemd/system");
    Resource::keyed(ResourceKind::Key, vec![folder, Pattern::Parameter("service")])
}
