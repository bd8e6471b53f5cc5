"""What the server says and knows, read from files: personas, mood rules, phrases, reward weights, the model's pack,
the policy.

Nothing below reads YAML: everything takes values.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

import adapters
from adapters.features import FEATURE_NAMES
from adapters.mood import MoodError, MoodRules, parse_mood_rules
from adapters.personas import Persona, PersonaError, parse_personas
from adapters.policies import Policy, make_policy, parameters_of
from adapters.priors import warm_start
from adapters.rewards import RewardWeights
from inference.entities import NO_PRODUCTS
from inference.errors import ModelError, ProductsError, RegistryError
from inference.intents.errors import IntentsError
from inference.intents.parsing import parse_intents
from inference.intents.trained import Space, TrainedError, TrainedIntents, from_bytes, space_of
from inference.intents.values import IntentSet
from inference.pack import Pack, load_pack, read_manifest, verify_pack
from inference.products import Products, load_products
from inference.registry.catalogue import Catalogue
from server.chat.writer import BuiltInWriter, PhraseBook, PhraseError, parse_phrases, with_intents
from server.errors import StartupError
from server.settings import Settings

# libyaml reads the phrases in 40 ms; PyYAML's own loader, for where that is missing, takes ten times as long.
_YAML_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

CUSTOMERS_FILE = Path(adapters.__file__).with_name("simulation") / "customers.yaml"
"""The customers of simulations that ship."""


@dataclass(frozen=True, slots=True)
class Contents:
    """All of it, for one worker. ``pack``: what answers from the start on."""

    personas: tuple[Persona, ...]
    writer: BuiltInWriter
    weights: RewardWeights
    pack: Pack
    products: Products
    phrases: PhraseBook
    mood_rules: MoodRules
    intents: TrainedIntents | None = None


def read_contents(settings: Settings) -> Contents:
    """``StartupError`` names the file that is wrong, and what to do."""
    with ThreadPoolExecutor(1) as beside:  # the model is verified and opened while the rest is read
        loading = beside.submit(_champion_pack, settings)
        personas = read_personas(settings.personas_path)
        phrases = read_phrases(settings.phrases_path)
        mood_rules = read_mood_rules(settings.mood_path)
        try:
            weights, products = RewardWeights.of(settings.reward_weights), read_products(settings.products_file)
            pack = loading.result()
        except (ValueError, ModelError) as error:
            raise StartupError(str(error)) from error
    intents = None
    if settings.intents is not None:
        intents = read_trained(settings.intents, space_of(pack.manifest))
    return Contents(personas, writer_of(phrases, intents), weights, pack, products, phrases, mood_rules, intents)


def _champion_pack(settings: Settings) -> Pack:
    """The champion's, or the settings' own where nobody was promoted or that one can't be used: then the server runs,
    and whoever watches the deployment says why."""
    try:
        return load_pack(champion_folder(settings))
    except (StartupError, ModelError):
        return load_pack(settings.model_path)


def writer_of(phrases: PhraseBook, intents: TrainedIntents | None) -> BuiltInWriter:
    """The writer, which can also ask back about the user's own intents."""
    if intents is None:
        return BuiltInWriter(phrases)
    asks = dict(zip(intents.manifest.labels, intents.manifest.asks, strict=True))
    return BuiltInWriter(with_intents(phrases, asks))


def read_yaml(path: Path) -> Any:
    """A YAML file's content; ``StartupError`` names the file and the line."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_YAML_LOADER)  # noqa: S506  (a safe one, see above)
    except OSError as error:
        raise StartupError(f"{path} can't be read: {error.strerror}.", "Correct the path in the settings.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} is no valid YAML: {error}", "Mend the line named above.") from error


def read_personas(path: Path) -> tuple[Persona, ...]:
    """``StartupError`` says which persona is wrong, and how."""
    try:
        return parse_personas(read_yaml(path), path.name)
    except PersonaError as error:
        raise StartupError(str(error)) from error


def read_mood_rules(path: Path) -> MoodRules:
    """``StartupError`` says which rule is wrong, and how."""
    try:
        return parse_mood_rules(read_yaml(path), path.name)
    except MoodError as error:
        raise StartupError(str(error)) from error


def read_phrases(folder: Path) -> PhraseBook:
    """``StartupError`` says which phrase is wrong, and how."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise StartupError(f"{folder} holds no phrases (*.yaml).", "Correct phrases_dir in the settings.")
    try:
        return parse_phrases({file.name: read_yaml(file) for file in files})
    except PhraseError as error:
        raise StartupError(str(error)) from error


def read_products(path: Path | None) -> Products:
    """``StartupError`` says what is wrong with the file, and where."""
    try:
        return NO_PRODUCTS if path is None else load_products(path)
    except ProductsError as error:
        raise StartupError(str(error)) from error


def read_intents(folder: Path) -> IntentSet:
    """A user's own intents; ``StartupError`` says which entry is wrong, and how."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise StartupError(f"{folder} holds no intents (*.yaml).", "Give the folder of your intents.")
    try:
        return parse_intents({file.name: read_yaml(file) for file in files})
    except IntentsError as error:
        raise StartupError(str(error)) from error


def read_intents_with(folder: Path, file: str) -> tuple[IntentSet | None, Mapping[str, Any]]:
    """All intents of a folder, None where there are none yet, and what stands in its file ``file``, empty where that is
    not there; ``StartupError`` as ``read_intents``."""
    documents = {path.name: read_yaml(path) for path in sorted(folder.glob("*.yaml"))}
    try:
        return (parse_intents(documents) if documents else None), documents.get(file, {})
    except IntentsError as error:
        raise StartupError(str(error)) from error


def yaml_of(document: Mapping[str, Any]) -> str:
    """YAML for people: keys in their order, a text a line, no escapes for letters."""
    return yaml.safe_dump(dict(document), allow_unicode=True, sort_keys=False, width=10_000)


def embedding_space(model: Path) -> Space:
    """The embedding of the model in that folder."""
    try:
        return space_of(verify_pack(model))
    except ModelError as error:
        raise StartupError(str(error)) from error


def read_trained(path: Path, space: Space | None) -> TrainedIntents:
    """What ``parlance intents train`` wrote, for the embedding ``space`` or, None, for any; ``StartupError`` says why
    the file can't be used."""
    try:
        return from_bytes(path.read_bytes(), space)
    except OSError as error:
        raise StartupError(
            f"{path} can't be read: {error.strerror}.", "Train it with `parlance intents train`, or correct the path."
        ) from error
    except TrainedError as error:
        raise StartupError(f"{path} {error}") from error


def read_space(path: Path) -> Space:
    """The embedding that a file of trained intents is for; ``StartupError`` as ``read_trained``."""
    return read_trained(path, None).manifest.space


def catalogue_of(settings: Settings) -> Catalogue:
    """The versions of the model that these settings know."""
    return Catalogue(settings.models_path, settings.standing_packs)


def standard_version(settings: Settings) -> str:
    """The version that the settings name; its folder's name where the pack there can't be read."""
    try:
        return read_manifest(settings.model_path).model
    except ModelError:
        return settings.model_path.name


def champion_folder(settings: Settings) -> Path:
    """The pack that answers: of the champion, or the settings' own where none was promoted."""
    try:
        catalogue = catalogue_of(settings)
        champion = catalogue.deployment().champion
        return settings.model_path if champion is None else catalogue.version(champion).folder
    except RegistryError as error:
        raise StartupError(str(error)) from error


def build_policy(settings: Settings, personas: tuple[Persona, ...]) -> Policy:
    """The policy of the settings, leaning to the personas that suit a mood; every start draws anew."""
    arms = tuple(persona.name for persona in personas)
    seed = int(np.random.SeedSequence().entropy % 2**32)  # type: ignore[operator]
    try:
        parameters = _policy_parameters(settings, personas)
        policy = make_policy(settings.policy, arms=arms, dim=len(FEATURE_NAMES), seed=seed, **parameters)
    except ValueError as error:
        raise StartupError(f"The policy can't be made: {error}", "Correct the policy settings.") from error
    warm_start(policy, {persona.name: persona.traits for persona in personas})
    return policy


def _policy_parameters(settings: Settings, personas: tuple[Persona, ...]) -> dict[str, object]:
    """Those of the general settings that the policy knows, and all that were given by name."""
    general: dict[str, object] = {
        "floor": settings.policy_floor,
        "half_life_days": settings.policy_half_life_days or None,
        "detect_changes": settings.policy_detect_changes,
        "traits": {persona.name: tuple(persona.traits.values()) for persona in personas},
    }
    if "policy_alpha" in settings.model_fields_set:
        general["alpha"] = settings.policy_alpha
    known = parameters_of(settings.policy)
    return {name: value for name, value in general.items() if name in known} | settings.policy_parameters
