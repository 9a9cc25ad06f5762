/** A secret inside a text. */
export interface FoundSecret {
  /** What it is, as words for a message: "a private key". */
  readonly what: string;
  readonly start: number;
  readonly end: number;
}

/** Forms that say by themselves what they are; the group, or else all of it, is the secret. No two can begin at one character. */
const shapes: readonly (readonly [what: string, pattern: string])[] = [
  ["a private key", "-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[\\sA-Za-z0-9+/=\\\\]{64,}"],
  ["an AWS access key", "(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])"],
  ["a GitHub token", "(?<![A-Za-z0-9_])gh[pousr]_[A-Za-z0-9]{36,}"],
  ["a GitHub token", "(?<![A-Za-z0-9_])github_pat_[A-Za-z0-9_]{60,}"],
  ["a GitLab token", "(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,}"],
  ["a Slack token", "(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{20,}"],
  ["a Slack webhook", "hooks\\.slack\\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,}"],
  ["a Stripe key", "(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{16,}"],
  ["a secret key", "(?<![A-Za-z0-9_-])sk-(?:proj-|ant-[a-z0-9]+-)?[A-Za-z0-9_-]{32,}"],
  ["a Google API key", "(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"],
  ["an npm token", "(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"],
  ["a SendGrid key", "(?<![A-Za-z0-9_-])SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}"],
  ["an Azure key", "(?<=Account(?:Key)=|SharedAccessKey=)[A-Za-z0-9+/]{40,}={0,2}"],
  ["a JSON Web Token", "(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{20,}"],
  [
    "a password in a URL",
    "(?<=[a-z][a-z0-9+]{1,20}://[^\\s/?#\"'@:<>{}$*]{0,80}:)[^\\s/?#\"'@:<>{}$*]{3,80}(?=@[A-Za-z0-9])",
  ],
];
const anyShape = new RegExp(shapes.map(([, pattern]) => `(${pattern})`).join("|"), "g");
/** What every one of them has: most texts have none of these, and need no closer look. */
const mark = /-----BEGIN|A[KS]IA|gh[pousr]_|github_pat_|glpat-|xox|hooks\.slack|k_live_|sk-|AIza|npm_|SG\.|Key=|eyJ/;

/** Secrets of well known forms in a text, but for those that are plainly made up. */
export function knownSecrets(text: string): readonly FoundSecret[] {
  if (text.length < 16) return [];
  if (!mark.test(text) && !(text.includes("@") && text.includes("://"))) return [];
  const found: FoundSecret[] = [];
  for (const match of text.matchAll(anyShape)) {
    const [whole, ...groups] = match;
    const what = shapes[groups.findIndex((group) => group !== undefined)]?.[0] ?? "a secret";
    // A key is what follows its head: `MII...`, or dots.
    if (isMadeUp(whole.replace(/^-----BEGIN [A-Z0-9 ]+-----/, "")) || isPublished(whole)) continue;
    found.push({ what, start: match.index, end: match.index + whole.length });
  }
  return found;
}

/** The token that jwt.io shows, and all that were made from it. */
function isPublished(text: string): boolean {
  return text.includes("eyJzdWIiOiIxMjM0NTY3ODkwI");
}

const placeholderWords =
  /example|sample|placeholder|change-?me|your|dummy|fake|redacted|default|secret|passw|pa55w|token|hidden|(?<![a-z])(?:test|foo|bar|user|pass|admin|root|guest|key|value|string|none|null)(?![a-z])/i;
/** Of the keyboard, of the alphabet, of counting, of one character. */
const runs = /(.)\1{3}|0123|1234|2345|3456|4567|5678|6789|9876|abcd|bcde|cdef|wxyz|qwer|asdf/i;

/** Whether a text is a placeholder: words, braces, dots, or characters in a row. */
export function isMadeUp(text: string): boolean {
  const plain = text.replaceAll("@", "a").replaceAll("0", "o").replaceAll("$", "s");
  return /[<>{}…*]|\.{3}/.test(text) || placeholderWords.test(text) || placeholderWords.test(plain) || runs.test(text);
}

/**
 * Whether a text is likely to be made by a machine to be kept secret: one word of letters and digits without any order in
 * it. UUIDs, dates, addresses and paths are none.
 */
export function looksRandom(text: string, least: { readonly length: number; readonly bits: number }): boolean {
  if (text.length < least.length || text.length > 512 || !/^[\x21-\x7e]+$/.test(text)) return false;
  if (!/\d/.test(text) || !/[A-Za-z]/.test(text)) return false;
  if (
    /^[A-Za-z][A-Za-z0-9+.-]*:|^[./]|@[\w-]+\.|^\d{4}-\d\d-\d\d|^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(
      text,
    )
  )
    return false;
  // Words with separators between them: `projects/p-1/locations/eu`.
  if (/^(?:[A-Za-z]{2,}\d{0,3}[-_./:,]){2,}|^(?:[A-Za-z]+\d{0,3}[-_./:,]){3,}/.test(text)) return false;
  return entropy(text) >= least.bits && !isMadeUp(text);
}

/** Shannon's, in bits for each character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
