import type { SourceRef } from "../../model/source.ts";
import { type ChangeCode, changeCatalogue } from "./catalogue.ts";
import type { Change, Subject } from "./change.ts";

/** What one finding says beside its code. */
export interface FindingFacts {
  readonly message: string;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  readonly base?: SourceRef | undefined;
  readonly head?: SourceRef | undefined;
  readonly step?: Change["step"];
}

/** Collects changes about one subject. */
export interface Findings {
  add(code: ChangeCode, facts: FindingFacts): void;
}

/** Everything that was found. */
export class ChangeLog {
  readonly #changes: Change[] = [];

  /**
   * Findings about a subject, which stands at these places unless a finding knows better. `about` says which requests are meant, where
   * it is not all that the subject takes: it begins each message.
   */
  about(
    subject: Subject | undefined,
    places: { readonly base?: SourceRef | undefined; readonly head?: SourceRef | undefined } = {},
    about = "",
  ): Findings {
    return {
      add: (code, facts) => {
        const { verdict, aspect } = changeCatalogue[code];
        const { message, before, after, step } = facts;
        const [base, head] = [facts.base ?? places.base, facts.head ?? places.head];
        this.#changes.push({
          code,
          verdict,
          aspect,
          subject,
          message: about === "" ? message : `${about}: ${message}`,
          ...(before !== undefined && { before }),
          ...(after !== undefined && { after }),
          ...(base !== undefined && { base }),
          ...(head !== undefined && { head }),
          ...(step !== undefined && { step }),
        });
      },
    };
  }

  /** All of it: the gateway first, then by path, method and code. Said twice is said once. */
  sorted(): readonly Change[] {
    const keyed = this.#changes.map((change) => [keyOf(change), change] as const);
    keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return keyed.filter(([key], index) => key !== keyed[index - 1]?.[0]).map(([, change]) => change);
  }
}

/** Separates parts of a key: no text of a definition that is part of one holds it. */
const separator = "\u0001";

function keyOf({ subject, code, message, before, after, base, head }: Change): string {
  const { basePath = "", template = "", method = "" } = subject ?? {};
  return [basePath, template, method, code, message, before, after, base?.pointer, head?.pointer].join(separator);
}
