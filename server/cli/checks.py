"""What ``parlance doctor`` looks at. Each check gives findings and changes nothing that stays."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server.errors import StartupError
from server.settings import Loaded, Settings
from server.settings import check_settings as hold_rules
from server.settings.model import MIN_SECRET_BYTES

Status = Literal["ok", "warn", "fail"]
MIN_FREE_BYTES = 500_000_000
MIN_OPEN_FILES = 4_096
# Database, logs, model, pipes and the standard streams, rounded up.
OWN_OPEN_FILES = 100
MAX_CHECKED_BYTES = 500_000_000  # SQLite's own check reads the whole file


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. ``remedy`` says what to do; empty where all is well."""

    check: str
    status: Status
    text: str
    remedy: str = ""


Check = Callable[[Loaded], Iterator[Finding]]


def check_settings(loaded: Loaded) -> Iterator[Finding]:
    hold_rules(loaded.settings, loaded.origins)
    origins = loaded.origins.values()
    given = sum(origin.startswith(("file ", "environment ", "flag ")) for origin in origins)
    yield Finding("settings", "ok", f"{given} given, {len(loaded.origins) - given} by default")


def check_data_directory(loaded: Loaded) -> Iterator[Finding]:
    folder = loaded.settings.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        remedy = "Choose another folder with --data-dir, or give this user the right to write it."
        yield Finding("data directory", "fail", f"{existing} can't be written: {error.strerror}", remedy)
        return
    free = shutil.disk_usage(existing).free
    said = f"{folder} is writable" if existing == folder else f"{folder} will be made at the first start"
    if free < MIN_FREE_BYTES:
        remedy = "Free some space: a full disk stops every answer."
        yield Finding("data directory", "warn", f"{said}, but only {free // 1_000_000} MB are free", remedy)
    else:
        yield Finding("data directory", "ok", f"{said}, {free // 1_000_000_000} GB free")


def check_secret(loaded: Loaded) -> Iterator[Finding]:
    settings, origin = loaded.settings, loaded.origins["secret"]
    if not settings.signs_tokens:
        from server.tokens import Tokens

        Tokens.from_settings(settings)
        yield Finding("secret", "ok", f"{settings.token_algorithm} tokens, checked with a public key")
    elif not settings.secret_bytes:
        yield Finding("secret", "ok", f"made at the first start, in {settings.secret_path}")
    elif len(settings.secret_bytes) < MIN_SECRET_BYTES:
        remedy = "Set PARLANCE_SECRET to 32 or more random bytes (openssl rand -hex 32)."
        yield Finding("secret", "warn", f"{len(settings.secret_bytes)} bytes are too few ({origin})", remedy)
    elif origin.startswith("made") and stat.S_IMODE(settings.secret_path.stat().st_mode) & 0o077:
        remedy = f"chmod 600 {settings.secret_path}"
        yield Finding("secret", "warn", f"other users of this machine can read {settings.secret_path}", remedy)
    else:
        yield Finding("secret", "ok", origin)


def check_database(loaded: Loaded) -> Iterator[Finding]:
    from sqlalchemy.engine import make_url

    if loaded.settings.shares_database:
        yield _looked_at(loaded.settings)
        return
    path = Path(make_url(loaded.settings.effective_database_url).database or "")
    if not path.exists():
        yield Finding("database", "ok", f"{path} will be made at the first start")
    else:
        yield _inspected(path)


def _looked_at(settings: Settings) -> Finding:
    from server.store.postgresql import PostgresqlDatabase

    try:
        timeout_s = settings.store_timeout_ms / 1_000
        found = asyncio.run(PostgresqlDatabase(settings.effective_database_url, timeout_s=timeout_s).look())
    except StartupError as error:
        return Finding("database", "fail", error.problem, error.remedy)
    if found.only_reads:
        return Finding("database", "fail", f"{found.place} only reads", "Name the primary server in database_url.")
    if found.revision is None and not found.may_make_tables:
        remedy = "Make the user the owner of the database, or GRANT CREATE ON SCHEMA public."
        return Finding("database", "fail", f"{found.place}: the user may not make tables", remedy)
    schema = _schema_finding(found.place, found.revision)
    if schema.status == "ok" and not found.waits_for_disk:
        remedy = "Set fsync = on: a power failure would lose what was acked."
        return Finding("database", "warn", f"{schema.text}; its fsync is off", remedy)
    return schema


def _inspected(path: Path) -> Finding:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    # Read-only, so that looking neither migrates nor locks: the server may be running.
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5),
        poolclass=NullPool,
    )
    try:
        with engine.connect() as connection:
            if path.stat().st_size <= MAX_CHECKED_BYTES:
                damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
                if damage != "ok":
                    return Finding("database", "fail", f"{path} is damaged: {damage}", "Restore it from a backup.")
            from server.store.migrate import current_revision

            size = f"{path.stat().st_size / 1_000_000:.1f} MB"
            return _schema_finding(str(path), current_revision(connection), size)
    except (DBAPIError, sqlite3.Error) as error:
        reason = getattr(error, "orig", None) or error
        remedy = "Restore it from a backup, or name another file with --database-url."
        return Finding("database", "fail", f"{path} can't be read: {reason}", remedy)


def _schema_finding(place: str, revision: str | None, *more: str) -> Finding:
    from alembic.script import ScriptDirectory

    from server.store.migrate import HEAD, MIGRATIONS

    if revision == HEAD:
        return Finding("database", "ok", ", ".join((place, f"schema {HEAD}", *more)))
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if revision is None or revision in known:
        return Finding("database", "ok", f"{place}, schema {revision or 'none'}: the next start brings it to {HEAD}")
    problem = f"{place} is newer than this Parlance: schema {revision}, this version knows {HEAD}"
    return Finding("database", "fail", problem, "Start the Parlance that made it, or restore an older backup.")


def check_redis(loaded: Loaded) -> Iterator[Finding]:
    settings = loaded.settings
    if not settings.redis_url:
        yield Finding("Redis", "ok", "not used: one worker needs none")
        return
    try:
        yield Finding("Redis", "ok", asyncio.run(_connected(settings)))
    except StartupError as error:
        yield Finding("Redis", "fail", error.problem, error.remedy)


async def _connected(settings: Settings) -> str:
    """Everything that a start does with Redis, under a prefix of its own. Raises ``StartupError``."""
    from random import Random

    from server.backplane.connect import connect_backplane
    from server.clock import SystemClock

    prefix = f"{settings.redis_prefix}:doctor"
    parts = connect_backplane(settings.redis_url, "doctor", clock=SystemClock(), rng=Random(), prefix=prefix)
    try:
        await parts.backplane.start(lambda _: None, lambda: None)
        await parts.backplane.listen("doctor")
    finally:
        await parts.backplane.close()
    return "connected; publishing, subscribing and scripts work"


def check_model(loaded: Loaded) -> Iterator[Finding]:
    from inference.errors import ModelError
    from inference.pack import load_pack
    from server.contents import champion_folder

    try:
        pack = load_pack(champion_folder(loaded.settings))
    except ModelError as error:
        yield Finding("model", "fail", f"{error.path} {error.problem}", error.remedy)
    else:
        yield Finding("model", "ok", f"{pack.manifest.model}, digests match, runs ({pack.folder})")


def check_versions(loaded: Loaded) -> Iterator[Finding]:
    from inference.errors import RegistryError
    from server.contents import catalogue_of

    catalogue = catalogue_of(loaded.settings)
    try:
        deployment, whole = catalogue.deployment(), catalogue.versions()
        tried = [] if deployment.challenger is None else [catalogue.verified(deployment.challenger).name]
    except RegistryError as error:
        yield Finding("versions", "fail", error.problem, error.remedy)
        return
    for name, reason in catalogue.broken().items():
        yield Finding("versions", "warn", f"{name} is broken: {reason}", f"Remove it from {catalogue.folder}.")
    beside = f", {tried[0]} is tried" if tried else ""
    yield Finding("versions", "ok", f"{len(whole)} of the model in {catalogue.folder}{beside}")


def check_intents(loaded: Loaded) -> Iterator[Finding]:
    from server.contents import champion_folder, embedding_space, read_trained

    path = loaded.settings.intents
    if path is None:
        yield Finding("intents", "ok", "the model's own")
        return
    manifest = read_trained(path, embedding_space(champion_folder(loaded.settings))).manifest
    sure = f"sure from {manifest.threshold:.2f} on"
    yield Finding("intents", "ok", f"{len(manifest.labels)} of your own, {sure} ({path})")


def check_personas(loaded: Loaded) -> Iterator[Finding]:
    from server.contents import build_policy, read_personas

    personas = read_personas(loaded.settings.personas_path)
    names = tuple(persona.name for persona in personas)
    yield Finding("personas", "ok", f"{len(names)}: {', '.join(names)}")
    build_policy(loaded.settings, personas)
    yield Finding("policy", "ok", f"{loaded.settings.policy} over {len(names)} personas")


def check_rules(loaded: Loaded) -> Iterator[Finding]:
    from server.contents import champion_folder, embedding_space, read_personas, read_rules, read_trained

    path, own = loaded.settings.policy_rules_file, loaded.settings.intents
    if path is None:
        yield Finding("rules", "ok", "none: every persona may answer everything")
        return
    if own is None:
        intents = model_intents(loaded.settings) or None
    else:
        intents = read_trained(own, embedding_space(champion_folder(loaded.settings))).manifest.labels
    rules = read_rules(path, read_personas(loaded.settings.personas_path), intents)
    yield Finding("rules", "ok", f"{len(rules)} in {path}")


def check_rewards(loaded: Loaded) -> Iterator[Finding]:
    from adapters.rewards import RewardWeights

    try:
        RewardWeights.of(loaded.settings.reward_weights, loaded.settings.reward_groups)
    except ValueError as error:
        yield Finding("rewards", "fail", str(error), "Correct reward_weights or reward_groups in the settings.")
    else:
        changed = ", ".join((*loaded.settings.reward_weights, *loaded.settings.reward_groups)) or "none"
        yield Finding("rewards", "ok", f"weights changed: {changed}")


def check_language(loaded: Loaded) -> Iterator[Finding]:
    from server.contents import read_key, read_prompts

    settings = loaded.settings
    book = read_prompts(settings.language_prompt_path)
    if settings.language_writer == "builtin":
        yield Finding("language", "ok", "the built-in writer alone")
        return
    keyed = "with a key" if read_key(settings) else "without a key"
    variants = f", {len(book.variants)} variants" if book.variants else ""
    model = f" {settings.language_model}" if settings.language_model else ""
    yield Finding("language", "ok", f"{settings.language_writer}{model}, {keyed}{variants}; nobody was asked")


def check_phrases(loaded: Loaded) -> Iterator[Finding]:
    from server.chat.writer import coverage, lint_all
    from server.contents import read_personas, read_phrases

    folder = loaded.settings.phrases_path
    books = read_phrases(folder)
    # Without a model, whose own finding it is, the books' intents are taken as they are.
    names = tuple(one.name for one in read_personas(loaded.settings.personas_path))
    complaints = lint_all(books, model_intents(loaded.settings), names)
    yield from (Finding("phrases", "warn", complaint, f"Edit it in {folder}.") for complaint in complaints)
    for told in coverage(books):
        yield Finding("phrases", "ok", f"{told} in {folder / told.language}")


def check_mood(loaded: Loaded) -> Iterator[Finding]:
    from server.contents import read_mood_rules

    path = loaded.settings.mood_path
    rules = read_mood_rules(path)
    yield Finding("mood", "ok", f"{len(rules.rules)} rules in {path}")


def check_products(loaded: Loaded) -> Iterator[Finding]:
    from server.contents import read_products

    path = loaded.settings.products_file
    products = read_products(path)
    yield Finding("products", "ok", "none are named" if path is None else f"{path} names {len(products)}")


def model_intents(settings: Settings) -> tuple[str, ...]:
    from inference.errors import ModelError
    from inference.pack import verify_pack
    from server.contents import champion_folder

    try:
        return tuple(verify_pack(champion_folder(settings)).heads.intent.labels)
    except (ModelError, StartupError):
        return ()


def check_port(loaded: Loaded) -> Iterator[Finding]:
    from server.data_dir import hold_data_dir
    from server.serving import bind

    settings = loaded.settings
    try:
        with bind(settings):
            yield Finding("port", "ok", f"{settings.host} port {settings.port} is free")
        return
    except StartupError as error:
        taken = error
    if settings.data_dir.is_dir():
        try:
            hold_data_dir(settings.data_dir).close()
        except StartupError:
            said = f"{settings.host} port {settings.port} is in use, it seems by the server of this data directory"
            yield Finding("port", "ok", said)
            return
    yield Finding("port", "fail", taken.problem, taken.remedy)


def check_open_files(loaded: Loaded) -> Iterator[Finding]:  # noqa: ARG001
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        yield Finding("open files", "ok", "no limit")
    elif soft < MIN_OPEN_FILES:
        remedy = "ulimit -n 65536 before the start, or LimitNOFILE=65536 in its systemd unit."
        said = f"the limit of {soft} allows about {max(0, soft - OWN_OPEN_FILES)} connections"
        yield Finding("open files", "warn", said, remedy)
    else:
        yield Finding("open files", "ok", f"{soft} of at most {hard}")


CHECKS: tuple[Check, ...] = (
    check_settings,
    check_data_directory,
    check_secret,
    check_database,
    check_redis,
    check_model,
    check_versions,
    check_intents,
    check_personas,
    check_rules,
    check_rewards,
    check_mood,
    check_phrases,
    check_language,
    check_products,
    check_port,
    check_open_files,
)


def diagnose(loaded: Loaded, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Findings of every check, in order. A check that breaks down is a finding too."""
    for check in checks:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            yield from check(loaded)
        except StartupError as error:
            yield Finding(name, "fail", error.problem, error.remedy)
        except Exception as error:  # the doctor must not die of the disease
            yield Finding(name, "fail", f"{type(error).__name__}: {error}", "This should not happen: please report it.")
