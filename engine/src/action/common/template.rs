//! Templates: texts with places that values fill in, in the language of `minijinja`.
//!
//! Strict: a name without a value is an error. Nothing is escaped, no other template is reached, and every template
//! ends: its steps and its bytes are bounded. No message quotes a value.

use std::collections::BTreeMap;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Template, UndefinedBehavior, Value};
use zeroize::Zeroizing;

/// How many steps a template may take.
const STEPS_MAX: u64 = 1_000_000;
/// How many bytes may come of it.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// The text of a template with these values put in; where the text comes from is said by `name`.
pub(crate) fn rendered(
    name: &str,
    template: &str,
    values: &BTreeMap<String, Known>,
) -> Result<Zeroizing<String>, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(STEPS_MAX));
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.map_err(|error| error.to_string())?);
    let failed = |error: &Error, missing: &[String]| format!("{name}{}", in_words(error, missing));
    let template = environment
        .template_from_str(template)
        .map_err(|error| failed(&error, &[]))?;
    let known: BTreeMap<String, Value> = values
        .iter()
        .map(|(name, value)| (name.clone(), value.given()))
        .collect();
    let mut bytes = Bounded(Zeroizing::new(Vec::new()));
    template
        .render_captured_to(known, &mut bytes)
        .map_err(|error| failed(&error, &missing(&environment, &template, values)))?;
    let text = String::from_utf8(std::mem::take(&mut *bytes.0));
    text.map(Zeroizing::new)
        .map_err(|_| format!("{name} makes no text in UTF-8"))
}

/// The names of a template that nothing is known of.
fn missing(
    environment: &Environment<'_>,
    template: &Template<'_, '_>,
    values: &BTreeMap<String, Known>,
) -> Vec<String> {
    let named = template.undeclared_variables(false).into_iter();
    let mut missing: Vec<String> = named
        .filter(|name| !values.contains_key(name) && environment.globals().all(|(known, _)| known != name))
        .map(|name| format!("`{name}`"))
        .collect();
    missing.sort();
    missing
}

/// What is wrong and in which line. Only the details of what is looked at before any value is known are told.
fn in_words(error: &Error, missing: &[String]) -> String {
    let line = error.line().map_or_else(String::new, |line| format!(", line {line}"));
    let reason = match error.kind() {
        ErrorKind::UndefinedError if !missing.is_empty() => {
            format!(
                "there is no value for {}; give it in `values`, or mend the template",
                missing.join(", ")
            )
        }
        ErrorKind::UndefinedError => "something is used that has no value".to_owned(),
        ErrorKind::SyntaxError | ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            let detail = error.detail().unwrap_or_default();
            format!("{}: {detail}", error.kind())
        }
        ErrorKind::OutOfFuel => format!("it takes more than {STEPS_MAX} steps"),
        ErrorKind::WriteFailure => format!("it makes more than {}", backstay_dsl::units::size(BYTES_MAX as u64)),
        kind => kind.to_string(),
    };
    format!("{line}: {reason}")
}

/// What a template knows under a name: numbers are compared as numbers.
pub(crate) enum Known {
    Text(Zeroizing<String>),
    Number(i64),
}

impl Known {
    fn given(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) => Value::from(*number),
        }
    }
}

/// Takes so many bytes and no more.
struct Bounded(Zeroizing<Vec<u8>>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > BYTES_MAX {
            return Err(io::Error::other("too much"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn render(template: &str) -> Result<String, String> {
        let values = [("host", "a.example"), ("html", "<b>&\n"), ("token", "hunter22")];
        let values = values.map(|(name, value)| (name.to_owned(), Known::Text(Zeroizing::new(value.to_owned()))));
        let values = BTreeMap::from(values)
            .into_iter()
            .chain([("workers".to_owned(), Known::Number(4))]);
        rendered("the template", template, &values.collect()).map(|text| text.to_string())
    }

    #[test]
    fn values_are_put_in_as_they_are() {
        for (template, expected) in [
            ("server {{ host }};\n", "server a.example;\n"),
            ("{{ html }}{{ host|upper }}", "<b>&\nA.EXAMPLE"),
            ("{% for n in range(3) %}{{ n }};{% endfor %}", "0;1;2;"),
            ("{% if port is defined %}{{ port }}{% else %}none{% endif %}", "none"),
            ("{{ port|default('80') }}\n\n", "80\n\n"),
            ("{% if workers == 4 and workers < 1024 %}{{ workers }}{% endif %}", "4"),
            ("", ""),
        ] {
            assert_eq!(render(template).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_values() {
        for (template, expected) in [
            ("a\n{{ prot }} {{ host }}", "line 2: there is no value for `prot`;"),
            ("{{ host.name }}", "line 1: something is used that has no value"),
            ("\n\n{{ host ", "line 3: syntax error: "),
            ("{{ token|nosuch }}", "line 1: unknown filter: "),
            ("{{ token|int }}", "line 1: invalid operation"),
            ("{% include 'x' %}", "line 1: "),
            (
                "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
                "it takes more than 1000000 steps",
            ),
            (
                "{% for a in range(9000) %}{{ '0123456789' * 900 }}{% endfor %}",
                "it makes more than 16MiB",
            ),
        ] {
            let reason = render(template).unwrap_err();
            assert!(
                reason.starts_with("the template") && reason.contains(expected),
                "{template}: {reason}"
            );
            assert!(!reason.contains("hunter22"), "{reason}");
        }
    }
}
