//! Expressions on paper: reads go through the overlay, names of later steps are not known.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::effect::Effect;
use backstay_dsl::model::{ActionCall, BindingId};

use crate::action::{Context, GroundCall};
use crate::eval::{Environment, Places, parse_as};
use crate::plan::obligations::is_elsewhere;
use crate::plan::overlay::{Overlay, Says};
use crate::redact::Redactor;
use crate::service_kind::Asked;
use crate::value::{Answer, Unanswered, Value};
use crate::world::Need;

use super::{DryRun, unknown_until};

/// The longest that a question of an obligation may take.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer may take beyond its limit: who bounds itself says why there is none.
const MARGIN: Duration = Duration::from_secs(1);

/// What expressions of a dry run speak of.
pub(super) struct OnPaper<'a> {
    pub(super) run: DryRun<'a>,
    pub(super) overlay: Mutex<Overlay>,
    bindings: Mutex<BTreeMap<BindingId, Known>>,
    anchors: Mutex<BTreeMap<String, Known>>,
    /// Where the answers of the evaluation that goes on come from.
    sources: Mutex<Sources>,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sources {
    /// The world was asked.
    pub(super) is_asked: bool,
    /// Something that a plan cannot know was wanted.
    pub(super) is_withheld: bool,
}

impl Sources {
    const WITHHELD: Self = Self {
        is_asked: false,
        is_withheld: true,
    };
}

/// An answer that others build on.
#[derive(Debug, Clone)]
struct Known {
    answer: Answer,
    sources: Sources,
}

impl<'a> OnPaper<'a> {
    pub(super) fn new(run: DryRun<'a>) -> Self {
        let overlay = Mutex::new(Overlay::new(&run.plan.topology));
        Self {
            run,
            overlay,
            bindings: Mutex::default(),
            anchors: Mutex::default(),
            sources: Mutex::default(),
        }
    }
}

impl OnPaper<'_> {
    /// Where the answers since the last call came from.
    pub(super) fn take_sources(&self) -> Sources {
        std::mem::take(&mut *locked(&self.sources))
    }

    pub(super) fn bind(&self, binding: BindingId, answer: Answer, sources: Sources) {
        locked(&self.bindings).insert(binding, Known { answer, sources });
    }

    /// A name has no value before this step has been done.
    pub(super) fn bind_later(&self, binding: BindingId, step: &str) {
        let name = self.run.plan.runbook.bindings.get(binding.0 as usize);
        let name = name.map_or("value", |binding| binding.shown());
        let reason = format!("`{name}` is not known: {}", unknown_until(step).reason);
        self.bind(binding, Err(Unanswered::open(reason)), Sources::WITHHELD);
    }

    pub(super) fn note_anchor(&self, name: &str, answer: Answer, sources: Sources) {
        locked(&self.anchors).insert(name.to_owned(), Known { answer, sources });
    }

    /// An answer that came from there.
    fn from(&self, sources: Sources, answer: Answer) -> Answer {
        let mut all = locked(&self.sources);
        all.is_asked |= sources.is_asked;
        all.is_withheld |= sources.is_withheld;
        answer
    }

    fn known(&self, known: Known) -> Answer {
        self.from(known.sources, known.answer)
    }

    /// Whether what these effects speak of is as it really is.
    pub(super) fn is_apart(&self, effects: &[Effect<String>]) -> bool {
        self.says(effects) == Says::Apart
    }

    fn says(&self, effects: &[Effect<String>]) -> Says {
        locked(&self.overlay).says(effects)
    }

    /// The real answer, within its limit.
    async fn asked(&self, call: &GroundCall, limit: Duration) -> Answer {
        let context = Context {
            limit,
            ..self.run.context.clone()
        };
        tokio::select! {
            outcome = self.run.world.perform(&context, call) => outcome.into_answer(),
            () = self.run.clock.sleep(limit + MARGIN) => {
                Err(Unanswered::new(format!("{} gave no answer", call.action)))
            }
        }
    }
}

#[async_trait]
impl Environment for OnPaper<'_> {
    fn places(&self) -> &Places {
        &self.run.plan.places
    }

    fn redactor(&self) -> &Redactor {
        &self.run.plan.redactor
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.run.plan.inputs.get(name).cloned()
    }

    fn binding(&self, id: BindingId) -> Option<Answer> {
        let known = locked(&self.bindings).get(&id).cloned();
        known.map(|known| self.known(known))
    }

    fn anchor_at_start(&self, name: &str) -> Option<Answer> {
        let known = locked(&self.anchors).get(name).cloned();
        known.map(|known| self.known(known))
    }

    async fn read(&self, call: &ActionCall, ground: &GroundCall, limit_ms: u64) -> Answer {
        let signature = self.run.catalogue.get(&call.action);
        let is_run = signature.is_none_or(|signature| signature.declares_effects);
        if is_elsewhere(self.run.plan, self.run.world) {
            let reason = "the runbook speaks of other machines, which are not asked yet";
            return self.from(Sources::WITHHELD, Err(Unanswered::open(reason)));
        }
        if !self.run.world.has(Need::Action(&call.action)) {
            let reason = format!("{} cannot be asked yet", call.action);
            return self.from(Sources::WITHHELD, Err(Unanswered::open(reason)));
        }
        match self.says(&ground.effects) {
            Says::UnknownUntil(step) => return self.from(Sources::WITHHELD, Err(unknown_until(&step))),
            Says::Value(text) => {
                let Some(signature) = signature else {
                    return Err(Unanswered::new("there is no such action"));
                };
                return parse_as(&signature.result, &text, self.places()).map_err(Unanswered::new);
            }
            Says::Apart => {}
        }
        if is_run || call.effects.leaves_traces {
            let reason = format!("{} is not run by a plan", call.action);
            return self.from(Sources::WITHHELD, Err(Unanswered::open(reason)));
        }
        let answer = self.asked(ground, Duration::from_millis(limit_ms)).await;
        let is_asked = true;
        self.from(
            Sources {
                is_asked,
                ..Sources::default()
            },
            answer,
        )
    }
}

#[async_trait]
impl Asked for OnPaper<'_> {
    async fn answer_to(&self, call: &GroundCall) -> Answer {
        self.asked(call, READ_LIMIT).await
    }
}

/// The content of a lock; nobody panics while holding one.
pub(super) fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
