package mapapi;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;

/** The checks by name: `area.method` or `area.method.case`. */
final class Checks {
    /** One check; what it throws is why it failed. */
    interface Check {
        void run(Scene scene) throws Exception;
    }

    final Map<String, Check> all = new LinkedHashMap<>();

    void add(String name, Check check) {
        if (all.put(name, check) != null) {
            throw new IllegalStateException("two checks are called " + name);
        }
    }

    /** The names of methods that have no check. */
    TreeSet<String> missing(String area, Class<?> owner, Map<String, String> called) {
        TreeSet<String> found = new TreeSet<>();
        for (var method : owner.getMethods()) {
            String snake = method.getName().replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase();
            String name = area + "." + called.getOrDefault(method.getName(), snake);
            boolean checked = all.keySet().stream().anyMatch(each -> each.equals(name) || each.startsWith(name + "."));
            if (!checked && method.getDeclaringClass() != Object.class && !called.getOrDefault(method.getName(), "").equals("-")) {
                found.add(method.getName());
            }
        }
        return found;
    }
}
