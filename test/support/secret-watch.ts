import type { ChildProcess } from "node:child_process";
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

/**
 * Looks for credentials where none may be. While a test file runs, this notes every credential that its clients send (all
 * sockets of the process are watched), and what the test notes itself: keys, passwords of settings, tokens. When the process
 * ends, everything that its gateways printed, and every fault that they answered, is searched for all of them; a find fails
 * the file, whatever its tests said.
 *
 * Sockets of TLS are not looked into, so over TLS only what is noted, and what is printed, takes part.
 */

const secrets = new Map<string, string>();
const printed: { readonly from: string; text: string }[] = [];
const faults: string[] = [];

/** Notes a value that may be in no log and no fault. What is short or a plain word is not: it would be found anywhere. */
export function noteSecret(what: string, value: string | undefined): void {
  const secret = value?.trim() ?? "";
  if (secret.length >= 8 && !/^[a-z -]+$/i.test(secret)) secrets.set(secret, what);
}

/** A token in compact form: whole, and each part that says whose it is or proves it. */
export function noteToken(token: string): void {
  noteSecret("token", token);
  const [, claims, signature] = token.split(".");
  noteSecret("claims of a token", claims);
  noteSecret("signature of a token", signature);
}

/** A private key as PEM: any of its lines. */
export function noteKey(pem: string): void {
  for (const line of pem.split("\n")) if (line.length === 64) noteSecret("private key", line);
}

/** Passwords, secrets and hashes of TOML settings. */
export function noteSettings(toml: string): void {
  for (const [, name, value] of toml.matchAll(/^\s*\S*?(\w*(?:password|secret|token))\s*=\s*"([^"]+)"/gim))
    if (!/type|path|url|endpoint/i.test(name ?? "")) noteSecret(`setting ${name}`, value);
}

/** Keeps what a gateway prints, for the search at the end. */
export function watchOutput(child: ChildProcess): void {
  const kept = { from: `process ${child.pid}`, text: "" };
  printed.push(kept);
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer | string) => {
      kept.text += chunk;
    });
  }
}

/** What was found up to now: never the secret itself, this is printed too. */
export function leaksFound(): readonly string[] {
  const places = [...printed, ...faults.map((text) => ({ from: "a fault", text }))];
  return places.flatMap(({ from, text }) =>
    [...secrets].flatMap(([secret, what]) => {
      const at = text.indexOf(secret);
      if (at === -1) return [];
      const line = text.slice(text.lastIndexOf("\n", at) + 1, at).slice(-200);
      return [`${from}: ${what} (${secret.length} characters) after: ${line}`];
    }),
  );
}

process.on("exit", () => {
  const leaks = leaksFound();
  if (leaks.length === 0) return;
  process.exitCode = 1;
  process.stderr.write(`credentials in what gateways printed or answered:\n${leaks.join("\n")}\n`);
});

subscribe("net.client.socket", (message) => {
  const { socket } = message as { socket: Socket };
  const { push, _write, _writev } = socket;
  socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk instanceof Uint8Array) noteAnswer(chunk);
    return push.call(socket, chunk, encoding);
  };
  // Where all that is written comes by in the end, from http clients too.
  socket._write = (chunk: string | Uint8Array, ...rest) => {
    noteRequest(chunk);
    return _write.call(socket, chunk, ...rest);
  };
  socket._writev = (chunks, ...rest) => {
    for (const { chunk } of chunks) noteRequest(chunk);
    return _writev?.call(socket, chunks, ...rest);
  };
});

const longest = 65_536;
const credentialField =
  /^((?:proxy-)?authorization|x-[\w-]*auth[\w-]*|(?:x-)?api[_-]?key|x-jwt-assertion)[ \t]*:[ \t]*(.+?)[ \t]*\r?$/gim;
const credentialParameter = /[?&](?:api[_-]?key|access_token|token)=([^&\s#]+)/gi;

function noteRequest(chunk: string | Uint8Array): void {
  const text =
    typeof chunk === "string"
      ? chunk
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1", 0, longest);
  for (const [, name, value = ""] of text.matchAll(credentialField)) {
    const [, scheme = "", credential = ""] = /^(\S+)\s+(.+)$/.exec(value) ?? ["", "", value];
    noteSecret(`${name} that a test sent`, credential);
    if (scheme.toLowerCase() === "basic") notePassword(credential);
    if (credential.split(".").length === 3) noteToken(credential);
  }
  for (const [, value] of text.matchAll(credentialParameter)) noteSecret("key in a query that a test sent", value);
}

function notePassword(credential: string): void {
  const pair = Buffer.from(credential, "base64").toString();
  if (pair.includes(":")) noteSecret("password that a test sent", pair.slice(pair.indexOf(":") + 1));
}

function noteAnswer(chunk: Uint8Array): void {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  if (bytes.length > longest) return;
  if (/^HTTP\/1\.1 [45]/.test(bytes.toString("latin1", 0, 10)) || bytes.includes('"fault"'))
    faults.push(bytes.toString("latin1"));
}
