"""The shape of the configuration file as a whole, for editors and for keys that stand in the wrong section."""

from typing import Any

from pydantic import Field

from rotator.config.fields import Section
from rotator.config.outlet_schema import Notify, Web
from rotator.config.schema import Api, Rules, Server, Times, section


class ConfigFile(Section):
    """What to take snapshots of, when, and how many to keep."""

    api: Api | None = section("Where the API is and how it is spoken to.")
    timing: Times | None = section("How snapshots in progress are watched.")
    defaults: Rules | None = section("Keys of a policy that hold where nothing else is said.")
    policies: dict[str, Rules] | None = section("Named sets of keys, for servers to follow.")
    web: Web | None = section("Where the status page and the metrics are served.")
    notify: Notify | None = section("Whom to tell of changes.")
    servers: list[Server] = Field(min_length=1, description="The servers to take snapshots of.")


def json_schema() -> dict[str, Any]:
    """JSON Schema draft-07 of the file: what editors' YAML servers read."""
    made = ConfigFile.model_json_schema(ref_template="#/definitions/{model}")
    definitions = made.pop("$defs")
    draft7: dict[str, Any] = _draft7({**made, "definitions": definitions})
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Configuration of rotator", **draft7}


def _draft7(part: Any) -> Any:
    """`part` without generated titles, and with every reference alone: draft-07 ignores what stands beside one."""
    if isinstance(part, list):
        return [_draft7(item) for item in part]
    if not isinstance(part, dict):
        return part
    done = {key: _draft7(value) for key, value in part.items() if key not in ("$ref", "title")}
    if "$ref" in part:
        return {**done, "allOf": [{"$ref": part["$ref"]}]} if done else {"$ref": part["$ref"]}
    return done
