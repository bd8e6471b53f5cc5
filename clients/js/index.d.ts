/** Types of parlance-client. Frames are those of the protocol, docs/protocol.md; times end in `_ms`. */

// frames

export interface User {
  id: string;
  kind: "customer" | "agent" | "admin" | "service" | "bot" | "system";
  name: string;
}

export interface Citation {
  title?: string;
  url?: string;
  [field: string]: unknown;
}

export interface Message {
  type: "message";
  channel: string;
  epoch: string;
  /** Order by this, never by `at_ms`. */
  offset: number;
  message_id: string;
  at_ms: number;
  from: User;
  text: string;
  data?: { suggestions?: string[]; citations?: Citation[]; event?: string; agent?: User; [field: string]: unknown };
  key?: string;
  reply_to?: string;
  turn?: { decision_id: string; persona: string; [field: string]: unknown };
}

export interface ConversationInfo {
  channel: string;
  state: "bot" | "waiting" | "claimed";
  agent?: User;
  resolved: boolean;
  at_ms: number;
  offset: number;
  last?: { offset: number; from: User; text: string; at_ms: number };
  read_offset: number;
  unread: number;
}

export interface Position {
  epoch: string;
  offset: number;
}

export interface Subscribed extends Position {
  type: "subscribed";
  channel: string;
  recovered: boolean;
  messages: Message[];
  conversation?: ConversationInfo;
  receipts?: { user: User; kind: "delivered" | "read"; offset: number }[];
}

export interface Opened extends Position {
  type: "opened";
  channel: string;
  duplicate: boolean;
  conversation: ConversationInfo;
}

export interface HistoryPage {
  type: "history";
  channel: string;
  epoch: string;
  messages: Message[];
  more: boolean;
}

export interface Ack {
  type: "ack";
  channel: string;
  key: string;
  message_id: string;
  offset: number;
  at_ms: number;
  duplicate: boolean;
}

export interface Notification {
  type: "notification";
  channel: string;
  notification_id: string;
  priority: "low" | "normal" | "high" | "urgent";
  title: string;
  body: string;
  data?: Record<string, unknown>;
  at_ms: number;
}

export interface Welcome {
  type: "welcome";
  session: string;
  user: User;
  /** Of a new guest: connect with it again to stay the same user. */
  token?: string;
  ping_interval_ms: number;
  max_message_bytes: number;
  time_ms: number;
  server: { name: string; version: string };
  notifications: Notification[];
  unread: number;
  channels: Record<string, Partial<Subscribed> & { error?: { code: number; name: string } }>;
}

export interface ErrorFrame {
  type: "error";
  id?: number | string;
  code: number;
  name: string;
  message: string;
  temporary: boolean;
  retry_after_ms?: number;
}

/** Any frame: a `type`, and what the protocol says belongs to it. */
export interface Frame {
  type: string;
  [field: string]: unknown;
}

/** What the server pushes, by type. A later server may push more. */
export interface Pushes {
  message: Message;
  delta: {
    type: "delta";
    channel: string;
    message_id: string;
    attempt: number;
    seq: number;
    text: string;
    aborted?: boolean;
  };
  typing: { type: "typing"; channel: string; user: User; on: boolean };
  receipt: { type: "receipt"; channel: string; user: User; kind: "delivered" | "read"; offset: number };
  presence: {
    type: "presence";
    channel: string;
    joined?: unknown[];
    left?: unknown[];
    changed?: unknown[];
    count?: number;
  };
  notification: Notification;
  seen: { type: "seen"; notification_id: string };
  event: { type: "event"; channel: string; name: string; data: Record<string, unknown> };
  error: ErrorFrame;
}

// events

export interface LinkState {
  state: "idle" | "connecting" | "online" | "waiting" | "stopped";
  /** How many attempts failed in a row. */
  attempt: number;
  /** When the next attempt begins, in the clock's milliseconds (`systemClock.now()`). */
  retryAt: number;
  /** The server named the delay: nothing shortens it. */
  forced: boolean;
  /** For people; "" where there is nothing to say. */
  sentence: string;
  /** The close code that led here; 0 where none did. */
  code: number;
}

declare class Emitter<Events> extends EventTarget {
  /** Returns the way to stop listening. */
  on<Type extends keyof Events>(type: Type, listener: (detail: Events[Type]) => void): () => void;
  emit<Type extends keyof Events>(type: Type, detail?: Events[Type]): void;
}

// what is handed in

export interface Clock {
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

export interface Codec {
  subprotocol: string;
  encode(frame: object): string | Uint8Array;
  decode(data: string | ArrayBuffer): object | object[];
  bytes(message: string | Uint8Array): number;
}

/** Who the user is; `Credentials`, `Identity` and `StaffSession` are some. */
export interface CredentialSource {
  readonly token: string | null;
  claim(): Promise<{ token: string | null; release(): void }>;
  store(token: string): void;
  drop(token: string): void;
}

export type TokenSource = string | null | (() => string | null | Promise<string | null>);

export interface KeyValueStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export declare const systemClock: Clock;
export declare const JSON_CODEC: Codec;
export declare const MSGPACK_CODEC: Codec;

// a client for programs

export interface ClientOptions {
  /** A JWT, or what fetches one. Without it a guest, where the server takes guests. */
  token?: TokenSource;
  encoding?: "json" | "msgpack";
  client?: { name: string; version: string };
  /** Keeps a guest's token and what is unsent over a restart. */
  storage?: KeyValueStorage | null;
  /** For Node before 22: `import WebSocket from "ws"`. */
  WebSocket?: unknown;
  clock?: Clock;
  random?: () => number;
  wallMs?: () => number;
}

export interface ClientEvents extends Pushes {
  state: LinkState;
  welcome: Welcome;
  /** Not all that came meanwhile can be given: ask `history`. With `error`: the channel is gone. */
  missed: {
    channel: string;
    epoch: string | null;
    offset: number | null;
    error: { code: number; name: string } | null;
  };
  acked: { key: string; ack: Ack };
  failed: { key: string; error: RequestError };
}

export interface Unsent {
  readonly conversation: string;
  readonly key: string;
  readonly text: string;
  readonly atMs: number;
  readonly state: "pending" | "failed";
  readonly error: string;
}

export declare class Client extends Emitter<ClientEvents> {
  constructor(url: string, options?: ClientOptions);
  readonly user: User | null;
  readonly state: LinkState;
  readonly online: boolean;
  /** Connect, and stay connected until `close`. Rejects where the server refuses for good. */
  connect(): Promise<Welcome>;
  close(): void;
  probe(): void;
  /** Any frame that has an answer, without `id`. Rejects with `RequestError`. */
  request(frame: Frame, withinMs?: number): Promise<Frame>;
  /** `typing` and `receipt`. */
  tell(frame: Frame): void;
  open(key?: string, metadata?: Record<string, unknown>): Promise<Opened>;
  subscribe(channel: string): Promise<Subscribed>;
  unsubscribe(channel: string): Promise<Frame>;
  history(channel: string, options?: { before?: number; after?: number; limit?: number }): Promise<HistoryPage>;
  /** Sent now or when there is a connection, repeated until it is acked, stored once. */
  send(
    channel: string,
    text: string,
    options?: { key?: string; data?: Record<string, unknown>; reply_to?: string },
  ): Promise<Ack>;
  unsent(channel: string): readonly Unsent[];
}

/** A connected `Client`. */
export declare function connect(url: string, options?: ClientOptions): Promise<Client>;

// the parts, for a screen of one's own

export interface ConnectionEvents extends Pushes {
  state: LinkState;
  welcome: Welcome;
  push: Frame;
}

export declare class Connection extends Emitter<ConnectionEvents> {
  constructor(options: {
    url: string;
    client: { name: string; version: string };
    credentials: CredentialSource;
    resume: () => Record<string, Position>;
    codec?: Codec;
    Socket?: unknown;
    clock?: Clock;
    random?: () => number;
  });
  readonly state: LinkState;
  readonly online: boolean;
  start(): void;
  stop(): void;
  reconnect(): void;
  tokenChanged(): void;
  probe(): void;
  request(frame: Frame, withinMs?: number): Promise<Frame>;
  tell(frame: Frame): void;
}

export interface ChatEvents {
  /** Something that is shown changed; at most once per microtask. */
  change: null;
  /** Something a person should read once. */
  notice: { text: string; kind: "opening" | "error" | "session" | "rating" | "system" };
}

/** One person's chat as it is shown: messages, drafts, what is unsent, ratings, hand-off. */
export declare class Chat extends Emitter<ChatEvents> {
  constructor(options: {
    connection: Connection;
    shared: Kept;
    own: Kept;
    metadata?: Record<string, unknown> | null;
    clock?: Clock;
    random?: () => number;
    wallMs?: () => number;
  });
  static readonly storageKeys: { conversation: string; ratings: string };
  readonly me: User | null;
  readonly loaded: boolean;
  readonly more: boolean;
  readonly messages: readonly Message[];
  readonly unsent: readonly Unsent[];
  readonly draft: { messageId: string; text: string } | null;
  readonly typists: string[];
  /** What an operator wants everybody to read on top; "" for nothing. */
  standing: string;
  readonly awaited: Message | null;
  readonly state: "bot" | "waiting" | "claimed";
  readonly agent: User | null;
  readonly unread: number;
  isOwn(message: Message): boolean;
  ratingOf(messageId: string): 0 | 1 | null;
  analysisOf(messageId: string): Record<string, unknown> | null;
  positions(): Record<string, Position>;
  /** False where nothing is left of the text. */
  send(text: string): boolean;
  retry(key: string): void;
  discard(key: string): void;
  rate(messageId: string, rating: 0 | 1): void;
  read(): void;
  typing(on?: boolean): void;
  handoff(reason?: string): Promise<void>;
  startNew(): string;
  follow(key: string): void;
  refresh(): void;
  loadEarlier(): Promise<void>;
}

/** JSON values in a Storage, in memory where there is none. */
export declare class Kept {
  constructor(open: () => KeyValueStorage | null, prefix?: string);
  get<Value>(name: string, otherwise: Value): Value;
  set(name: string, value: unknown): void;
  remove(name: string): void;
}

/** A guest's token, one for all tabs. */
export declare class Credentials implements CredentialSource {
  constructor(store: Kept, locks?: unknown);
  static readonly storageKey: string;
  readonly token: string | null;
  claim(): Promise<{ token: string | null; release(): void }>;
  store(token: string): void;
  drop(token: string): void;
}

/** Somebody whom the page around the chat knows. */
export declare class Identity implements CredentialSource {
  constructor(source: TokenSource, guest?: CredentialSource | null);
  readonly token: string | null;
  change(source: TokenSource): void;
  claim(): Promise<{ token: string | null; release(): void }>;
  store(token: string): void;
  drop(token: string): void;
}

/** An agent's or admin's token, typed in by a person. */
export declare class StaffSession extends Emitter<{ asked: { sentence: string } }> implements CredentialSource {
  constructor(kept: Kept, page: string);
  readonly token: string | null;
  signIn(token: string): boolean;
  signOut(sentence?: string): void;
  claim(): Promise<{ token: string | null; release(): void }>;
  store(token: string): void;
  drop(token: string): void;
}

export declare class SignInNeeded extends Error {}

export declare class RequestError extends Error {
  /** As the protocol's table of errors; 0 where no answer came. */
  readonly code: number;
  /** The error's name; "disconnected" or "timeout" where no answer came. */
  readonly reason: string;
  /** The same request may succeed later. */
  readonly temporary: boolean;
  readonly retryAfterMs: number | null;
}

/** `agent:queue`: who waits for a person, the longest wait first. */
export declare class Queue {
  readonly known: boolean;
  readonly items: Record<string, unknown>[];
  hear(name: string, data: Record<string, unknown>): void;
}

/** `admin:alerts`. */
export declare class Alerts {
  readonly known: boolean;
  readonly standing: Record<string, unknown>[];
  readonly over: Record<string, unknown>[];
  hear(name: string, data: Record<string, unknown>): void;
}

// functions

export declare function encode(value: unknown): Uint8Array;
export declare function decode(data: ArrayBuffer | Uint8Array): unknown;
export declare function afterClose(code: number): { verdict: "retry" | "renew" | "stop"; sentence: string };
export declare function fullJitterMs(
  attempt: number,
  random: () => number,
  bounds?: { baseMs?: number; capMs?: number },
): number;
export declare const MAX_CODE_POINTS: number;
export declare function codePoints(text: string): number;
export declare function freshKey(): string;
export declare function normalise(text: string): string;
export declare function withLinks(text: string): { text: string; href: string | null }[];
