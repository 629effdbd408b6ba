//! Writing agents.

use crate::query::{
    EventCauses, EventFilter, EventTransformer, Extractor, Filter, Manipulator, Operand, QueryError, Test,
    Updater, ValueSet,
};
use crate::value::json;

/// Something that is written as an object with an `@class`.
pub(crate) trait WriteAgent {
    /// Writes it.
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError>;
}

/// The text of an agent.
pub(crate) fn to_json(agent: &impl WriteAgent) -> Result<Vec<u8>, QueryError> {
    let mut out = Vec::new();
    agent.write_agent(&mut out)?;
    Ok(out)
}

/// Writes the members of an object one by one.
pub(crate) struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> ObjectWriter<'o> {
    /// Begins an object of a class.
    pub(crate) fn new(class: &str, out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"@class\":");
        json::write_escaped(class, out);
        ObjectWriter { out }
    }

    fn name(&mut self, name: &str) {
        self.out.push(b',');
        json::write_escaped(name, self.out);
        self.out.push(b':');
    }

    /// A member that is an agent itself.
    pub(crate) fn agent(mut self, name: &str, agent: &impl WriteAgent) -> Result<Self, QueryError> {
        self.name(name);
        agent.write_agent(self.out)?;
        Ok(self)
    }

    /// A member that is an array of agents.
    pub(crate) fn agents<A: WriteAgent>(mut self, name: &str, agents: &[A]) -> Result<Self, QueryError> {
        self.name(name);
        write_all(agents, self.out)?;
        Ok(self)
    }

    /// A member that is a value.
    pub(crate) fn json(mut self, name: &str, text: &[u8]) -> Self {
        self.name(name);
        self.out.extend_from_slice(text);
        self
    }

    /// A member that is a string.
    pub(crate) fn string(mut self, name: &str, text: &str) -> Self {
        self.name(name);
        json::write_escaped(text, self.out);
        self
    }

    /// A member that is true or false.
    pub(crate) fn flag(self, name: &str, flag: bool) -> Self {
        self.json(name, if flag { b"true" } else { b"false" })
    }

    /// A member that is an integer.
    pub(crate) fn integer(mut self, name: &str, number: i64) -> Self {
        self.name(name);
        json::write_integer(number, self.out);
        self
    }

    /// A member that is an array of values.
    pub(crate) fn operands<'v>(mut self, name: &str, values: impl IntoIterator<Item = &'v Operand>) -> Self {
        self.name(name);
        self.out.push(b'[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(value.text());
        }
        self.out.push(b']');
        self
    }

    /// Ends the object.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes an array of what is written for each item.
pub(crate) fn write_array<T>(
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(b']');
    Ok(())
}

/// Writes an array of agents.
pub(crate) fn write_all<A: WriteAgent>(agents: &[A], out: &mut Vec<u8>) -> Result<(), QueryError> {
    write_array(agents, out, |agent, out| agent.write_agent(out))
}

impl WriteAgent for Extractor {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match self {
            Extractor::Identity => ObjectWriter::new("extractor.IdentityExtractor", out).end(),
            Extractor::Key(inner) => ObjectWriter::new("extractor.KeyExtractor", out)
                .agent("extractor", inner.as_ref())?
                .end(),
            Extractor::Property(name) => ObjectWriter::new("extractor.UniversalExtractor", out)
                .string("name", name)
                .end(),
            Extractor::Method(call) => {
                let writer = ObjectWriter::new("extractor.UniversalExtractor", out);
                let writer = writer.string("name", &format!("{}()", call.name()));
                if call.arguments().is_empty() {
                    writer.end();
                } else {
                    writer.operands("params", call.arguments()).end();
                }
            }
            Extractor::Chained(inner) => ObjectWriter::new("extractor.ChainedExtractor", out)
                .agents("extractors", inner)?
                .end(),
            Extractor::Multi(inner) => ObjectWriter::new("extractor.MultiExtractor", out)
                .agents("extractors", inner)?
                .end(),
        }
        Ok(())
    }
}

impl WriteAgent for Updater {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match self {
            Updater::Property(name) => ObjectWriter::new("extractor.UniversalUpdater", out)
                .string("name", name)
                .end(),
            Updater::Composite { extractor, updater } => composite(extractor, updater.as_ref(), out)?,
        }
        Ok(())
    }
}

impl WriteAgent for Manipulator {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        composite(&self.extractor, &self.updater, out)
    }
}

fn composite(extractor: &Extractor, updater: &Updater, out: &mut Vec<u8>) -> Result<(), QueryError> {
    ObjectWriter::new("extractor.CompositeUpdater", out)
        .agent("extractor", extractor)?
        .agent("updater", updater)?
        .end();
    Ok(())
}

impl Test {
    /// The class of the filter that is this test.
    fn class(self) -> &'static str {
        match self {
            Test::Equals => "filter.EqualsFilter",
            Test::NotEquals => "filter.NotEqualsFilter",
            Test::Greater => "filter.GreaterFilter",
            Test::GreaterEquals => "filter.GreaterEqualsFilter",
            Test::Less => "filter.LessFilter",
            Test::LessEquals => "filter.LessEqualsFilter",
        }
    }
}

impl WriteAgent for Filter {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match self {
            Filter::Always => ObjectWriter::new("filter.AlwaysFilter", out).end(),
            Filter::Never => ObjectWriter::new("filter.NeverFilter", out).end(),
            Filter::Present => ObjectWriter::new("filter.PresentFilter", out).end(),
            Filter::Compare {
                test,
                extractor,
                value,
            } => compare(*test, extractor, value, out)?,
            Filter::Between(between) => {
                let extractor = &between.extractor;
                out.extend_from_slice(b"{\"@class\":\"filter.BetweenFilter\",\"filters\":[");
                compare(between.lower_test(), extractor, &between.from, out)?;
                out.push(b',');
                compare(between.upper_test(), extractor, &between.to, out)?;
                out.extend_from_slice(b"]}");
            }
            Filter::In(extractor, set) => values("filter.InFilter", extractor, set, out)?,
            Filter::ContainsAll(extractor, set) => values("filter.ContainsAllFilter", extractor, set, out)?,
            Filter::ContainsAny(extractor, set) => values("filter.ContainsAnyFilter", extractor, set, out)?,
            Filter::Contains(extractor, value) => ObjectWriter::new("filter.ContainsFilter", out)
                .agent("extractor", extractor)?
                .json("value", value.text())
                .end(),
            Filter::Like(extractor, pattern) => {
                let writer = ObjectWriter::new("filter.LikeFilter", out).agent("extractor", extractor)?;
                let writer = match pattern.escape() {
                    Some(escape) => writer.string("escapeChar", escape.encode_utf8(&mut [0; 4])),
                    None => writer,
                };
                writer
                    .flag("ignoreCase", pattern.ignores_case())
                    .string("value", pattern.pattern())
                    .end();
            }
            Filter::Regex(extractor, pattern) => ObjectWriter::new("filter.RegexFilter", out)
                .agent("extractor", extractor)?
                .string("value", pattern.pattern())
                .end(),
            Filter::All(filters) => ObjectWriter::new("filter.AllFilter", out)
                .agents("filters", filters)?
                .end(),
            Filter::Any(filters) => ObjectWriter::new("filter.AnyFilter", out)
                .agents("filters", filters)?
                .end(),
            Filter::Xor(filters) => {
                out.extend_from_slice(b"{\"@class\":\"filter.XorFilter\",\"filters\":[");
                filters.0.write_agent(out)?;
                out.push(b',');
                filters.1.write_agent(out)?;
                out.extend_from_slice(b"]}");
            }
            Filter::Not(filter) => ObjectWriter::new("filter.NotFilter", out)
                .agent("filter", filter.as_ref())?
                .end(),
            Filter::Predicate(extractor, filter) => ObjectWriter::new("filter.PredicateFilter", out)
                .agent("extractor", extractor)?
                .agent("predicate", filter.as_ref())?
                .end(),
            Filter::InKeySet(filter, keys) => ObjectWriter::new("filter.InKeySetFilter", out)
                .agent("filter", filter.as_ref())?
                .operands("keys", keys.iter())
                .end(),
            Filter::KeyAssociated(filter, host) => ObjectWriter::new("filter.KeyAssociatedFilter", out)
                .agent("filter", filter.as_ref())?
                .json("hostKey", host.text())
                .end(),
            Filter::Limit {
                filter,
                page_size,
                page,
            } => ObjectWriter::new("filter.LimitFilter", out)
                .agent("filter", filter.as_ref())?
                .integer("pageSize", i64::from(*page_size))
                .integer("page", i64::from(*page))
                .end(),
            Filter::Event(event) => event.write_agent(out)?,
        }
        Ok(())
    }
}

impl WriteAgent for EventFilter {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        if let Some(transformer) = &self.transformer {
            let events = EventFilter {
                transformer: None,
                ..self.clone()
            };
            ObjectWriter::new("filter.MapEventTransformerFilter", out)
                .agent("filter", &events)?
                .agent("transformer", transformer)?
                .end();
            return Ok(());
        }
        let any_cause = self.causes == EventCauses::ALL;
        if let Some(extractor) = &self.changes
            && *self == EventFilter::of_changes(extractor.clone())
        {
            ObjectWriter::new("filter.ValueChangeEventFilter", out)
                .agent("extractor", extractor)?
                .end();
            return Ok(());
        }
        let class = match any_cause {
            true => "filter.MapEventFilter",
            false => "filter.CacheEventFilter",
        };
        let mut writer = ObjectWriter::new(class, out).integer("mask", i64::from(self.kinds.bits()));
        if let Some(filter) = &self.filter {
            writer = writer.agent("filter", filter.as_ref())?;
        }
        // Members know it; the reference has no filter of both.
        if let Some(extractor) = &self.changes {
            writer = writer.agent("extractor", extractor)?;
        }
        if !any_cause {
            writer = writer.integer("syntheticMask", i64::from(self.causes.bits()));
        }
        writer.end();
        Ok(())
    }
}

impl WriteAgent for EventTransformer {
    fn write_agent(&self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        match self {
            EventTransformer::SemiLite => {
                ObjectWriter::new("util.transformer.SemiLiteEventTransformer", out).end();
            }
            EventTransformer::Extract { old, new } => {
                // The reference knows its package by no shorter name.
                let mut writer = ObjectWriter::new("util.transformer.ExtractorEventTransformer", out);
                for (name, extractor) in [("extractorOld", old), ("extractorNew", new)] {
                    if let Some(extractor) = extractor {
                        writer = writer.agent(name, extractor)?;
                    }
                }
                writer.end();
            }
            EventTransformer::Selected { new } => {
                let writer = ObjectWriter::new("girih.SelectedEventTransformer", out);
                match new {
                    Some(extractor) => writer.agent("extractorNew", extractor)?.end(),
                    None => writer.end(),
                }
            }
        }
        Ok(())
    }
}

fn compare(test: Test, extractor: &Extractor, value: &Operand, out: &mut Vec<u8>) -> Result<(), QueryError> {
    ObjectWriter::new(test.class(), out)
        .agent("extractor", extractor)?
        .json("value", value.text())
        .end();
    Ok(())
}

fn values(class: &str, extractor: &Extractor, set: &ValueSet, out: &mut Vec<u8>) -> Result<(), QueryError> {
    ObjectWriter::new(class, out)
        .agent("extractor", extractor)?
        .operands("value", set.iter())
        .end();
    Ok(())
}
