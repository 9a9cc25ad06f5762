import { CommandFailure } from "./command.ts";

/** Bytes; the largest public definitions have some 40 MB. */
const sizeLimit = 64 * 1024 * 1024;
const timeLimitMs = 30_000;

/**
 * Fetches a definition. The name is that of `Content-Disposition`, else the last segment of the path, never the query
 * (T-CLI-15 done right). Only http and https, also after a redirect.
 */
export async function download(url: string): Promise<{ readonly name: string; readonly content: Uint8Array }> {
  if (!URL.canParse(url)) throw new CommandFailure(`${url} is not a URL`);
  const shown = withoutSecrets(url);
  const abort = AbortSignal.timeout(timeLimitMs);
  try {
    const answer = await fetch(url, {
      signal: abort,
      headers: { accept: "application/json, application/yaml, text/yaml, */*" },
    });
    if (answer.status !== 200) throw new CommandFailure(`${shown} answered ${answer.status}`);
    return { name: nameOf(answer), content: await readLimited(answer, shown) };
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    if (abort.aborted) throw new CommandFailure(`${shown} did not answer within ${timeLimitMs / 1000} seconds`);
    throw new CommandFailure(`${shown} cannot be fetched (${reasonOf(error)})`);
  }
}

async function readLimited(answer: Response, shown: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    const bytes = chunk as Uint8Array;
    size += bytes.length;
    if (size > sizeLimit) throw new CommandFailure(`${shown} is larger than ${sizeLimit / 1024 / 1024} MiB`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

function nameOf(answer: Response): string {
  const disposition = answer.headers.get("content-disposition") ?? "";
  const named = /;\s*filename\s*=\s*(?:"([^"]*)"|([^\s;]+))/i.exec(disposition);
  const path = new URL(answer.url).pathname;
  const last = (text: string) => text.split(/[/\\]/).filter(Boolean).at(-1);
  return last(named?.[1] ?? named?.[2] ?? "") ?? last(decode(path)) ?? "openapi";
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A URL for a message: without user, password and query. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return "unknown reason";
  return "code" in cause ? String(cause.code) : cause.message;
}
