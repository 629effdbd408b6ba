//! `girih.v1.Events`.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{BoxStream, unfold};
use grid_core::cache::BinaryEvents;
use grid_core::event::{EventPositions, Listen, ListenTo};
use grid_core::value::Format;
use grid_proto::girih::events_server::Events;
use grid_proto::girih::{FollowEvent, FollowRequest, follow_request};
use tonic::{Request, Response, Status};

use crate::grpc::edge::{Stopped, stopping};
use crate::grpc::{Edge, Refusal};

use super::followed::followed;

/// Tells clients of changes with their numbers. A client that reads slowly holds up nothing: it reads a log.
#[derive(Clone, Debug)]
pub struct EventsService {
    edge: Arc<Edge>,
}

impl EventsService {
    /// The service on this edge.
    #[must_use]
    pub fn new(edge: Arc<Edge>) -> Self {
        EventsService { edge }
    }

    async fn events(&self, request: FollowRequest) -> Result<BinaryEvents, Refusal> {
        let after = match request.after.as_ref() {
            [] => None,
            bytes => {
                let positions = EventPositions::from_bytes(bytes);
                Some(positions.map_err(|error| Refusal::invalid(error.to_string()))?)
            }
        };
        let to = match request.what {
            None => ListenTo::All,
            Some(follow_request::What::Filter(filter)) => {
                ListenTo::Where(self.edge.event_filter(Format::JSON, filter)?)
            }
            Some(follow_request::What::Key(key)) => ListenTo::Key(self.edge.key(Format::JSON, key)?),
        };
        let listen = Listen {
            to,
            values: !request.lite,
        };
        let cache = self.edge.cache(&request.scope, &request.cache).await?;
        Ok(cache.follow(listen, after.as_ref()).await?)
    }
}

#[tonic::async_trait]
impl Events for EventsService {
    type FollowStream = BoxStream<'static, Result<FollowEvent, Status>>;

    async fn follow(&self, request: Request<FollowRequest>) -> Result<Response<Self::FollowStream>, Status> {
        let mut stopped = self.edge.stopped();
        let events = tokio::select! {
            biased;
            () = &mut stopped => return Err(stopping()),
            events = self.events(request.into_inner()) => events.map_err(|refusal| refusal.status())?,
        };
        let telling = Telling {
            edge: self.edge.clone(),
            events,
            stopped,
        };
        let told = unfold(Some(telling), |telling| async {
            let mut telling = telling?;
            match telling.next().await? {
                Ok(event) => Some((Ok(event), Some(telling))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(told.boxed()))
    }
}

/// One client that is told.
struct Telling {
    edge: Arc<Edge>,
    events: BinaryEvents,
    stopped: Stopped,
}

impl Telling {
    async fn next(&mut self) -> Option<Result<FollowEvent, Status>> {
        loop {
            let event = tokio::select! {
                biased;
                () = &mut self.stopped => return Some(Err(stopping())),
                event = self.events.next() => event?,
            };
            match event.map(|event| followed(&self.edge, event)) {
                Ok(None) => {}
                Ok(Some(told)) => return Some(Ok(told)),
                Err(error) => return Some(Err(Refusal::from(error).status())),
            }
        }
    }
}
