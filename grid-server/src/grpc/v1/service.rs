//! `coherence.proxy.v1.ProxyService`, with frames read and written by our own codec.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, Ready, ready};
use futures::stream::{Empty, empty};
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, Service, StdError};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use crate::grpc::Edge;

use super::codec::ProxyCodec;
use super::frames::InFrame;
use super::outbound::Outbound;
use super::session::Session;

const SUB_CHANNEL: &str = "/coherence.proxy.v1.ProxyService/subChannel";

/// The service of version 1: one call, a stream of frames in each direction.
#[derive(Clone, Debug)]
pub struct ProxyService {
    edge: Arc<Edge>,
}

impl ProxyService {
    /// The service on this edge.
    #[must_use]
    pub fn new(edge: Arc<Edge>) -> Self {
        ProxyService { edge }
    }
}

impl NamedService for ProxyService {
    const NAME: &'static str = "coherence.proxy.v1.ProxyService";
}

/// Takes the requests of a call that is well-formed. The answers do not go through tonic.
struct SubChannel<'c>(&'c mut Option<Streaming<InFrame>>);

impl StreamingService<InFrame> for SubChannel<'_> {
    type Response = Infallible;
    type ResponseStream = Empty<Result<Infallible, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<InFrame>>) -> Self::Future {
        *self.0 = Some(request.into_inner());
        ready(Ok(Response::new(empty())))
    }
}

impl<B> Service<http::Request<B>> for ProxyService
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() != SUB_CHANNEL {
            return ready(Ok(
                Status::unimplemented("ProxyService has no such call").into_http()
            ))
            .boxed();
        }
        let edge = self.edge.clone();
        async move {
            let len_max = edge.options().message_len_max;
            let mut grpc = Grpc::new(ProxyCodec).max_decoding_message_size(len_max);
            let mut inbound = None;
            let response = grpc.streaming(SubChannel(&mut inbound), request).await;
            Ok(match inbound {
                Some(inbound) => response.map(|_| Body::new(Outbound::new(Session::new(edge, inbound)))),
                None => response,
            })
        }
        .boxed()
    }
}
