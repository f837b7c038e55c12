//! Places in a JSON document: `status.nodes[0].name`, `labels["app.kubernetes.io/name"]`.

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The field of this name.
    Field(String),
    /// The element at this place, from zero.
    Element(usize),
}

/// The steps to a place; none for the document itself (`""`). The error is a sentence without a full stop.
pub fn read(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, behind) = if let Some(inner) = rest.strip_prefix("[\"") {
            let (name, behind) = inner.split_once("\"]").ok_or("`[\"` is closed by `\"]`")?;
            (Part::Field(name.to_owned()), behind)
        } else if let Some(inner) = rest.strip_prefix('[') {
            let (number, behind) = inner.split_once(']').ok_or("`[` is closed by `]`")?;
            let place = number
                .parse()
                .map_err(|_| "in `[…]` stands a number from 0, or a name in quotes")?;
            (Part::Element(place), behind)
        } else {
            let named = if parts.is_empty() {
                Some(rest)
            } else {
                rest.strip_prefix('.')
            };
            let named = named.ok_or("names are joined by `.`")?;
            let end = named.find(['.', '[']).unwrap_or(named.len());
            let (name, behind) = named.split_at(end);
            if name.is_empty() || name.contains([']', '"']) {
                return Err("a name is missing".to_owned());
            }
            (Part::Field(name.to_owned()), behind)
        };
        parts.push(part);
        rest = behind;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_step_by_step_or_refused() {
        let field = |name: &str| Part::Field(name.to_owned());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("a.b-c[0]"), Ok(vec![field("a"), field("b-c"), Part::Element(0)]));
        assert_eq!(read("[2].x"), Ok(vec![Part::Element(2), field("x")]));
        assert_eq!(read("l[\"a.b/c\"].d"), Ok(vec![field("l"), field("a.b/c"), field("d")]));
        for text in [".a", "a.", "a..b", "a[", "a[-1]", "a[x]", "a]b", "a[0]b", "a[\"b]"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
