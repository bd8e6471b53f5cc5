"""Every setting with its default, meaning and unit; ``parlance config explain`` and docs/settings.md show them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, SecretStr

from server.settings.alerting import AlertSettings
from server.settings.tracing import TraceSettings
from server.settings.types import Folder, Host, Networks, OptionalPath, Origins, Reward, Switch, Weights, setting

# The wheel installs the packages side by side, as the repository has them.
PACKAGES = Path(__file__).resolve().parents[2]
MIN_SECRET_BYTES = 32  # RFC 7518 §3.2: an HS256 key is at least as long as the hash
SHIPPED_PACKS: Mapping[str, str] = {"standard": "nlu", "fast": "nlu-fast"}
DAY_S = 86_400
# Loopback (RFC 1122, RFC 4291) and private networks (RFC 1918, RFC 4193).
PRIVATE_NETWORKS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class Settings(AlertSettings, TraceSettings):
    """Frozen. Paths are absolute once loaded (relative ones are meant from the folder of the start)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)

    # where it listens
    host: Host = setting("127.0.0.1", "Address or name to listen on; 0.0.0.0 or :: means every network interface.")
    port: int = setting(8000, "TCP port to listen on.", ge=1, le=65_535)
    workers: int = setting(1, "Server processes; more than one needs Redis and PostgreSQL.", "processes", ge=1, le=256)
    allow_insecure_bind: bool = setting(
        False,
        "Start on an address that other machines reach even with guests allowed or with a weak or made-up secret.",
    )

    # what it keeps
    data_dir: Folder = setting("data", "Folder of the database, the made-up secret and other files; made if missing.")
    database_url: str = setting(
        "",
        "Database, as sqlite:///FILE (four slashes for an absolute path) or postgresql://USER:PASSWORD@HOST/NAME; "
        "empty: parlance.db in the data directory.",
        repr=False,
    )
    redis_url: str = setting(
        "",
        "Redis that connects several workers: redis:// or rediss://HOST:PORT/DB, redis+cluster://HOST:PORT, or "
        "redis+sentinel://HOST:PORT,HOST:PORT/MASTER; empty: none.",
        repr=False,
    )
    redis_prefix: str = setting(
        "parlance", "Beginning of every key and channel in Redis, for installations that share one.",
        min_length=1, max_length=64,
    )  # fmt: skip
    store_timeout_ms: int = setting(
        5_000, "Longest wait for the database before a request is answered with 503.", "ms", ge=1, le=600_000
    )
    group_commit_max: int = setting(64, "Most messages that share one commit.", "rows", ge=1, le=10_000)
    group_commit_wait_ms: float = setting(
        0.0, "How long a commit waits for more messages to share it; 0: only what is already waiting.", "ms", ge=0, le=2
    )

    # who may talk
    secret: SecretStr = setting(
        SecretStr(""),
        "Key that signs and checks tokens (HS256); empty: made once, in the file secret in the data directory. "
        "At least 32 bytes where other machines reach the server.",
        repr=False,
    )
    secret_previous: SecretStr = setting(
        SecretStr(""),
        "The secret before the present one: tokens signed with it are still believed. For changing secrets without "
        "turning anybody out; remove it once those tokens have expired.",
        repr=False,
    )
    token_algorithm: Literal["HS256", "RS256", "EdDSA"] = setting(
        "HS256", "Signature that tokens must have. RS256 and EdDSA tokens are made by your own system, never here."
    )
    token_public_key_file: OptionalPath = setting(
        None, "PEM file of the public key, for RS256 and EdDSA; of several keys while changing them."
    )
    token_audience: str = setting("", "Required `aud` claim of tokens; empty: tokens with that claim are refused.")
    token_ttl_s: int = setting(30 * DAY_S, "How long a new guest's token is valid.", "s", ge=60, le=3_650 * DAY_S)
    guests: Switch = setting(
        "auto",
        "Whether people may chat without a token; auto: only where no other machine reaches the server and tokens "
        "are HS256.",
    )
    explain: Switch = setting(
        "auto", "Whether customers see how an answer came about (analysis, policy, figures); auto: as guests."
    )
    allowed_origins: Origins = setting(
        (), "Further origins whose pages may connect, such as https://shop.example; the server's own always may."
    )

    # connections
    ping_interval_ms: int = setting(
        25_000, "Time between two pings; a connection without a pong by the next one is dropped.", "ms",
        ge=100, le=3_600_000,
    )  # fmt: skip
    connect_timeout_ms: int = setting(
        10_000, "Time for the first frame, connect, before close 4408.", "ms", ge=10, le=600_000
    )
    max_message_bytes: int = setting(
        131_072, "Largest message from a client; a larger one is closed with 1009.", "bytes", ge=1_024, le=16_777_216
    )
    compression: bool = setting(
        False, "Offer permessage-deflate; costs about 40 KiB of memory per connection and time per message."
    )
    outbox_max_bytes: int = setting(
        4_000_000, "Unsent bytes per connection at which a slow reader is closed with 4501.", "bytes",
        ge=1_000_000, le=1_073_741_824,
    )  # fmt: skip
    drain_ms: int = setting(
        5_000, "Time for connections to leave and turns to end after SIGTERM.", "ms", ge=0, le=600_000
    )

    # limits
    limits: Literal["on", "off"] = setting("on", "Whether the limits below hold; off is for load tests.")
    connections_per_user: int = setting(
        20, "Open connections of one user on one worker.", "connections", ge=1, le=1_000_000
    )
    connections_per_address: int = setting(
        500, "Open connections from one network address on one worker; this machine's own addresses have no limit.",
        "connections", ge=1, le=1_000_000,
    )  # fmt: skip
    frames_per_second: float = setting(
        50.0, "Frames that one connection may send in the long run; four seconds' worth at once.", "1/s", gt=0, le=1e6
    )
    messages_per_second: float = setting(
        5.0, "Messages that one user may send in the long run, over all connections and workers; ten seconds' worth at "
        "once. Services have no limit.", "1/s", gt=0, le=1e6,
    )  # fmt: skip
    opens_per_minute: float = setting(
        30.0, "Conversations that one user may open in the long run; a minute's worth at once.", "1/min", gt=0, le=1e6
    )
    requests_per_second: float = setting(
        20.0, "HTTP requests under /v1 that one user may make in the long run; ten seconds' worth at once. Services "
        "have no limit.", "1/s", gt=0, le=1e6,
    )  # fmt: skip
    failed_tokens_per_minute: float = setting(
        20.0, "Bad tokens that one network address may present in the long run; a minute's worth at once.", "1/min",
        gt=0, le=1e6,
    )  # fmt: skip
    guests_per_minute: float = setting(
        30.0, "New guests from one network address in the long run; a minute's worth at once.", "1/min", gt=0, le=1e6
    )
    trusted_proxies: Networks = setting(
        (), "Addresses or networks of reverse proxies whose X-Forwarded-For names the client, such as 10.0.0.0/8."
    )

    # understanding
    model: Literal["standard", "fast"] = setting(
        "standard", "Model pack that ships: standard, or fast with half of the layers, a point less accurate."
    )
    model_dir: OptionalPath = setting(None, "Folder of a model pack of your own in place of the one that ships.")
    models_dir: OptionalPath = setting(
        None,
        "Folder of further versions of the model and of deployment.json, which says which of them answer; a shared "
        "volume where several machines serve; empty: models in the data directory.",
    )
    intents: OptionalPath = setting(
        None, "File of your own intents, as `parlance intents train` writes it; empty: the model's own."
    )
    intents_dir: OptionalPath = setting(
        None,
        "Folder of your own intents' examples (YAML), for admins to add to and train from their page; empty: by "
        "commands alone.",
    )
    analysis_timeout_ms: int = setting(
        1_000, "Longest time for understanding one text; past it the bot asks what was meant.", "ms", ge=1, le=60_000
    )
    analysis_max_waiting: int = setting(
        1_024, "Texts that may wait for the model; more are refused as unavailable.", "texts", ge=1, le=1_000_000
    )
    analysis_cache_entries: int = setting(
        10_000, "Analyses kept in memory by text (about 2 KiB each); 0: none.", "texts", ge=0, le=10_000_000
    )

    products_file: OptionalPath = setting(
        None,
        "Text file of product names, one a line, that are found in messages as whole words in any case; empty: none.",
    )

    # the inbox of doubtful turns
    inbox_items: int = setting(
        10_000, "Doubtful turns that wait in the inbox to be relabelled, the newest of them; 0: no inbox.", "turns",
        ge=0, le=10_000_000,
    )  # fmt: skip
    inbox_days: int = setting(
        90, "How long a turn that nobody labels stays in the inbox; what has a label stays.", "days", ge=1, le=3_650
    )
    inbox_confidence: float = setting(
        0.4, "Confidence of the intent below which a turn goes into the inbox. Your own intents (setting intents) have "
        "a threshold from their own examples instead.", "probability", ge=0, le=1,
    )  # fmt: skip
    inbox_out_of_scope: float = setting(
        0.5, "Probability of belonging to no intent from which on a turn without a confident one goes into the inbox; "
        "likewise.", "probability", ge=0, le=1,
    )  # fmt: skip
    inbox_redact: bool = setting(
        True, "Show and export texts of the inbox with placeholders such as [email] in place of personal data."
    )

    # knowledge
    demo: bool = setting(
        False, "Load the knowledge of the demo shop at the start: 60 articles, where they are not there yet."
    )
    knowledge_answer_from: float = setting(
        0.3, "Confidence of an article from which on the bot answers with its words.", "probability", ge=0, le=1
    )
    knowledge_offer_from: float = setting(
        0.12, "Confidence from which on the bot asks whether one of the two nearest articles is meant.", "probability",
        ge=0, le=1,
    )  # fmt: skip

    knowledge_index: Literal["exact", "approximate", "auto"] = setting(
        "auto", "How passages are found by meaning: exact compares all; approximate looks along a graph, which needs "
        "the extra parlance[approximate]; auto does that from 100,000 rows on where it is installed.",
    )  # fmt: skip
    knowledge_cache_entries: int = setting(
        2_000, "Searches that a worker remembers (about 2 KB each), and as many answers of a language model to first "
        "questions (4 KB), until an article changes; 0: none.", "entries", ge=0, le=1_000_000,
    )  # fmt: skip
    knowledge_question_days: int = setting(
        90, "How long it is remembered what came of each question, for the figures of articles, for gaps and for what "
        "is asked often; 0: nothing of it is recorded.", "days", ge=0, le=3_650,
    )  # fmt: skip

    # answering and learning
    conversations_in_memory: int = setting(
        20_000,
        "Conversations of which the bot keeps in memory what was said last (about 3 KiB each); others are read again.",
        "conversations",
        ge=1,
        le=10_000_000,
    )
    personas_file: OptionalPath = setting(None, "YAML file of the personas; empty: the one that ships with Parlance.")
    phrases_dir: OptionalPath = setting(
        None,
        "Folder of the writer's phrases (YAML), a folder in it per language; empty: those that ship with Parlance.",
    )
    default_language: str = setting(
        "en", "Language of an answer to somebody whose language nobody knows; there are phrases in it.",
        pattern="^[a-z]{2}$",
    )  # fmt: skip
    mood_file: OptionalPath = setting(
        None, "YAML file of the mood rules that bend the chosen persona; empty: the one that ships with Parlance."
    )
    bot_name: str = setting("Parlance", "Name under which the bot writes.", min_length=1, max_length=200)
    policy: str = setting(
        "linucb",
        "How the persona of an answer is chosen: linucb, personal, lints, hybrid, squarecb, epsilon_greedy, ucb1, "
        "thompson, exp3, round_robin, uniform or fixed.",
        min_length=1, max_length=64,
    )  # fmt: skip
    policy_mode: Literal["live", "log_only", "apprentice"] = setting(
        "live",
        "live: the policy chooses and learns from customers. log_only: chance chooses, which is logged, and the policy "
        "learns from that without being heard. apprentice: the policy chooses, and learns from agents' choices only.",
    )
    policy_alpha: float = setting(
        0.25, "How far the policy explores beyond what it knows; if not set, what suits the policy.", ge=0, le=100
    )
    policy_floor: float = setting(
        0.01, "Least probability of each persona, which keeps the log fit for judging other policies.", "probability",
        ge=0, le=0.5,
    )  # fmt: skip
    policy_half_life_days: float = setting(
        0.0, "After how long a reward counts half; 0: never.", "days", ge=0, le=100_000
    )
    policy_detect_changes: bool = setting(
        False, "Forget a persona whose rewards have left what was expected of it, to learn it anew."
    )
    policy_parameters: Weights = setting(
        {}, "The policy's other parameters by name, such as ridge, epsilon, sharing, gamma, exponent, rate or noise."
    )
    policy_rules_file: OptionalPath = setting(
        None, "YAML file of rules saying which personas may answer what and whom; empty: all may answer everything."
    )
    policy_snapshot_events: int = setting(
        1_000, "After how many entries of its log a snapshot of the policy is stored, which spares a start the replay "
        "of what stands before it; 0: none, not even when the server stops.", "events", ge=0, le=10_000_000,
    )  # fmt: skip
    policy_snapshots_kept: int = setting(
        10, "Newest snapshots that are kept; those made by hand stay besides.", "snapshots", ge=1, le=1_000
    )
    policy_holdout: float = setting(
        0.0, "Share of users whose persona is drawn by a hash of their id; the policy never learns from them, so that "
        "personas can be compared on them.", "share", ge=0, le=0.5,
    )  # fmt: skip
    experiment_look_s: int = setting(
        600, "How often a running experiment is analysed for its automatic stop, by one worker of all.", "s",
        ge=10, le=604_800,
    )  # fmt: skip
    experiment_auto_stop: bool = setting(
        True, "Complete an experiment by itself once its rules say so, and give everybody the winner."
    )
    reward_groups: Weights = setting(
        {},
        "Weights of an answer's reward by group of parts: engagement 0.4, satisfaction 0.3, length 0.2, time 0.1; "
        "those not named keep theirs.",
    )
    reward_weights: Weights = setting(
        {},
        "Weights of the parts within their group: feedback, rating, sentiment, thanks, resolved, handoff "
        "(satisfaction), reply, silence (engagement), length, answer_time; those not named keep theirs.",
    )
    reward_window_s: int = setting(DAY_S, "How long a decision waits for its rewards.", "s", ge=1, le=3_650 * DAY_S)
    reward_default: Reward = setting(
        "censor",
        "Reward, from 0 to 1, of a decision that got none in that time; censor: nothing is learned from it.",
    )
    reward_late: Literal["count", "ignore"] = setting(
        "count", "Whether rewards that come after that time count; they correct the default."
    )
    reward_repeats: Literal["last", "first", "sum"] = setting(
        "last",
        "What counts of a part that is told again: the last value, the first, or all added up, at most 1. With sum, "
        "a part that is told twice by mistake counts twice.",
    )
    credit_lambda: float = setting(
        0.0,
        "Factor per later answer by which an answer earns less of a resolution and of a rating of the whole "
        "conversation (the λ of λ-returns); 0: they reward the last answer alone.",
        ge=0, le=1,
    )  # fmt: skip

    # language models
    language_writer: str = setting(
        "builtin",
        "Who finds the words: builtin; openai, a server that speaks OpenAI's chat-completions API; webhook, a service "
        "of your own; or the name of a Python entry point of the group parlance.writers.",
        min_length=1, max_length=64,
    )  # fmt: skip
    language_url: str = setting(
        "", "Base URL of the model server, such as http://127.0.0.1:8080/v1; of a webhook the whole URL.",
        max_length=2_000,
    )  # fmt: skip
    language_model: str = setting("", "Model to ask for, by the server's name for it.", max_length=200)
    language_key: SecretStr = setting(
        SecretStr(""), "Key for the model server; for a webhook the secret that signs what is sent.", repr=False
    )
    language_key_file: OptionalPath = setting(None, "File that holds the key, in place of language_key.")
    language_prompt_file: OptionalPath = setting(
        None, "YAML file of the prompt, its sentences of style and its parameters; empty: the one that ships."
    )
    language_token_field: Literal["max_tokens", "max_completion_tokens"] = setting(
        "max_tokens", "What the model server calls the longest answer in tokens."
    )
    language_connect_ms: int = setting(
        2_000, "Longest wait for a connection to the model server.", "ms", ge=1, le=600_000
    )
    language_first_token_ms: int = setting(10_000, "Longest wait for an answer's first token.", "ms", ge=1, le=600_000)
    language_silence_ms: int = setting(5_000, "Longest wait for the next token.", "ms", ge=1, le=600_000)
    language_timeout_ms: int = setting(
        60_000, "Longest time for a whole answer, all tries together.", "ms", ge=1, le=3_600_000
    )
    language_retries: int = setting(
        1, "Further tries where the model server fails before the first token.", ge=0, le=10
    )
    language_breaker_failures: int = setting(
        5, "Failed answers in a row after which the built-in writer answers alone for a while.", ge=1, le=1_000
    )
    language_breaker_open_ms: int = setting(
        10_000, "How long that while is at first; it doubles up to twelve times as much.", "ms", ge=1, le=3_600_000
    )
    language_streams: int = setting(
        64, "Answers that one worker has written at a time; who comes on top gets the built-in writer's.", "answers",
        ge=1, le=10_000,
    )  # fmt: skip
    language_prompt_tokens: int = setting(
        3_000, "Longest prompt, by an estimate on the high side.", "tokens", ge=500, le=1_000_000
    )
    language_min_confidence: float = setting(
        0.5, "Probability below which an answer that is to rest on passages is withdrawn for the built-in writer's.",
        "probability", ge=0, le=1,
    )  # fmt: skip
    language_doubt: Literal["builtin", "clarify", "handover"] = setting(
        "builtin",
        "What is said in place of such an answer: the built-in writer's, a question for what is meant, or the way to a "
        "person.",
    )
    language_redact_prompts: bool = setting(
        True,
        "Keep e-mail addresses, phones, cards and the like from models; what they say with placeholders is restored.",
    )
    language_conversation_tokens: int = setting(
        0, "Tokens of prompts and answers that one conversation may use; 0: no limit.", "tokens", ge=0
    )
    language_user_day_tokens: int = setting(
        0, "Tokens that one user may use in a day (UTC); 0: no limit.", "tokens", ge=0
    )
    language_day_tokens: int = setting(0, "Tokens that all may use in a day (UTC); 0: no limit.", "tokens", ge=0)
    language_price_prompt: float = setting(0.0, "Price of a million tokens of prompts, in any currency.", ge=0, le=1e6)
    language_price_completion: float = setting(0.0, "Price of a million tokens of answers.", ge=0, le=1e6)
    language_conversation_cost: float = setting(
        0.0, "What one conversation may cost, in the prices' currency; 0: no limit.", ge=0, le=1e9
    )
    language_user_day_cost: float = setting(0.0, "What one user may cost in a day (UTC); 0: no limit.", ge=0, le=1e9)
    language_day_cost: float = setting(0.0, "What all may cost in a day (UTC); 0: no limit.", ge=0, le=1e9)

    # turns
    turn_lease_ms: int = setting(
        6_000, "How long a worker owns a turn without renewing before another may take it.", "ms", ge=500, le=600_000
    )
    max_open_turns: int = setting(
        1_024, "Turns in work at once; more wait, stored, for a free place.", "turns", ge=1, le=1_000_000
    )
    claim_absence_ms: int = setting(
        120_000, "How long an agent may be without any device before its claims go back to the queue.", "ms",
        ge=1_000, le=86_400_000,
    )  # fmt: skip
    routing: Literal["pull", "push"] = setting(
        "pull",
        "How waiting conversations find agents; pull: agents take them, push: each is offered to one at a time.",
    )
    offer_timeout_ms: int = setting(
        30_000, "How long an agent may think about an offer before the next one gets it.", "ms", ge=1_000, le=3_600_000
    )
    desk_file: OptionalPath = setting(
        None, "YAML file of the agents' skills, the business hours and the away message; empty: none, and always open."
    )
    agent_capacity: int = setting(
        5, "Conversations that an agent takes on at once, unless they or an admin set another number.", ge=0, le=100
    )
    silence_ms: int = setting(
        600_000, "Silence after an answer that counts as a reaction to it.", "ms", ge=1_000, le=604_800_000
    )

    # telling
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "Least important log lines to write.")
    log_format: Literal["auto", "text", "json"] = setting(
        "auto", "Form of log lines; auto: text on a terminal, JSON otherwise."
    )
    metrics_networks: Networks = setting(
        PRIVATE_NETWORKS, "Addresses or networks that may read /metrics; for others there is no such page."
    )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach ``host``."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def signs_tokens(self) -> bool:
        """Whether this server makes tokens itself: with HS256 whoever checks can also sign."""
        return self.token_algorithm.startswith("HS")

    @property
    def guests_allowed(self) -> bool:
        """``guests`` with "auto" decided."""
        if self.guests == "auto":
            return self.is_local and self.signs_tokens
        return self.guests == "true"

    @property
    def explain_shown(self) -> bool:
        """``explain`` with "auto" decided."""
        return self.guests_allowed if self.explain == "auto" else self.explain == "true"

    @property
    def effective_database_url(self) -> str:
        """``database_url``, or the SQLite file in the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / 'parlance.db'}"

    @property
    def shares_database(self) -> bool:
        """Whether other servers may use the same database: PostgreSQL's can be shared, SQLite's can't."""
        return self.effective_database_url.partition(":")[0].partition("+")[0] in ("postgres", "postgresql")

    @property
    def database_path(self) -> Path:
        """The SQLite file of ``effective_database_url``."""
        return Path(self.effective_database_url.removeprefix("sqlite:///"))

    @property
    def secret_path(self) -> Path:
        """Where a made-up secret is kept."""
        return self.data_dir / "secret"

    @property
    def secret_bytes(self) -> bytes:
        """``secret`` as key material; empty where none is given or made."""
        return self.secret.get_secret_value().encode()

    @property
    def secret_previous_bytes(self) -> bytes:
        """``secret_previous`` as key material; empty where none is given."""
        return self.secret_previous.get_secret_value().encode()

    @property
    def model_path(self) -> Path:
        """``model_dir``, or the shipped model pack that ``model`` names."""
        return self.model_dir or PACKAGES / "models_onnx" / SHIPPED_PACKS[self.model]

    @property
    def models_path(self) -> Path:
        """``models_dir``, or the folder ``models`` in the data directory."""
        return self.models_dir or self.data_dir / "models"

    @property
    def standing_packs(self) -> tuple[Path, ...]:
        """The model packs that are there without being added: the configured one first, then those that ship."""
        shipped = (PACKAGES / "models_onnx" / name for name in SHIPPED_PACKS.values())
        return tuple(dict.fromkeys((self.model_path, *(folder for folder in shipped if folder.is_dir()))))

    @property
    def personas_path(self) -> Path:
        """``personas_file``, or the personas that ship."""
        return self.personas_file or PACKAGES / "adapters" / "personas.yaml"

    @property
    def mood_path(self) -> Path:
        """``mood_file``, or the mood rules that ship."""
        return self.mood_file or PACKAGES / "adapters" / "mood.yaml"

    @property
    def phrases_path(self) -> Path:
        """``phrases_dir``, or the phrases that ship."""
        return self.phrases_dir or PACKAGES / "server" / "chat" / "writer" / "phrases"

    @property
    def alert_rules_path(self) -> Path:
        """``alert_rules_file``, or the rules that ship."""
        return self.alert_rules_file or PACKAGES / "server" / "chat" / "alerting" / "default.yaml"

    @property
    def default_reward(self) -> float | None:
        """``reward_default`` as a number; None to censor."""
        return None if self.reward_default == "censor" else float(self.reward_default)

    @property
    def language_prompt_path(self) -> Path:
        """``language_prompt_file``, or the prompt that ships."""
        return self.language_prompt_file or PACKAGES / "server" / "chat" / "language" / "prompts" / "en.yaml"

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the page."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"
