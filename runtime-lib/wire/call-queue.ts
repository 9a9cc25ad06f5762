import type { WireCall } from "./backend-call.ts";

/** Calls that wait for a connection, in order. Any of them leaves at the same cost. */
export class CallQueue {
  first: WireCall | undefined = undefined;
  #last: WireCall | undefined = undefined;
  length = 0;

  push(call: WireCall): void {
    call.queue = this;
    call.previous = this.#last;
    call.next = undefined;
    if (this.#last === undefined) this.first = call;
    else this.#last.next = call;
    this.#last = call;
    this.length++;
  }

  /** Puts it before all others: it has waited already. */
  unshift(call: WireCall): void {
    call.queue = this;
    call.previous = undefined;
    call.next = this.first;
    if (this.first === undefined) this.#last = call;
    else this.first.previous = call;
    this.first = call;
    this.length++;
  }

  shift(): WireCall | undefined {
    const call = this.first;
    if (call !== undefined) this.remove(call);
    return call;
  }

  /** Of this queue. */
  remove(call: WireCall): void {
    if (call.previous === undefined) this.first = call.next;
    else call.previous.next = call.next;
    if (call.next === undefined) this.#last = call.previous;
    else call.next.previous = call.previous;
    call.previous = undefined;
    call.next = undefined;
    call.queue = undefined;
    this.length--;
  }
}
