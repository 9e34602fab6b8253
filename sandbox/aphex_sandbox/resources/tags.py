"""Tags as templates have them and as services keep them."""

from typing import Any

from moto.utilities.tagging_service import TaggingService


def as_map(tags: Any) -> dict[str, str]:
    """From a list of Key and Value, or from the map that some types have."""
    if isinstance(tags, dict):
        return {str(key): str(value) for key, value in tags.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags or []}


def as_list(tags: Any, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in as_map(tags).items()]


def replace(tagger: TaggingService, resource: str, tags: Any) -> None:
    """The resource has these tags and no others."""
    tagger.delete_all_tags_for_resource(resource)
    if tags:
        tagger.tag_resource(resource, as_list(tags, tagger.key_name, tagger.value_name))
