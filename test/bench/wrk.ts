import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCore } from "./pinned-process.ts";

export interface WrkRun {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Answers of 400 and above, and connections that failed. */
  readonly errors: number;
}

export interface WrkRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  /** Sent in turn: one request for each. */
  readonly fields: readonly string[];
  readonly body: string;
}

/** Writes the script that makes wrk send these requests and print its figures as JSON. Returns the file. */
export function writeWrkScript(folder: string, name: string, { method, fields, body }: WrkRequest): string {
  const lines = [
    `wrk.method = ${lua(method)}`,
    ...(method === "POST" ? [`wrk.headers["Content-Type"] = "application/json"`, `wrk.body = ${lua(body)}`] : []),
  ];
  if (fields.length === 1) {
    const [field = "", value = ""] = split(fields[0] as string);
    lines.push(`wrk.headers[${lua(field)}] = ${lua(value)}`);
  } else {
    // Formatted beforehand: what the script does for a request is time that the load core does not have.
    lines.push("local requests, at = {}, 0", "function init()");
    for (const each of fields) {
      const [field = "", value = ""] = split(each);
      lines.push(`  wrk.headers[${lua(field)}] = ${lua(value)}`, "  requests[#requests + 1] = wrk.format()");
    }
    lines.push("end", "function request()", "  at = at % #requests + 1", "  return requests[at]", "end");
  }
  lines.push(
    "function done(summary, latency)",
    "  local e = summary.errors",
    `  io.write(string.format('FOUND {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"errors":%d}\\n',`,
    "    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),",
    "    e.connect + e.read + e.write + e.timeout + e.status))",
    "end",
  );
  const file = join(folder, `${name}.lua`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  return file;
}

/** Runs wrk with one thread on the load core. */
export function runWrk(
  script: string,
  url: string,
  options: { readonly connections: number; readonly seconds: number },
): Promise<WrkRun> {
  const args = ["-t1", `-c${options.connections}`, `-d${options.seconds}s`, "--latency", "-s", script, url];
  return new Promise((resolve, reject) => {
    const child = spawn("taskset", ["-c", loadCore, "wrk", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", () => {
      const found = /^FOUND (.*)$/m.exec(output)?.[1];
      if (found === undefined) return reject(new Error(`wrk: ${output.slice(0, 1000)}`));
      const { requests, microseconds, p50, p99, errors } = JSON.parse(found) as Record<string, number> & {
        requests: number;
        microseconds: number;
        p50: number;
        p99: number;
        errors: number;
      };
      resolve({
        requests,
        requestsPerSecond: requests / (microseconds / 1e6),
        p50: p50 / 1000,
        p99: p99 / 1000,
        errors,
      });
    });
  });
}

function split(field: string): readonly string[] {
  const colon = field.indexOf(":");
  return [field.slice(0, colon), field.slice(colon + 1).trim()];
}

/** All that we write is printable ASCII. */
function lua(text: string): string {
  return JSON.stringify(text);
}
