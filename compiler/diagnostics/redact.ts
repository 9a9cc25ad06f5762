import { knownSecrets } from "./secret-shapes.ts";

/**
 * A source line fit to be shown: values of keys that name secrets, credentials in URLs and
 * secrets of well known forms become asterisks, one for each
 * character, so that columns stay where they are. For what people paste into definitions against all advice.
 */
export function withoutSecrets(line: string): string {
  const shown = line.replace(keyed, hideValue).replace(inUrl, hideValue);
  return knownSecrets(shown).reduce(
    (left, { start, end }) => left.slice(0, start) + left.slice(start, end).replace(/[^"'\s]/g, "*") + left.slice(end),
    shown,
  );
}

/** `password: x`, `"client_secret": "x"`, `apiKey = 'x'`, up to the end of the value. */
const keyed =
  /((?:pass(?:word|wd|phrase)|secret|token|api_?-?key|credentials?)["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,}\]"'{[#][^,}\]#]*)/gi;
/** `https://user:password@host`. */
const inUrl = /(:\/\/)([^\s/?#"'@]+)(?=@)/g;

function hideValue(found: string, before: string, value: string): string {
  if (/^(?:true|false)\s*$/.test(value)) return found;
  return before + value.replace(/[^"'\s]/g, "*");
}
