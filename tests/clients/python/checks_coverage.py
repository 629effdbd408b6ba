"""Whether everything that the client offers has a check."""

from coherence import Aggregators, Extractors, Filters, NamedCache, Processors, Session

from scene import CHECKS, Scene, check, same

# Called by other names: what a listener is added and removed with.
ELSEWHERE = {"add_map_listener", "remove_map_listener", "destroyed", "released"}
# Facts of a session, looked at when it is created.
FACTS = {"channel", "format", "options", "session_id", "closed"}


def public(owner) -> set:
    return {name for kind in owner.__mro__ for name in vars(kind) if not name.startswith("_")}


def checked(area: str) -> set:
    return {name.split(".")[1] for name, _, _ in CHECKS if name.startswith(area + ".")}


OWNERS = [("map", NamedCache, ELSEWHERE), ("filter", Filters, set()), ("processor", Processors, set()),
          ("aggregator", Aggregators, set()), ("extractor", Extractors, set()), ("session", Session, FACTS)]

for area, owner, elsewhere in OWNERS:

    @check(f"coverage.{area}")
    async def run(_: Scene, area=area, owner=owner, elsewhere=elsewhere) -> None:
        same(sorted(public(owner) - checked(area) - elsewhere), [])
