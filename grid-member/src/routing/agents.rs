//! What many parts of a request have in common, written once.

use std::sync::Arc;

use bytes::Bytes;
use grid_core::processor::{ProcessorWork, Work};

use crate::cache::{PartRequest, Question};
use crate::wire::{Reader, WireError, Writer};

/// The queries and the work that the parts of a request ask for, each once. The parts name them by number.
#[derive(Debug, Default)]
pub(super) struct Agents {
    questions: Vec<Arc<Question>>,
    works: Vec<Arc<dyn Work>>,
}

impl Agents {
    /// Those of some parts.
    pub(super) fn of<'a>(parts: impl Iterator<Item = &'a PartRequest>) -> Self {
        let mut agents = Agents::default();
        for part in parts {
            match part {
                PartRequest::Query { question, .. } | PartRequest::Aggregate { question, .. }
                    if agents.number_of_question(question).is_none() =>
                {
                    agents.questions.push(question.clone());
                }
                PartRequest::Work { work, .. } if agents.number_of_work(work).is_none() => {
                    agents.works.push(work.clone());
                }
                _ => {}
            }
        }
        agents
    }

    fn number_of_question(&self, question: &Arc<Question>) -> Option<usize> {
        self.questions
            .iter()
            .position(|known| Arc::ptr_eq(known, question))
    }

    fn number_of_work(&self, work: &Arc<dyn Work>) -> Option<usize> {
        let place = |work: &Arc<dyn Work>| Arc::as_ptr(work).cast::<()>();
        self.works.iter().position(|known| place(known) == place(work))
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.len(self.questions.len());
        for question in &self.questions {
            out.bytes(question.filter_text());
            out.bytes(&question.aggregator_text());
        }
        out.len(self.works.len());
        for work in &self.works {
            out.bytes(&work.to_bytes());
        }
    }

    pub(super) fn write_question(&self, out: &mut Writer, question: &Arc<Question>) {
        out.len(self.number_of_question(question).unwrap_or(usize::MAX));
    }

    pub(super) fn write_work(&self, out: &mut Writer, work: &Arc<dyn Work>) {
        out.len(self.number_of_work(work).unwrap_or(usize::MAX));
    }

    pub(super) fn read(body: &mut Reader) -> Result<Self, WireError> {
        let count = body.count(2)?;
        let questions: Result<Vec<_>, _> = (0..count).map(|_| read_question(body)).collect();
        let questions = questions?;
        let count = body.count(1)?;
        let works: Result<Vec<_>, _> = (0..count)
            .map(|_| match ProcessorWork::from_bytes(body.bytes()?) {
                Ok(work) => Ok(Arc::new(work) as Arc<dyn Work>),
                Err(_error) => Err(NOT_KNOWN),
            })
            .collect();
        Ok(Agents {
            questions,
            works: works?,
        })
    }

    pub(super) fn read_question(&self, body: &mut Reader) -> Result<Arc<Question>, WireError> {
        let number = usize::try_from(body.varint()?).unwrap_or(usize::MAX);
        self.questions.get(number).cloned().ok_or(NOT_THERE)
    }

    pub(super) fn read_work(&self, body: &mut Reader) -> Result<Arc<dyn Work>, WireError> {
        let number = usize::try_from(body.varint()?).unwrap_or(usize::MAX);
        self.works.get(number).cloned().ok_or(NOT_THERE)
    }
}

const NOT_KNOWN: WireError = WireError {
    what: "a query or a processor is none; run the same version on every member",
};

const NOT_THERE: WireError = WireError {
    what: "a part names an agent that is not there",
};

fn read_question(body: &mut Reader) -> Result<Arc<Question>, WireError> {
    let filter: Bytes = body.bytes()?;
    let aggregator = body.bytes()?;
    let question = if aggregator.is_empty() {
        Question::select(filter)
    } else {
        Question::aggregate(filter, aggregator)
    };
    question.map(Arc::new).map_err(|_error| NOT_KNOWN)
}
