//! `coherence.proxy.v1.ProxyService`, with frames read and written by our own codec.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, Service, StdError};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use crate::grpc::Edge;

use super::codec::ProxyCodec;
use super::frames::{InFrame, OutFrame};
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

struct SubChannel {
    edge: Arc<Edge>,
}

impl StreamingService<InFrame> for SubChannel {
    type Response = OutFrame;
    type ResponseStream = Session;
    type Future = BoxFuture<'static, Result<Response<Session>, Status>>;

    fn call(&mut self, request: Request<Streaming<InFrame>>) -> Self::Future {
        ready(Ok(Response::new(Session::new(
            self.edge.clone(),
            request.into_inner(),
        ))))
        .boxed()
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
            Ok(grpc.streaming(SubChannel { edge }, request).await)
        }
        .boxed()
    }
}
