//! Mistakes are told all at once, in the user's words, and never hold a secret.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use backstay_dsl::model::{Expr, ExprKind, Literal};
use backstay_dsl::source::Span;
use backstay_dsl::types::Type;

struct Secrets(Option<&'static str>);

#[async_trait]
impl SecretReader for Secrets {
    async fn read(&self, _: &GroundSecretSource) -> Result<String, String> {
        self.0.map(str::to_owned).ok_or_else(|| "it is not set".to_owned())
    }
}

fn input(name: &str, ty: Type) -> Input {
    Input {
        name: name.to_owned(),
        doc: String::new(),
        ty,
        at_most: None,
        default: None,
        secret: None,
        span: Span::default(),
    }
}

fn runbook() -> Runbook {
    let mut directory = input("directory", Type::Path);
    directory.default = Some(Expr {
        kind: ExprKind::Literal(Literal::Path("~/x".to_owned())),
        ty: Type::Path,
        span: Span::default(),
    });
    let mut copy = input("copy", Type::Path);
    copy.default = Some(Expr {
        kind: ExprKind::Input("directory".to_owned()),
        ty: Type::Path,
        span: Span::default(),
    });
    let mut webs = input("webs", Type::list(Type::Host));
    webs.at_most = Some(2);
    webs.default = Some(Expr {
        kind: ExprKind::List(Vec::new()),
        ty: Type::list(Type::Host),
        span: Span::default(),
    });
    let mut token = input("token", Type::Secret);
    token.secret = Some(SecretSource::Env("TOKEN".to_owned()));
    Runbook {
        inputs: vec![input("grace", Type::Duration), directory, copy, webs, token],
        ..Runbook::empty("r")
    }
}

fn places() -> Places {
    Places {
        working_directory: "/w".into(),
        home: Some("/home/op".into()),
    }
}

async fn resolved(
    arguments: &[&str],
    secret: Option<&'static str>,
) -> Result<BTreeMap<String, Value>, Vec<InputError>> {
    let mut given = GivenInputs::default();
    for argument in arguments {
        given.add_argument(argument).unwrap();
    }
    resolve(&runbook(), &given, &places(), &Secrets(secret)).await
}

#[tokio::test]
async fn defaults_use_earlier_inputs() {
    let values = resolved(&["grace=5s", "directory=rel"], Some("s3cret-word\n"))
        .await
        .unwrap();
    assert_eq!(values["copy"], Value::Path("/w/rel".to_owned()));
    assert_eq!(values["grace"], Value::Duration(5000));
    let Value::Secret(secret) = &values["token"] else {
        unreachable!("a secret")
    };
    assert_eq!(secret.expose(), "s3cret-word");
}

#[tokio::test]
async fn every_mistake_is_told_at_once() {
    let errors = resolved(&["grace=5", "webs=a,b,c", "directroy=x", "token=abcdef"], None)
        .await
        .unwrap_err();
    let told: Vec<_> = errors
        .iter()
        .map(|error| format!("{} / {}", error.message, error.help))
        .collect();
    assert_eq!(
        told,
        [
            "there is no input `directroy` / did you mean `directory`?",
            "input `grace` wants duration, not \"5\" / a duration has its unit, such as 30s, 5m or 1h30m",
            "input `webs` takes at most 2 elements, not 3 / give fewer",
            "input `token` is a secret; it cannot be given on the command line or in a file of inputs / \
             it is read from the environment variable TOKEN",
        ]
    );
    let errors = resolved(&[], Some("tiny")).await.unwrap_err();
    assert_eq!(errors.len(), 2, "grace is missing, the secret is too short: {errors:?}");
    assert!(!format!("{errors:?}").contains("tiny"));
}
