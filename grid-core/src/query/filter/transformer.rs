//! What is told of an event in place of its values.

use crate::query::{Extractor, QueryEntry, QueryError};
use crate::value::{Binary, Format};

/// What a listener is told of an event in place of the values before and after it, so that less travels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventTransformer {
    /// The new value alone.
    SemiLite,
    /// What extractors take from the values. A value without an extractor is left out, and so is one of which nothing is
    /// taken: no client can tell a null from no value here.
    Extract {
        /// From the value before.
        old: Option<Extractor>,
        /// From the value after.
        new: Option<Extractor>,
    },
    /// What becomes of the set of entries that the filter selects: an entry that enters it is told as inserted, one that
    /// leaves it as deleted. No value before is told, and of the value after what the extractor takes, a null included;
    /// nothing without one, and when nothing can be taken.
    ///
    /// Views ask for it, of members of Girih: the reference does not know it.
    Selected {
        /// From the value after.
        new: Option<Extractor>,
    },
}

impl EventTransformer {
    /// The values before and after that are told of an event with these.
    ///
    /// # Errors
    /// When an extractor cannot be used on a value.
    pub fn transform(
        &self,
        key: &Binary,
        old: Option<&Binary>,
        new: Option<&Binary>,
    ) -> Result<(Option<Binary>, Option<Binary>), QueryError> {
        match self {
            EventTransformer::SemiLite => Ok((None, new.cloned())),
            EventTransformer::Extract {
                old: of_old,
                new: of_new,
            } => Ok((
                extracted(of_old.as_ref(), key, old)?,
                extracted(of_new.as_ref(), key, new)?,
            )),
            EventTransformer::Selected { new: of_new } => {
                let taken = of_new.as_ref().zip(new).map(|(of, new)| taken(of, key, new));
                Ok((None, taken.and_then(Result::ok)))
            }
        }
    }
}

fn extracted(
    extractor: Option<&Extractor>,
    key: &Binary,
    value: Option<&Binary>,
) -> Result<Option<Binary>, QueryError> {
    let (Some(extractor), Some(value)) = (extractor, value) else {
        return Ok(None);
    };
    let taken = taken(extractor, key, value)?;
    Ok((taken.bytes().as_ref() != b"null").then_some(taken))
}

fn taken(extractor: &Extractor, key: &Binary, value: &Binary) -> Result<Binary, QueryError> {
    let entry = QueryEntry::of(key, Some(value));
    let text = extractor.extract(&entry)?.json()?.into_owned();
    Ok(Binary::new(Format::JSON, text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{EventFilter, Filter};
    use crate::value::to_binary;

    fn json(text: &str) -> Binary {
        Binary::new(Format::JSON, text.to_owned().into())
    }

    fn read(text: &str) -> Result<Filter, crate::query::AgentError> {
        Filter::from_json(text.as_bytes())
    }

    #[test]
    fn they_are_read_and_written() {
        let text = r#"{"@class":"filter.MapEventTransformerFilter","filter":{"@class":"filter.MapEventFilter","mask":1,
            "filter":{"@class":"filter.AlwaysFilter"}},"transformer":{"@class":"transformer.ExtractorEventTransformer",
            "extractorNew":{"@class":"extractor.UniversalExtractor","name":"n"}}}"#;
        let filter = read(text).unwrap();
        let again = Filter::from_json(&filter.to_json().unwrap()).unwrap();
        assert_eq!(filter, again);
        let Filter::Event(event) = filter else {
            panic!("{filter:?} is no filter of events");
        };
        let transformer = event.transformer.unwrap();
        let (old, new) = (json(r#"{"n":1}"#), json(r#"{"n":2}"#));
        let told = transformer.transform(&to_binary(&1).unwrap(), Some(&old), Some(&new));
        let (old, new) = told.unwrap();
        assert!(old.is_none());
        assert_eq!(new.unwrap().bytes().as_ref(), b"2");
        let nothing = transformer.transform(&to_binary(&1).unwrap(), None, Some(&json("{}")));
        assert!(nothing.unwrap().1.is_none());
        for other in [
            r#"{"@class":"transformer.SemiLiteEventTransformer"}"#,
            r#"{"@class":"girih.SelectedEventTransformer"}"#,
            r#"{"@class":"girih.SelectedEventTransformer","extractorNew":{"@class":"extractor.UniversalExtractor","name":"n"}}"#,
        ] {
            let text = format!(r#"{{"@class":"filter.MapEventTransformerFilter","transformer":{other}}}"#);
            let filter = read(&text).unwrap();
            assert_eq!(Filter::from_json(&filter.to_json().unwrap()).unwrap(), filter);
        }
    }

    #[test]
    fn the_client_of_java_names_their_packages() {
        let text = r#"{"@class":"util.filter.MapEventTransformerFilter","filter":{"@class":"util.filter.MapEventFilter","mask":7},
            "transformer":{"@class":"util.transformer.ExtractorEventTransformer",
            "extractorNew":{"@class":"util.extractor.UniversalExtractor","name":"n","target":0}}}"#;
        let expected = EventTransformer::Extract {
            old: None,
            new: Some(Extractor::path("n")),
        };
        let filter = EventFilter::all().transformed(expected);
        assert_eq!(read(text).unwrap(), Filter::Event(filter));
    }

    #[test]
    fn others_are_refused() {
        for text in [
            r#"{"@class":"filter.MapEventTransformerFilter"}"#,
            r#"{"@class":"filter.MapEventTransformerFilter","transformer":{"@class":"transformer.Other"}}"#,
            r#"{"@class":"filter.MapEventTransformerFilter","filter":{"@class":"filter.MapEventTransformerFilter",
                "transformer":{"@class":"transformer.SemiLiteEventTransformer"}},
                "transformer":{"@class":"transformer.SemiLiteEventTransformer"}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
