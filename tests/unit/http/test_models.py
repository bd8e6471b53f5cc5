"""Pydantic's models are what the structs are, so OpenAPI can't say anything else than the socket does."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from server.transport.http import (  # noqa: F401  (whose models are looked at, too)
    experiment_models,
    gap_models,
    insight_models,
    knowledge_models,
    models,
    registry_models,
    usage_models,
)
from server.transport.http.models import Model
from server.wire.asyncapi import schemas
from server.wire.frames import ServerFrame
from server.wire.requests import ClientFrame, Signal

STRUCTS = schemas()
MIRRORS = [model for model in Model.__subclasses__() if model.mirrors is not None]

# The others are shown inside of these.
PIECES = {
    models.ExperimentRef, models.FieldProblem, models.LastMessage, models.Mood, models.MoodRule, models.Presence,
    models.Turn, models.User,
}  # fmt: skip
SHOWN = [model for model in Model.__subclasses__() if model not in PIECES]

# Told otherwise over HTTP: by the path, and in no frame of their own.
BY_THE_PATH = {"channel", "message_id"}
WITH_TYPE = {models.Message, models.Notification}  # they stand in lists, whole
# A key may stand in a header instead, and what resolves says so by default.
LENIENT = {(models.OpenConversation, "key"), (models.SendMessage, "key"), (models.ResolveConversation, "resolved")}


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without what only explains it, in one way of writing."""
    schema = {key: value for key, value in schema.items() if key not in ("description", "title", "default", "examples")}
    if "allOf" in schema:
        (schema,) = schema["allOf"]
    if "$ref" in schema:
        schema = {"$ref": schema["$ref"].rpartition("/")[2]}
    if "const" in schema:
        schema = {"enum": [schema["const"]]}
    if "enum" in schema:
        schema = {"enum": sorted(schema["enum"])}
    if schema.get("additionalProperties") is True:
        del schema["additionalProperties"]
    if "items" in schema:
        schema = {**schema, "items": plain(schema["items"])}
    if "anyOf" in schema:
        kinds = [plain(kind) for kind in schema["anyOf"] if kind != {"type": "null"}]
        schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return schema


def schema_of(model: type[Model]) -> dict[str, Any]:
    return model.model_json_schema(ref_template="#/components/schemas/{model}")


def expected_names(model: type[Model], struct: dict[str, Any]) -> set[str]:
    assert model.mirrors is not None
    names = set(struct["properties"])
    if issubclass(model.mirrors, ClientFrame | Signal):
        return names - {"id", "type"} - BY_THE_PATH
    if issubclass(model.mirrors, ServerFrame):
        return names - {"id"} - (set() if model in WITH_TYPE else {"type"})
    return names


def test_every_struct_that_is_sent_has_one_model() -> None:
    mirrored = [model.mirrors for model in MIRRORS]
    assert len(set(mirrored)) == len(mirrored) > 25


@pytest.mark.parametrize("model", MIRRORS, ids=lambda model: model.__name__)
def test_a_model_has_the_fields_of_its_struct(model: type[Model]) -> None:
    assert model.mirrors is not None
    struct, schema = STRUCTS[model.mirrors.__name__], schema_of(model)
    assert set(schema["properties"]) == expected_names(model, struct)
    for name, field in schema["properties"].items():
        assert plain(field) == plain(struct["properties"][name]), name
        lenient = (model, name) in LENIENT
        assert (name in schema.get("required", ())) == (name in struct["required"] and not lenient), name


@pytest.mark.parametrize("model", Model.__subclasses__(), ids=lambda model: model.__name__)
def test_every_field_is_explained_and_none_is_null(model: type[Model]) -> None:
    for name, field in schema_of(model)["properties"].items():
        assert field.get("description"), name
        assert {"type": "null"} not in field.get("anyOf", ()), name
        assert field.get("default", "") is not None, name


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_every_model_has_an_example_that_it_takes(model: type[Model]) -> None:
    (example,) = schema_of(model)["examples"]
    taken = model.model_validate(example)
    assert taken.model_dump(by_alias=True, exclude_unset=True) == example


def test_models_read_nothing_into_values() -> None:
    for wrong in ({"rating": "1"}, {"rating": True}, {"rating": 1, "comment": 7}, {}):
        with pytest.raises(ValidationError):
            models.RateMessage.model_validate(wrong)
    assert models.RateMessage.model_validate({"rating": 1, "of the future": 7}).rating == 1
