import type { OpenPool } from "./backend.ts";
import type { Handler } from "./gateway.ts";
import type { Settings, SettingsReport } from "./settings.ts";
import type { WorkerHub } from "./workers.ts";

/**
 * A part of the runtime with a life cycle. gateway.ts lists those that the project uses, so the bundle holds no other.
 * `configure` runs before any listener opens; whatever it reports stops the start with exit code 78.
 */
export interface RuntimeModule {
  readonly name: string;
  /** Reads its settings, loads keys, checks them. Reports every mistake instead of throwing at the first. `openPool` is the engine's. */
  configure(settings: Settings, report: SettingsReport, openPool: OpenPool): void | Promise<void>;
  /** What it serves itself beside the APIs. Asked for once, after `configure`. */
  services?(): readonly Service[];
  /** In the parent of several workers, which has no requests: what it does for them. Its `configure` is not called there. */
  serveWorkers?(hub: WorkerHub): void;
  /** For `/readyz`: undefined when ready, else what is awaited. */
  waitingFor?(): string | undefined;
  /** Stops timers and closes connections at the end of a drain. */
  close?(): void | Promise<void>;
}

/** Something that the gateway serves itself, over TLS only: it takes or hands out credentials. */
export interface Service {
  /** `api`: the listener of the APIs, in front of their routes. `token`: the token listener (S-LSN-03). */
  readonly listener: "api" | "token";
  /** The first segment of its path, which stands for all below it: `apikey`. */
  readonly segment: string;
  /** What a page of another origin may be granted, where `[corsConfiguration]` grants anything (T-CFG-09). */
  readonly methods: readonly string[];
  readonly handle: Handler;
}
