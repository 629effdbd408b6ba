package orders;

import com.tangosol.net.CacheFactory;
import com.tangosol.net.ConfigurableCacheFactory;
import com.tangosol.net.NamedCache;

/** The connection to the server that GRID_ADDRESS names (127.0.0.1:1408). */
final class Grid implements AutoCloseable {
    private final ConfigurableCacheFactory factory;

    /**
     * Connects when the first cache is asked for.
     *
     * @param serializer the name of the serializer of keys and values: json or java
     */
    Grid(String serializer) {
        String address = System.getenv().getOrDefault("GRID_ADDRESS", "127.0.0.1:1408");
        int colon = address.lastIndexOf(':');
        set("orders.host", address.substring(0, colon));
        set("orders.port", address.substring(colon + 1));
        set("orders.serializer", serializer);
        // A client only: no member of a cluster, and quiet unless told otherwise.
        set("coherence.tcmp.enabled", "false");
        set("coherence.management", "none");
        set("coherence.log.level", "1");
        factory = CacheFactory.getCacheFactoryBuilder().getConfigurableCacheFactory("orders-grpc.xml", null);
    }

    private static void set(String name, String value) {
        if (System.getProperty(name) == null) {
            System.setProperty(name, value);
        }
    }

    <K, V> NamedCache<K, V> cache(String name) {
        return factory.ensureCache(name, null);
    }

    @Override
    public void close() {
        CacheFactory.shutdown();
    }
}
