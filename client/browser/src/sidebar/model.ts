/**
 * Pure: what a proctor sees, from a snapshot and the events after it. Rows and items are immutable: one that has changed
 * is another object, so that a list knows what to draw anew. An event takes O(log n).
 */

import type { Anomaly, Candidate, ChannelEvent, ChannelReady, Outcome, Person } from "../wire/messages.ts";
import { type Axis, axisOf, Strip } from "./strip.ts";

export const STATES = ["streaming", "degraded", "silent", "lost", "joined", "finished", "revoked"] as const;
export type CandidateState = (typeof STATES)[number];
export type ReviewState = Anomaly["state"];

/** A candidate. `strip` grows in place; every change of it comes with a new row. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly externalId: string | null;
  readonly state: CandidateState;
  readonly reason: string | null;
  readonly expectedVoices: number;
  readonly lastOutcome: Outcome | null;
  /** Why the last window could not be judged, or what was wrong with it. */
  readonly lastReason: string | null;
  readonly anomalies: number;
  /** How many of them nobody has decided. */
  readonly open: number;
  readonly strip: Strip;
}

/** What a proctor here has decided and the server has not yet told everybody. */
export interface Decision {
  readonly decision: ReviewState;
  readonly note: string | null;
}

/** An anomaly. `pending` is on its way; `fault` is why the last decision did not arrive. */
export interface Item {
  readonly anomaly: Anomaly;
  readonly openedMs: number;
  readonly pending: Decision | null;
  readonly fault: string | null;
}

/** What an event changed. */
export interface Change {
  readonly row: Row | null;
  readonly item: Item | null;
}

const NOTHING: Change = { row: null, item: null };

function stateOf(said: string): CandidateState {
  return (STATES as readonly string[]).includes(said) ? (said as CandidateState) : "joined";
}

export class Model {
  readonly #rows = new Map<string, Row>();
  readonly #items = new Map<string, Item>();
  /** Oldest first, so that a new one goes to the end; ids, so that a new object of one item leaves the order alone. */
  #order: string[] = [];
  readonly states = new Map<CandidateState, number>();
  readonly reviews = new Map<ReviewState, number>();
  axis: Axis | null = null;
  #firstMs = Number.POSITIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  ended = false;
  /** Whether a snapshot has come: before it, empty means nothing. */
  known = false;

  rows(): Row[] {
    return [...this.#rows.values()];
  }

  row(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  /** Newest first. */
  items(): Item[] {
    const items: Item[] = [];
    for (let at = this.#order.length - 1; at >= 0; at -= 1) items.push(this.#items.get(this.#order[at]!)!);
    return items;
  }

  item(id: string): Item | undefined {
    return this.#items.get(id);
  }

  /** Takes the state as a whole, in place of what was known. Decisions on their way stay so. */
  snapshot(ready: ChannelReady): void {
    const pending = [...this.#items.values()].filter((item) => item.pending || item.fault);
    this.#rows.clear();
    this.#items.clear();
    this.states.clear();
    this.reviews.clear();
    this.axis = null;
    this.#firstMs = Number.POSITIVE_INFINITY;
    this.#lastMs = Number.NEGATIVE_INFINITY;
    this.known = true;
    const open = new Map<string, number>();
    const oldestFirst = [...(ready.anomalies ?? [])].sort(inTime);
    this.#order = oldestFirst.map((anomaly) => anomaly.id);
    for (const anomaly of oldestFirst) {
      this.#setItem(itemOf(anomaly, null, null));
      if (anomaly.state === "open") count(open, anomaly.participant.id, 1);
    }
    for (const candidate of ready.candidates ?? []) this.#setRow(this.#rowOf(candidate, open.get(candidate.id) ?? 0));
    for (const { anomaly, pending: decision, fault } of pending) {
      const item = this.#items.get(anomaly.id);
      const decided = item?.anomaly.review?.at !== anomaly.review?.at;
      if (item) this.#setItem({ ...item, pending: decision, fault: decided ? null : fault });
    }
  }

  apply(event: ChannelEvent): Change {
    switch (event.kind) {
      case "meeting_ended":
        this.ended = true;
        return NOTHING;
      case "anomaly_opened":
      case "anomaly_grew":
        return this.#moved(event.anomaly, this.#items.get(event.anomaly.id)?.fault ?? null);
      case "anomaly_reviewed": // what failed here is past, whoever decided
        return this.#moved(event.anomaly, null);
      case "candidate_changed":
        return this.#change(event.participant, { expectedVoices: event.expected_voices });
      case "audio_missing":
        return this.#change(event.participant, {}, (row) => {
          row.strip.miss(event.stream, event.start_ms, event.lost_ms);
        });
      case "window_stored":
        return this.#change(event.participant, {}, (row) => this.#put(row.strip, event, null));
      case "window_judged":
        return this.#change(
          event.participant,
          { lastOutcome: event.outcome, lastReason: event.reason ?? null },
          (row) => {
            this.#put(row.strip, event, event.outcome);
          },
        );
      case "candidate_joined":
      case "candidate_streaming":
      case "candidate_degraded":
      case "candidate_silent":
      case "candidate_lost":
      case "candidate_finished":
      case "candidate_revoked":
        return this.#change(event.participant, {
          state: stateOf(event.kind.slice("candidate_".length)),
          reason: event.reason ?? null,
          ...(event.kind === "candidate_joined" && event.external_id ? { externalId: event.external_id } : {}),
        });
      default: // a newer server's: it counted in the order, and there is nothing to show
        return NOTHING;
    }
  }

  /** A decision leaves this browser. It shows as pending until `settled`. */
  deciding(anomaly: string, decision: Decision): void {
    const item = this.#items.get(anomaly);
    if (item) this.#setItem({ ...item, pending: decision, fault: null });
  }

  /** Its answer has come: the event is applied already, or `fault` says what was wrong. */
  settled(anomaly: string, fault: string | null = null): void {
    const item = this.#items.get(anomaly);
    if (item) this.#setItem({ ...item, pending: null, fault });
  }

  #moved(anomaly: Anomaly, fault: string | null): Change {
    const before = this.#items.get(anomaly.id);
    const item = itemOf(anomaly, before?.pending ?? null, fault);
    if (before === undefined || before.anomaly.opened_at !== anomaly.opened_at) this.#place(anomaly, before);
    this.#setItem(item);
    const opened = Number(anomaly.state === "open") - Number(before?.anomaly.state === "open");
    const row = this.#rows.get(anomaly.participant.id) ?? blank(anomaly.participant);
    const counted = { ...row, anomalies: row.anomalies + Number(before === undefined), open: row.open + opened };
    if (before === undefined || opened !== 0) this.#setRow(counted);
    return { row: this.#rows.get(row.id) ?? null, item };
  }

  /** Where it belongs among the others, by halving: nearly always the end. */
  #place(anomaly: Anomaly, before: Item | undefined): void {
    if (before) this.#order.splice(this.#order.indexOf(anomaly.id), 1);
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (inTime(this.#items.get(this.#order[middle]!)!.anomaly, anomaly) < 0) low = middle + 1;
      else high = middle;
    }
    this.#order.splice(low, 0, anomaly.id);
  }

  #change(person: Person | undefined, fields: Partial<Row>, grow?: (row: Row) => void): Change {
    if (!person) return NOTHING;
    const row = { ...(this.#rows.get(person.id) ?? blank(person)), ...fields };
    grow?.(row);
    this.#setRow(row);
    return { row, item: null };
  }

  #put(
    strip: Strip,
    window: { stream: number; window: number; start_at: string; duration_ms: number },
    outcome: Outcome | null,
  ): void {
    const startMs = Date.parse(window.start_at);
    strip.put(window.stream, window.window, startMs, window.duration_ms, outcome);
    this.#firstMs = Math.min(this.#firstMs, startMs);
    this.#lastMs = Math.max(this.#lastMs, startMs + window.duration_ms);
    this.axis = axisOf(this.#firstMs, this.#lastMs, this.axis);
  }

  #rowOf(candidate: Candidate, open: number): Row {
    const strip = new Strip();
    for (const [stream, window, start_at, duration_ms, outcome] of candidate.windows) {
      this.#put(strip, { stream, window, start_at, duration_ms }, outcome);
    }
    return {
      id: candidate.id,
      name: candidate.name,
      externalId: candidate.external_id ?? null,
      state: stateOf(candidate.state),
      reason: candidate.reason ?? null,
      expectedVoices: candidate.expected_voices,
      lastOutcome: candidate.last_outcome ?? null,
      lastReason: candidate.last_reason ?? null,
      anomalies: candidate.anomalies,
      open,
      strip,
    };
  }

  #setRow(row: Row): void {
    const before = this.#rows.get(row.id);
    if (before) count(this.states, before.state, -1);
    count(this.states, row.state, 1);
    this.#rows.set(row.id, row);
  }

  #setItem(item: Item): void {
    const { id, state } = item.anomaly;
    const before = this.#items.get(id);
    if (before) count(this.reviews, before.anomaly.state, -1);
    count(this.reviews, state, 1);
    this.#items.set(id, item);
  }
}

/** Below 0 if `a` is the older one. Of one moment, the id decides, as it does on the server. */
function inTime(a: Anomaly, b: Anomaly): number {
  if (a.opened_at !== b.opened_at) return a.opened_at < b.opened_at ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function itemOf(anomaly: Anomaly, pending: Decision | null, fault: string | null): Item {
  return { anomaly, openedMs: Date.parse(anomaly.opened_at), pending, fault };
}

/** Somebody of whom no snapshot has told: one voice is expected of them until it is said otherwise. */
function blank(person: Person): Row {
  return {
    id: person.id,
    name: person.name,
    externalId: null,
    state: "joined",
    reason: null,
    expectedVoices: 1,
    lastOutcome: null,
    lastReason: null,
    anomalies: 0,
    open: 0,
    strip: new Strip(),
  };
}

function count<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
