package mapapi;

import com.tangosol.util.MapEvent;
import com.tangosol.util.MapListener;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What a listener was told, each as "kind key old new", to be waited for one by one. */
final class Events implements MapListener<String, Object> {
    final BlockingQueue<String> told = new LinkedBlockingQueue<>();

    private void add(String kind, MapEvent<String, Object> event) {
        told.add(kind + " " + event.getKey() + " " + Scene.text(event.getOldValue()) + " " + Scene.text(event.getNewValue()));
    }

    @Override
    public void entryInserted(MapEvent<String, Object> event) {
        add("insert", event);
    }

    @Override
    public void entryUpdated(MapEvent<String, Object> event) {
        add("update", event);
    }

    @Override
    public void entryDeleted(MapEvent<String, Object> event) {
        add("delete", event);
    }

    String next() throws InterruptedException {
        String one = told.poll(Scene.EVENT_SECONDS, TimeUnit.SECONDS);
        if (one == null) {
            throw new Scene.Different("an event", "none within " + Scene.EVENT_SECONDS + " s");
        }
        return one;
    }

    void all(String... expected) throws InterruptedException {
        for (String one : expected) {
            Scene.same(next(), one);
        }
        Scene.same(told, List.of());
    }

    /** Kind and key of the next events. */
    List<String> kinds(int count) throws InterruptedException {
        List<String> found = new ArrayList<>();
        while (found.size() < count) {
            String[] words = next().split(" ");
            found.add(words[0] + " " + words[1]);
        }
        return found;
    }
}
