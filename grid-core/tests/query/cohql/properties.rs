//! What must hold of any text.

use grid_core::query::cohql::{Bindings, Rows, Statement};
use grid_core::query::{Extractor, Filter, QueryEntry};
use grid_core::value::{Binary, Format};
use proptest::prelude::*;

use super::written::Writer;
use super::{json, parse, people};
use crate::random::{filter, object};

/// The filter without what the language cannot say, in the form in which it is read.
fn sayable(filter: Filter) -> Filter {
    let each = |filters: Vec<Filter>| filters.into_iter().map(sayable).collect::<Vec<_>>();
    match filter {
        Filter::Present | Filter::Regex(..) => Filter::Always,
        Filter::All(filters) if filters.is_empty() => Filter::Always,
        Filter::Any(filters) if filters.is_empty() => Filter::Never,
        Filter::All(filters) | Filter::Any(filters) if filters.len() == 1 => each(filters).remove(0),
        Filter::All(filters) => Filter::all(each(filters)),
        Filter::Any(filters) => Filter::any(each(filters)),
        Filter::Xor(filters) => sayable(filters.0).xor(sayable(filters.1)),
        Filter::Not(filter) => !sayable(*filter),
        other => other,
    }
}

const WORDS: &str = "select from where group by order asc desc distinct as and or xor not in is like ilike between \
    contains all any escape null true empty a b.c p `x y` key() value() count(*) sum( avg(a) length() 'str' \"s\" 5 \
    10L 1.5 2m ?1 :n ( ) [ ] , . ; = == <> != < <= > >= && || ! ^^ * - + explain plan for show trace people";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn filters_that_are_written_and_read_say_the_same(filter in filter(), values in proptest::collection::vec(object(), 1..4)) {
        let filter = sayable(filter);
        let mut writer = Writer::default();
        let text = writer.filter(&filter);
        let read = Filter::from_cohql(&text, &writer.bindings);
        let read = read.map_err(|error| TestCaseError::fail(format!("{text}\n{error}")))?;
        prop_assert_eq!(&read, &filter, "{}", &text);
        for value in values {
            let value = value.to_binary().unwrap();
            let key = json("\"key\"");
            let entry = || QueryEntry::of(&key, Some(&value));
            prop_assert_eq!(read.evaluate(&entry()).ok(), filter.evaluate(&entry()).ok(), "{}", &text);
        }
    }

    #[test]
    fn any_text_is_answered(text in prop_oneof![".{0,40}", "[a-z0-9'\"`().,=<>!?: *-]{0,40}"]) {
        let bindings = Bindings::new().with(1);
        for error in [
            Statement::parse(&text, &bindings).err(),
            Filter::from_cohql(&text, &bindings).err(),
            Extractor::from_cohql(&text, &bindings).err(),
        ].into_iter().flatten() {
            prop_assert!(error.line() > 0 && error.column() > 0);
            prop_assert!(error.to_string().contains('^'));
        }
    }

    #[test]
    fn any_words_are_answered(picks in proptest::collection::vec(any::<prop::sample::Index>(), 0..24), start in 0..4_usize) {
        let words: Vec<_> = WORDS.split_whitespace().collect();
        let text: Vec<_> = picks.iter().map(|pick| *pick.get(&words)).collect();
        let begin = ["", "select ", "select a from c where ", "select a, count() from c where a "][start];
        let text = format!("{begin}{}", text.join(" "));
        let bindings = Bindings::new().with(1).with_named("n", "x");
        let _ = Filter::from_cohql(&text, &bindings);
        if let Ok(statement) = Statement::parse(&text, &bindings) {
            let people = people();
            let _ = statement.query().evaluate(people.iter().map(|(key, value)| (key, value)));
            let _ = statement.query().to_string();
        }
    }

    #[test]
    fn broken_answers_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..60), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let queries = ["select a, b from c order by a", "select a, count(), sum(b) from c", "select distinct a from c", "select count(), sum(a) from c"];
        let mut answer = br#"{"@class":"util.LiteMap","entries":[{"key":["a",1],"value":[1,2.5]},{"value":[null,{}]}]}"#.to_vec();
        let at = cut.index(answer.len());
        answer[at] = byte;
        for text in queries {
            let statement = parse(text);
            for answer in [&bytes, &answer] {
                let answer = Binary::new(Format::JSON, answer.clone().into());
                let _ = statement.query().rows_of_answer(&answer);
                let _ = Rows::of_record(&answer);
            }
        }
    }
}
