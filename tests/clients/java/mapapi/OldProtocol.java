package mapapi;

import com.oracle.coherence.grpc.client.common.GrpcChannelConfigurer;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;

import java.util.concurrent.ForkJoinPool;

/** Answers the calls of the v1 protocol as a server that does not know it, when map-api.protocol is v0. */
public final class OldProtocol implements GrpcChannelConfigurer, ClientInterceptor {
    @Override
    public void apply(ManagedChannelBuilder<?> builder) {
        if (System.getProperty("map-api.protocol", "v1").equals("v0")) {
            builder.intercept(this);
        }
    }

    @Override
    public <A, B> ClientCall<A, B> interceptCall(MethodDescriptor<A, B> method, CallOptions options, Channel next) {
        return method.getFullMethodName().startsWith("coherence.proxy.v1.") ? new Unknown<>() : next.newCall(method, options);
    }

    private static final class Unknown<A, B> extends ClientCall<A, B> {
        private Listener<B> answer;

        @Override
        public void start(Listener<B> listener, Metadata headers) {
            answer = listener;
        }

        @Override
        public void request(int messages) {
        }

        @Override
        public void cancel(String message, Throwable cause) {
        }

        @Override
        public void halfClose() {
        }

        @Override
        public void sendMessage(A message) {
            // On another thread, as from a server: the client is not ready for an answer before it has sent all.
            ForkJoinPool.commonPool().execute(() ->
                    answer.onClose(Status.UNIMPLEMENTED.withDescription("not known"), new Metadata()));
        }
    }
}
