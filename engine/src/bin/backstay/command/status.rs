//! `backstay status`: where runs stand, and what they have on this machine.

use backstay::event::End;
use backstay::render::visible;
use backstay::run::claims::FoundClaim;
use backstay::run::standing::{Account, Standing};
use serde_json::{Value, json};

use crate::arguments::{Format, Status};
use crate::failure::{Failure, exit};
use crate::{places, streams};

/// How many runs that are over are listed without `--all`.
const ENDED_RUNS_MAX: usize = 5;

/// A run of the state directory.
struct Known {
    run: String,
    directory: String,
    account: Result<Account, String>,
}

pub(super) fn run(arguments: &Status) -> Result<u8, Failure> {
    let directories = places::directories(&arguments.state)?;
    let state = &directories.state;
    let unread = |error: std::io::Error| {
        let reason = format!("runs in {} cannot be listed: {error}", state.0.display());
        Failure::new(exit::REFUSED, reason).help("make it readable, or name another place: --state-dir DIR")
    };
    let mut known = Vec::new();
    for run in state.runs().map_err(unread)? {
        if let Some(place) = state.run(&run).map_err(unread)? {
            known.push(Known {
                account: Account::of(&place.path),
                directory: place.path.display().to_string(),
                run: place.run,
            });
        }
    }
    let mut ended = known.iter().filter(|known| !known.is_open()).count();
    known.retain(|known| {
        let is_shown = known.is_open() || arguments.all || ended <= ENDED_RUNS_MAX;
        ended -= usize::from(!known.is_open());
        is_shown
    });
    let claims = directories.claims.all().map_err(|error| {
        let place = directories.claims.0.display();
        Failure::usage(format!(
            "what runs have on this machine cannot be read in {place}: {error}"
        ))
        .help("name the place: --lock-dir DIR")
    })?;
    match arguments.format.format {
        Format::Json => streams::json(&json!({
            "runs": known.iter().map(Known::json).collect::<Vec<_>>(),
            "claims": claims.iter().map(claim_json).collect::<Vec<_>>(),
        })),
        Format::Text => {
            let runs = known.iter().map(Known::text).collect();
            let claims = claims.iter().map(claim_text).collect();
            streams::data(&section(&format!("runs in {}", state.0.display()), runs));
            streams::data(&section(
                &format!("on this machine ({})", directories.claims.0.display()),
                claims,
            ));
        }
    }
    Ok(0)
}

fn section(title: &str, lines: Vec<String>) -> String {
    let lines = if lines.is_empty() {
        vec!["none\n".to_owned()]
    } else {
        lines
    };
    format!("{title}\n  {}", lines.join("  "))
}

impl Known {
    /// Whether something is still to be done about it, as far as can be told.
    fn is_open(&self) -> bool {
        self.account
            .as_ref()
            .map_or(true, |account| account.standing.is_unfinished())
    }

    fn text(&self) -> String {
        let run = visible(&self.run);
        let account = match &self.account {
            Ok(account) => account,
            Err(reason) => return format!("{run}  cannot be told: {}\n", visible(reason)),
        };
        let standing = &account.standing;
        let mut parts = vec![match reason(standing) {
            Some(reason) => format!("{run}  {}: {}", word(standing), visible(&reason)),
            None => format!("{run}  {}", word(standing)),
        }];
        if standing.is_unfinished() {
            parts.extend(account.has_turned.then(|| "on the way back".to_owned()));
            parts.extend((!account.steps.is_empty()).then(|| format!("in {}", account.steps.join(", "))));
            let operator = account
                .start
                .as_ref()
                .map(|start| visible(&start.operator).into_owned());
            parts.extend(operator.map(|operator| format!("started by {operator}")));
        }
        let next = match standing {
            Standing::Running => format!("    backstay pause {run}, or backstay turn-back {run}\n"),
            Standing::Open(_) => format!(
                "    backstay resume {run}, backstay turn-back {run}, or backstay give-up {run} --because \"why\"\n"
            ),
            Standing::Ended(End::Stuck) if account.is_for_hands => format!(
                "    a person is needed: what was done has no way back in the runbook; when all is put right by hand: backstay \
                 give-up {run} --because \"how\"\n"
            ),
            Standing::Ended(End::Stuck) => {
                format!(
                    "    a person is needed; mend the cause, then: backstay resume {run}; or where all is put right by \
                     hand: backstay give-up {run} --because \"how\"\n"
                )
            }
            _ => String::new(),
        };
        format!("{}\n{next}", parts.join(", "))
    }

    fn json(&self) -> Value {
        let account = self.account.as_ref().ok();
        let start = account.and_then(|account| account.start.as_ref());
        json!({
            "run": self.run,
            "directory": self.directory,
            "standing": account.map_or("unknown", |account| word(&account.standing)),
            "is_unfinished": self.is_open(),
            "reason": self.account.as_ref().map_or_else(|reason| Some(reason.clone()), |account| reason(&account.standing)),
            "runbook": start.map(|start| start.runbook.clone()),
            "operator": start.map(|start| start.operator.clone()),
            "steps": account.map(|account| account.steps.clone()),
            "way_back": account.map(|account| account.has_turned),
        })
    }
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Gone => "gone",
        Standing::Unbegun => "not begun",
        Standing::Running => "running",
        Standing::Open(Some(_)) => "paused",
        Standing::Open(None) => "killed",
        Standing::Ended(end) => end.word(),
        Standing::GivenUp(_) => "given up",
    }
}

fn reason(standing: &Standing) -> Option<String> {
    match standing {
        Standing::Open(reason) => reason.clone(),
        Standing::GivenUp(given_up) => Some(format!("{} ({})", given_up.because, given_up.who)),
        _ => None,
    }
}

fn claim_text(found: &FoundClaim) -> String {
    let claim = match &found.claim {
        Ok(claim) => claim,
        Err(reason) => return format!("{} cannot be read: {}\n", found.path.display(), visible(reason)),
    };
    let standing = match &found.standing {
        Ok(standing) => word(standing).to_owned(),
        Err(reason) => format!("cannot be told: {}", visible(reason)),
    };
    format!(
        "{}: {}  {standing}  {}\n",
        visible(&claim.thing),
        visible(&claim.owner()),
        visible(&claim.directory.display().to_string())
    )
}

fn claim_json(found: &FoundClaim) -> Value {
    let claim = found.claim.as_ref().ok();
    let standing = found.standing.as_ref();
    json!({
        "file": found.path.display().to_string(),
        "thing": claim.map(|claim| claim.thing.clone()),
        "run": claim.map(|claim| claim.run.clone()),
        "directory": claim.map(|claim| claim.directory.display().to_string()),
        "operator": claim.map(|claim| claim.operator.clone()),
        "host": claim.map(|claim| claim.host.clone()),
        "process": claim.map(|claim| claim.process),
        "standing": standing.map_or("unknown", word),
        "is_held": matches!(standing, Ok(Standing::Running)),
        "reason": standing.err(),
    })
}
