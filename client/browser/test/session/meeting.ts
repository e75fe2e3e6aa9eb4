/** A meeting in memory, and a proctor's session that watches it over a line that breaks, repeats and forgets. */

import assert from "node:assert/strict";
import { ServerFault } from "../../src/session/base.ts";
import { ChannelSession, type Happening } from "../../src/session/channel.ts";
import type { ChannelHello, FromProctor, Review } from "../../src/wire/messages.ts";

export const AT = "2026-01-01T00:00:00.000Z";
const ADA = { id: "p1", name: "Ada" };

export function event(id: number, kind = "candidate_streaming", fields: object = {}): string {
  return JSON.stringify({ type: "event", id, kind, at: AT, participant: ADA, ...fields });
}

export function reviewed(id: number, { anomaly, decision, note }: Review): string {
  const review = { decision, by: "Bob", at: AT, ...(note && { note }) };
  return event(id, "anomaly_reviewed", { anomaly: { id: anomaly, kind: "multiple_voices", state: decision, review } });
}

export function readyText(fields: object = {}): string {
  return JSON.stringify({ type: "ready", meeting: "m1", epoch: "e", recovered: false, last_id: 5, ...fields });
}

export function review(key: string, anomaly = "a1", decision: Review["decision"] = "dismissed"): Review {
  return { type: "review", key, anomaly, decision };
}

/** What the database keeps of a meeting, and the one socket that watches it. */
class Meeting {
  epoch = "one";
  events: string[] = [];
  trimmedTo = 0;
  readonly reviews = new Map<string, string>();
  outgoing: string[] = [];
  open = false;

  happen(count: number): void {
    for (let index = 0; index < count; index += 1) this.#publish(event(this.events.length + 1));
  }

  tick(): void {
    this.#send(JSON.stringify({ type: "tick", last_id: this.events.length }));
  }

  receive(text: string): void {
    const said = JSON.parse(text) as FromProctor;
    if (said.type === "hello") this.#greet(said);
    else if (said.type === "review") this.#review(said);
  }

  #greet({ after }: ChannelHello): void {
    this.open = true;
    this.outgoing = [];
    const lastId = this.events.length;
    const recovered = after?.epoch === this.epoch && after.id >= this.trimmedTo && after.id <= lastId;
    this.#send(readyText({ epoch: this.epoch, recovered, last_id: lastId }));
    if (recovered) for (const each of this.events.slice(after.id)) this.#send(each);
  }

  #review(said: Review): void {
    if (said.anomaly === "nowhere") {
      this.#send(JSON.stringify({ type: "error", code: "not_found", detail: `review ${said.key}: no such anomaly` }));
      return;
    }
    const before = this.reviews.get(said.key);
    if (before) this.#send(before);
    else {
      const text = reviewed(this.events.length + 1, said);
      this.reviews.set(said.key, text);
      this.#publish(text);
    }
  }

  #publish(text: string): void {
    this.events.push(text);
    this.#send(text);
  }

  #send(text: string): void {
    if (this.open) this.outgoing.push(text);
  }
}

/** A session, what it handed on, and the line to the meeting. */
export class Proctor {
  readonly meeting = new Meeting();
  readonly session = new ChannelSession({ meeting: "m1", adminId: "secret" });
  readonly happened: Happening[] = [];
  #connected = false;
  #down: string[] = [];

  exchange(up: number, down: number): void {
    if (!this.#connected) {
      this.#connected = true;
      this.#down = [];
      this.meeting.receive(this.session.connect());
    }
    for (let count = 0; count < up; count += 1) {
      const text = this.session.nextMessage();
      if (text !== null) this.meeting.receive(text);
    }
    this.#down.push(...this.meeting.outgoing.splice(0));
    for (const text of this.#down.splice(0, down)) {
      try {
        this.happened.push(...this.session.receive(text));
      } catch (fault) {
        assert.ok(fault instanceof ServerFault);
        this.cut();
        return;
      }
    }
  }

  cut(): void {
    if (!this.#connected) return;
    assert.equal(this.session.closed(1006), "again");
    this.#connected = this.meeting.open = false;
  }

  /** The line says again what it said before. */
  repeat(back: number): void {
    const known = this.meeting.events.slice(0, this.session.cursor?.id ?? 0);
    if (this.#connected && this.session.ready) this.#down.unshift(...known.slice(-back - 1));
  }

  /** The line loses a message and does not break: a faulty proxy. */
  swallow(): void {
    this.#down.shift();
  }

  restore(back: number): void {
    this.cut();
    this.meeting.events.splice(Math.max(0, this.meeting.events.length - back));
    this.meeting.trimmedTo = Math.min(this.meeting.trimmedTo, this.meeting.events.length);
    this.meeting.epoch += "'";
  }

  trim(count: number): void {
    this.meeting.trimmedTo = Math.min(this.meeting.events.length, this.meeting.trimmedTo + count);
  }

  /** Every event once and in order, without a hole that a snapshot has not covered. */
  check(): void {
    for (let turn = 0; turn < 5; turn += 1) {
      this.meeting.tick();
      this.exchange(50, 10_000);
    }
    let last: number | null = null;
    for (const each of this.happened) {
      if (each.what === "snapshot") last = each.ready.last_id;
      if (each.what !== "event") continue;
      assert.equal(each.event.id, last! + 1);
      last = each.event.id;
    }
    assert.equal(last, this.meeting.events.length);
    assert.deepEqual(this.session.cursor, { epoch: this.meeting.epoch, id: last });
  }
}
