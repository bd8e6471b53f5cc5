"""What the server says and knows, read from files: personas, mood rules, phrases, reward weights, the model's pack,
the policy.

Nothing below reads YAML: everything takes values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import yaml

import adapters
from adapters.allowed import Rule, RulesError, parse_rules
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
from server.chat.alerting.parsing import AlertsError, parse_plan
from server.chat.alerting.values import Plan
from server.chat.language.book import PromptBook, PromptError, parse_prompts
from server.chat.routing import NO_PLAN, DeskError, DeskPlan, parse_desk
from server.chat.writer import BuiltInWriter, PhraseBook, PhraseError, parse_phrases, with_intents
from server.chat.writer.book import ENGLISH
from server.errors import StartupError
from server.knowledge.errors import KnowledgeError
from server.knowledge.parsing import parse_article
from server.knowledge.values import Article
from server.settings import Settings

# libyaml reads the phrases in 40 ms; PyYAML's own loader, for where that is missing, takes ten times as long.
_YAML_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

Phrases = Mapping[str, PhraseBook]
"""By language (ISO 639-1)."""

CUSTOMERS_FILE = Path(adapters.__file__).with_name("simulation") / "customers.yaml"
"""The customers of simulations that ship."""


NO_ALERTS = Plan()


@dataclass(frozen=True, slots=True)
class Contents:
    """All of it, for one worker. ``pack``: what answers from the start on."""

    personas: tuple[Persona, ...]
    writer: BuiltInWriter
    weights: RewardWeights
    pack: Pack
    products: Products
    phrases: Phrases
    mood_rules: MoodRules
    intents: TrainedIntents | None = None
    rules: tuple[Rule, ...] = ()
    alerts: Plan = NO_ALERTS
    desk: DeskPlan = NO_PLAN


def read_contents(settings: Settings) -> Contents:
    """``StartupError`` names the file that is wrong, and what to do."""
    with ThreadPoolExecutor(1) as beside:  # the model is verified and opened while the rest is read
        loading = beside.submit(_champion_pack, settings)
        personas = read_personas(settings.personas_path)
        phrases = read_phrases(settings.phrases_path)
        mood_rules = read_mood_rules(settings.mood_path)
        try:
            weights = RewardWeights.of(settings.reward_weights, settings.reward_groups)
            products = read_products(settings.products_file)
            pack = loading.result()
        except (ValueError, ModelError) as error:
            raise StartupError(str(error)) from error
    intents = None
    if settings.intents is not None:
        intents = read_trained(settings.intents, space_of(pack.manifest))
    labels = pack.manifest.heads.intent.labels if intents is None else intents.manifest.labels
    rules = read_rules(settings.policy_rules_file, personas, labels)
    writer = writer_of(phrases, intents, settings.default_language)
    plan = read_alert_plan(settings.alert_rules_path)
    check_receivers(plan, settings)
    desk = read_desk(settings.desk_file)
    return Contents(personas, writer, weights, pack, products, phrases, mood_rules, intents, rules, plan, desk)


def _champion_pack(settings: Settings) -> Pack:
    """The champion's, or the settings' own where nobody was promoted or that one can't be used: then the server runs,
    and whoever watches the deployment says why."""
    try:
        return load_pack(champion_folder(settings))
    except (StartupError, ModelError):
        return load_pack(settings.model_path)


def writer_of(phrases: Phrases, intents: TrainedIntents | None, default_language: str | None = None) -> BuiltInWriter:
    """The writer, which can also ask back about the user's own intents; ``StartupError`` where there are no phrases in
    the default language."""
    if default_language is not None and default_language not in phrases:
        raise StartupError(
            f"There are no phrases in the default_language {default_language!r}.", f"Known: {', '.join(phrases)}."
        )
    if intents is None:
        return BuiltInWriter(phrases, default_language)
    asks = dict(zip(intents.manifest.labels, intents.manifest.asks, strict=True))
    own = {language: with_intents(book, asks) for language, book in phrases.items()}
    return BuiltInWriter(own, default_language)


def read_yaml(path: Path) -> Any:
    """A YAML file's content; ``StartupError`` names the file and the line."""
    return _parsed(path, _bytes_of(path))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartupError(f"{path} can't be read: {error.strerror}.", "Correct the path in the settings.") from error


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return yaml.load(content.decode(), Loader=_YAML_LOADER)  # noqa: S506  (a safe one, see above)
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


def read_rules(path: Path | None, personas: tuple[Persona, ...], intents: Collection[str] | None) -> tuple[Rule, ...]:
    """Who may answer what; none without a file. ``intents``: those that are understood, None: any. ``StartupError``
    says which rule is wrong, and how."""
    if path is None:
        return ()
    try:
        return parse_rules(read_yaml(path), path.name, [persona.name for persona in personas], intents)
    except RulesError as error:
        raise StartupError(str(error)) from error


def read_desk(path: Path | None) -> DeskPlan:
    """Skills, agents, hours; without a file nobody has skills and the house is always open. ``StartupError`` says what
    is wrong, and where."""
    if path is None:
        return NO_PLAN
    try:
        return parse_desk(read_yaml(path), path.name, ZoneInfo)
    except DeskError as error:
        raise StartupError(str(error), "Correct desk_file.") from error


def read_alert_plan(path: Path) -> Plan:
    """Alert rules and who is told; ``StartupError`` says which entry is wrong, and how."""
    try:
        return parse_plan(read_yaml(path), path.name)
    except AlertsError as error:
        raise StartupError(str(error)) from error


def check_receivers(plan: Plan, settings: Settings) -> None:
    """``StartupError`` for receivers that no word can reach with these settings."""
    for receiver in plan.receivers.values():
        if receiver.webhooks and not settings.alert_webhook_secret.get_secret_value():
            raise StartupError(
                f"The alerts' receiver {receiver.name!r} has webhooks, which need a secret that signs what is sent.",
                "Set alert_webhook_secret (openssl rand -hex 32), and tell the receiver.",
            )
        if receiver.emails and not (settings.alert_mail_host and settings.alert_mail_from):
            raise StartupError(
                f"The alerts' receiver {receiver.name!r} has mail addresses, which need a mail server and a sender.",
                "Set alert_mail_host and alert_mail_from.",
            )


def read_phrases(folder: Path) -> Phrases:
    """The phrases by language: of the folders in it that are named by a language's code (``de``); files that lie there
    themselves are English. ``StartupError`` says which phrase is wrong, and how."""
    folders = {one.name: one for one in sorted(folder.glob("[a-z][a-z]")) if one.is_dir()}
    if any(folder.glob("*.yaml")):
        folders = {ENGLISH: folder} | {name: one for name, one in folders.items() if name != ENGLISH}
    found = {name: _read_book(one, name) for name, one in folders.items() if any(one.glob("*.yaml"))}
    if not found:
        raise StartupError(f"{folder} holds no phrases (*.yaml).", "Correct phrases_dir in the settings.")
    return found


def _read_book(folder: Path, language: str) -> PhraseBook:
    return _book_of(tuple((file, _bytes_of(file)) for file in sorted(folder.glob("*.yaml"))), language)


@lru_cache(maxsize=8)  # a process that composes itself again (a simulation, a test) has the same files mostly
def _book_of(files: tuple[tuple[Path, bytes], ...], language: str) -> PhraseBook:
    documents = {file.name: _parsed(file, content) for file, content in files}
    try:
        return parse_phrases(documents, language)
    except PhraseError as error:
        where = "" if language == ENGLISH else f"{language}/"
        raise StartupError(f"{where}{error}") from error


def read_prompts(path: Path) -> PromptBook:
    """What a language model is told; ``StartupError`` says what is wrong with the file, and where."""
    try:
        return parse_prompts(read_yaml(path), path.name)
    except PromptError as error:
        raise StartupError(str(error)) from error


def read_key(settings: Settings) -> str:
    """The key of the model server, or the secret of a webhook; empty for none. ``StartupError`` never shows it."""
    path = settings.language_key_file
    if path is None:
        key = settings.language_key.get_secret_value()
    else:
        try:
            key = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise StartupError(f"language_key_file {path} can't be read: {reason}.", "Correct the path.") from None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise StartupError("The key of the language model holds blanks or odd characters.", "Copy it again.")
    return key


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


def article_of(file: str, source: str) -> Article:
    """An article from its Markdown; ``KnowledgeError`` says which line is wrong, and how."""
    return parse_article(file, source, _read_front)


class _FrontError(ValueError):
    """``line``: from 1, within the front matter."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def _read_front(front: str) -> object:
    try:
        return yaml.load(front, Loader=_YAML_LOADER)  # noqa: S506  (a safe one, see above)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise _FrontError(str(error.problem or error.context or "it can't be read"), line) from error
    except yaml.YAMLError as error:
        raise _FrontError(str(error), 1) from error


def article_files(folder: Path) -> tuple[tuple[str, str], ...]:
    """Every ``*.md`` below a folder, by path: its path within the folder, and its text. ``StartupError`` for a folder
    without any, and for a file that can't be read."""
    files = sorted(folder.rglob("*.md"))
    if not files:
        raise StartupError(f"{folder} holds no articles (*.md).", "Give the folder of your articles.")
    return tuple((str(file.relative_to(folder)), _read_text(file)) for file in files)


def read_articles(folder: Path) -> tuple[Article, ...]:
    """The articles of a folder; ``StartupError`` as ``article_files``, and for the first that is wrong."""
    try:
        return tuple(article_of(name, source) for name, source in article_files(folder))
    except KnowledgeError as error:
        raise StartupError(str(error)) from error


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise StartupError(f"{file} can't be read: {error.strerror}.", "See whether you may read it.") from error
    except UnicodeDecodeError as error:
        raise StartupError(f"{file} is no UTF-8 text.", "Save it as UTF-8.") from error


def read_questions(path: Path) -> tuple[tuple[str, str | None], ...]:
    """Questions with the article that answers them, or None: a line each, ``question<TAB>article``, ``-`` for none.
    ``StartupError`` names the line that is wrong."""
    found: list[tuple[str, str | None]] = []
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            question, tab, article = line.partition("\t")
            if not tab or not question.strip() or not article.strip():
                raise StartupError(
                    f"{path}:{number} is no question with its article.", "Write question, a tab, and the article or -."
                )
            found.append((question.strip(), None if article.strip() == "-" else article.strip()))
    return tuple(found)


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


def check_no_canary(settings: Settings, space: Space) -> None:
    """``StartupError`` where a canary is to answer that can't read intents trained on ``space``: servers would leave it
    out, and the share of the conversations that somebody gave it would be nobody's."""
    try:
        catalogue = catalogue_of(settings)
        canary = catalogue.deployment().canary
        if canary is None or space_of(catalogue.version(canary.version).manifest) == space:
            return
    except RegistryError as error:
        raise StartupError(str(error)) from error
    raise StartupError(
        f"{canary.version} is the canary, and these intents were trained on the embedding of {space.model}.",
        "It can't read them: end it with `parlance model canary --off`, or promote it and train the intents on it.",
    )


def new_seed() -> int:
    """One that no other policy has; below 2^32."""
    return int(np.random.SeedSequence().entropy % 2**32)  # type: ignore[operator]


def build_policy(settings: Settings, personas: tuple[Persona, ...], seed: int | None = None) -> Policy:
    """The policy of the settings, leaning to the personas that suit a mood; without a ``seed`` it draws anew."""
    arms = tuple(persona.name for persona in personas)
    seed = new_seed() if seed is None else seed
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
